//! The proof of one event: fetched as a file (c2sp.org/tlog-proof) that holds the event itself, and checked without a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_client::Client;
use avouch_core::audit::{Ending, Event};
use avouch_ledger::note::VerifierKey;
use avouch_ledger::receipt::Receipt;
use serde_json::json;
use uuid::Uuid;

use super::super::CliError;
use super::super::output::Output;
use super::super::table::facts;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The proof, as `avouch ledger proof` or `avouch ledger accesses` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A key of the log, which was got another way than the proof; more than one may be given
    #[arg(long, value_name = "KEY", required = true)]
    verifier_key: Vec<String>,
}

pub(super) fn fetch(
    client: &Client,
    event: Uuid,
    out: Option<&Path>,
    output: Output,
) -> Result<ExitCode, CliError> {
    let proof = client.event_proof(event)?;
    match out {
        None => output.text(&proof.receipt)?,
        Some(path) => {
            fs::write(path, &proof.receipt).map_err(|error| CliError::file(path, &error))?;
            let written = json!({"event": event, "origin": proof.origin, "index": proof.index});
            return output.answer(&written, |_| {
                facts([
                    ("event", event.to_string()),
                    ("log", proof.origin),
                    ("leaf", proof.index.to_string()),
                ])
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(args: &CheckArgs, output: Output) -> Result<ExitCode, CliError> {
    let text = fs::read_to_string(&args.file).map_err(|error| CliError::file(&args.file, &error))?;
    let keys = keys(&args.verifier_key)?;
    if text.trim_start().starts_with('{') {
        return super::accesses::check(&text, &keys, output);
    }
    let receipt =
        Receipt::parse(&text).map_err(|_| CliError::Input("this is no proof of an event".to_owned()))?;
    // What is signed is the leaf; what came along is the leaf only if its hash says so.
    let leaf = receipt.extra();
    let opened = receipt.verify_by_log(leaf, &keys).map_err(|error| match error {
        avouch_ledger::Error::Unsigned => CliError::Input("no key that was given has signed it".to_owned()),
        _ => CliError::Input("it proves nothing: it is not as it was signed".to_owned()),
    })?;
    let event = Event::decode(leaf)
        .map_err(|_| CliError::Input("the leaf is no event of this version".to_owned()))?;
    let checkpoint = opened.checkpoint();
    let outcome = match event.ending {
        Ending::Done => "done",
        Ending::Refused => "refused",
        Ending::Failed => "failed",
    };
    let at = avouch_wire::Time::from_micros(event.at);
    let answer = json!({
        "origin": checkpoint.origin, "index": receipt.index(), "size": checkpoint.size,
        "at": at, "action": event.what, "outcome": outcome, "purpose": event.purpose, "recipient": event.recipient,
        "subjects": event.subjects.len(), "count": event.count,
    });
    output.answer(&answer, |_| {
        facts([
            ("proven", format!("leaf {} of {} in {}", receipt.index(), checkpoint.size, checkpoint.origin)),
            ("at", at.map_or_else(String::new, |at| at.to_string())),
            ("action", event.what.clone()),
            ("outcome", outcome.to_owned()),
            ("purpose", event.purpose.clone().unwrap_or_default()),
            ("recipient", event.recipient.clone().unwrap_or_default()),
            ("customers", event.subjects.len().to_string()),
        ])
    })
}

pub(super) fn keys(texts: &[String]) -> Result<Vec<VerifierKey>, CliError> {
    let parse = |text: &String| {
        VerifierKey::parse(text.trim()).map_err(|_| {
            CliError::usage("this is no verifier key: `avouch ledger verifier-keys` prints them")
        })
    };
    texts.iter().map(parse).collect()
}
