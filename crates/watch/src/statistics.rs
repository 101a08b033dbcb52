//! The arithmetic that the rules share. Every function gives a finite number for finite ones.

use minicbor::{Decode, Encode};

/// `s(x) = 1 / (1 + exp(-x))`.
pub(crate) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `z = (count - busy * mean) / sqrt(max(busy^2 * variance, busy * mean, least))`: how unusual a count is on
/// a day on which the team has `busy` times its usual work.
pub(crate) fn deviation(count: f64, usual: &Ewma, busy: f64, least: f64) -> f64 {
    let mean = busy * usual.mean;
    // A count of independent things varies as much as its mean, whatever few days have shown.
    let variance = (busy * busy * usual.variance).max(mean).max(least).max(f64::MIN_POSITIVE);
    (count - mean) / variance.sqrt()
}

/// Mean and variance that forget: of each value, `share` goes in.
///
/// ```text
/// d = x - mean;   mean += share * d;   variance = (1 - share) * (variance + share * d^2)
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Ewma {
    #[n(0)]
    pub(crate) mean: f64,
    #[n(1)]
    pub(crate) variance: f64,
}

impl Ewma {
    /// `share` is at least one part of all that were seen, so that the first values make a plain mean.
    pub(crate) fn learn(&mut self, value: f64, share: f64, seen: u32) {
        let share = share.max(1.0 / (f64::from(seen) + 1.0));
        let difference = value - self.mean;
        self.mean += share * difference;
        self.variance = (1.0 - share) * (self.variance + share * difference * difference);
    }

    /// `weight` of this, the rest of the other.
    pub(crate) fn mixed(&self, weight: f64, other: &Self) -> Self {
        let mix = |own: f64, other: f64| weight * own + (1.0 - weight) * other;
        Self { mean: mix(self.mean, other.mean), variance: mix(self.variance, other.variance) }
    }

    pub(crate) fn is_sound(&self) -> bool {
        is_count(self.mean) && is_count(self.variance)
    }
}

/// Whether a decoded number is one that counting could have led to.
pub(crate) fn is_count(number: f64) -> bool {
    (0.0..=1e18).contains(&number)
}

/// How often each of `N` things was seen, the long past less.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Histogram<const N: usize> {
    #[n(0)]
    counts: [f32; N],
    #[n(1)]
    total: f64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { counts: [0.0; N], total: 0.0 }
    }
}

impl<const N: usize> Histogram<N> {
    /// Adds a day.
    pub(crate) fn learn(&mut self, day: &[u16; N], keep: f64) {
        let mut total = 0.0;
        for (count, new) in self.counts.iter_mut().zip(day) {
            let kept = (f64::from(*count) * keep + f64::from(*new)).min(1e9);
            #[expect(clippy::cast_possible_truncation, reason = "half a digit of a count may go")]
            let narrow = kept as f32;
            *count = narrow;
            total += f64::from(narrow);
        }
        self.total = total;
    }

    /// `-log2 p`, in bits, where `p` mixes this with `mixed` looks of the team, and the team with one look of
    /// everything:
    ///
    /// ```text
    /// p_team = (team_i + 1) / (team + N);   p = (own_i + mixed * p_team) / (own + mixed)
    /// ```
    pub(crate) fn surprise(&self, at: usize, team: &Self, mixed: f64) -> f64 {
        let width = self.counts.len() as f64;
        let of_team = (team.count(at) + 1.0) / (team.total + width);
        let mixed = mixed.max(f64::MIN_POSITIVE);
        let own = (self.count(at) + mixed * of_team) / (self.total + mixed);
        -own.log2()
    }

    fn count(&self, at: usize) -> f64 {
        self.counts.get(at).copied().map_or(0.0, f64::from)
    }

    pub(crate) fn is_sound(&self) -> bool {
        is_count(self.total) && self.counts.iter().all(|count| is_count(f64::from(*count)))
    }
}

/// Counts one more of a day; a bin that is full stays so.
pub(crate) fn tally<const N: usize>(day: &mut [u16; N], at: usize) {
    if let Some(count) = day.get_mut(at) {
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logistic_function_at_known_places() {
        assert_eq!(logistic(0.0), 0.5);
        assert!((logistic(2.0) - 0.880_797_077_977_882).abs() < 1e-12);
        assert_eq!((logistic(f64::MAX), logistic(f64::MIN)), (1.0, 0.0));
    }

    #[test]
    fn the_first_values_make_a_plain_mean_and_later_ones_a_share() {
        let mut usual = Ewma::default();
        for (seen, value) in [2.0, 4.0, 9.0].into_iter().enumerate() {
            usual.learn(value, 0.05, u32::try_from(seen).unwrap());
        }
        // Mean 5, and the variance of the three values: (9 + 1 + 16) / 3.
        assert!((usual.mean - 5.0).abs() < 1e-12 && (usual.variance - 26.0 / 3.0).abs() < 1e-12);
        usual.learn(25.0, 0.05, 100);
        assert!((usual.mean - 6.0).abs() < 1e-12);
        assert!((usual.variance - 0.95 * (26.0 / 3.0 + 20.0)).abs() < 1e-12);
    }

    #[test]
    fn a_deviation_by_hand() {
        let usual = Ewma { mean: 16.0, variance: 4.0 };
        assert_eq!(deviation(24.0, &usual, 1.0, 1.0), 2.0, "no less than the mean: (24 - 16) / 4");
        let usual = Ewma { mean: 16.0, variance: 64.0 };
        assert_eq!(deviation(48.0, &usual, 2.0, 1.0), 1.0, "(48 - 32) / (2 * 8)");
        assert_eq!(deviation(3.0, &Ewma::default(), 1.0, 1.0), 3.0);
    }

    #[test]
    fn surprise_by_hand() {
        let (mut own, mut team) = (Histogram::<4>::default(), Histogram::<4>::default());
        // Nothing known: one of four, two bits.
        assert_eq!(own.surprise(3, &team, 20.0), 2.0);
        team.learn(&[12, 0, 0, 0], 1.0);
        own.learn(&[60, 0, 0, 0], 1.0);
        // p_team = 1/16; p = (20/16) / 80 = 1/64.
        assert_eq!(own.surprise(3, &team, 20.0), 6.0);
    }
}
