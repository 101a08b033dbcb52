//! What a server does without being asked. Once an hour it lets go of what nobody may need any longer; and within a second it
//! goes on with a rotation of keys that was begun, now or before a crash. One thread, whose work is operations in the store
//! like any other; it ends before the vault is closed.
//!
//! A round that fails is logged and tried again an hour later. Nothing may depend on a round having taken place: what has
//! expired is ignored from its moment on, whether it is still stored or not.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use avouch_core::app::App;
use avouch_core::vault::Rotated;

const PAUSE: Duration = Duration::from_secs(3600);
/// Between two looks for a rotation: a look costs nothing.
const TICK: Duration = Duration::from_secs(1);

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
            let mut last = Instant::now();
            loop {
                if app.rotation_pending() {
                    rotate(&app, || stopped.try_recv() == Err(TryRecvError::Empty));
                }
                if last.elapsed() >= PAUSE {
                    round(&app);
                    last = Instant::now();
                }
                // Nothing is ever sent: either the time is up, or the other end is gone.
                if stopped.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                if let Err(error) = app.forget_destroyed_keys() {
                    tracing::error!(%error, "keys that were destroyed are still in memory");
                }
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

fn rotate(app: &Arc<App>, go_on: impl Fn() -> bool) {
    match app.finish_rotation(go_on) {
        Ok(Some(Rotated { rewrapped, destroyed, damaged })) => {
            tracing::info!(rewrapped, destroyed, damaged, "key-encryption keys were rotated");
        }
        Ok(None) => tracing::info!("a rotation of key-encryption keys goes on at the next start"),
        Err(error) => tracing::warn!(%error, "a rotation of key-encryption keys failed and is gone on with"),
    }
}
