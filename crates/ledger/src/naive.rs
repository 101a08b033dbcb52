//! A tree as RFC 6962 defines it, word for word and slow: for tests that need proofs of something.

use crate::hash::Hash;

/// Leaves that differ from each other.
pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

/// `MTH`.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Hash::node(&root(left), &root(right))
        }
    }
}

/// `PATH`.
pub(crate) fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        [inclusion(index, left), vec![root(right)]].concat()
    } else {
        [inclusion(index - left.len(), right), vec![root(left)]].concat()
    }
}

/// `PROOF`, of a beginning that is not empty.
pub(crate) fn consistency(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old, leaves, true)
}

fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if old <= left.len() {
        [subproof(old, left, whole), vec![root(right)]].concat()
    } else {
        [subproof(old - left.len(), right, false), vec![root(left)]].concat()
    }
}

/// The largest power of two below it.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}
