//! The two folders where backups lie, one for each store, and what a file is called there. A file appears under its name only
//! when it is whole, synced and read back; what has another form of name is nobody's business here and is never touched.
//!
//! Trust: whoever can write into a folder can take backups away, not make or change one that would be believed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use avouch_seal::VaultId;

use super::error::BackupError;
use super::header::{Base, Header, Part};
use super::whole;

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
const ENDING: &str = "avb";
/// Of a file that is being written.
pub(super) const UNFINISHED: &str = "part";

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
}

/// A backup that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its file.
    pub kept: Kept,
    /// What it was made on, when it holds only what changed since.
    pub base: Option<Base>,
}

impl Kept {
    /// Whether it may be the one that another was made on: its header tells for certain.
    pub(super) fn is(&self, base: &Base) -> bool {
        let second = |micros: i64| micros.div_euclid(1_000_000);
        self.sequence == base.sequence && second(self.made) == second(base.made)
    }

    /// Takes it away. Somebody else may have been faster.
    pub(super) fn remove(&self) -> Result<(), BackupError> {
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

    /// This vault's files of one store, oldest first. A folder that is not there has none.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn files(&self, vault: VaultId, part: Part) -> Result<Vec<Kept>, BackupError> {
        files_of(self.folder(part), vault, part)
    }

    /// Removes what is kept no longer; says what it removed, and what is wrong if not all could be. `promised` is what was said of
    /// a backup of the key store when it was made: its end may come sooner than that when keys are kept for fewer days now,
    /// never later.
    pub(super) fn tidy(
        &self,
        vault: VaultId,
        now: i64,
        promised: impl Fn(&Kept) -> Option<i64>,
    ) -> (Vec<Kept>, Result<(), BackupError>) {
        let mut gone = Vec::new();
        // To the last: that it ends is a promise, that there is a newer one is the operator's. Whatever is wrong with the data.
        let end = |kept: &Kept| promised(kept).unwrap_or(i64::MAX).min(self.keys_until(kept.made));
        let keys = self.files(vault, Part::Keys);
        let keys = keys.map(|keys| keys.into_iter().filter(|kept| end(kept) <= now).collect());
        let keys = keys.and_then(|keys| self.remove(Part::Keys, keys, &mut gone));
        let data = self.files(vault, Part::Data);
        let data = data.and_then(|data| ended(data, self.keep_data.max(1), now, whole::header));
        let data = data.and_then(|data| self.remove(Part::Data, data, &mut gone));
        (gone, keys.and(data))
    }

    /// Removes what a crash has left of backups in the making, which may be whole and hold keys. Not while one is made.
    pub(super) fn sweep(&self, vault: VaultId) -> Result<(), BackupError> {
        let sweep = |part| {
            let left = called(self.folder(part), vault, part, UNFINISHED)?;
            self.remove(part, left, &mut Vec::new())
        };
        let (keys, data) = (sweep(Part::Keys), sweep(Part::Data));
        keys.and(data)
    }

    /// Removes files, all that can be.
    fn remove(&self, part: Part, files: Vec<Kept>, gone: &mut Vec<Kept>) -> Result<(), BackupError> {
        let before = gone.len();
        let mut failed = Ok(());
        for file in files {
            match file.remove() {
                Ok(()) => gone.push(file),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        let synced = if gone.len() > before { sync(self.folder(part)) } else { Ok(()) };
        failed.and(synced)
    }
}

/// A folder's backups of one vault and store, oldest first.
pub(super) fn files_of(folder: &Path, vault: VaultId, part: Part) -> Result<Vec<Kept>, BackupError> {
    called(folder, vault, part, ENDING)
}

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
        let metadata = match entry.metadata() {
            // Taken away since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(BackupError::io(&path))?,
        };
        // Whoever opened a pipe would wait for ever.
        if metadata.is_file() {
            kept.push(Kept { path, part, sequence, made, bytes: metadata.len() });
        }
    }
    kept.sort_by_key(|kept| (kept.made, kept.sequence));
    Ok(kept)
}

/// The newest of files, oldest first. What a clock that was wrong has dated ahead is not.
pub(super) fn newest(files: &[Kept], now: i64) -> Option<&Kept> {
    files.iter().rfind(|kept| kept.made <= now)
}

/// Of files, oldest first, those that are kept no longer: neither among the newest, nor dated ahead, nor what one that is kept was
/// made on. As long as that is not known of one, all are kept.
fn ended(
    mut files: Vec<Kept>,
    keep: usize,
    now: i64,
    header: impl Fn(&Path) -> Result<Option<Header>, BackupError>,
) -> Result<Vec<Kept>, BackupError> {
    let base = |file: &Kept| Ok::<_, BackupError>(header(&file.path)?.and_then(|header| header.base));
    let until_now = files.partition_point(|file| file.made <= now);
    let kept = files.split_off(until_now.saturating_sub(keep));
    let mut bases = Vec::new();
    for file in &kept {
        bases.extend(base(file)?);
    }
    while let Some(at) = files.iter().position(|file| bases.iter().any(|base: &Base| file.is(base))) {
        bases.extend(base(&files.remove(at))?);
    }
    Ok(files)
}

/// The name must survive a crash as well.
pub(super) fn sync(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(BackupError::io(folder))
}

/// `20261128T104016Z-0a1b2c3d-data-7.avb`: when, which vault, which store, which run. Nothing else belongs into a file name.
pub(super) fn name(vault: VaultId, part: Part, sequence: u64, made: i64) -> String {
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
    use avouch_seal::SystemRandom;

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

    /// Backups 1 to `count`, a second apart, of which each third is full; and their headers.
    fn shelf(count: u64) -> (Vec<Kept>, Vec<Header>) {
        let (vault, rng) = (VaultId([0xab; 16]), SystemRandom::new());
        let (mut files, mut headers) = (Vec::new(), Vec::<Header>::new());
        for sequence in 1..=count {
            let made = i64::try_from(sequence).unwrap() * 1_000_000;
            let header = Header::new(vault, Part::Data, (sequence, made), 1, &rng).unwrap();
            let header = match headers.last() {
                Some(last) if sequence % 3 != 1 => header.made_on(last),
                _ => header,
            };
            headers.push(header);
            let path = PathBuf::from(sequence.to_string());
            files.push(Kept { path, part: Part::Data, sequence, made, bytes: 1 });
        }
        (files, headers)
    }

    fn gone(count: u64, keep: usize, now: i64, unreadable: Option<u64>) -> Result<Vec<u64>, BackupError> {
        let (files, headers) = shelf(count);
        let header = |path: &Path| {
            let sequence: u64 = path.to_str().and_then(|name| name.parse().ok()).unwrap();
            if Some(sequence) == unreadable {
                return Err(BackupError::Io(path.to_owned(), io::ErrorKind::StaleNetworkFileHandle.into()));
            }
            Ok(headers.iter().find(|header| header.sequence == sequence).cloned())
        };
        Ok(ended(files, keep, now, header)?.iter().map(|kept| kept.sequence).collect())
    }

    #[test]
    fn what_is_needed_is_kept_and_nothing_goes_as_long_as_that_is_not_known() {
        let now = 100_000_000;
        assert_eq!(gone(6, 2, now, None).unwrap(), [1, 2, 3]);
        assert_eq!(gone(7, 2, now, None).unwrap(), [1, 2, 3]);
        assert_eq!(gone(9, 1, now, None).unwrap(), [1, 2, 3, 4, 5, 6]);
        assert!(gone(2, 5, now, None).unwrap().is_empty());
        for unreadable in [4, 5, 6] {
            assert!(gone(6, 2, now, Some(unreadable)).is_err(), "{unreadable}");
        }
        assert_eq!(gone(6, 2, now, Some(1)).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn what_a_wrong_clock_has_dated_ahead_makes_no_other_older() {
        // 7 to 9 are of a time to come, and need 7; of the others two are kept, and what they need.
        assert_eq!(gone(9, 2, 6_500_000, None).unwrap(), [1, 2, 3]);
        assert_eq!(gone(8, 2, 5_500_000, None).unwrap(), [1, 2, 3]);
        let (files, _) = shelf(9);
        assert_eq!(newest(&files, 6_500_000).map(|kept| kept.sequence), Some(6));
        assert_eq!(newest(&files, 0), None);
    }

    #[test]
    fn what_somebody_else_has_taken_away_is_removed() {
        let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
        let path = place.directory().join("gone.avb");
        let kept = Kept { path, part: Part::Keys, sequence: 7, made: 0, bytes: 1 };
        kept.remove().expect("it is not there");
        // What cannot be is an error yet.
        assert!(Kept { path: place.directory().to_owned(), ..kept }.remove().is_err());
    }
}
