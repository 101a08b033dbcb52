//! A device that holds a passkey, in software: another implementation of WebAuthn than the server's, with an owner who can be made
//! to look away.

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
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
        Self { passkey: None, verifies: true, counts: false, bound: false, origin }
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
        let mut authenticator =
            Authenticator::new(Aaguid::new_empty(), self.passkey.clone(), owner, RustCryptoBackend);
        authenticator.set_make_credentials_with_signature_counter(self.counts);
        Client::new(authenticator).allows_insecure_localhost(true)
    }
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
