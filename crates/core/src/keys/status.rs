//! Which keys exist, how old they are, and how far the exchange of any of them is. Never a key.

use std::collections::BTreeMap;

use avouch_policy::Action;
use avouch_store::{Statement, Tx, statements};

use super::SealState;
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::indexes::{Rows, Stage};
use crate::rules::Rules;

statements! {
    data COUNT_RECORDS = "select count(*) from record";
    data COUNT_ERASURES = "select count(*) from ending where done = 0";
    keys NEWEST_KEK_MADE = "select made from kek order by epoch desc limit 1";
    keys KEK_EPOCHS = "select epoch from kek order by epoch";
    keys COUNT_BY_EPOCH = "select epoch, count(*) from subject_key group by epoch";
    keys COUNT_BY_GENERATION = "select generation, count(*) from subject_key group by generation";
    keys KEYRING_GENERATION = "select generation from keyring where id = 1";
}

/// Which keys exist and how old they are.
#[derive(Debug, Clone, Copy)]
pub struct ReadKeys;

/// See [`ReadKeys`].
#[derive(Debug, Clone)]
pub struct KeyStatus {
    /// The seals around the keyring.
    pub seals: Vec<SealState>,
    /// Generation of the keyring: it has one more after each change.
    pub generation: u64,
    /// Key-encryption keys, by epoch; the last one wraps new keys.
    pub kek_epochs: Vec<u64>,
    /// The generation in which people's keys are made now.
    pub data_generation: u64,
    /// The epochs of the index roots, the newest last.
    pub index_epochs: Vec<u32>,
    /// Indexes that are not whole, not under the newest root, or on their way out.
    pub indexes_outstanding: u64,
    /// People that the building which is furthest behind has looked at.
    pub indexes_done: u64,
    /// People there are.
    pub subjects: u64,
    /// The epochs of the token roots, the newest last.
    pub token_epochs: Vec<u32>,
    /// Erasures whose keys are not destroyed yet.
    pub pending_erasures: u64,
    /// When the key-encryption key is replaced by itself, in microseconds UTC; nothing: never.
    pub kek_due: Option<i64>,
    /// Until when remains of what is erased now may lie about that nobody can read; nothing when that is not known.
    pub horizon: Option<i64>,
}

/// How many keys of people there are.
#[derive(Debug, Clone, Default)]
pub struct KeyCounts {
    /// By the epoch of what wraps them.
    pub by_epoch: BTreeMap<u64, u64>,
    /// By the generation in which they were made.
    pub by_generation: BTreeMap<u64, u64>,
}

impl App {
    /// Counts people's keys. Looks at all of them, beside the writers: for whoever was permitted to read the keys' state.
    pub fn count_keys(&self, answer: impl FnOnce(Result<KeyCounts, Error>) + Send + 'static) {
        let counts = |tx: &mut Tx<'_>| {
            let by_epoch = grouped(tx, &COUNT_BY_EPOCH)?;
            Ok(KeyCounts { by_epoch, by_generation: grouped(tx, &COUNT_BY_GENERATION)? })
        };
        self.store.read(counts, answer);
    }
}

fn grouped(tx: &mut Tx<'_>, statement: &'static Statement) -> Result<BTreeMap<u64, u64>, Error> {
    let rows =
        tx.query(statement, &[], |row| Ok((row.int(0)?.cast_unsigned(), row.int(1)?.cast_unsigned())))?;
    Ok(rows.into_iter().collect())
}

/// When the newest key-encryption key has been used long enough.
pub(crate) fn kek_due(tx: &mut Tx<'_>, app: &App) -> Result<Option<i64>, Error> {
    let Some(period) = app.erasures.settings.kek_period() else { return Ok(None) };
    let made = tx.first(&NEWEST_KEK_MADE, &[], |row| row.int(0))?.ok_or(Error::Tampered)?;
    Ok(Some(made.saturating_add(period)))
}

impl Operation for ReadKeys {
    const ACTION: Action = Action::KeyRead;
    type Output = KeyStatus;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<KeyStatus>, Error> {
        let number = |tx: &mut Tx<'_>, statement| {
            Ok::<_, Error>(tx.first(statement, &[], |row| row.int(0))?.unwrap_or(0).cast_unsigned())
        };
        let index_epochs = cx.app.keys.index_epochs();
        let rows = Rows::load(tx, &cx.app.keys)?;
        let newest = index_epochs.last().copied();
        let outstanding =
            rows.all.iter().filter(|row| row.stage != Stage::Ready || Some(row.epoch) != newest).count();
        let building = rows.all.iter().filter(|row| row.stage == Stage::Building);
        let status = KeyStatus {
            index_epochs,
            indexes_outstanding: outstanding as u64,
            indexes_done: building.map(|row| row.progress.done).min().unwrap_or_default(),
            subjects: number(tx, &COUNT_RECORDS)?,
            token_epochs: cx.app.keys.token_epochs(),
            seals: cx.app.seal_states(tx)?,
            generation: number(tx, &KEYRING_GENERATION)?,
            kek_epochs: tx.query(&KEK_EPOCHS, &[], |row| Ok(row.int(0)?.cast_unsigned()))?,
            data_generation: super::generation(tx)?.into(),
            pending_erasures: number(tx, &COUNT_ERASURES)?,
            kek_due: kek_due(tx, cx.app)?,
            horizon: crate::erasure::horizon(tx, cx)?,
        };
        Ok(Outcome::new(status, Note::count(0)))
    }
}
