//! How the server is: status, health and readiness.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Time;

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of avouch.
    pub version: String,
    /// `sqlite` or `postgresql`.
    pub engine: String,
    /// The vault's id.
    pub vault: String,
    /// The charter version in force.
    pub charter_version: u64,
    /// Whether the server runs without its root key.
    pub sealed: bool,
    /// When both stores were last restored from backups although it was only stated, and not known, who had been erased since;
    /// absent when that never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endings_stated: Option<Time>,
    /// What everybody should know who relies on the log of events: that it is damaged, that nobody witnesses it, or that nobody has
    /// for too long; absent when all is well. `GET /v1/ledger` tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_warning: Option<String>,
    /// For how long it has been running.
    pub uptime_seconds: u64,
    /// Operations that wait for the store.
    pub queue: Queue,
    /// How keys and customers' data in its memory are kept from the disk.
    pub memory: Memory,
    /// How services prove who they are.
    #[serde(default)]
    pub services: Services,
    /// Where events are sent to, and how far that is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub siem: Vec<Siem>,
}

/// How the services that may act prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Services {
    /// Those with nothing but plain keys, which let in whoever has them.
    pub with_api_keys_only: u64,
    /// Those that sign for themselves.
    pub with_public_keys: u64,
    /// Access tokens that are alive.
    pub access_tokens: u64,
}

/// A place that events are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Siem {
    /// Its name in the configuration.
    pub name: String,
    /// Signed events that it does not have yet.
    pub behind: u64,
    /// The log of the last event that it has; absent while it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
    /// The index of that event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Why it gets nothing at the moment; it is tried again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// What could be written to a disk of what the server has in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Memory {
    /// Whether all of it is locked, so that none is ever swapped out.
    pub locked: bool,
    /// Whether there is swap on its machine.
    pub swap: Swap,
    /// What is locked, and how to change it.
    pub detail: String,
}

/// Swap that could take memory which is not locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Swap {
    /// There is none, or only in memory.
    Off,
    /// There is, and this server may not use it.
    Barred,
    /// There is.
    On,
    /// The server cannot see it.
    Unknown,
}

/// The store's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// How many wait now.
    pub waiting: u64,
    /// How many may; one more is answered `busy`.
    pub capacity: u64,
}

/// Whether a part works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// It does.
    Ok,
    /// It does not.
    Failing,
}

/// `GET /healthz`: 200 or 503. Open to all, so it says no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether the server works.
    pub status: HealthState,
}

/// `GET /readyz`: 200 or 503, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether all checks pass.
    pub status: HealthState,
    /// Each check.
    pub checks: Vec<Check>,
}

/// One check of readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What, such as `store`.
    pub name: String,
    /// Whether it passes.
    pub ok: bool,
    /// What was seen, without paths or addresses.
    pub detail: String,
}
