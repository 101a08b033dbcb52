//! The log: what is sequenced, what is signed, and what is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use avouch_core::EventId;
use avouch_core::app::App;
use avouch_core::audit::Event;
use avouch_core::erasure::{LiftHold, PlaceHold};
use avouch_core::gate::Reason;
use avouch_core::ledger::Prove;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{Note, VerifierKey, open_checkpoint};
use avouch_ledger::tree::Frontier;
use avouch_testkit::both_engines;
use serde_json::json;

use crate::erasure::{Order, erase};
use crate::house::{House, ana};

avouch_store::statements! {
    data ENTRIES = "select l.idx, e.id, e.body from leaf l join event e on e.id = l.event where l.log = ?1 order by l.idx";
    data NOTES = "select note from checkpoint where log = ?1 order by size";
    data EVENTS = "select count(*) from event";
    data IDS = "select id from event order by id";
    data NEWEST = "select max(id) from event";
    data WAITING = "select count(*) from event where id > (select max(reached) from log)";
    data LEASE = "select lease from log where id = ?1";
    data LOG_SIZE = "select size from log where id = ?1";
}

fn number(app: &App, statement: &'static avouch_store::Statement, params: &[avouch_store::Param<'_>]) -> i64 {
    app.store()
        .snapshot(|tx| tx.first(statement, params, |row| row.int(0)))
        .expect("read")
        .unwrap_or_default()
}

/// Every leaf of a log, in order and without a gap.
pub(crate) fn entries(app: &App, log: i64) -> Vec<(EventId, Vec<u8>)> {
    let rows = app.store().snapshot(|tx| {
        tx.query(&ENTRIES, avouch_store::params![log], |row| {
            Ok((row.int(0)?, EventId::from_int(row.int(1)?), row.blob(2)?.to_vec()))
        })
    });
    let rows: Vec<_> = rows.expect("read");
    assert!(rows.iter().enumerate().all(|(at, (index, ..))| i64::try_from(at) == Ok(*index)), "a gap");
    assert_eq!(i64::try_from(rows.len()), Ok(number(app, &LOG_SIZE, avouch_store::params![log])));
    rows.into_iter().map(|(_, id, body)| (id, body)).collect()
}

/// The ids of all events.
pub(crate) fn events(app: &App) -> Vec<EventId> {
    let ids = app.store().snapshot(|tx| tx.query(&IDS, &[], |row| Ok(EventId::from_int(row.int(0)?))));
    ids.expect("read")
}

/// The keys of the log that goes on, and its newest checkpoint.
fn keys_and_newest(app: &Arc<App>) -> (Vec<VerifierKey>, Checkpoint) {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    app.log_state(move |state| drop(sender.send(state)));
    let state = receiver.recv().expect("an answer").expect("the state of the log");
    let keys = state.logs[0].keys.iter().map(|key| VerifierKey::parse(key).expect("a key"));
    (keys.collect(), state.published.expect("signed").checkpoint.clone())
}

/// All that was signed of a log, verified with its keys and against its leaves.
pub(crate) fn checkpoints(app: &Arc<App>, log: i64) -> Vec<Checkpoint> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    app.log_state(move |state| drop(sender.send(state)));
    let state = receiver.recv().expect("an answer").expect("the state of the log");
    let one = state.logs.iter().find(|one| one.number == log).expect("there is such a log");
    let keys: Vec<VerifierKey> = one.keys.iter().map(|key| VerifierKey::parse(key).expect("a key")).collect();
    let notes = app
        .store()
        .snapshot(|tx| tx.query(&NOTES, avouch_store::params![log], |row| Ok(row.text(0)?.to_owned())));
    let mut tree = Frontier::new();
    let mut leaves = entries(app, log).into_iter();
    let verify = |note: String| {
        assert_eq!(Note::parse(&note).expect("a note").lines().len(), 2, "signed with both keys");
        let opened = open_checkpoint(&note, &keys).expect("signed");
        assert_eq!((opened.of_log().count(), &opened.checkpoint().origin), (2, &one.origin));
        let checkpoint = opened.checkpoint().clone();
        while tree.size() < checkpoint.size {
            tree.push(Hash::leaf(&leaves.next().expect("it covers what is there").1));
        }
        assert_eq!(tree.root(), checkpoint.root, "at {}", checkpoint.size);
        checkpoint
    };
    notes.expect("read").into_iter().map(verify).collect()
}

fn sizes(app: &Arc<App>, log: i64) -> Vec<u64> {
    checkpoints(app, log).iter().map(|checkpoint| checkpoint.size).collect()
}

pub(crate) fn decoded(body: &[u8]) -> Event {
    minicbor::decode(body).expect("an event")
}

/// Gives what waits its place, and signs.
pub(crate) fn publish(house: &House<'_>) {
    house.app.sequence().expect("sequenced");
    house.app.publish().expect("published");
}

both_engines! {
    fn every_event_gets_one_place_and_what_is_signed_goes_on_from_what_was(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let ana = house.create(&house.importer, ana()).expect("created");
        let made = number(&house.app, &EVENTS, &[]);
        assert_eq!(number(&house.app, &WAITING, &[]), made);
        assert_eq!(house.app.sequence().expect("sequenced"), made.cast_unsigned());
        assert_eq!(house.app.sequence().expect("nothing waits"), 0);
        let published = house.app.publish().expect("published").expect("there is something");
        assert_eq!(published.checkpoint.size, made.cast_unsigned());
        assert_eq!(house.app.publish().expect("published"), None, "nothing has changed");
        for _ in 0..300 {
            house.reveal(&support, ana, &["name"]).expect("shown");
        }
        publish(&house);
        house.reveal(&support, ana, &["phones"]).expect("shown");
        publish(&house);
        let all = made.cast_unsigned() + 301;
        assert_eq!(sizes(&house.app, 1), [made.cast_unsigned(), all - 1, all]);
        let leaves = entries(&house.app, 1);
        assert!(leaves.windows(2).all(|pair| pair[0].0 < pair[1].0), "in the order in which they happened");
        assert!(leaves.iter().all(|(id, body)| decoded(body).id == id.int()), "each says which event it is");

        let house = house.reopen();
        publish(&house);
        assert_eq!(sizes(&house.app, 1).last(), Some(&(all + 1)), "the opening is an event");
    }

    fn nothing_is_missed_or_doubled_while_everybody_writes(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let auditor = house.hire("auditor", "auditor", None);
        let people: Vec<_> = (0..4)
            .map(|n| house.create(&house.importer, json!({"external_id": format!("C-{n}"), "name": "Ana"})).expect("created"))
            .collect();
        publish(&house);
        let proven = entries(&house.app, 1)[0].0;
        let (done, proofs) = (AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    publish(&house);
                }
            });
            // Whoever asks for proofs all the time does not keep events from their places.
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        for event in [proven, EventId::from_int(number(&house.app, &NEWEST, &[]))] {
                            let proof = house.act(&auditor, Prove { event });
                            proofs.fetch_add(u32::from(proof.is_ok()), Ordering::Relaxed);
                        }
                    }
                });
            }
            let writers: Vec<_> = people
                .iter()
                .map(|id| {
                    let (house, support) = (&house, &support);
                    scope.spawn(move || {
                        for round in 0..100 {
                            house.reveal(support, *id, &["name"]).expect("shown");
                            if round % 10 == 0 {
                                // Refused, and undone: its record has a place too, and what was undone has none.
                                house.update(support, *id, 7, json!({"notes": "x"})).expect_err("stale");
                            }
                        }
                    })
                })
                .collect();
            writers.into_iter().for_each(|writer| writer.join().expect("no panic"));
            done.store(true, Ordering::Release);
        });
        assert!(proofs.load(Ordering::Relaxed) > 0);
        publish(&house);
        let leaves = entries(&house.app, 1);
        assert_eq!(i64::try_from(leaves.len()), Ok(number(&house.app, &EVENTS, &[])));
        assert_eq!(number(&house.app, &WAITING, &[]), 0);
        let reveals = leaves.iter().filter(|(_, body)| decoded(body).what == "subject.reveal").count();
        assert_eq!(reveals, 400);
        let signed = sizes(&house.app, 1);
        assert_eq!(signed.last(), Some(&(leaves.len() as u64)));
        assert!(signed.len() > 2, "signed meanwhile too");
    }

    fn data_that_are_older_than_what_was_published_begin_another_log_that_says_so(place) {
        let house = House::new(place);
        publish(&house);
        let kept = ["event", "log", "leaf", "tile", "checkpoint"];
        for table in kept {
            let sql = format!("create table kept_{table} as select * from {table}");
            place.meddle(false, &sql, &sql);
        }
        let old = checkpoints(&house.app, 1).pop().expect("one");
        house.create(&house.importer, ana()).expect("created");
        publish(&house);
        let lost = checkpoints(&house.app, 1).pop().expect("another");
        let house = house.reopened_after(|| {
            for table in kept {
                let sql = format!("delete from {table}; insert into {table} select * from kept_{table}");
                place.meddle(false, &sql, &sql);
            }
        });
        // Not a second time, before anything is signed.
        let house = house.reopen();
        publish(&house);
        assert_eq!(checkpoints(&house.app, 1), [old], "what was signed of the old log stays as it was");
        let first = decoded(&entries(&house.app, 2)[0].1);
        let before = first.before.expect("it says what was published of the one before");
        assert_eq!((first.what.as_str(), before.log), ("log.begin", 1));
        assert_eq!((before.size, Hash(*before.root)), (lost.size, lost.root));
        let origins = [lost.origin, checkpoints(&house.app, 2).pop().expect("signed").origin];
        assert_ne!(origins[0], origins[1], "no witness takes one for the other");
        assert_eq!(number(&house.app, &LEASE, avouch_store::params![1i64]), i64::MAX, "nobody else may go on with it either");
        let house = house.reopen();
        publish(&house);
        assert_eq!(sizes(&house.app, 2).len(), 2, "and it goes on");
    }

    fn one_node_sequences_and_another_takes_over_when_it_is_gone(place) {
        let house = House::new(place);
        publish(&house);
        let size = number(&house.app, &LOG_SIZE, avouch_store::params![1_i64]);
        house.create(&house.importer, ana()).expect("created");
        // Another node has just done it.
        let until = house.app.now() + 3_000_000;
        let [sqlite, postgres] =
            ["x'aa'", "'\\xaa'"].map(|node| format!("update log set holder = {node}, lease = {until}"));
        place.meddle(false, &sqlite, &postgres);
        assert_eq!(house.app.sequence().expect("it is left to the other one"), 0);
        assert_eq!(number(&house.app, &LOG_SIZE, avouch_store::params![1_i64]), size);
        house.clock.advance(std::time::Duration::from_secs(4));
        assert_eq!(house.app.sequence().expect("taken over"), 1);
        publish(&house);
        checkpoints(&house.app, 1);
    }

    fn an_event_that_comes_late_gets_its_place_after_those_that_came_before_it(place) {
        let house = House::new(place);
        house.create(&house.importer, ana()).expect("created");
        publish(&house);
        let before = entries(&house.app, 1);
        // As a commit that was cut off from whoever waited for it, and came all the same.
        let late = "insert into event (id, body) select id - 1, body from event order by id desc limit 1";
        let house = house.reopened_after(|| place.meddle(false, late, late));
        publish(&house);
        let after = entries(&house.app, 1);
        assert!(after.starts_with(&before));
        let late = EventId::from_int(before.last().expect("some").0.int() - 1);
        assert_eq!(after.iter().filter(|(id, _)| *id == late).count(), 1);
        checkpoints(&house.app, 1);
    }

    fn what_somebody_sets_back_while_the_server_is_up_is_not_signed_another_way(place) {
        let house = House::new(place);
        publish(&house);
        let kept = ["event", "log", "leaf", "tile", "checkpoint"];
        for table in kept {
            let sql = format!("create table kept_{table} as select * from {table}");
            place.meddle(false, &sql, &sql);
        }
        house.create(&house.importer, ana()).expect("created");
        publish(&house);
        for table in kept {
            let sql = format!("delete from {table}; insert into {table} select * from kept_{table}");
            place.meddle(false, &sql, &sql);
        }
        house.create(&house.importer, json!({"external_id": "C-2", "name": "Bob"})).expect("what is done is on record");
        house.app.sequence().expect("sequenced");
        house.app.publish().expect_err("it was signed another way before");
        assert!(house.app.log_fault().is_some());
        let signed = checkpoints(&house.app, 1);
        assert_eq!(signed.len(), 1, "nothing was signed since");
    }

    fn a_log_that_was_altered_is_not_signed_again(place) {
        let house = House::new(place);
        publish(&house);
        let size = sizes(&house.app, 1)[0];
        // One bit of a tile.
        let [sqlite, postgres] = [
            "update tile set hashes = cast(x'00' || substr(hashes, 2) as blob) where level = 0",
            "update tile set hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) where level = 0",
        ];
        place.meddle(false, sqlite, postgres);
        house.create(&house.importer, ana()).expect("created: what was done is on record");
        house.app.sequence().expect_err("not what was signed");
        assert_eq!(house.app.publish().expect("nothing is signed"), None);
        assert!(house.app.log_fault().is_some());
        let house = house.reopen();
        publish(&house);
        let (_, first) = entries(&house.app, 2).remove(0);
        assert_eq!(decoded(&first).before.map(|before| before.size), Some(size));
    }

    fn what_was_kept_long_enough_goes_and_every_proof_still_holds(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let (old, young) = (house.create(&house.importer, ana()).expect("created"), house.create(&house.importer, json!({"external_id": "C-2", "name": "Bob"})).expect("created"));
        for _ in 0..600 {
            house.reveal(&support, old, &["name"]).expect("shown");
        }
        publish(&house);
        let before = entries(&house.app, 1);
        let proof = house.act(&house.admin, avouch_core::ledger::Prove { event: before[3].0 }).expect("proven");
        house.clock.advance(std::time::Duration::from_secs(10 * 86_400));
        house.reveal(&support, young, &["name"]).expect("shown");
        publish(&house);
        assert_eq!(house.app.prune_log(20, &[]).expect("nothing is so old"), 0);
        // Who is to be sent everything has to have it first.
        let receivers = ["siem".to_owned()];
        let pruned = || house.app.prune_log(5, &receivers).expect("pruned");
        assert_eq!(pruned(), 0);
        house.app.siem_sent("siem", 1, 300).expect("noted");
        assert_eq!((pruned(), pruned()), (256, 0));
        house.app.siem_sent("siem", 2, 0).expect("noted");
        assert_eq!(pruned(), 256);
        assert_eq!(house.app.prune_log(5, &[]).expect("pruned already"), 0);
        publish(&house);
        // What is left of the entries, and tiles that are as they were.
        avouch_store::statements! { data LEFT = "select min(idx) from leaf where log = 1"; data LINKS = "select count(*) from event_subject"; }
        assert_eq!(number(&house.app, &LEFT, &[]), 512);
        assert!(number(&house.app, &LINKS, &[]) < 100, "what led to them has gone along");
        let (keys, newest) = keys_and_newest(&house.app);
        let receipt = avouch_ledger::receipt::Receipt::parse(&proof.receipt).expect("a receipt");
        receipt.verify_by_log(&proof.entry, &keys).expect("a proof that was given holds");
        let now = house.act(&house.admin, avouch_core::ledger::Prove { event: before[600].0 }).expect("proven");
        let receipt = avouch_ledger::receipt::Receipt::parse(&now.receipt).expect("a receipt");
        assert_eq!(receipt.verify_by_log(&now.entry, &keys).expect("proven").checkpoint(), &newest);
        house.act(&house.admin, avouch_core::ledger::Prove { event: before[3].0 }).expect_err("it is gone");
        house.reveal(&support, old, &["name"]).expect("records do not need their events");
        assert!(house.events().iter().any(|event| event.what == "log.prune" && event.count == 256));
        // A hold keeps everything.
        for _ in 0..300 {
            house.reveal(&support, young, &["name"]).expect("shown");
        }
        let dpo = house.hire("staff", "dpo", None);
        let purpose = Some("data_rights".to_owned());
        let reason = Reason::parse("case 1").expect("a reason");
        let hold = PlaceHold { subject: young, class: None, reason, until: None, purpose: purpose.clone() };
        let hold = house.act(&dpo, hold).expect("held");
        publish(&house);
        house.clock.advance(std::time::Duration::from_secs(10 * 86_400));
        assert_eq!(house.app.prune_log(5, &[]).expect("held"), 0);
        house.act(&dpo, LiftHold { subject: young, id: hold.id, purpose, reason: None }).expect("lifted");
        assert_eq!(house.app.prune_log(5, &[]).expect("pruned"), 256);
    }

    fn who_was_erased_stays_proven_and_is_led_to_by_nothing(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        house.reveal(&support, id, &["name"]).expect("shown");
        publish(&house);
        let before = entries(&house.app, 1);
        erase(&house, &dpo, id, Order::default()).expect("erased");
        publish(&house);
        let after = entries(&house.app, 1);
        assert!(after.starts_with(&before), "not a byte of what was there has changed");
        checkpoints(&house.app, 1);
        let shown = after.iter().map(|(_, body)| decoded(body)).find(|event| event.what == "subject.reveal");
        let pseudonym = *shown.expect("still there").subjects[0];
        avouch_store::statements! {
            data LEADS = "select count(*) from event_subject where pseudonym = ?1";
        }
        assert_eq!(number(&house.app, &LEADS, avouch_store::params![&pseudonym]), 0);
        // Neither do the bytes of the person's id stand in any leaf.
        assert!(after.iter().all(|(_, body)| !body.windows(16).any(|window| window == id.bytes())));
    }
}
