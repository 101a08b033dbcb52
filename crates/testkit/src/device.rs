//! A device that holds a passkey, in software: another implementation of WebAuthn than the server's, with an owner who can be made
//! to look away.

use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use passkey::types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde_json::{Value, json};

/// See the module. It holds one passkey.
#[derive(Debug, Clone)]
pub struct Device {
    passkey: Option<Passkey>,
    verifies: bool,
    counts: bool,
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
        Self { passkey: None, verifies: true, counts: false, origin }
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
        Some(serde_json::to_value(made).expect("JSON"))
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
        Some(serde_json::to_value(answer).expect("JSON"))
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

fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(work)
}
