//! The hash algorithms that MACs and ECDSA signatures are made with, under the names that clients send.

use aws_lc_rs::{digest, hmac};

use crate::{Error, Result};

/// Of the SHA-2 family (FIPS 180-4). SHA-1 and SHA-224 are not offered: nothing new should be made with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HashAlgorithm {
    /// `sha2-256`, which clients mean when they say nothing.
    #[default]
    Sha256,
    /// `sha2-384`
    Sha384,
    /// `sha2-512`
    Sha512,
}

impl HashAlgorithm {
    pub(super) const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        known.ok_or(Error::Malformed("hash algorithm: it is sha2-256, sha2-384 or sha2-512"))
    }

    /// As clients write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha2-256",
            Self::Sha384 => "sha2-384",
            Self::Sha512 => "sha2-512",
        }
    }

    /// The digest of `data`, which takes no key.
    pub fn hash(self, data: &[u8]) -> Vec<u8> {
        digest::digest(self.digest(), data).as_ref().to_vec()
    }

    pub(super) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    pub(super) const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}
