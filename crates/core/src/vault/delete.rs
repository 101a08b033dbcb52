//! Erasing a person, in two steps that survive a crash between them: first the rows and the index terms go and an erasure
//! is noted, in one transaction; then the keys are destroyed. Only then is the caller answered. At start, erasures that
//! were interrupted are finished.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::index;
use super::keys::Ring;
use super::record::Record;
use crate::Error;
use crate::app::{App, Cx, Done, IdempotencyKey, Once, Operation, Outcome};
use crate::audit::{self, Note, What};
use crate::gate::{Caller, Intent, Permit, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;

statements! {
    data DROP_RECORD = "delete from record where subject = ?1";
    data DROP_VERSIONS = "delete from record_version where subject = ?1";
    data DROP_TOKENS = "delete from token where subject = ?1";
    data DROP_LINKS = "delete from event_subject where pseudonym = ?1";
    data PUT_ERASURE = "insert into erasure (subject, begun) values (?1, ?2)";
    data ERASURES = "select subject from erasure order by subject limit 1000";
    data DROP_ERASURE = "delete from erasure where subject = ?1";
    keys DROP_KEYS = "delete from subject_key where subject = ?1";
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
    app.store.write(
        move |tx| {
            let keys = tx.execute(&DROP_KEYS, params![id.bytes()])?;
            if tx.execute(&DROP_ERASURE, params![id.bytes()])? > 0 {
                let mut event = audit::system(What::SubjectShred, inner.now(), inner.rules().version);
                event.count = u32::try_from(keys).unwrap_or(u32::MAX);
                audit::append(tx, inner.ids.event(inner.now()), &event, 0, None)?;
            }
            Ok::<_, Error>(())
        },
        answer,
    );
}

/// Finishes erasures that a crash interrupted.
pub(super) fn resume(app: &Arc<App>) -> Result<(), Error> {
    loop {
        let waiting = app.store.read_wait(|tx| {
            Ok::<_, Error>(tx.query(&ERASURES, &[], |row| Ok(SubjectId::from_bytes(row.bytes(0)?)))?)
        })?;
        if waiting.is_empty() {
            return Ok(());
        }
        for id in waiting {
            let (sender, receiver) = std::sync::mpsc::sync_channel(1);
            shred(app, id, move |result| drop(sender.send(result)));
            receiver.recv().unwrap_or(Err(Error::Store(avouch_store::Error::Closed)))?;
        }
    }
}

impl Operation for DeleteSubject {
    const ACTION: Action = Action::SubjectDelete;
    type Output = Deleted;
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(Intent { purpose, reason, rows: 1, shows: Shows::Nothing })
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        record: Record,
    ) -> Result<Outcome<Deleted>, Error> {
        if self.version.is_some_and(|version| version != record.version) {
            return Err(Error::Stale { current: record.version });
        }
        let mut ring = Ring::load(tx, self.id)?;
        let pseudonym = ring.pseudonym(cx)?;
        for place in 0..cx.rules.fields.len() {
            if cx.rules.rule(place)?.index.is_none() {
                continue;
            }
            let Some(values) = record.values(cx, permit, &mut ring, place)? else { continue };
            for value in values.iter() {
                if let Some(term) = index::term(cx.rules, place, value)? {
                    index::remove(tx, self.id, &term)?;
                }
            }
        }
        for statement in [&DROP_RECORD, &DROP_VERSIONS, &DROP_TOKENS] {
            tx.put(statement, params![self.id.bytes()])?;
        }
        tx.put(&DROP_LINKS, params![&pseudonym])?;
        tx.put(&PUT_ERASURE, params![self.id.bytes(), cx.now])?;
        let note = Note { made: vec![pseudonym], ..Note::count(1) };
        Ok(Outcome::new(Deleted { id: self.id }, note))
    }
}
