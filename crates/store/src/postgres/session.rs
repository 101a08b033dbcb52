//! One connection to one store, inside one transaction at a time. Writes that nobody waits for are kept back and sent
//! with the next query or the commit.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, NoTls, Row, Statement as Prepared};

use crate::{Error, Param, Result, Statement};

/// Writes sent together; beyond this the group's flight is split, which bounds memory on both ends.
const FLIGHT: usize = 30;

/// How often and how far apart the claim on a database is tried.
const CLAIM_TRIES: u32 = 20;
const CLAIM_PAUSE: Duration = Duration::from_millis(100);

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
    begin: &'static str,
    prepared: HashMap<&'static str, Prepared>,
    pending: Vec<Pending>,
    state: State,
    dirty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No transaction.
    Idle,
    /// `begin` was sent or is about to be.
    Open,
    /// The server refused something: only a rollback is possible.
    Failed,
}

#[derive(Debug)]
struct Pending {
    statement: &'static Statement,
    prepared: Prepared,
    params: Vec<Owned>,
}

impl Session {
    pub(super) fn new(client: Client, begin: &'static str) -> Self {
        let state = State::Idle;
        Self { client, begin, prepared: HashMap::new(), pending: Vec::new(), state, dirty: false }
    }

    /// Claims the database for this process, for as long as the connection lives: what a process holds in memory
    /// (principals, the charter) would not notice another one's changes. Waits a moment for a predecessor to go.
    pub(super) fn claim(&self, runtime: &Runtime) -> Result<()> {
        runtime.block_on(async {
            for _ in 0..CLAIM_TRIES {
                let row = self
                    .client
                    .query_one("select pg_try_advisory_lock(7094138202)", &[])
                    .await
                    .map_err(|error| translate("claim", &error))?;
                if row.try_get(0).unwrap_or(false) {
                    return Ok(());
                }
                tokio::time::sleep(CLAIM_PAUSE).await;
            }
            Err(Error::Open("another avouch serves this database".to_owned()))
        })
    }

    pub(crate) fn dirty(&self) -> bool {
        self.dirty
    }

    pub(super) fn lost(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) fn failed(&self) -> bool {
        self.state == State::Failed
    }

    pub(crate) fn query(
        &mut self,
        runtime: &Runtime,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>> {
        let prepared = self.prepared(runtime, statement)?;
        self.flush_down_to(runtime, FLIGHT)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        let begin = self.take_begin();
        let pending = core::mem::take(&mut self.pending);
        let client = &self.client;
        let ((begun, written), answer) = runtime.block_on(join(
            join(begin_transaction(client, begin), write_all(client, &pending)),
            client.query(&prepared, &params),
        ));
        let result =
            begun.and(written).and_then(|()| answer.map_err(|error| translate(statement.name, &error)));
        self.noted(result)
    }

    pub(crate) fn execute(
        &mut self,
        runtime: &Runtime,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<u64> {
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
            begun.and(written).and_then(|()| answer.map_err(|error| translate(statement.name, &error)));
        self.noted(result)
    }

    pub(crate) fn put(
        &mut self,
        runtime: &Runtime,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<()> {
        let prepared = self.prepared(runtime, statement)?;
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
    ///
    /// # Errors
    /// [`Error::Unknown`] when the connection broke after the commit was sent.
    pub(super) fn commit(&mut self, runtime: &Runtime) -> Result<()> {
        let begin = self.take_begin();
        let pending = core::mem::take(&mut self.pending);
        let client = &self.client;
        // A failed write turns the server's `commit` into a rollback, so sending both at once is safe.
        let ((begun, written), committed) = runtime.block_on(join(
            join(begin_transaction(client, begin), write_all(client, &pending)),
            client.batch_execute("commit"),
        ));
        self.state = State::Idle;
        self.dirty = false;
        begun.and(written)?;
        committed.map_err(|error| match translate("commit", &error) {
            Error::Unavailable(message) => Error::Unknown(message),
            other => other,
        })
    }

    pub(super) fn rollback(&mut self, runtime: &Runtime) {
        self.pending.clear();
        self.dirty = false;
        if self.state != State::Idle && !self.client.is_closed() {
            drop(runtime.block_on(self.client.batch_execute("rollback")));
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

    fn take_begin(&mut self) -> Option<&'static str> {
        (self.state == State::Idle).then(|| {
            self.state = State::Open;
            self.begin
        })
    }

    fn noted<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    fn prepared(&mut self, runtime: &Runtime, statement: &'static Statement) -> Result<Prepared> {
        if let Some(prepared) = self.prepared.get(statement.postgres) {
            return Ok(prepared.clone());
        }
        let prepared = runtime
            .block_on(self.client.prepare(statement.postgres))
            .map_err(|error| translate(statement.name, &error));
        let prepared = if self.state == State::Open { self.noted(prepared) } else { prepared }?;
        self.prepared.insert(statement.postgres, prepared.clone());
        Ok(prepared)
    }
}

async fn begin_transaction(client: &Client, begin: Option<&'static str>) -> Result<()> {
    match begin {
        Some(sql) => client.batch_execute(sql).await.map_err(|error| translate("begin", &error)),
        None => Ok(()),
    }
}

/// Sends all writes before waiting for the first answer; they reach the server in order.
async fn write_all(client: &Client, pending: &[Pending]) -> Result<()> {
    let writes = pending.iter().map(|write| async move {
        client
            .execute_raw(&write.prepared, &write.params)
            .await
            .map_err(|error| translate(write.statement.name, &error))
    });
    join_all(writes).await.into_iter().try_for_each(|result| result.map(drop))
}

fn translate(statement: &'static str, error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        return Error::Unavailable(format!("`{statement}`: {}", describe(error)));
    };
    let code = db.code();
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
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

/// A parameter of a write that is sent later.
#[derive(Debug)]
enum Owned {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<&Param<'_>> for Owned {
    fn from(param: &Param<'_>) -> Self {
        match param {
            Param::Null => Self::Null,
            Param::Int(value) => Self::Int(*value),
            Param::Text(value) => Self::Text((*value).to_owned()),
            Param::Blob(value) => Self::Blob(value.to_vec()),
        }
    }
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
