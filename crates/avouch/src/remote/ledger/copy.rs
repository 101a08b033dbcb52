//! A copy of the ledger in a folder: checkpoints, tiles, entries and digests of records as the server serves them. Whoever has it
//! needs the verifier keys, got another way, and no server.
//!
//! What is there already and cannot have changed is not asked for again, so a copy is gone on with.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use avouch_client::Client;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::note::{VerifierKey, open_checkpoint};
use avouch_ledger::tile::{TILE_WIDTH, new_bundles, tiles};
use avouch_wire::{Ledger, LedgerLog};
use serde_json::json;

use super::super::CliError;
use super::super::output::Output;
use super::super::table::facts;
use super::progress::Progress;
use super::source::{LEDGER, RECORDS, Source};
use super::verify::{parts, told_keys};

const README: &str = include_str!("copy.md");

pub(super) fn export(client: &Client, to: &Path, output: Output) -> Result<ExitCode, CliError> {
    let (_, leaves) = copy(client, to, output)?;
    put(&to.join("README.md"), README.as_bytes())?;
    output.answer(&json!({"folder": to.display().to_string(), "leaves": leaves}), |_| {
        facts([("folder", to.display().to_string()), ("leaves", leaves.to_string())])
    })
}

/// Copies everything; gives what the server says of it, and how many leaves there are.
pub(super) fn copy(client: &Client, to: &Path, output: Output) -> Result<(Ledger, u64), CliError> {
    let before = client.ledger()?;
    folder(to)?;
    let mut pages = 0_u64;
    let records = to.join(RECORDS);
    if records.exists() {
        fs::remove_dir_all(&records).map_err(|error| CliError::file(&records, &error))?;
    }
    Source::Server(client).records(|page| {
        let path = records.join(format!("{pages}.json"));
        pages += 1;
        put_json(&path, &page)
    })?;
    // Everything that has happened while the records were read is in it.
    let ledger = settled(client)?;
    let mut leaves = 0;
    for log in &ledger.logs {
        leaves += copy_log(client, to, log, &told_keys(log)?, output)?;
    }
    put_json(&to.join("before.json"), &before)?;
    put_json(&to.join(LEDGER), &ledger)?;
    Ok((ledger, leaves))
}

/// The ledger, once a checkpoint covers all that has happened until now.
pub(super) fn settled(client: &Client) -> Result<Ledger, CliError> {
    let first = client.ledger()?;
    let Some(log) = first.logs.first() else { return Ok(first) };
    let wanted = log.size + first.waiting;
    for _ in 0..PATIENCE {
        let now = client.ledger()?;
        let there = now.checkpoint.as_ref().is_some_and(|newest| newest.size >= wanted);
        if there || now.logs.first().map(|log| log.number) != Some(log.number) {
            return Ok(now);
        }
        std::thread::park_timeout(PAUSE);
    }
    Err(CliError::Input(
        "no checkpoint covers what has happened: is the ledger at fault? See `avouch ledger status`"
            .to_owned(),
    ))
}

const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: u32 = 80;

fn copy_log(
    client: &Client,
    to: &Path,
    log: &LedgerLog,
    keys: &[VerifierKey],
    output: Output,
) -> Result<u64, CliError> {
    let (source, minimum) = (Source::Server(client), log.minimum);
    let log = log.number;
    let home = to.join(log.to_string());
    let notes = source.checkpoints(log)?;
    let mut newest: Option<Checkpoint> = None;
    for note in &notes {
        let opened = open_checkpoint(note, keys)
            .map_err(|error| CliError::Input(format!("a checkpoint of log {log} is none: {error}")))?;
        put(&home.join("checkpoints").join(opened.checkpoint().size.to_string()), note.as_bytes())?;
        newest = Some(opened.checkpoint().clone());
    }
    folder(&home.join("checkpoints"))?;
    let Some(newest) = newest else { return Ok(0) };
    let paths = tiles(newest.size)
        .map(|tile| (tile.path(), tile.width))
        .chain(new_bundles(minimum, newest.size).map(|bundle| (bundle.path(), bundle.width)));
    let shown = Progress::of(parts(newest.size), output);
    let mut files = 0;
    for (path, width) in paths {
        let at = home.join(&path);
        // What is full is what it will be for ever; the verifier looks at it anyway.
        if width == TILE_WIDTH && at.exists() {
            continue;
        }
        let bytes = source.part(log, &path)?;
        let bytes =
            bytes.ok_or_else(|| CliError::Input(format!("the server has no `{path}` of log {log}")))?;
        put(&at, &bytes)?;
        files += 1;
        shown.to(files);
    }
    shown.end();
    if let Some(note) = notes.last() {
        put(&home.join("checkpoint"), note.as_bytes())?;
    }
    Ok(newest.size)
}

fn folder(path: &Path) -> Result<(), CliError> {
    fs::create_dir_all(path).map_err(|error| CliError::file(path, &error))
}

pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    path.parent().map_or(Ok(()), folder)?;
    fs::write(path, bytes).map_err(|error| CliError::file(path, &error))
}

pub(super) fn put_json(path: &Path, value: &impl serde::Serialize) -> Result<(), CliError> {
    put(path, &serde_json::to_vec_pretty(value).map_err(std::io::Error::from)?)
}
