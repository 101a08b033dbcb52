//! Proofs (RFC 9162, sections 2.1.3 and 2.1.4): that a leaf is in a tree, and that one tree is the beginning of another.

use crate::hash::Hash;
use crate::{Error, Result};

/// The most hashes that a proof can have: sizes are below 2^63.
pub const MAX_PROOF: usize = 63;

const INCLUSION: Error = Error::Forged("the proof of inclusion");
const CONSISTENCY: Error = Error::Forged("the proof of consistency");

/// Whether `leaf` is the one at `index` in the tree of `size` leaves with this `root`.
///
/// # Errors
/// [`Error::Forged`] if the path does not show it.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<()> {
    if index >= size || path.len() > MAX_PROOF {
        return Err(INCLUSION);
    }
    let (mut first, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(INCLUSION);
        }
        if first % 2 == 1 || first == last {
            hash = Hash::node(sibling, &hash);
            while first.is_multiple_of(2) && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            hash = Hash::node(&hash, sibling);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(INCLUSION) }
}

/// Whether the tree of `old` leaves with `old_root` is the beginning of the one of `new` leaves with `new_root`.
///
/// # Errors
/// [`Error::Forged`] if the path does not show it.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    path: &[Hash],
) -> Result<()> {
    if old > new || path.len() > MAX_PROOF {
        return Err(CONSISTENCY);
    }
    if old == new || old == 0 {
        let fits =
            path.is_empty() && if old == 0 { *old_root == Hash::empty() } else { old_root == new_root };
        let fits = fits && (old != new || old_root == new_root);
        return if fits { Ok(()) } else { Err(CONSISTENCY) };
    }
    // The old root itself begins the path when the old tree is one whole subtree of the new one.
    let begun: Option<&Hash> = old.is_power_of_two().then_some(old_root);
    let mut path = begun.into_iter().chain(path);
    let start = *path.next().ok_or(CONSISTENCY)?;
    let (mut first, mut last) = (old - 1, new - 1);
    while first % 2 == 1 {
        (first, last) = (first >> 1, last >> 1);
    }
    let (mut was, mut is) = (start, start);
    for sibling in path {
        if last == 0 {
            return Err(CONSISTENCY);
        }
        if first % 2 == 1 || first == last {
            (was, is) = (Hash::node(sibling, &was), Hash::node(sibling, &is));
            while first.is_multiple_of(2) && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            is = Hash::node(&is, sibling);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    if last == 0 && was == *old_root && is == *new_root { Ok(()) } else { Err(CONSISTENCY) }
}
