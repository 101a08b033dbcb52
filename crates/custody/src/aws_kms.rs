//! The root seal that is a symmetric key of AWS KMS, asked over HTTPS with requests that are signed here.
//!
//! The key never leaves KMS. What it is asked to seal is bound to its context by an encryption context, which
//! KMS authenticates and writes into its own log in the clear: it names vault, purpose and generation, and no
//! secret. Whoever has credentials that allow `kms:Decrypt` with the key can open the keyring; who has them
//! is for the key's policy to say, and for AWS to keep.
//!
//! ```text
//! blob    = header || ciphertext of KMS, AES-256-GCM with the encryption context as AAD
//! header  = 0x06 || id[8]                  id = SHA-256(PAE(label of ids, id of the key))
//! context = { avouch:seal: label, avouch:vault: hex, avouch:purpose: …, avouch:generation: decimal }
//! ```
//! Of the digest the first eight bytes. The key's id is the last part of its ARN; that of a multi-region key
//! is the same in each of its regions, and each of them opens what another one sealed.

use core::fmt;
use std::collections::BTreeMap;

use avouch_seal::{
    Error, SecureRandom, labels,
    root::{FORMAT_AWS_KMS, RootError, RootResult, RootSeal, SealContext, SealInfo, SealKind},
};
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    blob::{self, Header},
    link::{self, Answer, Failure, Link, Reach},
    trial,
};

mod key;
mod refusal;
mod sigv4;

use key::KeyId;
pub use sigv4::Credentials;
use sigv4::{Moment, Request, Scope};

/// Which key of which region.
#[derive(Clone, Debug)]
pub struct AwsKmsSettings {
    /// The region, as in `eu-central-1`.
    pub region: String,
    /// The key's id or its ARN. Not an alias: that can be pointed at another key, which opens nothing of this
    /// one's.
    pub key: String,
    /// Where KMS is, if not at the region's public endpoint: a VPC endpoint, or one of a closed partition.
    pub endpoint: Option<String>,
    /// Trust and patience.
    pub reach: Reach,
}

impl AwsKmsSettings {
    /// The key at the region's public endpoint, reached in the usual way.
    pub fn new(region: impl Into<String>, key: impl Into<String>) -> Self {
        Self { region: region.into(), key: key.into(), endpoint: None, reach: Reach::default() }
    }

    fn address(&self) -> Result<String, Error> {
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.region.is_empty() || self.region.len() > 32 || !self.region.bytes().all(sound) {
            return Err(Error::Parameters("the region is written as in `eu-central-1`"));
        }
        let domain = match self.region.split('-').next() {
            Some("cn") => "amazonaws.com.cn",
            Some("eusc") => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        Ok(self.endpoint.clone().unwrap_or_else(|| format!("https://kms.{}.{domain}", self.region)))
    }
}

/// Gives the credentials, anew for each request: those of a role are replaced every few hours.
type CredentialSource = Box<dyn Fn() -> RootResult<Credentials> + Send + Sync>;
/// Gives the time. KMS refuses requests that are signed five minutes off.
type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// A root seal by a key of AWS KMS.
pub struct AwsKmsSeal {
    link: Link,
    region: String,
    key: KeyId,
    credentials: CredentialSource,
    clock: Clock,
    header: Header,
}

impl AwsKmsSeal {
    /// Checks the settings. Nobody is asked yet; [`health`](RootSeal::health) does.
    ///
    /// # Errors
    /// [`Error::Parameters`].
    pub fn new(
        settings: &AwsKmsSettings,
        credentials: impl Fn() -> RootResult<Credentials> + Send + Sync + 'static,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> RootResult<Self> {
        let link = Link::new(&settings.address()?, &settings.reach)?;
        if !link.address().is_bare() {
            return Err(Error::Parameters("the endpoint of AWS KMS has no path").into());
        }
        let key = KeyId::read(&settings.key, &settings.region)?;
        let header = Header::new(FORMAT_AWS_KMS, labels::ROOT_AWS_KMS_ID, &[key.id().as_bytes()]);
        let (credentials, clock) = (Box::new(credentials), Box::new(clock));
        Ok(Self { link, region: settings.region.clone(), key, credentials, clock, header })
    }

    /// Asks, and takes the answer.
    fn ask<T: DeserializeOwned>(&self, action: &str, body: &[u8]) -> RootResult<T> {
        self.link.patiently(|| {
            let answer = self.once(action, body)?;
            if answer.status != 200 {
                return Err(refusal::read(&self.link, &self.key, action, &answer));
            }
            link::said(&answer).ok_or_else(|| self.link.foreign())
        })
    }

    fn once(&self, action: &str, body: &[u8]) -> Result<Answer, Failure> {
        let credentials = (self.credentials)()?;
        credentials.check()?;
        let moment = Moment::of((self.clock)());
        let target = format!("TrentService.{action}");
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.1"),
            ("host", self.link.address().authority()),
            ("x-amz-date", moment.as_str()),
            ("x-amz-target", &target),
        ];
        if let Some(token) = &credentials.session_token {
            headers.push(("x-amz-security-token", token));
        }
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body };
        let scope = Scope { region: &self.region, service: "kms" };
        let authorization = sigv4::authorization(&request, scope, &credentials, &moment);
        headers.push(("authorization", &authorization));
        self.link.post("/", &headers, body)
    }

    /// KMS says which key it used; one that answers for another is not ours.
    fn is_ours(&self, used: &str) -> RootResult<()> {
        if self.key.is(used) {
            return Ok(());
        }
        Err(RootError::Refused("AWS KMS says that it used another key than the one asked for".to_owned()))
    }
}

impl RootSeal for AwsKmsSeal {
    fn info(&self) -> SealInfo {
        // Who stands in for KMS on this machine keeps the key on it.
        let beside = self.link.address().is_loopback();
        SealInfo { kind: SealKind::AwsKms, key_beside_data_possible: beside, demo: false }
    }

    fn wrap(&self, plaintext: &[u8], context: &SealContext, _: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        blob::is_short(plaintext)?;
        self.health()?;
        let plaintext_base64 = Zeroizing::new(BASE64.encode(plaintext));
        let request = Encrypt {
            key_id: self.key.sent(),
            plaintext: &plaintext_base64,
            encryption_context: encryption_context(context),
        };
        let sealed: Sealed = self.ask("Encrypt", &link::json(&request)?)?;
        self.is_ours(&sealed.key_id)?;
        let blob = self.header.before(&[&read_base64(&sealed.ciphertext_blob)?]);
        // That it heeds the context is what the service is known for; a refusal would stand in its log as an
        // attack.
        trial::opens_again(self, &blob, context, plaintext)?;
        Ok(blob)
    }

    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        let sealed = self.header.after(blob)?;
        if sealed.is_empty() {
            return Err(Error::Malformed("wrapped keyring").into());
        }
        let request = Decrypt {
            key_id: self.key.sent(),
            ciphertext_blob: &BASE64.encode(sealed),
            encryption_context: encryption_context(context),
        };
        let opened: Opened = self.ask("Decrypt", &link::json(&request)?)?;
        self.is_ours(&opened.key_id)?;
        read_base64(&opened.plaintext).map(Zeroizing::new)
    }

    fn health(&self) -> RootResult<()> {
        let request = Describe { key_id: self.key.sent() };
        let described: key::Described = self.ask("DescribeKey", &link::json(&request)?)?;
        described.can_seal(&self.key)
    }
}

impl fmt::Debug for AwsKmsSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKmsSeal")
            .field("region", &self.region)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    key_id: &'a str,
    ciphertext_blob: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Describe<'a> {
    key_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sealed {
    ciphertext_blob: String,
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Opened {
    #[serde(deserialize_with = "link::secret")]
    plaintext: Zeroizing<String>,
    key_id: String,
}

/// All that the blob is bound to, readable in the log of KMS and usable in conditions of the key's policy.
fn encryption_context(context: &SealContext) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("avouch:seal", labels::ROOT_AWS_KMS.to_owned()),
        ("avouch:vault", context.vault.to_string()),
        ("avouch:purpose", context.purpose.to_owned()),
        ("avouch:generation", context.generation.to_string()),
    ])
}

fn read_base64(text: &str) -> RootResult<Vec<u8>> {
    let odd = |_| RootError::Unreachable("the answer of AWS KMS is not base64".to_owned());
    BASE64.decode(text.as_bytes()).map_err(odd)
}

#[cfg(test)]
mod tests;
