//! How the tree is laid out in pieces that never change (c2sp.org/tlog-tiles).
//!
//! ```text
//! level 0    the hashes of 256 leaves a tile
//! level 1    each hash is the root over one full tile of level 0, and so on upwards
//! tile/1/x001/234          the tile 1,234 of level 1
//! tile/0/005.p/7           as much of tile 5 of level 0 as a tree has whose size is 7 modulo 256
//! tile/entries/005.p/7     the seven entries whose hashes these are
//! ```
//! A tile that is not full is the beginning of the full one, so a store keeps one row for each level and index.

use core::fmt;

use crate::hash::{HASH_LEN, Hash};
use crate::text::read_number;
use crate::tree::MAX_SIZE;
use crate::{Error, Result};

/// How many levels of the tree one tile spans.
pub const TILE_HEIGHT: u32 = 8;

/// How many hashes a full tile has.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// The highest level of tiles that a tree of [`MAX_SIZE`] has.
pub const MAX_LEVEL: u8 = 7;

const WIDTH: u64 = TILE_WIDTH as u64;
const MALFORMED: Error = Error::Malformed("path of a tile");

/// Which tile: that of hashes `256 * index` and up to `width - 1` after it, on this level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for the hashes of leaves, at most [`MAX_LEVEL`].
    pub level: u8,
    /// Which one on its level.
    pub index: u64,
    /// How many hashes, 1 to [`TILE_WIDTH`].
    pub width: u16,
}

/// Which bundle of entries: those whose hashes are in the tile of level 0 with the same index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    /// Which one.
    pub index: u64,
    /// How many entries, 1 to [`TILE_WIDTH`].
    pub width: u16,
}

impl TileId {
    /// The tile that a tree of `size` leaves has in this place, if it has one.
    #[must_use]
    pub fn within(size: u64, level: u8, index: u64) -> Option<Self> {
        let before = index.checked_mul(WIDTH)?;
        let hashes = hashes_on(size, level).checked_sub(before)?.min(WIDTH);
        let width = u16::try_from(hashes).ok().filter(|width| *width > 0)?;
        Some(Self { level, index, width })
    }

    /// How many bytes its hashes have.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        usize::from(self.width) * HASH_LEN
    }

    /// Where it is, below the address of the log.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, Place(self.index, self.width))
    }

    /// Reads what [`TileId::path`] writes, of tiles that a tree can have.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(path: &str) -> Result<Self> {
        let (level, place) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(MALFORMED)?;
        let level = read_number(level).and_then(|level| u8::try_from(level).ok()).ok_or(MALFORMED)?;
        let (index, width) = read_place(place, level).ok_or(MALFORMED)?;
        Ok(Self { level, index, width })
    }
}

impl BundleId {
    /// The bundle that a tree of `size` leaves has in this place, if it has one.
    #[must_use]
    pub fn within(size: u64, index: u64) -> Option<Self> {
        TileId::within(size, 0, index).map(|tile| Self { index: tile.index, width: tile.width })
    }

    /// Where it is, below the address of the log.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/entries/{}", Place(self.index, self.width))
    }

    /// Reads what [`BundleId::path`] writes, of bundles that a tree can have.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(path: &str) -> Result<Self> {
        let place = path.strip_prefix("tile/entries/").ok_or(MALFORMED)?;
        let (index, width) = read_place(place, 0).ok_or(MALFORMED)?;
        Ok(Self { index, width })
    }
}

/// As it is called among people: `0/288`, and `0/289 (first 7)`.
impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.level, self.index)?;
        if self.width == TILE_WIDTH { Ok(()) } else { write!(f, " (first {})", self.width) }
    }
}

/// As it is called among people: `288`, and `289 (first 7)`.
impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.index)?;
        if self.width == TILE_WIDTH { Ok(()) } else { write!(f, " (first {})", self.width) }
    }
}

/// All tiles of a tree of this size, each after all that is beneath it.
pub fn tiles(size: u64) -> impl Iterator<Item = TileId> {
    new_tiles(0, size)
}

/// The tiles of a tree of `new` leaves that it did not have in the same width when it had `old`, each after all that is
/// beneath it.
pub fn new_tiles(old: u64, new: u64) -> impl Iterator<Item = TileId> {
    (0..=MAX_LEVEL).flat_map(move |level| {
        let (had, has) = (hashes_on(old, level), hashes_on(new, level));
        let indices = if had < has { had / WIDTH..has.div_ceil(WIDTH) } else { 0..0 };
        indices.filter_map(move |index| TileId::within(new, level, index))
    })
}

/// The bundles of a tree of `new` leaves that it did not have in the same width when it had `old`.
pub fn new_bundles(old: u64, new: u64) -> impl Iterator<Item = BundleId> {
    new_tiles(old, new)
        .take_while(|tile| tile.level == 0)
        .map(|tile| BundleId { index: tile.index, width: tile.width })
}

/// How many hashes there are on a level of the tiles of a tree.
pub(crate) fn hashes_on(size: u64, level: u8) -> u64 {
    size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
}

/// In which tile of its level a hash is, and which one of the tile's it is.
pub(crate) fn tile_of(place: u64) -> (u64, u16) {
    let [.., offset] = place.to_be_bytes();
    (place >> TILE_HEIGHT, u16::from(offset))
}

/// The hashes of a tile, if it has its length.
pub(crate) fn hashes_of(tile: &[u8], width: u16) -> Result<&[[u8; HASH_LEN]]> {
    match tile.as_chunks() {
        (hashes, []) if hashes.len() == usize::from(width) => Ok(hashes),
        _ => Err(Error::Malformed("tile")),
    }
}

/// The root over a row of subtrees that are equally high; the tree of nothing if there is none.
pub(crate) fn root_over(hashes: &[[u8; HASH_LEN]]) -> Hash {
    match hashes {
        [] => Hash::empty(),
        [hash] => Hash(*hash),
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            Hash::node(&root_over(left), &root_over(right))
        }
    }
}

/// Index and width, as they stand in a path.
struct Place(u64, u16);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(index, width) = *self;
        // Groups of three digits from the left: seven of them hold any 64 bits.
        let groups = (1..7).rev().map(|place| index / 1000_u64.pow(place)).filter(|above| *above > 0);
        for above in groups {
            write!(f, "x{:03}/", above % 1000)?;
        }
        write!(f, "{:03}", index % 1000)?;
        if width == TILE_WIDTH { Ok(()) } else { write!(f, ".p/{width}") }
    }
}

fn read_place(text: &str, level: u8) -> Option<(u64, u16)> {
    let (index, width) = match text.split_once(".p/") {
        None => (text, TILE_WIDTH),
        Some((index, width)) => {
            let width = read_number(width).and_then(|width| u16::try_from(width).ok())?;
            (index, Some(width).filter(|width| (1..TILE_WIDTH).contains(width))?)
        }
    };
    let (above, last) = index.rsplit_once('/').map_or((None, index), |(above, last)| (Some(above), last));
    // Groups that are only there to be zero are another spelling of the same index.
    if above.is_some_and(|above| above.starts_with("x000")) {
        return None;
    }
    let above = above.into_iter().flat_map(|above| above.split('/')).map(|group| group.strip_prefix('x'));
    let index = above.chain([Some(last)]).try_fold(0_u64, |index, group| {
        let group =
            group.filter(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()))?;
        index.checked_mul(1000)?.checked_add(group.parse().ok()?)
    })?;
    let end = index.checked_mul(WIDTH)?.checked_add(u64::from(width))?;
    (end <= hashes_on(MAX_SIZE, level)).then_some((index, width))
}
