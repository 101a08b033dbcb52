//! Erasing a person, in two steps that survive a crash between them: first the rows and the index terms go and an erasure
//! is noted, in one transaction; then the keys are destroyed. Only then is the caller answered. At start, erasures that
//! were interrupted are finished.
//!
//! Damage must not keep a person in the vault: what no longer opens is erased all the same, its index terms by subject. With
//! the rows go the typed reasons of every event that touched the person; their commitments stay.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::keys::Ring;
use super::record::Record;
use super::terms::{self, Held};
use crate::Error;
use crate::app::{App, Cx, Done, IdempotencyKey, Once, Operation, Outcome};
use crate::audit::{self, Note, What};
use crate::gate::{Caller, Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::indexes;
use crate::rules::Rules;

statements! {
    data DROP_RECORD of record / 1 = "delete from record where subject = ?1";
    data DROP_VERSIONS of record_version / 1 = "delete from record_version where subject = ?1";
    data DROP_TOKENS = "delete from token where subject = ?1";
    data DROP_REASONS = "update event set sealed = null where id in (select event from event_subject where pseudonym = ?1)";
    data DROP_OWN_REASONS = "update event set sealed = null where id in (select event from record where subject = ?1 union select event from record_version where subject = ?1)";
    data DROP_LINKS = "delete from event_subject where pseudonym = ?1";
    data PUT_ERASURE = "insert into erasure (subject, begun, sealed) values (?1, ?2, ?3)";
    data ERASURES = "select subject, begun, sealed from erasure where subject > ?1 order by subject limit 1000";
    data DROP_ERASURE = "delete from erasure where subject = ?1";
    keys DROP_KEYS of subject_key / 1 = "delete from subject_key where subject = ?1";
}

/// The first step: rows, index terms, tokens.
#[derive(Debug, Clone)]
struct DeleteSubject {
    id: SubjectId,
    version: Option<u64>,
    purpose: Option<String>,
    reason: Option<Reason>,
}

/// Who is gone.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Deleted {
    /// Who.
    pub id: SubjectId,
}

/// Erases a person and answers when the keys are destroyed.
pub fn erase(
    app: &Arc<App>,
    caller: &Caller,
    id: SubjectId,
    version: Option<u64>,
    (purpose, reason): (Option<String>, Option<Reason>),
    key: Option<IdempotencyKey>,
    answer: impl FnOnce(Result<Done<Deleted>, Error>) + Send + 'static,
) {
    let operation = Once { operation: DeleteSubject { id, version, purpose, reason }, key };
    let next = Arc::clone(app);
    app.perform(caller, operation, move |result| match result {
        Ok(done) => shred(&next, id, move |shredded| answer(shredded.map(|()| done))),
        Err(error) => answer(Err(error)),
    });
}

/// The second step: the keys. Safe to repeat.
fn shred(app: &Arc<App>, id: SubjectId, answer: impl FnOnce(Result<(), Error>) + Send + 'static) {
    let inner = Arc::clone(app);
    let store = Arc::clone(app);
    app.store.write_urgent(
        move |tx| {
            let keys = tx.execute(&DROP_KEYS, params![id.bytes()])?;
            if tx.execute(&DROP_ERASURE, params![id.bytes()])? > 0 {
                let mut event = audit::system(What::SubjectShred, inner.now(), inner.rules().version);
                event.count = u32::try_from(keys).unwrap_or(u32::MAX);
                audit::append(tx, inner.ids.event(inner.now()), &event, 0, None)?;
            }
            Ok::<_, Error>(())
        },
        move |result: Result<(), Error>| match result {
            // The deleted keys still stand in the engine's log until it is emptied.
            Ok(()) => store.store.purge(move |purged| {
                if !matches!(purged, Ok(true)) {
                    tracing::warn!("the key store's log could not be emptied; the next purge takes it along");
                }
                answer(Ok(()));
            }),
            Err(error) => {
                tracing::error!(%error, "an erasure waits for its second step; housekeeping tries it again");
                answer(Err(error));
            }
        },
    );
}

/// Finishes erasures that were interrupted. Only those that were ordered by an operation: a row that somebody put into the
/// table by hand carries no seal of ours, and must not destroy anybody's keys.
pub(super) fn resume(app: &Arc<App>) -> Result<(), Error> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let from = after.clone();
        let waiting = app.store.read_wait(move |tx| {
            Ok::<_, Error>(tx.query(&ERASURES, params![&from], |row| {
                Ok((row.bytes::<16>(0)?, row.int(1)?, row.blob(2)?.to_vec()))
            })?)
        })?;
        let Some((last, ..)) = waiting.last() else { return Ok(()) };
        after = last.to_vec();
        for (id, begun, order) in waiting {
            let id = SubjectId::from_bytes(id);
            if app.keys.open_row("erasure", &order_place(id, begun), &order).is_err() {
                tracing::error!(subject = %id, "an erasure that nobody ordered was found and is not done");
                continue;
            }
            let (sender, receiver) = std::sync::mpsc::sync_channel(1);
            shred(app, id, move |result| drop(sender.send(result)));
            receiver.recv().unwrap_or(Err(Error::Store(avouch_store::Error::Closed)))?;
        }
    }
}

/// What an erasure's order is bound to: its open columns.
fn order_place(id: SubjectId, begun: i64) -> Vec<u8> {
    avouch_seal::pae::pae(&[id.bytes(), &begun.to_le_bytes()])
}

impl Operation for DeleteSubject {
    const ACTION: Action = Action::SubjectDelete;
    type Output = Deleted;
    /// Nothing when the record is there and damaged.
    type Facts = Option<Record>;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(Intent::about(purpose, reason, 1))
    }

    /// An index that it does not know would keep its terms.
    fn writes(&self) -> bool {
        true
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Option<Record>, Error> {
        unless_damaged(Record::load(tx, cx, self.id))
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        record: Option<Record>,
    ) -> Result<Outcome<Deleted>, Error> {
        // The version of a damaged record is not known, and nobody can have read it.
        if let Some(record) = &record
            && self.version.is_some_and(|version| version != record.version)
        {
            return Err(Error::Stale { current: record.version });
        }
        let mut ring = unless_damaged(Ring::load(tx, self.id))?;
        let whole = match (&record, &mut ring) {
            (Some(record), Some(ring)) => unless_damaged(remove_terms(tx, cx, permit, record, ring))?,
            _ => None,
        };
        if whole.is_none() {
            tracing::error!("a record that failed its integrity check is erased");
            indexes::remove_all(tx, self.id)?;
        }
        let pseudonym = ring.and_then(|mut ring| ring.pseudonym_if_any(cx));
        tx.put(&DROP_OWN_REASONS, params![self.id.bytes()])?;
        for statement in [&DROP_RECORD, &DROP_VERSIONS, &DROP_TOKENS] {
            tx.put(statement, params![self.id.bytes()])?;
        }
        if let Some(pseudonym) = &pseudonym {
            tx.put(&DROP_REASONS, params![pseudonym])?;
            tx.put(&DROP_LINKS, params![pseudonym])?;
        }
        let order = cx.app.keys.seal_row("erasure", &order_place(self.id, cx.now), &[], &cx.app.rng)?;
        tx.put(&PUT_ERASURE, params![self.id.bytes(), cx.now, &order])?;
        let note = Note { made: pseudonym.into_iter().collect(), ..Note::count(1) };
        Ok(Outcome::new(Deleted { id: self.id }, note))
    }
}

/// Removes the index terms of the values that the record holds.
fn remove_terms(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    record: &Record,
    ring: &mut Ring,
) -> Result<(), Error> {
    // Those of indexes that are on their way out, too: the person goes first.
    let all = || cx.rules.indexes.iter();
    let held = Held::open(cx, permit, record, ring, terms::places(all()))?;
    let terms = terms::terms(cx.rules, &held, all())?;
    terms.into_iter().try_for_each(|term| indexes::remove(tx, record.subject, term))
}

/// Nothing in the place of what is damaged, whether it is a seal that is broken or a column of another form.
fn unless_damaged<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(whole) => Ok(Some(whole)),
        Err(Error::Tampered | Error::Store(avouch_store::Error::Column { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
