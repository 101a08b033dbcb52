//! "Who saw my data", as something that proves itself: every event about a person, each with its path to one checkpoint. Whoever
//! has the keys of the log needs nothing else; that there is no other event about the person shows in a copy of the whole log.

use std::collections::BTreeMap;

use avouch_ledger::hash::Hash;
use avouch_ledger::prove::prove_inclusion;
use avouch_policy::Action;
use avouch_store::{Ahead, Tx, params, statements};

use super::prove::best;
use super::publish::Published;
use super::tiles::Tiles;
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::record::Record;

statements! {
    data OF_PERSON = "select l.log, l.idx, e.body from event_subject s join leaf l on l.event = s.event join event e on e.id = s.event where s.pseudonym = ?1 and s.event < ?2 order by s.event desc limit ?3";
    data OF_EVENT = "select l.log, l.idx, e.body from leaf l join event e on e.id = l.event where l.event = ?1";
}

/// Events of one bundle; a person of whom there are more has several.
pub const MAX_PROVEN: usize = 1_000;

/// Proves what was seen and changed of a person.
#[derive(Debug, Clone)]
pub struct ProveAccesses {
    /// Who.
    pub id: SubjectId,
    /// For which purpose it is asked.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Only events before this one.
    pub before: Option<i64>,
}

/// The events about one person in one log, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenAccesses {
    /// The name by which events know them.
    pub pseudonym: [u8; 16],
    /// By log, the newest first.
    pub logs: Vec<ProvenInLog>,
    /// Events that no checkpoint covers yet.
    pub unproven: u64,
    /// Go on before this event, when there are more.
    pub next: Option<i64>,
}

/// Those in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenInLog {
    /// The checkpoint that all paths lead to, as a signed note.
    pub checkpoint: String,
    /// The leaves, the newest first.
    pub leaves: Vec<ProvenLeaf>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenLeaf {
    /// Its place.
    pub index: u64,
    /// The event as it is hashed.
    pub entry: Vec<u8>,
    /// From beside the leaf to beneath the root.
    pub path: Vec<Hash>,
}

impl Operation for ProveAccesses {
    const ACTION: Action = Action::SubjectAccesses;
    type Output = ProvenAccesses;
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), 1))
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend([Record::ahead(self.id), Ring::ahead(self.id)]);
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        record: Record,
    ) -> Result<Outcome<ProvenAccesses>, Error> {
        let pseudonym = Ring::load(tx, self.id)?.pseudonym(cx)?;
        let before = self.before.unwrap_or(i64::MAX);
        let limit = i64::try_from(MAX_PROVEN).unwrap_or(i64::MAX);
        let leaf = |row: &avouch_store::Row<'_>| {
            Ok((row.int(0)?, row.int(1)?.cast_unsigned(), row.blob(2)?.to_vec()))
        };
        let mut found = tx.query(&OF_PERSON, params![&pseudonym, before, limit], leaf)?;
        let full = found.len() == MAX_PROVEN;
        // The event that made the record is named by its row instead of a link.
        let first = Record::earlier(tx, cx, &record, 2, 1)?.pop().unwrap_or(record).event.int();
        if !full && first < before {
            found.extend(tx.first(&OF_EVENT, params![first], leaf)?);
            found.dedup_by_key(|(log, index, _)| (*log, *index));
        }
        let next = match found.last() {
            Some((_, _, body)) if full => Some(crate::audit::read::decode(body)?.id),
            _ => None,
        };
        let (logs, unproven) = proven(tx, cx, found)?;
        let count = logs.iter().map(|log| log.leaves.len()).sum();
        let note = Note { subjects: vec![pseudonym], ..Note::count(count) };
        Ok(Outcome::new(ProvenAccesses { pseudonym, logs, unproven, next }, note))
    }
}

/// By log, each leaf with its path; and how many have none yet.
fn proven(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    found: Vec<(i64, u64, Vec<u8>)>,
) -> Result<(Vec<ProvenInLog>, u64), Error> {
    let (mut logs, mut unproven) = (Vec::new(), 0);
    let mut last = BTreeMap::<i64, u64>::new();
    for (log, index, _) in &found {
        let last = last.entry(*log).or_default();
        *last = (*last).max(*index);
    }
    let mut found = found.into_iter().peekable();
    while let Some((log, ..)) = found.peek() {
        let log = *log;
        let newest = match best(tx, cx.app, log, last.get(&log).copied().unwrap_or_default())? {
            Some(best) => Some(best),
            None => Published::newest(tx, cx.app, log)?,
        };
        let size = newest.as_ref().map_or(0, |newest| newest.checkpoint.size);
        let mut leaves = Vec::new();
        while let Some((_, index, entry)) = found.next_if(|(of, ..)| *of == log) {
            if index >= size {
                unproven += 1;
                continue;
            }
            let path = prove_inclusion(&mut Tiles { tx, log }, index, size)?;
            leaves.push(ProvenLeaf { index, entry, path });
        }
        if let Some(newest) = newest.filter(|_| !leaves.is_empty()) {
            logs.push(ProvenInLog { checkpoint: newest.note, leaves });
        }
    }
    Ok((logs, unproven))
}
