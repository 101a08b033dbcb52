//! Keys that verify notes, as they are handed about.
//!
//! ```text
//! key id         = first 4 bytes of SHA-256(name || 0a || type || public key)
//! verifier key   = name+hex(key id)+base64(type || public key)
//! type 01        Ed25519 over the text                                      c2sp.org/signed-note
//! type 04        u64 time || Ed25519 over time and text                     c2sp.org/tlog-cosignature
//! type 06        u64 time || ML-DSA-44 over name, time, origin, size, root  c2sp.org/tlog-cosignature
//! ```
//! A key id is short: it finds a key, and says nothing about who made it.

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER};

use super::Line;
use super::message::{self, MAX_NAME};
use crate::text::read_base64;
use crate::{Error, Result, ed25519, mldsa};

pub(super) const ID_LEN: usize = 4;

/// Twice what the longest key with the longest useful name takes.
const MAX_KEY: usize = 4_096;
const MALFORMED: Error = Error::Malformed("verifier key of a note");

/// What a key signs, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Ed25519 over the text of any note.
    Ed25519,
    /// Ed25519 over a time and the text of a checkpoint.
    Cosignature,
    /// ML-DSA-44 over a time and what a checkpoint says.
    MlDsa44,
}

impl KeyType {
    /// The byte that is written for it.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
            Self::MlDsa44 => 0x06,
        }
    }
}

/// A public key with the name that it goes by and the one thing that it is for.
///
/// Whoever can change the verifier keys that we hold can make us believe any log.
#[derive(Clone)]
pub struct VerifierKey {
    name: Box<str>,
    id: [u8; ID_LEN],
    public: Public,
}

#[derive(Clone)]
enum Public {
    Ed25519(ed25519::VerifyingKey),
    Cosignature(ed25519::VerifyingKey),
    MlDsa44(mldsa::VerifyingKey),
}

impl VerifierKey {
    /// Reads a verifier key. One whose key id does not fit is refused, and so is a public key under which anybody could
    /// sign.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self> {
        let (name, id, key) = read(text).ok_or(MALFORMED)?;
        let (kind, public) = key.split_first().ok_or(MALFORMED)?;
        let kind = [KeyType::Ed25519, KeyType::Cosignature, KeyType::MlDsa44]
            .into_iter()
            .find(|known| known.byte() == *kind)
            .ok_or(MALFORMED)?;
        if id != key_id(name, kind, public) {
            return Err(MALFORMED);
        }
        Self::new(name, kind, public).map_err(|error| match error {
            Error::Parameters(_) => MALFORMED,
            other => other,
        })
    }

    /// A key under a name of our choice.
    pub(super) fn new(name: &str, kind: KeyType, public: &[u8]) -> Result<Self> {
        if !is_name(name) {
            return Err(Error::Parameters(
                "the name of a note's key is not empty and has neither spaces nor plus signs",
            ));
        }
        if kind == KeyType::MlDsa44 && name.len() > MAX_NAME {
            return Err(Error::Parameters("a name over 255 bytes cannot be signed with ML-DSA"));
        }
        let id = key_id(name, kind, public);
        let ed25519 = || public.try_into().map_err(|_| MALFORMED).and_then(ed25519::VerifyingKey::parse);
        let public = match kind {
            KeyType::Ed25519 => Public::Ed25519(ed25519()?),
            KeyType::Cosignature => Public::Cosignature(ed25519()?),
            KeyType::MlDsa44 => Public::MlDsa44(mldsa::VerifyingKey::parse(public)?),
        };
        Ok(Self { name: name.into(), id, public })
    }

    /// The name of the key; that of a log's key is the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn id(&self) -> [u8; ID_LEN] {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyType {
        match self.public {
            Public::Ed25519(_) => KeyType::Ed25519,
            Public::Cosignature(_) => KeyType::Cosignature,
            Public::MlDsa44(_) => KeyType::MlDsa44,
        }
    }

    /// The bytes of the public key. Two keys that have the same are one key under two names.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        match &self.public {
            Public::Ed25519(key) | Public::Cosignature(key) => key.bytes(),
            Public::MlDsa44(key) => key.bytes(),
        }
    }

    /// Whether a line, which is this key's by name and id, is its signature on the text; the time that it gives, if it
    /// gives one.
    pub(super) fn verify(&self, text: &str, line: &Line<'_>) -> Result<Option<u64>> {
        let (time, signature) = match self.public {
            Public::Ed25519(_) => (0, line.signature.as_slice()),
            Public::Cosignature(_) | Public::MlDsa44(_) => message::split_time(&line.signature)?,
        };
        match &self.public {
            Public::Ed25519(key) => key.verify(text.as_bytes(), signature)?,
            Public::Cosignature(key) => key.verify(message::of_text(time, text)?.as_bytes(), signature)?,
            Public::MlDsa44(key) => {
                key.verify(&message::of_checkpoint(&self.name, time, text)?, signature)?
            }
        }
        // Nothing is said about the time where it is zero.
        Ok((time != 0).then_some(time))
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind() == other.kind() && self.public() == other.public()
    }
}

impl Eq for VerifierKey {}

/// What [`parse`](VerifierKey::parse) reads.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind().byte()], self.public()].concat();
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({}+{}, {:?})", self.name, HEXLOWER.encode(&self.id), self.kind())
    }
}

fn read(text: &str) -> Option<(&str, [u8; ID_LEN], Vec<u8>)> {
    if text.len() > MAX_KEY {
        return None;
    }
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    Some((name, HEXLOWER.decode(id.as_bytes()).ok()?.try_into().ok()?, read_base64(key)?))
}

fn key_id(name: &str, kind: KeyType, public: &[u8]) -> [u8; ID_LEN] {
    let mut hash = digest::Context::new(&digest::SHA256);
    [name.as_bytes(), b"\n", &[kind.byte()], public].into_iter().for_each(|part| hash.update(part));
    hash.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

/// Whether a key may go by this name.
pub(super) fn is_name(text: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c == '+' || c < ' ';
    !text.is_empty() && !text.contains(forbidden)
}
