//! Keys and signatures for tests, by another implementation than the one that verifies; but for RSA, which it
//! is not worth bringing one in for.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
};
use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};

use super::{
    Result,
    jwk::{KeySet, PublicKey},
};

pub(crate) enum Key {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    Rsa(&'static RsaKeyPair, &'static dyn RsaEncoding),
}

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

pub(crate) fn p256(seed: u8) -> Key {
    Key::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
}

pub(crate) fn p384() -> Key {
    Key::P384(p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap())
}

pub(crate) fn ed25519() -> Key {
    Key::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[7; 32]))
}

pub(crate) fn rs256() -> Key {
    Key::Rsa(&RSA, &RSA_PKCS1_SHA256)
}

pub(crate) fn ps256() -> Key {
    Key::Rsa(&RSA, &RSA_PSS_SHA256)
}

/// One of each kind, with the name of its algorithm.
pub(crate) fn kinds() -> &'static [(Key, &'static str); 6] {
    static KINDS: LazyLock<[(Key, &'static str); 6]> = LazyLock::new(|| {
        [
            (p256(7), "ES256"),
            (p384(), "ES384"),
            (ed25519(), "EdDSA"),
            (ed25519(), "Ed25519"),
            (rs256(), "RS256"),
            (ps256(), "PS256"),
        ]
    });
    &KINDS
}

impl Key {
    /// The public key, without a name.
    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        match self {
            Self::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                json!({ "kty": "EC", "crv": "P-256", "x": text(point.x().unwrap()), "y": text(point.y().unwrap()) })
            }
            Self::P384(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                json!({ "kty": "EC", "crv": "P-384", "x": text(point.x().unwrap()), "y": text(point.y().unwrap()) })
            }
            Self::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.verifying_key().as_bytes()) })
            }
            Self::Rsa(key, _) => {
                let public = key.public_key();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                json!({ "kty": "RSA", "n": text(&n), "e": text(&e) })
            }
        }
    }

    /// The public key under a name.
    pub(crate) fn named(&self, id: &str) -> Value {
        with(self.jwk(), "kid", id)
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::parse(self.jwk().to_string().as_bytes()).unwrap()
    }

    /// A signed text of this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        self.sign_parts(
            &BASE64URL_NOPAD.encode(header.as_bytes()),
            &BASE64URL_NOPAD.encode(claims.as_bytes()),
        )
    }

    /// A signed text of two parts as they are.
    pub(crate) fn sign_parts(&self, header: &str, claims: &str) -> String {
        let signed = format!("{header}.{claims}");
        let signature = match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(signed.as_bytes());
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(signed.as_bytes());
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(signed.as_bytes()).to_vec(),
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

/// `object` with another value for `name`.
pub(crate) fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    object[name] = value.into();
    object
}

/// `object` without `name`.
pub(crate) fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().shift_remove(name).expect(name);
    object
}

pub(crate) fn registered(keys: &[Value]) -> Result<KeySet> {
    KeySet::registered(json!({ "keys": keys }).to_string().as_bytes())
}

/// `text` with one byte of it replaced by another that a token may have.
pub(crate) fn mutated(text: &str, at: usize, by: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = by;
    String::from_utf8(bytes).unwrap()
}
