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
use super::tables::Table;
use super::whole::beside;

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
        let mut reader = file.open(keys).map_err(|error| error.of(path))?;
        let ahead = reader.next().map_err(|error| error.of(path))?;
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
        let next = self.reader.next().map_err(|error| error.of(&self.path))?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use avouch_seal::keyring::Keyring;
    use avouch_seal::{SystemRandom, VaultId};
    use avouch_store::Side;
    use avouch_testkit::{Kind, Place};
    use proptest::prelude::*;

    use super::super::file::Writer;
    use super::super::header::Part;
    use super::super::{shelf, whole};
    use super::*;

    const VAULT: VaultId = VaultId([0xab; 16]);

    /// A table of two columns, of which the first is the key, and one of four.
    fn table(name: &str) -> &'static Table {
        Table::of(Side::Data).find(|table| table.name == name).unwrap()
    }

    #[derive(Debug, Clone)]
    enum Say {
        Table(&'static str),
        Row(u8, u8),
        Gone(u8),
        Same,
        Cells(Vec<Cell>),
    }
    use Say::{Cells, Gone, Row, Same};

    fn text(value: u8) -> Cell {
        Cell::Text(format!("{value:03}"))
    }

    fn row(key: u8, value: u8) -> Vec<Cell> {
        vec![text(key), Cell::Blob(vec![value])]
    }

    /// Files in a folder, each made on the one before it.
    struct Folder {
        place: Place,
        keys: BackupKeys,
        files: Vec<(PathBuf, Header)>,
    }

    impl Folder {
        fn new() -> Self {
            let keyring = Keyring::generate(VAULT, &SystemRandom::new()).unwrap();
            Self { place: Place::new(Kind::Sqlite), keys: keyring.backup_keys().unwrap(), files: Vec::new() }
        }

        fn write(&mut self, says: &[Say]) {
            let (run, rng) = (self.files.len() as u64 + 1, SystemRandom::new());
            let header = Header::new(VAULT, Part::Data, (run, 0), 1, &rng).unwrap();
            let header = match self.files.last() {
                Some((_, last)) => header.made_on(last),
                None => header,
            };
            let path = self.place.directory().join(shelf::name(VAULT, Part::Data, run, 0));
            let out = File::create(&path).unwrap();
            let mut writer = Writer::begin(out, &header, &self.keys, &rng).unwrap();
            for say in says {
                match say {
                    Say::Table(name) => writer.table(table(name)).unwrap(),
                    Row(key, value) => writer.row(&row(*key, *value)).unwrap(),
                    Cells(cells) => writer.row(cells).unwrap(),
                    Gone(key) => writer.gone(&[text(*key)]).unwrap(),
                    Same => writer.same(),
                }
            }
            writer.finish().unwrap();
            self.files.push((path, header));
        }

        fn read(&self) -> Result<Vec<Vec<Cell>>, BackupError> {
            let mut layers = whole::layers(&self.files.last().unwrap().0, &self.keys)?;
            let mut rows = Vec::new();
            while let Some(line) = layers.next()? {
                if let Line::Row(cells) = line {
                    rows.push(cells);
                }
            }
            Ok(rows)
        }
    }

    const STATE: Say = Say::Table("recipient_state");

    /// What leads from one state to another.
    fn changes(from: &BTreeMap<u8, u8>, to: &BTreeMap<u8, u8>) -> Vec<Say> {
        let keys: std::collections::BTreeSet<u8> = from.keys().chain(to.keys()).copied().collect();
        let change = |key: u8| match (from.get(&key), to.get(&key)) {
            (before, Some(now)) if before == Some(now) => Same,
            (_, Some(now)) => Row(key, *now),
            (_, None) => Gone(key),
        };
        core::iter::once(STATE).chain(keys.into_iter().map(change)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
        #[test]
        fn the_newest_state_is_read(
            states in prop::collection::vec(prop::collection::btree_map(0..12_u8, 0..3_u8, 0..10), 1..6)
        ) {
            let mut folder = Folder::new();
            let mut before = BTreeMap::new();
            for state in states {
                folder.write(&changes(&before, &state));
                let rows: Vec<_> = state.iter().map(|(key, value)| row(*key, *value)).collect();
                prop_assert_eq!(folder.read().unwrap(), rows);
                before = state;
            }
        }
    }

    /// Of which of its files a chain is said to be damaged.
    fn refused(files: &[&[Say]]) -> String {
        let mut folder = Folder::new();
        files.iter().for_each(|says| folder.write(says));
        let error = folder.read().expect_err("it is refused").to_string();
        let (_, told) = error.rsplit_once("data-").unwrap();
        told.strip_suffix(".avb` was cut off or changed: do not use it").unwrap().to_owned()
    }

    #[test]
    fn what_no_vault_writes_is_refused_and_the_file_named() {
        let one: &[Say] = &[STATE, Row(1, 1), Row(2, 2)];
        let long = vec![text(3), Cell::Null, Cell::Null];
        let answers = [
            refused(&[&[STATE, Gone(1)]]),
            refused(&[&[STATE, Row(2, 2), Row(1, 1)], &[STATE, Same, Same]]),
            refused(&[&[STATE, Row(1, 1), Row(1, 2)]]),
            refused(&[one, &[STATE, Gone(3), Same, Same]]),
            refused(&[one, &[STATE, Gone(1), Same], &[STATE, Gone(1), Same]]),
            refused(&[one, &[STATE, Row(1, 3), Row(1, 4), Same]]),
            refused(&[one, &[STATE, Same]]),
            refused(&[one, &[STATE, Same, Same, Same]]),
            refused(&[one, &[STATE, Same, Same, Cells(long.clone())]]),
            refused(&[&[STATE, Cells(long)]]),
            refused(&[one, &[Say::Table("principal")]]),
            refused(&[one, &[STATE, Same, Same, Say::Table("principal")]]),
            refused(&[one, &[]]),
        ];
        assert_eq!(answers.join(" "), "1 1 1 2 3 2 2 2 2 1 1 1 1");
    }

    #[test]
    fn another_table_than_ours_is_of_another_version() {
        let mut folder = Folder::new();
        folder.write(&[STATE, Row(1, 1)]);
        let mut layers = whole::layers(&folder.files[0].0, &folder.keys).unwrap();
        layers.layers[0].ahead = Some(Item::Table("recipient_state".to_owned(), vec!["name".to_owned()]));
        let error = layers.next().expect_err("it is refused");
        assert!(matches!(error, BackupError::File(_, Unusable::Version)), "{error}");
    }
}
