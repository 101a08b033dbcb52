//! Events into a file: all that are signed when it begins, log after log. It ends by saying where the next export goes on.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use avouch_wire::{EventExportQuery, EventFormat};
use serde_json::json;

use super::{
    super::{export::whole, ledger::progress::Progress},
    CliError, Remote,
};

pub(super) fn run(
    path: &Path,
    format: EventFormat,
    from: (Option<u64>, Option<u64>),
    remote: &Remote,
) -> Result<ExitCode, CliError> {
    if path == Path::new("-") {
        pull(&mut io::stdout().lock(), path, format, from, remote)?;
        return Ok(ExitCode::SUCCESS);
    }
    if path.exists() {
        let path = path.display();
        return Err(CliError::usage(format!(
            "`{path}` is there already: name another file, or move it away"
        )));
    }
    let End { events, log, index } = whole(path, |file| pull(file, path, format, from, remote))?;
    let file = path.to_string_lossy();
    let answer = json!({"events": events, "log": log, "index": index, "file": file});
    remote.output.answer(&answer, |_| {
        let index = index.map(|index| format!(" --since-index {index}")).unwrap_or_default();
        format!("{events} events written; the next export goes on with --log {log}{index}\n")
    })
}

/// Where an export has come to.
struct End {
    events: u64,
    log: u64,
    index: Option<u64>,
}

fn pull(
    file: &mut impl Write,
    path: &Path,
    format: EventFormat,
    (log, after): (Option<u64>, Option<u64>),
    remote: &Remote,
) -> Result<End, CliError> {
    let ledger = remote.client.ledger()?;
    let newest = ledger.logs.first().map_or(1, |log| log.number);
    // Each page is an event, so there is no end but the one that there was at the beginning.
    let end = (newest, ledger.checkpoint.map_or(0, |checkpoint| checkpoint.size));
    let before = |number: u64| ledger.logs.iter().filter(move |log| log.number < number);
    let first = log.unwrap_or(0);
    let done = |number: u64, next: u64| {
        before(number).filter(|log| log.number >= first).map(|log| log.size).sum::<u64>() + next
    };
    let progress = Progress::of(done(end.0, end.1), remote.output);
    let mut query = EventExportQuery { format: Some(format), log, after, limit: None };
    let mut events = 0_u64;
    loop {
        let page = remote.client.event_export(&query)?;
        let next = page.index.map_or(0, |index| index + 1);
        let lines = page.lines.split_inclusive(|byte| *byte == b'\n');
        let there = lines.clone().count() as u64;
        // What was signed since is left for the next export, so that both are whole.
        let surplus = if page.log == end.0 { next.saturating_sub(end.1).min(there) } else { 0 };
        let count = there - surplus;
        for line in lines.take(usize::try_from(count).unwrap_or(usize::MAX)) {
            file.write_all(line).map_err(|error| CliError::file(path, &error))?;
        }
        events += count;
        let next = next - surplus;
        progress.to(done(page.log, next));
        let nothing = page.lines.is_empty() && query.log == Some(page.log);
        if nothing || (page.log, next) >= end {
            progress.end();
            file.flush().map_err(|error| CliError::file(path, &error))?;
            let index = next.checked_sub(1);
            return Ok(End { events, log: page.log, index });
        }
        query = EventExportQuery { log: Some(page.log), after: page.index, ..query };
    }
}
