//! The disk's thread: makes committed groups durable and only then answers them. SQLite itself syncs its log at each
//! commit, on the writer's thread, which could run the next group meanwhile; so the writer's connections leave it
//! (`synchronous=normal`: everything that corruption depends on is still synced, only the commit is not) and it is done
//! here, with `fdatasync` on the log.
//!
//! It must never answer a group as done before the sync that began after its commit has ended.

use std::fs::File;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::{Job, answer};
use crate::store::Jobs;
use crate::{Error, Result};

/// An operation that ran, and how it went.
pub(super) type Ran = (Box<dyn Job>, Result<()>);

/// See the module.
#[derive(Default)]
pub(super) struct Disk {
    state: Mutex<State>,
    handed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Ran>,
    busy: bool,
    closed: bool,
    broken: Option<Error>,
}

impl Disk {
    /// Whether a group that is committed now would be synced at once.
    pub(super) fn idle(&self) -> bool {
        let state = self.lock();
        !state.busy && state.waiting.is_empty()
    }

    /// Whether commits can still be made durable.
    pub(super) fn usable(&self) -> Result<()> {
        self.lock().broken.clone().map_or(Ok(()), Err)
    }

    /// A sync failed: the kernel may have dropped what it could not write, and a second sync would claim success. From
    /// now on nothing is done, until a new start has read what is really there.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        tracing::error!(%error, "the disk did not take what was written; nothing more is done until the next start");
        let error = Error::Unavailable(format!("a commit could not be made durable: {error}"));
        self.lock().broken.get_or_insert(error).clone()
    }

    /// Takes over a group: answered at once when it was not committed, after the next sync when it was.
    pub(super) fn settle(&self, ran: Vec<Ran>, committed: Result<()>) {
        if let Err(error) = committed {
            return finish(ran, &Err(error));
        }
        self.lock().waiting.extend(ran);
        self.handed.notify_one();
    }

    /// What is handed over from now on is still synced and answered, then the thread ends.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.handed.notify_one();
    }

    /// The thread: syncs `log` for all that waits, tells the writer that the disk is free, answers.
    pub(super) fn run(&self, log: &File, writes: &Jobs) {
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                if state.closed {
                    return;
                }
                state = self.handed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let ran = core::mem::take(&mut state.waiting);
            state.busy = true;
            let usable = state.broken.clone().map_or(Ok(()), Err);
            drop(state);
            let durable = usable.and_then(|()| log.sync_data().map_err(|error| self.failed(&error)));
            self.lock().busy = false;
            writes.nudge();
            finish(ran, &durable);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finish(ran: Vec<Ran>, durable: &Result<()>) {
    for (job, outcome) in ran {
        answer(job, durable.clone().and(outcome));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::Tx;
    use crate::engine::Verdict;
    use crate::queue::Queue;

    struct Asked(Sender<Result<()>>);

    impl Job for Asked {
        fn ahead(&self, _: &mut Vec<crate::Ahead>) {}

        fn apart(&self) -> bool {
            false
        }

        fn run(&mut self, _: &mut Tx<'_>) -> Verdict {
            Verdict::Keep
        }

        fn finish(self: Box<Self>, outcome: Result<()>) {
            self.0.send(outcome).expect("somebody waits");
        }
    }

    #[test]
    fn a_disk_that_does_not_sync_answers_nobody_as_done_and_takes_nothing_more() {
        // A pipe cannot be synced.
        let (_reader, writer) = std::io::pipe().expect("a pipe");
        let log = File::from(std::os::fd::OwnedFd::from(writer));
        let (disk, writes) = (Disk::default(), Arc::new(Queue::new(1)));
        let (sender, answers) = channel();
        disk.settle(vec![(Box::new(Asked(sender.clone())), Ok(()))], Ok(()));
        disk.settle(vec![(Box::new(Asked(sender)), Err(Error::Busy))], Err(Error::Panicked));
        disk.close();
        assert!(disk.usable().is_ok() && !disk.idle());
        disk.run(&log, &writes);
        assert_eq!(answers.recv(), Ok(Err(Error::Panicked)), "what was not committed does not wait");
        assert!(matches!(answers.recv(), Ok(Err(Error::Unavailable(_)))));
        assert!(matches!(disk.usable(), Err(Error::Unavailable(_))) && disk.idle());
    }
}
