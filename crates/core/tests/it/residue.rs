//! What an erasure leaves on the disk: nothing. And what it costs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use avouch_testkit::{Kind, Place};
use serde_json::json;

use crate::erasure::{Order, erase};
use crate::house::House;

/// Bytes of one row that must not be found afterwards.
struct Secret {
    what: &'static str,
    bytes: Vec<u8>,
}

fn column(place: &Place, keys: bool, what: &'static str, sql: &str) -> Vec<Secret> {
    let files = place.files();
    let connection = rusqlite::Connection::open(if keys { files.keys } else { files.data }).expect("opens");
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
    rows.map(|bytes| Secret { what, bytes: bytes.expect("a blob") }).collect()
}

/// A long value is cut by the ends of pages: pieces are looked for, not the whole. What has many zeros is the head of an entry,
/// which is alike in everybody's.
fn pieces(secret: &Secret) -> impl Iterator<Item = &[u8]> {
    let sealed = |piece: &&[u8]| piece.iter().filter(|byte| **byte == 0).count() < 3;
    secret.bytes.chunks_exact(16).filter(sealed)
}

fn found(place: &Place, secrets: &[Secret]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place.directory()).expect("readable") {
        let path = entry.expect("readable").path();
        let bytes = std::fs::read(&path).expect("readable");
        let wanted: std::collections::HashSet<&[u8]> = secrets.iter().flat_map(pieces).collect();
        for window in bytes.windows(16).filter(|window| wanted.contains(*window)) {
            let what = secrets.iter().find(|secret| pieces(secret).any(|piece| piece == window));
            found.push(format!("{} in {}", what.expect("it was wanted").what, path.display()));
        }
    }
    found
}

#[test]
fn nothing_of_somebody_erased_is_in_any_file_while_others_are_read() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
    let mut people = Vec::new();
    for at in 0..60 {
        let fields = json!({
            "name": format!("Person {at}"), "email": format!("person{at}@example.com"),
            "notes": "likes roses ".repeat(100), "card_number": "4242 4242 4242 4242",
        });
        let id = house.create(&house.importer, fields).expect("created");
        house.update(&support, id, 1, json!({"notes": "likes lilies ".repeat(100)})).expect("changed");
        people.push(id);
    }
    let all = |sql: &str, keys, what| column(&place, keys, what, sql);
    let (gone, part) = (people[7], people[9]);
    let hex =
        |id: avouch_core::SubjectId| id.bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let of = |table: &str, column: &str, id| {
        format!("select {column} from {table} where subject = x'{}'", hex(id))
    };
    let mut secrets = Vec::new();
    for (keys, table, name) in [
        (true, "subject_key", "wrapped"),
        (true, "subject_key", "check_value"),
        (true, "subject_key", "key_id"),
        (false, "record", "entries"),
        (false, "record_version", "entries"),
    ] {
        secrets.extend(all(&of(table, name, gone), keys, name));
    }
    // Of one class of somebody else only the key: which bytes are the entries of it, the record does not show.
    let service = "(select max(class) from subject_key)";
    for name in ["wrapped", "check_value", "key_id"] {
        secrets.extend(all(&format!("{} and class = {service}", of("subject_key", name, part)), true, name));
    }
    assert!(secrets.len() > 10 && !found(&place, &secrets).is_empty(), "they are there before");

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut reads = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let others = people.iter().filter(|id| **id != gone);
                        reads += others.filter(|id| house.app.read_one(&support, **id)).count();
                        reads += house.app.ending_lines().expect("a read in a snapshot of its own").len();
                    }
                    reads
                })
            })
            .collect();
        erase(&house, &dpo, gone, Order::default()).expect("erased");
        erase(&house, &dpo, part, Order::classes(&["service"])).expect("erased");
        // Now, not later: the files are looked at while they are in use.
        let left = found(&place, &secrets);
        stop.store(true, Ordering::Relaxed);
        let reads: usize = readers.into_iter().map(|reader| reader.join().expect("reads")).sum();
        assert!(reads > 10, "{reads}");
        assert!(left.is_empty(), "{left:?}");
    });
}

trait ReadOne {
    fn read_one(&self, caller: &avouch_core::gate::Caller, id: avouch_core::SubjectId) -> bool;
}

impl ReadOne for std::sync::Arc<avouch_core::app::App> {
    fn read_one(&self, caller: &avouch_core::gate::Caller, id: avouch_core::SubjectId) -> bool {
        let read = avouch_core::vault::ReadSubject { id, purpose: Some("support".to_owned()), reason: None };
        self.perform_wait(caller, read).is_ok()
    }
}

#[test]
fn an_erasure_among_a_thousand_people_is_timed() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let dpo = house.hire("staff", "dpo", None);
    let people = crate::rotation::people(&house, 1000);
    let mut times: Vec<Duration> = Vec::new();
    for (at, (id, _)) in people.iter().take(40).enumerate() {
        let order = if at % 2 == 0 { Order::default() } else { Order::classes(&["service"]) };
        let begun = Instant::now();
        erase(&house, &dpo, *id, order).expect("erased");
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    eprintln!("erasing one of a thousand: median {:?}, slowest {:?}", times[20], times[39]);
}
