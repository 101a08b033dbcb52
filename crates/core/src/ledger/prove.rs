//! Proofs of single events, for whoever has the keys of the log and nothing else of ours.

use avouch_ledger::prove::prove_inclusion;
use avouch_ledger::receipt::Receipt;
use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use super::publish::Published;
use super::tiles::Tiles;
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::{Note, read::find};
use crate::gate::{Intent, Permit};
use crate::ids::EventId;
use crate::rules::Rules;

statements! {
    data LEAF = "select l.log, l.idx, e.body from leaf l join event e on e.id = l.event where l.event = ?1";
}

/// Proves that an event is in the log.
#[derive(Debug, Clone, Copy)]
pub struct Prove {
    /// Which.
    pub event: EventId,
}

/// The proof of an event, for whoever has the keys of the log and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The number of its log.
    pub log: i64,
    /// The name of its log.
    pub origin: String,
    /// Which of its leaves.
    pub index: u64,
    /// The event as it is hashed.
    pub entry: Vec<u8>,
    /// c2sp.org/tlog-proof, with the entry along: whoever has this file needs no other.
    pub receipt: String,
}

const NOT_PUBLISHED: Error = Error::Conflict("no checkpoint covers the event yet: ask again in two seconds");

impl Operation for Prove {
    const ACTION: Action = Action::EventRead;
    type Output = Proof;
    type Facts = (i64, u64, Vec<u8>);

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<Self::Facts, Error> {
        let leaf = tx.first(&LEAF, params![self.event.int()], |row| {
            Ok((row.int(0)?, row.int(1)?.cast_unsigned(), row.blob(2)?.to_vec()))
        })?;
        match leaf {
            Some(leaf) => Ok(leaf),
            None if find(tx, self.event)?.is_some() => Err(NOT_PUBLISHED),
            None => Err(Error::NotFound),
        }
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        (log, index, entry): Self::Facts,
    ) -> Result<Outcome<Proof>, Error> {
        let Published { checkpoint, note, .. } = best(tx, cx.app, log, index)?.ok_or(NOT_PUBLISHED)?;
        let path = prove_inclusion(&mut Tiles { tx, log }, index, checkpoint.size)?;
        let receipt = Receipt::new(index, path, note, entry.clone())?.to_string();
        Ok(Outcome::new(Proof { log, origin: checkpoint.origin, index, entry, receipt }, Note::count(1)))
    }
}

/// The checkpoint that proves most: one that is witnessed rather than a newer one that is not yet.
pub(super) fn best(tx: &mut Tx<'_>, app: &App, log: i64, index: u64) -> Result<Option<Published>, Error> {
    let covers = |published: &Published| index < published.checkpoint.size;
    let witnessed = match app.ledger.witnessed(log) {
        Some(witnessed) => Some((*witnessed).clone()),
        None => Published::witnessed(tx, app, log)?,
    };
    match witnessed.filter(covers) {
        Some(witnessed) => Ok(Some(witnessed)),
        None => Ok(Published::newest(tx, app, log)?.filter(covers)),
    }
}
