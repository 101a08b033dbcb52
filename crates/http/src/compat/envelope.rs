//! How answers and errors are written: an envelope of which little applies to us, and a list of sentences.

use avouch_wire::ProblemKind;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header as http};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::problem::{Failure, internal};
use crate::render;
use crate::service::RequestId;

/// What an error is here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Errors {
    /// Sentences; none where something is simply not there.
    errors: Vec<String>,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    request_id: &'a str,
    lease_id: &'a str,
    renewable: bool,
    lease_duration: u64,
    data: T,
    wrap_info: Option<Value>,
    warnings: Option<Vec<&'a str>>,
    auth: Option<Value>,
}

/// An answer.
pub(super) fn answer<T: Serialize>(id: RequestId, data: T) -> Result<Response, Failure> {
    answer_with(id, StatusCode::OK, data, None)
}

/// An answer with another status, or with a warning.
pub(super) fn answer_with<T: Serialize>(
    id: RequestId,
    status: StatusCode,
    data: T,
    warning: Option<&str>,
) -> Result<Response, Failure> {
    let envelope = Envelope {
        request_id: id.as_str(),
        lease_id: "",
        renewable: false,
        lease_duration: 0,
        data,
        wrap_info: None,
        warnings: warning.map(|warning| vec![warning]),
        auth: None,
    };
    render::json(status, &envelope)
}

/// The answer to what is done and has nothing to say.
pub(super) fn done() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Writes a failure down. Who may not and who is not known are told the same first words, which clients look for.
pub(crate) fn render(failure: Failure) -> Response {
    let problem = failure.into_problem();
    let denied = || "permission denied".to_owned();
    let (status, errors) = match problem.kind {
        ProblemKind::NotAuthenticated | ProblemKind::LogInFailed | ProblemKind::ForeignOrigin => {
            (403, vec![denied()])
        }
        ProblemKind::DeniedByPolicy | ProblemKind::InsufficientUserAuthentication => {
            let needs = problem.needs.into_iter().map(|need| match need.allowed.as_slice() {
                [] => need.detail,
                allowed => format!("{}: {}", need.detail, allowed.join(", ")),
            });
            (403, std::iter::once(denied()).chain(needs).collect())
        }
        // Whether it is that or something of the request, it has to be mended before it is sent again.
        ProblemKind::Malformed
        | ProblemKind::Validation
        | ProblemKind::Conflict
        | ProblemKind::IdempotencyConflict
        | ProblemKind::PreconditionFailed
        | ProblemKind::PreconditionRequired
        | ProblemKind::UnsupportedMediaType
        | ProblemKind::TokenUnusable
        | ProblemKind::ErasedPerson
        | ProblemKind::LegalHold => {
            let faults: Vec<String> = problem.errors.into_iter().map(|fault| fault.detail).collect();
            (400, if faults.is_empty() { vec![problem.detail] } else { faults })
        }
        ProblemKind::NotFound
        | ProblemKind::TooManyAttempts
        | ProblemKind::RateLimited
        | ProblemKind::TooLarge
        | ProblemKind::Internal
        | ProblemKind::Integrity
        | ProblemKind::Busy
        | ProblemKind::AuditUnavailable
        | ProblemKind::Sealed
        | ProblemKind::ProviderUnavailable
        | ProblemKind::Timeout => (problem.status, vec![problem.detail]),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = render::json(status, &Errors { errors })
        .unwrap_or_else(|_| render::json_bytes(StatusCode::INTERNAL_SERVER_ERROR, r#"{"errors":[]}"#));
    if problem.kind == ProblemKind::Busy {
        response.headers_mut().insert(http::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// What is not there is told so by a status alone when it is looked at,
pub(super) fn nothing_there() -> Result<Response, Failure> {
    render::json(StatusCode::NOT_FOUND, &Errors { errors: Vec::new() })
}

/// and is a fault of the request when it is to be used.
pub(super) fn in_use(failure: Failure) -> Failure {
    if failure.problem().kind == ProblemKind::NotFound {
        return Failure::fault("", "encryption key not found");
    }
    failure
}

impl axum::extract::FromRequestParts<crate::service::Shared> for RequestId {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &crate::service::Shared,
    ) -> Result<Self, Failure> {
        parts.extensions.get().copied().ok_or_else(internal)
    }
}
