//! How fast a whole log is verified: `cargo run --release -p avouch-ledger --example verify_speed -- [leaves] [bytes each]`.
//!
//! The log is written into files piece by piece and read from them, as an auditor reads one that was fetched.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use avouch_ledger::bundle::push_entry;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::growth::Growth;
use avouch_ledger::hash::{HASH_LEN, Hash};
use avouch_ledger::tile::{BundleId, TILE_WIDTH, TileId};
use avouch_ledger::verify::{Claim, LogSource, verify_log};

const TILE_LEN: u64 = TILE_WIDTH as u64 * HASH_LEN as u64;
/// How many leaves are stored together.
const BATCH: u64 = 65_536;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let leaves = arguments.next().transpose()?.unwrap_or(1_000_000);
    let entry_len = arguments.next().transpose()?.unwrap_or(300);
    let directory = std::env::temp_dir().join(format!("avouch-ledger-{}", std::process::id()));
    fs::create_dir(&directory)?;
    let measured = measure(&directory, leaves, entry_len);
    fs::remove_dir_all(&directory)?;
    measured
}

fn measure(directory: &Path, leaves: u64, entry_len: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let claims = write(directory, leaves, usize::try_from(entry_len)?)?;
    println!("{leaves} leaves of {entry_len} bytes written in {:.1?}", start.elapsed());

    let start = Instant::now();
    let bundles = File::open(directory.join("entries"))?;
    let mut log = Files { directory, bundles, bundle_len: 256 * (2 + entry_len), tiles: Vec::new() };
    let report = verify_log(&mut log, leaves, 0, claims)?;
    let took = start.elapsed();
    print!("{report}");
    println!("in {took:.1?}: {:.0} leaves a second", leaves as f64 / took.as_secs_f64());
    Ok(())
}

/// Writes the log: entries one after the other, and the tiles of each level.
fn write(directory: &Path, leaves: u64, entry_len: usize) -> Result<Vec<Claim>, Box<dyn Error>> {
    let mut entries = BufWriter::with_capacity(1 << 20, File::create(directory.join("entries"))?);
    let (mut growth, mut claims) = (Growth::default(), Vec::new());
    let (mut entry, mut bundle) = (vec![0_u8; entry_len], Vec::new());
    for index in 0..leaves {
        let number = index.to_be_bytes();
        entry
            .iter_mut()
            .zip(number.iter().cycle())
            .for_each(|(byte, digit)| *byte = byte.wrapping_mul(7) ^ digit);
        growth.push(Hash::leaf(&entry));
        bundle.clear();
        push_entry(&mut bundle, &entry)?;
        entries.write_all(&bundle)?;
        let size = index + 1;
        if size % BATCH == 0 || size == leaves {
            for tile in growth.changed() {
                let mut level = File::options()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(level_path(directory, tile.level))?;
                level.seek(SeekFrom::Start(tile.index * TILE_LEN))?;
                level.write_all(tile.hashes)?;
            }
            growth.settle();
            let checkpoint = Checkpoint { origin: "example.com/log".to_owned(), size, root: growth.root() };
            claims.push(Claim { label: format!("of {size}"), checkpoint });
        }
    }
    entries.flush()?;
    Ok(claims)
}

fn level_path(directory: &Path, level: u8) -> PathBuf {
    directory.join(format!("level-{level}"))
}

struct Files<'d> {
    directory: &'d Path,
    bundles: File,
    bundle_len: u64,
    tiles: Vec<File>,
}

impl LogSource for Files<'_> {
    type Error = Box<dyn Error>;

    fn bundle(&mut self, bundle: BundleId, into: &mut Vec<u8>) -> Result<bool, Self::Error> {
        let bytes = self.bundle_len / u64::from(TILE_WIDTH) * u64::from(bundle.width);
        read_at(&mut self.bundles, bundle.index * self.bundle_len, bytes, into)
    }

    fn tile(&mut self, tile: TileId, into: &mut Vec<u8>) -> Result<bool, Self::Error> {
        if self.tiles.len() == usize::from(tile.level) {
            self.tiles.push(File::open(level_path(self.directory, tile.level))?);
        }
        let level = self.tiles.get_mut(usize::from(tile.level)).ok_or("a level was left out")?;
        read_at(level, tile.index * TILE_LEN, tile.byte_len() as u64, into)
    }
}

fn read_at(file: &mut File, start: u64, bytes: u64, into: &mut Vec<u8>) -> Result<bool, Box<dyn Error>> {
    file.seek(SeekFrom::Start(start))?;
    let read = io::Read::by_ref(file).take(bytes).read_to_end(into)?;
    Ok(read > 0)
}
