//! `/v1/approvals`: what others have to agree to; and the marks of customers on whose account they have to.

use avouch_core::gate::Reach;
use avouch_core::gate::approvals::{
    ApprovalShown, ApprovalState as State, AskApproval, CancelApproval, ReadApproval, ReadApprovalWork,
    ReadApprovals, Scope, Vote,
};
use avouch_core::gate::marks::{Mark, MarkSubject};
use avouch_core::vault::Asked;
use avouch_core::{Action, ApprovalId, EventId, PrincipalId, SubjectId};
use avouch_wire::{
    Approval, ApprovalAsked, ApprovalRecently, ApprovalRequest, ApprovalSearch, ApprovalSpoken,
    ApprovalState, ApprovalVote, ApprovalWanting, ApprovalWord, Page, PageQuery, Secret, SubjectMark, Work,
};
use axum::extract::State as Handed;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::break_glass::done;
use crate::extract::{Caller, Json, Path, Stated, reason};
use crate::page::{Cursor, List, Paging};
use crate::perform::perform;
use crate::problem::Failure;
use crate::render;
use crate::service::Shared;

/// Asks for others' word on one act. It holds for that act only: the same customer, purpose and fields.
#[utoipa::path(post, path = "/v1/approvals", tag = "approvals", request_body = ApprovalRequest,
    responses((status = 201, body = ApprovalAsked, description = "Asked: it waits for three days")))]
pub(super) async fn ask(
    Handed(service): Handed<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<ApprovalRequest>,
) -> Result<Response, Failure> {
    let action: Action =
        request.action.parse().map_err(|_| Failure::fault("/action", "there is no such action"))?;
    let why = reason(Some(&request.reason))?;
    let operation = AskApproval {
        approval: request.approval,
        action,
        purpose: request.purpose,
        scope: scope(request.subject, request.search, request.everybody)?,
        fields: request.fields,
        reason: why.ok_or_else(|| Failure::fault("/reason", "say why"))?,
        case_reference: request.case_reference,
        minutes: request.minutes,
        customers: request.customers,
    };
    let id = perform(&service.app, &caller, operation).await?.output;
    render::json(StatusCode::CREATED, &ApprovalAsked { id: Uuid::from_bytes(*id.bytes()) })
}

fn scope(subject: Option<Uuid>, search: Option<ApprovalSearch>, everybody: bool) -> Result<Scope, Failure> {
    match (subject, search, everybody) {
        (None, None, false) => Ok(Scope::Nobody),
        (Some(id), None, false) => Ok(Scope::Customer(SubjectId::from_bytes(id.into_bytes()))),
        (None, Some(search), false) => Ok(Scope::Search(Asked { by: search.by.0, like: search.like.0 })),
        (None, None, true) => Ok(Scope::Everybody),
        _ => Err(Failure::fault("/subject", "expected one of `subject`, `search` and `everybody`")),
    }
}

/// Lists, newest first, what one has asked for and what one has or had a word on.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", params(PageQuery),
    responses((status = 200, body = Page<Approval>, description = "A page, which may be shorter than asked for")))]
pub(super) async fn list(
    Handed(service): Handed<Shared>,
    Caller(caller): Caller,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_id(List::Approvals, ApprovalId::from_bytes)?;
    let read = ReadApprovals { before, limit: paging.limit };
    let page = perform(&service.app, &caller, read).await?.output;
    let next_cursor = page.next.map(|id| Cursor::id(List::Approvals, id.bytes()));
    render::ok(&Page { items: page.items.into_iter().map(shown).collect(), next_cursor })
}

/// Shows what one has asked for, or has or had a word on.
#[utoipa::path(get, path = "/v1/approvals/{id}", tag = "approvals",
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = Approval, description = "The request")))]
pub(super) async fn read(
    Handed(service): Handed<Shared>,
    Caller(caller): Caller,
    Path(id): Path<ApprovalId>,
) -> Result<Response, Failure> {
    render::ok(&shown(perform(&service.app, &caller, ReadApproval { id }).await?.output))
}

/// Gives one's word. All that the charter asks for have to agree; one who does not is enough to refuse.
#[utoipa::path(post, path = "/v1/approvals/{id}/word", tag = "approvals", request_body = ApprovalWord,
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = ApprovalSpoken, description = "Heard")))]
pub(super) async fn word(
    Handed(service): Handed<Shared>,
    Caller(caller): Caller,
    Path(id): Path<ApprovalId>,
    Json(request, _): Json<ApprovalWord>,
) -> Result<Response, Failure> {
    let operation = Vote { id, agrees: request.agrees, why: reason(request.why.as_ref())? };
    let now = perform(&service.app, &caller, operation).await?.output;
    render::ok(&ApprovalSpoken { state: state(now) })
}

/// Lists what was done under it, newest first, read from the events.
#[utoipa::path(get, path = "/v1/approvals/{id}/work", tag = "approvals",
    params(("id" = Uuid, Path, description = "The request"), PageQuery),
    responses((status = 200, body = Page<Work>, description = "A page")))]
pub(super) async fn work(
    Handed(service): Handed<Shared>,
    Caller(caller): Caller,
    Path(id): Path<ApprovalId>,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_number(List::Work)?.map(EventId::from_int);
    let read = ReadApprovalWork { id, before, limit: paging.limit };
    render::ok(&done(perform(&service.app, &caller, read).await?.output))
}

/// Takes back what one has asked for, agreed to or not.
#[utoipa::path(delete, path = "/v1/approvals/{id}", tag = "approvals",
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 204, description = "Taken back")))]
pub(super) async fn cancel(
    Handed(service): Handed<Shared>,
    Caller(caller): Caller,
    Path(id): Path<ApprovalId>,
) -> Result<StatusCode, Failure> {
    perform(&service.app, &caller, CancelApproval { id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that it matters who looks at a customer: because they are well known, or because they work here.
#[utoipa::path(put, path = "/v1/subjects/{id}/mark", tag = "customers", request_body = SubjectMark,
    params(
        ("id" = Uuid, Path, description = "The customer"),
        ("Avouch-Purpose" = Option<String>, Header, description = "The purpose"),
    ),
    responses((status = 200, body = SubjectMark, description = "Marked, or not any more")))]
pub(super) async fn mark(
    Handed(service): Handed<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Path(id): Path<SubjectId>,
    Json(request, _): Json<SubjectMark>,
) -> Result<Response, Failure> {
    let colleague = request.colleague.map(|id| PrincipalId::from_bytes(id.into_bytes()));
    let operation = MarkSubject {
        id,
        mark: Mark { tier: request.tier, colleague, honey: request.honey },
        purpose: stated.purpose,
    };
    let mark = perform(&service.app, &caller, operation).await?.output;
    render::ok(&SubjectMark {
        tier: mark.tier,
        colleague: mark.colleague.map(render::principal_id),
        honey: mark.honey,
    })
}

pub(super) fn state(state: State) -> ApprovalState {
    match state {
        State::Asked => ApprovalState::Asked,
        State::Granted => ApprovalState::Granted,
        State::Refused => ApprovalState::Refused,
        State::Cancelled => ApprovalState::Cancelled,
    }
}

fn shown(shown: ApprovalShown) -> Approval {
    Approval {
        id: Uuid::from_bytes(*shown.id.bytes()),
        requester: render::principal_id(shown.requester),
        requester_name: shown.requester_name,
        state: state(shown.state),
        approval: shown.approval,
        title: shown.title,
        action: shown.action,
        purpose: shown.purpose,
        subject: shown.subject.map(|id| Uuid::from_bytes(*id.bytes())),
        everybody: shown.reach == Some(Reach::Everybody),
        searched_by: shown.searched_by,
        predicted: shown.predicted,
        recently: shown.recently.map(|recently| ApprovalRecently {
            customers: recently.customers,
            clear_values: recently.clear_values,
            and_more: recently.and_more,
        }),
        draft: shown.draft.map(|id| Uuid::from_bytes(*id.bytes())),
        fields: shown.fields,
        reason: Secret(shown.reason),
        case_reference: shown.case_reference,
        asked: render::time(shown.asked),
        until: render::time(shown.until),
        minutes: shown.minutes,
        remaining: shown.remaining,
        votes: shown
            .votes
            .into_iter()
            .map(|vote| ApprovalVote {
                name: vote.name,
                role: vote.role,
                agrees: vote.agrees,
                at: render::time(vote.at),
                why: vote.why.map(Secret),
            })
            .collect(),
        wanting: shown.wanting.into_iter().map(|(role, count)| ApprovalWanting { role, count }).collect(),
        mine_to_give: shown.mine_to_give,
    }
}
