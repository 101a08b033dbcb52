//! What the log costs: reveals a second, many callers at a time so that they are committed together, with events given their
//! places and signed all the while, and with nobody doing that; turn by turn, on either engine. And how far behind it falls.
//!
//! ```text
//! cargo run --release -p avouch-core --example log_cost
//! ```
//! With `-- postgres` behind it, PostgreSQL too, where `AVOUCH_TEST_POSTGRES` leads to one. What waits after a turn without the log is sequenced before
//! the next one, and the time of that is told, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use avouch_core::gate::Reason;
use avouch_core::vault::{CreateSubject, RevealSubject};
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Kind, Place};
use serde_json::{Map, Value, json};

#[path = "bed/bed.rs"]
mod bed;
use bed::Bed;

const PEOPLE: usize = 2_000;
/// Operations under way at a time.
const UNDER_WAY: usize = 32;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(4);
/// As the server has it.
const SIGNING: Duration = Duration::from_millis(500);

fn main() -> Result<(), Error> {
    let postgres = std::env::args().any(|argument| argument == "postgres").then_some(Kind::Postgres);
    for kind in core::iter::once(Kind::Sqlite).chain(postgres) {
        let place = Place::new(kind);
        let bench = Bench::new(&place)?;
        bench.turn(true)?;
        println!(
            "{kind:?}: {:>12} {:>12} {:>8} {:>12} {:>16}",
            "with/s", "without/s", "ratio", "behind, max", "catching up/s"
        );
        let mut ratios = Vec::new();
        for _ in 0..TURNS {
            let without = bench.turn(false)?;
            let (start, left) = (Instant::now(), bench.bed.app.sequence()?);
            bench.bed.app.publish()?;
            let caught = left as f64 / start.elapsed().as_secs_f64();
            let with = bench.turn(true)?;
            let ratio = with.rate / without.rate;
            ratios.push(ratio);
            println!(
                "        {:>12.0} {:>12.0} {ratio:>8.3} {:>10.0?} {caught:>16.0}",
                with.rate, without.rate, with.behind
            );
        }
        ratios.sort_by(f64::total_cmp);
        println!("        median of the ratios: {:.3}\n", ratios.get(TURNS / 2).copied().unwrap_or_default());
    }
    Ok(())
}

struct Bench {
    bed: Bed,
    people: Vec<SubjectId>,
}

struct Turn {
    rate: f64,
    /// The longest time between two checkpoints, which is the most that an event waited for one.
    behind: Duration,
}

impl Bench {
    fn new(place: &Place) -> Result<Self, Error> {
        let mut bench = Self { bed: Bed::new(place)?, people: Vec::new() };
        for number in 0..PEOPLE {
            let fields =
                json!({"name": format!("Ada {number}"), "email": format!("ada{number}@example.org")});
            let fields: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
            let create = CreateSubject::new(&bench.bed.app, &fields, Some("delivery".to_owned()), None)?;
            bench.people.push(bench.bed.act(create)?.id);
        }
        Ok(bench)
    }

    fn turn(&self, log: bool) -> Result<Turn, Error> {
        let done = Arc::new(AtomicU64::new(0));
        let app = &self.bed.app;
        let (ended, wait) = channel::<()>();
        thread::scope(|scope| {
            let signing = scope.spawn(move || {
                let (mut longest, mut last) = (Duration::ZERO, Instant::now());
                while log && wait.recv_timeout(SIGNING) == Err(RecvTimeoutError::Timeout) {
                    app.sequence()?;
                    app.publish()?;
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
                Ok::<_, Error>(longest)
            });
            let start = Instant::now();
            let (sender, answers) = channel();
            let mut next = 0;
            let mut send = || {
                let id = self.people.get(next % PEOPLE).copied();
                next += 1;
                let (sender, done) = (sender.clone(), Arc::clone(&done));
                let reveal = RevealSubject {
                    id: id.expect("there are people"),
                    purpose: Some("delivery".to_owned()),
                    reason: Some(Reason::parse("the parcel came back").expect("a reason")),
                    fields: vec!["email".to_owned()],
                    least: None,
                };
                app.perform(&self.bed.application, reveal, move |shown| {
                    done.fetch_add(1, Ordering::Relaxed);
                    drop(sender.send(shown.map(drop)));
                });
            };
            (0..UNDER_WAY).for_each(|_| send());
            while start.elapsed() < TURN {
                answers.recv().expect("it is answered")?;
                send();
            }
            let rate = done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
            (0..UNDER_WAY).for_each(|_| drop(answers.recv()));
            drop(ended);
            let behind = signing.join().expect("no panic")?;
            Ok(Turn { rate, behind })
        })
    }
}
