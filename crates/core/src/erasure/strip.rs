//! Taking what belongs to a person out of the data store: all of it, or the entries of some retention classes. Values are not
//! opened for that: an entry says which class it is of.

use avouch_store::{Tx, params, statements};

use super::order::unless_damaged;
use crate::Error;
use crate::app::{App, Cx};
use crate::audit::Wrote;
use crate::gate;
use crate::ids::SubjectId;
use crate::indexes::{self, IndexRule};
use crate::rules::Rules;
use crate::vault::record::{Record, push_entry};
use crate::vault::token;
use crate::watch;

statements! {
    data DROP_RECORD of record / 1 = "delete from record where subject = ?1";
    data DROP_VERSIONS of record_version / 1 = "delete from record_version where subject = ?1";
    data DROP_OUTCOMES = "delete from idempotency where subject = ?1";
    data DROP_HOLDS = "delete from hold where subject = ?1";
    data DROP_OWN_REASONS = "update event set sealed = null where id in (select event from record where subject = ?1 union select event from record_version where subject = ?1)";
    data DROP_REASONS = "update event set sealed = null where id in (select event from event_subject where pseudonym = ?1)";
    data DROP_LINKS = "delete from event_subject where pseudonym = ?1";
    data STRIPPED_VERSION of record_version / 2 = "update record_version set entries = ?3, manifest = ?4 where subject = ?1 and version = ?2";
}

/// How much was removed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Removed {
    pub(super) fields: u64,
    pub(super) versions: u64,
    pub(super) tokens: u64,
}

/// Removes everything of a person but the index terms, which are found by value. Without the pseudonym, which only the
/// person's keys tell, the looks at them keep their links: see `orphans`.
pub(super) fn remove_person(
    tx: &mut Tx<'_>,
    app: &App,
    subject: SubjectId,
    pseudonym: Option<&[u8; 16]>,
) -> Result<Removed, Error> {
    let id = subject.bytes();
    tx.put(&DROP_OWN_REASONS, params![id])?;
    if let Some(pseudonym) = pseudonym {
        drop_looks(tx, pseudonym)?;
    }
    for statement in [&DROP_RECORD, &DROP_OUTCOMES, &DROP_HOLDS] {
        tx.put(statement, params![id])?;
    }
    gate::marks::forget(tx, subject)?;
    gate::approvals::forget(tx, subject)?;
    gate::break_glass::forget(tx, app, subject)?;
    watch::alarms::forget(tx, subject)?;
    watch::forget(tx, subject)?;
    let versions = tx.execute(&DROP_VERSIONS, params![id])?;
    let tokens = token::drop_of_subject(tx, subject)?;
    Ok(Removed { fields: 0, versions, tokens })
}

/// Removes what was typed when a person was looked at, and what leads from the person to these events.
pub(super) fn drop_looks(tx: &mut Tx<'_>, pseudonym: &[u8; 16]) -> Result<(), Error> {
    tx.put(&DROP_REASONS, params![pseudonym])?;
    Ok(tx.put(&DROP_LINKS, params![pseudonym])?)
}

/// Takes the entries of classes out of a person's record, which becomes a new version, and out of all versions that are kept.
/// Of each class only what was written up to a version, so that one that was begun anew stays. What was written goes to `wrote`,
/// with the name under which events know the person.
pub(super) fn remove_classes(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    record: &Record,
    classes: &[(u32, u64)],
    wrote: (Option<[u8; 16]>, &mut Vec<Wrote>),
) -> Result<Removed, Error> {
    let stripped = Stripped::of(tx, cx, record, classes)?;
    if stripped.damaged > 0 {
        return Err(Error::Tampered);
    }
    let removed = stripped.put(tx, wrote)?;
    Ok(Removed { tokens: drop_tokens(tx, cx, record.subject, classes)?, ..removed })
}

/// A person's record and its kept versions without the entries of some classes; only what changes by that. Nothing is written
/// yet, so that whoever finds damage can leave everything as it is.
#[derive(Debug)]
pub(super) struct Stripped {
    earlier: Vec<Record>,
    current: Option<(Record, Record)>,
    fields: u64,
    /// How many kept versions do not open. What is in them is not opened by a class's key either, once that is gone.
    pub(super) damaged: usize,
}

impl Stripped {
    pub(super) fn of(
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        record: &Record,
        classes: &[(u32, u64)],
    ) -> Result<Self, Error> {
        let (entries, fields) = without(record, classes)?;
        let current = (fields > 0).then(|| {
            let old = record.clone().restated(cx, entries.clone());
            let next = old.next(cx, entries);
            (old, next)
        });
        let (mut earlier, mut damaged) = (Vec::new(), 0);
        for old in Record::each_earlier(tx, cx, record, record.version, usize::MAX)? {
            match unless_damaged(old.and_then(|old| Ok((without(&old, classes)?, old))))? {
                Some(((_, 0), _)) => {}
                Some(((entries, _), old)) => earlier.push(old.restated(cx, entries)),
                None => damaged += 1,
            }
        }
        Ok(Self { earlier, current, fields, damaged })
    }

    pub(super) fn put(
        self,
        tx: &mut Tx<'_>,
        (whose, written): (Option<[u8; 16]>, &mut Vec<Wrote>),
    ) -> Result<Removed, Error> {
        let mut removed = Removed { fields: self.fields, ..Removed::default() };
        for new in self.earlier {
            let place = params![new.subject.bytes(), new.version.cast_signed(), &new.entries, &new.manifest];
            if tx.execute(&STRIPPED_VERSION, place)? == 0 {
                return Err(Error::Store(avouch_store::Error::Serialization));
            }
            written.push(new.wrote(whose));
            removed.versions += 1;
        }
        if let Some((old, next)) = self.current {
            old.replace(tx, &next)?;
            written.extend([old.wrote(whose), next.wrote(whose)]);
            removed.versions += 1;
        }
        Ok(removed)
    }
}

/// The entries that stay, and how many do not.
fn without(record: &Record, classes: &[(u32, u64)]) -> Result<(Vec<u8>, u64), Error> {
    let mut stay = Vec::with_capacity(record.entries.len());
    let mut gone = 0;
    for entry in record.entries() {
        let entry = entry?;
        if classes.iter().any(|(class, until)| *class == entry.class && entry.version <= *until) {
            gone += 1;
        } else {
            push_entry(&mut stay, &entry);
        }
    }
    Ok((stay, gone))
}

/// Drops the tokens that point to fields of these classes. One that does not open points to nothing, and goes too.
pub(super) fn drop_tokens(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    classes: &[(u32, u64)],
) -> Result<u64, Error> {
    token::drop_of_fields(tx, cx, subject, |field| {
        let place = field.and_then(|field| cx.rules.by_number.get(&field));
        let class = place.and_then(|place| cx.rules.fields.get(*place)).map(|rule| rule.class);
        class.is_none_or(|class| classes.iter().any(|(ended, _)| *ended == class))
    })
}

/// The indexes that hold something of these classes.
pub(super) fn indexes_of<'r>(
    rules: &'r Rules,
    classes: &'r [(u32, u64)],
) -> impl Iterator<Item = &'r IndexRule> + 'r {
    let ended = |place: &usize| {
        let class = rules.fields.get(*place).map(|rule| rule.class);
        classes.iter().any(|(ended, _)| Some(*ended) == class)
    };
    rules.indexes.iter().filter(move |index| index.over.iter().any(|(place, _)| ended(place)))
}

/// Removes a person's terms in these indexes without knowing them.
pub(super) fn remove_terms_blindly(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    classes: &[(u32, u64)],
) -> Result<(), Error> {
    indexes_of(cx.rules, classes).try_for_each(|index| indexes::remove_of(tx, index.number, subject))
}
