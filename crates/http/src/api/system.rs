//! How the server is, what policy would say, and the API's own description. Health and readiness are open to all, so they say
//! what fails and nothing that would help anybody but the operator.

use std::time::Duration;

use avouch_core::gate::explain;
use avouch_core::vault::ReadStatus;
use avouch_wire::system::{Check, Queue, Services};
use avouch_wire::{Explain, Explanation, Health, HealthState, Readiness, Status};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::ledger;
use crate::extract::{Caller, Json};
use crate::perform::{answered, perform};
use crate::problem::{Failure, needs};
use crate::render;
use crate::service::Shared;

/// Asks how policy would decide, without acting.
#[utoipa::path(post, path = "/v1/explain", tag = "system", request_body = Explain,
    responses((status = 200, body = Explanation, description = "The decision, and all that is missing")))]
pub(super) async fn explain(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<Explain>,
) -> Result<Response, Failure> {
    let unknown = || Failure::fault("/action", "expected an action such as `subject.reveal`");
    let operation = explain::Explain {
        action: request.action.parse().map_err(|_| unknown())?,
        purpose: request.purpose,
        reason_given: request.reason_given.unwrap_or_default(),
        fields: request.fields.unwrap_or_default(),
    };
    let explanation = perform(&service.app, &caller, operation).await?.output;
    render::ok(&Explanation {
        allowed: explanation.allowed,
        needs: needs::plain(&explanation.needs, &explanation.policies),
        decided_by: explanation.policies,
        views: render::views(explanation.views),
    })
}

/// Shows how the server is.
#[utoipa::path(get, path = "/v1/status", tag = "system",
    responses((status = 200, body = Status, description = "The server's state")))]
pub(super) async fn status(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let status = perform(&service.app, &caller, ReadStatus).await?.output;
    render::ok(&Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: service.app.store().engine().name().to_owned(),
        vault: status.vault,
        charter_version: u64::from(status.charter_version),
        sealed: false,
        endings_stated: status.endings_stated.map(render::time),
        log_warning: service.app.log_fault().or_else(|| ledger::warning(&service.app).map(str::to_owned)),
        uptime_seconds: service.started.elapsed().as_secs(),
        queue: queue(&service),
        memory: (service.memory)(),
        services: services(&service),
        siem: (service.siem)(),
    })
}

fn services(service: &Shared) -> Services {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let used = service.app.services_in_use();
    Services {
        with_api_keys_only: count(used.with_keys_only),
        with_public_keys: count(used.with_public_keys),
        access_tokens: count(used.tokens),
    }
}

fn queue(service: &Shared) -> Queue {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let stats = service.app.store().stats();
    Queue {
        waiting: count(stats.waiting_writes + stats.waiting_reads),
        capacity: count(service.queue_capacity),
    }
}

/// Says that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "system", security(()),
    responses((status = 200, body = Health, description = "It does")))]
pub(super) async fn health() -> Result<Response, Failure> {
    render::ok(&Health { status: HealthState::Ok })
}

/// Says whether the server can do its work, and if not, what cannot.
#[utoipa::path(get, path = "/readyz", tag = "system", security(()),
    responses(
        (status = 200, body = Readiness, description = "All checks pass"),
        (status = 503, body = Readiness, description = "Some do not"),
    ))]
pub(super) async fn ready(State(service): State<Shared>) -> Result<Response, Failure> {
    let asked = answered(|answer| {
        service.app.probe(move |result| {
            if let Err(error) = &result {
                tracing::warn!(%error, "the stores do not do their work");
            }
            answer(result);
        });
    });
    let stores = match tokio::time::timeout(PING_TIME, asked).await {
        Ok(Ok(())) => Ok("data can be written and keys be read"),
        Ok(Err(_)) => Err("the data store cannot be written or the key store not be read: see the log"),
        Err(_) => Err("the stores do not answer in time: see the log"),
    };
    let queue = queue(&service);
    let room = if queue.waiting < queue.capacity {
        Ok("operations are taken on")
    } else {
        Err("as many operations wait as may: requests are answered `busy`")
    };
    let checks = [("store", stores), ("queue", room)].map(|(name, result)| Check {
        name: name.to_owned(),
        ok: result.is_ok(),
        detail: result.unwrap_or_else(|detail| detail).to_owned(),
    });
    let (code, status) = if checks.iter().all(|check| check.ok) {
        (StatusCode::OK, HealthState::Ok)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, HealthState::Failing)
    };
    render::json(code, &Readiness { status, checks: checks.into() })
}

const PING_TIME: Duration = Duration::from_secs(2);

/// Describes this API as OpenAPI 3.1.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "system", security(()),
    responses((status = 200, description = "The document", content_type = "application/json")))]
pub(super) async fn document(State(service): State<Shared>) -> Response {
    render::json_bytes(StatusCode::OK, service.openapi.clone())
}
