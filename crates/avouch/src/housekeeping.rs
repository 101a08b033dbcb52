//! What a server does without being asked, once an hour: it lets go of what nobody may need any longer. One thread, whose
//! work is an operation in the store like any other; it ends before the vault is closed.
//!
//! A round that fails is logged and tried again an hour later. Nothing may depend on a round having taken place: what has
//! expired is ignored from its moment on, whether it is still stored or not.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use avouch_core::app::App;

const PAUSE: Duration = Duration::from_secs(3600);

/// The thread; it ends at [`stop`](Self::stop), or when this is dropped.
#[derive(Debug)]
pub(crate) struct Housekeeping {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Housekeeping {
    /// The first round is done when this returns: a server that is restarted every hour has one too, and none meets
    /// its first requests.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(app: Arc<App>) -> io::Result<Self> {
        round(&app);
        let (stop, stopped) = channel();
        let work = move || {
            // Nothing is ever sent: either the time is up, or the other end is gone.
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                round(&app);
            }
        };
        let thread = thread::Builder::new().name("housekeeping".to_owned()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Waits for a round that is under way, and ends.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("housekeeping panicked");
        }
    }
}

fn round(app: &Arc<App>) {
    match app.sweep() {
        Ok(forgotten) => tracing::debug!(forgotten, "outcomes kept for repeats have expired"),
        Err(error) => tracing::warn!(%error, "housekeeping failed; it is tried again in an hour"),
    }
}
