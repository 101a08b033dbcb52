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
    /// The number of the log it is in. Absent while it waits for its place, which takes a second or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
    /// Which leaf of that log it is: with this, its proof can be asked for and checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
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
    /// What else it was about: a principal, a key, an import, a charter version, a standalone key by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The number of an erasure: which was ordered, done or read, or was known of somebody who came again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<u64>,
    /// What it was allowed by that no role is: approvals, broken glass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under: Vec<Uuid>,
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
    /// Only events for this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Only events for this recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Only events that ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Only events from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Only events before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Events of this log in its order, the oldest first, as far as a checkpoint covers them. Then `next_cursor` is always there and
    /// leads to what comes later, in this log and in those after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
    /// With `log`: only events behind this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// `POST /v1/events/search`: the events about one customer. Itself an event about them; purpose and reason are stated in headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"subject": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874", "action": "subject.reveal", "since": "2026-03-01T00:00:00.000000Z"})))]
pub struct EventSearch {
    /// Whom they are about.
    pub subject: Uuid,
    /// How many entries, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
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
    /// Only events for this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Only events for this recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Only events that ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Only events from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Only events before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// How events are written for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventFormat {
    /// Each as `GET /v1/events` lists it, without names of actors, with the hash of its leaf.
    #[default]
    Jsonl,
    /// Each in the Open Cybersecurity Schema Framework, version 1.8.0.
    Ocsf,
}

impl EventFormat {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Ocsf => "ocsf",
        }
    }
}

/// The query of `GET /v1/events/export`. Unknown parameters are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventExportQuery {
    /// `jsonl`, which it is when absent, or `ocsf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub format: Option<EventFormat>,
    /// The number of the log; the first one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
    /// Only events behind this index of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// How many events, 1 to 1000, which it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// One line of an export of events as JSON Lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventLine {
    /// The name of the log; with the index, it names this event for ever.
    pub origin: String,
    /// SHA-256 of the leaf, in hexadecimal: the log's tiles have it at this index.
    pub leaf: String,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// The query of `GET /v1/disclosures`. Unknown parameters are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DisclosureQuery {
    /// Only to this recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// From this moment on; from the beginning when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Before this moment; until now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// `GET /v1/disclosures`: what recipients were given in a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disclosures {
    /// One for each recipient, purpose, field and way of showing it, in this order.
    pub items: Vec<Disclosure>,
    /// There: only what was before this moment is counted, as one request counts half a million events. Ask again with this as
    /// `since` for the rest; how many customers there were in all cannot be added up then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
}

/// One field that a recipient was given for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disclosure {
    /// Who was given it.
    pub recipient: String,
    /// For which purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The field; `field` and its number when the charter no longer has it.
    pub field: String,
    /// `token`: tokens were made that lead to it. Anything else: so it was shown.
    pub view: View,
    /// How many events.
    pub events: u64,
    /// How many customers these were about; at most, where an event was about several customers and fields.
    pub customers: u64,
    /// The first of the events.
    pub first: Time,
    /// The last of them.
    pub last: Time,
}
