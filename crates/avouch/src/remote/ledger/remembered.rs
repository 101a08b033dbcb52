//! What was verified last time: the keys of each log, and the newest checkpoint that was seen of it. Whoever keeps this file will
//! notice when a log goes back or has another history, without anybody else's help.
//!
//! Whoever can change it can have other keys believed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::CliError;
use super::source::read_json;

/// See the module. Logs by their origin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remembered {
    pub(super) logs: BTreeMap<String, OneRemembered>,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneRemembered {
    /// As they were the first time.
    pub(super) verifier_keys: Vec<String>,
    /// The newest checkpoint that was verified.
    pub(super) checkpoint: String,
}

impl Remembered {
    /// Nothing, the first time.
    pub(super) fn load(path: &Path) -> Result<Self, CliError> {
        if path.exists() { read_json(path) } else { Ok(Self::default()) }
    }

    /// Keeps it, or leaves what was there as it is.
    pub(super) fn store(&self, path: &Path) -> Result<(), CliError> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let write = || {
            fs::write(&beside, &text)?;
            fs::rename(&beside, path)
        };
        write().map_err(|error| CliError::file(path, &error))
    }
}
