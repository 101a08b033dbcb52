//! How the server is: status, keys (never their bytes), health and readiness.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// For how long it has been running.
    pub uptime_seconds: u64,
    /// Operations that wait for the store.
    pub queue: Queue,
}

/// The store's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// How many wait now.
    pub waiting: u64,
    /// How many may; one more is answered `busy`.
    pub capacity: u64,
}

/// `GET /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyState {
    /// What unseals the vault.
    pub root: Vec<RootState>,
    /// Counts changes of the keyring.
    pub keyring_generation: u64,
    /// The key-encryption keys that are still needed.
    pub kek_epochs: Vec<KekEpoch>,
    /// How many customer keys there are.
    pub subject_keys: u64,
    /// How many destroyed keys still wait for their data to be removed.
    pub pending_erasures: u64,
}

/// `POST /v1/keys/rotate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// The new key-encryption key's epoch.
    pub epoch: u32,
}

/// A root seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RootState {
    /// `file` or `passphrase`.
    pub kind: String,
    /// Whether it is the demo's and protects nothing.
    pub demo: bool,
    /// Whether it lies in the data directory, so that whoever copies one copies both.
    pub beside_data: bool,
}

/// A key-encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KekEpoch {
    /// Counts from 1.
    pub epoch: u32,
    /// Whether new customer keys are wrapped with it.
    pub current: bool,
    /// How many customer keys are wrapped with it. One that is not current is destroyed when there are none left.
    pub subject_keys: u64,
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
