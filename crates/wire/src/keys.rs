//! The vault's own keys: their state, their rotation, and the seals around them. Bytes of a key are never here; what is wrapped
//! by a seal is, for whoever may prove that the seal still opens it. Bytes are base64 (RFC 4648, padded).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Time;

/// `GET /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyState {
    /// The seals around the keyring: what unseals the vault, and what does when that is lost.
    pub seals: Vec<SealState>,
    /// Counts changes of the keyring.
    pub keyring_generation: u64,
    /// The key-encryption keys that are still needed.
    pub kek_epochs: Vec<KekEpoch>,
    /// The generations of customer keys that there are.
    pub generations: Vec<KeyGeneration>,
    /// How many customer keys there are.
    pub subject_keys: u64,
    /// The blind indexes.
    pub indexes: IndexKeys,
    /// The epochs of the token roots in the keyring, the newest last: it makes tokens, all open those they have made.
    pub token_epochs: Vec<u32>,
    /// How many destroyed keys still wait for their data to be removed.
    pub pending_erasures: u64,
    /// When the key-encryption key is replaced by itself. Absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kek_due: Option<Time>,
    /// Until when remains of what is erased now may lie in backups and on disks, unreadable. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Time>,
}

/// A seal around the keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealState {
    /// Its name; `primary` is the one that opens the vault at each start.
    pub slot: String,
    /// What it is for.
    pub role: SealRole,
    /// `key-file`, `passphrase`, `shares`, `pkcs11`, `transit` or `aws-kms`.
    pub kind: String,
    /// Since when.
    pub made: Time,
    /// When it was last proved to open. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drilled: Option<Time>,
    /// Whether it is the demo's and protects nothing.
    pub demo: bool,
    /// Whether its key lies beside the data, so that whoever copies one copies both.
    pub beside_data: bool,
}

/// What a seal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SealRole {
    /// It opens the vault at each start.
    Primary,
    /// It opens the vault when the primary is lost.
    Recovery,
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

/// Customer keys that were made between two rotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyGeneration {
    /// Counts from 1.
    pub generation: u32,
    /// Whether new customer keys are of it.
    pub current: bool,
    /// How many there are. Those of a generation that is not current are being replaced.
    pub subject_keys: u64,
}

/// The keys of the blind indexes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexKeys {
    /// The epochs of the index roots in the keyring, the newest last.
    pub epochs: Vec<u32>,
    /// Indexes that are not whole, not under the newest root, or on their way out.
    pub outstanding: u64,
    /// Customers that the building which is furthest behind has looked at.
    pub done: u64,
    /// Customers there are.
    pub subjects: u64,
}

/// `POST /v1/keys/rotate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    /// Which keys.
    pub what: Rotate,
}

/// Keys that can be replaced by new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rotate {
    /// The key-encryption key: customer keys are wrapped again. Helps from now on against one that leaked.
    Kek,
    /// Customer keys: everybody is sealed anew. Helps against customer keys that leaked.
    Data,
    /// Index keys: all indexes are built anew, take the places of the old ones, and these are deleted.
    Index,
    /// Token keys: tokens are made under a new root from now on. Those that were made before open until they are retired.
    Token,
}

/// `POST /v1/keys/retire`: forgets the older roots of tokens. Pointers that were made under them do not open any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetireRequest {
    /// Which keys.
    pub what: Retire,
}

/// Keys whose older ones can be let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Retire {
    /// Token keys.
    Token,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Retired {
    /// Which keys.
    pub what: Retire,
    /// How many roots.
    pub roots: u32,
}

/// A rotation that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// Which keys.
    pub what: Rotate,
    /// The epoch or generation of the new ones.
    pub epoch: u32,
}

/// `POST /v1/keys/drills`: asks for a drill of a seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"slot": "shares"})))]
pub struct DrillRequest {
    /// Which seal.
    pub slot: String,
}

/// What the seal's keeper needs to prove that it opens: the wrapped key of the keyring, and a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrillStarted {
    /// Which seal.
    pub slot: String,
    /// Its kind.
    pub kind: String,
    /// The vault's id, in hexadecimal: what is wrapped is bound to it.
    pub vault: String,
    /// The wrapped key's generation: what is wrapped is bound to it.
    pub generation: u32,
    /// The wrapped key, in base64.
    pub wrapped: String,
    /// 32 bytes to be answered within eight hours, in base64.
    pub challenge: String,
}

/// `POST /v1/keys/drills/answer`: `HMAC-SHA256` of the challenge under a key that only the unwrapped key gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillAnswer {
    /// Which seal.
    pub slot: String,
    /// As it was given.
    pub challenge: String,
    /// 32 bytes, in base64.
    pub answer: String,
}

/// A drill that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drilled {
    /// Which seal.
    pub slot: String,
    /// When it was proved to open.
    pub drilled: Time,
}

/// `POST /v1/keys/reseal`: the primary seal was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resealed {
    /// The new one's kind.
    pub kind: String,
}

/// `POST /v1/keys/recovery`: new recovery shares in the place of all seals for recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"threshold": 2, "custodians": ["age1…", "age1…", "age1…"]})))]
pub struct RecoveryRequest {
    /// How many shares are needed: 2 up to their number.
    pub threshold: u8,
    /// The age recipient of each custodian; one share is made for each, 16 at most.
    #[schema(max_items = 16)]
    pub custodians: Vec<String>,
}

/// The new shares. The server keeps none of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryShares {
    /// Names the set, as each share does.
    pub set: String,
    /// How many are needed.
    pub threshold: u8,
    /// Armoured age files, in the order of the custodians; each opens by its custodian's key alone.
    pub shares: Vec<String>,
}
