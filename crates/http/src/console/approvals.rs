//! What waits for one's word, what one has asked for, and what was done under it.

use askama::Template;
use avouch_core::charters::replay::DAYS;
use avouch_core::charters::{Becomes, ReadDraft, ReplayChange, ReplayDraft};
use avouch_core::gate::Reach;
use avouch_core::gate::approvals::{
    ApprovalShown, ApprovalState, CancelApproval, ReadApproval, ReadApprovalWork, ReadApprovals, Vote,
    VoteShown,
};
use avouch_core::{Action, ApprovalId, DraftId};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::forms::said;
use super::show::{Frame, go, moment, page};
use super::work::{WorkRow, work_row};
use crate::extract::{Caller, Path};
use crate::perform::perform;
use crate::problem::Failure;
use crate::service::Shared;

const HERE: &str = "/console/approvals";
/// How many of the newest are looked at.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    frame: Frame,
    error: Option<String>,
    waiting: Vec<Row>,
    others: Vec<Row>,
}

#[derive(Template)]
#[template(path = "approval.html")]
struct ApprovalPage {
    frame: Frame,
    one: Row,
    work: Vec<WorkRow>,
    /// More was done than is shown here.
    more: bool,
}

struct Row {
    id: String,
    title: String,
    who: String,
    state: &'static str,
    action: String,
    purpose: String,
    subject: Option<String>,
    whom: Option<String>,
    recently: Option<String>,
    fields: Vec<String>,
    reason: String,
    case_reference: Option<String>,
    asked: String,
    minutes: u32,
    customers: String,
    can_cancel: bool,
    mine_to_give: bool,
    votes: Vec<VoteRow>,
    wanting: Vec<String>,
    draft_id: Option<String>,
    /// What it changes, for whoever is asked about it.
    draft: Option<DraftRow>,
}

/// Somebody's word.
struct VoteRow {
    name: String,
    role: String,
    agrees: bool,
    at: String,
    why: Option<String>,
}

/// Another charter, as whoever is to agree to it sees it.
struct DraftRow {
    id: String,
    /// Nothing when it is not there any more, or the reader may not know.
    changes: Option<Vec<String>>,
    /// Who gains and who loses; nothing when the reader may not know.
    becomes: Option<Vec<String>>,
    /// Whether there was more of the past than is looked at here.
    more: bool,
}

/// The most changes of decisions that are shown at once; the command shows all.
const MOST_CHANGES: usize = 50;

/// What a draft changes, and what would have become of the last days' decisions, as far as the caller may know it.
async fn draft(service: &Shared, caller: &avouch_core::gate::Caller, id: DraftId) -> DraftRow {
    let read = perform(&service.app, caller, ReadDraft { id }).await;
    let changes = read.ok().map(|done| {
        let changes = done.output.changes.into_iter();
        let danger = |danger| if danger { "! " } else { "" };
        changes.map(|change| format!("{}{}: {}", danger(change.danger), change.what, change.effect)).collect()
    });
    let replayed = perform(&service.app, caller, ReplayDraft { id, days: DAYS, before: None }).await;
    let replayed = replayed.ok().map(|done| done.output);
    let more = replayed.as_ref().is_some_and(|all| all.next.is_some() || all.changes.len() > MOST_CHANGES);
    let becomes = replayed.map(|all| all.changes.into_iter().take(MOST_CHANGES).map(line).collect());
    DraftRow { id: id.to_string(), changes, becomes, more }
}

/// What becomes of decisions, as a sentence.
fn line(change: ReplayChange) -> String {
    let times = if change.times == 1 { "once".to_owned() } else { format!("{} times", change.times) };
    let field = change.field.map(|field| format!(" ({field})")).unwrap_or_default();
    let purpose = change.purpose.map(|purpose| format!(" for {purpose}")).unwrap_or_default();
    let becomes = match change.becomes {
        Becomes::Refused => "loses: it would be refused".to_owned(),
        Becomes::Allowed => "gains: it would be allowed".to_owned(),
        Becomes::Less(was, is) => format!("loses: shown {is} instead of {was}"),
        Becomes::More(was, is) => format!("gains: shown {is} instead of {was}"),
    };
    format!("{} {becomes}. {}{field}{purpose}, {times}", change.name, change.action)
}

pub(super) async fn list(State(service): State<Shared>, caller: Caller) -> Result<Response, Failure> {
    shown(&service, &caller, None).await
}

async fn shown(
    service: &Shared,
    Caller(caller): &Caller,
    error: Option<(StatusCode, String)>,
) -> Result<Response, Failure> {
    let read = ReadApprovals { before: None, limit: MOST };
    let all = perform(&service.app, caller, read).await?.output.items;
    let (waiting, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.mine_to_give);
    let row = |one: ApprovalShown| row(service, caller, one);
    let mut shown = Vec::with_capacity(waiting.len());
    for one in waiting {
        let of = one.draft;
        let mut row = row(one);
        if let Some(id) = of {
            row.draft = Some(draft(service, caller, id).await);
        }
        shown.push(row);
    }
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let page_of = ApprovalsPage {
        frame: Frame::of(service, caller, "approvals"),
        error,
        waiting: shown,
        others: others.into_iter().map(row).collect(),
    };
    page(status, &page_of)
}

pub(super) async fn read(
    State(service): State<Shared>,
    caller: Caller,
    Path(id): Path<ApprovalId>,
) -> Result<Response, Failure> {
    let Caller(caller) = &caller;
    let approval = perform(&service.app, caller, ReadApproval { id }).await?.output;
    let work =
        perform(&service.app, caller, ReadApprovalWork { id, before: None, limit: MOST }).await?.output;
    // A charter that was put in force or withdrawn is compared with nothing any more.
    let of = approval.draft.filter(|_| approval.state == ApprovalState::Asked);
    let mut row = row(&service, caller, approval);
    if let Some(id) = of {
        row.draft = Some(draft(&service, caller, id).await);
    }
    let page_of = ApprovalPage {
        frame: Frame::of(&service, caller, "approvals"),
        one: row,
        more: work.next.is_some(),
        work: work.items.into_iter().map(work_row).collect(),
    };
    page(StatusCode::OK, &page_of)
}

fn row(service: &Shared, caller: &avouch_core::gate::Caller, one: ApprovalShown) -> Row {
    let now = service.app.now();
    let over = one.until <= now;
    let state = match one.state {
        ApprovalState::Asked if over => "nobody spoke in time",
        ApprovalState::Asked => "waiting",
        ApprovalState::Granted if one.remaining == 0 => "used",
        ApprovalState::Granted if over => "over",
        ApprovalState::Granted => "agreed to",
        ApprovalState::Refused => "refused",
        ApprovalState::Cancelled => "taken back",
    };
    let open =
        matches!(one.state, ApprovalState::Asked | ApprovalState::Granted) && !over && one.remaining > 0;
    let rules = service.app.rules();
    let purpose = rules.charter.purpose(&one.purpose).map(|purpose| purpose.title.clone());
    let customers = match one.remaining {
        0 => "nobody more".to_owned(),
        1 => "one customer".to_owned(),
        many => format!("{many} customers"),
    };
    let whom = whom(&one);
    Row {
        id: one.id.to_string(),
        title: one.title,
        who: one.requester_name,
        state,
        action: one.action.parse::<Action>().map_or(one.action, |action| action.about().to_owned()),
        purpose: purpose.unwrap_or(one.purpose),
        whom,
        recently: one.recently.map(|recently| {
            let more = if recently.and_more { "more than " } else { "" };
            format!("{more}{} customers, {} values in clear", recently.customers, recently.clear_values)
        }),
        subject: one.subject.map(|id| id.to_string()),
        fields: one.fields,
        reason: one.reason,
        case_reference: one.case_reference,
        asked: moment(one.asked),
        minutes: one.minutes,
        customers,
        can_cancel: open && one.requester == caller.id(),
        mine_to_give: one.mine_to_give,
        votes: one.votes.into_iter().map(vote_row).collect(),
        wanting: one.wanting.into_iter().map(|(role, count)| format!("{count} {role}")).collect(),
        draft_id: one.draft.map(|id| id.to_string()),
        draft: None,
    }
}

fn vote_row(vote: VoteShown) -> VoteRow {
    let VoteShown { name, role, agrees, at, why } = vote;
    VoteRow { name, role, agrees, at: moment(at), why }
}

/// Whom of many it is about, and how many these are.
fn whom(one: &ApprovalShown) -> Option<String> {
    let whom = match one.reach.as_ref()? {
        Reach::Everybody => "everybody".to_owned(),
        Reach::Search(_) => format!("whoever is found by {}", one.searched_by.join(", ")),
    };
    let count = one.predicted.map(|count| format!(": {count} customers at most, as it stands"));
    Some(whom + &count.unwrap_or_default())
}

pub(super) async fn agree(
    state: State<Shared>,
    caller: Caller,
    id: Path<ApprovalId>,
) -> Result<Response, Failure> {
    word(state, caller, id, true).await
}

pub(super) async fn refuse(
    state: State<Shared>,
    caller: Caller,
    id: Path<ApprovalId>,
) -> Result<Response, Failure> {
    word(state, caller, id, false).await
}

async fn word(
    State(service): State<Shared>,
    caller: Caller,
    Path(id): Path<ApprovalId>,
    agrees: bool,
) -> Result<Response, Failure> {
    match perform(&service.app, &caller.0, Vote { id, agrees, why: None }).await {
        Ok(_) => go(HERE),
        Err(failure) => shown(&service, &caller, Some(said(failure)?)).await,
    }
}

pub(super) async fn cancel(
    State(service): State<Shared>,
    caller: Caller,
    Path(id): Path<ApprovalId>,
) -> Result<Response, Failure> {
    match perform(&service.app, &caller.0, CancelApproval { id }).await {
        Ok(_) => go(HERE),
        Err(failure) => shown(&service, &caller, Some(said(failure)?)).await,
    }
}
