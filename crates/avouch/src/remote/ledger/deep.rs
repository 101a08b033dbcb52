//! Records against leaves: what stands in the tables must be what the last event wrote that wrote it, and nobody may be gone
//! without an erasure.
//!
//! The tables are read first, then the log up to a checkpoint that covers everything that happened meanwhile. A record is right
//! if some leaf wrote it, and no leaf that is older than the reading of the tables has written over it.

use std::collections::{HashMap, HashSet};

use avouch_core::audit::{Ending, Event};
use avouch_wire::LedgerRecord;
use data_encoding::BASE64;

use super::super::CliError;

type Subject = [u8; 16];
type Digest = [u8; 32];

/// What is known of records and leaves.
#[derive(Debug, Default)]
pub(super) struct Deep {
    records: Vec<Record>,
    unnamed: u64,
    /// Leaves before this one were there before the tables were read: of which log, and where in it.
    settled: Place,
    /// Who wrote what last; and of whom it is, where the leaf is of one person.
    written: HashMap<Digest, (Place, Option<Subject>)>,
    last: HashMap<Subject, Place>,
    ended: HashSet<Subject>,
    restored: Option<Place>,
    undecodable: u64,
    /// Whether events at the beginning of a log are gone: what they wrote cannot be compared.
    pub(super) pruned: bool,
}

/// A leaf: its log, and where in it.
type Place = (u64, u64);

#[derive(Debug)]
struct Record {
    subject: Subject,
    current: Option<Digest>,
    earlier: Vec<Digest>,
    damaged: u64,
}

/// What was compared, and what does not fit.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Compared {
    pub(super) people: u64,
    pub(super) versions: u64,
    /// Customers whose records were written by events that are gone.
    pub(super) uncompared: u64,
    pub(super) faults: Vec<String>,
    /// Beyond those that are listed.
    pub(super) more: u64,
}

/// Faults that are listed.
const LISTED: usize = 20;

impl Deep {
    /// With a log and a size that were there before the tables were read.
    pub(super) fn settled_at(log: u64, size: u64) -> Self {
        Self { settled: (log, size), ..Self::default() }
    }

    /// Takes a page of the tables.
    pub(super) fn take(&mut self, page: Vec<LedgerRecord>) -> Result<(), CliError> {
        for record in page {
            let digest = |text: &String| read::<32>(text);
            let Some(subject) = record.subject.as_ref().map(read::<16>).transpose()? else {
                self.unnamed += 1;
                continue;
            };
            self.records.push(Record {
                subject,
                current: record.current.as_ref().map(digest).transpose()?,
                earlier: record.earlier.iter().map(digest).collect::<Result<_, _>>()?,
                damaged: record.damaged,
            });
        }
        Ok(())
    }

    /// Takes a leaf, in the order of the log.
    pub(super) fn leaf(&mut self, log: u64, index: u64, entry: &[u8]) {
        let place = (log, index);
        let Ok(event) = Event::decode(entry) else {
            self.undecodable += 1;
            return;
        };
        // Who is gone then is not named: their keys were gone already.
        if matches!(event.what.as_str(), "vault.restore" | "erasure.replay") {
            self.restored = Some(place);
        }
        if event.ending != Ending::Done {
            return;
        }
        if !event.written.is_empty() {
            let whose = match event.subjects.as_slice() {
                [one] => Some(**one),
                _ => None,
            };
            self.written.extend(event.written.iter().map(|digest| (**digest, (place, whose))));
            if place < self.settled {
                self.last.extend(event.subjects.iter().map(|subject| (**subject, place)));
            }
        } else if event.erasure.is_some() && event.fields.is_empty() {
            self.ended.extend(event.subjects.iter().map(|subject| **subject));
        }
    }

    /// What does not fit.
    pub(super) fn compare(&self) -> Compared {
        let mut compared =
            Compared { people: self.records.len() as u64 + self.unnamed, ..Compared::default() };
        let mut fault = |text: String| {
            if compared.faults.len() < LISTED { compared.faults.push(text) } else { compared.more += 1 }
        };
        if self.unnamed > 0 {
            fault(format!(
                "no key of {} customers opens, so their records cannot be found in the log",
                self.unnamed
            ));
        }
        if self.undecodable > 0 {
            fault(format!("{} leaves are no events of this version of avouch", self.undecodable));
        }
        let mut seen = HashSet::with_capacity(self.records.len());
        let (mut versions, mut uncompared) = (0, 0);
        for record in &self.records {
            seen.insert(record.subject);
            versions += 1 + record.earlier.len() as u64 + record.damaged;
            let who = BASE64.encode(&record.subject);
            match record.current {
                None => fault(format!("the record of {who} is not what it was when it was written")),
                Some(current) => match (self.wrote(&current, record), self.last.get(&record.subject)) {
                    (None, _) if self.pruned => uncompared += 1,
                    (None, _) => fault(format!("no event has written the record of {who} as it stands")),
                    (Some(wrote), Some(last)) if wrote < *last => fault(format!(
                        "the record of {who} is as leaf {} wrote it, and leaf {} has written over it: an earlier state was put back",
                        wrote.1, last.1
                    )),
                    (Some(_), _) => {}
                },
            }
            let unwritten =
                record.earlier.iter().filter(|digest| self.wrote(digest, record).is_none()).count();
            if unwritten > 0 && !self.pruned {
                fault(format!("no event has written {unwritten} of the versions that are kept of {who}"));
            }
            if record.damaged > 0 {
                fault(format!("{} versions that are kept of {who} are not what they were", record.damaged));
            }
        }
        for (subject, last) in &self.last {
            let explained =
                self.ended.contains(subject) || self.restored.is_some_and(|restored| *last < restored);
            if !seen.contains(subject) && !explained {
                let who = BASE64.encode(subject);
                fault(format!(
                    "the record of {who}, which leaf {} wrote, is gone, and no erasure is on record",
                    last.1
                ));
            }
        }
        compared.versions = versions;
        compared.uncompared = uncompared;
        compared
    }

    /// Which leaf wrote this of this person.
    fn wrote(&self, digest: &Digest, record: &Record) -> Option<Place> {
        let (place, whose) = self.written.get(digest)?;
        whose.is_none_or(|whose| whose == record.subject).then_some(*place)
    }
}

fn read<const N: usize>(text: &String) -> Result<[u8; N], CliError> {
    let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| CliError::Input("a digest of a record has not its form".to_owned()))
}
