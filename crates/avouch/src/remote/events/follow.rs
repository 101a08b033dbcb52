//! The record as it grows, by its places in the log: what becomes visible late has a later place, so nothing is passed over and
//! nothing is shown twice, however long this runs.

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use avouch_wire::{Event, EventQuery, limits};

use super::{CliError, Remote, line};

/// Between two looks when there was nothing more.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn run(query: EventQuery, remote: &Remote) -> Result<ExitCode, CliError> {
    let ledger = remote.client.ledger()?;
    let log = ledger.logs.first().map_or(1, |log| log.number);
    let size = ledger.checkpoint.map_or(0, |checkpoint| checkpoint.size);
    // What was signed by then, as far as it is wanted; the rest comes by its place.
    let mut page = remote.client.events(&query)?;
    let known = |event: &Event| event.log.zip(event.index).is_some_and(|place| place < (log, size));
    page.items.retain(known);
    page.items.reverse();
    show(&page.items, &query, remote)?;
    let mut next = EventQuery {
        limit: Some(limits::PAGE_MAX),
        log: Some(log),
        after: size.checked_sub(1),
        ..query.clone()
    };
    loop {
        let page = remote.client.events(&next)?;
        show(&page.items, &query, remote)?;
        let full = u32::try_from(page.items.len()).is_ok_and(|count| count >= limits::PAGE_MAX);
        next = EventQuery { cursor: page.next_cursor, log: None, after: None, ..next };
        if !full {
            pause();
        }
    }
}

fn show(events: &[Event], query: &EventQuery, remote: &Remote) -> Result<(), CliError> {
    let own = |event: &Event| query.action.is_none() && event.action == "event.read";
    for event in events.iter().filter(|event| !own(event)) {
        if remote.output.json {
            let line = serde_json::to_string(event).map_err(std::io::Error::from)?;
            remote.output.text(&format!("{line}\n"))?;
        } else {
            remote.output.text(&line(event))?;
        }
    }
    Ok(())
}

fn pause() {
    let wake = Instant::now() + PAUSE;
    let mut left = PAUSE;
    while !left.is_zero() {
        thread::park_timeout(left);
        left = wake.saturating_duration_since(Instant::now());
    }
}
