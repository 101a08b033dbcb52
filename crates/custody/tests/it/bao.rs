//! A transit engine that does what the real one does, with real AES-GCM: versions of keys, associated data, a
//! key made for whoever encrypts with one that is not there. It dies of a request that it was not meant to
//! get.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use avouch_custody::{TransitSeal, TransitSettings};
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::server::{Answer, Asked, Server, patient, serve};

pub(crate) const TOKEN: &str = "hvs.geheim";

/// What the engine holds, and how it behaves.
pub(crate) struct Bao {
    pub(crate) token: String,
    pub(crate) namespace: Option<String>,
    pub(crate) keys: BTreeMap<String, Key>,
    /// Paths that the token's policy leaves out.
    pub(crate) forbidden: &'static str,
    pub(crate) ignores_associated_data: bool,
    nonces: u8,
}

pub(crate) struct Key {
    pub(crate) versions: Vec<[u8; 32]>,
    pub(crate) min_decryption_version: usize,
    pub(crate) properties: Value,
}

impl Key {
    pub(crate) fn new(bytes: u8) -> Self {
        let properties = json!({
            "name": "avouch", "type": "aes256-gcm96", "derived": false, "exportable": false, "allow_plaintext_backup": false,
            "deletion_allowed": false, "latest_version": 1, "min_decryption_version": 1, "supports_encryption": true,
            "keys": {"1": 1_700_000_000},
        });
        Self { versions: vec![[bytes; 32]], min_decryption_version: 1, properties }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encrypt {
    plaintext: String,
    associated_data: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decrypt {
    ciphertext: String,
    associated_data: String,
}

/// The engine at work, and how to get at it from behind.
pub(crate) struct Running {
    pub(crate) server: Server,
    bao: Arc<Mutex<Bao>>,
}

impl Running {
    /// With one key, `avouch`, in `transit`.
    pub(crate) fn start() -> Self {
        let bao = Bao {
            token: TOKEN.to_owned(),
            namespace: None,
            keys: BTreeMap::from([("avouch".to_owned(), Key::new(0x11))]),
            forbidden: "-",
            ignores_associated_data: false,
            nonces: 0,
        };
        let bao = Arc::new(Mutex::new(bao));
        let behind = Arc::clone(&bao);
        let server = serve(move |asked| behind.lock().expect("it lives").answer(asked));
        Self { server, bao }
    }

    pub(crate) fn bao(&self) -> MutexGuard<'_, Bao> {
        self.bao.lock().expect("it lives")
    }

    pub(crate) fn settings(&self) -> TransitSettings {
        TransitSettings { reach: patient(), ..TransitSettings::new(self.server.address(), "avouch") }
    }

    pub(crate) fn seal(&self) -> TransitSeal {
        seal(self.settings())
    }
}

/// A seal with the usual token.
pub(crate) fn seal(settings: TransitSettings) -> TransitSeal {
    TransitSeal::new(settings, || Ok(Zeroizing::new(TOKEN.to_owned()))).expect("the settings are good")
}

impl Bao {
    fn answer(&mut self, asked: &Asked) -> Answer {
        assert!(asked.path.starts_with("/v1/"), "{asked:?}");
        if asked.header("x-vault-namespace") != self.namespace.as_deref() {
            return errors(404, "no handler for route");
        }
        if asked.header("x-vault-token") != Some(&self.token) || asked.path.contains(self.forbidden) {
            return errors(403, "1 error occurred:\n\t* permission denied\n\n");
        }
        let Some((act, name)) = asked.path.trim_start_matches("/v1/transit/").split_once('/') else {
            return errors(404, "no handler for route");
        };
        match (asked.method.as_str(), act) {
            ("GET", "keys") => match self.keys.get(name) {
                Some(key) => data(key.properties.clone()),
                None => Answer::Json(404, json!({"errors": []})),
            },
            ("POST", "encrypt") => self.encrypt(name, &body(asked)),
            ("POST", "decrypt") => self.decrypt(name, &body(asked)),
            _ => errors(405, "unsupported operation"),
        }
    }

    fn encrypt(&mut self, name: &str, request: &Encrypt) -> Answer {
        self.nonces += 1;
        let nonce = [self.nonces; 12];
        let aad = self.associated_data(&request.associated_data);
        let key = self.keys.entry(name.to_owned()).or_insert_with(|| Key::new(0x77));
        let plaintext = BASE64.decode(request.plaintext.as_bytes()).expect("it is base64");
        let payload = Payload { msg: &plaintext, aad: &aad };
        let sealed = cipher(key.versions.last().expect("a version"))
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("it encrypts");
        let sealed = BASE64.encode(&[nonce.as_slice(), &sealed].concat());
        let version = key.versions.len();
        data(json!({"ciphertext": format!("vault:v{version}:{sealed}"), "key_version": version}))
    }

    fn decrypt(&self, name: &str, request: &Decrypt) -> Answer {
        let Some(key) = self.keys.get(name) else { return errors(400, "encryption key not found") };
        let Some(rest) = request.ciphertext.strip_prefix("vault:v") else {
            return errors(400, "invalid ciphertext: no prefix");
        };
        let (version, sealed) = rest.split_once(':').expect("two fields");
        let version: usize = version.parse().expect("a version");
        if version > key.versions.len() {
            return errors(400, "invalid ciphertext: version is too new");
        }
        if version < key.min_decryption_version {
            return errors(400, "ciphertext or signature version is disallowed by policy (too old)");
        }
        let sealed = BASE64.decode(sealed.as_bytes()).expect("it is base64");
        let Some((nonce, sealed)) = sealed.split_at_checked(12) else {
            return errors(400, "invalid ciphertext length");
        };
        let aad = self.associated_data(&request.associated_data);
        let Some(version) = version.checked_sub(1).and_then(|index| key.versions.get(index)) else {
            return errors(400, "invalid ciphertext: version could not be decoded");
        };
        let opened = cipher(version).decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: &aad });
        match opened {
            Ok(plaintext) => data(json!({"plaintext": BASE64.encode(&plaintext)})),
            Err(_) => errors(400, "cipher: message authentication failed"),
        }
    }

    fn associated_data(&self, sent: &str) -> Vec<u8> {
        let sent = BASE64.decode(sent.as_bytes()).expect("it is base64");
        assert!(!sent.is_empty(), "nothing binds it to its context");
        if self.ignores_associated_data { Vec::new() } else { sent }
    }
}

fn body<T: for<'de> Deserialize<'de>>(asked: &Asked) -> T {
    assert_eq!(asked.header("content-type"), Some("application/json"));
    serde_json::from_slice(&asked.body).expect("the members are those that were agreed on")
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

fn data(data: Value) -> Answer {
    Answer::Json(
        200,
        json!({"request_id": "1", "lease_id": "", "renewable": false, "data": data, "warnings": null}),
    )
}

pub(crate) fn errors(status: u16, text: &str) -> Answer {
    Answer::Json(status, json!({"errors": [text]}))
}
