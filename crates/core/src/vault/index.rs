//! Blind indexes: keyed, truncated terms that lead from a value to the people who may have it. A term proves nothing: who
//! really has the value is decided after opening, in the same transaction, which is also how uniqueness is kept.

use avouch_charter::{Normal, Value};
use avouch_store::{Ahead, Tx, params, statements};

use super::keys::Ring;
use super::record::Record;
use crate::Error;
use crate::app::{Cx, Outcome};
use crate::audit::Note;
use crate::gate::Permit;
use crate::ids::SubjectId;
use crate::rules::Rules;

statements! {
    data CANDIDATES of blind_index / 2 = "select subject from blind_index where field = ?1 and term = ?2 and subject > ?3 order by subject limit ?4";
    data PUT_TERM of blind_index / 3 = "insert into blind_index (field, term, subject) values (?1, ?2, ?3) on conflict (field, term, subject) do nothing";
    data DROP_TERM of blind_index / 3 = "delete from blind_index where field = ?1 and term = ?2 and subject = ?3";
    data DROP_ALL_TERMS = "delete from blind_index where subject = ?1";
}

/// An index term of one value.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) place: usize,
    pub(crate) field: u32,
    pub(crate) term: i64,
    pub(crate) unique: bool,
    pub(crate) normal: Normal,
}

/// The term of a value, when its field is indexed.
pub(crate) fn term(rules: &Rules, place: usize, value: &Value) -> Result<Option<Term>, Error> {
    let rule = rules.rule(place)?;
    let Some(index) = &rule.index else { return Ok(None) };
    let normal = rules.field(place)?.of.normal(value);
    let term = index.key.term(normal.as_bytes(), index.bits);
    Ok(Some(Term { place, field: rule.number, term, unique: index.unique, normal }))
}

/// What [`candidates`] will ask first.
pub(crate) fn ahead(term: &Term, after: Option<SubjectId>) -> Ahead {
    let after: &[u8] = after.as_ref().map_or(&[], |after| after.bytes());
    Ahead::new(&CANDIDATES, params![term.field, term.term, after, PAGE as i64])
}

/// People whose term is this one, in order, after `after`.
pub(crate) fn candidates(
    tx: &mut Tx<'_>,
    term: &Term,
    after: Option<SubjectId>,
) -> Result<Vec<SubjectId>, Error> {
    let after: &[u8] = after.as_ref().map_or(&[], |after| after.bytes());
    Ok(tx.query(&CANDIDATES, params![term.field, term.term, after, PAGE as i64], |row| {
        Ok(SubjectId::from_bytes(row.bytes(0)?))
    })?)
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

/// Who else has this unique value.
pub(crate) fn taken(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    own: SubjectId,
    term: &Term,
) -> Result<Option<Taken>, Error> {
    if !term.unique {
        return Ok(None);
    }
    let mut after = None;
    loop {
        let found = candidates(tx, term, after)?;
        tx.read_ahead(|| found.iter().flat_map(|id| super::person_ahead(*id)).collect())?;
        for candidate in &found {
            if *candidate == own {
                continue;
            }
            // An index row whose record is gone is a leftover of a hand in the database; it takes nothing.
            let Some(record) = Record::find(tx, cx, *candidate)? else { continue };
            let mut ring = Ring::load(tx, *candidate)?;
            if record.has(cx, permit, &mut ring, term.place, &term.normal)? {
                let (field, pseudonym) = (cx.rules.field(term.place)?.name.clone(), ring.pseudonym(cx)?);
                return Ok(Some(Taken { field, number: term.field, pseudonym }));
            }
        }
        if found.len() < PAGE {
            return Ok(None);
        }
        after = found.last().copied();
    }
}

/// Candidates looked at in one go.
pub(crate) const PAGE: usize = 256;

pub(crate) fn put(tx: &mut Tx<'_>, subject: SubjectId, term: &Term) -> Result<(), Error> {
    Ok(tx.put(&PUT_TERM, params![term.field, term.term, subject.bytes()])?)
}

/// Removes a person's terms without knowing them. It looks through the whole table: for records that no longer open.
pub(crate) fn remove_all(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    Ok(tx.put(&DROP_ALL_TERMS, params![subject.bytes()])?)
}

pub(crate) fn remove(tx: &mut Tx<'_>, subject: SubjectId, term: &Term) -> Result<(), Error> {
    Ok(tx.put(&DROP_TERM, params![term.field, term.term, subject.bytes()])?)
}
