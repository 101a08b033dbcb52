//! What waits for one's word, and what one has asked for.

use avouch_policy::Action;
use avouch_store::Tx;

use super::record::{Kept, State};
use super::vote::same_person;
use crate::Error;
use crate::app::{Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::work::{Work, work_under};
use crate::gate::{Permit, Reach};
use crate::ids::{ApprovalId, DraftId, EventId, PrincipalId, SubjectId};
use crate::watch::{Recently, recently};

/// Lists requests, newest first: one's own, and those on which one has or had something to say.
#[derive(Debug, Clone)]
pub struct ReadApprovals {
    /// Those before this one.
    pub before: Option<ApprovalId>,
    /// At most so many are looked at.
    pub limit: usize,
}

/// Some of them.
#[derive(Debug, Clone)]
pub struct ApprovalPage {
    /// Those that are any of the caller's business: fewer than were looked at.
    pub items: Vec<ApprovalShown>,
    /// Where the next page begins.
    pub next: Option<ApprovalId>,
}

/// Of so many of those who ask it is said at once what they have looked at.
const MOST_REQUESTERS: usize = 5;

/// A request as it is shown.
#[derive(Debug, Clone)]
pub struct ApprovalShown {
    /// Its id.
    pub id: ApprovalId,
    /// Who asks.
    pub requester: PrincipalId,
    /// By name.
    pub requester_name: String,
    /// How far it is.
    pub state: State,
    /// The charter's approval.
    pub approval: String,
    /// What it is called.
    pub title: String,
    /// What is to be done.
    pub action: String,
    /// For which purpose.
    pub purpose: String,
    /// On whom.
    pub subject: Option<SubjectId>,
    /// Whom of many.
    pub reach: Option<Reach>,
    /// By which fields whoever is searched for is searched.
    pub searched_by: Vec<String>,
    /// How many customers that were when it was asked for, at most; for those who have a word on it.
    pub predicted: Option<u64>,
    /// What whoever asks has looked at in the last 30 days; where it waits for whoever reads this.
    pub recently: Option<Recently>,
    /// The draft of a charter that is to be put in force.
    pub draft: Option<DraftId>,
    /// With which fields.
    pub fields: Vec<String>,
    /// Why.
    pub reason: String,
    /// The case it belongs to.
    pub case_reference: Option<String>,
    /// Microseconds UTC.
    pub asked: i64,
    /// Until when it can be agreed to, or holds.
    pub until: i64,
    /// For how many minutes it holds.
    pub minutes: u32,
    /// For how many customers more.
    pub remaining: i64,
    /// Who has spoken.
    pub votes: Vec<VoteShown>,
    /// Who is still to agree: roles, and how many of each.
    pub wanting: Vec<(String, usize)>,
    /// Whether it waits for whoever reads this.
    pub mine_to_give: bool,
}

/// Somebody's word as it is shown.
#[derive(Debug, Clone)]
pub struct VoteShown {
    /// Who, by name.
    pub name: String,
    /// The role in which they spoke.
    pub role: String,
    /// Whether they agree.
    pub agrees: bool,
    /// Microseconds UTC.
    pub at: i64,
    /// Why.
    pub why: Option<String>,
}

impl Operation for ReadApprovals {
    const ACTION: Action = Action::ApprovalRead;
    type Output = ApprovalPage;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let before = self.before.unwrap_or(ApprovalId::from_bytes([0xff; 16]));
        let most = i64::try_from(self.limit.clamp(1, 200)).unwrap_or(200);
        let found = Kept::newest(tx, &cx.app.keys, before, most)?;
        let next = found.last().map(|(id, _)| *id).filter(|_| found.len() >= self.limit.clamp(1, 200));
        let mut items: Vec<_> = found.into_iter().filter_map(|(id, kept)| shown(cx, id, kept)).collect();
        let mut known: Vec<(PrincipalId, Recently)> = Vec::new();
        for one in items.iter_mut().filter(|one| one.mine_to_give) {
            one.recently = match known.iter().find(|(who, _)| *who == one.requester) {
                Some((_, recently)) => Some(*recently),
                None if known.len() < MOST_REQUESTERS => {
                    let recently = recently(tx, cx.app, one.requester, cx.now)?;
                    known.extend(recently.map(|recently| (one.requester, recently)));
                    recently
                }
                None => None,
            };
        }
        let note = Note::count(items.len());
        Ok(Outcome::new(ApprovalPage { items, next }, note))
    }
}

/// Shows one request to whoever it is any business of.
#[derive(Debug, Clone, Copy)]
pub struct ReadApproval {
    /// Which.
    pub id: ApprovalId,
}

impl Operation for ReadApproval {
    const ACTION: Action = Action::ApprovalRead;
    type Output = ApprovalShown;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let kept = Kept::one(tx, cx.app, self.id)?;
        let mut shown = shown(cx, self.id, kept).ok_or(Error::NotFound)?;
        if shown.mine_to_give {
            shown.recently = recently(tx, cx.app, shown.requester, cx.now)?;
        }
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(shown, note))
    }
}

/// Lists what was done under it, newest first.
#[derive(Debug, Clone)]
pub struct ReadApprovalWork {
    /// Which.
    pub id: ApprovalId,
    /// What was before this.
    pub before: Option<EventId>,
    /// At most so much.
    pub limit: usize,
}

impl Operation for ReadApprovalWork {
    const ACTION: Action = Action::ApprovalRead;
    type Output = Work;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Work>, Error> {
        let kept = Kept::one(tx, cx.app, self.id)?;
        let shown = shown(cx, self.id, kept).ok_or(Error::NotFound)?;
        let mut whom =
            |subject| crate::vault::pseudonym_of(tx, cx, subject).map(|pseudonym| (pseudonym, subject));
        let known: Vec<_> = shown.subject.and_then(|subject| whom(subject).ok()).into_iter().collect();
        let work = work_under(tx, cx, self.id.bytes(), &known, self.before, self.limit)?;
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(work.items.len()) };
        Ok(Outcome::new(work, note))
    }
}

/// A request, if it is any of the caller's business.
fn shown(cx: &Cx<'_>, id: ApprovalId, kept: Kept) -> Option<ApprovalShown> {
    let Kept { request, until, remaining, .. } = kept;
    let access = cx.app.access();
    let approval = cx.rules.charter.approval(&request.approval);
    let own = same_person(&access, request.requester, cx.caller.id());
    let approvers = approval.map(|approval| approval.approvers.as_slice()).unwrap_or_default();
    let holds = |role: &str| cx.caller.roles().iter().any(|held| held == role);
    if !own && !approvers.iter().any(|(role, _)| holds(role)) {
        return None;
    }
    let name =
        |id| access.principal(id).map_or_else(|| "somebody who is gone".to_owned(), |one| one.name.clone());
    let spoken = |role: &str| request.votes.iter().filter(|vote| vote.role == role).count();
    let wanting: Vec<_> = approvers
        .iter()
        .filter_map(|(role, count)| {
            let left = usize::try_from(*count).unwrap_or(usize::MAX).saturating_sub(spoken(role));
            (left > 0).then(|| (role.clone(), left))
        })
        .collect();
    let waits = request.state == State::Asked && until > cx.now;
    let spoke = request.votes.iter().any(|vote| same_person(&access, vote.who, cx.caller.id()));
    let mine_to_give = waits && !own && !spoke && wanting.iter().any(|(role, _)| holds(role));
    Some(ApprovalShown {
        id,
        requester: request.requester,
        requester_name: name(request.requester),
        state: request.state,
        title: approval.map_or_else(|| request.approval.clone(), |approval| approval.title.clone()),
        approval: request.approval,
        action: request.action,
        purpose: request.purpose,
        subject: request.subject,
        reach: request.reach,
        searched_by: request.searched_by,
        // Whoever asks learns nothing by asking.
        predicted: request.predicted.filter(|_| !own),
        recently: None,
        draft: request.draft.map(|draft| draft.id),
        fields: request
            .fields
            .iter()
            .filter_map(|number| cx.rules.field_name(*number))
            .map(str::to_owned)
            .collect(),
        reason: request.reason,
        case_reference: request.case_reference,
        asked: request.asked,
        until,
        minutes: request.minutes,
        remaining,
        votes: request
            .votes
            .into_iter()
            .map(|vote| VoteShown {
                name: name(vote.who),
                role: vote.role,
                agrees: vote.agrees,
                at: vote.at,
                why: vote.why,
            })
            .collect(),
        wanting,
        mine_to_give,
    })
}
