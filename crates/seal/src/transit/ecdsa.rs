//! ECDSA (FIPS 186-5, section 6) over P-256 and P-384, with any of the hash algorithms.
//!
//! ```text
//! e = the leftmost bits of the digest, as many as the order of the curve has, as a number
//! ```
//! The library signs digests of one hash for each curve, SHA-256 or SHA-384, and takes care of the secret
//! number that every signature needs. A longer digest is cut to that length and a shorter one led by zeros:
//! by the line above that is the same `e`, and nothing else about a digest goes into a signature.

use aws_lc_rs::{
    digest::{self, Digest},
    encoding::{AsDer as _, PublicKeyX509Der},
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED,
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        EcdsaVerificationAlgorithm, KeyPair as _, ParsedPublicKey,
    },
};
use zeroize::Zeroizing;

use super::Marshaling;
use crate::{Error, Result};

/// A curve of prime order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// Bytes in a scalar, which are those of the order.
    pub(super) const fn scalar_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// The hash whose digests are as long as a scalar.
    fn hash(self) -> &'static digest::Algorithm {
        match self {
            Self::P256 => &digest::SHA256,
            Self::P384 => &digest::SHA384,
        }
    }

    const fn signing(self, marshaling: Marshaling) -> &'static EcdsaSigningAlgorithm {
        match (self, marshaling) {
            (Self::P256, Marshaling::Asn1) => &ECDSA_P256_SHA256_ASN1_SIGNING,
            (Self::P256, Marshaling::Jws) => &ECDSA_P256_SHA256_FIXED_SIGNING,
            (Self::P384, Marshaling::Asn1) => &ECDSA_P384_SHA384_ASN1_SIGNING,
            (Self::P384, Marshaling::Jws) => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    const fn verification(self, marshaling: Marshaling) -> &'static EcdsaVerificationAlgorithm {
        match (self, marshaling) {
            (Self::P256, Marshaling::Asn1) => &ECDSA_P256_SHA256_ASN1,
            (Self::P256, Marshaling::Jws) => &ECDSA_P256_SHA256_FIXED,
            (Self::P384, Marshaling::Asn1) => &ECDSA_P384_SHA384_ASN1,
            (Self::P384, Marshaling::Jws) => &ECDSA_P384_SHA384_FIXED,
        }
    }

    /// `ECPrivateKey` (RFC 5915) up to its scalar, with nothing that can be left out: a sequence of version 1
    /// and an octet string. The library computes the point.
    const fn private_key_head(self) -> [u8; PRIVATE_KEY_HEAD] {
        match self {
            Self::P256 => [0x30, 3 + 2 + 32, 0x02, 1, 1, 0x04, 32],
            Self::P384 => [0x30, 3 + 2 + 48, 0x02, 1, 1, 0x04, 48],
        }
    }

    /// A digest whose number is `e`.
    fn fit(self, digest: &[u8]) -> Result<Digest> {
        let len = self.scalar_len();
        let kept = digest.get(..len).unwrap_or(digest);
        let mut fitted = vec![0; len];
        fitted.split_at_mut(len - kept.len()).1.copy_from_slice(kept);
        Digest::import_less_safe(&fitted, self.hash()).map_err(|_| Error::Provider)
    }
}

const PRIVATE_KEY_HEAD: usize = 7;

/// A private key made ready, with its public key. The library holds one for each form of signature.
pub(super) struct SigningKey {
    asn1: EcdsaKeyPair,
    jws: EcdsaKeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    /// The key whose scalar this is, big-endian. [`Error::Malformed`] if it is 0, or not below the order.
    pub(super) fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self> {
        if scalar.len() != curve.scalar_len() {
            return Err(Error::Malformed("scalar"));
        }
        let mut der = Zeroizing::new(Vec::with_capacity(PRIVATE_KEY_HEAD + scalar.len()));
        der.extend_from_slice(&curve.private_key_head());
        der.extend_from_slice(scalar);
        let pair = |marshaling| {
            EcdsaKeyPair::from_private_key_der(curve.signing(marshaling), &der)
                .map_err(|_| Error::Malformed("scalar"))
        };
        let (asn1, jws) = (pair(Marshaling::Asn1)?, pair(Marshaling::Jws)?);
        Ok(Self { public: VerifyingKey::parse(curve, asn1.public_key().as_ref())?, asn1, jws })
    }

    /// Signs a message by its digest.
    pub(super) fn sign(&self, digest: &[u8], marshaling: Marshaling) -> Result<Vec<u8>> {
        let pair = match marshaling {
            Marshaling::Asn1 => &self.asn1,
            Marshaling::Jws => &self.jws,
        };
        let signature = pair.sign_digest(&self.public.curve.fit(digest)?).map_err(|_| Error::Provider)?;
        Ok(signature.as_ref().to_vec())
    }

    pub(super) const fn public(&self) -> &VerifyingKey {
        &self.public
    }
}

/// A public key made ready: a point of the curve.
pub(super) struct VerifyingKey {
    curve: Curve,
    asn1: ParsedPublicKey,
    jws: ParsedPublicKey,
}

impl VerifyingKey {
    fn parse(curve: Curve, point: &[u8]) -> Result<Self> {
        let parse = |marshaling| {
            ParsedPublicKey::new(curve.verification(marshaling), point)
                .map_err(|_| Error::Malformed("public key"))
        };
        Ok(Self { curve, asn1: parse(Marshaling::Asn1)?, jws: parse(Marshaling::Jws)? })
    }

    /// Whether `signature` is this key's on the message with this digest; [`Error::Tampered`] if not.
    pub(super) fn verify(&self, digest: &[u8], signature: &[u8], marshaling: Marshaling) -> Result<()> {
        let key = match marshaling {
            Marshaling::Asn1 => &self.asn1,
            Marshaling::Jws => &self.jws,
        };
        key.verify_digest_sig(&self.curve.fit(digest)?, signature).map_err(|_| Error::Tampered)
    }

    /// The uncompressed point (SEC 1, section 2.3.3).
    pub(super) fn point(&self) -> &[u8] {
        self.asn1.as_ref()
    }

    /// As a `SubjectPublicKeyInfo` (RFC 5480).
    pub(super) fn to_der(&self) -> Result<PublicKeyX509Der<'static>> {
        self.asn1.as_der().map_err(|_| Error::Provider)
    }
}

#[cfg(test)]
mod tests;
