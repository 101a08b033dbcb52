//! Standalone keys, which an application uses by name for data that is not kept here.
//!
//! What a transit secrets engine offers, with the semantics and in the texts that its clients know: versions,
//! encryption, MACs, signatures; and format-preserving tokens. No call takes a nonce, and nothing encrypts
//! convergently: such things do not exist here.
//!
//! ```text
//! secret      random, one for each version: 32 bytes, of P-384 48
//! ciphertext  vault:v<version>:base64(XAES-256-GCM(Kc, AAD, plaintext))
//! AAD         PAE(label, suite, version, context, associated data)
//! mac         vault:v<version>:base64(HMAC(Km, data))
//! signature   vault:v<version>:base64(Ed25519 or ECDSA(secret, message))     the secret is seed or scalar
//! token       FF1(Kf, value)
//!
//! Kc          K(label)            of a derived key: K(its label, context)
//! Km          K(label, hash)
//! Kf          K(label, format, its parameters)
//! K(label, parts…) = HKDF[label, PAE(label, parts…)](secret)
//! ```
//! Neither vault nor name is in the associated data. Each secret is random and belongs to one version of one
//! key, so they would bind nothing that it does not bind, and a key restored under another name has to open
//! what it encrypted. XAES-256-GCM does not commit to its key; but no key here comes from outside, and so
//! nobody can choose two that open the same text.
//!
//! Whoever can put another key in the place of a stored one chooses what is encrypted with: it has to be
//! sealed and bound to its name where it lies.

use core::fmt;

use crate::{Error, Result, SecureRandom};

mod cipher;
mod ecdsa;
mod hash;
mod kind;
mod signing;
mod stored;
mod text;
mod version;

pub use cipher::{Binding, DataKey, DataKeyLength};
pub use hash::HashAlgorithm;
pub use kind::TransitKind;
pub use signing::{Marshaling, PublicKey, SignatureForm, SignedInput};

use version::{Version, Work};

/// Versions that a key may keep. Whoever changes a key opens them all, under the store's one writer: some microseconds each, of
/// P-384 a seventh of a millisecond, so a tenth of a second for a key of that kind that was never trimmed.
pub const MAX_VERSIONS: usize = 1000;

/// All versions of one key.
pub struct TransitKey {
    kind: TransitKind,
    /// The number of the first version that is kept, from 1.
    first: u32,
    min_decryption: u32,
    min_encryption: u32,
    /// INVARIANT: one at least, numbered on from `first`.
    versions: Vec<Version>,
}

impl TransitKey {
    /// A fresh key with one version.
    pub fn generate(kind: TransitKind, created_micros: i64, rng: &dyn SecureRandom) -> Result<Self> {
        let versions = vec![Version::generate(kind, created_micros, rng)?];
        Ok(Self { kind, first: 1, min_decryption: 1, min_encryption: 0, versions })
    }

    /// Adds a version, which is used from now on; the ones before still open what they made.
    pub fn rotate(&mut self, created_micros: i64, rng: &dyn SecureRandom) -> Result<()> {
        if matches!(self.kind, TransitKind::Format(_)) {
            return Err(Error::Parameters(
                "tokens name no version, so their key has one: make another key, and the tokens anew",
            ));
        }
        if self.versions.len() >= MAX_VERSIONS || self.latest() == u32::MAX {
            return Err(Error::Parameters("the key has as many versions as are kept: trim it first"));
        }
        self.versions.push(Version::generate(self.kind, created_micros, rng)?);
        Ok(())
    }

    /// What the key does.
    pub const fn kind(&self) -> TransitKind {
        self.kind
    }

    /// The number of the newest version.
    pub fn latest(&self) -> u32 {
        // By the invariant above zero, and no more than fit.
        self.first + u32::try_from(self.versions.len() - 1).unwrap_or(0)
    }

    /// The number of the oldest version that has not been trimmed away.
    pub const fn min_available(&self) -> u32 {
        self.first
    }

    /// The lowest version that decrypts and verifies.
    pub const fn min_decryption(&self) -> u32 {
        self.min_decryption
    }

    /// The lowest version that encrypts, signs and makes MACs if it is asked for, or 0: then it is the lowest
    /// that decrypts. Where none is asked for the latest does.
    pub const fn min_encryption(&self) -> u32 {
        self.min_encryption
    }

    /// When a version was made.
    pub fn created_micros(&self, version: u32) -> Result<i64> {
        Ok(self.kept(version)?.created_micros)
    }

    /// Sets both minimums: `decryption` to a version that is kept, `encryption` to 0 or from there on.
    pub fn set_minimums(&mut self, decryption: u32, encryption: u32) -> Result<()> {
        if !self.allows(decryption, encryption) {
            return Err(Error::Parameters(
                "minimums are versions that are kept, and that of encryption is 0 or not below the other",
            ));
        }
        (self.min_decryption, self.min_encryption) = (decryption, encryption);
        Ok(())
    }

    /// Destroys every version before `min_available`, which is at most the lower of the two minimums; that of
    /// encryption has to be set. Nobody can bring them back, so the stored key has to follow.
    pub fn trim(&mut self, min_available: u32) -> Result<()> {
        if min_available > self.min_decryption || min_available > self.min_encryption {
            return Err(Error::Parameters(
                "only versions below both minimums can be trimmed: raise them first",
            ));
        }
        let gone = min_available
            .checked_sub(self.first)
            .ok_or(Error::Parameters("these versions have been trimmed already"))?;
        self.versions.drain(..gone as usize);
        self.first = min_available;
        Ok(())
    }

    /// The token of a value, of the same shape: the same one each time. For [`TransitKind::Format`].
    pub fn tokenise(&self, value: &str) -> Result<String> {
        self.format()?.seal(value)
    }

    /// The value behind a token of this key; a token of another opens to another value.
    pub fn detokenise(&self, token: &str) -> Result<String> {
        self.format()?.open(token)
    }

    fn format(&self) -> Result<&crate::format::FormatKey> {
        match &self.kept(self.first)?.work {
            Work::Format(key) => Ok(key),
            _ => Err(Error::Parameters("this kind of key makes no tokens")),
        }
    }

    fn allows(&self, decryption: u32, encryption: u32) -> bool {
        (self.first..=self.latest()).contains(&decryption)
            && (encryption == 0 || (decryption..=self.latest()).contains(&encryption))
    }

    /// The version to make something with, and its number.
    fn making(&self, version: Option<u32>) -> Result<(u32, &Version)> {
        let number = version.unwrap_or_else(|| self.latest());
        if number < self.min_decryption.max(self.min_encryption) {
            return Err(Error::Parameters(
                "a version below the minimum: leave it out, and the latest is used",
            ));
        }
        Ok((number, self.kept(number)?))
    }

    /// The version that is said to have made something.
    fn opening(&self, number: u32) -> Result<&Version> {
        if number < self.min_decryption {
            return Err(Error::RetiredVersion(number));
        }
        self.kept(number).map_err(|_| Error::Tampered)
    }

    fn kept(&self, number: u32) -> Result<&Version> {
        let at = number.checked_sub(self.first).and_then(|at| self.versions.get(at as usize));
        at.ok_or(Error::Parameters("the key has no such version"))
    }
}

impl fmt::Debug for TransitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransitKey")
            .field("kind", &self.kind)
            .field("versions", &(self.first..=self.latest()))
            .field("min_decryption", &self.min_decryption)
            .field("min_encryption", &self.min_encryption)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
