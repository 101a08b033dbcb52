//! Whether keys and customers' data in this process's memory could be written to a disk: whether the memory is locked, and if
//! not, whether there is swap that could take it. Log, `status`, `doctor` and the unsafe settings all say what is found here.
//!
//! All memory is locked or none. A part would have to be chosen: the keyring lies among other things on the heap, and values
//! pass through every thread. Memory of its own for keys (`memfd_secret`, `memsec`) is had through raw pointers, which this
//! house forbids itself, and would leave the values where they are. So where not all can be locked, swap is what counts: a
//! server does not start beside it unless the configuration says that it may.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use avouch_wire::system as wire;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What could be written to a disk, and what keeps it from that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) lock: Locked,
    pub(crate) swap: Swap,
}

impl Memory {
    /// Locks this process's memory if that is allowed, and looks for swap. `proc` and `sys` are where the kernel's file
    /// systems are.
    pub(crate) fn protect(proc: &Path, sys: &Path) -> Self {
        Self { lock: Locked::take(), swap: Swap::look(proc, sys) }
    }

    /// Whether nothing of it gets into swap.
    pub(crate) fn is_safe(&self) -> bool {
        self.lock == Locked::Whole || matches!(self.swap, Swap::Off | Swap::Barred)
    }

    /// Both, in a line.
    pub(crate) fn told(&self) -> String {
        format!("{}; {}", self.lock.told(), self.swap.told())
    }

    /// Writes it into the log.
    pub(crate) fn log(&self) {
        tracing::info!("{}", self.lock.advice());
        if !self.is_safe() {
            tracing::warn!("{}: keys and customers' data may be written to it", self.swap.told());
        }
    }

    /// The same for `status`.
    pub(crate) fn wire(&self) -> wire::Memory {
        let swap = match &self.swap {
            Swap::Off => wire::Swap::Off,
            Swap::Barred => wire::Swap::Barred,
            Swap::On(_) => wire::Swap::On,
            Swap::Unknown => wire::Swap::Unknown,
        };
        wire::Memory { locked: self.lock == Locked::Whole, swap, detail: self.lock.advice() }
    }
}

/// How memory comes to be locked, for whoever may arrange it.
pub(crate) const MEND: &str =
    "set `LimitMEMLOCK=infinity` for the service, or give it the capability CAP_IPC_LOCK";

/// How much of the memory the kernel keeps out of swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locked {
    /// All, and all that is yet to come.
    Whole,
    /// None. The limit in bytes, if it is for that.
    Nothing(Option<u64>),
}

impl Locked {
    /// Locks everything, pages as they come into use: what is only reserved costs nothing.
    ///
    /// INVARIANT: only where no limit counts. The limit is on what is mapped, of which an allocator reserves a thousand times
    /// what it uses; and a process that has asked for its future to be locked is refused every mapping beyond the limit, which
    /// ends it at some later time.
    fn take() -> Self {
        let maximum = getrlimit(Resource::Memlock).maximum;
        let limit = |current| setrlimit(Resource::Memlock, Rlimit { current, maximum });
        let all = || mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
        // Under a limit of nothing only the capability locks, and then no limit counts for as long as we have it. To look at
        // our capabilities instead would be wrong in a user name space: there we have them all, and the kernel heeds none.
        let capable = limit(Some(0)).is_ok() && all().is_ok();
        let raised = limit(maximum).is_ok() && maximum.is_none();
        if capable || raised && all().is_ok() { Self::Whole } else { Self::Nothing(maximum) }
    }

    /// How much another process has locked: the one with this number, if it can be seen.
    pub(crate) fn of(proc: &Path, process: u32) -> Option<Self> {
        let status = fs::read_to_string(proc.join(process.to_string()).join("status")).ok()?;
        let kibibytes = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse().ok()
        };
        // A library may lock pages of its own; and there are pages that nobody can lock, but few.
        let whole = kibibytes("VmLck:")? > kibibytes("VmSize:")? / 2;
        Some(if whole { Self::Whole } else { Self::Nothing(None) })
    }

    /// What is so, and how to have it otherwise.
    pub(crate) fn advice(self) -> String {
        match self {
            Self::Whole => self.told(),
            Self::Nothing(_) => format!("{}: {MEND}", self.told()),
        }
    }

    fn told(self) -> String {
        match self {
            Self::Whole => "all memory is locked".to_owned(),
            Self::Nothing(None) => "no memory is locked".to_owned(),
            Self::Nothing(Some(limit)) => {
                format!("no memory is locked, because this process may lock {} KiB only", limit / 1024)
            }
        }
    }
}

/// Whether there is swap that could take our memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Swap {
    /// There is none, or only in memory.
    Off,
    /// There is, and our control group may not use it.
    Barred,
    /// There is: these devices and files.
    On(Vec<String>),
    /// The kernel does not tell.
    Unknown,
}

impl Swap {
    /// Looks for it.
    pub(crate) fn look(proc: &Path, sys: &Path) -> Self {
        let devices = match fs::read_to_string(proc.join("swaps")) {
            Ok(swaps) => devices(&swaps, sys),
            // A kernel that was built without swap.
            Err(error) if error.kind() == ErrorKind::NotFound && proc.join("self").exists() => Vec::new(),
            Err(_) => return Self::Unknown,
        };
        match devices {
            devices if devices.is_empty() => Self::Off,
            _ if barred(proc, sys).unwrap_or(false) => Self::Barred,
            devices => Self::On(devices),
        }
    }

    pub(crate) fn told(&self) -> String {
        match self {
            Self::Off => "no swap is on".to_owned(),
            Self::Barred => "swap is on, and barred for this service".to_owned(),
            Self::On(devices) => format!("swap is on ({})", devices.join(", ")),
            Self::Unknown => "whether swap is on cannot be seen".to_owned(),
        }
    }
}

/// What `/proc/swaps` lists, without what is in memory itself.
fn devices(swaps: &str, sys: &Path) -> Vec<String> {
    let listed = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    listed.filter(|device| !in_memory(device, sys)).map(str::to_owned).collect()
}

/// Compressed memory, unless it has a disk to write the oldest pages to.
fn in_memory(device: &str, sys: &Path) -> bool {
    let Some(name) = device.strip_prefix("/dev/").filter(|name| name.starts_with("zram")) else {
        return false;
    };
    let block = sys.join("block").join(name);
    match fs::read_to_string(block.join("backing_dev")) {
        Ok(backing) => backing.trim() == "none",
        Err(error) => error.kind() == ErrorKind::NotFound && block.exists(),
    }
}

/// Whether our control group, or one that it is in, may use no swap at all.
fn barred(proc: &Path, sys: &Path) -> io::Result<bool> {
    let groups = fs::read_to_string(proc.join("self/cgroup"))?;
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return Ok(false) };
    let root = sys.join("fs/cgroup");
    let within = Path::new(own).ancestors().map(|group| root.join(group).join("memory.swap.max"));
    Ok(within.into_iter().any(|limit| fs::read_to_string(limit).is_ok_and(|limit| limit.trim() == "0")))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A machine's `/proc` and `/sys`.
    struct Machine(TempDir);

    impl Machine {
        fn new(swaps: &str) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            machine.file("proc/swaps", &format!("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n{swaps}"));
            machine.file("proc/self/cgroup", "0::/system.slice/avouch.service\n");
            machine
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn remove(&self, path: &str) {
            fs::remove_file(self.0.path().join(path)).unwrap();
        }

        fn swap(&self) -> Swap {
            Swap::look(&self.0.path().join("proc"), &self.0.path().join("sys"))
        }
    }

    const DISK: &str = "/dev/sda2                               partition\t8388604\t\t0\t\t-2\n";
    const COMPRESSED: &str = "/dev/zram0                              partition\t8388604\t\t0\t\t100\n";

    fn on(devices: &[&str]) -> Swap {
        Swap::On(devices.iter().map(|device| (*device).to_owned()).collect())
    }

    #[test]
    fn a_machine_without_swap_has_none() {
        assert_eq!(Machine::new("").swap(), Swap::Off);
        let without = Machine::new("");
        without.remove("proc/swaps");
        assert_eq!(without.swap(), Swap::Off, "a kernel that was built without");
    }

    #[test]
    fn what_cannot_be_seen_is_not_taken_for_none() {
        let nothing = Machine(tempfile::tempdir().unwrap());
        assert_eq!(nothing.swap(), Swap::Unknown);
    }

    #[test]
    fn partitions_and_files_are_swap() {
        let file = "/swap\\040file                            file\t\t1048572\t\t0\t\t-3\n";
        assert_eq!(Machine::new(&format!("{DISK}{file}")).swap(), on(&["/dev/sda2", "/swap\\040file"]));
    }

    #[test]
    fn compressed_memory_is_memory_unless_it_has_a_disk() {
        let machine = Machine::new(COMPRESSED);
        assert_eq!(machine.swap(), on(&["/dev/zram0"]), "nobody knows of it");
        machine.file("sys/block/zram0/disksize", "8589930496\n");
        assert_eq!(machine.swap(), Swap::Off, "a kernel that writes none of it back");
        machine.file("sys/block/zram0/backing_dev", "none\n");
        assert_eq!(machine.swap(), Swap::Off);
        machine.file("sys/block/zram0/backing_dev", "/dev/sda3\n");
        assert_eq!(machine.swap(), on(&["/dev/zram0"]));
        let both = Machine::new(&format!("{COMPRESSED}{DISK}"));
        both.file("sys/block/zram0/backing_dev", "none\n");
        assert_eq!(both.swap(), on(&["/dev/sda2"]));
    }

    #[test]
    fn a_control_group_may_bar_swap_for_all_that_is_in_it() {
        for group in ["system.slice/avouch.service", "system.slice"] {
            let machine = Machine::new(DISK);
            let limit = format!("sys/fs/cgroup/{group}/memory.swap.max");
            machine.file(&limit, "max\n");
            assert_eq!(machine.swap(), on(&["/dev/sda2"]));
            machine.file(&limit, "4096\n");
            assert_eq!(machine.swap(), on(&["/dev/sda2"]));
            machine.file(&limit, "0\n");
            assert_eq!(machine.swap(), Swap::Barred, "{group}");
        }
        let other = Machine::new(DISK);
        other.file("sys/fs/cgroup/user.slice/memory.swap.max", "0\n");
        assert_eq!(other.swap(), on(&["/dev/sda2"]), "the group of others");
    }

    #[test]
    fn only_what_is_locked_or_has_no_swap_is_safe() {
        let safe = |lock, swap| Memory { lock, swap }.is_safe();
        let none = Locked::Nothing(Some(8 << 20));
        assert!(safe(Locked::Whole, on(&["/dev/sda2"])) && safe(Locked::Whole, Swap::Unknown));
        assert!(safe(none, Swap::Off) && safe(none, Swap::Barred));
        assert!(!safe(none, on(&["/dev/sda2"])) && !safe(none, Swap::Unknown));
    }

    #[test]
    fn what_another_process_has_locked_is_read_from_its_status() {
        let machine = Machine::new("");
        let proc = machine.0.path().join("proc");
        let status =
            |locked: &str| format!("Name:\tavouch\nVmSize:\t 1300000 kB\nVmLck:\t{locked} kB\nThreads:\t9\n");
        machine.file("proc/7/status", &status(" 1299984"));
        assert_eq!(Locked::of(&proc, 7), Some(Locked::Whole));
        machine.file("proc/7/status", &status("      64"));
        assert_eq!(Locked::of(&proc, 7), Some(Locked::Nothing(None)), "a library's few pages");
        assert_eq!(Locked::of(&proc, 8), None);
    }
}
