//! SQLite: one writer thread that commits waiting operations together, a pool of readers on snapshots, a checkpoint
//! thread that keeps the write-ahead log short. It must never answer a write before both files are synced.
//!
//! Settings and why: `synchronous=full` (a commit survives power loss), `secure_delete=on` per connection (SQLite's
//! default leaves deleted cells in free pages), `temp_store=memory` (sort files would hold cell content), automatic
//! checkpoints off (they would stall the writer; the checkpoint thread does them).

mod purge;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use crate::engine::{Job, Verdict, answer, run_caught};
use crate::migrate::{self, Migration};
use crate::store::Jobs;
use crate::value::Cells;
use crate::{Error, Param, Result, Row, Side, Statement, Tx};
pub(crate) use purge::Purges;

/// Where the files are and how much runs at once.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The data store.
    pub data: PathBuf,
    /// The key store: a separate file, with its own short backup life.
    pub keys: PathBuf,
    /// Reader threads.
    pub readers: usize,
    /// Waiting operations before callers are told [`Error::Busy`]; for reads and writes each.
    pub queue: usize,
}

/// The most operations committed together. Bounds how long the first of them waits.
const GROUP_LIMIT: usize = 256;
/// How often the write-ahead log is looked at.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(100);
/// Pages in the log (4 KiB each) beyond which the writer itself starts it over between two groups.
const WAL_LIMIT: i64 = 16_384;

/// How long a statement waits for a lock of another process (a backup, an administrator's shell).
const BUSY: Duration = Duration::from_secs(5);

pub(crate) fn start(
    options: &SqliteOptions,
    migrations: &[Migration],
    now: i64,
    writes: &Jobs,
    reads: &Jobs,
    purges: &Arc<Purges>,
) -> Result<Vec<JoinHandle<()>>> {
    let data = connect(&options.data, true)?;
    let keys = connect(&options.keys, true)?;
    apply(&data, migrations, |migration| migration.data, now)?;
    apply(&keys, migrations, |migration| migration.keys, now)?;

    // A crash leaves logs behind, and in them what was deleted.
    checkpoint(&data, "truncate", Duration::ZERO);
    checkpoint(&keys, "truncate", Duration::ZERO);

    let restart = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for _ in 0..options.readers.max(1) {
        let (data, keys) = (connect(&options.data, false)?, connect(&options.keys, false)?);
        let queue = Arc::clone(reads);
        threads.push(spawn("store-reader", move || read_loop(&data, &keys, &queue))?);
    }
    let (checkpoint_data, checkpoint_keys) = (connect(&options.data, true)?, connect(&options.keys, true)?);
    let (queue, flag) = (Arc::clone(writes), Arc::clone(&restart));
    threads.push(spawn("store-checkpoint", move || {
        while !queue.pause(CHECKPOINT_PAUSE) {
            for connection in [&checkpoint_data, &checkpoint_keys] {
                let pages = checkpoint(connection, "passive", Duration::ZERO).map_or(0, |done| done.pages);
                if pages > WAL_LIMIT {
                    flag.store(true, Ordering::Relaxed);
                }
            }
        }
    })?);
    let (queue, purges) = (Arc::clone(writes), Arc::clone(purges));
    threads.push(spawn("store-writer", move || write_loop(&data, &keys, &queue, &restart, &purges))?);
    Ok(threads)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))
}

fn connect(path: &Path, writable: bool) -> Result<Connection> {
    let open = |error: rusqlite::Error| Error::Open(format!("`{}`: {error}", path.display()));
    let flags = if writable {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(open)?;
    connection.set_prepared_statement_cache_capacity(256);
    // Without the stability guarantee, a build with sampled statistics plans a statement anew whenever a parameter of its
    // `where` clause changes: a sixth of an import went there.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(open)?;
    connection.busy_timeout(BUSY).map_err(open)?;
    connection
        .execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = on; \
             pragma temp_store = memory; pragma wal_autocheckpoint = 0; pragma cache_size = -65536; \
             pragma mmap_size = 1073741824; pragma trusted_schema = off; pragma foreign_keys = on;",
        )
        .map_err(open)?;
    if !writable {
        connection.execute_batch("pragma query_only = on;").map_err(open)?;
    }
    let secure: i64 = connection.query_row("pragma secure_delete", [], |row| row.get(0)).map_err(open)?;
    if secure != 1 {
        return Err(Error::Open(format!("`{}`: secure_delete could not be switched on", path.display())));
    }
    Ok(connection)
}

fn apply(
    connection: &Connection,
    migrations: &[Migration],
    sql: impl Fn(&Migration) -> &'static str,
    now: i64,
) -> Result<()> {
    let failed =
        |number: i64| move |error: rusqlite::Error| Error::Migration { number, message: error.to_string() };
    connection.execute_batch(migrate::TABLE).map_err(failed(0))?;
    let applied: Vec<(i64, Vec<u8>)> = connection
        .prepare("select number, checksum from migration order by number")
        .and_then(|mut statement| statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .map_err(failed(0))?;
    for migration in migrate::outstanding(migrations, &sql, &applied)? {
        let failed = failed(migration.number);
        let transaction = connection.unchecked_transaction().map_err(failed)?;
        transaction.execute_batch(sql(migration)).map_err(failed)?;
        transaction
            .execute(
                "insert into migration (number, name, checksum, applied) values (?1, ?2, ?3, ?4)",
                (migration.number, migration.name, migrate::checksum(sql(migration)).as_slice(), now),
            )
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

/// What a checkpoint found.
struct Checkpoint {
    /// Somebody's lock or snapshot kept it from finishing.
    busy: bool,
    /// Pages in the log.
    pages: i64,
}

/// Moves the log into the database as far as readers allow, waiting for them no longer than `patience` at each step: on
/// the writer's thread every moment of it holds up all writes.
fn checkpoint(connection: &Connection, mode: &str, patience: Duration) -> Option<Checkpoint> {
    let outcome = connection.busy_timeout(patience).and_then(|()| {
        connection.query_row(&format!("pragma wal_checkpoint({mode})"), [], |row| {
            Ok(Checkpoint { busy: row.get::<_, i64>(0)? != 0, pages: row.get(1)? })
        })
    });
    outcome
        .and_then(|done| connection.busy_timeout(BUSY).map(|()| done))
        .inspect_err(|error| tracing::warn!(%error, "checkpoint failed"))
        .ok()
}

fn read_loop(data: &Connection, keys: &Connection, queue: &Jobs) {
    let mut group = Vec::new();
    while queue.take(&mut group, 1) {
        for mut job in group.drain(..) {
            let begun = batch(data, "begin").and_then(|()| batch(keys, "begin"));
            let outcome = begun.and_then(|()| {
                let mut tx = Tx::sqlite(data, keys);
                run_caught(job.as_mut(), &mut tx).map(drop).ok_or(Error::Panicked)
            });
            for connection in [data, keys] {
                if !connection.is_autocommit() {
                    drop(batch(connection, "rollback"));
                }
            }
            answer(job, outcome);
        }
    }
}

fn write_loop(data: &Connection, keys: &Connection, queue: &Jobs, restart: &AtomicBool, asked: &Purges) {
    let mut group = Vec::new();
    let mut purges = Vec::new();
    while queue.take_within(&mut group, GROUP_LIMIT, (!purges.is_empty()).then_some(purge::PAUSE)) {
        while !group.is_empty() {
            run_group(data, keys, &mut group);
        }
        purges.extend(asked.take());
        purge::attempt(&mut purges, data, keys, false);
        if restart.swap(false, Ordering::Relaxed) {
            checkpoint(data, "restart", Duration::ZERO);
            checkpoint(keys, "restart", Duration::ZERO);
        }
    }
    purges.extend(asked.close());
    purge::attempt(&mut purges, data, keys, true);
    checkpoint(data, "truncate", BUSY);
    checkpoint(keys, "truncate", BUSY);
}

/// Runs jobs from the front of `group` in one transaction and answers those it ran. Ends early, leaving the rest for
/// the next call, when the engine threw the transaction away.
fn run_group(data: &Connection, keys: &Connection, group: &mut Vec<Box<dyn Job>>) {
    if let Err(error) = batch(data, "begin immediate").and_then(|()| batch(keys, "begin")) {
        rollback(data, keys);
        group.drain(..).for_each(|job| answer(job, Err(error.clone())));
        return;
    }
    let mut ran: Vec<(Box<dyn Job>, Result<()>)> = Vec::with_capacity(group.len());
    let mut lost = None;
    let mut waiting = core::mem::take(group).into_iter();
    for mut job in waiting.by_ref() {
        let mut tx = Tx::sqlite(data, keys);
        let verdict = run_caught(job.as_mut(), &mut tx);
        // A closure may have swallowed the error of a statement: as on PostgreSQL, that is the answer then.
        let failure = tx.failure();
        let settled = tx.settle(verdict == Some(Verdict::Keep) && failure.is_none());
        let outcome = match (verdict, failure) {
            (None, _) => {
                tracing::error!("an operation panicked; its writes were undone");
                Err(Error::Panicked)
            }
            (Some(Verdict::Keep), Some(error)) => Err(error),
            (Some(_), _) => Ok(()),
        };
        ran.push((job, outcome));
        if let Err(error) = settled {
            // What should have been undone may still be there: nothing of this group may be committed.
            lost = Some(Error::Unavailable(format!("an operation could not be undone: {error}")));
            break;
        }
        if data.is_autocommit() || keys.is_autocommit() {
            // Disk full, I/O error: SQLite has rolled back the whole transaction, and with it the jobs before this one.
            lost = Some(Error::Unavailable("the engine rolled the group back".to_owned()));
            break;
        }
    }
    *group = waiting.collect();
    let committed = match lost {
        Some(error) => Err(error),
        // INVARIANT: keys before data. If we crash between the two, a key exists that no record uses; the other order
        // could leave a record whose key is lost.
        None => batch(keys, "commit").and_then(|()| batch(data, "commit")),
    };
    if committed.is_err() {
        rollback(data, keys);
    }
    for (job, outcome) in ran {
        answer(job, committed.clone().and(outcome));
    }
}

fn rollback(data: &Connection, keys: &Connection) {
    for connection in [data, keys] {
        if !connection.is_autocommit()
            && let Err(error) = batch(connection, "rollback")
        {
            tracing::error!(%error, "rollback failed");
        }
    }
}

fn batch(connection: &Connection, sql: &'static str) -> Result<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]).map(drop))
        .map_err(|error| translate(sql, &error))
}

fn translate(statement: &'static str, error: &rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => match code.code {
            ErrorCode::ConstraintViolation => Error::Unique(statement),
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory => Error::Unavailable(format!("`{statement}`: {code}")),
            _ => {
                let message = message.clone().unwrap_or_else(|| code.to_string());
                Error::Statement { statement, message }
            }
        },
        other => Error::Statement { statement, message: other.to_string() },
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// One side of one operation. A savepoint is set before its first write, so that an operation which fails takes only
/// its own writes with it.
#[derive(Debug)]
pub(crate) struct Session<'c> {
    connection: &'c Connection,
    savepoint: bool,
    failure: Option<Error>,
}

impl<'c> Session<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, savepoint: false, failure: None }
    }

    pub(crate) fn dirty(&self) -> bool {
        self.savepoint
    }

    /// The first statement that failed, also when the closure did not pass it on.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    fn failed(&mut self, statement: &'static Statement, error: &rusqlite::Error) -> Error {
        let error = translate(statement.name, error);
        self.failure.get_or_insert_with(|| error.clone());
        error
    }

    pub(crate) fn query<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let connection = self.connection;
        let mut failed = |error: rusqlite::Error| self.failed(statement, &error);
        let mut prepared = connection.prepare_cached(statement.sqlite).map_err(&mut failed)?;
        let mut rows = prepared.query(rusqlite::params_from_iter(params)).map_err(&mut failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&mut failed)? {
            found.push(map(&Row { statement, cells: Cells::Sqlite(row) })?);
        }
        Ok(found)
    }

    pub(crate) fn first<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let connection = self.connection;
        let mut failed = |error: rusqlite::Error| self.failed(statement, &error);
        let mut prepared = connection.prepare_cached(statement.sqlite).map_err(&mut failed)?;
        let mut rows = prepared.query(rusqlite::params_from_iter(params)).map_err(&mut failed)?;
        let row = rows.next().map_err(&mut failed)?;
        row.map(|row| map(&Row { statement, cells: Cells::Sqlite(row) })).transpose()
    }

    pub(crate) fn execute(&mut self, statement: &'static Statement, params: &[Param<'_>]) -> Result<u64> {
        if !self.savepoint {
            batch(self.connection, "savepoint operation")
                .inspect_err(|error| self.failure = self.failure.take().or_else(|| Some(error.clone())))?;
            self.savepoint = true;
        }
        self.connection
            .prepare_cached(statement.sqlite)
            .and_then(|mut prepared| prepared.execute(rusqlite::params_from_iter(params)))
            .map(|count| count as u64)
            .map_err(|error| self.failed(statement, &error))
    }

    pub(crate) fn prepare(&mut self, statement: &'static Statement) -> Result<()> {
        debug_assert!(matches!(statement.side, Side::Data | Side::Keys));
        self.connection
            .prepare_cached(statement.sqlite)
            .map(drop)
            .map_err(|error| self.failed(statement, &error))
    }

    pub(crate) fn settle(self, keep: bool) -> Result<()> {
        if !self.savepoint || self.connection.is_autocommit() {
            return Ok(());
        }
        if !keep {
            batch(self.connection, "rollback to operation")?;
        }
        batch(self.connection, "release operation")
    }
}
