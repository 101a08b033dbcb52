//! Making a backup while the vault is at work. The data store's snapshot begins first and the key store's after it: a key is
//! committed before whatever is sealed under it, so every record of the one has its keys in the other. What is erased in
//! between has a record and no key, and comes back to nobody. The one thing that must not fall in between is the exchange of a
//! person's keys, which destroys old ones: it waits until both snapshots have begun, some milliseconds.
//!
//! Before a file exists its row does, so that whatever may lie on the shelf is known of.

use std::fs::File;
use std::io::BufWriter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use avouch_policy::Action;
use avouch_seal::VaultId;
use avouch_store::{Side, Statement, Tx, statements};

use super::cell::Cell;
use super::error::BackupError;
use super::file::{Counts, Header, Part, Writer};
use super::rows::{self, Backup, Found};
use super::shelf::{Draft, Kept, Shelf};
use super::tables::Table;
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::{self, Note, What};
use crate::gate::{Caller, Intent, Permit};
use crate::keys::seals::Stored;
use crate::rules::Rules;

statements! {
    data DATA_VAULT = "select id from vault";
    keys KEYS_VAULT = "select id from vault";
}

/// Rows read at once.
const PAGE: i64 = 256;
/// As long as a snapshot lives, the logs of the stores grow and erasures are not final on the disk.
const LONGEST_MICROS: i64 = 3_600_000_000;

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

/// What this process knows of backups.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    shelf: OnceLock<Shelf>,
    state: Mutex<State>,
    stopping: AtomicBool,
}

/// How the making of backups is.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Rows copied so far, while one is made.
    pub running: Option<u64>,
    /// Why the last one came to nothing.
    pub failed: Option<String>,
}

impl Backups {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody begins one as long as this is held; nothing while one is made.
    fn idle(&self) -> Option<MutexGuard<'_, State>> {
        Some(self.state()).filter(|state| state.running.is_none())
    }

    /// One at a time.
    fn begin(&self) -> Result<Running<'_>, Error> {
        let mut state = self.state();
        if state.running.is_some() {
            return Err(Error::Conflict("a backup is being made: wait for it"));
        }
        *state = State { running: Some(0), failed: None };
        Ok(Running(self))
    }
}

/// Sets the mark back however the work ends.
struct Running<'a>(&'a Backups);

impl Running<'_> {
    fn copied(&self, rows: u64) {
        if let Some(all) = &mut self.0.state().running {
            *all += rows;
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().running = None;
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
        let newest = |part| {
            known.iter().filter(|row| row.part() == part && row.bytes.is_some()).map(|row| row.made).max()
        };
        let newest = newest(Part::Data).min(newest(Part::Keys));
        Ok(newest.is_none_or(|newest| self.now() - newest >= period_micros))
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
        stores: Stores,
        permitted: impl FnOnce(),
    ) -> Result<Vec<Kept>, BackupError> {
        let shelf = self.shelf()?.clone();
        let running = self.backups.begin()?;
        let until = shelf.keys_until(self.now());
        let begun = self.perform_wait(caller, BeginBackup { stores, until })?.output;
        permitted();
        let made = self.copy(&shelf, stores, (begun.sequence, begun.made), &running);
        // What was deleted while the snapshots stood is in the logs still.
        self.purge_quietly();
        match &made {
            Ok(made) => {
                self.finish_rows(begun.rows, made)?;
                // The only run is this one, and it is through.
                let gone = self.remove_ended(&shelf)?;
                self.compare(&shelf, gone, true)?;
            }
            Err(error) => {
                tracing::error!(%error, "a backup came to nothing");
                self.backups.state().failed = Some(error.to_string());
                self.forget_rows(begun.rows)?;
            }
        }
        made
    }

    /// Removes what is kept no longer, and takes notice of what is there and what is not: a vault that was restored knows
    /// nothing of backups made since, and they hold keys all the same.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn tidy_backups(self: &Arc<Self>) -> Result<u64, BackupError> {
        let Ok(shelf) = self.shelf() else { return Ok(0) };
        let gone = self.remove_ended(shelf)?;
        // Held until what was found is noted.
        let idle = self.backups.idle();
        self.compare(shelf, gone, idle.is_some())
    }

    fn remove_ended(self: &Arc<Self>, shelf: &Shelf) -> Result<Vec<Kept>, BackupError> {
        let app = Arc::clone(self);
        let known = self.store.read_wait(move |tx| rows::all(tx, &app.keys))?;
        shelf.tidy(self.keys.vault(), self.now(), |kept| rows::promised(&known, kept))
    }

    /// `quiet`: nobody makes a backup meanwhile.
    fn compare(self: &Arc<Self>, shelf: &Shelf, gone: Vec<Kept>, quiet: bool) -> Result<u64, BackupError> {
        let (vault, count) = (self.keys.vault(), gone.len() as u64);
        if quiet {
            shelf.sweep(vault)?;
        }
        let mut there = shelf.files(vault, Part::Data)?;
        there.extend(shelf.files(vault, Part::Keys)?);
        let (app, shelf, found) = (Arc::clone(self), shelf.clone(), Found { there, gone, quiet });
        self.store.write_wait(move |tx| rows::compare(tx, &app, &shelf, &found))?;
        Ok(count)
    }

    fn copy(
        &self,
        shelf: &Shelf,
        stores: Stores,
        run: (u64, i64),
        running: &Running<'_>,
    ) -> Result<Vec<Kept>, BackupError> {
        let paused = (stores == Stores::Both).then(|| self.data_keys.pause());
        if stores == Stores::Keys {
            return Ok(vec![self.store.snapshot(|tx| self.copy_keys(tx, shelf, run, running, || ()))?]);
        }
        self.store.snapshot(|tx| {
            begin(tx, &DATA_VAULT)?;
            let mut made = Vec::new();
            if let Some(paused) = paused {
                made.push(
                    self.store.snapshot(|tx| self.copy_keys(tx, shelf, run, running, || drop(paused)))?,
                );
            }
            let vault = self.keys.vault();
            let header = Header::new(vault, Part::Data, run, self.data_keys.generation());
            let data = Draft::begin(shelf, Part::Data, vault, run)
                .and_then(|draft| self.copy_side(tx, Side::Data, draft, &header, running));
            match data {
                Ok(data) => made.insert(0, data),
                Err(error) => {
                    // Half a run is none.
                    made.iter().try_for_each(Kept::remove)?;
                    return Err(error);
                }
            }
            Ok(made)
        })
    }

    fn copy_keys(
        &self,
        tx: &mut Tx<'_>,
        shelf: &Shelf,
        run: (u64, i64),
        running: &Running<'_>,
        begun: impl FnOnce(),
    ) -> Result<Kept, BackupError> {
        begin(tx, &KEYS_VAULT)?;
        begun();
        let vault = self.keys.vault();
        let generation = crate::keys::generation(tx)?;
        let header = Header::new(vault, Part::Keys, run, generation).with_seals(&Stored::load(tx)?);
        let draft = Draft::begin(shelf, Part::Keys, vault, run)?;
        self.copy_side(tx, Side::Keys, draft, &header, running)
    }

    fn copy_side(
        &self,
        tx: &mut Tx<'_>,
        side: Side,
        (draft, out): (Draft, BufWriter<File>),
        header: &Header,
        running: &Running<'_>,
    ) -> Result<Kept, BackupError> {
        let (keys, latest) = (self.keys.backup_keys(), self.now().saturating_add(LONGEST_MICROS));
        let mut writer = Writer::begin(out, header, keys, &self.rng).map_err(draft.failed())?;
        for table in Table::of(side) {
            writer.table(table).map_err(draft.failed())?;
            let mut after = table.start();
            while let Some(page) = page(tx, table, &after)? {
                for row in &page {
                    writer.row(row).map_err(draft.failed())?;
                }
                running.copied(page.len() as u64);
                if self.now() > latest {
                    return Err(BackupError::TooSlow);
                }
                if self.backups.stopping.load(Ordering::Acquire) {
                    return Err(BackupError::Refused("the server ends: make the backup again"));
                }
                let Some(last) = page.last() else { break };
                after = last.iter().take(table.key).cloned().collect();
            }
        }
        let (out, counts): (_, Counts) = writer.finish().map_err(draft.failed())?;
        draft.finish(out, keys, &counts)
    }

    fn finish_rows(self: &Arc<Self>, rows: Vec<Backup>, made: &[Kept]) -> Result<(), Error> {
        let mut rows = rows;
        for row in &mut rows {
            row.bytes = made.iter().find(|kept| kept.part == row.part()).map(|kept| kept.bytes);
        }
        let app = Arc::clone(self);
        self.store.write_wait(move |tx| {
            rows.iter().try_for_each(|row| row.store(tx, &app))?;
            let mut event = audit::system(What::BackupMake, app.now(), app.rules().version);
            event.count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            Ok(audit::append(tx, app.ids.event(app.now()), &event, 0, None)?)
        })
    }

    fn forget_rows(self: &Arc<Self>, rows: Vec<Backup>) -> Result<(), Error> {
        self.store.write_wait(move |tx| rows.iter().try_for_each(|row| row.forget(tx)))
    }
}

/// Begins a snapshot of a store: it shows what is committed now.
fn begin(tx: &mut Tx<'_>, vault: &'static Statement) -> Result<(), Error> {
    tx.first(vault, &[], |row| row.bytes::<16>(0))?.map(drop).ok_or(Error::Tampered)
}

/// The rows after a key; `None` at the end.
fn page(tx: &mut Tx<'_>, table: &Table, after: &[Cell]) -> Result<Option<Vec<Vec<Cell>>>, Error> {
    let mut params: Vec<_> = after.iter().map(Cell::param).collect();
    params.push(PAGE.into());
    let rows = tx.query(table.next, &params, |row| table.cells(row))?;
    Ok((!rows.is_empty()).then_some(rows))
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
