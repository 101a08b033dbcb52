//! From a person's values to the terms by which they are found, and back: who has a value, decided after opening. Uniqueness
//! is kept here, in the transaction that writes.

use avouch_charter::{Normal, Value};
use avouch_store::{Ahead, Tx};

use super::keys::Ring;
use super::list::{self, SubjectPlace};
use super::record::{Record, Values};
use crate::Error;
use crate::app::{Cx, Outcome};
use crate::audit::Note;
use crate::gate::Permit;
use crate::ids::SubjectId;
use crate::indexes::{self, Holding, IndexRule, Stage, Term};
use crate::rules::Rules;

/// Values of one person in memory, by the place of their field.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<(usize, Values)>);

impl Held {
    pub(crate) fn new(values: Vec<(usize, Values)>) -> Self {
        Self(values)
    }

    /// Opens the fields at these places. What is opened becomes terms, and is shown to nobody.
    pub(crate) fn open(
        cx: &Cx<'_>,
        permit: &Permit,
        record: &Record,
        ring: &mut Ring,
        places: impl IntoIterator<Item = usize>,
    ) -> Result<Self, Error> {
        let mut held = Vec::new();
        for place in places {
            if let Some(values) = record.values(cx, permit, ring, place)? {
                held.push((place, values));
            }
        }
        Ok(Self(held))
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Values> {
        self.0.iter().find(|(at, _)| *at == place).map(|(_, values)| values)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(usize, Values)> {
        self.0.iter()
    }
}

impl Holding for Held {
    fn values(&self, place: usize) -> Vec<&Value> {
        self.0.iter().filter(|(at, _)| *at == place).flat_map(|(_, values)| values.iter()).collect()
    }
}

/// The terms of a person in some indexes, each once.
pub(crate) fn terms<'r>(
    rules: &Rules,
    held: &dyn Holding,
    indexes: impl IntoIterator<Item = &'r IndexRule>,
) -> Result<Vec<Term>, Error> {
    let mut terms = Vec::new();
    for index in indexes {
        index.terms(&rules.charter, held, &mut terms)?;
    }
    terms.sort_unstable();
    terms.dedup();
    Ok(terms)
}

/// The indexes that a write keeps up.
pub(crate) fn kept_up(rules: &Rules) -> impl Iterator<Item = &IndexRule> {
    rules.indexes.iter().filter(|index| index.stage != Stage::Going)
}

/// The places of all fields that some of these indexes are over.
pub(crate) fn places<'r>(indexes: impl IntoIterator<Item = &'r IndexRule>) -> Vec<usize> {
    let mut places: Vec<usize> =
        indexes.into_iter().flat_map(|index| index.over.iter().map(|(place, _)| *place)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// A value of a field that somebody is sought by.
#[derive(Debug)]
pub(crate) struct Sought {
    pub(crate) place: usize,
    pub(crate) normal: Normal,
    term: Term,
    /// Whether the index would know of everybody who has it.
    pub(crate) sure: bool,
}

impl Sought {
    /// Nothing when the field has no index by its whole value.
    pub(crate) fn new(rules: &Rules, place: usize, value: &Value) -> Result<Option<Self>, Error> {
        let Some(index) = rules.exact(place) else { return Ok(None) };
        let normal = rules.field(place)?.of.normal(value);
        let term = index.term(&normal);
        Ok(Some(Self { place, normal, term, sure: index.is_ready() }))
    }

    /// Those of the held values that nobody else may have.
    pub(crate) fn unique(rules: &Rules, held: &Held) -> Result<Vec<Self>, Error> {
        let mut sought = Vec::new();
        for (place, values) in held.iter() {
            if rules.rule(*place)?.unique {
                for value in values.iter() {
                    sought.extend(Self::new(rules, *place, value)?);
                }
            }
        }
        Ok(sought)
    }

    /// What [`Sought::find`] will ask first.
    pub(crate) fn ahead(&self) -> Vec<Ahead> {
        indexes::ahead(&[self.term], None)
    }

    /// The first person but `own` who has the value.
    pub(crate) fn find(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        own: Option<SubjectId>,
    ) -> Result<Option<(Record, Ring)>, Error> {
        let mut after = None;
        loop {
            let found = indexes::candidates(tx, &[self.term], after)?;
            tx.read_ahead(|| found.people.iter().flat_map(|id| super::person_ahead(*id)).collect())?;
            for candidate in found.people.iter().filter(|id| own != Some(**id)) {
                // An index row whose record is gone is a leftover of a hand in the database; it leads to nobody.
                let Some(record) = Record::find(tx, cx, *candidate)? else { continue };
                let mut ring = Ring::load(tx, *candidate)?;
                if record.has(cx, permit, &mut ring, self.place, &self.normal)? {
                    return Ok(Some((record, ring)));
                }
            }
            match found.people.last() {
                Some(last) if found.more => after = Some(*last),
                _ => return Ok(None),
            }
        }
    }
}

/// Somebody else has a unique value. Whoever is told so has learned something about that person, so the event names them.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The field's name.
    pub(crate) field: String,
    number: u32,
    pseudonym: [u8; 16],
}

impl Taken {
    /// Adds whom and which field it was to a note, each once.
    pub(crate) fn remember(&self, note: &mut Note) {
        if !note.subjects.contains(&self.pseudonym) && !note.made.contains(&self.pseudonym) {
            note.subjects.push(self.pseudonym);
            note.count = note.count.saturating_add(1);
        }
        if !note.fields.iter().any(|(known, _)| *known == self.number) {
            note.fields.push((self.number, None));
        }
    }

    /// The refusal of an operation that has written nothing yet.
    pub(crate) fn refusal<T>(self, mut note: Note) -> Outcome<T> {
        self.remember(&mut note);
        Outcome::failed(Error::Taken { field: self.field }, note)
    }
}

/// The first of these values that somebody else has.
pub(crate) fn taken<'s>(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    own: SubjectId,
    sought: impl IntoIterator<Item = &'s Sought>,
) -> Result<Option<Taken>, Error> {
    for sought in sought {
        if let Some((_, mut ring)) = sought.find(tx, cx, permit, Some(own))? {
            let field = cx.rules.field(sought.place)?.name.clone();
            let (number, pseudonym) = (cx.rules.rule(sought.place)?.number, ring.pseudonym(cx)?);
            return Ok(Some(Taken { field, number, pseudonym }));
        }
    }
    Ok(None)
}

/// Adds these terms of a person.
pub(crate) fn put(tx: &mut Tx<'_>, id: SubjectId, terms: &[Term]) -> Result<(), Error> {
    terms.iter().try_for_each(|term| indexes::put(tx, id, *term))
}

/// What came of looking at some people for indexes that are being built.
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    pub(crate) people: u64,
    pub(crate) damaged: u64,
    /// The place of the last one; nothing at the end.
    pub(crate) last: Option<SubjectPlace>,
    /// Of which index, and who has a value that should be theirs alone and is not.
    pub(crate) sharers: Vec<(u32, SubjectId)>,
}

/// Puts the terms of the people behind a place into the indexes with these numbers.
pub(crate) fn index_people(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    numbers: &[u32],
    after: Option<SubjectPlace>,
    limit: usize,
) -> Result<Indexed, Error> {
    let records = list::unchecked(tx, after, limit)?;
    tx.read_ahead(|| records.iter().map(|record| Ring::ahead(record.subject)).collect())?;
    let mut pass = Indexed { people: records.len() as u64, ..Indexed::default() };
    pass.last = records.last().map(SubjectPlace::of);
    for record in records {
        let subject = record.subject;
        match index_person(tx, cx, permit, numbers, record) {
            Ok(sharing) => pass.sharers.extend(sharing.into_iter().map(|number| (number, subject))),
            Err(Error::Tampered) => {
                tracing::error!(%subject, "a customer who does not open was not indexed");
                pass.damaged += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(pass)
}

/// The numbers of the indexes in which the person shares a value that should be nobody else's.
fn index_person(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    numbers: &[u32],
    record: Record,
) -> Result<Vec<u32>, Error> {
    let wanted = || cx.rules.indexes.iter().filter(|index| numbers.contains(&index.number));
    let record = record.checked(cx)?;
    let mut ring = Ring::load(tx, record.subject)?;
    let held = Held::open(cx, permit, &record, &mut ring, places(wanted()))?;
    let mut sharing = Vec::new();
    for index in wanted().filter(|index| index.unique) {
        for (place, values) in held.iter().filter(|(place, _)| index.is_over(*place)) {
            for value in values.iter() {
                let normal = cx.rules.field(*place)?.of.normal(value);
                let sought = Sought { place: *place, term: index.term(&normal), normal, sure: false };
                if sought.find(tx, cx, permit, Some(record.subject))?.is_some() {
                    sharing.push(index.number);
                }
            }
        }
    }
    put(tx, record.subject, &terms(cx.rules, &held, wanted())?)?;
    Ok(sharing)
}
