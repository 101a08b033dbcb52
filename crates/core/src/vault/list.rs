//! Paging through people, oldest first.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use super::keys::Ring;
use super::read::fields_of_all;
use super::record::{Record, ShownSubject};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;

statements! {
    data PAGE = "select subject, version, created, updated, event, keys, entries, manifest from record where subject > ?1 order by subject limit ?2";
}

/// A page of people.
#[derive(Debug, Clone)]
pub struct ListSubjects {
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Those after this one.
    pub after: Option<SubjectId>,
    /// At most so many; the face has checked the limit.
    pub limit: usize,
}

/// Some of many, and where to go on.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The last one looked at, when there may be more.
    pub next: Option<SubjectId>,
}

impl Operation for ListSubjects {
    const ACTION: Action = Action::SubjectList;
    type Output = Page<ShownSubject>;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(Intent { shows: Shows::Whatever, ..Intent::about(purpose, reason, self.limit) })
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
        let next =
            (records.len() == self.limit).then(|| records.last().map(|record| record.subject)).flatten();
        let (items, note) = show_all(tx, cx, permit, &records)?;
        Ok(Outcome::new(Page { items, next }, note))
    }
}

/// Records after `after`, in order, checked.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    after: Option<SubjectId>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    unchecked(tx, after, limit)?.into_iter().map(|record| record.checked(cx)).collect()
}

/// The same as stored: whoever goes through everybody must not stop at damage.
pub(crate) fn unchecked(
    tx: &mut Tx<'_>,
    after: Option<SubjectId>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let after: &[u8] = after.as_ref().map_or(&[], |after| after.bytes());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(tx.query(&PAGE, params![after, limit], |row| {
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
        shown.push(record.show(cx, permit, &mut ring)?);
        note.subjects.push(ring.pseudonym(cx)?);
    }
    note.fields = fields_of_all(cx, &shown);
    Ok((shown, note))
}
