//! Proofs: made from tiles, compared with their definition, and refused when anything about them is changed.

use std::collections::BTreeSet;

use avouch_ledger::hash::Hash;
use avouch_ledger::proof::{verify_consistency, verify_inclusion};
use avouch_ledger::prove::{prove_consistency, prove_inclusion, root};
use avouch_ledger::tile::TileId;
use avouch_ledger::tree::MAX_SIZE;
use avouch_ledger::{Error, Result};
use proptest::prelude::*;

use crate::naive;
use crate::rows::Rows;

/// All sizes up to here are tried with all that there is to prove in them.
const EXHAUSTIVE: u64 = 130;

#[test]
fn every_small_tree_proves_what_its_definition_says() {
    let leaves = naive::leaves(EXHAUSTIVE);
    let rows = Rows::grown(&leaves);
    let read = &mut |tile| rows.tile(tile);
    for size in 0..=EXHAUSTIVE {
        let tree = &leaves[..usize::try_from(size).unwrap()];
        let over_all = naive::root(tree);
        assert_eq!(root(read, size), Ok(over_all));
        for (index, leaf) in (0..).zip(tree) {
            let path = prove_inclusion(read, index, size).unwrap();
            assert_eq!(path, naive::inclusion(usize::try_from(index).unwrap(), tree), "{index} in {size}");
            assert_eq!(verify_inclusion(*leaf, index, size, &path, &over_all), Ok(()));
        }
        for old in 0..=size {
            let path = prove_consistency(read, old, size).unwrap();
            let begun = usize::try_from(old).unwrap();
            assert_eq!(path, naive::consistency(begun, tree), "{old} to {size}");
            let before = naive::root(&leaves[..begun]);
            assert_eq!(verify_consistency((old, &before), (size, &over_all), &path), Ok(()));
        }
    }
}

/// Everything that can be changed in a row of hashes: each byte of each, one more, one fewer, two exchanged.
fn changed(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for place in 0..path.len() {
        for byte in 0..32 {
            let mut other = path.to_vec();
            other[place].0[byte] ^= 1 << (byte % 8);
            all.push(other);
        }
        let mut fewer = path.to_vec();
        fewer.remove(place);
        all.push(fewer);
        if place > 0 {
            let mut exchanged = path.to_vec();
            exchanged.swap(place - 1, place);
            all.push(exchanged);
        }
    }
    for place in 0..=path.len() {
        let mut more = path.to_vec();
        more.insert(place, Hash([9; 32]));
        all.push(more);
    }
    all
}

#[test]
fn a_proof_of_inclusion_proves_nothing_else() {
    let leaves = naive::leaves(40);
    for size in 1..=40_u64 {
        let tree = &leaves[..usize::try_from(size).unwrap()];
        let over_all = naive::root(tree);
        for (index, leaf) in (0..).zip(tree) {
            let path = naive::inclusion(usize::try_from(index).unwrap(), tree);
            for other in changed(&path) {
                assert!(
                    verify_inclusion(*leaf, index, size, &other, &over_all).is_err(),
                    "{index} in {size}"
                );
            }
            for other in changed(&[*leaf]).iter().filter(|other| other.len() == 1) {
                assert!(verify_inclusion(other[0], index, size, &path, &over_all).is_err());
            }
            for other in changed(&[over_all]).iter().filter(|other| other.len() == 1) {
                assert!(verify_inclusion(*leaf, index, size, &path, &other[0]).is_err());
            }
            for other in (0..size + 2).chain([MAX_SIZE, u64::MAX]).filter(|other| *other != index) {
                assert!(verify_inclusion(*leaf, other, size, &path, &over_all).is_err());
            }
        }
    }
}

#[test]
fn a_proof_of_consistency_proves_nothing_else() {
    let leaves = naive::leaves(40);
    let at = |size: u64| naive::root(&leaves[..usize::try_from(size).unwrap()]);
    for new in 1..=40_u64 {
        for old in 0..=new {
            let path =
                naive::consistency(usize::try_from(old).unwrap(), &leaves[..usize::try_from(new).unwrap()]);
            let (before, after) = (at(old), at(new));
            for other in changed(&path) {
                let checked = verify_consistency((old, &before), (new, &after), &other);
                assert!(checked.is_err(), "{old} to {new}");
            }
            for other in changed(&[before]).iter().filter(|other| other.len() == 1) {
                assert!(verify_consistency((old, &other[0]), (new, &after), &path).is_err());
            }
            // With nothing anything begins, so the root after it is not proved.
            for other in changed(&[after]).iter().filter(|other| other.len() == 1 && old > 0) {
                assert!(verify_consistency((old, &before), (new, &other[0]), &path).is_err());
            }
            for other in (1..new + 2).chain([MAX_SIZE, u64::MAX]).filter(|other| *other != old) {
                assert!(verify_consistency((other, &before), (new, &after), &path).is_err());
            }
        }
    }
}

#[test]
fn what_is_not_there_cannot_be_proved() {
    let rows = Rows::grown(&naive::leaves(10));
    let read = &mut |tile| rows.tile(tile);
    assert!(matches!(prove_inclusion(read, 10, 10), Err(Error::Parameters(_))));
    assert!(matches!(prove_inclusion(read, 0, 0), Err(Error::Parameters(_))));
    assert!(matches!(prove_inclusion(read, 0, MAX_SIZE + 1), Err(Error::Parameters(_))));
    assert!(matches!(prove_consistency(read, 11, 10), Err(Error::Parameters(_))));
    assert!(matches!(prove_consistency(read, 1, u64::MAX), Err(Error::Parameters(_))));
    assert!(matches!(root(read, u64::MAX), Err(Error::Parameters(_))));

    for wrong in [0, 31, 319, 321, 352] {
        let read = &mut |_| Ok::<_, Error>(vec![0; wrong]);
        assert_eq!(prove_inclusion(read, 3, 10), Err(Error::Malformed("tile")));
    }
    let read = &mut |_| Err::<Vec<u8>, _>(Error::Provider);
    assert_eq!(prove_consistency(read, 3, 10), Err(Error::Provider));
}

/// Reads that are counted, of a tree in which all hashes are the same: enough for what is read, whatever the size.
fn reads(prove: impl FnOnce(&mut dyn FnMut(TileId) -> Result<Vec<u8>>)) -> usize {
    let (mut distinct, mut all) = (BTreeSet::new(), 0);
    prove(&mut |tile| {
        distinct.insert(tile);
        all += 1;
        Ok(vec![3; tile.byte_len()])
    });
    assert_eq!(distinct.len(), all, "each tile is read once");
    all
}

#[test]
fn a_proof_reads_a_handful_of_tiles() {
    let size = 10_000_000;
    for index in [0, 1, 255, 256, 65_535, 65_536, 8_388_607, 8_388_608, 9_999_999] {
        let read = reads(|mut source| assert!(prove_inclusion(&mut source, index, size).is_ok()));
        assert!(read <= 6, "{read} for {index}");
        let read = reads(|mut source| assert!(prove_consistency(&mut source, index, size).is_ok()));
        assert!(read <= 6, "{read} for {index}");
    }
    assert_eq!(reads(|mut source| assert!(root(&mut source, size).is_ok())), 3);
    let read = reads(|mut source| assert!(prove_inclusion(&mut source, MAX_SIZE / 3, MAX_SIZE).is_ok()));
    assert!(read <= 16, "{read}");
}

/// The tree that the properties below take their sizes from: it crosses the width of a tile on level 1 as well.
fn large() -> (Vec<Hash>, Rows) {
    let leaves = naive::leaves(66_500);
    let rows = Rows::grown(&leaves);
    (leaves, rows)
}

#[test]
fn trees_across_the_width_of_a_tile_prove_what_their_definition_says() {
    let (leaves, rows) = large();
    let read = &mut |tile| rows.tile(tile);
    for size in [255, 256, 257, 513, 65_535, 65_536, 65_537, 66_500] {
        let tree = &leaves[..usize::try_from(size).unwrap()];
        let over_all = naive::root(tree);
        assert_eq!(root(read, size), Ok(over_all));
        let others = [1, 255, 256, 511, 65_535, 65_536];
        for other in others.into_iter().filter(|other| *other < size) {
            let within = usize::try_from(other).unwrap();
            assert_eq!(
                prove_inclusion(read, other, size),
                Ok(naive::inclusion(within, tree)),
                "{other} in {size}"
            );
            assert_eq!(
                prove_consistency(read, other, size),
                Ok(naive::consistency(within, tree)),
                "{other} to {size}"
            );
        }
    }
}

#[test]
fn any_tree_proves_what_can_be_verified() {
    let (leaves, rows) = large();
    let read = |tile| rows.tile(tile);
    let mut runner = proptest::test_runner::TestRunner::default();
    let sizes = (1..=66_500_u64).prop_flat_map(|size| (Just(size), 0..size, 0..=size));
    let held = runner.run(&sizes, |(size, index, old)| {
        let over_all = root(&mut { read }, size).unwrap();
        let path = prove_inclusion(&mut { read }, index, size).unwrap();
        let leaf = leaves[usize::try_from(index).unwrap()];
        prop_assert_eq!(verify_inclusion(leaf, index, size, &path, &over_all), Ok(()));
        let before = root(&mut { read }, old).unwrap();
        let path = prove_consistency(&mut { read }, old, size).unwrap();
        prop_assert_eq!(verify_consistency((old, &before), (size, &over_all), &path), Ok(()));
        Ok(())
    });
    held.unwrap();
}
