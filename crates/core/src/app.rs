//! The one door. [`App::perform`] is the only way anything is shown or changed: load the facts, decide, do, record, in one
//! transaction, and answer after its commit.

mod attempt;
mod bell;
mod doubt;
mod idempotency;
pub mod opening;
mod operation;
pub(crate) mod pace;
mod probe;

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use avouch_seal::SystemRandom;
use avouch_seal::credential::{Kind, Session};
use avouch_seal::vault::VaultKeys;
use avouch_store::{Store, Tx};

use attempt::{Attempt, Ended};
pub use idempotency::{IdempotencyKey, Once};
pub(crate) use operation::{After, about_nobody};
pub use operation::{Cx, Done, Operation, Outcome, Refresh};

use crate::Error;
use crate::audit::{self, Ending, What};
use crate::charters;
use crate::clock::Clock;
use crate::debt::Debt;
use crate::gate::approvals::{self, Approvals};
use crate::gate::break_glass::{self, Glasses};
use crate::gate::people::{self, People};
use crate::gate::services::{self, Services};
use crate::gate::{Access, Caller, Quotas, Unauthenticated};
use crate::ids::{CredentialId, Ids, PrincipalId};
use crate::outbox::Outbox;
use crate::rules::Rules;
use crate::transit;
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
        let settings = &self.people.settings;
        let result =
            Caller::authenticate(&self.access(), &self.rules(), secret, from, now).and_then(|caller| {
                match caller.credential() {
                    Some(key) if !settings.lets_in_by_key(caller.kind()) => {
                        Err(Unauthenticated::Refused(key, caller.id()))
                    }
                    _ => Ok(caller),
                }
            });
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
        let attempt = Attempt::new(self, caller, operation);
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
                    self.doubt(attempt.refreshes());
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
