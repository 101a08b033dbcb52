//! How far the log is behind: how long somebody who has made an event waits until the server can prove it, while others keep
//! it busy. Asked over and over, one event at a time.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::text;
use crate::error::{Error, Result};
use crate::http::Control;

/// Between two questions for the same proof.
const PAUSE: Duration = Duration::from_millis(20);
/// A log that is further behind than this is not growing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who makes events, and who asks for their proofs.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) service: Control,
    pub(crate) auditor: Control,
    /// Of whom something is revealed.
    pub(crate) subject: String,
}

impl Watch {
    /// The longest wait, until `ended` says so.
    pub(crate) fn run(mut self, ended: &Receiver<()>) -> Result<Duration> {
        let reveal = json!({"purpose": "support", "reason": "ticket 4711", "fields": ["email"]});
        // A channel on which nothing is ever sent: waiting without sleeping.
        let (_keep, never) = channel::<()>();
        let mut longest = Duration::ZERO;
        loop {
            let revealed = self.service.post(&format!("/v1/subjects/{}/reveal", self.subject), &reveal)?;
            let proof = format!("/v1/events/{}/proof", text(&revealed, "event")?);
            let made = Instant::now();
            // What was made before the end is waited for beyond it: the last one may be the longest.
            while self.proof(&proof)?.is_none() {
                if made.elapsed() > PATIENCE {
                    return Err(Error::Server(format!("could not prove an event in {PATIENCE:?}")));
                }
                let _ = never.recv_timeout(PAUSE);
            }
            longest = longest.max(made.elapsed());
            if ended.try_recv() == Err(TryRecvError::Disconnected) {
                return Ok(longest);
            }
        }
    }

    /// Nothing as long as no checkpoint covers the event.
    fn proof(&mut self, path: &str) -> Result<Option<Value>> {
        match self.auditor.ask("GET", path, None)? {
            (200, proof) => Ok(Some(proof)),
            (409, _) => Ok(None),
            (status, said) => Err(Error::Server(format!("answered GET {path} with {status}: {said}"))),
        }
    }
}
