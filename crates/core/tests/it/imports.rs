//! Imports: chunks that can be sent again, rows that are given back.

use avouch_core::gate::Caller;
use avouch_core::vault::{
    ChunkDone, ImportChunk, ImportRow, ImportState, OnDuplicate, OnErased, ReadImport, StartImport,
};
use avouch_core::{Error, ImportId};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, map, slug};

fn start(house: &House<'_>, caller: &Caller, dry_run: bool) -> ImportState {
    let operation = StartImport {
        source: b"digest of a file".to_vec(),
        mapping: b"digest of a mapping".to_vec(),
        dry_run,
        on_duplicate: OnDuplicate::Reject,
        on_erased: OnErased::Ask,
        purpose: Some("administration".to_owned()),
        reason: None,
    };
    house.act(caller, operation).expect("an import")
}

fn send(
    house: &House<'_>,
    caller: &Caller,
    id: ImportId,
    chunk: u64,
    rows: &[ImportRow],
) -> Result<ChunkDone, Error> {
    let purpose = Some("administration".to_owned());
    house.act(caller, ImportChunk::new(&house.app, id, chunk, rows, purpose, None)?)
}

fn rows() -> Vec<ImportRow> {
    let row = |row: u64, name: &str, email: &str| ImportRow {
        row,
        fields: map(json!({"name": name, "email": email})),
    };
    vec![
        row(1, "Ada Byron", "ada@example.com"),
        row(2, "Bob", "not an address"),
        row(3, "Ada Again", "ADA@example.com"),
        row(4, "Cleo", "cleo@example.com"),
    ]
}

both_engines! {
    fn a_chunk_sent_twice_adds_nobody_twice(place) {
        let house = House::new(place);
        let importer = house.hire("service", "importer", None);
        let support = house.hire("staff", "support", None);
        let import = start(&house, &importer, false);
        let first = send(&house, &importer, import.id, 0, &rows()).expect("a chunk");
        assert_eq!((first.accepted, first.skipped), (2, 0));
        let rejected: Vec<_> = first.rejected.iter().map(|row| (row.row, row.errors[0].0.as_deref())).collect();
        assert_eq!(rejected, [(2, Some("email")), (3, Some("email"))]);
        let house = house.reopen();
        let second = send(&house, &importer, import.id, 0, &rows()).expect("the same chunk");
        assert_eq!((second.accepted, second.rejected.len()), (2, 2));
        assert_eq!(house.search(&support, json!({"email": "ada@example.com"})).expect("search").len(), 1);
        let state = start(&house, &importer, false);
        assert_eq!((state.id, state.chunks_done, state.accepted), (import.id, vec![(0, 0)], 2));
    }

    fn a_dry_run_adds_nobody(place) {
        let house = House::new(place);
        let importer = house.hire("service", "importer", None);
        let support = house.hire("staff", "support", None);
        let import = start(&house, &importer, true);
        let done = send(&house, &importer, import.id, 0, &rows()).expect("a chunk");
        assert_eq!(done.rejected.first().map(|row| row.row), Some(2));
        assert_eq!(house.search(&support, json!({"email": "ada@example.com"})).expect("search"), []);
    }

    fn a_chunk_sent_again_must_be_the_same(place) {
        let house = House::new(place);
        let import = start(&house, &house.importer, false);
        send(&house, &house.importer, import.id, 0, &rows()).expect("a chunk");
        let mut others = rows();
        others[3].fields.insert("email".to_owned(), json!("cleopatra@example.com"));
        assert_eq!(slug(send(&house, &house.importer, import.id, 0, &others)), "conflict");
        let mut turned = rows();
        for row in &mut turned {
            row.fields = row.fields.clone().into_iter().rev().collect();
        }
        send(&house, &house.importer, import.id, 0, &turned).expect("the order of columns is none of its content");
    }

    fn chunks_are_numbered_as_json_can_count(place) {
        let house = House::new(place);
        let import = start(&house, &house.importer, true);
        for chunk in [u64::MAX, 1 << 53] {
            assert_eq!(slug(send(&house, &house.importer, import.id, chunk, &rows())), "validation");
        }
        send(&house, &house.importer, import.id, (1 << 53) - 1, &rows()).expect("the last number");
        let read = ReadImport { id: import.id, purpose: Some("administration".to_owned()) };
        let state = house.act(&house.importer, read).expect("its state");
        assert_eq!(state.chunks_done, [((1 << 53) - 1, (1 << 53) - 1)]);
    }
}
