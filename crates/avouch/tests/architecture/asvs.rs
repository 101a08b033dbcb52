//! OWASP ASVS 5.0, chapters on who somebody is and what they may: each requirement of levels 1 and 2 stands in `docs/asvs.toml`
//! with the tests that show it, or with the reason why not. `docs/asvs.md` is made of that list.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::evidence::{Evidence, State, hold_against, list};

const LIST: &str = "docs/asvs.toml";
const PAGE: &str = "docs/asvs.md";

/// A section: its number, what it is about, and its requirements by number and level.
type Section = (&'static str, &'static str, &'static [(u8, u8)]);

/// The requirements of levels 1 and 2, by section. Whatever is missing in the list, or is there and is none, is told.
const REQUIREMENTS: &[Section] = &[
    ("6.1", "what is documented", &[(1, 1), (2, 2), (3, 2)]),
    (
        "6.2",
        "passwords",
        &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (9, 2), (10, 2), (11, 2), (12, 2)],
    ),
    ("6.3", "in general", &[(1, 1), (2, 1), (3, 2), (4, 2)]),
    ("6.4", "from the first factor to a lost one", &[(1, 1), (2, 1), (3, 2), (4, 2)]),
    ("6.5", "more than one factor", &[(1, 2), (2, 2), (3, 2), (4, 2), (5, 2)]),
    ("6.6", "out of band", &[(1, 2), (2, 2), (3, 2)]),
    ("6.8", "identity providers", &[(1, 2), (2, 2), (3, 2), (4, 2)]),
    ("7.1", "what is documented", &[(1, 2), (2, 2), (3, 2)]),
    ("7.2", "the basics", &[(1, 1), (2, 1), (3, 1), (4, 1)]),
    ("7.3", "time-outs", &[(1, 2), (2, 2)]),
    ("7.4", "ends", &[(1, 1), (2, 1), (3, 2), (4, 2), (5, 2)]),
    ("7.5", "against abuse", &[(1, 2), (2, 2)]),
    ("7.6", "sessions across systems", &[(1, 2), (2, 2)]),
    ("8.1", "what is documented", &[(1, 1), (2, 2)]),
    ("8.2", "design", &[(1, 1), (2, 1), (3, 2)]),
    ("8.3", "at each operation", &[(1, 1)]),
    ("8.4", "tenants", &[(1, 2)]),
    ("10.1", "in general", &[(1, 2), (2, 2)]),
    ("10.2", "as a client", &[(1, 2), (2, 2)]),
    ("10.3", "as a resource server", &[(1, 2), (2, 2), (3, 2), (4, 2)]),
    (
        "10.4",
        "as an authorization server",
        &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 2), (7, 2), (8, 2), (9, 2), (10, 2), (11, 2)],
    ),
    ("10.5", "as a relying party", &[(1, 2), (2, 2), (3, 2), (4, 2), (5, 2)]),
    ("10.6", "as a provider", &[(1, 2), (2, 2)]),
    ("10.7", "consent", &[(1, 2), (2, 2), (3, 2)]),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    requirement: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    level: u8,
    /// In our words.
    what: String,
    state: State,
    #[serde(default)]
    tests: Vec<String>,
    #[serde(default)]
    pages: Vec<String>,
    why: String,
}

impl Requirement {
    fn evidence(&self) -> Evidence<'_> {
        Evidence { state: self.state, tests: &self.tests, pages: &self.pages, why: &self.why }
    }
}

fn known() -> Vec<(String, u8)> {
    let of_section = |(section, _, all): &Section| {
        let section = (*section).to_owned();
        all.iter().map(move |(number, level)| (format!("{section}.{number}"), *level)).collect::<Vec<_>>()
    };
    REQUIREMENTS.iter().flat_map(of_section).collect()
}

#[test]
fn every_requirement_is_in_the_list_with_what_shows_it() {
    let listed: Listed = list(LIST);
    let all: Vec<_> = listed.requirement.iter().map(|one| (one.id.clone(), one.level)).collect();
    let known = known();
    let missing: Vec<_> = known.iter().filter(|one| !all.contains(one)).collect();
    assert!(missing.is_empty(), "not in {LIST}, as id and level: {missing:?}");
    assert_eq!(all, known, "in {LIST}: none that is not of the standard, none twice, and in its order");
    let faults: Vec<_> = listed
        .requirement
        .iter()
        .flat_map(|one| one.evidence().faults().into_iter().map(|fault| format!("{}: {fault}", one.id)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let wordy: Vec<_> =
        listed.requirement.iter().filter(|one| !(8..=110).contains(&one.what.len())).collect();
    assert!(wordy.is_empty(), "in few words: {:?}", wordy.iter().map(|one| &one.id).collect::<Vec<_>>());
}

#[test]
fn the_page_is_what_the_list_makes() {
    let listed: Listed = list(LIST);
    hold_against(PAGE, &page(&listed.requirement));
}

fn page(all: &[Requirement]) -> String {
    let mut page = String::from(INTRODUCTION);
    let chapters = ["6", "7", "8", "10"];
    page.push_str("| chapter | shown | not applicable | not yet |\n|---|---|---|---|\n");
    for chapter in chapters {
        let of_chapter = |one: &&Requirement| one.id.split('.').next() == Some(chapter);
        let count = |state| all.iter().filter(of_chapter).filter(|one| one.state == state).count();
        let [shown, not_applicable, not_yet] = State::ALL.map(count);
        let _ = writeln!(page, "| V{chapter} | {shown} | {not_applicable} | {not_yet} |");
    }
    let open: Vec<_> =
        all.iter().filter(|one| one.state == State::NotYet).map(|one| one.id.as_str()).collect();
    let open = if open.is_empty() { "nothing".to_owned() } else { open.join(", ") };
    let _ = writeln!(page, "\nNot yet: {open}.");
    for (section, title, _) in REQUIREMENTS {
        let _ = writeln!(page, "\n## V{section} {title}\n");
        page.push_str("| id | level | what is asked for | state | by what |\n|---|---|---|---|---|\n");
        let begins = format!("{section}.");
        for one in all.iter().filter(|one| one.id.starts_with(&begins)) {
            let (state, by) = (one.state.as_str(), one.evidence().cell());
            let _ = writeln!(page, "| {} | {} | {} | {state} | {by} |", one.id, one.level, one.what);
        }
    }
    page
}

const INTRODUCTION: &str = "\
# OWASP ASVS 5.0: who somebody is, and what they may

Each requirement of levels 1 and 2 in the chapters on authentication (V6), sessions (V7), authorization (V8), and OAuth and
OpenID Connect (V10) of the [OWASP Application Security Verification Standard](https://owasp.org/www-project-application-security-verification-standard/),
version 5.0.0, with the tests that show it. The standard is by the OWASP Foundation and its contributors, under
[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/). What stands here says in a few words of our own what each is about;
the requirement itself is what the standard says under that number. Nobody but us has verified this.

The page is made of `docs/asvs.toml`. A test (`crates/avouch/tests/architecture/asvs.rs`) fails when a requirement is missing, when
a test that is named is not there or does not run, and when the page says something else than the list. A test is named by crate,
target and path: `core it log_in::x` is `cargo test -p avouch-core --test it -- log_in::x`, and `lib` is the crate's own tests.
*Shown* is what tests show; where a requirement asks for documentation, it is the page that is named. *Not yet* says what is
missing, also where we have decided so.

";
