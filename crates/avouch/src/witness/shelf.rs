//! Where a witness keeps what it has signed: one file per log, named by the SHA-256 of its origin, with the newest checkpoint as a
//! signed note. It is replaced by renaming, and waits for the disk before and after.
//!
//! Crash at any step: the file is what it was, or what it was to become, and nothing has been signed yet that is not in it. What a
//! crash leaves beside it counts for nothing and is removed at the next start.
//!
//! Whoever can change a file here can make the witness sign a second history of that log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::WitnessError;
use crate::error::Error;
use crate::files;

/// What is being written, and is not in its place yet.
const UNDER_WAY: &str = ".new";

/// See the module.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    fn folder(dir: &Path) -> PathBuf {
        dir.join("logs")
    }

    /// Makes an empty one.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(super) fn make(dir: &Path) -> Result<(), Error> {
        files::make_private_dir(&Self::folder(dir))
    }

    /// The one of a witness, which there has to be: an empty one in its place would be a witness that has forgotten.
    ///
    /// # Errors
    /// [`WitnessError::Missing`].
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        let folder = Self::folder(dir);
        if folder.is_dir() { Ok(Self { folder }) } else { Err(WitnessError::Missing(dir.to_owned()).into()) }
    }

    /// Every log of which something is stored, and the note; what a crash has left half-way is removed.
    ///
    /// # Errors
    /// [`Error::File`]; [`WitnessError::State`] for what is none of ours.
    pub(super) fn read(&self) -> Result<Vec<(String, String)>, Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(Error::file(&self.folder))? {
            let path = entry.map_err(Error::file(&self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(UNDER_WAY) {
                fs::remove_file(&path).map_err(Error::file(&path))?;
                continue;
            }
            let is_log =
                name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let note = if is_log { fs::read_to_string(&path).ok() } else { None };
            let note = note.ok_or_else(|| self.fault(&name, "is not of this witness, or cannot be read"))?;
            found.push((name, note));
        }
        Ok(found)
    }

    /// What to say of a file that is not as it must be.
    pub(super) fn fault(&self, log: &str, reason: &'static str) -> WitnessError {
        WitnessError::State { path: self.folder.join(log), reason }
    }

    /// Writes the note beside its place, and waits until it is on the disk.
    pub(super) fn write(&self, log: &str, note: &str) -> io::Result<()> {
        let open =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.beside(log));
        let mut file = open?;
        file.write_all(note.as_bytes())?;
        file.sync_all()
    }

    /// Puts what was written in its place. After a crash it may be there or not.
    pub(super) fn put_in_place(&self, log: &str) -> io::Result<()> {
        fs::rename(self.beside(log), self.folder.join(log))
    }

    /// Waits until what was put in its place stays there.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn beside(&self, log: &str) -> PathBuf {
        self.folder.join(format!("{log}{UNDER_WAY}"))
    }
}
