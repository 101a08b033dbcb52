//! Breaking the glass, and ending that before its time.

use avouch_charter::Role;
use avouch_policy::{Action, Need};
use avouch_store::Tx;

use super::LEAST_REASON;
use super::day::one_working_day;
use super::live::GlassChange;
use super::record::{DECIDED, Glass, Kept, check_newest, holds, ring_overdue};
use crate::app::{After, Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::error::Refusal;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::GlassId;
use crate::rules::Rules;
use crate::watch::alarms::{Alarm, AlarmKind, raise_of};
use crate::{Error, Fault};

/// Breaks the glass.
#[derive(Debug, Clone)]
pub struct OpenGlass {
    /// The role that is to be woken; nothing for whoever holds one that sleeps and no more.
    pub role: Option<String>,
    /// Why, in [`LEAST_REASON`] characters or more.
    pub reason: Reason,
    /// For how long, at most as the charter says; nothing: as long as it says.
    pub minutes: Option<u32>,
}

/// A glass that was just broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its id.
    pub id: GlassId,
    /// Until when.
    pub until: i64,
    /// For so many customers.
    pub customers: u32,
    /// Until when it is to be reviewed.
    pub due: i64,
}

impl OpenGlass {
    /// The role that the caller wakes, of those that sleep.
    fn role<'r>(&self, cx: &Cx<'r>) -> Result<&'r Role, Error> {
        let sleeping = || cx.rules.charter.roles().iter().filter(|role| role.break_glass.is_some());
        let mut held = sleeping().filter(|role| holds(cx.rules, cx.caller.roles(), &role.name));
        let Some(first) = held.next() else {
            let action = Action::BreakGlassOpen;
            let roles_that_have_it = sleeping().map(|role| role.name.clone()).collect();
            let needs = vec![Need::Permission { action, roles_that_have_it }];
            return Err(Error::Refused(Refusal { needs, policies: vec![DECIDED.to_owned()] }));
        };
        match (&self.role, held.next()) {
            (None, None) => Ok(first),
            (None, Some(_)) => Err(Error::invalid("/role", "you hold more than one: say which")),
            (Some(name), _) => sleeping()
                .find(|role| role.name == *name && holds(cx.rules, cx.caller.roles(), name))
                .ok_or_else(|| Error::invalid("/role", "expected a role of yours that sleeps")),
        }
    }
}

impl Operation for OpenGlass {
    const ACTION: Action = Action::BreakGlassOpen;
    type Output = Opened;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(None, Some(self.reason.clone()), 0))
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Opened>, Error> {
        let role = self.role(cx)?;
        let terms = role.break_glass.as_ref().ok_or(Error::Internal("a role that sleeps has no terms"))?;
        let minutes = self.minutes.unwrap_or(terms.minutes);
        let mut faults = Vec::new();
        if self.reason.as_str().chars().count() < LEAST_REASON {
            let detail =
                format!("expected {LEAST_REASON} characters or more: somebody has to be able to review it");
            faults.push(Fault::new("/reason", detail));
        }
        if !(1..=terms.minutes).contains(&minutes) {
            faults.push(Fault::new("/minutes", format!("expected 1 to {}", terms.minutes)));
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        check_newest(tx, cx.app)?;
        if ring_overdue(tx, cx.app, cx.now)? {
            // What it has rung stays, so this is committed: nothing else was written.
            let error =
                Error::Conflict("a review of broken glass is overdue: nobody breaks any before it is done");
            return Ok(Outcome::failed(error, Note::count(0)));
        }
        let me = cx.caller.id();
        if Kept::open_now(tx, &cx.app.keys, cx.now)?.iter().any(|(_, kept)| kept.glass.principal == me) {
            return Err(Error::Conflict("your glass is broken already"));
        }
        let id = GlassId::from_bytes(cx.new_id()?);
        let until = cx.now.saturating_add(i64::from(minutes) * 60 * 1_000_000);
        let due = one_working_day(cx.now);
        let glass = Glass {
            principal: me,
            role: role.name.clone(),
            reason: self.reason.as_str().to_owned(),
            opened: cx.now,
            until,
            most: terms.customers,
            customers: Vec::new(),
            reviewers: terms.reviewers.clone(),
            due,
            rung: 0,
            review: None,
        };
        glass.put(tx, cx.app, id)?;
        let detail = format!("{}: {id}", role.name);
        let alarm = Alarm { kind: AlarmKind::BreakGlass, principal: me, subject: None, detail };
        raise_of(tx, cx.app, cx.now, alarm, id.bytes())?;
        let opened = Opened { id, until, customers: terms.customers, due };
        let note = Note { objects: vec![*id.bytes()], ..Note::count(1) };
        let glasses = vec![GlassChange::Opens(me, id, until)];
        Ok(Outcome::new(opened, note).with(After { glasses, ..After::default() }))
    }
}

/// Ends it before its time.
#[derive(Debug, Clone)]
pub struct CloseGlass {
    /// Which.
    pub id: GlassId,
}

impl Operation for CloseGlass {
    const ACTION: Action = Action::BreakGlassClose;
    type Output = ();
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let mut kept = Kept::one(tx, cx.app, self.id)?;
        if kept.glass.principal != cx.caller.id() {
            return Err(Error::NotFound);
        }
        if kept.glass.until <= cx.now {
            return Err(Error::Conflict("it is over already"));
        }
        kept.glass.until = cx.now;
        kept.change(tx, cx.app, self.id)?;
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(1) };
        let glasses = vec![GlassChange::Ends(cx.caller.id())];
        Ok(Outcome::new((), note).with(After { glasses, ..After::default() }))
    }
}
