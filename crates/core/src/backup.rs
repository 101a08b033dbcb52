//! Backups and what brings a vault back from them: one file for each store and run, sealed under the keyring and never readable
//! without it, the same for both engines. The format is `file`, what of each table goes in is `tables`. What keeps the erased
//! from coming back are the lists of endings, which both stores carry: see `erasure`.
//!
//! The two stores' backups go to two places and have two lives. A backup of data may be kept for years: without keys it
//! tells nothing. A backup of keys ends soon, because until it does an erasure has not reached everything.

mod cell;
mod copy;
mod draft;
mod error;
mod file;
mod header;
mod layers;
mod replay;
mod restore;
mod restored;
mod rows;
mod run;
mod shelf;
mod tables;
mod whole;

pub use error::{BackupError, Unusable};
pub use header::{Base, Part};
pub use restore::Sources;
pub use restored::{Endings, Replayed, Restored};
pub use rows::{Backup, Known, ReadBackups};
pub use run::{State, Stores, Wanted};
pub use shelf::{Kept, Made, Shelf};
pub use whole::{Checked, verify};

pub(crate) use replay::replay;
pub(crate) use restored::endings_stated;
pub(crate) use rows::{keys_end, names};
pub(crate) use run::Backups;

use std::path::Path;

use avouch_seal::backup::BackupKeys;
use avouch_seal::root::RootSeal;

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        copy::STATEMENTS.to_vec(),
        restored::STATEMENTS.to_vec(),
        rows::STATEMENTS.to_vec(),
        tables::statements(),
    ]
    .concat()
}

/// The tables that a backup holds, each with its store, its columns, and how many of these are its key: for the test that
/// compares them with the schema.
#[must_use]
pub fn tables() -> Vec<(avouch_store::Side, &'static str, Vec<&'static str>, usize)> {
    let columns = |table: &tables::Table| table.columns.iter().map(|(name, _)| *name).collect();
    tables::TABLES.iter().map(|table| (table.side, table.name, columns(table), table.key)).collect()
}

/// The tables that it leaves out, for the same test.
#[must_use]
pub fn left_out() -> Vec<&'static str> {
    tables::LEFT_OUT.iter().map(|(name, _)| *name).collect()
}

/// Of which store a file says that it is. It is not opened, so this is not to be believed yet.
///
/// # Errors
/// [`BackupError`].
pub fn part_of(path: &Path) -> Result<Part, BackupError> {
    Ok(whole::unopened(path)?.header.part)
}

/// What opens the backups of a vault, from the header of a backup of its keys and a seal.
///
/// # Errors
/// [`BackupError`].
pub fn keys_by_seal(path: &Path, slot: &str, seal: &dyn RootSeal) -> Result<BackupKeys, BackupError> {
    restore::keys_by_seal(path, slot, seal)
}
