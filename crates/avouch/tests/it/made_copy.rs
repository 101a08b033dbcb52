//! A copy of a log as `avouch ledger export` writes it, of a log that was never on a server: a long one, or one that an operator made.

use std::error::Error;
use std::fs;
use std::path::Path;

use avouch_core::audit::{Ending, Event};
use avouch_ledger::bundle::push_entry;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::growth::Growth;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::LogSigner;
use avouch_ledger::tile::{BundleId, TILE_WIDTH, TileId};
use avouch_wire::{Ledger, LedgerLog, Time};

/// In microseconds.
const BEGUN: i64 = 1_772_323_200_000_000;

/// How it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    /// Of the log.
    pub(crate) number: u64,
    pub(crate) leaves: u64,
    /// Entries before this one are left out.
    pub(crate) minimum: u64,
    /// It is signed each time so many leaves have come, and at the end.
    pub(crate) signed_each: u64,
}

impl Made {
    /// Writes it into `folder`, beside those that are there, of these events, each made for the tree that there is before it; gives a key of
    /// the log, and what its root is at the end.
    pub(crate) fn write(
        self,
        folder: &Path,
        event: impl Fn(u64, &Growth) -> Event,
    ) -> Result<(String, Hash), Box<dyn Error>> {
        let origin = format!("example.org/log/{}", self.number);
        let log = folder.join(self.number.to_string());
        fs::create_dir_all(log.join("checkpoints"))?;
        let signer = LogSigner::from_seeds(&origin, &[1; 32], &[2; 32])?;
        let (mut growth, mut bundle) = (Growth::default(), Vec::new());
        let width = u64::from(TILE_WIDTH);
        for index in 0..self.leaves {
            let entry = minicbor::to_vec(event(index, &growth))?;
            growth.push(Hash::leaf(&entry));
            push_entry(&mut bundle, &entry)?;
            let size = index + 1;
            if size.is_multiple_of(width) || size == self.leaves {
                let place = BundleId::within(size, index / width).ok_or("no such bundle")?;
                if index >= self.minimum {
                    put(&log, &place.path(), &bundle)?;
                }
                bundle.clear();
            }
            if size.is_multiple_of(self.signed_each) || size == self.leaves {
                for tile in growth.changed() {
                    let width = u16::try_from(tile.hashes.len() / 32)?;
                    let place = TileId { level: tile.level, index: tile.index, width };
                    put(&log, &place.path(), tile.hashes)?;
                }
                growth.settle();
                let checkpoint = Checkpoint { origin: origin.clone(), size, root: growth.root() };
                let note = signer.sign(&checkpoint, BEGUN.cast_unsigned() / 1_000_000)?;
                fs::write(log.join("checkpoints").join(size.to_string()), &note)?;
                fs::write(log.join("checkpoint"), note)?;
            }
        }
        let keys: Vec<String> = signer.verifier_keys().iter().map(ToString::to_string).collect();
        let one = LedgerLog {
            number: self.number,
            origin,
            begun: Time::from_micros(BEGUN).ok_or("no such time")?,
            size: self.leaves,
            minimum: self.minimum,
            verifier_keys: keys.clone(),
        };
        let path = folder.join("ledger.json");
        let mut ledger = match fs::read(&path) {
            Ok(before) => serde_json::from_slice(&before)?,
            Err(_) => nothing(),
        };
        ledger.logs.insert(0, one);
        fs::write(path, serde_json::to_vec(&ledger)?)?;
        let key = keys.into_iter().next().ok_or("the log has no key")?;
        Ok((key, growth.root()))
    }
}

fn nothing() -> Ledger {
    Ledger {
        logs: Vec::new(),
        waiting: 0,
        checkpoint: None,
        witnessed_by: Vec::new(),
        witnesses: Vec::new(),
        witness_quorum: 0,
        witnessed: None,
        unwitnessed_since: None,
        warning: None,
        fault: None,
    }
}

fn put(log: &Path, path: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = log.join(path);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    Ok(fs::write(path, bytes)?)
}

/// A look at somebody; a hundred times at each.
pub(crate) fn look(index: u64) -> Event {
    let at = BEGUN + index.cast_signed();
    Event {
        v: 1,
        what: "subject.reveal".to_owned(),
        at,
        actor: [3; 16].into(),
        credential: Some([4; 16].into()),
        ending: Ending::Done,
        problem: None,
        charter: 1,
        purpose: Some("support".to_owned()),
        policies: vec!["role:support/reveal".to_owned()],
        needs: Vec::new(),
        subjects: vec![u128::from(index / 100).to_be_bytes().into()],
        fields: vec![3, 4],
        views: vec![1, 1],
        count: 1,
        written: Vec::new(),
        reason: Some([5; 32].into()),
        recipient: None,
        objects: Vec::new(),
        key: None,
        erasure: None,
        id: at << 10,
        before: None,
        ended: 0,
        under: None,
        asked: None,
    }
}
