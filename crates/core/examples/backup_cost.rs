//! What a backup and a restore cost: `cargo run --release -p avouch-core --example backup_cost [PEOPLE]`.
//!
//! Makes a vault of invented people on SQLite in a temporary folder, copies it, and brings it back on SQLite.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "an example measures and tells"
)]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use avouch_charter::{Charter, SourceFile};
use avouch_core::app::opening::Parts;
use avouch_core::app::{App, Once};
use avouch_core::backup::{Shelf, Sources, Stores};
use avouch_core::clock::Clock;
use avouch_core::erasure::ErasureSettings;
use avouch_core::gate::Caller;
use avouch_core::keys::{Primary, Recovery};
use avouch_core::vault::{CreateSubject, UpdateSubject};
use avouch_core::{MIGRATIONS, SubjectId};
use avouch_seal::SystemRandom;
use avouch_seal::root::KeyFileSeal;
use avouch_testkit::{Kind, Place};
use serde_json::json;

#[derive(Debug)]
struct Wall;

impl Clock for Wall {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

fn main() {
    let people: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let (place, other) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let key = || KeyFileSeal::generate(&SystemRandom::new()).expect("random").0;
    let (root, recovery) = (Arc::new(key()), key());
    let parts = |place: &Place| Parts {
        store: place.open(MIGRATIONS).expect("opens"),
        primary: Primary { seal: root.clone(), beside_data: false },
        clock: Arc::new(Wall),
        environment: "test".to_owned(),
        erasure: ErasureSettings::default(),
        witnesses: Default::default(),
        people: Default::default(),
        outbox: Default::default(),
    };
    let recovery = Recovery { slot: "second".to_owned(), seal: &recovery };
    let made = App::init(parts(&place), &[recovery], &charter(), "admin", 30).expect("a vault");
    let app = made.app;
    let who = fill(&app, 0..people);

    let folder = place.directory().join("shelf");
    app.keep_backups_on(Shelf {
        data: folder.join("data"),
        keys: folder.join("keys"),
        keep_data: 2,
        full_every: 2,
        keep_keys_days: 1,
    });
    let begun = Instant::now();
    let files = app.back_up(&Caller::system(), Stores::Both, || ()).expect("a backup");
    let seconds = begun.elapsed().as_secs_f64();
    let bytes: u64 = files.iter().map(|file| file.kept.bytes).sum();
    told("backup, read back", people, bytes, seconds);
    for file in &files {
        println!("  {:<5} {:>12} bytes", file.kept.part.as_str(), file.kept.bytes);
    }

    // One in a hundred comes, and one in a hundred is changed.
    fill(&app, people..people + people / 100);
    who.iter().take(who.len() / 100).for_each(|id| change(&app, *id));
    let begun = Instant::now();
    let since = app.back_up(&Caller::system(), Stores::Data, || ()).expect("a backup of what changed");
    let bytes: u64 = since.iter().map(|file| file.kept.bytes).sum();
    told("what changed of the data", people, bytes, begun.elapsed().as_secs_f64());

    let people = people + people / 100;
    let begun = Instant::now();
    let files = app.back_up(&Caller::system(), Stores::Both, || ()).expect("a backup");
    let bytes: u64 = files.iter().map(|file| file.kept.bytes).sum();
    told("backup in full again", people, bytes, begun.elapsed().as_secs_f64());
    let sources = Sources {
        data: files.first().map(|file| file.kept.path.clone()),
        keys: files.last().map(|file| file.kept.path.clone()),
        nobody_erased: true,
        ..Sources::default()
    };
    let begun = Instant::now();
    let restored = App::restore(parts(&other), &sources, None, &|_| ()).expect("restored");
    told("restore, everybody opened", people, bytes, begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    restored.finish_indexes(|| true).expect("indexes");
    told("indexes built anew", people, bytes, begun.elapsed().as_secs_f64());
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn told(what: &str, people: u64, bytes: u64, seconds: f64) {
    let (rate, speed) = (people as f64 / seconds, bytes as f64 / seconds / 1e6);
    println!(
        "{what:<28} {people} people, {bytes} bytes: {seconds:.2} s, {rate:.0} people/s, {speed:.1} MB/s"
    );
}

/// The example's shop.
fn charter() -> Vec<SourceFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    let read = |name: &&str| SourceFile {
        path: (*name).to_owned(),
        text: std::fs::read_to_string(folder.join(name)).expect("the example charter is there"),
    };
    Charter::FILES.iter().map(read).collect()
}

/// People one after the other from several threads, so that they share commits.
fn fill(app: &Arc<App>, numbers: Range<u64>) -> Vec<SubjectId> {
    let (next, made) = (AtomicU64::new(numbers.start), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    let fields = json!({
                        "external_id": format!("C-{number}"), "name": format!("Person Number {number}"),
                        "email": format!("person.{number}@example.com"), "phones": [format!("+35191{number:07}")],
                        "address": {"street": "Rua das Flores 7", "city": "Lisboa", "postal_code": "1200-192", "country": "PT"},
                        "birth_date": "1984-05-17", "language": "pt",
                    });
                    let operation = CreateSubject::new(app, &map(fields), purpose(), None);
                    let operation = Once { operation: operation.expect("it fits"), key: None };
                    let created = app.perform_wait(&Caller::system(), operation).expect("created").output;
                    made.lock().expect("nobody failed").push(created.id);
                }
            });
        }
    });
    made.into_inner().expect("nobody failed")
}

fn change(app: &Arc<App>, id: SubjectId) {
    let changes = map(json!({"name": "Somebody Else"}));
    let operation = UpdateSubject::new(app, id, 1, &changes, purpose(), None).expect("it fits");
    app.perform_wait(&Caller::system(), operation).expect("changed");
}

fn purpose() -> Option<String> {
    Some("administration".to_owned())
}

fn map(json: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    match json {
        serde_json::Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}
