//! Where callers come from, of all principals of a server.

use std::process::ExitCode;

use avouch_wire::{PageQuery, Time};

use super::{CliError, Connection, Remote};
use crate::host;
use crate::network::{Caller, Callers};

/// Pages of principals that are read; each has a hundred.
const MOST_PAGES: usize = 1000;

/// Asks a server. Its charter says who administers.
///
/// # Errors
/// As all calls.
pub(crate) fn callers(connection: &Connection) -> Result<Callers, CliError> {
    of(&Remote::new(connection)?)
}

/// The same, shown.
///
/// # Errors
/// As all calls.
pub(crate) fn show_callers(connection: &Connection) -> Result<ExitCode, CliError> {
    let remote = Remote::new(connection)?;
    remote.output.json(&of(&remote)?)?;
    Ok(ExitCode::SUCCESS)
}

fn of(remote: &Remote) -> Result<Callers, CliError> {
    let client = &remote.client;
    let (charter, now) = (client.charter()?, Time(host::timestamp()));
    let mut callers = Vec::new();
    let mut page = PageQuery { limit: Some(100), cursor: None };
    for _ in 0..MOST_PAGES {
        let read = client.principals(&page)?;
        for principal in &read.items {
            let keys = || Ok::<_, CliError>(client.keys(principal.id)?.items);
            callers.extend(Caller::of(principal, &charter, now, keys)?);
        }
        if read.next_cursor.is_none() {
            return Ok(Callers { callers });
        }
        page.cursor = read.next_cursor;
    }
    Err(CliError::usage("there are more principals than rules could be written for"))
}
