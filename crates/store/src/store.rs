//! The store: opens an engine, takes closures, answers after the commit.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use crate::engine::{Job, Work};
use crate::queue::{Queue, Refused};
use crate::sqlite::Purges;
use crate::turns::Turns;
use crate::{
    Aborts, Ahead, Error, Migration, PostgresOptions, Result, SqliteOptions, Statement, Tx, postgres, sqlite,
};

/// Which engine is underneath; for status pages, never for deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded files.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Engine {
    /// `sqlite` or `postgresql`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}

/// What waits right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreStats {
    /// Writes in the queue.
    pub waiting_writes: usize,
    /// Reads in the queue.
    pub waiting_reads: usize,
}

/// What connections are made to.
#[derive(Debug)]
enum Where {
    Sqlite(SqliteOptions),
    Postgres(PostgresOptions),
}

pub(crate) type Jobs = Arc<Queue<Box<dyn Job>>>;

/// Both stores behind one seam. Cheap to share behind an `Arc`; dropping it finishes what waits and joins its threads.
#[derive(Debug)]
pub struct Store {
    place: Where,
    writes: Jobs,
    reads: Jobs,
    /// None on PostgreSQL.
    purges: Option<Arc<Purges>>,
    /// None on SQLite, where one writer does one thing after the other.
    turns: Option<Arc<Turns>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Store {
    /// Opens (and creates, when absent) the two SQLite files, and applies outstanding migrations.
    ///
    /// `now` is the time in microseconds UTC, for the migration record.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Migration`].
    pub fn open_sqlite(options: &SqliteOptions, migrations: &[Migration], now: i64) -> Result<Self> {
        let (writes, reads) = (Arc::new(Queue::new(options.queue)), Arc::new(Queue::new(options.queue)));
        let purges = Arc::new(Purges::default());
        let threads = sqlite::start(options, migrations, now, &writes, &reads, &purges)
            .inspect_err(|_| [&writes, &reads].into_iter().for_each(|queue| queue.close()))?;
        let place = Where::Sqlite(options.clone());
        Ok(Self { place, writes, reads, purges: Some(purges), turns: None, threads })
    }

    /// Connects to the two PostgreSQL databases and applies outstanding migrations.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Migration`].
    pub fn open_postgres(options: &PostgresOptions, migrations: &[Migration], now: i64) -> Result<Self> {
        let (writes, reads) = (Arc::new(Queue::new(options.queue)), Arc::new(Queue::new(options.queue)));
        let turns = Arc::new(Turns::new(options.workers.max(1)));
        let threads = postgres::start(options, migrations, now, (&writes, &turns), &reads)
            .inspect_err(|_| [&writes, &reads].into_iter().for_each(|queue| queue.close()))?;
        let place = Where::Postgres(options.clone());
        Ok(Self { place, writes, reads, purges: None, turns: Some(turns), threads })
    }

    /// The engine underneath.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.place {
            Where::Sqlite(_) => Engine::Sqlite,
            Where::Postgres(_) => Engine::Postgres,
        }
    }

    /// What waits right now.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        StoreStats { waiting_writes: self.writes.len(), waiting_reads: self.reads.len() }
    }

    /// Hands over a read-write closure; `done` is called once, after the commit, on the store's thread: it must be quick.
    pub fn write<T, E, F, D>(&self, closure: F, done: D)
    where
        T: Send + 'static,
        E: Aborts,
        F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send + 'static,
        D: FnOnce(core::result::Result<T, E>) + Send + 'static,
    {
        self.write_ahead(nothing, closure, done);
    }

    /// [`Store::write`] of a closure that is certain to ask what `ahead` names.
    pub fn write_ahead<T, E, A, F, D>(&self, ahead: A, closure: F, done: D)
    where
        T: Send + 'static,
        E: Aborts,
        A: Fn(&mut Vec<Ahead>) + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send + 'static,
        D: FnOnce(core::result::Result<T, E>) + Send + 'static,
    {
        submit(self.writes.push(Box::new(Work { apart: false, ahead, closure, done, result: None })));
    }

    /// [`Store::write`] that is never refused as [`Error::Busy`]: for the second half of something whose first half was
    /// let in, like the shredding of keys after a deletion, or the record of a failure. Not for what callers send.
    pub fn write_urgent<T, E, F, D>(&self, closure: F, done: D)
    where
        T: Send + 'static,
        E: Aborts,
        F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send + 'static,
        D: FnOnce(core::result::Result<T, E>) + Send + 'static,
    {
        submit(self.writes.push_urgent(Box::new(Work {
            apart: false,
            ahead: nothing,
            closure,
            done,
            result: None,
        })));
    }

    /// [`Store::write_urgent`] of a closure that is right whatever others do meanwhile, because its writes tell whether what it has
    /// read is still so. On PostgreSQL it has a transaction of its own, in which each statement sees what is committed:
    /// nobody who reads what it writes, or writes beside what it reads, can have it undone again and again.
    pub fn write_apart<T, E, F, D>(&self, closure: F, done: D)
    where
        T: Send + 'static,
        E: Aborts,
        F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send + 'static,
        D: FnOnce(core::result::Result<T, E>) + Send + 'static,
    {
        let work = Work { apart: true, ahead: nothing, closure, done, result: None };
        submit(self.writes.push_urgent(Box::new(work)));
    }

    /// Waits until each write that is under way now is committed or undone, or else is in the transaction of the next write: that
    /// one sees whatever began before this call and will ever be there, but for a commit whose end is [not known](Error::Unknown).
    ///
    /// # Errors
    /// [`Error::Busy`] after `limit`.
    pub fn settle(&self, limit: Duration) -> Result<()> {
        let settled = self.turns.as_ref().is_none_or(|turns| turns.wait(limit));
        if settled { Ok(()) } else { Err(Error::Busy) }
    }

    /// How often a commit's end was [not known](Error::Unknown): what it wrote may be there, and may have come late.
    #[must_use]
    pub fn unknown_ends(&self) -> u64 {
        self.turns.as_ref().map_or(0, |turns| turns.unknown())
    }

    /// Makes deletions that were answered before final on the disk; `done` must be quick.
    ///
    /// * SQLite: empties both write-ahead logs. `Ok(true)`: what was deleted is in none of the files any more. `Ok(false)`:
    ///   a reader's snapshot or the disk prevented it for two seconds; ask again later. What a disk keeps in blocks that
    ///   it no longer shows is the disk's matter.
    /// * PostgreSQL: `Ok(true)` at once. Its write-ahead log and dead rows are the server's own; what was deleted ends
    ///   with `vacuum`, the log's recycling and the life of the backups.
    ///
    /// # Errors
    /// [`Error::Closed`], given to `done`.
    pub fn purge(&self, done: impl FnOnce(Result<bool>) + Send + 'static) {
        match &self.purges {
            None => done(Ok(true)),
            Some(purges) => {
                purges.ask(Box::new(done));
                self.writes.nudge();
            }
        }
    }

    /// Hands over a closure that only reads, on a snapshot.
    pub fn read<T, E, F, D>(&self, closure: F, done: D)
    where
        T: Send + 'static,
        E: Aborts,
        F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send + 'static,
        D: FnOnce(core::result::Result<T, E>) + Send + 'static,
    {
        submit(self.reads.push(Box::new(Work { apart: false, ahead: nothing, closure, done, result: None })));
    }

    /// [`Store::write`], waiting for the answer on this thread.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub fn write_wait<T, E, F>(&self, closure: F) -> core::result::Result<T, E>
    where
        T: Send + 'static,
        E: Aborts,
        F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send + 'static,
    {
        wait(|done| self.write(closure, done))
    }

    /// [`Store::read`], waiting for the answer on this thread.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub fn read_wait<T, E, F>(&self, closure: F) -> core::result::Result<T, E>
    where
        T: Send + 'static,
        E: Aborts,
        F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send + 'static,
    {
        wait(|done| self.read(closure, done))
    }

    /// Runs a closure that only reads, once, on this thread and on connections of its own, so that it may take long without
    /// anybody waiting for it. Each store has one snapshot, which begins with the first statement on it: whoever reads data
    /// first has every key that it needs.
    ///
    /// On SQLite a snapshot keeps the write-ahead log from being emptied: what is erased meanwhile is final on the disk with
    /// the first [`Store::purge`] afterwards.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub fn snapshot<T, E: Aborts>(
        &self,
        read: impl FnOnce(&mut Tx<'_>) -> core::result::Result<T, E>,
    ) -> core::result::Result<T, E> {
        match &self.place {
            Where::Sqlite(options) => sqlite::snapshot(options, read),
            Where::Postgres(options) => postgres::snapshot(options, read),
        }
    }

    /// Prepares every statement, so that a misspelt one is found by a test and not by a customer.
    ///
    /// # Errors
    /// The first statement the engine refuses.
    pub fn prepare_all(&self, statements: Vec<&'static Statement>) -> Result<()> {
        self.write_wait(move |tx| statements.iter().try_for_each(|statement| tx.prepare(statement)))
    }

    /// Refuses new work; what waits is still done. Called by `drop` too.
    pub fn close(&self) {
        self.writes.close();
        self.reads.close();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
        // The last reference may be dropped by a closure on one of these threads. To wait for the others there would be to
        // wait for ourselves: the claim on a database ends with its last writer. They all end by themselves then.
        let current = std::thread::current().id();
        if self.threads.iter().any(|thread| thread.thread().id() == current) {
            return;
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a store thread ended by a panic");
            }
        }
    }
}

fn nothing(_: &mut Vec<Ahead>) {}

fn submit(pushed: core::result::Result<(), Refused<Box<dyn Job>>>) {
    match pushed {
        Ok(()) => {}
        Err(Refused::Full(job)) => job.finish(Err(Error::Busy)),
        Err(Refused::Closed(job)) => job.finish(Err(Error::Closed)),
    }
}

fn wait<T, E>(
    start: impl FnOnce(Box<dyn FnOnce(core::result::Result<T, E>) + Send>),
) -> core::result::Result<T, E>
where
    T: Send + 'static,
    E: Aborts,
{
    let (sender, receiver) = mpsc::sync_channel(1);
    start(Box::new(move |result| {
        // A receiver that is gone does not want the answer any more.
        drop(sender.send(result));
    }));
    receiver.recv().unwrap_or_else(|_| Err(E::from(Error::Closed)))
}
