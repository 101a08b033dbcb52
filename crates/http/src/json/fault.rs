//! serde's messages, rewritten. They read `invalid type: string "ada@example.org", expected u32 at line 1 column 9`: what was
//! expected comes from our types and is kept, the rest may hold a value of the body and is dropped.

use std::fmt::Write as _;

use avouch_wire::Fault;
use serde_path_to_error::{Path, Segment};

/// A fault at a path, from the message of the error there.
pub(super) fn fault(path: &Path, message: &str) -> Fault {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => {
                // Writing to a `String` does not fail.
                let _ = write!(pointer, "/{index}");
            }
            Segment::Map { key } => push_name(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    Fault { pointer, detail: detail(message) }
}

/// Names of members are part of a pointer; what does not look like a name of ours may be a value in the wrong place.
fn push_name(pointer: &mut String, name: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(plain);
    pointer.push('/');
    pointer.push_str(if is_name { name } else { "…" });
}

fn detail(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    // The expectation is the last part, so a value that contains these words does not matter.
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    if message.starts_with("unknown field ") {
        return match expected {
            Some(known) => {
                format!("there is no such member; there is {}", known.trim_start_matches("one of "))
            }
            None => "there is no such member; there is none".to_owned(),
        };
    }
    if message.starts_with("missing field ") {
        return message.replacen("missing field", "expected a member", 1);
    }
    if message.starts_with("UUID parsing failed") {
        return "expected an id such as 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874".to_owned();
    }
    match expected {
        Some(expected) if message.starts_with("invalid ") || message.starts_with("unknown variant ") => {
            format!("expected {}", plain(expected))
        }
        // Written by hand in the wire types, without a value.
        None if message.starts_with("expected ") || message.starts_with("an item ") => message.to_owned(),
        _ => "the value does not fit".to_owned(),
    }
}

/// Rust's words for kinds of values, in plain ones.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative and not too large",
        "a sequence" => "an array",
        "a map" => "an object",
        "a boolean" => "true or false",
        "a borrowed string" => "a string",
        "a formatted UUID string" | "a UUID string" => "an id such as 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874",
        other if other.starts_with("struct ") || other.starts_with("internally tagged ") => "an object",
        other if other.starts_with("enum ") => "one of the names in the documentation",
        other if other.starts_with("a tuple ") => "an array",
        other => other,
    }
}
