//! What somebody tries, from `docs/attacks.toml`: each with what comes of it and the tests that try it. `docs/attacks.md` is made of
//! that list.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::evidence::{Evidence, State, hold_against, list};

const LIST: &str = "docs/attacks.toml";
const PAGE: &str = "docs/attacks.md";

/// What has to be among them, whatever else is.
const KNOWN: &[&str] = &[
    "Names by text",
    "Names by time",
    "A session that was planted",
    "A form on another site",
    "A weaker way beside a strong one",
    "A route where the proof was forgotten",
    "A code of an app",
    "A recovery code, a link, a passkey's answer",
    "An assertion of a service",
    "A proof of a request (DPoP)",
    "An answer of an identity provider",
    "Two at once",
    "A clock that is wrong",
    "One's own word",
    "More than was agreed to",
    "The left end of a header",
    "IPv4 written as IPv6",
    "The key of somebody who is gone",
    "A policy that fails",
    "A list instead of a look",
    "A name in other letters",
    "Dots in a path",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    part: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    title: String,
    attack: Vec<Attack>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    name: String,
    /// What the attacker does.
    does: String,
    /// What comes of it.
    why: String,
    state: State,
    #[serde(default)]
    tests: Vec<String>,
    #[serde(default)]
    pages: Vec<String>,
}

impl Attack {
    fn evidence(&self) -> Evidence<'_> {
        Evidence { state: self.state, tests: &self.tests, pages: &self.pages, why: &self.why }
    }
}

#[test]
fn every_attack_has_the_tests_that_try_it() {
    let listed: Listed = list(LIST);
    let all: Vec<_> = listed.part.iter().flat_map(|part| &part.attack).collect();
    let mut names: Vec<_> = all.iter().map(|attack| attack.name.as_str()).collect();
    let missing: Vec<_> = KNOWN.iter().filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "not in {LIST}: {missing:?}");
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "each has a name of its own");
    let faults: Vec<_> = all
        .iter()
        .flat_map(|attack| {
            let shown_by_a_test = attack.state != State::Shown || !attack.tests.is_empty();
            let untried = (!shown_by_a_test).then(|| "no test tries it".to_owned());
            let untold = attack.does.trim().is_empty().then(|| "nobody does anything".to_owned());
            let faults = attack.evidence().faults().into_iter().chain(untried).chain(untold);
            faults.map(|fault| format!("{}: {fault}", attack.name)).collect::<Vec<_>>()
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_page_is_what_the_list_makes() {
    let listed: Listed = list(LIST);
    let mut page = String::from(INTRODUCTION);
    for Part { title, attack } in &listed.part {
        let _ = writeln!(page, "\n## {title}\n");
        page.push_str("| | what somebody does | state | what comes of it |\n|---|---|---|---|\n");
        for one in attack {
            let (does, state, cell) =
                (one.does.replace('|', "\\|"), one.state.as_str(), one.evidence().cell());
            let _ = writeln!(page, "| {} | {does} | {state} | {cell} |", one.name);
        }
    }
    hold_against(PAGE, &page);
}

const INTRODUCTION: &str = "\
# What is tried

What somebody does who wants in, or more than is theirs; what comes of it; and which tests try it. A test is named by crate, target
and path: `core it log_in::x` is `cargo test -p avouch-core --test it -- log_in::x`, and `lib` is the crate's own tests. The page is
made of `docs/attacks.toml`, and a test (`crates/avouch/tests/architecture/attacks.rs`) fails when one that is named is not there or
does not run. *Not yet* is what cannot be tried in this version, or can and is not held off by all that it takes. What a thief gets of
each part, and who is trusted with what, is in [SECURITY.md](../SECURITY.md).
";
