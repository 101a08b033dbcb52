//! Fuzzing: the targets of `fuzz/` built for libFuzzer, each run for a while, and what made one fail run
//! again.
//!
//! libFuzzer finds its way by the coverage that the compiler counts. The flags for that are stable; they
//! build the world anew, so it goes to a directory of its own, where the inputs that were found stay too.
//! Must never change what the repository holds: findings go to `fuzz/artifacts`, which git does not see, and
//! what is worth keeping a person keeps.

mod log;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::machine::{ask, cargo, repository, run, target_directory};
use log::Log;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fuzz {
    /// Targets, or none for all of them, and for how long each.
    Search { seconds: u32, targets: Vec<String> },
    /// A target, and an input for it.
    Replay { target: String, input: PathBuf },
}

/// Enough to notice that something new is broken; a night finds more.
const SECONDS: u32 = 20;

impl Fuzz {
    /// Reads `[--seconds N] [TARGET…]` or `TARGET PATH`. `None` if it is neither.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let (seconds, names) = match words {
            ["--seconds", seconds, names @ ..] => {
                (seconds.parse().ok().filter(|seconds| *seconds > 0)?, names)
            }
            [target, input] if input.contains('/') || Path::new(input).is_file() => {
                return Some(Self::Replay { target: (*target).to_owned(), input: PathBuf::from(input) });
            }
            names => (SECONDS, names),
        };
        let targets = names.iter().map(|name| (*name).to_owned()).collect();
        names.iter().all(|name| !name.starts_with('-')).then_some(Self::Search { seconds, targets })
    }

    /// Builds, then does what was asked.
    pub(crate) fn run(self) -> Result<()> {
        let known = known_targets()?;
        let asked = match &self {
            Self::Search { targets, .. } => targets.clone(),
            Self::Replay { target, .. } => vec![target.clone()],
        };
        if let Some(target) = asked.into_iter().find(|target| !known.contains(target)) {
            return Err(Error::Unknown { what: "target", word: target, known: known.join(", ") });
        }
        let program = build()?;
        match self {
            Self::Search { seconds, targets } if targets.is_empty() => search(&program, &known, seconds),
            Self::Search { seconds, targets } => search(&program, &targets, seconds),
            Self::Replay { target, input } => replay(&program, &target, &input),
        }
    }
}

/// Each target is a module.
fn known_targets() -> Result<Vec<String>> {
    let directory = repository().join("fuzz/src/targets");
    let entries =
        fs::read_dir(&directory).map_err(Error::io(format!("listing `{}`", directory.display())))?;
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// What `cargo fuzz` asks of the compiler as well: a counter at every edge, told to libFuzzer with the places
/// they are in, and the two sides of every comparison. The address sanitizer needs a nightly compiler, and
/// has little to say about code that is not `unsafe`.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

const PROFILE: &str = "fuzz";
const PROGRAM: &str = "avouch-fuzz";

/// Builds the program that has all targets. With `--target`, because then the flags are not for build
/// scripts.
fn build() -> Result<PathBuf> {
    ask(Command::new("c++").arg("--version"))
        .map_err(|_| Error::Missing { what: "a C++ compiler", mend: "apt-get install g++ (as root)" })?;
    let version = ask(cargo().arg("-vV"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("x86_64-unknown-linux-gnu");
    run(cargo()
        .args(["build", "--package", PROGRAM, "--features", "libfuzzer"])
        .args(["--profile", PROFILE, "--target", host])
        .env("CARGO_TARGET_DIR", directory())
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    Ok(directory().join(host).join(PROFILE).join(PROGRAM))
}

/// Beside the directory where everything else is built: these flags make other products of every crate.
fn directory() -> PathBuf {
    let usual = target_directory();
    let name = usual.file_name().unwrap_or_default().to_string_lossy();
    usual.with_file_name(format!("{name}-fuzz"))
}

/// Runs each target for so many seconds. All of them, whichever fail.
fn search(program: &Path, targets: &[String], seconds: u32) -> Result<()> {
    println!("inputs that were found: {}", directory().join("corpus").display());
    println!("{}", Log::HEADING);
    let mut failed = 0;
    for target in targets {
        let log = search_one(program, target, seconds)?;
        println!("{}", log.line(target));
        if let Some(told) = log.failure() {
            failed += 1;
            println!("{told}");
        }
        if let Some(input) = log.input() {
            println!("once more: cargo xtask fuzz {target} {}", shown(input).display());
        }
    }
    if failed == 0 { Ok(()) } else { Err(Error::Found { failed }) }
}

fn search_one(program: &Path, target: &str, seconds: u32) -> Result<Log> {
    let corpus = made(directory().join("corpus").join(target))?;
    let artifacts = made(repository().join("fuzz/artifacts").join(target))?;
    let path = made(directory().join("logs"))?.join(format!("{target}.log"));
    let doing = || Error::io(format!("writing `{}`", path.display()));
    let file = File::create(&path).map_err(doing())?;
    let seeds = Some(repository().join("fuzz/seeds").join(target)).filter(|seeds| seeds.is_dir());
    let status = limited(program, target)
        .arg(corpus)
        .args(seeds)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=1")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(file)
        .status()
        .map_err(Error::io(format!("running `{}`", program.display())))?;
    let text = fs::read(&path).map_err(Error::io(format!("reading `{}`", path.display())))?;
    Ok(Log::read(&String::from_utf8_lossy(&text), status.success()))
}

/// Bytes of an input. What needs longer ones makes them of these.
const LONGEST: u32 = 4096;

/// The program with the limits that hold for every input: an input of a few KiB is done with in milliseconds.
fn limited(program: &Path, target: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("--target={target}")).args(["-timeout=5", "-rss_limit_mb=1024"]).stdin(Stdio::null());
    command
}

/// Shows what happens with one input.
fn replay(program: &Path, target: &str, input: &Path) -> Result<()> {
    File::open(input).map_err(Error::io(format!("reading `{}`", input.display())))?;
    run(limited(program, target).arg(input).env("RUST_BACKTRACE", "1"))
}

fn made(directory: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&directory).map_err(Error::io(format!("making `{}`", directory.display())))?;
    Ok(directory)
}

/// From where the reader most likely stands.
fn shown(path: &Path) -> &Path {
    path.strip_prefix(repository()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(seconds: u32, targets: &[&str]) -> Option<Fuzz> {
        Some(Fuzz::Search { seconds, targets: targets.iter().map(|name| (*name).to_owned()).collect() })
    }

    #[test]
    fn what_is_asked_for() {
        assert_eq!(Fuzz::parse(&[]), search(20, &[]));
        assert_eq!(Fuzz::parse(&["--seconds", "3"]), search(3, &[]));
        assert_eq!(Fuzz::parse(&["--seconds", "3", "seal", "texts"]), search(3, &["seal", "texts"]));
        assert_eq!(Fuzz::parse(&["seal", "texts"]), search(20, &["seal", "texts"]));
        let replay = Fuzz::Replay { target: "seal".to_owned(), input: PathBuf::from("a/crash-1") };
        assert_eq!(Fuzz::parse(&["seal", "a/crash-1"]), Some(replay));
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["seal", "--fast"]] {
            assert_eq!(Fuzz::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_targets_are_those_that_the_program_has() {
        let targets = known_targets().unwrap();
        let program = fs::read_to_string(repository().join("fuzz/src/targets.rs")).unwrap();
        let named = |name: &String| program.contains(&format!("name: \"{name}\", check: {name}::check"));
        assert!(targets.len() > 9 && targets.iter().all(named), "{targets:?}");
        assert_eq!(program.matches("Target { name: ").count(), targets.len());
    }
}
