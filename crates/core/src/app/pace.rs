//! Long work in the background leaves the store to others half of the time: after each piece it rests as long as the piece took.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// See the module.
pub(crate) struct Pace {
    began: Instant,
    /// Nobody ever says anything; waiting for it is the rest.
    silence: (Sender<()>, Receiver<()>),
}

impl Pace {
    /// Before the first piece.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), silence: channel() }
    }

    /// After a piece, and before the next one.
    pub(crate) fn rest(&mut self) {
        let nothing = self.silence.1.recv_timeout(self.began.elapsed());
        debug_assert!(nothing.is_err());
        self.began = Instant::now();
    }
}
