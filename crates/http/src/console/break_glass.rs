//! Breaking the glass, what was done behind it, and its review.

use askama::Template;
use avouch_core::GlassId;
use avouch_core::gate::Reason;
use avouch_core::gate::break_glass::{
    CloseGlass, GlassOutcome, GlassShown, GlassState, OpenGlass, ReadGlass, ReadGlassWork, ReadGlasses,
    ReviewGlass,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::forms::{Posted, said};
use super::show::{Frame, go, moment, page};
use super::work::{WorkRow, work_row};
use crate::extract::{Caller, Path};
use crate::perform::perform;
use crate::problem::Failure;
use crate::service::Shared;

const HERE: &str = "/console/break-glass";
/// How many of the newest are looked at.
const MOST: usize = 200;
/// What policy asks of whoever breaks it: better before the form than after it.
const FRESH_MINUTES: u32 = 2;

#[derive(Template)]
#[template(path = "break_glass.html")]
struct GlassesPage {
    frame: Frame,
    error: Option<String>,
    /// What the caller may wake.
    roles: Vec<Sleeping>,
    fresh: bool,
    reason: String,
    open: Option<Row>,
    waiting: Vec<Row>,
    others: Vec<Row>,
}

/// A role of the caller's that sleeps.
struct Sleeping {
    name: String,
    title: String,
    minutes: u32,
    customers: u32,
}

#[derive(Template)]
#[template(path = "broken_glass.html")]
struct GlassPage {
    frame: Frame,
    error: Option<String>,
    glass: Row,
    work: Vec<WorkRow>,
    /// More was done than is shown here.
    more: bool,
}

struct Row {
    id: String,
    title: String,
    who: String,
    state: &'static str,
    reason: String,
    opened: String,
    until: String,
    due: String,
    overdue: bool,
    customers: usize,
    most: u32,
    review: Option<(String, String, String)>,
    is_open: bool,
    own: bool,
    mine_to_review: bool,
}

pub(super) async fn list(State(service): State<Shared>, caller: Caller) -> Result<Response, Failure> {
    shown(&service, &caller, String::new(), None).await
}

async fn shown(
    service: &Shared,
    Caller(caller): &Caller,
    reason: String,
    error: Option<(StatusCode, String)>,
) -> Result<Response, Failure> {
    let all = perform(&service.app, caller, ReadGlasses { before: None, limit: MOST }).await?.output.items;
    let mine_now = |one: &GlassShown| one.state == GlassState::Open && one.principal == caller.id();
    let (open, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(mine_now);
    let (waiting, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|one| one.mine_to_review);
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let rules = service.app.rules();
    let sleeping = rules.charter.roles().iter().filter(|role| caller.roles().contains(&role.name));
    let roles = sleeping.filter_map(|role| {
        let terms = role.break_glass.as_ref()?;
        let (minutes, customers) = (terms.minutes, terms.customers);
        Some(Sleeping { name: role.name.clone(), title: role.title.clone(), minutes, customers })
    });
    let proof = caller.proof();
    let page_of = GlassesPage {
        frame: Frame::of(service, caller, "break-glass"),
        error,
        roles: roles.collect(),
        fresh: proof.phishing_resistant() && proof.age() <= FRESH_MINUTES,
        reason,
        open: open.into_iter().map(row).next(),
        waiting: waiting.into_iter().map(row).collect(),
        others: others.into_iter().map(row).collect(),
    };
    page(status, &page_of)
}

fn row(one: GlassShown) -> Row {
    let state = match one.state {
        GlassState::Open => "broken",
        GlassState::Waiting => "to be reviewed",
        GlassState::Overdue => "review overdue",
        GlassState::Reviewed(GlassOutcome::Justified) => "justified",
        GlassState::Reviewed(GlassOutcome::Unjustified) => "not justified",
    };
    Row {
        id: one.id.to_string(),
        title: one.title,
        who: one.principal_name,
        state,
        reason: one.reason,
        opened: moment(one.opened),
        until: moment(one.until),
        due: moment(one.due),
        overdue: one.state == GlassState::Overdue,
        customers: one.customers,
        most: one.most,
        review: one.review.map(|review| (review.by, moment(review.at), review.why)),
        is_open: one.state == GlassState::Open,
        own: one.own,
        mine_to_review: one.mine_to_review,
    }
}

pub(super) async fn open(
    State(service): State<Shared>,
    caller: Caller,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let typed = posted.text("reason");
    let role = posted.take("role").map(|role| role.to_string());
    let done = match Reason::parse(&typed) {
        Ok(reason) => {
            perform(&service.app, &caller.0, OpenGlass { role, reason, minutes: None }).await.map(drop)
        }
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => go(HERE),
        Err(failure) => shown(&service, &caller, typed, Some(said(failure)?)).await,
    }
}

pub(super) async fn read(
    State(service): State<Shared>,
    caller: Caller,
    Path(id): Path<GlassId>,
) -> Result<Response, Failure> {
    one(&service, &caller, id, None).await
}

async fn one(
    service: &Shared,
    Caller(caller): &Caller,
    id: GlassId,
    error: Option<(StatusCode, String)>,
) -> Result<Response, Failure> {
    let glass = perform(&service.app, caller, ReadGlass { id }).await?.output;
    let work = perform(&service.app, caller, ReadGlassWork { id, before: None, limit: MOST }).await?.output;
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let page_of = GlassPage {
        frame: Frame::of(service, caller, "break-glass"),
        error,
        glass: row(glass),
        more: work.next.is_some(),
        work: work.items.into_iter().map(work_row).collect(),
    };
    page(status, &page_of)
}

pub(super) async fn review(
    State(service): State<Shared>,
    caller: Caller,
    Path(id): Path<GlassId>,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let outcome = match posted.text("outcome").as_str() {
        "unjustified" => GlassOutcome::Unjustified,
        _ => GlassOutcome::Justified,
    };
    let done = match Reason::parse(&posted.text("why")) {
        Ok(why) => perform(&service.app, &caller.0, ReviewGlass { id, outcome, why }).await.map(drop),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => go(HERE),
        Err(failure) => one(&service, &caller, id, Some(said(failure)?)).await,
    }
}

pub(super) async fn end(
    State(service): State<Shared>,
    caller: Caller,
    Path(id): Path<GlassId>,
) -> Result<Response, Failure> {
    match perform(&service.app, &caller.0, CloseGlass { id }).await {
        Ok(_) => go(HERE),
        Err(failure) => shown(&service, &caller, String::new(), Some(said(failure)?)).await,
    }
}
