//! The steps one by one, and the habits of those who send them.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{GROUP, USER};

fn user() -> Value {
    json!({
        "userName": "ada",
        "name": {"givenName": "Ada", "familyName": "L"},
        "active": true,
        "emails": [{"type": "work", "value": "w@example.com", "primary": true}, {"type": "home", "value": "h@example.com"}],
    })
}

fn patched(schema: &'static Schema, resource: Value, operations: Value) -> Result<Value, Kind> {
    let Value::Object(mut resource) = resource else { panic!("an object") };
    let body = json!({"schemas": [crate::PATCH], "Operations": operations});
    let patch = Patch::read(&body, schema).map_err(|flaw| flaw.kind)?;
    patch.apply(&mut resource).map_err(|flaw| flaw.kind)?;
    Ok(Value::Object(resource))
}

#[track_caller]
fn changes(operation: Value, at: &str, to: Value) {
    let changed = patched(&USER, user(), json!([operation])).unwrap();
    assert_eq!(changed.pointer(at).cloned().unwrap_or_default(), to, "{operation}");
}

#[test]
fn add_replace_and_remove_do_what_the_rfc_says() {
    let work = "emails[type eq \"work\"]";
    changes(json!({"op": "add", "path": "displayName", "value": "A"}), "/displayName", json!("A"));
    changes(
        json!({"op": "add", "value": {"displayName": "A", "externalId": "1"}}),
        "/externalId",
        json!("1"),
    );
    changes(
        json!({"op": "add", "path": "name", "value": {"formatted": "A L"}}),
        "/name/givenName",
        json!("Ada"),
    );
    changes(
        json!({"op": "replace", "path": "name.familyName", "value": "K"}),
        "/name/familyName",
        json!("K"),
    );
    changes(json!({"op": "remove", "path": "name.familyName"}), "/name", json!({"givenName": "Ada"}));
    changes(json!({"op": "remove", "path": "name"}), "/name", Value::Null);
    changes(json!({"op": "remove", "path": "emails"}), "/emails", Value::Null);
    changes(json!({"op": "replace", "path": "emails", "value": []}), "/emails", Value::Null);
    changes(
        json!({"op": "remove", "path": work}),
        "/emails",
        json!([{"type": "home", "value": "h@example.com"}]),
    );
    changes(json!({"op": "remove", "path": "emails[type eq \"other\"]"}), "/emails/1/type", json!("home"));
    changes(
        json!({"op": "replace", "path": format!("{work}.value"), "value": "n@example.com"}),
        "/emails/0/value",
        json!("n@example.com"),
    );
    changes(
        json!({"op": "replace", "path": work, "value": {"value": "n@example.com"}}),
        "/emails/0/type",
        json!("work"),
    );
    let second =
        json!({"op": "add", "path": "emails", "value": [{"value": "3@example.com", "primary": true}]});
    changes(second.clone(), "/emails/2/primary", json!(true));
    changes(second, "/emails/0/primary", Value::Null);
    let again = json!({"op": "add", "path": "emails", "value": {"value": "w@example.com"}});
    changes(again, "/emails/2", Value::Null);
}

#[test]
fn what_cannot_be_done_is_refused_by_its_kind() {
    let kind = |operation: Value| patched(&USER, user(), json!([operation])).err();
    assert_eq!(kind(json!({"op": "move", "path": "active"})), Some(Kind::InvalidSyntax));
    assert_eq!(kind(json!({"op": "remove"})), Some(Kind::NoTarget));
    assert_eq!(kind(json!({"op": "remove", "path": "userName"})), Some(Kind::Mutability));
    assert_eq!(kind(json!({"op": "replace", "path": "userName", "value": null})), Some(Kind::Mutability));
    assert_eq!(kind(json!({"op": "replace", "path": "id", "value": "x"})), Some(Kind::Mutability));
    assert_eq!(
        kind(json!({"op": "add", "path": "groups", "value": [{"value": "x"}]})),
        Some(Kind::Mutability)
    );
    assert_eq!(kind(json!({"op": "replace", "path": "meta.version", "value": "x"})), Some(Kind::Mutability));
    assert_eq!(kind(json!({"op": "replace", "path": "shoeSize", "value": "x"})), Some(Kind::InvalidPath));
    assert_eq!(
        kind(json!({"op": "replace", "path": "active nonsense", "value": "x"})),
        Some(Kind::InvalidPath)
    );
    assert_eq!(kind(json!({"op": "replace", "path": 7, "value": "x"})), Some(Kind::InvalidPath));
    assert_eq!(
        kind(json!({"op": "replace", "path": "emails[type eq", "value": "x"})),
        Some(Kind::InvalidFilter)
    );
    assert_eq!(kind(json!({"op": "replace", "path": "active"})), Some(Kind::InvalidValue));
    assert_eq!(kind(json!({"op": "replace", "path": "active", "value": "maybe"})), Some(Kind::InvalidValue));
    assert_eq!(kind(json!({"op": "add", "value": "x"})), Some(Kind::InvalidValue));
    let none = json!({"op": "replace", "path": "emails[type eq \"other\"].value", "value": "x@example.com"});
    assert_eq!(kind(none), Some(Kind::NoTarget));
    let member = json!([{"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}]);
    let group = json!({"displayName": "all", "members": [{"value": "a"}]});
    assert_eq!(patched(&GROUP, group, member), Err(Kind::Mutability));
    assert!(Patch::read(&json!({"Operations": []}), &USER).is_err());
}

/// As Entra ID sends them: <https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups>.
#[test]
fn the_habits_of_entra_are_understood() {
    changes(json!({"op": "Replace", "path": "active", "value": "False"}), "/active", json!(false));
    let pathless = json!({"op": "Add", "value": {
        "name.familyName": "K",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Sales",
        "title": "Dr",
    }});
    changes(pathless, "/name/familyName", json!("K"));
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    changes(json!({"op": "Add", "path": enterprise, "value": "x"}), "/userName", json!("ada"));
    let other = json!({"op": "Add", "path": "emails[type eq \"other\"].value", "value": "o@example.com"});
    changes(other, "/emails/2", json!({"type": "other", "value": "o@example.com"}));
    let group = || json!({"displayName": "all", "members": [{"value": "a"}, {"value": "b"}]});
    let remove =
        json!([{"op": "Remove", "path": "members", "value": [{"value": "b"}, {"value": "unknown"}]}]);
    assert_eq!(patched(&GROUP, group(), remove).unwrap()["members"], json!([{"value": "a"}]));
    let remove = json!([{"op": "Remove", "path": "members[value eq \"b\"]"}]);
    assert_eq!(patched(&GROUP, group(), remove).unwrap()["members"], json!([{"value": "a"}]));
    let add = json!([{"op": "Add", "path": "members", "value": [{"value": "b"}, {"value": "c"}]}]);
    assert_eq!(patched(&GROUP, group(), add).unwrap()["members"].as_array().unwrap().len(), 3);
    // An empty list removes nothing, and not everything.
    let nothing = json!([{"op": "Remove", "path": "members", "value": []}]);
    assert_eq!(patched(&GROUP, group(), nothing).unwrap(), group());
}

/// As Okta sends them: <https://developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20/>.
#[test]
fn the_habits_of_okta_are_understood() {
    changes(json!({"op": "replace", "value": {"active": false}}), "/active", json!(false));
    let group = json!({"displayName": "all", "members": [{"value": "a"}]});
    let rename = json!([{"op": "replace", "value": {"id": "abf4dd94", "displayName": "every"}}]);
    assert_eq!(patched(&GROUP, group.clone(), rename).unwrap()["displayName"], json!("every"));
    let all = json!([{"op": "replace", "path": "members", "value": [{"value": "b", "display": "B"}]}]);
    assert_eq!(patched(&GROUP, group, all).unwrap()["members"], json!([{"value": "b"}]));
}

#[test]
fn a_patch_that_compares_too_much_is_refused() {
    let members: Vec<_> = (0..10_000).map(|at| json!({"value": at.to_string()})).collect();
    let group = json!({"displayName": "all", "members": members});
    let step = json!({"op": "remove", "path": "members[value eq \"x\" or value eq \"y\"]"});
    assert!(patched(&GROUP, group.clone(), json!(vec![step.clone(); 100])).is_ok());
    assert_eq!(patched(&GROUP, group.clone(), json!(vec![step.clone(); 101])), Err(Kind::TooMany));
    assert_eq!(patched(&GROUP, group.clone(), json!(vec![step; 1_001])), Err(Kind::TooMany));
    let one_more = json!([{"op": "add", "path": "members", "value": [{"value": "one more"}]}]);
    assert_eq!(patched(&GROUP, group, one_more), Err(Kind::TooMany));
}

proptest! {
    #[test]
    fn members_are_a_set(
        steps in proptest::collection::vec((any::<bool>(), 0_u8..20), 0..60),
    ) {
        let mut expected = std::collections::BTreeSet::new();
        let mut operations = Vec::new();
        for (adds, who) in steps {
            let who = who.to_string();
            if adds {
                operations.push(json!({"op": "add", "path": "members", "value": [{"value": who}]}));
                expected.insert(who);
            } else {
                operations.push(json!({"op": "remove", "path": format!("members[value eq \"{who}\"]")}));
                expected.remove(&who);
            }
        }
        let group = patched(&GROUP, json!({"displayName": "all"}), json!(operations)).unwrap();
        let members = group.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        let found: std::collections::BTreeSet<String> =
            members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
        prop_assert_eq!(members.len(), found.len());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_path_is_too_much_for_it(path in "\\PC{0,100}") {
        let body = json!({"schemas": [crate::PATCH], "Operations": [{"op": "add", "path": path, "value": "x"}]});
        if let Ok(patch) = Patch::read(&body, &USER) {
            let Value::Object(mut user) = user() else { unreachable!() };
            drop(patch.apply(&mut user));
        }
    }
}
