//! What both engines share: the job a caller hands over, and the verdict on one run of it.

use crate::{Aborts, Ahead, Error, Result, Tx};

/// A closure with its answer channel, with the types erased.
pub(crate) trait Job: Send {
    /// Says what the closure will ask.
    fn ahead(&self, wants: &mut Vec<Ahead>);
    /// See [`Store::write_apart`](crate::Store::write_apart).
    fn apart(&self) -> bool;
    /// Runs the closure once; may be called again.
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;
    /// Delivers the last run's result (`Ok`), or this error instead of it.
    fn finish(self: Box<Self>, outcome: Result<()>);
}

/// What the engine should do with a run's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Keep them.
    Keep,
    /// Undo them; the closure's own error is the answer.
    Undo,
    /// Undo them and run the closure again.
    Again,
}

/// The one implementation of [`Job`].
pub(crate) struct Work<T, E, A, F, D> {
    pub(crate) apart: bool,
    pub(crate) ahead: A,
    pub(crate) closure: F,
    pub(crate) done: D,
    pub(crate) result: Option<core::result::Result<T, E>>,
}

impl<T, E, A, F, D> Job for Work<T, E, A, F, D>
where
    T: Send,
    E: Aborts,
    A: Fn(&mut Vec<Ahead>) + Send,
    F: FnMut(&mut Tx<'_>) -> core::result::Result<T, E> + Send,
    D: FnOnce(core::result::Result<T, E>) + Send,
{
    fn ahead(&self, wants: &mut Vec<Ahead>) {
        (self.ahead)(wants);
    }

    fn apart(&self) -> bool {
        self.apart
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        let result = (self.closure)(tx);
        let verdict = match &result {
            Ok(_) => Verdict::Keep,
            Err(error) if error.store_error().is_some_and(Error::wants_retry) => Verdict::Again,
            Err(_) => Verdict::Undo,
        };
        self.result = Some(result);
        verdict
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        let Self { done, result, .. } = *self;
        done(match (outcome, result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(E::from(Error::Panicked)),
            (Err(error), _) => Err(E::from(error)),
        });
    }
}

/// Runs a job and turns a panic into `None`.
pub(crate) fn run_caught(job: &mut dyn Job, tx: &mut Tx<'_>) -> Option<Verdict> {
    // The closure owns what it captured and is answered with an error afterwards, so no broken invariant of it can be
    // seen again; the transaction is rolled back by the engine.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job.run(tx))).ok()
}

/// Asks a job what it will ask. One that panics has said nothing yet that would be missed: it asks when it runs.
pub(crate) fn ahead_caught(job: &dyn Job, wants: &mut Vec<Ahead>) {
    let before = wants.len();
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job.ahead(wants))).is_err() {
        wants.truncate(before);
        tracing::error!("an operation panicked when asked what it will ask");
    }
}

/// Delivers an answer. A caller's panic must not take the store's thread with it.
pub(crate) fn answer(job: Box<dyn Job>, outcome: Result<()>) {
    // Everything the job owned is consumed by the call, so nothing half-done is seen again.
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job.finish(outcome))).is_err() {
        tracing::error!("a caller panicked while it was answered; its operation stands as it ended");
    }
}
