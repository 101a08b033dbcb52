//! A witness and a server, as two operators run them: what is signed, what is refused, and what is left of a log that was led
//! back. They speak through sockets, and each is stopped and started as it pleases.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use avouch_client::{Client, Options};
use avouch_core::audit::{Before, Event};
use avouch_ledger::bundle::Bundle;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::evidence::Evidence;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{LogSigner, VerifierKey, open_checkpoint};
use avouch_ledger::policy::Policy;
use avouch_ledger::receipt::Receipt;
use avouch_ledger::tile::BundleId;
use avouch_ledger::tree::Frontier;
use avouch_ledger::witness::{AddCheckpoint, log_id};
use avouch_wire::{Ledger, Secret};
use data_encoding::BASE64;
use serde_json::Value;

use crate::program::{CONFIG, Place, Running, mode};

const NAME: &str = "example.org/witness";
const PATIENCE: Duration = Duration::from_secs(60);

/// A host with a witness on it.
struct Elsewhere {
    place: Place,
    keys: Vec<String>,
    port: u16,
    tls: bool,
}

impl Elsewhere {
    fn new() -> Self {
        let place = Place::new();
        let made = place.run(&["witness", "init", "--name", NAME, "--dir", "w", "--json"]).success();
        let made: Value = serde_json::from_str(&made.out).unwrap();
        let keys = made["verifier_keys"].as_array().unwrap();
        let keys = keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { place, keys, port, tls: false }
    }

    fn with_tls(mut self) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        self.place.write("w/certificate.pem", &made.cert.pem());
        self.place.write("w/key.pem", &made.signing_key.serialize_pem());
        self.tls = true;
        self
    }

    /// Its operator writes down for which logs it signs.
    fn signs_for(&self, keys: &[String]) {
        let tls = "tls_certificate = 'certificate.pem'\ntls_key = 'key.pem'\n";
        let tls = if self.tls { tls } else { "" };
        self.place
            .write("w/witness.toml", &format!("listen = '127.0.0.1:{}'\n{tls}logs = {keys:?}\n", self.port));
    }

    fn serve(&self) -> Running {
        Running::start(self.place.command(&["witness", "serve", "--dir", "w"]))
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The server's operator writes down whom to ask.
    fn named_by(&self, place: &Place) {
        let scheme = if self.tls { "https" } else { "http" };
        let mut table = format!(
            "[[ledger.witnesses]]\nurl = '{scheme}://127.0.0.1:{}'\nverifier_keys = {:?}\n",
            self.port, self.keys
        );
        if self.tls {
            place.write("witness-ca.pem", &self.place.read("w/certificate.pem"));
            table.push_str("ca = 'witness-ca.pem'\n");
        }
        place.write("avouch.toml", &format!("{CONFIG}{table}"));
    }
}

/// Status, head and body.
fn ask(address: SocketAddr, request: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

/// A vault with the witness in its configuration, its administrator's key.
fn vault(witness: &Elsewhere) -> (Place, String) {
    let place = Place::new();
    let admin = place.init();
    witness.named_by(&place);
    (place, admin)
}

fn client(server: &Running, key: &str) -> Client {
    Client::new(Options::new(&*server.url, Secret(key.to_owned()))).unwrap()
}

/// Waits until the ledger of a server is so.
#[track_caller]
fn until(server: &Running, key: &str, is_so: impl Fn(&Ledger) -> bool) -> Ledger {
    let client = client(server, key);
    let (_sender, never) = channel::<()>();
    let begun = Instant::now();
    loop {
        let ledger = client.ledger().unwrap();
        if is_so(&ledger) {
            return ledger;
        }
        assert!(begun.elapsed() < PATIENCE, "{ledger:?}");
        let _ = never.recv_timeout(Duration::from_millis(100));
    }
}

fn is_witnessed(ledger: &Ledger) -> bool {
    is_published(ledger) && ledger.witnessed_by == [NAME] && ledger.witnessed == ledger.checkpoint
}

/// Everything was signed.
fn is_published(ledger: &Ledger) -> bool {
    ledger.waiting == 0
        && ledger.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.size == ledger.logs[0].size)
}

/// The first server of a vault, whose witness has heard which logs there are, and is at work.
fn begun(witness: &Elsewhere, place: &Place, admin: &str) -> (Running, Running) {
    let server = place.serve();
    let ledger = until(&server, admin, is_published);
    witness.signs_for(&ledger.logs[0].verifier_keys);
    (server, witness.serve())
}

/// Something for the log.
fn events(place: &Place, server: &Running, admin: &str, count: usize) {
    for _ in 0..count {
        place.remote(&server.url, admin, &["principal", "list"]).success();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() { copy(&from, &to) } else { fs::copy(from, to).map(drop).unwrap() }
    }
}

/// Puts an old copy of both stores in the place of what there is.
fn put_back(place: &Place) {
    fs::remove_dir_all(place.path("avouch-data")).unwrap();
    copy(&place.path("copy"), &place.path("avouch-data"));
    crate::program::set_mode(&place.path("avouch-data"), 0o700);
    crate::program::set_mode(&place.path("avouch-data/keys"), 0o700);
}

/// What the first leaf of a log says of the one before.
fn before(server: &Running, key: &str, ledger: &Ledger) -> Before {
    let number = ledger.logs[0].number;
    let size = ledger.checkpoint.as_ref().unwrap().size;
    let bundle = BundleId::within(size, 0).unwrap();
    let path = bundle.path();
    let bytes = client(server, key).ledger_tile(number, &path).unwrap().unwrap();
    let bundle = Bundle::parse(&bytes, bundle.width).unwrap();
    let event: Event = minicbor::decode(bundle.entries().next().unwrap()).unwrap();
    assert_eq!(event.what, "log.begin");
    event.before.expect("it says what was published of the one before")
}

fn verifier_keys(keys: &[String]) -> Vec<VerifierKey> {
    keys.iter().map(|key| VerifierKey::parse(key).unwrap()).collect()
}

/// What the witness shows of a log.
fn shown(witness: &Elsewhere, keys: &[String]) -> Checkpoint {
    let keys = verifier_keys(keys);
    let (status, _, note) =
        ask(witness.address(), &format!("GET /{}/checkpoint", log_id(keys[0].name())), "");
    assert_eq!(status, 200);
    open_checkpoint(&note, &keys).unwrap().checkpoint().clone()
}

#[test]
fn a_checkpoint_is_cosigned_within_seconds_and_so_is_the_receipt_of_an_event() {
    let witness = Elsewhere::new().with_tls();
    let (place, admin) = vault(&witness);
    let (mut server, at_work) = begun(&witness, &place, &admin);
    let ledger = until(&server, &admin, is_witnessed);
    assert_eq!((ledger.warning, ledger.unwitnessed_since), (None, None));
    assert_eq!((ledger.witnesses, ledger.witness_quorum), (vec![NAME.to_owned()], 1));

    let twice = witness.place.run(&["witness", "serve", "--dir", "w"]);
    insta::assert_snapshot!(twice.err.lines().last().unwrap(), @"error: another witness is at work in `w`: stop it first");
    // It ends in whatever it is at, and goes on from what it has signed.
    drop(at_work);
    events(&place, &server, &admin, 3);
    let unwitnessed = until(&server, &admin, |ledger| is_published(ledger) && ledger.witnessed_by.is_empty());
    assert!(unwitnessed.unwitnessed_since.is_some() && unwitnessed.fault.is_none());
    assert!(unwitnessed.witnessed.is_some(), "what it had signed stays signed");
    let _at_work = witness.serve();
    until(&server, &admin, is_witnessed);

    let newest = place.remote(&server.url, &admin, &["events", "--limit", "1", "--json"]).success();
    let newest: Value = serde_json::from_str(&newest.out).unwrap();
    let event = newest["items"][0]["id"].as_str().unwrap();
    let ledger = until(&server, &admin, is_witnessed);
    let proof = client(&server, &admin).event_proof(event.parse().unwrap()).unwrap();
    let [log, log_too] = &*ledger.logs[0].verifier_keys else { panic!("two keys") };
    let [first, second] = &*witness.keys else { panic!("two keys") };
    let policy = format!(
        "log {log}\nlog {log_too}\nwitness a {first}\nwitness b {second}\ngroup elsewhere all a b\nquorum elsewhere\n"
    );
    let policy = Policy::parse(&policy).unwrap();
    let leaf = BASE64.decode(proof.leaf.as_bytes()).unwrap();
    let standing = Receipt::parse(&proof.receipt).unwrap().verify(&leaf, &policy).unwrap();
    assert!(standing.witnessed().is_ok());

    let (ended, log) = server.stop();
    assert!(ended.success() && log.contains(NAME) && !log.contains("ERROR"), "{log}");
}

#[test]
fn a_vault_without_witnesses_says_so_wherever_it_is_asked() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    let ledger = until(&server, &admin, is_published);
    insta::assert_snapshot!(ledger.warning.unwrap(), @"nobody witnesses this log: it proves only what its own operator says");
    let (_, log) = server.stop();
    assert!(log.contains("witnessed by nobody"), "{log}");
    let doctor = place.run(&["doctor"]).success();
    insta::assert_snapshot!(doctor.out.lines().find(|line| line.contains(" ledger ")).unwrap(), @r#"warn  ledger       witnessed by nobody: the log proves only what its own operator says; see "Witnesses" in docs/operations.md"#);
}

#[test]
fn old_copies_of_both_stores_are_found_out_at_opening_by_asking_the_witness() {
    let witness = Elsewhere::new();
    let (place, admin) = vault(&witness);
    let (mut server, _at_work) = begun(&witness, &place, &admin);
    until(&server, &admin, is_witnessed);
    assert!(server.stop().0.success());
    copy(&place.path("avouch-data"), &place.path("copy"));
    let mut server = place.serve();
    events(&place, &server, &admin, 5);
    let ledger = until(&server, &admin, is_witnessed);
    assert_eq!(ledger.logs.len(), 1);
    assert!(server.stop().0.success());
    let witnessed = shown(&witness, &ledger.logs[0].verifier_keys);

    put_back(&place);
    let mut server = place.serve();
    let ledger = until(&server, &admin, |ledger| ledger.logs[0].number == 2 && is_published(ledger));
    let named = before(&server, &admin, &ledger);
    assert_eq!((named.log, named.size, Hash(*named.root)), (1, witnessed.size, witnessed.root));
    let (_, log) = server.stop();
    assert!(log.contains("it has ended, and another begins"), "{log}");
}

#[test]
fn a_log_that_was_led_back_unseen_is_refused_and_the_two_checkpoints_are_evidence() {
    let witness = Elsewhere::new();
    let (place, admin) = vault(&witness);
    let (mut server, at_work) = begun(&witness, &place, &admin);
    until(&server, &admin, is_witnessed);
    assert!(server.stop().0.success());
    copy(&place.path("avouch-data"), &place.path("copy"));
    let mut server = place.serve();
    events(&place, &server, &admin, 30);
    let ledger = until(&server, &admin, is_witnessed);
    assert!(server.stop().0.success());
    let keys = ledger.logs[0].verifier_keys.clone();
    let witnessed = shown(&witness, &keys);
    drop(at_work);

    put_back(&place);
    let mut server = place.serve();
    let led_back = until(&server, &admin, is_published);
    assert_eq!(led_back.logs[0].number, 1, "nobody could be asked");
    let at_work = witness.serve();
    until(&server, &admin, |ledger| ledger.fault.is_some());
    let found = fs::read_dir(place.path("avouch-data")).unwrap().map(|entry| entry.unwrap().path());
    let evidence = found.filter(|path| path.to_string_lossy().contains("evidence-")).collect::<Vec<_>>();
    let [evidence] = &*evidence else { panic!("{evidence:?}") };
    assert_eq!(mode(evidence), 0o600);
    let evidence = Evidence::parse(&fs::read_to_string(evidence).unwrap()).unwrap();
    evidence.verify(&verifier_keys(&keys)).expect("whoever has the keys of the log sees it");
    // What is written from now on is on record and waits; nothing is signed under that name.
    let ledger = until(&server, &admin, |ledger| ledger.fault.is_some());
    events(&place, &server, &admin, 2);
    assert_eq!(client(&server, &admin).ledger().unwrap().checkpoint, ledger.checkpoint);
    let (ended, log) = server.stop();
    assert!(ended.success() && log.contains("they are evidence"), "{log}");
    drop(at_work);

    // The witness is not there, and need not be.
    let server = place.serve();
    let ledger = until(&server, &admin, |ledger| ledger.logs[0].number == 2 && is_published(ledger));
    let named = before(&server, &admin, &ledger);
    assert_eq!((named.log, named.size, Hash(*named.root)), (1, witnessed.size, witnessed.root));
    assert_eq!(ledger.fault, None);
}

/// A log whose keys somebody has stolen.
struct Stolen(LogSigner);

impl Stolen {
    fn new() -> Self {
        Self(LogSigner::from_seeds("example.com/log", &[1; 32], &[2; 32]).unwrap())
    }

    fn keys(&self) -> Vec<String> {
        self.0.verifier_keys().iter().map(ToString::to_string).collect()
    }

    /// A tree of so many leaves, each of which is this byte.
    fn request(&self, old: u64, size: u64, leaf: u8) -> String {
        let mut tree = Frontier::new();
        (0..size).for_each(|_| tree.push(Hash::leaf(&[leaf])));
        let checkpoint = Checkpoint { origin: self.0.origin().to_owned(), size, root: tree.root() };
        let note = self.0.sign(&checkpoint, 1_700_000_000).unwrap();
        AddCheckpoint::new(old, Vec::new(), note).unwrap().to_string()
    }
}

#[test]
fn whoever_has_stolen_the_keys_of_a_log_cannot_shorten_it() {
    let (witness, log) = (Elsewhere::new(), Stolen::new());
    witness.signs_for(&log.keys());
    let _at_work = witness.serve();
    let add = |body: &str| ask(witness.address(), "POST /add-checkpoint", body);
    let status = |body: &str| add(body).0;

    assert_eq!(status(&log.request(0, 3, 0)), 200);
    let shortened = add(&log.request(0, 2, 0));
    assert_eq!((shortened.0, &*shortened.2), (409, "3\n"));
    assert!(shortened.1.contains("content-type: text/x.tlog.size"), "{}", shortened.1);
    assert_eq!(status(&log.request(3, 2, 0)), 400, "from more than there is");
    assert_eq!(status(&log.request(3, 3, 1)), 422, "another history of the same length");
    assert_eq!(status(&log.request(3, 4, 1)), 422, "and a longer one");
    let same = add(&log.request(3, 3, 0));
    assert_eq!(same.0, 200, "once more is no harm");
    assert!(
        same.2.lines().count() == 2 && same.2.lines().all(|line| line.starts_with(&format!("— {NAME} ")))
    );

    let mut keys = log.0.verifier_keys().map(Clone::clone).to_vec();
    keys.extend(verifier_keys(&witness.keys));
    let path = format!("GET /{}/checkpoint", log_id("example.com/log"));
    let (status_of, head, note) = ask(witness.address(), &path, "");
    assert!(status_of == 200 && head.contains("content-type: text/plain; charset=utf-8"), "{head}");
    let opened = open_checkpoint(&note, &keys).unwrap();
    assert_eq!((opened.checkpoint().size, opened.signatures().len()), (3, 4));

    // What is no request, not this log's, or not signed by it.
    let forged = log.request(3, 3, 0).replacen("\n3\n", "\n4\n", 1);
    let elsewhere = log.request(0, 1, 0).replace("example.com/log\n1\n", "example.com/other\n1\n");
    for (body, expected) in
        [("", 400), ("old 3\n", 400), (&*"x".repeat(2 << 20), 400), (&forged, 403), (&elsewhere, 404)]
    {
        assert_eq!(status(body), expected, "{}", &body[..body.len().min(200)]);
    }
    assert_eq!(ask(witness.address(), "GET /00/checkpoint", "").0, 404);
    assert_eq!(ask(witness.address(), "GET /add-checkpoint", "").0, 405);
}

#[test]
fn of_two_requests_at_once_one_finds_what_the_other_has_stored() {
    let (witness, log) = (Elsewhere::new(), Stolen::new());
    witness.signs_for(&log.keys());
    let at_work = witness.serve();
    let requests: Vec<String> = (0..8).map(|leaf| log.request(0, 5, leaf)).collect();
    let statuses = std::thread::scope(|scope| {
        let asked: Vec<_> = requests
            .iter()
            .map(|request| scope.spawn(|| ask(witness.address(), "POST /add-checkpoint", request).0))
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    drop(at_work);
    let kept = fs::read_dir(witness.place.path("w/logs")).unwrap().next().unwrap().unwrap().path();
    let note = fs::read_to_string(&kept).unwrap();
    for wrong in ["", &note[3..], &note.replacen("\n5\n", "\n4\n", 1)] {
        fs::write(&kept, wrong).unwrap();
        let refused = witness.place.run(&["witness", "serve", "--dir", "w"]);
        assert!(refused.code == 1 && refused.err.contains("does not go on"), "{}", refused.err);
    }
}

#[test]
fn a_witness_is_made_once_and_runs_with_what_is_written_down() {
    let place = Place::new();
    let refused = |arguments: &[&str]| {
        let ended = place.run(arguments);
        assert_ne!(ended.code, 0, "{}", ended.out);
        ended.err
    };
    insta::assert_snapshot!(refused(&["witness", "serve", "--dir", "w"]), @"error: there is no witness in `w`: run `avouch witness init` first");
    insta::assert_snapshot!(refused(&["witness", "init", "--name", "two words", "--dir", "w"]), @"error: `two words` cannot be the name of a witness: an address without its scheme, such as example.org/witness");
    let made = place.run(&["witness", "init", "--name", NAME, "--dir", "w"]).success();
    assert_eq!(place.run(&["witness", "keys", "--dir", "w"]).success().out, made.out);
    assert_eq!((mode(&place.path("w")), mode(&place.path("w/witness.key"))), (0o700, 0o600));
    insta::assert_snapshot!(refused(&["witness", "init", "--name", NAME, "--dir", "w"]), @"error: there is a witness in `w` already");
    insta::assert_snapshot!(refused(&["witness", "serve", "--dir", "w"]), @"error: `w/witness.toml`: logs names no log: there is nobody to sign for");
    place.write("w/witness.toml", "listen = '0.0.0.0:0'\nlog = []\n");
    insta::assert_snapshot!(refused(&["witness", "serve", "--dir", "w"]), @"error: w/witness.toml:2:1: unknown field `log`, expected one of `listen`, `tls_certificate`, `tls_key`, `logs`");
    place.write("w/witness.toml", &format!("listen = '0.0.0.0:0'\nlogs = {:?}\n", Stolen::new().keys()));
    crate::program::set_mode(&place.path("w/witness.key"), 0o640);
    insta::assert_snapshot!(refused(&["witness", "serve", "--dir", "w"]), @r#"
    error: refusing to go on with unsafe settings
      - `w/witness.key` is open to other users
        chmod 600 'w/witness.key'
      - listen = "0.0.0.0:0" without TLS: whoever is on the way can answer in its place
        set tls_certificate and tls_key, or listen on 127.0.0.1
    "#);
    crate::program::set_mode(&place.path("w/witness.key"), 0o600);
    place.write("w/witness.toml", "logs = ['x']\n");
    insta::assert_snapshot!(refused(&["witness", "serve", "--dir", "w"]), @"error: `w/witness.toml`: logs: number 1 is no verifier key");
}
