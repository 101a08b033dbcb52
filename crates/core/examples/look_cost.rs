//! What it costs that a look is watched: the same reveals by a program, whom nobody watches, and by people, without ties and with one.
//!
//! ```text
//! cargo run --release -p avouch-core --example look_cost
//! ```

use std::sync::mpsc;
use std::time::Instant;

use avouch_core::gate::principals::{CreateKey, CreatePrincipal};
use avouch_core::gate::{Caller, Reason};
use avouch_core::vault::{CreateSubject, Returning, RevealSubject};
use avouch_core::watch::{Holder, NewTie, PutTies, TieKind, Whom};
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Kind, Place};
use serde_json::json;

#[path = "bed/bed.rs"]
mod bed;
use bed::Bed;

const CUSTOMERS: usize = 2_000;
const STAFF: usize = 100;
const ROUNDS: usize = 20_000;

fn main() -> Result<(), Error> {
    let engine = match std::env::args().nth(1).as_deref() {
        Some("postgres") => Kind::Postgres,
        _ => Kind::Sqlite,
    };
    let place = Place::new(engine);
    let bed = Bed::new(&place)?;
    let people = (0..STAFF).map(|_| clerk(&bed)).collect::<Result<Vec<_>, _>>()?;
    let customers = (0..CUSTOMERS).map(|at| customer(&bed, at)).collect::<Result<Vec<_>, _>>()?;
    let application = [bed.application.clone()];
    for round in 1..=3 {
        let program = reveals(&bed, &application, &customers);
        let untied = reveals(&bed, &people, &customers);
        println!("{round}: by a program {program:.1} us, by people {untied:.1} us");
    }
    for some in customers.chunks(500) {
        let tie = |id: &SubjectId| NewTie {
            whom: Whom::Id(*id),
            holder: Holder::Any,
            kind: TieKind::Case,
            begins: None,
            ends: None,
            reference: None,
        };
        bed.act(PutTies::new(&bed.app, some.iter().map(tie).collect())?)?;
    }
    for round in 1..=3 {
        let program = reveals(&bed, &application, &customers);
        let tied = reveals(&bed, &people, &customers);
        println!("{round}: by a program {program:.1} us, by people with a tie {tied:.1} us");
    }
    let start = Instant::now();
    bed.app.keep_watch()?;
    println!(
        "keeping what is known of {} people: {:.1} ms",
        bed.app.watched().0,
        start.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}

/// Microseconds for each, many under way at once.
fn reveals(bed: &Bed, who: &[Caller], customers: &[SubjectId]) -> f64 {
    let (sender, receiver) = mpsc::channel();
    let start = Instant::now();
    for round in 0..ROUNDS {
        let id = customers.get(round.wrapping_mul(7919) % customers.len()).copied().expect("one of them");
        let caller = who.get(round % who.len()).expect("one of them");
        let reveal = RevealSubject {
            id,
            purpose: Some("delivery".to_owned()),
            reason: Some(Reason::parse("a measurement").expect("a reason")),
            fields: vec!["email".to_owned()],
            least: None,
        };
        let sender = sender.clone();
        bed.app.perform(caller, reveal, move |done| {
            let _ = sender.send(done.is_ok());
        });
        // So many wait for the disk together.
        if round >= 64 {
            assert!(receiver.recv().expect("an answer"), "shown");
        }
    }
    drop(sender);
    assert!(receiver.iter().all(|shown| shown));
    start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(ROUNDS).expect("small"))
}

fn clerk(bed: &Bed) -> Result<Caller, Error> {
    let create = CreatePrincipal {
        kind: "staff".to_owned(),
        name: "a clerk".to_owned(),
        login: None,
        manager: None,
        person: None,
        contact: None,
        roles: vec!["clerk".to_owned()],
        recipient: None,
        networks: Vec::new(),
        days: None,
    };
    let principal = bed.by_admin(create)?.id;
    let key = CreateKey { principal, label: "bench".to_owned(), days: 1, networks: Vec::new() };
    let key = bed.by_admin(key)?.key;
    Ok(bed.app.authenticate(&key, [127, 0, 0, 1].into()).expect("the key was made a moment ago"))
}

fn customer(bed: &Bed, at: usize) -> Result<SubjectId, Error> {
    let fields = json!({"name": format!("Person {at}"), "email": format!("p{at}@example.org")});
    let fields = fields.as_object().expect("an object");
    let create = CreateSubject::new(&bed.app, fields, Some("delivery".to_owned()), None)?;
    let create = avouch_core::app::Once { operation: create.returning(Returning::Ask), key: None };
    Ok(bed.act(create)?.id)
}
