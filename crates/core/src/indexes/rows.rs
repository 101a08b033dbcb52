//! What is kept of each index: what it is of, how far it is, and with which key its terms are made. Sealed, because the names
//! of fields are nobody's business and because an index of one field passed off as that of another would be searched.

use avouch_seal::SecureRandom;
use avouch_seal::index::{IndexKey, IndexScope};
use avouch_seal::vault::VaultKeys;
use avouch_store::{Ahead, Store, Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::rule;
use super::shape::{Shape, Wanted};
use crate::Error;
use crate::vault::SubjectPlace;

statements! {
    data STATE of rules_state / 0 = "select generation, next_index from rules_state where id = 1";
    data NEXT_STATE of rules_state / 0 = "update rules_state set generation = ?1, next_index = ?2 where id = 1";
    data ROWS = "select number, sealed from search_index order by number";
    data PUT_ROW = "insert into search_index (number, sealed) values (?1, ?2) on conflict (number) do update set sealed = excluded.sealed";
    data ANY_RECORD = "select version from record limit 1";
    data DROP_ROW = "delete from search_index where number = ?1";
}

/// How far an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Written by every change, not yet whole.
    Building,
    /// Whole.
    Ready,
    /// Not wanted any more: its terms are on their way out.
    Going,
}

/// One index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    #[serde(skip)]
    pub(crate) number: u32,
    /// Of the field or compound.
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// The epoch of the root that its key is derived from.
    pub(crate) epoch: u32,
    /// By what its key is known again.
    pub(crate) check: i64,
    pub(crate) stage: Stage,
    /// The index that goes when this one is whole.
    pub(crate) replaces: Option<u32>,
    pub(crate) progress: Progress,
}

/// How far the building is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The place of the last person looked at.
    pub(crate) after: Option<SubjectPlace>,
    /// How many were looked at.
    pub(crate) done: u64,
    /// How many of them could not be opened.
    pub(crate) damaged: u64,
    /// How many have a value that should be theirs alone and somebody else's too.
    pub(crate) shared: u64,
    /// The first of those.
    pub(crate) sharers: Vec<[u8; 16]>,
}

/// All of them, as one transaction sees them.
#[derive(Debug)]
pub(crate) struct Rows {
    /// By number.
    pub(crate) all: Vec<Row>,
    /// One more after each change of the charter or of an index.
    pub(crate) generation: i64,
    next: u32,
}

/// How new indexes are made.
pub(crate) struct Maker<'a> {
    /// Of the root that their keys are derived from.
    pub(crate) epoch: u32,
    /// Whether there is anybody to be found.
    pub(crate) people: bool,
    /// Derives a key.
    pub(crate) key: &'a dyn Fn(&IndexScope<'_>) -> IndexKey,
}

/// What a charter changes about an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is built.
    New,
    /// It is built in the place of another one.
    Anew,
    /// It goes.
    Gone,
}

impl Rows {
    /// What [`Rows::generation_in`] will ask.
    pub(crate) fn ahead() -> Ahead {
        Ahead::new(&STATE, &[])
    }

    /// The generation as stored.
    pub(crate) fn generation_in(tx: &mut Tx<'_>) -> Result<i64, Error> {
        tx.first(&STATE, &[], |row| row.int(0))?.ok_or(Error::Tampered)
    }

    pub(crate) fn load(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Self, Error> {
        Stored::read(tx)?.open(keys)
    }

    pub(crate) fn row(&self, number: u32) -> Option<&Row> {
        self.all.iter().find(|row| row.number == number)
    }

    /// What another charter would change, by the name of field or compound.
    pub(crate) fn changes(&self, wanted: &[Wanted]) -> Vec<(String, &'static str, Change)> {
        let now = || self.all.iter().filter(|row| row.stage != Stage::Going);
        let mut changes = Vec::new();
        for Wanted { name, shape } in wanted {
            if now().any(|row| row.shape == *shape) {
                continue;
            }
            let anew = now().any(|row| shape.is_instead_of(&row.shape));
            changes.push((name.clone(), shape.how.name(), if anew { Change::Anew } else { Change::New }));
        }
        for row in now() {
            let kept = |wanted: &Wanted| wanted.shape == row.shape || wanted.shape.is_instead_of(&row.shape);
            if !wanted.iter().any(kept) {
                changes.push((row.name.clone(), row.shape.how.name(), Change::Gone));
            }
        }
        changes
    }

    /// Makes the indexes those that are wanted. Without people there is nothing to build.
    pub(crate) fn settle(&mut self, wanted: &[Wanted], people: bool, keys: &VaultKeys) -> Result<(), Error> {
        let maker = Maker { epoch: keys.index_epoch(), people, key: &|scope| keys.index_key(scope) };
        let mut kept = Vec::new();
        for Wanted { name, shape } in wanted {
            let same = self.all.iter_mut().find(|row| row.shape == *shape && row.stage != Stage::Going);
            if let Some(row) = same {
                row.name.clone_from(name);
                kept.push(row.number);
                kept.extend(row.replaces.filter(|_| row.stage == Stage::Building));
                continue;
            }
            let standing =
                self.all.iter().find(|row| row.stage == Stage::Ready && row.shape.stands_in_for(shape));
            let replaces = standing.filter(|_| people).map(|row| row.number);
            kept.extend(replaces);
            kept.push(self.add(name, shape, replaces, &maker)?);
        }
        for row in &mut self.all {
            if !kept.contains(&row.number) {
                row.stage = Stage::Going;
            }
        }
        Ok(())
    }

    /// An index of every shape under a key of another epoch, in the place of those that there are.
    pub(crate) fn renew(&mut self, maker: &Maker<'_>) -> Result<usize, Error> {
        let outdated = |row: &&Row| row.stage != Stage::Going && row.epoch != maker.epoch;
        // Of an index that is being built again only the newest shape is wanted.
        let wanted = |row: &&Row| !self.all.iter().any(|other| other.replaces == Some(row.number));
        let old: Vec<Row> = self.all.iter().filter(outdated).filter(wanted).cloned().collect();
        for row in &old {
            let (replaces, was_building) = match row.stage {
                Stage::Ready => (Some(row.number), false),
                _ => (row.replaces, true),
            };
            self.add(&row.name, &row.shape, replaces.filter(|_| maker.people), maker)?;
            if was_building || !maker.people {
                self.set_stage(row.number, Stage::Going);
            }
        }
        Ok(old.len())
    }

    /// Has all of them built again: their terms are gone. One in whose place another comes has nothing left to stand for.
    pub(crate) fn begin_again(&mut self) {
        let replaced: Vec<u32> = self.all.iter_mut().filter_map(|row| row.replaces.take()).collect();
        for row in self.all.iter_mut().filter(|row| row.stage != Stage::Going) {
            row.stage = if replaced.contains(&row.number) { Stage::Going } else { Stage::Building };
            row.progress = Progress::default();
        }
    }

    /// Has every index built anew of which these keys do not give the key: the keyring is of another time, after a restore or
    /// beside an old copy of either store. Its terms lead to nobody; they go with its number, a step at a time. Says how many.
    fn rekey(&mut self, people: bool, keys: &VaultKeys) -> Result<usize, Error> {
        let maker = Maker { epoch: keys.index_epoch(), people, key: &|scope| keys.index_key(scope) };
        let lost: Vec<Row> = self.all.iter().filter(|row| !rule::fits(row, keys)).cloned().collect();
        let is_lost = |number: u32| lost.iter().any(|row| row.number == number);
        let wanted = |row: &&Row| {
            let instead = |other: &Row| other.stage != Stage::Going && other.replaces == Some(row.number);
            row.stage != Stage::Going && !self.all.iter().any(instead)
        };
        for Row { name, shape, replaces, .. } in lost.iter().filter(wanted).collect::<Vec<_>>() {
            // What is whole serves until then.
            self.add(name, shape, replaces.filter(|number| people && !is_lost(*number)), &maker)?;
        }
        for row in &mut self.all {
            row.replaces = row.replaces.filter(|number| !is_lost(*number));
            if is_lost(row.number) {
                (row.stage, row.replaces, row.epoch) = (Stage::Going, None, maker.epoch);
                row.check = rule::check(&(maker.key)(&rule::scope(row.number, row.epoch, &row.shape)));
            }
        }
        Ok(lost.len())
    }

    pub(crate) fn set_stage(&mut self, number: u32, stage: Stage) {
        for row in self.all.iter_mut().filter(|row| row.number == number) {
            row.stage = stage;
        }
    }

    fn add(
        &mut self,
        name: &str,
        shape: &Shape,
        replaces: Option<u32>,
        maker: &Maker<'_>,
    ) -> Result<u32, Error> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or(Error::Internal("there is no number for another index"))?;
        let epoch = maker.epoch;
        let check = rule::check(&(maker.key)(&rule::scope(number, epoch, shape)));
        let stage = if maker.people { Stage::Building } else { Stage::Ready };
        let (name, shape) = (name.to_owned(), shape.clone());
        let progress = Progress::default();
        self.all.push(Row { number, name, shape, epoch, check, stage, replaces, progress });
        Ok(number)
    }

    /// Stores all of them, and that something has changed.
    pub(crate) fn store(
        &mut self,
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        rng: &dyn SecureRandom,
    ) -> Result<(), Error> {
        self.sealed(keys, rng)?.write(tx)
    }

    /// As they are to lie in the store, one change later.
    fn sealed(&mut self, keys: &VaultKeys, rng: &dyn SecureRandom) -> Result<Stored, Error> {
        self.generation += 1;
        let sealed = |row: &Row| Ok((row.number.into(), row.sealed(keys, rng)?));
        let rows = self.all.iter().map(sealed).collect::<Result<_, Error>>()?;
        Ok(Stored { generation: self.generation, next: self.next.into(), rows })
    }

    /// Forgets one whose terms are gone.
    pub(crate) fn forget(&mut self, tx: &mut Tx<'_>, number: u32) -> Result<(), Error> {
        self.all.retain(|row| row.number != number);
        Ok(tx.put(&DROP_ROW, params![number])?)
    }
}

/// The rows as they lie in the store.
#[derive(Debug)]
pub(crate) struct Stored {
    generation: i64,
    next: i64,
    rows: Vec<(i64, Vec<u8>)>,
}

impl Stored {
    pub(crate) fn read(tx: &mut Tx<'_>) -> Result<Self, Error> {
        let state = tx.first(&STATE, &[], |row| Ok((row.int(0)?, row.int(1)?)))?;
        let (generation, next) = state.ok_or(Error::Tampered)?;
        let rows = tx.query(&ROWS, &[], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?;
        Ok(Self { generation, next, rows })
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        for (number, sealed) in &self.rows {
            tx.put(&PUT_ROW, params![*number, sealed])?;
        }
        Ok(tx.put(&NEXT_STATE, params![self.generation, self.next])?)
    }

    pub(crate) fn open(self, keys: &VaultKeys) -> Result<Rows, Error> {
        let mut all = Vec::with_capacity(self.rows.len());
        for (number, sealed) in self.rows {
            let number = u32::try_from(number).map_err(|_| Error::Tampered)?;
            let plain = keys.open_row("search_index", &number.to_le_bytes(), &sealed)?;
            let row: Row = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
            all.push(Row { number, ..row });
        }
        let next = u32::try_from(self.next).map_err(|_| Error::Tampered)?;
        Ok(Rows { all, generation: self.generation, next })
    }
}

impl Row {
    pub(crate) fn store(
        &self,
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        rng: &dyn SecureRandom,
    ) -> Result<(), Error> {
        Ok(tx.put(&PUT_ROW, params![self.number, &self.sealed(keys, rng)?])?)
    }

    fn sealed(&self, keys: &VaultKeys, rng: &dyn SecureRandom) -> Result<Vec<u8>, Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Internal("an index has no JSON form"))?;
        Ok(keys.seal_row("search_index", &self.number.to_le_bytes(), &plain, rng)?)
    }
}

/// Before the rules of a vault that is opened are compiled: afterwards these keys give those of all its indexes.
pub(crate) fn rekey(store: &Store, keys: &VaultKeys, rng: &dyn SecureRandom) -> Result<(), Error> {
    let people = |tx: &mut Tx<'_>| tx.first(&ANY_RECORD, &[], |row| row.int(0));
    let (stored, people) =
        store.read_wait(move |tx| Ok::<_, Error>((Stored::read(tx)?, people(tx)?.is_some())))?;
    let mut rows = stored.open(keys)?;
    let indexes = rows.rekey(people, keys)?;
    if indexes > 0 {
        tracing::warn!(indexes, "the keyring is of another time than the data: these are built anew");
        let rows = rows.sealed(keys, rng)?;
        store.write_wait(move |tx| rows.write(tx))?;
    }
    Ok(())
}
