//! Store errors, sorted by who can do something about them. Texts are for the log: they carry engine codes and
//! statement names, never parameters.

/// What can go wrong below the seam.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The queue is at its limit; the caller should retry after a moment.
    #[error("the store is busy: its queue is full")]
    Busy,
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// A unique constraint refused the write.
    #[error("`{0}` broke a unique constraint")]
    Unique(&'static str),
    /// PostgreSQL asks to run the transaction again; handled inside the store until the time cap.
    #[error("serialisation failure, try again")]
    Serialization,
    /// The engine cannot be reached or refuses work (disk full, read-only, connection lost before commit).
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The connection broke while a commit was under way: it may or may not have happened.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
    /// The closure panicked; its writes were undone.
    #[error("an operation panicked")]
    Panicked,
    /// A column did not hold what the statement promised.
    #[error("column {column} of `{statement}` is not {expected}")]
    Column {
        /// The statement's name.
        statement: &'static str,
        /// Zero-based column.
        column: usize,
        /// What was asked for.
        expected: &'static str,
    },
    /// A statement failed for another reason: a defect of ours or a damaged database.
    #[error("`{statement}` failed: {message}")]
    Statement {
        /// The statement's name.
        statement: &'static str,
        /// The engine's message and code.
        message: String,
    },
    /// Settings or files do not allow opening the store.
    #[error("cannot open the store: {0}")]
    Open(String),
    /// The migrations do not fit the database.
    #[error("migration {number}: {message}")]
    Migration {
        /// The migration's number.
        number: i64,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// Whether the closure should simply be run again.
    pub(crate) fn wants_retry(&self) -> bool {
        matches!(self, Self::Serialization)
    }
}

/// The store's result.
pub type Result<T> = core::result::Result<T, Error>;

/// An error a closure may end with: made from a store error, and able to show it again, so that the store can tell
/// "run me again" from a refusal of the operation itself.
pub trait Aborts: From<Error> + Send + 'static {
    /// The store error inside, when that is what ended the closure.
    fn store_error(&self) -> Option<&Error>;
}

impl Aborts for Error {
    fn store_error(&self) -> Option<&Error> {
        Some(self)
    }
}
