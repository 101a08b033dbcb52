//! Alarms: what happened that somebody has to look at.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{Secret, Time};

/// `GET /v1/alarms`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlarmQuery {
    /// How many entries, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `true`: only those that nobody has closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
}

/// What an alarm says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// Its id.
    pub id: Uuid,
    /// What it is of.
    pub kind: String,
    /// The same as a sentence.
    pub about: String,
    /// When it was raised.
    pub at: Time,
    /// How often it has happened: the same again on one day is counted here.
    pub times: i64,
    /// When it happened last.
    pub last: Time,
    /// By whose doing.
    pub principal: Uuid,
    /// By name.
    pub principal_name: String,
    /// At whom, where it is about one customer who is still here.
    pub subject: Option<Uuid>,
    /// What else there is to know.
    pub detail: String,
    /// How it was closed.
    pub closed: Option<AlarmClosed>,
}

/// How an alarm was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmClosed {
    /// When.
    pub at: Time,
    /// By whom, by name.
    pub by: String,
    /// As what.
    pub outcome: AlarmOutcome,
    /// Why.
    pub why: Secret,
}

/// As what an alarm is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmOutcome {
    /// It was nothing.
    FalseAlarm,
    /// It was looked into, and is as it should be now.
    Handled,
    /// It is an incident.
    Incident,
}

/// `POST /v1/alarms/{id}/close`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"outcome": "handled", "why": "their office has moved, and the new network is in the contract"})))]
pub struct AlarmClose {
    /// As what.
    pub outcome: AlarmOutcome,
    /// Why: 3 to 500 characters.
    pub why: Secret,
}
