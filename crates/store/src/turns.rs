//! Which groups of writes are under way: for whoever has to know that everything that had begun at a moment has come to its
//! end, because what it wrote must not be overlooked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// See the module.
#[derive(Debug)]
pub(crate) struct Turns {
    /// One for each writer: how many groups it has begun and ended, so that it is odd while one is under way.
    writers: Mutex<Vec<u64>>,
    ended: Condvar,
    unknown: AtomicU64,
}

impl Turns {
    pub(crate) fn new(writers: usize) -> Self {
        Self { writers: Mutex::new(vec![0; writers]), ended: Condvar::new(), unknown: AtomicU64::new(0) }
    }

    /// A writer begins a group, before it runs the first operation of it.
    pub(crate) fn begin(&self, writer: usize) {
        self.step(writer);
    }

    /// A writer has ended its group: all of it is committed or undone.
    pub(crate) fn end(&self, writer: usize) {
        self.step(writer);
        self.ended.notify_all();
    }

    /// A commit was sent and never answered: it may yet come.
    pub(crate) fn lost_sight(&self) {
        self.unknown.fetch_add(1, Ordering::AcqRel);
    }

    /// How often that was.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Acquire)
    }

    /// Waits until each group that is under way now has ended. False when one has not within `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let before = self.lock().clone();
        self.wait_since(&before, limit)
    }

    fn wait_since(&self, before: &[u64], limit: Duration) -> bool {
        let under_way = |now: &[u64]| {
            let mut pairs = before.iter().zip(now);
            pairs.any(|(before, now)| before % 2 == 1 && before == now)
        };
        let (_writers, timeout) = self
            .ended
            .wait_timeout_while(self.lock(), limit, |now| under_way(now))
            .unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    fn step(&self, writer: usize) {
        if let Some(count) = self.lock().get_mut(writer) {
            *count += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn only_what_is_under_way_is_waited_for() {
        const BRIEFLY: Duration = Duration::from_millis(1);
        let turns = Arc::new(Turns::new(2));
        assert!(turns.wait(BRIEFLY), "nobody is at work");
        turns.begin(0);
        let before = turns.lock().clone();
        assert!(!turns.wait_since(&before, BRIEFLY));
        let waiting = Arc::clone(&turns);
        let since = before.clone();
        let waiter = std::thread::spawn(move || waiting.wait_since(&since, Duration::from_secs(60)));
        // Who comes later does not matter.
        turns.begin(1);
        turns.end(0);
        turns.begin(0);
        assert!(waiter.join().expect("no panic"));
        assert!(turns.wait_since(&before, BRIEFLY) && !turns.wait(BRIEFLY));
    }
}
