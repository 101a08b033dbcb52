//! The transaction an operation works in. It spans both stores; each statement knows its own side. A `Tx` cannot be
//! made outside the engines and cannot outlive its group.

use crate::postgres::Session;
use crate::value::Cells;
use crate::{Ahead, Param, Result, Row, Side, Statement, sqlite};

/// See the module.
#[derive(Debug)]
pub struct Tx<'c> {
    inner: Inner<'c>,
}

#[derive(Debug)]
enum Inner<'c> {
    Sqlite { data: sqlite::Session<'c>, keys: sqlite::Session<'c> },
    Postgres { runtime: &'c tokio::runtime::Runtime, data: &'c mut Session, keys: &'c mut Session },
}

impl<'c> Tx<'c> {
    pub(crate) fn sqlite(data: sqlite::Session<'c>, keys: sqlite::Session<'c>) -> Self {
        Self { inner: Inner::Sqlite { data, keys } }
    }

    pub(crate) fn postgres(
        runtime: &'c tokio::runtime::Runtime,
        data: &'c mut Session,
        keys: &'c mut Session,
    ) -> Self {
        Self { inner: Inner::Postgres { runtime, data, keys } }
    }

    /// Asks at once what will be asked next, when a round trip is worth saving; see [`Ahead`].
    ///
    /// # Errors
    /// What the engine reports.
    pub fn read_ahead(&mut self, wants: impl FnOnce() -> Vec<Ahead>) -> Result<()> {
        match &mut self.inner {
            Inner::Sqlite { .. } => Ok(()),
            Inner::Postgres { runtime, data, keys } => Session::read_ahead(runtime, data, keys, wants()),
        }
    }

    /// Runs a query and maps each row.
    ///
    /// # Errors
    /// What the engine or `map` reports.
    pub fn query<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        match &mut self.inner {
            Inner::Sqlite { data, keys } => side(statement, data, keys).query(statement, params, map),
            Inner::Postgres { runtime, data, keys } => {
                let rows = side(statement, &mut **data, &mut **keys).query(runtime, statement, params)?;
                rows.iter().map(|row| map(&Row { statement, cells: Cells::Postgres(row) })).collect()
            }
        }
    }

    /// Runs a query that answers with at most one row that matters: the first.
    ///
    /// # Errors
    /// What the engine or `map` reports.
    pub fn first<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        match &mut self.inner {
            Inner::Sqlite { data, keys } => side(statement, data, keys).first(statement, params, map),
            Inner::Postgres { runtime, data, keys } => {
                let rows = side(statement, &mut **data, &mut **keys).query(runtime, statement, params)?;
                rows.first().map(|row| map(&Row { statement, cells: Cells::Postgres(row) })).transpose()
            }
        }
    }

    /// Runs a write and says how many rows it touched.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn execute(&mut self, statement: &'static Statement, params: &[Param<'_>]) -> Result<u64> {
        match &mut self.inner {
            Inner::Sqlite { data, keys } => side(statement, data, keys).execute(statement, params),
            Inner::Postgres { runtime, data, keys } => {
                side(statement, &mut **data, &mut **keys).execute(runtime, statement, params)
            }
        }
    }

    /// Runs a write whose row count does not matter. PostgreSQL sends it along with the next query or the commit, which
    /// saves a round trip; an error then surfaces there and undoes this operation alone.
    ///
    /// # Errors
    /// What the engine reports at once.
    pub fn put(&mut self, statement: &'static Statement, params: &[Param<'_>]) -> Result<()> {
        match &mut self.inner {
            Inner::Sqlite { data, keys } => side(statement, data, keys).execute(statement, params).map(drop),
            Inner::Postgres { runtime, data, keys } => {
                side(statement, &mut **data, &mut **keys).put(runtime, statement, params)
            }
        }
    }

    /// Prepares a statement without running it.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn prepare(&mut self, statement: &'static Statement) -> Result<()> {
        match &mut self.inner {
            Inner::Sqlite { data, keys } => side(statement, data, keys).prepare(statement),
            Inner::Postgres { runtime, data, keys } => {
                side(statement, &mut **data, &mut **keys).prepare(runtime, statement)
            }
        }
    }

    /// Whether this run has written anything yet.
    pub(crate) fn dirty(&self) -> bool {
        match &self.inner {
            Inner::Sqlite { data, keys } => data.dirty() || keys.dirty(),
            Inner::Postgres { data, keys, .. } => data.dirty() || keys.dirty(),
        }
    }

    /// Whether this run has written to the key store.
    pub(crate) fn wrote_keys(&self) -> bool {
        match &self.inner {
            Inner::Sqlite { keys, .. } => keys.dirty(),
            Inner::Postgres { keys, .. } => keys.dirty(),
        }
    }

    /// Whether this run has written to the data store.
    pub(crate) fn wrote_data(&self) -> bool {
        match &self.inner {
            Inner::Sqlite { data, .. } => data.dirty(),
            Inner::Postgres { data, .. } => data.dirty(),
        }
    }

    /// What went wrong in this run, also when the closure did not pass it on.
    pub(crate) fn failure(&self) -> Option<crate::Error> {
        match &self.inner {
            Inner::Sqlite { data, keys } => data.failure().or_else(|| keys.failure()).cloned(),
            Inner::Postgres { data, keys, .. } => data.failure().or_else(|| keys.failure()).cloned(),
        }
    }

    /// Ends one operation inside a SQLite group.
    pub(crate) fn settle(self, keep: bool) -> Result<()> {
        match self.inner {
            Inner::Sqlite { data, keys } => {
                let data = data.settle(keep);
                let keys = keys.settle(keep);
                data.and(keys)
            }
            Inner::Postgres { .. } => Ok(()),
        }
    }
}

fn side<T>(statement: &Statement, data: T, keys: T) -> T {
    match statement.side {
        Side::Data => data,
        Side::Keys => keys,
    }
}
