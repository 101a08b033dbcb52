//! `avouch backup`: makes backups, lists and verifies them. With a server at work it is asked to make them, by its API; without
//! one the vault is opened here, which is on record like any opening.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use avouch_core::app::App;
use avouch_core::backup::{self, Checked, Made, ReadBackups, Stores, Wanted, keys_by_seal};
use avouch_core::gate::Caller;
use avouch_seal::backup::BackupKeys;
use avouch_wire::{BackupRequest, BackupStores, Time};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::ConnectionArgs;
use crate::config::Config;
use crate::error::Error;
use crate::files::Lock;
use crate::remote::{self, Table};
use crate::root::{LostRootArgs, NamedSeal};
use crate::vault::Vault;
use crate::{hazard, root, vault};

/// `avouch backup …`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    #[command(flatten)]
    make: MakeArgs,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Which are known, and until when the erased are in any
    List,
    /// Read files from beginning to end and look whether they are whole
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct MakeArgs {
    /// Of one store alone
    #[arg(long, value_name = "STORE")]
    only: Option<Only>,
    /// The data in full, although there is a backup since which to copy only what changed
    #[arg(long)]
    full: bool,
    /// Do not wait for the end: the server goes on by itself
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Only {
    /// Sealed records, tokens, events
    Data,
    /// Wrapped keys
    Keys,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A backup of the keys, whose header opens backups of data where there is no key store
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    lost: LostRootArgs,
}

/// `avouch backup`. Who has a key and no configuration means the server that is named.
///
/// # Errors
/// Whatever is in the way.
pub(crate) fn run(
    args: &BackupArgs,
    load: impl FnOnce() -> Result<Config, Error>,
    config_path: &Path,
    (connection, json): (ConnectionArgs, bool),
) -> Result<ExitCode, Error> {
    let command = args.command.as_ref();
    let remote = !config_path.exists() && connection.has_key();
    if remote && !matches!(command, Some(BackupCommand::Verify(_))) {
        return ask(args, connection, json);
    }
    let config = load()?;
    if let Some(BackupCommand::Verify(args)) = command {
        return verify(args, &config, json);
    }
    let serving = config.vault.data_dir.is_dir().then(|| Lock::take(&config.lock_path())).transpose()?;
    if let Some(None) = serving {
        return ask(args, connection, json);
    }
    drop(serving);
    if command.is_some() {
        return list_here(&config, json);
    }
    let hazards = hazard::hazards(&config, config_path);
    if !hazards.is_empty() {
        return Err(Error::Unsafe(hazards));
    }
    make_here(&args.make, &config, json)
}

/// Has a server at work do it.
fn ask(args: &BackupArgs, connection: ConnectionArgs, json: bool) -> Result<ExitCode, Error> {
    let connection = connection.open(json)?;
    if args.command.is_some() {
        return Ok(remote::backups(&connection)?);
    }
    let args = &args.make;
    let stores = match args.only {
        None => BackupStores::Both,
        Some(Only::Data) => BackupStores::Data,
        Some(Only::Keys) => BackupStores::Keys,
    };
    let request = BackupRequest { stores: Some(stores), full: Some(args.full) };
    Ok(remote::back_up(&request, !args.no_wait, &connection)?)
}

fn make_here(args: &MakeArgs, config: &Config, json: bool) -> Result<ExitCode, Error> {
    let stores = match args.only {
        None => Stores::Both,
        Some(Only::Data) => Stores::Data,
        Some(Only::Keys) => Stores::Keys,
    };
    let vault = Vault::open(config)?;
    let wanted = Wanted { stores, full: args.full };
    let made = watched(&vault.app, json, || vault.app.back_up(&Caller::system(), wanted, || ()));
    let warning = vault.app.backup_state().warning;
    vault.close()?;
    if let Some(warning) = warning {
        eprintln!("warning: {warning}");
    }
    report(&made?, json)
}

/// Does something long, with the rows it has copied on the terminal.
fn watched<T: Send>(app: &App, json: bool, work: impl FnOnce() -> T + Send) -> T {
    let bar = rows_bar(json);
    std::thread::scope(|scope| {
        let (sender, ended) = channel::<()>();
        let bar = &bar;
        scope.spawn(move || {
            while ended.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(app.backup_state().running.unwrap_or_default());
            }
            bar.finish_and_clear();
        });
        let done = work();
        drop(sender);
        done
    })
}

/// Counts rows on stderr, if somebody looks.
pub(crate) fn rows_bar(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {human_pos} rows, {per_sec}").ok();
    style.map_or_else(ProgressBar::no_length, |style| ProgressBar::no_length().with_style(style))
}

/// A file, as it is told.
#[derive(Serialize)]
struct File<'a> {
    path: &'a Path,
    store: &'static str,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_generation: Option<u32>,
}

/// What a backup holds, in a table: all, or what changed since a run.
pub(crate) fn since(base: Option<u64>) -> String {
    base.map_or_else(|| "full".to_owned(), |run| format!("run {run}"))
}

fn report(made: &[Made], json: bool) -> Result<ExitCode, Error> {
    let files = made.iter().map(|Made { kept, base }| File {
        path: &kept.path,
        store: kept.part.as_str(),
        sequence: kept.sequence,
        base: base.as_ref().map(|base| base.sequence),
        bytes: Some(kept.bytes),
        made: None,
        rows: None,
        key_generation: None,
    });
    let files: Vec<_> = files.collect();
    remote::answer(json, &serde_json::json!({ "files": files }), || {
        let mut table = Table::new(["store", "run", "since", "bytes", "file"]);
        for Made { kept, base } in made {
            let (run, bytes) = (kept.sequence.to_string(), kept.bytes.to_string());
            let since = since(base.as_ref().map(|base| base.sequence));
            table.row([kept.part.as_str(), &run, &since, &bytes, &kept.path.display().to_string()]);
        }
        table.render(None)
    })
    .map_err(Error::from)
}

fn list_here(config: &Config, json: bool) -> Result<ExitCode, Error> {
    let vault = Vault::open(config)?;
    let known = vault.app.perform_wait(&Caller::system(), ReadBackups);
    vault.close()?;
    let known = avouch_http::known_backups(known?.output, avouch_core::backup::State::default());
    Ok(remote::show_backups(&known, json)?)
}

fn verify(args: &VerifyArgs, config: &Config, json: bool) -> Result<ExitCode, Error> {
    let mut checked = Vec::new();
    let seal = args.lost.read()?;
    for path in &args.files {
        let keys = keys_of(path, args, config, seal.as_ref())?;
        checked.push((path, backup::verify(path, &keys)?));
    }
    let rows = |checked: &Checked| checked.counts.iter().map(|(_, rows)| rows).sum::<u64>();
    let files = checked.iter().map(|(path, checked)| File {
        path,
        store: checked.part.as_str(),
        sequence: checked.sequence,
        base: checked.base.as_ref().map(|base| base.sequence),
        bytes: None,
        made: Time::from_micros(checked.made),
        rows: Some(rows(checked)),
        key_generation: Some(checked.generation),
    });
    let files: Vec<_> = files.collect();
    remote::answer(json, &serde_json::json!({ "files": files }), || {
        let mut table = Table::new(["store", "run", "since", "made", "rows", "file"]);
        for (path, checked) in &checked {
            let made = Time::from_micros(checked.made).map(|made| made.to_string()).unwrap_or_default();
            let (run, rows) = (checked.sequence.to_string(), rows(checked).to_string());
            let since = since(checked.base.as_ref().map(|base| base.sequence));
            table.row([checked.part.as_str(), &run, &since, &made, &rows, &path.display().to_string()]);
        }
        format!("{}whole, and of this vault\n", table.render(None))
    })
    .map_err(Error::from)
}

/// What opens a file: a backup of keys by the seals in its own header; one of data by those of the backup of keys that goes with
/// it, or by the key store of today.
fn keys_of(
    path: &Path,
    args: &VerifyArgs,
    config: &Config,
    seal: Option<&NamedSeal>,
) -> Result<BackupKeys, Error> {
    let of_keys = backup::part_of(path)? == backup::Part::Keys;
    let header = if of_keys { Some(path) } else { args.keys.as_deref() };
    let Some(header) = header else {
        // Without a server at work the stores are opened for it; with one, its key store is not ours to open.
        let (lock, parts) = vault::existing(config, root::primary(config)?).map_err(|error| match error {
            Error::Locked(_) => Error::Usage(
                "a server is at work in the key store: say --keys, a backup of the keys, whose seals open this one"
                    .to_owned(),
            ),
            error => error,
        })?;
        let by = seal.map(|(slot, seal)| (slot.as_str(), &**seal));
        let keys = App::backup_keys_of(parts, by)?;
        drop(lock);
        return Ok(keys);
    };
    Ok(match seal {
        Some((slot, seal)) => keys_by_seal(header, slot, &**seal)?,
        None => keys_by_seal(header, "primary", &*root::primary(config)?.seal)?,
    })
}
