//! How a field, or several at once, can be found by something else than the whole value.
//!
//! Each of these is one more blind index beside the exact one: keyed terms, compared after opening. What it tells a thief
//! of the database is in `leak`; nothing here is on unless somebody has written that they accept it.

use std::fmt;

use crate::types::{Part, RangeIndex};

/// The ways in which a field can be searched beside its exact value. None by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// By the beginnings of its words.
    pub prefix: Option<PrefixIndex>,
    /// By what sounds alike.
    pub fuzzy: Option<FuzzyIndex>,
    /// From one value to another.
    pub range: Option<RangeIndex>,
}

impl Search {
    /// Whether there is no such way.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Search by the beginnings of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixIndex {
    /// Characters of the shortest beginning, 2..=16.
    pub from: u8,
    /// Characters of the longest beginning, 2..=16 and not less than `from`.
    pub to: u8,
    /// Length of an index term, 4..=62; `None`: from the number of planned subjects.
    pub bits: Option<u8>,
}

impl Default for PrefixIndex {
    fn default() -> Self {
        Self { from: 3, to: 8, bits: None }
    }
}

/// Search by what sounds alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FuzzyIndex {
    /// Length of an index term, 4..=62; `None`: from the number of planned subjects.
    pub bits: Option<u8>,
}

/// An index over several fields together, each exact: it finds what all of them say at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compound {
    /// `[a-z][a-z0-9_]{0,39}`; never also the name of a field or a category.
    pub name: String,
    /// For people.
    pub title: String,
    /// Two to four parts of different fields, in the order in which they are encoded.
    pub parts: Vec<CompoundPart>,
    /// Length of an index term, 4..=62; `None`: from the number of planned subjects.
    pub bits: Option<u8>,
}

/// One part of a [`Compound`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompoundPart {
    /// Name of a field that has one value.
    pub field: String,
    /// How much of the value; a part that the field's type has.
    pub part: Part,
}

/// As in the charter: `name`, `birth_date.year`.
impl fmt::Display for CompoundPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Whole => f.write_str(&self.field),
            part => write!(f, "{}.{part}", self.field),
        }
    }
}
