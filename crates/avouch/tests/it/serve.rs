//! From `init` to an answer, and what only a running server can show.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::program::{CONFIG, Place, mode};

#[test]
fn from_nothing_to_a_revealed_value() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    let json = |key: &str, arguments: &[&str]| -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&place.remote(&server.url, key, &arguments).success().out).unwrap()
    };
    let key_for = |name: &str, role: &str| {
        let principal =
            json(&admin, &["principal", "create", "--kind", "staff", "--name", name, "--roles", role]);
        let id = principal["id"].as_str().unwrap();
        let key = json(&admin, &["apikey", "create", id, "--label", "test", "--days", "1"]);
        key["key"].as_str().unwrap().to_owned()
    };
    let support = key_for("Sam", "support");
    let made = json(
        &support,
        &["subject", "create", "name=Zoë Canary", "email=zoe.canary@example.org", "--purpose", "support"],
    );
    let id = made["id"].as_str().unwrap().to_owned();

    let found = json(&support, &["search", "--by", "email=ZOE.Canary@EXAMPLE.org", "--purpose", "support"]);
    assert_eq!(found["items"][0]["id"], id.as_str());
    assert!(!found.to_string().contains("zoe.canary"), "a search shows masked values: {found}");

    let refused =
        place.remote(&server.url, &support, &["reveal", &id, "--fields", "email", "--purpose", "support"]);
    assert_eq!(refused.code, 3, "a reveal without a reason: {}", refused.err);
    let reveal = ["reveal", &id, "--fields", "email", "--purpose", "support", "--reason", "called back"];
    assert_eq!(json(&support, &reveal)["fields"]["email"], "zoe.canary@example.org");
    assert_eq!(place.remote(&server.url, &admin, &reveal).code, 3, "an administrator sees no customer");

    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    assert!(!log.to_lowercase().contains("canary") && !log.contains("avk_"), "{log}");

    let server = place.serve();
    let again = place.remote(&server.url, &support, &reveal).success();
    assert!(again.out.contains("zoe.canary@example.org"));
}

#[test]
fn a_vault_lives_on_postgresql_as_well() {
    let databases = avouch_testkit::Place::new(avouch_testkit::Kind::Postgres);
    let (data, keys) = databases.urls().unwrap();
    let place = Place::new();
    let store = format!(
        "[store]\nengine = \"postgresql\"\nworkers = 2\ndata_url = \"{data}\"\nkeys_url = \"{keys}\"\n"
    );
    place.write("avouch.toml", &format!("{CONFIG}{store}"));
    crate::program::set_mode(&place.path("avouch.toml"), 0o600);
    let made: Value = serde_json::from_str(&place.run(&["init", "--json"]).success().out).unwrap();
    insta::assert_snapshot!(last_line(&place.run(&["init"]).err), @"error: there is a vault here already");
    let mut server = place.serve();
    let status = place.remote(&server.url, made["admin_key"].as_str().unwrap(), &["status"]).success();
    assert!(status.out.contains("postgresql"), "{}", status.out);
    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    // PostgreSQL remarks at every start that our tables are there already.
    assert!(log.lines().all(|line| line.contains(" avouch")), "lines of others:\n{log}");
    let doctor = place.run(&["doctor"]).success();
    assert_eq!(doctor.err, "");
}

#[test]
fn a_vault_opens_by_a_passphrase() {
    let place = Place::new();
    place.write("avouch.toml", &format!("{CONFIG}[root]\nseal = \"passphrase\"\npath = \"passphrase\"\n"));
    place.write("passphrase", "correct horse battery staple\n");
    crate::program::set_mode(&place.path("passphrase"), 0o600);
    place.run(&["init"]).success();
    let (status, log) = place.serve().stop();
    assert!(status.success(), "{log}");
    place.write("passphrase", "correct horse battery stable\n");
    insta::assert_snapshot!(last_line(&place.run(&["serve"]).err), @"error: the root key does not open this vault");
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

#[test]
fn each_address_is_told_with_what_it_is_for_and_has_only_that() {
    let place = Place::new();
    let admin = place.init();
    let listeners = "[[listener]]\naddress = \"127.0.0.1:0\"\nserves = [\"api\"]\n\
                     [[listener]]\naddress = \"127.0.0.1:0\"\nserves = [\"admin\"]\n";
    place.write("avouch.toml", &CONFIG.replacen("[http]\nlisten = \"127.0.0.1:0\"\n", listeners, 1));
    let mut server = place.serve();
    server.hear_until(" for admin");
    assert!(server.said.lines().next().unwrap().ends_with(" for api"), "{}", server.said);
    let for_admin = server.said.lines().last().unwrap().split(' ').nth(2).unwrap().to_owned();
    let rotate = ["keys", "show"];
    place.remote(&for_admin, &admin, &rotate).success();
    assert_eq!(place.remote(&server.url, &admin, &rotate).code, 4, "not found");
    place.remote(&server.url, &admin, &["principal", "list"]).success();
    place.run(&["doctor"]).success();
}

#[test]
fn one_vault_has_one_server() {
    let place = Place::new();
    place.init();
    let _server = place.serve();
    insta::assert_snapshot!(last_line(&place.run(&["serve"]).err), @"error: another avouch is at work in `DIR/avouch-data`: stop it first");
    insta::assert_snapshot!(last_line(&place.run(&["init"]).err), @"error: another avouch is at work in `DIR/avouch-data`: stop it first");
}

#[test]
fn without_its_root_key_a_vault_stays_shut() {
    let place = Place::new();
    place.init();
    fs::rename(place.path("avouch-data-root.key"), place.path("kept")).unwrap();
    insta::assert_snapshot!(last_line(&place.run(&["serve"]).err), @"error: `DIR/avouch-data-root.key`: there is no such file or folder");
    let other = Place::new();
    other.init();
    fs::copy(other.path("avouch-data-root.key"), place.path("avouch-data-root.key")).unwrap();
    insta::assert_snapshot!(last_line(&place.run(&["serve"]).err), @"error: the root key does not open this vault");
    fs::rename(place.path("kept"), place.path("avouch-data-root.key")).unwrap();
    assert!(place.serve().stop().0.success());
}

#[test]
fn a_lost_key_store_is_not_replaced_by_an_empty_one() {
    let place = Place::new();
    place.init();
    fs::rename(place.path("avouch-data/keys"), place.path("kept")).unwrap();
    insta::assert_snapshot!(last_line(&place.run(&["serve"]).err), @"error: the key store `DIR/avouch-data/keys/keys.db` is not there: without it nobody's data can be read, so bring it back");
    assert!(!place.path("avouch-data/keys").exists());
    fs::rename(place.path("kept"), place.path("avouch-data/keys")).unwrap();
    assert!(place.serve().stop().0.success());
}

#[test]
fn an_empty_folder_is_no_vault_and_does_not_become_one() {
    let place = Place::new();
    place.write("avouch.toml", CONFIG);
    insta::assert_snapshot!(last_line(&place.run(&["serve"]).err), @"error: there is no vault here: run `avouch init` first");
    assert!(!place.path("avouch-data").exists());
}

#[test]
fn a_running_server_leaves_no_core_and_its_files_to_nobody() {
    let place = Place::new();
    place.init();
    let server = place.serve();
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let core: Vec<_> =
        limits.lines().find(|line| line.starts_with("Max core")).unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"]);
    for entry in fs::read_dir(place.path("avouch-data")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn metrics_want_their_token() {
    let place = Place::new();
    place.init();
    let mut server = place.serve();
    let token = place.read("metrics-token");
    assert_eq!(token.trim().len(), 64);
    let (_, log) = server.stop();
    let line = log.lines().find(|line| line.contains("metrics")).unwrap();
    assert!(line.contains("127.0.0.1:"), "{line}");

    place.write(
        "avouch.toml",
        &CONFIG.replace("listen = \"127.0.0.1:0\"\ntoken", "listen = \"127.0.0.1:PORT\"\ntoken"),
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    place.write("avouch.toml", &place.read("avouch.toml").replace("PORT", &port.to_string()));
    let _server = place.serve();
    let get = |authorization: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("").starts_with("HTTP/1.1 401"));
    assert!(get("Authorization: Bearer wrong\r\n").starts_with("HTTP/1.1 401"));
    let page = get(&format!("Authorization: Bearer {}\r\n", token.trim()));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("avouch_"), "{page}");
    assert!(
        page.contains("avouch_ledger_checkpoint_witnesses 0") && page.contains("avouch_ledger_broken 0"),
        "{page}"
    );
}

#[test]
fn tls_is_spoken_and_trusted_by_its_authority() {
    let place = Place::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    place.write("certificate.pem", &made.cert.pem());
    place.write("key.pem", &made.signing_key.serialize_pem());
    crate::program::set_mode(&place.path("key.pem"), 0o600);
    let admin = place.init();
    let tls = "listen = \"127.0.0.1:0\"\ntls_certificate = \"certificate.pem\"\ntls_key = \"key.pem\"\n";
    place.write("avouch.toml", &CONFIG.replacen("listen = \"127.0.0.1:0\"\n", tls, 1));
    let server = place.serve();
    assert!(server.url.starts_with("https://"));
    let url = server.url.replace("127.0.0.1", "localhost");
    place.remote(&url, &admin, &["status", "--ca", "certificate.pem"]).success();
    assert_eq!(place.remote(&url, &admin, &["status"]).code, 6, "an unknown authority");
}
