//! The ledger in the hands of an auditor, and what an operator may try who does not want to be found out.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use avouch_core::audit::{Before, Event};
use avouch_ledger::growth::Growth;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{Cosigner, VerifierKey, append, open_checkpoint};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::made_copy::{Made, look};
use crate::program::{Ended, Place, Running};

/// A vault with a few customers and some history, and an auditor's machine with the keys of its log.
struct Case {
    place: Place,
    admin: String,
    keys: Vec<String>,
    people: Vec<String>,
}

const FILES: [&str; 4] = ["data.db", "data.db-wal", "keys/keys.db", "keys/keys.db-wal"];

impl Case {
    fn new() -> (Self, Running) {
        let place = Place::new();
        let admin = place.init();
        let server = place.serve();
        let mut case = Self { place, admin, keys: Vec::new(), people: Vec::new() };
        let support = case.place.hire(&server.url, &case.admin, "staff", "support");
        for name in ["Ada Quist", "Bob Quist", "Eve Quist"] {
            let create = ["subject", "create", &format!("name={name}"), "--purpose", "support", "--json"];
            let made = case.place.remote(&server.url, &support, &create).success().json();
            case.people.push(made["id"].as_str().unwrap().to_owned());
        }
        for id in &case.people {
            let update = ["subject", "update", id, "--version", "1", "notes=called", "--purpose", "support"];
            case.place.remote(&server.url, &support, &update).success();
            let reveal =
                ["reveal", id, "--fields", "name", "--purpose", "support", "--reason", "called back"];
            case.place.remote(&server.url, &support, &reveal).success();
        }
        let keys = case.remote(&server, &["ledger", "verifier-keys", "--json"]).success().json();
        case.keys = keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
        (case, server)
    }

    fn remote(&self, server: &Running, arguments: &[&str]) -> Ended {
        self.place.remote(&server.url, &self.admin, arguments)
    }

    /// As an auditor does it: with the keys of the log, and what was seen last time.
    fn verify(&self, server: &Running) -> Ended {
        let command = ["ledger", "verify", "--deep", "--remember", "known.json"];
        let keys = self.keys.iter().flat_map(|key| ["--verifier-key", key]);
        self.remote(server, &command.into_iter().chain(keys).collect::<Vec<_>>())
    }

    fn export(&self, server: &Running, to: &str) {
        self.remote(server, &["ledger", "export", to]).success();
    }

    /// Without a server.
    fn verify_copy(&self, copy: &str) -> Ended {
        let command = ["ledger", "verify", "--deep", "--copy", copy];
        let keys = self.keys.iter().flat_map(|key| ["--verifier-key", key]);
        self.place.run(&command.into_iter().chain(keys).collect::<Vec<_>>())
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        FILES.iter().map(|file| self.place.path("avouch-data").join(file))
    }

    /// A copy of both stores, while the server is down.
    fn copy_stores(&self) {
        for file in self.files().filter(|file| file.exists()) {
            fs::copy(&file, old(&file)).unwrap();
        }
    }

    /// Puts the copy of the files back that have this in their names.
    fn put_back(&self, only: &str) {
        for file in self.files().filter(|file| file.to_str().unwrap().contains(only)) {
            drop(fs::remove_file(&file));
            if old(&file).exists() {
                fs::copy(old(&file), &file).unwrap();
            }
        }
    }

    /// The operator's hand in the database, while the server is down.
    fn meddle(&self, sql: &str) {
        let data = Connection::open(self.place.path("avouch-data/data.db")).unwrap();
        data.execute_batch(sql).unwrap();
    }
}

fn old(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}-old", file.display()))
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("JSON")
    }

    /// Found out, and named.
    #[track_caller]
    fn found(&self, what: &str) {
        assert!(self.code == 1 && self.out.contains("SOMETHING IS WRONG"), "{}{}", self.out, self.err);
        assert!(self.out.contains(what), "not `{what}`: {}", self.out);
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_auditor_verifies_it_all_and_is_told_what_that_proves() {
    let (case, mut server) = Case::new();
    let verified = case.verify(&server).success();
    let shown = verified.out.replace(case.keys[0].split('+').next().unwrap(), "ORIGIN");
    let shown = regexless(&shown);
    insta::assert_snapshot!(shown);
    let again = case.verify(&server).success();
    assert!(again.out.contains("what was verified before is the beginning of what there is now"));
    case.export(&server, "copy");
    case.verify_copy("copy").success();
    case.export(&server, "copy");
    assert!(server.stop().0.success());
    case.verify_copy("copy").success();
    let untrusted = case.place.run(&["ledger", "verify", "--copy", "copy"]).success();
    assert!(untrusted.out.contains("the server told them itself"), "{}", untrusted.out);
}

/// Numbers of leaves and checkpoints depend on how fast it all went.
fn regexless(text: &str) -> String {
    let mut shown = String::new();
    let mut digits = false;
    for character in text.chars() {
        if !character.is_ascii_digit() {
            shown.push(character);
        } else if !digits {
            shown.push('N');
        }
        digits = character.is_ascii_digit();
    }
    shown
}

#[test]
fn the_proof_of_an_event_needs_nothing_but_a_key() {
    let (case, mut server) = Case::new();
    case.verify(&server).success();
    let reveals = case.remote(&server, &["events", "--action", "subject.reveal", "--json"]).success().json();
    let event = reveals["items"][0]["id"].as_str().unwrap();
    case.remote(&server, &["ledger", "proof", event, "--out", "reveal.tlog-proof"]).success();
    assert!(server.stop().0.success());
    let check = |file: &str| {
        ["ledger", "check", file, "--verifier-key", &case.keys[0], "--verifier-key", &case.keys[1]]
            .map(str::to_owned)
    };
    let run = |file: &str| case.place.run(&check(file).each_ref().map(String::as_str));
    let proven = run("reveal.tlog-proof").success().out;
    assert!(proven.contains("subject.reveal") && proven.contains("support"), "{proven}");
    // Neither the leaf nor anything else of it can be another.
    let receipt = case.place.read("reveal.tlog-proof");
    for (at, line) in receipt
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains(['A', 'B']) && !line.starts_with("extra"))
    {
        // At its end: at its beginning is which key it is of, and a line of an unknown key is passed over.
        let last = line.rfind(['A', 'B']).unwrap();
        let mut other = line.to_owned();
        other.replace_range(last..=last, if line[last..].starts_with('A') { "D" } else { "C" });
        let lines: Vec<&str> =
            receipt.lines().enumerate().map(|(n, l)| if n == at { other.as_str() } else { l }).collect();
        case.place.write("other.tlog-proof", &(lines.join("\n") + "\n"));
        assert_eq!(run("other.tlog-proof").code, 5, "{line}");
    }
}

#[test]
fn a_customer_takes_home_who_saw_them_and_checks_it_there() {
    let (case, mut server) = Case::new();
    case.verify(&server).success();
    let dpo = case.place.hire(&server.url, &case.admin, "staff", "dpo");
    let why = ["--purpose", "data_rights", "--reason", "asked for by letter"];
    let fetch = [&["ledger", "accesses", &case.people[1], "--out", "bob.json"][..], &why].concat();
    case.place.remote(&server.url, &dpo, &fetch).success();
    let warehouse = case.place.hire(&server.url, &case.admin, "staff", "warehouse");
    let refused = case.place.remote(
        &server.url,
        &warehouse,
        &["ledger", "accesses", &case.people[1], "--out", "no.json"],
    );
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(server.stop().0.success());

    let keys: Vec<&str> = case.keys.iter().flat_map(|key| ["--verifier-key", key.as_str()]).collect();
    let check = |file: &str| case.place.run(&[&["ledger", "check", file, "--json"][..], &keys].concat());
    let checked = check("bob.json").success().json();
    let actions: Vec<_> =
        checked["events"].as_array().unwrap().iter().map(|row| row[2].as_str().unwrap()).collect();
    assert_eq!(actions, ["subject.reveal", "subject.update", "subject.create"]);
    assert_eq!(
        (&checked["events"][0][1], &checked["events"][0][5]),
        (&json!("support"), &json!("name (clear)"))
    );
    let bundle: Value = serde_json::from_str(&case.place.read("bob.json")).unwrap();
    let mut other = bundle.clone();
    other["logs"][0]["leaves"][0] = bundle["logs"][0]["leaves"][1].clone();
    other["logs"][0]["leaves"][0]["index"] = bundle["logs"][0]["leaves"][0]["index"].clone();
    case.place.write("other.json", &other.to_string());
    assert!(check("other.json").err.contains("is not in the log as it is here"));
    // Somebody else's events are not passed off as his.
    let mut other = bundle;
    other["subject"] = json!("AAAAAAAAAAAAAAAAAAAAAA==");
    case.place.write("other.json", &other.to_string());
    assert!(check("other.json").err.contains("is not about this customer"));
}

#[test]
fn an_auditor_makes_evidence_that_a_stranger_can_follow() {
    let (case, mut server) = Case::new();
    let auditor = case.place.hire(&server.url, &case.admin, "auditor", "auditor");
    case.place.remote(&server.url, &auditor, &["ledger", "bundle", "evidence"]).success();
    assert!(server.stop().0.success());
    let events = case.place.read("evidence/events.jsonl");
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().enumerate().all(|(at, event)| event["index"] == json!(at)));
    assert_eq!(events.iter().filter(|event| event["action"] == "subject.reveal").count(), 3);
    let page = case.place.read("evidence/README.md");
    assert!(page.contains("| `subject.reveal` | done | 3 |") && page.contains("**nobody**"), "{page}");
    assert!(!page.contains('{') && !page.contains("not to be had"), "{page}");
    let people: Value = serde_json::from_str(&case.place.read("evidence/said/principals.json")).unwrap();
    assert!(people.as_array().unwrap().iter().any(|one| one["name"] == "support"));
    // What the page says to type, typed.
    let command = page.lines().map(str::trim).find(|line| line.starts_with("avouch ledger verify")).unwrap();
    let words: Vec<String> =
        command.split(' ').skip(1).map(|word| word.replace("'<key>'", &case.keys[0])).collect();
    let mut typed = case.place.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let typed = case.place.ended(typed.current_dir(case.place.path("evidence"))).success();
    assert!(typed.out.contains("Nothing is wrong."), "{}", typed.out);
    // Nobody's data is in it.
    for name in ["Ada Quist", "Bob Quist", "called back"] {
        let found = std::process::Command::new("grep")
            .args(["-r", "-l", name])
            .arg(case.place.path("evidence"))
            .output()
            .unwrap();
        assert!(found.stdout.is_empty(), "{name}: {}", String::from_utf8_lossy(&found.stdout));
    }
}

#[test]
fn what_is_altered_in_a_copy_is_found_and_named() {
    let (case, mut server) = Case::new();
    case.export(&server, "copy");
    assert!(server.stop().0.success());
    let parts = |folder: &str| -> Vec<PathBuf> {
        let folder = case.place.path("copy/1/tile").join(folder);
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    // The widest is the one that the newest checkpoint is over.
    let widest = |folder: &str| {
        let width = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().parse::<u32>().unwrap();
        parts(folder).into_iter().max_by_key(width).unwrap()
    };
    let (entries, tile) = (widest("entries/000.p"), widest("0/000.p"));

    let genuine = fs::read(&entries).unwrap();
    // Behind the length and what the encoding begins with: a byte of the third event.
    let third = {
        let length = |at: usize| 2 + usize::from(u16::from_be_bytes([genuine[at], genuine[at + 1]]));
        let second = length(0);
        second + length(second)
    };
    flip(&entries, third + 30);
    case.verify_copy("copy").found("leaf 2 is not what tile 0/0");
    // Two events that change places.
    let mut swapped = genuine.clone();
    let cut = |at: usize| at..at + 2 + usize::from(u16::from_be_bytes([genuine[at], genuine[at + 1]]));
    let (one, other) = (cut(0), cut(cut(0).end));
    swapped.splice(0..other.end, [&genuine[other.clone()], &genuine[one]].concat());
    fs::write(&entries, &swapped).unwrap();
    let found = case.verify_copy("copy");
    found.found("leaf 0 is not what");
    found.found("leaf 1 is not what");
    fs::write(&entries, &genuine).unwrap();
    // A tile that is another.
    flip(&tile, 5 * 32);
    case.verify_copy("copy").found("the tile was altered");
    flip(&tile, 5 * 32);
    // A signature that is none.
    let newest = fs::read_dir(case.place.path("copy/1/checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .last()
        .unwrap();
    let note = fs::read_to_string(&newest).unwrap();
    fs::write(&newest, note.replacen('\n', "x\n", 1)).unwrap();
    case.verify_copy("copy").found("a checkpoint that is kept is none");
    fs::write(&newest, note).unwrap();
    case.verify_copy("copy").success();
    // A record that is said to be another.
    let records = case.place.path("copy/records/0.json");
    let text = fs::read_to_string(&records).unwrap();
    let mut page: Value = serde_json::from_str(&text).unwrap();
    let other = page["items"][1]["current"].clone();
    page["items"][0]["current"] = other;
    fs::write(&records, page.to_string()).unwrap();
    case.verify_copy("copy").found("SOMETHING IS WRONG");
}

#[test]
fn what_is_altered_in_the_database_is_found_and_named() {
    let (case, mut server) = Case::new();
    case.verify(&server).success();
    let mut drill = |sql: &str, back: &str, named: &[&str]| {
        assert!(server.stop().0.success());
        case.meddle("create table if not exists spare as select * from event; create table if not exists spare_record as select * from record; create table if not exists spare_tile as select * from tile;");
        case.meddle(sql);
        server = case.place.serve();
        let found = case.verify(&server);
        named.iter().for_each(|named| found.found(named));
        assert!(server.stop().0.success());
        case.meddle(back);
        server = case.place.serve();
        case.verify(&server).success();
        // What has been done since is to stay.
        assert!(server.stop().0.success());
        case.meddle("drop table spare; drop table spare_record; drop table spare_tile;");
        server = case.place.serve();
    };
    let leaf = "(select event from leaf where log = 1 and idx = 9)";
    let restore = format!(
        "delete from event where id = {leaf}; insert into event select * from spare where id = {leaf};"
    );
    drill(
        &format!(
            "update event set body = cast(substr(body, 1, 20) || x'07' || substr(body, 22) as blob) where id = {leaf};"
        ),
        &restore,
        &["leaf 9 is not what"],
    );
    drill(&format!("delete from event where id = {leaf};"), &restore, &["leaf 9 is not what"]);
    drill(
        "update leaf set event = -event where idx in (10, 11); update leaf set event = (select -event from leaf where idx = 11) where idx = 10; \
         update leaf set event = (select min(event) from (select id as event from event order by id limit 1 offset 10)) where idx = 11;",
        "update leaf set event = -1 - idx where idx in (10, 11); \
         update leaf set event = (select id from event order by id limit 1 offset 10) where idx = 10; \
         update leaf set event = (select id from event order by id limit 1 offset 11) where idx = 11;",
        &["leaf 10 is not what", "leaf 11 is not what"],
    );
    // A record that is as it was: whole, genuine, and of yesterday.
    let yesterday = "update record set (version, updated, event, keys, tokens, entries, manifest) = \
         (select version, updated, event, keys, tokens, entries, manifest from record_version v where v.subject = record.subject and v.version = 1) \
         where subject = (select min(subject) from record);";
    let today = "delete from record; insert into record select * from spare_record;";
    drill(yesterday, today, &["an earlier state was put back"]);
    drill(
        "update record set entries = cast(entries || x'00' as blob) where subject = (select max(subject) from record);",
        today,
        &["is not what it was when it was written"],
    );
    drill(
        "delete from record where subject = (select max(subject) from record);",
        today,
        &["the others are gone, and no erasure is on record"],
    );
}

#[test]
fn what_imports_and_erasures_of_parts_do_is_no_fault() {
    let (case, mut server) = Case::new();
    let dpo = case.place.hire(&server.url, &case.admin, "staff", "dpo");
    let support = case.place.hire(&server.url, &case.admin, "staff", "support");
    let importer = case.place.hire(&server.url, &case.admin, "service", "importer");
    // Some of the rows are of people who are there already.
    case.place.write(
        "one.csv",
        "external_id,name,email\nC-1,Zoe Quist,zoe@example.org\nC-2,Max Quist,max@example.org\n",
    );
    case.place.write(
        "two.csv",
        "external_id,name,email\nC-1,Zoe Quist,zoe@example.org\nC-3,Kim Quist,kim@example.org\n",
    );
    for file in ["one.csv", "two.csv"] {
        let import = ["import", file, "--yes", "--on-duplicate", "skip", "--purpose", "administration"];
        case.place.remote(&server.url, &importer, &import).success();
        case.verify(&server).success();
    }
    // A class of which only an earlier version has something, then all of somebody.
    let unset =
        ["subject", "update", &case.people[0], "--version", "2", "--unset", "notes", "--purpose", "support"];
    case.place.remote(&server.url, &support, &unset).success();
    let why = ["--purpose", "data_rights", "--reason", "asked for by letter"];
    let part = [&["subject", "delete", &case.people[0], "--classes", "service"][..], &why].concat();
    case.place.remote(&server.url, &dpo, &part).success();
    case.verify(&server).success();
    let whole = [&["subject", "delete", &case.people[1]][..], &why].concat();
    case.place.remote(&server.url, &dpo, &whole).success();
    let verified = case.verify(&server).success();
    assert!(verified.out.contains("no more are gone than were erased"), "{}", verified.out);
    assert!(server.stop().0.success());
}

#[test]
fn what_a_copy_leaves_out_or_claims_is_not_believed() {
    let (case, mut server) = Case::new();
    assert!(server.stop().0.success());
    // The data are put back, so there are two logs.
    case.copy_stores();
    server = case.place.serve();
    case.verify(&server).success();
    assert!(server.stop().0.success());
    case.put_back("data.db");
    server = case.place.serve();
    fs::remove_file(case.place.path("known.json")).unwrap();
    case.export(&server, "copy");
    assert!(server.stop().0.success());
    let both = case.place.run(&["ledger", "verify", "--copy", "copy"]).success();
    assert!(both.out.contains("log 2:") && both.out.contains("events were lost"), "{}", both.out);
    let path = case.place.path("copy/ledger.json");
    let genuine: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let claim = |change: &dyn Fn(&mut Value)| {
        let mut other = genuine.clone();
        change(&mut other);
        fs::write(&path, other.to_string()).unwrap();
        case.place.run(&["ledger", "verify", "--copy", "copy", "--verifier-key", &case.keys[0]])
    };
    claim(&|_| ()).success();
    claim(&|all| drop(all["logs"].as_array_mut().unwrap().pop())).found("and that is not here");
    claim(&|all| all["logs"][1]["minimum"] = json!(5)).found("and events say so of those before leaf 0 only");
    claim(&|all| all["logs"][1]["origin"] = json!("avouch/another"))
        .found("no key that was given is of a log that is here");
}

#[test]
fn a_log_of_which_nothing_is_left_is_not_taken_for_one_that_has_not_begun() {
    let place = Place::new();
    let admin = place.init();
    // The data are put back as they were before the first start: nothing of log 1 was signed then.
    let case = Case { place, admin, keys: Vec::new(), people: Vec::new() };
    case.copy_stores();
    let mut server = case.place.serve();
    case.verify(&server).success();
    fs::copy(case.place.path("known.json"), case.place.path("known-then.json")).unwrap();
    assert!(server.stop().0.success());
    case.put_back("data.db");
    server = case.place.serve();
    let told = case.verify(&server).success();
    assert!(told.out.contains("nothing of it is signed") && told.out.contains("were lost"), "{}", told.out);
    case.export(&server, "copy");
    assert!(server.stop().0.success());
    // One in between that was ended before anything of it was signed has no first leaf to say anything.
    let path = case.place.path("copy/ledger.json");
    let genuine = fs::read_to_string(&path).unwrap();
    let mut three: Value = serde_json::from_str(&genuine).unwrap();
    three["logs"][0]["number"] = json!(3);
    let mut between = three["logs"][1].clone();
    between["number"] = json!(2);
    between["origin"] = json!("avouch/between");
    three["logs"].as_array_mut().unwrap().insert(1, between);
    fs::write(&path, three.to_string()).unwrap();
    fs::rename(case.place.path("copy/2"), case.place.path("copy/3")).unwrap();
    fs::create_dir_all(case.place.path("copy/2/checkpoints")).unwrap();
    case.place.run(&["ledger", "verify", "--copy", "copy"]).success();

    // The same, by a server that keeps it to itself.
    let mut claimed: Value = serde_json::from_str(&genuine).unwrap();
    claimed["logs"].as_array_mut().unwrap().retain(|log| log["number"] == json!(1));
    fs::write(&path, claimed.to_string()).unwrap();
    let verify = ["ledger", "verify", "--copy", "copy", "--remember", "known-then.json"];
    case.place.run(&verify).found("the log has gone back");
}

/// A log of 700 leaves without the first 512, which event 650 says were let go of; and what comes of it when it says something else.
#[test]
fn a_log_without_its_first_events_is_one_that_says_so() {
    let place = Place::new();
    let before = |size, root: Hash| Some(Before { log: 1, size, root: root.0.into() });
    let said = |copy: &str, told: &dyn Fn(u64, Hash) -> Option<Before>| {
        let made = Made { number: 1, leaves: 700, minimum: 512, signed_each: 100 };
        let root = Cell::new(Hash::empty());
        let event = |index, tree: &Growth| {
            if index == 512 {
                root.set(tree.root());
            }
            let before = (index == 650).then(|| told(512, root.get())).flatten();
            let what = if index == 650 { "log.prune" } else { "subject.reveal" }.to_owned();
            Event { what, before, ..look(index) }
        };
        let (key, root) = made.write(&place.path(copy), event).unwrap();
        // The vault was restored, and another log goes on.
        let begun =
            |index, _: &Growth| Event { before: before(700, root).filter(|_| index == 0), ..look(index) };
        Made { number: 2, leaves: 3, minimum: 0, signed_each: 3 }.write(&place.path(copy), begun).unwrap();
        place.run(&["ledger", "verify", "--copy", copy, "--verifier-key", &key])
    };
    let sound = said("sound", &before).success().out;
    assert!(
        sound.contains("all 188 events") && sound.contains("the first 512 events were kept long enough"),
        "{sound}"
    );
    said("silent", &|_, _| None).found("and events say so of those before leaf 0 only");
    said("less", &|_, root| before(256, root)).found("and events say so of those before leaf 256 only");
    // What is gone is still hashed: a tile that is another is found.
    let tile = place.path("sound/1/tile/0/000");
    flip(&tile, 40);
    let key = ["ledger", "verify", "--copy", "sound"];
    place.run(&key).found("tile");
}

#[test]
fn a_server_does_not_name_its_own_witness() {
    let (case, mut server) = Case::new();
    case.export(&server, "copy");
    assert!(server.stop().0.success());
    let cosigner = |seed| Cosigner::ed25519("example.org/w", &[seed; 32]).unwrap();
    let (theirs, genuine) = (cosigner(1), cosigner(2));
    let log: Vec<VerifierKey> = case.keys.iter().map(|key| VerifierKey::parse(key).unwrap()).collect();
    let sign = |cosigner: &Cosigner| {
        for entry in fs::read_dir(case.place.path("copy/1/checkpoints")).unwrap() {
            let path = entry.unwrap().path();
            let note = fs::read_to_string(&path).unwrap();
            let checkpoint = open_checkpoint(&note, &log).unwrap().checkpoint().clone();
            let line = cosigner.cosign(&checkpoint, 1_700_000_000).unwrap();
            fs::write(&path, append(&note, &line).unwrap()).unwrap();
        }
    };
    let key = genuine.verifier_key().to_string();
    let verify = ["ledger", "verify", "--copy", "copy", "--verifier-key", &key];
    let path = case.place.path("copy/ledger.json");
    let mut ledger: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    ledger["logs"][0]["verifier_keys"].as_array_mut().unwrap().push(json!(theirs.verifier_key().to_string()));
    fs::write(&path, ledger.to_string()).unwrap();
    sign(&theirs);
    let told = case.place.run(&verify).success().out;
    assert!(
        !told.contains("saw the same history") && told.contains("no witness whose key was given"),
        "{told}"
    );
    sign(&genuine);
    let given = case.place.run(&verify).success().out;
    assert!(given.contains("example.org/w saw the same history"), "{given}");
}

#[test]
fn an_older_database_is_found_by_who_remembers_and_says_itself_what_was_lost() {
    let (case, mut server) = Case::new();
    case.verify(&server).success();
    assert!(server.stop().0.success());
    case.copy_stores();
    server = case.place.serve();
    let dpo = case.place.hire(&server.url, &case.admin, "staff", "dpo");
    let delete = ["subject", "delete", &case.people[0], "--purpose", "data_rights", "--reason", "asked for"];
    case.place.remote(&server.url, &dpo, &delete).success();
    case.verify(&server).success();
    fs::copy(case.place.path("known.json"), case.place.path("known-then.json")).unwrap();
    assert!(server.stop().0.success());

    // The data alone: the key store knows what was published, so the next log says it.
    case.put_back("data.db");
    server = case.place.serve();
    let told = case.verify(&server).success();
    assert!(told.out.contains("NOTE") && told.out.contains("events were lost"), "{}", told.out);
    assert!(server.stop().0.success());

    // Both: only who was there before knows it.
    case.put_back("");
    fs::copy(case.place.path("known-then.json"), case.place.path("known.json")).unwrap();
    server = case.place.serve();
    let found = case.verify(&server);
    found.found("the log has");
    let fresh = case.remote(&server, &["ledger", "verify"]).success();
    assert!(fresh.out.contains("that the log has not gone back since somebody saw it last"));
    let state = case.remote(&server, &["ledger", "status", "--json"]).success().json();
    assert_eq!(state["witnessed_by"], json!([]));
}
