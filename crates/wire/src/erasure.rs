//! Erasures: their receipts, and the legal holds that keep a customer from being erased. A receipt names the customer by the id, which
//! leads to nobody any more, and holds no value. Its `note` is the same as text with a signature, to be checked without this server.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{Actor, Time};

/// What an erasure was. The same erasure has the same receipt for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The erasure's number; one of several classes has as many numbers from this one on.
    pub number: u64,
    /// Who was erased.
    pub subject: Uuid,
    /// Which retention classes. Absent: the whole customer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// When.
    pub at: Time,
    /// At whose request.
    pub by: Actor,
    /// The record of it.
    pub event: Uuid,
    /// How much was removed.
    pub removed: Removed,
    /// What was left, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Kept>,
    /// Until when backups and disks may hold remains that nobody can read. Absent: not known, as keys are not rotated by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Time>,
    /// Backups that were known to hold such remains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<String>,
    /// All of this as a signed note (c2sp.org/signed-note).
    pub note: String,
}

/// How much an erasure removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removed {
    /// Fields of the customer as it was.
    pub fields: u64,
    /// Versions that were deleted, or lost values.
    pub versions: u64,
    /// Index terms.
    pub terms: u64,
    /// Tokens that were stored. Those that are not open nothing any more.
    pub tokens: u64,
    /// Keys.
    pub keys: u64,
}

/// What an erasure left because it is under a legal hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Kept {
    /// The retention class. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Since when it is held.
    pub since: Time,
}

/// The query of `DELETE /v1/subjects/{id}`. Unknown parameters are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EraseQuery {
    /// Only these retention classes of the charter, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<String>,
    /// `true`: leave what is under a legal hold and erase the rest. Without it, a hold stops the erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_held: Option<bool>,
}

/// The query of `GET /v1/erasures`. Unknown parameters are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ErasureQuery {
    /// How many entries, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only erasures of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
}

/// `GET /v1/erasures/key`: what receipts are checked with, away from this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptKey {
    /// As signed notes write it: name, id and key.
    pub verifier_key: String,
}

/// `POST /v1/subjects/{id}/holds`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"class": "accounting", "reason": "case 4711 before the county court"})))]
pub struct HoldRequest {
    /// The retention class that is held. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Why, in a few words.
    pub reason: String,
    /// Until when. Absent: until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

impl fmt::Debug for HoldRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HoldRequest").field("class", &self.class).field("until", &self.until).finish()
    }
}

/// A legal hold: what it is on is not erased while it lasts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// The hold.
    pub id: Uuid,
    /// The retention class that is held. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Since when.
    pub since: Time,
    /// Until when. Absent: until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Who placed it.
    pub by: Actor,
    /// Why.
    pub reason: String,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("id", &self.id).field("class", &self.class).finish_non_exhaustive()
    }
}
