//! The writer: runs waiting operations one after the other, commits them together, and hands them to the disk's thread,
//! which answers them once the commit is durable. While the disk is busy with one group, the next one runs.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::disk::{Disk, Ran};
use super::purge::Tries;
use super::session::{Session, Undo, batch};
use super::{BUSY, Purges, checkpoint};
use crate::engine::{Job, Verdict, answer, run_caught};
use crate::store::Jobs;
use crate::{Error, Result, Tx};

/// The most operations committed together. Bounds how long the first of them waits.
const GROUP_LIMIT: usize = 256;
/// With fewer operations than this a commit is put off while others wait, even if the disk is free: on a quick disk the
/// commit itself costs more than the sync. 8 to 32 do about equally well.
const GROUP_WORTH: usize = 16;

/// What the writer works on.
pub(super) struct Writer<'a> {
    pub(super) data: Connection,
    pub(super) keys: Connection,
    /// The key store's write-ahead log.
    pub(super) keys_log: File,
    pub(super) queue: &'a Jobs,
    pub(super) disk: &'a Disk,
}

impl Writer<'_> {
    /// Until the queue is closed and empty.
    pub(super) fn run(&self, restart: &AtomicBool, asked: &Purges) {
        let mut waiting = Vec::new();
        let mut purges = Tries::new();
        while self.take(&mut waiting, GROUP_LIMIT, purges.pause()) {
            while !waiting.is_empty() {
                self.group(&mut waiting);
            }
            purges.add(asked.take());
            purges.attempt(&self.data, &self.keys, false);
            if restart.swap(false, Ordering::Relaxed) {
                checkpoint(&self.data, "restart", Duration::ZERO);
                checkpoint(&self.keys, "restart", Duration::ZERO);
            }
        }
        purges.add(asked.close());
        purges.attempt(&self.data, &self.keys, true);
        checkpoint(&self.data, "truncate", BUSY);
        checkpoint(&self.keys, "truncate", BUSY);
    }

    fn take(&self, waiting: &mut Vec<Box<dyn Job>>, limit: usize, wait: Option<Duration>) -> bool {
        self.queue.take_within(waiting, limit, wait)
    }

    /// Runs jobs from the front of `waiting`, and those that come until the disk is free, in one transaction. Ends early,
    /// leaving the rest for the next call, when the engine threw the transaction away.
    fn group(&self, waiting: &mut Vec<Box<dyn Job>>) {
        let begun = self
            .disk
            .usable()
            .and_then(|()| batch(&self.data, BEGIN_DATA))
            .and_then(|()| batch(&self.keys, BEGIN_KEYS));
        if let Err(error) = begun {
            self.rollback();
            waiting.drain(..).for_each(|job| answer(job, Err(error.clone())));
            return;
        }
        let ran = Vec::with_capacity(waiting.len());
        let mut group = Group { ran, data_written: false, keys_written: false, lost: None };
        loop {
            group.run(&self.data, &self.keys, waiting);
            let room = GROUP_LIMIT.saturating_sub(group.ran.len());
            let worth_it = group.ran.len() >= GROUP_WORTH || self.queue.len() == 0;
            let commit_now = room == 0 || (worth_it && self.disk.idle());
            if group.lost.is_some() || commit_now || !self.take(waiting, room, None) {
                break;
            }
        }
        let committed = match group.lost {
            Some(error) => Err(error),
            None => self.commit(group.keys_written),
        };
        if committed.is_err() {
            self.rollback();
        }
        self.disk.settle(group.ran, committed);
    }

    /// INVARIANT: keys before data, and durable before data is written. If we crash between the two, a key exists that no
    /// record uses; the other order could leave a record whose key is lost.
    fn commit(&self, keys_written: bool) -> Result<()> {
        batch(&self.keys, "commit")?;
        if keys_written && let Err(error) = self.keys_log.sync_data() {
            return Err(self.disk.failed(&error));
        }
        batch(&self.data, "commit")
    }

    fn rollback(&self) {
        for connection in [&self.data, &self.keys] {
            if !connection.is_autocommit()
                && let Err(error) = batch(connection, "rollback")
            {
                tracing::error!(%error, "rollback failed");
            }
        }
    }
}

const BEGIN_DATA: &str = "begin immediate";
const BEGIN_KEYS: &str = "begin";

/// Operations of one transaction.
struct Group {
    ran: Vec<Ran>,
    data_written: bool,
    keys_written: bool,
    /// Why the transaction cannot be committed.
    lost: Option<Error>,
}

impl Group {
    fn run(&mut self, data: &Connection, keys: &Connection, waiting: &mut Vec<Box<dyn Job>>) {
        let mut jobs = core::mem::take(waiting).into_iter();
        for mut job in jobs.by_ref() {
            // Whoever is the first to write need not be undone beside others.
            let undo = |written, begin| if written { Undo::Savepoint } else { Undo::Transaction(begin) };
            let mut tx = Tx::sqlite(
                Session::new(data, undo(self.data_written, BEGIN_DATA)),
                Session::new(keys, undo(self.keys_written, BEGIN_KEYS)),
            );
            let verdict = run_caught(job.as_mut(), &mut tx);
            // A closure may have swallowed the error of a statement: as on PostgreSQL, that is the answer then.
            let failure = tx.failure();
            let keep = verdict == Some(Verdict::Keep) && failure.is_none();
            self.data_written |= keep && tx.wrote_data();
            self.keys_written |= keep && tx.wrote_keys();
            let settled = tx.settle(keep);
            let outcome = match (verdict, failure) {
                (None, _) => {
                    tracing::error!("an operation panicked; its writes were undone");
                    Err(Error::Panicked)
                }
                (Some(Verdict::Keep), Some(error)) => Err(error),
                (Some(_), _) => Ok(()),
            };
            self.ran.push((job, outcome));
            if let Err(error) = settled {
                // What should have been undone may still be there: nothing of this group may be committed.
                self.lost = Some(Error::Unavailable(format!("an operation could not be undone: {error}")));
                break;
            }
            if data.is_autocommit() || keys.is_autocommit() {
                // Disk full, I/O error: SQLite has rolled back the whole transaction, and with it the jobs before this one.
                self.lost = Some(Error::Unavailable("the engine rolled the group back".to_owned()));
                break;
            }
        }
        *waiting = jobs.collect();
    }
}
