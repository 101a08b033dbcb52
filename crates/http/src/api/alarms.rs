//! `/v1/alarms`: what happened that somebody has to look at.

use avouch_core::AlarmId;
use avouch_core::watch::alarms::{AlarmOutcome as Outcome, AlarmShown, CloseAlarm, ReadAlarms};
use avouch_wire::{Alarm, AlarmClose, AlarmClosed, AlarmOutcome, AlarmQuery, Page, Secret};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::extract::{Caller, Json, Path, reason};
use crate::page::{Cursor, List};
use crate::perform::perform;
use crate::problem::Failure;
use crate::query::AlarmFilter;
use crate::render;
use crate::service::Shared;

/// Lists alarms, newest first.
#[utoipa::path(get, path = "/v1/alarms", tag = "alarms", params(AlarmQuery),
    responses((status = 200, body = Page<Alarm>, description = "A page")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    filter: AlarmFilter,
) -> Result<Response, Failure> {
    let before = filter.paging.after_id(List::Alarms, AlarmId::from_bytes)?;
    let read = ReadAlarms { open: filter.open, before, limit: filter.paging.limit };
    let page = perform(&service.app, &caller, read).await?.output;
    let next_cursor = page.next.map(|id| Cursor::id(List::Alarms, id.bytes()));
    render::ok(&Page { items: page.items.into_iter().map(shown).collect(), next_cursor })
}

/// Closes an alarm: somebody else than the one it is about, and nobody who reports to them.
#[utoipa::path(post, path = "/v1/alarms/{id}/close", tag = "alarms", request_body = AlarmClose,
    params(("id" = Uuid, Path, description = "The alarm")),
    responses((status = 204, description = "Closed")))]
pub(super) async fn close(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<AlarmId>,
    Json(request, _): Json<AlarmClose>,
) -> Result<StatusCode, Failure> {
    let outcome = match request.outcome {
        AlarmOutcome::FalseAlarm => Outcome::FalseAlarm,
        AlarmOutcome::Handled => Outcome::Handled,
        AlarmOutcome::Incident => Outcome::Incident,
    };
    let why = reason(Some(&request.why))?.ok_or_else(|| Failure::fault("/why", "say why"))?;
    perform(&service.app, &caller, CloseAlarm { id, outcome, why }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(shown: AlarmShown) -> Alarm {
    Alarm {
        id: Uuid::from_bytes(*shown.id.bytes()),
        kind: shown.kind.name().to_owned(),
        about: shown.kind.about().to_owned(),
        at: render::time(shown.at),
        times: shown.times,
        last: render::time(shown.last),
        principal: render::principal_id(shown.principal),
        principal_name: shown.principal_name,
        subject: shown.subject.map(|id| Uuid::from_bytes(*id.bytes())),
        detail: shown.detail,
        closed: shown.closed.map(|closed| AlarmClosed {
            at: render::time(closed.at),
            by: closed.by,
            outcome: match closed.outcome {
                Outcome::FalseAlarm => AlarmOutcome::FalseAlarm,
                Outcome::Handled => AlarmOutcome::Handled,
                Outcome::Incident => AlarmOutcome::Incident,
            },
            why: Secret(closed.why),
        }),
    }
}
