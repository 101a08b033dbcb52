//! SQLite: one writer thread that commits waiting operations together, a disk thread that makes a group durable and answers
//! it while the writer runs the next, a pool of readers on snapshots, a checkpoint thread that keeps the write-ahead log
//! short. It must never answer a write before both files are synced. A reader may see what is committed and not yet synced.
//!
//! Settings and why: `synchronous=normal` on the writer's connections (commits are synced by the disk thread, see there; a
//! checkpoint syncs the log before it touches the database) and `full` elsewhere, `secure_delete=on` per connection (SQLite's
//! default leaves deleted cells in free pages), `temp_store=memory` (sort files would hold cell content), automatic
//! checkpoints off (they would stall the writer; the checkpoint thread does them).

mod disk;
mod purge;
mod session;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::engine::{answer, run_caught};
use crate::migrate::{self, Migration};
use crate::store::Jobs;
use crate::{Aborts, Error, Result, Tx};
use disk::Disk;
pub(crate) use purge::Purges;
pub(crate) use session::Session;
use session::{Undo, batch};
use writer::Writer;

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
    let (data, keys) = (connect(&options.data, true)?, connect(&options.keys, true)?);
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
    for connection in [&data, &keys] {
        connection
            .execute_batch("pragma synchronous = normal;")
            .map_err(|error| opening(&options.data, &error))?;
    }
    let (data_log, keys_log) = (log(&options.data)?, log(&options.keys)?);
    let disk = Arc::new(Disk::default());
    let (synced, writes) = (Arc::clone(&disk), Arc::clone(&queue));
    threads.push(spawn("store-disk", move || synced.run(&data_log, &writes))?);
    threads.push(spawn("store-writer", move || {
        Writer { data, keys, keys_log, queue: &queue, disk: &disk }.run(&restart, &purges);
        disk.close();
    })?);
    Ok(threads)
}

/// See [`Store::snapshot`](crate::Store::snapshot).
pub(crate) fn snapshot<T, E: Aborts>(
    options: &SqliteOptions,
    read: impl FnOnce(&mut Tx<'_>) -> core::result::Result<T, E>,
) -> core::result::Result<T, E> {
    let (data, keys) = (connect(&options.data, false)?, connect(&options.keys, false)?);
    batch(&data, "begin").and_then(|()| batch(&keys, "begin"))?;
    // With the connections goes what they began.
    read(&mut reading(&data, &keys))
}

/// A transaction of which nothing is kept.
fn reading<'c>(data: &'c Connection, keys: &'c Connection) -> Tx<'c> {
    let side = |connection| Session::new(connection, Undo::Savepoint);
    Tx::sqlite(side(data), side(keys))
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))
}

fn opening(path: &Path, error: &dyn core::fmt::Display) -> Error {
    Error::Open(format!("`{}`: {error}", path.display()))
}

/// The write-ahead log of a database that is open: the same file for as long as somebody has it open.
fn log(database: &Path) -> Result<File> {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    File::open(&path).map_err(|error| opening(Path::new(&path), &error))
}

fn connect(path: &Path, writable: bool) -> Result<Connection> {
    let open = |error: rusqlite::Error| opening(path, &error);
    let flags = if writable {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(open)?;
    connection.set_prepared_statement_cache_capacity(256);
    // The cache is small on purpose: what is not dirty is read through the memory map, and whenever a b-tree was balanced the
    // commit looks through all of the cache for pages beyond the file's end.
    // Without the stability guarantee, a build with sampled statistics plans a statement anew whenever a parameter of its
    // `where` clause changes: a sixth of an import went there.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(open)?;
    connection.busy_timeout(BUSY).map_err(open)?;
    connection
        .execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = on; \
             pragma temp_store = memory; pragma wal_autocheckpoint = 0; pragma cache_size = -16384; \
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
    for migration in migrate::outstanding(migrations, |migration| sql(migration).to_owned(), &applied)? {
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
    let restored = connection.busy_timeout(BUSY);
    outcome
        .and_then(|done| restored.map(|()| done))
        .inspect_err(|error| tracing::warn!(%error, "checkpoint failed"))
        .ok()
}

fn read_loop(data: &Connection, keys: &Connection, queue: &Jobs) {
    let mut group = Vec::new();
    while queue.take(&mut group, 1) {
        for mut job in group.drain(..) {
            let begun = batch(data, "begin").and_then(|()| batch(keys, "begin"));
            let outcome = begun.and_then(|()| {
                let mut tx = reading(data, keys);
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
