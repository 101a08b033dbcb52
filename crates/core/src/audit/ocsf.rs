//! Events as the Open Cybersecurity Schema Framework writes them (OCSF 1.8.0, schema.ocsf.io), for those who watch many systems.
//!
//! A derived view: the log is the truth, and each event says where in it its leaf is (`metadata.uid` is the log's name and the
//! index, `metadata.sequence` the index, `unmapped.leaf` the hash). What is in it is named here one by one, so nothing that an
//! event gets later leaves by itself. People are in it as pseudonyms, actors by their id; no name, no text, no value.
//!
//! Which class an event is of is a match over all that can happen: what comes later does not compile before it is here.

use avouch_policy::{Action, View};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Ending, Event, What};
use crate::app::App;
use crate::ids::PrincipalId;
use crate::ledger::follow::{Placed, Stretch};
use crate::vault::view_of;

/// The version of the schema that is followed.
pub const VERSION: &str = "1.8.0";

/// What is said of every event of a stretch.
pub struct Source<'a> {
    /// The name of the log.
    pub origin: &'a str,
    /// How many leaves a checkpoint covers.
    pub size: u64,
    /// The vault's id.
    pub vault: Uuid,
    /// The version of this program.
    pub version: &'a str,
    /// The names of fields by their numbers.
    pub field: &'a dyn Fn(u32) -> String,
}

impl core::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Source").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// The classes that events of ours are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Event Log Activity.
    EventLog = 1008,
    /// Account Change.
    Account = 3001,
    /// Authentication.
    Authentication = 3002,
    /// Application Lifecycle.
    Lifecycle = 6002,
    /// API Activity.
    Api = 6003,
    /// Datastore Activity.
    Datastore = 6005,
}

impl Class {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::EventLog => ("System Activity", "Event Log Activity"),
            Self::Account => ("Identity & Access Management", "Account Change"),
            Self::Authentication => ("Identity & Access Management", "Authentication"),
            Self::Lifecycle => ("Application Activity", "Application Lifecycle"),
            Self::Api => ("Application Activity", "API Activity"),
            Self::Datastore => ("Application Activity", "Datastore Activity"),
        }
    }
}

/// The class of an event, and which of its activities it is: number and name.
#[must_use]
pub const fn class(what: What) -> (Class, u16, &'static str) {
    use Action as A;
    use Class::{Account, Api, Authentication, Datastore, EventLog, Lifecycle};
    match what {
        What::Act(action) => match action {
            A::SubjectRead | A::SubjectReveal | A::SubjectHistory | A::SubjectExport | A::TokenRead => {
                (Datastore, 1, "Read")
            }
            A::SubjectUpdate | A::SubjectHold | A::SubjectMark => (Datastore, 2, "Update"),
            A::SubjectSearch | A::SubjectAccesses | A::EventSearch => (Datastore, 4, "Query"),
            A::SubjectImport | A::TokenImport => (Datastore, 5, "Write"),
            A::SubjectCreate => (Datastore, 6, "Create"),
            A::SubjectDelete | A::TokenRevoke => (Datastore, 7, "Delete"),
            A::SubjectList => (Datastore, 8, "List"),
            A::TokenCreate | A::TransitEncrypt => (Datastore, 9, "Encrypt"),
            A::TokenDetokenize | A::TransitDecrypt => (Datastore, 10, "Decrypt"),
            A::SystemBackup | A::CharterDraft => (Api, 1, "Create"),
            A::CharterRead
            | A::CharterReplay
            | A::AccessRead
            | A::SessionRead
            | A::AccountRead
            | A::ApprovalRead
            | A::BreakGlassRead
            | A::EventRead
            | A::AlarmRead
            | A::DisclosureRead
            | A::KeyRead
            | A::KeyDrill
            | A::ErasureRead
            | A::SystemStatus
            | A::PolicyExplain
            | A::TieRead
            | A::WatchRead => (Api, 2, "Read"),
            A::TransitManage | A::CharterApply | A::CharterRevert | A::KeyRotate | A::KeyReseal => {
                (Api, 3, "Update")
            }
            // Made, changed or ended, a principal, a key or a group: the event does not say which.
            A::AccessChange | A::AccessProvision => (Account, 99, "Other"),
            A::ApprovalAsk | A::BreakGlassOpen => (Api, 1, "Create"),
            A::BreakGlassClose
            | A::BreakGlassReview
            | A::ApprovalGive
            | A::AlarmClose
            | A::TieWrite
            | A::WatchClose
            | A::AccountAcknowledge => (Api, 3, "Update"),
            A::SessionBegin | A::SessionLend => (Authentication, 1, "Logon"),
            A::SessionEnd => (Authentication, 2, "Logoff"),
            A::AuthenticatorEnrol => (Account, 10, "MFA Factor Enable"),
            A::AuthenticatorRemove => (Account, 11, "MFA Factor Disable"),
        },
        What::VaultCreate => (Lifecycle, 1, "Install"),
        What::VaultOpen => (Lifecycle, 3, "Start"),
        What::VaultClose => (Lifecycle, 4, "Stop"),
        What::VaultRecover => (Lifecycle, 6, "Enable"),
        What::SubjectReseal => (Datastore, 9, "Encrypt"),
        What::SubjectShred | What::ErasureReplay | What::VaultReplay | What::IndexDrop => {
            (Datastore, 7, "Delete")
        }
        What::IndexReady => (Datastore, 6, "Create"),
        What::VaultRestore => (Datastore, 5, "Write"),
        What::BackupMake => (Api, 1, "Create"),
        What::KekDestroy | What::RootForget | What::BackupDrop => (Api, 4, "Delete"),
        What::LogPrune => (EventLog, 2, "Delete"),
        What::LogBegin => (EventLog, 6, "Start"),
        What::AdministratorRecover => (Account, 99, "Other"),
        What::CredentialRefuse | What::CredentialIssue => (Authentication, 1, "Logon"),
        What::AlarmRaise => (Api, 1, "Create"),
        What::MessageDrop => (Api, 4, "Delete"),
        What::CodeSend => (Authentication, 99, "Send a code"),
        What::CredentialEnd => (Authentication, 2, "Logoff"),
        What::CaseOpen => (Api, 1, "Create"),
        What::HoneyTouch => (Datastore, 1, "Read"),
        What::CaseExplain => (Api, 3, "Update"),
    }
}

impl App {
    /// Events of a stretch in this schema, each as one line without its end. `version` is that of the program.
    #[must_use]
    pub fn ocsf_lines(&self, stretch: &Stretch, version: &str) -> Vec<String> {
        let rules = self.rules();
        let field =
            |number: u32| rules.field_name(number).map_or_else(|| format!("field {number}"), str::to_owned);
        let source = Source {
            origin: &stretch.origin,
            size: stretch.size,
            vault: Uuid::from_bytes(self.keys.vault().0),
            version,
            field: &field,
        };
        stretch.items.iter().map(|placed| event(placed, &source).to_string()).collect()
    }
}

/// An event in this schema. One whose name is of a later version than ours is API activity of an unknown kind.
#[must_use]
pub fn event(placed: &Placed, source: &Source<'_>) -> Json {
    let event = &placed.event;
    let (class, activity, activity_name) = What::named(&event.what).map_or((Class::Api, 0, "Unknown"), class);
    let uid = class as u32;
    let (category_name, class_name) = class.names();
    let (severity_id, severity) = severity(event);
    let (status_id, status) = if event.ending == Ending::Done { (1, "Success") } else { (2, "Failure") };
    let (action_id, action, disposition_id, disposition) = match event.ending {
        Ending::Done => (1, "Allowed", 1, "Allowed"),
        Ending::Refused => (2, "Denied", 2, "Blocked"),
        Ending::Failed => (1, "Allowed", 27, "Error"),
    };
    let mut out = members(json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": uid / 1000,
        "category_name": category_name,
        "class_uid": uid,
        "class_name": class_name,
        "type_uid": uid * 100 + u32::from(activity),
        "type_name": format!("{class_name}: {activity_name}"),
        "time": event.at.div_euclid(1000),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "action_id": action_id,
        "action": action,
        "disposition_id": disposition_id,
        "disposition": disposition,
        "metadata": {
            "version": VERSION,
            "product": {"name": "avouch", "vendor_name": "avouch", "version": source.version},
            "profiles": ["security_control"],
            "uid": format!("{}/{}", source.origin, placed.index),
            "sequence": placed.index,
            "tenant_uid": source.vault,
            "log_name": source.origin,
            "event_code": event.what,
            "original_event_uid": placed.id.uuid(),
        },
    }));
    if let Some(problem) = &event.problem {
        out.insert("status_detail".to_owned(), json!(problem));
    }
    out.extend(particulars(class, event, source));
    out.insert("unmapped".to_owned(), Json::Object(unmapped(placed, source)));
    Json::Object(out)
}

/// What a class asks for besides what all have.
fn particulars(class: Class, event: &Event, source: &Source<'_>) -> Map<String, Json> {
    let actor = json!({"user": user(event)});
    // Where from is not in an event: addresses are personal data.
    let from = if is_system(event) { "avouch" } else { "not recorded" };
    let server = json!({"name": "avouch", "uid": source.vault, "version": source.version});
    let service = json!({"name": "avouch", "version": source.version});
    members(match class {
        Class::Datastore => json!({
            "actor": actor,
            "src_endpoint": {"name": from},
            "database": {"name": "avouch", "uid": source.vault, "type_id": 99, "type": "vault"},
        }),
        Class::Api => json!({
            "actor": actor,
            "src_endpoint": {"name": from},
            "api": {"operation": event.what, "service": service},
        }),
        Class::Lifecycle => json!({"app": server}),
        Class::Authentication => json!({"user": user(event), "service": service}),
        Class::Account => {
            let changed = event.objects.first();
            let changed = changed
                .map_or_else(|| json!({"name": "not recorded"}), |id| json!({"uid": Uuid::from_bytes(**id)}));
            json!({"actor": actor, "user": changed, "src_endpoint": {"name": from}})
        }
        Class::EventLog => json!({"actor": actor, "log_name": source.origin, "log_provider": "avouch"}),
    })
}

fn user(event: &Event) -> Json {
    let id = Uuid::from_bytes(*event.actor);
    let mut user = Map::new();
    user.insert("uid".to_owned(), json!(id));
    if is_system(event) {
        user.insert("type_id".to_owned(), json!(3));
        user.insert("type".to_owned(), json!("System"));
    }
    if let Some(credential) = &event.credential {
        user.insert("credential_uid".to_owned(), json!(Uuid::from_bytes(**credential)));
    }
    Json::Object(user)
}

fn is_system(event: &Event) -> bool {
    PrincipalId::from_bytes(*event.actor) == PrincipalId::SYSTEM
}

/// What was not done is worth more of a look, and what should never be most of all.
fn severity(event: &Event) -> (u8, &'static str) {
    let name = |what: What| event.what == what.name();
    match (event.ending, event.problem.as_deref()) {
        (_, Some("integrity")) => (4, "High"),
        _ if name(What::LogBegin) && event.before.is_some() => (4, "High"),
        _ if name(What::HoneyTouch) => (4, "High"),
        _ if name(What::CredentialRefuse) || name(What::VaultRestore) || name(What::VaultRecover) => {
            (3, "Medium")
        }
        (Ending::Refused | Ending::Failed, _) => (2, "Low"),
        (Ending::Done, _) => (1, "Informational"),
    }
}

/// What the schema has no place for.
fn unmapped(placed: &Placed, source: &Source<'_>) -> Map<String, Json> {
    let event = &placed.event;
    let ids = |ids: &[minicbor::bytes::ByteArray<16>]| {
        ids.iter().map(|id| HEXLOWER.encode(&**id)).collect::<Vec<_>>()
    };
    let views = event.views.iter().map(|view| view_of(*view)).chain(core::iter::repeat(None));
    let fields: Vec<Json> = event
        .fields
        .iter()
        .zip(views)
        .map(|(number, view)| match view.filter(|view| *view != View::Nothing) {
            Some(view) => json!({"name": (source.field)(*number), "view": view}),
            None => json!({"name": (source.field)(*number)}),
        })
        .collect();
    let before = event.before.map(
        |before| json!({"log": before.log, "size": before.size, "root": HEXLOWER.encode(&*before.root)}),
    );
    let all = members(json!({
        "leaf": HEXLOWER.encode(&placed.leaf.0),
        "checkpoint_size": source.size,
        "actor": Uuid::from_bytes(*event.actor),
        "charter": event.charter,
        "purpose": event.purpose,
        "recipient": event.recipient,
        "reason_given": event.reason.is_some(),
        "count": event.count,
        "fields": fields,
        "subjects": ids(&event.subjects),
        "objects": event.objects.iter().map(|id| Uuid::from_bytes(**id)).collect::<Vec<_>>(),
        "under": event.under.iter().flatten().map(|id| Uuid::from_bytes(**id)).collect::<Vec<_>>(),
        "key": event.key,
        "erasure": event.erasure,
        "policies": event.policies,
        "needs": event.needs,
        "before": before,
    }));
    let said = |(_, value): &(String, Json)| {
        !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
    };
    all.into_iter().filter(said).collect()
}

fn members(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
