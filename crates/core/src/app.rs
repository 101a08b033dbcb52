//! The one door. [`App::perform`] is the only way anything is shown or changed: load the facts, decide, do, record, in one
//! transaction, and answer after its commit.

mod bell;
mod doubt;
mod idempotency;
pub mod opening;
mod operation;
pub(crate) mod pace;
mod probe;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use avouch_policy::{Action, View};
use avouch_seal::SystemRandom;
use avouch_seal::credential::{Kind, Session};
use avouch_seal::vault::VaultKeys;
use avouch_store::{Store, Tx};

pub use idempotency::{IdempotencyKey, Once};
pub(crate) use operation::{After, about_nobody};
pub use operation::{Cx, Done, Operation, Outcome, Refresh};

use crate::Error;
use crate::audit::{self, Asked, Ending, Event, Note, What};
use crate::charters::{self, replay};
use crate::clock::Clock;
use crate::debt::Debt;
use crate::gate::approvals::{self, Approvals};
use crate::gate::break_glass::{self, Glasses};
use crate::gate::people::{self, People};
use crate::gate::services::{self, Services};
use crate::gate::{self, Access, Caller, Intent, Permit, Quotas, Reservation, Unauthenticated};
use crate::ids::{CredentialId, Ids, PrincipalId};
use crate::outbox::Outbox;
use crate::rules::Rules;
use crate::transit::{self, KeyName};
use crate::watch::{self, Watching};

/// The statements of the funnel itself.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [doubt::STATEMENTS, idempotency::STATEMENTS, probe::STATEMENTS].concat()
}

/// A vault in operation. Shared behind an `Arc`.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) keys: VaultKeys,
    pub(crate) seals: crate::keys::seals::Seals,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: SystemRandom,
    pub(crate) ids: Ids,
    rules: RwLock<Arc<Rules>>,
    access: RwLock<Arc<Access>>,
    /// Changes that may have been committed and of which nothing is in memory: of what the stores alone tell, and of the
    /// keyring, which the primary seal has to open.
    stale: Debt,
    keyring_stale: Debt,
    probe: probe::Probe,
    pub(crate) bell: bell::Bell,
    pub(crate) kek: crate::keys::Kek,
    pub(crate) data_keys: crate::keys::DataKeys,
    pub(crate) open_keys: Arc<transit::OpenKeys>,
    pub(crate) indexing: crate::indexes::Indexing,
    /// Held by whoever changes the keyring or the seals around it, from reading them until the new ones are worked with: of two
    /// that do this at once the slower would put older ones in their place.
    pub(crate) keyring_turn: std::sync::Mutex<()>,
    pub(crate) backups: crate::backup::Backups,
    pub(crate) erasures: crate::erasure::Erasures,
    pub(crate) ledger: crate::ledger::Ledger,
    pub(crate) people: People,
    pub(crate) services: Services,
    pub(crate) approvals: Approvals,
    pub(crate) drafts: charters::drafts::Compiled,
    pub(crate) glasses: Glasses,
    pub(crate) outbox: Outbox,
    pub(crate) watching: Watching,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) environment: String,
}

impl App {
    /// The charter in force.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who may call.
    #[must_use]
    pub fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The store underneath, for status and maintenance.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Housekeeping, to be done every hour or so: finishes erasures whose second half failed while the server went on, forgets
    /// standalone keys that were not used since, and idempotent outcomes that are older than a day; says how many of these.
    ///
    /// # Errors
    /// What the store reports.
    pub fn sweep(self: &Arc<Self>) -> Result<u64, Error> {
        let resumed = crate::erasure::resume(self);
        self.open_keys.sweep();
        self.quotas.sweep(self.now());
        let (app, now) = (Arc::clone(self), self.now());
        let forgotten = self.store.write_wait(move |tx| {
            let forgotten = idempotency::sweep(tx, now)? + crate::vault::sweep_tokens(tx, now)?;
            let forgotten = forgotten + approvals::sweep(tx, now)? + services::sweep(tx, now)?;
            let forgotten = forgotten + watch::alarms::sweep(tx, now)? + charters::drafts::sweep(tx, now)?;
            let forgotten = forgotten + break_glass::sweep(tx, &app, now)?;
            let forgotten = forgotten + watch::sweep(tx, &app, now)?;
            Ok::<_, Error>(forgotten + people::sweep(tx, &app, now)?)
        })?;
        self.review_watch()?;
        self.thin_checkpoints()?;
        // A copy that cannot be read keeps nothing else from going.
        resumed.map(|()| forgotten)
    }

    /// Lets in whoever shows an API key or a session; a known key that is refused is recorded.
    ///
    /// # Errors
    /// [`Unauthenticated`], the same to the outside whatever the cause.
    pub fn authenticate(self: &Arc<Self>, secret: &str, from: IpAddr) -> Result<Caller, Unauthenticated> {
        if let Err(error) = self.mend() {
            tracing::error!(%error, "nobody is let in until principals and keys can be loaded");
            return Err(Unauthenticated::Unknown);
        }
        let now = self.now();
        if secret.starts_with(<Session as Kind>::PREFIX) {
            let (caller, seen) =
                Caller::by_session(&self.access(), &self.rules(), &self.people.sessions, secret, from, now)?;
            if let Some(id) = seen {
                self.store.write(
                    move |tx| people::write_seen(tx, id, now),
                    |result: Result<(), avouch_store::Error>| {
                        if let Err(error) = result {
                            tracing::warn!(%error, "a session may end too early after the next start");
                        }
                    },
                );
            }
            return Ok(caller);
        }
        let result = Caller::authenticate(&self.access(), &self.rules(), secret, from, now);
        match result {
            Err(Unauthenticated::Refused(credential, principal)) => {
                self.record_refusal(principal, Some(credential), "not-authenticated");
            }
            Err(Unauthenticated::Honey(credential, principal)) => {
                self.record_refusal(principal, Some(credential), "not-authenticated");
                let app = Arc::clone(self);
                let record = move |tx: &mut Tx<'_>| watch::honey::shown(tx, &app, principal, credential);
                self.store.write(record, |result: Result<(), Error>| {
                    if let Err(error) = result {
                        tracing::error!(%error, "it could not be recorded that a key was shown which nobody has");
                    }
                });
            }
            _ => {}
        }
        result
    }

    /// Records that somebody who is known was refused before they had proved it.
    pub(crate) fn record_refusal(
        self: &Arc<Self>,
        principal: PrincipalId,
        credential: Option<CredentialId>,
        problem: &'static str,
    ) {
        let app = Arc::clone(self);
        let record = move |tx: &mut Tx<'_>| {
            let id = app.ids.event(app.now());
            let mut event = audit::system(id, What::CredentialRefuse, app.now(), app.rules().version);
            event.actor = (*principal.bytes()).into();
            event.credential = credential.map(|id| (*id.bytes()).into());
            event.ending = Ending::Refused;
            event.problem = Some(problem.to_owned());
            audit::append(tx, &event, 0, None)
        };
        self.store.write(record, |result: Result<(), avouch_store::Error>| {
            if let Err(error) = result {
                tracing::error!(%error, "a refused credential could not be recorded");
            }
        });
    }

    /// Performs an operation and answers on the store's thread: `answer` must be quick.
    pub fn perform<O: Operation>(
        self: &Arc<Self>,
        caller: &Caller,
        operation: O,
        answer: impl FnOnce(Result<Done<O::Output>, Error>) + Send + 'static,
    ) {
        let app = Arc::clone(self);
        let attempt = Attempt {
            app: Arc::clone(self),
            caller: caller.clone(),
            operation: Arc::new(operation),
            counted: Arc::default(),
        };
        let refused = attempt.clone();
        attempt.hand_over(move |result| match result {
            // Two databases have two snapshots: keys may be gone whose record is still seen here, because its erasure was
            // faster. Damage is what is still there at a second look.
            Err(Error::Tampered) => {
                refused.clone().hand_over(move |result| app.settle(refused, result, answer));
            }
            result => app.settle(refused, result, answer),
        });
    }

    /// [`App::perform`], waiting on this thread.
    ///
    /// # Errors
    /// The operation's, or [`Error::Refused`].
    pub fn perform_wait<O: Operation>(
        self: &Arc<Self>,
        caller: &Caller,
        operation: O,
    ) -> Result<Done<O::Output>, Error> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.perform(caller, operation, move |result| drop(sender.send(result)));
        receiver.recv().unwrap_or(Err(Error::Store(avouch_store::Error::Closed)))
    }

    /// What follows the commit. An operation that failed has been undone; its failure is recorded now, and only then
    /// answered: if the record cannot be written, that is the answer.
    fn settle<O: Operation>(
        self: Arc<Self>,
        attempt: Attempt<O>,
        result: Result<Ended<O::Output>, Error>,
        answer: impl FnOnce(Result<Done<O::Output>, Error>) + Send + 'static,
    ) {
        match result {
            Ok(Ended { answer: result, fresh, after }) => {
                attempt.keep_count();
                self.install(fresh);
                self.services.tokens.install(&after.sessions);
                self.people.sessions.install(after.sessions);
                self.approvals.install(after.approvals);
                self.glasses.install(after.glasses);
                if O::PURGES && result.is_ok() {
                    self.purge_quietly();
                }
                // Before anybody gets to see it: a look that is worth a case is not answered without one.
                if after.seen.is_some_and(|seen| self.watching.judge(&seen)) {
                    return watch::open_cases(&self, move || answer(result));
                }
                answer(result);
            }
            Err(error @ Error::Store(_)) => {
                tracing::error!(action = O::ACTION.as_str(), %error, "nothing was shown");
                // After anything else nothing was kept, or, when the disk fails, nothing is done until the next start.
                if matches!(error, Error::Store(avouch_store::Error::Unknown(_))) {
                    // It may have been seen.
                    attempt.keep_count();
                    self.doubt(attempt.operation.refreshes());
                }
                answer(Err(error));
            }
            Err(error) => {
                if matches!(error, Error::Tampered) {
                    tracing::error!(action = O::ACTION.as_str(), "a stored value failed its integrity check");
                }
                let cause = error.clone();
                self.store.write_urgent(
                    move |tx| attempt.record_failure(tx, &cause),
                    move |recorded: Result<(), Error>| answer(recorded.and(Err(error))),
                );
            }
        }
    }

    /// Puts what a change has loaded, in its own transaction, in the place of what it has changed.
    pub(crate) fn install(&self, fresh: Fresh) {
        match fresh {
            Fresh::Nothing => {}
            Fresh::Access(access) => {
                let mut current = self.access.write().unwrap_or_else(PoisonError::into_inner);
                if access.newer_than(&current) {
                    *current = Arc::from(access);
                }
            }
            Fresh::Keys(opening::Loaded { keks, generation }) => {
                for kek in &keks {
                    if let Err(error) = self.keys.adopt_kek(kek) {
                        tracing::error!(%error, epoch = kek.epoch, "a key-encryption key does not open");
                    }
                }
                self.data_keys.adopt(generation);
                self.bell.ring();
            }
            Fresh::Rules(rules) => {
                let mut current = self.rules.write().unwrap_or_else(PoisonError::into_inner);
                let age = |rules: &Rules| (rules.version, rules.generation, rules.roots);
                if age(&rules) > age(&current) {
                    *current = Arc::new(*rules);
                }
                self.bell.ring();
            }
        }
    }

    /// Waits until there may be work in the background, or `longest`.
    pub fn wait_for_chores(&self, longest: core::time::Duration) {
        self.bell.wait(longest);
    }

    /// Ends a wait for work, as if there were some.
    pub fn call_to_chores(&self) {
        self.bell.ring();
    }

    /// Empties the engine's logs of what was deleted, and does not wait for it.
    pub(crate) fn purge_quietly(&self) {
        self.store.purge(|purged| {
            if !matches!(purged, Ok(true)) {
                tracing::warn!("the engine's log could not be emptied; the next purge takes it along");
            }
        });
    }

    /// Records the closing. To be called once, when nothing is performed any more.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn close(self: &Arc<Self>) -> Result<(), Error> {
        let result = self.keep_watch().and_then(|()| self.note(What::VaultClose));
        self.store.close();
        result
    }
}

/// What a change leaves in memory once it is committed.
pub(crate) enum Fresh {
    Nothing,
    Access(Box<Access>),
    Rules(Box<Rules>),
    Keys(opening::Loaded),
}

/// How an attempt ended that was committed: with an output, or with a refusal that is on record.
struct Ended<T> {
    answer: Result<Done<T>, Error>,
    fresh: Fresh,
    after: After,
}

impl<T> Ended<T> {
    fn refused(error: Error) -> Self {
        Self { answer: Err(error), fresh: Fresh::Nothing, after: After::default() }
    }
}

/// One operation of one caller, as often as the store has to run it.
struct Attempt<O> {
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
    /// Has the store run it, together with others that wait.
    fn hand_over(self, done: impl FnOnce(Result<Ended<O::Output>, Error>) + Send + 'static) {
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
    fn keep_count(&self) {
        if let Some(reservation) = self.counted.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reservation.keep();
        }
    }

    fn record_failure(&self, tx: &mut Tx<'_>, cause: &Error) -> Result<(), Error> {
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
