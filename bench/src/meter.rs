//! Who spent how much processor time, as the kernel counts it.
//!
//! Read from `/proc/<pid>/stat`: user plus system time of all threads, in ticks of a hundredth of a second, which is
//! exact enough for a window of seconds. For PostgreSQL the processes of all its connections count, ended ones too.
//! A process that cannot be read counts as not measured, never as zero.

use std::fs;
use std::path::Path;

/// Linux tells times in these, whatever its own clock does (`USER_HZ`).
const MICROSECONDS_PER_TICK: u64 = 10_000;

/// Microseconds of processor time since the processes were started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) server: Option<u64>,
    pub(crate) database: Option<u64>,
    pub(crate) client: Option<u64>,
}

impl Spent {
    /// What was spent since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        let difference = |now: Option<u64>, then: Option<u64>| now?.checked_sub(then?);
        Self {
            server: difference(self.server, earlier.server),
            database: difference(self.database, earlier.database),
            client: difference(self.client, earlier.client),
        }
    }
}

/// Whose time is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    /// The avouch server.
    pub(crate) server: Option<u32>,
    /// The first process of PostgreSQL.
    pub(crate) database: Option<u32>,
    /// Whether the client is a program that was started and waited for, not this one.
    pub(crate) client_is_child: bool,
}

impl Meter {
    pub(crate) fn read(&self) -> Spent {
        let me = Times::of(std::process::id());
        Spent {
            server: self.server.and_then(Times::of).map(|times| times.own * MICROSECONDS_PER_TICK),
            database: self.database.and_then(family).map(|ticks| ticks * MICROSECONDS_PER_TICK),
            client: me
                .map(|me| if self.client_is_child { me.children } else { me.own } * MICROSECONDS_PER_TICK),
        }
    }
}

/// Ticks of a process, its living children, and those of its children that have ended.
fn family(pid: u32) -> Option<u64> {
    let parent = Times::of(pid)?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children = pids.filter_map(Times::of).filter(|times| times.parent == pid);
    Some(parent.own + parent.children + children.map(|child| child.own).sum::<u64>())
}

/// One line of `/proc/<pid>/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Times {
    parent: u32,
    own: u64,
    children: u64,
}

impl Times {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?)
    }

    /// proc(5): `pid (name) state ppid … utime(14) stime(15) cutime(16) cstime(17) …`; a name may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(14)? + ticks(15)?,
            children: ticks(16)? + ticks(17)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "42 (a b) c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 9 0 1 2 3";
        assert_eq!(Times::parse(stat), Some(Times { parent: 7, own: 120, children: 4 }));
    }

    #[test]
    fn this_process_can_be_read_and_a_missing_one_is_not_zero() {
        assert!(Meter::default().read().client.is_some());
        assert_eq!(Meter { server: Some(u32::MAX), ..Meter::default() }.read().server, None);
    }

    #[test]
    fn not_measured_before_or_after_is_not_measured() {
        let now = Spent { server: Some(5), database: Some(9), client: None };
        let then = Spent { server: Some(2), database: None, client: Some(1) };
        assert_eq!(now.since(then), Spent { server: Some(3), database: None, client: None });
    }
}
