//! The types a charter can give a field, and the values that live in them.
//!
//! A [`FieldType`] does four things with a value and nothing else: it **parses** what came in from outside
//! into a [`Value`] in canonical form, gives its **normal** form (the bytes that a blind index, a uniqueness
//! check and an equality compare), **views** it through a [`Mask`], and says how freely it may be indexed and
//! stored.
//!
//! What must never happen here: a refusal that repeats the value it refuses (an [`Invalid`] says what was
//! expected, it travels in responses and logs), a mask that shows a short value whole, or a change of a
//! normal form without a new [`NORM_VERSION`], because every stored index would silently stop finding its
//! customers.

mod address;
mod card;
mod choice;
mod date;
mod email;
mod free_text;
mod fuzzy;
mod line;
mod mask;
mod name;
mod national_id;
mod number;
mod part;
mod phone;
mod prefix;
mod range;
pub(crate) mod security_code;
mod text;
mod value;
mod words;

use std::borrow::Cow;

use serde_json::Value as Json;

pub use fuzzy::{FuzzyQuery, SIMILAR};
pub use mask::{HIDDEN, Mask, Masks};
pub use part::Part;
pub use prefix::PrefixQuery;
pub use range::{Bucket, RangeIndex, RangeQuery};
pub use value::{Malformed, Normal, Value};

/// The version of all normal forms. It goes into the derivation of every blind-index key, so that an index
/// made under another version is never asked. Raise it with any change of what a `normal` function returns.
pub const NORM_VERSION: u16 = 1;

/// The version of all that the approximate indexes hold: beginnings, sounds, buckets, parts. Like [`NORM_VERSION`], and
/// apart from it, so that hearing a name better does not make the exact indexes anew.
pub const SEARCH_VERSION: u16 = 1;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// An e-mail address, as typed; two spellings of one mailbox are equal.
    Email,
    /// A telephone number, kept as E.164.
    Phone {
        /// The region (ISO 3166 alpha-2) whose national notation is understood, beside the international one.
        country: Option<String>,
    },
    /// A person's name, in whatever script.
    Name,
    /// A postal address.
    Address,
    /// A calendar day.
    Date,
    /// A number by which a state or its offices know a person: tax, social security, passport.
    NationalId {
        /// The issuing country (ISO 3166 alpha-2): with or without its two letters in front, a number is the
        /// same.
        country: Option<String>,
    },
    /// A payment card number.
    Card,
    /// Free text.
    Text {
        /// The greatest length in characters.
        max: usize,
    },
    /// One of a closed list.
    Choice {
        /// The list, in the order in which it is offered.
        options: Vec<String>,
    },
    /// A number: integer or exact decimal.
    Number {
        /// The smallest number allowed.
        min: Option<i64>,
        /// The greatest number allowed.
        max: Option<i64>,
    },
}

impl FieldType {
    /// The word for this type in a charter, such as `national_id`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone { .. } => "phone",
            Self::Name => "name",
            Self::Address => "address",
            Self::Date => "date",
            Self::NationalId { .. } => "national_id",
            Self::Card => "card",
            Self::Text { .. } => "text",
            Self::Choice { .. } => "choice",
            Self::Number { .. } => "number",
        }
    }

    /// What is wrong with the settings of this type themselves, for the one who writes the charter.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Phone { country: Some(country) } => phone::problem(country),
            Self::NationalId { country: Some(country) } => national_id::problem(country),
            Self::Text { max } => text::problem(*max),
            Self::Choice { options } => choice::problem(options),
            Self::Number { min, max } => number::problem(*min, *max),
            _ => None,
        }
    }

    /// Turns what came from outside into a value in canonical form. The canonical form parses to itself.
    ///
    /// # Errors
    /// [`Invalid`] says what is expected instead; it never contains any part of the input.
    pub fn parse(&self, input: &Json) -> Result<Value, Invalid> {
        match self {
            Self::Email => email::parse(string(input, email::EXPECTED)?),
            Self::Phone { country } => phone::parse(string(input, phone::EXPECTED)?, country.as_deref()),
            Self::Name => name::parse(string(input, name::EXPECTED)?),
            Self::Address => address::parse(input),
            Self::Date => date::parse(string(input, date::EXPECTED)?),
            Self::NationalId { .. } => national_id::parse(string(input, national_id::EXPECTED)?),
            Self::Card => card::parse(string(input, card::EXPECTED)?),
            Self::Text { max } => text::parse(string(input, text::EXPECTED)?, *max),
            Self::Choice { options } => choice::parse(input, options),
            Self::Number { min, max } => number::parse(input, *min, *max),
        }
    }

    /// The bytes by which two values of this field are the same: for blind indexes, uniqueness and equality.
    pub fn normal(&self, value: &Value) -> Normal {
        match self {
            Self::Email => value.str().map(email::normal),
            Self::Phone { .. } => value.str().map(phone::normal),
            Self::Name => value.str().map(name::normal),
            Self::Address => value.address().map(address::normal),
            Self::NationalId { country } => {
                value.str().map(|text| national_id::normal(text, country.as_deref()))
            }
            Self::Text { .. } => value.str().map(text::normal),
            Self::Date | Self::Card | Self::Choice { .. } | Self::Number { .. } => None,
        }
        .unwrap_or_else(|| Normal::exact(value))
    }

    /// What a reader sees of a value through a mask. A mask this type does not have, or a value of another
    /// type's shape (left over from an older charter), shows [`HIDDEN`].
    pub fn view(&self, value: &Value, mask: &Mask) -> Json {
        let shown = match (mask, value.str()) {
            (Mask::Full, _) => return value.to_json(),
            (Mask::Hide, _) => None,
            (_, Some(text)) => match self {
                Self::Email => email::view(text, *mask),
                Self::Phone { .. } => phone::view(text, *mask),
                Self::Name => name::view(text, *mask),
                Self::Date => date::view(text, *mask),
                Self::Card => card::view(text, *mask),
                Self::NationalId { .. } | Self::Text { .. } => mask.keep(text).map(Json::from),
                Self::Address | Self::Choice { .. } | Self::Number { .. } => None,
            },
            (_, None) => match self {
                Self::Address => value.address().and_then(|address| address::view(address, *mask)),
                _ => None,
            },
        };
        shown.unwrap_or_else(|| Json::from(HIDDEN))
    }

    /// Reads a mask from its text in a charter, such as `keep_last(4)`.
    ///
    /// # Errors
    /// A sentence that lists the masks this type has.
    pub fn parse_mask(&self, text: &str) -> Result<Mask, String> {
        mask::parse(text, self.name(), self.vocabulary())
    }

    /// The masks a field gets when its charter names none: what `partial` and `masked` show.
    pub fn default_masks(&self) -> Masks {
        let (partial, masked) = match self {
            Self::Email => (Mask::EmailPartial, Mask::Hide),
            Self::Phone { .. } => (Mask::KeepLast(3), Mask::Hide),
            Self::Name => (Mask::Initials, Mask::Hide),
            Self::Address => (Mask::CityCountry, Mask::Country),
            Self::Date => (Mask::Year, Mask::Hide),
            Self::NationalId { .. } => (Mask::KeepLast(3), Mask::Hide),
            Self::Card => (Mask::Last4, Mask::Hide),
            Self::Text { .. } | Self::Choice { .. } | Self::Number { .. } => (Mask::Hide, Mask::Hide),
        };
        Masks { partial, masked }
    }

    /// Whether values of this type repeat so unevenly that an exact index on it tells, by frequency alone,
    /// which rows hold the common ones.
    pub fn skewed(&self) -> bool {
        match self {
            Self::Name | Self::Address | Self::Date | Self::Choice { .. } | Self::Number { .. } => true,
            Self::Email | Self::Phone { .. } | Self::NationalId { .. } | Self::Card | Self::Text { .. } => {
                false
            }
        }
    }

    /// Whether the length of a value would tell which one it is, so that it is padded before it is sealed.
    pub fn padded(&self) -> bool {
        matches!(self, Self::Choice { .. } | Self::Number { .. })
    }

    /// Every mask of this type, from nothing to everything; of the counted ones the greatest count allowed.
    fn vocabulary(&self) -> &'static [Mask] {
        match self {
            Self::Email => email::MASKS,
            Self::Phone { .. } => phone::MASKS,
            Self::Name => name::MASKS,
            Self::Address => address::MASKS,
            Self::Date => date::MASKS,
            Self::NationalId { .. } => national_id::MASKS,
            Self::Card => card::MASKS,
            Self::Text { .. } => text::MASKS,
            Self::Choice { .. } | Self::Number { .. } => &[Mask::Hide, Mask::Full],
        }
    }
}

/// Looks through text that is no field's value for what must not lie about in clear: the number of a card, or its
/// security code.
///
/// # Errors
/// What was found, without repeating it.
pub fn screen(text: &str) -> Result<(), Invalid> {
    free_text::check(text)
}

/// Why a value was refused: what is expected instead, in plain words, without any part of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    /// A refusal of a value whose JSON type is already wrong.
    fn kind(expected: &'static str, input: &Json) -> Self {
        let found = match input {
            Json::Null => "null",
            Json::Bool(_) => "true or false",
            Json::Number(_) => "a number",
            Json::String(_) => "text",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        };
        Self(format!("{expected}, found {found}").into())
    }
}

impl From<&'static str> for Invalid {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// The text in `input`, which most types start from.
fn string<'a>(input: &'a Json, expected: &'static str) -> Result<&'a str, Invalid> {
    match input {
        Json::String(text) => Ok(text),
        other => Err(Invalid::kind(expected, other)),
    }
}

#[cfg(test)]
mod tests;
