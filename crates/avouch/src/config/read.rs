//! Reading the file and writing a first one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{Config, Engine};

/// The documented default, as `avouch init` writes it.
pub(crate) const DEFAULT_TEXT: &str = include_str!("default.toml");

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// There is none.
    #[error("there is no configuration `{}`: `avouch init` writes one, `avouch config show --default` prints one", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("`{}`: {}", .0.display(), .1.kind())]
    Unreadable(PathBuf, io::Error),
    /// It is not TOML, or a key or value is not one of ours.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    /// Values that do not go together, or that nothing could work with; all of them.
    #[error("`{}`: {}", .0.display(), .1.join("\n  "))]
    Values(PathBuf, Vec<String>),
}

impl Config {
    /// Reads and checks a file; `credentials` is systemd's folder of credentials, if there is one.
    ///
    /// # Errors
    /// [`ConfigError`], with the line.
    pub(crate) fn load(path: &Path, credentials: Option<&Path>) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
            _ => ConfigError::Unreadable(path.to_owned(), error),
        })?;
        let mut config: Self = parse_toml(path, &text)?;
        let unreadable = |error| ConfigError::Unreadable(path.to_owned(), error);
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        config.anchor(absolute.parent().unwrap_or(&absolute));
        let mut faults = config.faults();
        config.find_root(credentials, &mut faults);
        if faults.is_empty() { Ok(config) } else { Err(ConfigError::Values(path.to_owned(), faults)) }
    }

    /// What no setting of the machine could mend.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(text.to_owned());
            }
        };
        let word = &self.vault.environment;
        let letters = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let begins = word.starts_with(|first: char| first.is_ascii_lowercase());
        check(
            !((2..=16).contains(&word.len()) && letters && begins),
            "[vault] environment is a lower-case letter, then 1 to 15 of a-z and 0-9",
        );
        let people = &self.people;
        check(!(1..=720).contains(&people.idle_minutes), "[people] idle_minutes is 1 to 720");
        check(!(1..=168).contains(&people.longest_hours), "[people] longest_hours is 1 to 168");
        check(
            people.origin.as_ref().is_some_and(|origin| !is_origin(origin)),
            "[people] origin is `https://` and a name, with a port if it is not 443",
        );
        let store = &self.store;
        check(!(1..=64).contains(&store.workers), "[store] workers is 1 to 64");
        check(
            store.readers.is_some_and(|readers| !(1..=64).contains(&readers)),
            "[store] readers is 1 to 64",
        );
        check(!(1..=1_000_000).contains(&store.queue), "[store] queue is 1 to 1000000");
        match store.engine {
            Engine::Sqlite => check(
                store.data_url.is_some() || store.keys_url.is_some(),
                "[store] data_url and keys_url go with engine = \"postgresql\"",
            ),
            Engine::Postgresql => {
                check(
                    store.data_url.is_none() || store.keys_url.is_none(),
                    "[store] engine = \"postgresql\" wants data_url and keys_url",
                );
                check(
                    store.data_url.is_some() && store.data_url == store.keys_url,
                    "[store] data_url and keys_url must be two databases: to erase is to destroy a key, and one backup \
                     of both would bring it back",
                );
                check(store.keys_path.is_some(), "[store] keys_path goes with engine = \"sqlite\"");
            }
        }
        let erasure = &self.erasure;
        check(erasure.kek_days > 3650, "[erasure] kek_days is 0 to 3650");
        check(!(1..=3650).contains(&erasure.backup_days), "[erasure] backup_days is 1 to 3650");
        let beside = |path: &std::path::PathBuf| path.starts_with(&self.vault.data_dir);
        check(
            erasure.copy.as_ref().is_some_and(beside),
            "[erasure] copy must be outside of `data_dir`: a copy that is put back with the data tells nothing",
        );
        let http = &self.http;
        check(
            http.tls_certificate.is_some() != http.tls_key.is_some(),
            "[http] tls_certificate and tls_key go together",
        );
        check(
            http.client_ca.is_some() && http.tls_certificate.is_none(),
            "[http] client_ca goes with tls_certificate and tls_key: without TLS nobody shows a certificate",
        );
        check(!(1..=100_000).contains(&http.max_connections), "[http] max_connections is 1 to 100000");
        check(!(1..=100_000).contains(&http.max_in_flight), "[http] max_in_flight is 1 to 100000");
        let backup = &self.backup;
        check(
            backup.data_dir.is_some() != backup.keys_dir.is_some(),
            "[backup] data_dir and keys_dir go together: one folder for each store",
        );
        check(!(1..=10_000).contains(&backup.keep_data), "[backup] keep_data is 1 to 10000");
        check(!(1..=100).contains(&backup.full_every), "[backup] full_every is 1 to 100");
        check(!(1..=365).contains(&backup.keep_keys_days), "[backup] keep_keys_days is 1 to 365");
        check(backup.every_hours > 8_760, "[backup] every_hours is 0 to 8760");
        check(
            backup.every_hours > 0 && backup.data_dir.is_none(),
            "[backup] every_hours goes with data_dir and keys_dir",
        );
        self.listener_faults(&mut faults);
        self.sign_on_faults(&mut faults);
        self.ledger.faults(&mut faults);
        self.alarms.faults(&self.mail, &mut faults);
        super::Siem::faults(&self.siem, &mut faults);
        for (section, root) in self.root.both() {
            root.faults(section, &mut faults);
        }
        faults
    }

    /// Turns the name of a credential, or nothing, into the path of the root's file.
    fn find_root(&mut self, credentials: Option<&Path>, faults: &mut Vec<String>) {
        if let (Some(next), Some(folder)) = (&mut self.root.next, credentials)
            && let Some(name) = &next.credential
        {
            next.path = Some(folder.join(name));
        }
        match (&self.root.credential, credentials) {
            (Some(name), Some(folder)) => self.root.path = Some(folder.join(name)),
            (Some(_), None) => faults.push(
                "[root] credential: systemd has passed no credentials to this process; start it as a unit with \
                 LoadCredential="
                    .to_owned(),
            ),
            (None, _) if self.root.path.is_none() && self.root.seal == super::Seal::KeyFile => {
                let mut name = self.vault.data_dir.file_name().unwrap_or_default().to_owned();
                name.push("-root.key");
                self.root.path = Some(self.vault.data_dir.with_file_name(name));
            }
            (None, _) => {}
        }
    }
}

/// The default text with the places a vault is made with.
pub(crate) fn default_text(data_dir: &Path, root: &Path, seal: super::Seal, charter: &Path) -> String {
    let quoted = |path: &Path| toml::Value::from(path.to_string_lossy().into_owned()).to_string();
    let line = |name: &str, path: &Path| format!("{name} = {}", quoted(path));
    let mut text = DEFAULT_TEXT
        .replace("data_dir = \"avouch-data\"", &line("data_dir", data_dir))
        .replace("path = \"avouch-root.key\"", &line("path", root))
        .replace("\ntoken_file = \"avouch-data/metrics-token\"", &{
            format!("\n{}", line("token_file", &data_dir.join("metrics-token")))
        })
        .replace("dir = \"charter\"", &line("dir", charter));
    if seal == super::Seal::Passphrase {
        text = text.replace("seal = \"key-file\"", "seal = \"passphrase\"");
    }
    text
}

/// Reads one of our files: every key typed, none unknown.
///
/// # Errors
/// [`ConfigError::Syntax`].
pub(crate) fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ConfigError::Syntax {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            // The message alone: the error's own text quotes the line, which may hold a password.
            message: error.message().lines().next().unwrap_or_default().to_owned(),
        }
    })
}

/// Whether this is where pages can be: a scheme, a name and perhaps a port, and nothing behind it.
fn is_origin(text: &str) -> bool {
    let text = text.strip_suffix('/').unwrap_or(text);
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let secure = scheme == "https" || (scheme == "http" && name == "localhost");
    let named = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
        && name.parse::<std::net::Ipv4Addr>().is_err();
    secure && named && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
