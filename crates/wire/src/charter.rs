//! The charter over the wire: what is in force, what was, and what a change would do. The charter holds rules and names, no customer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{ApprovalState, PrincipalKind, Secret, Time, View};

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

/// `POST /v1/charter/drafts`: keeps a charter that is not in force yet, and asks those who have to agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CharterDraftRequest {
    /// The whole charter.
    pub files: Vec<CharterFile>,
    /// Why, in 3 to 500 characters: those who are to agree read it.
    pub why: Secret,
}

/// A charter that is not in force yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterDraft {
    /// Its id.
    pub id: Uuid,
    /// The version that it was checked against, and would follow.
    pub base_version: u64,
    /// Whether another version has come into force since: then it is drafted again.
    pub stale: bool,
    /// Since when.
    pub created: Time,
    /// Who drafted it, and alone puts it in force.
    pub author: Uuid,
    /// By name.
    pub author_name: String,
    /// A digest of its files: the version that it becomes has the same.
    pub digest: String,
    /// Why.
    pub why: Secret,
    /// How much it changes.
    pub changes: usize,
    /// How much of that is to be thought about twice.
    pub dangers: usize,
    /// Who was asked to agree. Nobody: no word of others is wanted, or nobody is there to give it.
    pub approvals: Vec<CharterDraftApproval>,
}

/// A request for others' word on a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterDraftApproval {
    /// The request, under `/v1/approvals`.
    pub id: Uuid,
    /// How far it is; absent when it is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ApprovalState>,
    /// Until when it can be agreed to or, once it is, until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// A draft with all that is to be known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterDraftView {
    /// Its circumstances.
    #[serde(flatten)]
    pub draft: CharterDraft,
    /// What it changes of the charter in force.
    pub changed: Vec<CharterChange>,
    /// What keeps it from being put in force now.
    pub problems: Vec<CharterProblem>,
    /// What deserves a second look.
    pub warnings: Vec<CharterProblem>,
    /// How many customers are stored.
    pub subjects: u64,
    /// The files.
    pub files: Vec<CharterFile>,
}

/// `POST /v1/charter/roll-back`: puts the version before the one in force back in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"base_version": 4})))]
pub struct CharterRollBack {
    /// The version in force that is to go; another one in force is a `conflict`.
    pub base_version: u64,
}

/// `POST /v1/charter/drafts/{id}/replay`: what was decided in the last days, decided again under the draft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"days": 30})))]
pub struct CharterReplayRequest {
    /// Of how many days, at most 366; without it, 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 366)]
    pub days: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of the past, decided again. Pages add up: alike changes of two pages are one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterReplay {
    /// From when on.
    pub since: Time,
    /// The version in force that it was compared with.
    pub base_version: u64,
    /// Events looked at.
    pub looked_at: u64,
    /// Decisions that stay as they were.
    pub same: u64,
    /// Who gains and who loses, the most frequent first.
    pub changes: Vec<CharterReplayChange>,
    /// Decisions that change and found no place in the list.
    pub more: u64,
    /// What could not be decided again, by cause.
    pub left_out: CharterReplayLeftOut,
    /// Where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Decisions that were alike, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterReplayChange {
    /// Whose.
    pub principal: Uuid,
    /// By name.
    pub name: String,
    /// The roles held now.
    pub roles: Vec<String>,
    /// What was done, or tried.
    pub action: String,
    /// For which purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Which field; absent where it is about the act as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What becomes of it.
    pub becomes: CharterReplayBecomes,
    /// How it was shown, where it is shown in another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<View>,
    /// How it would be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_be: Option<View>,
    /// How many decisions.
    pub times: u64,
    /// When the last of them was.
    pub last: Time,
}

/// What becomes of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CharterReplayBecomes {
    /// It was allowed and would be refused.
    Refused,
    /// It was refused and would be allowed.
    Allowed,
    /// The field would be shown less.
    Less,
    /// The field would be shown more.
    More,
}

/// What could not be decided again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterReplayLeftOut {
    /// Of the system itself, which no charter binds.
    pub system: u64,
    /// It failed, so that the event does not say what policy had said.
    pub failed: u64,
    /// The facts of the moment were not kept.
    pub facts_not_kept: u64,
    /// Whoever asked is gone.
    pub gone: u64,
    /// Refused for a limit per day, or a question why: no charter is asked for these again.
    pub other_cause: u64,
    /// The charter in force decides otherwise today: roles, rules or purposes have changed since.
    pub otherwise_today: u64,
}
