//! An index, compiled: from the values of a person to their terms, and from what is asked for to the terms to look up.

use avouch_charter::types::RangeIndex;
use avouch_charter::{Charter, FieldType, Normal, Part, Value};
use avouch_seal::index::{IndexKey, IndexScope};
use avouch_seal::vault::VaultKeys;

use super::rows::{Row, Stage};
use super::shape::{How, Shape};
use super::table::Term;
use crate::Error;

/// See the module.
#[derive(Debug)]
pub(crate) struct IndexRule {
    pub(crate) number: u32,
    pub(crate) stage: Stage,
    pub(crate) kind: Kind,
    /// The places of its fields, and how much of each value it takes.
    pub(crate) over: Vec<(usize, Part)>,
    pub(crate) unique: bool,
    bits: u8,
    key: IndexKey,
}

/// How it is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// See [`How::Exact`].
    Exact,
    /// See [`How::Prefix`].
    Prefix {
        /// Characters of the shortest beginning.
        from: u8,
        /// Characters of the longest.
        to: u8,
    },
    /// See [`How::Fuzzy`].
    Fuzzy,
    /// See [`How::Range`].
    Range(RangeIndex),
    /// See [`How::Compound`].
    Compound,
}

/// Whoever has the values of a person, by the place of their field.
pub(crate) trait Holding {
    /// All values of a field.
    fn values(&self, place: usize) -> Vec<&Value>;
}

impl IndexRule {
    /// Nothing when the charter has not all of its fields: then it is on its way out.
    pub(crate) fn compile(
        row: &Row,
        place: impl Fn(u32) -> Option<usize>,
        keys: &VaultKeys,
    ) -> Result<Option<Self>, Error> {
        let shape = &row.shape;
        let mut over = Vec::with_capacity(shape.over.len());
        for (field, part) in &shape.over {
            let (Some(place), Some(part)) = (place(*field), Part::parse(part)) else { return Ok(None) };
            over.push((place, part));
        }
        let kind = match shape.how {
            How::Exact => Kind::Exact,
            How::Prefix(from, to) => Kind::Prefix { from, to },
            How::Fuzzy => Kind::Fuzzy,
            How::Range(by) => Kind::Range(RangeIndex { by, bits: Some(shape.bits) }),
            How::Compound => Kind::Compound,
        };
        let key = key(row, keys)?;
        let (number, stage, unique, bits) = (row.number, row.stage, shape.unique, shape.bits);
        Ok(Some(Self { number, stage, kind, over, unique, bits, key }))
    }

    /// Whether searches may use it.
    pub(crate) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether its terms change with the field at this place.
    pub(crate) fn is_over(&self, place: usize) -> bool {
        self.over.iter().any(|(over, _)| *over == place)
    }

    /// The term that leads to a form of a value.
    pub(crate) fn term(&self, normal: &Normal) -> Term {
        Term { index: self.number, term: self.key.term(normal.as_bytes(), self.bits) }
    }

    /// Adds the terms of a person's values.
    pub(crate) fn terms(
        &self,
        charter: &Charter,
        held: &dyn Holding,
        terms: &mut Vec<Term>,
    ) -> Result<(), Error> {
        let of = |place: usize| {
            let field = charter.fields().get(place);
            field.map(|field| &field.of).ok_or(Error::Internal("a field's place is out of range"))
        };
        if self.kind == Kind::Compound {
            return self.compound(of, held, terms);
        }
        for (place, _) in &self.over {
            let of = of(*place)?;
            for value in held.values(*place) {
                match self.kind {
                    Kind::Exact => terms.push(self.term(&of.normal(value))),
                    Kind::Prefix { from, to } => {
                        terms.extend(of.prefix_terms(value, from, to).iter().map(|normal| self.term(normal)));
                    }
                    Kind::Fuzzy => terms.extend(of.fuzzy_terms(value).iter().map(|normal| self.term(normal))),
                    Kind::Range(range) => {
                        terms.extend(of.range_term(value, &range).iter().map(|normal| self.term(normal)));
                    }
                    Kind::Compound => {}
                }
            }
        }
        Ok(())
    }

    /// A compound has a term when all of its parts are there. Its fields have one value each.
    fn compound<'c>(
        &self,
        of: impl Fn(usize) -> Result<&'c FieldType, Error>,
        held: &dyn Holding,
        terms: &mut Vec<Term>,
    ) -> Result<(), Error> {
        let mut parts = Vec::with_capacity(self.over.len());
        for (place, part) in &self.over {
            let of = of(*place)?;
            let Some(value) = held.values(*place).first().copied() else { return Ok(()) };
            let Some(normal) = of.part_term(value, *part) else { return Ok(()) };
            parts.push(normal);
        }
        terms.push(self.term(&Normal::compound(&parts)));
        Ok(())
    }
}

/// The key of an index, if it is the one that its terms were made with.
fn key(row: &Row, keys: &VaultKeys) -> Result<IndexKey, Error> {
    // The keyring in memory may not have the root yet, or not have it any more: terms by another key would find nothing.
    known_key(row, keys).ok_or(Error::Internal("the key of an index is another one"))
}

/// Whether these keys give the one that an index was made with.
pub(super) fn fits(row: &Row, keys: &VaultKeys) -> bool {
    known_key(row, keys).is_some()
}

fn known_key(row: &Row, keys: &VaultKeys) -> Option<IndexKey> {
    let key = keys.index_key(&scope(row.number, row.epoch, &row.shape));
    (check(&key) == row.check).then_some(key)
}

pub(super) fn scope(number: u32, epoch: u32, shape: &Shape) -> IndexScope<'_> {
    IndexScope { index: number, purpose: shape.how.name(), form: &shape.form, epoch }
}

/// By what a key is known again.
pub(super) fn check(key: &IndexKey) -> i64 {
    key.term(b"avouch index key check", u8::MAX)
}
