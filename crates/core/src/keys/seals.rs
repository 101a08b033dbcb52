//! The seals around the keyring: a primary one, which opens the vault at each start, and at least one for recovery, which
//! opens it when the primary is lost. Each wraps the same keyring key, so any of them is enough, and each really opens.
//!
//! A seal may be a device or a service, so nothing here that uses one runs inside a transaction: what is to be stored is
//! prepared first, and stored only if the seals are still those it was prepared from. Whoever can change a row of `seal` can
//! make the vault unable to start by that seal, not open it.

use std::sync::{Arc, PoisonError, RwLock};

use avouch_policy::Action;
use avouch_seal::keyring::{Keyring, KeyringKey, ProofKey};
use avouch_seal::root::{RootError, RootSeal, SealKind};
use avouch_seal::{SystemRandom, VaultId};
use avouch_store::{Tx, params, statements};

use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::{self, Caller, Intent, Permit, SubjectFacts};
use crate::rules::Rules;

statements! {
    keys SEALS = "select slot, kind, generation, made, drilled, wrapped from seal order by slot";
    keys PUT_SEAL = "insert into seal (slot, kind, generation, made, drilled, wrapped) values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (slot) do update set kind = ?2, generation = ?3, made = ?4, drilled = ?5, wrapped = ?6";
    keys DROP_SEALS = "delete from seal";
    keys KEYRING = "select generation, sealed from keyring where id = 1";
    keys PUT_KEYRING = "insert into keyring (id, generation, sealed) values (1, ?1, ?2) on conflict (id) do update set generation = ?1, sealed = ?2";
}

/// The slot of the seal that opens the vault at each start.
pub(crate) const PRIMARY: &str = "primary";
/// More ways in than anybody keeps an eye on.
const MAX_RECOVERY: usize = 4;

/// What opens the vault at each start.
#[derive(Clone)]
pub struct Primary {
    /// The seal itself; asked at start, at a change of keys, in a drill.
    pub seal: Arc<dyn RootSeal>,
    /// Whether its key lies where whoever copies the data copies it too.
    pub beside_data: bool,
}

impl core::fmt::Debug for Primary {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Primary").field("info", &self.seal.info()).finish_non_exhaustive()
    }
}

/// A seal for recovery.
pub struct Recovery<'a> {
    /// By which it is known: `[a-z][a-z0-9-]{1,30}`, not `primary`.
    pub slot: String,
    /// The seal.
    pub seal: &'a dyn RootSeal,
}

impl core::fmt::Debug for Recovery<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recovery").field("slot", &self.slot).finish_non_exhaustive()
    }
}

/// What a seal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealRole {
    /// It opens the vault at each start.
    Primary,
    /// It opens the vault when the primary is lost.
    Recovery,
}

/// A seal as stored.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Its name.
    pub slot: String,
    /// A kind's name, see [`SealKind::as_str`].
    pub kind: String,
    /// Of the keyring key that it wraps.
    pub generation: u32,
    /// Microseconds UTC.
    pub made: i64,
    /// When it was last proved to open; microseconds UTC.
    pub drilled: Option<i64>,
    /// The keyring key, wrapped. Worth nothing without the seal.
    pub wrapped: Vec<u8>,
}

impl Slot {
    /// What it is for.
    #[must_use]
    pub fn role(&self) -> SealRole {
        if self.slot == PRIMARY { SealRole::Primary } else { SealRole::Recovery }
    }

    /// Unwraps the keyring key by its seal.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn unwrap(&self, seal: &dyn RootSeal, vault: VaultId) -> Result<KeyringKey, RootError> {
        KeyringKey::unwrap(&self.wrapped, seal, vault, self.generation)
    }
}

/// A seal, as it may be told.
#[derive(Debug, Clone)]
pub struct SealState {
    /// Its name.
    pub slot: String,
    /// What it is for.
    pub role: SealRole,
    /// Its kind.
    pub kind: String,
    /// Microseconds UTC.
    pub made: i64,
    /// When it was last proved to open; microseconds UTC.
    pub drilled: Option<i64>,
    /// Whether it is a demo's, and protects nothing. Known of the primary one.
    pub demo: bool,
    /// Whether its key lies beside the data. Known of the primary one.
    pub beside_data: bool,
}

/// The seals of an open vault, as far as they stay in memory.
#[derive(Debug)]
pub(crate) struct Seals {
    primary: RwLock<Primary>,
    proof: RwLock<Arc<ProofKey>>,
}

impl Seals {
    pub(crate) fn new(primary: Primary, proof: ProofKey) -> Self {
        Self { primary: RwLock::new(primary), proof: RwLock::new(Arc::new(proof)) }
    }

    pub(crate) fn primary(&self) -> Primary {
        self.primary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drills are answered by this one from now on.
    pub(super) fn prove_by(&self, proof: ProofKey) {
        *self.proof.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(proof);
    }

    pub(super) fn proof(&self) -> Arc<ProofKey> {
        Arc::clone(&self.proof.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Seals and keyring as stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) slots: Vec<Slot>,
    /// Of the keyring.
    pub(crate) generation: u32,
    pub(crate) keyring: Vec<u8>,
}

impl Stored {
    pub(crate) fn load(tx: &mut Tx<'_>) -> Result<Self, Error> {
        let (generation, keyring) = tx
            .first(&KEYRING, &[], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?
            .ok_or(Error::Tampered)?;
        Ok(Self { slots: slots(tx)?, generation: number(generation)?, keyring })
    }

    pub(crate) fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.slot == name)
    }

    /// Opens the keyring by the seal in a slot.
    pub(crate) fn unseal(
        &self,
        slot: &Slot,
        seal: &dyn RootSeal,
        vault: VaultId,
    ) -> Result<(KeyringKey, Keyring), RootError> {
        let key = slot.unwrap(seal, vault)?;
        let keyring = Keyring::open(&self.keyring, &key, self.generation)?;
        Ok((key, keyring))
    }

    /// Whether these are still the ones: everything prepared from others is not to be stored.
    pub(super) fn still_there(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let generation = tx.first(&KEYRING, &[], |row| row.int(0))?;
        let same = slots(tx)?
            .iter()
            .map(|slot| (&slot.slot, &slot.wrapped))
            .eq(self.slots.iter().map(|slot| (&slot.slot, &slot.wrapped)));
        if same && generation == Some(i64::from(self.generation)) {
            Ok(())
        } else {
            Err(Error::Conflict("the seals or the keyring were changed in between: try again"))
        }
    }
}

/// All seals, by name.
pub(crate) fn slots(tx: &mut Tx<'_>) -> Result<Vec<Slot>, Error> {
    let rows = tx.query(&SEALS, &[], |row| {
        let (slot, kind) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok((slot, kind, row.int(2)?, row.int(3)?, row.opt_int(4)?, row.blob(5)?.to_vec()))
    })?;
    let slot = |(slot, kind, generation, made, drilled, wrapped)| {
        Ok(Slot { slot, kind, generation: number(generation)?, made, drilled, wrapped })
    };
    rows.into_iter().map(slot).collect()
}

fn number(stored: i64) -> Result<u32, Error> {
    u32::try_from(stored).map_err(|_| Error::Tampered)
}

/// A keyring key wrapped by every seal that a vault has, ready to be stored.
#[derive(Debug)]
pub(crate) struct WrappedAll(Vec<Slot>);

impl WrappedAll {
    /// Wraps by the primary and by all for recovery, of which there must be one at least.
    pub(crate) fn new(
        key: &KeyringKey,
        generation: u32,
        primary: &dyn RootSeal,
        recovery: &[Recovery<'_>],
        (now, rng): (i64, &SystemRandom),
    ) -> Result<Self, SealingError> {
        check_names(recovery)?;
        let wrap = |slot: &str, seal: &dyn RootSeal| -> Result<Slot, SealingError> {
            let failed = |reason| SealingError::Seal { slot: slot.to_owned(), reason };
            let wrapped = key.wrap(seal, generation, rng).map_err(failed)?;
            let kind = seal.info().kind.as_str().to_owned();
            Ok(Slot { slot: slot.to_owned(), kind, generation, made: now, drilled: None, wrapped })
        };
        let mut slots = vec![wrap(PRIMARY, primary)?];
        for Recovery { slot, seal } in recovery {
            slots.push(wrap(slot, *seal)?);
        }
        Ok(Self(slots))
    }

    /// Puts them in the place of all there were.
    pub(crate) fn put(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        tx.put(&DROP_SEALS, &[])?;
        self.0.iter().try_for_each(|slot| put_slot(tx, slot))
    }
}

fn check_names(recovery: &[Recovery<'_>]) -> Result<(), SealingError> {
    if recovery.is_empty() {
        return Err(SealingError::NoRecovery);
    }
    if recovery.len() > MAX_RECOVERY {
        return Err(SealingError::Name("at most 4 seals for recovery"));
    }
    for (at, Recovery { slot, .. }) in recovery.iter().enumerate() {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let formed = (2..=31).contains(&slot.len())
            && slot.starts_with(|first: char| first.is_ascii_lowercase())
            && slot.bytes().all(plain);
        if !formed || slot == PRIMARY {
            return Err(SealingError::Name("a seal for recovery is named by 2 to 31 of a-z, 0-9 and `-`"));
        }
        if recovery.iter().skip(at + 1).any(|other| other.slot == *slot) {
            return Err(SealingError::Name("two seals for recovery have one name"));
        }
    }
    Ok(())
}

pub(crate) fn put_slot(tx: &mut Tx<'_>, slot: &Slot) -> Result<(), Error> {
    let Slot { slot, kind, generation, made, drilled, wrapped } = slot;
    Ok(tx.put(&PUT_SEAL, params![slot, kind, *generation, *made, *drilled, wrapped])?)
}

/// Stores a sealed keyring in the place of the one before.
pub(crate) fn put_keyring(tx: &mut Tx<'_>, generation: u32, sealed: &[u8]) -> Result<(), Error> {
    Ok(tx.put(&PUT_KEYRING, params![generation, sealed])?)
}

/// The keyring key wrapped by another primary seal, which has unwrapped it again.
pub(crate) fn primary_slot(
    stored: &Stored,
    key: &KeyringKey,
    primary: &Primary,
    (now, vault): (i64, VaultId),
) -> Result<Slot, SealingError> {
    let failed = |reason| SealingError::Seal { slot: PRIMARY.to_owned(), reason };
    let generation = stored.slot(PRIMARY).ok_or(Error::Tampered)?.generation;
    let wrapped = key.wrap(&*primary.seal, generation, &SystemRandom::new()).map_err(failed)?;
    let kind = primary.seal.info().kind.as_str().to_owned();
    let slot = Slot { slot: PRIMARY.to_owned(), kind, generation, made: now, drilled: None, wrapped };
    slot.unwrap(&*primary.seal, vault).map_err(failed)?;
    Ok(slot)
}

/// Why seals cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// One seal did not do its work.
    #[error("seal `{slot}`: {reason}")]
    Seal {
        /// Which.
        slot: String,
        /// Why.
        reason: RootError,
    },
    /// There is no next seal, or it cannot be read.
    #[error("the next seal cannot be used: {0}")]
    Next(String),
    /// A vault has a way back in when its primary seal is lost, or it is not made.
    #[error("a vault needs at least one seal for recovery beside its primary one")]
    NoRecovery,
    /// A name that cannot be.
    #[error("{0}")]
    Name(&'static str),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl App {
    /// The seals as they may be told.
    pub(crate) fn seal_states(&self, tx: &mut Tx<'_>) -> Result<Vec<SealState>, Error> {
        let primary = self.seals.primary();
        let state = |slot: Slot| {
            let is_primary = slot.role() == SealRole::Primary;
            SealState {
                role: slot.role(),
                demo: is_primary && primary.seal.info().demo,
                beside_data: is_primary && primary.beside_data,
                slot: slot.slot,
                kind: slot.kind,
                made: slot.made,
                drilled: slot.drilled,
            }
        };
        Ok(slots(tx)?.into_iter().map(state).collect())
    }

    /// Seals and keyring as stored, with the keyring open by the primary seal. Asks the seal, so never in a transaction.
    pub(crate) fn unseal(&self) -> Result<(Stored, KeyringKey, Keyring), SealingError> {
        let stored = self.store.read_wait(Stored::load)?;
        let failed = |reason| SealingError::Seal { slot: PRIMARY.to_owned(), reason };
        let slot = stored.slot(PRIMARY).ok_or(Error::Tampered)?;
        let (key, keyring) =
            stored.unseal(slot, &*self.seals.primary().seal, self.keys.vault()).map_err(failed)?;
        Ok((stored, key, keyring))
    }
}

impl App {
    /// Puts another primary seal in the place of the present one, while everything goes on. The new one has unwrapped what it
    /// wrapped before the old one is let go. Whoever opened the vault by the old one cannot any more; a copy of the key store
    /// from before can still be opened by it. Says of what kind the new one is. `next` is asked only for whoever may do this.
    ///
    /// # Errors
    /// [`SealingError`]; then nothing has changed.
    pub fn reseal(
        self: &Arc<Self>,
        caller: &Caller,
        next: impl FnOnce() -> Result<Primary, String>,
    ) -> Result<SealKind, SealingError> {
        let _turn = self.keyring_turn();
        let prepared = self.if_allowed(caller, Action::KeyReseal, || {
            let next = next().map_err(SealingError::Next)?;
            Ok((self.wrap_by(&next)?, next))
        })?;
        let (prepared, next) = prepared.unzip();
        self.perform_wait(caller, Change::<false>(prepared.map(Arc::new)))?;
        let next = next.ok_or(Error::Internal("a seal was changed without one"))?;
        let kind = next.seal.info().kind;
        *self.seals.primary.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(kind)
    }

    fn wrap_by(&self, next: &Primary) -> Result<Prepared, SealingError> {
        let (from, key, _) = self.unseal()?;
        let slot = primary_slot(&from, &key, next, (self.now(), self.keys.vault()))?;
        Ok(Prepared { from, change: To::Primary(slot) })
    }

    /// Replaces all seals for recovery, and the keyring key with them: what the old ones wrapped opens nothing that is stored
    /// from now on.
    ///
    /// # Errors
    /// [`SealingError`]; then nothing has changed.
    pub fn replace_recovery(
        self: &Arc<Self>,
        caller: &Caller,
        recovery: &[Recovery<'_>],
    ) -> Result<(), SealingError> {
        let _turn = self.keyring_turn();
        let prepared = self.if_allowed(caller, Action::KeyReseal, || self.wrap_all(recovery))?;
        let (prepared, proof) = prepared.unzip();
        if let Err(error) = self.perform_wait(caller, Change::<true>(prepared.map(Arc::new))) {
            if proof.is_some() {
                self.adopt_after_failure();
            }
            return Err(error.into());
        }
        if let Some(proof) = proof {
            self.seals.prove_by(proof);
        }
        // The old wraps stand in the engine's log until that is emptied.
        self.purge_quietly();
        Ok(())
    }

    fn wrap_all(&self, recovery: &[Recovery<'_>]) -> Result<(Prepared, ProofKey), SealingError> {
        let (from, _, keyring) = self.unseal()?;
        let one_more = |generation: u32| {
            generation.checked_add(1).ok_or(Error::Internal("there is no generation after this one"))
        };
        let before = from.slot(PRIMARY).ok_or(Error::Tampered)?.generation;
        let generation = one_more(from.generation)?;
        let key = KeyringKey::generate(self.keys.vault(), &self.rng).map_err(Error::from)?;
        let primary = self.seals.primary();
        let seals =
            WrappedAll::new(&key, one_more(before)?, &*primary.seal, recovery, (self.now(), &self.rng))?;
        let keyring = keyring.seal(&key, generation, &self.rng).map_err(Error::from)?;
        let proof = key.proof();
        Ok((Prepared { from, change: To::All { seals, generation, keyring } }, proof))
    }

    /// Does what asks a seal only for whoever may do what follows. Whoever may not is refused, and on record, by the operation.
    pub(super) fn if_allowed<T>(
        &self,
        caller: &Caller,
        action: Action,
        prepare: impl FnOnce() -> Result<T, SealingError>,
    ) -> Result<Option<T>, SealingError> {
        let facts = SubjectFacts::default();
        let may = gate::decide(&self.rules(), caller, action, &Intent::plain(), facts).is_ok();
        may.then(prepare).transpose()
    }
}

/// A change of seals, proved to work and ready to be stored, with another keyring key or with the same. Empty when the caller
/// may not change them.
#[derive(Debug, Clone)]
struct Change<const KEY: bool>(Option<Arc<Prepared>>);

#[derive(Debug)]
struct Prepared {
    from: Stored,
    change: To,
}

#[derive(Debug)]
enum To {
    /// Another primary seal.
    Primary(Slot),
    /// A new keyring key under new seals.
    All { seals: WrappedAll, generation: u32, keyring: Vec<u8> },
}

impl<const KEY: bool> Operation for Change<KEY> {
    const ACTION: Action = Action::KeyReseal;
    const REFRESH: Refresh = if KEY { Refresh::Keyring } else { Refresh::Nothing };
    type Output = ();
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |prepared| prepared.from.still_there(tx))
    }

    fn run(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let prepared = self.0.as_ref().ok_or(Error::Conflict("roles have just been changed: try again"))?;
        let changed = match &prepared.change {
            To::Primary(slot) => {
                put_slot(tx, slot)?;
                1
            }
            To::All { seals, generation, keyring } => {
                seals.put(tx)?;
                put_keyring(tx, *generation, keyring)?;
                seals.0.len()
            }
        };
        Ok(Outcome::new((), Note::count(changed)))
    }
}
