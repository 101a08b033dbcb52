//! What serde does not check: depth, members named twice, UTF-8 before anything else. One pass over the bytes, no value is kept.
//!
//! The scan follows brackets, commas and strings only. For valid JSON that finds every object and every name; for anything else
//! it may accept what the parser after it refuses, and must only never loop, panic or blame valid JSON.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Why a body is not strict JSON. Positions are bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Encoding { at: usize },
    Depth { at: usize, most: usize },
    Twice { at: usize },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { at } => write!(f, "the body is not UTF-8 at byte {at}"),
            Self::Depth { at, most } => write!(f, "the body nests deeper than {most} levels at byte {at}"),
            Self::Twice { at } => write!(f, "the body names a member twice in one object at byte {at}"),
        }
    }
}

/// Checks a body against [`Flaw`].
pub(super) fn scan(body: &[u8], most: usize) -> Result<(), Flaw> {
    let text = std::str::from_utf8(body).map_err(|error| Flaw::Encoding { at: error.valid_up_to() })?;
    let mut open: Vec<Level<'_>> = Vec::with_capacity(8);
    let mut name_follows = false;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        match byte {
            b'{' | b'[' => {
                if open.len() == most {
                    return Err(Flaw::Depth { at, most });
                }
                name_follows = *byte == b'{';
                open.push(if name_follows { Level::Object(Names::default()) } else { Level::Array });
            }
            b'}' | b']' => {
                open.pop();
                name_follows = false;
            }
            b',' => name_follows = matches!(open.last(), Some(Level::Object(_))),
            b'"' => {
                let start = at + 1;
                let (end, escaped) = string_end(body, start);
                if name_follows && let Some(Level::Object(names)) = open.last_mut() {
                    name_follows = false;
                    let raw = text.get(start..end).unwrap_or_default();
                    if !names.insert(name(raw, escaped)) {
                        return Err(Flaw::Twice { at });
                    }
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

enum Level<'a> {
    Array,
    Object(Names<'a>),
}

/// The names of an object: a list while they are few, a set (hashed with a random key) when they are many.
#[derive(Default)]
struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    const FEW: usize = 16;

    /// False when it is there already.
    fn insert(&mut self, name: Cow<'a, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(name);
        }
        if self.few.contains(&name) {
            return false;
        }
        self.few.push(name);
        if self.few.len() > Self::FEW {
            self.many.extend(self.few.drain(..));
        }
        true
    }
}

/// Where the string that begins at `start` ends (the closing quote, or the end of the body), and whether it has escapes.
fn string_end(body: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    let mut escaped = false;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => break,
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
    (at.min(body.len()), escaped)
}

/// A name as it is meant: `"\u0061"` is `a`.
fn name(raw: &str, escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return Cow::Borrowed(raw);
    }
    // An escape that does not decode makes the body invalid, and the parser will say so.
    serde_json::from_str(&format!("\"{raw}\"")).map_or(Cow::Borrowed(raw), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn names_are_compared_as_meant_and_within_one_object_only() {
        let twice = |text: &str| matches!(scan(text.as_bytes(), 32), Err(Flaw::Twice { .. }));
        assert!(twice(r#"{"a":1,"a":2}"#));
        assert!(twice(r#"{"a":1,"\u0061":2}"#));
        assert!(twice(r#"{"x":[{"a":{"a":1}, "b":0, "a":[]}]}"#));
        assert!(!twice(r#"{"a":{"a":{"a":["a","a"]}},"b":"a","c":"\"a\":"}"#));
        let many: Vec<_> = (0..40).map(|n| format!("\"k{n}\":0")).collect();
        assert!(!twice(&format!("{{{}}}", many.join(","))));
        assert!(twice(&format!("{{{},\"k3\":1}}", many.join(","))));
    }

    #[test]
    fn the_limit_of_depth_is_the_last_that_passes() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(scan(nested(32).as_bytes(), 32), Ok(()));
        assert_eq!(scan(nested(33).as_bytes(), 32), Err(Flaw::Depth { at: 32, most: 32 }));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_serializer_writes_passes(value in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            prop_assert_eq!(scan(text.expect("writes").as_bytes(), 32), Ok(()));
        }

        #[test]
        fn a_name_repeated_at_any_place_is_found(value in json(), name in any::<String>()) {
            let name = Value::from(name);
            let text = format!("[[{{{name}:{value},\"other\\n\":1,{name}:{value}}}]]");
            prop_assert!(matches!(scan(text.as_bytes(), 32), Err(Flaw::Twice { .. })), "{}", text);
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = scan(&bytes, 32);
        }

        #[test]
        fn any_brackets_and_quotes_come_to_an_end(text in r#"[\[\]{}",:\\a1 ]{0,200}"#) {
            let _ = scan(text.as_bytes(), 32);
        }
    }
}
