//! Saying afterwards whether it was right. Somebody else does: by no account of the one who looked, and nobody who reports to them.

use avouch_policy::Action;
use avouch_store::Tx;
use serde::{Deserialize, Serialize};

use super::record::{Kept, Reviewed};
use crate::Error;
use crate::app::{Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::approvals::{reports_to, same_person};
use crate::gate::{Permit, Reason};
use crate::ids::GlassId;
use crate::watch::alarms::{Alarm, AlarmKind, raise_of};

/// What it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlassOutcome {
    /// It had to be.
    Justified,
    /// It had not: that is an alarm.
    Unjustified,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct ReviewGlass {
    /// Which.
    pub id: GlassId,
    /// What it was.
    pub outcome: GlassOutcome,
    /// Why.
    pub why: Reason,
}

/// Whether somebody may review it; of whom they are not told apart from there being none.
pub(super) fn may_review(cx: &Cx<'_>, kept: &Kept) -> Result<(), Error> {
    let (access, me, whose) = (cx.app.access(), cx.caller.id(), kept.glass.principal);
    let holds = |role: &String| cx.caller.roles().iter().any(|held| held == role);
    let own = same_person(&access, me, whose);
    if !own && !kept.glass.reviewers.iter().any(holds) {
        return Err(Error::NotFound);
    }
    if own {
        return Err(Error::Conflict("nobody reviews what they have done themselves"));
    }
    if reports_to(&access, me, whose) {
        return Err(Error::Conflict("nobody reviews what the one has done whom they report to"));
    }
    Ok(())
}

impl Operation for ReviewGlass {
    const ACTION: Action = Action::BreakGlassReview;
    type Output = ();
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let mut kept = Kept::one(tx, cx.app, self.id)?;
        may_review(cx, &kept)?;
        if kept.glass.review.is_some() {
            return Err(Error::Conflict("somebody has reviewed it already"));
        }
        if kept.glass.until > cx.now {
            return Err(Error::Conflict("it is not over yet: there may be more to review"));
        }
        let why = self.why.as_str().to_owned();
        kept.glass.review = Some(Reviewed { by: cx.caller.id(), at: cx.now, outcome: self.outcome, why });
        kept.change(tx, cx.app, self.id)?;
        let principal = kept.glass.principal;
        if self.outcome == GlassOutcome::Unjustified {
            let detail = format!("{}: {}", kept.glass.role, self.id);
            let alarm = Alarm { kind: AlarmKind::BreakGlassUnjustified, principal, subject: None, detail };
            raise_of(tx, cx.app, cx.now, alarm, self.id.bytes())?;
        }
        let note = Note { objects: vec![*self.id.bytes(), *principal.bytes()], ..Note::count(1) };
        Ok(Outcome::new((), note))
    }
}
