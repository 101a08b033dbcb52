//! What can stop a run. Requests that fail while load runs are counted, not errors.

use std::{fmt, io};

/// `Result` of this crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run could not be finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The machine refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program that the run needs ended badly.
    #[error("{program} failed: {said}")]
    Program {
        /// Its name.
        program: String,
        /// The end of what it wrote.
        said: String,
    },
    /// The server answered something that the contract does not allow, or refused the preparation.
    #[error("the server {0}")]
    Server(String),
    /// The run was asked for something that it cannot do.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// For `map_err`: says what was being done.
    pub(crate) fn io(doing: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.to_string(), source }
    }
}
