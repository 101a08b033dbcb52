//! Why a backup cannot be made, believed or restored. Files are named by their path, never by what is in them.

use std::io;
use std::path::{Path, PathBuf};

use avouch_seal::root::RootError;
use avouch_store::Aborts;

use crate::Error;
use crate::app::opening::OpeningError;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// No folders were configured.
    #[error("this server has no folders for backups: set `data_dir` and `keys_dir` in `[backup]`")]
    NoShelf,
    /// A file or folder failed.
    #[error("`{}`: {}", .0.display(), told(.1))]
    Io(PathBuf, io::Error),
    /// A file cannot be used.
    #[error("`{}` {}", .0.display(), .1)]
    File(PathBuf, Unusable),
    /// A file holds only what changed, and what it was made on is not there.
    #[error("`{}` holds what changed since the backup of run {}, which does not lie beside it: put both into one folder", .0.display(), .1)]
    NoBase(PathBuf, u64),
    /// What a backup was to be made on failed: it can be made on none.
    #[error(transparent)]
    Base(Box<Self>),
    /// The seal does not open the keyring in a backup's header.
    #[error("this seal does not open the backup `{}`: {}", .0.display(), .1)]
    Seal(PathBuf, RootError),
    /// The copy took longer than the logs of the stores may be kept waiting.
    #[error("the copy took more than an hour: the store is too slow, or too large for one snapshot")]
    TooSlow,
    /// There is something in the way of a restore.
    #[error("{0}")]
    Refused(&'static str),
    /// Some people of the data cannot be read with these keys.
    #[error(
        "{0} customers of the data are sealed under keys that this key store does not hold: they were exchanged, or \
         come later; restore the keys of the same run as the data"
    )]
    Keys(u64),
    /// The restored vault does not open.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its first bytes are not ours.
    #[error("is no backup of avouch")]
    Foreign,
    /// A format or a table that this program does not know.
    #[error("was written by another version of avouch: restore it with that version")]
    Version,
    /// It belongs to another vault.
    #[error("is a backup of another vault")]
    OtherVault,
    /// Data where keys are wanted.
    #[error("is a backup of the data store, not of the key store")]
    Data,
    /// Keys where data is wanted.
    #[error("is a backup of the key store, not of the data store")]
    Keys,
    /// It has the name of one that is being written.
    #[error("was never finished, and nothing is known of when it ends: remove it")]
    Unfinished,
    /// It does not open or is not whole.
    #[error("was cut off or changed: do not use it")]
    Damaged,
}

/// Why a file cannot be read on: what is in it, or the disk, which may do better tomorrow.
#[derive(Debug)]
pub(crate) enum Unread {
    Unusable(Unusable),
    Io(io::Error),
}

impl Unread {
    /// Says which file.
    pub(crate) fn of(self, path: &Path) -> BackupError {
        match self {
            Self::Unusable(reason) => BackupError::File(path.to_owned(), reason),
            Self::Io(error) => BackupError::Io(path.to_owned(), error),
        }
    }
}

impl From<Unusable> for Unread {
    fn from(reason: Unusable) -> Self {
        Self::Unusable(reason)
    }
}

impl From<io::Error> for Unread {
    /// A file that ends too soon was cut off, and what does not open was changed; anything else says nothing about the file.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Unusable::Damaged.into(),
            _ => Self::Io(error),
        }
    }
}

fn told(error: &io::Error) -> String {
    // Ours have no kind of their own, and say it in words.
    if error.kind() == io::ErrorKind::Other { error.to_string() } else { error.kind().to_string() }
}

impl BackupError {
    /// Of what a backup was to be made on.
    pub(crate) fn of_base(self) -> Self {
        Self::Base(Box::new(self))
    }

    /// For `map_err`: says which file.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Io(path.to_owned(), error)
    }
}

impl From<avouch_store::Error> for BackupError {
    fn from(error: avouch_store::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<avouch_seal::Error> for BackupError {
    fn from(error: avouch_seal::Error) -> Self {
        Self::Other(error.into())
    }
}

impl Aborts for BackupError {
    fn store_error(&self) -> Option<&avouch_store::Error> {
        match self {
            Self::Other(Error::Store(error)) => Some(error),
            _ => None,
        }
    }
}
