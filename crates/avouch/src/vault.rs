//! From the configuration to an open vault: read the root, open the store, take the lock. Host commands only: whoever
//! can run them holds the root key.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use avouch_core::app::App;
use avouch_core::app::opening::{OpeningError, Parts};
use avouch_core::clock::Clock;
use avouch_core::erasure::{EndingsCopy, ErasureSettings};
use avouch_core::keys::Primary;
use avouch_store::{PostgresOptions, SqliteOptions, Store};

use crate::config::{Config, Engine};
use crate::endings::EndingsFile;
use crate::error::Error;
use crate::files::{self, Lock};
use crate::host::SystemClock;
use crate::{root, witnesses};

/// How long an operation on PostgreSQL is tried again.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// An open vault and the lock that keeps others out of it.
#[derive(Debug)]
pub(crate) struct Vault {
    pub(crate) app: Arc<App>,
    _lock: Lock,
}

impl Vault {
    /// Opens it.
    ///
    /// # Errors
    /// Whatever is in the way, [`Error::Locked`] first.
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let lock = lock_existing(config)?;
        let app = match App::open(parts(config, root::primary(config)?)?) {
            // The vault was sealed anew and the configuration not yet tidied up.
            Err(OpeningError::WrongRoot) => match root::next(config)? {
                Some(next) => App::open(parts(config, next)?)?,
                None => return Err(OpeningError::WrongRoot.into()),
            },
            opened => opened?,
        };
        if let Some(shelf) = config.backup.shelf() {
            app.keep_backups_on(shelf);
        }
        // The log is looked at when the vault opens.
        witnesses::keep_evidence(&app, &config.vault.data_dir);
        Ok(Self { app, _lock: lock })
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

/// The same where a vault must be: opening a store makes one, and an address with a slip must not.
///
/// # Errors
/// [`Error::Locked`]; what is not there.
pub(crate) fn lock_existing(config: &Config) -> Result<Lock, Error> {
    if !config.vault.data_dir.is_dir() {
        return Err(OpeningError::Missing.into());
    }
    let lock = lock(config)?;
    if config.store.engine == Engine::Sqlite {
        if !config.data_path().exists() {
            return Err(OpeningError::Missing.into());
        }
        if !config.keys_path().exists() {
            return Err(Error::KeysMissing(config.keys_path()));
        }
    }
    Ok(lock)
}

/// The stores of a vault that nobody is at work in.
///
/// # Errors
/// [`Error::Locked`]; what is not there.
pub(crate) fn existing(config: &Config, primary: Primary) -> Result<(Lock, Parts), Error> {
    let lock = lock_existing(config)?;
    Ok((lock, parts(config, primary)?))
}

/// What a vault is made or opened with.
///
/// # Errors
/// When the store cannot be opened.
pub(crate) fn parts(config: &Config, primary: Primary) -> Result<Parts, Error> {
    Ok(Parts {
        store: store(config)?,
        primary,
        clock: Arc::new(SystemClock),
        environment: config.vault.environment.clone(),
        witnesses: witnesses::configured(config)?,
        people: config.people()?,
        outbox: config.alarms.settings(&config.mail),
        erasure: ErasureSettings {
            // Backups that are made otherwise count too.
            backup_days: config
                .erasure
                .backup_days
                .max(config.backup.shelf().map_or(0, |shelf| shelf.keep_keys_days)),
            kek_days: config.erasure.kek_days,
            copy: config
                .erasure
                .copy
                .clone()
                .map(|path| Arc::new(EndingsFile::new(path)) as Arc<dyn EndingsCopy>),
        },
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

/// The environment of a demo, which no other vault may have.
pub(crate) const DEMO: &str = "demo";
