//! A store that a tree grows in.

use std::collections::BTreeMap;

use avouch_ledger::growth::Growth;
use avouch_ledger::hash::Hash;
use avouch_ledger::tile::TileId;
use avouch_ledger::{Error, Result};

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
