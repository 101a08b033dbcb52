//! Exports: many customers at once, sealed to the receiver unless plain text is asked for in so many words. The answer is a stream: an age
//! file, CSV or JSON Lines. A body without its last chunk broke off and is not whole, however many customers it holds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Secret;

/// `POST /v1/exports`. Exactly one of `seal_to` and `plain: true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "purpose": "accounting", "reason": "yearly statement", "fields": ["name", "address"], "format": "csv",
    "seal_to": "age1examplexxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
})))]
pub struct ExportRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// Why. Always required.
    pub reason: Secret,
    /// Which fields; there is no "all".
    #[schema(min_items = 1)]
    pub fields: Vec<String>,
    /// How to write them.
    pub format: ExportFormat,
    /// The receiver's age public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal_to: Option<String>,
    /// `true`: not sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<bool>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One line for each customer, after a header.
    Csv,
    /// One JSON object for each customer.
    Jsonl,
}
