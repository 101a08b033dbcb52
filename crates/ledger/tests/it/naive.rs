//! A tree as RFC 6962 defines it (section 2.1), word for word and slow, and a store that a tree grows in.

use std::collections::BTreeMap;

use avouch_ledger::growth::Growth;
use avouch_ledger::hash::Hash;
use avouch_ledger::tile::TileId;
use avouch_ledger::{Error, Result};

/// Leaves that differ from each other.
pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

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

/// One row for each tile.
#[derive(Debug, Default, Clone)]
pub(crate) struct Rows {
    pub(crate) size: u64,
    pub(crate) tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl Rows {
    pub(crate) fn grown(leaves: &[Hash]) -> Self {
        let mut rows = Self::default();
        rows.append(leaves);
        rows
    }

    /// As a store does it: one transaction, with what was stored before as all that is known. Returns what was written.
    pub(crate) fn append(&mut self, leaves: &[Hash]) -> Vec<(u8, u64)> {
        let mut growth = Growth::resume(self.size, |tile| self.tile(tile)).unwrap();
        leaves.iter().for_each(|leaf| growth.push(*leaf));
        let changed: Vec<_> =
            growth.changed().map(|tile| ((tile.level, tile.index), tile.hashes.to_vec())).collect();
        self.size = growth.size();
        self.tiles.extend(changed.iter().cloned());
        changed.into_iter().map(|(place, _)| place).collect()
    }

    pub(crate) fn tile(&self, tile: TileId) -> Result<Vec<u8>> {
        let row = self.tiles.get(&(tile.level, tile.index)).ok_or(Error::Parameters("no such tile"))?;
        Ok(row[..tile.byte_len()].to_vec())
    }
}
