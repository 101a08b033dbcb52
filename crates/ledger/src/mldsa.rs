//! ML-DSA-44 (FIPS 204), pure, with no context: signing with a seed, and verifying.
//!
//! Any 1,312 bytes are a public key, and each key has one spelling. One of them is refused: with a `t1` of nothing but
//! zeros, which is also what memory that nobody filled looks like, everybody can make signatures. Signing draws a random
//! number inside the library, so the same message is signed differently each time; all of it is good.

use aws_lc_rs::signature::{KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING, ParsedPublicKey, PqdsaKeyPair};

use crate::ed25519::SIGNATURE;
use crate::{Error, Result};

/// Bytes in a public key.
pub(crate) const PUBLIC_LEN: usize = 1_312;
/// Bytes in a seed, which is all there is to a private key.
pub(crate) const SEED_LEN: usize = 32;
/// Bytes in a signature.
pub(crate) const SIGNATURE_LEN: usize = 2_420;

/// Of these is the seed of the matrix; what is signed with is in the rest.
const RHO_LEN: usize = 32;

const MALFORMED: Error = Error::Malformed("ml-dsa-44 public key");

/// A private key made ready. Its public key is asked for as bytes.
pub(crate) struct SigningKey(PqdsaKeyPair);

impl SigningKey {
    pub(crate) fn from_seed(seed: &[u8; SEED_LEN]) -> Result<Self> {
        PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, seed).map(Self).map_err(|_| Error::Provider)
    }

    /// A signature of this key on `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; SIGNATURE_LEN];
        let written = self.0.sign(message, &mut signature).map_err(|_| Error::Provider)?;
        if written == SIGNATURE_LEN { Ok(signature) } else { Err(Error::Provider) }
    }

    pub(crate) fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }
}

/// A public key made ready.
#[derive(Clone)]
pub(crate) struct VerifyingKey(ParsedPublicKey);

impl VerifyingKey {
    /// Takes a public key that is worth something. The library would read one in DER as well.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let worthless = bytes.iter().skip(RHO_LEN).all(|byte| *byte == 0);
        if bytes.len() != PUBLIC_LEN || worthless {
            return Err(MALFORMED);
        }
        ParsedPublicKey::new(&ML_DSA_44, bytes).map(Self).map_err(|_| MALFORMED)
    }

    /// Whether `signature` is this key's on `message`; [`Error::Forged`] if not.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        if signature.len() != SIGNATURE_LEN {
            return Err(SIGNATURE);
        }
        self.0.verify_sig(message, signature).map_err(|_| SIGNATURE)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests;
