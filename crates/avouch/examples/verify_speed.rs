//! How fast `avouch ledger verify` goes through a copy of a long log, as an auditor has it who exported one:
//!
//! ```text
//! cargo build --release -p avouch && cargo run --release -p avouch --example verify_speed -- [leaves]
//! ```
//! Its leaves are looks at customers, of which one in a hundred is a customer stored; it is signed each 100,000 leaves. What is timed
//! is the program from its start to its end. The copy is in the folder for temporary files, some 340 bytes for each leaf.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use avouch_core::audit::{Ending, Event, Written};
use avouch_ledger::bundle::push_entry;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::growth::Growth;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::LogSigner;
use avouch_ledger::tile::{BundleId, TILE_WIDTH, TileId};
use avouch_wire::{Ledger, LedgerLog, Time};

const ORIGIN: &str = "example.org/log";
const SIGNED_EACH: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let leaves = std::env::args().nth(1).map(|text| text.parse::<u64>()).transpose()?.unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let key = write(folder.path(), leaves)?;
    println!("{leaves} leaves written in {:.1?}", start.elapsed());
    let beside = std::env::current_exe()?;
    let program = beside.ancestors().nth(2).ok_or("this program is nowhere")?.join("avouch");
    let start = Instant::now();
    let mut verify = Command::new(program);
    verify.args(["ledger", "verify", "--copy"]).arg(folder.path()).args(["--verifier-key", &key]);
    let verified = verify.status()?;
    let took = start.elapsed();
    println!("{verified}, in {took:.1?}: {:.0} leaves a second", leaves as f64 / took.as_secs_f64());
    Ok(())
}

/// Writes a copy as `avouch ledger export` does; gives a key of its log.
fn write(folder: &Path, leaves: u64) -> Result<String, Box<dyn Error>> {
    let log = folder.join("1");
    fs::create_dir_all(log.join("checkpoints"))?;
    let signer = LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32])?;
    let (mut growth, mut bundle) = (Growth::default(), Vec::new());
    for index in 0..leaves {
        let entry = minicbor::to_vec(event(index))?;
        growth.push(Hash::leaf(&entry));
        push_entry(&mut bundle, &entry)?;
        let size = index + 1;
        let within = size % u64::from(TILE_WIDTH);
        if within == 0 || size == leaves {
            let place = BundleId::within(size, index / u64::from(TILE_WIDTH)).ok_or("no such bundle")?;
            put(&log, &place.path(), &bundle)?;
            bundle.clear();
        }
        if size.is_multiple_of(SIGNED_EACH) || size == leaves {
            for tile in growth.changed() {
                let width = u16::try_from(tile.hashes.len() / 32)?;
                let place = TileId { level: tile.level, index: tile.index, width };
                put(&log, &place.path(), tile.hashes)?;
            }
            growth.settle();
            let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: growth.root() };
            let note = signer.sign(&checkpoint, 1_772_323_200)?;
            fs::write(log.join("checkpoints").join(size.to_string()), &note)?;
            fs::write(log.join("checkpoint"), note)?;
        }
    }
    let keys: Vec<String> = signer.verifier_keys().iter().map(ToString::to_string).collect();
    let begun = Time(jiff::Timestamp::from_second(1_772_323_200)?);
    let one = LedgerLog {
        number: 1,
        origin: ORIGIN.to_owned(),
        begun,
        size: leaves,
        minimum: 0,
        verifier_keys: keys.clone(),
    };
    let ledger = Ledger {
        logs: vec![one],
        waiting: 0,
        checkpoint: None,
        witnessed_by: Vec::new(),
        witnesses: Vec::new(),
        witness_quorum: 0,
        witnessed: None,
        unwitnessed_since: None,
        warning: None,
        fault: None,
    };
    fs::write(folder.join("ledger.json"), serde_json::to_vec(&ledger)?)?;
    keys.into_iter().next().ok_or_else(|| "the log has no key".into())
}

fn put(log: &Path, path: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = log.join(path);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    Ok(fs::write(path, bytes)?)
}

fn event(index: u64) -> Event {
    let stored = index.is_multiple_of(100);
    let written = Written { digest: [7; 32].into(), version: 1, whose: Some(0) };
    Event {
        v: 1,
        what: if stored { "subject.create" } else { "subject.reveal" }.to_owned(),
        at: 1_772_323_200_000_000 + index.cast_signed(),
        actor: [3; 16].into(),
        credential: Some([4; 16].into()),
        ending: Ending::Done,
        problem: None,
        charter: 1,
        purpose: Some("support".to_owned()),
        policies: vec!["role:support/reveal".to_owned()],
        needs: Vec::new(),
        subjects: vec![u128::from(index).to_be_bytes().into()],
        fields: vec![3, 4],
        views: if stored { Vec::new() } else { vec![1, 1] },
        count: 1,
        written: if stored { vec![written] } else { Vec::new() },
        reason: Some([5; 32].into()),
        recipient: None,
        objects: Vec::new(),
        key: None,
        erasure: None,
        id: (1_772_323_200_000_000 + index.cast_signed()) << 10,
        before: None,
        ended: 0,
    }
}
