//! The charter over the wire: what is in force, what was, and what a change would do. The charter holds rules and names, no customer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{PrincipalKind, Time, View};

/// `GET /v1/charter`: the version in force, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterView {
    /// The version, from 1.
    pub version: u64,
    /// SHA-256 over its files, as hex.
    pub digest: String,
    /// Since when.
    pub applied: Time,
    /// By whom; absent for the first one, which came with the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_by: Option<Uuid>,
    /// The fields of a customer.
    pub fields: Vec<CharterField>,
    /// Fields that are searched together.
    pub compounds: Vec<CharterCompound>,
    /// What for.
    pub purposes: Vec<CharterPurpose>,
    /// To whom.
    pub recipients: Vec<CharterRecipient>,
    /// Who here.
    pub roles: Vec<CharterRole>,
}

/// A field of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "name": "email", "title": "E-mail address", "type": "email", "list": false, "required": true,
    "category": "contact", "sensitivity": "ordinary", "class": "customer", "index": true, "unique": true
})))]
pub struct CharterField {
    /// The name in `fields`.
    pub name: String,
    /// For people.
    pub title: String,
    /// The type, such as `email`.
    #[serde(rename = "type")]
    pub of: String,
    /// Whether it holds several values, as an array.
    pub list: bool,
    /// Whether every customer must have it.
    pub required: bool,
    /// The category, such as `contact`.
    pub category: String,
    /// `ordinary`, `delicate` or `special`.
    pub sensitivity: String,
    /// The retention class.
    pub class: String,
    /// Whether it can be searched.
    #[serde(default)]
    pub index: bool,
    /// Whether no two customers may share a value.
    #[serde(default)]
    pub unique: bool,
    /// How it is searched beside its exact value: `prefix`, `fuzzy`, `range`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
}

/// Fields that are searched together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterCompound {
    /// The name.
    pub name: String,
    /// For people.
    pub title: String,
    /// Fields, or parts of them, such as `birth_date.year`.
    pub of: Vec<String>,
}

/// A blind index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterIndex {
    /// Its number, given once.
    pub number: u32,
    /// The field or compound that it is of.
    pub name: String,
    /// `exact`, `prefix`, `fuzzy`, `range` or `compound`.
    pub how: String,
    /// `building` until it is whole, `ready`, or `going` when it is not wanted any more.
    pub state: String,
    /// How long its terms are.
    pub bits: u8,
    /// Whether no two customers may share a value.
    pub unique: bool,
    /// The epoch of the root that its key is derived from.
    pub epoch: u32,
    /// Customers that the building has looked at.
    pub done: u64,
    /// Customers there are.
    pub subjects: u64,
    /// Customers that could not be opened, and are not found by it.
    pub damaged: u64,
    /// Customers found to share a value although the field is unique: they had it before it was.
    pub shared: u64,
    /// The first 100 of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sharing: Vec<Uuid>,
}

/// A purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterPurpose {
    /// The name that requests state.
    pub name: String,
    /// For people.
    pub title: String,
    /// The legal basis, such as `contract`.
    pub legal_basis: String,
    /// The fields it may touch.
    pub fields: Vec<String>,
    /// Whether a look in clear needs a reason.
    pub reason_required: bool,
}

/// A recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterRecipient {
    /// The name, which is also the namespace of its tokens.
    pub name: String,
    /// For people.
    pub title: String,
    /// `processor` or `controller`.
    pub kind: String,
    /// Where, as ISO 3166-1 alpha-2.
    pub country: String,
    /// What for.
    pub purposes: Vec<String>,
    /// Which fields.
    pub fields: Vec<String>,
    /// Which tokens it is given, field by field.
    pub tokens: Vec<CharterTokens>,
}

/// Which tokens a recipient is given of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterTokens {
    /// The field.
    pub field: String,
    /// `pointer`, `random`, `value`, `format`, `format_value` or `one_way`.
    pub kind: String,
    /// How long after its making a token can be turned back, such as `30 days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// How often it can be turned back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Whether a token in the form of a card number passes the check of card numbers.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub luhn_valid: bool,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterRole {
    /// The name.
    pub name: String,
    /// For people.
    pub title: String,
    /// What kind of principal may hold it.
    pub holder: PrincipalKind,
    /// What it may do.
    pub actions: Vec<String>,
    /// What for.
    pub purposes: Vec<String>,
    /// What it sees.
    pub sees: Vec<CharterSight>,
}

/// What a role sees of some fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterSight {
    /// Which fields.
    pub fields: Vec<String>,
    /// What a read shows.
    pub reads: View,
    /// The most a reveal shows.
    pub reveals: View,
}

/// One entry of `GET /v1/charter/versions`, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterSummary {
    /// The version.
    pub version: u64,
    /// SHA-256 over its files, as hex.
    pub digest: String,
    /// Since when.
    pub applied: Time,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_by: Option<Uuid>,
    /// What it changed, in a line.
    pub summary: String,
}

/// `GET /v1/charter/versions/{n}`: a version with its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterSources {
    /// The version and its circumstances.
    #[serde(flatten)]
    pub about: CharterSummary,
    /// The files as applied.
    pub files: Vec<CharterFile>,
}

/// A file of the charter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CharterFile {
    /// Relative to the charter's folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// `POST /v1/charter/plan`: what would these files change?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CharterPlan {
    /// The whole charter.
    pub files: Vec<CharterFile>,
}

/// The answer to plan. With problems there are no changes, and apply would refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterPlanned {
    /// The version in force that this was compared with; send it with apply.
    pub base_version: u64,
    /// What would change.
    pub changes: Vec<CharterChange>,
    /// What must be mended first.
    pub problems: Vec<CharterProblem>,
    /// What deserves a second look.
    pub warnings: Vec<CharterProblem>,
    /// How many stored customers have a value in a field that changes.
    pub subjects_affected: u64,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterChange {
    /// What kind, such as `field.added`.
    pub kind: String,
    /// What it concerns.
    pub what: String,
    /// What it does, in plain words.
    pub effect: String,
    /// Whether it shows more, keeps longer or loses data.
    pub danger: bool,
}

/// A fault in the charter's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterProblem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// `POST /v1/charter/apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CharterApply {
    /// The whole charter.
    pub files: Vec<CharterFile>,
    /// The version that the plan was made against; another one in force is a `conflict`.
    pub base_version: u64,
}

/// The answer to apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterApplied {
    /// The version now in force.
    pub version: u64,
}
