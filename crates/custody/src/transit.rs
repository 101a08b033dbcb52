//! The root seal that is a key in the transit engine of OpenBao or Vault, asked over HTTPS.
//!
//! The key never leaves the engine. What it is asked to seal is bound to its context by associated data, and
//! no nonce is ever sent. A key that can be taken out of the engine, that makes equal ciphertexts of equal
//! keys, or that does not authenticate, is refused before anything is sealed with it. Whoever has a token
//! that may decrypt with the key can open the keyring; so can whoever runs the engine.
//!
//! ```text
//! blob   = header || "vault:v" version ":" base64(nonce || AEAD(K[version], nonce, aad, plaintext))
//! aad    = PAE(label, header, vault, purpose, generation)
//! header = 0x05 || id[8]                  id = SHA-256(PAE(label of ids, namespace/mount, key))
//! ```
//! What follows the header is the engine's own text. Of the digest the first eight bytes: it knows the name
//! of the key and not the server, which may move.

use core::fmt;

use avouch_seal::{
    Error, SecureRandom, labels,
    root::{FORMAT_TRANSIT, RootError, RootResult, RootSeal, SealContext, SealInfo, SealKind},
};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    blob::{self, Header},
    link::{self, Answer, Failure, Link, Reach},
    trial,
};

mod key;
mod refusal;

use refusal::Act;

/// No token is longer.
const MAX_TOKEN: usize = 4 * 1024;

/// Which key of which engine, and where it is.
#[derive(Clone, Debug)]
pub struct TransitSettings {
    /// `https://host[:port]`; plain `http` for this machine only.
    pub address: String,
    /// The namespace, in a server that has them.
    pub namespace: Option<String>,
    /// Where the engine is mounted, without slashes around.
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// Trust and patience.
    pub reach: Reach,
}

impl TransitSettings {
    /// The key in the engine at `transit`, reached in the usual way.
    pub fn new(address: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            namespace: None,
            mount: "transit".to_owned(),
            key: key.into(),
            reach: Reach::default(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !is_path(&self.mount) {
            return Err(Error::Parameters("the mount of the transit engine is written as in `team/transit`"));
        }
        if !self.namespace.as_deref().is_none_or(is_path) {
            return Err(Error::Parameters("the namespace is written as in `company/team`"));
        }
        if !is_name(&self.key) {
            return Err(Error::Parameters(
                "a transit key is named by letters, digits, dots, lines and dashes",
            ));
        }
        Ok(())
    }

    /// The engine's whole path, which is the same however a namespace is named.
    fn engine(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.mount),
            None => self.mount.clone(),
        }
    }
}

/// Gives the token, anew for each request: a file that is replaced is read as it is now.
type TokenSource = Box<dyn Fn() -> RootResult<Zeroizing<String>> + Send + Sync>;

/// A root seal by a key of a transit engine.
pub struct TransitSeal {
    link: Link,
    settings: TransitSettings,
    token: TokenSource,
    header: Header,
}

impl TransitSeal {
    /// Checks the settings. Nobody is asked yet; [`health`](RootSeal::health) does.
    ///
    /// # Errors
    /// [`Error::Parameters`].
    pub fn new(
        settings: TransitSettings,
        token: impl Fn() -> RootResult<Zeroizing<String>> + Send + Sync + 'static,
    ) -> RootResult<Self> {
        settings.check()?;
        let link = Link::new(&settings.address, &settings.reach)?;
        let engine = settings.engine();
        let name = [engine.as_bytes(), settings.key.as_bytes()];
        let header = Header::new(FORMAT_TRANSIT, labels::ROOT_TRANSIT_ID, &name);
        Ok(Self { link, settings, token: Box::new(token), header })
    }

    fn associated_data(&self, context: &SealContext) -> String {
        BASE64.encode(context.aad(labels::ROOT_TRANSIT, self.header.as_ref()).as_ref())
    }

    /// Asks, and takes what is in the `data` of the answer.
    fn ask<T: DeserializeOwned>(&self, act: Act, body: Option<&[u8]>) -> RootResult<T> {
        self.link.patiently(|| {
            let answer = self.once(act, body)?;
            if answer.status != 200 {
                return Err(refusal::read(&self.link, &self.settings, act, &answer));
            }
            link::said::<Data<T>>(&answer).map(|said| said.data).ok_or_else(|| self.link.foreign())
        })
    }

    fn once(&self, act: Act, body: Option<&[u8]>) -> Result<Answer, Failure> {
        let token = (self.token)()?;
        if token.is_empty() || token.len() > MAX_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let text =
                "the token is empty, or has characters that no token has; see that its file ends with it";
            return Err(RootError::Refused(text.to_owned()).into());
        }
        let mut headers = vec![("x-vault-token", token.as_str()), ("x-vault-request", "true")];
        if let Some(namespace) = &self.settings.namespace {
            headers.push(("x-vault-namespace", namespace));
        }
        let path = format!("/v1/{}", act.path(&self.settings));
        match body {
            None => self.link.get(&path, &headers),
            Some(body) => {
                headers.push(("content-type", "application/json"));
                self.link.post(&path, &headers, body)
            }
        }
    }
}

impl RootSeal for TransitSeal {
    fn info(&self) -> SealInfo {
        // An engine on this machine may keep its key on it.
        let beside = self.link.address().is_loopback();
        SealInfo { kind: SealKind::Transit, key_beside_data_possible: beside, demo: false }
    }

    fn wrap(&self, plaintext: &[u8], context: &SealContext, _: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        blob::is_short(plaintext)?;
        // Before, not after: asked to seal with a key that is not there, an engine makes one.
        self.health()?;
        let plaintext_base64 = Zeroizing::new(BASE64.encode(plaintext));
        let request =
            Encrypt { plaintext: &plaintext_base64, associated_data: &self.associated_data(context) };
        let sealed: Sealed = self.ask(Act::Encrypt, Some(&link::json(&request)?))?;
        if !is_ciphertext(&sealed.ciphertext) {
            return Err(RootError::Unreachable(
                "the answer of the transit engine is not a ciphertext".to_owned(),
            ));
        }
        let blob = self.header.before(&[sealed.ciphertext.as_bytes()]);
        trial::opens_again(self, &blob, context, plaintext)?;
        trial::opens_nowhere_else(self, &blob, context)?;
        Ok(blob)
    }

    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        let sealed = core::str::from_utf8(self.header.after(blob)?).ok().filter(|text| is_ciphertext(text));
        let ciphertext = sealed.ok_or(Error::Malformed("wrapped keyring"))?;
        let request = Decrypt { ciphertext, associated_data: &self.associated_data(context) };
        let opened: Opened = self.ask(Act::Decrypt, Some(&link::json(&request)?))?;
        match BASE64.decode(opened.plaintext.as_bytes()) {
            Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
            Err(_) => {
                Err(RootError::Unreachable("the answer of the transit engine is not base64".to_owned()))
            }
        }
    }

    fn health(&self) -> RootResult<()> {
        let key: key::Properties = self.ask(Act::Read, None)?;
        key.are_safe(&self.settings.key)
    }
}

impl fmt::Debug for TransitSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransitSeal").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: &'a str,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Sealed {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Opened {
    #[serde(deserialize_with = "link::secret")]
    plaintext: Zeroizing<String>,
}

/// `vault:v<number>:<base64>`, in OpenBao, too.
fn is_ciphertext(text: &str) -> bool {
    let Some((version, sealed)) = text.strip_prefix("vault:v").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let counts = version.parse::<u32>().is_ok_and(|number| number > 0 && number.to_string() == version);
    counts && !sealed.is_empty() && BASE64.decode(sealed.as_bytes()).is_ok()
}

fn is_path(text: &str) -> bool {
    text.split('/').all(is_name)
}

fn is_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests;
