//! What an index is of, and everything that its terms depend on but the key. Two indexes of one shape and one key have the
//! same terms; an index whose shape is not the one the charter wants must be built anew.

use avouch_charter::types::{Bucket, NORM_VERSION, SEARCH_VERSION};
use avouch_charter::{Charter, Field, FieldType, Index, Part};
use avouch_seal::index::planned_bits;
use serde::{Deserialize, Serialize};

use crate::rules::Numbers;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) how: How,
    /// The numbers of the fields, and the word for how much of each value is taken.
    pub(crate) over: Vec<(u32, String)>,
    /// How long a term is.
    pub(crate) bits: u8,
    /// Whether no two people may have the same value.
    pub(crate) unique: bool,
    /// How values are brought into the form of which terms are made.
    pub(crate) form: String,
}

/// How values are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// By the whole value.
    Exact,
    /// By the beginnings of its words, from so many characters to so many.
    Prefix(u8, u8),
    /// By what sounds alike.
    Fuzzy,
    /// From one value to another, a bucket at a time.
    Range(Bucket),
    /// By parts of several fields together.
    Compound,
}

impl How {
    /// Its name in the key's scope, and for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix(..) => "prefix",
            Self::Fuzzy => "fuzzy",
            Self::Range(_) => "range",
            Self::Compound => "compound",
        }
    }
}

impl Shape {
    /// Whether both answer the same kind of question about the same things, so that only one of them is wanted.
    pub(crate) fn is_instead_of(&self, other: &Self) -> bool {
        self.how.name() == other.how.name() && self.over == other.over
    }

    /// Whether this one can go on answering what `other` is asked until that is built.
    pub(crate) fn stands_in_for(&self, other: &Self) -> bool {
        self.is_instead_of(other) && self.form == other.form
    }
}

/// An index as the charter wants it.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Of the field or compound.
    pub(crate) name: String,
    pub(crate) shape: Shape,
}

/// How much longer the terms of a unique field are. Its values are distinct, so the length betrays no frequencies; and every
/// write opens each person whose term is the same, so doubt is paid for there: a quarter of a person at the planned size
/// instead of four.
const UNIQUE_BITS: u8 = 4;

/// Every index that a charter wants.
pub(crate) fn wanted(charter: &Charter, numbers: &Numbers) -> Vec<Wanted> {
    let planned = planned_bits(charter.planned_subjects());
    let number = |name: &str| numbers.fields.get(name).copied().unwrap_or_default();
    let mut wanted = Vec::new();
    for field in charter.fields() {
        let mut of_field = |how: How, bits: u8, unique: bool| {
            let over = vec![(number(&field.name), Part::Whole.as_str().to_owned())];
            let shape = Shape { how, over, bits, unique, form: form(how, [field]) };
            wanted.push(Wanted { name: field.name.clone(), shape });
        };
        if let Some(Index { unique, bits, .. }) = field.index {
            let usual = if unique { planned + UNIQUE_BITS } else { planned };
            of_field(How::Exact, bits.unwrap_or(usual), unique);
        }
        if let Some(prefix) = field.search.prefix {
            of_field(How::Prefix(prefix.from, prefix.to), prefix.bits.unwrap_or(planned), false);
        }
        if let Some(fuzzy) = field.search.fuzzy {
            of_field(How::Fuzzy, fuzzy.bits.unwrap_or(planned), false);
        }
        if let Some(range) = field.search.range {
            of_field(How::Range(range.by), range.bits.unwrap_or(planned), false);
        }
    }
    for compound in charter.compounds() {
        let over = compound.parts.iter();
        let over = over.map(|part| (number(&part.field), part.part.as_str().to_owned())).collect();
        let fields = compound.parts.iter().filter_map(|part| charter.field(&part.field));
        let form = form(How::Compound, fields);
        let bits = compound.bits.unwrap_or(planned);
        let shape = Shape { how: How::Compound, over, bits, unique: false, form };
        wanted.push(Wanted { name: compound.name.clone(), shape });
    }
    wanted
}

/// Versions of what brings values into form, and what of the fields' settings it depends on.
fn form<'f>(how: How, fields: impl IntoIterator<Item = &'f Field>) -> String {
    let mut form = NORM_VERSION.to_string();
    if how != How::Exact {
        form.push_str(&format!(".{SEARCH_VERSION}"));
    }
    for field in fields {
        // The normal form of such a number leaves the letters of its country out.
        if let FieldType::NationalId { country: Some(country) } = &field.of {
            form.push_str(&format!(".{country}"));
        }
    }
    form
}
