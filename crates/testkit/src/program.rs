//! A program that holds a key on P-256 and signs with it, as a service does: assertions (RFC 7523) and proofs
//! (RFC 9449). Written from the RFCs, with another implementation of the signature than the server's.

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// See the module.
#[derive(Debug, Clone)]
pub struct Program {
    key: SigningKey,
    name: String,
}

impl Program {
    /// One whose key is made of this, called `key-<seed>`.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed.max(1); 32]).expect("a scalar");
        Self { key, name: format!("key-{seed}") }
    }

    /// The same key under another name.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self { key: self.key.clone(), name: name.to_owned() }
    }

    /// What its key is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public key, without a name.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_encoded_point(false);
        let text = |bytes: Option<_>| {
            BASE64URL_NOPAD.encode(bytes.map_or(&[][..], |bytes: &p256::FieldBytes| bytes))
        };
        json!({ "kty": "EC", "crv": "P-256", "x": text(point.x()), "y": text(point.y()) })
    }

    /// Its public key as it is registered.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let mut key = self.jwk();
        key["kid"] = self.name.as_str().into();
        key["alg"] = "ES256".into();
        json!({ "keys": [key] })
    }

    /// Its key as nobody may register it.
    #[must_use]
    pub fn private_jwks(&self) -> Value {
        let mut set = self.jwks();
        set["keys"][0]["d"] = BASE64URL_NOPAD.encode(&self.key.to_bytes()).into();
        set
    }

    /// An assertion of `client` for `audience`, good from `now` for a minute; `changes` replaces claims, null
    /// takes them away.
    #[must_use]
    pub fn assertion(&self, client: &str, audience: &str, jti: &str, now: u64, changes: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.name });
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "jti": jti, "iat": now, "exp": now + 60,
        });
        self.sign(&header, &changed(claims, changes))
    }

    /// A proof for a request, made at `now`.
    #[must_use]
    pub fn proof(&self, request: Proof<'_>, changes: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": self.jwk() });
        let mut claims = json!({
            "htm": request.method, "htu": request.uri, "jti": request.jti, "iat": request.now,
        });
        if let Some(token) = request.token {
            claims["ath"] = BASE64URL_NOPAD.encode(&Sha256::digest(token.as_bytes())).into();
        }
        self.sign(&header, &changed(claims, changes))
    }

    /// Any statement, signed.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature.to_bytes()))
    }
}

/// What a proof is for.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The method.
    pub method: &'a str,
    /// The address.
    pub uri: &'a str,
    /// The token that goes with it.
    pub token: Option<&'a str>,
    /// What makes it the one that it is.
    pub jti: &'a str,
    /// When it was made, in seconds.
    pub now: u64,
}

pub(crate) fn changed(claims: Value, changes: &Value) -> Value {
    let (Value::Object(mut claims), Some(changes)) =
        (claims, changes.as_object().cloned().or(Some(Map::new())))
    else {
        return Value::Null;
    };
    for (name, value) in changes {
        if value.is_null() {
            claims.remove(&name);
        } else {
            claims.insert(name, value);
        }
    }
    Value::Object(claims)
}
