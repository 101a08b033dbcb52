#![doc = include_str!("../README.md")]

mod error;
mod machine;
mod postgres;
mod report;
mod tasks;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--fast]   format, lints, docs and all tests on SQLite and PostgreSQL (--fast: format and tests)
  ci              the same as `test`
  postgres        run a throw-away PostgreSQL in the foreground and print the line that points tests at it
  bench [ARGS]    build the release binaries, start a PostgreSQL, run `avouch-bench ARGS`";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test" | "ci"] => tasks::test(tasks::Extent::Everything),
        ["test", "--fast"] => tasks::test(tasks::Extent::Fast),
        ["postgres"] => tasks::postgres(),
        ["bench", "--", passed @ ..] | ["bench", passed @ ..] => tasks::bench(passed),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        }
    }
}
