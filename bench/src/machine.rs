//! What a figure depends on beside the program: processors, kernel, and how long the disk takes to promise.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Instant;

use serde::Serialize;

use crate::error::{Error, Result};

/// The head of every report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) kernel: String,
    /// Median of writing 4 KiB and `fdatasync`, in the directory that holds the data. A few microseconds mean that the
    /// disk is memory, and that no figure below is durable.
    pub(crate) fsync_us: u64,
}

impl Machine {
    pub(crate) fn look(data: &Path) -> Result<Self> {
        let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model(&text));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Ok(Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            processor: processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            kernel: kernel.map_or_else(|| std::env::consts::OS.to_owned(), |text| text.trim().to_owned()),
            fsync_us: fsync(data).map_err(Error::io("measuring the disk"))?,
        })
    }
}

/// The first `model name` of `/proc/cpuinfo`.
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// Median microseconds of 200 appends, each made durable.
fn fsync(directory: &Path) -> std::io::Result<u64> {
    let path = directory.join("fsync-probe");
    let mut file = File::create(&path)?;
    let page = [0x5au8; 4096];
    let mut times = Vec::with_capacity(200);
    for _ in 0..200 {
        let started = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_once() {
        let text = "processor\t: 0\nmodel name\t: Example 9000: fast\nprocessor\t: 1\nmodel name\t: Example 9000: fast\n";
        assert_eq!(model(text).as_deref(), Some("Example 9000: fast"));
        assert_eq!(model("processor : 0\n"), None);
    }

    #[test]
    fn the_probe_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        Machine::look(directory.path()).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
