//! What this program takes from the machine it runs on: the time, the environment, and limits of its own process. The
//! only module that reads the wall clock or the environment; everything else is given them.

use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use avouch_core::clock::Clock;
use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// The same, for what is dated by it.
pub(crate) fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(SystemClock.now()).unwrap_or_default()
}

/// Systemd's folder of credentials for this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment besides the command line"
)]
pub(crate) fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// The folder that a variable of the user's names, `HOME` or one of XDG's.
#[expect(
    clippy::disallowed_methods,
    reason = "by the XDG base directories' convention the environment says where they are"
)]
pub(crate) fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// Files we make are for our own user.
pub(crate) fn keep_new_files_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Where the kernel shows processes and devices.
pub(crate) const PROC: &str = "/proc";
pub(crate) const SYS: &str = "/sys";

/// Keeps keys and plaintext out of core dumps, and other processes of the same user out of our memory.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn harden() -> io::Result<()> {
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Whether [`harden`] has worked.
pub(crate) fn is_hardened() -> bool {
    let limit = rustix::process::getrlimit(Resource::Core);
    let dumpable = rustix::process::dumpable_behavior();
    limit.current == Some(0) && matches!(dumpable, Ok(DumpableBehavior::NotDumpable))
}
