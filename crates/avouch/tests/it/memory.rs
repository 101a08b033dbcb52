//! What a look into the memory of a running server shows. Values that exist nowhere else are stored and shown over the API;
//! then all of the server's memory is read, as somebody with root could, and searched for them in every form. What is found is
//! printed, and kept as a table in `docs/operations.md`.
//!
//! The keyring is in memory for as long as the server runs, by design, and is not looked for.

mod dump;

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use avouch_client::{Client, Options};
use avouch_testkit::{Kind, both_engines};
use avouch_wire::{Fields, Secret, SubjectCreate};
use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::crash::doors::administration;
use crate::crash::stores::{Cell, Side};
use crate::crash::vault::{Ask, Server, Vault, wait};
use crate::program::CONFIG;
use dump::{Dump, Found, Places, Wanted};

both_engines! {
    fn nothing_that_was_shown_or_erased_stays_in_memory(databases) {
        let vault = Vault::new(databases, "trace");
        let server = vault.serve();
        let (shown, erased) = (Person::new(), Person::new());
        let wanted = wanted(&vault, &[("values shown", &shown), ("values erased", &erased)]);
        let mut report = Report::default();

        // That a look finds what is there: a request that has not ended is still worked on.
        let mut begun = connect(&server);
        let body = json!({"fields": shown.fields()}).to_string();
        let head = head(&vault, "POST", "/v1/subjects", body.len() + 1);
        write!(begun, "{head}{body}").unwrap();
        let arrived = until(|| found(&server, &wanted), |found| !found["values shown"].is_empty());
        assert!(!arrived["values shown"].is_empty(), "{arrived:?}");
        report.add("while a request with them arrives", &arrived);
        drop(begun);

        let [shown_id, erased_id] = [&shown, &erased].map(|person| person.create(&vault, &server));
        for id in [shown_id, erased_id] {
            assert!(reveal(&vault, &server, id).contains("@"));
        }
        let stored = until_none(&server, &wanted);
        report.add("stored, shown, answered", &stored);
        assert_none(&stored);

        let keys = wrapped_keys(&vault, erased_id);
        report.add("the same", &Dump::take(server.id()).find(&keys));
        erase(&vault, &server, erased_id);
        let gone = until_none(&server, &wanted);
        report.add("erased", &gone);
        assert_none(&gone);
        // Sealed as they are in the database, in buffers of what drives it, until it has other things to carry.
        let keys_left = found(&server, &keys);
        report.add("erased", &keys_left);
        let places: BTreeSet<_> = keys_left["wrapped keys erased"].keys().map(String::as_str).collect();
        assert!(places.is_subset(&BTreeSet::from(["heap", "heap of C", "anonymous"])), "{places:?}");
        let written_over = until(
            || {
                for person in (0..10).map(|_| Person::new()) {
                    reveal(&vault, &server, person.create(&vault, &server));
                }
                found(&server, &keys)
            },
            |found| found.values().all(Places::is_empty),
        );
        report.add("erased, and others came", &written_over);
        report.print();
        assert_none(&written_over);
    }
}

/// What nobody waits for any more lies in no buffer of a connection that is kept.
#[test]
fn nothing_stays_in_a_connection_that_is_kept() {
    let databases = avouch_testkit::Place::new(Kind::Sqlite);
    let vault = Vault::new(&databases, "info");
    let server = vault.serve();
    let person = Person::new();
    let id = person.create(&vault, &server);
    let wanted = wanted(&vault, &[("values shown", &person)]);
    let mut kept = connect(&server);
    let notes = format!("{} {}", person.notes, "x".repeat(3000));
    let item = json!({"create": {"fields": {"name": person.name, "notes": notes}}});
    // Buffers grow with what comes, and shrink when less comes; what was in them must go either way.
    for size in [1, 30, 1, 1] {
        let items = vec![item.clone(); size];
        let batch = json!({"purpose": "support", "reason": "she called", "items": items}).to_string();
        let made = exchange(&mut kept, &vault, "POST", "/v1/subjects/batch", &batch);
        assert_eq!(made.matches("\"status\":201").count(), size, "{made}");
        let shown = exchange(&mut kept, &vault, "POST", &format!("/v1/subjects/{id}/reveal"), REVEAL);
        assert!(shown.contains(&person.email), "{shown}");
        assert_none(&until_none(&server, &wanted));
    }
    // It was kept.
    exchange(&mut kept, &vault, "POST", &format!("/v1/subjects/{id}/reveal"), REVEAL);
}

/// TLS decrypts in its own buffer, which lives as long as the connection.
#[test]
fn what_stays_in_an_encrypted_connection_goes_with_it() {
    let databases = avouch_testkit::Place::new(Kind::Sqlite);
    let vault = Vault::new(&databases, "info");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    vault.place.write("certificate.pem", &made.cert.pem());
    vault.place.write("key.pem", &made.signing_key.serialize_pem());
    crate::program::set_mode(&vault.place.path("key.pem"), 0o600);
    let tls = "listen = \"127.0.0.1:0\"\ntls_certificate = \"certificate.pem\"\ntls_key = \"key.pem\"\n";
    vault.place.write("avouch.toml", &CONFIG.replacen("listen = \"127.0.0.1:0\"\n", tls, 1));
    let server = vault.serve();
    let url = server.url.replace("127.0.0.1", "localhost");
    let client = |role: &str| {
        let mut options = Options::new(&url, Secret(vault.key(role).to_owned()));
        options.ca = Some(made.cert.pem().into_bytes());
        Client::new(options).unwrap()
    };
    let person = Person::new();
    let mut all = person.texts("values shown");
    all.push((
        "private key of the certificate",
        made.signing_key.serialize_pem().lines().nth(1).unwrap().to_owned(),
    ));
    let mut wanted = Wanted::default();
    all.iter().for_each(|(name, text)| wanted.text(name, text));
    let importer = client("importer");
    let Value::Object(fields) = person.fields() else { panic!("an object") };
    importer
        .create(&SubjectCreate { fields: Fields(fields), again: false }, &administration(), None)
        .unwrap();
    let mut report = Report::default();
    report.add("an encrypted connection is kept", &until_none(&server, &wanted));
    drop(importer);
    let closed = until_none(&server, &wanted);
    report.add("and closed", &closed);
    report.print();
    assert_none(&closed);
}

/// Somebody of whom nobody has heard before.
struct Person {
    name: String,
    email: String,
    street: String,
    notes: String,
}

impl Person {
    fn new() -> Self {
        Self {
            name: format!("{} {}", word(), word()),
            email: format!("{}@{}.example", word(), word()).to_lowercase(),
            street: format!("{} 7", word()),
            notes: format!("{} {}", word(), word()),
        }
    }

    fn fields(&self) -> Value {
        let address =
            json!({"street": self.street, "city": "Porto", "postal_code": "4000-001", "country": "PT"});
        json!({"name": self.name, "email": self.email, "address": address, "notes": self.notes})
    }

    /// What is looked for: whole values, and parts that a normal form or an index would leave.
    fn texts(&self, name: &'static str) -> Vec<(&'static str, String)> {
        let words = [&self.name, &self.email, &self.street, &self.notes]
            .into_iter()
            .flat_map(|value| value.split([' ', '@']));
        words.filter(|word| word.len() > 6).map(|word| (name, word.to_owned())).collect()
    }

    fn create(&self, vault: &Vault<'_>, server: &Server) -> Uuid {
        let ask = Ask {
            method: "POST",
            path: "/v1/subjects".to_owned(),
            headers: vec![("Avouch-Purpose", "support")],
            body: json!({"fields": self.fields()}).to_string(),
        };
        let answer = server.ask(vault.key("support"), &ask);
        assert_eq!(answer.status, 201, "{}", answer.whole);
        let made: Value = serde_json::from_str(answer.body()).unwrap();
        made["id"].as_str().unwrap().parse().unwrap()
    }
}

/// Letters at random.
fn word() -> String {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let letters = (0..13).map(|at| char::from(b'a' + u8::try_from(random / 26_u64.pow(at) % 26).unwrap()));
    format!("Q{}", letters.collect::<String>())
}

const REVEAL: &str =
    r#"{"purpose":"support","reason":"she called","fields":["name","email","notes","address"]}"#;

fn reveal(vault: &Vault<'_>, server: &Server, id: Uuid) -> String {
    let ask = Ask {
        method: "POST",
        path: format!("/v1/subjects/{id}/reveal"),
        body: REVEAL.to_owned(),
        ..Ask::default()
    };
    let answer = server.ask(vault.key("support"), &ask);
    assert_eq!(answer.status, 200, "{}", answer.whole);
    answer.whole
}

fn erase(vault: &Vault<'_>, server: &Server, id: Uuid) {
    let headers = vec![("Avouch-Purpose", "data_rights"), ("Avouch-Reason", "she asked")];
    let ask = Ask { method: "DELETE", path: format!("/v1/subjects/{id}"), headers, ..Ask::default() };
    let answer = server.ask(vault.key("dpo"), &ask);
    assert_eq!(answer.status, 200, "{}", answer.whole);
}

/// The values of these people, the secret of the key that asks, and the root key.
fn wanted(vault: &Vault<'_>, people: &[(&'static str, &Person)]) -> Wanted {
    let mut texts: Vec<_> = people.iter().flat_map(|(name, person)| person.texts(name)).collect();
    let secret = vault.key("support").split('_').nth(3).unwrap().to_owned();
    let root = vault.place.read("avouch-data-root.key");
    let root = root.lines().nth(1).unwrap().split('_').next().unwrap().to_owned();
    let mut all = Wanted::default();
    for (name, text) in [("secret of an API key", &secret), ("root key", &root)] {
        all.bytes(name, &BASE32_NOPAD.decode(text.to_uppercase().as_bytes()).unwrap());
    }
    texts.extend([("secret of an API key", secret), ("root key", root)]);
    texts.iter().for_each(|(name, text)| all.text(name, text));
    all
}

/// As they lie in the key store.
fn wrapped_keys(vault: &Vault<'_>, id: Uuid) -> Wanted {
    let mut all = Wanted::default();
    for row in vault.stores().rows(Side::Keys, "select subject, wrapped from subject_key") {
        let [Cell::Blob(subject), Cell::Blob(wrapped)] = row.as_slice() else { panic!("two blobs") };
        if subject == id.as_bytes() {
            all.bytes("wrapped keys erased", wrapped);
        }
    }
    all
}

fn found(server: &Server, wanted: &Wanted) -> Found {
    Dump::take(server.id()).find(wanted)
}

/// Looks until it is as expected, or long enough; what was seen last.
fn until(look: impl Fn() -> Found, expected: impl Fn(&Found) -> bool) -> Found {
    let mut seen = look();
    for _ in 0..20 {
        if expected(&seen) {
            break;
        }
        wait(Duration::from_millis(50));
        seen = look();
    }
    seen
}

/// An answer is read a moment before whoever wrote it has let go of it.
fn until_none(server: &Server, wanted: &Wanted) -> Found {
    until(|| found(server, wanted), |found| found.values().all(Places::is_empty))
}

#[track_caller]
fn assert_none(found: &Found) {
    let left: Vec<_> = found.iter().filter(|(_, places)| !places.is_empty()).collect();
    assert!(left.is_empty(), "still in memory: {left:?}");
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.split_once("://").unwrap().1).unwrap()
}

fn head(vault: &Vault<'_>, method: &str, path: &str, length: usize) -> String {
    let key = vault.key("support");
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nAvouch-Purpose: support\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// One request on a connection that is kept; the body of the answer.
fn exchange(stream: &mut TcpStream, vault: &Vault<'_>, method: &str, path: &str, body: &str) -> String {
    write!(stream, "{}{body}", head(vault, method, path, body.len())).unwrap();
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap()
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// What was found when, as a table.
#[derive(Default)]
struct Report(Vec<[String; 3]>);

impl Report {
    fn add(&mut self, when: &str, found: &Found) {
        for (what, places) in found {
            let places: Vec<_> = places.iter().map(|(place, times)| format!("{times} in {place}")).collect();
            let places = if places.is_empty() { "0".to_owned() } else { places.join(", ") };
            self.0.push([when.to_owned(), (*what).to_owned(), places]);
        }
    }

    fn print(&self) {
        for [when, what, places] in &self.0 {
            eprintln!("{when:<36} {what:<30} {places}");
        }
    }
}
