//! Makes deletions final: what was deleted from the database file is still in the write-ahead log until that is emptied.
//! The writer empties both logs between two groups; a reader on an older snapshot prevents it, so it is tried again
//! for a while, but never long enough at a time to hold up the writes that wait.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Checkpoint, checkpoint};
use crate::{Error, Result};

/// Between two tries, at first and at last; what waits is written meanwhile.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(320));
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

/// Purges that are tried, again and again until they are through.
pub(super) struct Tries {
    purges: Vec<Purge>,
    /// Tries since one was of use.
    vain: u32,
    next: Instant,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { purges: Vec::new(), vain: 0, next: Instant::now() }
    }

    pub(super) fn add(&mut self, purges: Vec<Purge>) {
        self.purges.extend(purges);
    }

    /// How long to wait for other work before the next try; `None`: there is none to come.
    pub(super) fn pause(&self) -> Option<Duration> {
        (!self.purges.is_empty()).then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// One try for all, if it is time for one; those that are through or too old are answered. `last` answers all.
    pub(super) fn attempt(&mut self, data: &Connection, keys: &Connection, last: bool) {
        if self.purges.is_empty() || !last && Instant::now() < self.next {
            return;
        }
        let keys_emptied = self.purges.iter().any(|purge| !purge.keys) && empty(keys);
        let data_emptied = self.purges.iter().any(|purge| !purge.data) && empty(data);
        let mut in_vain = false;
        for mut purge in core::mem::take(&mut self.purges) {
            purge.keys |= keys_emptied;
            purge.data |= data_emptied;
            let through = purge.keys && purge.data;
            in_vain |= !through;
            if through || last || purge.since.elapsed() > LIMIT {
                let done = purge.done;
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| done(Ok(through)))).is_err() {
                    tracing::error!("a caller panicked while its purge was answered");
                }
            } else {
                self.purges.push(purge);
            }
        }
        // A checkpoint that was under way has ended soon; a snapshot may stay for an hour, and each try holds up the writes.
        self.vain = if in_vain { self.vain.saturating_add(1) } else { 0 };
        let pause = PAUSES.0.saturating_mul(1 << self.vain.saturating_sub(1).min(16)).min(PAUSES.1);
        self.next = Instant::now() + if in_vain { pause } else { Duration::ZERO };
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
