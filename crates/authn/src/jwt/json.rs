//! The one way JSON is read here: an object, small, flat enough, no member twice on any level, nothing behind
//! it.
//!
//! What two parsers could read in two ways is not read at all: the one that judges and the one that acts must
//! see the same. Members nobody asks for are passed over, as every specification here demands.

use core::{fmt, time::Duration};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Error, Result};

/// Objects and arrays in one another.
const MOST_DEPTH: usize = 12;

/// An object, and its members by type. Texts that are empty, too long, or have a control character are of no
/// type.
#[derive(Debug, Clone)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// Reads all of `bytes`, which are a `what`, `most` at most.
    pub(crate) fn read(bytes: &[u8], what: &'static str, most: usize) -> Result<Self> {
        if bytes.len() > most {
            return Err(Error::TooLarge(what));
        }
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = Strict { depth: MOST_DEPTH }.deserialize(&mut reader);
        match (value, reader.end()) {
            (Ok(Value::Object(members)), Ok(())) => Ok(Self(members)),
            _ => Err(Error::Malformed(what)),
        }
    }

    /// Whether there is such a member, even if it is null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// That there is no such member.
    pub(crate) fn without(&self, name: &'static str) -> Result<()> {
        if self.has(name) { Err(Error::Unwanted(name)) } else { Ok(()) }
    }

    /// A text of at most `most` bytes, if there is one.
    pub(crate) fn text(&self, name: &'static str, most: usize) -> Result<Option<&str>> {
        let read = |value| text(value, most).ok_or(Error::Type(name));
        self.0.get(name).map(read).transpose()
    }

    /// The text that must be there.
    pub(crate) fn needed(&self, name: &'static str, most: usize) -> Result<&str> {
        self.text(name, most)?.ok_or(Error::Missing(name))
    }

    /// A text to be shown and relied on by nobody: what does not fit is as if it were not there.
    pub(crate) fn shown(&self, name: &str, most: usize) -> Option<&str> {
        text(self.0.get(name)?, most)
    }

    /// Texts, if there are any: an array of at most `count`.
    pub(crate) fn texts(&self, name: &'static str, count: usize, most: usize) -> Result<Option<Vec<&str>>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let values = value.as_array().ok_or(Error::Type(name))?;
        if values.len() > count {
            return Err(Error::TooLarge(name));
        }
        let texts: Option<_> = values.iter().map(|value| text(value, most)).collect();
        texts.map(Some).ok_or(Error::Type(name))
    }

    /// Who it is for: one text, or an array of them that is not empty (RFC 7519, section 4.1.3).
    pub(crate) fn audience(&self, most: usize) -> Result<Vec<&str>> {
        let audience = match self.0.get("aud") {
            Some(Value::String(_)) => vec![self.needed("aud", most)?],
            _ => self.texts("aud", MOST_AUDIENCES, most)?.ok_or(Error::Missing("aud"))?,
        };
        if audience.is_empty() { Err(Error::Type("aud")) } else { Ok(audience) }
    }

    /// A moment in seconds since 1970 (`NumericDate`), rounded down.
    pub(crate) fn moment(&self, name: &'static str) -> Result<Option<u64>> {
        let read = |value| seconds(value).ok_or(Error::Type(name));
        self.0.get(name).map(read).transpose()
    }

    /// The moment that must be there.
    pub(crate) fn needed_moment(&self, name: &'static str) -> Result<u64> {
        self.moment(name)?.ok_or(Error::Missing(name))
    }

    /// True or false, if it is there.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>> {
        self.0.get(name).map(|value| value.as_bool().ok_or(Error::Type(name))).transpose()
    }

    /// An object within, if it is there.
    pub(crate) fn object(&self, name: &'static str) -> Result<Option<Self>> {
        let read = |value: &Value| value.as_object().cloned().map(Self).ok_or(Error::Type(name));
        self.0.get(name).map(read).transpose()
    }

    /// Objects within, at most `count`.
    pub(crate) fn objects(&self, name: &'static str, count: usize) -> Result<Vec<Self>> {
        let values = self.0.get(name).ok_or(Error::Missing(name))?.as_array().ok_or(Error::Type(name))?;
        if values.len() > count {
            return Err(Error::TooLarge(name));
        }
        let objects: Option<_> = values.iter().map(|value| value.as_object().cloned().map(Self)).collect();
        objects.ok_or(Error::Type(name))
    }
}

/// Receivers that a statement may name.
const MOST_AUDIENCES: usize = 16;

fn text(value: &Value, most: usize) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty() && text.len() <= most && !text.contains(char::is_control))
}

fn seconds(value: &Value) -> Option<u64> {
    // Some write fractions, which RFC 7519 allows. `f64` says whole seconds exactly for longer than this
    // world lasts.
    let fraction = || Duration::try_from_secs_f64(value.as_f64()?).ok().map(|duration| duration.as_secs());
    value.as_u64().or_else(fraction).filter(|seconds| *seconds <= MOST_SECONDS)
}

/// The year 9999, as far as anything else reads it.
const MOST_SECONDS: u64 = 253_402_300_799;

/// Reads a value that nests `depth` levels at most and names nothing twice.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn within<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (within, mut values) = (self.within()?, Vec::new());
        while let Some(value) = items.next_element_seed(within)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (within, mut members) = (self.within()?, Map::new());
        while let Some(name) = items.next_key::<String>()? {
            if members.insert(name, items.next_value_seed(within)?).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Object> {
        Object::read(text.as_bytes(), "thing", 1_000)
    }

    #[test]
    fn what_two_parsers_could_read_in_two_ways_is_not_read() {
        for text in [
            "",
            "[]",
            "1",
            "null",
            "{",
            r#"{"a":1}x"#,
            r#"{"a":1}{"a":1}"#,
            r#"{"a":1,}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[{"a":1,"a":2}]}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":01}"#,
            r#"{"a":NaN}"#,
            r#"{"a":1e999}"#,
            "\u{feff}{}",
            "{'a':1}",
            "{\"a\":\"\n\"}",
        ] {
            assert_eq!(read(text).unwrap_err(), Error::Malformed("thing"), "{text}");
        }
        assert_eq!(Object::read(b"{\"a\":\"\xff\"}", "thing", 99).unwrap_err(), Error::Malformed("thing"));
        assert!(read(" {\"a\" : 1}\r\n").is_ok());
    }

    #[test]
    fn it_is_neither_deep_nor_long() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(read(&nested(MOST_DEPTH)).is_ok());
        assert_eq!(read(&nested(MOST_DEPTH + 1)).unwrap_err(), Error::Malformed("thing"));
        assert_eq!(Object::read(b"{ }", "thing", 2).unwrap_err(), Error::TooLarge("thing"));
    }

    #[test]
    fn moments_are_numbers_that_a_calendar_has() {
        let moment = |text: &str| read(&format!(r#"{{"exp":{text}}}"#)).unwrap().moment("exp");
        assert_eq!(moment("1300819380"), Ok(Some(1_300_819_380)));
        assert_eq!(moment("1300819380.9"), Ok(Some(1_300_819_380)));
        assert_eq!(moment("1.30081938e9"), Ok(Some(1_300_819_380)));
        for other in [
            "-1",
            "-0.5",
            "1e300",
            "18446744073709551616",
            "9007199254740993",
            "\"1300819380\"",
            "true",
            "null",
        ] {
            assert_eq!(moment(other), Err(Error::Type("exp")), "{other}");
        }
    }

    #[test]
    fn texts_have_a_length_and_no_controls() {
        let text = |text: &str| read(&format!(r#"{{"sub":{text}}}"#)).unwrap().text("sub", 4).map(|_| ());
        assert_eq!(text(r#""four""#), Ok(()));
        for other in [r#""fiver""#, r#""""#, r#""a\u0000""#, r#""a\nb""#, "7", "null", "[\"a\"]"] {
            assert_eq!(text(other), Err(Error::Type("sub")), "{other}");
        }
    }

    #[test]
    fn an_audience_is_one_or_a_few() {
        let audience = |text: &str| {
            let object = read(&format!("{{{text}}}")).unwrap();
            object.audience(9).map(|audience| audience.len())
        };
        assert_eq!(audience(r#""aud":"a""#), Ok(1));
        assert_eq!(audience(r#""aud":["a","b"]"#), Ok(2));
        assert_eq!(audience(""), Err(Error::Missing("aud")));
        for other in [r#""aud":[]"#, r#""aud":null"#, r#""aud":[1]"#, r#""aud":{"a":1}"#, r#""aud":[["a"]]"#]
        {
            assert_eq!(audience(other), Err(Error::Type("aud")), "{other}");
        }
        assert_eq!(audience(&format!(r#""aud":[{}"a"]"#, r#""a","#.repeat(16))), Err(Error::TooLarge("aud")));
    }
}
