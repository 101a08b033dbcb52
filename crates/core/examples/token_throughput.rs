//! What tokens are made and turned back in a second, through the one door: batches of a thousand, each an operation that is
//! decided, recorded with the people it is about, and durable before the answer. On SQLite, in a temporary directory.
//!
//! ```text
//! cargo run --release -p avouch-core --example token_throughput
//! ```
//! A row says how many fields of each person are asked for: the person's record and keys are looked up once for all of them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use avouch_charter::SourceFile;
use avouch_core::app::opening::Parts;
use avouch_core::app::{App, Operation};
use avouch_core::clock::ManualClock;
use avouch_core::gate::Caller;
use avouch_core::gate::principals::{CreateKey as CreateApiKey, CreatePrincipal};
use avouch_core::keys::{Primary, Recovery};
use avouch_core::vault::{CreateSubject, CreateTokens, Detokenize, Terms, TokenItem};
use avouch_core::{Error, MIGRATIONS, SubjectId};
use avouch_seal::SystemRandom;
use avouch_seal::root::KeyFileSeal;
use avouch_testkit::{Kind, Place};
use serde_json::{Map, Value, json};

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
    app: Arc<App>,
    service: Caller,
    people: Vec<SubjectId>,
}

impl Bench {
    fn new(place: &Place) -> Result<Self, Error> {
        let key = || Ok::<_, Error>(KeyFileSeal::generate(&SystemRandom::new())?.0);
        let recovery = key()?;
        let parts = Parts {
            store: place.open(MIGRATIONS)?,
            primary: Primary { seal: Arc::new(key()?), beside_data: false },
            clock: Arc::new(ManualClock::at(1_767_225_600_000_000)),
            environment: "bench".to_owned(),
            erasure: Default::default(),
        };
        let seals = [Recovery { slot: "second".to_owned(), seal: &recovery }];
        let made = App::init(parts, &seals, &charter(), "admin", 1).expect("the charter is a good one");
        let caller = |key: &str| {
            made.app.authenticate(key, [127, 0, 0, 1].into()).expect("the key was made a moment ago")
        };
        let admin = caller(&made.key);
        let service = CreatePrincipal {
            kind: "service".to_owned(),
            name: "an application".to_owned(),
            roles: vec!["application".to_owned()],
            recipient: None,
            networks: Vec::new(),
        };
        let principal = act(&made.app, &admin, service)?.id;
        let key = CreateApiKey { principal, label: "bench".to_owned(), days: 1, networks: Vec::new() };
        let service = caller(&act(&made.app, &admin, key)?.key);
        let mut bench = Self { app: made.app, service, people: Vec::new() };
        for number in 0..BATCH {
            let fields = json!({
                "name": format!("Ada {number}"), "email": format!("ada{number}@example.org"),
                "phone": format!("+4930901{number:04}"), "birth_date": "1984-05-17",
            });
            let fields: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
            let create = CreateSubject::new(&bench.app, &fields, Some("delivery".to_owned()), None)?;
            bench.people.push(act(&bench.app, &bench.service, create)?.id);
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
        Ok(act(&self.app, &self.service, make)?
            .into_iter()
            .map(|token| token.expect("there is a value"))
            .collect())
    }

    fn open(&self, tokens: &[String]) -> Result<(), Error> {
        let open = Detokenize::new(json!(tokens), (Some("delivery".to_owned()), None), &[], None)?;
        act(&self.app, &self.service, open).map(drop)
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

fn act<O: Operation>(app: &Arc<App>, caller: &Caller, operation: O) -> Result<O::Output, Error> {
    app.perform_wait(caller, operation).map(|done| done.output)
}

/// The charter of the load generator, with more recipients and an application that makes tokens and turns them back.
fn charter() -> Vec<SourceFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/charter");
    let recipient = |kind: &str| {
        format!(
            "\n{kind}s:\n  title: Somebody\n  kind: processor\n  country: DE\n  purposes: [delivery]\n  \
             fields: [name, email, phone, birth_date]\n  tokens: {kind}\n"
        )
    };
    let application = "\napplication:\n  title: An application\n  holder: service\n  \
                       actions: [subject.create, token.create, token.detokenize]\n  purposes: [delivery]\n  sees:\n    \
                       - fields: [identity, contact]\n      reads: clear\n      reveals: clear\n";
    let read = |name: &&str| {
        let mut text = std::fs::read_to_string(folder.join(name)).expect("the charter is in the repository");
        match *name {
            "recipients.yaml" => text.push_str(&["pointer", "random", "value"].map(recipient).concat()),
            "roles.yaml" => text.push_str(application),
            "purposes.yaml" => text = text.replace("phone, address]", "phone, birth_date, address]"),
            _ => {}
        }
        SourceFile { path: (*name).to_owned(), text }
    };
    avouch_charter::Charter::FILES.iter().map(read).collect()
}
