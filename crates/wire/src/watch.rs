//! Who looks at customers without need: ties, which explain a look, cases, which doubt one, and what people see of their own looks.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{Actor, Secret, Time};

/// What somebody has to do with a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TieKind {
    /// A case or ticket. Holds for 30 days when nobody says for how long.
    Case,
    /// An order. Holds for 30 days.
    Order,
    /// A call, a visit, a chat. Holds for a day.
    Contact,
}

/// `POST /v1/subjects/{id}/ties`. Of `actor` and `team` at most one; without either it is everybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"kind": "case", "actor": "0193a5b2-0000-7000-8000-000000000001", "reference": "4711"})))]
pub struct TieRequest {
    /// What it is.
    pub kind: TieKind,
    /// Whose tie it is: one person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// Or everybody's who reports to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Uuid>,
    /// From when on; now when absent. A program may say a moment up to 7 days back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<Time>,
    /// Until when, at most 400 days later; as long as its kind mostly lasts when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Time>,
    /// Its number where the case is kept, in 1 to 60 characters. No name: it is read by whoever may read ties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A tie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tie {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: TieKind,
    /// Whose: one person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// Or everybody's who reports to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Uuid>,
    /// From when on.
    pub begins: Time,
    /// Until when.
    pub ends: Time,
    /// Its number elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who has told it.
    pub made_by: Actor,
    /// When.
    pub made: Time,
}

/// How another system knows a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectKey {
    /// A field of which no two customers have the same value.
    pub field: String,
    /// The value.
    pub value: Value,
}

/// One of many ties: of a customer by id, or by a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TieItem {
    /// The customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// Or how another system knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SubjectKey>,
    /// What it is.
    pub kind: TieKind,
    /// As in [`TieRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// As in [`TieRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Uuid>,
    /// As in [`TieRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<Time>,
    /// As in [`TieRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Time>,
    /// As in [`TieRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// `POST /v1/ties`: 1 to 500 ties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TiesRequest {
    /// The ties.
    pub items: Vec<TieItem>,
}

/// What became of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TiesTold {
    /// How many hold.
    pub told: usize,
    /// The others.
    pub problems: Vec<TieProblem>,
}

/// Why one does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TieProblem {
    /// Its place in the request, from 0.
    pub item: usize,
    /// What is wrong.
    pub detail: String,
}

/// How far a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchState {
    /// It waits for a day, until late contacts have been logged.
    Waiting,
    /// It is a reviewer's.
    Open,
    /// It was looked into, or has explained itself.
    Closed,
    /// The day had others that were worth more of a reviewer's time.
    Passed,
}

/// What a case has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchOutcome {
    /// There was need.
    Explained,
    /// There was none, and it was a mistake.
    Mistake,
    /// There was none: it is for the company's own procedure now.
    Unjustified,
    /// It is this person's work now.
    NewWork,
}

/// Looks that are worth a reviewer's minutes: a doubt, and no finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WatchCase {
    /// Its id.
    pub id: Uuid,
    /// How far it is.
    pub state: WatchState,
    /// About whom.
    pub actor: Actor,
    /// The day.
    pub day: String,
    /// Which rules: `honey`, `household`, `colleague`, `vip`, `stalking`, `volume`, `slow`, `hours` or `place`.
    pub family: String,
    /// What these rules say, from 0 to 1.
    pub score: f64,
    /// What all rules say of the day.
    pub day_score: f64,
    /// In how many visits.
    pub times: u32,
    /// What was counted.
    pub reasons: Vec<String>,
    /// The first of its looks.
    pub events: Vec<Uuid>,
    /// When it was opened.
    pub opened: Time,
    /// What it has come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<WatchOutcome>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Secret>,
    /// Who has closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Time>,
}

/// Which cases are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WatchQuery {
    /// Entries of this page, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only of this family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Only in this state; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<WatchState>,
}

/// `POST /v1/watch/cases/{id}/close`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchClose {
    /// What it has come to.
    pub outcome: WatchOutcome,
    /// Why, in 3 to 500 characters.
    pub why: Secret,
}

/// A look of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnAccess {
    /// The record of it.
    pub event: Uuid,
    /// When.
    pub at: Time,
    /// What one did.
    pub action: String,
    /// For which purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why, in one's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Secret>,
    /// With which fields.
    pub fields: Vec<String>,
    /// How many customers it showed.
    pub count: u64,
}

/// A page of one's own looks, and that they are watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnAccesses {
    /// Newest first.
    pub items: Vec<OwnAccess>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// What is watched, and what is not done with it.
    pub monitoring: String,
    /// When one has said that one knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Time>,
}

/// That one knows that one's looks are watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// Since when.
    pub acknowledged: Time,
}
