//! What no file of the repository may contain: the paths of a machine it was written on, the hosts of package
//! registries, and references to pages that a reader of the repository does not have.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::repository;

/// Each in two halves, or this file would be the first to fail.
const FORBIDDEN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("../sha", "red/"),
    concat!("static.cra", "tes.io"),
    concat!("index.cra", "tes.io"),
    concat!("registry.np", "mjs.org"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.gol", "ang.org"),
];

#[test]
fn no_file_names_the_place_it_was_made_in() {
    let mut wrong = Vec::new();
    for file in files_below(repository()) {
        let path = file.strip_prefix(repository()).unwrap_or(&file);
        let bytes = fs::read(&file).expect("files of the repository are readable");
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let said = FORBIDDEN.iter().filter(|word| names(line, word));
            wrong.extend(said.map(|word| format!("{}:{}: `{word}`", path.display(), number + 1)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_walk_sees_the_repository_and_not_what_is_built() {
    let files = files_below(repository());
    let has = |path: &str| files.contains(&repository().join(path));
    assert!(has("Cargo.toml") && has(".ci/run") && has("crates/avouch/tests/architecture/sources.rs"));
    assert!(!files.iter().any(|file| file.starts_with(repository().join("target"))));
    assert!(!files.iter().any(|file| file.starts_with(repository().join(".git"))));
}

/// Whether the line has the word where a path or a host may begin: `a/b/` is not a mention of `/b/`.
fn names(line: &str, word: &str) -> bool {
    let inside =
        |at: usize| line.get(..at).unwrap_or_default().chars().next_back().is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| !inside(at))
}

#[test]
fn a_path_is_found_where_it_begins() {
    let word = "/b/";
    assert!(names("/b/c", word) && names("in `/b/c`", word) && names("a/b/c and /b/", word));
    assert!(!names("a/b/c", word) && !names("/bb/c", word));
}

/// Every regular file below a directory but what `.gitignore` leaves out. Links are not followed.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let ignored =
        fs::read_to_string(repository().join(".gitignore")).expect("the repository has a .gitignore");
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("directories of the repository are readable") {
            let entry = entry.expect("an entry of a directory is readable");
            let kind = entry.file_type().expect("an entry has a type");
            if entry.file_name() == ".git" || ignored.lines().any(|rule| ignores(rule, &entry.path())) {
                continue;
            }
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files
}

/// The three shapes of rule that our `.gitignore` has: `/name` at the root, `name` anywhere, `*.extension` anywhere.
fn ignores(rule: &str, path: &Path) -> bool {
    match (rule.strip_prefix('/'), rule.strip_prefix("*.")) {
        (Some(name), _) => path == repository().join(name),
        (None, Some(extension)) => path.extension().is_some_and(|found| found == extension),
        (None, None) => path.file_name().is_some_and(|found| found == rule),
    }
}
