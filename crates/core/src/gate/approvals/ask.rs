//! Asking for others' word, and taking that back.

use avouch_policy::{Action, Need};
use avouch_store::Tx;

use super::live::ApprovalChange;
use super::record::{Kept, OfDraft, Request, State};
use super::vote::nobody_else;
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::{self, Intent, Permit, Reach, Reason, SubjectFacts};
use crate::ids::{ApprovalId, DraftId, SubjectId};
use crate::vault::{self, Asked};
use crate::{Error, Fault};

/// For how long a request waits for others.
const WAITS_MICROS: i64 = 3 * 24 * 3600 * 1_000_000;

/// Asks.
#[derive(Debug, Clone)]
pub struct AskApproval {
    /// Which of the charter's approvals, as a refusal has named it.
    pub approval: String,
    /// What is to be done.
    pub action: Action,
    /// For which purpose.
    pub purpose: String,
    /// On whom.
    pub scope: Scope,
    /// With which fields, by name.
    pub fields: Vec<String>,
    /// Why.
    pub reason: Reason,
    /// The case, order or ticket that it belongs to.
    pub case_reference: Option<String>,
    /// For how long, at most as the charter says; nothing: as long as it says.
    pub minutes: Option<u32>,
    /// For how many customers, at most as the charter says; nothing: one.
    pub customers: Option<u32>,
}

/// On whom something is to be done.
#[derive(Debug, Clone)]
pub enum Scope {
    /// On nobody in particular: it shows no customer.
    Nobody,
    /// On one customer.
    Customer(SubjectId),
    /// On whoever a search finds, for `subject.search`: this one, letter by letter.
    Search(Asked),
    /// On everybody, for `subject.export` and `subject.list`.
    Everybody,
}

impl Scope {
    const fn customer(&self) -> Option<SubjectId> {
        match self {
            Self::Customer(id) => Some(*id),
            Self::Nobody | Self::Search(_) | Self::Everybody => None,
        }
    }

    fn reach(&self, app: &App) -> Option<Reach> {
        match self {
            Self::Nobody | Self::Customer(_) => None,
            Self::Search(asked) => Some(Reach::Search(asked.digest(app))),
            Self::Everybody => Some(Reach::Everybody),
        }
    }

    /// Whether this can be done to them.
    const fn fits(&self, action: Action) -> bool {
        match self {
            Self::Search(_) => matches!(action, Action::SubjectSearch),
            Self::Everybody => matches!(action, Action::SubjectExport | Action::SubjectList),
            Self::Nobody | Self::Customer(_) => {
                !matches!(action, Action::SubjectSearch | Action::SubjectExport | Action::SubjectList)
            }
        }
    }

    /// How many customers that are at most, as it stands.
    fn predicted(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Option<u64>, Error> {
        match self {
            Self::Nobody => Ok(None),
            Self::Customer(_) => Ok(Some(1)),
            Self::Search(asked) => vault::predicted(tx, cx, asked).map(Some),
            Self::Everybody => vault::count(tx, COUNTED).map(Some),
        }
    }

    fn searched_by(&self) -> Vec<String> {
        let Self::Search(asked) = self else { return Vec::new() };
        asked.by.keys().chain(asked.like.keys()).cloned().collect()
    }
}

/// More than so many are not counted.
const COUNTED: u64 = 1_000_000;

impl Operation for AskApproval {
    const ACTION: Action = Action::ApprovalAsk;
    type Output = ApprovalId;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<ApprovalId>, Error> {
        let mut faults = Vec::new();
        let approval = cx.rules.charter.approval(&self.approval);
        if approval.is_none() {
            faults.push(Fault::new("/approval", "the charter has no such approval"));
        }
        if !cx.rules.purposes.contains_key(&self.purpose) {
            faults.push(Fault::new("/purpose", "the charter has no such purpose"));
        }
        let most = approval.map_or((1, 1), |approval| (approval.minutes, approval.customers));
        let (minutes, customers) = (self.minutes.unwrap_or(most.0), self.customers.unwrap_or(1));
        if !(1..=most.0).contains(&minutes) {
            faults.push(Fault::new("/minutes", format!("expected 1 to {}", most.0)));
        }
        if !(1..=most.1).contains(&customers) {
            faults.push(Fault::new("/customers", format!("expected 1 to {}", most.1)));
        }
        if !self.scope.fits(self.action) {
            let detail = "expected `everybody` for exports and lists, `search` for searches, and one customer for the rest";
            faults.push(Fault::new("/action", detail));
        }
        if self.case_reference.as_ref().is_some_and(|text| !(1..=60).contains(&text.chars().count())) {
            faults.push(Fault::new("/case_reference", "expected 1 to 60 characters"));
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let places = match self.action {
            // They show whatever the purpose covers, and others agree to just that.
            Action::SubjectSearch | Action::SubjectList if self.fields.is_empty() => {
                gate::covered(cx.rules, Some(&self.purpose))
            }
            Action::SubjectSearch | Action::SubjectList => {
                let detail = "a list or a search shows whatever the purpose covers: leave them out";
                return Err(Error::invalid("/fields", detail));
            }
            _ => crate::vault::places(cx.rules, &self.fields, "/fields")?,
        };
        let number = |place: &usize| cx.rules.fields.get(*place).map(|rule| rule.number);
        let request = Request {
            requester: cx.caller.id(),
            state: State::Asked,
            approval: self.approval.clone(),
            action: self.action.as_str().to_owned(),
            purpose: self.purpose.clone(),
            subject: self.scope.customer(),
            reach: self.scope.reach(cx.app),
            searched_by: self.scope.searched_by(),
            predicted: self.scope.predicted(tx, cx)?,
            fields: places.iter().filter_map(number).collect(),
            reason: self.reason.as_str().to_owned(),
            case_reference: self.case_reference.clone(),
            asked: cx.now,
            minutes,
            customers,
            votes: Vec::new(),
            draft: None,
        };
        let id = ApprovalId::from_bytes(cx.new_id()?);
        request.put(tx, cx.app, id, cx.now.saturating_add(WAITS_MICROS))?;
        Ok(Outcome::new(id, Note { objects: vec![*id.bytes()], ..Note::count(1) }))
    }
}

/// Asks for what the charter wants before a draft of another may be put in force: one request for each approval that policy names,
/// unless nobody is there who could agree to it.
pub(crate) fn ask_for_draft(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    draft: DraftId,
    reason: &Reason,
) -> Result<Vec<ApprovalId>, Error> {
    let mut asked = Vec::new();
    for approval in wanted_to_apply(cx)? {
        let Some(rule) = cx.rules.charter.approval(&approval) else { continue };
        let request = Request {
            requester: cx.caller.id(),
            state: State::Asked,
            action: Action::CharterApply.as_str().to_owned(),
            purpose: String::new(),
            subject: None,
            reach: None,
            searched_by: Vec::new(),
            predicted: None,
            fields: Vec::new(),
            reason: reason.as_str().to_owned(),
            case_reference: None,
            asked: cx.now,
            minutes: rule.minutes,
            customers: 1,
            votes: Vec::new(),
            draft: Some(OfDraft { id: draft, base: cx.rules.version }),
            approval,
        };
        let id = ApprovalId::from_bytes(cx.new_id()?);
        request.put(tx, cx.app, id, cx.now.saturating_add(WAITS_MICROS))?;
        asked.push(id);
    }
    Ok(asked)
}

/// The approvals without which the caller may not put another charter in force.
///
/// # Errors
/// [`Error::Refused`] when they may not even with all of them.
fn wanted_to_apply(cx: &Cx<'_>) -> Result<Vec<String>, Error> {
    let (action, facts) = (Action::CharterApply, SubjectFacts::default());
    let refusal = match gate::decide(cx.rules, cx.caller, action, &Intent::plain(), facts) {
        Ok(_) => return Ok(Vec::new()),
        Err(Error::Refused(refusal)) => refusal,
        Err(error) => return Err(error),
    };
    if refusal.needs.iter().any(|need| matches!(need, Need::Permission { .. })) {
        return Err(Error::Refused(refusal));
    }
    let access = cx.app.access();
    let names = refusal.needs.into_iter().filter_map(|need| match need {
        Need::Approval { name } => Some(name),
        // How fresh a log-in has to be is asked when it is put in force.
        _ => None,
    });
    Ok(names.filter(|name| !nobody_else(&access, cx.rules, cx.caller.id(), name, cx.now)).collect())
}

/// Takes a request back, agreed to or not.
#[derive(Debug, Clone)]
pub struct CancelApproval {
    /// Which.
    pub id: ApprovalId,
}

impl Operation for CancelApproval {
    const ACTION: Action = Action::ApprovalAsk;
    type Output = ();
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let Kept { mut request, version, .. } = Kept::one(tx, cx.app, self.id)?;
        if request.requester != cx.caller.id() {
            return Err(Error::NotFound);
        }
        if !matches!(request.state, State::Asked | State::Granted) {
            return Err(Error::Conflict("it is over already"));
        }
        request.state = State::Cancelled;
        // Its row ends now: whoever has not heard of it yet takes nothing off it any more.
        request.change(tx, cx.app, self.id, version, cx.now)?;
        let ends = ApprovalChange::Ends(self.id, request.requester);
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(1) };
        Ok(Outcome::new((), note).with_approvals(vec![ends]))
    }
}
