//! How a tree grows in a store: which tiles a batch of leaves changes.
//!
//! A store keeps one row for each tile, by level and index. A tree that grows needs only the tiles at its right edge, at most
//! one of each level; the rows that have grown come back, and the store writes them in the transaction that writes the leaves.
//!
//! ```text
//! let mut growth = Growth::resume(size, |tile| read the row)?;
//! growth.push(Hash::leaf(entry));                                  for each
//! for tile in growth.changed() { write the row }
//! commit;
//! growth.settle();
//! ```
//! If the transaction fails, the value is dropped and another one resumed: what it says was written was not.

use core::iter;

use crate::hash::{HASH_LEN, Hash};
use crate::tile::{MAX_LEVEL, TILE_HEIGHT, TILE_WIDTH, TileId, hashes_of, hashes_on, root_over};
use crate::tree::{Frontier, MAX_SIZE};
use crate::{Error, Result};

const TILE_LEN: usize = TILE_WIDTH as usize * HASH_LEN;

/// A tree that grows.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    frontier: Frontier,
    /// From level 0 upwards, as far as there is a hash.
    levels: Vec<Level>,
}

/// The right edge of a level: the tile that was not full when it was last stored, and all after it.
#[derive(Debug, Clone, Default)]
struct Level {
    /// The index of the first of these tiles.
    first: u64,
    /// Their hashes, one after the other.
    hashes: Vec<u8>,
    /// How many bytes of these are stored.
    stored: usize,
}

/// A tile that is to be stored, instead of the one that has its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrownTile<'a> {
    /// Its level.
    pub level: u8,
    /// Which one on its level.
    pub index: u64,
    /// All of its hashes, one after the other: up to [`TILE_WIDTH`] times [`HASH_LEN`] bytes.
    pub hashes: &'a [u8],
}

impl Growth {
    /// Of a tree that is stored and has `size` leaves; of 0, nothing is read. `read` gives the tiles at its right edge, in the
    /// width that they are asked for in.
    ///
    /// # Errors
    /// [`Error::Parameters`] if no tree has this size, [`Error::Malformed`] if a tile has not its length, and what `read` says.
    pub fn resume<E>(size: u64, mut read: impl FnMut(TileId) -> Result<Vec<u8>, E>) -> Result<Self, E>
    where
        E: From<Error>,
    {
        if size > MAX_SIZE {
            return Err(Error::Parameters("the size of a tree").into());
        }
        let mut levels = Vec::new();
        for level in (0..=MAX_LEVEL).take_while(|level| hashes_on(size, *level) > 0) {
            let first = hashes_on(size, level) / u64::from(TILE_WIDTH);
            let hashes = TileId::within(size, level, first).map(|tile| read(tile).map(|read| (tile, read)));
            let hashes = match hashes.transpose()? {
                // The last one is full: the next begins with nothing.
                None => Vec::new(),
                Some((tile, hashes)) => hashes_of(&hashes, tile.width).map(|_| ()).map(|()| hashes)?,
            };
            levels.push(Level { first, stored: hashes.len(), hashes });
        }
        let subtrees = levels.iter().rev().flat_map(|level| perfect_subtrees(level.hashes.as_chunks().0));
        let frontier = Frontier::from_parts(size, subtrees.collect())?;
        Ok(Self { frontier, levels })
    }

    /// Appends a leaf, by its hash. The caller appends no more than [`MAX_SIZE`].
    pub fn push(&mut self, leaf: Hash) {
        let Self { frontier, levels } = self;
        append(levels, 0, leaf);
        frontier.push_with(leaf, |height, root| {
            if height.is_multiple_of(TILE_HEIGHT) {
                append(levels, height / TILE_HEIGHT, root);
            }
        });
    }

    /// How many leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The tiles that are new or have grown since what is stored, each after all that is beneath it.
    pub fn changed(&self) -> impl Iterator<Item = GrownTile<'_>> {
        let levels = iter::zip(0.., &self.levels).filter(|(_, level)| level.stored < level.hashes.len());
        levels.flat_map(|(number, level)| {
            let tiles = iter::zip(level.first.., level.hashes.chunks(TILE_LEN));
            tiles.map(move |(index, hashes)| GrownTile { level: number, index, hashes })
        })
    }

    /// What has changed is stored: from here on, only what changes after it has changed.
    pub fn settle(&mut self) {
        for level in &mut self.levels {
            let full = level.hashes.len() / TILE_LEN;
            level.hashes.drain(..full * TILE_LEN);
            level.first += full as u64;
            level.stored = level.hashes.len();
        }
    }
}

fn append(levels: &mut Vec<Level>, number: u32, hash: Hash) {
    let number = number as usize;
    if levels.len() == number {
        levels.push(Level::default());
    }
    if let Some(level) = levels.get_mut(number) {
        level.hashes.extend_from_slice(&hash.0);
    }
}

/// The roots of the perfect subtrees over a row of hashes, the largest first.
fn perfect_subtrees(mut hashes: &[[u8; HASH_LEN]]) -> impl Iterator<Item = Hash> {
    iter::from_fn(move || {
        let (subtree, after) = hashes.split_at_checked(1 << hashes.len().checked_ilog2()?)?;
        hashes = after;
        Some(root_over(subtree))
    })
}
