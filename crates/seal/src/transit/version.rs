//! One version of a key: the secret that it is made of, and what works with it, made ready once.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::{
    HashAlgorithm, TransitKind,
    ecdsa::{self, Curve},
};
use crate::{
    Error, Result, SecureRandom,
    derive::derive_from,
    ed25519,
    format::{Format, FormatKey},
    labels,
    xaes::Xaes,
};

/// How often a secret is drawn that must not be just any bytes: a scalar of P-256 is refused once in 2^32.
const DRAWS: usize = 16;

pub(super) struct Version {
    pub(super) created_micros: i64,
    secret: Zeroizing<Vec<u8>>,
    pub(super) work: Work,
    macs: Macs,
}

/// What a version does besides making MACs.
pub(super) enum Work {
    Cipher(Xaes),
    /// The cipher of a context is made when it is named.
    Contexts,
    Ed25519(ed25519::SigningKey),
    Ecdsa(ecdsa::SigningKey),
    Format(FormatKey),
    Nothing,
}

impl Version {
    /// A fresh one.
    pub(super) fn generate(kind: TransitKind, created_micros: i64, rng: &dyn SecureRandom) -> Result<Self> {
        for _ in 0..DRAWS {
            let mut secret = Zeroizing::new(vec![0; kind.secret_len()]);
            rng.fill(&mut secret)?;
            match Self::new(kind, created_micros, secret) {
                Err(Error::Malformed(_)) => {}
                made => return made,
            }
        }
        Err(Error::Random)
    }

    /// [`Error::Malformed`] for a secret that cannot be one of this kind.
    pub(super) fn new(kind: TransitKind, created_micros: i64, secret: Zeroizing<Vec<u8>>) -> Result<Self> {
        let work = Work::new(kind, &secret)?;
        let macs = Macs::new(&secret);
        Ok(Self { created_micros, secret, work, macs })
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    pub(super) const fn mac_key(&self, hash: HashAlgorithm) -> &hmac::Key {
        match hash {
            HashAlgorithm::Sha256 => &self.macs.sha256,
            HashAlgorithm::Sha384 => &self.macs.sha384,
            HashAlgorithm::Sha512 => &self.macs.sha512,
        }
    }

    /// The cipher of one context: `HKDF[label, PAE(label, context)](secret)`.
    pub(super) fn cipher_of(&self, context: &[u8]) -> Result<Xaes> {
        let label = labels::TRANSIT_CONTEXT;
        Xaes::new(derive_from(&self.secret, label.as_bytes(), label, &[context]).bytes())
    }
}

impl Work {
    fn new(kind: TransitKind, secret: &[u8]) -> Result<Self> {
        Ok(match kind {
            TransitKind::Aes256Gcm { derived: false } => {
                let label = labels::TRANSIT;
                Self::Cipher(Xaes::new(derive_from(secret, label.as_bytes(), label, &[]).bytes())?)
            }
            TransitKind::Aes256Gcm { derived: true } => Self::Contexts,
            TransitKind::Ed25519 => {
                let seed = secret.try_into().map_err(|_| Error::Malformed("seed"))?;
                Self::Ed25519(ed25519::SigningKey::from_seed(seed)?)
            }
            TransitKind::EcdsaP256 => Self::Ecdsa(ecdsa::SigningKey::from_scalar(Curve::P256, secret)?),
            TransitKind::EcdsaP384 => Self::Ecdsa(ecdsa::SigningKey::from_scalar(Curve::P384, secret)?),
            TransitKind::Hmac => Self::Nothing,
            TransitKind::Format(format) => Self::Format(format_key(format, secret)?),
        })
    }
}

/// `HKDF[label, PAE(label, format, its parameters)](secret)`
fn format_key(format: Format, secret: &[u8]) -> Result<FormatKey> {
    let (name, parameters) = format.encode();
    let label = labels::TRANSIT_FORMAT;
    FormatKey::new(&derive_from(secret, label.as_bytes(), label, &[name.as_bytes(), &parameters]), format)
}

/// A key for each hash: no two functions share one.
struct Macs {
    sha256: hmac::Key,
    sha384: hmac::Key,
    sha512: hmac::Key,
}

impl Macs {
    /// `HKDF[label, PAE(label, hash)](secret)`
    fn new(secret: &[u8]) -> Self {
        let key = |hash: HashAlgorithm| {
            let label = labels::TRANSIT_HMAC;
            let key = derive_from(secret, label.as_bytes(), label, &[hash.name().as_bytes()]);
            hmac::Key::new(hash.hmac(), key.bytes())
        };
        Self {
            sha256: key(HashAlgorithm::Sha256),
            sha384: key(HashAlgorithm::Sha384),
            sha512: key(HashAlgorithm::Sha512),
        }
    }
}
