//! Where glass was broken: one's own, and what is one's to review; and what was done behind it.

use avouch_policy::Action;
use avouch_store::Tx;

use super::record::{Glass, Kept};
use super::review::{GlassOutcome, may_review};
use crate::Error;
use crate::app::{Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::Permit;
use crate::gate::approvals::same_person;
use crate::gate::work::{Work, work_under};
use crate::ids::{EventId, GlassId, PrincipalId};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlassState {
    /// It is broken.
    Open,
    /// It waits for its review.
    Waiting,
    /// It waits for too long: nobody breaks any until then.
    Overdue,
    /// Somebody has reviewed it.
    Reviewed(GlassOutcome),
}

/// A broken glass as it is shown.
#[derive(Debug, Clone)]
pub struct GlassShown {
    /// Its id.
    pub id: GlassId,
    /// Who has broken it.
    pub principal: PrincipalId,
    /// By name.
    pub principal_name: String,
    /// The role that it has woken.
    pub role: String,
    /// What that is called.
    pub title: String,
    /// Why.
    pub reason: String,
    /// How far it is.
    pub state: GlassState,
    /// Microseconds UTC.
    pub opened: i64,
    /// Until when it is or was broken.
    pub until: i64,
    /// Until when it is to be reviewed.
    pub due: i64,
    /// How many customers were shown.
    pub customers: usize,
    /// How many may be.
    pub most: u32,
    /// What somebody has said of it.
    pub review: Option<GlassReview>,
    /// Whether whoever reads this may review it.
    pub mine_to_review: bool,
    /// Whether it is the caller's own.
    pub own: bool,
}

/// What somebody has said of it.
#[derive(Debug, Clone)]
pub struct GlassReview {
    /// Who, by name.
    pub by: String,
    /// Microseconds UTC.
    pub at: i64,
    /// What it was.
    pub outcome: GlassOutcome,
    /// Why.
    pub why: String,
}

/// Lists them, newest first.
#[derive(Debug, Clone)]
pub struct ReadGlasses {
    /// Those before this one.
    pub before: Option<GlassId>,
    /// At most so many are looked at.
    pub limit: usize,
}

/// Some of them.
#[derive(Debug, Clone)]
pub struct GlassPage {
    /// Those that are any of the caller's business: fewer than were looked at.
    pub items: Vec<GlassShown>,
    /// Where the next page begins.
    pub next: Option<GlassId>,
}

impl Operation for ReadGlasses {
    const ACTION: Action = Action::BreakGlassRead;
    type Output = GlassPage;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<GlassPage>, Error> {
        let before = self.before.unwrap_or(GlassId::from_bytes([0xff; 16]));
        let limit = self.limit.clamp(1, 200);
        let found = Kept::newest(tx, &cx.app.keys, before, i64::try_from(limit).unwrap_or(200))?;
        let next = found.last().map(|(id, _)| *id).filter(|_| found.len() >= limit);
        let items: Vec<_> = found.into_iter().filter_map(|(id, kept)| shown(cx, id, &kept)).collect();
        let note = Note::count(items.len());
        Ok(Outcome::new(GlassPage { items, next }, note))
    }
}

/// Shows one of them.
#[derive(Debug, Clone)]
pub struct ReadGlass {
    /// Which.
    pub id: GlassId,
}

impl Operation for ReadGlass {
    const ACTION: Action = Action::BreakGlassRead;
    type Output = GlassShown;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<GlassShown>, Error> {
        let kept = Kept::one(tx, cx.app, self.id)?;
        let one = shown(cx, self.id, &kept).ok_or(Error::NotFound)?;
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(one, note))
    }
}

/// Lists what was done behind it, newest first.
#[derive(Debug, Clone)]
pub struct ReadGlassWork {
    /// Which.
    pub id: GlassId,
    /// What was before this.
    pub before: Option<EventId>,
    /// At most so much.
    pub limit: usize,
}

impl Operation for ReadGlassWork {
    const ACTION: Action = Action::BreakGlassRead;
    type Output = Work;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Work>, Error> {
        let kept = Kept::one(tx, cx.app, self.id)?;
        shown(cx, self.id, &kept).ok_or(Error::NotFound)?;
        let known: Vec<_> = kept
            .glass
            .customers
            .iter()
            .filter_map(|customer| Some((customer.pseudonym, customer.subject?)))
            .collect();
        let work = work_under(tx, cx, self.id.bytes(), &known, self.before, self.limit)?;
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(work.items.len()) };
        Ok(Outcome::new(work, note))
    }
}

/// A broken glass, if it is any of the caller's business.
fn shown(cx: &Cx<'_>, id: GlassId, kept: &Kept) -> Option<GlassShown> {
    let may_review = may_review(cx, kept);
    let access = cx.app.access();
    let own = same_person(&access, kept.glass.principal, cx.caller.id());
    if !own && matches!(may_review, Err(Error::NotFound)) {
        return None;
    }
    let name =
        |id| access.principal(id).map_or_else(|| "somebody who is gone".to_owned(), |one| one.name.clone());
    let Glass { principal, role, reason, opened, until, most, customers, due, review, .. } = &kept.glass;
    let state = match review {
        Some(review) => GlassState::Reviewed(review.outcome),
        None if *until > cx.now => GlassState::Open,
        None if *due > cx.now => GlassState::Waiting,
        None => GlassState::Overdue,
    };
    let title = cx.rules.charter.role(role).map_or_else(|| role.clone(), |role| role.title.clone());
    Some(GlassShown {
        id,
        principal: *principal,
        principal_name: name(*principal),
        role: role.clone(),
        title,
        reason: reason.clone(),
        state,
        opened: *opened,
        until: *until,
        due: *due,
        customers: customers.len(),
        most: *most,
        review: review.as_ref().map(|review| GlassReview {
            by: name(review.by),
            at: review.at,
            outcome: review.outcome,
            why: review.why.clone(),
        }),
        mine_to_review: may_review.is_ok() && review.is_none() && *until <= cx.now,
        own,
    })
}
