//! The sequencer is killed, again and again, at every step that it takes: no event is without a place, none has two, and all that
//! was ever signed is of one history.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use avouch_core::MIGRATIONS;
use avouch_core::app::App;
use avouch_core::app::opening::Parts;
use avouch_core::audit::read::{Filter, ReadEvents};
use avouch_core::clock::ManualClock;
use avouch_core::erasure::ErasureSettings;
use avouch_core::gate::Caller;
use avouch_core::keys::{Primary, Recovery};
use avouch_ledger::hash::Hash;
use avouch_ledger::tree::Frontier;
use avouch_seal::SystemRandom;
use avouch_seal::root::KeyFileSeal;
use avouch_store::Store;
use avouch_testkit::{Address, Kind, both_engines, open_at};

use crate::house::charter_files;
use crate::log::{checkpoints, entries};

const KILLS: u64 = 100;
const START: i64 = 1_700_000_000_000_000;

fn parts(store: Store, root: &str, now: i64) -> Parts {
    let seal = Arc::new(KeyFileSeal::from_text(root).expect("the root key"));
    Parts {
        store,
        primary: Primary { seal, beside_data: false },
        clock: Arc::new(ManualClock::at(now)),
        environment: "test".to_owned(),
        erasure: ErasureSettings::default(),
        witnesses: Default::default(),
        people: Default::default(),
        outbox: Default::default(),
    }
}

/// What is killed: writes events, gives them places, signs; and says what it has done, line by line. Told on stdin where.
#[test]
#[ignore = "the other process of the test below, which starts it"]
fn child() {
    let mut told = String::new();
    std::io::stdin().read_to_string(&mut told).expect("it is text");
    let mut told = told.splitn(5, '\n');
    let (Some(kind), Some(data), Some(keys), Some(now), Some(root)) =
        (told.next(), told.next(), told.next(), told.next(), told.next())
    else {
        return;
    };
    let kind = if kind == "Sqlite" { Kind::Sqlite } else { Kind::Postgres };
    let store = open_at(kind, data, keys, MIGRATIONS).expect("the stores open");
    let app = App::open(parts(store, root, now.parse().expect("a time"))).expect("the vault opens");
    println!("open");
    loop {
        for _ in 0..3 {
            let read = ReadEvents { before: None, filter: Filter::default(), limit: 1 };
            app.perform_wait(&Caller::system(), read).expect("on record");
        }
        println!("written");
        app.sequence().expect("sequenced");
        println!("sequenced");
        if let Some(published) = app.publish().expect("published") {
            println!("signed {} {}", published.checkpoint.size, published.checkpoint.root);
        }
    }
}

/// Starts it, kills it after so many lines and a moment more, and gives what was signed until then.
fn killed(address: &Address, root: &str, number: u64) -> Vec<(u64, Hash)> {
    let program = std::env::current_exe().expect("this very program");
    let mut child = Command::new(program)
        .args(["log_kill::child", "--exact", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let now = START + i64::try_from(number).expect("few") * 1_000_000;
    let Address { kind, data, keys } = address;
    let told = format!("{kind:?}\n{data}\n{keys}\n{now}\n{root}");
    child.stdin.take().expect("piped").write_all(told.as_bytes()).expect("it listens");
    let (sender, lines) = channel();
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let reader = std::thread::spawn(move || {
        output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).is_ok()
    });
    let mut signed = Vec::new();
    let mut take = |line: String| {
        let mut words = line.split(' ');
        if words.next() == Some("signed") {
            let (size, root) = (words.next().expect("a size"), words.next().expect("a root"));
            signed.push((size.parse().expect("a number"), Hash::read(root).expect("a hash")));
        }
    };
    let mut left = 1 + number * 7 % 11;
    while left > 0 {
        let line = lines.recv_timeout(Duration::from_secs(60)).expect("it goes on");
        left -= u64::from(
            ["open", "written", "sequenced"].contains(&line.as_str()) || line.starts_with("signed"),
        );
        take(line);
    }
    // Somewhere within the step that follows, the next one, or the one after it.
    let moment = Duration::from_micros(number * 2_411 % 9_000);
    while let Ok(line) = lines.recv_timeout(moment) {
        take(line);
        if number.is_multiple_of(3) {
            break;
        }
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    lines.into_iter().for_each(take);
    reader.join().expect("no panic");
    signed
}

both_engines! {
    fn a_sequencer_that_is_killed_a_hundred_times_leaves_no_gap_no_double_and_no_fork(place) {
        let (root, text) = KeyFileSeal::generate(&SystemRandom::new()).expect("random");
        let recovery = KeyFileSeal::generate(&SystemRandom::new()).expect("random").0;
        let seals = [Recovery { slot: "second".to_owned(), seal: &recovery }];
        let made = Parts {
            primary: Primary { seal: Arc::new(root), beside_data: false },
            ..parts(place.open(MIGRATIONS).expect("opens"), &text, START)
        };
        drop(App::init(made, &seals, &charter_files(), "admin", 30).expect("a vault"));

        let mut signed = BTreeMap::new();
        for number in 0..KILLS {
            for (size, root) in killed(&place.address(), &text, number) {
                let newest = signed.last_key_value().map(|(size, _)| *size);
                assert!(newest <= Some(size), "it has gone back from {newest:?} to {size}");
                assert_eq!(*signed.entry(size).or_insert(root), root, "two histories of {size} leaves");
            }
        }
        assert!(signed.len() as u64 > KILLS / 2, "it was let live long enough to sign: {}", signed.len());

        let app = App::open(parts(place.open(MIGRATIONS).expect("opens"), &text, START + 3_600_000_000)).expect("the vault opens");
        app.sequence().expect("sequenced");
        app.publish().expect("published");
        let leaves = entries(&app, 1);
        let events = crate::log::events(&app);
        assert_eq!(leaves.iter().map(|(id, _)| *id).collect::<Vec<_>>(), events, "each event once, in its order");
        assert_eq!(checkpoints(&app, 1).last().map(|newest| newest.size), Some(leaves.len() as u64));
        let mut tree = Frontier::new();
        for (size, root) in signed {
            leaves[usize::try_from(tree.size()).expect("few")..usize::try_from(size).expect("few")].iter()
                .for_each(|(_, body)| tree.push(Hash::leaf(body)));
            assert_eq!(tree.root(), root, "what was handed out over {size} leaves");
        }
        assert!(app.log_fault().is_none());
    }
}
