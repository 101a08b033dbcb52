//! Events reach those who watch: all of them and in order, whatever goes down meanwhile.
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on stops")]

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::program::{CONFIG, Place};

/// What a receiver does with the next delivery.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Takes it and says so.
    Well,
    /// Says that it cannot.
    Full,
    /// Takes it and is gone before it says so.
    GoneBehind,
    /// Is gone in the middle.
    GoneBefore,
}

/// A receiver, until the test ends.
struct Watch {
    port: u16,
    mood: Arc<Mutex<Mood>>,
    deliveries: Receiver<(Mood, Vec<Value>)>,
    /// Everything that arrived whole, in its order.
    events: Vec<Value>,
}

impl Watch {
    fn new(take: fn(TcpStream, Mood) -> Option<Vec<Value>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let mood = Arc::new(Mutex::new(Mood::Well));
        let (sender, deliveries): (Sender<(Mood, Vec<Value>)>, _) = channel();
        let moody = Arc::clone(&mood);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mood = *moody.lock().expect("nobody panics");
                let stream = stream.expect("a connection");
                let events = take(stream, mood).unwrap_or_default();
                if sender.send((mood, events)).is_err() {
                    return;
                }
            }
        });
        Self { port, mood, deliveries, events: Vec::new() }
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().expect("nobody panics") = mood;
    }

    /// Waits for a delivery that meets this mood.
    fn meets(&mut self, mood: Mood) {
        loop {
            let (met, events) = self.deliveries.recv_timeout(PATIENCE).expect("events are sent");
            self.events.extend(events);
            if met == mood {
                return;
            }
        }
    }

    /// Waits for an event with this name.
    fn hears_of(&mut self, action: &str) {
        while !self.events.iter().any(|event| event["metadata"]["event_code"] == action) {
            self.events.extend(self.deliveries.recv_timeout(PATIENCE).expect("events are sent").1);
        }
    }

    /// The numbers of the events, each once, in the order in which they first came.
    fn numbers(&self) -> Vec<u64> {
        let mut seen = HashSet::new();
        let fresh = self.events.iter().filter(|event| seen.insert(event["metadata"]["uid"].to_string()));
        fresh.map(|event| event["metadata"]["sequence"].as_u64().expect("a number")).collect()
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn events<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<Value> {
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// One request, after which the connection is closed.
fn https(stream: TcpStream, mood: Mood) -> Option<Vec<Value>> {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let (mut line, mut length, mut head) = (String::new(), 0, String::new());
    while line.trim_end() != "" || head.is_empty() {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a length");
        }
        head.push_str(&line.to_ascii_lowercase());
    }
    assert!(head.starts_with("post /in?of=avouch http/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/x-ndjson") && head.contains("authorization: bearer watch"),
        "{head}"
    );
    assert!(head.contains("idempotency-key: avouch/"), "{head}");
    if mood == Mood::GoneBefore {
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = match mood {
        Mood::Well => "200 OK",
        Mood::Full => "503 Service Unavailable",
        _ => "",
    };
    if !status.is_empty() {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        (&stream).write_all(answer.as_bytes()).ok()?;
    }
    let body = String::from_utf8(body).expect("UTF-8");
    (mood != Mood::Full).then(|| events(body.lines()))
}

/// One connection to its end.
fn syslog(mut stream: TcpStream, mood: Mood) -> Option<Vec<Value>> {
    if mood != Mood::Well {
        // What lies unread makes the end of a connection a reset.
        stream.read_exact(&mut [0; 10]).ok()?;
        return None;
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (mut rest, mut lines) = (text.as_str(), Vec::new());
    while let Some((length, after)) = rest.split_once(' ') {
        let (message, next) = after.split_at(length.parse().expect("a length"));
        assert!(message.starts_with("<1") && message.contains(" - avouch - "), "{message}");
        lines.push(message.split_once(" - {").map(|(_, json)| format!("{{{json}")).expect("an event"));
        rest = next;
    }
    Some(events(lines.iter().map(String::as_str)))
}

fn look(place: &Place, url: &str, key: &str, times: usize) {
    for _ in 0..times {
        place.remote(url, key, &["principal", "list"]).success();
    }
}

fn siem(place: &Place, url: &str, key: &str) -> Value {
    let status = place.remote(url, key, &["status", "--json"]).success();
    serde_json::from_str::<Value>(&status.out).expect("JSON")["siem"][0].clone()
}

#[test]
fn by_https_each_event_arrives_once_for_whoever_looks_at_its_name() {
    let mut watch = Watch::new(https);
    let place = Place::new();
    let admin = place.init();
    place.write("token", "watch\n");
    let url = format!("http://127.0.0.1:{}/in?of=avouch", watch.port);
    let siem_of = format!(
        "[[siem]]\nname = \"watch\"\nkind = \"https\"\nurl = \"{url}\"\ntoken_file = \"token\"\nbatch = 3\n"
    );
    place.write("avouch.toml", &format!("{CONFIG}\n{siem_of}"));

    let mut server = place.serve();
    look(&place, &server.url, &admin, 5);
    watch.hears_of("access.read");
    for mood in [Mood::GoneBehind, Mood::Full, Mood::GoneBefore] {
        watch.is(mood);
        look(&place, &server.url, &admin, 2);
        watch.meets(mood);
    }
    let state = siem(&place, &server.url, &admin);
    assert!(state["behind"].as_u64() > Some(0) && state["failing"].is_string(), "{state}");
    let (status, log) = server.stop();
    assert!(status.success() && log.contains("events are not received"), "{log}");
    assert!(!log.contains("of=avouch"), "{log}");

    // The receiver is still away when the server is back.
    let server = place.serve();
    watch.meets(Mood::GoneBefore);
    watch.is(Mood::Well);
    look(&place, &server.url, &admin, 2);
    place.remote(&server.url, &admin, &["charter", "versions"]).success();
    watch.hears_of("charter.read");
    let numbers = watch.numbers();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    assert!(watch.events.len() > numbers.len(), "some came twice, under the same name");
    let state = siem(&place, &server.url, &admin);
    assert!(state.get("failing").is_none() && state["log"] == 1, "{state}");
}

#[test]
fn by_syslog_nothing_is_left_out() {
    let mut watch = Watch::new(syslog);
    let place = Place::new();
    let admin = place.init();
    let siem_of = format!(
        "[[siem]]\nname = \"watch\"\nkind = \"syslog\"\naddress = \"127.0.0.1:{}\"\ntls = false\n",
        watch.port
    );
    place.write("avouch.toml", &format!("{CONFIG}\n{siem_of}"));
    let mut server = place.serve();
    look(&place, &server.url, &admin, 5);
    watch.hears_of("access.read");
    watch.is(Mood::GoneBefore);
    look(&place, &server.url, &admin, 5);
    watch.meets(Mood::GoneBefore);
    assert!(server.stop().0.success());
    let server = place.serve();
    watch.meets(Mood::GoneBefore);
    watch.is(Mood::Well);
    place.remote(&server.url, &admin, &["charter", "versions"]).success();
    watch.hears_of("charter.read");
    let numbers = watch.numbers();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_place_that_cannot_be_is_told_before_anything_is_opened() {
    let place = Place::new();
    place.init();
    let check = |siem: &str| {
        place.write("avouch.toml", &format!("{CONFIG}\n[[siem]]\nname = \"watch\"\n{siem}\n"));
        place.run(&["config", "check"]).refusal()
    };
    insta::assert_snapshot!(check("kind = \"syslog\"\naddress = \"siem.example:514\"\ntls = false"));
    insta::assert_snapshot!(check(
        "kind = \"https\"\naddress = \"siem.example:514\"\nbatch = 0\nkey = \"k\""
    ));
}
