//! Logs with something wrong with them, and what a pass over them finds.

use std::collections::BTreeMap;

use avouch_ledger::bundle::{Bundle, push_entry};
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::tile::{BundleId, TileId};
use avouch_ledger::tree::MAX_SIZE;
use avouch_ledger::verify::{Altered, Claim, Finding, LISTED, LogSource, Part, Report, Unlisted, verify_log};
use avouch_ledger::{Error, Result};
use proptest::prelude::*;

use crate::naive;
use crate::rows::Rows;

/// A log that somebody keeps, honestly at first.
#[derive(Clone)]
struct Log {
    entries: Vec<Vec<u8>>,
    rows: Rows,
    bundles: BTreeMap<u64, Option<Vec<u8>>>,
    claims: Vec<Claim>,
    minimum: u64,
    /// Entries that the pass has shown.
    seen: u64,
}

impl Log {
    fn new(size: u64, checkpoints: &[u64]) -> Self {
        let entries: Vec<_> = (0..size).map(|index| format!("entry {index}").into_bytes()).collect();
        let rows = Rows::grown(&hashes(&entries));
        let mut log =
            Self { entries, rows, bundles: BTreeMap::new(), claims: Vec::new(), minimum: 0, seen: 0 };
        checkpoints.iter().for_each(|size| log.sign(*size));
        log
    }

    fn sign(&mut self, size: u64) {
        let root = naive::root(&hashes(&self.entries[..usize::try_from(size).unwrap()]));
        let checkpoint = Checkpoint { origin: "example.com/log".to_owned(), size, root };
        self.claims.push(Claim { label: format!("no. {}", self.claims.len() + 1), checkpoint });
    }

    /// Builds the tiles again, over the entries as they are now.
    fn rebuild(&mut self) {
        self.rows = Rows::grown(&hashes(&self.entries));
    }

    fn flip(&mut self, level: u8, index: u64, offset: usize) {
        self.rows.tiles.get_mut(&(level, index)).unwrap()[32 * offset] ^= 1;
    }

    fn verify(&mut self) -> Report {
        let (size, minimum, claims) = (self.rows.size, self.minimum, self.claims.clone());
        verify_log(self, size, minimum, claims).unwrap()
    }

    /// The findings, without the hashes.
    fn told(&mut self) -> Vec<String> {
        let report = self.verify();
        report
            .findings
            .iter()
            .map(|finding| finding.to_string().split(" (").next().unwrap().to_owned())
            .collect()
    }
}

fn hashes(entries: &[Vec<u8>]) -> Vec<Hash> {
    entries.iter().map(|entry| Hash::leaf(entry)).collect()
}

impl LogSource for Log {
    type Error = Error;

    fn bundle(&mut self, bundle: BundleId, into: &mut Vec<u8>) -> Result<bool> {
        match self.bundles.get(&bundle.index) {
            Some(None) => return Ok(false),
            Some(Some(bytes)) => into.extend(bytes),
            None => {
                let entries = self.entries.iter().skip(usize::try_from(bundle.index).unwrap() * 256);
                entries.take(usize::from(bundle.width)).for_each(|entry| push_entry(into, entry).unwrap());
            }
        }
        Ok(true)
    }

    fn tile(&mut self, tile: TileId, into: &mut Vec<u8>) -> Result<bool> {
        let row = self.rows.tiles.get(&(tile.level, tile.index));
        into.extend(row.into_iter().flatten().take(tile.byte_len()));
        Ok(row.is_some())
    }

    fn entry(&mut self, index: u64, entry: &[u8]) {
        assert!(index >= self.minimum / 256 * 256);
        assert_eq!(self.entries[usize::try_from(index).unwrap()], entry);
        self.seen += 1;
    }
}

#[test]
fn a_log_with_nothing_wrong() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537, 66_000] {
        let mut log = Log::new(size, &[0, size / 3, size / 2, size]);
        let report = log.verify();
        assert_eq!((report.faults(), report.size, report.agreed, report.covered), (0, size, 4, size));
        assert_eq!(report.root, Some(naive::root(&hashes(&log.entries))));
        assert_eq!(log.seen, size, "each entry is shown once");
    }
    assert_eq!(
        Log::new(1_000, &[10, 900]).verify().to_string(),
        "1,000 leaves verified; 2 checkpoints agree, and nobody has signed for the 100 leaves after 900; nothing is wrong\n",
    );
}

#[test]
fn a_leaf_that_was_altered() {
    let mut log = Log::new(1_000, &[300, 1_000]);
    log.entries[700] = b"entry 0".to_vec();
    let report = log.verify();
    let stored = Hash::leaf(b"entry 700");
    let tile = TileId { level: 0, index: 2, width: 256 };
    assert_eq!(
        report.findings[0],
        Finding::Differs {
            tile,
            offset: 188,
            computed: Hash::leaf(b"entry 0"),
            stored,
            altered: Altered::Beneath
        },
    );
    assert_eq!((report.faults(), report.agreed, report.covered), (2, 1, 300));
    assert_eq!(
        log.told(),
        [
            "leaf 700 is not what tile 0/2 says: it was altered, removed or exchanged, and what stands above it agrees with the \
             tile",
            "checkpoint `no. 2` of 1,000 leaves has the root that the tiles give, and not the one that the entries give: an entry \
             was altered, removed or exchanged after it was signed",
        ],
    );
}

#[test]
fn a_tile_that_was_altered() {
    let mut log = Log::new(1_000, &[300, 1_000]);
    log.flip(0, 2, 188);
    assert_eq!(
        log.told(),
        [
            "leaf 700 is not what tile 0/2 says: the tile was altered, and what stands above it agrees with the leaf"
        ],
    );

    // At the edge no tile stands above it, and the checkpoint is what tells.
    let mut log = Log::new(1_000, &[300, 1_000]);
    log.flip(0, 3, 231);
    assert_eq!(
        log.told(),
        [
            "leaf 999 is not what tile 0/3 (first 232) says: the tile was altered, and what stands above it agrees with the leaf"
        ]
        .map(|told| told.split(" (").next().unwrap()),
    );
    let Finding::Differs { altered, .. } = log.verify().findings[0] else { panic!("a hash differs") };
    assert_eq!(altered, Altered::Tile);
    log.claims.clear();
    let Finding::Differs { altered, .. } = log.verify().findings[0] else { panic!("a hash differs") };
    assert_eq!(altered, Altered::Unknown, "nobody has signed anything");
}

#[test]
fn a_higher_tile_that_was_altered() {
    let mut log = Log::new(66_000, &[66_000]);
    log.flip(1, 0, 5);
    assert_eq!(
        log.told(),
        [
            "leaves 1,280 to 1,535 do not give what tile 1/0 says of them in its hash 5: the tile was altered, and what stands \
             above it agrees with the leaves",
        ],
    );
}

#[test]
fn a_leaf_and_its_tile_that_were_altered_together() {
    let mut log = Log::new(66_000, &[66_000]);
    log.entries[1_300] = b"entry 0".to_vec();
    let forged = Hash::leaf(b"entry 0");
    log.rows.tiles.get_mut(&(0, 5)).unwrap()[32 * 20..32 * 21].copy_from_slice(&forged.0);
    assert_eq!(
        log.told(),
        [
            "leaves 1,280 to 1,535 do not give what tile 1/0 says of them in its hash 5: leaves and the tiles beneath it were \
             altered together, and what stands above agrees with it",
            "checkpoint `no. 1` of 66,000 leaves has the root that the tiles give, and not the one that the entries give: an \
             entry was altered, removed or exchanged after it was signed",
        ],
    );
}

#[test]
fn a_history_that_was_written_anew() {
    let mut log = Log::new(66_000, &[1_000, 66_000]);
    log.entries[1_300] = b"entry 0".to_vec();
    log.rebuild();
    assert_eq!(
        log.told(),
        [
            "checkpoint `no. 2` of 66,000 leaves has not the root that entries and tiles give: they were altered together after \
             it was signed, or it is of another history",
        ],
    );
}

#[test]
fn two_checkpoints_of_one_size_with_two_roots() {
    let mut log = Log::new(600, &[500, 500, 600]);
    log.claims[1].checkpoint.root.0[0] ^= 1;
    let report = log.verify();
    assert_eq!((report.faults(), report.agreed, report.covered), (1, 2, 600));
    let Finding::Checkpoint { label, size: 500, .. } = &report.findings[0] else { panic!("a checkpoint") };
    assert_eq!(label, "no. 2");

    let mut log = Log::new(600, &[0]);
    log.claims[0].checkpoint.root = Hash([0; 32]);
    assert_eq!(log.verify().faults(), 1, "the tree of nothing has a root too");
}

#[test]
fn a_leaf_that_was_removed_does_not_flood() {
    let mut log = Log::new(10_000, &[3_000, 10_000]);
    let first_missing = log.entries.remove(3_000);
    log.entries.push(first_missing);
    let report = log.verify();
    let leaves: Vec<_> = report
        .findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Differs { tile, offset, altered, .. } if tile.level == 0 => {
                assert_eq!(*altered, Altered::Beneath);
                Some(tile.index * 256 + u64::from(*offset))
            }
            _ => None,
        })
        .collect();
    assert_eq!(leaves, (3_000..3_020).collect::<Vec<_>>());
    assert_eq!(leaves.len(), LISTED);
    assert_eq!(report.unlisted.leaves, 7_000 - 20);
    assert_eq!(report.findings.len(), LISTED + 1, "the checkpoint after it; what stands above adds nothing");
    assert_eq!(report.covered, 3_000);
    let text = report.to_string();
    assert!(text.contains("\nand 6,980 more leaves that are not what their tiles say\n"), "{text}");
    assert!(text.ends_with("; 7,001 things are wrong\n"), "{text}");
}

#[test]
fn two_leaves_that_were_exchanged() {
    let mut log = Log::new(10_000, &[10_000]);
    log.entries.swap(17, 9_999);
    let report = log.verify();
    assert_eq!((report.faults(), report.unlisted), (3, Unlisted::default()));
    assert!(log.told()[0].starts_with("leaf 17 is not what tile 0/0 says"));
    assert!(log.told()[1].starts_with("leaf 9,999 is not what tile 0/39"));
}

#[test]
fn a_leaf_and_a_tile_that_were_altered_apart_are_told_apart() {
    let mut log = Log::new(10_000, &[10_000]);
    log.entries[17] = b"entry 0".to_vec();
    log.flip(0, 20, 3);
    log.flip(1, 0, 30);
    let altered: Vec<_> = log
        .verify()
        .findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Differs { tile, offset, altered, .. } => {
                Some((tile.level, tile.index, *offset, *altered))
            }
            _ => None,
        })
        .collect();
    // The tile above the edge is its last: nothing tells of it but the checkpoint, and an entry has changed that as well.
    assert_eq!(
        altered,
        [(0, 0, 17, Altered::Beneath), (0, 20, 3, Altered::Tile), (1, 0, 30, Altered::Unknown)],
    );
}

#[test]
fn a_log_that_lost_its_end() {
    let mut log = Log::new(1_000, &[700, 1_000]);
    log.entries.truncate(800);
    log.rebuild();
    assert_eq!(
        log.told(),
        [
            "checkpoint `no. 2` of 1,000 leaves is of 1,000 leaves, and the log holds 800: leaves were removed from its end, or it \
             is of another history"
        ]
        .map(|told| told.replace(" of 1,000 leaves is of", " is of")),
    );
    assert_eq!(log.verify().covered, 700);
}

#[test]
fn what_is_missing_is_named_and_the_pass_goes_on() {
    let mut log = Log::new(70_000, &[70_000]);
    log.bundles.insert(3, None);
    assert_eq!(log.told(), ["bundle 3, with the entries of leaves 768 to 1,023, is missing"]);
    assert_eq!(log.verify().covered, 70_000, "its hashes are in the tile");

    log.rows.tiles.remove(&(0, 3));
    assert_eq!(
        log.told(),
        ["bundle 3, with the entries of leaves 768 to 1,023, is missing", "tile 0/3 is missing"],
    );
    assert_eq!(log.verify().covered, 70_000, "the root over them is in the tile above");

    log.rows.tiles.remove(&(1, 0));
    assert_eq!(log.verify().findings.len(), 3);
    assert_eq!(log.verify().covered, 70_000, "and the one over that in the tile above that");

    log.rows.tiles.remove(&(2, 0));
    let report = log.verify();
    assert_eq!((report.covered, report.root), (0, None));
    assert!(
        log.told()
            .last()
            .unwrap()
            .ends_with("cannot be checked: entries are missing, and the tiles over them")
    );
}

#[test]
fn a_tile_that_is_missing_says_nothing_and_hides_nothing() {
    let mut log = Log::new(1_000, &[1_000]);
    log.rows.tiles.remove(&(0, 2));
    log.entries[700] = b"entry 0".to_vec();
    assert_eq!(
        log.told(),
        [
            "tile 0/2 is missing",
            "leaves 512 to 767 do not give what tile 1/0",
            "checkpoint `no. 1` of 1,000 leaves has the root that the tiles give, and not the one that the entries give: an entry \
             was altered, removed or exchanged after it was signed",
        ],
    );
}

#[test]
fn what_has_not_its_form_is_named_and_the_pass_goes_on() {
    let mut log = Log::new(1_000, &[1_000]);
    log.rows.tiles.get_mut(&(0, 1)).unwrap().pop();
    let mut bytes = Vec::new();
    log.bundle(BundleId { index: 2, width: 256 }, &mut bytes).unwrap();
    assert!(Bundle::parse(&bytes, 256).is_ok());
    bytes.push(0);
    log.bundles.insert(2, Some(bytes));
    log.bundles.insert(3, Some(Vec::new()));
    let report = log.verify();
    let malformed: Vec<_> = report
        .findings
        .iter()
        .map(|finding| match finding {
            Finding::Malformed(part) => *part,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(
        malformed,
        [
            Part::Tile(TileId { level: 0, index: 1, width: 256 }),
            Part::Bundle(BundleId { index: 2, width: 256 }),
            Part::Bundle(BundleId { index: 3, width: 232 }),
        ],
    );
    assert_eq!(report.covered, 1_000);
}

#[test]
fn entries_below_the_minimum_are_not_missed() {
    let mut log = Log::new(1_000, &[400, 1_000]);
    log.minimum = 600;
    log.bundles.extend([(0, None), (1, None)]);
    let report = log.verify();
    assert_eq!((report.faults(), report.entries_from, log.seen), (0, 512, 488));
    assert_eq!(
        report.to_string(),
        "1,000 leaves verified, with their entries from 512 on; 2 checkpoints agree; nothing is wrong\n",
    );
    // The hashes of pruned leaves may be gone as well: the tile above has the root over them, and no root of a size below.
    log.rows.tiles.remove(&(0, 0));
    log.rows.tiles.remove(&(0, 1));
    let report = log.verify();
    assert_eq!((report.faults(), report.agreed, report.covered), (1, 1, 1_000));

    log.bundles.insert(2, None);
    assert_eq!(log.verify().faults(), 2, "this one has entries from the minimum on");
}

#[test]
fn hashes_below_the_minimum_are_checked_where_they_are_kept() {
    let mut log = Log::new(1_000, &[1_000]);
    log.minimum = 600;
    log.flip(0, 1, 4);
    assert_eq!(
        log.told(),
        [
            "leaves 256 to 511 do not give what tile 1/0",
            "checkpoint `no. 1` of 1,000 leaves has the root that the tiles give, and not the one that the entries give: an entry \
             was altered, removed or exchanged after it was signed",
        ],
    );
}

#[test]
fn what_cannot_be_a_log_is_refused() {
    let mut log = Log::new(10, &[5, 10]);
    assert!(matches!(verify_log(&mut log, MAX_SIZE + 1, 0, Vec::new()), Err(Error::Parameters(_))));
    let mut claims = log.claims.clone();
    claims[1].checkpoint.origin = "example.com/other".to_owned();
    assert!(matches!(verify_log(&mut log, 10, 0, claims), Err(Error::Parameters(_))));
    assert_eq!(verify_log(&mut log, 10, u64::MAX, Vec::new()).unwrap().entries_from, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever one thing is altered, the pass finds it, and never says that the other one was.
    #[test]
    fn no_change_is_missed(size in 1..1_200_u64, at: prop::sample::Index, which in 0..3) {
        let mut log = Log::new(size, &[size]);
        let leaf = at.index(log.entries.len());
        match which {
            0 => log.entries[leaf] = b"entry x".to_vec(),
            1 => log.flip(0, leaf as u64 / 256, leaf % 256),
            _ => {
                let tiles: Vec<_> = log.rows.tiles.iter().map(|(place, tile)| (*place, tile.len() / 32)).collect();
                let ((level, index), width) = tiles[at.index(tiles.len())];
                log.flip(level, index, leaf % width);
            }
        }
        log.entries.push(b"entry x".to_vec());
        let report = log.verify();
        prop_assert!(report.faults() > 0);
        for finding in &report.findings {
            if let Finding::Differs { altered, .. } = finding {
                prop_assert_eq!(*altered, if which == 0 { Altered::Beneath } else { Altered::Tile });
            }
        }
        prop_assert_eq!(report.covered == size, which != 0);
    }
}
