//! What clients ask before they work: who they are, and whether the server can do anything. Health is open to all, so it says that
//! the server answers and nothing that would help anybody but the operator.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::envelope::answer;
use crate::extract::Caller;
use crate::problem::{Failure, unauthenticated};
use crate::render::{self, principal_id, time};
use crate::service::{RequestId, Shared};

/// Says whose token this is. The token itself is not repeated.
#[utoipa::path(get, path = "/v1/auth/token/lookup-self", tag = "transit engine",
    responses((status = 200, description = "`data` with roles as `policies`, and when it expires")))]
pub(super) async fn lookup_self(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
) -> Result<Response, Failure> {
    let access = service.app.access();
    let credential = caller.credential().ok_or_else(unauthenticated)?;
    // It may have been withdrawn since this request was let in.
    let key = access.key(credential).ok_or_else(unauthenticated)?;
    let seconds = |micros: i64| micros.max(0) / 1_000_000;
    answer(
        id,
        json!({
            "accessor": credential.to_string(),
            "creation_time": seconds(key.created),
            "creation_ttl": seconds(key.expires - key.created),
            "display_name": "token",
            "entity_id": principal_id(caller.id()),
            "expire_time": time(key.expires),
            "explicit_max_ttl": seconds(key.expires - key.created),
            "issue_time": time(key.created),
            "meta": null,
            "num_uses": 0,
            "orphan": true,
            "path": "auth/token/create",
            "policies": caller.roles(),
            "renewable": false,
            "ttl": seconds(key.expires - service.app.now()),
            "type": "service",
        }),
    )
}

/// Says that the server answers.
#[utoipa::path(get, path = "/v1/sys/health", tag = "transit engine", security(()),
    responses((status = 200, description = "It does")))]
pub(super) async fn health() -> Result<Response, Failure> {
    render::ok(&json!({"initialized": true, "sealed": false, "standby": false}))
}

/// Says that there is a vault: a server without one does not start.
#[utoipa::path(get, path = "/v1/sys/init", tag = "transit engine", security(()),
    responses((status = 200, description = "There is")))]
pub(super) async fn initialized() -> Result<Response, Failure> {
    render::ok(&json!({"initialized": true}))
}

/// Says that the vault is open: a server whose vault is not does not answer.
#[utoipa::path(get, path = "/v1/sys/seal-status", tag = "transit engine", security(()),
    responses((status = 200, description = "It is")))]
pub(super) async fn seal_status() -> Result<Response, Failure> {
    render::ok(
        &json!({"type": "avouch", "initialized": true, "sealed": false, "t": 1, "n": 1, "progress": 0}),
    )
}
