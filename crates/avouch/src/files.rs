//! Our files and folders: made for our user alone, secrets written whole or not at all and read without leaving copies,
//! and the lock that keeps a second server out.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::Error;

/// The largest secret file: a root key, a passphrase, a token.
const MAX_SECRET: u64 = 4096;

/// Makes a folder with mode 0700, and those above it as usual. One that is there stays as it is.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn make_private_dir(path: &Path) -> Result<(), Error> {
    let made = match path.parent() {
        Some(parent) => fs::create_dir_all(parent),
        None => Ok(()),
    };
    made.map_err(Error::file(path))?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result.map_err(Error::file(path)),
    }
}

/// Writes a new file with the given mode and waits until it is on the disk. Never replaces one.
///
/// # Errors
/// [`Error::File`], also when it exists.
pub(crate) fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // The name must survive a crash as well.
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(Error::file(path))
}

/// Replaces a small file: whoever opens it finds the old one or the new one, whole.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn replace(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    // What somebody left behind who was stopped here.
    if beside.exists() {
        fs::remove_file(beside).map_err(Error::file(beside))?;
    }
    write_new(beside, text, mode)?;
    fs::rename(beside, path).map_err(Error::file(path))
}

/// Reads a secret.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, Error> {
    let read = || -> io::Result<Zeroizing<String>> {
        let file = File::open(path)?;
        // Room from the start: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(4096 + 64));
        file.take(MAX_SECRET + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_SECRET {
            return Err(io::Error::other("larger than any secret of ours"));
        }
        Ok(text)
    };
    read().map_err(Error::file(path))
}

/// A server's hold on its folder; released when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock; `None` when another process holds it.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, Error> {
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = open.map_err(Error::file(path))?;
        match file.try_lock() {
            Ok(()) => {
                // For whoever looks at who is at work. On a disk that is full there is nothing to read: the lock holds.
                let _ = file.set_len(0).and_then(|()| writeln!(&file, "{}", std::process::id()));
                Ok(Some(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::file(path)(error)),
        }
    }
}

impl Lock {
    /// The number of the process that holds the lock, if one does. Whoever can write the file, which is our user, can make
    /// `doctor` speak of another process.
    pub(crate) fn holder(path: &Path) -> Option<u32> {
        let mut file = File::open(path).ok()?;
        let mut number = String::new();
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => file.read_to_string(&mut number).ok()?,
            _ => return None,
        };
        number.trim().parse().ok()
    }
}

/// Who can do what with a file, as far as we care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    /// Bits for group and others.
    pub(crate) mode: u32,
    /// Whether it belongs to the user we run as.
    pub(crate) ours: bool,
}

impl Access {
    /// Looks at what a path leads to; `None` when there is nothing.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let ours = metadata.uid() == rustix::process::geteuid().as_raw();
        Some(Self { mode: metadata.mode() & 0o777, ours })
    }

    /// Whether anybody but the owner can do anything.
    pub(crate) fn shared(self) -> bool {
        self.mode & 0o077 != 0
    }

    /// Whether everybody on the machine can do anything.
    pub(crate) fn public(self) -> bool {
        self.mode & 0o007 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(Lock::holder(&path), None);
        let held = Lock::take(&path).unwrap();
        assert!(held.is_some() && Lock::take(&path).unwrap().is_none());
        assert_eq!(Lock::holder(&path), Some(std::process::id()));
        drop(held);
        assert_eq!(Lock::holder(&path), None);
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn what_is_written_is_private_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("b");
        make_private_dir(path.parent().unwrap()).unwrap();
        write_new(&path, "first", 0o600).unwrap();
        assert!(write_new(&path, "second", 0o600).is_err());
        assert_eq!(*read_secret(&path).unwrap(), "first");
        for path in [path.as_path(), path.parent().unwrap()] {
            let access = Access::of(path).unwrap();
            assert!(access.ours && !access.shared(), "{path:?} {access:?}");
        }
    }
}
