//! Copying the stores into files, each as it is at one moment. The data store's snapshot begins first and the key store's after
//! it: a key is committed before whatever is sealed under it, so every record of the one has its keys in the other. What is
//! erased in between has a record and no key, and comes back to nobody. The one thing that must not fall in between is the
//! exchange of a person's keys, which destroys old ones: it waits until both snapshots have begun, some milliseconds.

use std::fs::File;
use std::io::BufWriter;

use avouch_store::{Side, Statement, Tx, statements};

use super::cell::Cell;
use super::error::BackupError;
use super::file::Writer;
use super::header::{Header, Part};
use super::run::{Running, Stores};
use super::shelf::{Draft, Kept, Shelf};
use super::tables::Table;
use crate::Error;
use crate::app::App;
use crate::keys::seals::Stored;

statements! {
    data DATA_VAULT = "select id from vault";
    keys KEYS_VAULT = "select id from vault";
}

/// Rows read at once.
const PAGE: i64 = 256;
/// As long as a snapshot lives, the logs of the stores grow and erasures are not final on the disk.
const LONGEST_MICROS: i64 = 3_600_000_000;

/// One run.
pub(super) struct Copy<'a> {
    pub(super) app: &'a App,
    pub(super) shelf: &'a Shelf,
    /// Its number and its moment.
    pub(super) run: (u64, i64),
    pub(super) running: &'a Running<'a>,
}

impl Copy<'_> {
    /// Makes the files: all of them or none.
    pub(super) fn make(&self, stores: Stores) -> Result<Vec<Kept>, BackupError> {
        let (app, vault) = (self.app, self.app.keys.vault());
        let paused = (stores == Stores::Both).then(|| app.data_keys.pause());
        if stores == Stores::Keys {
            return Ok(vec![app.store.snapshot(|tx| self.keys(tx, || ()))?]);
        }
        app.store.snapshot(|tx| {
            begin(tx, &DATA_VAULT)?;
            let mut made = Vec::new();
            if let Some(paused) = paused {
                made.push(app.store.snapshot(|tx| self.keys(tx, || drop(paused)))?);
            }
            let header = Header::new(vault, Part::Data, self.run, app.data_keys.generation());
            match self.begin_file(Part::Data).and_then(|draft| self.side(tx, Side::Data, draft, &header)) {
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

    /// The key store's. `begun` is called when its snapshot stands.
    fn keys(&self, tx: &mut Tx<'_>, begun: impl FnOnce()) -> Result<Kept, BackupError> {
        begin(tx, &KEYS_VAULT)?;
        begun();
        let generation = crate::keys::generation(tx)?;
        let header = Header::new(self.app.keys.vault(), Part::Keys, self.run, generation);
        let header = header.with_seals(&Stored::load(tx)?);
        self.side(tx, Side::Keys, self.begin_file(Part::Keys)?, &header)
    }

    fn begin_file(&self, part: Part) -> Result<(Draft, BufWriter<File>), BackupError> {
        Draft::begin(self.shelf, part, self.app.keys.vault(), self.run)
    }

    fn side(
        &self,
        tx: &mut Tx<'_>,
        side: Side,
        (draft, out): (Draft, BufWriter<File>),
        header: &Header,
    ) -> Result<Kept, BackupError> {
        let (keys, latest) = (self.app.keys.backup_keys(), self.app.now().saturating_add(LONGEST_MICROS));
        let mut writer = Writer::begin(out, header, keys, &self.app.rng).map_err(draft.failed())?;
        for table in Table::of(side) {
            writer.table(table).map_err(draft.failed())?;
            let mut after = table.start();
            while let Some(page) = page(tx, table, &after)? {
                for row in &page {
                    writer.row(row).map_err(draft.failed())?;
                }
                self.go_on(page.len(), latest)?;
                let Some(last) = page.last() else { break };
                after = last.iter().take(table.key).cloned().collect();
            }
        }
        let (out, counts) = writer.finish().map_err(draft.failed())?;
        draft.finish(out, keys, &counts)
    }

    /// Tells of rows that were copied, and ends what takes too long or is to end.
    fn go_on(&self, rows: usize, latest: i64) -> Result<(), BackupError> {
        self.running.copied(rows as u64);
        if self.app.now() > latest {
            return Err(BackupError::TooSlow);
        }
        if self.running.is_to_stop() {
            return Err(BackupError::Refused("the server ends: make the backup again"));
        }
        Ok(())
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
