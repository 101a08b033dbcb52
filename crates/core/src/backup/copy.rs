//! Copying the stores into files, each as it is at one moment. The data store's snapshot begins first and the key store's after
//! it: a key is committed before whatever is sealed under it, so every record of the one has its keys in the other. What is
//! erased in between has a record and no key, and comes back to nobody. The one thing that must not fall in between is the
//! exchange of a person's keys, which destroys old ones: it waits until both snapshots have begun, some milliseconds.

use std::fs::File;
use std::io::BufWriter;

use avouch_store::{Statement, Tx, statements};

use super::cell::Cell;
use super::draft::Draft;
use super::error::{BackupError, Unusable};
use super::file::{Counts, Writer};
use super::header::{Header, Part};
use super::layers::{Layers, Line};
use super::run::{Running, Stores};
use super::shelf::{Made, Shelf, newest};
use super::tables::Table;
use super::whole::layers;
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
    /// When what it copies of the keys is to be gone.
    pub(super) until: i64,
    pub(super) running: &'a Running<'a>,
}

impl Copy<'_> {
    /// The newest backup of the data, if another one is to be made on it. After an exchange of people's keys none is: every
    /// record has changed.
    pub(super) fn base(&self) -> Result<Option<Layers>, BackupError> {
        let files = self.shelf.files(self.app.keys.vault(), Part::Data)?;
        let Some(kept) = newest(&files, self.run.1) else { return Ok(None) };
        let base = layers(&kept.path, self.app.keys.backup_keys())?;
        let fits =
            base.len() < self.shelf.full_every && base.header().generation == self.app.data_keys.generation();
        Ok(fits.then_some(base))
    }

    /// Makes the files: all of them or none; that of the data on `base`, or full.
    pub(super) fn make(&self, stores: Stores, base: Option<Layers>) -> Result<Vec<Made>, BackupError> {
        let mut made: Vec<Made> = Vec::new();
        // The snapshots have ended: the stores do not wait for what is read back.
        for Written { draft, out, counts } in self.write(stores, base)? {
            match draft.finish(out, self.app.keys.backup_keys(), &counts, || self.go_on(i64::MAX)) {
                Ok(one) => made.push(one),
                Err(error) => {
                    // Half a run is none.
                    made.iter().try_for_each(|made| made.kept.remove())?;
                    return Err(error);
                }
            }
        }
        Ok(made)
    }

    fn write(&self, stores: Stores, base: Option<Layers>) -> Result<Vec<Written>, BackupError> {
        let (app, latest) = (self.app, self.app.now().saturating_add(LONGEST_MICROS));
        let paused = (stores == Stores::Both).then(|| app.data_keys.pause());
        if stores == Stores::Keys {
            return Ok(vec![app.store.snapshot(|tx| self.keys(tx, latest, || ()))?]);
        }
        app.store.snapshot(|tx| {
            begin(tx, &DATA_VAULT)?;
            let mut written = Vec::new();
            if let Some(paused) = paused {
                written.push(app.store.snapshot(|tx| self.keys(tx, latest, || drop(paused)))?);
            }
            let generation = app.data_keys.generation();
            let header = Header::new(app.keys.vault(), Part::Data, self.run, generation, &app.rng)?;
            let header = match &base {
                Some(base) => header.made_on(base.header()),
                None => header,
            };
            written.insert(0, self.side(tx, &header, Before { layers: base, ahead: None }, latest)?);
            Ok(written)
        })
    }

    /// The key store's. `begun` is called when its snapshot stands.
    fn keys(&self, tx: &mut Tx<'_>, latest: i64, begun: impl FnOnce()) -> Result<Written, BackupError> {
        begin(tx, &KEYS_VAULT)?;
        begun();
        let generation = crate::keys::generation(tx)?;
        let header = Header::new(self.app.keys.vault(), Part::Keys, self.run, generation, &self.app.rng)?;
        let header = header.of_keys(&Stored::load(tx)?, self.until);
        self.side(tx, &header, Before::default(), latest)
    }

    fn side(
        &self,
        tx: &mut Tx<'_>,
        header: &Header,
        mut before: Before,
        latest: i64,
    ) -> Result<Written, BackupError> {
        let (draft, out) = Draft::begin(self.shelf, header.part, self.app.keys.vault(), self.run)?;
        let keys = self.app.keys.backup_keys();
        let mut writer = Writer::begin(out, header, keys, &self.app.rng).map_err(draft.failed())?;
        for table in Table::of(header.part.side()) {
            writer.table(table).map_err(draft.failed())?;
            before.begin(table)?;
            let mut after = table.start();
            while let Some(page) = page(tx, table, &after)? {
                for row in &page {
                    self.gone(&mut writer, &mut before, (table, Some(row)), &draft, latest)?;
                    if before.has(table, row)? {
                        writer.same();
                    } else {
                        writer.row(row).map_err(draft.failed())?;
                    }
                }
                self.running.copied(page.len() as u64);
                self.go_on(latest)?;
                let Some(last) = page.last() else { break };
                after = last.iter().take(table.key).cloned().collect();
            }
            self.gone(&mut writer, &mut before, (table, None), &draft, latest)?;
        }
        before.end()?;
        let (out, counts) = writer.finish().map_err(draft.failed())?;
        Ok(Written { draft, out, counts })
    }

    /// Writes which rows are there no more, up to this one or the end of the table.
    fn gone(
        &self,
        writer: &mut Writer<BufWriter<File>>,
        before: &mut Before,
        (table, row): (&Table, Option<&Vec<Cell>>),
        draft: &Draft,
        latest: i64,
    ) -> Result<(), BackupError> {
        while let Some(key) = before.gone(table, row)? {
            writer.gone(&key).map_err(draft.failed())?;
            self.go_on(latest)?;
        }
        Ok(())
    }

    /// Whether there is time, as long as somebody wants it.
    fn go_on(&self, latest: i64) -> Result<(), BackupError> {
        if self.app.now() > latest {
            return Err(BackupError::TooSlow);
        }
        if self.running.is_to_stop() {
            return Err(BackupError::Refused("the server ends: make the backup again"));
        }
        Ok(())
    }
}

/// A file that is written and not yet read back.
struct Written {
    draft: Draft,
    out: BufWriter<File>,
    counts: Counts,
}

/// What the backup that this one is made on says; nothing, of one that is full. It is read beside the store, both in the order of
/// keys, so that what differs shows without anything being remembered, whatever changed it.
#[derive(Default)]
struct Before {
    layers: Option<Layers>,
    ahead: Option<Line>,
}

impl Before {
    /// Begins a table.
    fn begin(&mut self, table: &'static Table) -> Result<(), BackupError> {
        if self.ahead.is_none() {
            self.look()?;
        }
        match (&self.layers, &self.ahead) {
            (None, _) => Ok(()),
            (_, Some(Line::Table(begun))) if begun.name == table.name => self.look(),
            // It is of a version that had other tables.
            (Some(layers), _) => Err(layers.bad(Unusable::Version).of_base()),
        }
    }

    /// The key of the next row that was there, before this one or the end of the table, and is there no more.
    fn gone(&mut self, table: &Table, row: Option<&Vec<Cell>>) -> Result<Option<Vec<Cell>>, BackupError> {
        let Some(Line::Row(before)) = &self.ahead else { return Ok(None) };
        if row.is_some_and(|row| before.get(..table.key) >= row.get(..table.key)) {
            return Ok(None);
        }
        let gone = before.iter().take(table.key).cloned().collect();
        self.look()?;
        Ok(Some(gone))
    }

    /// Whether this very row was there.
    fn has(&mut self, table: &Table, row: &[Cell]) -> Result<bool, BackupError> {
        let Some(Line::Row(before)) = &self.ahead else { return Ok(false) };
        let (same_key, same) = (before.get(..table.key) == row.get(..table.key), before == row);
        if same_key {
            self.look()?;
        }
        Ok(same)
    }

    /// The end of all tables.
    fn end(&self) -> Result<(), BackupError> {
        match (&self.layers, &self.ahead) {
            (Some(layers), Some(_)) => Err(layers.bad(Unusable::Version).of_base()),
            _ => Ok(()),
        }
    }

    fn look(&mut self) -> Result<(), BackupError> {
        let Some(layers) = &mut self.layers else { return Ok(()) };
        self.ahead = layers.next().map_err(BackupError::of_base)?;
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
