#![doc = include_str!("../README.md")]

mod browser;
mod error;
mod fuzz;
mod machine;
mod postgres;
mod python;
mod report;
mod tasks;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--fast]   format, lints, docs and all tests on SQLite and PostgreSQL (--fast: format and tests)
  ci              the same as `test`
  postgres        run a throw-away PostgreSQL in the foreground and print the line that points tests at it
  cvc5            install the solver that proves what is promised of the policy, and print the same for its tests
  browser         install a browser and what drives it, and print the same for the tests of the pages
  bench [ARGS]    build the release binaries, start a PostgreSQL, run `avouch-bench ARGS`
  fuzz [--seconds N] [TARGET…]
                  look for inputs that break a promise, in all targets for 20 seconds each or as said
  fuzz TARGET PATH
                  run one input again, such as one that broke a promise";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test" | "ci"] => tasks::test(tasks::Extent::Everything),
        ["test", "--fast"] => tasks::test(tasks::Extent::Fast),
        ["postgres"] => tasks::postgres(),
        ["cvc5"] => tasks::cvc5(),
        ["browser"] => tasks::browser(),
        ["bench", "--", passed @ ..] | ["bench", passed @ ..] => tasks::bench(passed),
        ["fuzz", passed @ ..] => match fuzz::Fuzz::parse(passed) {
            Some(fuzz) => fuzz.run(),
            None => return misunderstood(),
        },
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => return misunderstood(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn misunderstood() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
