//! AWS Signature Version 4 for one request in one piece (AWS IAM User Guide, *Create a signed AWS API
//! request*).
//!
//! ```text
//! canonical = method \n path \n query \n name:value \n … \n \n names \n hex(SHA-256(body))
//! scope     = day/region/service/aws4_request
//! to sign   = AWS4-HMAC-SHA256 \n date \n scope \n hex(SHA-256(canonical))
//! key       = HMAC(HMAC(HMAC(HMAC("AWS4" secret, day), region), service), "aws4_request")
//! signature = hex(HMAC(key, to sign))                                         HMAC with SHA-256
//! ```
//! Names in lower case and sorted. Everything that is sent is signed, or it could be changed on the way: a
//! path, a query or a value that would have to be encoded, normalised or trimmed first has no place here.

use core::fmt;

use avouch_seal::root::{RootError, RootResult};
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What AWS knows us by.
#[derive(Clone)]
pub struct Credentials {
    /// The access key's id.
    pub access_key: String,
    /// The secret key.
    pub secret_key: Zeroizing<String>,
    /// The session token, with credentials of a role.
    pub session_token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Refuses what no credentials look like, a line end most of all: it would be signed and sent as it is.
    pub(super) fn check(&self) -> RootResult<()> {
        let sound = |text: &str, longest| {
            (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let token = self.session_token.as_ref().is_none_or(|token| sound(token, 8 * 1024));
        if sound(&self.access_key, 128)
            && !self.access_key.contains(['/', ','])
            && sound(&self.secret_key, 256)
            && token
        {
            return Ok(());
        }
        Err(RootError::Refused("the credentials are empty, or have characters that none have".to_owned()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// A time as signatures have it, to the second.
pub(super) struct Moment(String);

impl Moment {
    pub(super) fn of(time: Timestamp) -> Self {
        Self(time.strftime("%Y%m%dT%H%M%SZ").to_string())
    }

    /// `20150830T123600Z`
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn day(&self) -> &str {
        self.0.split('T').next().unwrap_or_default()
    }
}

/// What a signature is good for, besides its day.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl Scope<'_> {
    fn on(self, moment: &Moment) -> String {
        format!("{}/{}/{}/aws4_request", moment.day(), self.region, self.service)
    }
}

/// A request before it has its `authorization`. Path and query are in their canonical form.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// All that will be sent and means something, names in lower case.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

/// The value of the header `authorization`.
pub(super) fn authorization(
    request: &Request<'_>,
    scope: Scope<'_>,
    credentials: &Credentials,
    moment: &Moment,
) -> String {
    let key = signing_key(credentials, scope, moment);
    let signature =
        HEXLOWER.encode(hmac(key.as_slice(), to_sign(request, scope, moment).as_bytes()).as_slice());
    format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
        credentials.access_key,
        scope.on(moment),
        names(&sorted(request.headers)),
    )
}

fn to_sign(request: &Request<'_>, scope: Scope<'_>, moment: &Moment) -> String {
    let canonical = sha256(canonical(request).as_bytes());
    format!("{ALGORITHM}\n{}\n{}\n{canonical}", moment.as_str(), scope.on(moment))
}

fn canonical(request: &Request<'_>) -> Zeroizing<String> {
    let Request { method, path, query, headers, body } = request;
    let headers = sorted(headers);
    let lines: Zeroizing<String> =
        Zeroizing::new(headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect());
    let names = names(&headers);
    Zeroizing::new(format!("{method}\n{path}\n{query}\n{}\n{names}\n{}", lines.as_str(), sha256(body)))
}

fn signing_key(credentials: &Credentials, scope: Scope<'_>, moment: &Moment) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(["AWS4", &credentials.secret_key].concat());
    let mut key = hmac(secret.as_bytes(), moment.day().as_bytes());
    for part in [scope.region, scope.service, "aws4_request"] {
        key = hmac(key.as_slice(), part.as_bytes());
    }
    key
}

fn sorted<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut sorted = headers.to_vec();
    sorted.sort_unstable();
    sorted
}

fn names(sorted: &[(&str, &str)]) -> String {
    sorted.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

fn hmac(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests;
