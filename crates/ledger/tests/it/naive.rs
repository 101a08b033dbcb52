//! A tree as RFC 6962 defines it (section 2.1), word for word and slow: for tests that need proofs of something.

use avouch_ledger::hash::Hash;

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
            let (left, right) = leaves.split_at(split(leaves));
            Hash::node(&root(left), &root(right))
        }
    }
}

/// `PATH`.
pub(crate) fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves));
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (inclusion(index, left), right),
        Some(index) => (inclusion(index, right), left),
    };
    path.push(root(sibling));
    path
}

/// `PROOF`.
pub(crate) fn consistency(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    fn within(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if known { Vec::new() } else { vec![root(leaves)] };
        }
        let (left, right) = leaves.split_at(split(leaves));
        let (mut path, sibling) = if old <= left.len() {
            (within(old, left, known), right)
        } else {
            (within(old - left.len(), right, false), left)
        };
        path.push(root(sibling));
        path
    }
    if old == 0 { Vec::new() } else { within(old, leaves, true) }
}

/// The largest power of two that is smaller than the number of leaves.
fn split(leaves: &[Hash]) -> usize {
    (1..)
        .map(|power| 1 << power)
        .find(|size| size * 2 >= leaves.len())
        .filter(|_| leaves.len() > 2)
        .unwrap_or(1)
}
