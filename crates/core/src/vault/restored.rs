//! What a restore asks of people's records: who is whole, and who has a record that no key opens. Nothing is shown.

use avouch_store::{Tx, params, statements};

use super::keys::Ring;
use super::list::{self, SubjectPlace};
use crate::Error;
use crate::app::Cx;
use crate::ids::SubjectId;

statements! {
    data DROP_OWN_REASONS = "update event set sealed = null where id in (select event from record where subject = ?1 union select event from record_version where subject = ?1)";
    data DROP_RECORD of record / 1 = "delete from record where subject = ?1";
    data DROP_VERSIONS of record_version / 1 = "delete from record_version where subject = ?1";
    data DROP_TOKENS = "delete from token where subject = ?1";
    data DROP_TERMS = "delete from index_term where subject = ?1";
}

/// How a person was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Record and keys belong together.
    Whole,
    /// There is no key: nobody can read the record ever again.
    Keyless,
    /// There are keys, and something does not open by them.
    Unreadable,
}

/// Looks at the people behind a place, and how each was found.
pub(crate) fn look(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    after: Option<SubjectPlace>,
    limit: usize,
) -> Result<Vec<(SubjectPlace, Found)>, Error> {
    let records = list::unchecked(tx, after, limit)?;
    tx.read_ahead(|| records.iter().map(|record| Ring::ahead(record.subject)).collect())?;
    let mut people = Vec::with_capacity(records.len());
    for record in records {
        let place = SubjectPlace::of(&record);
        let mut ring = Ring::load(tx, record.subject)?;
        let found = match record.checked(cx).and_then(|record| record.opens(cx, &mut ring)) {
            Ok(()) => Found::Whole,
            Err(Error::Tampered) if ring.classes().is_empty() => Found::Keyless,
            Err(Error::Tampered) => Found::Unreadable,
            Err(error) => return Err(error),
        };
        people.push((place, found));
    }
    Ok(people)
}

/// Takes away the record of somebody whose keys are lost: nobody can read it ever again, and lists would stumble over it.
pub(crate) fn forget(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    for statement in [&DROP_OWN_REASONS, &DROP_RECORD, &DROP_VERSIONS, &DROP_TOKENS, &DROP_TERMS] {
        tx.put(statement, params![subject.bytes()])?;
    }
    Ok(())
}
