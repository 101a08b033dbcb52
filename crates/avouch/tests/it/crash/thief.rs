//! Somebody takes a copy of everything the server wrote, but not the root key: stores, journals, logs, metrics, the
//! published record, the answers to bad requests. No planted value is in there, in any form.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use avouch_testkit::{Kind, both_engines};
use avouch_wire::{ChunkRequest, EventQuery, Fields, import::ImportRow};
use serde_json::{Value, json};

use super::canary::{Canary, assert_none};
use super::doors::{Customer, REASON, administration, canaries, values};
use super::stores::{Cell, Side, Stores};
use super::vault::{Ask, STAFF_NAME, Server, Vault};

both_engines! {
    fn what_was_written_without_the_root_key_tells_nothing(databases) {
        let vault = Vault::new(databases, "trace");
        let server = vault.serve();
        work(&vault, &server);
        bad_requests(&vault, &server);

        let planted = canaries();
        assert_none(&planted, "the metrics", metrics(&vault, &server).as_bytes());
        // The record names who acted; it says nothing of whom they acted upon.
        let nobody_of_staff: Vec<_> =
            canaries().into_iter().filter(|canary| !STAFF_NAME.contains(&canary.text)).collect();
        let record = record(&vault, &server);
        assert!(record.len() > 10_000, "the record is elsewhere");
        assert_none(&nobody_of_staff, "the record", record.as_bytes());
        search(&vault, &planted);
        let (status, log) = server.stop();
        assert!(status.success());
        assert!(log.contains("DEBUG") && log.contains("subjects/{id}/reveal"), "the log is elsewhere: {log}");
        assert_none(&planted, "the log", log.as_bytes());
        assert!(!log.contains("avk_"), "a key stands in the log");
        search(&vault, &planted);
    }
}

#[test]
fn a_copy_opens_with_its_own_root_key_alone() {
    let databases = avouch_testkit::Place::new(Kind::Sqlite);
    let vault = Vault::new(&databases, "info");
    let server = vault.serve();
    Customer::create(&vault, &server);
    let thief = crate::program::Place::new();
    thief.init();
    fs::remove_dir_all(thief.path("avouch-data")).unwrap();
    // As it lies there, in the middle of things.
    copy(&vault.place.path("avouch-data"), &thief.path("avouch-data"));
    drop(server);
    let ended = thief.run(&["serve"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert_eq!(ended.err.lines().last(), Some("error: the root key does not open this vault"));
    let ended = thief.run(&["doctor", "--json"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    fs::remove_file(thief.path("avouch-data-root.key")).unwrap();
    assert_eq!(thief.run(&["serve"]).code, 1);
    fs::copy(vault.place.path("avouch-data-root.key"), thief.path("avouch-data-root.key")).unwrap();
    thief.run(&["doctor"]).success();
}

/// Everything that puts values into the server's hands.
fn work(vault: &Vault<'_>, server: &Server) {
    let customer = Customer::create(vault, server);
    let mut shown = 0;
    for (role, ask) in customer.doors() {
        if ask.method == "DELETE" {
            continue;
        }
        let answer = server.ask(vault.key(role), &ask);
        assert!(answer.status < 300, "{} {}: {}", ask.method, ask.path, answer.whole);
        shown += usize::from(canaries().iter().any(|canary| canary.is_in(answer.body().as_bytes())));
    }
    // Reveal, detokenize, export and others: that they are found here shows that they would be found elsewhere.
    assert!(shown >= 4, "only {shown} answers held a canary");
    assert_eq!(server.ask(vault.key("support"), &customer.batch()).status, 200);
    let importer = vault.client(server, "importer");
    let start = avouch_wire::ImportStart {
        source_digest: "12".repeat(32),
        mapping_digest: "34".repeat(32),
        dry_run: None,
        on_duplicate: avouch_wire::OnDuplicate::Reject,
        on_erased: Default::default(),
    };
    let import = importer.import_start(&start, &administration()).unwrap().id;
    let rows = (1..=200).map(|row| {
        let Value::Object(mut fields) = values() else { panic!("an object") };
        fields.insert("external_id".to_owned(), json!(format!("KD-77415-Quokka-{row}")));
        fields.insert("email".to_owned(), json!(format!("{row}.Zaunkoenig@Example.org")));
        ImportRow { row, fields: Fields(fields) }
    });
    let done =
        importer.import_chunk(import, 0, &ChunkRequest { rows: rows.collect() }, &administration()).unwrap();
    assert_eq!(done.accepted, 200);
    backups_and_tokens(vault, server, &customer);
    // Somebody who is gone: what was deleted must not lie in a free page.
    let gone = Customer::create_other(vault, server);
    let (role, delete) = gone.doors().pop().unwrap();
    let answer = server.ask(vault.key(role), &delete);
    assert_eq!(answer.status, 200, "{}", answer.whole);
}

/// What else holds values or words: tokens with what is kept of them, a legal hold, standalone keys, backups of both stores.
fn backups_and_tokens(vault: &Vault<'_>, server: &Server, customer: &Customer) {
    let id = customer.id;
    let post = |path: &str, body: Value| Ask {
        method: "POST",
        path: path.to_owned(),
        headers: vec![("Avouch-Purpose", "data_rights"), ("Avouch-Reason", "velocipede")],
        body: body.to_string(),
    };
    let terms = json!({"uses": 3, "metadata": {"note": "marmalade"}, "tags": ["Wisteriagasse"]});
    let tokens = json!({
        "purpose": "order_fulfilment", "recipient": "mailer", "terms": terms,
        "items": [{"subject": id, "field": "name"}, {"subject": id, "field": "email"}],
    });
    let hold = json!({"class": "service", "reason": "marmalade about a velocipede"});
    for (role, ask) in [
        ("shop", post("/v1/tokens", tokens)),
        ("dpo", post(&format!("/v1/subjects/{id}/holds"), hold)),
        ("admin", post("/v1/backups", json!({}))),
    ] {
        let answer = server.ask(vault.key(role), &ask);
        assert!(answer.status < 300, "{}: {}", ask.path, answer.whole);
    }
}

/// Requests with a value where none should be, or that break where a value stands. No answer repeats it.
fn bad_requests(vault: &Vault<'_>, server: &Server) {
    let support = ("Avouch-Purpose", "support");
    let post = |path: &str, body: Value| Ask {
        method: "POST",
        path: path.to_owned(),
        headers: vec![support, ("Avouch-Reason", "velocipede")],
        body: body.to_string(),
    };
    let create = |fields: Value| post("/v1/subjects", json!({"fields": fields}));
    let raw = |body: &str| Ask { body: body.to_owned(), ..post("/v1/subjects", Value::Null) };
    let with = |name: &'static str, value: &'static str| {
        let mut ask = create(json!({"name": "Quirina Vier"}));
        ask.headers.retain(|(other, _)| *other != name);
        ask.headers.push((name, value));
        ask
    };
    let get = |path: &str| Ask {
        method: "GET",
        path: path.to_owned(),
        headers: vec![support],
        body: String::new(),
    };
    let nobody = "/v1/subjects/5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874";
    let by =
        |by: Value| post("/v1/subjects/search", json!({"purpose": "support", "reason": REASON, "by": by}));
    let asks = [
        create(json!({"name": "Quirina", "shoe": "Wisteriagasse 7"})),
        create(
            json!({"name": ["Quirina"], "email": "marmalade", "birth_date": "velocipede", "phones": "912345678"}),
        ),
        create(json!({"name": "Quirina", "email": "Zaunkoenig@", "phones": ["912 345 678 marmalade"]})),
        create(
            json!({"name": "Quirina", "card_number": "5555 5555 5555 4444 9", "birth_date": "1957-03-29-00"}),
        ),
        create(
            json!({"name": "Quirina", "address": {"street": "Wisteriagasse 7", "planet": "Obermusterstadt"}}),
        ),
        create(json!({"name": "Quirina", "language": "marmalade", "loyalty_points": "velocipede"})),
        create(json!({"name": "Zaunkönig", "notes": "marmalade ".repeat(600)})),
        create(json!({"name": "Quirina", "email": "Quirina.Zaunkoenig@Example.org"})),
        raw(r#"{"fields": {"name": "Quirina", "name": "Zibeline"}}"#),
        raw(r#"{"fields": {"name": "Quirina Zaunk"#),
        raw(r#"{"fields": {"name": "Quirina"}} "marmalade""#),
        raw(r#"{"fields": {"name": "marmalade \ud800"}}"#),
        raw(r#"["marmalade", "Quirina"]"#),
        raw(r#""Quirina Zaunkönig""#),
        raw(&format!("{}\"marmalade\"{}", "[".repeat(64), "]".repeat(64))),
        raw(r#"{"fields": {"name": "Quirina"}, "notes": "marmalade"}"#),
        raw("name=Quirina&email=Zaunkoenig@Example.org"),
        with("Content-Type", "text/marmalade"),
        with("Idempotency-Key", "velocipede velocipede"),
        with("Avouch-Reason", "%76elocipede%ff"),
        with("If-None-Match", "marmalade"),
        by(json!({"notes": "prefers marmalade"})),
        by(json!({"email": 912_345_678})),
        by(json!({"email": ["Quirina"]})),
        post(
            &format!("{nobody}/reveal"),
            json!({"purpose": "support", "reason": REASON, "fields": ["name"]}),
        ),
        post(
            &format!("{nobody}/reveal"),
            json!({"purpose": "support", "reason": [REASON], "fields": "marmalade"}),
        ),
        post("/v1/subjects/batch", json!({"purpose": "support", "items": [{"create": "Quirina"}]})),
        post(
            "/v1/tokenize",
            json!({"purpose": "order_fulfilment", "recipient": "parcels", "document": {"x": "Quirina"}}),
        ),
        post(
            "/v1/detokenize",
            json!({"purpose": "order_fulfilment", "document": {"to": "tok_parcels_marmalade"}}),
        ),
        post("/v1/principals", json!({"kind": "marmalade", "name": STAFF_NAME, "roles": []})),
        get("/v1/subjects/Quirina%20Zaunk%C3%B6nig"),
        get("/v1/marmalade"),
        get("/v1/subjects?email=Quirina.Zaunkoenig@Example.org"),
        get("/v1/subjects?cursor=marmalade"),
        get("/v1/events?action=marmalade&limit=velocipede"),
    ];
    let canaries = canaries();
    let mut refused = 0;
    for ask in asks {
        let answer = server.ask(vault.key("support"), &ask);
        let what = format!("the answer to {} {} {}", ask.method, ask.path, ask.body);
        assert!(answer.status < 500, "{what}: {}", answer.whole);
        assert_none(&canaries, &what, answer.whole.as_bytes());
        refused += usize::from(answer.status >= 400);
    }
    assert!(refused >= 32, "only {refused} were refused");

    // A name of a field, a purpose or a recipient may be repeated to whoever sent it, and to nobody else.
    let names = [
        create(json!({"name": "Quirina", "marmalade for Zaunkönig": 1})),
        with("Avouch-Purpose", "marmalade"),
        post(&format!("{nobody}/reveal"), json!({"purpose": "velocipede", "fields": ["Wisteriagasse"]})),
        post("/v1/explain", json!({"action": "marmalade", "purpose": "velocipede"})),
        post("/v1/tokens", json!({"purpose": "support", "recipient": "Zibeline Ofenbau", "items": []})),
    ];
    for ask in names {
        let answer = server.ask(vault.key("support"), &ask);
        assert!((400..500).contains(&answer.status), "{} {}: {}", ask.path, ask.body, answer.whole);
    }
    let stranger = server.ask("avk_live_Zibeline marmalade", &get("/v1/subjects"));
    assert_eq!(stranger.status, 401);
    assert_none(&canaries, "the answer to a stranger", stranger.whole.as_bytes());
    // Not HTTP at all.
    let mut stream = TcpStream::connect(server.url.split_once("://").unwrap().1).unwrap();
    stream.write_all(b"Quirina Zaunkoenig@ marmalade\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_none(&canaries, "the answer to nonsense", &answer);
}

fn metrics(vault: &Vault<'_>, server: &Server) -> String {
    let log = server.written();
    let line = log.lines().find(|line| line.contains("metrics") && line.contains("address=")).unwrap();
    let address = line.split_once("address=").unwrap().1.split_whitespace().next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let token = vault.place.read("metrics-token");
    let head = format!(
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}",
        token.trim()
    );
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("avouch_http_requests"), "{text}");
    text
}

/// All events, as an auditor gets them.
fn record(vault: &Vault<'_>, server: &Server) -> String {
    let auditor = vault.client(server, "auditor");
    let mut query = EventQuery { limit: Some(100), ..EventQuery::default() };
    let mut text = String::new();
    loop {
        let page = auditor.events(&query).unwrap();
        text.push_str(&serde_json::to_string(&page.items).unwrap());
        if page.next_cursor.is_none() {
            return text;
        }
        query.cursor = page.next_cursor;
    }
}

/// Looks through everything that lies on the disk or in the databases, but for the root key.
#[track_caller]
fn search(vault: &Vault<'_>, canaries: &[Canary]) {
    let folder = vault.place.path("avouch-data");
    let apart = ["backups/data", "backups/keys", "erased"].map(|apart| files(&vault.place.path(apart)));
    assert!(apart.iter().all(|files| !files.is_empty()), "backups or the list of erasures are elsewhere");
    for path in files(&folder).into_iter().chain(apart.into_iter().flatten()) {
        assert_none(canaries, &path.display().to_string(), path.as_os_str().as_encoded_bytes());
        assert_none(canaries, &path.display().to_string(), &fs::read(&path).unwrap());
    }
    let stores = vault.stores();
    if let Stores::Sqlite { .. } = stores {
        let bytes: u64 = files(&folder).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(bytes > 200_000, "the vault is elsewhere: {bytes} bytes");
        return;
    }
    let mut cells = 0;
    for (side, name) in [(Side::Data, "data"), (Side::Keys, "keys")] {
        for table in stores.tables(side) {
            for row in stores.rows(side, &format!("select * from {table}")) {
                cells += row.len();
                let bytes: Vec<u8> = row.into_iter().flat_map(|cell| bytes(cell, b'\n')).collect();
                assert_none(canaries, &format!("{name}.{table}"), &bytes);
            }
        }
    }
    assert!(cells > 5_000, "the vault is elsewhere: {cells} values");
}

fn bytes(cell: Cell, end: u8) -> Vec<u8> {
    let mut bytes = match cell {
        Cell::Null => Vec::new(),
        Cell::Int(number) => number.to_string().into_bytes(),
        Cell::Text(text) => text.into_bytes(),
        Cell::Blob(bytes) => bytes,
    };
    bytes.push(end);
    bytes
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
