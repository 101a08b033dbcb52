//! One side of one operation, on a SQLite connection, and what the engine's errors mean.

use rusqlite::{Connection, ErrorCode, ToSql};

use crate::value::Cells;
use crate::{Error, Param, Result, Row, Side, Statement};

/// One side of one operation. One that fails takes only its own writes with it.
#[derive(Debug)]
pub(crate) struct Session<'c> {
    connection: &'c Connection,
    undo: Undo,
    wrote: bool,
    failure: Option<Error>,
}

/// How the writes of an operation are taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Undo {
    /// To a savepoint, which is set before the first of them. As long as it stands, each page that is changed is copied.
    Savepoint,
    /// With the whole transaction, in which nobody else has written yet; this begins another.
    Transaction(&'static str),
}

impl<'c> Session<'c> {
    pub(crate) fn new(connection: &'c Connection, undo: Undo) -> Self {
        Self { connection, undo, wrote: false, failure: None }
    }

    pub(crate) fn dirty(&self) -> bool {
        self.wrote
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
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        // What is written outside a transaction would be there at once, whatever becomes of the operation.
        if self.connection.is_autocommit() {
            let error = Error::Unavailable("the engine rolled the transaction back".to_owned());
            self.failure = Some(error.clone());
            return Err(error);
        }
        if !self.wrote {
            if let Undo::Savepoint = self.undo {
                batch(self.connection, "savepoint operation").inspect_err(|error| {
                    self.failure = self.failure.take().or_else(|| Some(error.clone()))
                })?;
            }
            self.wrote = true;
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
        if !self.wrote || self.connection.is_autocommit() {
            return Ok(());
        }
        match self.undo {
            Undo::Savepoint => {
                if !keep {
                    batch(self.connection, "rollback to operation")?;
                }
                batch(self.connection, "release operation")
            }
            Undo::Transaction(_) if keep => Ok(()),
            Undo::Transaction(begin) => {
                batch(self.connection, "rollback")?;
                batch(self.connection, begin)
            }
        }
    }
}

pub(super) fn batch(connection: &Connection, sql: &'static str) -> Result<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]).map(drop))
        .map_err(|error| translate(sql, &error))
}

/// `SQLITE_CONSTRAINT_FOREIGNKEY`.
const FOREIGN_KEY: i32 = rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;

fn translate(statement: &'static str, error: &rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => match code.code {
            // A row that this one refers to has just gone.
            ErrorCode::ConstraintViolation if code.extended_code == FOREIGN_KEY => Error::Serialization,
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
