//! The record: who did what to whom and why. An event holds ids, names of fields and purposes, and counts; never a value. Each field has
//! its own view: whoever saw an e-mail address in clear and a name masked did not see both in clear.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{Secret, Time, View};

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"id": "019560f0-3333-7000-8000-000000000001", "kind": "staff", "name": "Support desk"})))]
pub struct Actor {
    /// The principal. Absent for the system itself and for a request that nobody could be matched to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// `staff`, `service`, `auditor`, `system` or `unknown`.
    pub kind: String,
    /// The principal's name, where it still exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// The policy did not allow it.
    Refused,
    /// It was allowed and did not succeed, such as a sealed value that does not open.
    Failed,
}

impl Outcome {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// A field that an act was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"name": "email", "view": "clear"}), json!({"name": "phones"})))]
pub struct TouchedField {
    /// The field; `field` and its number when the charter no longer has it.
    pub name: String,
    /// How it was shown; of several customers, the most that was shown of any. Absent when it was stored or changed and not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

/// One entry of `GET /v1/subjects/{id}/accesses`: somebody looked at or changed this customer. Newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Access {
    /// The event.
    pub event: Uuid,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: Actor,
    /// What, such as `subject.reveal`.
    pub action: String,
    /// For which purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why, in the actor's words. It may name somebody, so it is not printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Secret>,
    /// Which fields, and how each was shown.
    pub fields: Vec<TouchedField>,
    /// For which recipient, for tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// How many things the same act was about, such as the customers of a search or the tokens of a request.
    pub count: u64,
}

/// One entry of `GET /v1/events`, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The event. Ids sort by time.
    pub id: Uuid,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: Actor,
    /// What, such as `subject.reveal`.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// For which purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Whether a reason was given. Its text is sealed and is not listed here.
    #[serde(default)]
    pub reason_given: bool,
    /// How many things it was about: customers, tokens, rows, entries. Which customers is not said here.
    pub count: u64,
    /// Which fields, and how each was shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<TouchedField>,
    /// For which recipient, for tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// What else it was about: a principal, a key, an import, a charter version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The number of an erasure: which was ordered, done or read, or was known of somebody who came again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<u64>,
    /// The policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided_by: Vec<String>,
    /// What was missing, when refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

/// The query of `GET /v1/events`. Unknown parameters are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// How many entries, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only events of this principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// Only events of this action, such as `subject.reveal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}
