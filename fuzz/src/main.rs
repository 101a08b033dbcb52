//! What libFuzzer runs: one program for all targets, `--target=<name>` says which. `cargo xtask fuzz` calls
//! it.

#![no_main]

use std::sync::OnceLock;

use avouch_fuzz::{TARGETS, Target};

static CHOSEN: OnceLock<&Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        target.check(data);
    }
});

/// libFuzzer passes over arguments that begin with two hyphens: they are for us.
fn choose() {
    let named = std::env::args().find_map(|word| word.strip_prefix("--target=").map(str::to_owned));
    match named.as_deref().and_then(Target::named) {
        Some(target) => {
            CHOSEN.get_or_init(|| target);
        }
        None => {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!("say which target: --target=<one of {}>", names.join(", "));
            std::process::exit(2);
        }
    }
}
