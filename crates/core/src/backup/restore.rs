//! Bringing a vault back from backups, or one of its stores when the other is alive. Host command only: it takes a seal.
//!
//! Every file is read from beginning to end before anything is written. Rows go in by many transactions. The last but one makes
//! the data store part of a vault, together with the mark that the replay has to be done; the last does so with the key store,
//! for two stores have two commits, and keys without the mark would be a vault. A restore that breaks off has left no vault,
//! only rows that the next one takes away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use avouch_seal::VaultId;
use avouch_seal::backup::BackupKeys;
use avouch_seal::keyring::Keyring;
use avouch_seal::root::{RootError, RootSeal};
use avouch_store::{Param, Side, Store, Tx};

use super::cell::Cell;
use super::error::{BackupError, Unusable};
use super::header::Part;
use super::layers::Line;
use super::replay::look_at;
use super::restored::{Endings, Restored, is_left_over};
use super::tables::Table;
use super::whole::{Checked, layers, unopened, verify};
use crate::Error;
use crate::app::App;
use crate::app::opening::{Brought, OpeningError, Parts};
use crate::audit::{self, What};
use crate::erasure::{self, EndingsFault};
use crate::indexes::Rows;
use crate::keys::Recovery;
use crate::keys::seals::{PRIMARY, Stored};
use crate::ledger::Published;
use crate::vault::Found;

/// Rows written in one transaction, and roughly the bytes.
const BATCH_ROWS: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;

/// What a vault is restored from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A backup of the data store; without it the data store is alive.
    pub data: Option<PathBuf>,
    /// A backup of the key store; without it the key store is alive.
    pub keys: Option<PathBuf>,
    /// A copy of the list of endings, newer than the backups: lines of text. The configured one is read as well.
    pub endings: Option<PathBuf>,
    /// Whoever restores states that nobody was erased since the backups.
    pub nobody_erased: bool,
    /// Go on although some people cannot be read.
    pub leave_unreadable: bool,
}

/// Who was found after a restore, before the replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counted {
    whole: u64,
    keyless: u64,
    unreadable: u64,
}

impl App {
    /// Restores a vault, replays the erasures and opens it. `recovery` is the seal to open it by when the primary is lost; it
    /// stays lost. `progress` is told the rows written so far.
    ///
    /// # Errors
    /// [`BackupError`]; then there is no vault in what was restored.
    pub fn restore(
        parts: Parts,
        sources: &Sources,
        recovery: Option<&Recovery<'_>>,
        progress: &dyn Fn(u64),
    ) -> Result<Arc<Self>, BackupError> {
        let there = Self::vaults(&parts.store)?;
        let listed = sources.endings.as_deref().map(lines).transpose()?;
        // One that is empty knows of nobody, and may as well be a new one.
        let known = [listed.unwrap_or_default(), kept_apart(&parts)?].concat();
        refuse(sources, there, !known.is_empty())?;
        let (stored, vault) = match (&sources.keys, there.1) {
            (Some(path), _) => seals_in(path)?,
            (None, Some(vault)) => (parts.store.read_wait(Stored::load)?, VaultId(vault)),
            (None, None) => return Err(BackupError::Refused(NOTHING)),
        };
        let (slot, seal) = match recovery {
            Some(recovery) => (recovery.slot.as_str(), recovery.seal),
            None => (PRIMARY, &*parts.primary.seal),
        };
        let by = || sources.keys.clone().unwrap_or_default();
        let slot = stored.slot(slot).ok_or(BackupError::Refused("the backup has no seal of this name"))?;
        let unsealed = stored.unseal(slot, seal, vault).map_err(|error| BackupError::Seal(by(), error))?;
        let keys = unsealed.1.backup_keys()?;

        let check =
            |path: &Option<PathBuf>, part| path.as_ref().map(|path| checked(path, part, &keys)).transpose();
        let (data, key_file) = (check(&sources.data, Part::Data)?, check(&sources.keys, Part::Keys)?);
        if sources.data.is_some() && there.0.is_some() {
            take_apart(&parts.store, there.0 == Some(vault.0), &unsealed.1)?;
        }
        let mut written = 0;
        // What others refer to first.
        for (path, side) in [(&sources.keys, Side::Keys), (&sources.data, Side::Data)] {
            if let Some(path) = path {
                clear(&parts.store, side)?;
                written = load(&parts.store, path, &keys, &|rows| progress(written + rows))?;
            }
        }
        let endings = match (data.is_some() && key_file.is_some(), sources.nobody_erased) {
            (false, _) => Endings::Alive,
            (true, false) => Endings::Listed,
            // Whatever lists there are.
            (true, true) => Endings::Stated,
        };
        let made = |file: &Option<Checked>| file.as_ref().map(|file| file.made);
        let (data_made, keys_made) = (made(&data), made(&key_file));
        let leave = sources.leave_unreadable;
        let settle = |app: &Arc<Self>| -> Result<(), BackupError> {
            if endings == Endings::Listed && erasure::is_older(app, &known).map_err(OpeningError::from)? {
                return Err(BackupError::Refused(OLDER));
            }
            // Before there is a vault: whoever was erased is not even looked at.
            let done = app.absorb_endings(&known).map_err(OpeningError::from)?;
            let counted = count(app)?;
            let lost = counted.unreadable + counted.keyless;
            if lost > 0 && !leave {
                return Err(BackupError::Keys(lost));
            }
            tracing::info!(whole = counted.whole, lost, "restored");
            let erased = done.data.max(done.keys);
            let mark = Restored::new(app.now(), data_made, keys_made, endings, erased)?;
            let (data, keys) = (sources.data.is_some(), sources.keys.is_some());
            conclude(app, mark, data, keys)?;
            // Only now: a restore that comes to nothing must not make a list that is kept elsewhere look as if it knew.
            erasure::reconcile(app).map_err(OpeningError::from)?;
            Ok(())
        };
        Self::bring_back(parts, unsealed, settle).map_err(|brought| match brought {
            Brought::Settling(error) => error,
            Brought::Opening(error) => error.into(),
        })
    }
}

impl App {
    /// What opens the backups of a vault, from its own key store, by its primary seal or by one for recovery and its name.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn backup_keys_of(
        parts: Parts,
        recovery: Option<(&str, &dyn RootSeal)>,
    ) -> Result<BackupKeys, BackupError> {
        let vault = Self::vaults(&parts.store)?.1.map(VaultId).ok_or(OpeningError::Missing)?;
        let stored = parts.store.read_wait(Stored::load)?;
        let (slot, seal) = recovery.unwrap_or((PRIMARY, &*parts.primary.seal));
        let slot = stored.slot(slot).ok_or_else(|| OpeningError::NoSuchSeal(slot.to_owned()))?;
        let unsealed = stored.unseal(slot, seal, vault);
        let (_, keyring) = unsealed.map_err(|error| match error {
            RootError::Seal(_) => OpeningError::WrongRoot,
            error => OpeningError::Root(seal.info().kind, error),
        })?;
        Ok(keyring.backup_keys()?)
    }
}

const NOTHING: &str = "there is no key store: restore its backup too, by --keys";
const DATA_THERE: &str = "the data store holds a vault: a restore goes into an empty one";
const UNKNOWN: &str = "both stores come from backups, so nothing here knows who was erased since: give the copy of the list of \
                       erasures by --endings, or, when nobody was erased, say --endings-are-complete, which is kept on record";
const OLDER: &str = "the list of erasures ends before the backups do, so it does not know who was erased since: give a newer \
                     copy of it by --endings, or, when nobody was erased, say --endings-are-complete, which is kept on record";

/// Restores go into what is empty, and what is not restored must be there.
fn refuse(
    sources: &Sources,
    there: (Option<[u8; 16]>, Option<[u8; 16]>),
    known: bool,
) -> Result<(), BackupError> {
    let refused = |why| Err(BackupError::Refused(why));
    match (sources.data.is_some(), there.0.is_some(), sources.keys.is_some(), there.1.is_some()) {
        (false, _, false, _) => refused("which backups? Say --data, --keys or both"),
        (true, true, true, false) if !known && !sources.nobody_erased => refused(UNKNOWN),
        // Left over from a restore, it may be: see `take_apart`.
        (true, true, true, false) => Ok(()),
        (true, true, ..) => refused(DATA_THERE),
        (.., true, true) => refused("the key store holds a vault: a restore goes into an empty one"),
        (false, false, ..) => refused("the data store is empty: restore its backup too, by --data"),
        (.., false, false) => refused(NOTHING),
        (true, _, true, _) if !known && !sources.nobody_erased => refused(UNKNOWN),
        _ => Ok(()),
    }
}

/// A copy of the list of endings.
fn lines(path: &Path) -> Result<Vec<String>, BackupError> {
    let text = std::fs::read_to_string(path).map_err(BackupError::io(path))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// The one that the configuration keeps.
fn kept_apart(parts: &Parts) -> Result<Vec<String>, BackupError> {
    let Some(copy) = &parts.erasure.copy else { return Ok(Vec::new()) };
    let unreadable = |error: std::io::Error| OpeningError::Endings(EndingsFault::Unreadable(error.kind()));
    Ok(copy.lines().map_err(unreadable)?)
}

/// The seals and the vault in the header of a backup of keys.
fn seals_in(path: &Path) -> Result<(Stored, VaultId), BackupError> {
    let header = unopened(path)?.header;
    let bad = |reason| BackupError::File(path.to_owned(), reason);
    if header.part != Part::Keys {
        return Err(bad(Unusable::Data));
    }
    let stored = header.seals().ok_or_else(|| bad(Unusable::Damaged))?;
    Ok((stored, VaultId(*header.vault)))
}

/// See [`super::keys_by_seal`].
pub(super) fn keys_by_seal(path: &Path, slot: &str, seal: &dyn RootSeal) -> Result<BackupKeys, BackupError> {
    let (stored, vault) = seals_in(path)?;
    let slot = stored.slot(slot).ok_or(BackupError::Refused("the backup has no seal of this name"))?;
    let unsealed = stored.unseal(slot, seal, vault);
    let (_, keyring) = unsealed.map_err(|error| BackupError::Seal(path.to_owned(), error))?;
    Ok(keyring.backup_keys()?)
}

/// A file of this store that is whole and has every table.
fn checked(path: &Path, part: Part, keys: &BackupKeys) -> Result<Checked, BackupError> {
    let bad = |reason| BackupError::File(path.to_owned(), reason);
    let header = unopened(path)?.header;
    match (part, header.part) {
        (Part::Data, Part::Keys) => return Err(bad(Unusable::Keys)),
        (Part::Keys, Part::Data) => return Err(bad(Unusable::Data)),
        _ => {}
    }
    let checked = verify(path, keys)?;
    let names = checked.counts.iter().map(|(name, _)| name.as_str());
    if !names.eq(Table::of(part.side()).map(|table| table.name)) {
        return Err(bad(Unusable::Version));
    }
    Ok(checked)
}

/// A data store that is part of a vault while the key store is of none is left over from a restore of both, or the only copy
/// of a vault that has lost its keys. Of the first it is made part of none, so that it may be cleared; the second stays.
fn take_apart(store: &Store, of_this_vault: bool, keyring: &Keyring) -> Result<(), BackupError> {
    if !of_this_vault || !is_left_over(store, keyring)? {
        return Err(BackupError::Refused(DATA_THERE));
    }
    Ok(store.write_wait(App::drop_data_vault)?)
}

/// Takes away what a restore that broke off has left. There is no vault in it.
fn clear(store: &Store, side: Side) -> Result<(), Error> {
    // Whoever refers to others goes first.
    let tables: Vec<&Table> = Table::of(side).collect();
    for table in tables.into_iter().rev() {
        store.write_wait(|tx| Ok::<_, Error>(tx.put(table.clear, &[])?))?;
    }
    Ok(())
}

/// Writes a backup's rows; says how many.
fn load(store: &Store, path: &Path, keys: &BackupKeys, progress: &dyn Fn(u64)) -> Result<u64, BackupError> {
    let mut layers = layers(path, keys)?;
    let mut table: Option<&'static Table> = None;
    let (mut batch, mut bytes, mut written) = (Vec::new(), 0, 0);
    loop {
        let line = layers.next()?;
        let full = batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES;
        if let Some(table) = table
            && (full || !matches!(line, Some(Line::Row(_))))
        {
            written += batch.len() as u64;
            put(store, table, core::mem::take(&mut batch))?;
            bytes = 0;
            progress(written);
        }
        match line {
            None => return Ok(written),
            Some(Line::Table(begun)) => table = Some(begun),
            Some(Line::Row(cells)) => {
                bytes += cells.iter().map(Cell::size).sum::<usize>();
                batch.push(cells);
            }
        }
    }
}

fn put(store: &Store, table: &'static Table, rows: Vec<Vec<Cell>>) -> Result<(), Error> {
    store.write_wait(move |tx| {
        rows.iter().try_for_each(|row| {
            let params: Vec<Param<'_>> = row.iter().map(Cell::param).collect();
            Ok(tx.put(table.put, &params)?)
        })
    })
}

/// Looks whether everybody opens.
fn count(app: &Arc<App>) -> Result<Counted, Error> {
    let (mut counted, mut after) = (Counted::default(), None);
    loop {
        let keeper = Arc::clone(app);
        let people = app.store.read_wait(move |tx| look_at(tx, &keeper, after))?;
        let Some((last, _)) = people.last() else { return Ok(counted) };
        after = Some(*last);
        for (_, found) in &people {
            *match found {
                Found::Whole => &mut counted.whole,
                Found::Keyless => &mut counted.keyless,
                Found::Unreadable => &mut counted.unreadable,
            } += 1;
        }
    }
}

/// The last two transactions: there is a vault again, it is marked, and its indexes are to be built.
fn conclude(app: &Arc<App>, mark: Restored, data: bool, keys: bool) -> Result<(), BackupError> {
    let (keeper, at) = (Arc::clone(app), mark.at);
    let witnessed = if data { crate::ledger::begin::witnessed(app)? } else { Vec::new() };
    app.store.write_wait(move |tx| write_data(tx, &keeper, &mark, data.then_some(&*witnessed)))?;
    // Crash here: no vault, for the key store is part of none. What was put back is known by its mark, see `take_apart`.
    if keys {
        let vault = app.keys.vault();
        app.store.write_wait(move |tx| App::put_vault(tx, Side::Keys, vault, at))?;
    }
    Ok(())
}

/// `witnessed`: what witnesses have signed of the log, when the data were put back.
fn write_data(
    tx: &mut Tx<'_>,
    app: &App,
    mark: &Restored,
    witnessed: Option<&[Published]>,
) -> Result<(), Error> {
    mark.store(tx, &app.keys, &app.rng)?;
    if let Some(witnessed) = witnessed {
        App::put_vault(tx, Side::Data, app.keys.vault(), mark.at)?;
        let mut indexes = Rows::load(tx, &app.keys)?;
        indexes.begin_again();
        indexes.store(tx, &app.keys, &app.rng)?;
        crate::ledger::begin::after_restore(tx, app, witnessed)?;
    }
    let mut event = audit::system(app.ids.event(mark.at), What::VaultRestore, mark.at, app.rules().version);
    if mark.endings == Endings::Stated {
        // What somebody stated and nobody could check.
        event.needs.push("endings".to_owned());
    }
    Ok(audit::append(tx, &event, 0, None)?)
}
