//! No filter and no patch of an identity provider changes what is not a client's to change, nor leaves out what has to be there, nor takes
//! more time than its bounds allow.

use arbitrary::{Result, Unstructured};
use avouch_scim::{Filter, Patch, Resource, USER};
use serde_json::{Value, json};

use crate::edits::text_or_edited;

const FILTER: &str =
    r#"(userName sw "a" or emails[type eq "work" and value co "@"]) and not (active eq false)"#;
const PATCH: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Add","path":"emails[type eq \"home\"].value","value":"h"},{"op":"remove","path":"name.familyName"},{"op":"replace","value":{"active":"False","id":"x"}}]}"#;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let genuine = *input.choose(&[FILTER, PATCH])?;
    let Some(text) = text_or_edited(input, genuine)? else { return Ok(()) };
    let before = user();
    if let Ok(filter) = Filter::parse(&text, &USER) {
        assert_eq!(filter.matches(&before), filter.matches(&before), "{text}");
        let turned = format!("not ({text})");
        if let Ok(other) = Filter::parse(&turned, &USER) {
            assert_ne!(filter.matches(&before), other.matches(&before), "{text}");
        }
    }
    let Ok(body) = serde_json::from_str(&text) else { return Ok(()) };
    let Ok(patch) = Patch::read(&body, &USER) else { return Ok(()) };
    let mut after = before.clone();
    if patch.apply(&mut after).is_ok() {
        assert!(after.contains_key("userName"), "{text}");
        for kept in ["id", "groups", "meta"] {
            assert_eq!(before.get(kept), after.get(kept), "{text}");
        }
    }
    Ok(())
}

fn user() -> Resource {
    let user = json!({
        "id": "1",
        "userName": "ada",
        "name": {"givenName": "Ada", "familyName": "L"},
        "active": true,
        "emails": [{"type": "work", "value": "ada@example.com", "primary": true}],
        "groups": [{"value": "2", "display": "Everybody"}],
    });
    match user {
        Value::Object(user) => user,
        _ => Resource::new(),
    }
}
