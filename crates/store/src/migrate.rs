//! Migrations: one numbered list in the shared dialect, checksummed, applied in order to both stores. A number once
//! released never changes: expand first, contract a release later.

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// 1, 2, 3, …
    pub number: i64,
    /// A few words.
    pub name: &'static str,
    /// Statements for the data store, in the shared dialect.
    pub data: &'static str,
    /// Statements for the key store.
    pub keys: &'static str,
}

/// The table both stores keep of what was applied.
pub(crate) const TABLE: &str = "create table if not exists migration \
     (number bigint primary key, name text not null, checksum blob not null, applied bigint not null)";

/// The shared dialect in PostgreSQL's words. Four fragments differ. (`integer primary key` is SQLite's row number
/// itself: a table that only grows at its end is written fastest that way. Texts are told apart and sorted by their bytes, as
/// SQLite does it, whatever the language of the database.)
pub(crate) fn to_postgres(sql: &str) -> String {
    sql.replace(" blob", " bytea")
        .replace(" text", " text collate \"C\"")
        .replace(" without rowid", "")
        .replace(" integer primary key", " bigint primary key")
}

pub(crate) fn checksum(sql: &str) -> [u8; 32] {
    Sha256::digest(sql.as_bytes()).into()
}

/// What is left to apply, given `(number, checksum)` of what was. `sql` is what the engine was told: it changes with our
/// translation too.
///
/// # Errors
/// When the database is newer than this program, or an applied step has changed.
pub(crate) fn outstanding<'m>(
    migrations: &'m [Migration],
    sql: impl Fn(&Migration) -> String,
    applied: &[(i64, Vec<u8>)],
) -> Result<Vec<&'m Migration>> {
    for (number, sum) in applied {
        let Some(known) = migrations.iter().find(|migration| migration.number == *number) else {
            let message = "the database was written by a newer avouch; start that version".to_owned();
            return Err(Error::Migration { number: *number, message });
        };
        if checksum(&sql(known)).as_slice() != sum.as_slice() {
            let message = "its text differs from the one that was applied: the database was made by a version in between \
                           two releases; export with that version, and import here"
                .to_owned();
            return Err(Error::Migration { number: *number, message });
        }
    }
    let last = applied.iter().map(|(number, _)| *number).max().unwrap_or(0);
    Ok(migrations.iter().filter(|migration| migration.number > last).collect())
}
