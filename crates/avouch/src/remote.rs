//! The commands that talk to a server. Each parses its arguments into a request of the API, sends it through the client crate and shows
//! the answer: a table for people, JSON for machines. There is no second path into the vault here: what a command may do is what its key
//! may do, and the server decides.
//!
//! Personal data goes to stdout and to files that the user names, never to stderr, an error text or a file name.

mod access;
mod alarms;
mod approvals;
mod backups;
mod break_glass;
mod charter;
mod disclosures;
mod erasures;
mod error;
mod events;
mod export;
mod import;
mod input;
mod keys;
mod ledger;
mod network;
mod output;
mod sessions;
mod subject;
mod system;
mod table;
mod token;
mod transit;
mod watch;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use avouch_client::{Client, Options, Stated};
use avouch_wire::{PageQuery, Secret};

pub(crate) use backups::{back_up, backups, show_backups};
pub(crate) use charter::CharterCommand;
pub(crate) use erasures::{ErasuresCommand, VerifyArgs, verify};
pub(crate) use error::{CliError, EXIT_CODES};
pub(crate) use input::charter_files;
pub(crate) use ledger::{CheckArgs, LedgerCommand, VerifyLedgerArgs, check_proof, verify_copy};
pub(crate) use network::{callers, show_callers};
pub(crate) use sessions::{LoginArgs, log_in, log_out, of as session_of};
pub(crate) use table::Table;

use output::Output;

/// How to reach the server and how to answer.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// `https://host[:port]`.
    pub server: String,
    /// The API key, `avk_…`, or the token of a session, `avs_…`; whoever logs in has none yet.
    pub key: Option<Secret>,
    /// The only certificate authorities to trust, as a PEM file.
    pub ca: Option<PathBuf>,
    /// Whether to answer in JSON.
    pub json: bool,
}

/// The commands that talk to a server.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RemoteCommand {
    /// Work with one customer: create, show, list, update, delete, history, accesses
    #[command(subcommand)]
    Subject(subject::SubjectCommand),
    /// Find customers by indexed fields
    Search(subject::SearchArgs),
    /// Show fields of a customer in clear, for a purpose and with a reason
    Reveal(subject::RevealArgs),
    /// Make tokens of single values
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Put tokens in place of the personal values of a JSON document
    Tokenize(token::TokenizeArgs),
    /// Put the values back in place of the tokens of a JSON document
    Detokenize(token::DetokenizeArgs),
    /// Ask what the policy would decide, without acting
    Explain(token::ExplainArgs),
    /// The people and programs that may call: list, create, show, update, suspend, activate
    #[command(subcommand)]
    Principal(access::PrincipalCommand),
    /// The keys they call with: create, list, revoke
    #[command(subcommand)]
    Apikey(access::ApikeyCommand),
    /// The charter on the server. Joined with the local `charter check` by whoever embeds this.
    #[command(skip)]
    Charter(CharterCommand),
    /// Receipts of erasures. Joined with the local `erasures verify` by whoever embeds this.
    #[command(skip)]
    Erasures(ErasuresCommand),
    /// The ledger. Joined with the local `ledger verify` by whoever embeds this.
    #[command(skip)]
    Ledger(LedgerCommand),
    /// What keeps a customer from being erased: place, list, lift
    #[command(subcommand)]
    Hold(erasures::HoldCommand),
    /// What others have to agree to: ask, list, work, agree, refuse, cancel
    #[command(subcommand)]
    Approval(approvals::ApprovalCommand),
    /// An emergency, and its review: open, list, show, end, review
    #[command(subcommand)]
    BreakGlass(break_glass::GlassCommand),
    /// Say that it matters who looks at a customer: well known, or a colleague
    Mark(approvals::MarkArgs),
    /// What happened that somebody has to look at: list, close
    #[command(subcommand)]
    Alarm(alarms::AlarmCommand),
    /// What somebody has to do with a customer: add, list, end, import
    #[command(subcommand)]
    Tie(watch::TieCommand),
    /// Looks without need, for whoever reviews them: cases, show, close
    #[command(subcommand)]
    Watch(watch::WatchCommand),
    /// Your own looks at customers, and that they are watched: accesses, acknowledge
    #[command(subcommand)]
    Account(watch::AccountCommand),
    /// Who did what: the record, newest first
    Events(events::EventsArgs),
    /// What recipients were given, of how many customers and when
    Disclosures(disclosures::DisclosuresArgs),
    /// Store the customers of a CSV or JSON Lines file
    Import(import::ImportArgs),
    /// Write many customers to a file, sealed to its receiver
    Export(export::ExportArgs),
    /// The server's own keys: their state, and their rotation
    Keys(keys::KeysArgs),
    /// Keys for data that applications keep elsewhere: create, rotate, encrypt, sign, …
    #[command(subcommand)]
    Transit(transit::TransitCommand),
    /// The state of the server
    Status,
}

/// Carries out one command.
///
/// # Errors
/// [`CliError`]; its `exit_code` is the process's.
pub(crate) fn run(command: RemoteCommand, connection: &Connection) -> Result<ExitCode, CliError> {
    let remote = Remote::new(connection)?;
    match command {
        RemoteCommand::Subject(command) => subject::run(command, &remote),
        RemoteCommand::Search(args) => subject::search(args, &remote),
        RemoteCommand::Reveal(args) => subject::reveal(args, &remote),
        RemoteCommand::Token(command) => token::run(command, &remote),
        RemoteCommand::Tokenize(args) => token::tokenize(args, &remote),
        RemoteCommand::Detokenize(args) => token::detokenize(args, &remote),
        RemoteCommand::Explain(args) => token::explain(args, &remote),
        RemoteCommand::Principal(command) => access::principal(command, &remote),
        RemoteCommand::Apikey(command) => access::apikey(command, &remote),
        RemoteCommand::Charter(command) => charter::run(command, &remote),
        RemoteCommand::Erasures(command) => erasures::erasures(command, &remote),
        RemoteCommand::Ledger(command) => ledger::run(command, &remote),
        RemoteCommand::Hold(command) => erasures::holds(command, &remote),
        RemoteCommand::Approval(command) => approvals::run(command, &remote),
        RemoteCommand::BreakGlass(command) => break_glass::run(command, &remote),
        RemoteCommand::Mark(args) => approvals::mark(args, &remote),
        RemoteCommand::Alarm(command) => alarms::run(command, &remote),
        RemoteCommand::Tie(command) => watch::tie(command, &remote),
        RemoteCommand::Watch(command) => watch::watch(command, &remote),
        RemoteCommand::Account(command) => watch::account(command, &remote),
        RemoteCommand::Events(args) => events::run(args, &remote),
        RemoteCommand::Disclosures(args) => disclosures::run(args, &remote),
        RemoteCommand::Import(args) => import::run(args, &remote),
        RemoteCommand::Export(args) => export::run(args, &remote),
        RemoteCommand::Keys(args) => keys::keys(&args, &remote),
        RemoteCommand::Transit(command) => transit::run(command, &remote),
        RemoteCommand::Status => system::status(&remote),
    }
}

/// Shows the answer of a command of this machine, as those that talk to a server do.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn answer(
    json: bool,
    value: &serde_json::Value,
    human: impl FnOnce() -> String,
) -> Result<ExitCode, CliError> {
    Output { json }.answer(value, |_| human())
}

/// What every command is given.
struct Remote {
    client: Client,
    output: Output,
}

impl Remote {
    fn new(connection: &Connection) -> Result<Self, CliError> {
        let mut options = Options::nobody(&connection.server);
        options.key = connection.key.clone();
        options.jitter = input::random();
        // Somebody waits at the keyboard. An import is more patient.
        options.patience = Duration::from_secs(3);
        if let Some(path) = &connection.ca {
            options.ca = Some(std::fs::read(path).map_err(|error| CliError::file(path, &error))?);
        }
        Ok(Self { client: Client::new(options)?, output: Output { json: connection.json } })
    }
}

/// Purpose and reason of commands that may go without.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Why {
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// Why now, in a few words and without naming anybody
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl From<Why> for Stated {
    fn from(why: Why) -> Self {
        Self { purpose: why.purpose, reason: why.reason }
    }
}

/// Which part of a list.
#[derive(Clone, Debug, Default, clap::Args)]
struct Paging {
    /// How many entries, at most 100
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: Option<u32>,
    /// Go on where a page before ended
    #[arg(long, value_name = "TEXT")]
    cursor: Option<String>,
}

impl From<Paging> for PageQuery {
    fn from(paging: Paging) -> Self {
        Self { limit: paging.limit, cursor: paging.cursor }
    }
}

#[cfg(test)]
mod tests;
