//! Signing and verifying: signatures by the pair of a version, and MACs, which every version makes.

use aws_lc_rs::{digest, hmac};
use data_encoding::{BASE64, BASE64URL_NOPAD, Encoding};

use super::{HashAlgorithm, TransitKey, text, version::Work};
use crate::{Error, Result};

const MAC: &str = "hmac";
const SIGNATURE: &str = "signature";
const NO_SIGNATURES: Error = Error::Parameters("this kind of key does not sign");

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Marshaling {
    /// The two numbers of ECDSA as DER, in base64: as in certificates. Clients mean it when they say nothing.
    #[default]
    Asn1,
    /// The two numbers at their full length one after the other, in base64url without padding: as in tokens
    /// (RFC 7518, section 3.4).
    Jws,
}

impl Marshaling {
    /// Of whatever is signed with: Ed25519 has one form of signature, but is asked for either text.
    fn encoding(self) -> Encoding {
        match self {
            Self::Asn1 => BASE64,
            Self::Jws => BASE64URL_NOPAD,
        }
    }
}

/// Which signature is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SignatureForm {
    /// What ECDSA hashes with. Ed25519 has a way of its own and does not look.
    pub hash: HashAlgorithm,
    /// How it is written.
    pub marshaling: Marshaling,
}

/// What is signed.
#[derive(Clone, Copy)]
pub enum SignedInput<'a> {
    /// The message itself.
    Message(&'a [u8]),
    /// Its digest, made elsewhere with the hash of the [`SignatureForm`]. For ECDSA only: Ed25519 hashes the
    /// message twice, and its variant for digests is not offered by the library.
    Digest(&'a [u8]),
}

/// Says how much is signed, not what.
impl core::fmt::Debug for SignedInput<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Message(message) => write!(f, "Message({} bytes)", message.len()),
            Self::Digest(digest) => write!(f, "Digest({} bytes)", digest.len()),
        }
    }
}

/// The public half of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    raw: Vec<u8>,
    der: Vec<u8>,
}

impl PublicKey {
    /// 32 bytes of Ed25519 (RFC 8032), which clients expect in base64; an uncompressed point of ECDSA.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// `SubjectPublicKeyInfo` as PEM (RFC 7468), which clients expect of ECDSA.
    pub fn to_pem(&self) -> String {
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        // Lines of 64 characters.
        for line in self.der.chunks(48) {
            BASE64.encode_append(line, &mut pem);
            pem.push('\n');
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        pem
    }
}

impl TransitKey {
    /// The MAC of `data` by the latest version, or by one from the minimum on. Any kind of key will do.
    pub fn hmac(&self, version: Option<u32>, hash: HashAlgorithm, data: &[u8]) -> Result<String> {
        let (number, version) = self.making(version)?;
        Ok(text::write(number, &BASE64, hmac::sign(version.mac_key(hash), data).as_ref()))
    }

    /// Whether [`hmac`](Self::hmac) made this of `data` with the same hash, in constant time. Errors as of
    /// [`decrypt`](Self::decrypt).
    pub fn verify_hmac(&self, hash: HashAlgorithm, data: &[u8], mac: &str) -> Result<()> {
        let (number, mac) = text::read(mac, &BASE64, MAC)?;
        hmac::verify(self.opening(number)?.mac_key(hash), data, &mac).map_err(|_| Error::Tampered)
    }

    /// Signs with the latest version, or with one from the minimum on. ECDSA draws the random number that a
    /// signature needs inside the library, mixed with the key and the digest.
    pub fn sign(&self, version: Option<u32>, form: SignatureForm, input: SignedInput<'_>) -> Result<String> {
        let (number, version) = self.making(version)?;
        let signature = match &version.work {
            Work::Ed25519(key) => key.sign(message(input)?)?.to_vec(),
            Work::Ecdsa(key) => key.sign(digest(form.hash, input)?.as_ref(), form.marshaling)?,
            _ => return Err(NO_SIGNATURES),
        };
        Ok(text::write(number, &form.marshaling.encoding(), &signature))
    }

    /// Whether a version of this key signed `input` in this form. Errors as of [`decrypt`](Self::decrypt).
    pub fn verify(&self, form: SignatureForm, input: SignedInput<'_>, signature: &str) -> Result<()> {
        let (number, signature) = text::read(signature, &form.marshaling.encoding(), SIGNATURE)?;
        match &self.opening(number)?.work {
            Work::Ed25519(key) => key.verify(message(input)?, &signature),
            Work::Ecdsa(key) => {
                key.public().verify(digest(form.hash, input)?.as_ref(), &signature, form.marshaling)
            }
            _ => Err(NO_SIGNATURES),
        }
    }

    /// What others verify the signatures of a version with.
    pub fn public_key(&self, version: u32) -> Result<PublicKey> {
        let (raw, der) = match &self.kept(version)?.work {
            Work::Ed25519(key) => (key.public().to_vec(), key.public_der()?),
            Work::Ecdsa(key) => (key.public().point().to_vec(), key.public().to_der()?),
            _ => return Err(Error::Parameters("this kind of key has no public half")),
        };
        Ok(PublicKey { raw, der: der.as_ref().to_vec() })
    }
}

fn message(input: SignedInput<'_>) -> Result<&[u8]> {
    match input {
        SignedInput::Message(message) => Ok(message),
        SignedInput::Digest(_) => {
            Err(Error::Parameters("ed25519 signs messages, not digests: send the message itself"))
        }
    }
}

fn digest(hash: HashAlgorithm, input: SignedInput<'_>) -> Result<digest::Digest> {
    match input {
        SignedInput::Message(message) => Ok(digest::digest(hash.digest(), message)),
        SignedInput::Digest(bytes) => digest::Digest::import_less_safe(bytes, hash.digest())
            .map_err(|_| Error::Parameters("the digest is not as long as those of its hash algorithm")),
    }
}

#[cfg(test)]
mod tests;
