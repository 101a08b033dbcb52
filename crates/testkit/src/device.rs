//! A device that holds a passkey, in software: another implementation of WebAuthn than the server's, with an owner who can be made
//! to look away.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use passkey::types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// See the module. It holds one passkey.
#[derive(Debug, Clone)]
pub struct Device {
    passkey: Option<Passkey>,
    verifies: bool,
    counts: bool,
    /// Whether its passkey cannot leave it.
    bound: bool,
    /// Whether its maker says so.
    attested: bool,
    origin: url::Url,
}

/// Whoever holds the device.
struct Owner {
    verifies: bool,
}

#[async_trait::async_trait]
impl UserValidationMethod for Owner {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _hint: UiHint<'a, Passkey>,
        _presence: bool,
        _verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification: self.verifies })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

impl Device {
    /// An empty one, in whose browser the site of this origin is open.
    #[must_use]
    pub fn at(origin: &str) -> Self {
        let origin = origin.parse().expect("an address");
        Self { passkey: None, verifies: true, counts: false, bound: false, attested: false, origin }
    }

    /// The same device on another site.
    #[must_use]
    pub fn moved_to(&self, origin: &str) -> Self {
        Self { origin: origin.parse().expect("an address"), ..self.clone() }
    }

    /// One that counts its signatures.
    #[must_use]
    pub fn counting(self) -> Self {
        Self { counts: true, ..self }
    }

    /// One whose passkey cannot leave it.
    #[must_use]
    pub fn bound(self) -> Self {
        Self { bound: true, ..self }
    }

    /// One whose passkey cannot leave it, of which its maker says so: [`Device::MAKER`].
    #[must_use]
    pub fn attested(self) -> Self {
        Self { bound: true, attested: true, ..self }
    }

    /// The authority of the maker of attested ones, and of one that makes none; in PEM. Made for tests, and good for nothing else.
    pub const MAKER: &str = include_str!("device/maker.pem");
    /// See [`Device::MAKER`].
    pub const OTHER_MAKER: &str = include_str!("device/other.pem");
    /// The model of attested ones.
    pub const MODEL: [u8; 16] =
        [0xc0, 0xff, 0xee, 0, 0xc0, 0xff, 0xee, 0, 0xc0, 0xff, 0xee, 0, 0xc0, 0xff, 0xee, 0];

    /// Whether it knows its owner from now on.
    pub fn verify(&mut self, verifies: bool) {
        self.verifies = verifies;
    }

    /// Makes a passkey: `options` is the value of `publicKey`. The answer is JSON as a browser sends it, or nothing when the
    /// device declines.
    pub fn register(&mut self, options: &str) -> Option<Value> {
        let options: Value = serde_json::from_str(options).expect("JSON");
        let request: CredentialCreationOptions =
            serde_json::from_value(json!({"publicKey": options})).expect("options for a passkey");
        let mut client = self.client();
        let origin = self.origin.clone();
        let made = wait(client.register(&origin, request, DefaultClientData)).ok()?;
        self.passkey.clone_from(client.authenticator().store());
        let mut made = serde_json::to_value(made).expect("JSON");
        if self.bound {
            self.say_bound(&mut made["response"]["attestationObject"]);
        }
        if self.attested {
            let response = &mut made["response"];
            let client_data = bytes(&response["clientDataJSON"]);
            let object = attest(&bytes(&response["attestationObject"]), &client_data);
            response["attestationObject"] = text(&object);
        }
        Some(made)
    }

    /// Answers a log-in. Nothing when the device declines.
    pub fn authenticate(&mut self, options: &str) -> Option<Value> {
        let options: Value = serde_json::from_str(options).expect("JSON");
        let request: CredentialRequestOptions =
            serde_json::from_value(json!({"publicKey": options})).expect("options for a log-in");
        let mut client = self.client();
        let origin = self.origin.clone();
        let answer = wait(client.authenticate(&origin, request, DefaultClientData)).ok()?;
        self.passkey.clone_from(client.authenticator().store());
        let mut answer = serde_json::to_value(answer).expect("JSON");
        if self.bound {
            let response = &mut answer["response"];
            self.say_bound(&mut response["authenticatorData"]);
            let mut signed = bytes(&response["authenticatorData"]);
            signed.extend_from_slice(&Sha256::digest(bytes(&response["clientDataJSON"])));
            let signature: Signature = self.key().sign(&signed);
            response["signature"] = text(signature.to_der().as_bytes());
        }
        Some(answer)
    }

    /// Takes the flags of a passkey that may be copied, and was, out of what it says of itself.
    fn say_bound(&self, value: &mut Value) {
        let mut said = bytes(value);
        let domain = Sha256::digest(self.origin.host_str().expect("a host"));
        let at = said.windows(32).position(|window| window == domain.as_slice()).expect("the site's name");
        said[at + 32] &= !0b0001_1000;
        *value = text(&said);
    }

    /// The passkey's key.
    fn key(&self) -> SigningKey {
        // Curve, x, y, and last the private key.
        let passkey = self.passkey.as_ref().expect("a passkey");
        let private = passkey.key.params.iter().filter_map(|(_, value)| value.as_bytes()).next_back();
        SigningKey::from_slice(private.expect("a private key")).expect("a key on P-256")
    }

    fn client(
        &self,
    ) -> Client<Option<Passkey>, Owner, RustCryptoBackend, public_suffix::PublicSuffixList, ()> {
        let owner = Owner { verifies: self.verifies };
        let model = if self.attested { Aaguid(Self::MODEL) } else { Aaguid::new_empty() };
        let mut authenticator = Authenticator::new(model, self.passkey.clone(), owner, RustCryptoBackend);
        authenticator.set_make_credentials_with_signature_counter(self.counts);
        Client::new(authenticator).allows_insecure_localhost(true)
    }
}

/// An attestation object without a statement, as one with a statement of the maker ("packed", WebAuthn 8.2).
fn attest(object: &[u8], client_data: &[u8]) -> Vec<u8> {
    const DATA: &[u8] = b"\x68authData";
    let at = object.windows(DATA.len()).position(|window| window == DATA).expect("data") + DATA.len();
    let (length, from) = match object[at] {
        0x58 => (usize::from(object[at + 1]), at + 2),
        0x59 => (usize::from(u16::from_be_bytes([object[at + 1], object[at + 2]])), at + 3),
        other => panic!("a length of another size: {other:#x}"),
    };
    let data = &object[from..from + length];
    let mut signed = data.to_vec();
    signed.extend_from_slice(&Sha256::digest(client_data));
    let key = SigningKey::from_pkcs8_pem(include_str!("device/batch-key.pem")).expect("a key");
    let signature: Signature = key.sign(&signed);
    let certificate: String =
        include_str!("device/batch.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let certificate = BASE64.decode(certificate.as_bytes()).expect("base64");
    let mut made = b"\xa3\x63fmt\x66packed\x67attStmt\xa3\x63alg\x26\x63sig".to_vec();
    cbor_bytes(&mut made, signature.to_der().as_bytes());
    made.extend_from_slice(b"\x63x5c\x81");
    cbor_bytes(&mut made, &certificate);
    made.extend_from_slice(DATA);
    cbor_bytes(&mut made, data);
    made
}

fn cbor_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.push(0x59);
    to.extend_from_slice(&u16::try_from(bytes.len()).expect("short").to_be_bytes());
    to.extend_from_slice(bytes);
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64URL_NOPAD.decode(value.as_str().expect("a text").as_bytes()).expect("base64url")
}

fn text(bytes: &[u8]) -> Value {
    BASE64URL_NOPAD.encode(bytes).into()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(work)
}
