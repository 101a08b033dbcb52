//! PostgreSQL: threads that own a connection to each store, `serializable` transactions that are run again when the
//! server asks for it, several waiting operations in one transaction. It must never answer a write before `commit`
//! was acknowledged, and never run an operation again once a `commit` may have happened.
//!
//! Operations stay synchronous. Underneath, each thread drives its connections on a small runtime of its own, so that
//! `begin`, writes whose count nobody needs, and `commit` travel together instead of costing a round trip each.
//!
//! An operation may be run again exactly when it is proven that nothing was kept: the server said so, or was never asked
//! to commit. When the connection breaks after `commit` was sent, the answer is [`Error::Unknown`].
//!
//! A group is run without savepoints (each would cost a round trip). When one operation of a group fails after having
//! written, or the server refuses the commit, the group is rolled back and its operations run again one by one.

mod claim;
mod session;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::migrate::{self, Migration};
use crate::store::Jobs;
use crate::turns::Turns;
use crate::{Aborts, Error, Result, Tx};
pub(crate) use session::Session;
use worker::Worker;

/// Where the databases are and how much runs at once.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Connection string of the data store, `postgresql://user@host:port/database`.
    pub data: String,
    /// Connection string of the key store: a separate database, better a separate server.
    pub keys: String,
    /// Threads, each with one connection to each store, for writes; half as many more for reads.
    pub workers: usize,
    /// Waiting operations before callers are told [`Error::Busy`]; for reads and writes each.
    pub queue: usize,
    /// How long an operation is run again after serialisation failures or lost connections.
    pub retry_for: Duration,
}

pub(crate) fn start(
    options: &PostgresOptions,
    migrations: &[Migration],
    now: i64,
    (writes, turns): (&Jobs, &Arc<Turns>),
    reads: &Jobs,
) -> Result<Vec<JoinHandle<()>>> {
    // Before the migrations: another process must not find its tables changed under it.
    let (claim, keeper) = claim::take(&options.data)?;
    let mut threads = vec![keeper];
    migrate(options, migrations, now)?;
    let writers = options.workers.max(1);
    let readers = (options.workers / 2).max(1);
    for (name, count, queue, read_only) in
        [("store-writer", writers, writes, false), ("store-reader", readers, reads, true)]
    {
        for number in 0..count {
            let claim = (!read_only).then(|| (claim.clone(), Arc::clone(turns)));
            let worker = Worker::connect(options, Arc::clone(queue), claim, number)?;
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || worker.serve())
                .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
            threads.push(thread);
        }
    }
    Ok(threads)
}

/// See [`Store::snapshot`](crate::Store::snapshot).
pub(crate) fn snapshot<T, E: Aborts>(
    options: &PostgresOptions,
    read: impl FnOnce(&mut Tx<'_>) -> core::result::Result<T, E>,
) -> core::result::Result<T, E> {
    let runtime = session::runtime()?;
    let (mut data, mut keys) = worker::sessions(&runtime, options, true, 0)?;
    // With the connections goes what they began.
    read(&mut Tx::postgres(&runtime, &mut data, &mut keys))
}

fn migrate(options: &PostgresOptions, migrations: &[Migration], now: i64) -> Result<()> {
    let runtime = session::runtime()?;
    let sides: [(&str, Side); 2] =
        [(&options.data, |migration| migration.data), (&options.keys, |migration| migration.keys)];
    for (url, sql) in sides {
        let mut client = session::connect(&runtime, url)?;
        runtime.block_on(apply(&mut client, migrations, sql, now))?;
    }
    Ok(())
}

/// Which of a migration's two texts.
type Side = fn(&Migration) -> &'static str;

async fn apply(
    client: &mut tokio_postgres::Client,
    migrations: &[Migration],
    sql: Side,
    now: i64,
) -> Result<()> {
    let failed = |number: i64| {
        move |error: tokio_postgres::Error| Error::Migration { number, message: session::describe(&error) }
    };
    let transaction = client.transaction().await.map_err(failed(0))?;
    // Two nodes that start together must not both migrate; the lock ends with the transaction.
    transaction.batch_execute("select pg_advisory_xact_lock(7094138201)").await.map_err(failed(0))?;
    transaction.batch_execute(&migrate::to_postgres(migrate::TABLE)).await.map_err(failed(0))?;
    let applied: Vec<(i64, Vec<u8>)> = transaction
        .query("select number, checksum from migration order by number", &[])
        .await
        .map_err(failed(0))?
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<core::result::Result<_, tokio_postgres::Error>>()
        .map_err(failed(0))?;
    let sql = |migration: &Migration| migrate::to_postgres(sql(migration));
    for migration in migrate::outstanding(migrations, sql, &applied)? {
        let text = sql(migration);
        transaction.batch_execute(&text).await.map_err(failed(migration.number))?;
        transaction
            .execute(
                "insert into migration (number, name, checksum, applied) values ($1, $2, $3, $4)",
                &[&migration.number, &migration.name, &migrate::checksum(&text).as_slice(), &now],
            )
            .await
            .map_err(failed(migration.number))?;
    }
    transaction.commit().await.map_err(failed(0))
}
