//! A place where a store can live during one test, on either engine, and be opened again after a "crash".

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use avouch_store::{Migration, PostgresOptions, Result, SqliteOptions, Store};
use tempfile::TempDir;

/// Which engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two files in a temporary directory.
    Sqlite,
    /// Two fresh databases on the test server.
    Postgres,
}

/// Writes a test once and runs it on both engines: `both_engines! { fn name(place: Place) { … } }`.
#[macro_export]
macro_rules! both_engines {
    ($($(#[$meta:meta])* fn $name:ident($place:ident) $body:block)+) => {
        $(
            $(#[$meta])*
            mod $name {
                #[allow(unused_imports, reason = "a test may need nothing of what stands around it")]
                use super::*;
                fn scenario($place: &$crate::Place) $body
                #[test]
                fn on_sqlite() {
                    scenario(&$crate::Place::new($crate::Kind::Sqlite));
                }
                #[test]
                fn on_postgres() {
                    scenario(&$crate::Place::new($crate::Kind::Postgres));
                }
            }
        )+
    };
}

/// Where one test's stores live.
#[derive(Debug)]
pub struct Place {
    kind: Kind,
    directory: TempDir,
    urls: Option<(String, String)>,
}

/// The SQLite files of a place.
#[derive(Debug, Clone)]
pub struct Files {
    /// The data store.
    pub data: PathBuf,
    /// The key store.
    pub keys: PathBuf,
}

/// The two stores of a place, by their files or their connection strings.
#[derive(Debug, Clone)]
pub struct Address {
    /// The engine.
    pub kind: Kind,
    /// The data store.
    pub data: String,
    /// The key store.
    pub keys: String,
}

/// Opens stores that another process has made a place for.
///
/// # Errors
/// What the store reports.
pub fn open_at(kind: Kind, data: &str, keys: &str, migrations: &[Migration]) -> Result<Store> {
    let (data, keys) = (data.to_owned(), keys.to_owned());
    match kind {
        Kind::Sqlite => {
            let (data, keys) = (data.into(), keys.into());
            Store::open_sqlite(&SqliteOptions { data, keys, readers: 2, queue: 4096 }, migrations, 1)
        }
        Kind::Postgres => {
            let retry_for = Duration::from_secs(10);
            let options = PostgresOptions { data, keys, workers: 4, queue: 4096, retry_for };
            Store::open_postgres(&options, migrations, 1)
        }
    }
}

impl Place {
    /// A new, empty place.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let urls = (kind == Kind::Postgres).then(create_databases);
        Self { kind, directory, urls }
    }

    /// The engine.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A directory of the test's own.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// The two files, on SQLite.
    #[must_use]
    pub fn files(&self) -> Files {
        Files { data: self.directory().join("data.db"), keys: self.directory().join("keys.db") }
    }

    /// The two connection strings (data, keys), on PostgreSQL.
    #[must_use]
    pub fn urls(&self) -> Option<&(String, String)> {
        self.urls.as_ref()
    }

    /// Opens the store; may be called again after the first one was dropped.
    ///
    /// # Errors
    /// What the store reports.
    pub fn open(&self, migrations: &[Migration]) -> Result<Store> {
        let Address { kind, data, keys } = self.address();
        open_at(kind, &data, &keys, migrations)
    }

    /// Where it is, for another process.
    #[must_use]
    pub fn address(&self) -> Address {
        let (data, keys) = self.urls.clone().unwrap_or_else(|| {
            let Files { data, keys } = self.files();
            (data.display().to_string(), keys.display().to_string())
        });
        Address { kind: self.kind, data, keys }
    }

    /// Runs raw SQL behind the store's back, as a thief or a clumsy administrator would. `keys` picks the key store.
    pub fn meddle(&self, keys: bool, sqlite: &str, postgres: &str) {
        match &self.urls {
            None => {
                let Files { data, keys: key_file } = self.files();
                let file = if keys { key_file } else { data };
                rusqlite::Connection::open(file)
                    .and_then(|connection| connection.execute_batch(sqlite))
                    .expect("the meddling statement works");
            }
            Some((data, key_url)) => {
                let url = if keys { key_url } else { data };
                with_client(url, |runtime, client| {
                    runtime.block_on(client.batch_execute(postgres)).expect("the meddling statement works");
                });
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((data, keys)) = &self.urls {
            with_client(&server(), |runtime, client| {
                for url in [data, keys] {
                    let name = url.rsplit('/').next().unwrap_or_default();
                    drop(runtime.block_on(
                        client.batch_execute(&format!("drop database if exists {name} with (force)")),
                    ));
                }
            });
        }
    }
}

#[allow(clippy::disallowed_methods)] // the one place where tests read the environment
fn server() -> String {
    std::env::var("AVOUCH_TEST_POSTGRES").expect(
        "AVOUCH_TEST_POSTGRES names a PostgreSQL server for tests, like postgresql://postgres@127.0.0.1:5499; \
         `cargo xtask test` starts one, `cargo xtask postgres` keeps one running",
    )
}

fn create_databases() -> (String, String) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let server = server();
    let base = server.rsplit_once('/').filter(|(base, _)| base.contains("://") && !base.ends_with('/'));
    let base = base.map_or(server.as_str(), |(base, _)| base).to_owned();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = |side: &str| format!("test_{}_{number}_{side}", std::process::id());
    let (data, keys) = (name("data"), name("keys"));
    with_client(&server, |runtime, client| {
        for name in [&data, &keys] {
            // As most are made: texts would be in a language's order, unless a table says otherwise.
            let create =
                format!("create database {name} template template0 locale_provider icu icu_locale 'en-US'");
            runtime
                .block_on(client.batch_execute(&create))
                .expect("the test server lets us create databases");
        }
    });
    (format!("{base}/{data}"), format!("{base}/{keys}"))
}

fn with_client(url: &str, act: impl FnOnce(&tokio::runtime::Runtime, &tokio_postgres::Client)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime for the test");
    let (client, connection) = runtime
        .block_on(tokio_postgres::connect(url, tokio_postgres::NoTls))
        .expect("the test server answers");
    runtime.spawn(connection);
    act(&runtime, &client);
}
