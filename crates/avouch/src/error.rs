//! How a command of this machine fails. Commands that talk to a server have their own error, which is passed on as it
//! is; exit codes mean the same for both.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_core::app::opening::OpeningError;
use avouch_core::backup::BackupError;
use avouch_seal::root::{RootError, SealKind};

use crate::config::ConfigError;
use crate::hazard::Hazard;
use crate::remote::CliError;
use crate::witness::WitnessError;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings would put customers' data at risk; all reasons.
    #[error("refusing to go on with unsafe settings")]
    Unsafe(Vec<Hazard>),
    /// A file or folder failed.
    #[error("`{}`: {}", .0.display(), describe(.1))]
    File(PathBuf, io::Error),
    /// The root key cannot be used.
    #[error("the {what} `{}` cannot be used: {reason}", path.display())]
    Root {
        /// `root key`, `recovery share`, …
        what: &'static str,
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: avouch_seal::Error,
    },
    /// A seal whose key is in a device or with a service cannot be used.
    #[error("the {0} {1}")]
    Seal(SealKind, RootError),
    /// Another server works on this vault.
    #[error("another avouch is at work in `{}`: stop it first", .0.display())]
    Locked(PathBuf),
    /// There is data, and no key store.
    #[error("the key store `{}` is not there: without it nobody's data can be read, so bring it back", .0.display())]
    KeysMissing(PathBuf),
    /// The vault cannot be made or opened.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] avouch_store::Error),
    /// An operation of ours failed.
    #[error(transparent)]
    Operation(#[from] avouch_core::Error),
    /// We cannot listen.
    #[error("cannot listen on {0}")]
    Listen(io::Error),
    /// The process itself: its limits, signals, threads, stdout.
    #[error("{0}: {1}")]
    Process(&'static str, io::Error),
    /// A backup cannot be made, believed or restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A witness cannot do its work.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// A remote command failed.
    #[error(transparent)]
    Remote(#[from] CliError),
}

impl Error {
    /// For `map_err`: says which file.
    pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::File(path.to_owned(), error)
    }

    /// The same list of codes as the remote commands'.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Remote(error) => error.exit_code(),
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// Says it on stderr.
    pub(crate) fn report(&self, json: bool) {
        match self {
            Self::Remote(error) => error.report(json),
            error if json => eprintln!("{}", serde_json::json!({ "detail": error.whole() })),
            error => eprintln!("error: {}", error.whole()),
        }
    }

    /// With every hazard and every problem of a charter.
    pub(crate) fn whole(&self) -> String {
        let mut text = self.to_string();
        match self {
            Self::Unsafe(hazards) => {
                for hazard in hazards {
                    let _ = write!(text, "\n{hazard}");
                }
            }
            Self::Opening(OpeningError::Charter(problems)) => {
                for problem in problems {
                    let _ = write!(text, "\n{problem}");
                }
            }
            _ => {}
        }
        text
    }
}

/// The system's words without its numbers.
fn describe(error: &io::Error) -> String {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::NotFound, _) => "there is no such file or folder".to_owned(),
        (io::ErrorKind::AlreadyExists, _) => "is there already".to_owned(),
        (kind, Some(_)) => kind.to_string(),
        (_, None) => error.to_string(),
    }
}
