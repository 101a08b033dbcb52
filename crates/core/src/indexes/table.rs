//! The terms at rest, and the look-up: from terms to people who may have what was asked for.

use avouch_store::{Ahead, Tx, params, statements};

use crate::Error;
use crate::ids::SubjectId;

statements! {
    data CANDIDATES of index_term / 2 = "select subject from index_term where number = ?1 and term = ?2 and subject > ?3 order by subject limit ?4";
    data PUT_TERM of index_term / 3 = "insert into index_term (number, term, subject) values (?1, ?2, ?3) on conflict (number, term, subject) do nothing";
    data DROP_TERM of index_term / 3 = "delete from index_term where number = ?1 and term = ?2 and subject = ?3";
    data DROP_TERMS_OF = "delete from index_term where number = ?1 and subject = ?2";
    data DROP_ALL_TERMS = "delete from index_term where subject = ?1";
}

/// A term of one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term {
    /// The index's number.
    pub(crate) index: u32,
    pub(crate) term: i64,
}

/// Candidates looked at in one go.
const PAGE: usize = 256;
/// The fewest of one term, however many are asked for at once.
const FEWEST: usize = 16;

/// What was found.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// In order, each once.
    pub(crate) people: Vec<SubjectId>,
    /// Whether there may be more after the last one.
    pub(crate) more: bool,
}

/// What [`candidates`] will ask.
pub(crate) fn ahead(terms: &[Term], after: Option<SubjectId>) -> Vec<Ahead> {
    let (after, limit) = (bound(after.as_ref()), share(terms));
    terms
        .iter()
        .map(|Term { index, term }| Ahead::new(&CANDIDATES, params![*index, *term, after, limit]))
        .collect()
}

/// People who have one of these terms, in order, after `after`.
pub(crate) fn candidates(
    tx: &mut Tx<'_>,
    terms: &[Term],
    after: Option<SubjectId>,
) -> Result<Candidates, Error> {
    let (from, limit) = (bound(after.as_ref()), share(terms));
    if terms.len() > 1 {
        tx.read_ahead(|| ahead(terms, after))?;
    }
    let mut people = Vec::new();
    // Of a term with more people than its share the rest is not known: what lies beyond comes with the next page.
    let mut known_until: Option<SubjectId> = None;
    for Term { index, term } in terms {
        let of_term = tx.query(&CANDIDATES, params![*index, *term, from, limit], |row| {
            Ok(SubjectId::from_bytes(row.bytes(0)?))
        })?;
        if of_term.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            let last = of_term.last().copied();
            known_until = match (known_until, last) {
                (Some(known), Some(last)) => Some(known.min(last)),
                (known, last) => known.or(last),
            };
        }
        people.extend(of_term);
    }
    if terms.len() > 1 {
        people.sort_unstable();
        people.dedup();
    }
    if let Some(until) = known_until {
        people.retain(|id| *id <= until);
    }
    Ok(Candidates { people, more: known_until.is_some() })
}

fn bound(after: Option<&SubjectId>) -> &[u8] {
    after.map_or(&[], |after| after.bytes())
}

fn share(terms: &[Term]) -> i64 {
    let share = (PAGE / terms.len().max(1)).max(FEWEST);
    i64::try_from(share).unwrap_or(i64::MAX)
}

pub(crate) fn put(tx: &mut Tx<'_>, subject: SubjectId, term: Term) -> Result<(), Error> {
    Ok(tx.put(&PUT_TERM, params![term.index, term.term, subject.bytes()])?)
}

pub(crate) fn remove(tx: &mut Tx<'_>, subject: SubjectId, term: Term) -> Result<(), Error> {
    Ok(tx.put(&DROP_TERM, params![term.index, term.term, subject.bytes()])?)
}

/// Removes a person's terms without knowing them. It looks through the whole table: for records that no longer open.
pub(crate) fn remove_all(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    Ok(tx.put(&DROP_ALL_TERMS, params![subject.bytes()])?)
}

/// Removes a person's terms in one index without knowing them, which looks through all of that index.
pub(crate) fn remove_of(tx: &mut Tx<'_>, index: u32, subject: SubjectId) -> Result<(), Error> {
    Ok(tx.put(&DROP_TERMS_OF, params![index, subject.bytes()])?)
}
