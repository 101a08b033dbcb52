//! The algorithms of signatures that are accepted: with public keys, and none else.

use core::fmt;

use aws_lc_rs::digest;

/// An algorithm of RFC 7518, 8037 or 9864. `none` and the shared secrets (`HS256` and so on) have no value
/// here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "these are the names of the registry, and there is no more to say of them here"
)]
pub enum Algorithm {
    Es256,
    Es384,
    /// Ed25519; also by its older name `EdDSA`, under which it is the only curve that is accepted.
    Ed25519,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
}

impl Algorithm {
    /// By the name in a header, whose case counts.
    pub(crate) fn read(name: &str) -> Option<Self> {
        Some(match name {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::Ed25519,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            _ => return None,
        })
    }

    /// The name; that of Ed25519 is the one that everybody knows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ed25519 => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// All names that are accepted, for metadata that says so.
    pub const NAMES: [&'static str; 10] =
        ["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

    /// What the library calls it.
    pub(crate) const fn of_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
            Self::Ed25519 => jsonwebtoken::Algorithm::EdDSA,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Rs384 => jsonwebtoken::Algorithm::RS384,
            Self::Rs512 => jsonwebtoken::Algorithm::RS512,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Ps384 => jsonwebtoken::Algorithm::PS384,
            Self::Ps512 => jsonwebtoken::Algorithm::PS512,
        }
    }

    /// The hash in it, by which an ID token names what came with it.
    pub(crate) fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Es256 | Self::Rs256 | Self::Ps256 => &digest::SHA256,
            Self::Es384 | Self::Rs384 | Self::Ps384 => &digest::SHA384,
            Self::Ed25519 | Self::Rs512 | Self::Ps512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_others_are() {
        for name in Algorithm::NAMES {
            let algorithm = Algorithm::read(name).expect(name);
            assert_eq!(algorithm.name(), if name == "Ed25519" { "EdDSA" } else { name });
        }
        for other in [
            "none", "None", "nOnE", "", "HS256", "HS384", "HS512", "es256", "ES512", "ES256K", "Ed448", "dir",
        ] {
            assert_eq!(Algorithm::read(other), None, "{other}");
        }
    }
}
