//! Reading a backup from beginning to end, which is the only way to know that it is whole: one file, or a folder's files that
//! were made on one another.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use avouch_seal::VaultId;
use avouch_seal::backup::BackupKeys;

use super::error::{BackupError, Unusable};
use super::file::{Counts, Unopened};
use super::header::{Base, Header, Part};
use super::layers::Layers;
use super::shelf::{self, UNFINISHED};

/// For whoever reads on.
const BUFFER: usize = 1 << 20;
/// For whoever wants to know what a file says that it is.
const GLANCE: usize = 4 << 10;
/// Lines read between two looks whether to go on.
const LINES: u64 = 1_000;

/// A file of which the header was read.
pub(super) type Input = Unopened<BufReader<File>>;

/// What a file that is whole holds.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Of which store.
    pub part: Part,
    /// Of which run.
    pub sequence: u64,
    /// Microseconds UTC.
    pub made: i64,
    /// The generation of people's keys.
    pub generation: u32,
    /// What it was made on, which was read with it.
    pub base: Option<Base>,
    /// Of keys: when it is to be gone; microseconds UTC.
    pub until: Option<i64>,
    /// The rows of each table, with those of what it was made on.
    pub counts: Counts,
}

/// Reads a whole file with the keys of its vault, and with it those beside it that it was made on.
///
/// # Errors
/// [`BackupError::File`], [`BackupError::NoBase`], [`BackupError::Io`].
pub fn verify(path: &Path, keys: &BackupKeys) -> Result<Checked, BackupError> {
    read_through(layers(path, keys)?, || Ok(()))
}

/// Reads what was opened to its end, as long as `go_on` lets it.
pub(super) fn read_through(
    mut layers: Layers,
    go_on: impl Fn() -> Result<(), BackupError>,
) -> Result<Checked, BackupError> {
    let mut lines = 0_u64;
    while layers.next()?.is_some() {
        lines += 1;
        if lines.is_multiple_of(LINES) {
            go_on()?;
        }
    }
    let (counts, header) = (layers.counts().clone(), layers.header());
    let (part, sequence, made, generation) = (header.part, header.sequence, header.made, header.generation);
    let (base, until) = (header.base.clone(), header.until);
    Ok(Checked { part, sequence, made, generation, base, until, counts })
}

/// A file with those beside it that it was made on.
pub(super) fn layers(path: &Path, keys: &BackupKeys) -> Result<Layers, BackupError> {
    Layers::open(unopened(path)?, path, keys)
}

/// The file that one was made on, which lies beside it.
pub(super) fn beside(path: &Path, header: &Header, base: &Base) -> Result<(PathBuf, Input), BackupError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let all = shelf::files_of(folder, VaultId(*header.vault), header.part)?;
    for file in all.into_iter().filter(|file| file.is(base)) {
        let input = unopened(&file.path)?;
        if base.is(&input.header) {
            return Ok((file.path, input));
        }
    }
    Err(BackupError::NoBase(path.to_owned(), base.sequence))
}

/// A file of which the header was read. One that is called unfinished is none, however whole: nobody has promised when it ends.
pub(super) fn unopened(path: &Path) -> Result<Input, BackupError> {
    if path.extension().is_some_and(|ending| ending == UNFINISHED) {
        return Err(BackupError::File(path.to_owned(), Unusable::Unfinished));
    }
    open(path)
}

/// The same of any.
pub(super) fn open(path: &Path) -> Result<Input, BackupError> {
    input(path, BUFFER)
}

/// What a file says that it is; `None`: it is damaged, or not of ours.
pub(super) fn header(path: &Path) -> Result<Option<Header>, BackupError> {
    match input(path, GLANCE) {
        Ok(file) => Ok(Some(file.header)),
        Err(BackupError::File(_, Unusable::Foreign | Unusable::Damaged)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn input(path: &Path, buffer: usize) -> Result<Input, BackupError> {
    let file = File::open(path).map_err(BackupError::io(path))?;
    Unopened::read(BufReader::with_capacity(buffer, file)).map_err(|error| error.of(path))
}

#[cfg(test)]
mod tests {
    use avouch_testkit::{Kind, Place};

    use super::*;

    #[test]
    fn what_another_version_has_written_is_not_taken_for_nothing() {
        let place = Place::new(Kind::Sqlite);
        let path = place.directory().join("file");
        let judge = |head: &[u8]| {
            let length = u32::try_from(head.len()).unwrap().to_be_bytes();
            std::fs::write(&path, [&b"avouch-backup\n"[..], &length, head].concat()).unwrap();
            header(&path)
        };
        // A map of one: 0 is the format.
        assert!(matches!(judge(&[0xa1, 0, 2]), Err(BackupError::File(_, Unusable::Version))));
        assert!(judge(&[0xa1, 0, 1]).unwrap().is_none(), "of ours, and nothing else in it");
        assert!(judge(b"no map").unwrap().is_none());
        std::fs::write(&path, "notes").unwrap();
        assert!(header(&path).unwrap().is_none());
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(header(&path), Err(BackupError::Io(..))));
    }
}
