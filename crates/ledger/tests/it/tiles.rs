//! Where tiles are, and how entries lie in their bundles.

use avouch_ledger::Error;
use avouch_ledger::bundle::{Bundle, MAX_ENTRY, push_entry};
use avouch_ledger::tile::{BundleId, MAX_LEVEL, TILE_WIDTH, TileId, new_bundles, new_tiles, tiles};
use avouch_ledger::tree::MAX_SIZE;
use proptest::prelude::*;

/// The example of the specification: a tree of 70,000 leaves.
#[test]
fn a_tree_of_seventy_thousand_leaves_has_the_tiles_that_it_must() {
    let all: Vec<_> = tiles(70_000).collect();
    let (full, partial): (Vec<TileId>, Vec<TileId>) =
        all.into_iter().partition(|tile| tile.width == TILE_WIDTH);
    assert_eq!(full.iter().filter(|tile| tile.level == 0).count(), 273);
    assert_eq!(full.iter().filter(|tile| tile.level == 1).count(), 1);
    assert_eq!(full.len(), 274);
    let partial: Vec<_> = partial.iter().map(|tile| tile.path()).collect();
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let of_256: Vec<_> = tiles(256).map(|tile| tile.path()).collect();
    assert_eq!(of_256, ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(tiles(0).count(), 0);
}

#[test]
fn only_what_differs_is_new() {
    let new = |old, size| new_tiles(old, size).map(|tile| tile.path()).collect::<Vec<_>>();
    assert_eq!(new(5, 5), [""; 0]);
    assert_eq!(new(6, 5), [""; 0]);
    assert_eq!(new(255, 256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(new(256, 257), ["tile/0/001.p/1"]);
    assert_eq!(new(250, 520), ["tile/0/000", "tile/0/001", "tile/0/002.p/8", "tile/1/000.p/2"]);
    let bundles: Vec<_> = new_bundles(250, 520).map(|bundle| bundle.path()).collect();
    assert_eq!(bundles, ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/8"]);
}

#[test]
fn the_largest_tree_has_eight_levels_and_none_above() {
    for level in 0..=u8::MAX {
        assert_eq!(TileId::within(MAX_SIZE, level, 0).is_some(), level <= MAX_LEVEL, "{level}");
    }
    let last = TileId::within(MAX_SIZE, 0, MAX_SIZE / 256).unwrap();
    assert_eq!(last.path(), "tile/0/x036/x028/x797/x018/x963/967.p/255");
    assert_eq!(TileId::parse(&last.path()), Ok(last));
    assert_eq!(TileId::within(MAX_SIZE, 0, last.index + 1), None);
    assert_eq!(TileId::within(MAX_SIZE, 0, u64::MAX), None);
}

#[test]
fn paths_have_one_spelling() {
    let read = TileId::parse("tile/0/x001/x234/067");
    assert_eq!(read, Ok(TileId { level: 0, index: 1_234_067, width: 256 }));
    let read = TileId::parse("tile/3/000.p/255");
    assert_eq!(read, Ok(TileId { level: 3, index: 0, width: 255 }));
    let read = BundleId::parse("tile/entries/x012/007.p/1");
    assert_eq!(read, Ok(BundleId { index: 12_007, width: 1 }));
    let refused = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/8/000",
        "tile/64/000",
        "tile/256/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/x000/001",
        "tile/0/x01/001",
        "tile/0/x0001/001",
        "tile/0/001/001",
        "tile/0/x001/x001",
        "tile/0/x001//001",
        "tile/0/X001/001",
        "tile/0/+01",
        "tile/0/ 01",
        "tile/0/00a",
        "tile/0/٠٠١",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/65537",
        "tile/0/000.p/1.p/1",
        "tile/0/000.p/1/",
        "tile/0/000.P/1",
        "tile/0/000\n",
        "tile/entries/000",
        "tile/0/x036/x028/x797/x018/x963/967",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/7/000",
        "tile/7/000.p/128",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
    ];
    for path in refused {
        assert_eq!(TileId::parse(path), Err(Error::Malformed("path of a tile")), "{path}");
    }
    for path in [
        "tile/entries",
        "tile/entries/",
        "tile/0/000",
        "tile/entries/000.p/256",
        "entries/000",
        "tile/entries/1",
    ] {
        assert_eq!(BundleId::parse(path), Err(Error::Malformed("path of a tile")), "{path}");
    }
}

#[test]
fn a_bundle_has_as_many_entries_as_it_is_wide_and_nothing_else() {
    let mut bytes = Vec::new();
    let longest = vec![5; MAX_ENTRY];
    let entries: [&[u8]; 3] = [b"", b"one", &longest];
    entries.iter().for_each(|entry| push_entry(&mut bytes, entry).unwrap());
    let bundle = Bundle::parse(&bytes, 3).unwrap();
    assert_eq!(bundle.entries().collect::<Vec<_>>(), entries);

    for (width, end) in [(0, 0), (1, 2), (2, 7), (3, bytes.len())] {
        assert_eq!(Bundle::beginning(&bytes, width), Ok(&bytes[..end]));
    }
    assert!(Bundle::beginning(&bytes, 4).is_err());
    assert!(Bundle::beginning(&bytes[..8], 3).is_err());

    let whole = bytes.len();
    assert!(matches!(push_entry(&mut bytes, &vec![5; MAX_ENTRY + 1]), Err(Error::Parameters(_))));
    assert_eq!(bytes.len(), whole, "what is refused leaves nothing behind");

    for width in [0, 1, 2, 4, 256, 257, u16::MAX] {
        assert!(Bundle::parse(&bytes, width).is_err(), "{width}");
    }
    for end in 0..whole {
        assert!(Bundle::parse(&bytes[..end], 3).is_err(), "{end}");
    }
    bytes.push(0);
    assert!(Bundle::parse(&bytes, 3).is_err());
    assert!(Bundle::parse(&[], 0).is_err(), "no bundle is empty");
    assert!(Bundle::parse(&[0; 2 * 256], 256).is_ok());
    assert!(Bundle::parse(&[0; 2 * 257], 257).is_err());
}

proptest! {
    #[test]
    fn a_path_is_read_as_what_it_was_written_from(size in 1..=MAX_SIZE, level in 0..=MAX_LEVEL, index: u64) {
        let hashes = size >> (8 * level);
        if hashes > 0 {
            let tile = TileId::within(size, level, index % hashes.div_ceil(256)).unwrap();
            prop_assert_eq!(TileId::parse(&tile.path()), Ok(tile));
            let bundle = BundleId { index: tile.index, width: tile.width };
            prop_assert_eq!(BundleId::parse(&bundle.path()), Ok(bundle));
        }
    }

    #[test]
    fn what_is_read_is_written_the_same(path in "tile/([0-9]|entries)/(x[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = TileId::parse(&path) {
            prop_assert_eq!(tile.path(), path);
        } else if let Ok(bundle) = BundleId::parse(&path) {
            prop_assert_eq!(bundle.path(), path);
        }
    }

    #[test]
    fn any_bytes_are_a_bundle_or_are_refused(bytes: Vec<u8>, width in 0..300_u16) {
        if let Ok(bundle) = Bundle::parse(&bytes, width) {
            let mut written = Vec::new();
            bundle.entries().for_each(|entry| push_entry(&mut written, entry).unwrap());
            prop_assert_eq!(written, bytes);
        }
    }
}
