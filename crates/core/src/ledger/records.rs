//! What stands in the tables of customers, for whoever compares it with the log: for each person the name that events know them
//! by, and the digests of their record's versions as they are now. An event names the digests of what it wrote, so a version
//! that no event has written, an older one that was put back, and a person who is gone without an erasure are found by it.
//!
//! It says of nobody who they are: not even the id, which others outside know too.

use avouch_policy::Action;
use avouch_store::Tx;

use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::record::Record;
use crate::vault::{SubjectPlace, unchecked};

/// The place in the list, sealed: a person's id is in it.
const CURSOR: &str = "record_cursor";

/// Reads the digests of records.
#[derive(Debug, Clone)]
pub struct ReadRecords {
    /// Go on behind this place.
    pub after: Option<Vec<u8>>,
    /// At most so many people.
    pub limit: usize,
}

/// One person's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordState {
    /// As events name them. Nothing if none of their keys opens.
    pub pseudonym: Option<[u8; 16]>,
    /// The version that is shown. Nothing if it is not what it was when it was written.
    pub current: Option<VersionDigest>,
    /// Those before it, the newest first.
    pub earlier: Vec<VersionDigest>,
    /// Versions before it that are not what they were.
    pub damaged: u64,
}

/// A version by its number, and its digest.
pub type VersionDigest = (u64, [u8; 32]);

/// A page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordStates {
    /// In no order that says anything.
    pub items: Vec<RecordState>,
    /// Where to go on.
    pub next: Option<Vec<u8>>,
}

impl Operation for ReadRecords {
    const ACTION: Action = Action::EventRead;
    type Output = RecordStates;
    type Facts = Option<SubjectPlace>;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Self::Facts, Error> {
        let Some(place) = &self.after else { return Ok(None) };
        let opened = cx.app.keys.open_row(CURSOR, &[], place).map_err(|_| Error::NotFound)?;
        SubjectPlace::from_bytes(&opened).map(Some).ok_or(Error::NotFound)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        after: Self::Facts,
    ) -> Result<Outcome<RecordStates>, Error> {
        let records = unchecked(tx, after, self.limit)?;
        tx.read_ahead(|| records.iter().map(|record| Ring::ahead(record.subject)).collect())?;
        let last = records.last().filter(|_| records.len() == self.limit).map(SubjectPlace::of);
        let items: Vec<_> =
            records.into_iter().map(|record| state(tx, cx, record)).collect::<Result<_, _>>()?;
        let seal = |place: SubjectPlace| cx.app.keys.seal_row(CURSOR, &[], &place.to_bytes(), &cx.app.rng);
        let next = last.map(seal).transpose()?;
        let note = Note::count(items.len());
        Ok(Outcome::new(RecordStates { items, next }, note))
    }
}

fn state(tx: &mut Tx<'_>, cx: &Cx<'_>, record: Record) -> Result<RecordState, Error> {
    let pseudonym = Ring::load(tx, record.subject)?.pseudonym_if_any(cx);
    let (mut earlier, mut damaged) = (Vec::new(), 0);
    for version in Record::each_earlier(tx, cx, &record, record.version, usize::MAX)? {
        match version {
            Ok(version) => earlier.push((version.version, version.manifest)),
            Err(Error::Tampered) => damaged += 1,
            Err(error) => return Err(error),
        }
    }
    let current = record.checked(cx).ok().map(|record| (record.version, record.manifest));
    Ok(RecordState { pseudonym, current, earlier, damaged })
}
