//! R9, R11 and R12: what shows only over days.
//!
//! ```text
//! R9    0.25 (d - 2), at most 0.9              d untied days of the two within thirty; only where t = 1
//! R11   s(0.9 (S - 7)), weight 0.8             S <- min(12, max(0, 0.97 S + clip(u_z) - 0.6)) at the end of each day at work
//! R12   s(0.9 (D - 8)), weight 0.6             D <- min(12, max(0, 0.97 D + clip(z) - 0.7))
//! ```
//! `clip` keeps within -3 and 3. Sums begin after ten days at work. During a day, the sums are as they would
//! be if it ended now. Who is about to leave has 0.7 of the limits 7 and 8.
//!
//! From a sum of 3 on, and after a day that is worth a prompt, nothing is learnt of what is usual: the
//! baseline is frozen. Somebody who takes a little more each week would otherwise move it along, and never be
//! unusual.

use crate::access::Tie;
use crate::rule::{Rule, Values};
use crate::statistics::logistic;
use crate::thresholds::Pattern;
use crate::visit::Visit;

pub(crate) fn judge(visit: &Visit, thresholds: &Pattern, values: &mut Values) {
    if visit.tie == Tie::None {
        let beyond = f64::from(visit.untied_days) - thresholds.stalking_free;
        values.raise(Rule::Stalking, (thresholds.stalking_each * beyond).min(thresholds.stalking_most));
    }
}

/// The sum of R11 after a day.
pub(crate) fn slow_after(sum: f64, untied_z: f64, thresholds: &Pattern) -> f64 {
    after(sum, untied_z, thresholds.slow_allowance, thresholds)
}

/// The sum of R12 after a day.
pub(crate) fn drift_after(sum: f64, z: f64, thresholds: &Pattern) -> f64 {
    after(sum, z, thresholds.drift_allowance, thresholds)
}

fn after(sum: f64, z: f64, allowance: f64, thresholds: &Pattern) -> f64 {
    let step = z.max(-thresholds.clip).min(thresholds.clip);
    (thresholds.keep * sum + step - allowance).max(0.0).min(thresholds.most)
}

/// R11.
pub(crate) fn slow(sum: f64, limits: f64, thresholds: &Pattern) -> f64 {
    logistic(thresholds.slope * (sum - limits * thresholds.slow_limit))
}

/// R12.
pub(crate) fn drift(sum: f64, limits: f64, thresholds: &Pattern) -> f64 {
    logistic(thresholds.slope * (sum - limits * thresholds.drift_limit))
}

/// What the sums of a day say.
pub(crate) fn judge_day(
    slow_sum: f64,
    drift_sum: f64,
    limits: f64,
    thresholds: &Pattern,
    values: &mut Values,
) {
    values.raise(Rule::Slow, slow(slow_sum, limits, thresholds));
    values.raise(Rule::Drift, drift(drift_sum, limits, thresholds));
}
