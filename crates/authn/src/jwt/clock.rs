//! The time that statements are held against.

use super::{Error, Result};

/// Seconds that the clocks of two machines may differ by where nothing else is said.
pub const LEEWAY_SECONDS: u64 = 30;

/// More than this is not a difference of clocks.
const MOST_LEEWAY: u64 = 120;

/// The present, and how much the clock of whoever signed may differ from ours. All in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    now: u64,
    leeway: u64,
}

impl Clock {
    /// With a leeway that the operator has chosen; two minutes at most.
    #[must_use]
    pub const fn new(now_seconds: u64, leeway_seconds: u64) -> Self {
        let leeway = if leeway_seconds > MOST_LEEWAY { MOST_LEEWAY } else { leeway_seconds };
        Self { now: now_seconds, leeway }
    }

    /// With [`LEEWAY_SECONDS`].
    #[must_use]
    pub const fn at(now_seconds: u64) -> Self {
        Self::new(now_seconds, LEEWAY_SECONDS)
    }

    pub(crate) const fn now(self) -> u64 {
        self.now
    }

    pub(crate) const fn leeway(self) -> u64 {
        self.leeway
    }

    /// The first second at which something that expires at `exp` is refused.
    pub(crate) const fn end(self, exp: u64) -> u64 {
        exp.saturating_add(self.leeway)
    }

    /// Before the end of `exp`.
    pub(crate) const fn before_end(self, exp: u64) -> Result<()> {
        if self.now < self.end(exp) { Ok(()) } else { Err(Error::Expired("exp")) }
    }

    /// Not before `moment`, which stands in the member `name`.
    pub(crate) const fn not_before(self, moment: u64, name: &'static str) -> Result<()> {
        if moment <= self.now.saturating_add(self.leeway) { Ok(()) } else { Err(Error::NotYet(name)) }
    }

    /// At most `seconds` after `moment`, which stands in the member `name`.
    pub(crate) const fn within(self, moment: u64, seconds: u64, name: &'static str) -> Result<()> {
        if self.now <= moment.saturating_add(seconds).saturating_add(self.leeway) {
            Ok(())
        } else {
            Err(Error::Expired(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leeway_is_on_both_sides_and_ends_on_the_second() {
        let clock = Clock::new(1_000, 30);
        assert_eq!(clock.before_end(971), Ok(()));
        assert_eq!(clock.before_end(970), Err(Error::Expired("exp")));
        assert_eq!(clock.not_before(1_030, "nbf"), Ok(()));
        assert_eq!(clock.not_before(1_031, "nbf"), Err(Error::NotYet("nbf")));
        assert_eq!(clock.within(370, 600, "iat"), Ok(()));
        assert_eq!(clock.within(369, 600, "iat"), Err(Error::Expired("iat")));
    }

    #[test]
    fn nobody_makes_a_year_of_the_leeway_and_no_number_overflows() {
        assert_eq!(Clock::new(1_000, u64::MAX).before_end(880), Err(Error::Expired("exp")));
        assert_eq!(Clock::at(u64::MAX).not_before(u64::MAX, "nbf"), Ok(()));
        assert_eq!(Clock::at(5).before_end(u64::MAX), Ok(()));
    }
}
