//! What everybody may see of the log, and what only those who may read events.
//!
//! Checkpoints and tiles say how many events there are, and nothing of what is in them: they are for everybody, as a promise is.
//! The entries are the events themselves, so they are behind the same door as these, and reading them is an event.

use std::sync::{Arc, PoisonError};

use avouch_ledger::bundle::push_entry;
use avouch_ledger::tile::{BundleId, TILE_WIDTH, TileId};
use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use super::publish::Published;
use super::tiles;
use super::{Newest, Witnesses, publish, sequence};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

statements! {
    data LOGS = "select id, origin, begun, size, minimum from log order by id desc limit ?1";
    data ENTRIES = "select l.idx, e.body from leaf l left join event e on e.id = l.event where l.log = ?1 and l.idx >= ?2 and l.idx < ?3 order by l.idx";
    data CHECKPOINTS = "select size, note from checkpoint where log = ?1 and size > ?2 order by size limit ?3";
}

/// Logs that are listed: another begins with a restore, so there are not many.
const MAX_LOGS: i64 = 1_000;
/// Checkpoints of one page.
const PAGE: i64 = 100;

/// How it is with the log.
#[derive(Debug, Clone)]
pub struct LogState {
    /// All logs, the one that goes on first.
    pub logs: Vec<OneLog>,
    /// Events without a place yet.
    pub waiting: u64,
    /// The newest checkpoint of the log that goes on.
    pub published: Option<Arc<Published>>,
    /// The newest one that as many witnesses have signed as are wanted.
    pub witnessed: Option<Arc<Published>>,
    /// The witnesses that are asked, by their names.
    pub witnesses: Vec<String>,
    /// How many of them have to have signed.
    pub quorum: usize,
    /// Since when a checkpoint waits for them, in microseconds UTC; nothing when none does.
    pub unwitnessed_since: Option<i64>,
    /// Why nothing is signed any more.
    pub fault: Option<String>,
}

/// One log.
#[derive(Debug, Clone)]
pub struct OneLog {
    /// 1, 2, 3, …
    pub number: i64,
    /// Its name.
    pub origin: String,
    /// When it began, in microseconds UTC.
    pub begun: i64,
    /// Leaves, signed or not.
    pub size: u64,
    /// Entries before this leaf were kept long enough, and are gone.
    pub minimum: u64,
    /// What verifies its checkpoints: to be handed to whoever does, by a way that is not this server.
    pub keys: Vec<String>,
}

impl App {
    /// How it is with the log.
    pub fn log_state(self: &Arc<Self>, answer: impl FnOnce(Result<LogState, Error>) + Send + 'static) {
        let app = Arc::clone(self);
        self.store.read(move |tx| app.state(tx), answer);
    }

    /// Why nothing is signed any more.
    #[must_use]
    pub fn log_fault(&self) -> Option<String> {
        self.ledger.fault()
    }

    fn state(&self, tx: &mut Tx<'_>) -> Result<LogState, Error> {
        let logs = tx.query(&LOGS, params![MAX_LOGS], |row| {
            let (number, begun, size) = (row.int(0)?, row.int(2)?, row.int(3)?.cast_unsigned());
            let minimum = row.int(4)?.cast_unsigned();
            Ok(OneLog { minimum, number, origin: row.text(1)?.to_owned(), begun, size, keys: Vec::new() })
        })?;
        let with_keys = |log: OneLog| Ok(OneLog { keys: self.log_keys(&log.origin)?, ..log });
        let Newest { published, witnessed, unwitnessed_since } = self.ledger.standing();
        let Witnesses { list, quorum, .. } = &self.ledger.witnesses;
        Ok(LogState {
            logs: logs.into_iter().map(with_keys).collect::<Result<_, Error>>()?,
            waiting: sequence::waiting(tx)?,
            published,
            witnessed,
            witnesses: list.iter().map(|witness| witness.name().to_owned()).collect(),
            quorum: if list.is_empty() { 0 } else { (*quorum).max(1) },
            unwitnessed_since: unwitnessed_since.filter(|_| !list.is_empty()),
            fault: self.ledger.fault(),
        })
    }

    /// Whether checkpoints wait for the signatures of witnesses for longer than they may.
    #[must_use]
    pub fn unwitnessed_for_too_long(&self) -> bool {
        let witnesses = &self.ledger.witnesses;
        let patience = i64::try_from(witnesses.patience.as_micros()).unwrap_or(i64::MAX);
        let since = self.ledger.standing().unwitnessed_since.filter(|_| !witnesses.list.is_empty());
        since.is_some_and(|since| self.now().saturating_sub(since) > patience)
    }

    /// Computed once: anybody may ask.
    fn log_keys(&self, origin: &str) -> Result<Vec<String>, Error> {
        let mut known = self.ledger.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(origin) {
            return Ok(keys.clone());
        }
        let keys: Vec<String> =
            publish::signer(self, origin)?.verifier_keys().iter().map(ToString::to_string).collect();
        known.insert(origin.to_owned(), keys.clone());
        Ok(keys)
    }

    /// The newest checkpoint of a log. Nothing when there is none yet, or no such log.
    pub fn log_checkpoint(
        self: &Arc<Self>,
        log: i64,
        answer: impl FnOnce(Result<Option<Arc<Published>>, Error>) + Send + 'static,
    ) {
        match self.ledger.newest().filter(|newest| newest.log == log) {
            Some(newest) => answer(Ok(Some(newest))),
            None => {
                let app = Arc::clone(self);
                self.store.read(move |tx| Ok(Published::newest(tx, &app, log)?.map(Arc::new)), answer);
            }
        }
    }

    /// Signed checkpoints that are kept, of trees larger than `after`, the smallest first: a page of them.
    pub fn log_checkpoints(
        self: &Arc<Self>,
        log: i64,
        after: u64,
        answer: impl FnOnce(Result<Vec<(u64, String)>, Error>) + Send + 'static,
    ) {
        let read = move |tx: &mut Tx<'_>| {
            Ok(tx.query(&CHECKPOINTS, params![log, after.cast_signed(), PAGE], |row| {
                Ok((row.int(0)?.cast_unsigned(), row.text(1)?.to_owned()))
            })?)
        };
        self.store.read(read, answer);
    }

    /// The hashes of a tile, as far as a checkpoint covers them; nothing beyond.
    pub fn log_tile(
        self: &Arc<Self>,
        log: i64,
        tile: TileId,
        answer: impl FnOnce(Result<Option<Vec<u8>>, Error>) + Send + 'static,
    ) {
        let app = Arc::clone(self);
        let read = move |tx: &mut Tx<'_>| {
            let size = app.published(tx, log)?;
            let there = TileId::within(size, tile.level, tile.index);
            if there.is_none_or(|there| there.width < tile.width) {
                return Ok(None);
            }
            tiles::load(tx, log, tile).map(Some)
        };
        self.store.read(read, answer);
    }

    /// How many leaves a checkpoint of this log covers.
    pub(super) fn published(&self, tx: &mut Tx<'_>, log: i64) -> Result<u64, Error> {
        match self.ledger.newest().filter(|newest| newest.log == log) {
            Some(newest) => Ok(newest.checkpoint.size),
            None => Ok(Published::newest(tx, self, log)?.map_or(0, |newest| newest.checkpoint.size)),
        }
    }
}

/// Reads the events of one bundle, as they are hashed.
#[derive(Debug, Clone, Copy)]
pub struct ReadEntries {
    /// Of which log.
    pub log: i64,
    /// Which of its bundles.
    pub bundle: BundleId,
}

impl Operation for ReadEntries {
    const ACTION: Action = Action::EventRead;
    type Output = Vec<u8>;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<(), Error> {
        let there = BundleId::within(cx.app.published(tx, self.log)?, self.bundle.index);
        if there.is_some_and(|there| self.bundle.width <= there.width) {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    fn run(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Vec<u8>>, Error> {
        let BundleId { index, width } = self.bundle;
        let first = index * u64::from(TILE_WIDTH);
        let place = params![self.log, first.cast_signed(), (first + u64::from(width)).cast_signed()];
        let found = tx.query(&ENTRIES, place, |row| {
            Ok((row.int(0)?.cast_unsigned(), row.opt_blob(1)?.map(<[u8]>::to_vec)))
        })?;
        let mut entries = vec![Vec::new(); usize::from(width)];
        let mut any = false;
        for (place, body) in found {
            let slot = usize::try_from(place - first).ok().and_then(|at| entries.get_mut(at));
            if let Some((slot, body)) = slot.zip(body) {
                *slot = body;
                any = true;
            }
        }
        if !any {
            // They were let go of.
            return Err(Error::NotFound);
        }
        // One that somebody took away is empty, which no event is: whoever verifies sees which it was, and that it is not there.
        let mut bundle = Vec::with_capacity(entries.iter().map(|entry| entry.len() + 2).sum());
        entries.iter().try_for_each(|entry| push_entry(&mut bundle, entry)).map_err(|_| Error::Tampered)?;
        Ok(Outcome::new(bundle, Note::count(entries.len())))
    }
}
