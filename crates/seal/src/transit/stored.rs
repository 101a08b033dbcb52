//! How a key is kept, for the caller to seal.
//!
//! ```text
//! 0x01 || kind u8 || parameters[4] || first u32 || latest u32 || min decryption u32 || min encryption u32
//!      || (created i64 || secret)…
//! ```
//! Numbers are little-endian, times microseconds since 1970 in UTC. The entries are those of the versions
//! from `first` to `latest`, so that none can be out of order, and as long as the kind says. One key has one
//! encoding.

use zeroize::Zeroizing;

use super::{MAX_VERSIONS, TransitKey, TransitKind, version::Version};
use crate::{Error, Result, bytes::take};

const FORMAT: u8 = 0x01;
const HEAD_LEN: usize = 1 + 1 + 4 + 4 * 4;
const TIME_LEN: usize = 8;

impl TransitKey {
    /// The whole key with its secrets, to be sealed before it is stored.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (kind, parameters) = self.kind.encode();
        let entries = self.versions.len() * (TIME_LEN + self.kind.secret_len());
        let mut plain = Zeroizing::new(Vec::with_capacity(HEAD_LEN + entries));
        plain.extend_from_slice(&[FORMAT, kind]);
        plain.extend_from_slice(&parameters);
        for number in [self.first, self.latest(), self.min_decryption, self.min_encryption] {
            plain.extend_from_slice(&number.to_le_bytes());
        }
        for version in &self.versions {
            plain.extend_from_slice(&version.created_micros.to_le_bytes());
            plain.extend_from_slice(version.secret());
        }
        plain
    }

    /// Reads what [`encode`](Self::encode) writes and nothing else, and makes every version ready. That
    /// takes microseconds for each, of P-384 a seventh of a millisecond: keep the key, and share it between
    /// threads.
    pub fn decode(plain: &[u8]) -> Result<Self> {
        read(plain).ok_or(Error::Malformed("transit key"))
    }
}

fn read(mut plain: &[u8]) -> Option<TransitKey> {
    let input = &mut plain;
    let [format, kind] = *take(input)?;
    if format != FORMAT {
        return None;
    }
    let kind = TransitKind::decode(kind, *take(input)?)?;
    let mut number = || Some(u32::from_le_bytes(*take(input)?));
    let (first, latest, min_decryption, min_encryption) = (number()?, number()?, number()?, number()?);
    let count = usize::try_from(latest.checked_sub(first)?).ok()?.checked_add(1)?;
    if first == 0 || count > MAX_VERSIONS || (matches!(kind, TransitKind::Format(_)) && latest > 1) {
        return None;
    }
    let mut key =
        TransitKey { kind, first, min_decryption, min_encryption, versions: Vec::with_capacity(count) };
    for _ in 0..count {
        let created_micros = i64::from_le_bytes(*take(input)?);
        let (secret, rest) = input.split_at_checked(kind.secret_len())?;
        *input = rest;
        key.versions.push(Version::new(kind, created_micros, Zeroizing::new(secret.to_vec())).ok()?);
    }
    (input.is_empty() && key.allows(min_decryption, min_encryption)).then_some(key)
}

#[cfg(test)]
mod tests;
