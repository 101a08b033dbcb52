//! Format-preserving tokens: stateless, reversible, of the shape that the value had. For systems that check
//! the shape and cannot hold a [`token`](crate::token).
//!
//! ```text
//! key   = HKDF[vault, PAE(label, namespace, field, epoch, format, its parameters)](token root)
//! token = FF1(key, tweak, hidden part), the rest kept       tweak = what is kept and personal, or the shape
//! ```
//! What it costs to have no row: a token tells equal values apart from different ones, does not die with the
//! person but with the key of its epoch, and carries no check, so that anything of the right shape opens to
//! something. Who may see it is decided as for the value. Never for fields of fewer than a million possible
//! values, which everything here refuses.
//!
//! E-mail addresses have no FF1: an [`EmailToken`] is random, has a row, and dies with the person.
//!
//! Errors say which form was expected and never repeat the text.

use core::fmt;

use crate::{Error, Key, Result, VaultId, derive::derive, ff1::Ff1, labels, token::Namespace};

mod alphanumeric;
mod card;
mod date;
mod digits;
mod email;
mod phone;
mod rank;

pub use card::Luhn;
pub use date::YearSpan;
pub use email::{EmailDomain, EmailToken};
pub use phone::CountryCode;

/// What a value looks like, and its token with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// 6 to 56 digits, leading zeros included. Spaces and ASCII punctuation stay where they are and do not
    /// count: the same digits give the same digits however they are grouped.
    Digits,
    /// ASCII text in which every digit stays a digit, every capital a capital and every small letter a small
    /// letter; spaces and punctuation stay. Up to 127 bits: 38 digits or 27 letters.
    Alphanumeric,
    /// A Luhn-valid card number of 13 to 19 digits, with spaces and hyphens where they were. The last four
    /// digits stay. A number of 12 digits has too few others and is refused.
    Card(Luhn),
    /// `+`, this country code, then 6 digits or more, 15 at most with the code: E.164 as it is sent, without
    /// separators. Code and length stay.
    Phone(CountryCode),
    /// A date `YYYY-MM-DD` within a span of years. Nothing stays but the span.
    Date(YearSpan),
}

impl Format {
    /// Cards and telephone numbers are numerals; where classes mix, values are ranked and the rank is binary.
    const fn radix(self) -> u8 {
        match self {
            Self::Digits | Self::Card(_) | Self::Phone(_) => 10,
            Self::Alphanumeric | Self::Date(_) => 2,
        }
    }

    /// Name and parameters, as they enter the derivation.
    pub(crate) fn encode(self) -> (&'static str, [u8; 4]) {
        match self {
            Self::Digits => ("digits", [0; 4]),
            Self::Alphanumeric => ("alphanumeric", [0; 4]),
            Self::Card(luhn) => ("card", [luhn.residue(), 0, 0, 0]),
            Self::Phone(country) => ("phone", u32::from(country.number()).to_le_bytes()),
            Self::Date(span) => {
                let ([a, b], [c, d]) = (span.first().to_le_bytes(), span.last().to_le_bytes());
                ("date", [a, b, c, d])
            }
        }
    }
}

/// What a format key is for. Two scopes that differ anywhere give unrelated tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FormatScope<'a> {
    /// Whose tokens they are.
    pub namespace: &'a Namespace,
    /// The field's number in the charter.
    pub field: u32,
    /// Epoch of the tokens: replacing them begins a new one, and destroying its root ends it.
    pub epoch: u32,
}

/// Makes and opens the tokens of one field and namespace, in one format. Deriving costs a few microseconds:
/// keep it, and share it between threads.
pub struct FormatKey {
    ff1: Ff1,
    format: Format,
}

impl FormatKey {
    /// `root` is the token root that serves the epoch.
    pub fn derive(root: &Key, vault: VaultId, scope: &FormatScope<'_>, format: Format) -> Result<Self> {
        let (name, parameters) = format.encode();
        let key = derive(
            root,
            &vault.0,
            labels::TOKEN_FORMAT,
            &[
                scope.namespace.as_str().as_bytes(),
                &scope.field.to_le_bytes(),
                &scope.epoch.to_le_bytes(),
                name.as_bytes(),
                &parameters,
            ],
        );
        Self::new(&key, format)
    }

    /// Under a key that was derived for this format and nothing else.
    pub(crate) fn new(key: &Key, format: Format) -> Result<Self> {
        Ok(Self { ff1: Ff1::new(key, format.radix())?, format })
    }

    /// The token of a value: the same one each time. [`Error::Malformed`] for what is not of the format,
    /// [`Error::Parameters`] for what is too short or too long to be protected by it.
    pub fn seal(&self, value: &str) -> Result<String> {
        self.apply(value, Direction::Seal)
    }

    /// The value behind a token of this key. A token of another key opens to another value of the same shape;
    /// only [`Format::Card`] notices nine in ten that are none at all.
    pub fn open(&self, token: &str) -> Result<String> {
        self.apply(token, Direction::Open)
    }

    fn apply(&self, text: &str, direction: Direction) -> Result<String> {
        match self.format {
            Format::Digits => digits::apply(&self.ff1, text, direction),
            Format::Alphanumeric => alphanumeric::apply(&self.ff1, text, direction),
            Format::Card(luhn) => card::apply(&self.ff1, luhn, text, direction),
            Format::Phone(country) => phone::apply(&self.ff1, country, text, direction),
            Format::Date(span) => date::apply(&self.ff1, span, text, direction),
        }
    }
}

impl fmt::Debug for FormatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormatKey({:?}, ..)", self.format)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Seal,
    Open,
}

/// Permutes numerals in place.
fn permute(ff1: &Ff1, tweak: &[u8], numerals: &mut [u8], direction: Direction) -> Result<()> {
    let permutation = ff1.permutation(numerals.len(), tweak)?;
    match direction {
        Direction::Seal => permutation.encrypt(numerals),
        Direction::Open => permutation.decrypt(numerals),
    }
}
