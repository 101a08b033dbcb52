//! The ledger cannot be written: the disk is full, the table is gone, the database takes no writes or its connections
//! break. Then nothing is shown and nothing is done, the answer says so, and what was acknowledged before is there after.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use avouch_client::{Client, Error, IdempotencyKey, Options, Stated};
use avouch_testkit::{Kind, both_engines};
use avouch_wire::{
    BatchResponse, Fields, KeyCreate, PageQuery, Problem, ProblemKind, RevealRequest, SubjectCreate,
};
use serde_json::json;

use super::doors::{Customer, canaries};
use super::load::{Rng, Worker, kind};
use super::stores::{Look, Side, event_number};
use super::vault::{Server, Vault};
use super::wire::Wire;
use super::{WORKERS, assert_stores_hold, callers, seed};

both_engines! {
    fn without_a_ledger_every_door_is_shut(databases) {
        let vault = Vault::new(databases, "info");
        let server = vault.serve();
        let customer = Customer::create(&vault, &server);
        let before = Look::take(&vault.stores());
        vault.stores().run(Side::Data, "alter table event rename to event_taken_away");
        assert_all_shut(&vault, &server, &customer);
        vault.stores().run(Side::Data, "alter table event_taken_away rename to event");
        let after = Look::take(&vault.stores());
        assert_eq!((after.records, after.events.len()), (before.records, before.events.len()));
        assert_all_open(&vault, &server, &customer);
        let (_, log) = server.stop();
        assert!(canaries().iter().all(|canary| !canary.is_in(log.as_bytes())), "{log}");
    }
}

#[test]
fn a_full_disk_shows_nothing_and_loses_nothing() {
    let databases = avouch_testkit::Place::new(Kind::Sqlite);
    let vault = Vault::new(&databases, "info");
    let server = vault.serve_with_limits();
    let customer = Customer::create(&vault, &server);
    let support = vault.client(&server, "support");

    // First the disk fills up in the course of work.
    let longest = ["avouch-data/data.db", "avouch-data/data.db-wal", "avouch-data/keys/keys.db-wal"]
        .map(|name| std::fs::metadata(vault.place.path(name)).map_or(0, |file| file.len()));
    server.limit_files(Some(longest.into_iter().max().unwrap_or_default() + (128 << 10)));
    let mut made = Vec::new();
    let refused = loop {
        match write(&support, made.len()) {
            Ok(subject) => made.push(subject),
            Err(error) => break error,
        }
        assert!(made.len() < 2_000, "the disk never fills up");
    };
    assert_eq!(kind(&refused), Some(ProblemKind::AuditUnavailable), "{refused}");
    let mut looks = Vec::new();
    let refused = loop {
        match look(&support, customer.id) {
            Ok(event) => looks.push(event),
            Err(error) => break error,
        }
        assert!(looks.len() < 2_000, "looks need no room");
    };
    assert_eq!(kind(&refused), Some(ProblemKind::AuditUnavailable), "{refused}");

    // Then not a byte is left.
    server.limit_files(Some(0));
    assert_all_shut(&vault, &server, &customer);

    // Room again: it goes on by itself, and everything that was acknowledged is there.
    server.limit_files(None);
    look(&support, customer.id).unwrap();
    let holds = |client: &Client| {
        for (number, id) in made.iter().enumerate() {
            let subject = client.reveal(*id, &reveal()).unwrap().subject;
            assert_eq!(subject.fields.0["email"], json!(format!("full.{number}@example.org")));
        }
        let look = Look::take(&vault.stores());
        look.assert_sound();
        assert_eq!(look.records.len(), made.len() + 1);
        assert!(looks.iter().all(|event| look.events.contains_key(&event_number(*event))));
    };
    holds(&support);
    assert!(server.stop().0.success());
    let server = vault.serve();
    holds(&vault.client(&server, "support"));
    assert_all_open(&vault, &server, &customer);
}

#[test]
fn a_server_that_cannot_record_its_start_does_not_start() {
    let databases = avouch_testkit::Place::new(Kind::Sqlite);
    let vault = Vault::new(&databases, "info");
    vault.stores().run(Side::Data, "alter table event rename to event_taken_away");
    let ended = vault.place.run(&["serve"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{}", ended.err);
}

#[test]
fn a_read_only_database_shows_nothing() {
    let databases = avouch_testkit::Place::new(Kind::Postgres);
    let vault = Vault::new(&databases, "info");
    let server = vault.serve();
    let customer = Customer::create(&vault, &server);
    let stores = vault.stores();
    let name = databases.urls().and_then(|(data, _)| data.rsplit('/').next()).unwrap();
    stores.run(Side::Data, &format!("alter database {name} set default_transaction_read_only = on"));
    stores.cut_connections();
    assert_all_shut(&vault, &server, &customer);
    stores.run(
        Side::Data,
        &format!("set transaction read write; alter database {name} reset default_transaction_read_only"),
    );
    stores.cut_connections();
    assert_all_open(&vault, &server, &customer);
}

/// How often all connections are cut under load.
const CUTS: usize = 15;

#[test]
fn broken_connections_lose_and_double_nothing() {
    let databases = avouch_testkit::Place::new(Kind::Postgres);
    let vault = Vault::new(&databases, "warn");
    let server = vault.serve();
    let seed = seed();
    let mut rng = Rng(seed);
    let mut workers: Vec<_> = (0..WORKERS).map(|number| Worker::new(number, seed)).collect();
    let (done, (sender, complaints)) = (AtomicBool::new(false), mpsc::channel::<String>());
    let cut = std::thread::scope(|scope| {
        for worker in &mut workers {
            let (callers, sender, done) = (callers(&vault, &server), sender.clone(), &done);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let Err(error) = worker.act(&callers) else { continue };
                    let cut_off = matches!(
                        kind(&error),
                        Some(ProblemKind::AuditUnavailable | ProblemKind::Busy | ProblemKind::Timeout)
                    );
                    if !cut_off {
                        let _ = sender.send(error.to_string());
                        return;
                    }
                    // Asked until somebody answers; the connections come back by themselves.
                    while worker.settle(&callers).is_err() {}
                }
            });
        }
        let mut cut = 0;
        for _ in 0..CUTS {
            if let Ok(complaint) = complaints.recv_timeout(rng.millis(50, 300)) {
                done.store(true, Ordering::SeqCst);
                panic!("{complaint}\n{}", server.written());
            }
            cut += vault.stores().cut_connections();
        }
        done.store(true, Ordering::SeqCst);
        cut
    });
    assert!(cut > CUTS * 4, "only {cut} connections were cut");
    // An erasure that was cut off between its two steps is finished at the next start.
    assert!(server.stop().0.success());
    let server = vault.serve();
    let callers = callers(&vault, &server);
    for worker in &mut workers {
        worker.settle(&callers).unwrap();
        worker.check(&callers, true);
    }
    assert_stores_hold(&vault, &workers);
    let acknowledged: usize = workers.iter().map(|worker| worker.acknowledged).sum();
    let fates: [usize; 2] = std::array::from_fn(|fate| workers.iter().map(|worker| worker.fates[fate]).sum());
    eprintln!(
        "{acknowledged} acts acknowledged; of those cut off, {} were done and {} not",
        fates[0], fates[1]
    );
    assert!(acknowledged > CUTS * WORKERS, "only {acknowledged} acts: this was no load");
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again_and_nothing_is_done_twice() {
    let databases = avouch_testkit::Place::new(Kind::Postgres);
    let vault = Vault::new(&databases, "info");
    let (data, _) = databases.urls().unwrap();
    let wire = Wire::before(data);
    vault.place.write("avouch.toml", &vault.place.read("avouch.toml").replace(data, &wire.url));
    let server = vault.serve();
    let support = vault.client(&server, "support");
    let request = SubjectCreate {
        fields: Fields::from_iter([("name".to_owned(), json!("Lost Answer"))]),
        again: false,
    };
    let create = |key: &IdempotencyKey| support.create(&request, &Stated::purpose("support"), Some(key));
    // The commit that is cut may be one of the server's own chores: then it is tried again.
    let mut others = 0;
    let cut = (0..10).find_map(|attempt| {
        let key = IdempotencyKey::new(format!("once-{attempt}")).unwrap();
        wire.cut_after_commit.store(true, Ordering::SeqCst);
        let lost = create(&key).err();
        others += usize::from(lost.is_none());
        lost.map(|lost| (key, lost))
    });
    let (key, lost) = cut.expect("an answer of ours was lost");
    assert_eq!(kind(&lost), Some(ProblemKind::Timeout), "{lost}");
    assert!(!wire.cut_after_commit.load(Ordering::SeqCst), "the connection was cut");
    let look = Look::take(&vault.stores());
    look.assert_sound();
    assert_eq!(look.records.len(), others + 1, "the commit was carried out");
    let made = (0..10).find_map(|_| create(&key).ok()).expect("the connection comes back");
    let look = Look::take(&vault.stores());
    assert_eq!(look.records.len(), others + 1, "and nothing was done twice");
    assert!(look.records.keys().any(|id| id == made.id.as_bytes()));
}

#[test]
fn a_key_whose_revocation_was_not_answered_lets_nobody_in() {
    let databases = avouch_testkit::Place::new(Kind::Postgres);
    let vault = Vault::new(&databases, "info");
    let (data, _) = databases.urls().unwrap();
    let wire = Wire::before(data);
    vault.place.write("avouch.toml", &vault.place.read("avouch.toml").replace(data, &wire.url));
    let server = vault.serve();
    let admin = vault.client(&server, "admin");
    let auditor = admin.principals(&PageQuery::default()).unwrap().items.into_iter();
    let auditor = auditor.rev().find(|principal| principal.name == "auditor").unwrap().id;
    // The commit that is cut may be one of the server's own chores: then another key is revoked.
    let lost = (0..10).find_map(|_| {
        let key =
            KeyCreate { label: "short".to_owned(), expires_in_days: 1, networks: Vec::new(), honey: false };
        let made = admin.key_create(auditor, &key).ok()?;
        let mut options = Options::new(&server.url, made.key);
        options.patience = Duration::ZERO;
        wire.cut_after_commit.store(true, Ordering::SeqCst);
        let lost = admin.key_revoke(auditor, made.id).err()?;
        Some((Client::new(options).unwrap(), lost))
    });
    let (revoked, lost) = lost.expect("an answer of ours was lost");
    assert_eq!(kind(&lost), Some(ProblemKind::Timeout), "{lost}");
    let refused = revoked.key_state().expect_err("the key is revoked");
    assert_eq!(kind(&refused), Some(ProblemKind::NotAuthenticated), "{refused}");
}

/// Whoever asks, the answer is that the record cannot be written, and nothing else is in it.
#[track_caller]
fn assert_all_shut(vault: &Vault<'_>, server: &Server, customer: &Customer) {
    let canaries = canaries();
    let shows =
        |whole: &str| canaries.iter().find(|canary| canary.is_in(whole.as_bytes())).map(|c| c.text.clone());
    for (role, ask) in customer.doors() {
        let answer = server.ask(vault.key(role), &ask);
        let door = format!("{} {}", ask.method, ask.path);
        assert_eq!(shows(&answer.whole), None, "{door} shows it");
        assert_eq!(answer.status, 503, "{door}: {}", answer.whole);
        let problem: Problem = serde_json::from_str(answer.body()).unwrap();
        assert_eq!(problem.kind, ProblemKind::AuditUnavailable, "{door}");
    }
    let answer = server.ask(vault.key("support"), &customer.batch());
    assert_eq!(shows(&answer.whole), None, "a batch shows it");
    let results: BatchResponse = serde_json::from_str(answer.body()).unwrap();
    assert!(results.items.iter().all(|item| item.status == 503), "{}", answer.whole);
}

/// The same requests are answered.
#[track_caller]
fn assert_all_open(vault: &Vault<'_>, server: &Server, customer: &Customer) {
    let answer = server.ask(vault.key("support"), &customer.batch());
    let results: BatchResponse = serde_json::from_str(answer.body()).unwrap();
    let open = results.items.iter().all(|item| item.status < 300);
    assert!(open, "{}", answer.whole);
    for (role, mut ask) in customer.doors() {
        if ask.method == "PATCH" {
            // The batch made the second version.
            ask.headers.retain(|(name, _)| *name != "If-Match");
            ask.headers.push(("If-Match", "\"2\""));
        }
        let answer = server.ask(vault.key(role), &ask);
        assert!(answer.status < 300, "{} {}: {}", ask.method, ask.path, answer.whole);
    }
}

fn write(support: &Client, number: usize) -> Result<uuid::Uuid, Error> {
    let fields = [
        ("name".to_owned(), json!("Full Disk")),
        ("email".to_owned(), json!(format!("full.{number}@example.org"))),
        ("notes".to_owned(), json!("x".repeat(3_000))),
    ];
    let request = SubjectCreate { fields: Fields::from_iter(fields), again: false };
    support.create(&request, &Stated::purpose("support"), None).map(|made| made.id)
}

fn look(support: &Client, id: uuid::Uuid) -> Result<uuid::Uuid, Error> {
    support.reveal(id, &reveal()).map(|revealed| revealed.event)
}

fn reveal() -> RevealRequest {
    RevealRequest {
        purpose: "support".to_owned(),
        reason: Some("test".to_owned().into()),
        fields: vec!["email".to_owned()],
        view: None,
    }
}
