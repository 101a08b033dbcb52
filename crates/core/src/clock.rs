//! Time is an argument: the binary gives the wall clock, tests give one they turn by hand.

/// Where the time comes from.
pub trait Clock: Send + Sync + core::fmt::Debug {
    /// Microseconds since 1970-01-01 UTC.
    fn now(&self) -> i64;
}

/// A clock for tests.
#[derive(Debug)]
pub struct ManualClock(core::sync::atomic::AtomicI64);

impl ManualClock {
    /// Stands at `micros`.
    #[must_use]
    pub const fn at(micros: i64) -> Self {
        Self(core::sync::atomic::AtomicI64::new(micros))
    }

    /// Moves on.
    pub fn advance(&self, by: core::time::Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, core::sync::atomic::Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        self.0.load(core::sync::atomic::Ordering::Relaxed)
    }
}
