//! What crosses the seam: four kinds of value in, typed columns out. Times are microseconds UTC in `bigint`, ids
//! 16-byte blobs, everything personal a sealed blob; nothing else exists in the schema.

use crate::{Error, Result, Statement};

/// A parameter. Borrowed, because the hot path binds sealed blobs that already exist.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param<'a> {
    /// SQL `null`.
    Null,
    /// `bigint`.
    Int(i64),
    /// `text`: names from the charter, engine-neutral codes; never personal data.
    Text(&'a str),
    /// `blob` / `bytea`.
    Blob(&'a [u8]),
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<u32> for Param<'_> {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}
impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}
impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}
impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}
impl<'a> From<&'a Vec<u8>> for Param<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Blob(value)
    }
}
impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}
impl<T> From<Option<T>> for Param<'_>
where
    T: Into<Self>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Parameters in order: `params![&id, version, "active"]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Param::from($value)),*] };
}

/// A parameter of a statement that is sent later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owned {
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

impl PartialEq<Param<'_>> for Owned {
    fn eq(&self, param: &Param<'_>) -> bool {
        match (self, param) {
            (Self::Null, Param::Null) => true,
            (Self::Int(own), Param::Int(other)) => own == other,
            (Self::Text(own), Param::Text(other)) => own == other,
            (Self::Blob(own), Param::Blob(other)) => own == other,
            _ => false,
        }
    }
}

/// One row of an answer, from either engine.
#[derive(Debug)]
pub struct Row<'a> {
    pub(crate) statement: &'static Statement,
    pub(crate) cells: Cells<'a>,
}

#[derive(Debug)]
pub(crate) enum Cells<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The integer in `column`.
    ///
    /// # Errors
    /// [`Error::Column`] when it is null or of another kind; so for all accessors.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| self.mismatch(column, "an integer"))
    }

    /// The integer in `column`, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Column`].
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match &self.cells {
            Cells::Sqlite(row) => match row.get_ref(column) {
                Ok(rusqlite::types::ValueRef::Integer(value)) => Ok(Some(value)),
                Ok(rusqlite::types::ValueRef::Null) => Ok(None),
                _ => Err(self.mismatch(column, "an integer")),
            },
            Cells::Postgres(row) => row.try_get(column).map_err(|_| self.mismatch(column, "an integer")),
        }
    }

    /// The text in `column`.
    ///
    /// # Errors
    /// [`Error::Column`].
    pub fn text(&self, column: usize) -> Result<&str> {
        self.opt_text(column)?.ok_or_else(|| self.mismatch(column, "text"))
    }

    /// The text in `column`, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Column`].
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>> {
        match &self.cells {
            Cells::Sqlite(row) => match row.get_ref(column) {
                Ok(rusqlite::types::ValueRef::Text(value)) => {
                    core::str::from_utf8(value).map(Some).map_err(|_| self.mismatch(column, "text"))
                }
                Ok(rusqlite::types::ValueRef::Null) => Ok(None),
                _ => Err(self.mismatch(column, "text")),
            },
            Cells::Postgres(row) => row.try_get(column).map_err(|_| self.mismatch(column, "text")),
        }
    }

    /// The bytes in `column`.
    ///
    /// # Errors
    /// [`Error::Column`].
    pub fn blob(&self, column: usize) -> Result<&[u8]> {
        self.opt_blob(column)?.ok_or_else(|| self.mismatch(column, "a blob"))
    }

    /// The bytes in `column`, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Column`].
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>> {
        match &self.cells {
            Cells::Sqlite(row) => match row.get_ref(column) {
                Ok(rusqlite::types::ValueRef::Blob(value)) => Ok(Some(value)),
                Ok(rusqlite::types::ValueRef::Null) => Ok(None),
                _ => Err(self.mismatch(column, "a blob")),
            },
            Cells::Postgres(row) => row.try_get(column).map_err(|_| self.mismatch(column, "a blob")),
        }
    }

    /// The fixed-size blob in `column`: an id or a digest.
    ///
    /// # Errors
    /// [`Error::Column`], also when the length differs.
    pub fn bytes<const N: usize>(&self, column: usize) -> Result<[u8; N]> {
        self.blob(column)?.try_into().map_err(|_| self.mismatch(column, "a blob of the right length"))
    }

    fn mismatch(&self, column: usize, expected: &'static str) -> Error {
        Error::Column { statement: self.statement.name, column, expected }
    }
}
