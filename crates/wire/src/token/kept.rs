//! Looking after tokens: what they are, and their ends. Of a pointer nothing is kept; of every other kind a record is, without the token's
//! text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{Problem, Secret, Time};

/// What is asked of tokens that are made, beyond what the charter says. It can only be stricter; of a field whose tokens are pointers, whoever
/// asks for one of these gets a random token, which can be ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"expires": "2027-01-31T00:00:00Z", "uses": 1, "metadata": {"order": 4711}, "tags": ["spring-sale"]})))]
pub struct TokenTerms {
    /// When they end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// How often each can be turned back, 1 to 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub uses: Option<u32>,
    /// What is kept with each, up to 4 KiB. Nothing personal belongs into it: it is sealed with the vault's keys and not with the customer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// By what they are found again: up to 16, each of 1 to 64 letters, digits, `.`, `:`, `_` or `-`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub tags: Vec<String>,
}

/// A token, for whoever looks after tokens: never its value, never its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "id": "2f1c9e40-55aa-41d2-9b37-0c6d1f6a7e11", "recipient": "parcels", "kind": "random", "subject": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874",
    "field": "address", "usable": true, "made": "2026-03-01T09:30:00.000000Z", "uses_left": 1, "tags": ["spring-sale"]
})))]
pub struct TokenView {
    /// By what it is revoked without its text. Absent of a pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Whose it is.
    pub recipient: String,
    /// `pointer`, `random`, `value`, `format` or `format_value`.
    pub kind: String,
    /// Whether another system made it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// Of whom.
    pub subject: Uuid,
    /// Of which field; absent when the charter does not have it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether it is of one value of a list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_one: bool,
    /// Whether its recipient could turn it back now.
    pub usable: bool,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Time>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// How often it may still be turned back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<u32>,
    /// Since when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Time>,
    /// What is kept with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// By what it is found again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// `GET /v1/tokens`: those of a customer, or those of a recipient. Pointers are not among them, unless they were revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokenQuery {
    /// How many entries, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Those of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// Those of this recipient. One of the two is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Only those with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// `POST /v1/tokens/inspect`: what tokens are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InspectRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// Whose tokens these are, where they do not say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The tokens.
    #[schema(max_items = 1000)]
    pub tokens: Vec<Secret>,
}

/// What they are, in the order of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InspectResponse {
    /// One for each token.
    pub items: Vec<Inspected>,
}

/// What one token stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Inspected {
    /// The token's place in the request, from 0.
    pub index: usize,
    /// Of one customer, of several who share the value, or of nobody: unknown, foreign and erased look alike.
    pub stands_for: Vec<TokenView>,
}

/// `POST /v1/tokens/revoke`: ends tokens, named in one of four ways. What is revoked never comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(
    json!({"tokens": ["tok_parcels_mfzwizltmvqw45dfon2w4ylomq_k7"]}),
    json!({"subject": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874"}),
    json!({"recipient": "parcels", "all": true})
))]
pub struct RevokeRequest {
    /// These.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub tokens: Vec<Secret>,
    /// These of the recipient, by the ids that were listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub ids: Vec<Uuid>,
    /// All of this customer, with whomever they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// Whose tokens these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// All of the recipient, of whomever they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// What ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    /// How many tokens; those that had ended before do not count. Absent when it is all of somebody, with pointers, which nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

/// `POST /v1/tokens/rotate`: another token in the place of each, which ends. All or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateTokensRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// Whose tokens these are.
    pub recipient: String,
    /// The tokens that end.
    #[schema(max_items = 1000)]
    pub tokens: Vec<Secret>,
    /// What is asked of the new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TokenTerms>,
}

/// The new tokens, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotatedTokens {
    /// One for each token.
    pub tokens: Vec<Secret>,
}

/// `POST /v1/tokens/import`: takes over tokens that another system made. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenImportRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// Who holds them.
    pub recipient: String,
    /// The tokens and what they stand for.
    #[schema(max_items = 1000)]
    pub items: Vec<ForeignToken>,
    /// What is asked of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TokenTerms>,
}

/// A token of another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForeignToken {
    /// Its text, 6 to 256 bytes. It is kept as a digest only.
    pub token: Secret,
    /// The customer.
    pub subject: Uuid,
    /// The field.
    pub field: String,
    /// Which value of a list field, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u16>,
}

/// What became of each, in the order of the items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenImportResponse {
    /// How many were taken over, or had been before.
    pub taken_over: u64,
    /// The others.
    pub problems: Vec<ItemProblem>,
}

/// Why an item was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemProblem {
    /// The item's place in the request, from 0.
    pub index: usize,
    /// Why not.
    pub problem: Problem,
}
