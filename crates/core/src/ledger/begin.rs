//! How a log begins, and what is looked at before it goes on.
//!
//! The first begins with the vault. At each start the log is compared with what was published of it, as the key store knows
//! that, and as witnesses know it who can be asked. Where data are older than that, or not the same, the log has ended: what is
//! signed stays as it is, what was only sequenced is sequenced anew, and the next log begins. Its first leaf says what was
//! published of the one before, so whoever follows the logs sees that something was lost, and how much.

use std::cmp::Ordering;
use std::sync::Arc;
use std::thread;

use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::prove::root;
use avouch_ledger::witness::log_id;
use avouch_store::{Tx, params, statements};

use super::cosign::{Compared, compare};
use super::publish::{Published, goes_on, origin};
use super::tiles::Tiles;
use super::{Log, Witness, sequence};
use crate::Error;
use crate::app::App;
use crate::audit::{self, Before, What};

statements! {
    data PUT_LOG = "insert into log (id, origin, begun, size, root, reached, minimum, holder, lease) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    data END_LOG = "update log set size = ?2, root = ?3, lease = ?4 where id = ?1";
    data TAKE_LEASE = "update log set holder = ?2, lease = ?3 where id = ?1";
    data BEFORE_THESE = "select min(event) from leaf where log = ?1 and idx >= ?2";
    data TAKE_BACK = "delete from leaf where log = ?1 and idx >= ?2";
}

/// Begins the first log of a vault.
pub(crate) fn first(tx: &mut Tx<'_>, app: &App) -> Result<(), Error> {
    put(tx, app, 1, 0).map(drop)
}

/// Begins the next log: the stores were put back, and nobody here knows what has been published since. Witnesses may.
pub(crate) fn after_restore(tx: &mut Tx<'_>, app: &App, witnessed: &[Published]) -> Result<(), Error> {
    let Some(log) = Log::current(tx)? else { return first(tx, app) };
    let stored = genuine(log.id, Published::newest(tx, app, log.id))?;
    let kept = genuine(log.id, Published::kept(tx, app))?;
    let all = [stored.as_ref(), kept.as_ref()].into_iter().flatten().chain(witnessed);
    let newest = all.max_by_key(|one| place(one));
    next(tx, app, &log, stored.as_ref(), newest)
}

/// Asks every witness what it has signed of the log that goes on. What comes back counts for as much as this vault has signed it.
pub(crate) fn witnessed(app: &App) -> Result<Vec<Published>, Error> {
    if app.ledger.witnesses.list.is_empty() {
        return Ok(Vec::new());
    }
    let Some(log) = app.store.read_wait(Log::current)? else { return Ok(Vec::new()) };
    let (log, ask) = (&log, of_witness);
    thread::scope(|scope| {
        let asked: Vec<_> = app
            .ledger
            .witnesses
            .list
            .iter()
            .map(|witness| scope.spawn(move || ask(app, witness, log)))
            .collect();
        Ok(asked.into_iter().filter_map(|asked| asked.join().ok().flatten()).collect())
    })
}

fn of_witness(app: &App, witness: &Witness, log: &Log) -> Option<Published> {
    match witness.line.checkpoint(&log_id(&log.origin)) {
        Ok(None) => None,
        Ok(Some(note)) => Published::read(app, log.id, 0, &note)
            .inspect_err(|error| {
                tracing::error!(witness = witness.name(), %error, "it shows what no log of this vault has signed");
            })
            .ok(),
        Err(error) => {
            tracing::warn!(
                witness = witness.name(),
                error,
                "this witness could not be asked whether these data are older than what it has signed"
            );
            None
        }
    }
}

/// Looks whether the log is what was published of it, and begins another one where it is not.
///
/// # Errors
/// What the store reports.
pub(crate) fn open(app: &Arc<App>) -> Result<(), Error> {
    let keeper = Arc::clone(app);
    let witnessed = witnessed(app)?;
    let (newest, witnessed) = app.store.write_wait(move |tx| {
        let newest = look(tx, &keeper, &witnessed)?;
        let log = newest.as_ref().map(|newest| newest.log);
        let witnessed = log.map(|log| Published::witnessed(tx, &keeper, log)).transpose();
        Ok::<_, Error>((newest, genuine(log.unwrap_or_default(), witnessed.map(Option::flatten))?))
    })?;
    app.ledger.resume(newest, witnessed);
    // Not before it is known that the log goes on.
    app.look_for_late()
}

fn look(tx: &mut Tx<'_>, app: &App, witnessed: &[Published]) -> Result<Option<Published>, Error> {
    let Some(log) = Log::current(tx)? else {
        return Err(Error::Tampered);
    };
    // One process at a time: whoever held the lease is no more.
    tx.put(&TAKE_LEASE, params![log.id, &app.ledger.node, 0_i64])?;
    let stored = genuine(log.id, Published::newest(tx, app, log.id))?;
    let kept = genuine(log.id, Published::kept(tx, app))?;
    let elsewhere: Vec<&Published> = kept.iter().chain(witnessed).collect();
    let whole = root(&mut Tiles { tx, log: log.id }, log.size).and_then(|root| same(root == log.root));
    let mut broken = is_broken(whole)?;
    if let Some(stored) = &stored {
        broken |= is_broken(fits(tx, &log, stored))?;
    }
    let mut against = Vec::new();
    for published in elsewhere.iter().copied() {
        if is_broken(fits(tx, &log, published))? {
            against.push(published);
        }
    }
    if !broken && against.is_empty() {
        let of_this = |published: &&Published| published.log == log.id;
        let newest = stored.or_else(|| {
            let known = elsewhere.iter().copied().filter(of_this);
            known.max_by_key(|one| place(one)).cloned()
        });
        if let Some(newest) = &newest {
            newest.put(tx)?;
        }
        return Ok(newest);
    }
    // What speaks against these data is what others have.
    let newest = against.iter().copied().max_by_key(|one| place(one));
    let all = stored.iter().chain(elsewhere.iter().copied());
    let newest = newest.or_else(|| all.max_by_key(|one| place(one)));
    tracing::error!(
        log = log.id,
        published = newest.map_or(0, |newest| newest.checkpoint.size),
        stored = stored.as_ref().map_or(0, |stored| stored.checkpoint.size),
        "the log is not what was published of it: these data are older, or were altered; it has ended, and another begins"
    );
    if let (Some(ours), Some(theirs)) = (&stored, newest)
        && ours.log == theirs.log
        && let Ok(Compared::Apart(evidence)) = compare(tx, app, ours, theirs)
    {
        app.ledger.accuse(evidence);
    }
    next(tx, app, &log, stored.as_ref(), newest)?;
    Ok(None)
}

/// By log and by size.
fn place(published: &Published) -> (i64, u64) {
    (published.log, published.checkpoint.size)
}

fn same(same: bool) -> Result<(), Error> {
    if same { Ok(()) } else { Err(Error::Tampered) }
}

/// Whether a look found damage.
fn is_broken(looked: Result<(), Error>) -> Result<bool, Error> {
    match looked {
        Ok(()) => Ok(false),
        Err(Error::Tampered) => Ok(true),
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

/// Whether the log goes on from what was published.
fn fits(tx: &mut Tx<'_>, log: &Log, published: &Published) -> Result<(), Error> {
    let Checkpoint { size, root, .. } = &published.checkpoint;
    match published.log.cmp(&log.id) {
        // Of a log that has ended.
        Ordering::Less => Ok(()),
        Ordering::Equal if published.checkpoint.origin != log.origin => Err(Error::Tampered),
        Ordering::Equal => goes_on(tx, log.id, (*size, root), (log.size, &log.root)),
        // Of a log that these data know nothing of.
        Ordering::Greater => Err(Error::Tampered),
    }
}

/// Ends a log where it was signed, and begins the next, which names the newest that was published of one.
fn next(
    tx: &mut Tx<'_>,
    app: &App,
    log: &Log,
    stored: Option<&Published>,
    newest: Option<&Published>,
) -> Result<(), Error> {
    let (end, top) =
        stored.map_or_else(|| (0, Hash::empty()), |stored| (stored.checkpoint.size, stored.checkpoint.root));
    let end_at = params![log.id, end.cast_signed()];
    // What was placed and not signed is placed again.
    let again = tx.first(&BEFORE_THESE, end_at, |row| row.opt_int(0))?.flatten();
    let reached = again.map_or(log.reached, |first| log.reached.min(first - 1));
    tx.put(&TAKE_BACK, end_at)?;
    // Nobody has the lease of it ever again, not even a process that does not know yet that it is no more.
    tx.put(&END_LOG, params![log.id, end.cast_signed(), &top.0, i64::MAX])?;
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
    let log = Log { id, origin: origin(app, id)?, size: 0, root: Hash::empty(), reached };
    let Log { origin, root, .. } = &log;
    tx.put(
        &PUT_LOG,
        params![id, origin.as_str(), app.now(), 0_i64, &root.0, reached, 0_i64, &app.ledger.node, 0_i64],
    )?;
    Ok(log)
}
