//! The log from a place on, in its order, as far as a checkpoint covers it. Whoever goes on from where they were misses nothing and
//! sees nothing twice: a leaf never changes, and what is not signed yet is not shown. Where a log has ended the next one begins.

use avouch_ledger::hash::Hash;
use avouch_store::{Tx, params, statements};

use crate::Error;
use crate::app::App;
use crate::audit::{Event, read::decode};
use crate::ids::EventId;

statements! {
    data LOGS_FROM = "select id, origin, minimum from log where id >= ?1 order by id limit 2";
    data LEAVES = "select l.idx, e.id, e.body from leaf l join event e on e.id = l.event where l.log = ?1 and l.idx >= ?2 and l.idx < ?3 order by l.idx";
    data LEAVES_OF_LATER = "select cast(coalesce(sum(size), 0) as bigint) from log where id > ?1";
}

/// A leaf of the log.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Which of the leaves of its log.
    pub index: u64,
    /// Its event.
    pub id: EventId,
    /// The event.
    pub event: Event,
    /// The hash of the leaf.
    pub leaf: Hash,
}

/// A piece of one log.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// The number of the log.
    pub log: i64,
    /// Its name.
    pub origin: String,
    /// How many leaves a checkpoint covers.
    pub size: u64,
    /// Where to go on.
    pub next: u64,
    /// The leaves, in order.
    pub items: Vec<Placed>,
}

/// Where to go on from a place: there, or at the beginning of the next log if that one has ended there.
pub(crate) fn locate(tx: &mut Tx<'_>, app: &App, log: Option<i64>, from: u64) -> Result<Stretch, Error> {
    let first = log.unwrap_or(i64::MIN);
    let logs = tx.query(&LOGS_FROM, params![first], |row| {
        Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?.cast_unsigned()))
    })?;
    let mut logs = logs.into_iter();
    let (id, origin, minimum) = logs.next().ok_or(Error::NotFound)?;
    // Numbers may be passed over: of a log that is not there nothing was read. What was kept long enough is gone.
    let next = if log == Some(id) { from } else { 0 }.max(minimum);
    let size = app.published(tx, id)?;
    match logs.next() {
        Some((id, origin, minimum)) if next >= size => {
            let size = app.published(tx, id)?;
            Ok(Stretch { log: id, origin, size, next: minimum, items: Vec::new() })
        }
        _ => Ok(Stretch { log: id, origin, size, next, items: Vec::new() }),
    }
}

/// The leaves of a log from where it goes on up to `end`.
///
/// # Errors
/// [`Error::Tampered`] when there are not so many.
pub(crate) fn leaves(tx: &mut Tx<'_>, at: &Stretch, end: u64) -> Result<Vec<Placed>, Error> {
    let place = params![at.log, at.next.cast_signed(), end.cast_signed()];
    let rows = tx.query(&LEAVES, place, |row| {
        Ok((row.int(0)?.cast_unsigned(), EventId::from_int(row.int(1)?), row.blob(2)?.to_vec()))
    })?;
    let mut leaves = Vec::with_capacity(rows.len());
    for (expected, (index, id, body)) in (at.next..end).zip(&rows) {
        if *index != expected {
            return Err(Error::Tampered);
        }
        leaves.push(Placed { index: *index, id: *id, event: decode(body)?, leaf: Hash::leaf(body) });
    }
    if leaves.len() as u64 == end.saturating_sub(at.next) { Ok(leaves) } else { Err(Error::Tampered) }
}

impl App {
    /// At most so many leaves from a place on, for the server's own use: it is not asked whether anybody may.
    ///
    /// # Errors
    /// What the store reports. [`Error::Tampered`] when a leaf is gone.
    pub(crate) fn stretch(
        &self,
        tx: &mut Tx<'_>,
        log: Option<i64>,
        from: u64,
        most: u64,
    ) -> Result<Stretch, Error> {
        let mut stretch = locate(tx, self, log, from)?;
        let end = stretch.next.saturating_add(most).min(stretch.size).max(stretch.next);
        stretch.items = leaves(tx, &stretch, end)?;
        stretch.next = end;
        Ok(stretch)
    }
}

/// How many leaves logs after this one have.
pub(crate) fn leaves_after(tx: &mut Tx<'_>, log: i64) -> Result<u64, Error> {
    Ok(tx.first(&LEAVES_OF_LATER, params![log], |row| row.int(0))?.unwrap_or_default().cast_unsigned())
}
