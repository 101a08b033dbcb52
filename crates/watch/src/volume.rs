//! R4 and R5: how many.
//!
//! ```text
//! z    (k - b mean) / sqrt(max(b^2 variance, b mean, 1))         k distinct people today; b how busy the team is, at least 1
//! R4   max( 0.7 s(2 (z - 4)),
//!           0.8 s(0.3 (n10 - 35)),                               n10 distinct people within ten minutes
//!           0.9 from eight steps along the row of ids )          steps of at most two, without a case
//! R5   s(1.6 (u_z - 4.5)), weight 0.85                           u distinct people, weighted by their largest t of the day
//! ```
//! Who is about to leave has 0.7 of each limit: 4, 35, 8 and 4.5.
//!
//! `b` is the mean over the others of the team at work of how many times their usual number they have opened,
//! each at most 4, less what chance makes of so few of them: 0.5 divided by the root of their number. With
//! fewer than three others it is 1.

use crate::rule::{Rule, Values};
use crate::statistics::logistic;
use crate::thresholds::Volume;

/// The daily part of R4.
pub(crate) fn daily(z: f64, limits: f64, thresholds: &Volume) -> f64 {
    thresholds.daily_weight * logistic(thresholds.daily_slope * (z - limits * thresholds.daily_z))
}

/// The part of R4 of ten minutes.
pub(crate) fn burst(count: f64, limits: f64, thresholds: &Volume) -> f64 {
    thresholds.burst_weight * logistic(thresholds.burst_slope * (count - limits * thresholds.burst_count))
}

/// The part of R4 of the row of ids.
pub(crate) fn row(steps: u32, limits: f64, thresholds: &Volume) -> f64 {
    if f64::from(steps) >= limits * thresholds.neighbours { thresholds.neighbours_value } else { 0.0 }
}

/// R5.
pub(crate) fn untied(untied_z: f64, limits: f64, thresholds: &Volume) -> f64 {
    logistic(thresholds.untied_slope * (untied_z - limits * thresholds.untied_z))
}

/// What the counts of a day say.
pub(crate) fn judge_day(
    z: f64,
    untied_z: f64,
    steps: u32,
    limits: f64,
    thresholds: &Volume,
    values: &mut Values,
) {
    values.raise(Rule::Bulk, daily(z, limits, thresholds));
    values.raise(Rule::Bulk, row(steps, limits, thresholds));
    values.raise(Rule::Untied, untied(untied_z, limits, thresholds));
}
