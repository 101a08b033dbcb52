//! Paging through people, oldest first.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::keys::Ring;
use super::read::fields_of_all;
use super::record::{Record, ShownSubject};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reach, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::watch::Look;

statements! {
    data COUNT = "select count(*) from (select subject from record limit ?1) as counted";
    data PAGE = "select subject, version, created, updated, event, keys, tokens, entries, manifest from record where (created, subject) > (?1, ?2) order by created, subject limit ?3";
}

/// A place in the list of people. Their ids are random, so it is made of the moment as well: whoever goes through everybody
/// reads the rows in about the order in which they lie on the disk, and finds who has come since at the end (but where the clock went
/// back). Those of one transaction have one moment, and stand in no order that says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectPlace {
    created: i64,
    pub(crate) subject: SubjectId,
}

impl SubjectPlace {
    /// Before everybody.
    const START: Self = Self { created: i64::MIN, subject: SubjectId::from_bytes([0; 16]) };

    /// Of somebody in the list.
    pub(crate) const fn of(record: &Record) -> Self {
        Self { created: record.created, subject: record.subject }
    }

    /// As [`SubjectPlace::to_bytes`] wrote it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (created, subject) = bytes.split_first_chunk()?;
        let subject = SubjectId::from_bytes(subject.try_into().ok()?);
        Some(Self { created: i64::from_be_bytes(*created), subject })
    }

    /// For a cursor.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        let (created, subject) = bytes.split_at_mut(8);
        created.copy_from_slice(&self.created.to_be_bytes());
        subject.copy_from_slice(self.subject.bytes());
        bytes
    }
}

/// A page of people.
#[derive(Debug, Clone)]
pub struct ListSubjects {
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Those behind this place.
    pub after: Option<SubjectPlace>,
    /// At most so many; the face has checked the limit.
    pub limit: usize,
}

/// Some of many, and where to go on.
#[derive(Debug, Clone)]
pub struct Page<T, P> {
    /// The items.
    pub items: Vec<T>,
    /// The place of the last one looked at, when there may be more.
    pub next: Option<P>,
}

impl Operation for ListSubjects {
    const ACTION: Action = Action::SubjectList;
    type Output = Page<ShownSubject, SubjectPlace>;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        let reach = Some(Reach::Everybody);
        Ok(Intent { shows: Shows::Whatever, reach, ..Intent::about(purpose, reason, self.limit) })
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        (): (),
    ) -> Result<Outcome<Self::Output>, Error> {
        let records = page(tx, cx, self.after, self.limit)?;
        let next = records.last().filter(|_| records.len() == self.limit).map(SubjectPlace::of);
        let (items, note) = show_all(tx, cx, permit, &records)?;
        Ok(Outcome::new(Page { items, next }, note))
    }
}

/// How many customers there are; more than `most` are not counted.
pub(crate) fn count(tx: &mut Tx<'_>, most: u64) -> Result<u64, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(tx.first(&COUNT, params![most], |row| row.int(0))?.map_or(0, i64::unsigned_abs))
}

/// Records behind a place, in order, checked.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    after: Option<SubjectPlace>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    unchecked(tx, after, limit)?.into_iter().map(|record| record.checked(cx)).collect()
}

/// The same as stored: whoever goes through everybody must not stop at damage.
pub(crate) fn unchecked(
    tx: &mut Tx<'_>,
    after: Option<SubjectPlace>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let SubjectPlace { created, subject } = after.unwrap_or(SubjectPlace::START);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(tx.query(&PAGE, params![created, subject.bytes(), limit], |row| {
        Record::from_row(SubjectId::from_bytes(row.bytes(0)?), row, 1)
    })?)
}

/// Shows records and notes whom and what.
pub(crate) fn show_all(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    records: &[Record],
) -> Result<(Vec<ShownSubject>, Note), Error> {
    let mut shown = Vec::with_capacity(records.len());
    let mut note = Note::count(records.len());
    tx.read_ahead(|| records.iter().map(|record| Ring::ahead(record.subject)).collect())?;
    for record in records {
        let mut ring = Ring::load(tx, record.subject)?;
        let pseudonym = ring.pseudonym(cx)?;
        let one = record.show(cx, permit, &mut ring)?;
        note.looks.push(Look::at(&one, pseudonym));
        note.subjects.push(pseudonym);
        shown.push(one);
    }
    note.fields = fields_of_all(cx, &shown);
    Ok((shown, note))
}
