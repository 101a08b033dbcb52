//! The record as somebody at a terminal has it: as it grows, and in files.
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on stops")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::program::{Place, Running, mode};

/// `avouch events --follow --json`, until dropped.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn new(place: &Place, server: &Running, key: &str, more: &[&str]) -> Self {
        let arguments = [&["events", "--follow", "--json"], more].concat();
        let mut command = place.command(&arguments);
        command.env("AVOUCH_SERVER", &server.url).env("AVOUCH_KEY", key).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(Duration::from_secs(60)).expect("an event");
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn who_follows_sees_each_event_once_and_in_the_order_of_the_log() {
    let place = Place::new();
    let admin = place.init();
    let server = place.serve();
    let follower = Follower::new(&place, &server, &admin, &["--limit", "3"]);
    let mut events = vec![follower.next()];
    for _ in 0..5 {
        place.remote(&server.url, &admin, &["principal", "list"]).success();
        place.remote(&server.url, &admin, &["charter", "versions"]).success();
    }
    while events.iter().filter(|event| event["action"] == "charter.read").count() < 5 {
        events.push(follower.next());
    }
    let places: Vec<u64> = events.iter().map(|event| event["index"].as_u64().expect("a place")).collect();
    assert!(places.is_sorted_by(|before, after| before < after), "{places:?}");
    let count = |action: &str| events.iter().filter(|event| event["action"] == action).count();
    assert_eq!((count("access.read"), count("charter.read"), count("event.read")), (5, 5, 0));

    let only = Follower::new(&place, &server, &admin, &["--action", "charter.read", "--limit", "1"]);
    assert_eq!(only.next()["action"], "charter.read");
    place.remote(&server.url, &admin, &["principal", "list"]).success();
    place.remote(&server.url, &admin, &["charter", "versions"]).success();
    assert_eq!(only.next()["action"], "charter.read");
}

#[test]
fn events_are_taken_along_whole_and_gone_on_with_where_that_ended() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    place.remote(&server.url, &admin, &["principal", "list"]).success();
    // What waits is signed at the end, so all of it is there at the next start.
    assert!(server.stop().0.success());
    let server = place.serve();
    let export = |arguments: &[&str]| {
        place.remote(&server.url, &admin, &[&["events", "--export"], arguments].concat())
    };
    let made: Value = serde_json::from_str(&export(&["one.jsonl", "--json"]).success().out).expect("JSON");
    let one = lines(&place.read("one.jsonl"));
    assert_eq!((made["events"].as_u64(), made["log"].as_u64()), (Some(one.len() as u64), Some(1)));
    assert_eq!(mode(&place.path("one.jsonl")), 0o600);
    assert_eq!(export(&["one.jsonl"]).code, 2, "no file is replaced");

    let index = made["index"].to_string();
    let follow = || {
        let out = export(&["-", "--format", "ocsf", "--log", "1", "--since-index", &index]).success().out;
        lines(&out)
    };
    let mut more = follow();
    while more.is_empty() {
        more = follow();
    }
    let indexes = one
        .iter()
        .map(|event| event["index"].as_u64())
        .chain(more.iter().map(|event| event["metadata"]["sequence"].as_u64()));
    let indexes: Vec<_> = indexes.map(|index| index.expect("a place")).collect();
    assert_eq!(indexes, (0..indexes.len() as u64).collect::<Vec<_>>());
    let beyond = export(&["-", "--log", "1", "--since-index", "100000"]).success();
    assert_eq!(beyond.out, "");
}

#[test]
fn a_customers_events_and_what_partners_were_given() {
    let place = Place::new();
    let admin = place.init();
    let server = place.serve();
    let (support, dpo) = (
        place.hire(&server.url, &admin, "staff", "support"),
        place.hire(&server.url, &admin, "staff", "dpo"),
    );
    let shop = place.hire(&server.url, &admin, "service", "shop");
    let made = place
        .remote(
            &server.url,
            &support,
            &["subject", "create", "name=Ada Canary", "--purpose", "support", "--json"],
        )
        .success();
    let id =
        serde_json::from_str::<Value>(&made.out).expect("JSON")["id"].as_str().expect("an id").to_owned();
    let token = [
        "token",
        "create",
        &id,
        "--fields",
        "name",
        "--recipient",
        "parcels",
        "--purpose",
        "order_fulfilment",
    ];
    place.remote(&server.url, &shop, &token).success();
    let search = ["events", "--subject", &id, "--reason", "complaint"];
    assert_eq!(place.remote(&server.url, &support, &search).code, 3);
    let found = place.remote(&server.url, &dpo, &search).success().out;
    assert!(found.contains("token.create") && found.contains("subject.create"), "{found}");
    assert!(!found.contains("Canary"), "{found}");
    let given = place.remote(&server.url, &dpo, &["disclosures", "--recipient", "parcels"]).success().out;
    assert!(given.contains("parcels") && given.contains("as tokens"), "{given}");
}
