//! One attempt of an operation: facts, decision, act and record in one transaction.

use std::sync::{Arc, Mutex, PoisonError};

use avouch_policy::{Action, View};
use avouch_store::Tx;

use super::operation::After;
use super::{App, Cx, Done, Fresh, Operation, Refresh, opening};
use crate::Error;
use crate::audit::{self, Asked, Ending, Event, Note, What};
use crate::charters::{self, replay};
use crate::gate::approvals;
use crate::gate::break_glass;
use crate::gate::{self, Access, Caller, Intent, Permit, Reservation};
use crate::transit::KeyName;
use crate::watch;

/// How an attempt ended that was committed: with an output, or with a refusal that is on record.
pub(super) struct Ended<T> {
    pub(super) answer: Result<Done<T>, Error>,
    pub(super) fresh: Fresh,
    pub(super) after: After,
}

impl<T> Ended<T> {
    fn refused(error: Error) -> Self {
        Self { answer: Err(error), fresh: Fresh::Nothing, after: After::default() }
    }
}

/// One operation of one caller, as often as the store has to run it.
pub(super) struct Attempt<O> {
    app: Arc<App>,
    caller: Caller,
    operation: Arc<O>,
    /// What it takes of the caller's day: kept with the commit, given back without.
    counted: Arc<Mutex<Option<Reservation>>>,
}

impl<O> Clone for Attempt<O> {
    fn clone(&self) -> Self {
        let (app, caller) = (Arc::clone(&self.app), self.caller.clone());
        Self { app, caller, operation: Arc::clone(&self.operation), counted: Arc::clone(&self.counted) }
    }
}

impl<O: Operation> Attempt<O> {
    pub(super) fn new(app: &Arc<App>, caller: &Caller, operation: O) -> Self {
        let (app, caller) = (Arc::clone(app), caller.clone());
        Self { app, caller, operation: Arc::new(operation), counted: Arc::default() }
    }

    /// What it would have changed in memory.
    pub(super) fn refreshes(&self) -> Refresh {
        self.operation.refreshes()
    }

    /// Has the store run it, together with others that wait.
    pub(super) fn hand_over(self, done: impl FnOnce(Result<Ended<O::Output>, Error>) + Send + 'static) {
        let (app, asks) = (Arc::clone(&self.app), Arc::clone(&self.operation));
        let tie = asks.looks_at().and_then(|subject| watch::ahead(&self.caller, subject));
        let ahead = move |wants: &mut Vec<_>| {
            if asks.writes() {
                wants.push(charters::ahead());
            }
            asks.ahead(wants);
            wants.extend(tie.clone());
        };
        app.store.write_ahead(ahead, move |tx| self.run(tx), done);
    }

    /// The funnel. An error undoes everything; what `Ended` says was committed together with its record.
    fn run(&self, tx: &mut Tx<'_>) -> Result<Ended<O::Output>, Error> {
        let app = &*self.app;
        let rules = if self.operation.writes() { charters::in_force(tx, app)? } else { app.rules() };
        let now = app.now();
        let event = app.ids.event(now);
        let caller = self
            .caller
            .renewed(&app.access(), &rules, (&app.people.sessions, &app.services.tokens), now)
            .map_err(|_| Error::Unauthenticated)?;
        let generation = app.data_keys.generation();
        let cx = Cx { app, rules: &rules, caller: &caller, now, event, generation };
        let intent = self.operation.intent(&rules)?;
        let facts = match self.operation.facts(tx, &cx) {
            Ok(facts) => facts,
            Err(error @ (Error::NotFound | Error::Tampered | Error::KeyReused)) => {
                // Whoever may not look learns that and nothing else: not whether there is something to look at, nor whether
                // it is whole.
                return match self.decide(tx, &cx, &intent, None) {
                    Err(Error::Refused(refusal)) => {
                        let asked = self.asked(&cx, &intent, None, true);
                        refuse(tx, &cx, O::ACTION, &intent, (None, asked), refusal)
                    }
                    _ => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let permit = match self.decide(tx, &cx, &intent, Some(&facts)) {
            Ok(permit) => permit,
            Err(Error::Refused(refusal)) => {
                let about = (O::key(&facts), self.asked(&cx, &intent, Some(&facts), true));
                return refuse(tx, &cx, O::ACTION, &intent, about, refusal);
            }
            Err(error) => return Err(error),
        };
        // Before anything is shown: that is when a question deters.
        if let Some(refusal) = watch::question(tx, &cx, O::ACTION, &intent)? {
            return refuse(tx, &cx, O::ACTION, &intent, (O::key(&facts), None), refusal);
        }
        // In this transaction, so that of two who come for the last one only one is let through. Of many it is known afterwards how
        // many they are.
        let ahead = usize::from(intent.reach.is_none());
        for id in &permit.approvals {
            if let (false, Some(refusal)) = (approvals::use_up(tx, *id, now, ahead)?, &permit.otherwise) {
                return refuse(tx, &cx, O::ACTION, &intent, (O::key(&facts), None), refusal.clone());
            }
        }
        let asked = self.asked(&cx, &intent, Some(&facts), false);
        let (output, note, mut after) = self.operation.run(tx, &cx, &permit, facts)?.into_parts();
        let reason = seal_reason(&cx, &permit)?;
        let mut body = record(&cx, &permit, &note, reason.as_ref().map(|reason| reason.commitment));
        body.key = intent.key.map(String::from);
        body.asked = asked.map(|asked| replay::with_agreed(asked, &permit));
        if let Err(error) = &output {
            body.ending = Ending::Failed;
            body.problem = Some(error.slug().to_owned());
        }
        // Whoever was shown and not taken off yet. An error undoes what has been done.
        let more = note.subjects.len().saturating_sub(ahead);
        for id in permit.approvals.iter().filter(|_| more > 0) {
            if let (false, Some(refusal)) = (approvals::use_up(tx, *id, now, more)?, &permit.otherwise) {
                return Err(Error::Refused(refusal.clone()));
            }
        }
        if let Some(behind) = &permit.behind {
            break_glass::count(tx, &cx, behind, &note)?;
        }
        self.count(&cx, &body)?;
        let sealed = reason.as_ref().map(|reason| reason.sealed.as_slice());
        audit::append(tx, &body, note.subjects.len(), sealed)?;
        watch::honey::seen(tx, &cx, &note)?;
        if let Some(seen) = watch::see(tx, &cx, &note)? {
            seen.keep(tx)?;
            after.seen = Some(seen);
        }
        let fresh = match self.operation.refreshes() {
            Refresh::Access if output.is_ok() => Fresh::Access(Box::new(Access::changed(tx, &app.keys)?)),
            Refresh::Rules if output.is_ok() => Fresh::Rules(Box::new(charters::load_in(tx, &app.keys)?)),
            Refresh::Keys if output.is_ok() => Fresh::Keys(opening::load_keys(tx)?),
            _ => Fresh::Nothing,
        };
        let answer = output.map(|output| Done { output, event, policies: permit.policies });
        Ok(Ended { answer, fresh, after })
    }

    /// Asks policy, and when it refuses, once more behind glass that its caller has broken.
    fn decide(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        intent: &Intent,
        facts: Option<&O::Facts>,
    ) -> Result<Permit, Error> {
        let facts = facts.map(O::subject_facts).unwrap_or_default();
        let first = gate::decide_approved(tx, cx, O::ACTION, intent, facts);
        let Err(Error::Refused(_)) = &first else { return first };
        match break_glass::of(tx, cx, O::ACTION)? {
            Some(behind) => gate::decide_behind(cx, O::ACTION, intent, facts, behind),
            None => first,
        }
    }

    /// What policy is asked, as the event keeps it.
    fn asked(&self, cx: &Cx<'_>, intent: &Intent, facts: Option<&O::Facts>, refused: bool) -> Option<Asked> {
        let facts = facts.map(O::subject_facts).unwrap_or_default();
        replay::asked(cx, intent, facts, refused)
    }

    /// Takes what the event says off the caller's day, before the event is written: of two who come at once for the last one,
    /// one is refused.
    fn count(&self, cx: &Cx<'_>, event: &Event) -> Result<(), Error> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        // From a run before this one, which came to nothing.
        drop(counted.take());
        if !cx.caller.is_system() {
            let limits = cx.rules.daily(cx.caller.roles());
            let accounts = self.app.access().accounts_of(cx.caller.id);
            *counted = self.app.quotas.reserve(cx.caller.id, &accounts, &limits, event)?;
        }
        Ok(())
    }

    /// What was counted stays so.
    pub(super) fn keep_count(&self) {
        if let Some(reservation) = self.counted.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reservation.keep();
        }
    }

    pub(super) fn record_failure(&self, tx: &mut Tx<'_>, cause: &Error) -> Result<(), Error> {
        let app = &*self.app;
        let rules = app.rules();
        let now = app.now();
        let (event, generation) = (app.ids.event(now), app.data_keys.generation());
        let cx = Cx { app, rules: &rules, caller: &self.caller, now, event, generation };
        let intent = self.operation.intent(&rules).unwrap_or_else(|_| Intent::plain());
        if let Error::Refused(refusal) = cause {
            return refuse::<()>(tx, &cx, O::ACTION, &intent, (None, None), refusal.clone()).map(drop);
        }
        let mut event = frame(&cx, O::ACTION, Ending::Failed, Some(cause.slug()));
        event.purpose = known_purpose(&cx, &intent);
        event.objects = self.operation.objects();
        // Its caller may use keys of that name, but has only typed it when there is none, or when nobody has looked.
        let typed = matches!(cause, Error::NotFound | Error::KeyReused | Error::Unauthenticated);
        event.key = intent.key.filter(|_| !typed).map(String::from);
        audit::append(tx, &event, 0, None)?;
        self.operation.alarming(&cx).map_or(Ok(()), |kind| watch::partners::failed(tx, &cx, kind))
    }
}

/// Records a refusal by policy.
fn refuse<T>(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    action: Action,
    intent: &Intent,
    (key, asked): (Option<&KeyName>, Option<Asked>),
    refusal: crate::Refusal,
) -> Result<Ended<T>, Error> {
    let mut event = frame(cx, action, Ending::Refused, Some("denied-by-policy"));
    event.purpose = known_purpose(cx, intent);
    event.policies.clone_from(&refusal.policies);
    event.needs = refusal.needs.iter().map(|need| need.name().to_owned()).collect();
    event.key = key.cloned().map(String::from);
    event.asked = asked;
    audit::append(tx, &event, 0, None)?;
    watch::partners::refused(tx, cx, &refusal.needs)?;
    Ok(Ended::refused(Error::Refused(refusal)))
}

/// The claimed purpose, when it is one of the charter's: what a caller types must not get into an event.
fn known_purpose(cx: &Cx<'_>, intent: &Intent) -> Option<String> {
    intent.purpose.clone().filter(|purpose| cx.rules.purposes.contains_key(purpose))
}

/// Who, when, under which charter.
fn frame(cx: &Cx<'_>, action: Action, ending: Ending, problem: Option<&str>) -> Event {
    Event {
        what: What::Act(action).name().to_owned(),
        actor: (*cx.caller.id.bytes()).into(),
        credential: cx.caller.came_by().map(Into::into),
        ending,
        problem: problem.map(str::to_owned),
        ..audit::system(cx.event, What::Act(action), cx.now, cx.rules.version)
    }
}

fn record(cx: &Cx<'_>, permit: &Permit, note: &Note, reason: Option<[u8; 32]>) -> Event {
    let mut event = frame(cx, permit.action, Ending::Done, None);
    event.purpose = permit.purpose.as_deref().map(str::to_owned);
    event.policies.clone_from(&permit.policies);
    event.subjects = note.subjects.iter().chain(&note.made).map(|pseudonym| (*pseudonym).into()).collect();
    event.fields = note.fields.iter().map(|(number, _)| *number).collect();
    if note.fields.iter().any(|(_, view)| view.is_some()) {
        event.views = note.fields.iter().map(|(_, view)| view.unwrap_or(View::Nothing) as u8).collect();
    }
    event.count = note.count;
    event.wrote(&note.written);
    event.ended = note.ended;
    event.recipient.clone_from(&note.recipient);
    event.objects = note.objects.iter().map(|id| (*id).into()).collect();
    event.erasure = note.erasure;
    event.reason = reason.map(Into::into);
    let under = permit.under();
    event.under = (!under.is_empty()).then(|| under.into_iter().map(Into::into).collect());
    event
}

/// A reason as it is kept.
struct SealedReason {
    commitment: [u8; 32],
    sealed: Vec<u8>,
}

/// The commitment to a reason, and the reason sealed under a key of the vault, bound to its event.
fn seal_reason(cx: &Cx<'_>, permit: &Permit) -> Result<Option<SealedReason>, Error> {
    let Some(reason) = &permit.reason else { return Ok(None) };
    let place = cx.event.int().to_be_bytes();
    let commitment = cx.app.keys.row_digest("reason", &[&place, reason.as_bytes()]);
    let sealed = cx.app.keys.seal_row("event_reason", &place, reason.as_bytes(), &cx.app.rng)?;
    Ok(Some(SealedReason { commitment, sealed }))
}
