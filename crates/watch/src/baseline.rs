//! What is usual for one actor, from their days at work and their team's.
//!
//! A day is compared with `w` parts of the actor's own days and `1 - w` of the team's, `w = n / (n + 5)`
//! after `n` days. Counts of untied people are kept twice: as they were when the day ended, and as they were
//! after what came later was known. Each day is compared with days seen the same way, or everybody would look
//! guilty until their cases are logged.

use minicbor::{Decode, Encode};

use crate::judgement::View;
use crate::statistics::Ewma;
use crate::thresholds::Thresholds;

/// Learnt from an actor's days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Baseline {
    /// Distinct people a day.
    #[n(0)]
    pub(crate) opened: Ewma,
    /// Distinct untied people a day.
    #[n(1)]
    pub(crate) untied: Untied,
    /// The sums of R11.
    #[n(2)]
    pub(crate) slow: Twice,
    /// The sum of R12.
    #[n(3)]
    pub(crate) drift: f64,
    /// Days learnt.
    #[n(4)]
    pub(crate) days: u32,
    /// Days learnt of untied people as the days ended.
    #[n(5)]
    pub(crate) days_at_once: u32,
}

/// Seen at once, and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Untied {
    #[n(0)]
    pub(crate) at_once: Ewma,
    #[n(1)]
    pub(crate) again: Ewma,
}

impl Untied {
    const fn of(&self, view: View) -> &Ewma {
        match view {
            View::AtOnce => &self.at_once,
            View::Again => &self.again,
        }
    }
}

/// A number seen at once, and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Twice {
    #[n(0)]
    pub(crate) at_once: f64,
    #[n(1)]
    pub(crate) again: f64,
}

impl Twice {
    pub(crate) const fn of(&self, view: View) -> f64 {
        match view {
            View::AtOnce => self.at_once,
            View::Again => self.again,
        }
    }
}

/// What a team tells about a day of somebody who is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Prior {
    #[n(0)]
    pub(crate) opened: Ewma,
    /// Which share of them is untied.
    #[n(1)]
    pub(crate) share: Twice,
    /// The variance of untied people a day.
    #[n(2)]
    pub(crate) variance: Twice,
}

/// What a day is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usual {
    pub(crate) opened: Ewma,
    pub(crate) untied: Ewma,
}

impl Baseline {
    /// Mixed with what the team tells.
    pub(crate) fn usual(&self, prior: &Prior, view: View, thresholds: &Thresholds) -> Usual {
        let weight = |days: u32| {
            let days = f64::from(days);
            days / (days + thresholds.learning.shrink).max(f64::MIN_POSITIVE)
        };
        let opened = self.opened.mixed(weight(self.days), &prior.opened);
        let (own, days) = (self.untied.of(view), self.days_of(view));
        let of_team = Ewma { mean: prior.share.of(view) * opened.mean, variance: prior.variance.of(view) };
        Usual { opened, untied: own.mixed(weight(days), &of_team) }
    }

    /// Days that were learnt of untied people.
    pub(crate) const fn days_of(&self, view: View) -> u32 {
        match view {
            View::AtOnce => self.days_at_once,
            View::Again => self.days,
        }
    }

    pub(crate) fn is_sound(&self, thresholds: &Thresholds) -> bool {
        let sums = [self.slow.at_once, self.slow.again, self.drift];
        [self.opened, self.untied.at_once, self.untied.again].iter().all(Ewma::is_sound)
            && sums.iter().all(|sum| (0.0..=thresholds.pattern.most).contains(sum))
    }
}

impl Prior {
    pub(crate) fn is_sound(&self) -> bool {
        let shares = [self.share.at_once, self.share.again];
        let variances = [self.variance.at_once, self.variance.again];
        self.opened.is_sound()
            && shares.iter().all(|share| (0.0..=1.0).contains(share))
            && variances.iter().copied().all(crate::statistics::is_count)
    }
}
