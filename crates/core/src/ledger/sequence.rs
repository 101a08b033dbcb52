//! The sequencer: gives events that wait their places in the tree, and writes the tiles that grow by that, in one transaction.
//!
//! Nobody gives a place twice: what says how large the tree is moves on only from the size that was read, and an event has one
//! place. Of several nodes one holds a lease, so that the others need not try; it is a matter of economy and nothing rests on it.
//!
//! Crash at any step: nothing of the transaction is there, the events wait, and the next one does the same.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use avouch_ledger::growth::Growth;
use avouch_ledger::hash::Hash;
use avouch_store::{Tx, params, statements};

use super::Log;
use super::tiles;
use crate::Error;
use crate::app::App;

statements! {
    data ANY_WAITS = "select event from unsequenced order by event limit 1";
    data WAITING = "select count(*) from unsequenced";
    data NEXT = "select u.event, e.body from unsequenced u left join event e on e.id = u.event order by u.event limit ?1";
    data PLACE = "insert into leaf (log, idx, event) select cast(?1 as bigint), cast(?2 as bigint) + row_number() over (order by event) - 1, event from unsequenced where event <= ?3";
    data PLACED = "delete from unsequenced where event <= ?1";
    data PLACE_ONE = "insert into leaf (log, idx, event) values (?1, ?2, ?3)";
    data PLACED_ONE = "delete from unsequenced where event = ?1";
    data GROW = "update log set size = ?2, root = ?3, holder = ?4, lease = ?5 where id = ?1 and size = ?6 and (holder = ?4 or lease < ?7)";
}

/// Events of one transaction: as long as it is under way, nothing else is written on SQLite.
const BATCH: usize = 1_024;
/// How long a lease is good for, in microseconds.
const LEASE: i64 = 3_000_000;

/// Why a batch was not placed.
#[derive(Debug, PartialEq, Eq)]
enum Batch {
    /// So many were.
    Placed(usize),
    /// Another node does it.
    Elsewhere,
}

impl App {
    /// Gives every event that waits its place; says how many had none.
    ///
    /// # Errors
    /// What the store reports. [`Error::Tampered`] when tiles or an event are not what they were: then nothing is sequenced.
    pub fn sequence(self: &Arc<Self>) -> Result<u64, Error> {
        let mut placed = 0;
        if self.store.read_wait(|tx| tx.first(&ANY_WAITS, &[], |row| row.int(0)))?.is_none() {
            return Ok(placed);
        }
        loop {
            match self.place_batch() {
                Ok(Batch::Placed(count)) => {
                    placed += count as u64;
                    if count < BATCH {
                        return Ok(placed);
                    }
                }
                Ok(Batch::Elsewhere) => return Ok(placed),
                Err(error) => {
                    if matches!(error, Error::Tampered) {
                        self.ledger.broken(
                            "events cannot be sequenced: a tile or an event is not what it was".to_owned(),
                        );
                    }
                    return Err(error);
                }
            }
        }
    }

    /// However much else waits: what is not placed is not proven.
    fn place_batch(self: &Arc<Self>) -> Result<Batch, Error> {
        let app = Arc::clone(self);
        let (sender, receiver) = sync_channel(1);
        self.store.write_urgent(move |tx| place_waiting(tx, &app), move |result| drop(sender.send(result)));
        receiver.recv().unwrap_or(Err(Error::Store(avouch_store::Error::Closed)))
    }
}

/// How many events wait for their place.
pub(super) fn waiting(tx: &mut Tx<'_>) -> Result<u64, Error> {
    Ok(tx.first(&WAITING, &[], |row| row.int(0))?.unwrap_or_default().cast_unsigned())
}

fn place_waiting(tx: &mut Tx<'_>, app: &App) -> Result<Batch, Error> {
    let log = Log::current(tx)?.ok_or(Error::Tampered)?;
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let mut leaves = Vec::with_capacity(BATCH);
    let mut last = 0;
    let found = tx.query(&NEXT, params![limit], |row| {
        last = row.int(0)?;
        leaves.push(row.opt_blob(1)?.map(Hash::leaf));
        Ok(())
    })?;
    if found.is_empty() {
        return Ok(Batch::Placed(0));
    }
    if !grow(tx, app, &log, &leaves)? {
        return Ok(Batch::Elsewhere);
    }
    let place = tx.execute(&PLACE, params![log.id, log.size.cast_signed(), last])?;
    let gone = tx.execute(&PLACED, params![last])?;
    let count = leaves.len() as u64;
    // One snapshot: as many as were read.
    if place == count && gone == count {
        Ok(Batch::Placed(leaves.len()))
    } else {
        Err(Error::Store(avouch_store::Error::Serialization))
    }
}

/// Gives one event its place before all others that wait.
pub(super) fn place_one(tx: &mut Tx<'_>, app: &App, log: &Log, event: i64, body: &[u8]) -> Result<(), Error> {
    if !grow(tx, app, log, &[Some(Hash::leaf(body))])? {
        return Err(Error::Store(avouch_store::Error::Serialization));
    }
    tx.put(&PLACE_ONE, params![log.id, log.size.cast_signed(), event])?;
    Ok(tx.put(&PLACED_ONE, params![event])?)
}

/// Writes the tiles as they are with these leaves, and how large the tree is then. False when another node does that.
fn grow(tx: &mut Tx<'_>, app: &App, log: &Log, leaves: &[Option<Hash>]) -> Result<bool, Error> {
    let mut growth = Growth::resume(log.size, |tile| tiles::load(tx, log.id, tile))?;
    if growth.root() != log.root {
        return Err(Error::Tampered);
    }
    for leaf in leaves {
        // An event that is gone while it waits is damage, and not passed over.
        growth.push(leaf.ok_or(Error::Tampered)?);
    }
    for tile in growth.changed() {
        tiles::put(tx, log.id, tile)?;
    }
    let now = app.now();
    let moved = tx.execute(
        &GROW,
        params![
            log.id,
            growth.size().cast_signed(),
            &growth.root().0,
            &app.ledger.node,
            now.saturating_add(LEASE),
            log.size.cast_signed(),
            now
        ],
    )?;
    Ok(moved == 1)
}
