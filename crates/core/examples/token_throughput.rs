//! What tokens are made and turned back in a second, through the one door: batches of a thousand, each an operation that is
//! decided, recorded with the people it is about, and durable before the answer. On SQLite, in a temporary directory.
//!
//! ```text
//! cargo run --release -p avouch-core --example token_throughput
//! ```
//! A row says how many fields of each person are asked for: the person's record and keys are looked up once for all of them.

use std::thread;
use std::time::{Duration, Instant};

use avouch_core::vault::{CreateSubject, CreateTokens, Detokenize, Terms, TokenItem};
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Kind, Place};
use serde_json::{Map, Value, json};

#[path = "bed/bed.rs"]
mod bed;
use bed::Bed;

const BATCH: usize = 1000;
const FIELDS: [&str; 4] = ["name", "email", "phone", "birth_date"];
/// How long a figure is measured.
const TIME: Duration = Duration::from_secs(2);

fn main() -> Result<(), Error> {
    let place = Place::new(Kind::Sqlite);
    let bench = Bench::new(&place)?;
    println!(
        "{:<36} {:>10} {:>10} {:>10} {:>10}",
        "tokens a second, batches of 1000", "make, 1", "make, 2", "back, 1", "back, 2"
    );
    for (kind, recipient) in [("pointer", "pointers"), ("random", "randoms"), ("value", "values")] {
        for fields in [1, 4] {
            let items = bench.items(fields);
            let made = bench.make(recipient, &items)?;
            let rates = [
                bench.rate(1, || bench.make(recipient, &items).map(drop))?,
                bench.rate(2, || bench.make(recipient, &items).map(drop))?,
                bench.rate(1, || bench.open(&made))?,
                bench.rate(2, || bench.open(&made))?,
            ];
            let figures = rates.map(|rate| format!("{rate:>10.0}")).join(" ");
            println!("{:<36} {figures}", format!("{kind}, {fields} of each person"));
        }
    }
    Ok(())
}

struct Bench {
    bed: Bed,
    people: Vec<SubjectId>,
}

impl Bench {
    fn new(place: &Place) -> Result<Self, Error> {
        let mut bench = Self { bed: Bed::new(place)?, people: Vec::new() };
        for number in 0..BATCH {
            let fields = json!({
                "name": format!("Ada {number}"), "email": format!("ada{number}@example.org"),
                "phone": format!("+4930901{number:04}"), "birth_date": "1984-05-17",
            });
            let fields: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
            let create = CreateSubject::new(&bench.bed.app, &fields, Some("delivery".to_owned()), None)?;
            bench.people.push(bench.bed.act(create)?.id);
        }
        Ok(bench)
    }

    fn items(&self, fields: usize) -> Vec<TokenItem> {
        let people = self.people.iter().take(BATCH / fields);
        let of = |subject: &SubjectId| {
            let subject = *subject;
            FIELDS.iter().take(fields).map(move |field| TokenItem {
                subject,
                field: (*field).to_owned(),
                value: None,
            })
        };
        people.flat_map(of).collect()
    }

    fn make(&self, recipient: &str, items: &[TokenItem]) -> Result<Vec<String>, Error> {
        let (items, purpose) = (items.to_vec(), Some("delivery".to_owned()));
        let terms = Terms::default();
        let make = CreateTokens { recipient: recipient.to_owned(), purpose, reason: None, items, terms };
        Ok(self.bed.act(make)?.into_iter().map(|token| token.expect("there is a value")).collect())
    }

    fn open(&self, tokens: &[String]) -> Result<(), Error> {
        let open = Detokenize::new(json!(tokens), (Some("delivery".to_owned()), None), &[], None)?;
        self.bed.act(open).map(drop)
    }

    /// Items a second of so many callers, each of whom waits for an answer before asking again.
    fn rate(&self, callers: usize, work: impl Fn() -> Result<(), Error> + Sync) -> Result<f64, Error> {
        let one = || {
            let (start, mut batches) = (Instant::now(), 0_u32);
            while start.elapsed() < TIME {
                work()?;
                batches += 1;
            }
            Ok::<_, Error>(f64::from(batches) * 1000.0 / start.elapsed().as_secs_f64())
        };
        thread::scope(|scope| {
            let running: Vec<_> = (0..callers).map(|_| scope.spawn(one)).collect();
            running.into_iter().map(|caller| caller.join().expect("no caller panics")).sum()
        })
    }
}
