//! Arrows go down only: which crate of ours may depend on which, and which library belongs to which crate.

use std::collections::BTreeSet;
use std::fs;

use cargo_metadata::{DependencyKind, Package};

use crate::sources::files_below;
use crate::workspace::{WORKSPACE, house_name, toml_file};

/// Pure crates: no I/O, no async, no clock. They know no other crate of ours, not even in their tests.
const GROUND: &[&str] = &["authn", "seal", "ledger", "charter", "clock", "detect", "mail", "scim", "watch"];

/// Who may depend on whom. A crate that is not here has no place in the house yet.
const ARROWS: &[(&str, &[&str], Ground)] = &[
    ("avouch", &["http", "client", "core", "custody", "wire", "policy", "store"], Ground::Allowed),
    // The handlers reach data through operations alone: neither the store nor the policy is theirs to call.
    ("http", &["core", "wire"], Ground::Allowed),
    // What the client can do is what the protocol says, nothing it could know from the inside.
    ("client", &["wire"], Ground::Closed),
    ("core", &["policy", "store"], Ground::Allowed),
    // It holds no key of ours and knows nothing of what is sealed with the one it guards.
    ("custody", &[], Ground::Allowed),
    ("wire", &[], Ground::Closed),
    ("policy", &[], Ground::Closed),
    ("store", &[], Ground::Closed),
    ("authn", &[], Ground::Closed),
    ("seal", &[], Ground::Closed),
    ("ledger", &[], Ground::Closed),
    ("charter", &[], Ground::Closed),
    ("clock", &[], Ground::Closed),
    ("detect", &[], Ground::Closed),
    ("mail", &[], Ground::Closed),
    ("scim", &[], Ground::Closed),
    ("watch", &[], Ground::Closed),
    ("testkit", &["http", "client", "core", "wire", "policy", "store"], Ground::Allowed),
    // The load generator stands where a customer of ours stands: outside. Only the rules on snooping are tried by themselves.
    ("bench", &["client", "watch", "wire"], Ground::Closed),
    // It tries the pure crates, each for itself, and nothing that needs a place to run in.
    ("fuzz", &[], Ground::Allowed),
    ("xtask", &[], Ground::Closed),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    Allowed,
    Closed,
}

/// Libraries with a keeper. Tests may use them elsewhere, to look from outside.
const KEEPERS: &[(&str, &[&str], &str)] = &[
    ("aws-lc-rs", &["authn", "seal", "ledger"], "cryptography has one place"),
    ("vsss-rs", &["seal"], "cryptography has one place"),
    ("axum", &["http"], "routes have one place"),
    ("cedar-policy", &["policy"], "it is heavy to build, and decisions have one place"),
    (
        "cedar-policy-symcc",
        &[],
        "proofs are made in tests: the solver that it asks is in nothing that is shipped",
    ),
    ("clap", &["avouch", "bench"], "only a binary has a command line"),
    ("cryptoki", &["custody"], "somebody else's library is loaded in one place"),
    ("jsonwebtoken", &["authn"], "what others have signed is judged in one place"),
    ("maxminddb", &["authn"], "where an address is, is one more thing that others have said"),
    (
        "rcgen",
        &["authn"],
        "certificates are made where proofs are judged, and their key is seen nowhere else",
    ),
    ("rusqlite", &["store", "testkit"], "the seam is the only way to a database"),
    ("serde-saphyr", &["charter"], "YAML is the charter's language and nobody else's"),
    ("tokio", &["avouch", "bench", "http", "store", "testkit"], "operations are synchronous functions"),
    ("tokio-postgres", &["bench", "store", "testkit"], "the seam is the only way to a database"),
    ("x509-parser", &["authn"], "what others have signed is judged in one place"),
    ("ureq", &["client", "custody"], "requests to others have one place for each kind of other"),
];

/// What must not be found beneath the ground floor, however deep.
const NOT_PURE: &[&str] = &[
    "axum",
    "cedar-policy",
    "cryptoki",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "rayon",
    "rusqlite",
    "rustls",
    "socket2",
    "tokio",
    "tokio-postgres",
    "ureq",
];

/// What the ground floor's own code must not say, with what it should do instead.
const NOT_PURE_CODE: &[(&str, &str)] = &[
    ("std::fs", "take text or bytes as an argument"),
    ("std::net::Tcp", "take text or bytes as an argument"),
    ("std::net::Udp", "take text or bytes as an argument"),
    ("std::process", "leave it to the binary"),
    ("std::env", "take configuration as an argument"),
    ("std::thread", "leave it to the caller"),
    ("SystemTime", "take the time as an argument"),
    ("Instant", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("async fn", "be a synchronous function"),
    ("static mut", "have no state"),
    ("thread_local!", "have no state"),
];

#[test]
fn every_crate_depends_only_on_floors_below() {
    let mut wrong = Vec::new();
    for member in WORKSPACE.members() {
        let name = house_name(&member.name);
        let Some((_, allowed, ground)) = ARROWS.iter().find(|(from, ..)| *from == name) else {
            wrong.push(format!("{name} has no row in ARROWS"));
            continue;
        };
        for dependency in member.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let to = house_name(&dependency.name);
            let for_tests = dependency.kind == DependencyKind::Development && to == "testkit";
            let testable = !GROUND.contains(&name) && name != "xtask";
            let down = allowed.contains(&to) || (*ground == Ground::Allowed && GROUND.contains(&to));
            if !(down || for_tests && testable) {
                wrong.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_arrows_themselves_have_no_circle() {
    fn reaches(from: &str, to: &str) -> bool {
        let (_, direct, ground) =
            ARROWS.iter().find(|(name, ..)| *name == from).expect("a row for every name");
        let below = if *ground == Ground::Allowed { GROUND } else { &[] };
        direct.iter().chain(below).any(|next| *next == to || reaches(next, to))
    }
    let rows: BTreeSet<&str> = ARROWS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(rows.len(), ARROWS.len(), "one row for each crate");
    assert!(!rows.iter().any(|name| reaches(name, name)));
}

#[test]
fn each_library_stays_with_its_keeper() {
    let mut wrong = Vec::new();
    for member in WORKSPACE.members() {
        let name = house_name(&member.name);
        for dependency in member.dependencies.iter().filter(|found| found.kind != DependencyKind::Development)
        {
            if let Some((library, keepers, reason)) =
                KEEPERS.iter().find(|(library, ..)| *library == dependency.name)
                && !keepers.contains(&name)
            {
                wrong.push(format!("{name} must not use {library}: {reason}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_library_with_a_keeper_is_one_we_use() {
    let manifest = toml_file("Cargo.toml");
    let ours = manifest["workspace"]["dependencies"].as_table().expect("a table of dependencies");
    let unknown: Vec<_> =
        KEEPERS.iter().map(|(library, ..)| library).filter(|name| !ours.contains_key(**name)).collect();
    assert!(unknown.is_empty(), "no longer in the workspace: {unknown:?}");
}

#[test]
fn the_ground_floor_stands_on_nothing_that_acts() {
    let mut wrong = Vec::new();
    for member in ground_floor() {
        let closure = WORKSPACE.closure(member);
        wrong.extend(NOT_PURE.iter().filter(|name| closure.contains(**name)).map(|name| {
            format!("{} reaches {name}: cargo tree --package {} --invert {name}", member.name, member.name)
        }));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_ground_floor_does_not_act() {
    let mut wrong = Vec::new();
    for member in ground_floor() {
        let source = member.manifest_path.with_file_name("src");
        for file in files_below(source.as_std_path()).iter().filter(|file| !file.ends_with("tests.rs")) {
            let text = fs::read_to_string(file).expect("source files are UTF-8");
            // Tests come last in a file and may look around.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate() {
                let comment = line.trim_start().starts_with("//");
                let said = NOT_PURE_CODE.iter().filter(|(word, _)| !comment && line.contains(word));
                wrong.extend(said.map(|(word, instead)| {
                    format!("{}:{}: `{word}`: {instead}", file.display(), number + 1)
                }));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn ground_floor() -> impl Iterator<Item = &'static Package> {
    WORKSPACE.members().into_iter().filter(|member| GROUND.contains(&house_name(&member.name)))
}
