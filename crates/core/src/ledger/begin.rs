//! How a log begins, and what is looked at before it goes on.
//!
//! The first begins with the vault. At each start the log is compared with what was published of it, as the key store knows
//! that. Where data are older than that, or not the same, the log has ended: what is signed stays as it is, what was only
//! sequenced is sequenced anew, and the next log begins. Its first leaf says what was published of the one before, so whoever
//! follows the logs sees that something was lost, and how much.

use std::cmp::Ordering;
use std::sync::Arc;

use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::prove::root;
use avouch_store::{Tx, params, statements};

use super::publish::{Published, goes_on, origin};
use super::tiles::Tiles;
use super::{Log, sequence};
use crate::Error;
use crate::app::App;
use crate::audit::{self, Before, What};

statements! {
    data PUT_LOG = "insert into log (id, origin, begun, size, root, reached, minimum, holder, lease) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    data END_LOG = "update log set size = ?2, root = ?3 where id = ?1";
    data TAKE_LEASE = "update log set holder = ?2, lease = ?3 where id = ?1";
    data BEFORE_THESE = "select min(event) from leaf where log = ?1 and idx >= ?2";
    data TAKE_BACK = "delete from leaf where log = ?1 and idx >= ?2";
}

/// Begins the first log of a vault.
pub(crate) fn first(tx: &mut Tx<'_>, app: &App) -> Result<(), Error> {
    put(tx, app, 1, 0).map(drop)
}

/// Begins the next log: the stores were put back, and nobody here knows what has been published since.
pub(crate) fn after_restore(tx: &mut Tx<'_>, app: &App) -> Result<(), Error> {
    let Some(log) = Log::current(tx)? else { return first(tx, app) };
    let stored = genuine(log.id, Published::newest(tx, app, log.id))?;
    let kept = genuine(log.id, Published::kept(tx, app))?;
    next(tx, app, &log, stored.as_ref(), kept.as_ref())
}

/// Looks whether the log is what was published of it, and begins another one where it is not.
///
/// # Errors
/// What the store reports.
pub(crate) fn open(app: &Arc<App>) -> Result<(), Error> {
    let keeper = Arc::clone(app);
    let newest = app.store.write_wait(move |tx| look(tx, &keeper))?;
    newest.into_iter().for_each(|newest| app.ledger.publish(newest));
    // Not before it is known that the log goes on.
    app.sequence_late().map(drop)
}

fn look(tx: &mut Tx<'_>, app: &App) -> Result<Option<Published>, Error> {
    let Some(log) = Log::current(tx)? else {
        return Err(Error::Tampered);
    };
    // One process at a time: whoever held the lease is no more.
    tx.put(&TAKE_LEASE, params![log.id, &app.ledger.node, 0_i64])?;
    let stored = genuine(log.id, Published::newest(tx, app, log.id))?;
    let kept = genuine(log.id, Published::kept(tx, app))?;
    match fits(tx, &log, stored.as_ref(), kept.as_ref()) {
        Ok(()) => {
            let newest = stored.or_else(|| kept.filter(|kept| kept.log == log.id));
            if let Some(newest) = &newest {
                newest.put(tx)?;
            }
            Ok(newest)
        }
        Err(Error::Tampered) => {
            tracing::error!(
                log = log.id,
                published = kept.as_ref().map_or(0, |kept| kept.checkpoint.size),
                stored = stored.as_ref().map_or(0, |stored| stored.checkpoint.size),
                "the log is not what was published of it: these data are older, or were altered; it has ended, and another begins"
            );
            next(tx, app, &log, stored.as_ref(), kept.as_ref())?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What is no checkpoint that a log of ours has signed counts as nothing: whoever put it there gains nothing by it.
fn genuine(log: i64, published: Result<Option<Published>, Error>) -> Result<Option<Published>, Error> {
    match published {
        Err(Error::Tampered) => {
            tracing::error!(log, "a stored checkpoint is none that a log of this vault has signed");
            Ok(None)
        }
        published => published,
    }
}

/// Whether the log is what it says of itself, and goes on from both.
fn fits(
    tx: &mut Tx<'_>,
    log: &Log,
    stored: Option<&Published>,
    kept: Option<&Published>,
) -> Result<(), Error> {
    if root(&mut Tiles { tx, log: log.id }, log.size)? != log.root {
        return Err(Error::Tampered);
    }
    for published in [stored, kept].into_iter().flatten() {
        let Checkpoint { size, root, .. } = &published.checkpoint;
        match published.log.cmp(&log.id) {
            // Of a log that has ended, and nothing was published of this one yet.
            Ordering::Less => continue,
            Ordering::Equal => {}
            // Of a log that these data know nothing of.
            Ordering::Greater => return Err(Error::Tampered),
        }
        goes_on(tx, log.id, (*size, root), (log.size, &log.root))?;
    }
    Ok(())
}

/// Ends a log where it was signed, and begins the next.
fn next(
    tx: &mut Tx<'_>,
    app: &App,
    log: &Log,
    stored: Option<&Published>,
    kept: Option<&Published>,
) -> Result<(), Error> {
    let (end, top) =
        stored.map_or_else(|| (0, Hash::empty()), |stored| (stored.checkpoint.size, stored.checkpoint.root));
    let end_at = params![log.id, end.cast_signed()];
    // What was placed and not signed is placed again.
    let again = tx.first(&BEFORE_THESE, end_at, |row| row.opt_int(0))?.flatten();
    let reached = again.map_or(log.reached, |first| log.reached.min(first - 1));
    tx.put(&TAKE_BACK, end_at)?;
    tx.put(&END_LOG, params![log.id, end.cast_signed(), &top.0])?;
    let newest = [stored, kept].into_iter().flatten().max_by_key(|one| (one.log, one.checkpoint.size));
    let id = newest.map_or(log.id, |newest| newest.log.max(log.id)) + 1;
    let log = put(tx, app, id, reached)?;
    let mut event = audit::system(app.ids.event(app.now()), What::LogBegin, app.now(), app.rules().version);
    event.before = newest.map(|newest| Before {
        log: newest.log,
        size: newest.checkpoint.size,
        root: newest.checkpoint.root.0.into(),
    });
    audit::append(tx, &event, 0, None)?;
    sequence::place_one(tx, app, &log, event.id, &audit::encode(&event))
}

fn put(tx: &mut Tx<'_>, app: &App, id: i64, reached: i64) -> Result<Log, Error> {
    let log = Log { id, origin: origin(app, id), size: 0, root: Hash::empty(), reached };
    let Log { origin, root, .. } = &log;
    tx.put(
        &PUT_LOG,
        params![id, origin.as_str(), app.now(), 0_i64, &root.0, reached, 0_i64, &app.ledger.node, 0_i64],
    )?;
    Ok(log)
}
