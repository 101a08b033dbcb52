//! Looking for what is wrong.

use serde_json::Value;

use crate::program::{CONFIG, Place, set_mode};

fn checks(place: &Place, code: i32) -> Vec<(String, String, String)> {
    let ended = place.run(&["doctor", "--json"]);
    assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(answer["ok"], code == 0);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = answer["checks"].as_array().unwrap();
    checks.iter().map(|check| (text(&check["name"]), text(&check["state"]), text(&check["detail"]))).collect()
}

fn state<'a>(checks: &'a [(String, String, String)], name: &str) -> Vec<&'a str> {
    checks.iter().filter(|(found, ..)| found == name).map(|(_, state, _)| state.as_str()).collect()
}

#[test]
fn a_new_vault_is_well() {
    let place = Place::new();
    place.init();
    let checks = checks(&place, 0);
    assert!(!checks.iter().any(|(_, state, _)| state == "fail"), "{checks:?}");
    for name in ["config", "settings", "core dumps", "clock", "lock", "vault", "keys", "api keys", "access"] {
        assert_eq!(state(&checks, name), ["ok"], "{name}");
    }
    let (_, _, warning) =
        checks.iter().find(|(name, state, _)| name == "charter" && state == "warn").unwrap();
    assert!(warning.contains("data.yaml") && warning.contains("`name`"), "{warning}");
}

#[test]
fn what_is_wrong_fails() {
    let place = Place::new();
    assert_eq!(state(&checks(&place, 1), "config"), ["fail"]);
    place.init();
    set_mode(&place.path("avouch-data"), 0o755);
    assert_eq!(state(&checks(&place, 1), "settings"), ["fail"]);
    set_mode(&place.path("avouch-data"), 0o700);
    std::fs::rename(place.path("avouch-data-root.key"), place.path("gone")).unwrap();
    let checks = checks(&place, 1);
    assert_eq!((state(&checks, "root"), state(&checks, "vault")), (vec!["fail"], vec!["fail"]));
}

#[test]
fn files_that_serve_needs_are_looked_for() {
    let place = Place::new();
    place.init();
    assert_eq!(state(&checks(&place, 0), "metrics"), ["ok"]);
    place.write("metrics-token", "short\n");
    assert_eq!(state(&checks(&place, 1), "metrics"), ["fail"]);
    std::fs::remove_file(place.path("metrics-token")).unwrap();
    let found = checks(&place, 1);
    let (_, _, detail) = found.iter().find(|(name, ..)| name == "metrics").unwrap();
    assert_eq!(detail, "`DIR/metrics-token`: there is no such file or folder");
    place.write("metrics-token", "0123456789abcdef\n");
    set_mode(&place.path("metrics-token"), 0o600);

    let tls = "listen = \"127.0.0.1:0\"\ntls_certificate = \"certificate.pem\"\ntls_key = \"key.pem\"\n";
    place.write("avouch.toml", &CONFIG.replacen("listen = \"127.0.0.1:0\"\n", tls, 1));
    assert_eq!(state(&checks(&place, 1), "tls"), ["fail"], "neither is there");
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (ours, others) = (made(), made());
    place.write("certificate.pem", &ours.cert.pem());
    place.write("key.pem", &others.signing_key.serialize_pem());
    set_mode(&place.path("key.pem"), 0o600);
    assert_eq!(state(&checks(&place, 1), "tls"), ["fail"], "the key of another certificate");
    place.write("key.pem", &ours.signing_key.serialize_pem());
    assert_eq!(state(&checks(&place, 0), "tls"), ["ok"]);
}

#[test]
fn who_reaches_administration_and_who_is_believed_is_told() {
    let place = Place::new();
    place.init();
    assert_eq!(state(&checks(&place, 0), "listeners"), ["ok"]);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    place.write("certificate.pem", &made.cert.pem());
    place.write("key.pem", &made.signing_key.serialize_pem());
    set_mode(&place.path("key.pem"), 0o600);
    let tls = "[http]\ntls_certificate = \"certificate.pem\"\ntls_key = \"key.pem\"\n";
    let listeners = "[[listener]]\naddress = \"0.0.0.0:0\"\nserves = [\"api\"]\nclient = \"forwarded\"\n\
                     peers = [\"10.0.0.0/7\", \"fc00::/7\", \"10.0.0.0/8\"]\n\
                     [[listener]]\naddress = \"0.0.0.0:0\"\nserves = [\"admin\"]\n\
                     [[listener]]\naddress = \"127.0.0.1:0\"\nserves = [\"admin\", \"console\"]\n";
    place.write(
        "avouch.toml",
        &CONFIG.replacen("[http]\nlisten = \"127.0.0.1:0\"\n", &format!("{tls}{listeners}"), 1),
    );
    let found = checks(&place, 0);
    assert_eq!(state(&found, "listeners"), ["warn", "warn", "warn", "ok"]);
    let told: Vec<_> =
        found.iter().filter(|(name, ..)| name == "listeners").map(|(.., detail)| detail.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    [[listener]] address = "0.0.0.0:0": whoever is in 10.0.0.0/7 can claim to be anybody from anywhere: name your proxies more narrowly
    [[listener]] address = "0.0.0.0:0": whoever is in fc00::/7 can claim to be anybody from anywhere: name your proxies more narrowly
    [[listener]] address = "0.0.0.0:0" serves administration to other machines: better give it a [[listener]] of its own on 127.0.0.1 or in a private network
    [[listener]] address = "127.0.0.1:0" serves admin, console
    "#);
    let alone =
        CONFIG.replacen("[http]\nlisten = \"127.0.0.1:0\"\n", &format!("{tls}listen = \"0.0.0.0:0\"\n"), 1);
    place.write("avouch.toml", &alone);
    assert_eq!(state(&checks(&place, 0), "listeners"), ["warn"]);
}

#[test]
fn a_key_that_ends_soon_is_told() {
    let place = Place::new();
    place.write("avouch.toml", crate::program::CONFIG);
    place.run(&["init", "--days", "7"]).success();
    let checks = checks(&place, 0);
    assert_eq!(state(&checks, "api keys"), ["warn"]);
}

#[test]
fn that_nobody_gets_in_who_lets_others_in_is_told() {
    let place = Place::new();
    place.init();
    let people = |people: &str| place.write("avouch.toml", &format!("{CONFIG}\n{people}"));
    people("[people]\napi_keys = false\n");
    let found = checks(&place, 1);
    assert_eq!(
        state(&found, "access"),
        ["fail"],
        "its only administrator has a key and no passkey: {found:?}"
    );
    people("");
    assert_eq!(state(&checks(&place, 0), "access"), ["ok"]);
}

#[test]
fn codes_that_are_sent_and_count_for_nothing_are_told() {
    let place = Place::new();
    place.init();
    place.write("gateway-secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    set_mode(&place.path("gateway-secret"), 0o600);
    let codes = "[people.codes]\nby = \"webhook\"\nurl = \"https://sms.example/codes\"\nsecret_file = \"gateway-secret\"\n";
    place.write("avouch.toml", &format!("{CONFIG}\n{codes}"));
    let found = checks(&place, 0);
    assert_eq!(state(&found, "sent codes"), ["warn"], "the charter does not let them count: {found:?}");
}

#[test]
fn a_server_at_work_is_left_in_peace_and_asked() {
    let place = Place::new();
    place.init();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = place.read("avouch.toml").replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1);
    place.write("avouch.toml", &config);
    let server = place.serve();
    assert_eq!(server.address().port(), port);
    let checks = checks(&place, 0);
    assert!(state(&checks, "vault").is_empty());
    let server = state(&checks, "server");
    assert!(!server.is_empty() && server.iter().all(|state| *state == "ok"), "{checks:?}");
}
