//! One connection to one store, inside one transaction at a time. Writes that nobody waits for are kept back and sent
//! with the next query or the commit.

mod ahead;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::runtime::Runtime;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, NoTls, Row, Statement as Prepared};

use crate::value::Owned;
use crate::{Ahead, Error, Param, Result, Side, Statement};

/// Writes sent together; beyond this the group's flight is split, which bounds memory on both ends.
const FLIGHT: usize = 30;

/// What `keepalives_idle` is when the connection string does not say: too long to notice a dead network.
const IDLE_DEFAULT: Duration = Duration::from_secs(2 * 60 * 60);

pub(super) fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Open(format!("cannot start a runtime: {error}")))
}

/// Connects and spawns the connection's own task on `runtime`.
pub(super) fn connect(runtime: &Runtime, url: &str) -> Result<Client> {
    let mut config: tokio_postgres::Config =
        url.parse().map_err(|_| Error::Open("the connection string cannot be read".to_owned()))?;
    config.connect_timeout(Duration::from_secs(5)).application_name("avouch");
    if config.get_keepalives_idle() == IDLE_DEFAULT {
        config.keepalives_idle(Duration::from_secs(10));
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(Duration::from_secs(5));
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(3);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(20));
    }
    let (client, connection) = runtime
        .block_on(config.connect(NoTls))
        .map_err(|error| Error::Open(format!("cannot connect: {}", describe(&error))))?;
    runtime.spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %describe(&error), "the database connection ended");
        }
    });
    Ok(client)
}

/// Bounds every statement and every wait for a lock on this connection. Migrations do without: they may take long.
///
/// Every statement on data has an index to go by, and goes by it although the table was small when it was planned: a scan of a table
/// that has grown meanwhile takes for ever, and locks all of it against whoever writes. What takes milliseconds is not compiled first.
///
/// PostgreSQL sees a deadlock inside one database only. An operation holds locks in two, so every wait has an end: the
/// one that gave up is undone and runs again. Workers wait for different times, so that of two only one gives up.
pub(super) fn limit(runtime: &Runtime, client: &Client, side: Side, worker: usize) -> Result<()> {
    let lock_timeout = 1_500 + 250 * (worker % 8);
    let scans = if side == Side::Data { "off" } else { "on" };
    let limits = format!(
        "set lock_timeout = {lock_timeout}; set statement_timeout = '30s'; set enable_seqscan = {scans}; set jit = off"
    );
    runtime
        .block_on(client.batch_execute(&limits))
        .map_err(|error| Error::Open(format!("cannot set the limits: {}", describe(&error))))
}

/// The server's code and message, without its detail line, which may quote values.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("{error} {cause}").trim().to_owned()
        },
        |db| format!("{} {}", db.code().code(), db.message()),
    )
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    isolation: Isolation,
    prepared: HashMap<&'static str, Prepared>,
    pending: Vec<Pending>,
    /// What was read ahead in this transaction.
    ahead: Vec<(Ahead, Arc<Vec<Row>>)>,
    state: State,
    dirty: bool,
    /// The first thing that went wrong in this transaction: from then on only a rollback is possible.
    failure: Option<Error>,
    /// The connection has ended, even if the client does not know yet.
    ended: bool,
}

/// How a session's transactions see others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// As if they ran one after the other.
    Serializable,
    /// Each statement sees what is committed. Until the first write there is no transaction: it would change nothing but
    /// cost a `commit`.
    ReadCommitted,
    /// One snapshot, nothing written.
    Snapshot,
}

impl Isolation {
    fn begin(self) -> &'static str {
        match self {
            Self::Serializable => "begin isolation level serializable",
            Self::ReadCommitted => "begin isolation level read committed",
            Self::Snapshot => "begin isolation level repeatable read read only",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No transaction.
    Idle,
    /// `begin` was sent or is about to be.
    Open,
}

/// Why a commit did not succeed.
#[derive(Debug)]
pub(super) enum Uncommitted {
    /// It is certain that nothing was kept.
    Undone(Error),
    /// The commit was sent and its answer never came.
    Unknown(String),
}

/// What a failed statement proves. Answers come in order, so a server that speaks up before its answer to `commit` has
/// not committed, and one that falls silent may have.
#[derive(Debug)]
enum Fault {
    /// The server refused the statement; the connection lives and the transaction is to be rolled back.
    Refused(Error),
    /// The server said that it ends the connection, and with it the transaction.
    Dismissed(Error),
    /// The connection broke: what was sent may have been done.
    Severed(Error),
}

impl Fault {
    fn of(statement: &'static str, error: &tokio_postgres::Error) -> Self {
        let translated = translate(statement, error);
        match error.as_db_error().map(tokio_postgres::error::DbError::parsed_severity) {
            None => Self::Severed(translated),
            Some(Some(Severity::Fatal | Severity::Panic)) => Self::Dismissed(translated),
            Some(_) => Self::Refused(translated),
        }
    }
}

#[derive(Debug)]
struct Pending {
    statement: &'static Statement,
    prepared: Prepared,
    params: Vec<Owned>,
}

impl Session {
    pub(super) fn new(client: Client, isolation: Isolation) -> Self {
        Self {
            client,
            isolation,
            prepared: HashMap::new(),
            pending: Vec::new(),
            ahead: Vec::new(),
            state: State::Idle,
            dirty: false,
            failure: None,
            ended: false,
        }
    }

    /// From the next transaction on.
    pub(super) fn isolate(&mut self, isolation: Isolation) {
        self.isolation = isolation;
    }

    pub(crate) fn dirty(&self) -> bool {
        self.dirty
    }

    pub(super) fn lost(&self) -> bool {
        self.ended || self.client.is_closed()
    }

    /// [`Session::lost`], after a look at what the server said while nobody listened. Costs no round trip.
    pub(super) fn found_lost(&self, runtime: &Runtime) -> bool {
        if !self.lost() {
            // The first turn polls the socket, the second runs the connection's task.
            runtime.block_on(async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            });
        }
        self.lost()
    }

    /// What went wrong in this transaction, also when the closure did not pass it on.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    pub(crate) fn query(
        &mut self,
        runtime: &Runtime,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<Arc<Vec<Row>>> {
        if let Some((_, rows)) = self.ahead.iter().find(|(known, _)| known.is(statement, params)) {
            return Ok(Arc::clone(rows));
        }
        let prepared = self.prepared(runtime, statement)?;
        self.flush_down_to(runtime, FLIGHT)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        let begin = self.take_begin_to_read();
        let pending = core::mem::take(&mut self.pending);
        let client = &self.client;
        let ((begun, written), answer) = runtime.block_on(join(
            join(begin_transaction(client, begin), write_all(client, &pending)),
            client.query(&prepared, &params),
        ));
        let result =
            begun.and(written).and_then(|()| answer.map_err(|error| Fault::of(statement.name, &error)));
        self.noted(result).map(Arc::new)
    }

    pub(crate) fn execute(
        &mut self,
        runtime: &Runtime,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<u64> {
        self.forget(statement, params);
        let prepared = self.prepared(runtime, statement)?;
        self.flush_down_to(runtime, FLIGHT)?;
        self.dirty = true;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        let begin = self.take_begin();
        let pending = core::mem::take(&mut self.pending);
        let client = &self.client;
        let ((begun, written), answer) = runtime.block_on(join(
            join(begin_transaction(client, begin), write_all(client, &pending)),
            client.execute(&prepared, &params),
        ));
        let result =
            begun.and(written).and_then(|()| answer.map_err(|error| Fault::of(statement.name, &error)));
        self.noted(result)
    }

    pub(crate) fn put(
        &mut self,
        runtime: &Runtime,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<()> {
        self.forget(statement, params);
        let prepared = self.prepared(runtime, statement)?;
        // Encoding happens when the write is sent, beside the `commit`: a write that cannot be encoded would be left out
        // and the rest committed.
        let types = prepared.params();
        if types.len() != params.len() || !types.iter().all(<Owned as ToSql>::accepts) {
            let message = "its parameters do not fit".to_owned();
            return self.noted(Err(Fault::Refused(Error::Statement { statement: statement.name, message })));
        }
        self.dirty = true;
        let params = params.iter().map(Owned::from).collect();
        self.pending.push(Pending { statement, prepared, params });
        self.flush_down_to(runtime, FLIGHT)
    }

    pub(crate) fn prepare(&mut self, runtime: &Runtime, statement: &'static Statement) -> Result<()> {
        self.prepared(runtime, statement).map(drop)
    }

    /// Whether there is something to commit: an untouched side is left alone.
    pub(super) fn touched(&self) -> bool {
        self.state != State::Idle || !self.pending.is_empty()
    }

    /// Sends what is pending and the commit together.
    pub(super) fn commit(&mut self, runtime: &Runtime) -> core::result::Result<(), Uncommitted> {
        if let Some(error) = &self.failure {
            return Err(Uncommitted::Undone(error.clone()));
        }
        if self.found_lost(runtime) {
            return Err(Uncommitted::Undone(Error::Unavailable("the connection was lost".to_owned())));
        }
        let begin = self.take_begin();
        let pending = core::mem::take(&mut self.pending);
        let client = &self.client;
        // A write that the server refuses turns its `commit` into a rollback, so sending both at once is safe.
        let ((begun, written), committed) = runtime.block_on(join(
            join(begin_transaction(client, begin), write_all(client, &pending)),
            client.batch_execute("commit"),
        ));
        self.state = State::Idle;
        self.dirty = false;
        let before = begun.and(written);
        let committed = committed.map_err(|error| Fault::of("commit", &error));
        self.ended = [before.as_ref().err(), committed.as_ref().err()]
            .into_iter()
            .flatten()
            .any(|fault| !matches!(fault, Fault::Refused(_)));
        match (before, committed) {
            (Ok(()), Ok(())) => Ok(()),
            (Err(Fault::Refused(Error::Unknown(message))), _) => Err(Uncommitted::Unknown(message)),
            (Err(Fault::Refused(error) | Fault::Dismissed(error)), _)
            | (Ok(()), Err(Fault::Refused(error))) => Err(Uncommitted::Undone(error)),
            (Err(Fault::Severed(error)), _)
            | (Ok(()), Err(Fault::Dismissed(error) | Fault::Severed(error))) => {
                Err(Uncommitted::Unknown(error.to_string()))
            }
        }
    }

    pub(super) fn rollback(&mut self, runtime: &Runtime) {
        self.pending.clear();
        self.dirty = false;
        self.failure = None;
        if self.state != State::Idle
            && !self.lost()
            && let Err(error) = runtime.block_on(self.client.batch_execute("rollback"))
        {
            tracing::debug!(error = %describe(&error), "rollback failed: the connection is given up");
            self.ended = true;
        }
        self.state = State::Idle;
    }

    pub(super) fn flush(&mut self, runtime: &Runtime) -> Result<()> {
        self.flush_down_to(runtime, 1)
    }

    fn flush_down_to(&mut self, runtime: &Runtime, limit: usize) -> Result<()> {
        if self.pending.len() < limit {
            return Ok(());
        }
        let begin = self.take_begin();
        let pending = core::mem::take(&mut self.pending);
        let client = &self.client;
        let (begun, written) =
            runtime.block_on(join(begin_transaction(client, begin), write_all(client, &pending)));
        self.noted(begun.and(written))
    }

    fn take_begin_to_read(&mut self) -> Option<&'static str> {
        let alone = self.isolation == Isolation::ReadCommitted && self.pending.is_empty();
        if alone { None } else { self.take_begin() }
    }

    fn take_begin(&mut self) -> Option<&'static str> {
        (self.state == State::Idle).then(|| {
            self.state = State::Open;
            self.isolation.begin()
        })
    }

    fn noted<T>(&mut self, result: core::result::Result<T, Fault>) -> Result<T> {
        result.map_err(|fault| {
            self.ended |= !matches!(fault, Fault::Refused(_));
            let (Fault::Refused(error) | Fault::Dismissed(error) | Fault::Severed(error)) = fault;
            self.failure.get_or_insert_with(|| error.clone());
            error
        })
    }

    fn prepared(&mut self, runtime: &Runtime, statement: &'static Statement) -> Result<Prepared> {
        if let Some(prepared) = self.prepared.get(statement.postgres) {
            return Ok(prepared.clone());
        }
        let prepared = runtime
            .block_on(self.client.prepare(statement.postgres))
            .map_err(|error| Fault::of(statement.name, &error));
        let prepared = self.noted(prepared)?;
        self.prepared.insert(statement.postgres, prepared.clone());
        Ok(prepared)
    }
}

async fn begin_transaction(client: &Client, begin: Option<&'static str>) -> core::result::Result<(), Fault> {
    let Some(sql) = begin else { return Ok(()) };
    client.batch_execute(sql).await.map_err(|error| match Fault::of("begin", &error) {
        // What travelled behind a refused `begin` ran outside any transaction, each write for itself.
        Fault::Refused(error) => Fault::Refused(Error::Unknown(error.to_string())),
        other => other,
    })
}

/// Sends all writes before waiting for the first answer; they reach the server in order.
async fn write_all(client: &Client, pending: &[Pending]) -> core::result::Result<(), Fault> {
    let writes = pending.iter().map(|write| async move {
        client
            .execute_raw(&write.prepared, &write.params)
            .await
            .map_err(|error| Fault::of(write.statement.name, &error))
    });
    join_all(writes).await.into_iter().try_for_each(|result| result.map(drop))
}

fn translate(statement: &'static str, error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        return Error::Unavailable(format!("`{statement}`: {}", describe(error)));
    };
    let code = db.code();
    let again = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        // A row that this one refers to has just gone.
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::QUERY_CANCELED,
    ];
    if again.contains(code) {
        Error::Serialization
    } else if *code == SqlState::UNIQUE_VIOLATION {
        Error::Unique(statement)
    } else if matches!(code.code().get(..2), Some("08" | "53" | "57" | "58" | "25")) {
        // Connection, resources, operator intervention, system, read-only transaction.
        Error::Unavailable(format!("`{statement}`: {}", describe(error)))
    } else {
        Error::Statement { statement, message: describe(error) }
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> core::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Blob(value) => value.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

impl ToSql for Owned {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> core::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Blob(value) => value.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        <Param<'_> as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}
