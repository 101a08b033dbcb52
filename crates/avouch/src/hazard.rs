//! Settings that would put customers' data at risk. `serve` refuses them all at once and says how to mend each;
//! `config check` and `doctor` show the same list. There is no switch to go on regardless; what only the operator
//! can know, that swap is encrypted, is a setting.
//!
//! Only what files and settings tell is looked at here; that a demo key is no key is found when the root is opened.

use core::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Config, Engine, Reach};
use crate::files::Access;
use crate::memory::{MEND, Memory};
use crate::vault;

/// One unsafe setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hazard {
    /// What is found, and what could come of it.
    pub(crate) found: String,
    /// What to do.
    pub(crate) mend: String,
}

impl Hazard {
    pub(crate) fn new(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { found: found.into(), mend: mend.into() }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  - {}\n    {}", self.found, self.mend)
    }
}

/// What `serve` refuses: every unsafe setting, swap that could take the keys, which are in memory for as long as it runs,
/// and a demo's vault, which only `demo` serves.
pub(crate) fn serving(config: &Config, config_path: &Path, memory: &Memory) -> Vec<Hazard> {
    let mut found = hazards(config, config_path);
    if !memory.is_safe() && !config.process.allow_swap {
        found.push(Hazard::new(
            format!("{}: keys and customers' data could be written to it", memory.told()),
            format!(
                "{MEND}; or bar swap for it (`MemorySwapMax=0`), or switch swap off; if it is encrypted, set [process] \
                 allow_swap = true"
            ),
        ));
    }
    if config.vault.environment == vault::DEMO {
        found.push(Hazard::new(
            "[vault] environment = \"demo\": demo keys protect nothing",
            "start a demo with `avouch demo`, and make a vault of your own with `avouch init`",
        ));
    }
    found
}

/// Every unsafe setting. A file that is not there is no hazard: opening it will fail.
pub(crate) fn hazards(config: &Config, config_path: &Path) -> Vec<Hazard> {
    let mut found = Vec::new();
    listening(config, &mut found);
    root(config, &mut found);
    folders(config, &mut found);
    databases(config, config_path, &mut found);
    backups(config, &mut found);
    found
}

/// Two stores, two backups, two lives: whoever has both and the root has everybody, the erased too.
fn backups(config: &Config, found: &mut Vec<Hazard>) {
    let (Some(data), Some(keys)) = (&config.backup.data_dir, &config.backup.keys_dir) else { return };
    if within(data, keys) || within(keys, data) {
        found.push(Hazard::new(
            "[backup] data_dir and keys_dir are one place: whoever copies it has both stores, and it has one life for both",
            "give them two folders, better on two machines, neither within the other",
        ));
    }
    for (name, folder) in [("data_dir", data), ("keys_dir", keys)] {
        if within(folder, &config.vault.data_dir) {
            found.push(Hazard::new(
                format!(
                    "[backup] {name} `{}` lies in the vault's own data_dir: what takes the one takes both",
                    folder.display()
                ),
                "name a folder elsewhere, better on another machine",
            ));
        }
        if Access::of(folder).is_some_and(Access::shared) {
            found.push(readable(&format!("[backup] {name}"), folder, "other users", "chmod 700"));
        }
        for (section, root) in config.root.both() {
            for (key, path) in root.secrets() {
                if within(path, folder) {
                    found.push(Hazard::new(
                        format!(
                            "{section} {key} `{}` lies where backups go: whoever copies them copies the key",
                            path.display()
                        ),
                        "move it out, to a place that no backup includes",
                    ));
                }
            }
        }
    }
}

fn listening(config: &Config, found: &mut Vec<Hazard>) {
    for listener in config.listeners() {
        if !listener.address.ip().is_loopback() && listener.tls_certificate.is_none() {
            let named = config.named(&listener);
            found.push(Hazard::new(
                format!("{named} without TLS: keys and customers' data would cross the network readable"),
                "set tls_certificate and tls_key, or listen on 127.0.0.1",
            ));
        }
    }
    let keys = config.listener.iter().map(|listener| ("[[listener]] tls_key", &listener.tls_key));
    for (name, path) in [("[http] tls_key", &config.http.tls_key)].into_iter().chain(keys) {
        if let Some(path) = path
            && Access::of(path).is_some_and(Access::public)
        {
            found.push(readable(name, path, "everybody on this machine", "chmod o-rwx"));
        }
    }
    let Some(address) = config.metrics.listen else { return };
    match &config.metrics.token_file {
        None => found.push(Hazard::new(
            "[metrics] listen without token_file: whoever reaches it could read how the vault is used",
            "set token_file, or remove listen",
        )),
        Some(path) if Access::of(path).is_some_and(Access::public) => {
            found.push(readable("[metrics] token_file", path, "everybody on this machine", "chmod o-rwx"));
        }
        Some(_) => {}
    }
    if !address.ip().is_loopback() && config.http.tls_certificate.is_none() {
        found.push(Hazard::new(
            format!(
                "[metrics] listen = \"{address}\" without TLS: the token would cross the network readable"
            ),
            "set [http] tls_certificate and tls_key, or listen on 127.0.0.1",
        ));
    }
}

fn root(config: &Config, found: &mut Vec<Hazard>) {
    for (section, root) in config.root.both() {
        // Systemd keeps credentials in a file system of their own and grants our user by an access list, which shows as
        // bits of the group; there only the bits for everybody mean anything.
        let by_systemd = root.credential.is_some();
        for (key, path) in root.secrets() {
            let name = match key.split_once('.') {
                Some((table, key)) => format!("{}.{table}] {key}", section.trim_end_matches(']')),
                None => format!("{section} {key}"),
            };
            secret(config, &name, path, by_systemd, found);
        }
    }
}

/// A file that opens the vault, or what opens it.
fn secret(config: &Config, name: &str, path: &Path, by_systemd: bool, found: &mut Vec<Hazard>) {
    if within(path, &config.vault.data_dir) {
        found.push(Hazard::new(
            format!("{name} `{}` lies in data_dir: whoever copies the data copies the key", path.display()),
            "move it out, to a place that no backup of the data includes",
        ));
    }
    let Some(access) = Access::of(path) else { return };
    if by_systemd && access.public() || !by_systemd && access.shared() {
        found.push(readable(name, path, "other users", "chmod 600"));
    }
    if !by_systemd && !access.ours {
        found.push(Hazard::new(
            format!("{name} `{}` belongs to another user, who can read and replace it", path.display()),
            "make it the property of the user avouch runs as",
        ));
    }
}

fn folders(config: &Config, found: &mut Vec<Hazard>) {
    let data_dir = &config.vault.data_dir;
    let Some(access) = Access::of(data_dir) else { return };
    if access.shared() {
        found.push(readable("[vault] data_dir", data_dir, "other users", "chmod 700"));
    }
    if !access.ours {
        found.push(Hazard::new(
            format!("[vault] data_dir `{}` belongs to another user", data_dir.display()),
            "make it the property of the user avouch runs as",
        ));
    }
    if config.store.engine == Engine::Sqlite {
        for path in [config.data_path(), config.keys_path()] {
            if Access::of(&path).is_some_and(Access::shared) {
                found.push(readable("the store", &path, "other users", "chmod 600"));
            }
        }
    }
}

fn databases(config: &Config, config_path: &Path, found: &mut Vec<Hazard>) {
    let urls = [("data_url", &config.store.data_url), ("keys_url", &config.store.keys_url)];
    for (name, url) in urls {
        let Some(url) = url else { continue };
        match url.reach() {
            Reach::Here => {}
            Reach::Elsewhere => found.push(Hazard::new(
                format!("[store] {name} = \"{url}\" names another machine, and this version speaks no TLS with PostgreSQL"),
                "connect through a tunnel that ends on 127.0.0.1 or in a socket on this machine",
            )),
            Reach::Unclear => found.push(Hazard::new(
                format!("[store] {name} does not tell which machine it names"),
                "write it as \"postgresql://user@127.0.0.1/database\"",
            )),
        }
    }
    let password =
        urls.iter().any(|(_, url)| url.as_ref().is_some_and(crate::config::DatabaseUrl::has_password));
    if password && Access::of(config_path).is_some_and(Access::public) {
        found.push(readable(
            "the configuration, which holds a database password,",
            config_path,
            "everybody on this machine",
            "chmod o-rwx",
        ));
    }
}

fn readable(what: &str, path: &Path, by: &str, command: &str) -> Hazard {
    let path = path.display();
    Hazard::new(format!("{what} `{path}` is open to {by}"), format!("{command} '{path}'"))
}

/// Whether a path leads into a folder, through links too.
fn within(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| -> PathBuf {
        // A file that is yet to be made: its folder decides.
        let parent = || Some(fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
        fs::canonicalize(path).ok().or_else(parent).unwrap_or_else(|| path.to_owned())
    };
    real(path).starts_with(real(folder)) || path.starts_with(folder)
}
