//! A file that is being written, under a name that nobody takes for a backup. It gets its own when it is whole, synced and read
//! back; when it comes to nothing it is removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use avouch_seal::VaultId;
use avouch_seal::backup::BackupKeys;

use super::error::{BackupError, Unusable};
use super::file::Counts;
use super::header::Part;
use super::layers::Layers;
use super::shelf::{self, Kept, Made, Shelf, UNFINISHED};
use super::whole::{Checked, open, read_through};

/// See the module.
pub(super) struct Draft {
    path: PathBuf,
    part: PathBuf,
    state: Writing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Unfinished,
    Named,
    Finished,
}

impl Draft {
    /// Begins a file; the folder is made with mode 0700 when it is not there.
    pub(super) fn begin(
        shelf: &Shelf,
        part: Part,
        vault: VaultId,
        (sequence, made): (u64, i64),
    ) -> Result<(Self, BufWriter<File>), BackupError> {
        let folder = shelf.folder(part);
        if !folder.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(BackupError::io(folder))?;
        }
        let path = folder.join(shelf::name(vault, part, sequence, made));
        let unfinished = path.with_extension(UNFINISHED);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&unfinished);
        let file = file.map_err(BackupError::io(&unfinished))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok((Self { path, part: unfinished, state: Writing::Unfinished }, out))
    }

    /// For `map_err`.
    pub(super) fn failed(&self) -> impl Fn(io::Error) -> BackupError {
        BackupError::io(&self.part)
    }

    /// Syncs what was written, reads it back from beginning to end, with what it was made on, and only then gives it its name.
    pub(super) fn finish(
        mut self,
        out: BufWriter<File>,
        keys: &BackupKeys,
        counts: &Counts,
        go_on: impl Fn() -> Result<(), BackupError>,
    ) -> Result<Made, BackupError> {
        let file = out.into_inner().map_err(|error| self.failed()(error.into_error()))?;
        file.sync_all().map_err(self.failed())?;
        drop(file);
        let layers = Layers::open(open(&self.part)?, &self.part, keys);
        let read =
            layers.and_then(|layers| read_through(layers, go_on)).map_err(|error| self.blamed(error))?;
        if read.counts != *counts {
            return Err(BackupError::File(self.part.clone(), Unusable::Damaged));
        }
        fs::rename(&self.part, &self.path).map_err(self.failed())?;
        self.state = Writing::Named;
        if let Some(folder) = self.path.parent() {
            shelf::sync(folder)?;
        }
        let bytes = fs::metadata(&self.path).map_err(BackupError::io(&self.path))?.len();
        self.state = Writing::Finished;
        let Checked { part, sequence, made, base, .. } = read;
        Ok(Made { kept: Kept { path: self.path.clone(), part, sequence, made, bytes }, base })
    }

    /// Tells what is wrong with this file from what is wrong with those it was made on.
    fn blamed(&self, error: BackupError) -> BackupError {
        match &error {
            BackupError::NoBase(..) => error.of_base(),
            BackupError::File(path, _) | BackupError::Io(path, _) if *path != self.part => error.of_base(),
            _ => error,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may not have come to be.
        drop(match self.state {
            Writing::Unfinished => fs::remove_file(&self.part),
            Writing::Named => fs::remove_file(&self.path),
            Writing::Finished => Ok(()),
        });
    }
}
