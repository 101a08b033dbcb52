//! Programs that a run starts and waits for: `psql`, `pgbench`, `sqlite3`, `avouch`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Runs `command` with `input`, and gives what it wrote. Fails with the end of its complaints.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String> {
    let name = name(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(format_args!("starting `{name}`")))?;
    // Our inputs are read to their end before anything long is written, so that neither side blocks the other.
    // A program that ends before it has read everything says why itself.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(Error::io(format_args!("waiting for `{name}`")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Program { program: name, said: tail(&String::from_utf8_lossy(&output.stderr)) })
}

/// Runs `command` with a file as its input and nowhere as its output.
pub(crate) fn run_file(command: &mut Command, input: &Path) -> Result<()> {
    let name = name(command);
    let file = File::open(input).map_err(Error::io("opening the input of a program"))?;
    let output = command.stdin(file).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(Error::io(format_args!("starting `{name}`")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Program { program: name, said: tail(&String::from_utf8_lossy(&output.stderr)) })
}

/// The last lines of what a program wrote.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
}

fn name(command: &Command) -> String {
    let program = command.get_program();
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_comes_back_and_its_failure_has_its_words() {
        assert_eq!(run(&mut Command::new("cat"), "hello").unwrap(), "hello");
        let error = run(Command::new("sh").args(["-c", "echo because >&2; exit 3"]), "").unwrap_err();
        assert_eq!(error.to_string(), "sh failed: because");
    }

    #[test]
    fn a_tail_is_the_end() {
        let text = (0..40).map(|line| format!("{line}\n")).collect::<String>();
        assert!(tail(&text).starts_with("28\n") && tail(&text).ends_with("39"));
    }
}
