//! How a recipient stands: which epoch its tokens are of, and whether some of its pointers were revoked. A recipient that has
//! no row stands as it did when the charter named it first.

use std::collections::BTreeMap;

use avouch_seal::SecureRandom;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use crate::Error;

statements! {
    data STANDINGS = "select name, sealed from recipient_state order by name";
    data PUT_STANDING = "insert into recipient_state (name, sealed) values (?1, ?2) on conflict (name) do update set sealed = excluded.sealed";
}

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Part of what its keys are derived from: none of its tokens of another epoch opens.
    pub(crate) epoch: u32,
    /// Whether a pointer of it was revoked by itself, so that each has to be looked up.
    pub(crate) revokes: bool,
}

/// Those of all recipients, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standings(BTreeMap<String, Standing>);

impl Standings {
    pub(crate) fn of(&self, recipient: &str) -> Standing {
        self.0.get(recipient).copied().unwrap_or_default()
    }

    pub(crate) fn load(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Self, Error> {
        Stored::read(tx)?.open(keys)
    }

    /// Stores one. Whoever does this also stores that the rules have changed.
    pub(crate) fn put(
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        rng: &dyn SecureRandom,
        (name, standing): (&str, Standing),
    ) -> Result<(), Error> {
        let plain = serde_json::to_vec(&standing).map_err(|_| Error::Internal("no JSON form"))?;
        let sealed = keys.seal_row("recipient_state", name.as_bytes(), &plain, rng)?;
        Ok(tx.put(&PUT_STANDING, params![name, &sealed])?)
    }
}

/// The rows as they lie in the store.
#[derive(Debug)]
pub(crate) struct Stored(Vec<(String, Vec<u8>)>);

impl Stored {
    pub(crate) fn read(tx: &mut Tx<'_>) -> Result<Self, Error> {
        Ok(Self(tx.query(&STANDINGS, &[], |row| Ok((row.text(0)?.to_owned(), row.blob(1)?.to_vec())))?))
    }

    pub(crate) fn open(self, keys: &VaultKeys) -> Result<Standings, Error> {
        let open = |(name, sealed): (String, Vec<u8>)| {
            let plain = keys.open_row("recipient_state", name.as_bytes(), &sealed)?;
            let standing = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
            Ok((name, standing))
        };
        Ok(Standings(self.0.into_iter().map(open).collect::<Result<_, Error>>()?))
    }
}
