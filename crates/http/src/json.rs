//! The one way a JSON body is read. Strict: UTF-8, at most [`limits::JSON_DEPTH`] levels, no member twice, no unknown member,
//! nothing after the end. What two parsers could read in two ways is not read at all.
//!
//! A fault says where it is and what was expected. It never repeats a value: serde's own messages do, so they are taken apart
//! and only what comes from our types is kept.

mod fault;
mod scan;

use std::any::type_name;

use avouch_wire::{Fault, ProblemKind, limits};
use serde::de::DeserializeOwned;

use crate::problem::Failure;

/// Reads a whole body.
///
/// # Errors
/// `malformed` for what is not strict JSON, `validation` for what is not a `T`.
pub fn strict_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    scan::scan(body, limits::JSON_DEPTH)
        .map_err(|flaw| Failure::new(ProblemKind::Malformed, flaw.to_string()))?;
    // A struct also reads from an array of its members; that is no form of ours.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Failure::invalid(vec![whole("expected an object")]));
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Failure::invalid(vec![locate::<T>(body)]),
        _ => Failure::new(
            ProblemKind::Malformed,
            format!("the body is not JSON: line {}, column {}", error.line(), error.column()),
        ),
    })
}

/// Reads once more, slower, to learn where it failed.
fn locate<T: DeserializeOwned>(body: &[u8]) -> Fault {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => {
            tracing::error!(kind = type_name::<T>(), "a body failed to parse and then did not");
            whole("the body does not fit")
        }
        Err(error) => fault::fault(error.path(), &error.inner().to_string()),
    }
}

fn whole(detail: &str) -> Fault {
    Fault { pointer: String::new(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use avouch_wire::{BatchRequest, ImportStart, KeyCreate, RevealRequest, SearchRequest, SubjectCreate};
    use serde_json::Value;

    use super::*;

    fn refusal<T: DeserializeOwned>(body: impl AsRef<[u8]>) -> String {
        let problem = strict_json::<T>(body.as_ref()).err().expect("refused").into_problem();
        let faults: Vec<_> =
            problem.errors.iter().map(|fault| format!(" [{}] {}", fault.pointer, fault.detail)).collect();
        format!("{} {}{}", problem.status, problem.detail, faults.concat())
    }

    #[test]
    fn what_is_not_strict_json_is_malformed() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        insta::assert_snapshot!(refusal::<Value>(b"{\"a\": \"\xff\"}"), @"400 the body is not UTF-8 at byte 7");
        insta::assert_snapshot!(refusal::<Value>(deep), @"400 the body nests deeper than 32 levels at byte 32");
        insta::assert_snapshot!(refusal::<Value>(r#"{"ada@example.org":1,"ada\u0040example.org":2}"#), @"400 the body names a member twice in one object at byte 21");
        insta::assert_snapshot!(refusal::<Value>(r#"{"a":1} x"#), @"400 the body is not JSON: line 1, column 9");
        insta::assert_snapshot!(refusal::<Value>(r#"{"a":"ada@example.org"#), @"400 the body is not JSON: line 1, column 21");
        insta::assert_snapshot!(refusal::<Value>(""), @"400 the body is not JSON: line 1, column 0");
    }

    #[test]
    fn what_does_not_fit_is_pointed_at_and_never_repeated() {
        insta::assert_snapshot!(refusal::<RevealRequest>(r#"["support",["email"]]"#), @"422 expected an object [] expected an object");
        insta::assert_snapshot!(refusal::<RevealRequest>(r#"{"purpose":4711,"fields":[]}"#), @"422 `/purpose`: expected a string [/purpose] expected a string");
        insta::assert_snapshot!(refusal::<RevealRequest>(r#"{"purpose":"support","fields":["email",{"a":1}]}"#), @"422 `/fields/1`: expected a string [/fields/1] expected a string");
        insta::assert_snapshot!(refusal::<RevealRequest>(r#"{"fields":[]}"#), @"422 expected a member `purpose` [] expected a member `purpose`");
        insta::assert_snapshot!(refusal::<RevealRequest>(r#"{"purpose":"support","feilds":["email"]}"#), @"422 `/feilds`: there is no such member; there is `purpose`, `reason`, `fields`, `view` [/feilds] there is no such member; there is `purpose`, `reason`, `fields`, `view`");
        insta::assert_snapshot!(refusal::<RevealRequest>(r#"{"purpose":"support","ada@example.org":1}"#), @"422 `/…`: there is no such member; there is `purpose`, `reason`, `fields`, `view` [/…] there is no such member; there is `purpose`, `reason`, `fields`, `view`");
        insta::assert_snapshot!(refusal::<RevealRequest>(r#"{"purpose":"p","fields":[],"view":"ada, expected x"}"#), @"422 `/view`: expected one of `nothing`, `token`, `masked`, `partial`, `clear` [/view] expected one of `nothing`, `token`, `masked`, `partial`, `clear`");
        insta::assert_snapshot!(refusal::<SubjectCreate>(r#"{"fields":"Ada"}"#), @"422 `/fields`: expected an object [/fields] expected an object");
        insta::assert_snapshot!(refusal::<SearchRequest>(r#"{"purpose":"p","by":{},"limit":-1}"#), @"422 `/limit`: expected a whole number, not negative and not too large [/limit] expected a whole number, not negative and not too large");
        insta::assert_snapshot!(refusal::<BatchRequest>(r#"{"items":[{"read":{"id":"ada@example.org"}}]}"#), @"422 `/items/0/read/id`: expected an id such as 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874 [/items/0/read/id] expected an id such as 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874");
        insta::assert_snapshot!(refusal::<BatchRequest>(r#"{"items":[{"ref":"x"}]}"#), @"422 `/items/0`: an item has exactly one of create, read, reveal, update, delete and search [/items/0] an item has exactly one of create, read, reveal, update, delete and search");
        insta::assert_snapshot!(refusal::<KeyCreate>(r#"{"label":"x","expires_in_days":70000}"#), @"422 `/expires_in_days`: expected a whole number, not negative and not too large [/expires_in_days] expected a whole number, not negative and not too large");
        insta::assert_snapshot!(refusal::<ImportStart>(r#"{"source_digest":"","mapping_digest":"","dry_run":"yes"}"#), @"422 `/dry_run`: expected true or false [/dry_run] expected true or false");
    }
}
