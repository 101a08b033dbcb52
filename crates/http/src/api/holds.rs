//! `/v1/subjects/{id}/holds`: legal holds, which keep a customer, or one retention class of it, from being erased.

use avouch_core::erasure::{self, LiftHold, ListHolds, PlaceHold};
use avouch_core::gate::Reason;
use avouch_core::{HoldId, SubjectId};
use avouch_wire::{Hold, HoldRequest, Page};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::extract::{Caller, Json, Path, Stated};
use crate::perform::perform;
use crate::problem::Failure;
use crate::render;
use crate::service::{Service, Shared};

/// Places a legal hold on a customer.
#[utoipa::path(post, path = "/v1/subjects/{id}/holds", tag = "erasures", request_body = HoldRequest,
    params(
        ("id" = Uuid, Path, description = "The customer"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
    ),
    responses((status = 201, body = Hold, description = "The hold")))]
pub(super) async fn place(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(subject): Path<SubjectId>,
    stated: Stated,
    Json(request, _): Json<HoldRequest>,
) -> Result<Response, Failure> {
    let operation = PlaceHold {
        subject,
        class: request.class,
        reason: Reason::parse(&request.reason)?,
        until: request.until.map(|until| until.0.as_microsecond()),
        purpose: stated.purpose,
    };
    let placed = perform(&service.app, &caller, operation).await?.output;
    render::json(StatusCode::CREATED, &hold(&service, placed))
}

/// Lists the legal holds on a customer, with their reasons; those that have run out too.
#[utoipa::path(get, path = "/v1/subjects/{id}/holds", tag = "erasures",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = Page<Hold>, description = "All of them")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(subject): Path<SubjectId>,
    stated: Stated,
) -> Result<Response, Failure> {
    let operation = ListHolds { subject, purpose: stated.purpose, reason: stated.reason };
    let holds = perform(&service.app, &caller, operation).await?.output;
    let items = holds.into_iter().map(|placed| hold(&service, placed)).collect();
    render::ok(&Page { items, next_cursor: None })
}

/// Lifts a legal hold.
#[utoipa::path(delete, path = "/v1/subjects/{id}/holds/{hold}", tag = "erasures",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        ("hold" = Uuid, Path, description = "The hold"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 204, description = "Lifted")))]
pub(super) async fn lift(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path((subject, id)): Path<(SubjectId, HoldId)>,
    stated: Stated,
) -> Result<StatusCode, Failure> {
    let operation = LiftHold { subject, id, purpose: stated.purpose, reason: stated.reason };
    perform(&service.app, &caller, operation).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn hold(service: &Service, hold: erasure::Hold) -> Hold {
    Hold {
        id: Uuid::from_bytes(*hold.id.bytes()),
        class: hold.class,
        since: render::time(hold.since),
        until: hold.until.map(render::time),
        by: render::actor(service, Some(hold.by)),
        reason: hold.reason,
    }
}
