//! What KMS says when it does not do what it was asked, in words that tell the operator where to look.
//!
//! Errors have a type, which is what is read; their messages, which quote ARNs and requests, are not
//! repeated.

use avouch_seal::{Error, root::RootError};
use serde::Deserialize;

use super::key::KeyId;
use crate::link::{self, Answer, Failure, Link};

/// Why it was not done.
pub(super) fn read(link: &Link, key: &KeyId, action: &str, answer: &Answer) -> Failure {
    let kind = kind(answer);
    match kind.as_deref().unwrap_or_default() {
        "InvalidCiphertextException" => Error::Tampered.into(),
        "IncorrectKeyException" => Error::WrongRoot.into(),
        "AccessDeniedException" => refuse(format!(
            "the credentials may not do `kms:{action}` with the key `{}`; see the key's policy, and theirs",
            key.id()
        )),
        "NotFoundException" => refuse(format!(
            "there is no key `{}` in this region and account; see the region, or name its ARN",
            key.id()
        )),
        "DisabledException" => refuse(format!("the key `{}` is disabled; enable it", key.id())),
        "KMSInvalidStateException" => refuse(format!(
            "the key `{}` is in a state in which it cannot be used; see whether it is about to be deleted",
            key.id()
        )),
        "InvalidKeyUsageException" => {
            refuse(format!("the key `{}` is not a symmetric key for encryption", key.id()))
        }
        "ExpiredTokenException" => refuse("the credentials have expired; see what renews them".to_owned()),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "MissingAuthenticationTokenException" => {
            refuse(
                "the credentials are not known; see the access key, and the session token if there is one"
                    .to_owned(),
            )
        }
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignatureException"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => refuse(
            "the signature is not accepted; see the secret key, the region, and this machine's clock"
                .to_owned(),
        ),
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException" => {
            link.away("has had too many requests of this account; see its quota, and try later")
        }
        "KeyUnavailableException"
        | "DependencyTimeoutException"
        | "KMSInternalException"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => {
            link.away("cannot do it at the moment; see the health of the service, and of the key's store")
        }
        "" if answer.status < 500 => link
            .absent(&format!("answers with status {}; see that it is an endpoint of AWS KMS", answer.status)),
        _ if answer.status >= 500 => link.away(&format!("has no answer: status {}", answer.status)),
        other => refuse(format!("AWS KMS answers {action} with `{other}`")),
    }
}

fn refuse(text: String) -> Failure {
    RootError::Refused(text).into()
}

/// The error's type, without the namespace before and the address behind. None unless it looks like one.
fn kind(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Fault {
        #[serde(rename = "__type")]
        kind: String,
    }
    let said = link::said::<Fault>(answer)?.kind;
    let kind = said.rsplit('#').next()?.split(':').next()?;
    let sound = !kind.is_empty() && kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    sound.then(|| kind.to_owned())
}
