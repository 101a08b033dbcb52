//! Published vectors.
//!
//! From the repository transparency-dev/merkle (the Go implementation that Certificate Transparency logs run):
//!
//! * The tree of eight leaves of the first reference implementation of RFC 6962: its leaves, the hashes of all of its perfect
//!   subtrees, and its roots at each size (`testonly/constants.go`). Taken over: all of it.
//! * Probes of verifiers over that tree (`testdata/inclusion`, 96 distinct cases; `testdata/consistency`, 98). Taken over: the
//!   ten proofs that they begin from, each with every change that they make to it, and those beside these. Changes that leave
//!   a hash of another length cannot be written down here: they do not get past the parser. In their place a hash of zeros
//!   stands, or that of the text which they have. One case is decided otherwise here, as RFC 9162 leaves open: that a tree of
//!   nothing, with its right root, is the beginning of another tree needs no proof, where they refuse to be asked.
//! * Digests over the output of an implementation for all subtrees of a tree of 130 leaves (`testonly/vectors_test.go`, from
//!   draft-ietf-plants-merkle-tree-certs, "Subtree Test Vectors"). Taken over: those of hashes and of proofs of inclusion,
//!   since a subtree is a tree of its own for both.
//!
//! Left out, since nothing here makes or verifies such proofs: those of the consistency of subtrees that do not begin with
//! the first leaf (`testdata/subtreeconsistency`, `testdata/subtreeinclusion`).

use avouch_ledger::hash::Hash;
use avouch_ledger::proof::{verify_consistency, verify_inclusion};
use avouch_ledger::prove::{prove_consistency, prove_inclusion, root};
use avouch_ledger::tree::Frontier;
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

use crate::rows::Rows;

/// The leaves, in hexadecimal.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// Roots over leaves from one to before another: those of perfect subtrees, and those of all leaves up to a size.
const ROOTS: [(u8, u8, &str); 19] = [
    (0, 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    (1, 2, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
    (2, 3, "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"),
    (3, 4, "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7"),
    (4, 5, "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
    (5, 6, "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658"),
    (6, 7, "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"),
    (7, 8, "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1"),
    (0, 2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    (2, 4, "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
    (4, 6, "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
    (6, 8, "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
    (0, 4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    (4, 8, "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
    (0, 8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    (0, 3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    (0, 5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    (0, 6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    (0, 7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
];
const EMPTY_ROOT: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Two numbers, and the leaves that each hash between them is over.
type Proof = (u64, u64, &'static [(u8, u8)]);

/// A leaf, a size, and what is between them.
const INCLUSION: [Proof; 5] = [
    (0, 1, &[]),
    (0, 8, &[(1, 2), (2, 4), (4, 8)]),
    (5, 8, &[(4, 5), (6, 8), (0, 4)]),
    (2, 3, &[(0, 2)]),
    (1, 5, &[(0, 1), (2, 4), (4, 5)]),
];

/// Two sizes, and what is between them.
const CONSISTENCY: [Proof; 5] = [
    (1, 1, &[]),
    (1, 8, &[(1, 2), (2, 4), (4, 8)]),
    (6, 8, &[(4, 6), (6, 8), (0, 4)]),
    (2, 5, &[(2, 4), (4, 5)]),
    (6, 7, &[(4, 6), (6, 7), (0, 4)]),
];

fn hash(hex: &str) -> Hash {
    Hash(HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap())
}

fn over(first: u64, after: u64) -> Hash {
    let (.., hex) =
        ROOTS.iter().find(|(from, to, _)| (u64::from(*from), u64::from(*to)) == (first, after)).unwrap();
    hash(hex)
}

fn path(places: &[(u8, u8)]) -> Vec<Hash> {
    places.iter().map(|(first, after)| over((*first).into(), (*after).into())).collect()
}

fn leaves() -> Vec<Hash> {
    LEAVES.iter().map(|leaf| Hash::leaf(&HEXLOWER.decode(leaf.as_bytes()).unwrap())).collect()
}

#[test]
fn the_tree_of_eight_leaves() {
    let leaves = leaves();
    assert_eq!(Hash::empty(), hash(EMPTY_ROOT));
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root(), hash(EMPTY_ROOT));
    for (index, leaf) in (0..).zip(&leaves) {
        assert_eq!(*leaf, over(index, index + 1));
        frontier.push(*leaf);
        assert_eq!(frontier.root(), over(0, index + 1));
    }
    for (first, after, hex) in ROOTS {
        let rows = Rows::grown(&leaves[usize::from(first)..usize::from(after)]);
        assert_eq!(root(&mut |tile| rows.tile(tile), rows.size), Ok(hash(hex)));
    }
}

#[test]
fn the_proofs_that_the_probes_begin_from() {
    let rows = Rows::grown(&leaves());
    let read = &mut |tile| rows.tile(tile);
    for (index, size, places) in INCLUSION {
        assert_eq!(prove_inclusion(read, index, size), Ok(path(places)));
        let verified = verify_inclusion(over(index, index + 1), index, size, &path(places), &over(0, size));
        assert_eq!(verified, Ok(()));
    }
    for (old, new, places) in CONSISTENCY {
        assert_eq!(prove_consistency(read, old, new), Ok(path(places)));
        let (before, after) = (over(0, old), over(0, new));
        assert_eq!(verify_consistency((old, &before), (new, &after), &path(places)), Ok(()));
    }
}

/// What the probes do to a path that has been changed: something before it, something after it, something of it missing.
fn changed(path: &[Hash], bit: u8, strangers: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for stranger in strangers {
        all.extend([[&[*stranger], path].concat(), [path, &[*stranger]].concat()]);
    }
    for place in 0..path.len() {
        let mut other = path.to_vec();
        other[place].0[0] ^= 1 << bit;
        all.push(other);
    }
    if let Some((_, rest)) = path.split_last() {
        all.push(rest.to_vec());
        all.push(Vec::new());
    }
    all
}

#[test]
fn the_probes_of_inclusion() {
    let stranger = hash(&"abacaba0".repeat(8));
    for (index, size, places) in INCLUSION {
        let (leaf, path, root) = (over(index, index + 1), path(places), over(0, size));
        let refuse = |leaf, index, size, path: &[Hash], root| {
            assert!(verify_inclusion(leaf, index, size, path, &root).is_err(), "{index} in {size}");
        };
        for other in [index.wrapping_sub(1), index + 1, index ^ 2] {
            refuse(leaf, other, size, &path, root);
        }
        refuse(leaf, index, size * 2, &path, root);
        refuse(leaf, index, size / 2, &path, root);
        refuse(Hash::leaf(b"WrongLeaf"), index, size, &path, root);
        refuse(leaf, index, size, &path, Hash::empty());
        refuse(leaf, index, size, &path, stranger);
        for other in changed(&path, 3, &[root, Hash([0; 32]), stranger]) {
            refuse(leaf, index, size, &other, root);
        }
        if path.len() > 1 {
            refuse(leaf, index, size, &[&path[..1], &[stranger], &path[1..]].concat(), root);
        }
    }
    for (index, size) in [(0, 0), (0, 1), (1, 0), (2, 1)] {
        for (leaf, root) in
            [(stranger, Hash::empty()), (Hash([0; 32]), Hash::empty()), (stranger, Hash([0; 32]))]
        {
            assert!(verify_inclusion(leaf, index, size, &[], &root).is_err());
        }
    }
    let single = Hash::leaf(b"single entry");
    assert_eq!(verify_inclusion(single, 0, 1, &[], &single), Ok(()));
    assert!(verify_inclusion(Hash([0; 32]), 0, 1, &[], &single).is_err());
    assert!(verify_inclusion(single, 0, 1, &[], &Hash([0; 32])).is_err());
}

#[test]
fn the_probes_of_consistency() {
    let refuse = |old, before: Hash, new, after: Hash, path: &[Hash]| {
        assert!(verify_consistency((old, &before), (new, &after), path).is_err(), "{old} to {new}");
    };
    let wrong = Hash::leaf(b"WrongRoot");
    for (old, new, places) in CONSISTENCY.into_iter().skip(1) {
        let (before, after, path) = (over(0, old), over(0, new), path(places));
        for other in [old - 1, old + 1, old ^ 2] {
            refuse(other, before, new, after, &path);
        }
        refuse(old, before, new * 2, after, &path);
        refuse(old, before, new / 2, after, &path);
        refuse(old, after, new, before, &path);
        refuse(old, wrong, new, after, &path);
        refuse(old, before, new, wrong, &path);
        for other in changed(&path, 4, &[before, after, path[0], Hash([0; 32])]) {
            refuse(old, before, new, after, &other);
        }
    }
    let (one, two, nothing) = (Hash::leaf(b"don't care 1"), Hash::leaf(b"don't care 2"), Hash::empty());
    for (old, before, new, after) in [
        (0, nothing, 0, two),
        (0, one, 0, two),
        (0, one, 0, one),
        (0, one, 1, two),
        (1, nothing, 1, two),
        (1, one, 1, two),
        (1, one, 0, two),
        (2, one, 1, two),
        (1, one, 2, two),
    ] {
        refuse(old, before, new, after, &[]);
    }
    for (old, new) in [(0, 0), (0, 1), (1, 1)] {
        refuse(old, nothing, new, nothing, &[nothing]);
    }
    assert_eq!(verify_consistency((1, &two), (1, &two), &[]), Ok(()));
    assert_eq!(verify_consistency((0, &nothing), (1, &two), &[]), Ok(()), "what they do not answer");
}

#[test]
fn all_subtrees_of_a_tree_of_130_leaves() {
    let leaves: Vec<_> = (0..130_u8).map(|leaf| Hash::leaf(&[leaf])).collect();
    let mut hashes = digest::Context::new(&digest::SHA256);
    let mut proofs = digest::Context::new(&digest::SHA256);
    for after in 0..=leaves.len() {
        for first in 0..=after {
            let size = after - first;
            if first != 0 && size != 0 && !first.is_multiple_of(size.next_power_of_two()) {
                continue;
            }
            let subtree = &leaves[first..after];
            let rows = Rows::grown(subtree);
            let read = &mut |tile| rows.tile(tile);
            let over_all = root(read, rows.size).unwrap();
            hashes.update(format!("[{first}, {after}) {}\n", HEXLOWER.encode(&over_all.0)).as_bytes());
            for index in 0..size {
                proofs.update(format!("{} [{first}, {after})", first + index).as_bytes());
                for hash in prove_inclusion(read, index as u64, rows.size).unwrap() {
                    proofs.update(format!(" {}", HEXLOWER.encode(&hash.0)).as_bytes());
                }
                proofs.update(b"\n");
            }
        }
    }
    let [hashes, proofs] = [hashes, proofs].map(|digest| HEXLOWER.encode(digest.finish().as_ref()));
    assert_eq!(hashes, "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81");
    assert_eq!(proofs, "ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f");
}
