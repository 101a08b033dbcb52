//! The third copy of the list of erasures: a text file, best on another disk or machine than both stores. It holds no personal data:
//! ids that lead to nobody, times, and what is sealed. Whoever can change it can keep the vault from opening, and nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use avouch_core::erasure::EndingsCopy;

/// See the module.
#[derive(Debug)]
pub(crate) struct EndingsFile(pub(crate) PathBuf);

impl EndingsFile {
    fn has_folder(&self) -> bool {
        self.0.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
    }
}

impl EndingsCopy for EndingsFile {
    fn lines(&self) -> io::Result<Vec<String>> {
        let mut file = match OpenOptions::new().read(true).write(true).open(&self.0) {
            Ok(file) => file,
            // A folder that is not there may be a disk that is not mounted, and its list would be taken for an empty one.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.has_folder() => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            // A crash fell into the writing of it: nobody was answered, so the line is written again.
            file.set_len(whole as u64)?;
            file.sync_all()?;
            text.truncate(whole);
        }
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn append(&self, lines: &[String]) -> io::Result<()> {
        let new = !self.0.exists();
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)?;
        let before = file.metadata()?.len();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line in the middle would be a damaged one.
            file.set_len(before)?;
        }
        if new && let Some(folder) = self.0.parent() {
            // The name must survive a crash as well.
            File::open(folder)?.sync_all()?;
        }
        written
    }
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
        let copy = EndingsFile(folder.path().join("endings"));
        assert_eq!(copy.lines().unwrap(), texts(&[]));
        copy.append(&texts(&["one", "two"])).unwrap();
        copy.append(&texts(&["three"])).unwrap();
        std::fs::OpenOptions::new().append(true).open(&copy.0).unwrap().write_all(b"fo").unwrap();
        assert_eq!(copy.lines().unwrap(), texts(&["one", "two", "three"]));
        copy.append(&texts(&["four"])).unwrap();
        assert_eq!(copy.lines().unwrap(), texts(&["one", "two", "three", "four"]));
        let elsewhere = EndingsFile(folder.path().join("not-mounted").join("endings"));
        assert_eq!(elsewhere.lines().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!crate::files::Access::of(&copy.0).unwrap().shared());
    }
}
