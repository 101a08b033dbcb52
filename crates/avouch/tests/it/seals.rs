//! The seals around the vault, as an operator meets them: a drill, a lost root, another root.

use std::fs;

use serde_json::Value;

use crate::program::{CONFIG, Place, set_mode};

/// The shares that `init` has written, in order.
fn shares(place: &Place) -> Vec<String> {
    let set = fs::read_dir(place.path("avouch-data-recovery")).unwrap().next().unwrap().unwrap().path();
    (1..=3).map(|number| set.join(format!("share-{number}-of-3.txt")).display().to_string()).collect()
}

/// A seal's member in `avouch keys --json`.
fn seal(place: &Place, url: &str, admin: &str, slot: &str) -> Value {
    let keys: Value =
        serde_json::from_str(&place.remote(url, admin, &["keys", "--json"]).success().out).unwrap();
    keys["seals"].as_array().unwrap().iter().find(|seal| seal["slot"] == slot).unwrap().clone()
}

#[test]
fn shares_are_drilled_and_open_a_vault_whose_root_is_lost() {
    let place = Place::new();
    let admin = place.init();
    let shares = shares(&place);
    let mut server = place.serve();
    assert_eq!(seal(&place, &server.url, &admin, "shares")["drilled"], Value::Null);
    let drill = |shares: &[&str]| {
        let arguments: Vec<_> =
            ["keys", "drill"].into_iter().chain(shares.iter().flat_map(|path| ["--share", *path])).collect();
        place.remote(&server.url, &admin, &arguments)
    };
    let one = drill(&[&shares[0]]);
    assert_eq!((one.code, one.err.contains("too few shares")), (5, true), "{}", one.err);
    let twice = drill(&[&shares[0], &shares[0]]);
    assert!(twice.err.contains("given twice"), "{}", twice.err);
    let drilled = drill(&[&shares[2], &shares[0]]).success();
    assert!(drilled.out.starts_with("seal `shares` opens"), "{}", drilled.out);
    assert!(seal(&place, &server.url, &admin, "shares")["drilled"].is_string());
    assert!(server.stop().0.success());

    fs::remove_file(place.path("avouch-data-root.key")).unwrap();
    let refused = place.run(&["serve"]);
    assert_eq!(
        refused.refusal(),
        "exit code 1\nerror: `DIR/avouch-data-root.key`: there is no such file or folder\n"
    );
    let arguments = ["recover", "--share", &shares[1], "--share", &shares[2]];
    insta::assert_snapshot!(place.run(&arguments).success().out, @"
    The vault opens again, by the root that `avouch.toml` names, which is new: copy it to a place apart from this machine, now.
    Whoever opened it by the old root cannot any more. Start it with `avouch serve`.
    ");
    let server = place.serve();
    assert_eq!(place.remote(&server.url, &admin, &["status"]).code, 0);
}

#[test]
fn another_root_is_put_in_its_place_while_the_server_is_at_work() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    let reseal = || place.remote(&server.url, &admin, &["keys", "reseal", "--yes"]);
    let none = reseal();
    assert_eq!((none.code, none.err.contains("has no `[root.next]`")), (5, true), "{}", none.err);
    place.write("phrase", "correct horse battery staple\n");
    set_mode(&place.path("phrase"), 0o600);
    let next = "[root.next]\nseal = \"passphrase\"\npath = \"phrase\"\n";
    place.write("avouch.toml", &format!("{CONFIG}{next}"));
    insta::assert_snapshot!(reseal().success().out, @"the vault is sealed by the passphrase that `[root.next]` names; move those lines up to `[root]` now");
    assert_eq!(seal(&place, &server.url, &admin, "primary")["kind"], "passphrase");
    assert!(server.stop().0.success());
    // With the configuration as it is, and tidied up; not with the old root.
    assert!(place.serve().stop().0.success());
    place.write("avouch.toml", &format!("{CONFIG}{}", next.replace(".next", "")));
    assert!(place.serve().stop().0.success());
    place.write("avouch.toml", CONFIG);
    assert_eq!(
        place.run(&["serve"]).refusal(),
        "exit code 1\nerror: the root key does not open this vault\n"
    );
}

#[test]
fn new_shares_leave_the_server_sealed_to_their_custodians() {
    let place = Place::new();
    let admin = place.init();
    let old = shares(&place);
    let server = place.serve();
    let custodians: Vec<_> = (0..3).map(|_| age::x25519::Identity::generate()).collect();
    let names: Vec<String> = custodians.iter().map(|custodian| custodian.to_public().to_string()).collect();
    let mut arguments = vec!["keys", "recovery", "--threshold", "2", "--output", "new", "--json"];
    arguments.extend(names.iter().flat_map(|name| ["--custodian", name.as_str()]));
    let made: Value =
        serde_json::from_str(&place.remote(&server.url, &admin, &arguments).success().out).unwrap();
    let opened: Vec<String> = made["shares"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&custodians)
        .map(|(share, custodian)| {
            let armoured = age::armor::ArmoredReader::new(share.as_str().unwrap().as_bytes());
            let mut text = String::new();
            let mut reader = age::Decryptor::new(armoured)
                .unwrap()
                .decrypt(std::iter::once(custodian as &dyn age::Identity))
                .unwrap();
            std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
            text
        })
        .collect();
    for (number, text) in opened.iter().enumerate().take(2) {
        place.write(&format!("opened-{number}"), text);
    }
    let drill = |one: &str, other: &str| {
        place.remote(&server.url, &admin, &["keys", "drill", "--share", one, "--share", other])
    };
    drill("opened-0", "opened-1").success();
    let ended = drill(&old[0], &old[1]);
    assert_eq!((ended.code, ended.err.contains("does not open")), (5, true), "{}", ended.err);
    assert_eq!(fs::read_dir(place.path("new")).unwrap().count(), 3);
}
