//! Backups on a server: asked for, waited for, listed.

use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use avouch_wire::{Backup, BackupRequest, BackupStore, Backups, Time};

use super::{CliError, Connection, Remote, output::Output, table::Table};
use crate::backup::{rows_bar, since};

/// Between two looks at a backup that is being made.
const LOOK: Duration = Duration::from_millis(200);

/// Asks a server for a backup.
///
/// # Errors
/// [`CliError`], also when it came to nothing.
pub(crate) fn back_up(
    request: &BackupRequest,
    wait: bool,
    connection: &Connection,
) -> Result<ExitCode, CliError> {
    let remote = Remote::new(connection)?;
    let mut known = remote.client.back_up(request)?;
    let run = known.backups.iter().map(|backup| backup.sequence).max();
    // Nobody rings when it is over: the sender stays where it is.
    let (_open, pause) = channel::<()>();
    let bar = rows_bar(connection.json);
    while wait && known.running.is_some() {
        bar.set_position(known.running.unwrap_or_default());
        let _ = pause.recv_timeout(LOOK);
        known = remote.client.backups()?;
    }
    bar.finish_and_clear();
    if let Some(failed) = &known.failed {
        return Err(CliError::Io(format!("the backup came to nothing: {failed}")));
    }
    if !wait {
        return remote.output.answer(&known, |_| "the server makes it: `avouch backup list`\n".to_owned());
    }
    known.backups.retain(|backup| Some(backup.sequence) == run);
    remote.output.answer(&known, |known| rows(&known.backups) + &warning(known))
}

/// Asks a server for its backups.
///
/// # Errors
/// [`CliError`].
pub(crate) fn backups(connection: &Connection) -> Result<ExitCode, CliError> {
    show_backups(&Remote::new(connection)?.client.backups()?, connection.json)
}

/// Shows them.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn show_backups(known: &Backups, json: bool) -> Result<ExitCode, CliError> {
    Output { json }.answer(known, |known| {
        let mut text = rows(&known.backups);
        match &known.keys_end {
            Some(end) => text.push_str(&format!("whoever is erased now is in no backup after {end}\n")),
            None => text.push_str("no backup holds any keys\n"),
        }
        if let Some(rows) = known.running {
            text.push_str(&format!("one is being made: {rows} rows so far\n"));
        }
        text.push_str(&warning(known));
        if let Some(failed) = &known.failed {
            text.push_str(&format!("the last one came to nothing: {failed}\n"));
        }
        for restored in &known.restored {
            text.push_str(&format!("restored {}: {} customers", restored.at, restored.subjects));
            let stated =
                if restored.endings_stated { "; who had been erased was stated, not known" } else { "" };
            text.push_str(&format!(", {} erased again, {} lost{stated}\n", restored.erased, restored.lost));
        }
        text
    })
}

fn warning(known: &Backups) -> String {
    known.warning.as_ref().map_or_else(String::new, |warning| format!("warning: {warning}\n"))
}

fn rows(backups: &[Backup]) -> String {
    if backups.is_empty() {
        return "none\n".to_owned();
    }
    let mut table = Table::new(["store", "run", "since", "made", "kept until", "bytes"]);
    for backup in backups {
        let store = match backup.store {
            BackupStore::Data => "data",
            BackupStore::Keys => "keys",
        };
        let until = backup.until.as_ref().map_or_else(|| "by number".to_owned(), Time::to_string);
        let bytes = backup.bytes.map_or_else(|| "unfinished".to_owned(), |bytes| bytes.to_string());
        let (run, made) = (backup.sequence.to_string(), backup.made.to_string());
        table.row([store, &run, &since(backup.base), &made, &until, &bytes]);
    }
    table.render(None)
}
