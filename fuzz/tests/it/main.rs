//! The targets without libFuzzer: that they hold for the inputs that are kept for them, and for some of any
//! kind.
//!
//! One test after the other in one process, because one target counts the memory that the process takes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use avouch_fuzz::{TARGETS, Target};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

#[test]
fn every_target_holds_for_what_is_kept_and_for_bytes_of_any_kind() {
    let mut kept = 0;
    for directory in listed(&seeds()) {
        let name = directory.file_name().and_then(|name| name.to_str()).expect("a name");
        let target = Target::named(name).unwrap_or_else(|| panic!("fuzz/seeds/{name} is of no target"));
        for seed in listed(&directory) {
            // Shown when the test fails: the last one is the one.
            println!("{}", seed.display());
            target.check(&fs::read(&seed).expect("a seed is readable"));
            kept += 1;
        }
    }
    assert!(kept > 0, "the seeds were not found");

    for target in TARGETS {
        // A fraction of a second for most, in a build that is not optimised.
        let cases = if target.name == "streams" { 4 } else { 100 };
        let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
        let any = TestRunner::new(config).run(&inputs(), |input| {
            target.check(&input);
            Ok(())
        });
        assert!(any.is_ok(), "{}: {any:?}", target.name);
    }
}

fn inputs() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..300), "[ -~\n]{0,300}".prop_map(String::into_bytes)]
}

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

fn listed(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
