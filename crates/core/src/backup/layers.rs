//! A backup as if it were one file. A full one is; one that holds only what changed is laid over the one that it was made on, and
//! so on down to a full one, which all lie in one folder. All are read at once, each from beginning to end: within a table rows
//! stand in the order of their keys, so that of those with the least key the newest counts.
//!
//! INVARIANT: a file is taken for another's base only when it is the very one, by an id that is drawn for each file and bound to
//! its stream. That all are whole is known when [`Layers::next`] has said `None`: then each has its tag, and the rows of each
//! table are as many as there were when the newest was written.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use avouch_seal::backup::BackupKeys;

use super::cell::Cell;
use super::error::{BackupError, Unusable};
use super::file::{Counts, Item, Reader, Unopened};
use super::header::Header;
use super::shelf::beside;
use super::tables::Table;

/// No vault makes as many on one full backup: see [`Shelf::full_every`](super::Shelf::full_every).
const MOST: usize = 128;

/// See the module.
pub(crate) struct Layers {
    /// The newest first, the full one last.
    layers: Vec<Layer>,
    table: Option<&'static Table>,
    counts: Counts,
}

/// What a backup says next.
#[derive(Debug)]
pub(crate) enum Line {
    /// A table begins.
    Table(&'static Table),
    /// A row of it.
    Row(Vec<Cell>),
}

impl Layers {
    /// Opens a file, and those beside it that it was made on.
    pub(crate) fn open(
        first: Unopened<BufReader<File>>,
        path: &Path,
        keys: &BackupKeys,
    ) -> Result<Self, BackupError> {
        let mut layers = vec![Layer::open(first, path, keys)?];
        while let Some(last) = layers.last()
            && let Some(base) = &last.reader.header.base
        {
            if layers.len() == MOST {
                return Err(BackupError::File(last.path.clone(), Unusable::Damaged));
            }
            let (path, file) = beside(&last.path, &last.reader.header, base)?;
            layers.push(Layer::open(file, &path, keys)?);
        }
        Ok(Self { layers, table: None, counts: Counts::new() })
    }

    /// Of the newest.
    pub(crate) fn header(&self) -> &Header {
        &self.newest().reader.header
    }

    /// How many files.
    pub(crate) fn len(&self) -> usize {
        self.layers.len()
    }

    /// The rows of each table so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The next line; `None` at the end, when all are whole.
    pub(crate) fn next(&mut self) -> Result<Option<Line>, BackupError> {
        let Some(table) = self.table else { return self.next_table() };
        while let Some(row) = self.next_row(table)? {
            match row {
                Item::Row(cells) if table.fits(&cells) => {
                    if let Some((_, count)) = self.counts.last_mut() {
                        *count += 1;
                    }
                    return Ok(Some(Line::Row(cells)));
                }
                Item::Gone(_) => {}
                Item::Row(_) | Item::Table(..) => return Err(self.bad(Unusable::Damaged)),
            }
        }
        self.next_table()
    }

    /// What is to be said of the least key, by the newest that says anything.
    fn next_row(&mut self, table: &Table) -> Result<Option<Item>, BackupError> {
        if let [only] = self.layers.as_mut_slice() {
            return if only.key(table).is_some() { only.take(table) } else { Ok(None) };
        }
        let Some(least) = self.layers.iter().filter_map(|layer| layer.key(table)).min().map(<[Cell]>::to_vec)
        else {
            return Ok(None);
        };
        let mut said = Vec::new();
        for layer in &mut self.layers {
            if layer.key(table) == Some(&least) {
                said.extend(layer.take(table)?);
            }
        }
        // Only what was there can be gone.
        if matches!(said.as_slice(), [Item::Gone(_)] | [Item::Gone(_), Item::Gone(_), ..]) {
            return Err(self.bad(Unusable::Damaged));
        }
        said.truncate(1);
        Ok(said.pop())
    }

    /// All begin the same table, or all end.
    fn next_table(&mut self) -> Result<Option<Line>, BackupError> {
        let Some(Item::Table(name, columns)) = &self.newest().ahead else { return self.end() };
        let side = self.header().part.side();
        let same = |table: &&Table| {
            table.name == name.as_str() && table.columns.iter().map(|(name, _)| *name).eq(columns.iter())
        };
        let known = Table::of(side).find(same).ok_or_else(|| self.bad(Unusable::Version))?;
        let begun = self.newest().ahead.clone();
        for layer in &mut self.layers {
            if layer.ahead != begun {
                return Err(layer.bad(Unusable::Damaged));
            }
            layer.take(known)?;
        }
        self.counts.push((known.name.to_owned(), 0));
        self.table = Some(known);
        Ok(Some(Line::Table(known)))
    }

    fn end(&self) -> Result<Option<Line>, BackupError> {
        if let Some(longer) = self.layers.iter().find(|layer| layer.ahead.is_some()) {
            return Err(longer.bad(Unusable::Damaged));
        }
        let newest = self.newest();
        if *newest.reader.counts() == self.counts { Ok(None) } else { Err(newest.bad(Unusable::Damaged)) }
    }

    /// Says what is wrong with the newest.
    pub(crate) fn bad(&self, reason: Unusable) -> BackupError {
        self.newest().bad(reason)
    }

    fn newest(&self) -> &Layer {
        self.layers.first().expect("`open` begins with one")
    }
}

/// One file, and what it says next.
struct Layer {
    path: PathBuf,
    reader: Reader<BufReader<File>>,
    ahead: Option<Item>,
}

impl Layer {
    fn open(file: Unopened<BufReader<File>>, path: &Path, keys: &BackupKeys) -> Result<Self, BackupError> {
        let bad = |reason| BackupError::File(path.to_owned(), reason);
        let mut reader = file.open(keys).map_err(bad)?;
        let ahead = reader.next().map_err(bad)?;
        Ok(Self { path: path.to_owned(), reader, ahead })
    }

    fn bad(&self, reason: Unusable) -> BackupError {
        BackupError::File(self.path.clone(), reason)
    }

    /// The key of what is next; `None` at the end of a table.
    fn key(&self, table: &Table) -> Option<&[Cell]> {
        self.ahead.as_ref().and_then(|item| key(item, table))
    }

    /// Hands out what is next and looks further. Keys only grow.
    fn take(&mut self, table: &Table) -> Result<Option<Item>, BackupError> {
        let next = self.reader.next().map_err(|reason| self.bad(reason))?;
        let taken = core::mem::replace(&mut self.ahead, next);
        let (before, after) = (taken.as_ref().and_then(|item| key(item, table)), self.key(table));
        if before.zip(after).is_some_and(|(before, after)| before >= after) {
            return Err(self.bad(Unusable::Damaged));
        }
        Ok(taken)
    }
}

fn key<'i>(item: &'i Item, table: &Table) -> Option<&'i [Cell]> {
    match item {
        Item::Row(cells) => cells.get(..table.key),
        Item::Gone(key) => Some(key),
        Item::Table(..) => None,
    }
}
