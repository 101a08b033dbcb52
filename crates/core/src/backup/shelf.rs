//! The two folders where backups lie, one for each store, and what a file is called there. A file appears under its name only
//! when it is whole, synced and read back; what has another form of name is nobody's business here and is never touched.
//!
//! Trust: whoever can write into a folder can take backups away, not make or change one that would be believed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use avouch_seal::VaultId;
use avouch_seal::backup::BackupKeys;

use super::error::{BackupError, Unusable};
use super::file::{Counts, Unopened};
use super::header::{Base, Header, Part};
use super::layers::Layers;

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
const ENDING: &str = "avb";
/// Of a file that is being written.
const UNFINISHED: &str = "part";

/// Where backups are kept, and for how long.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// The folder for the data store's.
    pub data: PathBuf,
    /// The folder for the key store's: another one, better on another machine, for its backups end soon.
    pub keys: PathBuf,
    /// How many backups of the data store are kept, and beside them those that they were made on.
    pub keep_data: usize,
    /// Of so many backups of the data store one is full, and each of the others holds what changed since the one before it; 1:
    /// every one is full. Those of the key store, which are small and soon to end, always are.
    pub full_every: usize,
    /// For how many days a backup of the key store is kept. As long as there is one from before an erasure, and one of the
    /// data, the erased person is not gone.
    pub keep_keys_days: u32,
}

/// A file on the shelf, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where.
    pub path: PathBuf,
    /// Of which store.
    pub part: Part,
    /// Of which run.
    pub sequence: u64,
    /// Microseconds UTC, to the second.
    pub made: i64,
    /// How large.
    pub bytes: u64,
    /// What it was made on, when it holds only what changed since: by its header, which is not to be believed before it is
    /// opened.
    pub base: Option<Base>,
    /// When a backup of keys is to be gone, as was said when it was made: by its header too. Microseconds UTC.
    pub until: Option<i64>,
}

impl Kept {
    fn is(&self, base: &Base) -> bool {
        let second = |micros: i64| micros.div_euclid(1_000_000);
        self.sequence == base.sequence && second(self.made) == second(base.made)
    }

    /// Takes it away. Somebody else may have been faster.
    pub(crate) fn remove(&self) -> Result<(), BackupError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(BackupError::io(&self.path)),
        }
    }
}

impl Shelf {
    /// The folder of one store.
    #[must_use]
    pub fn folder(&self, part: Part) -> &Path {
        match part {
            Part::Data => &self.data,
            Part::Keys => &self.keys,
        }
    }

    /// When a backup of the key store that is made now is to be gone.
    pub(crate) fn keys_until(&self, made: i64) -> i64 {
        made.saturating_add(i64::from(self.keep_keys_days).saturating_mul(DAY_MICROS))
    }

    /// When a backup of the key store is to be gone: sooner than was said when it was made if keys are kept for fewer days now,
    /// never later.
    pub(crate) fn end(&self, kept: &Kept) -> i64 {
        kept.until.unwrap_or(i64::MAX).min(self.keys_until(kept.made))
    }

    /// This vault's files of one store, oldest first. A folder that is not there has none.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn files(&self, vault: VaultId, part: Part) -> Result<Vec<Kept>, BackupError> {
        self.called(vault, part, ENDING)
    }

    fn called(&self, vault: VaultId, part: Part, ending: &str) -> Result<Vec<Kept>, BackupError> {
        called(self.folder(part), vault, part, ending)
    }

    /// Removes what is kept no longer; says what it removed.
    pub(crate) fn tidy(&self, vault: VaultId, now: i64) -> Result<Vec<Kept>, BackupError> {
        let mut gone = ended(self.files(vault, Part::Data)?, self.keep_data.max(1));
        // To the last: that it ends is a promise, that there is a newer one is the operator's.
        let keys = self.files(vault, Part::Keys)?;
        gone.extend(keys.into_iter().filter(|kept| self.end(kept) <= now));
        self.remove(&gone)?;
        Ok(gone)
    }

    /// Removes what a crash has left of backups in the making, which may be whole and hold keys. Not while one is made.
    pub(crate) fn sweep(&self, vault: VaultId) -> Result<(), BackupError> {
        let mut left = self.called(vault, Part::Data, UNFINISHED)?;
        left.extend(self.called(vault, Part::Keys, UNFINISHED)?);
        self.remove(&left)
    }

    fn remove(&self, files: &[Kept]) -> Result<(), BackupError> {
        files.iter().try_for_each(Kept::remove)?;
        let parts = [Part::Data, Part::Keys].into_iter();
        for part in parts.filter(|part| files.iter().any(|kept| kept.part == *part)) {
            sync(self.folder(part))?;
        }
        Ok(())
    }
}

/// A folder's files of one vault and store, oldest first.
fn called(folder: &Path, vault: VaultId, part: Part, ending: &str) -> Result<Vec<Kept>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(BackupError::io(folder))?,
    };
    let mut kept = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BackupError::io(folder))?;
        let Some((made, sequence)) =
            entry.file_name().to_str().and_then(|name| read_name(name, vault, part, ending))
        else {
            continue;
        };
        let path = entry.path();
        let bytes = match entry.metadata() {
            // Taken away since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(BackupError::io(&path))?.len(),
        };
        // One without a header needs no other and has promised nothing.
        let header = open(&path).ok().map(|file| file.header);
        let (base, until) = header.map(|header| (header.base, header.until)).unwrap_or_default();
        kept.push(Kept { path, part, sequence, made, bytes, base, until });
    }
    kept.sort_by_key(|kept| (kept.made, kept.sequence));
    Ok(kept)
}

/// Of files, oldest first, those that are kept no longer: neither among the newest nor what one that is kept was made on.
fn ended(mut files: Vec<Kept>, keep: usize) -> Vec<Kept> {
    let mut bases: Vec<Base> = files.iter().rev().take(keep).filter_map(|kept| kept.base.clone()).collect();
    files.truncate(files.len().saturating_sub(keep));
    while let Some(at) = files.iter().position(|file| bases.iter().any(|base| file.is(base))) {
        bases.extend(files.remove(at).base);
    }
    files
}

/// A file that is being written, under a name that nobody takes for a backup. Removed when it comes to nothing.
pub(crate) struct Draft {
    path: PathBuf,
    part: PathBuf,
    finished: bool,
}

impl Draft {
    /// Begins a file; the folder is made with mode 0700 when it is not there.
    pub(crate) fn begin(
        shelf: &Shelf,
        part: Part,
        vault: VaultId,
        (sequence, made): (u64, i64),
    ) -> Result<(Self, BufWriter<File>), BackupError> {
        let folder = shelf.folder(part);
        if !folder.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(BackupError::io(folder))?;
        }
        let path = folder.join(name(vault, part, sequence, made));
        let unfinished = path.with_extension(UNFINISHED);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&unfinished);
        let file = file.map_err(BackupError::io(&unfinished))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok((Self { path, part: unfinished, finished: false }, out))
    }

    /// For `map_err`.
    pub(crate) fn failed(&self) -> impl Fn(io::Error) -> BackupError {
        BackupError::io(&self.part)
    }

    /// Syncs what was written, reads it back from beginning to end, and only then gives it its name.
    pub(crate) fn finish(
        mut self,
        out: BufWriter<File>,
        keys: &BackupKeys,
        counts: &Counts,
    ) -> Result<Kept, BackupError> {
        let file = out.into_inner().map_err(|error| self.failed()(error.into_error()))?;
        file.sync_all().map_err(self.failed())?;
        drop(file);
        let read = read_through(Layers::open(open(&self.part)?, &self.part, keys)?)?;
        if read.counts != *counts {
            return Err(BackupError::File(self.part.clone(), Unusable::Damaged));
        }
        fs::rename(&self.part, &self.path).map_err(self.failed())?;
        self.finished = true;
        if let Some(folder) = self.path.parent() {
            sync(folder)?;
        }
        let bytes = fs::metadata(&self.path).map_err(BackupError::io(&self.path))?.len();
        let Checked { part, sequence, made, base, until, .. } = read;
        Ok(Kept { path: self.path.clone(), part, sequence, made, bytes, base, until })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // It may not have come to be.
            drop(fs::remove_file(&self.part));
        }
    }
}

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
    pub counts: Vec<(String, u64)>,
}

/// Reads a whole file with the keys of its vault, and with it those beside it that it was made on.
///
/// # Errors
/// [`BackupError::File`], [`BackupError::NoBase`], [`BackupError::Io`].
pub fn verify(path: &Path, keys: &BackupKeys) -> Result<Checked, BackupError> {
    read_through(layers(path, keys)?)
}

fn read_through(mut layers: Layers) -> Result<Checked, BackupError> {
    while layers.next()?.is_some() {}
    let (counts, header) = (layers.counts().clone(), layers.header());
    let (part, sequence, made, generation) = (header.part, header.sequence, header.made, header.generation);
    let (base, until) = (header.base.clone(), header.until);
    Ok(Checked { part, sequence, made, generation, base, until, counts })
}

/// A file with those beside it that it was made on.
pub(crate) fn layers(path: &Path, keys: &BackupKeys) -> Result<Layers, BackupError> {
    Layers::open(unopened(path)?, path, keys)
}

/// The file that one was made on, which lies beside it.
pub(super) fn beside(path: &Path, header: &Header, base: &Base) -> Result<(PathBuf, Input), BackupError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let all = called(folder, VaultId(*header.vault), header.part, ENDING)?;
    for kept in all.into_iter().filter(|kept| kept.is(base)) {
        let file = unopened(&kept.path)?;
        if base.is(&file.header) {
            return Ok((kept.path, file));
        }
    }
    Err(BackupError::NoBase(path.to_owned(), base.sequence))
}

type Input = Unopened<BufReader<File>>;

/// A file of which the header was read. One that is called unfinished is none, however whole: nobody has promised when it ends.
pub(crate) fn unopened(path: &Path) -> Result<Input, BackupError> {
    if path.extension().is_some_and(|ending| ending == UNFINISHED) {
        return Err(BackupError::File(path.to_owned(), Unusable::Unfinished));
    }
    open(path)
}

fn open(path: &Path) -> Result<Input, BackupError> {
    let file = File::open(path).map_err(BackupError::io(path))?;
    let input = BufReader::with_capacity(1 << 20, file);
    Unopened::read(input).map_err(|reason| BackupError::File(path.to_owned(), reason))
}

/// The name must survive a crash as well.
fn sync(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(BackupError::io(folder))
}

/// `20261128T104016Z-0a1b2c3d-data-7.avb`: when, which vault, which store, which run. Nothing else belongs into a file name.
fn name(vault: VaultId, part: Part, sequence: u64, made: i64) -> String {
    let when = jiff::Timestamp::from_microsecond(made).unwrap_or_default();
    format!("{}-{}-{}-{sequence}.{ENDING}", when.strftime("%Y%m%dT%H%M%SZ"), short(vault), part.as_str())
}

/// When and of which run, from a name of this vault's for this store, with this ending.
fn read_name(name: &str, vault: VaultId, part: Part, ending: &str) -> Option<(i64, u64)> {
    let mut words = name.strip_suffix(ending)?.strip_suffix('.')?.split('-');
    let (when, of, store, sequence) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || of != short(vault) || store != part.as_str() {
        return None;
    }
    let when = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", when).ok()?;
    let made = when.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
    Some((made, sequence.parse().ok()?))
}

/// The first four bytes of the vault's id.
fn short(vault: VaultId) -> String {
    vault.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_whose_of_what_and_which() {
        let vault = VaultId([0xab; 16]);
        let text = name(vault, Part::Keys, 7, 1_767_225_600_123_456);
        assert_eq!(text, "20260101T000000Z-abababab-keys-7.avb");
        let read = |text: &str, vault, part| read_name(text, vault, part, ENDING);
        assert_eq!(read(&text, vault, Part::Keys), Some((1_767_225_600_000_000, 7)));
        assert_eq!(read(&text, vault, Part::Data), None);
        assert_eq!(read(&text, VaultId([0xac; 16]), Part::Keys), None);
        for other in ["20260101T000000Z-abababab-keys-7.part", "notes.avb", "x-abababab-keys-7.avb", ""] {
            assert_eq!(read(other, vault, Part::Keys), None, "{other}");
        }
        let unfinished = text.replace(ENDING, UNFINISHED);
        assert_eq!(read_name(&unfinished, vault, Part::Keys, UNFINISHED), read(&text, vault, Part::Keys));
    }

    #[test]
    fn what_somebody_else_has_taken_away_is_removed() {
        let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
        let path = place.directory().join("gone.avb");
        let kept = Kept { path, part: Part::Keys, sequence: 7, made: 0, bytes: 1, base: None, until: None };
        kept.remove().expect("it is not there");
        // What cannot be is an error yet.
        assert!(Kept { path: place.directory().to_owned(), ..kept }.remove().is_err());
    }
}
