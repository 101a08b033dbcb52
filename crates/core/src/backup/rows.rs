//! What is known of the backups that there are: for status pages, and for whoever has to say when an erasure has reached them
//! all. A row comes before its file and goes after it.
//!
//! Trust: whoever can write the table can take a row away, and make us say too early that nothing holds an erased person any
//! more; rows are sealed, so they cannot be made up or changed.

use std::collections::HashMap;
use std::path::PathBuf;

use avouch_policy::Action;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::error::BackupError;
use super::header::{Header, Part};
use super::restored::{self, Restored};
use super::shelf::{Kept, Shelf};
use super::whole;
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::{self, Note, What};
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

statements! {
    data BACKUPS = "select id, sealed from backup order by id";
    data PUT_BACKUP = "insert into backup (id, sealed) values (?1, ?2) on conflict (id) do update set sealed = excluded.sealed";
    data DROP_BACKUP = "delete from backup where id = ?1";
}

/// A backup of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    #[serde(skip)]
    id: [u8; 16],
    keys: bool,
    /// Of which run: data and keys of one run have one number.
    pub sequence: u64,
    /// Microseconds UTC.
    pub made: i64,
    /// When it is to be gone; `None`: kept by number. Microseconds UTC.
    pub until: Option<i64>,
    /// On the backup of which run it was made, when it holds only what changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// How large it is; `None`: it is being made, or its making broke off.
    pub bytes: Option<u64>,
}

impl Backup {
    pub(super) fn begin(id: [u8; 16], part: Part, (sequence, made): (u64, i64), until: Option<i64>) -> Self {
        Self { id, keys: part == Part::Keys, sequence, made, until, base: None, bytes: None }
    }

    /// As its file is.
    pub(super) fn of_file(self, bytes: u64, base: Option<u64>) -> Self {
        Self { base, bytes: Some(bytes), ..self }
    }

    /// Of which store.
    #[must_use]
    pub fn part(&self) -> Part {
        if self.keys { Part::Keys } else { Part::Data }
    }

    /// As a file is that was found.
    fn completed(self, kept: &Kept, said: Said) -> Self {
        let until = self.until.map(|until| until.min(said.until.unwrap_or(i64::MAX)));
        Self { until, ..self.of_file(kept.bytes, said.base) }
    }

    pub(super) fn store(&self, tx: &mut Tx<'_>, app: &App) -> Result<(), Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Internal("a backup has no JSON form"))?;
        let sealed = app.keys.seal_row("backup", &self.id, &plain, &app.rng)?;
        Ok(tx.put(&PUT_BACKUP, params![&self.id, &sealed])?)
    }

    pub(super) fn forget(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        Ok(tx.put(&DROP_BACKUP, params![&self.id])?)
    }
}

/// All that are known.
pub(crate) fn all(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Vec<Backup>, Error> {
    let rows = tx.query(&BACKUPS, &[], |row| Ok((row.bytes::<16>(0)?, row.blob(1)?.to_vec())))?;
    let open = |(id, sealed): ([u8; 16], Vec<u8>)| {
        let plain = keys.open_row("backup", &id, &sealed)?;
        let row: Backup = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
        Ok(Backup { id, ..row })
    };
    rows.into_iter().map(open).collect()
}

/// A vault that was restored gives a number again, so the second counts too.
fn is_of(kept: &Kept, row: &Backup) -> bool {
    let second = |micros: i64| micros.div_euclid(1_000_000);
    kept.part == row.part() && kept.sequence == row.sequence && second(kept.made) == second(row.made)
}

/// Until when a file was to be kept when it was made, if that is known.
pub(super) fn promised(known: &[Backup], kept: &Kept) -> Option<i64> {
    known.iter().find(|row| is_of(kept, row)).and_then(|row| row.until)
}

/// Whether a file is not known as one that is whole.
pub(super) fn is_new(known: &[Backup], kept: &Kept) -> bool {
    !known.iter().any(|row| is_of(kept, row) && row.bytes.is_some())
}

/// What a file says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// On which run it was made.
    base: Option<u64>,
    /// Until when it is to be kept.
    pub(super) until: Option<i64>,
}

impl Said {
    /// # Errors
    /// [`BackupError`] of one that cannot be read now.
    pub(super) fn of(kept: &Kept) -> Result<Self, BackupError> {
        let header = whole::header(&kept.path)?;
        let said = |header: Header| Self { base: header.base.map(|base| base.sequence), until: header.until };
        Ok(header.map(said).unwrap_or_default())
    }
}

/// What was found on the shelf.
pub(super) struct Found {
    /// Files.
    pub(super) there: Vec<Kept>,
    /// What new ones say, as far as they can be read.
    pub(super) said: HashMap<PathBuf, Said>,
    /// Files that were removed just now.
    pub(super) gone: Vec<Kept>,
    /// No backup was under way, and none is until this is noted: a row without a file is of none.
    pub(super) quiet: bool,
}

impl Found {
    fn said(&self, kept: &Kept) -> Option<Said> {
        self.said.get(&kept.path).copied()
    }

    fn file(&self, row: &Backup) -> Option<&Kept> {
        self.there.iter().find(|kept| is_of(kept, row))
    }

    /// Whether the backup of a row is no more, or never was one.
    fn is_gone(&self, row: &Backup, now: i64) -> bool {
        // A folder in which nothing of ours lies may be a disk that is not there today.
        let looked_in = self.there.iter().any(|kept| kept.part == row.part());
        let lost = self.quiet && self.file(row).is_none();
        let over = row.until.is_some_and(|until| until <= now);
        self.gone.iter().any(|kept| is_of(kept, row)) || lost && (looked_in || over)
    }
}

/// Brings the table in line with the shelf: files that are not known are noted, and rows without a file forgotten.
pub(super) fn compare(tx: &mut Tx<'_>, app: &App, shelf: &Shelf, found: &Found) -> Result<(), Error> {
    let (known, now) = (all(tx, &app.keys)?, app.now());
    for kept in found.there.iter().filter(|kept| !known.iter().any(|row| is_of(kept, row))) {
        let id = app.ids.uuid(now, &app.rng)?;
        let end = (kept.part == Part::Keys).then(|| shelf.keys_until(kept.made));
        let row = Backup::begin(id, kept.part, (kept.sequence, kept.made), end);
        match found.said(kept) {
            Some(said) => row.completed(kept, said).store(tx, app)?,
            // Looked at again the next time.
            None => row.store(tx, app)?,
        }
    }
    // It has its name, so it is whole: a crash came before its row said so, or it could not be read.
    for row in known.iter().filter(|row| found.quiet && row.bytes.is_none()) {
        if let Some(kept) = found.file(row)
            && let Some(said) = found.said(kept)
        {
            row.clone().completed(kept, said).store(tx, app)?;
        }
    }
    let gone: Vec<&Backup> = known.iter().filter(|row| found.is_gone(row, now)).collect();
    gone.iter().try_for_each(|row| row.forget(tx))?;
    let count = gone.len().max(found.gone.len());
    if count == 0 {
        return Ok(());
    }
    let mut event = audit::system(app.ids.event(now), What::BackupDrop, now, app.rules().version);
    event.count = u32::try_from(count).unwrap_or(u32::MAX);
    Ok(audit::append(tx, &event, 0, None)?)
}

/// The latest moment at which a backup of the key store ends that there is or is being made: what was erased before now is
/// then in none. `None`: there is none.
///
/// # Errors
/// What the store reports, and [`Error::Tampered`].
pub(crate) fn keys_end(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Option<i64>, Error> {
    Ok(all(tx, keys)?.iter().filter_map(|row| row.until).max())
}

/// What receipts call them: `data-7`, `keys-7`.
pub(crate) fn names(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Vec<String>, Error> {
    let name = |row: Backup| format!("{}-{}", row.part().as_str(), row.sequence);
    Ok(all(tx, keys)?.into_iter().map(name).collect())
}

/// Which backups there are, and whether the vault itself was restored from some.
#[derive(Debug, Clone, Copy)]
pub struct ReadBackups;

/// See [`ReadBackups`].
#[derive(Debug, Clone)]
pub struct Known {
    /// Backups, oldest first.
    pub backups: Vec<Backup>,
    /// Until when a backup of the key store may hold the keys of somebody who is erased now; microseconds UTC.
    pub keys_end: Option<i64>,
    /// Restores of this vault, oldest first.
    pub restored: Vec<Restored>,
}

impl Operation for ReadBackups {
    const ACTION: Action = Action::SystemBackup;
    type Output = Known;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Known>, Error> {
        let mut backups = all(tx, &cx.app.keys)?;
        backups.sort_by_key(|row| (row.made, row.keys));
        let (keys_end, restored) = (keys_end(tx, &cx.app.keys)?, restored::all(tx, &cx.app.keys)?);
        Ok(Outcome::new(Known { backups, keys_end, restored }, Note::count(0)))
    }
}
