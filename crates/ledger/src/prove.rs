//! Proofs and roots, made from tiles alone (RFC 6962, section 2.1).
//!
//! What is proved is a matter of a few subtrees; each of them is a node within one tile, or a row of such nodes at the right
//! edge. A tile is read once for a proof, and a proof over ten million leaves reads eight of them at most: those above the
//! leaf, and those at the edge.
//!
//! What is made here is only as genuine as the tiles that were read: whoever gets a proof verifies it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::hash::{HASH_LEN, Hash};
use crate::tile::{TILE_HEIGHT, TileId, hashes_of, root_over, tile_of};
use crate::tree::MAX_SIZE;
use crate::{Error, Result};

/// Where tiles are read from. Any closure `FnMut(TileId) -> Result<Vec<u8>, E>` is one.
pub trait HashSource {
    /// Why a tile could not be read. What is wrong with what was read becomes one, too.
    type Error: From<Error>;

    /// The hashes of a tile, one after the other: as many as the tile is wide, even if the store has more by now.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    fn tile(&mut self, tile: TileId) -> Result<Vec<u8>, Self::Error>;
}

impl<F, E> HashSource for F
where
    F: FnMut(TileId) -> Result<Vec<u8>, E>,
    E: From<Error>,
{
    type Error = E;

    fn tile(&mut self, tile: TileId) -> Result<Vec<u8>, E> {
        self(tile)
    }
}

/// The root of the tree of `size` leaves.
///
/// # Errors
/// [`Error::Parameters`] if no tree has this size, [`Error::Malformed`] if a tile has not its length, and what the source
/// says.
pub fn root<S: HashSource>(source: &mut S, size: u64) -> Result<Hash, S::Error> {
    if size > MAX_SIZE {
        return Err(Error::Parameters("the size of a tree").into());
    }
    Tiles::of(source, size).over(0, size)
}

/// The path that shows that the leaf at `index` is in the tree of `size` leaves, beginning beside the leaf.
///
/// # Errors
/// [`Error::Parameters`] if no tree of this size has such a leaf, [`Error::Malformed`] if a tile has not its length, and what
/// the source says.
pub fn prove_inclusion<S: HashSource>(source: &mut S, index: u64, size: u64) -> Result<Vec<Hash>, S::Error> {
    if index >= size || size > MAX_SIZE {
        return Err(Error::Parameters("a leaf beyond the tree").into());
    }
    let mut tiles = Tiles::of(source, size);
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + largest_left(end - start);
        let (sibling, within) =
            if index < middle { ((middle, end), (start, middle)) } else { ((start, middle), (middle, end)) };
        path.push(tiles.over(sibling.0, sibling.1)?);
        (start, end) = within;
    }
    path.reverse();
    Ok(path)
}

/// The path that shows that the tree of `old` leaves is the beginning of that of `new`.
///
/// # Errors
/// [`Error::Parameters`] if the first is not smaller or the same, [`Error::Malformed`] if a tile has not its length, and what
/// the source says.
pub fn prove_consistency<S: HashSource>(source: &mut S, old: u64, new: u64) -> Result<Vec<Hash>, S::Error> {
    if old > new || new > MAX_SIZE {
        return Err(Error::Parameters("a tree beyond the tree").into());
    }
    // Anything begins with nothing, and with itself: there is nothing to show.
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut tiles = Tiles::of(source, new);
    let (mut start, mut end, mut path) = (0, new, Vec::new());
    while end != old {
        let middle = start + largest_left(end - start);
        let (sibling, within) =
            if old <= middle { ((middle, end), (start, middle)) } else { ((start, middle), (middle, end)) };
        path.push(tiles.over(sibling.0, sibling.1)?);
        (start, end) = within;
    }
    // What is left is the last perfect subtree of the old tree. If it is the old tree, the verifier has its root.
    if start != 0 {
        path.push(tiles.over(start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// How many of `leaves`, of which there are two or more, are left of the root over them: the largest power of two below it.
const fn largest_left(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The tiles of a tree, each read once.
struct Tiles<'s, S> {
    source: &'s mut S,
    size: u64,
    read: BTreeMap<TileId, Vec<u8>>,
}

impl<'s, S: HashSource> Tiles<'s, S> {
    const fn of(source: &'s mut S, size: u64) -> Self {
        Self { source, size, read: BTreeMap::new() }
    }

    /// The root over the leaves from `start` to before `end`, which are one side of a node of the tree: perfect subtrees, each
    /// beginning at a multiple of its size.
    fn over(&mut self, start: u64, end: u64) -> Result<Hash, S::Error> {
        let mut subtrees = Vec::new();
        let mut next = start;
        while next < end {
            let height = (end - next).ilog2();
            subtrees.push(self.subtree(height, next >> height)?);
            next += 1 << height;
        }
        let root = subtrees.into_iter().rev().reduce(|right, left| Hash::node(&left, &right));
        Ok(root.unwrap_or_else(Hash::empty))
    }

    /// The root of a perfect subtree: that of leaves `index << height` to before `(index + 1) << height`.
    fn subtree(&mut self, height: u32, index: u64) -> Result<Hash, S::Error> {
        const BEYOND: Error = Error::Parameters("a tile beyond the tree");
        let level = u8::try_from(height / TILE_HEIGHT).map_err(|_| BEYOND)?;
        let first = index << (height % TILE_HEIGHT);
        let (index, offset) = tile_of(first);
        let id = TileId::within(self.size, level, index).ok_or(BEYOND)?;
        let tile = match self.read.entry(id) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(unread) => unread.insert(self.source.tile(id)?),
        };
        let hashes: &[[u8; HASH_LEN]] = hashes_of(tile, id.width)?;
        let beneath =
            hashes.get(usize::from(offset)..).and_then(|rest| rest.get(..1 << (height % TILE_HEIGHT)));
        Ok(root_over(beneath.ok_or(BEYOND)?))
    }
}
