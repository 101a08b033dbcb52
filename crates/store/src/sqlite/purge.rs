//! Makes deletions final: what was deleted from the database file is still in the write-ahead log until that is emptied.
//! The writer empties both logs between two groups; a reader on an older snapshot prevents it, so it is tried again
//! for a while, but never long enough at a time to hold up the writes that wait.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Checkpoint, checkpoint};
use crate::{Error, Result};

/// Between two tries, the least and the most; what waits is written meanwhile.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));
/// How long one try waits for readers to end their snapshots.
const PATIENCE: Duration = Duration::from_millis(50);
/// When a purge is given up.
const LIMIT: Duration = Duration::from_secs(2);

type Done = Box<dyn FnOnce(Result<bool>) + Send>;

/// The purges that were asked for and not begun.
#[derive(Default)]
pub(crate) struct Purges(Mutex<Asked>);

#[derive(Default)]
struct Asked {
    waiting: Vec<Purge>,
    closed: bool,
}

impl core::fmt::Debug for Purges {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Purges").field("waiting", &self.lock().waiting.len()).finish()
    }
}

impl Purges {
    /// Adds a purge, or answers it at once when the writer has ended.
    pub(crate) fn ask(&self, done: Done) {
        let mut asked = self.lock();
        if asked.closed {
            drop(asked);
            return done(Err(Error::Closed));
        }
        asked.waiting.push(Purge { done, since: Instant::now(), keys: false, data: false });
    }

    pub(super) fn take(&self) -> Vec<Purge> {
        core::mem::take(&mut self.lock().waiting)
    }

    /// The last ones; none will be taken after them.
    pub(super) fn close(&self) -> Vec<Purge> {
        let mut asked = self.lock();
        asked.closed = true;
        core::mem::take(&mut asked.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them: whom to answer, and which log was emptied since it was asked for.
pub(super) struct Purge {
    done: Done,
    since: Instant,
    keys: bool,
    data: bool,
}

/// How long to wait for other work before the next try; `None`: there is none to come. As long as the last one asked for has
/// waited: a checkpoint that was under way has ended soon, a snapshot may stay.
pub(super) fn pause(purges: &[Purge]) -> Option<Duration> {
    purges.iter().map(|purge| purge.since.elapsed().clamp(PAUSES.0, PAUSES.1)).min()
}

/// One try for all of `purges`; those that are through or too old are answered and leave the list. `last` answers all.
pub(super) fn attempt(purges: &mut Vec<Purge>, data: &Connection, keys: &Connection, last: bool) {
    let keys_emptied = purges.iter().any(|purge| !purge.keys) && empty(keys);
    let data_emptied = purges.iter().any(|purge| !purge.data) && empty(data);
    for mut purge in core::mem::take(purges) {
        purge.keys |= keys_emptied;
        purge.data |= data_emptied;
        let through = purge.keys && purge.data;
        if through || last || purge.since.elapsed() > LIMIT {
            let done = purge.done;
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| done(Ok(through)))).is_err() {
                tracing::error!("a caller panicked while its purge was answered");
            }
        } else {
            purges.push(purge);
        }
    }
}

/// Empties one write-ahead log, on the disk too. False when a reader or the disk prevented it.
fn empty(connection: &Connection) -> bool {
    let emptied = checkpoint(connection, "truncate", PATIENCE).is_some_and(|Checkpoint { busy, .. }| !busy);
    emptied && synced(connection)
}

/// SQLite syncs the database file, but not the log that it made empty: after a power cut it could be back.
fn synced(connection: &Connection) -> bool {
    let Some(path) = connection.path() else { return true };
    match File::open(format!("{path}-wal")).and_then(|log| log.sync_all()) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "the emptied write-ahead log could not be synced");
            false
        }
    }
}
