//! Replacing the roots from which the keys of indexes and tokens are derived, while the vault is at work. The keyring gets
//! another root; what there is goes on with the older ones until nothing needs them, and then they are forgotten.
//!
//! * *Indexes* are built anew under the new root (`indexes::build`), then the old ones go, then the root.
//! * *Tokens* that are made from now on are of the new root; those that recipients hold open by the older ones, until somebody
//!   ends them by forgetting these.
//!
//! The keyring is opened by the primary seal, which may be a device, so it is prepared before the transaction and stored only
//! if it is still the one that it was made from. The key store is committed first: a crash in between leaves a root that
//! nothing is derived from, which the next rotation passes by.

use std::sync::{Arc, MutexGuard, PoisonError};

use avouch_policy::Action;
use avouch_seal::index::IndexScope;
use avouch_seal::keyring::{Family, Keyring};
use avouch_store::{Tx, statements};

use super::seals::{SealingError, Stored, put_keyring};
use crate::Error;
use crate::app::{App, Cx, Fresh, Operation, Outcome, Refresh};
use crate::audit::{self, Note, What};
use crate::gate::{Caller, Intent, Permit};
use crate::indexes::{Maker, Rows};
use crate::rules::Rules;

statements! {
    data ANY_RECORD = "select version from record limit 1";
}

/// A keyring that was changed and is ready to be stored.
struct Prepared {
    from: Stored,
    generation: u32,
    sealed: Vec<u8>,
    keyring: Keyring,
}

impl core::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Prepared").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// What happens to the roots of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It gets another one, of this epoch.
    Add(u32),
    /// All but the newest go.
    Forget,
}

impl App {
    /// Has all indexes built anew under a new root. The work is done by [`App::finish_indexes`]. Says the new root's epoch.
    ///
    /// # Errors
    /// [`SealingError`]; then nothing has changed.
    pub fn rotate_indexes(self: &Arc<Self>, caller: &Caller) -> Result<u32, SealingError> {
        self.change_roots::<INDEX>(caller, |app, keyring| app.another_root(keyring, Family::Index))
    }

    /// Makes tokens under a new root from now on. Says its epoch.
    ///
    /// # Errors
    /// [`SealingError`]; then nothing has changed.
    pub fn rotate_tokens(self: &Arc<Self>, caller: &Caller) -> Result<u32, SealingError> {
        self.change_roots::<TOKEN>(caller, |app, keyring| app.another_root(keyring, Family::Token))
    }

    /// Forgets all token roots but the newest: pointers that were made under them do not open any more, and neither do tokens
    /// that were computed from values. Says how many roots that were.
    ///
    /// # Errors
    /// [`SealingError`]; then nothing has changed.
    pub fn retire_tokens(self: &Arc<Self>, caller: &Caller) -> Result<u32, SealingError> {
        self.change_roots::<TOKEN>(caller, |_, keyring| {
            let gone = keyring.retire_older(Family::Token).map_err(Error::from)?;
            Ok((Change::Forget, u32::try_from(gone).unwrap_or(u32::MAX)))
        })
    }

    fn another_root(&self, keyring: &mut Keyring, family: Family) -> Result<(Change, u32), Error> {
        let newest = keyring.epochs(family).last().copied().unwrap_or_default();
        let epoch = newest.checked_add(1).ok_or(Error::Internal("there is no epoch after this one"))?;
        keyring.add_root(family, epoch, &self.rng)?;
        Ok((Change::Add(epoch), epoch))
    }

    fn change_roots<const FAMILY: u8>(
        self: &Arc<Self>,
        caller: &Caller,
        change: impl FnOnce(&Self, &mut Keyring) -> Result<(Change, u32), Error>,
    ) -> Result<u32, SealingError> {
        let _turn = self.keyring_turn();
        let prepared = self.if_allowed(caller, Action::KeyRotate, || self.prepare_roots(change))?;
        let (operation, adopt) = match prepared {
            Some((prepared, change, adopt, told)) => {
                (Some((Arc::new(prepared), change)), Some((adopt, told)))
            }
            None => (None, None),
        };
        let (adopt, told) = adopt.unzip();
        // A write between the commit and the next line sees indexes of the new root. Nothing is derived from it before.
        let adopt = match adopt {
            Some(keyring) if FAMILY == INDEX => {
                self.keys.adopt_roots(keyring).map_err(Error::from)?;
                None
            }
            adopt => adopt,
        };
        if let Err(error) = self.perform_wait(caller, RotateRoots::<FAMILY>(operation)) {
            if told.is_some() {
                self.adopt_after_failure();
            }
            return Err(error.into());
        }
        if let Some(keyring) = adopt {
            self.keys.adopt_roots(keyring).map_err(Error::from)?;
        }
        // Recipients' keys hold roots: made under the one before, they must not go on.
        let rules = self.load_rules().inspect_err(|_| self.doubt(Refresh::Rules))?;
        self.install(Fresh::Rules(Box::new(rules)));
        told.ok_or_else(|| Error::Internal("roots were changed without a keyring").into())
    }

    /// The changed keyring, once to be stored and once to be worked with: opened again from what is stored.
    fn prepare_roots(
        &self,
        change: impl FnOnce(&Self, &mut Keyring) -> Result<(Change, u32), Error>,
    ) -> Result<(Prepared, Change, Keyring, u32), SealingError> {
        let (from, key, mut keyring) = self.unseal()?;
        let (change, told) = change(self, &mut keyring)?;
        let generation = from.generation.checked_add(1);
        let generation = generation.ok_or(Error::Internal("there is no generation after this one"))?;
        let sealed = keyring.seal(&key, generation, &self.rng).map_err(Error::from)?;
        let opened = Keyring::open(&sealed, &key, generation).map_err(Error::from)?;
        Ok((Prepared { from, generation, sealed, keyring }, change, opened, told))
    }

    pub(super) fn keyring_turn(&self) -> MutexGuard<'_, ()> {
        self.keyring_turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the keyring as it is stored, whatever became of a change of it.
    pub(crate) fn reload_keyring(&self) -> Result<(), Error> {
        let _turn = self.keyring_turn();
        self.adopt_stored_keyring()
    }

    /// The same for whoever holds the turn and has failed to change the keyring, or may have.
    pub(super) fn adopt_after_failure(&self) {
        if let Err(error) = self.adopt_stored_keyring() {
            tracing::error!(%error, "whether another keyring is stored is not known; housekeeping looks again");
            self.doubt_keyring();
        }
    }

    fn adopt_stored_keyring(&self) -> Result<(), Error> {
        let (_, key, keyring) = self.unseal().map_err(|error| {
            tracing::error!(%error, "the keyring does not open");
            Error::Internal("the keyring does not open")
        })?;
        self.seals.prove_by(key.proof());
        Ok(self.keys.adopt_roots(keyring)?)
    }

    /// Forgets the index roots that no index is derived from any more.
    pub(crate) fn forget_index_roots(self: &Arc<Self>) -> Result<(), SealingError> {
        let forget = |_: &Self, keyring: &mut Keyring| {
            let gone = keyring.retire_older(Family::Index).map_err(Error::from)?;
            Ok((Change::Forget, u32::try_from(gone).unwrap_or(u32::MAX)))
        };
        let _turn = self.keyring_turn();
        let (prepared, _, keyring, gone) = self.prepare_roots(forget)?;
        let app = Arc::clone(self);
        let forgotten = self.store.write_wait(move |tx| {
            prepared.from.still_there(tx)?;
            let newest = prepared.keyring.epochs(Family::Index).last().copied();
            if Rows::load(tx, &app.keys)?.all.iter().any(|row| Some(row.epoch) != newest) {
                return Ok::<_, Error>(false);
            }
            put_keyring(tx, prepared.generation, &prepared.sealed)?;
            let mut event =
                audit::system(app.ids.event(app.now()), What::RootForget, app.now(), app.rules().version);
            event.count = gone;
            audit::append(tx, &event, 0, None)?;
            Ok(true)
        })?;
        if forgotten {
            self.keys.adopt_roots(keyring).map_err(Error::from)?;
            self.purge_quietly();
        }
        Ok(())
    }
}

const INDEX: u8 = Family::Index as u8;
const TOKEN: u8 = Family::Token as u8;

/// A change of one family's roots. Empty when the caller may not do it.
#[derive(Debug)]
struct RotateRoots<const FAMILY: u8>(Option<(Arc<Prepared>, Change)>);

impl<const FAMILY: u8> Operation for RotateRoots<FAMILY> {
    const ACTION: Action = Action::KeyRotate;
    const REFRESH: Refresh = Refresh::Keyring;
    type Output = ();
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |(prepared, _)| prepared.from.still_there(tx))
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let (prepared, change) =
            self.0.as_ref().ok_or(Error::Conflict("roles have just been changed: try again"))?;
        let mut rows = Rows::load(tx, &cx.app.keys)?;
        if FAMILY == INDEX && rows.all.iter().any(|row| row.stage != crate::indexes::Stage::Ready) {
            return Err(Error::Conflict("indexes are being built: wait until they are whole"));
        }
        put_keyring(tx, prepared.generation, &prepared.sealed)?;
        let mut count = 1;
        if let (INDEX, Change::Add(epoch)) = (FAMILY, *change) {
            let people = tx.first(&ANY_RECORD, &[], |row| row.int(0))?.is_some();
            let key = |scope: &IndexScope<'_>| prepared.keyring.index_key(scope);
            count = rows.renew(&Maker { epoch, people, key: &key })?;
        }
        // What is derived in memory is of before, whatever the family.
        rows.store(tx, &cx.app.keys, &cx.app.rng)?;
        Ok(Outcome::new((), Note::count(count)))
    }
}
