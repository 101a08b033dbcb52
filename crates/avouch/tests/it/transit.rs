//! Standalone keys as applications and their keepers use them: by hvac, the client that many have already, and by our commands.

use std::path::Path;
use std::process::Command;

use crate::program::{Ended, Place, Running};

/// A service that uses the keys of its own, and may not make any.
const TILLS: &str = "
tills:
  title: Tills, which keep their own data
  holder: service
  actions: [transit.encrypt, transit.decrypt]
  transit: [\"shop-*\"]
";

/// A server, and the keys of its administrator and of that service.
struct House {
    place: Place,
    server: Running,
    keeper: String,
    shop: String,
}

impl House {
    fn new() -> Self {
        let place = Place::new();
        let keeper = place.init();
        let server = place.serve();
        place.write("charter/roles.yaml", &(place.read("charter/roles.yaml") + TILLS));
        place.remote(&server.url, &keeper, &["charter", "apply", "--yes"]).success();
        let shop = place.hire(&server.url, &keeper, "service", "tills");
        Self { place, server, keeper, shop }
    }
}

#[test]
fn hvac_works_with_it_unchanged() {
    let mut house = House::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/hvac/client.py");
    let mut python = Command::new(python());
    python.arg("-B").arg(script).args([&house.server.url, &house.keeper, &house.shop]).env_clear();
    let ended = house.place.ended(&mut python).success();
    assert_eq!(ended.out, "as an application expects it\n");

    // Neither what it sent nor what it was given is in the log, nor the names of keys in metrics.
    let (status, log) = house.server.stop();
    assert!(status.success());
    for hidden in ["ada.lovelace", "YWRhLmxvdmVsYWNl", "vault:v", &house.shop] {
        assert!(!log.contains(hidden), "{hidden}");
    }
    assert!(log.contains("/v1/transit/encrypt/{name}"), "{log}");
}

#[test]
fn a_file_is_encrypted_and_comes_back_byte_for_byte() {
    let house = House::new();
    let keeper = |arguments: &[&str]| house.place.remote(&house.server.url, &house.keeper, arguments);
    let shop = |arguments: &[&str]| house.place.remote(&house.server.url, &house.shop, arguments);
    keeper(&["transit", "create", "shop-files", "--derived"]).success();
    house.place.write("plain", "ada.lovelace@example.org\n\n");
    house.place.write("context", "customer 4711");

    let made = shop(&["transit", "encrypt", "shop-files", "plain", "--context", "context"]).success();
    assert!(made.out.starts_with("vault:v1:"), "{}", made.out);
    house.place.write("sealed", &made.out);
    let open = ["transit", "decrypt", "shop-files", "sealed", "--context", "context"];
    assert_eq!(shop(&open).success().out, "ada.lovelace@example.org\n\n");
    let json: serde_json::Value =
        serde_json::from_str(&shop(&[&open[..], &["--json"]].concat()).success().out).unwrap();
    assert_eq!(json["items"][0]["plaintext"], "YWRhLmxvdmVsYWNlQGV4YW1wbGUub3JnCgo=");

    keeper(&["transit", "rotate", "shop-files"]).success();
    let rewrap = ["transit", "rewrap", "shop-files", "sealed", "--context", "context"];
    let anew = shop(&rewrap).success().out;
    assert!(anew.starts_with("vault:v2:"), "{anew}");
    keeper(&["transit", "config", "shop-files", "--min-decryption", "2"]).success();
    insta::assert_snapshot!(refusal(&shop(&open)), @"
    exit code 5
    error: made by version 1 of the key, which is below the lowest that still opens: lower that, or ask for it anew
      validation
    ");
    house.place.write("sealed", &anew);
    shop(&open).success();

    // Without the context, and with another key.
    insta::assert_snapshot!(refusal(&shop(&["transit", "decrypt", "shop-files", "sealed"])), @"
    exit code 5
    error: a derived key needs a context: name one
      validation
    ");
    insta::assert_snapshot!(refusal(&shop(&["transit", "decrypt", "other", "sealed"])), @"
    exit code 3
    error: one thing is missing: see `needs`
      needs key: your roles do not name this standalone key: use one that they name, or ask an administrator (shop-*)
      decided by role:tills/transit.decrypt
      denied-by-policy
    ");
}

#[test]
fn a_key_is_made_looked_at_and_ended() {
    let house = House::new();
    let keeper = |arguments: &[&str]| house.place.remote(&house.server.url, &house.keeper, arguments);
    keeper(&["transit", "create", "shop-sign", "--kind", "ecdsa-p256"]).success();
    let made =
        keeper(&["transit", "create", "shop-dates", "--kind", "date", "--first-year", "1900"]).success();
    insta::assert_snapshot!(without_times(&made.out), @"
    name                  shop-dates
    kind                  date
    years                 1900 to 9999
    latest version        1
    lowest that decrypts  1
    lowest that encrypts  the lowest that decrypts
    may be deleted        no

    version  created
    1        TIME
    ");
    let signer = keeper(&["transit", "show", "shop-sign"]).success().out;
    assert!(signer.contains("-----BEGIN PUBLIC KEY-----\n"), "{signer}");
    insta::assert_snapshot!(keeper(&["transit", "list"]).success().out, @"
    name        kind
    shop-dates  date
    shop-sign   ecdsa-p256
    ");
    insta::assert_snapshot!(refusal(&keeper(&["transit", "delete", "shop-sign", "--yes"])), @"
    exit code 5
    error: this key may not be deleted: allow it in its configuration first
      conflict
    ");
    insta::assert_snapshot!(refusal(&keeper(&["transit", "delete", "shop-sign"])), @"
    exit code 2
    error: nobody is there to be asked: say --yes
    ");
    keeper(&["transit", "config", "shop-sign", "--deletion-allowed", "true"]).success();
    keeper(&["transit", "delete", "shop-sign", "--yes"]).success();
    insta::assert_snapshot!(refusal(&keeper(&["transit", "show", "shop-sign"])), @"
    exit code 4
    error: there is no such thing, or no longer: check the id and the path
      not-found
    ");
}

#[test]
fn a_signature_and_a_mac_are_of_what_was_signed_and_of_nothing_else() {
    let house = House::new();
    let shop = |arguments: &[&str]| house.place.remote(&house.server.url, &house.shop, arguments);
    let create = ["transit", "create", "shop-sign", "--kind", "ed25519"];
    house.place.remote(&house.server.url, &house.keeper, &create).success();
    house.place.write("message", "an order");
    house.place.write("other", "another order");
    for (make, claim) in [("sign", "--signature"), ("hmac", "--hmac")] {
        let made = shop(&["transit", make, "shop-sign", "message"]).success();
        house.place.write("claim", &made.out);
        let verify = |file: &str| shop(&["transit", "verify", "shop-sign", file, claim, "claim"]);
        let (good, bad) = (verify("message"), verify("other"));
        assert_eq!((good.code, good.out.as_str()), (0, "valid\n"));
        assert_eq!((bad.code, bad.out.as_str()), (1, "not valid\n"));
    }
    let drawn = shop(&["transit", "random", "--bytes", "24"]).success().out;
    assert_eq!(drawn.len(), 33, "{drawn}");
}

/// Without the request's id.
fn refusal(ended: &Ended) -> String {
    let refusal = ended.refusal();
    let told = refusal.lines().map(|line| line.split(" · request").next().unwrap_or_default());
    told.collect::<Vec<_>>().join("\n")
}

/// With the same in the place of each time.
fn without_times(text: &str) -> String {
    let word = |word: &str| {
        if word.ends_with('Z') && word.contains('T') { "TIME".to_owned() } else { word.to_owned() }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[allow(clippy::disallowed_methods)] // where this test reads the environment
fn python() -> String {
    std::env::var("AVOUCH_TEST_HVAC").expect(
        "AVOUCH_TEST_HVAC names a Python that has hvac; `cargo xtask test` makes one, and so does \
         `python3 -m venv DIR && DIR/bin/pip install --require-hashes -r crates/avouch/tests/it/hvac/requirements.txt`",
    )
}
