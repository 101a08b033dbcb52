//! All that another process has in its memory, page by page, with the names of the places.
//!
//! A server lets nobody look: not even its own user may open its memory. Only whoever has `CAP_SYS_PTRACE` may, which is root,
//! or the first user of a user name space in which test and server were both started.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use aho_corasick::AhoCorasick;

use crate::crash::canary::Canary;

/// Everything that is looked for, by the name under which it is counted.
#[derive(Default)]
pub(crate) struct Wanted {
    names: Vec<&'static str>,
    forms: Vec<Vec<u8>>,
}

impl Wanted {
    /// A text, in all the forms that a text may take.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        Canary::new(text).forms().iter().for_each(|form| self.bytes(name, form));
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        self.names.push(name);
        self.forms.push(bytes.to_vec());
    }
}

/// How often what was found where: name, then place.
pub(crate) type Found = BTreeMap<&'static str, Places>;
pub(crate) type Places = BTreeMap<String, usize>;

/// The memory of a process at one time.
pub(crate) struct Dump(Vec<Region>);

/// A piece without holes.
struct Region {
    place: String,
    bytes: Vec<u8>,
}

impl Dump {
    /// Reads it. The process goes on meanwhile.
    pub(crate) fn take(pid: u32) -> Self {
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap_or_else(|error| {
            panic!(
                "the memory of the server cannot be read ({}): it denies that to all but root, so run this test as root, \
                 or in a user name space: `unshare --user --map-root-user cargo test`",
                error.kind()
            )
        });
        let pages = File::open(format!("/proc/{pid}/pagemap")).unwrap();
        let stacks = stacks(pid);
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let mut regions = Vec::new();
        for map in maps.lines().filter_map(Map::read).filter(Map::is_memory) {
            let place = map.place(&stacks);
            for (start, end) in present(&pages, &map) {
                let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
                // What was unmapped in between is gone, which is what one would want of it.
                if memory.read_exact_at(&mut bytes, start).is_ok() {
                    regions.push(Region { place: place.clone(), bytes });
                }
            }
        }
        Self(regions)
    }

    /// How often, and where. What is not there has no place.
    pub(crate) fn find(&self, wanted: &Wanted) -> Found {
        let forms = AhoCorasick::new(&wanted.forms).unwrap();
        let mut found: Found = wanted.names.iter().map(|name| (*name, Places::new())).collect();
        for Region { place, bytes } in &self.0 {
            for hit in forms.find_overlapping_iter(bytes) {
                let places = found.entry(wanted.names[hit.pattern().as_usize()]).or_default();
                *places.entry(place.clone()).or_default() += 1;
            }
        }
        found
    }
}

const PAGE_BYTES: usize = 4096;
const PAGE: u64 = PAGE_BYTES as u64;

/// Stretches of pages that are in memory: the rest holds nothing yet, and there is a lot of it.
fn present(pages: &File, map: &Map) -> Vec<(u64, u64)> {
    const PRESENT: u64 = 1 << 63;
    let mut entries = vec![0; usize::try_from((map.end - map.start) / PAGE * 8).unwrap()];
    if !read_at_most(pages, &mut entries, map.start / PAGE * 8) {
        return Vec::new();
    }
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for (page, entry) in (map.start..map.end).step_by(PAGE_BYTES).zip(entries.chunks_exact(8)) {
        if u64::from_le_bytes(entry.try_into().unwrap()) & PRESENT == 0 {
            continue;
        }
        match stretches.last_mut() {
            Some((_, end)) if *end == page => *end += PAGE,
            _ => stretches.push((page, page + PAGE)),
        }
    }
    stretches
}

fn read_at_most(file: &File, bytes: &mut [u8], at: u64) -> bool {
    match file.read_exact_at(bytes, at) {
        Ok(()) => true,
        Err(error) => error.kind() != io::ErrorKind::UnexpectedEof,
    }
}

/// A line of `/proc/…/maps`.
struct Map<'a> {
    start: u64,
    end: u64,
    readable: bool,
    name: &'a str,
}

impl<'a> Map<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.splitn(6, ' ');
        let (start, end) = words.next()?.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let readable = words.next()?.starts_with('r');
        let name = words.nth(3).unwrap_or_default().trim_start();
        Some(Self { start: number(start)?, end: number(end)?, readable, name })
    }

    /// Not the kernel's own pages, which it shows to everybody.
    fn is_memory(&self) -> bool {
        self.readable && !self.name.starts_with("[v")
    }

    fn place(&self, stacks: &[(u64, String)]) -> String {
        let stack = stacks.iter().find(|(at, _)| (self.start..self.end).contains(at));
        match (self.name, stack) {
            ("", Some((_, thread))) => format!("stack of `{thread}`"),
            ("", None) if self.end - self.start >= 256 << 20 => "heap".to_owned(),
            ("", None) => "anonymous".to_owned(),
            ("[heap]", _) => "heap of C".to_owned(),
            (name, _) => name.rsplit('/').next().unwrap_or(name).to_owned(),
        }
    }
}

/// Where the stack of each thread that waits is, and its name.
fn stacks(pid: u32) -> Vec<(u64, String)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().filter_map(Result::ok);
    tasks
        .filter_map(|task| {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).ok();
            let syscall = read("syscall")?;
            let pointer = syscall.split_whitespace().rev().nth(1)?.strip_prefix("0x")?;
            Some((u64::from_str_radix(pointer, 16).ok()?, read("comm")?.trim().to_owned()))
        })
        .collect()
}
