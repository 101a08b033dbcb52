//! Making a vault and opening it. Both are host commands: whoever can run them holds the root key.

use std::sync::{Arc, RwLock};

use avouch_charter::{Charter, SourceFile};
use avouch_seal::keyring::{Keyring, KeyringKey, ProofKey, WrappedKek};
use avouch_seal::root::{RootError, RootSeal, SealKind};
use avouch_seal::vault::VaultKeys;
use avouch_seal::{SecureRandom as _, SystemRandom, VaultId};
use avouch_store::{Side, Store, Tx, params, statements};
use zeroize::Zeroizing;

use super::App;
use super::bell::Bell;
use super::probe::Probe;
use crate::audit::{self, What};
use crate::charters;
use crate::clock::Clock;
use crate::debt::Debt;
use crate::erasure::{self, EndingsError, EndingsFault, ErasureSettings, Erasures};
use crate::gate::approvals::Approvals;
use crate::gate::break_glass::Glasses;
use crate::gate::people::{People, PeopleSettings};
use crate::gate::services::Services;
use crate::gate::{self, Access, principals};
use crate::ids::{EventId, Ids, PrincipalId};
use crate::keys::seals::{PRIMARY, Seals, Stored, WrappedAll, primary_slot, put_keyring, put_slot};
use crate::keys::{Primary, Recovery, SealRole, SealingError, Slot};
use crate::ledger::Witnesses;
use crate::outbox::{Outbox, OutboxSettings};
use crate::rules::{Problems, Rules};
use crate::watch::Watching;
use crate::{Error, backup, indexes, keys, ledger};

statements! {
    data DATA_VAULT = "select id from vault";
    data PUT_DATA_VAULT = "insert into vault (id, created) values (?1, ?2)";
    data DROP_DATA_VAULT = "delete from vault";
    data NEWEST_EVENT = "select max(id) from (select max(id) as id from event union all select max(event) from leaf union all select max(reached) from log) as newest";
    keys KEYS_VAULT = "select id from vault";
    keys PUT_KEYS_VAULT = "insert into vault (id, created) values (?1, ?2)";
    keys DROP_KEYS_VAULT = "delete from vault";
    keys DROP_KEYRING = "delete from keyring";
    keys DROP_SEALS = "delete from seal";
    keys DROP_KEKS = "delete from kek";
    keys ANY_SUBJECT_KEY = "select class from subject_key limit 1";
    keys KEKS = "select epoch, wrapped from kek order by epoch";
    keys PUT_KEK = "insert into kek (epoch, made, wrapped) values (?1, ?2, ?3)";
}

/// What a vault is made or opened with.
#[derive(Debug)]
pub struct Parts {
    /// Where it lives.
    pub store: Store,
    /// What opens its keyring.
    pub primary: Primary,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// A word in the text of its API keys: `live`, `test`, `demo`.
    pub environment: String,
    /// How erasures are kept.
    pub erasure: ErasureSettings,
    /// Who else signs what the log has come to.
    pub witnesses: Witnesses,
    /// How people log in.
    pub people: PeopleSettings,
    /// Who is told of what.
    pub outbox: OutboxSettings,
}

/// Why a vault cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// There is one already.
    #[error("there is a vault here already")]
    Exists,
    /// There is none.
    #[error("there is no vault here: run `avouch init` first")]
    Missing,
    /// Data and key store belong to different vaults.
    #[error("the data store and the key store belong to different vaults: check both addresses")]
    Mismatch,
    /// One of them is lost, is not the one that was meant, or a restore of it broke off.
    #[error(
        "only one of the stores is part of a vault: check both addresses, or bring back the other by `avouch restore`"
    )]
    Half,
    /// The seal does not open the keyring.
    #[error("the root key does not open this vault")]
    WrongRoot,
    /// The seal is a device or a service, and did not do its work.
    #[error("the {0} {1}")]
    Root(SealKind, RootError),
    /// There is no seal for recovery by this name.
    #[error("this vault has no seal `{0}` for recovery")]
    NoSuchSeal(String),
    /// No seal for recovery, or one that cannot be.
    #[error(transparent)]
    Sealing(SealingError),
    /// The charter cannot be put in force.
    #[error("the charter has problems")]
    Charter(Problems),
    /// The role for the first administrator cannot manage access.
    #[error(
        "role `{0}` of the charter cannot hold the first key: it needs `access.change` and holder `staff`"
    )]
    AdminRole(String),
    /// The lists of erasures do not go together.
    #[error(transparent)]
    Endings(EndingsFault),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Why a restored vault is none.
#[derive(Debug)]
pub(crate) enum Brought<E> {
    /// What makes it one said no.
    Settling(E),
    /// It does not open.
    Opening(OpeningError),
}

impl From<EndingsError> for OpeningError {
    fn from(error: EndingsError) -> Self {
        match error {
            EndingsError::Fault(fault) => Self::Endings(fault),
            EndingsError::Other(error) => Self::Other(error),
        }
    }
}

/// A new vault.
#[derive(Debug)]
pub struct Made {
    /// Ready for work.
    pub app: Arc<App>,
    /// The first administrator.
    pub administrator: PrincipalId,
    /// The administrator's API key, shown once.
    pub key: Zeroizing<String>,
}

impl App {
    /// Whether there is no vault here yet. What an attempt that broke off has left behind is taken away.
    ///
    /// # Errors
    /// What the store reports.
    pub fn may_be_made(store: &Store) -> Result<bool, Error> {
        store.write_wait(nothing_in_it)
    }

    /// Makes a vault: keyring under its primary seal and all for `recovery`, first charter, first administrator with a key for
    /// `key_days` days.
    ///
    /// # Errors
    /// [`OpeningError`].
    pub fn init(
        parts: Parts,
        recovery: &[Recovery<'_>],
        sources: &[SourceFile],
        admin_role: &str,
        key_days: u32,
    ) -> Result<Made, OpeningError> {
        let rng = SystemRandom::new();
        let now = parts.clock.now();
        let charter = Charter::parse(sources).map_err(OpeningError::Charter)?;
        let able = charter
            .role(admin_role)
            .is_some_and(|role| role.holder == avouch_charter::Holder::Staff && role.may("access.change"));
        if !able {
            return Err(OpeningError::AdminRole(admin_role.to_owned()));
        }
        if !Self::may_be_made(&parts.store)? {
            return Err(OpeningError::Exists);
        }
        let mut id = [0u8; 16];
        avouch_seal::SecureRandom::fill(&rng, &mut id).map_err(|_| Error::Internal("no randomness"))?;
        let vault = VaultId(id);
        let keyring = Keyring::generate(vault, &rng).map_err(Error::from)?;
        let keyring_key = KeyringKey::generate(vault, &rng).map_err(Error::from)?;
        let seals = WrappedAll::new(&keyring_key, 1, &*parts.primary.seal, recovery, (now, &rng))
            .map_err(OpeningError::Sealing)?;
        let sealed = keyring.seal(&keyring_key, 1, &rng).map_err(Error::from)?;
        let kek = keyring.generate_kek(1, &rng).map_err(Error::from)?;
        let (epoch, wrapped) = (kek.epoch, kek.wrapped.clone());
        let keys = keyring.unlock(&[kek]).map_err(Error::from)?;

        let numbers = charters::first_numbers(&charter);
        let rules = Rules::compile(1, charter, &numbers, &keys).map_err(OpeningError::Charter)?;
        let app = assemble(parts, keys, keyring_key.proof(), rules, Access::default())?;
        app.data_keys.begin(FIRST_GENERATION);

        let (first, sources, role) = (Arc::clone(&app), sources.to_vec(), admin_role.to_owned());
        let (administrator, key) = app.store.write_wait(move |tx| {
            tx.put(&PUT_KEYS_VAULT, params![&id, now])?;
            seals.put(tx)?;
            put_keyring(tx, 1, &sealed)?;
            tx.put(&PUT_KEK, params![epoch, now, &wrapped])?;
            tx.put(&PUT_DATA_VAULT, params![&id, now])?;
            charters::store_first(tx, &first, &sources, &numbers, now)?;
            let made = principals::first_administrator(tx, &first, &role, key_days, now)?;
            ledger::begin::first(tx, &first)?;
            let event = audit::system(first.ids.event(now), What::VaultCreate, now, 1);
            audit::append(tx, &event, 0, None)?;
            Ok::<_, Error>(made)
        })?;
        app.install(super::Fresh::Access(Box::new(app.load_access()?)));
        app.refresh_rules()?;
        Ok(Made { app, administrator, key })
    }

    /// Opens a vault by its primary seal, finishes what a crash interrupted, and records the opening.
    ///
    /// # Errors
    /// [`OpeningError`].
    pub fn open(parts: Parts) -> Result<Arc<Self>, OpeningError> {
        let vault = the_vault(&parts.store)?;
        let stored = parts.store.read_wait(Stored::load)?;
        let slot = stored.slot(PRIMARY).ok_or(Error::Tampered)?;
        let unsealed = unseal(&stored, slot, &*parts.primary.seal, vault)?;
        Self::unlock(parts, unsealed, What::VaultOpen)
    }

    /// Opens a vault whose primary seal is lost by one for recovery, and makes `parts.primary` its primary seal from now on.
    ///
    /// # Errors
    /// [`OpeningError`].
    pub fn recover(parts: Parts, recovery: &Recovery<'_>) -> Result<Arc<Self>, OpeningError> {
        let vault = the_vault(&parts.store)?;
        let stored = parts.store.read_wait(Stored::load)?;
        let slot = stored
            .slot(&recovery.slot)
            .filter(|slot| slot.role() == SealRole::Recovery)
            .ok_or_else(|| OpeningError::NoSuchSeal(recovery.slot.clone()))?;
        let unsealed = unseal(&stored, slot, recovery.seal, vault)?;
        let now = parts.clock.now();
        let primary = primary_slot(&stored, &unsealed.0, &parts.primary, (now, vault))
            .map_err(OpeningError::Sealing)?;
        parts.store.write_wait(move |tx| put_slot(tx, &primary))?;
        Self::unlock(parts, unsealed, What::VaultRecover)
    }

    fn unlock(parts: Parts, unsealed: (KeyringKey, Keyring), what: What) -> Result<Arc<Self>, OpeningError> {
        let app = Self::assembled(parts, unsealed)?;
        app.begin(what)?;
        Ok(app)
    }

    /// Makes a vault of what was just restored: `settle` looks whether it is one, and writes what makes it one, before
    /// anything else happens.
    pub(crate) fn bring_back<E>(
        parts: Parts,
        unsealed: (KeyringKey, Keyring),
        settle: impl FnOnce(&Arc<Self>) -> Result<(), E>,
    ) -> Result<Arc<Self>, Brought<E>> {
        let app = Self::assembled(parts, unsealed).map_err(Brought::Opening)?;
        settle(&app).map_err(Brought::Settling)?;
        app.begin(What::VaultOpen).map_err(Brought::Opening)?;
        Ok(app)
    }

    /// The vault ids in the data store and in the key store.
    pub(crate) fn vaults(store: &Store) -> Result<VaultIds, Error> {
        store.write_wait(vault_ids)
    }

    /// Makes a store part of a vault.
    pub(crate) fn put_vault(tx: &mut Tx<'_>, side: Side, vault: VaultId, now: i64) -> Result<(), Error> {
        let put = match side {
            Side::Data => &PUT_DATA_VAULT,
            Side::Keys => &PUT_KEYS_VAULT,
        };
        Ok(tx.put(put, params![&vault.0, now])?)
    }

    /// Makes a data store part of none.
    pub(crate) fn drop_data_vault(tx: &mut Tx<'_>) -> Result<(), Error> {
        Ok(tx.put(&DROP_DATA_VAULT, &[])?)
    }

    fn assembled(
        parts: Parts,
        (keyring_key, keyring): (KeyringKey, Keyring),
    ) -> Result<Arc<Self>, OpeningError> {
        let Loaded { keks, generation } = parts.store.read_wait(load_keys)?;
        let keys = keyring.unlock(&keks).map_err(Error::from)?;
        indexes::rekey(&parts.store, &keys, &SystemRandom::new())?;
        let rules = charters::load(&parts.store, &keys)?;
        let access = load_access(&parts.store, &keys)?;
        let newest = parts.store.read_wait(|tx| tx.first(&NEWEST_EVENT, &[], |row| row.opt_int(0)));
        let app = assemble(parts, keys, keyring_key.proof(), rules, access)?;
        app.data_keys.adopt(generation);
        app.people.sessions.load(&app.store, &app.keys, app.now())?;
        app.services.tokens.load(&app.store, &app.keys, app.now())?;
        app.approvals.load(&app.store, &app)?;
        app.glasses.load(&app.store, &app)?;
        app.quotas.load(&app.store, app.now())?;
        if let Some(newest) = newest.map_err(Error::from)?.flatten() {
            app.ids.continue_after(EventId::from_int(newest));
        }
        Ok(app)
    }

    /// Finishes what a crash or a restore has left to be done, and records the opening.
    fn begin(self: &Arc<Self>, what: What) -> Result<(), OpeningError> {
        let keeper = Arc::clone(self);
        self.store.write_wait(move |tx| charters::keep_up(tx, &keeper))?;
        self.refresh_rules()?;
        erasure::reconcile(self)?;
        backup::replay(self)?;
        ledger::begin::open(self)?;
        self.resume_watch()?;
        Ok(self.note(what)?)
    }

    pub(super) fn load_access(&self) -> Result<Access, Error> {
        load_access(&self.store, &self.keys)
    }

    pub(crate) fn load_rules(&self) -> Result<Rules, Error> {
        charters::load(&self.store, &self.keys)
    }

    /// Records something the system itself did.
    pub(crate) fn note(self: &Arc<Self>, what: What) -> Result<(), Error> {
        let app = Arc::clone(self);
        self.store.write_wait(move |tx| {
            let event = audit::system(app.ids.event(app.now()), what, app.now(), app.rules().version);
            Ok(audit::append(tx, &event, 0, None)?)
        })
    }
}

fn assemble(
    parts: Parts,
    keys: VaultKeys,
    proof: ProofKey,
    rules: Rules,
    access: Access,
) -> Result<Arc<App>, Error> {
    let rng = SystemRandom::new();
    let mut node = [0; 16];
    let mut nonce = [0; 16];
    rng.fill(&mut node).and_then(|()| rng.fill(&mut nonce)).map_err(|_| Error::Internal("no randomness"))?;
    let services = Services::new(&nonce, parts.clock.now());
    Ok(Arc::new(App {
        store: parts.store,
        keys,
        seals: Seals::new(parts.primary, proof),
        clock: parts.clock,
        rng,
        ids: Ids::default(),
        rules: RwLock::new(Arc::new(rules)),
        access: RwLock::new(Arc::new(access)),
        stale: Debt::default(),
        keyring_stale: Debt::default(),
        probe: Probe::default(),
        bell: Bell::default(),
        kek: keys::Kek::default(),
        data_keys: keys::DataKeys::default(),
        open_keys: Arc::default(),
        indexing: crate::indexes::Indexing::default(),
        keyring_turn: std::sync::Mutex::default(),
        backups: crate::backup::Backups::default(),
        erasures: Erasures::new(parts.erasure)?,
        ledger: ledger::Ledger::new(node, parts.witnesses),
        people: People::new(parts.people),
        outbox: Outbox::new(parts.outbox),
        services,
        approvals: Approvals::default(),
        drafts: charters::drafts::Compiled::default(),
        glasses: Glasses::default(),
        watching: Watching::new()?,
        quotas: Arc::default(),
        environment: parts.environment,
    }))
}

fn load_access(store: &Store, keys: &VaultKeys) -> Result<Access, Error> {
    let rows = store.read_wait(gate::Access::rows)?;
    Access::from_rows(rows, keys)
}

/// The vault whose two stores these are.
fn the_vault(store: &Store) -> Result<VaultId, OpeningError> {
    match store.write_wait(vault_ids)? {
        (None, None) => Err(OpeningError::Missing),
        (Some(data), Some(keys)) if data == keys => Ok(VaultId(data)),
        (Some(_), Some(_)) => Err(OpeningError::Mismatch),
        _ => Err(OpeningError::Half),
    }
}

fn unseal(
    stored: &Stored,
    slot: &Slot,
    seal: &dyn RootSeal,
    vault: VaultId,
) -> Result<(KeyringKey, Keyring), OpeningError> {
    stored.unseal(slot, seal, vault).map_err(|error| match error {
        RootError::Seal(_) => OpeningError::WrongRoot,
        error => OpeningError::Root(seal.info().kind, error),
    })
}

/// What is kept in memory of the key store.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The newest last.
    pub(super) keks: Vec<WrappedKek>,
    /// Of people's keys.
    pub(super) generation: u32,
}

/// See [`Loaded`].
pub(super) fn load_keys(tx: &mut Tx<'_>) -> Result<Loaded, Error> {
    let rows = tx.query(&KEKS, &[], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?;
    let kek = |(epoch, wrapped)| {
        Ok(WrappedKek { epoch: u32::try_from(epoch).map_err(|_| Error::Tampered)?, wrapped })
    };
    let keks = rows.into_iter().map(kek).collect::<Result<_, Error>>()?;
    Ok(Loaded { keks, generation: keys::generation(tx)? })
}

/// The generation of people's keys in a new vault, as the schema has it.
const FIRST_GENERATION: u32 = 1;

/// Whether a vault may be made here. A crash between the two commits of an earlier attempt leaves a keyring that belongs to
/// no vault and has never had a person's key under it; it is taken away.
fn nothing_in_it(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let (data, keys) = vault_ids(tx)?;
    let orphaned = keys.is_some() && tx.first(&ANY_SUBJECT_KEY, &[], |row| row.int(0))?.is_none();
    if data.is_some() || (keys.is_some() && !orphaned) {
        return Ok(false);
    }
    if orphaned {
        for statement in [&DROP_KEYS_VAULT, &DROP_SEALS, &DROP_KEYRING, &DROP_KEKS] {
            tx.put(statement, &[])?;
        }
    }
    Ok(true)
}

pub(crate) type VaultIds = (Option<[u8; 16]>, Option<[u8; 16]>);

fn vault_ids(tx: &mut Tx<'_>) -> Result<VaultIds, Error> {
    let data = tx.first(&DATA_VAULT, &[], |row| row.bytes(0))?;
    let keys = tx.first(&KEYS_VAULT, &[], |row| row.bytes(0))?;
    Ok((data, keys))
}
