//! A tree that grows in a store.

use std::collections::BTreeSet;

use avouch_ledger::growth::Growth;
use avouch_ledger::hash::{HASH_LEN, Hash};
use avouch_ledger::tile::{TILE_WIDTH, TileId, new_tiles, tiles};
use avouch_ledger::tree::{Frontier, MAX_SIZE};
use avouch_ledger::{Error, Result};

use crate::naive;
use crate::rows::Rows;

/// What a tile must hold, from its definition.
fn defined(tile: TileId, leaves: &[Hash]) -> Vec<u8> {
    let span = 256_usize.pow(u32::from(tile.level));
    let first = usize::try_from(tile.index).unwrap() * usize::from(TILE_WIDTH);
    let nodes = (first..first + usize::from(tile.width)).map(|node| &leaves[node * span..(node + 1) * span]);
    nodes.flat_map(|beneath| naive::root(beneath).0).collect()
}

#[test]
fn the_edge_has_the_root_of_every_size() {
    let leaves = naive::leaves(300);
    let mut frontier = Frontier::new();
    for size in 0..300 {
        assert_eq!(frontier.root(), naive::root(&leaves[..size]), "{size}");
        let kept = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec());
        assert_eq!(kept, Ok(frontier.clone()));
        frontier.push(leaves[size]);
    }
}

#[test]
fn an_edge_has_as_many_hashes_as_its_size_says() {
    let hash = Hash([1; 32]);
    for (size, hashes) in [(0, 1), (1, 0), (3, 1), (4, 2), (MAX_SIZE, 62), (MAX_SIZE + 1, 1), (u64::MAX, 64)]
    {
        let refused = Frontier::from_parts(size, vec![hash; hashes]);
        assert!(matches!(refused, Err(Error::Parameters(_))), "{size}");
    }
    assert!(Frontier::from_parts(MAX_SIZE, vec![hash; 63]).is_ok());
}

#[test]
fn however_leaves_come_the_tiles_are_as_defined() {
    let leaves = naive::leaves(66_200);
    for steps in [vec![66_200], vec![1, 254, 1, 1, 255, 65_023, 1, 1, 663], vec![256, 256, 65_024, 664]] {
        let mut rows = Rows::default();
        for step in steps {
            let before = rows.size;
            let start = usize::try_from(before).unwrap();
            let written = rows.append(&leaves[start..start + step]);
            let expected: Vec<_> =
                new_tiles(before, rows.size).map(|tile| (tile.level, tile.index)).collect();
            assert_eq!(written, expected, "each row that changes, once, and no other");
        }
        assert_eq!(rows.size, 66_200);
        for tile in tiles(rows.size) {
            assert_eq!(rows.tiles[&(tile.level, tile.index)], defined(tile, &leaves), "{tile}");
        }
        let all: BTreeSet<_> = tiles(rows.size).map(|tile| (tile.level, tile.index)).collect();
        assert_eq!(rows.tiles.keys().copied().collect::<BTreeSet<_>>(), all);
    }
}

#[test]
fn a_tree_that_stays_in_memory_writes_what_one_that_is_resumed_writes() {
    let leaves = naive::leaves(1_000);
    let (mut rows, mut growth) = (Rows::default(), Growth::default());
    for batch in leaves.chunks(97) {
        batch.iter().for_each(|leaf| growth.push(*leaf));
        let changed: Vec<_> = growth.changed().map(|tile| (tile.level, tile.index)).collect();
        let contents: Vec<_> = growth.changed().map(|tile| tile.hashes.to_vec()).collect();
        assert_eq!(rows.append(batch), changed);
        assert!(changed.iter().zip(contents).all(|(place, hashes)| rows.tiles[place] == hashes));
        growth.settle();
        assert_eq!(growth.changed().count(), 0);
        assert_eq!(growth.size(), rows.size);
        assert_eq!(growth.root(), naive::root(&leaves[..usize::try_from(rows.size).unwrap()]));
    }
}

#[test]
fn resuming_reads_the_edge_alone_and_wants_it_whole() {
    let mut read = Vec::new();
    let resumed = Growth::resume(70_000, |tile| {
        read.push(tile.path());
        Ok::<_, Error>(vec![7; tile.byte_len()])
    });
    assert_eq!(resumed.map(|growth| growth.size()), Ok(70_000));
    assert_eq!(read, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);

    let full = Growth::resume(65_536, |tile| Ok::<_, Error>(vec![7; tile.byte_len()])).unwrap();
    assert_eq!(full.root(), Hash([7; 32]), "the one hash of level 2");

    for wrong in [0, 1, HASH_LEN - 1, 111 * HASH_LEN, 112 * HASH_LEN - 1, 112 * HASH_LEN + 1, 256 * HASH_LEN]
    {
        let refused: Result<_> = Growth::resume(70_000, |_| Ok(vec![7; wrong]));
        assert_eq!(refused.map(|growth| growth.size()), Err(Error::Malformed("tile")), "{wrong}");
    }
    let refused: Result<_> = Growth::resume(MAX_SIZE + 1, |_| Ok(Vec::new()));
    assert!(matches!(refused, Err(Error::Parameters(_))));
    let refused: Result<_> = Growth::resume(5, |_| Err(Error::Provider));
    assert!(matches!(refused, Err(Error::Provider)));
}

#[test]
fn the_largest_tree_has_an_edge_on_every_level() {
    let mut levels = 0;
    let resumed: Result<_> = Growth::resume(MAX_SIZE - 1, |tile| {
        assert_eq!(tile.level, levels);
        levels += 1;
        Ok(vec![7; tile.byte_len()])
    });
    let mut growth = resumed.unwrap();
    assert_eq!(levels, 8);
    growth.push(Hash([8; 32]));
    assert_eq!(growth.size(), MAX_SIZE);
    assert_eq!(growth.changed().map(|tile| tile.level).collect::<Vec<_>>(), [0]);
}
