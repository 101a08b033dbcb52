//! Closing a case: by somebody whom it is not about, by any of their accounts, and who does not report to that one.

use avouch_policy::Action;
use avouch_store::Tx;
use avouch_watch::ActorId;

use super::cases::{CaseOutcome, CaseState, Closing, Stored};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::approvals::{reports_to, same_person};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::CaseId;
use crate::rules::Rules;

/// See the module.
#[derive(Debug, Clone)]
pub struct CloseCase {
    /// Which.
    pub id: CaseId,
    /// What it has come to.
    pub outcome: CaseOutcome,
    /// Why.
    pub why: Reason,
}

impl Operation for CloseCase {
    const ACTION: Action = Action::WatchClose;
    type Output = ();
    type Facts = CaseToClose;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<CaseToClose, Error> {
        Stored::one(tx, cx.app, self.id).map(CaseToClose)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        CaseToClose(mut stored): CaseToClose,
    ) -> Result<Outcome<()>, Error> {
        let (access, me, actor) = (cx.app.access(), cx.caller.id(), stored.case.actor);
        // Nobody learns here that there is a case about themselves.
        if same_person(&access, me, actor) {
            return Err(Error::NotFound);
        }
        if reports_to(&access, me, actor) {
            return Err(Error::Conflict("nobody closes a case about whom they report to"));
        }
        if stored.state == CaseState::Closed {
            return Err(Error::Conflict("it is closed already"));
        }
        stored.state = CaseState::Closed;
        let why = self.why.as_str().to_owned();
        stored.case.closing = Some(Closing { by: me, at: cx.now, outcome: self.outcome, why });
        stored.change(tx, cx.app, cx.now)?;
        if self.outcome == CaseOutcome::NewWork {
            // What is undone of this by a rollback is that a sum in memory begins anew.
            cx.app.watching.lock().watch.accept(ActorId(*actor.bytes()));
        }
        let note = Note { objects: vec![*self.id.bytes(), *actor.bytes()], ..Note::count(1) };
        Ok(Outcome::new((), note))
    }
}

/// The case as it was read.
#[derive(Debug)]
pub struct CaseToClose(Stored);
