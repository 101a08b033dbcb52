//! Backups: which there are, and making one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Time;

/// Which stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackupStores {
    /// Both, so that they belong together.
    #[default]
    Both,
    /// The data store alone.
    Data,
    /// The key store alone.
    Keys,
}

/// `POST /v1/backups`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupRequest {
    /// Which stores; both, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stores: Option<BackupStores>,
    /// The data in full, although there is a backup that it could be made on; it can, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
}

/// One of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackupStore {
    /// Sealed records, tokens, events.
    Data,
    /// Wrapped keys.
    Keys,
}

/// A backup of one store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// Of which store.
    pub store: BackupStore,
    /// Of which run: data and keys of one run have one number.
    pub sequence: u64,
    /// When it was begun.
    pub made: Time,
    /// When it is removed; absent for data, which is kept by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// On the backup of which run it was made: it holds only what changed since, and is of no use without that one. Absent when
    /// it is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// How large it is; absent while it is made, and when its making broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// `GET /v1/backups`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backups {
    /// Those that are known, oldest first.
    pub backups: Vec<Backup>,
    /// Until when a backup may hold the keys of somebody who is erased now; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_end: Option<Time>,
    /// Rows that were copied so far, while a backup is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<u64>,
    /// Why the last one came to nothing, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What is wrong with backups that are there, as the last one that was made found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// From what this vault was restored, oldest first.
    pub restored: Vec<Restored>,
}

/// A restore of this vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Restored {
    /// When.
    pub at: Time,
    /// When the backup of the data was made; absent when the data store was alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_made: Option<Time>,
    /// When the backup of the keys was made; absent when the key store was alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_made: Option<Time>,
    /// Whether it was only stated, and not known, who was erased between backup and loss.
    pub endings_stated: bool,
    /// Customers who are there.
    pub subjects: u64,
    /// Erasures of after the backup that were done again.
    pub erased: u64,
    /// Customers whose keys are lost, and who are gone with them.
    pub lost: u64,
}
