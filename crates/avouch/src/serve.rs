//! `avouch serve`: refuses what is unsafe, opens the vault, listens, and stops in order when told to.
//!
//! The order matters. The process is closed before a key is in its memory, which is the first thing the program does;
//! settings, and swap beside them, are judged before a secret is read; the log says nothing that a request holds; and
//! the vault is closed after the last answer, so that its end is on record.

use std::fs;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use avouch_http::{ListenerSettings, LookAtMemory, LookAtSiem, MetricsSettings, NextSeal, Settings, Tls};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::config::{ClientCa, Config, Listener};
use crate::error::Error;
use crate::housekeeping::{Housekeeping, Periods};
use crate::memory::{Locked, Memory, Swap};
use crate::outbox::Outbox;
use crate::siem::Siem;
use crate::vault::Vault;
use crate::witnesses::Asking;
use crate::{files, hazard, host, root, telemetry, vault};

/// `avouch serve`.
///
/// # Errors
/// Whatever keeps it from serving, or from stopping in order.
pub(crate) fn run(config: &Config, config_path: &Path, memory: &Memory) -> Result<ExitCode, Error> {
    let unsafe_settings = hazard::serving(config, config_path, memory);
    if !unsafe_settings.is_empty() {
        return Err(Error::Unsafe(unsafe_settings));
    }
    telemetry::start(&config.log);
    let vault = Vault::open(config)?;
    memory.log();
    until_stopped(config, config_path, vault, memory.lock, |addresses| {
        let listeners = config.listeners();
        let alone = listeners.len() == 1;
        let mut out = std::io::stdout().lock();
        for (listener, address) in listeners.iter().zip(addresses) {
            let (url, serves) = (listener.url(address.port()), listener.names());
            tracing::info!(%address, %serves, "listening");
            let serves = if alone { String::new() } else { format!(" for {serves}") };
            // Whoever started us may have closed our stdout; that is no reason not to serve.
            let _ = writeln!(out, "listening on {url}{serves}").and_then(|()| out.flush());
        }
    })
}

/// Serves an open vault until SIGTERM or SIGINT; `ready` is called once connections are accepted.
///
/// # Errors
/// When it cannot listen, or the end cannot be recorded.
pub(crate) fn until_stopped(
    config: &Config,
    config_path: &Path,
    vault: Vault,
    lock: Locked,
    ready: impl FnOnce(&[SocketAddr]),
) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(vault::cores().min(2))
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(|error| Error::Process("cannot start threads", error))?;
    // First, as it reads files that may not be there.
    let siem = Siem::start(&vault.app, &config.siem)?;
    let outbox = Outbox::start(&vault.app, config)?;
    let periods = Periods {
        backup_hours: config.backup.every_hours,
        keep_days: config.ledger.keep_days,
        receivers: config.siem.iter().map(|place| place.name.clone()).collect(),
    };
    let housekeeping = Housekeeping::start(Arc::clone(&vault.app), periods)
        .map_err(|error| Error::Process("cannot start threads", error))?;
    let asking =
        Asking::start(&vault.app, config).map_err(|error| Error::Process("cannot start threads", error))?;
    let served = runtime.block_on(serve(config, config_path, &vault, (lock, siem.look()), ready));
    // One that a caller began would be waited for.
    vault.app.stop_backups();
    drop(runtime);
    asking.stop();
    housekeeping.stop();
    siem.stop();
    outbox.stop();
    // After the last answer, and whatever ended the serving.
    let closed = vault.close();
    served?;
    closed?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    config: &Config,
    config_path: &Path,
    vault: &Vault,
    (lock, siem): (Locked, LookAtSiem),
    ready: impl FnOnce(&[SocketAddr]),
) -> Result<(), Error> {
    let shutdown = stop_signal().map_err(|error| Error::Process("cannot wait for signals", error))?;
    let settings = Settings { siem, ..settings(config, config_path, lock)? };
    let server = avouch_http::bind(Arc::clone(&vault.app), settings).await.map_err(Error::Listen)?;
    if let Some(address) = server.metrics_addr() {
        tracing::info!(%address, "metrics");
    }
    ready(&server.addresses());
    server.run(shutdown).await.map_err(Error::Listen)
}

/// Reads the configuration again when it is asked: the next root is written into it while the server is at work.
fn next_seal(config_path: &Path) -> Option<NextSeal> {
    let path = config_path.to_owned();
    Some(Arc::new(move || {
        let config = Config::load(&path, host::credentials_directory().as_deref());
        let config = config.map_err(|error| error.to_string())?;
        let next = root::next(&config).map_err(|error| error.whole())?;
        next.ok_or_else(|| format!("`{}` has no `[root.next]`", path.display()))
    }))
}

/// Looks for swap whenever it is asked: it can be switched on while we are at work.
fn look_at_memory(lock: Locked) -> LookAtMemory {
    Arc::new(move || {
        let swap = Swap::look(Path::new(host::PROC), Path::new(host::SYS));
        Memory { lock, swap }.wire()
    })
}

fn settings(config: &Config, config_path: &Path, lock: Locked) -> Result<Settings, Error> {
    let listeners = config.listeners();
    let listener = |listener: &Listener| {
        Ok::<_, Error>(ListenerSettings {
            listen: listener.address,
            tls: tls(listener.tls_certificate.as_deref(), listener.tls_key.as_deref())?,
            faces: listener.serves.iter().map(|serves| serves.face()).collect(),
            client: listener.client(),
        })
    };
    Ok(Settings {
        listeners: listeners.iter().map(listener).collect::<Result<_, _>>()?,
        client_ca: client_ca(config)?,
        metrics: metrics(config)?,
        max_connections: config.http.max_connections,
        max_in_flight: config.http.max_in_flight,
        next_seal: next_seal(config_path),
        memory: look_at_memory(lock),
        queue_capacity: config.store.queue,
        origin: config.origin(),
        rates: config.limits.rates(),
        ..Settings::plain(([127, 0, 0, 1], 0).into())
    })
}

/// Reads certificate and key, if the configuration names them.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn tls(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Tls>, Error> {
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    Ok(Some(Tls {
        certificate_chain_pem: fs::read(certificate).map_err(Error::file(certificate))?,
        private_key_pem: Zeroizing::new(fs::read(key).map_err(Error::file(key))?),
    }))
}

/// Reads the authorities of clients, if the configuration names any.
///
/// # Errors
/// [`Error::File`].
fn client_ca(config: &Config) -> Result<Option<avouch_http::ClientCa>, Error> {
    Ok(match &config.http.client_ca {
        None => None,
        Some(ClientCa::BuiltIn) => Some(avouch_http::ClientCa::BuiltIn),
        Some(ClientCa::File(path)) => {
            Some(avouch_http::ClientCa::Pem(fs::read(path).map_err(Error::file(path))?))
        }
    })
}

/// Reads the scraper's token, if there is to be a listener for metrics.
///
/// # Errors
/// [`Error::File`]; [`Error::Usage`] for a token that is too short.
pub(crate) fn metrics(config: &Config) -> Result<Option<MetricsSettings>, Error> {
    let (Some(listen), Some(path)) = (config.metrics.listen, &config.metrics.token_file) else {
        return Ok(None);
    };
    let token = Zeroizing::new(files::read_secret(path)?.trim().to_owned());
    if token.len() < MIN_TOKEN {
        let text = format!("`{}` holds no token of {MIN_TOKEN} or more characters", path.display());
        return Err(Error::Usage(text));
    }
    let tls = tls(config.http.tls_certificate.as_deref(), config.http.tls_key.as_deref())?;
    Ok(Some(MetricsSettings { listen, tls, token }))
}

/// An empty token would be none, and a short one can be guessed.
const MIN_TOKEN: usize = 16;

/// Ends with the first SIGTERM or SIGINT. Both are caught from now on.
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
