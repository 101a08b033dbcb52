//! The verification of a whole ledger, from a server or from a copy: every event, every tile, every checkpoint, each log against
//! the one before it and against what was verified last time; with `--deep`, records against the events that wrote them.
//!
//! It ends with what was proven and what was not: whoever reads only that must not believe too much.

mod pass;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_client::Client;
use avouch_ledger::note::{KeyType, VerifierKey};
use avouch_ledger::tile::TILE_WIDTH;
use avouch_wire::{Ledger, LedgerLog};
use serde::Serialize;

use super::super::CliError;
use super::super::output::Output;
use super::copy::settled;
use super::deep::{Compared, Deep};
use super::proof;
use super::remembered::Remembered;
use super::source::{LEDGER, Source, read_json};
use pass::Pass;
use words::{said, text, unsaid};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Verify this copy, made by `avouch ledger export`, instead of asking the server
    #[arg(long, value_name = "FOLDER")]
    pub(crate) copy: Option<PathBuf>,
    /// A key of the log, or of a witness, which was got another way than the ledger; more than one may be given
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,
    /// Remember keys and newest checkpoints in this file, and notice when a log goes back or has another history
    #[arg(long, value_name = "FILE")]
    remember: Option<PathBuf>,
    /// Compare the records with the events that wrote them, too
    #[arg(long)]
    deep: bool,
    /// Where to write two checkpoints that cannot both be, should there be such
    #[arg(long, value_name = "FILE", default_value = "avouch-evidence.txt")]
    evidence: PathBuf,
}

pub(super) fn on_server(client: &Client, args: &VerifyArgs, output: Output) -> Result<ExitCode, CliError> {
    let source = Source::Server(client);
    let mut deep = None;
    if args.deep {
        deep = Some(read_records(source, &client.ledger()?)?);
    }
    verify(source, &settled(client)?, args, deep, output)
}

pub(super) fn of_copy(args: &VerifyArgs, output: Output) -> Result<ExitCode, CliError> {
    let Some(folder) = &args.copy else { return Err(CliError::usage("which copy?")) };
    let source = Source::Copy(folder);
    let mut deep = None;
    if args.deep {
        deep = Some(read_records(source, &read_json(&folder.join("before.json"))?)?);
    }
    verify(source, &read_json(&folder.join(LEDGER))?, args, deep, output)
}

fn read_records(source: Source<'_>, before: &Ledger) -> Result<Deep, CliError> {
    let (log, size) = before.logs.first().map_or((0, 0), |log| (log.number, log.size));
    let mut deep = Deep::settled_at(log, size);
    source.records(|page| deep.take(page.items))?;
    Ok(deep)
}

/// Whose word it is that these are the keys of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Keys {
    Given,
    Remembered,
    Told,
}

/// What was found of one log.
#[derive(Debug, Serialize)]
struct Verdict {
    number: u64,
    origin: String,
    keys: Keys,
    leaves: u64,
    /// Of these, so many have no event any more.
    gone: u64,
    checkpoints: u64,
    witnesses: Vec<String>,
    faults: Vec<String>,
    notices: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Verified {
    sound: bool,
    logs: Vec<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Compared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<PathBuf>,
    proven: Vec<String>,
    not_proven: Vec<String>,
}

fn verify(
    source: Source<'_>,
    ledger: &Ledger,
    args: &VerifyArgs,
    mut deep: Option<Deep>,
    output: Output,
) -> Result<ExitCode, CliError> {
    let given = proof::keys(&args.verifier_key)?;
    let mut remembered = args.remember.as_deref().map(Remembered::load).transpose()?.unwrap_or_default();
    let known_before = !remembered.logs.is_empty();
    let mut logs: Vec<&LedgerLog> = ledger.logs.iter().collect();
    logs.sort_by_key(|log| log.number);
    let mut pass = Pass::new(source, &given, &remembered, &logs);
    let begun = pass.beginnings(&logs)?;
    let mut verdicts = Vec::new();
    for log in &logs {
        verdicts.push(pass.log(log, &begun, deep.as_mut(), output)?);
    }
    for verdict in &mut verdicts {
        let said = pass.pruned.get(&verdict.number).copied().unwrap_or_default();
        if verdict.gone > said {
            verdict.faults.push(format!(
                "its events before leaf {} are gone, and events say so of those before leaf {said} only",
                verdict.gone
            ));
        }
    }
    let of_logs = given.iter().any(|key| key.kind() == KeyType::Ed25519);
    if of_logs
        && verdicts.iter().all(|verdict| verdict.keys != Keys::Given)
        && let Some(verdict) = verdicts.first_mut()
    {
        verdict.faults.push("no key that was given is of a log that is here".to_owned());
    }
    let newest = std::mem::take(&mut pass.newest);
    let (evidence, lost) = (pass.evidence.take(), pass.lost);
    if let Some(lost) = remembered.logs.keys().find(|origin| logs.iter().all(|log| log.origin != **origin))
        && let Some(verdict) = verdicts.last_mut()
    {
        let known = args.remember.as_deref().unwrap_or_else(|| Path::new("")).display();
        verdict.faults.push(format!(
            "log {lost}, which was verified before, is not there any more; when that has been explained, take it out of `{known}`"
        ));
    }
    if verdicts.is_empty() {
        return Err(CliError::Input("there is no log to verify".to_owned()));
    }
    let records = deep.map(|deep| deep.compare());
    let evidence = evidence
        .map(|evidence| {
            let written = fs::write(&args.evidence, evidence.to_string());
            written.map_err(|error| CliError::file(&args.evidence, &error)).map(|()| args.evidence.clone())
        })
        .transpose()?;
    let sound = verdicts.iter().all(|verdict| verdict.faults.is_empty())
        && records.as_ref().is_none_or(|records| records.faults.is_empty());
    if sound && let Some(path) = &args.remember {
        for (origin, known) in newest {
            match known {
                Some(known) => drop(remembered.logs.insert(origin, known)),
                None => drop(remembered.logs.remove(&origin)),
            }
        }
        remembered.store(path)?;
    }
    let proven = said(&verdicts, records.as_ref(), known_before && !lost);
    let verified =
        Verified { sound, records, evidence, not_proven: unsaid(&verdicts, args), proven, logs: verdicts };
    output.answer(&verified, text)?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The keys that a server tells of its own log.
pub(super) fn told_keys(log: &LedgerLog) -> Result<Vec<VerifierKey>, CliError> {
    proof::keys(&log.verifier_keys)
}

/// Bundles and tiles of a log, for a bar.
pub(super) const fn parts(leaves: u64) -> u64 {
    leaves / TILE_WIDTH as u64 * 2
}
