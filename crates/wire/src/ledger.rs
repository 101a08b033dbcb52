//! The ledger as a transparency log: its state, its checkpoints, and proofs of single events. Tiles and checkpoints themselves are served
//! as the formats of transparency logs have them (c2sp.org/tlog-tiles), beneath `/v1/ledger/{log}/`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{Actor, Time};

/// `GET /v1/ledger`. Open to all: it says how many events there are, and nothing of what is in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ledger {
    /// All logs, the one that goes on first. Another begins when the vault was restored, or its data were put back.
    pub logs: Vec<LedgerLog>,
    /// Events that have no place in the log yet; in a second or two they have.
    pub waiting: u64,
    /// The newest checkpoint of the log that goes on; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<LedgerCheckpoint>,
    /// Who, besides the log itself, has signed the newest checkpoint. Nobody: the log proves only what its own operator says.
    pub witnessed_by: Vec<String>,
    /// The witnesses that are asked to sign, by their names.
    #[serde(default)]
    pub witnesses: Vec<String>,
    /// How many of them must have signed a checkpoint for it to count as witnessed; 0 when there is none.
    #[serde(default)]
    pub witness_quorum: u64,
    /// The newest checkpoint that as many have signed. The newest of all follows it by a second or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<LedgerCheckpoint>,
    /// Since when a checkpoint waits for its witnesses; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwitnessed_since: Option<Time>,
    /// What everybody should know who relies on this log: that nobody witnesses it, or has not for too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Why nothing is signed any more, when the log was found altered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerLog {
    /// Its number: 1, 2, 3, …
    pub number: u64,
    /// Its name, in every checkpoint.
    pub origin: String,
    /// When it began.
    pub begun: Time,
    /// How many leaves it has, signed or not.
    pub size: u64,
    /// Entries before this leaf were kept long enough, and are gone; their hashes are still there.
    #[serde(default)]
    pub minimum: u64,
    /// What its checkpoints are verified with, as signed notes write it. Keep them elsewhere: from this server they prove nothing.
    pub verifier_keys: Vec<String>,
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerCheckpoint {
    /// How many leaves it is over.
    pub size: u64,
    /// The root over them, in base64.
    pub root: String,
    /// When it was signed.
    pub at: Time,
}

/// A page of `GET /v1/ledger/{log}/checkpoints`, the smallest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerCheckpoints {
    /// Signed notes.
    pub items: Vec<LedgerNote>,
}

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerNote {
    /// How many leaves it is over.
    pub size: u64,
    /// The note, as it was signed.
    pub note: String,
}

/// The query of `GET /v1/ledger/{log}/checkpoints`. Unknown parameters are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LedgerCheckpointQuery {
    /// Only those over more leaves than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// `GET /v1/events/{id}/proof`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventProof {
    /// The event.
    pub event: Uuid,
    /// In which log.
    pub origin: String,
    /// Which of its leaves.
    pub index: u64,
    /// The leaf: the event as it is hashed, in base64.
    pub leaf: String,
    /// The proof that it is in the log (c2sp.org/tlog-proof), with the checkpoint that it leads to.
    pub receipt: String,
}

/// The query of `GET /v1/ledger/records`. Unknown parameters are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LedgerRecordQuery {
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One version of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerVersion {
    /// Its number.
    pub version: u64,
    /// Its digest, in base64, as the event has it that wrote it.
    pub digest: String,
}

/// One customer's record, for whoever compares it with the log. It does not say whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerRecord {
    /// The name by which events know the customer, in base64; absent if none of their keys opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The version that is shown; absent if it is not what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<LedgerVersion>,
    /// Those before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<LedgerVersion>,
    /// How many versions before it are not what they were.
    #[serde(default)]
    pub damaged: u64,
}

/// `GET /v1/subjects/{id}/accesses/proof`: what was seen and changed of one customer, as something that proves itself. The file form of
/// it is this, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenAccesses {
    /// `avouch/accesses/v1`.
    pub format: String,
    /// The customer.
    pub customer: Uuid,
    /// The name by which events know the customer, in base64. It means nothing to anybody once the customer is erased.
    pub subject: String,
    /// By log, the newest first.
    pub logs: Vec<ProvenInLog>,
    /// Who the principals are that the events name, as far as the server still knows. This and the next are the server's word.
    pub actors: Vec<Actor>,
    /// What the fields are called that the events name by their numbers.
    pub fields: BTreeMap<u32, String>,
    /// Events of the last seconds that no checkpoint covers yet.
    pub unproven: u64,
    /// Where the next page goes on, when there are more events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Events of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenInLog {
    /// The checkpoint that all of them lead to, as a signed note.
    pub checkpoint: String,
    /// The events, the newest first.
    pub leaves: Vec<ProvenLeaf>,
}

/// One event, proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenLeaf {
    /// Its place in the log.
    pub index: u64,
    /// The event as it is hashed, in base64.
    pub leaf: String,
    /// The hashes that lead from it to the root of the checkpoint, in base64.
    pub path: Vec<String>,
}
