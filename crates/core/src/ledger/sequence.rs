//! The sequencer: gives events that have none their places in the tree, in the order of their ids, and writes the tiles that grow
//! by that, in one transaction.
//!
//! Operations run side by side, and an event may become visible after a later one. So an id is drawn, whatever is under way is
//! waited for, and only events up to that id are placed: all of them are there by then, or never will be. The exception is a
//! commit of which nobody knows whether it was done; events that come by it are looked for separately.
//!
//! Nobody gives a place twice: what says how large the tree is moves on only from the size that was read, and an event has one
//! place. Of several nodes one holds a lease, so that the others need not try; it is a matter of economy and nothing rests on it.
//!
//! Crash at any step: nothing of the transaction is there, the events have no place, and the next one does the same.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use avouch_ledger::growth::Growth;
use avouch_ledger::hash::Hash;
use avouch_store::{Tx, params, statements};

use super::{Log, tiles};
use crate::Error;
use crate::app::App;

statements! {
    data REACHED = "select reached from log order by id desc limit 1";
    data NEWEST = "select max(id) from event";
    data WAITING = "select (select count(*) from (select id from event where id > ?1 limit 100000) as newer), (select count(*) from (select event from leaf where event > ?1 limit 100000) as placed)";
    data NEXT = "select id, body from event where id > ?1 and id <= ?2 order by id limit ?3";
    data PLACED = "select event from leaf where event > ?1 and event <= ?2 order by event";
    data UNPLACED = "select e.id, e.body from event e where e.id > ?1 and e.id <= ?2 and not exists (select 1 from leaf l where l.event = e.id) order by e.id limit ?3";
    data PLACE = "insert into leaf (log, idx, event) select cast(?1 as bigint), cast(?2 as bigint) + row_number() over (order by id) - 1, id from event where id > ?3 and id <= ?4";
    data PLACE_ONE = "insert into leaf (log, idx, event) select cast(?1 as bigint), cast(?2 as bigint), id from event where id = ?3";
    data GROW = "update log set size = ?2, root = ?3, reached = ?4, holder = ?5, lease = ?6 where id = ?1 and size = ?7 and (holder = ?5 or lease < ?8)";
}

/// Events of one transaction: as long as it is under way, nothing else is written on SQLite.
const BATCH: usize = 1_024;
const LIMIT: i64 = BATCH as i64;
/// How long a lease is good for, in microseconds.
const LEASE: i64 = 3_000_000;
/// How long is waited for what is under way. What cannot be done for longer than this is given up by the store itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many are not counted: see [`WAITING`].
const MANY: i64 = 100_000;
/// For how long a commit may still come of which nobody knows whether it was done, in microseconds, and how often it is looked for.
const LATE: i64 = 600_000_000;
const LOOKS: i64 = 10_000_000;
/// How much older than the newest an event may be that comes so, as a distance of event ids: as long as a transaction takes.
const OLDER: i64 = 60_000_000 << 10;

/// What was read is not so any more.
const AGAIN: Error = Error::Store(avouch_store::Error::Serialization);

/// What came of a batch.
#[derive(Debug, PartialEq, Eq)]
enum Batch {
    /// So many were placed; there may be more after this one.
    Placed(u64, Option<i64>),
    /// Another node does it.
    Elsewhere,
}

impl App {
    /// Gives every event that has none its place; says how many had none.
    ///
    /// # Errors
    /// What the store reports. [`Error::Tampered`] when a tile is not what it was: then nothing is sequenced.
    pub fn sequence(self: &Arc<Self>) -> Result<u64, Error> {
        let (reached, newest) = self.store.read_wait(|tx| {
            let reached = tx.first(&REACHED, &[], |row| row.int(0))?.ok_or(Error::Tampered)?;
            Ok::<_, Error>((reached, tx.first(&NEWEST, &[], |row| row.opt_int(0))?.flatten()))
        })?;
        if let Some((after, until)) = self.ledger.late.due(self.store.unknown_ends(), reached, self.now()) {
            self.place_all(place_late, after, until)?;
        }
        if newest.is_none_or(|newest| newest <= reached) {
            return Ok(0);
        }
        let until = self.ids.event(self.now()).int();
        self.store.settle(PATIENCE)?;
        self.place_all(place_next, reached, until)
    }

    /// After an opening, too: a crash may have cut off whoever waited for a commit.
    pub(super) fn look_for_late(self: &Arc<Self>) -> Result<(), Error> {
        let reached = self.store.read_wait(|tx| tx.first(&REACHED, &[], |row| row.int(0)))?;
        self.ledger.late.begin(reached.ok_or(Error::Tampered)?, self.now());
        Ok(())
    }

    /// Places what is after one id and up to another, batch by batch.
    fn place_all(self: &Arc<Self>, place: Place, mut after: i64, until: i64) -> Result<u64, Error> {
        let mut placed = 0;
        loop {
            match self.place_batch(place, after, until) {
                Ok(Batch::Placed(count, more)) => {
                    placed += count;
                    match more {
                        Some(last) => after = last,
                        None => return Ok(placed),
                    }
                }
                Ok(Batch::Elsewhere) => return Ok(placed),
                Err(error) => {
                    if matches!(error, Error::Tampered) {
                        self.ledger
                            .broken("events cannot be sequenced: a tile is not what it was".to_owned());
                    }
                    return Err(error);
                }
            }
        }
    }

    /// However much else waits: what is not placed is not proven.
    fn place_batch(self: &Arc<Self>, place: Place, after: i64, until: i64) -> Result<Batch, Error> {
        let app = Arc::clone(self);
        let (sender, receiver) = sync_channel(1);
        // How large the tree is moves on only from what it was when this was begun.
        self.store
            .write_apart(move |tx| place(tx, &app, after, until), move |result| drop(sender.send(result)));
        receiver.recv().unwrap_or(Err(Error::Store(avouch_store::Error::Closed)))
    }
}

/// Events that may come late, by a commit of which nobody knows whether it was done: where they would be, and until when they are
/// looked for.
#[derive(Debug, Default)]
pub(crate) struct Late(Mutex<LateState>);

#[derive(Debug, Default)]
struct LateState {
    unknown: u64,
    after: i64,
    until: i64,
    ends: i64,
    next: i64,
}

impl Late {
    fn begin(&self, reached: i64, now: i64) {
        self.lock().begin(reached, now);
    }

    /// Where to look now, if anywhere.
    fn due(&self, unknown: u64, reached: i64, now: i64) -> Option<(i64, i64)> {
        let mut late = self.lock();
        if late.unknown != unknown {
            late.unknown = unknown;
            late.begin(reached, now);
        }
        if now < late.next || now >= late.ends {
            return None;
        }
        late.next = now.saturating_add(LOOKS);
        // What comes after all that has a place is placed with the rest.
        Some((late.after, late.until.min(reached)))
    }

    fn lock(&self) -> MutexGuard<'_, LateState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LateState {
    fn begin(&mut self, reached: i64, now: i64) {
        // One that is under way is gone on with from where it began.
        if now >= self.ends {
            self.after = reached.saturating_sub(OLDER);
        }
        (self.until, self.ends, self.next) = (reached.saturating_add(OLDER), now.saturating_add(LATE), now);
    }
}

/// How many events have no place yet; of more than a hundred thousand, that many. Anybody may ask.
pub(super) fn waiting(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let reached = tx.first(&REACHED, &[], |row| row.int(0))?.unwrap_or_default();
    let (newer, placed) =
        tx.first(&WAITING, params![reached], |row| Ok((row.int(0)?, row.int(1)?)))?.unwrap_or_default();
    // What has a place already is the first of its log, or came late in one before: next to nothing, so of many it does not count.
    Ok(if newer < MANY { newer.saturating_sub(placed) } else { MANY }.cast_unsigned())
}

type Place = fn(&mut Tx<'_>, &App, i64, i64) -> Result<Batch, Error>;

/// Places what came after all that has a place.
fn place_next(tx: &mut Tx<'_>, app: &App, after: i64, until: i64) -> Result<Batch, Error> {
    let log = Log::current(tx)?.ok_or(Error::Tampered)?;
    let mut events =
        tx.query(&NEXT, params![after, until, LIMIT], |row| Ok((row.int(0)?, Hash::leaf(row.blob(1)?))))?;
    let more = events.last().map(|(last, _)| *last).filter(|_| events.len() == BATCH);
    let last = more.unwrap_or(until);
    // Seldom any: the first of its log, and what came late in one before.
    let placed = tx.query(&PLACED, params![after, last], |row| row.int(0))?;
    events.retain(|(event, _)| placed.binary_search(event).is_err());
    let leaves: Vec<Hash> = events.iter().map(|(_, leaf)| *leaf).collect();
    if !grow(tx, app, &log, &leaves, log.reached.max(last))? {
        return Ok(Batch::Elsewhere);
    }
    let count = events.len() as u64;
    if !placed.is_empty() {
        put_each(tx, &log, events.iter().map(|(event, _)| *event))?;
    } else if tx.execute(&PLACE, params![log.id, log.size.cast_signed(), after, last])? != count {
        // One has come late in between, or was let go of.
        return Err(AGAIN);
    }
    Ok(Batch::Placed(count, more))
}

/// Places what has none although others after it do: seldom anything.
fn place_late(tx: &mut Tx<'_>, app: &App, after: i64, until: i64) -> Result<Batch, Error> {
    let log = Log::current(tx)?.ok_or(Error::Tampered)?;
    let late =
        tx.query(&UNPLACED, params![after, until, LIMIT], |row| Ok((row.int(0)?, Hash::leaf(row.blob(1)?))))?;
    let more = late.last().map(|(last, _)| *last).filter(|_| late.len() == BATCH);
    let leaves: Vec<Hash> = late.iter().map(|(_, leaf)| *leaf).collect();
    if leaves.is_empty() {
        return Ok(Batch::Placed(0, None));
    }
    if !grow(tx, app, &log, &leaves, log.reached)? {
        return Ok(Batch::Elsewhere);
    }
    put_each(tx, &log, late.iter().map(|(event, _)| *event))?;
    Ok(Batch::Placed(late.len() as u64, more))
}

/// These and no others: what was let go of since it was read has its place already.
fn put_each(tx: &mut Tx<'_>, log: &Log, events: impl Iterator<Item = i64>) -> Result<(), Error> {
    for (index, event) in (log.size..).zip(events) {
        if tx.execute(&PLACE_ONE, params![log.id, index.cast_signed(), event])? == 0 {
            return Err(AGAIN);
        }
    }
    Ok(())
}

/// Gives one event its place before all others that have none.
pub(super) fn place_one(tx: &mut Tx<'_>, app: &App, log: &Log, event: i64, body: &[u8]) -> Result<(), Error> {
    if !grow(tx, app, log, &[Hash::leaf(body)], log.reached)? {
        return Err(AGAIN);
    }
    put_each(tx, log, [event].into_iter())
}

/// Writes the tiles as they are with these leaves, and how large the tree is then. False when another node does that.
fn grow(tx: &mut Tx<'_>, app: &App, log: &Log, leaves: &[Hash], reached: i64) -> Result<bool, Error> {
    let mut growth = Growth::resume(log.size, |tile| tiles::load(tx, log.id, tile))?;
    if growth.root() != log.root {
        return Err(Error::Tampered);
    }
    leaves.iter().for_each(|leaf| growth.push(*leaf));
    let now = app.now();
    let moved = tx.execute(
        &GROW,
        params![
            log.id,
            growth.size().cast_signed(),
            &growth.root().0,
            reached,
            &app.ledger.node,
            now.saturating_add(LEASE),
            log.size.cast_signed(),
            now
        ],
    )?;
    if moved == 0 {
        return Ok(false);
    }
    growth.changed().try_for_each(|tile| tiles::put(tx, log.id, tile))?;
    Ok(true)
}
