//! `/v1/break-glass`: looking in an emergency without anybody's word, and answering for it.

use avouch_core::audit::Ending;
use avouch_core::gate::break_glass::{
    CloseGlass, GlassOutcome, GlassShown, GlassState, OpenGlass, ReadGlass, ReadGlassWork, ReadGlasses,
    ReviewGlass,
};
use avouch_core::gate::work::{Work as Done, Worked};
use avouch_core::{EventId, GlassId};
use avouch_wire::{
    BreakGlass, BreakGlassOpened, BreakGlassOutcome, BreakGlassRequest, BreakGlassReview, BreakGlassReviewed,
    BreakGlassState, Outcome, Page, PageQuery, Secret, Work,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::extract::{Caller, Json, Path, reason};
use crate::page::{Cursor, List, Paging};
use crate::perform::perform;
use crate::problem::Failure;
use crate::render;
use crate::service::Shared;

/// Breaks the glass: for an hour at most and a few customers, rules of the charter that say so are lifted, and a role of one's own that
/// sleeps is awake. It takes a passkey that was shown within two minutes; it rings, and somebody else reviews it.
#[utoipa::path(post, path = "/v1/break-glass", tag = "break-glass", request_body = BreakGlassRequest,
    responses((status = 201, body = BreakGlassOpened, description = "Broken")))]
pub(super) async fn open(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<BreakGlassRequest>,
) -> Result<Response, Failure> {
    let why = reason(Some(&request.reason))?.ok_or_else(|| Failure::fault("/reason", "say why"))?;
    let operation = OpenGlass { role: request.role, reason: why, minutes: request.minutes };
    let opened = perform(&service.app, &caller, operation).await?.output;
    let answer = BreakGlassOpened {
        id: Uuid::from_bytes(*opened.id.bytes()),
        until: render::time(opened.until),
        customers: opened.customers,
        due: render::time(opened.due),
    };
    render::json(StatusCode::CREATED, &answer)
}

/// Lists, newest first, where one has broken the glass oneself and what is one's to review.
#[utoipa::path(get, path = "/v1/break-glass", tag = "break-glass", params(PageQuery),
    responses((status = 200, body = Page<BreakGlass>, description = "A page, which may be shorter than asked for")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_id(List::BreakGlass, GlassId::from_bytes)?;
    let page = perform(&service.app, &caller, ReadGlasses { before, limit: paging.limit }).await?.output;
    let next_cursor = page.next.map(|id| Cursor::id(List::BreakGlass, id.bytes()));
    render::ok(&Page { items: page.items.into_iter().map(shown).collect(), next_cursor })
}

/// Shows one.
#[utoipa::path(get, path = "/v1/break-glass/{id}", tag = "break-glass",
    params(("id" = Uuid, Path, description = "The glass")),
    responses((status = 200, body = BreakGlass, description = "It")))]
pub(super) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<GlassId>,
) -> Result<Response, Failure> {
    render::ok(&shown(perform(&service.app, &caller, ReadGlass { id }).await?.output))
}

/// Lists what was done behind it, newest first, read from the events.
#[utoipa::path(get, path = "/v1/break-glass/{id}/work", tag = "break-glass",
    params(("id" = Uuid, Path, description = "The glass"), PageQuery),
    responses((status = 200, body = Page<Work>, description = "A page")))]
pub(super) async fn work(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<GlassId>,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_number(List::Work)?.map(EventId::from_int);
    let read = ReadGlassWork { id, before, limit: paging.limit };
    render::ok(&done(perform(&service.app, &caller, read).await?.output))
}

/// Ends it before its time. It is reviewed all the same.
#[utoipa::path(delete, path = "/v1/break-glass/{id}", tag = "break-glass",
    params(("id" = Uuid, Path, description = "The glass")),
    responses((status = 204, description = "It is whole again")))]
pub(super) async fn close(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<GlassId>,
) -> Result<StatusCode, Failure> {
    perform(&service.app, &caller, CloseGlass { id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says whether it was right: by no account of the one who broke it, and nobody who reports to them.
#[utoipa::path(post, path = "/v1/break-glass/{id}/review", tag = "break-glass", request_body = BreakGlassReview,
    params(("id" = Uuid, Path, description = "The glass")),
    responses((status = 204, description = "Reviewed")))]
pub(super) async fn review(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<GlassId>,
    Json(request, _): Json<BreakGlassReview>,
) -> Result<StatusCode, Failure> {
    let outcome = match request.outcome {
        BreakGlassOutcome::Justified => GlassOutcome::Justified,
        BreakGlassOutcome::Unjustified => GlassOutcome::Unjustified,
    };
    let why = reason(Some(&request.why))?.ok_or_else(|| Failure::fault("/why", "say why"))?;
    perform(&service.app, &caller, ReviewGlass { id, outcome, why }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(shown: GlassShown) -> BreakGlass {
    let outcome = |outcome| match outcome {
        GlassOutcome::Justified => BreakGlassOutcome::Justified,
        GlassOutcome::Unjustified => BreakGlassOutcome::Unjustified,
    };
    BreakGlass {
        id: Uuid::from_bytes(*shown.id.bytes()),
        principal: render::principal_id(shown.principal),
        principal_name: shown.principal_name,
        role: shown.role,
        title: shown.title,
        reason: Secret(shown.reason),
        state: match shown.state {
            GlassState::Open => BreakGlassState::Open,
            GlassState::Waiting => BreakGlassState::Waiting,
            GlassState::Overdue => BreakGlassState::Overdue,
            GlassState::Reviewed(GlassOutcome::Justified) => BreakGlassState::Justified,
            GlassState::Reviewed(GlassOutcome::Unjustified) => BreakGlassState::Unjustified,
        },
        opened: render::time(shown.opened),
        until: render::time(shown.until),
        due: render::time(shown.due),
        customers: shown.customers,
        most: shown.most,
        review: shown.review.map(|review| BreakGlassReviewed {
            by: review.by,
            at: render::time(review.at),
            outcome: outcome(review.outcome),
            why: Secret(review.why),
        }),
        mine_to_review: shown.mine_to_review,
        own: shown.own,
    }
}

/// A page of what was done.
pub(super) fn done(work: Done) -> Page<Work> {
    let next_cursor = work.next.map(|id| Cursor::number(List::Work, id.int()));
    Page { items: work.items.into_iter().map(worked).collect(), next_cursor }
}

fn worked(worked: Worked) -> Work {
    Work {
        event: render::event_id(worked.event),
        at: render::time(worked.at),
        actor: render::principal_id(worked.actor),
        actor_name: worked.actor_name,
        action: worked.action,
        outcome: match worked.ending {
            Ending::Done => Outcome::Done,
            Ending::Refused => Outcome::Refused,
            Ending::Failed => Outcome::Failed,
        },
        purpose: worked.purpose,
        reason: worked.reason.map(|reason| Secret(reason.as_str().to_owned())),
        fields: worked.fields.into_iter().map(|(name, view)| render::touched(name, view)).collect(),
        count: worked.count.into(),
        customers: worked.customers.into_iter().map(|id| Uuid::from_bytes(*id.bytes())).collect(),
    }
}
