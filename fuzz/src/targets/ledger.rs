//! What is read as the path of a tile, as a bundle or as a checkpoint is written so again. A log that grows in
//! any steps has the tiles of one that grew at once, and no byte of it can be changed without the pass over it
//! finding something.

use arbitrary::{Result, Unstructured};
use avouch_ledger::{
    Error,
    bundle::{Bundle, push_entry},
    checkpoint::Checkpoint,
    growth::Growth,
    hash::Hash,
    tile::{BundleId, TileId},
    verify::{Claim, LogSource, verify_log},
};
use std::collections::BTreeMap;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=3)? {
        0 => bundle(input.arbitrary()?, input.take_rest()),
        1 => log(&mut input)?,
        _ => {
            if let Ok(text) = std::str::from_utf8(input.take_rest()) {
                written_again(text);
            }
        }
    }
    Ok(())
}

fn written_again(text: &str) {
    if let Ok(tile) = TileId::parse(text) {
        assert_eq!(tile.path(), text);
    }
    if let Ok(bundle) = BundleId::parse(text) {
        assert_eq!(bundle.path(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
    }
}

fn bundle(width: u16, bytes: &[u8]) {
    for width in [width, width % 8] {
        let Ok(bundle) = Bundle::parse(bytes, width) else { continue };
        let mut written = Vec::new();
        let entries =
            bundle.entries().map(|entry| push_entry(&mut written, entry)).filter(std::result::Result::is_ok);
        assert_eq!(entries.count(), usize::from(width));
        assert_eq!(written, bytes);
    }
}

fn log(input: &mut Unstructured<'_>) -> Result<()> {
    let (size, steps): (u64, [u16; 3]) = (input.int_in_range(1..=1_100)?, input.arbitrary()?);
    let (place, change): (usize, u8) = (input.arbitrary()?, input.arbitrary()?);
    let mut log = Log::grown(size, &steps);
    let at_once = Log::grown(size, &[]);
    assert!(log.tiles == at_once.tiles && log.root == at_once.root, "{size} in {steps:?}");
    assert_eq!(faults(&mut log), 0, "{size} in {steps:?}");
    let parts: Vec<_> = log.tiles.values_mut().chain(log.bundles.values_mut()).collect();
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    if change != 0
        && let Some(byte) = parts.into_iter().flatten().nth(place % bytes)
    {
        *byte ^= change;
        assert_ne!(faults(&mut log), 0, "{change} at {place} of {size}");
    }
    Ok(())
}

fn faults(log: &mut Log) -> u64 {
    let checkpoint = Checkpoint { origin: "log".to_owned(), size: log.size, root: log.root };
    let claims = vec![Claim { label: "newest".to_owned(), checkpoint }];
    verify_log(log, log.size, 0, claims).expect("nothing cannot be read").faults()
}

struct Log {
    size: u64,
    root: Hash,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    bundles: BTreeMap<u64, Vec<u8>>,
}

impl Log {
    /// In steps of these sizes, again and again, each resumed from what is stored; or at once.
    fn grown(size: u64, steps: &[u16]) -> Self {
        let mut log = Self { size: 0, root: Hash::empty(), tiles: BTreeMap::new(), bundles: BTreeMap::new() };
        let mut steps = steps.iter().map(|step| u64::from(*step)).filter(|step| *step > 0).cycle();
        while log.size < size {
            let tiles = &log.tiles;
            let read = |tile: TileId| tiles.get(&(tile.level, tile.index)).cloned().ok_or(Error::Provider);
            let mut growth = Growth::resume(log.size, read).expect("what is stored is whole");
            let end = steps.next().map_or(size, |step| size.min(log.size + step));
            for index in log.size..end {
                // Entries of several lengths, also of none.
                let number = index.to_be_bytes();
                let (entry, _) = number.split_at(number.len() * usize::from(index % 3 != 0));
                growth.push(Hash::leaf(entry));
                push_entry(log.bundles.entry(index / 256).or_default(), entry).expect("it is short");
            }
            let changed: Vec<_> =
                growth.changed().map(|tile| ((tile.level, tile.index), tile.hashes.to_vec())).collect();
            (log.size, log.root) = (growth.size(), growth.root());
            log.tiles.extend(changed);
        }
        log
    }
}

impl LogSource for Log {
    type Error = Error;

    fn bundle(&mut self, bundle: BundleId, into: &mut Vec<u8>) -> avouch_ledger::Result<bool> {
        let found = self.bundles.get(&bundle.index);
        into.extend(found.into_iter().flatten());
        Ok(found.is_some())
    }

    fn tile(&mut self, tile: TileId, into: &mut Vec<u8>) -> avouch_ledger::Result<bool> {
        let found = self.tiles.get(&(tile.level, tile.index));
        into.extend(found.into_iter().flatten());
        Ok(found.is_some())
    }
}
