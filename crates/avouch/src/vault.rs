//! From the configuration to an open vault: read the root, open the store, take the lock. Host commands only: whoever
//! can run them holds the root key.

use std::fs;
use std::num::NonZero;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use avouch_core::app::App;
use avouch_core::app::opening::Parts;
use avouch_core::clock::Clock;
use avouch_seal::SystemRandom;
use avouch_seal::root::{KeyFileSeal, PassphraseParams, PassphraseSeal, RootSeal};
use avouch_store::{PostgresOptions, SqliteOptions, Store};
use avouch_wire::system::RootState;
use zeroize::Zeroizing;

use crate::config::{Config, Engine, Seal};
use crate::error::Error;
use crate::files::{self, Lock};
use crate::hazard::Hazard;
use crate::host::SystemClock;

/// How long an operation on PostgreSQL is tried again.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// An open vault and the lock that keeps others out of it.
#[derive(Debug)]
pub(crate) struct Vault {
    pub(crate) app: Arc<App>,
    /// What may be said of its root.
    pub(crate) root: RootState,
    _lock: Lock,
}

impl Vault {
    /// Opens it.
    ///
    /// # Errors
    /// Whatever is in the way, [`Error::Locked`] first.
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let missing = avouch_core::app::opening::OpeningError::Missing;
        if !config.vault.data_dir.is_dir() {
            return Err(missing.into());
        }
        let lock = lock(config)?;
        let root = root(config)?;
        // Opening a store makes one; an address with a slip must not.
        if config.store.engine == Engine::Sqlite {
            if !config.data_path().exists() {
                return Err(missing.into());
            }
            if !config.keys_path().exists() {
                return Err(Error::KeysMissing(config.keys_path()));
            }
        }
        let app = App::open(parts(config, &*root)?)?;
        let info = root.info();
        let kind = match config.root.seal {
            Seal::KeyFile => "file",
            Seal::Passphrase => "passphrase",
        };
        let root =
            RootState { kind: kind.to_owned(), demo: info.demo, beside_data: root_beside_data(config) };
        Ok(Self { app, root, _lock: lock })
    }

    /// Records the end and closes the store.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(crate) fn close(self) -> Result<(), Error> {
        Ok(self.app.close()?)
    }
}

/// Keeps other servers out.
///
/// # Errors
/// [`Error::Locked`].
pub(crate) fn lock(config: &Config) -> Result<Lock, Error> {
    Lock::take(&config.lock_path())?.ok_or_else(|| Error::Locked(config.vault.data_dir.clone()))
}

/// What a vault is made or opened with.
///
/// # Errors
/// When the store cannot be opened.
pub(crate) fn parts<'a>(config: &Config, root: &'a dyn RootSeal) -> Result<Parts<'a>, Error> {
    Ok(Parts {
        store: store(config)?,
        root,
        clock: Arc::new(SystemClock),
        environment: config.vault.environment.clone(),
    })
}

fn store(config: &Config) -> Result<Store, Error> {
    let now = SystemClock.now();
    let settings = &config.store;
    let url =
        |url: &Option<crate::config::DatabaseUrl>| url.as_ref().map_or("", |url| url.reveal()).to_owned();
    let store = match settings.engine {
        Engine::Sqlite => {
            let keys = config.keys_path();
            if let Some(folder) = keys.parent() {
                files::make_private_dir(folder)?;
            }
            let readers = settings.readers.unwrap_or_else(|| cores().min(8));
            let options = SqliteOptions { data: config.data_path(), keys, readers, queue: settings.queue };
            Store::open_sqlite(&options, avouch_core::MIGRATIONS, now)?
        }
        Engine::Postgresql => {
            let options = PostgresOptions {
                data: url(&settings.data_url),
                keys: url(&settings.keys_url),
                workers: settings.workers,
                queue: settings.queue,
                retry_for: RETRY_FOR,
            };
            Store::open_postgres(&options, avouch_core::MIGRATIONS, now)?
        }
    };
    Ok(store)
}

/// Cores this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Reads the root from its file.
///
/// # Errors
/// [`Error::File`], [`Error::Root`], and [`Error::Unsafe`] for a demo key outside of the demo.
pub(crate) fn root(config: &Config) -> Result<Box<dyn RootSeal>, Error> {
    let path = root_path(config)?;
    let text = files::read_secret(path)?;
    match config.root.seal {
        Seal::KeyFile => {
            let refused = |reason| Error::Root { what: "key", path: path.to_owned(), reason };
            let seal = KeyFileSeal::from_text(&text).map_err(refused)?;
            refuse_demo(config, seal.info().demo, path)?;
            Ok(Box::new(seal))
        }
        Seal::Passphrase => {
            let refused = |reason| Error::Root { what: "passphrase", path: path.to_owned(), reason };
            let line = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
            let seal = PassphraseSeal::new(line, PassphraseParams::default()).map_err(refused)?;
            Ok(Box::new(seal))
        }
    }
}

/// Makes a root key and its file, with mode 0600.
///
/// # Errors
/// [`Error::File`], also when there is one.
pub(crate) fn make_root_key(path: &Path, demo: bool) -> Result<(), Error> {
    let rng = SystemRandom::new();
    let made = if demo { KeyFileSeal::generate_demo(&rng) } else { KeyFileSeal::generate(&rng) };
    let (_, text) = made.map_err(|reason| Error::Root { what: "key", path: path.to_owned(), reason })?;
    files::write_new(path, &text, 0o600)
}

/// Whether root and data are on one disk: whoever copies that has both.
pub(crate) fn root_beside_data(config: &Config) -> bool {
    let device = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.dev());
    let root = config.root.path.as_deref().and_then(device);
    config.store.engine == Engine::Sqlite && root.is_some() && root == device(&config.vault.data_dir)
}

/// Where the root's file is.
///
/// # Errors
/// Never for a configuration that was loaded.
pub(crate) fn root_path(config: &Config) -> Result<&Path, Error> {
    config.root.path.as_deref().ok_or_else(|| Error::Usage("[root] path is missing".to_owned()))
}

/// The environment of a demo, which no other vault may have.
pub(crate) const DEMO: &str = "demo";

fn refuse_demo(config: &Config, demo_key: bool, path: &Path) -> Result<(), Error> {
    if demo_key && config.vault.environment != DEMO {
        return Err(Error::Unsafe(vec![Hazard {
            found: format!("[root] path `{}` is a demo key, and demo keys protect nothing", path.display()),
            mend: "make a vault of your own with `avouch init`".to_owned(),
        }]));
    }
    Ok(())
}
