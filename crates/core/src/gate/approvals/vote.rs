//! Giving one's word: for it or against it. All that the charter asks for have to agree; one who does not is enough to refuse.

use avouch_policy::Action;
use avouch_store::Tx;

use super::live::{ApprovalChange, Held, stands};
use super::record::{Kept, State, Voted};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Access, Intent, Permit, Reason, login_name};
use crate::ids::{ApprovalId, PrincipalId};
use crate::rules::Rules;

/// See the module.
#[derive(Debug, Clone)]
pub struct Vote {
    /// On which request.
    pub id: ApprovalId,
    /// Whether one agrees.
    pub agrees: bool,
    /// Why, in words.
    pub why: Option<Reason>,
}

impl Operation for Vote {
    const ACTION: Action = Action::ApprovalGive;
    type Output = State;
    type Facts = Kept;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Kept, Error> {
        Kept::one(tx, cx.app, self.id)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, kept: Kept) -> Result<Outcome<State>, Error> {
        let Kept { mut request, version, until, .. } = kept;
        let access = cx.app.access();
        let approval = cx.rules.charter.approval(&request.approval).ok_or(Error::NotFound)?;
        // The role that is still wanting, of those that the caller holds. Whoever holds none of them has nothing to say, and
        // does not learn that there is something to say it about.
        let held = |role: &String| cx.caller.roles().iter().any(|held| held == role);
        let agreed = |role: &str| request.votes.iter().filter(|vote| vote.role == role).count();
        let mut roles = approval.approvers.iter().filter(|(role, _)| held(role)).peekable();
        if roles.peek().is_none() {
            return Err(Error::NotFound);
        }
        let wanting =
            roles.find(|(role, count)| agreed(role) < usize::try_from(*count).unwrap_or(usize::MAX));
        if request.state != State::Asked || until <= cx.now {
            return Err(Error::Conflict("it is over already"));
        }
        if request.draft.is_some_and(|draft| draft.base != cx.rules.version) {
            return Err(Error::Conflict(
                "another charter has come into force since: it has to be drafted again",
            ));
        }
        bars(&access, cx.caller.id(), request.requester)?;
        let about = request.subject.map(|subject| access.marks().of(subject).colleague);
        if about.flatten().is_some_and(|colleague| same_person(&access, colleague, cx.caller.id())) {
            return Err(Error::Conflict("nobody agrees to a look at themselves"));
        }
        if request.votes.iter().any(|vote| same_person(&access, vote.who, cx.caller.id())) {
            return Err(Error::Conflict("you have given your word already"));
        }
        let (role, _) = wanting.ok_or(Error::Conflict("enough of your role have agreed: another has to"))?;
        request.votes.push(Voted {
            who: cx.caller.id(),
            role: role.clone(),
            agrees: self.agrees,
            at: cx.now,
            why: self.why.as_ref().map(|why| why.as_str().to_owned()),
        });
        let mut changes = Vec::new();
        let mut ends = until;
        if !self.agrees {
            request.state = State::Refused;
        } else if stands(&request, cx.rules, &access) {
            request.state = State::Granted;
            ends = cx.now.saturating_add(i64::from(request.minutes) * 60 * 1_000_000);
            changes.push(ApprovalChange::Holds(self.id, Held::new(request.clone(), ends)));
        }
        request.change(tx, cx.app, self.id, version, ends)?;
        let note = Note { objects: vec![*self.id.bytes(), *request.requester.bytes()], ..Note::count(1) };
        Ok(Outcome::new(request.state, note).with_approvals(changes))
    }
}

/// Who agrees to nothing that somebody asks for: they themselves by any of their accounts, and whoever reports to them.
fn bars(access: &Access, voter: PrincipalId, requester: PrincipalId) -> Result<(), Error> {
    if same_person(access, voter, requester) {
        return Err(Error::Conflict("nobody agrees to what they ask for themselves"));
    }
    if reports_to(access, voter, requester) {
        return Err(Error::Conflict("nobody agrees to what the one asks for whom they report to"));
    }
    Ok(())
}

/// Whether nobody is there who could agree to what somebody asks for: of those who may act and hold a role that has a word in it, all
/// are that somebody themselves, by whatever account, or report to them.
pub(crate) fn nobody_else(
    access: &Access,
    rules: &Rules,
    requester: PrincipalId,
    approval: &str,
    now: i64,
) -> bool {
    let Some(approval) = rules.charter.approval(approval) else { return false };
    let speaks = |role: &String| approval.approvers.iter().any(|(wanted, _)| wanted == role);
    !access.principals().any(|(id, record)| {
        let may_act = record.is_active() && record.until.is_none_or(|until| now < until);
        may_act
            && access.class(id, rules).is_some_and(|class| class.roles().iter().any(speaks))
            && bars(access, id, requester).is_ok()
    })
}

/// Whether somebody has another above them, however far up the line.
pub(crate) fn reports_to(access: &Access, who: PrincipalId, whom: PrincipalId) -> bool {
    // As far as the line goes; a circle ends it.
    let mut above = access.principal(who).and_then(|record| record.manager);
    for _ in 0..20 {
        match above {
            Some(manager) if same_person(access, manager, whom) => return true,
            Some(manager) => above = access.principal(manager).and_then(|record| record.manager),
            None => break,
        }
    }
    false
}

/// Whether two accounts are one human being.
pub(crate) fn same_person(access: &Access, one: PrincipalId, other: PrincipalId) -> bool {
    // However two administrators have spelt it.
    let person = |id| access.principal(id).and_then(|record| record.person.as_deref()).map(login_name);
    one == other || matches!((person(one), person(other)), (Some(one), Some(other)) if one == other)
}
