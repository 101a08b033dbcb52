//! The ledger as an auditor uses it: its state, a copy of it, the proof of one event, and the verification of all of it, from a
//! server or from a copy, with keys that were got another way. Nothing here believes what it could compute.

mod accesses;
mod bundle;
mod copy;
mod deep;
pub(super) mod progress;
mod proof;
mod remembered;
mod source;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use avouch_wire::Ledger;
use uuid::Uuid;

use super::output::Output;
use super::table::facts;
use super::{CliError, Remote, Why};

pub(crate) use proof::CheckArgs;
pub(crate) use verify::VerifyArgs as VerifyLedgerArgs;

/// What a server is asked about its ledger.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum LedgerCommand {
    /// How large it is, what was signed, and who has witnessed it
    Status,
    /// The keys that its checkpoints are verified with, one a line: keep them elsewhere
    VerifierKeys,
    /// Copy all of it into a folder, to be verified without the server
    Export {
        /// The folder; an earlier copy in it is gone on with
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
    /// Evidence for somebody who was not there: a copy, every event in words, who is who, and a page that says how to check it
    Bundle {
        /// The folder; an earlier copy in it is gone on with
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
    /// The proof of one event, as a file that verifies alone
    Proof {
        /// The event's id
        #[arg(value_name = "ID")]
        event: Uuid,
        /// Where to; stdout otherwise
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// What was seen and changed of one customer, as a file that proves itself: to be handed to the customer
    Accesses {
        /// The customer's id
        #[arg(value_name = "ID")]
        customer: Uuid,
        /// Where to
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        why: Why,
    },
    /// Verify all of it on the server. Joined with that of a copy by whoever embeds this.
    #[command(skip)]
    Verify(VerifyLedgerArgs),
}

pub(super) fn run(command: LedgerCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        LedgerCommand::Status => output.answer(&client.ledger()?, status),
        LedgerCommand::VerifierKeys => {
            let ledger = client.ledger()?;
            let keys: Vec<&String> = ledger.logs.iter().flat_map(|log| &log.verifier_keys).collect();
            output.answer(&keys, |keys| keys.iter().map(|key| format!("{key}\n")).collect())
        }
        LedgerCommand::Export { to } => copy::export(client, &to, *output),
        LedgerCommand::Bundle { to } => bundle::make(client, &to, *output),
        LedgerCommand::Proof { event, out } => proof::fetch(client, event, out.as_deref(), *output),
        LedgerCommand::Accesses { customer, out, why } => {
            accesses::fetch(client, customer, &out, &why.into(), *output)
        }
        LedgerCommand::Verify(args) => verify::on_server(client, &args, *output),
    }
}

/// Verifies a copy.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn verify_copy(args: &VerifyLedgerArgs, json: bool) -> Result<ExitCode, CliError> {
    verify::of_copy(args, Output { json })
}

/// Checks the proof of one event.
///
/// # Errors
/// When it cannot be read, or proves nothing.
pub(crate) fn check_proof(args: &CheckArgs, json: bool) -> Result<ExitCode, CliError> {
    proof::check(args, Output { json })
}

fn status(ledger: &Ledger) -> String {
    let mut lines = Vec::new();
    if let Some(log) = ledger.logs.first() {
        lines.push(("log", log.origin.clone()));
        lines.push(("leaves", log.size.to_string()));
    }
    lines.push(("waiting", ledger.waiting.to_string()));
    let signed = ledger.checkpoint.as_ref();
    lines.push((
        "signed",
        signed.map_or_else(|| "nothing yet".to_owned(), |one| format!("{} leaves, {}", one.size, one.at)),
    ));
    lines.push((
        "witnessed by",
        match ledger.witnessed_by.as_slice() {
            // The newest is signed by others a second or two after it was signed here.
            [] if ledger.witnessed.is_some() => "nobody yet".to_owned(),
            [] => "NOBODY: the log proves only what its own operator says".to_owned(),
            names => names.join(", "),
        },
    ));
    if let Some(witnessed) = &ledger.witnessed {
        lines.push(("witnessed", format!("{} leaves, {}", witnessed.size, witnessed.at)));
    }
    if let (Some(warning), false) = (&ledger.warning, ledger.witnesses.is_empty()) {
        lines.push(("WARNING", warning.clone()));
    }
    let ended = ledger.logs.len().saturating_sub(1);
    if ended > 0 {
        lines.push((
            "ended",
            format!("{ended} earlier logs: the vault was restored, or its data were put back"),
        ));
    }
    if let Some(fault) = &ledger.fault {
        lines.push(("FAULT", fault.clone()));
    }
    facts(lines)
}
