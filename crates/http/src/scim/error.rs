//! How an error is written (RFC 7644, 3.12).

use avouch_scim::{ERROR, Kind};
use avouch_wire::ProblemKind;
use axum::http::{HeaderValue, StatusCode, header as http};
use axum::response::Response;
use serde_json::json;

use super::request::answer;
use crate::problem::Failure;
use crate::render;

/// Writes a failure down.
pub(crate) fn render(failure: Failure) -> Response {
    let said = failure.scim_kind();
    let wait = failure.wait_seconds();
    let problem = failure.into_problem();
    let (status, kind) = match problem.kind {
        ProblemKind::Validation => (400, Some(said.unwrap_or(Kind::InvalidValue))),
        ProblemKind::Malformed => (400, Some(Kind::InvalidSyntax)),
        // Of what must be one's own there is a name that is taken.
        ProblemKind::Conflict if !problem.errors.is_empty() => (409, Some(Kind::Uniqueness)),
        _ => (problem.status, said),
    };
    let detail = match (problem.kind, kind) {
        (ProblemKind::Conflict, Some(Kind::Uniqueness)) => {
            "somebody or something here has this name already: look for it, and change that".to_owned()
        }
        (ProblemKind::PreconditionFailed, _) => {
            "it was changed since: read it, and make the change from there".to_owned()
        }
        (ProblemKind::DeniedByPolicy, _) => {
            "this needs the key of a service whose role has `access.provision`".to_owned()
        }
        _ => problem.detail,
    };
    let mut body = json!({"schemas": [ERROR], "status": status.to_string(), "detail": detail});
    if let (Some(kind), Some(members)) = (kind, body.as_object_mut()) {
        members.insert("scimType".to_owned(), kind.as_str().into());
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response =
        answer(status, &body).unwrap_or_else(|_| render::json_bytes(StatusCode::INTERNAL_SERVER_ERROR, "{}"));
    let headers = response.headers_mut();
    if problem.kind == ProblemKind::NotAuthenticated {
        headers.insert(http::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = wait {
        headers.insert(http::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
