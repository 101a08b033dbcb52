//! What the engine says when it does not do what it was asked, in words that tell the operator where to look.
//!
//! Its own texts are searched for what tells one reason from another, and not repeated: a proxy between may
//! have written them, or an error page that quotes the request.

use avouch_seal::{Error, root::RootError};
use serde::Deserialize;

use super::TransitSettings;
use crate::link::{self, Answer, Failure, Link};

/// What is asked of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Encrypt,
    Decrypt,
    Read,
}

impl Act {
    /// Where it is asked, and what a policy names.
    pub(super) fn path(self, settings: &TransitSettings) -> String {
        let act = match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Read => "keys",
        };
        format!("{}/{act}/{}", settings.mount, settings.key)
    }

    const fn capability(self) -> &'static str {
        match self {
            Self::Encrypt | Self::Decrypt => "update",
            Self::Read => "read",
        }
    }
}

/// Why it was not done.
pub(super) fn read(link: &Link, settings: &TransitSettings, act: Act, answer: &Answer) -> Failure {
    let said = errors(answer);
    let says = |words: &str| said.contains(words);
    let path = act.path(settings);
    match answer.status {
        400 => refused(link, settings, &said),
        401 | 403 => refuse(format!(
            "the token is not let in: its policy has to allow `{}` on `{path}`, in this namespace; it may also \
             have expired",
            act.capability()
        )),
        404 => refuse(format!(
            "there is nothing at `{path}`; see the key, the mount of the engine and the namespace"
        )),
        429 => link.away("limits requests, and we are over the limit; see its quotas, and try later"),
        503 if says("sealed") => link.absent("is sealed; unseal it"),
        412 | 500..=599 => link.away(&format!("has no answer: status {}; see its log", answer.status)),
        status => link.absent(&format!("answers with status {status}; see that the address is right")),
    }
}

/// The engine looked at the request and did not like it.
fn refused(link: &Link, settings: &TransitSettings, said: &str) -> Failure {
    let says = |words: &str| said.contains(words);
    let TransitSettings { mount, key, .. } = settings;
    if says("too new") {
        refuse(format!(
            "the transit key `{key}` has no version as new as the one that sealed; was the engine put \
             back to an older copy"
        ))
    } else if says("too old") || says("disallowed by policy") {
        refuse(format!(
            "the transit key `{key}` no longer opens what so old a version sealed; lower its \
             min_decryption_version, and seal anew"
        ))
    } else if says("message authentication failed") || says("invalid ciphertext") {
        Error::Tampered.into()
    } else if says("key not found") {
        refuse(format!("there is no key `{key}` in the engine at `{mount}`"))
    } else {
        link.absent(&format!(
            "takes the request for a wrong one; is the engine at `{mount}` a transit engine"
        ))
    }
}

fn refuse(text: String) -> Failure {
    RootError::Refused(text).into()
}

/// All texts in one, in lower case.
fn errors(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<String>,
    }
    link::said::<Errors>(answer).map(|said| said.errors.join("\n").to_ascii_lowercase()).unwrap_or_default()
}
