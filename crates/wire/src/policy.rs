//! What the policy says: views of fields, and the answer to "may I, and if not, what is missing?".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Need;

/// How much of a field is shown. Ordered: each shows more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Not shown, not even that it has a value.
    Nothing,
    /// A token in place of the value.
    Token,
    /// The charter's `masked` form, such as `l•••@…`.
    Masked,
    /// The charter's `partial` form, such as `l•••@example.org`.
    Partial,
    /// The value itself.
    Clear,
}

impl View {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Token => "token",
            Self::Masked => "masked",
            Self::Partial => "partial",
            Self::Clear => "clear",
        }
    }
}

/// The view each field was given, by field name (or by JSON pointer where a document is meant).
pub type Views = BTreeMap<String, View>;

/// `POST /v1/explain`: ask for a decision without acting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"action": "subject.reveal", "purpose": "support", "reason_given": true, "fields": ["email"]})))]
pub struct Explain {
    /// The action, such as `subject.reveal`.
    pub action: String,
    /// The purpose that would be stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Whether a reason would be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_given: Option<bool>,
    /// The fields in question; all of the charter when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
}

/// The decision that the caller would get now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Whether the action would be allowed.
    pub allowed: bool,
    /// The policies that decide.
    pub decided_by: Vec<String>,
    /// Everything that is missing, at once. Empty when allowed.
    pub needs: Vec<Need>,
    /// What each field would show.
    pub views: Views,
}
