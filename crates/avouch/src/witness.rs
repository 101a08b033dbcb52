//! `avouch witness`: cosigns the checkpoints of others' logs, on a host of its own. It has two keys, and of each log the newest
//! checkpoint that it has signed; it signs nothing that does not go on from there. So whoever has its verifier keys knows that a
//! log which it has signed was never taken back, and never shown to two people in two ways.
//!
//! It knows no vault and reads no configuration of a server. Must never lose what it has stored of a log: one that begins anew
//! would sign a second history. A copy of its folder that is put back is just that, so there is none to make; a witness whose
//! folder is lost is another one, with other keys.

mod desk;
mod keys;
mod settings;
mod shelf;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use avouch_http::Tls;
use avouch_http::witness::WitnessServer;
use zeroize::Zeroizing;

use crate::config::Log;
use crate::error::Error;
use crate::files::{self, Access, Lock};
use crate::hazard::Hazard;
use crate::host::SystemClock;
use crate::{remote, serve, telemetry};
use desk::Desk;
use keys::Keys;
use settings::Settings;
use shelf::Shelf;

/// What keeps a witness from its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    /// There is no witness, or not all of it.
    #[error("there is no witness in `{}`: run `avouch witness init` first", .0.display())]
    Missing(PathBuf),
    /// There is one already.
    #[error("there is a witness in `{}` already", .0.display())]
    Exists(PathBuf),
    /// Another process is at work with these keys.
    #[error("another witness is at work in `{}`: stop it first", .0.display())]
    Locked(PathBuf),
    /// A name that no key can have.
    #[error(
        "`{0}` cannot be the name of a witness: an address without its scheme, such as example.org/witness"
    )]
    Name(String),
    /// The file of keys is none.
    #[error("`{}` does not hold the keys of a witness", .0.display())]
    Keys(PathBuf),
    /// What was stored of a log is not what this witness has stored.
    #[error(
        "`{}` {reason}: this witness does not go on, for without what it has signed it could be made to sign a second history",
        path.display()
    )]
    State {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The keys do not sign.
    #[error("the keys of the witness cannot be used: {0}")]
    Ledger(#[from] avouch_ledger::Error),
}

/// Commands of a witness.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum WitnessCommand {
    /// Make the keys of a witness, and print what verifies its signatures
    Init(InitArgs),
    /// Print what verifies its signatures
    Keys(Place),
    /// Cosign the checkpoints of the logs that its witness.toml names, until told to stop
    Serve(Place),
}

#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// Its name, beneath everything that it signs and for good: an address without its scheme, example.org/witness
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: Place,
}

/// Where a witness has its files.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The folder of its keys, of witness.toml and of what it has signed
    #[arg(long, default_value = "avouch-witness", value_name = "FOLDER")]
    dir: PathBuf,
}

/// `avouch witness …`.
///
/// # Errors
/// Whatever is in the way.
pub(crate) fn run(command: &WitnessCommand, json: bool) -> Result<ExitCode, Error> {
    match command {
        WitnessCommand::Init(args) => init(args, json),
        WitnessCommand::Keys(place) => show(&place.dir, &read_keys(&place.dir)?, json),
        WitnessCommand::Serve(place) => serve(&place.dir),
    }
}

fn keys_path(dir: &Path) -> PathBuf {
    dir.join("witness.key")
}

fn settings_path(dir: &Path) -> PathBuf {
    dir.join("witness.toml")
}

/// Nothing that exists is ever replaced. A crash before the file of keys is there leaves what the next `init` takes as it is.
fn init(args: &InitArgs, json: bool) -> Result<ExitCode, Error> {
    let dir = &args.place.dir;
    let keys = Keys::generate(&args.name)?;
    files::make_private_dir(dir)?;
    let _lock = lock(dir)?;
    if keys_path(dir).exists() {
        return Err(WitnessError::Exists(dir.clone()).into());
    }
    Shelf::make(dir)?;
    if !settings_path(dir).exists() {
        files::write_new(&settings_path(dir), settings::DEFAULT_TEXT, 0o600)?;
    }
    files::write_new(&keys_path(dir), &keys.text(), 0o600)?;
    show(dir, &keys, json)
}

fn show(dir: &Path, keys: &Keys, json: bool) -> Result<ExitCode, Error> {
    let verifier_keys = keys.verifier_keys()?;
    let text = if json {
        let value = serde_json::json!({ "name": keys.name(), "verifier_keys": verifier_keys });
        format!("{value:#}\n")
    } else {
        let mut text = format!(
            "The witness `{}`, in {}. Its verifier keys, for [[ledger.witnesses]] of the server and for every auditor's policy:\n",
            keys.name(),
            dir.display()
        );
        for key in &verifier_keys {
            let _ = write!(text, "\n{key}\n");
        }
        text
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(remote::CliError::from)?;
    Ok(ExitCode::SUCCESS)
}

fn read_keys(dir: &Path) -> Result<Keys, Error> {
    if !keys_path(dir).exists() {
        return Err(WitnessError::Missing(dir.to_owned()).into());
    }
    Keys::read(&keys_path(dir))
}

/// Two with the same keys and two memories would sign two histories.
fn lock(dir: &Path) -> Result<Lock, Error> {
    Lock::take(&dir.join("lock"))?.ok_or_else(|| WitnessError::Locked(dir.to_owned()).into())
}

fn serve(dir: &Path) -> Result<ExitCode, Error> {
    let keys = read_keys(dir)?;
    let settings = Settings::load(&settings_path(dir))?;
    let hazards = hazards(dir, &settings);
    if !hazards.is_empty() {
        return Err(Error::Unsafe(hazards));
    }
    telemetry::start(&Log::default());
    let _lock = lock(dir)?;
    let desk = Desk::open(&keys, settings.keys, Shelf::open(dir)?, Arc::new(SystemClock))?;
    let tls = tls(settings.tls_certificate.as_deref(), settings.tls_key.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::Process("cannot start threads", error))?;
    runtime.block_on(async {
        let stop = serve::stop_signal().map_err(|error| Error::Process("cannot wait for signals", error))?;
        let server = WitnessServer::bind(settings.listen, tls.as_ref(), Arc::new(desk))
            .await
            .map_err(Error::Listen)?;
        let address = server.local_addr();
        let scheme = if tls.is_some() { "https" } else { "http" };
        tracing::info!(%address, "witnessing");
        let mut out = std::io::stdout().lock();
        // Whoever started us may have closed our stdout; that is no reason not to serve.
        let _ = writeln!(out, "listening on {scheme}://{address}").and_then(|()| out.flush());
        drop(out);
        server.run(stop).await;
        Ok::<_, Error>(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn tls(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Tls>, Error> {
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    Ok(Some(Tls {
        certificate_chain_pem: fs::read(certificate).map_err(Error::file(certificate))?,
        private_key_pem: Zeroizing::new(fs::read(key).map_err(Error::file(key))?),
    }))
}

/// Whoever can read the keys can sign as this witness, and whoever can write here can make it sign a second history.
fn hazards(dir: &Path, settings: &Settings) -> Vec<Hazard> {
    let mut found = Vec::new();
    for (path, mend) in [(dir.to_owned(), "chmod 700"), (keys_path(dir), "chmod 600")] {
        let Some(access) = Access::of(&path) else { continue };
        if access.shared() {
            found.push(Hazard::new(
                format!("`{}` is open to other users", path.display()),
                format!("{mend} '{}'", path.display()),
            ));
        }
        if !access.ours {
            found.push(Hazard::new(
                format!("`{}` belongs to another user", path.display()),
                "make it the property of the user the witness runs as",
            ));
        }
    }
    if !settings.listen.ip().is_loopback() && settings.tls_certificate.is_none() {
        found.push(Hazard::new(
            format!(
                "listen = \"{}\" without TLS: whoever is on the way can answer in its place",
                settings.listen
            ),
            "set tls_certificate and tls_key, or listen on 127.0.0.1",
        ));
    }
    found
}
