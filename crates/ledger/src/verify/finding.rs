//! What can be wrong with a log, as data, and in words that somebody understands who did not write it.

use core::fmt;

use crate::hash::Hash;
use crate::tile::{BundleId, TILE_HEIGHT, TILE_WIDTH, TileId};

/// Something that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A hash that is not what a tile says. On level 0 it is that of a leaf, above it is the root over what is beneath it.
    Differs {
        /// Which tile.
        tile: TileId,
        /// Which of its hashes, from 0.
        offset: u16,
        /// What what is beneath it gives.
        computed: Hash,
        /// What the tile says.
        stored: Hash,
        /// What is known of which of the two is not as it was.
        altered: Altered,
    },
    /// A checkpoint whose root is not what its leaves give.
    Checkpoint {
        /// What it is called.
        label: String,
        /// Of how many leaves it is.
        size: u64,
        /// The root that it has.
        root: Hash,
        /// What the entries give, and the tiles in the place of entries that are missing; if it is known.
        entries: Option<Hash>,
        /// What the tiles say; if it is known.
        tiles: Option<Hash>,
    },
    /// A checkpoint of more leaves than the log holds.
    Beyond {
        /// What it is called.
        label: String,
        /// Of how many leaves it is.
        size: u64,
        /// How many the log holds.
        held: u64,
    },
    /// Something that a log of this size has is not there.
    Missing(Part),
    /// Something is there, and has not the form or the length that it must have.
    Malformed(Part),
}

/// A part of a log that is read in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Entries.
    Bundle(BundleId),
    /// Hashes.
    Tile(TileId),
}

/// Which of two things that differ was altered, by what stands above them: a higher tile, and better still a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Altered {
    /// Nothing above agrees with either.
    Unknown,
    /// The tile; what is above agrees with what is beneath.
    Tile,
    /// The leaf, or all that is beneath; what is above agrees with the tile.
    Beneath,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { tile, offset, computed, stored, altered } => {
                differs(f, *tile, *offset, *altered)?;
                write!(f, " ({computed} computed, {stored} stored)")
            }
            Self::Checkpoint { label, size, root, entries, tiles } => {
                write!(f, "checkpoint `{label}` of {} ", Leaves(*size))?;
                match (entries, tiles) {
                    (None, _) => f.write_str("cannot be checked: entries are missing, and the tiles over them"),
                    (Some(_), Some(tiles)) if tiles == root => f.write_str(
                        "has the root that the tiles give, and not the one that the entries give: an entry was altered, removed \
                         or exchanged after it was signed",
                    ),
                    (entries, tiles) if entries == tiles => f.write_str(
                        "has not the root that entries and tiles give: they were altered together after it was signed, or it \
                         is of another history",
                    ),
                    _ => f.write_str(
                        "has neither the root that the entries give nor the one that the tiles give: both were altered after it \
                         was signed, or it is of another history",
                    ),
                }?;
                write!(f, " ({root} signed, ")?;
                match entries {
                    Some(entries) => write!(f, "{entries} computed)"),
                    None => f.write_str("none computed)"),
                }
            }
            Self::Beyond { label, size, held } => write!(
                f,
                "checkpoint `{label}` is of {}, and the log holds {}: leaves were removed from its end, or it is of another \
                 history",
                Leaves(*size),
                Grouped(*held),
            ),
            Self::Missing(part) => write!(f, "{part} is missing"),
            Self::Malformed(part) => write!(f, "{part} has not the form or the length that it must have"),
        }
    }
}

fn differs(f: &mut fmt::Formatter<'_>, tile: TileId, offset: u16, altered: Altered) -> fmt::Result {
    let place = tile.index * u64::from(TILE_WIDTH) + u64::from(offset);
    if tile.level == 0 {
        write!(f, "leaf {} is not what tile {tile} says: ", Grouped(place))?;
        return f.write_str(match altered {
            Altered::Unknown => "it was altered, or the tile was",
            Altered::Tile => "the tile was altered, and what stands above it agrees with the leaf",
            Altered::Beneath => {
                "it was altered, removed or exchanged, and what stands above it agrees with the tile"
            }
        });
    }
    let height = TILE_HEIGHT * u32::from(tile.level);
    let (first, after) = (place << height, (place + 1) << height);
    write!(f, "leaves {} to {} ", Grouped(first), Grouped(after - 1))?;
    write!(f, "do not give what tile {tile} says of them in its hash {offset}: ")?;
    f.write_str(match altered {
        Altered::Unknown => "the tile was altered, or leaves and the tiles beneath it were, together",
        Altered::Tile => "the tile was altered, and what stands above it agrees with the leaves",
        Altered::Beneath => {
            "leaves and the tiles beneath it were altered together, and what stands above agrees with it"
        }
    })
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(bundle) => {
                let first = bundle.index * u64::from(TILE_WIDTH);
                let last = first + u64::from(bundle.width.saturating_sub(1));
                write!(
                    f,
                    "bundle {bundle}, with the entries of leaves {} to {},",
                    Grouped(first),
                    Grouped(last)
                )
            }
            Self::Tile(tile) => write!(f, "tile {tile}"),
        }
    }
}

/// How many leaves, for people.
pub(super) struct Leaves(pub(super) u64);

impl fmt::Display for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Grouped(self.0), if self.0 == 1 { "leaf" } else { "leaves" })
    }
}

/// A number for people: in groups of three digits.
pub(super) struct Grouped(pub(super) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{},{:03}", Self(self.0 / 1000), self.0 % 1000)
        }
    }
}
