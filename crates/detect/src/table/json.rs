//! JSON values, read more strictly than usual.
//!
//! A key that stands twice and a number that a 64-bit float would round are errors: both would lose data
//! without a word. Nothing here repeats a key or a value.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, error::Category};
use std::fmt;

use super::error::Complaint;

/// The object on this line.
pub(super) fn object(line: &[u8]) -> Result<Map<String, Value>, Complaint> {
    match serde_json::from_slice::<Strict>(line) {
        Ok(Strict(Value::Object(object))) => Ok(object),
        Ok(_) => Err(Complaint::NotObject),
        // Our own visitor takes every type, so a complaint about data is one of its two.
        Err(error) if error.classify() == Category::Data && error.to_string().starts_with(KEY_TWICE) => {
            Err(Complaint::KeyTwice)
        }
        Err(error) if error.classify() == Category::Data => Err(Complaint::NumberTooLarge),
        Err(error) => Err(Complaint::NotJson { at: error.column() }),
    }
}

const KEY_TWICE: &str = "key twice";
const NUMBER_TOO_LARGE: &str = "number too large";

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // From here on a float has no digits behind the point: it was an integer that did not fit.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match Number::from_f64(value) {
            Some(number) if value.abs() < EXACT => Ok(Value::Number(number)),
            _ => Err(E::custom(NUMBER_TOO_LARGE)),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom(KEY_TWICE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_no_more() {
        let complaint = |line: &str| object(line.as_bytes()).expect_err("bad").to_string();
        insta::assert_snapshot!(complaint(r#"{"a":1,"a":2}"#), @"a key stands twice in one object");
        insta::assert_snapshot!(complaint(r#"{"x":{"a":1,"a":2}}"#), @"a key stands twice in one object");
        insta::assert_snapshot!(complaint(r#"{"a":12345678901234567890123}"#), @"a number is too large to be kept exactly; write it as text");
        insta::assert_snapshot!(complaint(r#"{"a":"Anna" "b":1}"#), @"not valid JSON (character 13 of the line)");
        insta::assert_snapshot!(complaint("[1]"), @"not a JSON object");
        insta::assert_snapshot!(complaint(&format!("{{\"a\":{}", "[".repeat(500))), @"not valid JSON (character 132 of the line)");
    }

    #[test]
    fn keeps_order_and_exact_numbers() {
        let read = object(br#"{"z":18446744073709551615,"a":-1,"m":0.5,"n":null}"#).expect("an object");
        assert_eq!(Value::Object(read).to_string(), r#"{"z":18446744073709551615,"a":-1,"m":0.5,"n":null}"#);
    }
}
