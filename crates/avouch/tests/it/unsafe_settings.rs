//! What `serve` refuses, and what it says to do.

use std::fs;

use crate::program::{CONFIG, Place, set_mode};

/// Changes a sound vault, and gives what `serve` says of it.
fn refused(change: impl FnOnce(&Place)) -> String {
    let place = Place::new();
    place.init();
    change(&place);
    let ended = place.run(&["serve"]);
    let check = place.run(&["config", "check"]);
    assert_eq!(check.err, ended.err, "`config check` tells what `serve` would");
    ended.refusal()
}

fn with(place: &Place, from: &str, to: &str) {
    let text = place.read("avouch.toml");
    assert!(text.contains(from));
    place.write("avouch.toml", &text.replacen(from, to, 1));
}

#[test]
fn an_address_for_others_wants_tls() {
    insta::assert_snapshot!(refused(|place| with(place, "127.0.0.1:0", "0.0.0.0:0")), @r#"
    exit code 1
    error: refusing to go on with unsafe settings
      - [http] listen = "0.0.0.0:0" without TLS: keys and customers' data would cross the network readable
        set tls_certificate and tls_key, or listen on 127.0.0.1
    "#);
}

#[test]
fn each_address_for_others_wants_tls_and_each_proxy_a_name() {
    let listeners = |more: &str| {
        let table = |address: &str, more: &str| {
            format!("[[listener]]\naddress = \"{address}\"\nserves = [\"api\", \"admin\"]\n{more}\n")
        };
        table("127.0.0.1:0", "") + &table("0.0.0.0:0", more)
    };
    let changed = |more: &'static str| {
        refused(move |place| with(place, "[http]\nlisten = \"127.0.0.1:0\"\n", &listeners(more)))
    };
    insta::assert_snapshot!(changed(""), @r#"
    exit code 1
    error: refusing to go on with unsafe settings
      - [[listener]] address = "0.0.0.0:0" without TLS: keys and customers' data would cross the network readable
        set tls_certificate and tls_key, or listen on 127.0.0.1
    "#);
    insta::assert_snapshot!(changed("client = \"forwarded\""), @"
    exit code 1
    error: `avouch.toml`: [[listener]] 0.0.0.0:0: without peers nobody is a proxy: name them, or leave client out
    ");
    insta::assert_snapshot!(changed("client = \"proxy-protocol\"\npeers = [\"::/0\"]"), @"
    exit code 1
    error: `avouch.toml`: [[listener]] 0.0.0.0:0: peers that are everybody let anybody claim to come from anywhere: name your proxies
    ");
}

#[test]
fn metrics_want_a_token() {
    insta::assert_snapshot!(refused(|place| with(place, "token_file = \"metrics-token\"\n", "")), @"
    exit code 1
    error: refusing to go on with unsafe settings
      - [metrics] listen without token_file: whoever reaches it could read how the vault is used
        set token_file, or remove listen
    ");
}

#[test]
fn a_root_key_is_for_its_owner_only() {
    insta::assert_snapshot!(refused(|place| set_mode(&place.path("avouch-data-root.key"), 0o640)), @"
    exit code 1
    error: refusing to go on with unsafe settings
      - [root] path `DIR/avouch-data-root.key` is open to other users
        chmod 600 'DIR/avouch-data-root.key'
    ");
}

#[test]
fn a_root_key_does_not_lie_in_the_data() {
    let moved = |place: &Place| {
        fs::rename(place.path("avouch-data-root.key"), place.path("avouch-data/root.key")).unwrap();
        place.write("avouch.toml", &format!("{CONFIG}[root]\npath = \"link\"\n"));
        std::os::unix::fs::symlink("avouch-data/root.key", place.path("link")).unwrap();
    };
    insta::assert_snapshot!(refused(moved), @"
    exit code 1
    error: refusing to go on with unsafe settings
      - [root] path `DIR/link` lies in data_dir: whoever copies the data copies the key
        move it out, to a place that no backup of the data includes
    ");
}

#[test]
fn the_data_is_for_its_owner_only() {
    insta::assert_snapshot!(refused(|place| set_mode(&place.path("avouch-data"), 0o750)), @"
    exit code 1
    error: refusing to go on with unsafe settings
      - [vault] data_dir `DIR/avouch-data` is open to other users
        chmod 700 'DIR/avouch-data'
    ");
}

#[test]
fn the_key_store_is_for_its_owner_only() {
    insta::assert_snapshot!(refused(|place| set_mode(&place.path("avouch-data/keys/keys.db"), 0o644)), @"
    exit code 1
    error: refusing to go on with unsafe settings
      - the store `DIR/avouch-data/keys/keys.db` is open to other users
        chmod 600 'DIR/avouch-data/keys/keys.db'
    ");
}

#[test]
fn postgresql_is_on_this_machine() {
    let elsewhere = "[store]\nengine = \"postgresql\"\ndata_url = \"postgresql://u:hunter2@db.example/data\"\n\
                     keys_url = \"host=db.example dbname=keys\"\n";
    let refusal = refused(|place| {
        place.write("avouch.toml", &format!("{CONFIG}{elsewhere}"));
        set_mode(&place.path("avouch.toml"), 0o644);
    });
    assert!(!refusal.contains("hunter2"));
    insta::assert_snapshot!(refusal, @r#"
    exit code 1
    error: refusing to go on with unsafe settings
      - [store] data_url = "postgresql://db.example/…" names another machine, and this version speaks no TLS with PostgreSQL
        connect through a tunnel that ends on 127.0.0.1 or in a socket on this machine
      - [store] keys_url does not tell which machine it names
        write it as "postgresql://user@127.0.0.1/database"
      - the configuration, which holds a database password, `avouch.toml` is open to everybody on this machine
        chmod o-rwx 'avouch.toml'
    "#);
}

#[test]
fn demo_keys_are_for_the_demo() {
    insta::assert_snapshot!(refused(|place| {
        place.write("avouch.toml", &format!("{CONFIG}[vault]\nenvironment = \"demo\"\n"));
    }), @r#"
    exit code 1
    error: refusing to go on with unsafe settings
      - [vault] environment = "demo": demo keys protect nothing
        start a demo with `avouch demo`, and make a vault of your own with `avouch init`
    "#);
}

#[test]
fn everything_is_told_at_once() {
    let refusal = refused(|place| {
        with(place, "127.0.0.1:0", "[::]:0");
        with(place, "token_file = \"metrics-token\"\n", "");
        set_mode(&place.path("avouch-data-root.key"), 0o604);
        set_mode(&place.path("avouch-data"), 0o755);
    });
    assert_eq!(refusal.matches("\n  - ").count(), 4, "{refusal}");
}
