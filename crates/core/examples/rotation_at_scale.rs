//! A vault with many people: their keys are wrapped again under a new key-encryption key while somebody looks at them, and some
//! of them are erased. On SQLite, in a temporary directory.
//!
//! ```text
//! cargo run --release -p avouch-core --example rotation_at_scale [people, a million if not said]
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use avouch_core::erasure::{Erase, erase};
use avouch_core::gate::Reason;
use avouch_core::keys::RotateKek;
use avouch_core::vault::{
    CreateSubject, ImportChunk, ImportRow, OnDuplicate, OnErased, RevealSubject, StartImport,
};
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Kind, Place};
use serde_json::{Map, Value, json};

#[path = "bed/bed.rs"]
mod bed;
use bed::Bed;

const CHUNK: u64 = 1000;
/// People who are looked at, and of whom some are erased: made one by one, so that their ids are known.
const KNOWN: u64 = 1000;
const ERASED: usize = 200;
const TIME: Duration = Duration::from_secs(5);

fn main() -> Result<(), Error> {
    let people: u64 = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(1_000_000);
    let place = Place::new(Kind::Sqlite);
    let bed = Bed::new(&place)?;
    let start = Instant::now();
    let known: Vec<SubjectId> = (0..KNOWN).map(|number| create(&bed, number)).collect::<Result<_, _>>()?;
    import(&bed, people.saturating_sub(KNOWN))?;
    println!("{people} people stored in {:.1} s", start.elapsed().as_secs_f64());

    let (_sender, nothing) = mpsc::channel::<()>();
    let before = looks(&bed, &known, || assert!(nothing.recv_timeout(TIME).is_err()));
    println!("reveals with nothing else going on: {before:.0} a second");
    bed.act(RotateKek)?;
    let mut took = 0.0;
    let during = looks(&bed, &known, || {
        let start = Instant::now();
        let done = bed.app.finish_rewrap(|| true).expect("the store works");
        took = start.elapsed().as_secs_f64();
        assert!(done.is_some_and(|done| done.rewrapped >= people && done.damaged == 0), "everybody");
    });
    println!(
        "{people} keys wrapped again in {took:.1} s; reveals meanwhile: {during:.0} a second ({:.2})",
        during / before
    );

    let mut times = Vec::new();
    for id in known.iter().take(ERASED) {
        let (sender, answer) = mpsc::sync_channel(1);
        let start = Instant::now();
        let order = Erase::whole(*id, purpose(), None);
        erase(&bed.app, &bed.application, order, None, move |done| drop(sender.send(done)));
        answer.recv().expect("an answer")?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    // It empties the write-ahead logs of all that was done before.
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!(
        "erasing one of them: the first {first:.1} ms; then median {:.1} ms, 95 of 100 within {:.1} ms, slowest {:.1} ms",
        at(50),
        at(95),
        at(99)
    );
    Ok(())
}

fn purpose() -> Option<String> {
    Some("delivery".to_owned())
}

fn fields(number: u64) -> Map<String, Value> {
    let fields = json!({
        "name": format!("Ada {number}"), "email": format!("ada{number}@example.org"),
        "phone": format!("+49309{number:07}"), "birth_date": "1984-05-17",
    });
    fields.as_object().cloned().unwrap_or_default()
}

fn create(bed: &Bed, number: u64) -> Result<SubjectId, Error> {
    Ok(bed.act(CreateSubject::new(&bed.app, &fields(number), purpose(), None)?)?.id)
}

fn import(bed: &Bed, people: u64) -> Result<(), Error> {
    let start = StartImport {
        source: b"rows".to_vec(),
        mapping: b"as they are".to_vec(),
        dry_run: false,
        on_duplicate: OnDuplicate::Reject,
        on_erased: OnErased::Ask,
        purpose: purpose(),
        reason: None,
    };
    let id = bed.act(start)?.id;
    for chunk in 0..people.div_ceil(CHUNK) {
        let numbers = (chunk * CHUNK)..people.min((chunk + 1) * CHUNK);
        let rows: Vec<_> =
            numbers.map(|row| ImportRow { row: row + 1, fields: fields(KNOWN + row) }).collect();
        bed.act(ImportChunk::new(&bed.app, id, chunk, &rows, purpose(), None)?)?;
    }
    Ok(())
}

/// How often people are looked at in a second while `work` is done.
fn looks(bed: &Bed, known: &[SubjectId], work: impl FnOnce()) -> f64 {
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    thread::scope(|scope| {
        for caller in 0..8_usize {
            let (done, count) = (Arc::clone(&done), Arc::clone(&count));
            scope.spawn(move || {
                for id in known.iter().cycle().skip(caller * 100) {
                    if done.load(Ordering::Acquire) {
                        return;
                    }
                    let fields = vec!["name".to_owned(), "email".to_owned()];
                    let reason = Reason::parse("a parcel").ok();
                    let reveal = RevealSubject { id: *id, purpose: purpose(), reason, fields, least: None };
                    bed.act(reveal).expect("shown");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let start = Instant::now();
        work();
        let rate = count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
        done.store(true, Ordering::Release);
        rate
    })
}
