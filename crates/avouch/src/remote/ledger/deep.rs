//! Records against leaves: what stands in the tables must be what the last event wrote that wrote it, and no more people may be gone
//! than were erased.
//!
//! The tables are read first, then the log up to a checkpoint that covers everything that happened meanwhile. A version of a record
//! is right if some leaf wrote it, of this person and with this number, and no leaf from before the reading of the tables has
//! written over it since. Who was erased is named in no leaf, so that nothing leads to them: they are counted.

use std::collections::{HashMap, HashSet};

use avouch_core::audit::{Ending, Event};
use avouch_wire::{LedgerRecord, LedgerVersion};
use data_encoding::BASE64;

use super::super::CliError;

type Subject = [u8; 16];
type Digest = [u8; 32];
/// A leaf: its log, and where in it.
type Place = (u64, u64);

/// What is known of records and leaves.
#[derive(Debug, Default)]
pub(super) struct Deep {
    records: Vec<Record>,
    unnamed: u64,
    /// Leaves before this one were there before the tables were read.
    settled: Place,
    /// Which leaf wrote a version of a person so, last.
    wrote: HashMap<(Subject, u64, Digest), Place>,
    /// Which leaf of those before the reading wrote a version of a person at all, last.
    last: HashMap<(Subject, u64), Place>,
    /// The newest version of each person that was written before the reading.
    newest: HashMap<Subject, (u64, Place)>,
    ended: u64,
    undecodable: u64,
    /// Events let go of, by log: up to which leaf.
    pruned: HashMap<u64, u64>,
    /// Whether events at the beginning of a log are gone: what they wrote cannot be compared.
    pub(super) incomplete: bool,
}

#[derive(Debug)]
struct Record {
    subject: Subject,
    current: Option<(u64, Digest)>,
    earlier: Vec<(u64, Digest)>,
    damaged: u64,
}

/// What was compared, and what does not fit.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Compared {
    pub(super) people: u64,
    pub(super) versions: u64,
    /// Versions that were written by events that are gone.
    pub(super) uncompared: u64,
    pub(super) faults: Vec<String>,
    /// Beyond those that are listed.
    pub(super) more: u64,
}

/// Faults that are listed.
const LISTED: usize = 20;

impl Compared {
    fn fault(&mut self, text: String) {
        if self.faults.len() < LISTED { self.faults.push(text) } else { self.more += 1 }
    }
}

impl Deep {
    /// With a log and a size that were there before the tables were read.
    pub(super) fn settled_at(log: u64, size: u64) -> Self {
        Self { settled: (log, size), ..Self::default() }
    }

    /// Takes a page of the tables.
    pub(super) fn take(&mut self, page: Vec<LedgerRecord>) -> Result<(), CliError> {
        for record in page {
            let Some(subject) = record.subject.as_ref().map(read::<16>).transpose()? else {
                self.unnamed += 1;
                continue;
            };
            self.records.push(Record {
                subject,
                current: record.current.as_ref().map(version).transpose()?,
                earlier: record.earlier.iter().map(version).collect::<Result<_, _>>()?,
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
        if event.ending != Ending::Done {
            return;
        }
        self.ended += u64::from(event.ended);
        for written in &event.written {
            let whose = written.whose.and_then(|at| event.subjects.get(usize::try_from(at).ok()?));
            let Some(subject) = whose.map(|subject| **subject) else { continue };
            self.wrote.insert((subject, written.version, *written.digest), place);
            if place < self.settled {
                self.last.insert((subject, written.version), place);
                let newest = self.newest.entry(subject).or_insert((written.version, place));
                if written.version >= newest.0 {
                    *newest = (written.version, place);
                }
            }
        }
        if event.what == "log.prune"
            && let Some(gone) = event.before
        {
            let until = self.pruned.entry(gone.log.unsigned_abs()).or_default();
            *until = gone.size.max(*until);
        }
    }

    /// What does not fit.
    pub(super) fn compare(&self) -> Compared {
        let mut compared =
            Compared { people: self.records.len() as u64 + self.unnamed, ..Compared::default() };
        if self.unnamed > 0 {
            compared.fault(format!(
                "no key of {} customers opens, so their records cannot be found in the log",
                self.unnamed
            ));
        }
        if self.undecodable > 0 {
            compared.fault(format!("{} leaves are no events of this version of avouch", self.undecodable));
        }
        let mut seen = HashSet::with_capacity(self.records.len());
        for record in &self.records {
            seen.insert(record.subject);
            self.compare_one(record, &mut compared);
        }
        let gone = self.newest.keys().filter(|subject| !seen.contains(*subject)).count() as u64;
        if gone > self.ended {
            compared.fault(format!(
                "{gone} customers whose records were written are gone, and {} were erased: the others are gone, and no erasure is \
                 on record",
                self.ended
            ));
        }
        compared
    }

    fn compare_one(&self, record: &Record, compared: &mut Compared) {
        let who = BASE64.encode(&record.subject);
        compared.versions += record.earlier.len() as u64 + record.damaged + 1;
        if record.damaged > 0 {
            compared
                .fault(format!("{} versions that are kept of {who} are not what they were", record.damaged));
        }
        match (&record.current, self.newest.get(&record.subject)) {
            (None, _) => compared.fault(format!("the record of {who} is not what it was when it was written")),
            (Some((version, _)), Some((newest, leaf))) if version < newest => compared.fault(format!(
                "the record of {who} is version {version}, and leaf {} wrote version {newest}: an earlier state was put back",
                leaf.1
            )),
            _ => {}
        }
        for (version, digest) in record.current.iter().chain(&record.earlier) {
            let place = (record.subject, *version);
            match (self.wrote.get(&(record.subject, *version, *digest)), self.last.get(&place)) {
                (Some(wrote), Some(last)) if wrote < last => compared.fault(format!(
                    "version {version} of the record of {who} is as leaf {} wrote it, and leaf {} has written over it: an earlier \
                     state was put back",
                    wrote.1, last.1
                )),
                (Some(_), _) => {}
                (None, None) if self.incomplete => compared.uncompared += 1,
                (None, _) => {
                    compared.fault(format!("no event has written version {version} of the record of {who} as it stands"));
                }
            }
        }
    }
}

fn version(version: &LedgerVersion) -> Result<(u64, Digest), CliError> {
    Ok((version.version, read(&version.digest)?))
}

fn read<const N: usize>(text: &String) -> Result<[u8; N], CliError> {
    let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| CliError::Input("a digest of a record has not its form".to_owned()))
}
