//! What a vault remembers of having been restored. From the transaction that makes it a vault again until the replay is through,
//! a row says so, and nothing opens the vault without doing the replay first. Afterwards the row stays: what was restored
//! from what, and who said that nobody had been erased since, is told for as long as there is a vault.
//!
//! Trust: rows are sealed; whoever can write the table can take one away, and with it the memory of a restore.

use avouch_seal::keyring::Keyring;
use avouch_seal::vault::VaultKeys;
use avouch_seal::{SecureRandom, SystemRandom};
use avouch_store::{Store, Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Error;

statements! {
    data RESTORED = "select id, sealed from restored order by id";
    data PUT_RESTORED = "insert into restored (id, sealed) values (?1, ?2) on conflict (id) do update set sealed = excluded.sealed";
}

/// From where it is known who was erased since the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endings {
    /// One of the stores was alive, and has the list of all endings.
    Alive,
    /// Both stores were lost, and a copy of the list of endings was handed in or is kept apart from both.
    Listed,
    /// Both stores were lost, and somebody stated that nobody was erased since the backup: whatever lists there were.
    Stated,
}

/// One restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    #[serde(skip)]
    pub(super) id: [u8; 16],
    /// When; microseconds UTC.
    pub at: i64,
    /// When the backup of the data was made, if it was restored; microseconds UTC.
    pub data_made: Option<i64>,
    /// The same of the keys.
    pub keys_made: Option<i64>,
    /// See [`Endings`].
    pub endings: Endings,
    /// Erasures of after the backup that were done again.
    pub erased: u64,
    /// What the replay did; `None`: it is still to be done.
    pub replayed: Option<Replayed>,
}

/// Who was there in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Replayed {
    /// People who are there.
    pub people: u64,
    /// People whose keys are lost, and whose records are gone with them.
    pub lost: u64,
}

impl Restored {
    pub(super) fn new(
        at: i64,
        data_made: Option<i64>,
        keys_made: Option<i64>,
        endings: Endings,
        erased: u64,
    ) -> Result<Self, Error> {
        let mut id = [0; 16];
        let (time, random) = id.split_at_mut(8);
        time.copy_from_slice(&at.to_be_bytes());
        SystemRandom::new().fill(random).map_err(|_| Error::Internal("no randomness"))?;
        Ok(Self { id, at, data_made, keys_made, endings, erased, replayed: None })
    }

    pub(super) fn store(
        &self,
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        rng: &dyn SecureRandom,
    ) -> Result<(), Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Internal("a restore has no JSON form"))?;
        let sealed = keys.seal_row("restored", &self.id, &plain, rng)?;
        Ok(tx.put(&PUT_RESTORED, params![&self.id, &sealed])?)
    }
}

/// All there were, oldest first.
pub(super) fn all(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Vec<Restored>, Error> {
    rows(tx)?.iter().map(|row| open(row, |id, sealed| keys.open_row("restored", id, sealed))).collect()
}

/// Whether a data store is what a restore has left that broke off before the key store was part of the vault: it was put back,
/// and as its replay is to be done yet, nobody was ever served from it.
pub(super) fn is_left_over(store: &Store, keyring: &Keyring) -> Result<bool, Error> {
    let rows = store.read_wait(rows)?;
    // What does not open is of another vault.
    let mut marks =
        rows.iter().filter_map(|row| open(row, |id, sealed| keyring.open_row("restored", id, sealed)).ok());
    Ok(marks.any(|mark| mark.replayed.is_none() && mark.data_made.is_some()))
}

type Sealed = ([u8; 16], Vec<u8>);

fn rows(tx: &mut Tx<'_>) -> Result<Vec<Sealed>, Error> {
    Ok(tx.query(&RESTORED, &[], |row| Ok((row.bytes(0)?, row.blob(1)?.to_vec())))?)
}

fn open(
    (id, sealed): &Sealed,
    open_row: impl FnOnce(&[u8], &[u8]) -> avouch_seal::Result<Zeroizing<Vec<u8>>>,
) -> Result<Restored, Error> {
    let plain = open_row(id, sealed)?;
    let row: Restored = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
    Ok(Restored { id: *id, ..row })
}

/// When it was last stated, and not known, who had been erased.
pub(crate) fn endings_stated(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Option<i64>, Error> {
    let stated = |restored: &Restored| restored.endings == Endings::Stated;
    Ok(all(tx, keys)?.into_iter().filter(stated).map(|restored| restored.at).max())
}
