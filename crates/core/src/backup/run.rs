//! Making backups: who may, which there are to be, and what is noted of them. Before a file exists its row does, so that whatever
//! may lie on the shelf is known of. The copying itself is `copy`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use avouch_policy::Action;
use avouch_seal::VaultId;
use avouch_store::Tx;

use super::copy::Copy;
use super::error::BackupError;
use super::header::Part;
use super::rows::{self, Backup, Found, Said};
use super::shelf::{Made, Shelf};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::{self, Note, What};
use crate::gate::{Caller, Intent, Permit};
use crate::rules::Rules;

/// Of which stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    /// Both, so that they belong together.
    Both,
    /// The data store alone.
    Data,
    /// The key store alone.
    Keys,
}

impl Stores {
    fn parts(self) -> &'static [Part] {
        match self {
            Self::Both => &[Part::Data, Part::Keys],
            Self::Data => &[Part::Data],
            Self::Keys => &[Part::Keys],
        }
    }
}

/// What is to be backed up.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Of which stores.
    pub stores: Stores,
    /// The data in full, though the shelf has something to make it on.
    pub full: bool,
}

impl From<Stores> for Wanted {
    fn from(stores: Stores) -> Self {
        Self { stores, full: false }
    }
}

/// What this process knows of backups.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    shelf: OnceLock<Shelf>,
    state: Mutex<State>,
    /// Whoever works on the shelf.
    turn: Mutex<()>,
    stopping: AtomicBool,
}

/// How the making of backups is.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Rows copied so far, while one is made.
    pub running: Option<u64>,
    /// Why the last one came to nothing.
    pub failed: Option<String>,
    /// What is wrong with others that are there.
    pub warning: Option<String>,
}

impl Backups {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: &dyn core::fmt::Display) {
        tracing::error!(%error, "a backup came to nothing");
        self.state().failed = Some(error.to_string());
    }

    /// What is wrong with backups that are there is told until the next one is made.
    fn warn(&self, error: &BackupError) {
        tracing::error!(%error, "older backups are not what they were");
        let mut state = self.state();
        let before = state.warning.take().map(|before| before + "; ").unwrap_or_default();
        state.warning = Some(format!("{before}{error}"));
    }

    /// The shelf is ours alone as long as this is held; nothing while a backup is made.
    fn idle(&self) -> Option<MutexGuard<'_, ()>> {
        match self.turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(turn)) => Some(turn.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// One at a time.
    fn begin(&self) -> Result<Running<'_>, Error> {
        let mut state = self.state();
        if state.running.is_some() {
            return Err(Error::Conflict("a backup is being made: wait for it"));
        }
        state.running = Some(0);
        drop(state);
        // The shelf may be being tidied.
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Running { backups: self, _turn: turn })
    }
}

/// Sets the mark back however the work ends.
pub(super) struct Running<'a> {
    backups: &'a Backups,
    _turn: MutexGuard<'a, ()>,
}

impl Running<'_> {
    /// Whether the server is to end.
    pub(super) fn is_to_stop(&self) -> bool {
        self.backups.stopping.load(Ordering::Acquire)
    }

    pub(super) fn copied(&self, rows: u64) {
        if let Some(all) = &mut self.backups.state().running {
            *all += rows;
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.backups.state().running = None;
    }
}

impl App {
    /// Says where backups go. Once, at opening; until then none can be made. What a crash has left of one is removed.
    pub fn keep_backups_on(&self, shelf: Shelf) {
        if let Err(error) = self.backups.idle().map_or(Ok(()), |_idle| shelf.sweep(self.keys.vault())) {
            tracing::error!(%error, "what is left of a backup that broke off is still there");
        }
        // A second place is never given: there is one configuration.
        drop(self.backups.shelf.set(shelf));
    }

    /// Where backups go.
    ///
    /// # Errors
    /// [`BackupError::NoShelf`].
    pub fn shelf(&self) -> Result<&Shelf, BackupError> {
        self.backups.shelf.get().ok_or(BackupError::NoShelf)
    }

    /// How the making of backups is.
    #[must_use]
    pub fn backup_state(&self) -> State {
        self.backups.state().clone()
    }

    /// Lets a backup that is being made come to nothing: the server is to end.
    pub fn stop_backups(&self) {
        self.backups.stopping.store(true, Ordering::Release);
    }

    /// Whether the newest backup of both stores is as old as this.
    ///
    /// # Errors
    /// What the store reports.
    pub fn backup_due(self: &Arc<Self>, period_micros: i64) -> Result<bool, Error> {
        let app = Arc::clone(self);
        let known = self.store.read_wait(move |tx| rows::all(tx, &app.keys))?;
        let now = self.now();
        let newest = |part| {
            let of = known.iter().filter(|row| row.part() == part && row.bytes.is_some());
            // What a wrong clock dated ahead is not new.
            of.map(|row| row.made).filter(|made| *made <= now).max()
        };
        let newest = newest(Part::Data).min(newest(Part::Keys));
        Ok(newest.is_none_or(|newest| now - newest >= period_micros))
    }

    /// The vault's id.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.keys.vault()
    }

    /// Makes a backup, and removes those that are kept no longer. Takes as long as it takes, on this thread; others are
    /// served meanwhile. `permitted` is called when it is certain that it begins.
    ///
    /// # Errors
    /// [`BackupError`]; then there is no new file.
    pub fn back_up(
        self: &Arc<Self>,
        caller: &Caller,
        wanted: impl Into<Wanted>,
        permitted: impl FnOnce(),
    ) -> Result<Vec<Made>, BackupError> {
        let wanted = wanted.into();
        let stores = wanted.stores;
        let shelf = self.shelf()?.clone();
        let running = self.backups.begin()?;
        let until = shelf.keys_until(self.now());
        let begun = self.perform_wait(caller, BeginBackup { stores, until })?.output;
        *self.backups.state() = State { running: Some(0), ..State::default() };
        permitted();
        let run = (begun.sequence, begun.made);
        let copy = Copy { app: self, shelf: &shelf, run, until, running: &running };
        let made = self.made(&copy, wanted);
        // What was deleted while the snapshots stood is in the logs still.
        self.purge_quietly();
        match &made {
            Ok(made) => {
                self.finish_rows(begun.rows, made).inspect_err(|error| self.backups.fail(error))?;
                // The only run is this one, and it is through. What is wrong with others takes nothing away from it.
                if let Err(error) = self.tidy(&shelf, true) {
                    self.backups.warn(&error);
                }
            }
            Err(error) => {
                self.backups.fail(error);
                self.forget_rows(begun.rows)?;
            }
        }
        made
    }

    /// On the newest one, if that can be; what is wrong with it is told, and the next is full.
    fn made(&self, copy: &Copy<'_>, wanted: Wanted) -> Result<Vec<Made>, BackupError> {
        let mut base = None;
        if !wanted.full && wanted.stores != Stores::Keys {
            base = copy.base().unwrap_or_else(|error| {
                self.backups.warn(&error);
                None
            });
        }
        let on_one = base.is_some();
        match copy.make(wanted.stores, base) {
            Err(BackupError::Base(error)) => self.backups.warn(&error),
            // To read what it is made on took too long, it may be, and would the next time.
            Err(error @ BackupError::TooSlow) if on_one => self.backups.warn(&error),
            made => return made,
        }
        copy.make(wanted.stores, None)
    }

    /// Removes what is kept no longer, and takes notice of what is there and what is not: a vault that was restored knows
    /// nothing of backups made since, and they hold keys all the same.
    ///
    /// # Errors
    /// [`BackupError`]; what could be done is done.
    pub fn tidy_backups(self: &Arc<Self>) -> Result<u64, BackupError> {
        let Ok(shelf) = self.shelf() else { return Ok(0) };
        // Held until what was found is noted.
        let idle = self.backups.idle();
        self.tidy(shelf, idle.is_some())
    }

    /// `quiet`: nobody makes a backup meanwhile.
    fn tidy(self: &Arc<Self>, shelf: &Shelf, quiet: bool) -> Result<u64, BackupError> {
        let (app, vault) = (Arc::clone(self), self.keys.vault());
        let known = self.store.read_wait(move |tx| rows::all(tx, &app.keys))?;
        let (gone, tidied) = shelf.tidy(vault, self.now(), |kept| {
            // Of one that is not known yet its header tells.
            rows::promised(&known, kept).or_else(|| Said::of(kept).ok()?.until)
        });
        let count = gone.len() as u64;
        let swept = if quiet { shelf.sweep(vault) } else { Ok(()) };
        let mut there = shelf.files(vault, Part::Keys)?;
        let data = shelf.files(vault, Part::Data).map(|data| there.extend(data));
        let new = there.iter().filter(|kept| rows::is_new(&known, kept));
        let said = new.filter_map(|kept| Some((kept.path.clone(), Said::of(kept).ok()?))).collect();
        let (app, shelf, found) = (Arc::clone(self), shelf.clone(), Found { there, said, gone, quiet });
        self.store.write_wait(move |tx| rows::compare(tx, &app, &shelf, &found))?;
        tidied.and(swept).and(data).map(|()| count)
    }

    fn finish_rows(self: &Arc<Self>, rows: Vec<Backup>, made: &[Made]) -> Result<(), Error> {
        let mut rows = rows;
        for row in &mut rows {
            if let Some(made) = made.iter().find(|made| made.kept.part == row.part()) {
                let base = made.base.as_ref().map(|base| base.sequence);
                *row = row.clone().of_file(made.kept.bytes, base);
            }
        }
        let app = Arc::clone(self);
        self.store.write_wait(move |tx| {
            rows.iter().try_for_each(|row| row.store(tx, &app))?;
            let mut event =
                audit::system(app.ids.event(app.now()), What::BackupMake, app.now(), app.rules().version);
            event.count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            Ok(audit::append(tx, &event, 0, None)?)
        })
    }

    fn forget_rows(self: &Arc<Self>, rows: Vec<Backup>) -> Result<(), Error> {
        self.store.write_wait(move |tx| rows.iter().try_for_each(|row| row.forget(tx)))
    }
}

/// Asks whether a backup may be made, gives it a number and notes what will come to lie on the shelf.
#[derive(Debug, Clone)]
struct BeginBackup {
    stores: Stores,
    /// When the backup of the keys is to be gone.
    until: i64,
}

struct Begun {
    sequence: u64,
    made: i64,
    rows: Vec<Backup>,
}

impl Operation for BeginBackup {
    const ACTION: Action = Action::SystemBackup;
    type Output = Begun;
    type Facts = u64;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    /// The number of the last run.
    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<u64, Error> {
        Ok(rows::all(tx, &cx.app.keys)?.iter().map(|row| row.sequence).max().unwrap_or(0))
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, last: u64) -> Result<Outcome<Begun>, Error> {
        let (sequence, made) = (last + 1, cx.now);
        let mut begun = Vec::new();
        for part in self.stores.parts() {
            let until = (*part == Part::Keys).then_some(self.until);
            let row = Backup::begin(cx.new_id()?, *part, (sequence, made), until);
            row.store(tx, cx.app)?;
            begun.push(row);
        }
        let note = Note::count(begun.len());
        Ok(Outcome::new(Begun { sequence, made, rows: begun }, note))
    }
}
