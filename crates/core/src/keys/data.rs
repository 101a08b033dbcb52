//! Replacing people's keys while the vault is at work: whoever once opened a person's key can open with it what was sealed
//! under it, so only a new key and sealing anew help against that. (Wrapping again, see `kek`, does not.)
//!
//! A rotation begins a new generation. A key of an older one is outdated: a change of the person seals under a new key at once,
//! and [`App::finish_reseal`] goes through everybody. Each person is done in two transactions. The first adds the new keys and
//! seals record and earlier versions under them; the second, when the first is known to be on the disk, destroys the old keys.
//! In between, or when a crash falls in between, both keys are there, and what opens by either opens.
//!
//! INVARIANT: a record names the generation that it has reached, and nothing of it is ever sealed under an older key. A writer
//! on another connection may have read the person's keys before the new one came; it finds the record further than its keys
//! and runs again, so an old key is destroyed only when nothing is, or can come to be, sealed under it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use crate::Error;
use crate::app::pace::Pace;
use crate::app::{App, Cx, Operation, Outcome, Refresh};
use crate::audit::{self, Note, What};
use crate::gate::{Caller, Intent, Permit};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::vault::{Again, reseal};

statements! {
    keys GENERATION = "select generation from key_state where id = 1";
    keys NEXT_GENERATION = "update key_state set generation = ?1 where id = 1";
    keys OUTDATED = "select distinct subject from subject_key where subject > ?1 and generation < ?2 order by subject limit ?3";
    keys ANY_OUTDATED = "select generation from subject_key where generation < ?1 limit 1";
}

/// People sealed anew in one transaction: some milliseconds, for which others wait. It is done again where somebody else has changed
/// what it has read, each time with half of them: one person is done however much goes on around them.
const BATCH: i64 = 32;

/// How far the keys of people are, in this process.
#[derive(Debug, Default)]
pub(crate) struct DataKeys {
    /// The generation in which keys are made.
    generation: AtomicU32,
    /// The newest generation for which everything was done that can be.
    settled: AtomicU32,
    running: AtomicBool,
    /// Held while people are sealed anew, and while the snapshots of a backup begin.
    turn: Mutex<()>,
}

impl DataKeys {
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// As a new vault has them: there is nobody yet.
    pub(crate) fn begin(&self, generation: u32) {
        self.adopt(generation);
        self.settled.store(generation, Ordering::Release);
    }

    /// Keeps keys from being exchanged. An exchange that was committed before is whole in what is read from now on.
    pub(crate) fn pause(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what was committed.
    pub(crate) fn adopt(&self, generation: u32) {
        self.generation.fetch_max(generation, Ordering::AcqRel);
    }
}

/// The generation as stored.
pub(crate) fn generation(tx: &mut Tx<'_>) -> Result<u32, Error> {
    let stored = tx.first(&GENERATION, &[], |row| row.int(0))?.ok_or(Error::Tampered)?;
    u32::try_from(stored).map_err(|_| Error::Tampered)
}

/// Begins a new generation of people's keys. The work is done by [`App::finish_reseal`].
#[derive(Debug, Clone, Copy)]
pub struct RotateDataKeys;

impl Operation for RotateDataKeys {
    const ACTION: Action = Action::KeyRotate;
    const REFRESH: Refresh = Refresh::Keys;
    /// The new generation.
    type Output = u32;
    type Facts = u32;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<u32, Error> {
        generation(tx)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, stored: u32) -> Result<Outcome<u32>, Error> {
        if cx.app.reseal_pending() {
            return Err(Error::Conflict("the rotation before this one is not finished: wait for it"));
        }
        // The key store is committed first: an attempt whose event could not be written has left its generation there.
        if stored > cx.app.data_keys.generation() {
            return Ok(Outcome::new(stored, Note::count(1)));
        }
        let next = stored.checked_add(1).ok_or(Error::Internal("there is no generation after this one"))?;
        tx.put(&NEXT_GENERATION, params![next])?;
        Ok(Outcome::new(next, Note::count(1)))
    }
}

/// What came of sealing anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// People sealed anew.
    pub people: u64,
    /// Old keys that were destroyed.
    pub destroyed: u64,
    /// People whose record or keys do not open: they are left as they are.
    pub damaged: u64,
}

/// Sets the mark back however the work ends.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl App {
    /// Whether [`App::finish_reseal`] may have something to do.
    #[must_use]
    pub fn reseal_pending(&self) -> bool {
        self.data_keys.settled.load(Ordering::Acquire) < self.data_keys.generation()
    }

    /// Seals everybody anew whose keys are outdated, and destroys these keys. Takes as long as it takes, on this thread; others
    /// are served meanwhile. Ends early, to be called again, when `go_on` says no. `None`: it did, or another thread is at it.
    ///
    /// # Errors
    /// What the store reports. What was done until then is kept.
    pub fn finish_reseal(self: &Arc<Self>, go_on: impl Fn() -> bool) -> Result<Option<Resealed>, Error> {
        if self.data_keys.running.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        let _running = Running(&self.data_keys.running);
        let newest = self.data_keys.generation();
        let mut done = Resealed::default();
        // The first pass seals, the second destroys, and further ones find whoever came meanwhile.
        while self.any_outdated(newest)? {
            let Some(pass) = self.reseal_all(newest, &go_on)? else { return Ok(None) };
            done.people += pass.people;
            done.destroyed += pass.destroyed;
            done.damaged = pass.damaged;
            if pass.people == 0 && pass.destroyed == 0 {
                // Keys of nobody, and damage: neither is for us to mend.
                break;
            }
        }
        self.data_keys.settled.store(newest, Ordering::Release);
        if done.destroyed > 0 {
            self.purge_quietly();
        }
        Ok(Some(done))
    }

    fn any_outdated(&self, newest: u32) -> Result<bool, Error> {
        let any = self.store.read_wait(move |tx| tx.first(&ANY_OUTDATED, params![newest], |row| row.int(0)));
        Ok(any?.is_some())
    }

    fn reseal_all(
        self: &Arc<Self>,
        newest: u32,
        go_on: &impl Fn() -> bool,
    ) -> Result<Option<Resealed>, Error> {
        let mut pass = Resealed::default();
        let mut after: Vec<u8> = Vec::new();
        let (mut pace, mut tries) = (Pace::new(), 0);
        while go_on() {
            let (app, from) = (Arc::clone(self), after.clone());
            let mut again = Again::default();
            let turn = self.data_keys.pause();
            let mut most = BATCH;
            let done = self.store.write_wait(move |tx| {
                let limit = most;
                most = (most / 2).max(1);
                reseal_some(tx, &app, newest, (&from, limit), &mut again)
            });
            drop(turn);
            let (done, last) = match done {
                // Somebody of the batch is being erased, or has just been changed: that is over in a moment.
                Err(Error::Store(avouch_store::Error::Busy)) if tries < MOST_TRIES => {
                    tries += 1;
                    pace.rest();
                    continue;
                }
                done => done?,
            };
            tries = 0;
            pass.people += done.people;
            pass.destroyed += done.destroyed;
            pass.damaged += done.damaged;
            let Some(last) = last else { return Ok(Some(pass)) };
            after = last;
            pace.rest();
        }
        Ok(None)
    }
}

/// How often a batch is tried while people of it are busy.
const MOST_TRIES: u32 = 100;

type Batch = (Resealed, Option<Vec<u8>>);

fn reseal_some(
    tx: &mut Tx<'_>,
    app: &App,
    newest: u32,
    (after, limit): (&[u8], i64),
    again: &mut Again,
) -> Result<Batch, Error> {
    let (rules, caller, now) = (app.rules(), Caller::system(), app.now());
    let event = app.ids.event(now);
    let cx = Cx { app, rules: &rules, caller: &caller, now, event, generation: newest };
    again.take_back(tx)?;
    let people = tx.query(&OUTDATED, params![after, newest, limit], |row| row.bytes::<16>(0))?;
    let mut done = Resealed::default();
    let (mut subjects, mut written) = (Vec::new(), Vec::new());
    for id in &people {
        let subject = SubjectId::from_bytes(*id);
        match reseal(tx, &cx, subject, newest, again) {
            Ok(person) => {
                done.people += u64::from(!person.written.is_empty());
                done.destroyed += person.destroyed;
                subjects.extend(person.pseudonym);
                written.extend(person.written);
            }
            Err(Error::Tampered) => {
                tracing::error!(%subject, "a customer who does not open was not sealed anew");
                done.damaged += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if done.people + done.destroyed > 0 {
        let mut event = audit::system(cx.event, What::SubjectReseal, now, rules.version);
        event.count = u32::try_from(done.people).unwrap_or(u32::MAX);
        event.subjects = subjects.into_iter().map(Into::into).collect();
        event.wrote(&written);
        audit::append(tx, &event, 0, None)?;
    }
    Ok((done, people.last().map(|last| last.to_vec())))
}
