//! `witness.toml`: every key typed, none unknown. Whoever can change it can make the witness sign for other logs; it holds no
//! secret.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use avouch_ledger::note::{KeyType, VerifierKey};
use serde::Deserialize;

use crate::config::{ConfigError, parse_toml};

/// What `avouch witness init` writes.
pub(super) const DEFAULT_TEXT: &str = include_str!("witness.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "listen")]
    listen: SocketAddr,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    logs: Vec<String>,
}

fn listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8430).into()
}

/// See the module.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) listen: SocketAddr,
    pub(super) tls_certificate: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    /// The keys of all logs; those of one log go by the same name.
    pub(super) keys: Vec<VerifierKey>,
}

impl Settings {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`ConfigError`], with the line.
    pub(super) fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable(path.to_owned(), error);
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let File { listen, tls_certificate, tls_key, logs } = parse_toml(path, &text)?;
        let mut faults = Vec::new();
        if tls_certificate.is_some() != tls_key.is_some() {
            faults.push("tls_certificate and tls_key go together".to_owned());
        }
        if logs.is_empty() {
            faults.push("logs names no log: there is nobody to sign for".to_owned());
        }
        let mut keys: Vec<VerifierKey> = Vec::new();
        for (at, log) in logs.iter().enumerate() {
            let mut fault = |what: &str| faults.push(format!("logs: number {} {what}", at + 1));
            match VerifierKey::parse(log) {
                Err(_) => fault("is no verifier key"),
                Ok(key) if key.kind() == KeyType::Cosignature => {
                    fault("is the key of a witness and not of a log")
                }
                Ok(key) if keys.iter().any(|known| known.public() == key.public()) => {
                    fault("is there already")
                }
                Ok(key) => keys.push(key),
            }
        }
        if !faults.is_empty() {
            return Err(ConfigError::Values(path.to_owned(), faults));
        }
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        let folder = absolute.parent().unwrap_or(&absolute);
        let anchored = |path: PathBuf| folder.join(path);
        Ok(Self {
            listen,
            tls_certificate: tls_certificate.map(anchored),
            tls_key: tls_key.map(anchored),
            keys,
        })
    }
}
