//! Replacing the key-encryption key while the vault is at work: a new one is made, all keys of people are wrapped again under
//! it, a few hundred at a time between what others do, and then the old one is destroyed.
//!
//! Nothing is lost wherever it stops: each step is one transaction of the key store, a key of a person always names the epoch
//! that wraps it, and the store refuses to drop a key-encryption key that something is still wrapped with. What was begun is
//! gone on with at the next start. This protects from now on against a key-encryption key that leaked; what a thief has
//! opened with it before, he has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use avouch_policy::Action;
use avouch_seal::vault::WrappedSubjectKey;
use avouch_store::{Tx, params, statements};

use super::status::kek_due;
use crate::Error;
use crate::app::pace::Pace;
use crate::app::{App, Cx, Operation, Outcome, Refresh};
use crate::audit::{self, Note, What};
use crate::gate::{Caller, Intent, Permit};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::vault::wrapped_from_row;

statements! {
    keys ADD_KEK of kek / 1 = "insert into kek (epoch, made, wrapped) values (?1, ?2, ?3)";
    keys NEXT_KEK = "select epoch from kek where epoch > ?1 order by epoch desc limit 1";
    keys OUTDATED = "select subject, class, generation, key_id, epoch, wrapped, check_value from subject_key where (subject, class, generation) > (?1, ?2, ?3) and epoch < ?4 order by subject, class, generation limit ?5";
    keys REWRAP of subject_key / 2 = "update subject_key set epoch = ?3, wrapped = ?4 where subject = ?1 and class = ?2 and key_id = ?5 and epoch = ?6";
    keys ANY_OUTDATED = "select epoch from subject_key where epoch < ?1 limit 1";
    keys OLD_KEKS = "select epoch from kek where epoch < ?1 order by epoch";
    keys DROP_OLD_KEKS = "delete from kek where epoch < ?1";
}

/// Keys wrapped again in one transaction: half a millisecond or so, for which others wait.
const BATCH: i64 = 64;

/// Makes a new key-encryption key. The keys of people are wrapped again by [`App::finish_rewrap`].
#[derive(Debug, Clone, Copy)]
pub struct RotateKek;

impl Operation for RotateKek {
    const ACTION: Action = Action::KeyRotate;
    const REFRESH: Refresh = Refresh::Keys;
    /// The new epoch.
    type Output = u32;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<u32>, Error> {
        if cx.app.rewrap_pending() {
            return Err(Error::Conflict("the rotation before this one is not finished: wait for it"));
        }
        // The key store is committed first: an attempt whose event could not be written has left its key there.
        let left = tx.first(&NEXT_KEK, params![cx.app.keys.kek_epoch()], |row| row.int(0))?;
        if let Some(epoch) = left {
            let epoch = u32::try_from(epoch).map_err(|_| Error::Tampered)?;
            return Ok(Outcome::new(epoch, Note::count(1)));
        }
        let kek = cx.app.keys.next_kek(&cx.app.rng)?;
        tx.put(&ADD_KEK, params![kek.epoch, cx.now, &kek.wrapped])?;
        Ok(Outcome::new(kek.epoch, Note::count(1)))
    }
}

/// How far the finishing of rotations is, in this process.
#[derive(Debug, Default)]
pub(crate) struct Kek {
    /// It is being done: once at a time.
    running: AtomicBool,
    /// The newest epoch for which everything was done that can be.
    settled: AtomicU32,
    /// When older keys were last destroyed in the store; 0: they are not in memory either.
    destroyed: AtomicI64,
}

/// How long what was destroyed in the store still opens what was sealed before and comes to be stored afterwards: no request
/// takes longer.
const LINGER_MICROS: i64 = 60_000_000;

/// Sets the mark back however the work ends.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What came of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rewrapped {
    /// Keys of people that were wrapped again.
    pub rewrapped: u64,
    /// Keys that did not open: they are left as they are, and so is what wraps them.
    pub damaged: u64,
    /// Key-encryption keys that were destroyed.
    pub destroyed: u64,
}

impl App {
    /// Whether [`App::finish_rewrap`] has something to do.
    #[must_use]
    pub fn rewrap_pending(&self) -> bool {
        self.keys.has_older_keks() && self.kek.settled.load(Ordering::Acquire) < self.keys.kek_epoch()
    }

    /// Begins a rotation when the key-encryption key has been used as long as it may be: what an erasure leaves behind on disks
    /// and in backups is wrapped by it, and unreadable when it is gone. Says whether it did.
    ///
    /// # Errors
    /// What the operation reports.
    pub fn rotate_kek_when_due(self: &Arc<Self>) -> Result<bool, Error> {
        let app = Arc::clone(self);
        let due = self.store.read_wait(move |tx| kek_due(tx, &app))?;
        if due.is_none_or(|due| self.now() < due) || self.rewrap_pending() {
            return Ok(false);
        }
        self.perform_wait(&Caller::system(), RotateKek)?;
        Ok(true)
    }

    /// Forgets key-encryption keys that were destroyed in the store a minute ago. To be called now and then.
    ///
    /// # Errors
    /// None that could be mended.
    pub fn forget_destroyed_keys(&self) -> Result<(), Error> {
        let destroyed = self.kek.destroyed.load(Ordering::Acquire);
        if destroyed != 0 && self.now() - destroyed > LINGER_MICROS && !self.rewrap_pending() {
            self.keys.forget_older_keks()?;
            self.kek.destroyed.store(0, Ordering::Release);
        }
        Ok(())
    }

    /// Wraps again what is wrapped under an older epoch, and destroys the older key-encryption keys when nothing needs them
    /// any more. Takes as long as it takes, on this thread; others are served meanwhile. Ends early, to be called again, when
    /// `go_on` says no. `None`: it did, or another thread is at it.
    ///
    /// # Errors
    /// What the store reports. What was done until then is kept.
    pub fn finish_rewrap(self: &Arc<Self>, go_on: impl Fn() -> bool) -> Result<Option<Rewrapped>, Error> {
        if self.kek.running.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        let _running = Running(&self.kek.running);
        let newest = self.keys.kek_epoch();
        let older = self.store.write_wait(move |tx| {
            Ok::<_, Error>(tx.query(&OLD_KEKS, params![newest], |row| row.int(0))?.len() as u64)
        })?;
        let mut rotated = Rewrapped::default();
        if older == 0 {
            // It was done before, by an attempt that was not told so.
            self.settle_rewrap(newest);
            return Ok(Some(rotated));
        }
        // Again when somebody has just added a key under an older epoch: not for ever, since nobody does from now on.
        while rotated.destroyed == 0 && rotated.damaged == 0 {
            let Some((rewrapped, damaged)) = self.rewrap_all(newest, &go_on)? else { return Ok(None) };
            rotated.rewrapped += rewrapped;
            rotated.damaged = damaged;
            let app = Arc::clone(self);
            rotated.destroyed = self.store.write_wait(move |tx| destroy_old(tx, &app, newest, older))?;
        }
        if rotated.damaged > 0 {
            tracing::error!(keys = rotated.damaged, "keys that do not open were not wrapped again");
            self.kek.settled.store(newest, Ordering::Release);
            return Ok(Some(rotated));
        }
        self.settle_rewrap(newest);
        // What was deleted stands in the engine's log until that is emptied.
        self.purge_quietly();
        Ok(Some(rotated))
    }

    /// How many keys were wrapped again and how many do not open; `None` when it was to stop.
    fn rewrap_all(
        self: &Arc<Self>,
        newest: u32,
        go_on: &impl Fn() -> bool,
    ) -> Result<Option<(u64, u64)>, Error> {
        let (mut rewrapped, mut damaged) = (0, 0);
        let mut after: Place = (Vec::new(), -1, -1);
        let mut pace = Pace::new();
        while go_on() {
            let (app, from) = (Arc::clone(self), after);
            let done = self.store.write_wait(move |tx| rewrap_some(tx, &app, newest, &from))?;
            rewrapped += done.rewrapped;
            damaged += done.damaged;
            let Some(last) = done.last else { return Ok(Some((rewrapped, damaged))) };
            after = last;
            pace.rest();
        }
        Ok(None)
    }

    /// The store has nothing older than `newest` any more.
    fn settle_rewrap(&self, newest: u32) {
        if self.keys.has_older_keks() {
            self.kek.destroyed.store(self.now(), Ordering::Release);
        }
        self.kek.settled.store(newest, Ordering::Release);
    }
}

struct Batch {
    rewrapped: u64,
    damaged: u64,
    /// Where to go on; `None` at the end.
    last: Option<Place>,
}

/// A row of the key store: subject, class, generation.
type Place = (Vec<u8>, i64, i64);

fn rewrap_some(tx: &mut Tx<'_>, app: &App, newest: u32, after: &Place) -> Result<Batch, Error> {
    let rows = tx.query(&OUTDATED, params![&after.0, after.1, after.2, newest, BATCH], |row| {
        Ok((row.bytes::<16>(0)?, row.int(1)?, row.int(2)?, wrapped_from_row(row, 3)?))
    })?;
    let rules = app.rules();
    let rng = avouch_seal::DrawnAhead::new(&app.rng);
    let mut done = Batch { rewrapped: 0, damaged: 0, last: None };
    for (subject, class, _, key) in &rows {
        let Ok(number) = u32::try_from(*class) else { return Err(Error::Tampered) };
        match app.keys.rewrap_subject_key(*subject, rules.class_name(number)?, key, &rng) {
            Ok(WrappedSubjectKey { epoch, wrapped, .. }) => {
                tx.put(&REWRAP, params![subject, *class, epoch, &wrapped, &key.key_id, key.epoch])?;
                done.rewrapped += 1;
            }
            Err(error) => {
                tracing::error!(subject = %SubjectId::from_bytes(*subject), %error, "a key does not open");
                done.damaged += 1;
            }
        }
    }
    done.last = rows.last().map(|(subject, class, generation, _)| (subject.to_vec(), *class, *generation));
    Ok(done)
}

/// INVARIANT: the store holds the reference from a key to what wraps it. A key that somebody is just adding under an older
/// epoch makes the deletion fail or is made to fail by it, and is then wrapped under the newest.
fn destroy_old(tx: &mut Tx<'_>, app: &App, newest: u32, older: u64) -> Result<u64, Error> {
    if tx.first(&ANY_OUTDATED, params![newest], |row| row.int(0))?.is_some() {
        return Ok(0);
    }
    // What it deletes is not counted: an attempt before this one may have done it and failed to write its event.
    tx.put(&DROP_OLD_KEKS, params![newest])?;
    let now = app.now();
    let mut event = audit::system(app.ids.event(now), What::KekDestroy, now, app.rules().version);
    event.count = u32::try_from(older).unwrap_or(u32::MAX);
    audit::append(tx, &event, 0, None)?;
    Ok(older)
}
