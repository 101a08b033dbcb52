//! Breaking the glass: looking in an emergency without anybody's word, and answering for it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Outcome, Secret, Time, TouchedField};

/// `POST /v1/break-glass`: breaks the glass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"reason": "the ward calls: she is unconscious and nobody answers"})))]
pub struct BreakGlassRequest {
    /// Which of one's roles that sleep; not needed by whoever holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Why, in 20 to 500 characters: somebody reviews it.
    pub reason: Secret,
    /// For how many minutes; without it for as long as the charter says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
}

/// A glass that was just broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlassOpened {
    /// Its id: each look behind it names it in its event.
    pub id: Uuid,
    /// Until when.
    pub until: Time,
    /// How many customers may be looked at.
    pub customers: u32,
    /// Until when it is to be reviewed.
    pub due: Time,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BreakGlassState {
    /// It is broken.
    Open,
    /// It waits for its review.
    Waiting,
    /// It waits for too long: nobody breaks any until somebody has reviewed it.
    Overdue,
    /// It had to be.
    Justified,
    /// It had not to be.
    Unjustified,
}

impl BreakGlassState {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Overdue => "overdue",
            Self::Justified => "justified",
            Self::Unjustified => "unjustified",
        }
    }
}

/// What a review comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BreakGlassOutcome {
    /// It had to be.
    Justified,
    /// It had not to be: that is an alarm.
    Unjustified,
}

/// A broken glass, as whoever broke it and those who review it see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlass {
    /// Its id.
    pub id: Uuid,
    /// Who has broken it.
    pub principal: Uuid,
    /// By name.
    pub principal_name: String,
    /// The role that it has woken.
    pub role: String,
    /// What that is called.
    pub title: String,
    /// Why.
    pub reason: Secret,
    /// How far it is.
    pub state: BreakGlassState,
    /// Since when.
    pub opened: Time,
    /// Until when it is or was broken.
    pub until: Time,
    /// Until when it is to be reviewed.
    pub due: Time,
    /// How many customers were shown behind it.
    pub customers: usize,
    /// How many may be.
    pub most: u32,
    /// What somebody has said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<BreakGlassReviewed>,
    /// Whether it waits for whoever reads this.
    pub mine_to_review: bool,
    /// Whether it is one's own.
    pub own: bool,
}

/// What somebody has said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlassReviewed {
    /// Who, by name.
    pub by: String,
    /// When.
    pub at: Time,
    /// What it was.
    pub outcome: BreakGlassOutcome,
    /// Why.
    pub why: Secret,
}

/// `POST /v1/break-glass/{id}/review`: says whether it was right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"outcome": "justified", "why": "the ward has confirmed it"})))]
pub struct BreakGlassReview {
    /// What it was.
    pub outcome: BreakGlassOutcome,
    /// Why, in 3 to 500 characters.
    pub why: Secret,
}

/// Something that was done under others' word, or behind broken glass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Work {
    /// The event.
    pub event: Uuid,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: Uuid,
    /// By name.
    pub actor_name: String,
    /// What, such as `subject.reveal`.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// For which purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why, in the actor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Secret>,
    /// Which fields, and how each was shown.
    pub fields: Vec<TouchedField>,
    /// How many customers.
    pub count: u64,
    /// Which, as far as that is kept and they are still here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<Uuid>,
}
