//! Ed25519 (RFC 8032): signing with a seed, and verifying strictly.
//!
//! The library compares `R` with `s·B - h·A` byte for byte and wants `s` below the order of the group, so a
//! signature cannot be bent into another of the same message. What it does take, and is refused here, are
//! public keys of small order, under which anybody can make a signature that is good for many messages. So
//! are public keys in a spelling that RFC 8032, section 5.1.3, does not allow, whichever of its
//! implementations the library has chosen. [`VerifyingKey::parse`] sees to both, and there is no other way
//! to a public key.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};

use crate::{Error, Result};

/// Bytes in a public key.
pub(crate) const PUBLIC_LEN: usize = 32;
/// Bytes in a seed, which is all there is to a private key.
pub(crate) const SEED_LEN: usize = 32;
/// Bytes in a signature.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// What is said of a signature that is not right, whatever it was made with.
pub(crate) const SIGNATURE: Error = Error::Forged("a signature");

/// A private key made ready, with its public key.
pub(crate) struct SigningKey {
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    pub(crate) fn from_seed(seed: &[u8; SEED_LEN]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Provider)?;
        let public = *pair.public_key().as_ref().first_chunk().ok_or(Error::Provider)?;
        Ok(Self { public: VerifyingKey::parse(public)?, pair })
    }

    /// The one signature of this key on `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LEN]> {
        let signature = self.pair.try_sign(message).map_err(|_| Error::Provider)?;
        signature.as_ref().try_into().map_err(|_| Error::Provider)
    }

    pub(crate) const fn public(&self) -> &VerifyingKey {
        &self.public
    }
}

/// A public key made ready.
#[derive(Clone)]
pub(crate) struct VerifyingKey {
    bytes: [u8; PUBLIC_LEN],
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// Takes a public key that has the one spelling and is worth something.
    pub(crate) fn parse(bytes: [u8; PUBLIC_LEN]) -> Result<Self> {
        if !is_canonical(&bytes) || is_of_small_order(&bytes) {
            return Err(Error::Malformed("ed25519 public key"));
        }
        let parsed =
            ParsedPublicKey::new(&ED25519, bytes).map_err(|_| Error::Malformed("ed25519 public key"))?;
        Ok(Self { bytes, parsed })
    }

    /// Whether `signature` is this key's on `message`; [`Error::Forged`] if not.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        self.parsed.verify_sig(message, signature).map_err(|_| SIGNATURE)
    }

    pub(crate) const fn bytes(&self) -> &[u8; PUBLIC_LEN] {
        &self.bytes
    }
}

/// The bit that chooses between the two points of one `y`.
const SIGN: u8 = 0x80;

/// The bytes of `y`, little-endian, without the sign.
fn without_sign(bytes: &[u8; PUBLIC_LEN]) -> [u8; PUBLIC_LEN] {
    let mut y = *bytes;
    let [.., last] = &mut y;
    *last &= !SIGN;
    y
}

/// Whether `y` is below the prime of the field, `2^255 - 19`.
fn is_canonical(bytes: &[u8; PUBLIC_LEN]) -> bool {
    let [first, between @ .., last] = without_sign(bytes);
    first < 0xed || last != 0x7f || between.iter().any(|byte| *byte != 0xff)
}

/// Whether the point has an order of 1, 2, 4 or 8: there are eight, with five `y` between them.
fn is_of_small_order(bytes: &[u8; PUBLIC_LEN]) -> bool {
    SMALL_ORDER.contains(&without_sign(bytes))
}

/// `y` of the points whose order divides 8: 0 (order 4), 1 (order 1), -1 (order 2), and the two of order 8.
const SMALL_ORDER: [[u8; PUBLIC_LEN]; 5] = [
    [0; PUBLIC_LEN],
    {
        let mut one = [0; PUBLIC_LEN];
        let [first, ..] = &mut one;
        *first = 1;
        one
    },
    {
        let mut minus_one = [0xff; PUBLIC_LEN];
        let [first, .., last] = &mut minus_one;
        (*first, *last) = (0xec, 0x7f);
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

#[cfg(test)]
mod tests;
