//! Imports: a mapping is proposed from headers and samples, then rows come in chunks. A chunk may be sent again any number of times:
//! the import is named by the digests of the file and of the mapping, and the server remembers which chunks it has.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Fields;

/// `POST /v1/imports/propose`: which column is which field? Nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeRequest {
    /// The columns of the file.
    #[schema(max_items = 512)]
    pub columns: Vec<ProposeColumn>,
}

/// A column and some of its values.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"header": "E-Mail", "samples": ["ada@example.org", "ben@example.net"]})))]
pub struct ProposeColumn {
    /// Its header.
    pub header: String,
    /// Some of its values, at most 200; personal data.
    #[schema(max_items = 200)]
    pub samples: Vec<String>,
}

impl fmt::Debug for ProposeColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProposeColumn")
            .field("header", &self.header)
            .field("samples", &self.samples.len())
            .finish()
    }
}

/// The proposed mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// By column header.
    pub mapping: BTreeMap<String, ProposedTarget>,
    /// Columns that no field was found for.
    pub unmapped: Vec<String>,
    /// Required fields that no column was found for.
    pub missing_required: Vec<String>,
}

/// Where a column goes and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"field": "address", "part": "city", "confidence": 92, "because": "the header means city"})))]
pub struct ProposedTarget {
    /// The field.
    pub field: String,
    /// Which part of the field: of an address `street`, `street2`, `city`, `region`, `postal_code` or `country`, of a name `given` or `family`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// 0 to 100.
    #[schema(maximum = 100)]
    pub confidence: u8,
    /// Why, in plain words and without any sample.
    pub because: String,
}

/// What to do with a row whose unique value somebody has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// Reject it, to the error file.
    #[default]
    Reject,
    /// Leave it out and count it.
    Skip,
}

impl OnDuplicate {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Skip => "skip",
        }
    }
}

/// What to do with a row of somebody who was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnErased {
    /// Reject it, to the error file.
    #[default]
    Ask,
    /// Leave it out and count it.
    Skip,
    /// Store it like any other.
    Create,
}

impl OnErased {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Skip => "skip",
            Self::Create => "create",
        }
    }
}

/// `POST /v1/imports`: begin, or resume when the same digests were seen before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportStart {
    /// SHA-256 of the file, as hex.
    pub source_digest: String,
    /// SHA-256 of the mapping and the chunk size, as hex.
    pub mapping_digest: String,
    /// Check every row and store nothing. A dry run is an import of its own and remembers no chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// What to do with duplicates.
    #[serde(default)]
    pub on_duplicate: OnDuplicate,
    /// What to do with somebody who was erased.
    #[serde(default)]
    pub on_erased: OnErased,
}

/// The import to send chunks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportStarted {
    /// The import.
    pub id: Uuid,
    /// Chunks that are stored already, as ranges of numbers from 0, both ends included.
    pub chunks_done: Vec<(u64, u64)>,
}

/// `PUT /v1/imports/{id}/chunks/{n}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChunkRequest {
    /// The rows.
    #[schema(max_items = 1000)]
    pub rows: Vec<ImportRow>,
}

/// A row of the file as a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// Its number in the file, from 1.
    pub row: u64,
    /// The values.
    pub fields: Fields,
}

/// What became of a chunk. A repeated chunk gets the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChunkResult {
    /// How many rows were stored.
    pub accepted: u64,
    /// How many were left out as duplicates.
    pub skipped: u64,
    /// Which were not stored, and why.
    pub rejected: Vec<RejectedRow>,
}

/// A row that was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"row": 7, "errors": [{"field": "email", "detail": "expected an e-mail address such as name@example.org"}]})))]
pub struct RejectedRow {
    /// Its number in the file, from 1.
    pub row: u64,
    /// Everything that is wrong with it.
    pub errors: Vec<RowFault>,
}

/// One thing that is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowFault {
    /// The field, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was expected. Never the value.
    pub detail: String,
}

/// `GET /v1/imports/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Import {
    /// The import.
    pub id: Uuid,
    /// How many rows were stored.
    pub rows_accepted: u64,
    /// How many were left out as duplicates.
    pub rows_skipped: u64,
    /// How many were not stored.
    pub rows_rejected: u64,
    /// Chunks that are stored, as ranges of numbers from 0, both ends included.
    pub chunks_done: Vec<(u64, u64)>,
}
