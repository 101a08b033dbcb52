//! A customer's value in memory, and its normal form.
//!
//! Both hold personal data in clear for as short as an operation lasts: they are wiped when dropped and their
//! `Debug` shows nothing. The stored form is compact JSON, so that what was sealed years ago stays readable
//! without this code. A value does not know its field's type; the type is the charter's and can change while
//! the value stays.

use std::fmt;

use serde_json::Value as Json;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{address::Address, number::Decimal};

/// One value of one field, in canonical form. Made by [`FieldType::parse`](super::FieldType::parse) from what
/// comes from outside and by [`Value::from_bytes`] from what was stored.
#[derive(Clone)]
pub struct Value(Repr);

#[derive(Clone)]
enum Repr {
    Text(Zeroizing<String>),
    Number(Decimal),
    Address(Box<Address>),
}

impl Value {
    pub(super) fn text(text: Zeroizing<String>) -> Self {
        Self(Repr::Text(text))
    }

    /// The value as JSON, for a response whose reader may see it whole. The copy is not wiped.
    pub fn to_json(&self) -> Json {
        match &self.0 {
            Repr::Text(text) => Json::from(text.as_str()),
            Repr::Number(number) => number.to_json(),
            Repr::Address(address) => address.to_json(),
        }
    }

    /// The value as it is sealed: compact JSON.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Escapes are counted first: a buffer that has to grow leaves an unwiped copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(match &self.0 {
            Repr::Text(text) => quoted_len(text),
            Repr::Number(_) => 32,
            Repr::Address(address) => address.json_len(),
        }));
        let written = match &self.0 {
            Repr::Text(text) => serde_json::to_writer(&mut *bytes, text.as_str()),
            Repr::Number(number) => {
                bytes.extend_from_slice(number.to_text().as_bytes());
                Ok(())
            }
            Repr::Address(address) => serde_json::to_writer(&mut *bytes, &**address),
        };
        written.expect("text and an address have a JSON form, and a Vec takes every byte");
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Malformed`] if the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let repr = match bytes.first() {
            Some(b'"') => Repr::Text(Zeroizing::new(serde_json::from_slice(bytes).map_err(|_| Malformed)?)),
            Some(b'{') => Repr::Address(serde_json::from_slice(bytes).map_err(|_| Malformed)?),
            _ => {
                let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
                Repr::Number(Decimal::parse(text).ok_or(Malformed)?)
            }
        };
        Ok(Self(repr))
    }

    /// The text, of a value that is one text: no number and no address.
    pub fn as_text(&self) -> Option<&str> {
        self.str()
    }

    pub(super) fn str(&self) -> Option<&str> {
        match &self.0 {
            Repr::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<&Decimal> {
        match &self.0 {
            Repr::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn address(&self) -> Option<&Address> {
        match &self.0 {
            Repr::Address(address) => Some(address),
            _ => None,
        }
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self(Repr::Number(number))
    }
}

impl From<Address> for Value {
    fn from(address: Address) -> Self {
        Self(Repr::Address(Box::new(address)))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

/// How many bytes a text takes as a JSON string: `\u0000` is the longest escape, for one byte.
pub(super) fn quoted_len(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')).count();
    text.len() + 5 * escaped + 2
}

/// Stored bytes that are no value. Says nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored bytes are not a value in JSON")]
pub struct Malformed;

/// The bytes by which two values of one field are the same. Compared in constant time.
#[derive(Clone)]
pub struct Normal(Zeroizing<Vec<u8>>);

impl Normal {
    /// The canonical form itself, for types in which equal means identical.
    pub(super) fn exact(value: &Value) -> Self {
        match &value.0 {
            Repr::Text(text) => Self::from(text.as_str()),
            Repr::Number(_) | Repr::Address(_) => Self(value.to_bytes()),
        }
    }

    /// Several as one: each with its length in front, so that no two lists of parts are the same bytes.
    ///
    /// `normal = len_u64_le(part_1) ‖ part_1 ‖ len_u64_le(part_2) ‖ part_2 ‖ …`
    pub fn compound(parts: &[Self]) -> Self {
        let length = parts.iter().map(|part| part.0.len() + size_of::<u64>()).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        for part in parts {
            bytes.extend_from_slice(&(part.0.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&part.0);
        }
        Self(bytes)
    }

    /// The bytes, for the keyed hash of a blind index.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Normal {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

impl From<Zeroizing<String>> for Normal {
    fn from(mut text: Zeroizing<String>) -> Self {
        Self(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }
}

impl PartialEq for Normal {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Normal {}

impl fmt::Debug for Normal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Normal(…)")
    }
}
