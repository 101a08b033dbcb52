//! Samples of every event against what the published schema asks of its class (github.com/ocsf/ocsf-schema, tag 1.8.0).

use avouch_ledger::hash::Hash;

use super::*;
use crate::audit::{Written, system};
use crate::ids::EventId;

/// A class of the schema: its number, what it requires besides what all require, of which at least one is there, and what else of
/// ours it knows; and its activities. From `events/**/*.json`.
struct Rule {
    class: u64,
    required: &'static [&'static str],
    one_of: &'static [&'static str],
    known: &'static [&'static str],
    activities: &'static [u64],
}

const RULES: &[Rule] = &[
    Rule {
        class: 1008,
        required: &[],
        one_of: &["log_file", "log_name", "log_provider", "log_type", "log_type_id"],
        known: &["actor"],
        activities: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    },
    Rule {
        class: 3001,
        required: &["user"],
        one_of: &["user"],
        known: &["actor", "src_endpoint"],
        activities: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    },
    Rule {
        class: 3002,
        required: &["user"],
        one_of: &["service", "dst_endpoint"],
        known: &["actor"],
        activities: &[1, 2, 3, 4, 5, 6, 7],
    },
    Rule {
        class: 6002,
        required: &["app"],
        one_of: &["app"],
        known: &[],
        activities: &[1, 2, 3, 4, 5, 6, 7, 8],
    },
    Rule {
        class: 6003,
        required: &["actor", "api", "src_endpoint"],
        one_of: &["api"],
        known: &["resources"],
        activities: &[1, 2, 3, 4],
    },
    Rule {
        class: 6005,
        required: &["actor", "src_endpoint"],
        one_of: &["database", "databucket", "table"],
        known: &[],
        activities: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    },
];

/// Of `events/base_event.json`.
const REQUIRED: &[&str] =
    &["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"];
const KNOWN: &[&str] = &[
    "activity_name",
    "category_name",
    "class_name",
    "severity",
    "status",
    "status_detail",
    "status_id",
    "type_name",
    "unmapped",
];
/// Of `profiles/security_control.json`.
const PROFILE: &[&str] = &["action", "action_id", "disposition", "disposition_id"];

type Names = &'static [&'static str];

/// Of objects: what is required, at least one of which is there, and what they know of ours.
const OBJECTS: &[(&str, Names, Names, Names)] = &[
    ("actor", &[], &["user"], &[]),
    ("user", &[], &["account", "name", "uid"], &["credential_uid", "type", "type_id"]),
    ("api", &["operation"], &["operation"], &["service"]),
    ("database", &["type_id"], &["name", "uid"], &["type"]),
    ("app", &[], &["name", "uid"], &["version"]),
    ("service", &[], &["name", "uid"], &["version"]),
    ("product", &[], &["name", "uid"], &["vendor_name", "version"]),
    ("src_endpoint", &[], &["ip", "uid", "name"], &[]),
    (
        "metadata",
        &["product", "version"],
        &["uid"],
        &["profiles", "sequence", "tenant_uid", "log_name", "event_code", "original_event_uid"],
    ),
];

fn holds(json: &Json, required: &[&str], one_of: &[&str], known: &[&[&str]]) {
    let members = json.as_object().expect("an object");
    assert!(required.iter().all(|name| members.contains_key(*name)), "{required:?} of {json:#}");
    assert!(one_of.iter().any(|name| members.contains_key(*name)), "one of {one_of:?} of {json:#}");
    for (name, member) in members {
        let known = [required, one_of].into_iter().chain(known.iter().copied()).flatten();
        assert!(known.into_iter().any(|known| known == name), "the schema has no `{name}` in {json:#}");
        if let Some((_, required, one_of, known)) = OBJECTS.iter().find(|(object, ..)| object == name) {
            holds(member, required, one_of, &[known]);
        }
    }
}

fn valid(json: &Json) {
    let number = |name: &str| json[name].as_u64().expect("a number");
    let rule = RULES.iter().find(|rule| rule.class == number("class_uid")).expect("a class of the list");
    holds(json, rule.required, rule.one_of, &[REQUIRED, KNOWN, PROFILE, rule.known]);
    assert!(REQUIRED.iter().all(|name| json.get(*name).is_some()), "{json:#}");
    let activity = number("activity_id");
    assert!(activity == 0 || activity == 99 || rule.activities.contains(&activity), "{json:#}");
    assert_eq!(number("category_uid"), rule.class / 1000);
    assert_eq!(number("type_uid"), rule.class * 100 + activity);
    assert!((1..=6).contains(&number("severity_id")) && (1..=2).contains(&number("status_id")));
    assert!([1, 2].contains(&number("action_id")) && [1, 2, 27].contains(&number("disposition_id")));
    assert_eq!(json["metadata"]["version"], "1.8.0");
    assert_eq!(json["metadata"]["profiles"], json!(["security_control"]));
}

fn written(event: Event) -> Json {
    let field = |number: u32| format!("field {number}");
    let source = Source {
        origin: "avouch/00000000-0000-0000-0000-000000000001/log/1",
        size: 12,
        vault: Uuid::from_u128(1),
        version: "0.1.0",
        field: &field,
    };
    let placed = Placed { index: 7, id: EventId::from_int(event.id), leaf: Hash([0xab; 32]), event };
    super::event(&placed, &source)
}

fn full(what: What, ending: Ending) -> Event {
    let problem = (ending != Ending::Done).then(|| "denied-by-policy".to_owned());
    Event {
        ending,
        problem,
        actor: [2; 16].into(),
        credential: Some([3; 16].into()),
        purpose: Some("order_fulfilment".to_owned()),
        policies: vec!["role:shop".to_owned()],
        needs: vec!["reason".to_owned()],
        subjects: vec![[0x77; 16].into()],
        fields: vec![3],
        views: vec![4],
        count: 1,
        written: vec![Written { digest: [9; 32].into(), version: 1, whose: Some(0) }],
        reason: Some([9; 32].into()),
        recipient: Some("parcels".to_owned()),
        objects: vec![[5; 16].into()],
        key: Some("orders".to_owned()),
        erasure: Some(3),
        ..system(EventId::first_at(1_700_000_000_123_456), what, 1_700_000_000_123_456, 1)
    }
}

#[test]
fn every_event_there_can_be_is_what_the_schema_asks_for() {
    for what in What::all() {
        for ending in [Ending::Done, Ending::Refused, Ending::Failed] {
            valid(&written(full(what, ending)));
        }
        valid(&written(system(EventId::from_int(5), what, 0, 1)));
    }
}

#[test]
fn what_a_later_version_calls_by_a_name_of_its_own_is_not_lost() {
    let event = Event { what: "moon.walk".to_owned(), ..full(What::VaultOpen, Ending::Done) };
    let json = written(event);
    valid(&json);
    assert_eq!((&json["type_uid"], &json["metadata"]["event_code"]), (&json!(600_300), &json!("moon.walk")));
}

#[test]
fn a_token_that_was_turned_back() {
    let event = full(What::Act(Action::TokenDetokenize), Ending::Done);
    insta::assert_snapshot!(format!("{:#}", written(event)));
}

#[test]
fn somebody_who_was_kept_out() {
    let mut event = system(EventId::from_int(5), What::CredentialRefuse, 1_700_000_000_123_456, 1);
    (event.ending, event.problem) = (Ending::Refused, Some("not-authenticated".to_owned()));
    let json = written(event);
    assert_eq!(json["type_uid"], 300_201);
    assert_eq!(
        (&json["status"], &json["action"], &json["severity"]),
        (&json!("Failure"), &json!("Denied"), &json!("Medium"))
    );
}
