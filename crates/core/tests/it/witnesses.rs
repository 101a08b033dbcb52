//! What others sign of the log, and what they do not sign.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use avouch_core::audit::Before;
use avouch_core::ledger::{AskError, Asked, LastSigned, LogState, Prove, Witness, WitnessLine, Witnesses};
use avouch_ledger::evidence::{Evidence, Finding};
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{Cosigner, LogSigner, Note, VerifierKey, open_checkpoint};
use avouch_ledger::policy::Policy;
use avouch_ledger::receipt::Receipt;
use avouch_ledger::witness::{AddCheckpoint, Answer, Seen, judge, log_id};
use avouch_testkit::{Place, both_engines};

use crate::backup::{both, restore};
use crate::house::{House, ana};
use crate::log::{decoded, entries, publish};

/// A witness of the same protocol, a call away: what `avouch witness` does, with its memory in a table.
#[derive(Debug)]
struct Elsewhere {
    cosigners: [Cosigner; 2],
    logs: Mutex<Vec<VerifierKey>>,
    stored: Mutex<BTreeMap<String, (Seen, String)>>,
    reachable: AtomicBool,
}

impl Elsewhere {
    fn new(name: &str, seed: u8) -> Arc<Self> {
        let cosigners = [
            Cosigner::ed25519(name, &[seed; 32]).expect("a key"),
            Cosigner::ml_dsa(name, &[seed + 1; 32]).expect("a key"),
        ];
        let (logs, stored, reachable) = Default::default();
        Arc::new(Self { cosigners, logs, stored, reachable }).reach(true)
    }

    fn reach(self: Arc<Self>, reachable: bool) -> Arc<Self> {
        self.reachable.store(reachable, Ordering::Release);
        self
    }

    fn keys(&self) -> Vec<VerifierKey> {
        self.cosigners.iter().map(|cosigner| cosigner.verifier_key().clone()).collect()
    }

    /// Its operator adds the keys of every log of this vault.
    fn signs_for(&self, house: &House<'_>) {
        *self.logs.lock().expect("whole") = keys(house);
    }

    fn newest(&self, origin: &str) -> Seen {
        self.stored.lock().expect("whole")[&log_id(origin)].0
    }
}

impl WitnessLine for Elsewhere {
    fn add_checkpoint(&self, request: &str) -> Result<(u16, String), String> {
        if !self.reachable.load(Ordering::Acquire) {
            return Err("no connection".to_owned());
        }
        let request = AddCheckpoint::parse(request).expect("a request");
        let mut stored = self.stored.lock().expect("whole");
        let id = log_id(request.origin());
        let seen = stored.get(&id).map(|(seen, _)| *seen);
        let answer = judge(seen, &*self.logs.lock().expect("whole"), &request).expect("judged");
        let accepted = match answer {
            Answer::Accepted(accepted) => accepted,
            refused => return Ok((refused.status(), refused.body())),
        };
        let seen = accepted.seen();
        let ready = accepted.store(|_| Ok::<_, ()>(())).expect("kept below");
        let cosigned = ready.cosign(&self.cosigners, 1_800_000_000).expect("signed");
        stored.insert(id, (seen, cosigned.note));
        Ok((200, cosigned.lines))
    }

    fn checkpoint(&self, log: &str) -> Result<Option<String>, String> {
        if !self.reachable.load(Ordering::Acquire) {
            return Err("no connection".to_owned());
        }
        Ok(self.stored.lock().expect("whole").get(log).map(|(_, note)| note.clone()))
    }
}

fn by(list: &[&Arc<Elsewhere>], quorum: usize) -> Witnesses {
    let witness =
        |one: &&Arc<Elsewhere>| Witness { keys: one.keys(), line: Arc::clone(*one) as Arc<dyn WitnessLine> };
    Witnesses { list: list.iter().map(witness).collect(), quorum, patience: Duration::from_secs(600) }
}

fn state(house: &House<'_>) -> LogState {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    house.app.log_state(move |state| drop(sender.send(state)));
    receiver.recv().expect("an answer").expect("the state of the log")
}

/// Of every log.
fn keys(house: &House<'_>) -> Vec<VerifierKey> {
    let state = state(house);
    let keys = state.logs.iter().flat_map(|log| &log.keys);
    keys.map(|key| VerifierKey::parse(key).expect("a key")).collect()
}

/// As for the first time since the start.
fn ask(house: &House<'_>, at: usize) -> Result<Asked, AskError> {
    house.app.ask_witness(at, &mut LastSigned::default())
}

/// Who has signed the newest checkpoint.
fn signed(house: &House<'_>) -> Vec<String> {
    state(house).published.expect("one").witnesses.clone()
}

fn size(house: &House<'_>) -> u64 {
    state(house).published.expect("one").checkpoint.size
}

/// What the log that goes on says of the one before.
fn before(house: &House<'_>) -> (i64, Before) {
    let log = state(house).logs[0].number;
    let first = decoded(&entries(&house.app, log)[0].1);
    assert_eq!(first.what, "log.begin");
    (log, first.before.expect("it says what was published of the one before"))
}

const DATA: &[&str] = &["event", "log", "leaf", "tile", "checkpoint"];

/// Copies what an older copy of both stores would bring back.
fn copy(place: &Place) {
    for (keys, tables) in [(false, DATA), (true, &["published"])] {
        for table in tables {
            let sql = format!("create table kept_{table} as select * from {table}");
            place.meddle(keys, &sql, &sql);
        }
    }
}

/// Puts the copy back.
fn put_back(place: &Place) {
    for (keys, tables) in [(false, DATA), (true, &["published"])] {
        for table in tables {
            let sql = format!("delete from {table}; insert into {table} select * from kept_{table}");
            place.meddle(keys, &sql, &sql);
        }
    }
}

both_engines! {
    fn what_a_witness_has_signed_is_beneath_the_checkpoint_and_in_the_proofs(place) {
        let (first, second) = (Elsewhere::new("example.org/w1", 10), Elsewhere::new("example.org/w2", 20));
        let house = House::witnessed(place, by(&[&first, &second], 2));
        house.create(&house.importer, ana()).expect("created");
        publish(&house);
        assert!(matches!(ask(&house, 0), Err(AskError::UnknownLog)), "its operator decides");
        first.signs_for(&house);
        second.signs_for(&house);
        assert_eq!(ask(&house, 0).expect("asked"), Asked::Cosigned(size(&house)));
        assert_eq!(ask(&house, 0).expect("asked"), Asked::Nothing);
        assert_eq!((signed(&house), state(&house).witnessed), (vec!["example.org/w1".to_owned()], None));
        assert_eq!(ask(&house, 1).expect("asked"), Asked::Cosigned(size(&house)));
        assert_eq!(signed(&house), ["example.org/w1", "example.org/w2"]);
        assert_eq!(state(&house).unwitnessed_since, None);

        let proof = |event| house.act(&house.admin, Prove { event }).expect("proven");
        let event = entries(&house.app, 1)[0].0;
        let witnessed = proof(event);
        let all = [keys(&house), first.keys(), second.keys()].concat();
        let [log, log_too, one, one_too, two, two_too] = &*all else { panic!("six keys") };
        let policy = format!(
            "log {log}\nlog {log_too}\nwitness a {one}\nwitness b {one_too}\nwitness c {two}\nwitness d {two_too}\n\
             group first any a b\ngroup second any c d\ngroup both all first second\nquorum both\n"
        );
        let policy = Policy::parse(&policy).expect("a policy");
        let receipt = Receipt::parse(&witnessed.receipt).expect("a receipt");
        let standing = receipt.verify(&witnessed.entry, &policy).expect("in the log");
        assert!(standing.is_witnessed());
        assert_eq!(standing.witnesses().len(), 4, "both, with both of their keys");

        // A newer checkpoint that nobody has signed yet takes nothing away from what is proven.
        publish(&house);
        assert!(signed(&house).is_empty() && state(&house).unwitnessed_since.is_some());
        assert_eq!(proof(event).receipt, witnessed.receipt);
        let house = house.reopen();
        let proof = |event| house.act(&house.admin, Prove { event }).expect("proven");
        assert_eq!(proof(event).receipt, witnessed.receipt, "nor does a new start");
        let mut last = LastSigned::default();
        for _ in 0..3 {
            publish(&house);
            assert_eq!(house.app.ask_witness(0, &mut last).expect("asked"), Asked::Cosigned(size(&house)));
            house.create(&house.importer, serde_json::json!({"name": "Ben"})).expect("created");
        }
    }

    fn a_checkpoint_that_was_witnessed_is_kept_among_those_that_were_not(place) {
        let witness = Elsewhere::new("example.org/w", 10);
        let house = House::witnessed(place, by(&[&witness], 1));
        witness.signs_for(&house);
        for asked in [false, true, false, false] {
            house.create(&house.importer, serde_json::json!({"name": "Ana"})).expect("created");
            publish(&house);
            if asked {
                ask(&house, 0).expect("asked");
            }
        }
        let kept = |house: &House<'_>| {
            let (sender, receiver) = std::sync::mpsc::sync_channel(1);
            house.app.log_checkpoints(1, 0, move |page| drop(sender.send(page)));
            let page = receiver.recv().expect("an answer").expect("a page");
            page.iter().map(|(_, note)| Note::parse(note).expect("a note").lines().len()).collect::<Vec<_>>()
        };
        assert_eq!(kept(&house), [2, 4, 2, 2]);
        house.clock.advance(Duration::from_secs(100_000));
        house.app.sweep().expect("swept");
        assert_eq!(kept(&house), [4, 2], "the last of that hour, and the last that was witnessed");
    }

    fn a_witness_that_is_silent_holds_up_nothing_and_is_an_alarm_after_a_while(place) {
        let witness = Elsewhere::new("example.org/w", 10);
        let house = House::witnessed(place, by(&[&witness], 1));
        witness.signs_for(&house);
        publish(&house);
        ask(&house, 0).expect("asked");
        let witness = witness.reach(false);
        house.clock.advance(Duration::from_secs(3_600));
        assert!(!house.app.unwitnessed_for_too_long(), "nothing has happened that it has not signed");
        house.create(&house.importer, ana()).expect("created");
        publish(&house);
        assert!(matches!(ask(&house, 0), Err(AskError::Line(_))));
        assert!(!house.app.unwitnessed_for_too_long());
        house.clock.advance(Duration::from_secs(601));
        house.create(&house.importer, serde_json::json!({"name": "Ben"})).expect("created");
        publish(&house);
        let alarmed = state(&house);
        assert!(house.app.unwitnessed_for_too_long() && alarmed.fault.is_none());
        witness.reach(true);
        ask(&house, 0).expect("asked");
        let calm = state(&house);
        assert!(!house.app.unwitnessed_for_too_long() && calm.witnessed == calm.published);
    }

    fn old_copies_of_both_stores_begin_another_log_where_a_witness_knows_better(place) {
        let witness = Elsewhere::new("example.org/w", 10);
        let house = House::witnessed(place, by(&[&witness], 1));
        witness.signs_for(&house);
        publish(&house);
        ask(&house, 0).expect("asked");
        copy(place);
        house.create(&house.importer, ana()).expect("created");
        publish(&house);
        ask(&house, 0).expect("asked");
        let origin = state(&house).logs[0].origin.clone();
        let house = house.reopened_after(|| put_back(place));
        publish(&house);
        let (log, named) = before(&house);
        let seen = witness.newest(&origin);
        assert_eq!((log, named.log, named.size, Hash(*named.root)), (2, 1, seen.size, seen.root));
        assert!(house.app.take_evidence().is_empty(), "nobody has signed anything that is not so");
        // It signs for the new log once its operator has heard why there is one.
        assert!(matches!(ask(&house, 0), Err(AskError::UnknownLog)));
        witness.signs_for(&house);
        ask(&house, 0).expect("asked");
        let house = house.reopen();
        assert_eq!(state(&house).logs[0].number, 2, "once");
    }

    fn a_log_that_was_led_back_unseen_is_refused_with_evidence_and_ends(place) {
        let witness = Elsewhere::new("example.org/w", 10);
        let house = House::witnessed(place, by(&[&witness], 1));
        witness.signs_for(&house);
        publish(&house);
        copy(place);
        for _ in 0..5 {
            house.create(&house.importer, serde_json::json!({"name": "Ana"})).expect("created");
        }
        publish(&house);
        ask(&house, 0).expect("asked");
        let origin = state(&house).logs[0].origin.clone();
        let witness = witness.reach(false);
        let house = house.reopened_after(|| put_back(place));
        house.clock.advance(Duration::from_secs(60));
        publish(&house);
        assert_eq!(state(&house).logs[0].number, 1, "nobody could know");

        let witness = witness.reach(true);
        assert_eq!(ask(&house, 0).expect("asked"), Asked::Broken);
        assert!(house.app.log_fault().is_some());
        house.create(&house.importer, ana()).expect("the vault itself goes on");
        house.app.sequence().expect("sequenced");
        assert_eq!(house.app.publish().expect("nothing is signed"), None);
        let evidence = house.app.take_evidence();
        let [evidence] = &*evidence else { panic!("{evidence:?}") };
        let shown = Evidence::parse(evidence).expect("evidence").verify(&keys(&house)).expect("it shows it");
        let seen = witness.newest(&origin);
        assert!(matches!(&shown, Finding::RolledBack(large, _) if large.size == seen.size), "{shown:?}");
        // Whether or not the witness is there: the key store remembers.
        witness.reach(false);
        let house = house.reopen();
        publish(&house);
        let (log, named) = before(&house);
        assert_eq!((log, named.size, Hash(*named.root)), (2, seen.size, seen.root));
        assert!(house.app.log_fault().is_none());
    }

    fn a_second_history_is_refused_with_evidence_however_long_it_is(place) {
        let witness = Elsewhere::new("example.org/w", 10);
        let house = House::witnessed(place, by(&[&witness], 1));
        witness.signs_for(&house);
        publish(&house);
        copy(place);
        house.create(&house.importer, ana()).expect("created");
        publish(&house);
        ask(&house, 0).expect("asked");
        let origin = state(&house).logs[0].origin.clone();
        let witness = witness.reach(false);
        let house = house.reopened_after(|| put_back(place));
        for _ in 0..20 {
            house.create(&house.importer, serde_json::json!({"name": "Eve"})).expect("created");
        }
        publish(&house);
        let witness = witness.reach(true);
        let seen = witness.newest(&origin);
        assert!(size(&house) > seen.size);
        assert_eq!(ask(&house, 0).expect("asked"), Asked::Broken);
        let evidence = house.app.take_evidence();
        let shown = Evidence::parse(&evidence[0]).expect("evidence").verify(&keys(&house)).expect("it shows it");
        assert!(matches!(shown, Finding::Fork(small, _) if small.size == seen.size));
        let house = house.reopen();
        publish(&house);
        let (log, named) = before(&house);
        assert_eq!((log, named.size, Hash(*named.root)), (2, seen.size, seen.root));
    }

    fn a_witness_that_lies_is_not_believed(place) {
        let house = House::witnessed(place, by(&[], 1));
        publish(&house);
        let note = state(&house).published.expect("one").note.clone();
        let mallory = LogSigner::from_seeds(&state(&house).logs[0].origin, &[1; 32], &[2; 32]).expect("keys");
        let checkpoint = open_checkpoint(&note, &keys(&house)).expect("signed").checkpoint().clone();
        let larger = avouch_ledger::checkpoint::Checkpoint { size: 1_000, ..checkpoint };
        let larger = mallory.sign(&larger, 1_900_000_000).expect("signed, by another key");
        let mut house = house;
        for (status, body, shown) in [
            (409, "1000\n", None),
            (409, "1000\n", Some(larger.clone())),
            (409, "1000\n", Some(note.clone())),
            (409, "1\n", None),
            (422, "", Some(note.clone())),
            (422, "", Some("nonsense".to_owned())),
            (200, "nonsense", None),
            (200, note.split_once("\n\n").expect("lines").1, None),
            (500, "", None),
        ] {
            let liar = Liar { status, body: body.to_owned(), shown };
            let told = format!("{liar:?}");
            let keys = Elsewhere::new("example.org/w", 10).keys();
            let witness = Witness { keys, line: Arc::new(liar) };
            house.witnesses = Witnesses { list: vec![witness], ..Witnesses::default() };
            house = house.reopen();
            assert_eq!(state(&house).logs[0].number, 1, "{told}");
            ask(&house, 0).expect_err(&told);
            assert!(house.app.log_fault().is_none() && house.app.take_evidence().is_empty(), "{told}");
            publish(&house);
            assert!(signed(&house).is_empty(), "{told}");
        }
    }

    fn a_signature_that_somebody_has_put_there_counts_for_nothing(place) {
        let witness = Elsewhere::new("example.org/w", 10);
        let house = House::witnessed(place, by(&[&witness], 1));
        witness.signs_for(&house);
        publish(&house);
        ask(&house, 0).expect("asked");
        let genuine = state(&house).published.expect("one").note.clone();
        let forger = Elsewhere::new("example.org/w", 10);
        let mut other = open_checkpoint(&genuine, &keys(&house)).expect("signed").checkpoint().clone();
        other.size += 1;
        let forged: String = forger.cosigners.iter().map(|key| key.cosign(&other, 1).expect("signed")).collect();
        let log_lines = genuine.lines().take(6).map(|line| format!("{line}\n")).collect::<String>();
        let sql = format!("update checkpoint set note = '{log_lines}{forged}'");
        let kept = sql.replace("update checkpoint", "update published");
        let house = house.reopened_after(|| {
            place.meddle(false, &sql, &sql);
            place.meddle(true, &kept, &kept);
        });
        let now = state(&house);
        assert_eq!((now.logs[0].number, signed(&house).len()), (1, 0));
        assert_eq!(now.published.expect("one").note, log_lines, "nobody is handed what nobody believes");
        ask(&house, 0).expect("asked");
        assert_eq!(signed(&house), ["example.org/w"]);
    }

    fn a_backup_that_is_restored_twice_does_not_begin_the_same_log_twice(place) {
        let witness = Elsewhere::new("example.org/w", 10);
        let house = House::witnessed(place, by(&[&witness], 1));
        witness.signs_for(&house);
        publish(&house);
        ask(&house, 0).expect("asked");
        let (sources, kind) = (both(&house), place.kind());
        let keepers = house.shut();
        let mut names = Vec::new();
        for _ in 0..2 {
            let other = Place::new(kind);
            let house = restore(&keepers, &other, &sources).expect("restored");
            witness.signs_for(&house);
            publish(&house);
            ask(&house, 0).expect("asked");
            let mut newest = state(&house).logs.remove(0);
            newest.keys.push(newest.origin);
            names.push((newest.number, newest.keys));
            house.crash();
        }
        // Its number may be the same, for nobody here can know of the other; its name and its keys are not.
        assert!(names.iter().all(|(number, _)| *number == 2));
        assert!(names[0].1.iter().all(|one| !names[1].1.contains(one)));
    }
}

/// Says what it was told to say.
#[derive(Debug)]
struct Liar {
    status: u16,
    body: String,
    shown: Option<String>,
}

impl WitnessLine for Liar {
    fn add_checkpoint(&self, _: &str) -> Result<(u16, String), String> {
        Ok((self.status, self.body.clone()))
    }

    fn checkpoint(&self, _: &str) -> Result<Option<String>, String> {
        Ok(self.shown.clone())
    }
}
