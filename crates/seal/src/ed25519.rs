//! Ed25519 (RFC 8032) with a seed of our own: signing, verifying what was signed, showing the public key.
//!
//! There is no way to take a public key from elsewhere, and none is wanted: what is derived from a seed has the one
//! spelling, and is never of small order. The library compares `R` with `s·B - h·A` byte for byte and wants `s` below
//! the order of the group, so a signature cannot be bent into another of the same message.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey},
};

use crate::{Error, Result};

/// Bytes in a seed, which is all there is to a private key.
pub(crate) const SEED_LEN: usize = 32;
/// Bytes in a signature.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// A private key made ready, with its public key.
pub(crate) struct SigningKey {
    pair: Ed25519KeyPair,
    public: ParsedPublicKey,
}

impl SigningKey {
    pub(crate) fn from_seed(seed: &[u8; SEED_LEN]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Provider)?;
        let public =
            ParsedPublicKey::new(&ED25519, pair.public_key().as_ref()).map_err(|_| Error::Provider)?;
        Ok(Self { pair, public })
    }

    /// The one signature of this key on `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LEN]> {
        let signature = self.pair.try_sign(message).map_err(|_| Error::Provider)?;
        signature.as_ref().try_into().map_err(|_| Error::Provider)
    }

    /// Whether `signature` is this key's on `message`; [`Error::Tampered`] if not.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        self.public.verify_sig(message, signature).map_err(|_| Error::Tampered)
    }

    /// The 32 bytes of the public key.
    pub(crate) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The public key as a `SubjectPublicKeyInfo` (RFC 8410).
    pub(crate) fn public_der(&self) -> Result<PublicKeyX509Der<'static>> {
        self.public.as_der().map_err(|_| Error::Provider)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer as _;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_other_implementation(seed: [u8; 32], message in vec(any::<u8>(), 0..200)) {
            let ours = SigningKey::from_seed(&seed).unwrap();
            let theirs = ed25519_dalek::SigningKey::from_bytes(&seed);
            prop_assert_eq!(ours.public(), theirs.verifying_key().to_bytes());
            let signature = ours.sign(&message).unwrap();
            prop_assert_eq!(signature, theirs.sign(&message).to_bytes());
            prop_assert_eq!(ours.verify(&message, &signature), Ok(()));
        }

        #[test]
        fn a_flipped_bit_is_refused(
            seed: [u8; 32],
            message in vec(any::<u8>(), 1..50),
            bit: prop::sample::Index,
        ) {
            let key = SigningKey::from_seed(&seed).unwrap();
            let signature = key.sign(&message).unwrap();
            let (mut altered, bit) = (signature, bit.index(SIGNATURE_LEN * 8));
            altered[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key.verify(&message, &altered), Err(Error::Tampered));
            prop_assert_eq!(key.verify(&message, &signature[..63]), Err(Error::Tampered));
            let mut other = message.clone();
            other[0] ^= 1;
            prop_assert_eq!(key.verify(&other, &signature), Err(Error::Tampered));
        }
    }
}
