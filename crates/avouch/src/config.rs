//! The configuration: one TOML file, every key typed, none unknown. `config/default.toml` explains each and is what
//! `avouch init` writes.
//!
//! Whoever can change this file can make us listen elsewhere and open another vault; it holds no key, but a connection
//! string may hold a database password, so that is never shown. No error text quotes a value of the file.

mod database_url;
mod ledger;
mod limits;
mod listener;
mod outbox;
mod people;
mod read;
mod root;
mod siem;
mod sign_on;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use avouch_core::backup::Shelf;
use serde::{Deserialize, Serialize};

pub(crate) use database_url::{DatabaseUrl, Reach};
pub(crate) use listener::{Client, Listener, Serves};
pub(crate) use outbox::{Alarms, Mail, MailTls, Webhook};
pub(crate) use people::People;
pub(crate) use read::{ConfigError, DEFAULT_TEXT, default_text, parse_toml};
pub(crate) use root::{AwsKms, Pkcs11, Root, Seal, Transit};
pub(crate) use siem::{Siem, SiemKind};
pub(crate) use sign_on::SignOn;

/// The whole file. Paths are absolute once it was [loaded](Config::load).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) vault: Vault,
    pub(crate) process: Process,
    pub(crate) store: Store,
    pub(crate) root: Root,
    pub(crate) erasure: Erasure,
    pub(crate) http: Http,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) listener: Vec<Listener>,
    pub(crate) people: People,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sign_on: Vec<SignOn>,
    pub(crate) mail: Mail,
    pub(crate) alarms: Alarms,
    pub(crate) limits: limits::Limits,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
    pub(crate) charter: CharterFolder,
    pub(crate) backup: Backup,
    pub(crate) ledger: Ledger,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) siem: Vec<Siem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Vault {
    pub(crate) data_dir: PathBuf,
    pub(crate) environment: String,
}

impl Default for Vault {
    fn default() -> Self {
        Self { data_dir: "avouch-data".into(), environment: "live".to_owned() }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Process {
    /// Whether it may run where memory that is not locked could be swapped out.
    pub(crate) allow_swap: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    pub(crate) engine: Engine,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys_path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_url: Option<DatabaseUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys_url: Option<DatabaseUrl>,
    pub(crate) workers: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) readers: Option<usize>,
    pub(crate) queue: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            engine: Engine::Sqlite,
            keys_path: None,
            data_url: None,
            keys_url: None,
            workers: 4,
            readers: None,
            queue: 4096,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    Sqlite,
    Postgresql,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Erasure {
    pub(crate) kek_days: u32,
    pub(crate) backup_days: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) copy: Option<PathBuf>,
}

impl Default for Erasure {
    fn default() -> Self {
        Self { kek_days: 30, backup_days: 7, copy: None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_ca: Option<ClientCa>,
    pub(crate) max_connections: usize,
    pub(crate) max_in_flight: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: None,
            tls_certificate: None,
            tls_key: None,
            client_ca: None,
            max_connections: 1024,
            max_in_flight: 2048,
        }
    }
}

/// Whose certificates clients are asked for: `built-in`, or a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "PathBuf", into = "PathBuf")]
pub(crate) enum ClientCa {
    BuiltIn,
    File(PathBuf),
}

const BUILT_IN: &str = "built-in";

impl From<PathBuf> for ClientCa {
    fn from(path: PathBuf) -> Self {
        if path == Path::new(BUILT_IN) { Self::BuiltIn } else { Self::File(path) }
    }
}

impl From<ClientCa> for PathBuf {
    fn from(ca: ClientCa) -> Self {
        match ca {
            ClientCa::BuiltIn => BUILT_IN.into(),
            ClientCa::File(path) => path,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Metrics {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: LogLevel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CharterFolder {
    pub(crate) dir: PathBuf,
}

impl Default for CharterFolder {
    fn default() -> Self {
        Self { dir: "charter".into() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Backup {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys_dir: Option<PathBuf>,
    pub(crate) keep_data: usize,
    pub(crate) full_every: usize,
    pub(crate) keep_keys_days: u32,
    pub(crate) every_hours: u32,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            data_dir: None,
            keys_dir: None,
            keep_data: 14,
            full_every: 7,
            keep_keys_days: 7,
            every_hours: 0,
        }
    }
}

impl Backup {
    /// Where backups go, if the configuration says so.
    pub(crate) fn shelf(&self) -> Option<Shelf> {
        let (data, keys) = (self.data_dir.clone()?, self.keys_dir.clone()?);
        let Self { keep_data, full_every, keep_keys_days, .. } = *self;
        Some(Shelf { data, keys, keep_data, full_every, keep_keys_days })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ledger {
    /// 0: for ever.
    pub(crate) keep_days: u32,
    pub(crate) witness_quorum: usize,
    pub(crate) unwitnessed_alarm_minutes: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) witnesses: Vec<Witness>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { keep_days: 0, witness_quorum: 1, unwitnessed_alarm_minutes: 10, witnesses: Vec::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Witness {
    pub(crate) url: String,
    pub(crate) verifier_keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

impl Config {
    /// The lock that only one server holds.
    pub(crate) fn lock_path(&self) -> PathBuf {
        self.vault.data_dir.join("lock")
    }

    /// SQLite: the data store.
    pub(crate) fn data_path(&self) -> PathBuf {
        self.vault.data_dir.join("data.db")
    }

    /// SQLite: the key store.
    pub(crate) fn keys_path(&self) -> PathBuf {
        self.store.keys_path.clone().unwrap_or_else(|| self.vault.data_dir.join("keys").join("keys.db"))
    }

    /// Makes every path absolute, starting at `folder`.
    fn anchor(&mut self, folder: &Path) {
        let Self {
            vault,
            process: _,
            store,
            root,
            erasure,
            http,
            listener,
            mail,
            alarms,
            limits: _,
            people,
            sign_on,
            metrics,
            charter,
            backup,
            ledger,
            siem,
            log: _,
        } = self;
        let optional = [
            &mut store.keys_path,
            &mut erasure.copy,
            &mut http.tls_certificate,
            &mut http.tls_key,
            &mut metrics.token_file,
            &mut backup.data_dir,
            &mut backup.keys_dir,
            &mut people.breached_passwords,
        ];
        let authorities = ledger.witnesses.iter_mut().filter_map(|witness| witness.ca.as_mut());
        let clients = match &mut http.client_ca {
            Some(ClientCa::File(path)) => Some(path),
            Some(ClientCa::BuiltIn) | None => None,
        };
        let optional = optional.into_iter().flatten().chain(root.paths()).chain(authorities).chain(clients);
        let optional = optional
            .chain(people.places.iter_mut().chain(&mut people.anonymous))
            .chain(people.key_authorities.iter_mut());
        let optional = optional.chain(people.codes.iter_mut().flat_map(people::Codes::paths));
        let optional = optional.chain(mail.paths()).chain(alarms.paths());
        let optional = optional.chain(sign_on.iter_mut().flat_map(SignOn::paths));
        let optional = optional.chain(siem.iter_mut().flat_map(Siem::paths));
        let optional = optional.chain(listener.iter_mut().flat_map(Listener::paths));
        for path in optional.chain([&mut vault.data_dir, &mut charter.dir]) {
            *path = folder.join(&path);
        }
    }
}
