//! What a pass over a log has found: the first findings of each kind, and how many more there are.

use core::fmt;
use core::ops::Range;

use super::finding::{Altered, Finding, Grouped, Leaves};
use crate::hash::Hash;
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TileId};

/// How many findings of each kind are listed; those after them are counted. There are five kinds.
pub const LISTED: usize = 20;

/// What a pass over a log has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Of how many leaves.
    pub size: u64,
    /// The first leaf whose entry was read. Before it, the hashes of the tiles stand for the entries.
    pub entries_from: u64,
    /// The root that the entries give; none if entries are missing, and the tiles over them.
    pub root: Option<Hash>,
    /// How many checkpoints agree with the entries.
    pub agreed: u64,
    /// How many leaves the largest of these is of. For leaves after it nobody has signed.
    pub covered: u64,
    /// What is wrong, as it was found.
    pub findings: Vec<Finding>,
    /// What is wrong beside these.
    pub unlisted: Unlisted,
}

/// How many findings of each kind are not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unlisted {
    /// Leaves that are not what their tiles say.
    pub leaves: u64,
    /// Hashes of higher tiles that are not what is beneath them.
    pub hashes: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Bundles and tiles that are missing.
    pub missing: u64,
    /// Bundles and tiles that have not their form.
    pub malformed: u64,
}

impl Report {
    pub(super) fn new(
        size: u64,
        entries_from: u64,
        root: Option<Hash>,
        (agreed, covered): (u64, u64),
        findings: Findings,
    ) -> Self {
        let Findings { listed: findings, unlisted, .. } = findings;
        Self { size, entries_from, root, agreed, covered, findings, unlisted }
    }

    /// How many things are wrong, listed or not.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        let Unlisted { leaves, hashes, checkpoints, missing, malformed } = self.unlisted;
        self.findings.len() as u64 + leaves + hashes + checkpoints + missing + malformed
    }
}

/// A line for each finding, and one for what was verified.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let Unlisted { leaves, hashes, checkpoints, missing, malformed } = self.unlisted;
        for (count, what) in [
            (leaves, "leaves that are not what their tiles say"),
            (hashes, "hashes of tiles that are not what is beneath them"),
            (checkpoints, "checkpoints that do not fit"),
            (missing, "bundles and tiles that are missing"),
            (malformed, "bundles and tiles that have not their form"),
        ] {
            if count > 0 {
                writeln!(f, "and {} more {what}", Grouped(count))?;
            }
        }
        write!(f, "{} verified", Leaves(self.size))?;
        if self.entries_from > 0 {
            write!(f, ", with their entries from {} on", Grouped(self.entries_from))?;
        }
        write!(f, "; {} checkpoints agree", Grouped(self.agreed))?;
        if self.covered < self.size {
            write!(
                f,
                ", and nobody has signed for the {} after {}",
                Leaves(self.size - self.covered),
                Grouped(self.covered)
            )?;
        }
        match self.faults() {
            0 => writeln!(f, "; nothing is wrong"),
            1 => writeln!(f, "; one thing is wrong"),
            faults => writeln!(f, "; {} things are wrong", Grouped(faults)),
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    listed: Vec<Finding>,
    unlisted: Unlisted,
    counts: [usize; 5],
    /// Which of those that are listed a witness can still say something of.
    open: Vec<usize>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        let Unlisted { leaves, hashes, checkpoints, missing, malformed } = &mut self.unlisted;
        let [of_leaves, of_hashes, of_checkpoints, of_missing, of_malformed] = &mut self.counts;
        let (count, unlisted) = match &finding {
            Finding::Differs { tile: TileId { level: 0, .. }, .. } => (of_leaves, leaves),
            Finding::Differs { .. } => (of_hashes, hashes),
            Finding::Checkpoint { .. } | Finding::Beyond { .. } => (of_checkpoints, checkpoints),
            Finding::Missing(_) => (of_missing, missing),
            Finding::Malformed(_) => (of_malformed, malformed),
        };
        if *count < LISTED {
            *count += 1;
            self.listed.push(finding);
        } else {
            *unlisted += 1;
        }
    }

    /// A hash is neither what is beneath it nor what the tiles beneath say.
    pub(super) fn differ(&mut self, tile: TileId, offset: u16, computed: Hash, stored: Hash) {
        let finding = Finding::Differs { tile, offset, computed, stored, altered: Altered::Unknown };
        // This hash is no witness to which of those beneath it is as it was, and none above it can be, for it is not itself.
        let beneath = leaves_beneath(tile, offset);
        self.open.retain(|open| !self.listed.get(*open).is_some_and(|finding| is_about(finding, &beneath)));
        let listed = self.listed.len();
        self.add(finding);
        self.open.extend((listed..self.listed.len()).last());
    }

    /// Something that stands above these leaves agrees with the entries, or else with the tiles, where the two part.
    pub(super) fn weigh(&mut self, leaves: Range<u64>, with_entries: bool) {
        self.open.retain(|open| {
            if let Some(finding) = self.listed.get_mut(*open)
                && is_about(finding, &leaves)
                && let Finding::Differs { altered, .. } = finding
            {
                *altered = if with_entries { Altered::Tile } else { Altered::Beneath };
                // From here upwards both are the same again: nothing higher says anything about it.
                return !with_entries;
            }
            true
        });
    }
}

fn is_about(finding: &Finding, leaves: &Range<u64>) -> bool {
    match finding {
        Finding::Differs { tile, offset, .. } => leaves.contains(&leaves_beneath(*tile, *offset).start),
        _ => false,
    }
}

fn leaves_beneath(tile: TileId, offset: u16) -> Range<u64> {
    let place = tile.index * u64::from(TILE_WIDTH) + u64::from(offset);
    let height = TILE_HEIGHT * u32::from(tile.level);
    place << height..(place + 1) << height
}
