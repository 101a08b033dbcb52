//! When to try again, and how long to wait before. Waits double from 50 ms to 2 s and are jittered, so that many clients of a server that
//! comes back do not come back in step.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Whether carrying out a call twice is the same as once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It is; a broken connection may be tried again.
    Safe,
    /// It is not, or would stand in the record twice.
    Once,
}

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// One call's tries.
pub(crate) struct Tries<'a> {
    until: Instant,
    next: Duration,
    jitter: &'a Jitter,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(patience: Duration, jitter: &'a Jitter) -> Self {
        Self { until: Instant::now() + patience, next: FIRST, jitter }
    }

    /// Waits before the next try, at least `asked`. False, at once, if that would be past the call's patience.
    pub(crate) fn wait(&mut self, asked: Option<Duration>) -> bool {
        let wait = self.jitter.spread(self.next).max(asked.unwrap_or_default());
        self.next = (self.next * 2).min(LONGEST);
        let now = Instant::now();
        let wake = now + wait;
        if wake > self.until {
            return false;
        }
        let mut left = wait;
        while !left.is_zero() {
            thread::park_timeout(left);
            left = wake.saturating_duration_since(Instant::now());
        }
        true
    }
}

/// splitmix64 (Steele, Lea, Flood 2014): spreads waits, nothing else.
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Between half of `wait` and the whole of it.
    fn spread(&self, wait: Duration) -> Duration {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let sixteenth = u32::try_from(z % 9).unwrap_or_default();
        wait / 2 + wait / 16 * sixteenth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_between_half_and_whole() {
        let jitter = Jitter::new(1);
        let waits: Vec<_> = (0..100).map(|_| jitter.spread(Duration::from_millis(160))).collect();
        assert!(waits.iter().all(|wait| (80..=160).contains(&wait.as_millis())));
        assert!(waits.iter().any(|wait| wait.as_millis() < 100));
        assert!(waits.iter().any(|wait| wait.as_millis() > 140));
    }

    #[test]
    fn impatience_does_not_wait() {
        let jitter = Jitter::new(1);
        assert!(!Tries::new(Duration::ZERO, &jitter).wait(None));
        let started = Instant::now();
        assert!(!Tries::new(Duration::from_secs(1), &jitter).wait(Some(Duration::from_secs(30))));
        assert!(started.elapsed() < Duration::from_millis(500));
    }
}
