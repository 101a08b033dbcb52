//! A thread's loop: take what waits, run it as one transaction, commit keys then data, answer. On trouble: run again,
//! one by one, on a new connection when the old one is gone, until the time cap.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::PostgresOptions;
use super::claim::{self, Claim, Standing};
use super::session::{self, Isolation, Session, Uncommitted};
use crate::engine::{Job, Verdict, ahead_caught, answer, run_caught};
use crate::store::Jobs;
use crate::turns::Turns;
use crate::{Error, Result, Side, Tx};

/// The most operations in one transaction. Small, because they share its fate.
const GROUP_LIMIT: usize = 32;

/// See the module.
#[derive(Debug)]
pub(super) struct Worker {
    runtime: Runtime,
    data: Session,
    keys: Session,
    options: PostgresOptions,
    queue: Jobs,
    /// None for a worker that only reads.
    claim: Option<Claim>,
    /// None as well.
    turns: Option<Arc<Turns>>,
    number: usize,
}

/// How one attempt at an operation ended.
enum Attempt {
    /// Committed (or the error is final): answer with this.
    Done(Result<()>),
    /// Rolled back; may be run again.
    Again(Error),
}

impl Worker {
    pub(super) fn connect(
        options: &PostgresOptions,
        queue: Jobs,
        writes: Option<(Claim, Arc<Turns>)>,
        number: usize,
    ) -> Result<Self> {
        let (claim, turns) = writes.unzip();
        let runtime = session::runtime()?;
        let (data, keys) = sessions(&runtime, options, claim.is_none(), number)?;
        Ok(Self { runtime, data, keys, options: options.clone(), queue, claim, turns, number })
    }

    pub(super) fn serve(mut self) {
        let mut group = Vec::new();
        while self.queue.take(&mut group, GROUP_LIMIT) {
            self.turns.iter().for_each(|turns| turns.begin(self.number));
            let apart: Vec<_> = group.extract_if(.., |job| job.apart()).collect();
            if !apart.is_empty() {
                apart.into_iter().for_each(|job| self.run_alone(job));
                self.data.isolate(Isolation::Serializable);
            }
            if group.len() > 1 && !self.try_together(&mut group) {
                tracing::debug!("a group is run again one by one");
            }
            for job in group.drain(..) {
                self.run_alone(job);
            }
            self.turns.iter().for_each(|turns| turns.end(self.number));
        }
    }

    /// Runs the whole group in one transaction. Leaves the jobs in `group` when they should be run one by one, because
    /// not all of them can be kept and nothing was.
    fn try_together(&mut self, group: &mut Vec<Box<dyn Job>>) -> bool {
        if self.standing() != Standing::Held || self.found_lost() {
            return false;
        }
        if self.read_ahead(group.iter().map(AsRef::as_ref)).is_err() {
            self.rollback();
            return false;
        }
        for job in group.iter_mut() {
            let mut tx = Tx::postgres(&self.runtime, &mut self.data, &mut self.keys);
            let verdict = run_caught(job.as_mut(), &mut tx);
            let clean_refusal = verdict == Some(Verdict::Undo) && !tx.dirty();
            if self.failure().is_some() || !(verdict == Some(Verdict::Keep) || clean_refusal) {
                self.rollback();
                return false;
            }
        }
        let outcome = match self.commit() {
            Ok(()) => Ok(()),
            Err(Uncommitted::Undone(_)) => return false,
            Err(Uncommitted::Unknown(message)) => Err(Error::Unknown(message)),
        };
        group.drain(..).for_each(|job| answer(job, outcome.clone()));
        true
    }

    fn read_ahead<'j>(&mut self, jobs: impl Iterator<Item = &'j (dyn Job + 'j)>) -> Result<()> {
        let mut wants = Vec::new();
        jobs.for_each(|job| ahead_caught(job, &mut wants));
        if wants.is_empty() {
            return Ok(());
        }
        Session::read_ahead(&self.runtime, &mut self.data, &mut self.keys, wants)
    }

    fn run_alone(&mut self, mut job: Box<dyn Job>) {
        let started = Instant::now();
        let mut attempt = 0u32;
        loop {
            match self.attempt_alone(job.as_mut()) {
                Attempt::Done(outcome) => return answer(job, outcome),
                Attempt::Again(error) => {
                    let pause = pause(attempt, self.number);
                    if started.elapsed() + pause > self.options.retry_for || self.queue.pause(pause) {
                        let error = match error {
                            Error::Serialization => Error::Busy,
                            other => other,
                        };
                        return answer(job, Err(error));
                    }
                    attempt += 1;
                }
            }
        }
    }

    fn attempt_alone(&mut self, job: &mut dyn Job) -> Attempt {
        if self.standing() != Standing::Held {
            return self.again_or_done(claim::fenced());
        }
        if self.found_lost()
            && let Err(error) = self.reconnect()
        {
            return Attempt::Again(error);
        }
        if job.apart() {
            self.data.isolate(Isolation::ReadCommitted);
        }
        if let Err(error) = self.read_ahead(core::iter::once(&*job)) {
            self.rollback();
            return self.again_or_done(error);
        }
        let mut tx = Tx::postgres(&self.runtime, &mut self.data, &mut self.keys);
        match run_caught(job, &mut tx) {
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
                let cause = self.failure();
                self.rollback();
                match cause.map(|error| self.again_or_done(error)) {
                    Some(again @ Attempt::Again(_)) => again,
                    // The closure's own error is the answer.
                    Some(Attempt::Done(_)) | None => Attempt::Done(Ok(())),
                }
            }
            Some(Verdict::Keep) => match self.commit() {
                Ok(()) => Attempt::Done(Ok(())),
                Err(Uncommitted::Undone(error)) => self.again_or_done(error),
                Err(Uncommitted::Unknown(message)) => Attempt::Done(Err(Error::Unknown(message))),
            },
        }
    }

    /// INVARIANT: keys before data, as in SQLite. The data side's pending writes are sent before the keys are committed,
    /// so that most failures are known while both can still be undone. When the data side fails after all, keys stay
    /// that nothing uses, and running the operation again is what its closure is written for.
    fn commit(&mut self) -> core::result::Result<(), Uncommitted> {
        let committed = self.try_commit();
        self.forget_ahead();
        if committed.is_err() {
            self.rollback();
        }
        match committed {
            // Nothing was written: what a reader's commit did does not matter.
            Err(Uncommitted::Unknown(message)) if self.claim.is_none() => {
                Err(Uncommitted::Undone(Error::Unavailable(message)))
            }
            Err(unknown @ Uncommitted::Unknown(_)) => {
                self.turns.iter().for_each(|turns| turns.lost_sight());
                Err(unknown)
            }
            other => other,
        }
    }

    fn try_commit(&mut self) -> core::result::Result<(), Uncommitted> {
        if self.standing() != Standing::Held {
            return Err(Uncommitted::Undone(claim::fenced()));
        }
        // A closure may have swallowed the error of a statement; the server has not.
        if let Some(error) = self.failure() {
            return Err(Uncommitted::Undone(error));
        }
        if self.keys.touched() && self.data.touched() {
            self.data.flush(&self.runtime).map_err(|error| match error {
                Error::Unknown(message) => Uncommitted::Unknown(message),
                other => Uncommitted::Undone(other),
            })?;
        }
        for session in [&mut self.keys, &mut self.data] {
            if session.touched() {
                session.commit(&self.runtime)?;
            }
        }
        Ok(())
    }

    fn rollback(&mut self) {
        self.forget_ahead();
        self.data.rollback(&self.runtime);
        self.keys.rollback(&self.runtime);
    }

    /// INVARIANT: nothing that was read ahead outlives its transaction, also on a side where none was begun.
    fn forget_ahead(&mut self) {
        self.data.forget_all();
        self.keys.forget_all();
    }

    fn failure(&self) -> Option<Error> {
        self.data.failure().or_else(|| self.keys.failure()).cloned()
    }

    fn found_lost(&self) -> bool {
        self.data.found_lost(&self.runtime) || self.keys.found_lost(&self.runtime)
    }

    fn standing(&self) -> Standing {
        self.claim.as_ref().map_or(Standing::Held, Claim::standing)
    }

    /// What to do about `error`, when it is certain that nothing was kept.
    fn again_or_done(&self, error: Error) -> Attempt {
        let passing = error.wants_retry()
            || self.data.lost()
            || self.keys.lost()
            || self.standing() == Standing::Doubtful;
        if passing && self.standing() != Standing::Taken {
            Attempt::Again(error)
        } else {
            Attempt::Done(Err(error))
        }
    }

    fn reconnect(&mut self) -> Result<()> {
        (self.data, self.keys) = sessions(&self.runtime, &self.options, self.claim.is_none(), self.number)
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        tracing::info!("reconnected to the database");
        Ok(())
    }
}

pub(super) fn sessions(
    runtime: &Runtime,
    options: &PostgresOptions,
    read_only: bool,
    number: usize,
) -> Result<(Session, Session)> {
    let (data, keys) = if read_only {
        (Isolation::Snapshot, Isolation::Snapshot)
    } else {
        (Isolation::Serializable, Isolation::ReadCommitted)
    };
    let session = |side, url: &str, isolation| {
        let client = session::connect(runtime, url)?;
        session::limit(runtime, &client, side, number)?;
        Ok(Session::new(client, isolation))
    };
    Ok((session(Side::Data, &options.data, data)?, session(Side::Keys, &options.keys, keys)?))
}

/// Grows with the attempts, and differs between workers by ever more: those that stopped each other, each waiting as long for
/// a lock of the other, would meet again otherwise. The first is short: most who collide do so once.
fn pause(attempt: u32, worker: usize) -> Duration {
    let base = if attempt == 0 { 1 } else { 8u64 << attempt.min(6) };
    Duration::from_millis(base / 2 + base * (worker as u64 % 8) / 8)
}
