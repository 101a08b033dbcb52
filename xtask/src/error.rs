//! Why a task stopped. Every text says what was being done and, where the reader can mend it, the command that does.

use std::fmt;
use std::io;

/// The result of a step or a task.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a task stopped.
#[derive(Debug)]
pub(crate) enum Error {
    /// The machine lacks something that this process may not install.
    Missing { what: &'static str, mend: &'static str },
    /// There is too little room where things are built; in GiB.
    Full { free: u64, needed: u64 },
    /// A program could not be started, or a file not be read or written.
    Io { doing: String, source: io::Error },
    /// A program ran and reported failure. `said` is what it printed, when that was not shown already.
    Failed { command: String, said: String },
    /// Some steps failed; the summary above names them.
    Steps { failed: usize },
    /// A word that names nothing there is.
    Unknown { what: &'static str, word: String, known: String },
    /// Some fuzz targets failed; the lines above tell why.
    Found { failed: usize },
}

impl Error {
    /// For `map_err`: what was being done when the operating system refused.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, mend } => {
                write!(out, "{what} is missing and not ours to install; run: {mend}")
            }
            Self::Full { free, needed } => {
                write!(out, "{free} GiB are free where things are built, and {needed} are needed: make room")
            }
            Self::Io { doing, source } => write!(out, "{doing}: {source}"),
            Self::Failed { command, said } if said.is_empty() => write!(out, "`{command}` failed"),
            Self::Failed { command, said } => write!(out, "`{command}` failed:\n{}", said.trim_end()),
            Self::Steps { failed } => write!(out, "{failed} failed, named in the table above"),
            Self::Unknown { what, word, known } => {
                write!(out, "no {what} is called `{word}`; there is {known}")
            }
            Self::Found { failed } => {
                write!(
                    out,
                    "{failed} targets failed: mend what they found, and keep the input in `fuzz/seeds`"
                )
            }
        }
    }
}
