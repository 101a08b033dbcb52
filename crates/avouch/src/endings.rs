//! The third copy of the list of erasures: a text file, best on another disk or machine than both stores. It holds no personal data:
//! ids that lead to nobody, times, and what is sealed. Whoever can change it can keep the vault from opening, and nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use avouch_core::erasure::EndingsCopy;

/// See the module.
#[derive(Debug)]
pub(crate) struct EndingsFile {
    path: PathBuf,
    /// Held by whoever reads or writes: a line that is just being written looks like one that was cut off.
    turn: Mutex<()>,
}

impl EndingsFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, turn: Mutex::new(()) }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_folder(&self) -> bool {
        self.path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
    }
}

impl EndingsCopy for EndingsFile {
    fn lines(&self) -> io::Result<Vec<String>> {
        let _turn = self.turn();
        let mut file = match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            // A folder that is not there may be a disk that is not mounted, and its list would be taken for an empty one.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.has_folder() => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        cut_to_whole_lines(&mut file)?;
        file.rewind()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn append(&self, lines: &[String]) -> io::Result<()> {
        let _turn = self.turn();
        let new = !self.path.exists();
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        // Half a line in the middle would be a damaged one.
        cut_to_whole_lines(&mut file)?;
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        if new && let Some(folder) = self.path.parent() {
            // The name must survive a crash as well.
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Takes away a last line without its end: a crash or a full disk fell into the writing of it, nobody was answered, and it is
/// written again.
fn cut_to_whole_lines(file: &mut File) -> io::Result<()> {
    let end = file.seek(SeekFrom::End(0))?;
    let whole = whole_lines(file, end)?;
    if whole < end {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(())
}

/// How long the file is up to the end of its last whole line, looked for from its end.
fn whole_lines(file: &mut File, end: u64) -> io::Result<u64> {
    let mut block = [0; 4096];
    let mut until = end;
    while until > 0 {
        let from = until.saturating_sub(block.len() as u64);
        let length = usize::try_from(until - from).unwrap_or(block.len());
        let piece = block.get_mut(..length).unwrap_or_default();
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        until = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn lines_come_back_and_one_that_was_cut_off_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let copy = EndingsFile::new(folder.path().join("endings"));
        assert_eq!(copy.lines().unwrap(), texts(&[]));
        copy.append(&texts(&["one", "two"])).unwrap();
        copy.append(&texts(&["three"])).unwrap();
        std::fs::OpenOptions::new().append(true).open(&copy.path).unwrap().write_all(b"fo").unwrap();
        assert_eq!(copy.lines().unwrap(), texts(&["one", "two", "three"]));
        copy.append(&texts(&["four"])).unwrap();
        assert_eq!(copy.lines().unwrap(), texts(&["one", "two", "three", "four"]));
        let elsewhere = EndingsFile::new(folder.path().join("not-mounted").join("endings"));
        assert_eq!(elsewhere.lines().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!crate::files::Access::of(&copy.path).unwrap().shared());
    }

    #[test]
    fn half_a_line_goes_before_another_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let copy = EndingsFile::new(folder.path().join("endings"));
        for (whole, half) in [(vec![], "half".to_owned()), (texts(&["one"]), "2".repeat(10_000))] {
            let text: String = whole.iter().map(|line| format!("{line}\n")).collect();
            std::fs::write(&copy.path, text + &half).unwrap();
            copy.append(&texts(&["next"])).unwrap();
            assert_eq!(copy.lines().unwrap(), [whole, texts(&["next"])].concat());
        }
    }

    #[test]
    fn a_line_that_is_being_written_is_not_taken_for_one_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let copy = EndingsFile::new(folder.path().join("endings"));
        let long = texts(&["x".repeat(100_000).as_str()]);
        std::thread::scope(|threads| {
            let writer = threads.spawn(|| (0..50).for_each(|_| copy.append(&long).unwrap()));
            while !writer.is_finished() {
                assert!(copy.lines().unwrap().iter().all(|line| *line == long[0]));
            }
        });
        assert_eq!(copy.lines().unwrap().len(), 50);
    }
}
