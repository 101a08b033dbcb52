//! Tokens: single ones, and whole documents in the same shape. A token names its recipient and nobody else; it is safe to store and log
//! at the recipient, yet is kept out of `Debug` here because whoever holds it may be allowed to detokenize it.

mod kept;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Document, Problem, Secret, Views};
pub use kept::{
    ForeignToken, InspectRequest, InspectResponse, Inspected, ItemProblem, Revocation, RevokeRequest,
    RotateTokensRequest, RotatedTokens, TokenImportRequest, TokenImportResponse, TokenQuery, TokenTerms,
    TokenView,
};

/// `POST /v1/tokens`: one token for each item, for one recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "purpose": "order_fulfilment", "recipient": "parcels",
    "items": [{"ref": "a", "subject": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874", "field": "address"}]
})))]
pub struct TokenRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// For which recipient of the charter. Another one cannot use the token.
    pub recipient: String,
    /// What to make tokens of.
    #[schema(max_items = 1000)]
    pub items: Vec<TokenItem>,
    /// What is asked of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TokenTerms>,
}

/// One value to make a token of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenItem {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The customer.
    pub subject: Uuid,
    /// The field.
    pub field: String,
    /// Which value of a list field, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u16>,
}

/// The tokens, in the order of the items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// The results.
    pub items: Vec<TokenResult>,
}

/// What became of one item: a token or a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenResult {
    /// The caller's name for the item.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The item's place in the request, from 0.
    pub index: usize,
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// `POST /v1/tokenize`: any JSON in, the same JSON out with tokens in place of personal values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "purpose": "order_fulfilment", "recipient": "parcels",
    "map": {"/customer/mail": "email", "/ship_to": "address"},
    "unmapped": "keep", "create_missing": true,
    "document": {"order": 4711, "customer": {"mail": "ada@example.org"}, "ship_to": {"street": "Lindenweg 3", "city": "Berlin"}}
})))]
pub struct TokenizeRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// For which recipient of the charter.
    pub recipient: String,
    /// The customer that the document is about; found by its unique fields when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// Members that carry another name than their field: an exact JSON pointer into the document, without wildcards, and the field. A
    /// member that is named like a field is a field, mapped or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, String>>,
    /// What to do with texts and numbers that are no field, by their name or by `map`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped: Option<Unmapped>,
    /// Store the customer when nobody matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_missing: Option<bool>,
    /// Whether a customer who is stored may be somebody who was erased: without it they are refused, with the erasure's number.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub again: bool,
    /// The document.
    pub document: Document,
}

/// What happens to texts and numbers of a document that are no field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unmapped {
    /// The request is refused, naming them: nothing personal slips through by oversight.
    #[default]
    Refuse,
    /// They stay as they are.
    Keep,
}

/// The answer to tokenize.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tokenized {
    /// The document in the same shape, with tokens.
    pub document: Document,
    /// The customers it is about.
    pub subjects: Vec<Uuid>,
    /// How many tokens are in it.
    pub tokens: u64,
}

/// `POST /v1/detokenize`: the way back. Texts that are not tokens stay as they are. A token that has the form of a value, such as a card number,
/// is known only by its place: `at` names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DetokenizeRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// Why now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Secret>,
    /// Where tokens stand that cannot be told from values: JSON pointers into the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 2000)]
    pub at: Vec<String>,
    /// Whose tokens those are; a caller that acts for a recipient need not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The document with tokens.
    pub document: Document,
}

/// The answer to detokenize. The event was durable before this was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Detokenized {
    /// The document in the same shape, with values.
    pub document: Document,
    /// How many tokens were in it.
    pub tokens: u64,
    /// Where less than the value is shown: the view, by JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<Views>,
    /// The record of this look.
    pub event: Uuid,
}
