//! A thread's loop: take what waits, run it as one transaction, commit keys then data, answer. On trouble: run again,
//! one by one, on a new connection when the old one is gone, until the time cap.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::PostgresOptions;
use super::session::{self, Session};
use crate::engine::{Job, Verdict, run_caught};
use crate::store::Jobs;
use crate::{Error, Result, Tx};

/// The most operations in one transaction. Small, because they share its fate.
const GROUP_LIMIT: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Worker {
    runtime: Runtime,
    data: Session,
    keys: Session,
    options: PostgresOptions,
    queue: Jobs,
    read_only: bool,
    number: usize,
}

/// How one attempt at a group ended.
enum Attempt {
    /// Committed (or the error is final): answer everybody with this.
    Done(Result<()>),
    /// Rolled back; may be run again.
    Again(Error),
}

impl Worker {
    pub(super) fn connect(
        options: &PostgresOptions,
        queue: Jobs,
        read_only: bool,
        number: usize,
    ) -> Result<Self> {
        let runtime = session::runtime()?;
        let (data, keys) = sessions(&runtime, options, read_only)?;
        if number == 0 && !read_only {
            data.claim(&runtime)?;
        }
        Ok(Self { runtime, data, keys, options: options.clone(), queue, read_only, number })
    }

    pub(super) fn serve(mut self) {
        let mut group = Vec::new();
        while self.queue.take(&mut group, GROUP_LIMIT) {
            if group.len() > 1 && !self.try_together(&mut group) {
                tracing::debug!("a group is run again one by one");
            }
            for job in group.drain(..) {
                self.run_alone(job);
            }
        }
    }

    /// Runs the whole group in one transaction. Leaves the jobs in `group` when they should be run one by one.
    fn try_together(&mut self, group: &mut Vec<Box<dyn Job>>) -> bool {
        for job in group.iter_mut() {
            let mut tx = Tx::postgres(&self.runtime, &mut self.data, &mut self.keys);
            let verdict = run_caught(job.as_mut(), &mut tx);
            let clean_refusal = verdict == Some(Verdict::Undo) && !tx.dirty();
            let broken = self.data.failed() || self.keys.failed();
            if broken || !(verdict == Some(Verdict::Keep) || clean_refusal) {
                self.rollback();
                return false;
            }
        }
        match self.commit() {
            Attempt::Done(outcome) => {
                group.drain(..).for_each(|job| job.finish(outcome.clone()));
                true
            }
            Attempt::Again(_) => false,
        }
    }

    fn run_alone(&mut self, mut job: Box<dyn Job>) {
        let started = Instant::now();
        let mut attempt = 0u32;
        loop {
            match self.attempt_alone(job.as_mut()) {
                Attempt::Done(outcome) => return job.finish(outcome),
                Attempt::Again(error) => {
                    let pause = pause(attempt, self.number);
                    if started.elapsed() + pause > self.options.retry_for || self.queue.pause(pause) {
                        let error = match error {
                            Error::Serialization => Error::Busy,
                            other => other,
                        };
                        return job.finish(Err(error));
                    }
                    attempt += 1;
                }
            }
        }
    }

    fn attempt_alone(&mut self, job: &mut dyn Job) -> Attempt {
        if (self.data.lost() || self.keys.lost())
            && let Err(error) = self.reconnect()
        {
            return Attempt::Again(error);
        }
        let mut tx = Tx::postgres(&self.runtime, &mut self.data, &mut self.keys);
        let verdict = run_caught(job, &mut tx);
        match verdict {
            None => {
                tracing::error!("an operation panicked; its writes were undone");
                self.rollback();
                Attempt::Done(Err(Error::Panicked))
            }
            Some(Verdict::Again) => {
                self.rollback();
                Attempt::Again(Error::Serialization)
            }
            Some(Verdict::Undo) => {
                let lost = self.data.lost() || self.keys.lost();
                self.rollback();
                if lost {
                    Attempt::Again(Error::Unavailable("the connection was lost".to_owned()))
                } else {
                    Attempt::Done(Ok(()))
                }
            }
            Some(Verdict::Keep) => self.commit(),
        }
    }

    /// INVARIANT: keys before data, as in SQLite. The data side's pending writes are sent before the keys are committed,
    /// so that most failures are known while both can still be undone.
    fn commit(&mut self) -> Attempt {
        if self.keys.touched()
            && self.data.touched()
            && let Err(error) = self.data.flush(&self.runtime)
        {
            self.rollback();
            return again_or_done(error);
        }
        let mut committed = Ok(());
        for session in [&mut self.keys, &mut self.data] {
            if committed.is_ok() && session.touched() {
                committed = session.commit(&self.runtime);
            }
        }
        match committed {
            Ok(()) => Attempt::Done(Ok(())),
            Err(error) => {
                self.rollback();
                again_or_done(error)
            }
        }
    }

    fn rollback(&mut self) {
        self.data.rollback(&self.runtime);
        self.keys.rollback(&self.runtime);
    }

    fn reconnect(&mut self) -> Result<()> {
        let unavailable = |error: Error| Error::Unavailable(error.to_string());
        (self.data, self.keys) =
            sessions(&self.runtime, &self.options, self.read_only).map_err(unavailable)?;
        if self.number == 0 && !self.read_only {
            self.data.claim(&self.runtime).map_err(unavailable)?;
        }
        tracing::info!("reconnected to the database");
        Ok(())
    }
}

fn sessions(runtime: &Runtime, options: &PostgresOptions, read_only: bool) -> Result<(Session, Session)> {
    let (data, keys) = if read_only {
        ("begin isolation level repeatable read read only", "begin isolation level repeatable read read only")
    } else {
        ("begin isolation level serializable", "begin isolation level read committed")
    };
    let data = Session::new(session::connect(runtime, &options.data)?, data);
    let keys = Session::new(session::connect(runtime, &options.keys)?, keys);
    Ok((data, keys))
}

fn again_or_done(error: Error) -> Attempt {
    match error {
        Error::Serialization => Attempt::Again(error),
        other => Attempt::Done(Err(other)),
    }
}

/// Grows with the attempts; the worker's number spreads those that collided.
fn pause(attempt: u32, worker: usize) -> Duration {
    let base = 1u64 << attempt.min(7);
    let spread = (worker as u64 * 7 + u64::from(attempt) * 3) % (base + 1);
    Duration::from_millis(base / 2 + spread)
}
