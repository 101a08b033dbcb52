//! `/v1/watch/cases`: looks without need, for those who review them; and `/v1/account/accesses`: one's own looks.

use avouch_core::watch::{
    AcknowledgeMonitoring, CaseOutcome, CaseShown, CaseState, CloseCase, ReadCase, ReadCases, ReadOwnAccesses,
};
use avouch_core::{CaseId, EventId};
use avouch_wire::{
    Acknowledged, OwnAccess, OwnAccesses, Page, PageQuery, Secret, WatchCase, WatchClose, WatchOutcome,
    WatchQuery, WatchState,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::extract::{Caller, Json, Path, reason};
use crate::page::{Cursor, List, Paging};
use crate::perform::perform;
use crate::problem::Failure;
use crate::query::CaseFilter;
use crate::render;
use crate::service::{Service, Shared};

/// What whoever looks is told.
pub(crate) const MONITORING: &str = "What you look at here is on record, for the customers as for you. Looks for which no need is \
    known may be looked into by a colleague who does not report to you; nothing follows from a number alone. What is usual for you is kept for at most 180 days \
    after your last look.";

/// Lists cases, newest first; none about oneself.
#[utoipa::path(get, path = "/v1/watch/cases", tag = "watch", params(WatchQuery),
    responses((status = 200, body = Page<WatchCase>, description = "A page, which may be shorter than asked for")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    CaseFilter { paging, family, state }: CaseFilter,
) -> Result<Response, Failure> {
    let before = paging.after_id(List::Cases, CaseId::from_bytes)?;
    let read = ReadCases { family, state, before, limit: paging.limit };
    let page = perform(&service.app, &caller, read).await?.output;
    let next_cursor = page.next.map(|id| Cursor::id(List::Cases, id.bytes()));
    render::ok(&Page {
        items: page.items.into_iter().map(|case| shown(&service, case)).collect(),
        next_cursor,
    })
}

/// Shows a case.
#[utoipa::path(get, path = "/v1/watch/cases/{id}", tag = "watch",
    params(("id" = Uuid, Path, description = "The case")),
    responses((status = 200, body = WatchCase, description = "The case")))]
pub(super) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<CaseId>,
) -> Result<Response, Failure> {
    let case = perform(&service.app, &caller, ReadCase { id }).await?.output;
    render::ok(&shown(&service, case))
}

/// Says what a case has come to. Nobody says it of themselves, or of somebody whom they report to.
#[utoipa::path(post, path = "/v1/watch/cases/{id}/close", tag = "watch", request_body = WatchClose,
    params(("id" = Uuid, Path, description = "The case")),
    responses((status = 204, description = "Closed")))]
pub(super) async fn close(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<CaseId>,
    Json(request, _): Json<WatchClose>,
) -> Result<StatusCode, Failure> {
    let outcome = match request.outcome {
        WatchOutcome::Explained => CaseOutcome::Explained,
        WatchOutcome::Mistake => CaseOutcome::Mistake,
        WatchOutcome::Unjustified => CaseOutcome::Unjustified,
        WatchOutcome::NewWork => CaseOutcome::NewWork,
    };
    let why = reason(Some(&request.why))?.ok_or_else(|| Failure::fault("/why", "say why"))?;
    perform(&service.app, &caller, CloseCase { id, outcome, why }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists one's own looks at customers, newest first.
#[utoipa::path(get, path = "/v1/account/accesses", tag = "people", params(PageQuery),
    responses((status = 200, body = OwnAccesses, description = "A page")))]
pub(super) async fn own(
    State(service): State<Shared>,
    Caller(caller): Caller,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_number(List::OwnAccesses)?.map(EventId::from_int);
    let page = perform(&service.app, &caller, ReadOwnAccesses { before, limit: paging.limit }).await?.output;
    let items = page.items.into_iter().map(|look| OwnAccess {
        event: render::event_id(look.event),
        at: render::time(look.at),
        action: look.action,
        purpose: look.purpose,
        reason: look.reason.map(|reason| Secret(reason.as_str().to_owned())),
        fields: look.fields,
        count: u64::from(look.count),
    });
    render::ok(&OwnAccesses {
        items: items.collect(),
        next_cursor: page.next.map(|next| Cursor::number(List::OwnAccesses, next.int())),
        monitoring: MONITORING.to_owned(),
        acknowledged: page.acknowledged.map(render::time),
    })
}

/// Says that one knows that one's looks are watched. The first time counts.
#[utoipa::path(post, path = "/v1/account/monitoring", tag = "people",
    responses((status = 200, body = Acknowledged, description = "Noted")))]
pub(super) async fn acknowledge(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let at = perform(&service.app, &caller, AcknowledgeMonitoring).await?.output;
    render::ok(&Acknowledged { acknowledged: render::time(at) })
}

fn shown(service: &Service, case: CaseShown) -> WatchCase {
    let day = i64::from(case.day).saturating_mul(86_400_000_000);
    WatchCase {
        id: Uuid::from_bytes(*case.id.bytes()),
        state: match case.state {
            CaseState::Waiting => WatchState::Waiting,
            CaseState::Open => WatchState::Open,
            CaseState::Closed => WatchState::Closed,
            CaseState::Passed => WatchState::Passed,
        },
        actor: render::actor(service, Some(case.actor)),
        day: render::time(day).date(),
        family: case.family.to_owned(),
        score: case.score,
        day_score: case.day_score,
        times: case.times,
        reasons: case.reasons,
        events: case.events.into_iter().map(render::event_id).collect(),
        opened: render::time(case.opened),
        outcome: case.outcome.map(|outcome| match outcome {
            CaseOutcome::Explained => WatchOutcome::Explained,
            CaseOutcome::Mistake => WatchOutcome::Mistake,
            CaseOutcome::Unjustified => WatchOutcome::Unjustified,
            CaseOutcome::NewWork => WatchOutcome::NewWork,
        }),
        why: case.why.map(Secret),
        closed_by: case.closed_by,
        closed: case.closed.map(render::time),
    }
}
