//! What somebody may do only when others have agreed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Fields, Secret, Time};

/// `POST /v1/approvals`: asks for others' word on one act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "approval": "well_known", "action": "subject.reveal", "purpose": "support", "subject": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874",
    "fields": ["email"], "reason": "she has called about order 4711", "case_reference": "4711"
})))]
pub struct ApprovalRequest {
    /// Which of the charter's approvals, as the refusal has named it.
    pub approval: String,
    /// What is to be done.
    pub action: String,
    /// For which purpose.
    pub purpose: String,
    /// On which customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// On whoever this search finds, for `subject.search`: the same search, letter by letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<ApprovalSearch>,
    /// On everybody, for `subject.export` and `subject.list`.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub everybody: bool,
    /// Which fields are to be opened: these and no others will be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Why, in 3 to 500 characters: those who are to agree read it.
    pub reason: Secret,
    /// The case, order or ticket it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// For how many minutes; without it for as long as the charter says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// For how many customers; without it for one. Of a search, a list or an export each that is shown is taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<u32>,
}

/// A search as it is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalSearch {
    /// As in a search.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub by: Fields,
    /// As in a search.
    #[serde(rename = "match", default, skip_serializing_if = "Fields::is_empty")]
    pub like: Fields,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// Others have yet to agree.
    Asked,
    /// All have.
    Granted,
    /// Somebody has not.
    Refused,
    /// Whoever asked has taken it back.
    Cancelled,
}

/// A request that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalAsked {
    /// Its id.
    pub id: Uuid,
}

/// A request, as whoever asked and those who are to agree see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Its id.
    pub id: Uuid,
    /// Who asks.
    pub requester: Uuid,
    /// By name.
    pub requester_name: String,
    /// How far it is.
    pub state: ApprovalState,
    /// The charter's approval.
    pub approval: String,
    /// What it is called.
    pub title: String,
    /// What is to be done.
    pub action: String,
    /// For which purpose.
    pub purpose: String,
    /// On which customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// On everybody.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub everybody: bool,
    /// On whoever a search finds: by these fields, or parts of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched_by: Vec<String>,
    /// How many customers that were at most when it was asked for; for those who have a word on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<u64>,
    /// What whoever asks has looked at in the last 30 days; where it waits for whoever reads this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recently: Option<ApprovalRecently>,
    /// The draft of a charter that is to be put in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Uuid>,
    /// With which fields.
    pub fields: Vec<String>,
    /// Why.
    pub reason: Secret,
    /// The case it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// Since when.
    pub asked: Time,
    /// Until when it can be agreed to, or, once it is, until when it holds.
    pub until: Time,
    /// For how many minutes it holds.
    pub minutes: u32,
    /// For how many customers more.
    pub remaining: i64,
    /// Who has spoken.
    pub votes: Vec<ApprovalVote>,
    /// Who is still to agree.
    pub wanting: Vec<ApprovalWanting>,
    /// Whether it waits for whoever reads this.
    pub mine_to_give: bool,
}

/// What somebody has looked at in the last 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalRecently {
    /// How many different customers.
    pub customers: u64,
    /// How many values in clear.
    pub clear_values: u64,
    /// That it was more: only the newest 2,000 acts are counted.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub and_more: bool,
}

/// Somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalVote {
    /// Who, by name.
    pub name: String,
    /// The role in which they spoke.
    pub role: String,
    /// Whether they agree.
    pub agrees: bool,
    /// When.
    pub at: Time,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Secret>,
}

/// A role of which somebody is still to agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalWanting {
    /// The role.
    pub role: String,
    /// How many of it.
    pub count: usize,
}

/// `POST /v1/approvals/{id}/word`: one's word on what somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"agrees": true})))]
pub struct ApprovalWord {
    /// Whether one agrees.
    pub agrees: bool,
    /// Why, in 3 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Secret>,
}

/// How far a request is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalSpoken {
    /// How far.
    pub state: ApprovalState,
}

/// `PUT /v1/subjects/{id}/mark`: what is special about a customer. `{}` takes the mark away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"tier": 1})))]
pub struct SubjectMark {
    /// How delicate it is that somebody looks at them at all, 0 to 3.
    #[serde(default)]
    #[schema(maximum = 3)]
    pub tier: u8,
    /// Who they are, when they work here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colleague: Option<Uuid>,
    /// Whether they are nobody: a record that no work leads to. Whoever looks at it has a case at once; nobody sees that it is one.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub honey: bool,
}
