//! A key management service that checks signatures as the real one does, by a second implementation of them,
//! and encrypts with real AES-GCM and the encryption context. It dies of a request that it was not meant to
//! get.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use avouch_custody::{AwsKmsSeal, AwsKmsSettings, Credentials};
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::server::{Answer, Asked, Server, patient, serve};

pub(crate) const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const OTHER_ID: &str = "5678abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const NOW: &str = "2026-11-28T07:00:00Z";
pub(crate) const SECRET: &str = "geheimer/secret+key";

/// What the service holds, and how it behaves.
pub(crate) struct Kms {
    pub(crate) credentials: Credentials,
    pub(crate) now: Timestamp,
    pub(crate) keys: BTreeMap<&'static str, Key>,
    /// An action that the key's policy leaves out.
    pub(crate) forbidden: &'static str,
    /// What happens to a request on its way.
    pub(crate) on_the_way: fn(&mut Asked),
    nonces: u8,
}

#[derive(Clone)]
pub(crate) struct Key {
    bytes: [u8; 32],
    pub(crate) metadata: Value,
}

impl Key {
    pub(crate) fn new(id: &str, byte: u8) -> Self {
        let metadata = json!({
            "AWSAccountId": "111122223333", "KeyId": id, "Arn": arn(id), "Enabled": true, "KeyManager": "CUSTOMER",
            "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT", "Origin": "AWS_KMS",
        });
        Self { bytes: [byte; 32], metadata }
    }
}

pub(crate) fn arn(id: &str) -> String {
    format!("arn:aws:kms:eu-central-1:111122223333:key/{id}")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Encrypt {
    key_id: String,
    plaintext: String,
    encryption_context: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Decrypt {
    key_id: String,
    ciphertext_blob: String,
    encryption_context: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    key_id: String,
}

/// The service at work, and how to get at it from behind.
pub(crate) struct Running {
    pub(crate) server: Server,
    kms: Arc<Mutex<Kms>>,
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: Zeroizing::new(SECRET.to_owned()),
        session_token: None,
    }
}

pub(crate) fn now() -> Timestamp {
    NOW.parse().expect("it is a time")
}

impl Running {
    /// With two keys.
    pub(crate) fn start() -> Self {
        let kms = Kms {
            credentials: credentials(),
            now: now(),
            keys: BTreeMap::from([(ID, Key::new(ID, 0x11)), (OTHER_ID, Key::new(OTHER_ID, 0x22))]),
            forbidden: "-",
            on_the_way: |_| (),
            nonces: 0,
        };
        let kms = Arc::new(Mutex::new(kms));
        let behind = Arc::clone(&kms);
        let server = serve(move |asked| behind.lock().expect("it lives").answer(asked.clone()));
        Self { server, kms }
    }

    pub(crate) fn kms(&self) -> MutexGuard<'_, Kms> {
        self.kms.lock().expect("it lives")
    }

    pub(crate) fn settings(&self) -> AwsKmsSettings {
        settings(self.server.address())
    }

    pub(crate) fn seal(&self) -> AwsKmsSeal {
        seal(&self.settings())
    }

    /// The actions it was asked for since this was asked last.
    pub(crate) fn actions(&self) -> Vec<String> {
        let target = |asked: &Asked| asked.header("x-amz-target").expect("it names an action").to_owned();
        self.server.asked().iter().map(target).collect()
    }
}

pub(crate) fn settings(endpoint: String) -> AwsKmsSettings {
    AwsKmsSettings { endpoint: Some(endpoint), reach: patient(), ..AwsKmsSettings::new("eu-central-1", ID) }
}

/// A seal with the usual credentials and the right time.
pub(crate) fn seal(settings: &AwsKmsSettings) -> AwsKmsSeal {
    AwsKmsSeal::new(settings, || Ok(credentials()), now).expect("the settings are good")
}

impl Kms {
    fn answer(&mut self, mut asked: Asked) -> Answer {
        (self.on_the_way)(&mut asked);
        if let Err(kind) = verify(&asked, &self.credentials, self.now) {
            return fault(400, kind);
        }
        assert_eq!(asked.line(), "POST /");
        assert_eq!(asked.header("content-type"), Some("application/x-amz-json-1.1"));
        let target = asked.header("x-amz-target").expect("it names an action");
        let action = target.strip_prefix("TrentService.").expect("it is one of KMS");
        if action == self.forbidden {
            return fault(400, "AccessDeniedException");
        }
        match action {
            "Encrypt" => self.encrypt(&body(&asked)),
            "Decrypt" => self.decrypt(&body(&asked)),
            "DescribeKey" => {
                let Describe { key_id } = body(&asked);
                match self.key(&key_id) {
                    Some((_, key)) => Answer::Json(200, json!({"KeyMetadata": key.metadata})),
                    None => fault(400, "NotFoundException"),
                }
            }
            _ => fault(400, "UnknownOperationException"),
        }
    }

    fn key(&self, named: &str) -> Option<(&'static str, &Key)> {
        let (id, key) = self.keys.iter().find(|(id, _)| named == **id || named == arn(id))?;
        Some((id, key))
    }

    fn encrypt(&mut self, request: &Encrypt) -> Answer {
        self.nonces += 1;
        let nonce = [self.nonces; 12];
        let Some((id, key)) = self.key(&request.key_id) else { return fault(400, "NotFoundException") };
        let plaintext = BASE64.decode(request.plaintext.as_bytes()).expect("it is base64");
        let payload = Payload { msg: &plaintext, aad: &aad(&request.encryption_context) };
        let sealed = cipher(key).encrypt(Nonce::from_slice(&nonce), payload).expect("it encrypts");
        let blob = BASE64.encode(&[id.as_bytes(), &nonce, &sealed].concat());
        Answer::Json(
            200,
            json!({"CiphertextBlob": blob, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "KeyId": arn(id)}),
        )
    }

    fn decrypt(&self, request: &Decrypt) -> Answer {
        let Some((id, key)) = self.key(&request.key_id) else { return fault(400, "NotFoundException") };
        let blob = BASE64.decode(request.ciphertext_blob.as_bytes()).expect("it is base64");
        let invalid = || fault(400, "InvalidCiphertextException");
        let Some((sealed_by, rest)) = blob.split_at_checked(id.len()) else { return invalid() };
        let Some((nonce, sealed)) = rest.split_at_checked(12) else { return invalid() };
        match self.keys.keys().find(|known| known.as_bytes() == sealed_by) {
            None => return invalid(),
            Some(other) if *other != id => return fault(400, "IncorrectKeyException"),
            Some(_) => {}
        }
        let payload = Payload { msg: sealed, aad: &aad(&request.encryption_context) };
        match cipher(key).decrypt(Nonce::from_slice(nonce), payload) {
            Ok(opened) => Answer::Json(
                200,
                json!({"Plaintext": BASE64.encode(&opened), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "KeyId": arn(id)}),
            ),
            Err(_) => invalid(),
        }
    }
}

/// The signature of what was received, computed another way than the one that is tested: from the raw
/// request, header by header as it names them, and with everything signed that means something.
fn verify(asked: &Asked, credentials: &Credentials, now: Timestamp) -> Result<(), &'static str> {
    let authorization = asked.header("authorization").ok_or("MissingAuthenticationTokenException")?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("IncompleteSignatureException")?;
    let fields: BTreeMap<_, _> = fields.split(", ").filter_map(|field| field.split_once('=')).collect();
    let field = |name| fields.get(name).copied().ok_or("IncompleteSignatureException");
    let (credential, names) = (field("Credential")?, field("SignedHeaders")?);
    let parts: Vec<_> = credential.split('/').collect();
    let [access_key, day, region, service, "aws4_request"] = parts.as_slice() else {
        return Err("IncompleteSignatureException");
    };
    if *access_key != credentials.access_key
        || asked.header("x-amz-security-token")
            != credentials.session_token.as_ref().map(|token| token.as_str())
    {
        return Err("UnrecognizedClientException");
    }
    let date = asked.header("x-amz-date").ok_or("IncompleteSignatureException")?;
    let signed_at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| "IncompleteSignatureException")?
        .timestamp();
    if signed_at.duration_since(now).abs() > SignedDuration::from_mins(5) || !date.starts_with(day) {
        return Err("InvalidSignatureException");
    }
    if (*region, *service) != ("eu-central-1", "kms") {
        return Err("InvalidSignatureException");
    }
    for (name, _) in &asked.headers {
        let matters = name.starts_with("x-amz-") || name == "host" || name == "content-type";
        if matters && !names.split(';').any(|signed| signed == name) {
            return Err("IncompleteSignatureException");
        }
    }
    let mut canonical = format!("{}\n{}\n\n", asked.method, asked.path);
    for name in names.split(';') {
        canonical += &format!("{name}:{}\n", asked.header(name).ok_or("InvalidSignatureException")?);
    }
    canonical += &format!("\n{names}\n{}", HEXLOWER.encode(&Sha256::digest(&asked.body)));
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{}",
        HEXLOWER.encode(&Sha256::digest(canonical.as_bytes()))
    );
    let secret = format!("AWS4{}", *credentials.secret_key);
    let key = mac(&mac(&mac(&mac(secret.as_bytes(), day), region), service), "aws4_request");
    if field("Signature")? == HEXLOWER.encode(&mac(&key, &to_sign)) {
        Ok(())
    } else {
        Err("InvalidSignatureException")
    }
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("any key does");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn body<T: for<'de> Deserialize<'de>>(asked: &Asked) -> T {
    serde_json::from_slice(&asked.body).expect("the members are those that were agreed on")
}

fn aad(context: &BTreeMap<String, String>) -> Vec<u8> {
    let names: Vec<_> = context.keys().map(String::as_str).collect();
    assert_eq!(names, ["avouch:generation", "avouch:purpose", "avouch:seal", "avouch:vault"]);
    serde_json::to_vec(context).expect("it serialises")
}

fn cipher(key: &Key) -> Aes256Gcm {
    Aes256Gcm::new(&key.bytes.into())
}

pub(crate) fn fault(status: u16, kind: &str) -> Answer {
    let kind = if kind.starts_with("KMS") { format!("com.amazonaws.kms#{kind}") } else { kind.to_owned() };
    Answer::Json(status, json!({"__type": kind, "message": "geheimnis"}))
}
