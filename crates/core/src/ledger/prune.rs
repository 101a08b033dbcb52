//! The retention of the log itself. What happened longer ago than it is kept goes: the events, what was typed with them, and what
//! led from people to them; in whole bundles, from the first leaf on, up to a minimum index. The hashes stay, so that proofs
//! between any two checkpoints hold, and proofs that were given hold anyway.
//!
//! While anybody is under a legal hold nothing goes, and nothing that a receiver of events was not sent yet. That something went is an
//! event.
//!
//! Crash between two batches: what has gone has gone up to the minimum that stands in the log's row; the next round goes on.

use std::cmp::Ordering;
use std::sync::Arc;

use avouch_ledger::prove::root;
use avouch_ledger::tile::TILE_WIDTH;
use avouch_store::{Tx, params, statements};

use super::publish::Published;
use super::tiles::Tiles;
use crate::Error;
use crate::app::App;
use crate::audit::siem::SiemCursor;
use crate::audit::{self, Before, What};

statements! {
    data KEPT = "select id, minimum from log order by id";
    data ANY_HOLD = "select id from hold limit 1";
    data NEWEST_OLD = "select idx from leaf where event <= ?2 and log = ?1 order by event desc limit 1";
    data OLD = "select l.event, e.body from leaf l left join event e on e.id = l.event where l.log = ?1 and l.idx >= ?2 and l.idx < ?3";
    data DROP_LINK of event_subject / 2 = "delete from event_subject where pseudonym = ?1 and event = ?2";
    data DROP_UNDER = "delete from event_under where under = ?1 and event = ?2";
    data DROP_EVENT = "delete from event where id = ?1";
    data DROP_LEAVES = "delete from leaf where log = ?1 and idx >= ?2 and idx < ?3";
    data SET_MINIMUM = "update log set minimum = ?2 where id = ?1 and minimum = ?3";
}

/// Leaves that go in one transaction.
const BATCH: i64 = 4 * TILE_WIDTH as i64;
const DAY: i64 = 86_400_000_000;

impl App {
    /// Lets go of events that happened more than so many days ago, and that all these receivers have; says how many.
    ///
    /// # Errors
    /// What the store reports.
    pub fn prune_log(self: &Arc<Self>, keep_days: u32, receivers: &[String]) -> Result<u64, Error> {
        let before = self.now().saturating_sub(i64::from(keep_days) * DAY);
        // Ids are made of the time, and sort by it.
        let newest = before << 10;
        let logs = self.store.read_wait(|tx| tx.query(&KEPT, &[], |row| Ok((row.int(0)?, row.int(1)?))))?;
        let mut gone = 0;
        for (log, minimum) in logs {
            gone += self.prune_one(log, minimum, newest, receivers)?;
        }
        Ok(gone)
    }

    /// Up to which leaf of a log all these have everything.
    fn received(&self, log: i64, receivers: &[String]) -> Result<i64, Error> {
        let mut least = i64::MAX;
        for receiver in receivers {
            let SiemCursor { log: at, index } = self.siem_cursor(receiver)?;
            let has = match at.map(|at| at.cmp(&log)) {
                Some(Ordering::Greater) => i64::MAX,
                Some(Ordering::Equal) => index.cast_signed(),
                Some(Ordering::Less) | None => 0,
            };
            least = least.min(has);
        }
        Ok(least)
    }

    fn prune_one(
        self: &Arc<Self>,
        log: i64,
        mut minimum: i64,
        newest: i64,
        receivers: &[String],
    ) -> Result<u64, Error> {
        let app = Arc::clone(self);
        let (last, signed) = self.store.read_wait(move |tx| {
            let last = tx.first(&NEWEST_OLD, params![log, newest], |row| row.int(0))?;
            Ok::<_, Error>((
                last,
                Published::newest(tx, &app, log)?.map_or(0, |signed| signed.checkpoint.size),
            ))
        })?;
        // What nobody has signed for yet is nobody's to let go of.
        let old = last.map_or(0, |last| last + 1).min(signed.cast_signed());
        let received = self.received(log, receivers)?;
        if received < old {
            tracing::warn!(
                log,
                waiting = old - received,
                "old events wait for a receiver that does not have them yet"
            );
        }
        let until = old.min(received) / i64::from(TILE_WIDTH) * i64::from(TILE_WIDTH);
        let begun = minimum;
        while minimum < until {
            let (from, to) = (minimum, until.min(minimum + BATCH));
            let app = Arc::clone(self);
            if !self.store.write_wait(move |tx| prune(tx, &app, log, (from, to)))? {
                break;
            }
            minimum = to;
        }
        Ok((minimum - begun).unsigned_abs())
    }
}

/// False when somebody is under a legal hold.
fn prune(tx: &mut Tx<'_>, app: &App, log: i64, (from, to): (i64, i64)) -> Result<bool, Error> {
    if tx.first(&ANY_HOLD, &[], |_| Ok(()))?.is_some() {
        return Ok(false);
    }
    if tx.execute(&SET_MINIMUM, params![log, to, from])? == 0 {
        return Err(Error::Store(avouch_store::Error::Serialization));
    }
    let old = tx
        .query(&OLD, params![log, from, to], |row| Ok((row.int(0)?, row.opt_blob(1)?.map(<[u8]>::to_vec))))?;
    for (event, body) in old {
        let (subjects, under) = match body {
            Some(body) => audit::read::decode(&body).map(|event| (event.subjects, event.under))?,
            None => (Vec::new(), None),
        };
        for under in under.iter().flatten() {
            tx.put(&DROP_UNDER, params![&under[..], event])?;
        }
        for subject in subjects {
            tx.put(&DROP_LINK, params![&subject[..], event])?;
        }
        tx.put(&DROP_EVENT, params![event])?;
    }
    tx.put(&DROP_LEAVES, params![log, from, to])?;
    let mut event = audit::system(app.ids.event(app.now()), What::LogPrune, app.now(), app.rules().version);
    event.count = u32::try_from(to - from).unwrap_or(u32::MAX);
    // Whoever verifies does not take anybody's word for it that these were to go.
    let root = root(&mut Tiles { tx, log }, to.cast_unsigned())?;
    event.before = Some(Before { log, size: to.cast_unsigned(), root: root.0.into() });
    audit::append(tx, &event, 0, None)?;
    Ok(true)
}
