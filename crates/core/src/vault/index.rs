//! Blind indexes: keyed, truncated terms that lead from a value to the people who may have it. A term proves nothing: who
//! really has the value is decided after opening, in the same transaction, which is also how uniqueness is kept.

use avouch_charter::{Normal, Value};
use avouch_store::{Tx, params, statements};

use super::keys::Ring;
use super::record::Record;
use crate::Error;
use crate::app::Cx;
use crate::gate::Permit;
use crate::ids::SubjectId;
use crate::rules::Rules;

statements! {
    data CANDIDATES = "select subject from blind_index where field = ?1 and term = ?2 and subject > ?3 order by subject limit ?4";
    data PUT_TERM = "insert into blind_index (field, term, subject) values (?1, ?2, ?3) on conflict (field, term, subject) do nothing";
    data DROP_TERM = "delete from blind_index where field = ?1 and term = ?2 and subject = ?3";
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

/// People whose term is this one, in order, after `after`.
pub(crate) fn candidates(
    tx: &mut Tx<'_>,
    term: &Term,
    after: Option<SubjectId>,
    limit: usize,
) -> Result<Vec<SubjectId>, Error> {
    let after: &[u8] = after.as_ref().map_or(&[], |after| after.bytes());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(tx.query(&CANDIDATES, params![term.field, term.term, after, limit], |row| {
        Ok(SubjectId::from_bytes(row.bytes(0)?))
    })?)
}

/// Refuses a unique value that somebody else has.
///
/// # Errors
/// [`Error::Taken`].
pub(crate) fn refuse_taken(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    own: SubjectId,
    term: &Term,
) -> Result<(), Error> {
    if !term.unique {
        return Ok(());
    }
    let mut after = None;
    loop {
        let found = candidates(tx, term, after, PAGE)?;
        for candidate in &found {
            if *candidate == own {
                continue;
            }
            // An index row whose record is gone is a leftover of a hand in the database; it takes nothing.
            let Some(record) = Record::find(tx, cx, *candidate)? else { continue };
            let mut ring = Ring::load(tx, *candidate)?;
            if record.has(cx, permit, &mut ring, term.place, &term.normal)? {
                return Err(Error::Taken { field: cx.rules.field(term.place)?.name.clone() });
            }
        }
        if found.len() < PAGE {
            return Ok(());
        }
        after = found.last().copied();
    }
}

/// Candidates looked at in one go.
pub(crate) const PAGE: usize = 256;

pub(crate) fn put(tx: &mut Tx<'_>, subject: SubjectId, term: &Term) -> Result<(), Error> {
    Ok(tx.put(&PUT_TERM, params![term.field, term.term, subject.bytes()])?)
}

pub(crate) fn remove(tx: &mut Tx<'_>, subject: SubjectId, term: &Term) -> Result<(), Error> {
    Ok(tx.put(&DROP_TERM, params![term.field, term.term, subject.bytes()])?)
}
