//! The witnesses of this server's log: how they are reached, and a thread for each that asks for its signature on the newest
//! checkpoint, once a second at most and less often while it does not answer. One that is slow keeps nobody waiting: not those
//! who write, not the log, not the other witnesses, and not a stop.
//!
//! What shows that the log was led back, or has two histories, is written beside the data, for an operator to find and to hand on.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use avouch_core::app::App;
use avouch_core::ledger::{Asked, LastSigned, Witness, WitnessLine, Witnesses};
use avouch_ledger::note::VerifierKey;

use crate::config::{self, Config};
use crate::error::Error;
use crate::{files, vault};

/// Between two questions.
const TICK: Duration = Duration::from_secs(1);
/// The longest between two, for one that does not answer.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a question may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A witness, by HTTP.
#[derive(Debug)]
struct Line(avouch_client::Witness);

impl WitnessLine for Line {
    fn add_checkpoint(&self, request: &str) -> Result<(u16, String), String> {
        self.0.add_checkpoint(request).map_err(|error| error.to_string())
    }

    fn checkpoint(&self, log: &str) -> Result<Option<String>, String> {
        self.0.checkpoint(log).map_err(|error| error.to_string())
    }
}

/// Those of the configuration. None is asked yet.
///
/// # Errors
/// An address or a file that cannot be used.
pub(crate) fn configured(config: &Config) -> Result<Witnesses, Error> {
    let settings = &config.ledger;
    Ok(Witnesses {
        list: settings.witnesses.iter().map(witness).collect::<Result<_, Error>>()?,
        quorum: settings.witness_quorum,
        patience: Duration::from_secs(60 * u64::from(settings.unwitnessed_alarm_minutes)),
    })
}

fn witness(settings: &config::Witness) -> Result<Witness, Error> {
    let ca = settings.ca.as_ref().map(|path| fs::read(path).map_err(Error::file(path))).transpose()?;
    let line = avouch_client::Witness::new(&settings.url, ca.as_deref(), TIMEOUT)
        .map_err(|error| Error::Usage(format!("[ledger] witnesses: {error}")))?;
    // They were looked at when the configuration was read.
    let keys = settings.verifier_keys.iter().filter_map(|key| VerifierKey::parse(key).ok()).collect();
    Ok(Witness { keys, line: Arc::new(Line(line)) })
}

/// The threads. They end at [`stop`](Self::stop), or with the process.
#[derive(Debug)]
pub(crate) struct Asking(Vec<Sender<()>>);

impl Asking {
    /// Says who witnesses the log, and begins to ask them.
    ///
    /// # Errors
    /// When there can be no threads.
    pub(crate) fn start(app: &Arc<App>, config: &Config) -> io::Result<Self> {
        let names: Vec<String> = app.witness_names().map(str::to_owned).collect();
        // Nobody relies on the log of a demo.
        if names.is_empty() && config.vault.environment != vault::DEMO {
            tracing::warn!(
                "the log is witnessed by nobody: it proves only what its own operator says; see [ledger] witnesses"
            );
        }
        let mut going_on = Vec::new();
        for (at, name) in names.into_iter().enumerate() {
            let (sender, stopped) = channel();
            let (asked, folder) = (Arc::clone(app), config.vault.data_dir.clone());
            tracing::info!(witness = name, "is asked to sign checkpoints");
            thread::Builder::new()
                .name("witness".to_owned())
                .spawn(move || ask_on(&asked, (at, &name), &folder, &stopped))?;
            going_on.push(sender);
        }
        Ok(Self(going_on))
    }

    /// Nobody is asked from now on. A question that is under way is not waited for: what comes of it is asked for again.
    pub(crate) fn stop(self) {
        drop(self.0);
    }
}

fn ask_on(app: &Arc<App>, (at, name): (usize, &str), folder: &Path, stopped: &Receiver<()>) {
    let mut last = LastSigned::default();
    let mut failures = 0_u32;
    while stopped.recv_timeout(pause(failures)) == Err(RecvTimeoutError::Timeout) {
        match app.ask_witness(at, &mut last) {
            Ok(Asked::Nothing | Asked::Broken) => {}
            Ok(Asked::Cosigned(size)) => {
                if failures > 0 {
                    tracing::info!(witness = name, size, "signs again");
                }
                tracing::debug!(witness = name, size, "has signed a checkpoint");
                failures = 0;
            }
            Err(error) => {
                // Each time would be too often to say it.
                if failures == 0 {
                    tracing::warn!(witness = name, %error, "does not sign; it is asked again and again");
                }
                failures = failures.saturating_add(1);
            }
        }
        keep_evidence(app, folder);
    }
}

/// Twice as long after each failure.
fn pause(failures: u32) -> Duration {
    TICK.saturating_mul(1 << failures.min(6)).min(LONGEST)
}

/// Writes down what was found against the log.
pub(crate) fn keep_evidence(app: &Arc<App>, folder: &Path) {
    for (at, evidence) in app.take_evidence().into_iter().enumerate() {
        let path = folder.join(format!("evidence-{}-{at}.txt", app.now()));
        match files::write_new(&path, &evidence, 0o600) {
            Ok(()) => tracing::error!(
                file = %path.display(),
                "two checkpoints that cannot both be of one log: they are evidence, keep them and find out why"
            ),
            // Checkpoints are public: better here than nowhere.
            Err(error) => tracing::error!(%error, evidence, "evidence against the log could not be written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_that_does_not_answer_is_asked_less_and_less_often() {
        let pauses: Vec<u64> = (0..9).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(u32::MAX), LONGEST);
    }
}
