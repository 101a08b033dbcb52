//! The same trees in another implementation: the crate `tlog_tiles`, which reads and writes the same formats.
//!
//! Its paths have the height of tiles in them, which the format that both implement has fixed since.

use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::proof::{verify_consistency, verify_inclusion};
use avouch_ledger::prove::{prove_consistency, prove_inclusion, root};
use avouch_ledger::tile::{TILE_WIDTH, TileId, new_tiles};
use avouch_ledger::tree::MAX_SIZE;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tlog_tiles::{Error, HashReader, Tile, TileHashReader, TileReader};

use crate::rows::Rows;

const HEIGHT: u8 = 8;

/// What the other implementation stores: all hashes, in an order of its own.
#[derive(Default)]
struct Stored(Vec<tlog_tiles::Hash>);

impl Stored {
    fn append(&mut self, index: u64, entry: &[u8]) {
        let hashes = tlog_tiles::stored_hashes(index, entry, self).unwrap();
        self.0.extend(hashes);
    }
}

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

/// Our tiles, as the other implementation reads those of a stranger.
struct Ours<'r>(&'r Rows);

impl TileReader for Ours<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        Ok(tiles.iter().map(|tile| self.0.tile(ours(tile)).unwrap()).collect())
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

fn ours(tile: &Tile) -> TileId {
    let width = tile.width().try_into().unwrap();
    TileId { level: tile.level(), index: tile.level_index(), width }
}

fn theirs(tile: TileId) -> Tile {
    Tile::new(HEIGHT, tile.level, tile.index, tile.width.into(), false)
}

fn plain(hashes: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| Hash(hash.0)).collect()
}

/// The same tree twice, of entries of many lengths.
fn grown(size: u64) -> (Rows, Stored) {
    let (mut leaves, mut stored) = (Vec::new(), Stored::default());
    for index in 0..size {
        let length = usize::try_from(index % 300).unwrap();
        let entry: Vec<u8> = index.to_le_bytes().into_iter().cycle().take(length).collect();
        leaves.push(Hash::leaf(&entry));
        stored.append(index, &entry);
    }
    (Rows::grown(&leaves), stored)
}

#[test]
fn an_entry_of_any_length_has_the_same_hash() {
    let longest = vec![7; 70_000];
    for length in (0..1_100).chain([4_095, 65_535, 70_000]) {
        let entry = &longest[..length];
        assert_eq!(Hash::leaf(entry).0, tlog_tiles::record_hash(entry).0, "{length}");
    }
    let (left, right) = (Hash([1; 32]), Hash([2; 32]));
    let theirs = tlog_tiles::node_hash(tlog_tiles::Hash(left.0), tlog_tiles::Hash(right.0));
    assert_eq!(Hash::node(&left, &right).0, theirs.0);
}

#[test]
fn the_tiles_have_the_same_contents() {
    let (rows, stored) = grown(66_000);
    for tile in new_tiles(0, rows.size) {
        assert_eq!(rows.tile(tile).unwrap(), theirs(tile).read_data(&stored).unwrap(), "{tile}");
    }
}

#[test]
fn roots_and_proofs_are_the_same_and_each_accepts_the_others() {
    let (rows, stored) = grown(66_000);
    let tiles = Ours(&rows);
    let read = |tile| rows.tile(tile);
    // They check tiles up to the root for each proof, which takes a while unoptimised: a few cases are enough.
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) });
    let near_an_edge = prop_oneof![1..=66_000_u64, 250..=260_u64, 65_530..=65_540_u64];
    let cases = near_an_edge.prop_flat_map(|size| (Just(size), 0..size, 1..=size));
    let held = runner.run(&cases, |(size, index, old)| {
        let over_all = root(&mut { read }, size).unwrap();
        prop_assert_eq!(over_all.0, tlog_tiles::tree_hash(size, &stored).unwrap().0);
        let before = root(&mut { read }, old).unwrap();

        // They read our tiles, check them against our root, and prove from them.
        let from_tiles = TileHashReader::new(size, tlog_tiles::Hash(over_all.0), &tiles);
        let leaf = stored.read_hashes(&[tlog_tiles::stored_hash_index(0, index)]).unwrap()[0];
        let path = plain(tlog_tiles::prove_record(size, index, &from_tiles).unwrap());
        prop_assert_eq!(&path, &prove_inclusion(&mut { read }, index, size).unwrap());
        prop_assert_eq!(verify_inclusion(Hash(leaf.0), index, size, &path, &over_all), Ok(()));

        let path = plain(tlog_tiles::prove_tree(size, old, &from_tiles).unwrap());
        prop_assert_eq!(&path, &prove_consistency(&mut { read }, old, size).unwrap());
        prop_assert_eq!(verify_consistency((old, &before), (size, &over_all), &path), Ok(()));
        Ok(())
    });
    held.unwrap();
}

proptest! {
    #[test]
    fn the_same_tiles_are_new(old in 0..200_000_u64, more in 0..200_000_u64) {
        let tiles: Vec<_> = Tile::new_tiles(HEIGHT, old, old + more).iter().map(ours).collect();
        prop_assert_eq!(new_tiles(old, old + more).collect::<Vec<_>>(), tiles);
    }

    #[test]
    fn tiles_are_in_the_same_places(level in 0..=6_u8, index in 0..MAX_SIZE, width in 1..=TILE_WIDTH) {
        let index = index >> (8 * (u32::from(level) + 1));
        let tile = TileId { level, index, width };
        prop_assert_eq!(theirs(tile).path(), tile.path().replacen("tile/", "tile/8/", 1));
        prop_assert_eq!(ours(&Tile::from_path(&theirs(tile).path()).unwrap()), tile);
    }

    #[test]
    fn what_they_refuse_is_refused(rest in "[0-9x/.p]{0,24}") {
        if let Ok(tile) = TileId::parse(&format!("tile/{rest}")) {
            prop_assert_eq!(Tile::from_path(&format!("tile/8/{rest}")).map(|tile| ours(&tile)).ok(), Some(tile));
        }
    }

    #[test]
    fn checkpoints_are_the_same(size in 0..=MAX_SIZE, root: [u8; 32]) {
        let ours = Checkpoint { origin: "example.com/log".to_owned(), size, root: Hash(root) };
        let theirs = tlog_tiles::Checkpoint::from_bytes(ours.to_string().as_bytes()).unwrap();
        prop_assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("example.com/log", size, root));
        prop_assert_eq!(theirs.to_bytes(), ours.to_string().into_bytes());
    }
}
