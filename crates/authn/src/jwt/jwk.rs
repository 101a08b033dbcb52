//! Public keys as JSON (RFC 7517, 7518 and 8037).
//!
//! Taken are P-256, P-384, Ed25519, and RSA of 2048 bits to 8192. Strict: every number in its one length and
//! spelling, a point on its curve, an exponent that is one. A key that brings its private half, or is a
//! shared secret, is refused with a word of its own: it has gone where it must not be, and has to be
//! replaced.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, VerificationAlgorithm,
};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{DecodingKey, crypto::aws_lc};

use super::{Algorithm, Error, Result, json::Object, thumbprint::Thumbprint};

mod ed25519;
mod set;

pub use set::{KeySet, MOST_KEYS, MOST_SET};

/// Bytes of one key.
const MOST_KEY: usize = 16 << 10;

/// A public key, and what it may be used for.
#[derive(Clone)]
pub struct PublicKey {
    id: Option<String>,
    kind: Kind,
    only: Option<Algorithm>,
    key: DecodingKey,
    required: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa,
}

impl PublicKey {
    /// Reads a key that somebody registers.
    ///
    /// # Errors
    /// [`Error::PrivateKey`], [`Error::Key`] for one that is not taken, [`Error::Malformed`] and the like for
    /// what is none.
    pub fn parse(json: &[u8]) -> Result<Self> {
        Self::read(&Object::read(json, "key", MOST_KEY)?)
    }

    pub(crate) fn read(members: &Object) -> Result<Self> {
        if PRIVATE.iter().any(|name| members.has(name)) {
            return Err(Error::PrivateKey);
        }
        if members.text("use", 32)?.is_some_and(|purpose| purpose != "sig") {
            return Err(Error::Key("its `use` is not `sig`"));
        }
        if members.texts("key_ops", 8, 32)?.is_some_and(|operations| !operations.contains(&"verify")) {
            return Err(Error::Key("its `key_ops` are without `verify`"));
        }
        let (kind, key, required) = material(members)?;
        let only = match members.text("alg", 32)? {
            None => None,
            Some(name) => {
                Some(Algorithm::read(name).ok_or(Error::Key("its `alg` is none that is accepted here"))?)
            }
        };
        if only.is_some_and(|only| !kind.is_for(only)) {
            return Err(Error::Key("its `alg` is not one of its `kty` and `crv`"));
        }
        Ok(Self { id: members.text("kid", 256)?.map(str::to_owned), kind, only, key, required })
    }

    /// What it is called, if it is called anything.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Its thumbprint (RFC 7638) under SHA-256: one for a key, however it was written and whatever it is
    /// called.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(self.required.as_bytes())
    }

    /// The key and nothing beside it, as JSON: what its thumbprint is of.
    #[must_use]
    pub fn required_members(&self) -> &str {
        &self.required
    }

    /// The key, its name, and the one algorithm that it is for, if it is for one only.
    fn members(&self) -> serde_json::Value {
        let mut members: serde_json::Value = serde_json::from_str(&self.required).unwrap_or_default();
        let beside = [("kid", self.id.as_deref()), ("alg", self.only.map(Algorithm::name))];
        if let Some(members) = members.as_object_mut() {
            for (name, value) in beside.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                members.insert(name.to_owned(), value.into());
            }
        }
        members
    }

    /// Whether it may have signed by this algorithm.
    #[must_use]
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        self.kind.is_for(algorithm) && self.only.is_none_or(|only| only == algorithm)
    }

    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &Vec<u8>) -> Result<()> {
        if !self.is_for(algorithm) {
            return Err(Error::Algorithm);
        }
        // Asked for by name: the library's own way to it is a global that another crate could have set.
        let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&algorithm.of_library(), &self.key)
            .map_err(|_| Error::Algorithm)?;
        verifier.verify(message, signature).map_err(|_| Error::Signature)
    }
}

/// The key is no secret, but long.
impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.kind, self.thumbprint())
    }
}

impl Kind {
    const fn is_for(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Es256 => matches!(self, Self::P256),
            Algorithm::Es384 => matches!(self, Self::P384),
            Algorithm::Ed25519 => matches!(self, Self::Ed25519),
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => matches!(self, Self::Rsa),
        }
    }
}

/// Members of private and of shared keys: RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1, and RFC 8037, section 2.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What the key is, made ready, and its required members in the order of RFC 7638.
fn material(members: &Object) -> Result<(Kind, DecodingKey, String)> {
    let curve = members.text("crv", 32)?;
    match (members.needed("kty", 32)?, curve) {
        ("EC", Some("P-256")) => elliptic(members, Kind::P256, "P-256", 32, &ECDSA_P256_SHA256_FIXED),
        ("EC", Some("P-384")) => elliptic(members, Kind::P384, "P-384", 48, &ECDSA_P384_SHA384_FIXED),
        ("OKP", Some("Ed25519")) => edwards(members),
        ("EC" | "OKP", None) => Err(Error::Missing("crv")),
        ("EC" | "OKP", _) => Err(Error::Key("its curve is none of P-256, P-384 and Ed25519")),
        ("RSA", _) => rsa(members),
        ("oct", _) => Err(Error::PrivateKey),
        _ => Err(Error::Key("its `kty` is none of EC, OKP and RSA")),
    }
}

fn elliptic(
    members: &Object,
    kind: Kind,
    curve: &str,
    length: usize,
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<(Kind, DecodingKey, String)> {
    let (x, y) = (number(members, "x")?, number(members, "y")?);
    if x.len() != length || y.len() != length {
        return Err(Error::Key("`x` or `y` is not of the length of its curve"));
    }
    let point = [&[0x04], x.as_slice(), &y].concat();
    ParsedPublicKey::new(algorithm, &point).map_err(|_| Error::Key("`x` and `y` are not on its curve"))?;
    let (x, y) = (BASE64URL_NOPAD.encode(&x), BASE64URL_NOPAD.encode(&y));
    let required = format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Ok((kind, DecodingKey::from_ec_der(&point), required))
}

fn edwards(members: &Object) -> Result<(Kind, DecodingKey, String)> {
    let x = number(members, "x")?;
    if !<&[u8; 32]>::try_from(x.as_slice()).is_ok_and(ed25519::is_worth_something) {
        return Err(Error::Key("`x` is no public key of Ed25519, or one that is worth nothing"));
    }
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, BASE64URL_NOPAD.encode(&x));
    Ok((Kind::Ed25519, DecodingKey::from_ed_der(&x), required))
}

fn rsa(members: &Object) -> Result<(Kind, DecodingKey, String)> {
    let (n, e) = (number(members, "n")?, number(members, "e")?);
    // Neither begins with a zero byte: it would be a second spelling of the same number.
    let (Some(first), Some(last)) = (n.first(), n.last()) else { return Err(Error::Type("n")) };
    if *first == 0 || last % 2 == 0 {
        return Err(Error::Key("`n` is no modulus"));
    }
    let bits = n.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(8);
    if !(2048..=8192).contains(&bits) {
        return Err(Error::Key("it has fewer than 2048 bits, or more than 8192"));
    }
    let exponent = e.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    if e.first() == Some(&0) || e.len() > 4 || exponent < 65_537 || exponent % 2 == 0 {
        return Err(Error::Key("`e` is even, less than 65537, or more than 32 bits"));
    }
    let required = format!(
        r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
        BASE64URL_NOPAD.encode(&e),
        BASE64URL_NOPAD.encode(&n)
    );
    Ok((Kind::Rsa, DecodingKey::from_rsa_raw_components(&n, &e), required))
}

/// The bytes of a member in base64url, which has one spelling.
fn number(members: &Object, name: &'static str) -> Result<Vec<u8>> {
    BASE64URL_NOPAD.decode(members.needed(name, 1 << 11)?.as_bytes()).map_err(|_| Error::Type(name))
}

#[cfg(test)]
mod tests;
