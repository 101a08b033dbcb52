//! The one way anything is refused or fails: `application/problem+json`. Handlers return a [`Failure`]; the outermost layer
//! gives it its request id, counts it and writes it down. Texts say what to do next, in plain words; they speak of the charter's
//! names and of places in the request, never of what stands there.

pub(crate) mod needs;

use avouch_core::Error;
use avouch_core::gate::services::{Algorithm, TokenUnfit};
use avouch_core::transit::Unfit;
use avouch_wire::{Fault, Problem, ProblemKind, header};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header as http};
use axum::response::{IntoResponse, Response};

use crate::render;

/// A problem on its way out. In a box, because most requests have none.
#[derive(Debug, Clone)]
pub struct Failure(Box<Problem>, Option<u32>, Option<TokenChallenge>, Option<avouch_scim::Kind>);

/// What is said to whoever has shown a token with a proof that is none (RFC 9449, sections 7.1 and 9).
#[derive(Debug, Clone)]
pub(crate) enum TokenChallenge {
    /// The token, or what goes with it, is refused.
    Refused,
    /// The proof has to carry this nonce.
    Nonce(Box<str>),
}

impl Failure {
    /// Of this kind, with this detail.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(kind, detail)), None, None, None)
    }

    /// Input that does not fit, with each fault.
    pub fn invalid(errors: Vec<Fault>) -> Self {
        let detail = match errors.as_slice() {
            [Fault { pointer, detail }] if pointer.is_empty() => detail.clone(),
            [Fault { pointer, detail }] => format!("`{pointer}`: {detail}"),
            faults => format!("{} things do not fit: see `errors`", faults.len()),
        };
        let mut failure = Self::new(ProblemKind::Validation, detail);
        failure.0.errors = errors;
        failure
    }

    /// Input with one fault.
    pub fn fault(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![Fault { pointer: pointer.into(), detail: detail.into() }])
    }

    /// There is no such route, customer, principal, key, import or version.
    pub fn not_found() -> Self {
        Self::new(ProblemKind::NotFound, "there is no such thing, or no longer: check the id and the path")
    }

    /// What an identity provider sent and does not fit.
    pub(crate) fn scim(flaw: avouch_scim::Flaw) -> Self {
        let mut failure = Self::new(ProblemKind::Validation, flaw.detail);
        failure.3 = Some(flaw.kind);
        failure
    }

    /// The word that SCIM has for it.
    pub(crate) fn scim_kind(&self) -> Option<avouch_scim::Kind> {
        self.3
    }

    /// More requests than somebody may send.
    pub(crate) fn too_many(seconds: u32) -> Self {
        let detail = format!("these are too many requests: go on in {seconds} seconds, and slower");
        Self(Box::new(Problem::new(ProblemKind::RateLimited, detail)), Some(seconds), None, None)
    }

    /// For how long to wait, where trying again is of use.
    pub(crate) fn wait_seconds(&self) -> Option<u32> {
        match self.0.kind {
            ProblemKind::Busy => Some(1),
            ProblemKind::TooManyAttempts | ProblemKind::RateLimited => Some(self.1.unwrap_or(60)),
            _ => None,
        }
    }

    /// The same with another status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }

    /// For tokens, which the core finds in a document: the same places in the body around it.
    pub(crate) fn in_document(mut self) -> Self {
        if self.0.kind == ProblemKind::TokenUnusable {
            for fault in &mut self.0.errors {
                fault.pointer.insert_str(0, "/document");
            }
        }
        self
    }

    /// The problem, for an item of a batch.
    pub fn into_problem(self) -> Problem {
        *self.0
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// Writes it down as the answer with this request id.
    pub(crate) fn render(mut self, request_id: &str) -> Response {
        self.0.request_id = Some(request_id.to_owned());
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(http::CONTENT_TYPE, HeaderValue::from_static(header::PROBLEM_JSON));
        match self.0.kind {
            ProblemKind::NotAuthenticated => challenge(headers, self.2.as_ref()),
            ProblemKind::InsufficientUserAuthentication => {
                headers.insert(http::WWW_AUTHENTICATE, needs::challenge(&self.0.needs));
            }
            _ => {}
        }
        if let Some(seconds) = self.wait_seconds() {
            response.headers_mut().insert(http::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// How to come again.
fn challenge(headers: &mut HeaderMap, token: Option<&TokenChallenge>) {
    let Some(token) = token else {
        headers.insert(http::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return;
    };
    let error = match token {
        TokenChallenge::Refused => "invalid_token",
        TokenChallenge::Nonce(nonce) => {
            if let Ok(nonce) = HeaderValue::from_str(nonce) {
                headers.insert(DPOP_NONCE, nonce);
            }
            "use_dpop_nonce"
        }
    };
    let text = format!("DPoP error=\"{error}\", algs=\"{}\"", Algorithm::NAMES.join(" "));
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert(http::WWW_AUTHENTICATE, text);
    }
}

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Only carries it to the outermost layer, which renders it.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(faults) => Self::invalid(
                faults
                    .into_iter()
                    .map(|fault| Fault { pointer: fault.pointer, detail: fault.detail })
                    .collect(),
            ),
            Error::Unprovisionable(flaw) => Self::scim(flaw),
            Error::Unauthenticated => unauthenticated(),
            Error::LogInFailed => Self::new(
                ProblemKind::LogInFailed,
                "this lets nobody in: check what you typed, or begin anew; a code counts once",
            ),
            Error::TooMany { seconds } => {
                let detail = format!("there were too many failures: try again in {seconds} seconds");
                Self(Box::new(Problem::new(ProblemKind::TooManyAttempts, detail)), Some(seconds), None, None)
            }
            Error::Busy => busy(),
            Error::ProviderUnavailable => Self::new(
                ProblemKind::ProviderUnavailable,
                "the identity provider does not answer as it should: log in another way, or try again later",
            ),
            Error::NotFound => Self::not_found(),
            Error::Refused(refusal) => {
                let mut failure = Self::new(needs::kind(&refusal.needs), needs::summary(&refusal.needs));
                failure.0.needs = needs::plain(&refusal.needs, &refusal.policies);
                failure.0.decided_by = refusal.policies;
                failure
            }
            Error::Taken { field } => {
                let detail =
                    format!("another customer already has this value in `{field}`, which must be unique");
                let mut failure = Self::new(ProblemKind::Conflict, detail);
                failure.0.errors.push(Fault {
                    pointer: format!("/fields/{field}"),
                    detail: "taken: search for the customer, or give another value".to_owned(),
                });
                failure
            }
            Error::Erased { fields, erasure, at } => {
                let at = render::time(at);
                let detail = format!(
                    "somebody with the same {} was erased on {} (erasure {erasure}): if they are to be stored again, \
                     say `\"again\": true`",
                    names(&fields),
                    at.date()
                );
                let mut failure = Self::new(ProblemKind::ErasedPerson, detail);
                failure.0.errors.extend(fields.into_iter().map(|field| Fault {
                    pointer: format!("/fields/{field}"),
                    detail: "the value of somebody who was erased".to_owned(),
                }));
                failure
            }
            Error::Held { classes } => {
                let detail =
                    "a legal hold keeps it, and nothing was erased: `keep_held=true` erases the rest";
                let mut failure = Self::new(ProblemKind::LegalHold, detail);
                failure.0.errors.extend(classes.into_iter().map(|held| {
                    let what =
                        held.class.map_or_else(|| "all of it".to_owned(), |class| format!("`{class}`"));
                    let detail = format!("{what} is held since {}", render::time(held.since).date());
                    Fault { pointer: String::new(), detail }
                }));
                failure
            }
            Error::CopyUnwritten => Self::new(
                ProblemKind::AuditUnavailable,
                "it is erased, but not in the third list of erasures yet; ask the operator, and send it again",
            ),
            Error::Stale { current } => Self::new(
                ProblemKind::PreconditionFailed,
                format!("the current version is {current}: read it and make the change from there"),
            ),
            Error::Conflict(detail) => Self::new(ProblemKind::Conflict, detail),
            Error::TokenUnusable { pointers } => {
                let mut failure =
                    Self::new(ProblemKind::TokenUnusable, "nothing was shown: see `errors` for the tokens");
                let fault =
                    |pointer| Fault { pointer, detail: "this token cannot be used by you".to_owned() };
                failure.0.errors = pointers.into_iter().map(fault).collect();
                failure
            }
            Error::KeyReused => Self::new(
                ProblemKind::IdempotencyConflict,
                "this `Idempotency-Key` stands for another request of yours: use a new one",
            ),
            Error::Tampered => Self::new(
                ProblemKind::Integrity,
                "a stored value failed its integrity check; it is not shown, and this is on record",
            ),
            Error::Internal(defect) => {
                tracing::error!(defect, "a request failed by a defect");
                internal()
            }
            // Which error of the store it was is for the log, where core has put it.
            error @ Error::Store(_) if error.slug() == ProblemKind::Busy.slug() => busy(),
            error @ Error::Store(_) if error.slug() == ProblemKind::Timeout.slug() => Self::new(
                ProblemKind::Timeout,
                "the database broke off while this was made durable; it may be done: look before repeating",
            ),
            Error::Store(_) => Self::new(
                ProblemKind::AuditUnavailable,
                "the record could not be made durable, so nothing was done or shown; ask the operator",
            ),
        }
    }
}

/// Why an item for a standalone key, or a request that is one, came to nothing.
impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Malformed(_) | Unfit::Refused(_) | Unfit::Retired(_) => {
                Self::new(ProblemKind::Validation, unfit.to_string())
            }
            Unfit::Foreign => Self::new(ProblemKind::TokenUnusable, unfit.to_string()),
            Unfit::Failed => internal(),
        }
    }
}

/// Nobody is there. Which part was wrong would be worth knowing to a guesser.
pub(crate) fn unauthenticated() -> Failure {
    Failure::new(
        ProblemKind::NotAuthenticated,
        "send `Authorization: Bearer avk_…` with a key that is alive, or log in",
    )
}

impl From<TokenUnfit> for Failure {
    fn from(unfit: TokenUnfit) -> Self {
        let challenge = match unfit {
            TokenUnfit::Busy => return busy(),
            TokenUnfit::Refused => TokenChallenge::Refused,
            TokenUnfit::Nonce(nonce) => TokenChallenge::Nonce(nonce.into()),
        };
        let detail = match challenge {
            TokenChallenge::Refused => {
                "send `Authorization: DPoP ava_…` with a token that is alive and a `DPoP` header with a proof for this request, \
                 or `Authorization: Bearer ava_…` on a connection with the certificate that it is bound to"
            }
            TokenChallenge::Nonce(_) => {
                "the server has started just now: send the request again, with a proof that has the nonce of `DPoP-Nonce` in it"
            }
        };
        let mut failure = Self::new(ProblemKind::NotAuthenticated, detail);
        failure.2 = Some(challenge);
        failure
    }
}

/// A page of another site is behind this request.
pub(crate) fn foreign() -> Failure {
    Failure::new(ProblemKind::ForeignOrigin, "another site has made this request, so nothing was done")
}

/// Names of fields for a sentence.
fn names(fields: &[String]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" and ")
}

/// A defect of ours.
pub(crate) fn internal() -> Failure {
    Failure::new(ProblemKind::Internal, "the server failed; quote the request id to whoever runs it")
}

/// Too much at once.
pub(crate) fn busy() -> Failure {
    Failure::new(ProblemKind::Busy, "too many requests are waiting: try again in a second")
}

#[cfg(test)]
mod tests {
    use avouch_core::Held;

    use super::*;

    #[test]
    fn every_error_of_the_core_keeps_its_slug() {
        let errors = [
            Error::invalid("/fields/email", "expected an e-mail address"),
            Error::LogInFailed,
            Error::TooMany { seconds: 7 },
            Error::Busy,
            Error::ProviderUnavailable,
            Error::NotFound,
            Error::Taken { field: "email".to_owned() },
            Error::Erased { fields: vec!["email".to_owned()], erasure: 3, at: 0 },
            Error::Held { classes: vec![Held { class: None, since: 0 }] },
            Error::CopyUnwritten,
            Error::Stale { current: 3 },
            Error::Conflict("another charter was applied in between: plan again"),
            Error::TokenUnusable { pointers: vec!["/a".to_owned()] },
            Error::KeyReused,
            Error::Tampered,
            Error::Internal("x"),
        ];
        for error in errors {
            let slug = error.slug();
            assert_eq!(Failure::from(error).into_problem().kind.slug(), slug);
        }
    }

    #[test]
    fn an_internal_error_says_nothing_of_its_cause() {
        let text = serde_json::to_string(Failure::from(Error::Internal("table x has no y")).problem());
        assert!(!text.expect("JSON").contains("table"));
    }
}
