//! Verifies a whole log: entries, tiles and checkpoints against each other, in one pass from the first leaf to the last.
//!
//! Everything is computed from the entries, and compared with each tile as it is reached and with each checkpoint at its
//! size. Checkpoints that agree with one log are consistent with each other, so no proof between them is needed. Whoever
//! calls has verified their signatures, and that they are of this log.
//!
//! Beside what the entries give, what the tiles say is carried upwards. As long as nothing is wrong both are the same; where
//! they part, whatever stands above is a witness to which of them is as it was, and a [`Finding`] names it. The pass goes on
//! after each fault, and where entries or tiles are missing it goes on with what stands above them.

use std::iter;

use crate::bundle::Bundle;
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::tile::{BundleId, TILE_HEIGHT, TILE_WIDTH, TileId, hashes_of, tile_of};
use crate::tree::MAX_SIZE;
use crate::{Error, Result};

mod finding;
mod report;

pub use finding::{Altered, Finding, Part};
pub use report::{LISTED, Report, Unlisted};

use report::Findings;

/// Where a log is read from. Each bundle and each tile is asked for once; what fails ends the pass.
pub trait LogSource {
    /// Why something could not be read that may well be there.
    type Error;

    /// Appends the bytes of a bundle to `into`, which is empty; or says that there is no such bundle.
    ///
    /// # Errors
    /// It may be there, and cannot be read.
    fn bundle(&mut self, bundle: BundleId, into: &mut Vec<u8>) -> Result<bool, Self::Error>;

    /// Appends the bytes of a tile to `into`, which is empty, as wide as it is asked for; or says that there is no such tile.
    ///
    /// # Errors
    /// It may be there, and cannot be read.
    fn tile(&mut self, tile: TileId, into: &mut Vec<u8>) -> Result<bool, Self::Error>;

    /// Is shown each entry that was read, genuine or not, so that what it says can be looked at in the same pass.
    fn entry(&mut self, _index: u64, _entry: &[u8]) {}
}

/// A checkpoint whose signatures are verified, and what people call it: who has signed or kept it, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is called in a finding.
    pub label: String,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// A pass over a log that is under way.
#[derive(Debug)]
pub struct Verifier {
    size: u64,
    minimum: u64,
    /// The smallest first.
    claims: iter::Peekable<std::vec::IntoIter<Claim>>,
    done: u64,
    /// Roots of the perfect subtrees that what is done consists of, the largest first.
    subtrees: Vec<Sides>,
    /// The stored tile that the pass is in, on each level; empty if there is none.
    tiles: Vec<Vec<u8>>,
    bundle: Vec<u8>,
    agreed: u64,
    covered: u64,
    findings: Findings,
}

/// A hash as the entries beneath it give it, and as the tiles say. Where there is only one of the two, it stands for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sides {
    entries: Option<Hash>,
    tiles: Option<Hash>,
}

/// Verifies a log of `size` leaves, entries below `minimum` left out, against these checkpoints.
///
/// # Errors
/// What [`Verifier::new`] refuses, and what the source says.
pub fn verify_log<S>(source: &mut S, size: u64, minimum: u64, claims: Vec<Claim>) -> Result<Report, S::Error>
where
    S: LogSource<Error: From<Error>>,
{
    let mut verifier = Verifier::new(size, minimum, claims)?;
    while verifier.step(source)? {}
    Ok(verifier.report())
}

impl Verifier {
    /// Begins with a log that holds `size` leaves. Bundles and full tiles that end at `minimum` or before it may be missing;
    /// such bundles are not read.
    ///
    /// # Errors
    /// [`Error::Parameters`] if no tree has this size, or the checkpoints are of different logs.
    pub fn new(size: u64, minimum: u64, mut claims: Vec<Claim>) -> Result<Self> {
        if size > MAX_SIZE {
            return Err(Error::Parameters("the size of a tree"));
        }
        let origins = claims.iter().map(|claim| &claim.checkpoint.origin);
        if !iter::zip(origins.clone(), origins.skip(1)).all(|(one, next)| one == next) {
            return Err(Error::Parameters("checkpoints of different logs"));
        }
        claims.sort_by_key(|claim| claim.checkpoint.size);
        let mut verifier = Self {
            size,
            minimum: minimum.min(size),
            claims: claims.into_iter().peekable(),
            done: 0,
            subtrees: Vec::new(),
            tiles: Vec::new(),
            bundle: Vec::new(),
            agreed: 0,
            covered: 0,
            findings: Findings::default(),
        };
        verifier.check_claims();
        Ok(verifier)
    }

    /// How many leaves are done.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// Does the leaves of the next bundle; `false` if there is none.
    ///
    /// # Errors
    /// What the source says. The pass cannot be continued after it.
    pub fn step<S: LogSource>(&mut self, source: &mut S) -> Result<bool, S::Error> {
        let next = (self.done < self.size).then(|| BundleId::within(self.size, tile_of(self.done).0));
        let Some(id) = next.flatten() else {
            return Ok(false);
        };
        let mut bytes = std::mem::take(&mut self.bundle);
        bytes.clear();
        let bundle = self.read_bundle(source, id, &mut bytes)?;
        self.push_all(source, id.width, bundle)?;
        self.bundle = bytes;
        Ok(true)
    }

    /// What was found. Checkpoints of more leaves than were done are found to be beyond the log.
    #[must_use]
    pub fn report(self) -> Report {
        let Self { done, minimum, agreed, covered, mut findings, .. } = self;
        let root = root_of(&self.subtrees).entries;
        for Claim { label, checkpoint } in self.claims {
            findings.add(Finding::Beyond { label, size: checkpoint.size, held: done });
        }
        let entries_from = minimum - minimum % u64::from(TILE_WIDTH);
        Report::new(done, entries_from, root, (agreed, covered), findings)
    }

    fn read_bundle<'b, S: LogSource>(
        &mut self,
        source: &mut S,
        id: BundleId,
        bytes: &'b mut Vec<u8>,
    ) -> Result<Option<Bundle<'b>>, S::Error> {
        if self.is_pruned(0, id.index) {
            return Ok(None);
        }
        if !source.bundle(id, bytes)? {
            self.findings.add(Finding::Missing(Part::Bundle(id)));
            return Ok(None);
        }
        let bundle = Bundle::parse(bytes, id.width).ok();
        if bundle.is_none() {
            self.findings.add(Finding::Malformed(Part::Bundle(id)));
        }
        Ok(bundle)
    }

    fn push_all<S: LogSource>(
        &mut self,
        source: &mut S,
        width: u16,
        bundle: Option<Bundle<'_>>,
    ) -> Result<(), S::Error> {
        let mut entries = bundle.iter().flat_map(Bundle::entries);
        for _ in 0..width {
            let entry = entries.next();
            if let Some(entry) = entry {
                source.entry(self.done, entry);
            }
            self.push(source, entry.map(Hash::leaf))?;
        }
        Ok(())
    }

    fn push<S: LogSource>(&mut self, source: &mut S, leaf: Option<Hash>) -> Result<(), S::Error> {
        let mut sides = self.compare(source, 0, Sides { entries: leaf, tiles: leaf })?;
        let merges = self.done.trailing_ones();
        for height in 1..=merges {
            if let Some(left) = self.subtrees.pop() {
                sides = Sides::node(&left, &sides);
            }
            if height.is_multiple_of(TILE_HEIGHT) {
                sides = self.compare(source, height / TILE_HEIGHT, sides)?;
            }
        }
        self.subtrees.push(sides);
        self.done += 1;
        self.check_claims();
        Ok(())
    }

    /// Compares what is beneath a hash with what is stored of it, and goes on with both.
    fn compare<S: LogSource>(
        &mut self,
        source: &mut S,
        level: u32,
        beneath: Sides,
    ) -> Result<Sides, S::Error> {
        // The leaf that is being done is the last beneath it.
        let place = self.done >> (TILE_HEIGHT * level);
        let (index, offset) = tile_of(place);
        let Some(tile) = u8::try_from(level).ok().and_then(|level| TileId::within(self.size, level, index))
        else {
            return Ok(beneath);
        };
        if offset == 0 {
            self.read_tile(source, tile)?;
        }
        let read = self.tiles.get(level as usize);
        let stored = read.and_then(|read| read.as_chunks().0.get(usize::from(offset))).copied().map(Hash);
        let Some(said) = stored else {
            return Ok(beneath);
        };
        if let Sides { entries: Some(computed), tiles } = beneath
            && computed != said
            && tiles != stored
        {
            self.findings.differ(tile, offset, computed, said);
        } else if beneath.part() {
            let first = place << (TILE_HEIGHT * level);
            self.findings.weigh(first..self.done + 1, beneath.entries == stored);
        }
        Ok(Sides { entries: beneath.entries.or(stored), tiles: stored })
    }

    /// Reads the tile that the pass enters.
    fn read_tile<S: LogSource>(&mut self, source: &mut S, tile: TileId) -> Result<(), S::Error> {
        let level = usize::from(tile.level);
        if self.tiles.len() == level {
            self.tiles.push(Vec::with_capacity(tile.byte_len()));
        }
        let Some(bytes) = self.tiles.get_mut(level) else {
            return Ok(());
        };
        bytes.clear();
        let fault = if !source.tile(tile, bytes)? {
            bytes.clear();
            let expected = self.is_pruned(tile.level, tile.index);
            (!expected).then_some(Finding::Missing(Part::Tile(tile)))
        } else if hashes_of(bytes, tile.width).is_err() {
            bytes.clear();
            Some(Finding::Malformed(Part::Tile(tile)))
        } else {
            None
        };
        fault.into_iter().for_each(|fault| self.findings.add(fault));
        Ok(())
    }

    /// Whether a full tile, or bundle, ends at the minimum or before it.
    fn is_pruned(&self, level: u8, index: u64) -> bool {
        let spans = 1_u64.checked_shl(TILE_HEIGHT * (u32::from(level) + 1));
        spans.and_then(|spans| (index + 1).checked_mul(spans)).is_some_and(|end| end <= self.minimum)
    }

    /// Compares the checkpoints of just what is done.
    fn check_claims(&mut self) {
        while let Some(claim) = self.claims.next_if(|claim| claim.checkpoint.size == self.done) {
            let (said, sides) = (claim.checkpoint.root, root_of(&self.subtrees));
            let [entries, tiles] = [sides.entries, sides.tiles].map(|root| root == Some(said));
            if entries {
                (self.agreed, self.covered) = (self.agreed + 1, self.done);
            } else {
                let (label, root) = (claim.label, said);
                let Sides { entries, tiles } = sides;
                self.findings.add(Finding::Checkpoint { label, size: self.done, root, entries, tiles });
            }
            if sides.part() && (entries || tiles) {
                self.findings.weigh(0..self.done, entries);
            }
        }
    }
}

impl Sides {
    fn node(left: &Self, right: &Self) -> Self {
        let entries = above(left.entries, right.entries);
        let tiles = if left.part() || right.part() { above(left.tiles, right.tiles) } else { entries };
        Self { entries, tiles }
    }

    /// Whether what the entries give is not what the tiles say.
    fn part(&self) -> bool {
        self.entries != self.tiles
    }
}

fn above(left: Option<Hash>, right: Option<Hash>) -> Option<Hash> {
    left.zip(right).map(|(left, right)| Hash::node(&left, &right))
}

/// The root over perfect subtrees, of which the largest is the first.
fn root_of(subtrees: &[Sides]) -> Sides {
    let from_the_right = subtrees.iter().rev().copied();
    let nothing = Some(Hash::empty());
    let root = from_the_right.reduce(|right, left| Sides::node(&left, &right));
    root.unwrap_or(Sides { entries: nothing, tiles: nothing })
}
