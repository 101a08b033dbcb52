//! What a restore asks of people's records: who is whole, who has a record and no key, and who has a key and no record. A backup
//! of data is older than the keys it meets: whoever was erased in between has a record that nobody can open, and what is left
//! of them goes here. Nothing is shown.

use std::collections::BTreeSet;

use avouch_store::{Tx, params, statements};

use super::keys::Ring;
use super::list;
use crate::Error;
use crate::app::Cx;
use crate::ids::SubjectId;

statements! {
    data DROP_OWN_REASONS = "update event set sealed = null where id in (select event from record where subject = ?1 union select event from record_version where subject = ?1)";
    data DROP_RECORD of record / 1 = "delete from record where subject = ?1";
    data DROP_VERSIONS of record_version / 1 = "delete from record_version where subject = ?1";
    data DROP_TOKENS = "delete from token where subject = ?1";
    data DROP_TERMS = "delete from index_term where subject = ?1";
    data DROP_REASONS = "update event set sealed = null where id in (select event from event_subject where pseudonym = ?1)";
    data DROP_LINKS = "delete from event_subject where pseudonym = ?1";
    data PSEUDONYMS = "select distinct pseudonym from event_subject where pseudonym > ?1 order by pseudonym limit ?2";
    keys KEYED = "select distinct subject from subject_key where subject > ?1 order by subject limit ?2";
    keys DROP_KEYS of subject_key / 1 = "delete from subject_key where subject = ?1";
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

/// Looks at the people after `after`: the last of them, and how each was found, with the name by which events know them.
pub(crate) fn look(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    after: Option<SubjectId>,
    limit: usize,
) -> Result<Vec<(SubjectId, Found, Option<[u8; 16]>)>, Error> {
    let records = list::unchecked(tx, after, limit)?;
    tx.read_ahead(|| records.iter().map(|record| Ring::ahead(record.subject)).collect())?;
    let mut people = Vec::with_capacity(records.len());
    for record in records {
        let subject = record.subject;
        let mut ring = Ring::load(tx, subject)?;
        let found = match record.checked(cx).and_then(|record| record.opens(cx, &mut ring)) {
            Ok(()) => Found::Whole,
            Err(Error::Tampered) if ring.classes().is_empty() => Found::Keyless,
            Err(Error::Tampered) => Found::Unreadable,
            Err(error) => return Err(error),
        };
        people.push((subject, found, ring.pseudonym_if_any(cx)));
    }
    Ok(people)
}

/// Takes away what is left of somebody without a key.
pub(crate) fn forget(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    for statement in [&DROP_OWN_REASONS, &DROP_RECORD, &DROP_VERSIONS, &DROP_TOKENS, &DROP_TERMS] {
        tx.put(statement, params![subject.bytes()])?;
    }
    Ok(())
}

/// Takes away the links, and the typed reasons of events, that are about nobody who is there. The last pseudonym looked at.
pub(crate) fn forget_links(
    tx: &mut Tx<'_>,
    living: &BTreeSet<[u8; 16]>,
    after: &[u8],
    limit: i64,
) -> Result<Option<[u8; 16]>, Error> {
    let pseudonyms = tx.query(&PSEUDONYMS, params![after, limit], |row| row.bytes::<16>(0))?;
    for pseudonym in pseudonyms.iter().filter(|pseudonym| !living.contains(*pseudonym)) {
        tx.put(&DROP_REASONS, params![pseudonym])?;
        tx.put(&DROP_LINKS, params![pseudonym])?;
    }
    Ok(pseudonyms.last().copied())
}

/// Destroys the keys of people without a record: how many people, and the last one looked at.
pub(crate) fn forget_keys(
    tx: &mut Tx<'_>,
    living: &BTreeSet<SubjectId>,
    after: &[u8],
    limit: i64,
) -> Result<(u64, Option<[u8; 16]>), Error> {
    let keyed = tx.query(&KEYED, params![after, limit], |row| row.bytes::<16>(0))?;
    let mut gone = 0;
    for subject in keyed.iter().filter(|subject| !living.contains(&SubjectId::from_bytes(**subject))) {
        tx.put(&DROP_KEYS, params![subject])?;
        gone += 1;
    }
    Ok((gone, keyed.last().copied()))
}
