//! Pages that claim something and name the tests that show it: from a list that is data to the page that people read. A claim
//! without its test, and a page that says something else than its list, fail here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::workspace::repository;

/// What is known of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Shown,
    NotApplicable,
    NotYet,
}

impl State {
    pub(crate) const ALL: [Self; 3] = [Self::Shown, Self::NotApplicable, Self::NotYet];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::NotApplicable => "not applicable",
            Self::NotYet => "not yet",
        }
    }
}

/// By what a claim is shown.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) state: State,
    pub(crate) tests: &'a [String],
    /// Parts of the guide: `docs/people.md#sessions`.
    pub(crate) pages: &'a [String],
    /// In words: how it is so, why it does not apply, or what is missing.
    pub(crate) why: &'a str,
}

impl Evidence<'_> {
    /// What is wrong with it.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.why.trim().is_empty() || self.why.contains('\n') || !self.why.ends_with(['.', ')']) {
            faults.push("`why` is not one line of sentences".to_owned());
        }
        if self.state == State::Shown && self.tests.is_empty() && self.pages.is_empty() {
            faults.push("nothing shows it: name `tests`, or `pages` where a page is asked for".to_owned());
        }
        faults.extend(self.tests.iter().filter_map(|test| find_test(test).err()));
        faults.extend(self.pages.iter().filter_map(|page| find_part(page).err()));
        faults
    }

    /// As it stands in a cell of a table.
    pub(crate) fn cell(&self) -> String {
        let mut cell = self.why.replace('|', "\\|");
        for page in self.pages {
            let (path, part) = page.split_once('#').unwrap_or((page, ""));
            let from_docs = path.strip_prefix("docs/").map_or_else(|| format!("../{path}"), str::to_owned);
            let _ = write!(cell, " [{path}, {}]({from_docs}#{part}).", part.replace('-', " "));
        }
        let named: Vec<_> = self.tests.iter().map(|test| format!("`{test}`")).collect();
        if !named.is_empty() {
            let _ = write!(cell, "<br>{}", named.join("<br>"));
        }
        cell
    }
}

/// Holds a page against what its list makes of it; `AVOUCH_BLESS=1` writes it.
#[expect(clippy::disallowed_methods, reason = "a person at the keyboard says that the new page is right")]
pub(crate) fn hold_against(page: &str, made: &str) {
    let path = repository().join(page);
    if std::env::var("AVOUCH_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(&path, made).expect("docs can be written");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let change = known.lines().zip(made.lines()).find(|(known, made)| known != made);
    assert!(known == made, "{page} is not what its list makes: {change:?}");
}

/// A list of the guide.
pub(crate) fn list<T: for<'de> Deserialize<'de>>(path: &str) -> T {
    let text = std::fs::read_to_string(repository().join(path)).expect("the list is there");
    let read = toml::from_str(&text).map_err(|error| format!("{path}: {error}"));
    read.expect("a list that can be read")
}

/// Whether a test is there and runs: `crate target module::of::the::test`, as in `cargo test -p avouch-crate --test target`; the
/// target `lib` is the crate's own tests.
fn find_test(name: &str) -> Result<(), String> {
    let parts: Vec<_> = name.split(' ').collect();
    let [house, target, path] = parts[..] else {
        return Err(format!("`{name}` is not `crate target module::test`"));
    };
    let crate_root = repository().join("crates").join(house);
    let (folder, root) = match target {
        "lib" => (crate_root.join("src"), "lib.rs"),
        target => (crate_root.join("tests").join(target), "main.rs"),
    };
    let mut modules: Vec<_> = path.split("::").collect();
    let test = modules.pop().unwrap_or_default();
    let (file, inline) = file_of(&folder, root, &modules).map_err(|error| format!("`{name}`: {error}"))?;
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    if let Some(missing) = inline.iter().find(|module| !text.contains(&format!("mod {module} {{"))) {
        return Err(format!("`{name}`: no `mod {missing}` in {}", file.display()));
    }
    runs(&text, test).map_err(|error| format!("`{name}`: {error}"))
}

/// The file that a module is in, and the modules within that file. Each file is one that its parent names.
fn file_of<'m>(
    folder: &Path,
    root: &str,
    modules: &'m [&'m str],
) -> Result<(PathBuf, &'m [&'m str]), String> {
    let mut file = folder.join(root);
    let mut below = folder.to_owned();
    for (at, module) in modules.iter().enumerate() {
        let next = below.join(format!("{module}.rs"));
        if !next.is_file() {
            return Ok((file, modules.get(at..).unwrap_or_default()));
        }
        let parent = std::fs::read_to_string(&file).unwrap_or_default();
        if !parent.lines().any(|line| line.trim_end().ends_with(&format!("mod {module};"))) {
            return Err(format!("{} does not name `mod {module};`", file.display()));
        }
        (file, below) = (next, below.join(module));
    }
    Ok((file, &[]))
}

/// Whether a text has a test of this name that is not left out.
fn runs(text: &str, test: &str) -> Result<(), String> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let begins = format!("fn {test}(");
    let stands = |line: &&str| line.strip_prefix("async ").unwrap_or(line).starts_with(&begins);
    let at = lines.iter().position(stands).ok_or("there is no such function")?;
    let before = lines.get(..at).unwrap_or_default().iter().rev();
    let above: Vec<_> = before.take_while(|line| line.starts_with("#[") || line.starts_with("//")).collect();
    if above.iter().any(|line| line.starts_with("#[ignore")) {
        return Err("it is ignored".to_owned());
    }
    let on_both =
        text.contains("both_engines! {") && lines.get(at).is_some_and(|line| line.ends_with("(place) {"));
    let marked = above.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    if marked || on_both { Ok(()) } else { Err("it is no test".to_owned()) }
}

/// Whether a part of a page is there.
fn find_part(page: &str) -> Result<(), String> {
    let (path, part) = page.split_once('#').ok_or_else(|| format!("`{page}` names no part of a page"))?;
    let text = std::fs::read_to_string(repository().join(path)).map_err(|_| format!("there is no {path}"))?;
    let heading = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|letter| letter.is_alphanumeric() || " -".contains(*letter));
        line.starts_with('#') && kept.collect::<String>().replace(' ', "-") == part
    };
    if text.lines().any(heading) { Ok(()) } else { Err(format!("{path} has no part `{part}`")) }
}

#[test]
fn a_test_is_one_that_is_there_and_runs() {
    let this = "avouch architecture evidence::a_test_is_one_that_is_there_and_runs";
    assert_eq!(find_test(this), Ok(()));
    for (name, error) in [
        ("avouch architecture evidence::a_test_that_nobody_wrote", "there is no such function"),
        ("avouch architecture evidence::runs", "it is no test"),
        ("avouch architecture evidence::within::runs", "no `mod within`"),
        ("avouch architecture elsewhere", "there is no such function"),
        ("avouch architecture::evidence", "is not `crate target"),
    ] {
        assert!(find_test(name).is_err_and(|said| said.contains(error)), "{name}");
    }
    let left_out = "    #[test]\n    #[ignore = \"slow\"]\n    fn one() {}\n";
    assert_eq!(runs(left_out, "one"), Err("it is ignored".to_owned()));
    let on_both = "both_engines! {\n    fn one(place) {\n    }\n}\n";
    assert_eq!(runs(on_both, "one"), Ok(()));
    assert!(runs(on_both, "on").is_err() && runs("fn one() {}", "one").is_err());
}

#[test]
fn a_part_of_a_page_is_a_heading_of_it() {
    assert_eq!(find_part("docs/people.md#what-one-logs-in-with"), Ok(()));
    for wrong in ["docs/people.md#what", "docs/nothing.md#guessing", "docs/people.md"] {
        assert!(find_part(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_claim_needs_what_shows_it_and_a_reason() {
    let none: &[String] = &[];
    let evidence = |state, why| Evidence { state, tests: none, pages: none, why };
    assert_eq!(evidence(State::Shown, "So it is.").faults().len(), 1);
    assert_eq!(evidence(State::NotYet, "").faults().len(), 1);
    assert!(evidence(State::NotApplicable, "There is none.").faults().is_empty());
    let tests = ["avouch architecture evidence::nothing".to_owned()];
    assert_eq!(Evidence { tests: &tests, ..evidence(State::NotYet, "Not so.") }.faults().len(), 1);
}
