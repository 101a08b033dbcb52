//! R6 to R8: when, where and from what.
//!
//! ```text
//! R6   0.3 t s(1.2 (-log2 p(hour) - 8))        0.75 from four such visits a day, weighted by t
//! R7   0.1 t s(1.5 (-log2 p(segment) - 5))
//! R8   0.2 t from a new device or session      0.8 from ten such visits a day, weighted by t
//! ```
//! An hour is one of 24 of a working day or 24 of a weekend. `p` is of the actor's own days, mixed with the
//! team's; what a person does tonight is not usual tonight: a day is learnt when it is over.

use crate::rule::{Rule, Values};
use crate::statistics::logistic;
use crate::thresholds::Context;
use crate::visit::{Marks, Visit};

/// `s(...)` of R6 for an hour of so many bits.
pub(crate) fn hour(bits: f64, thresholds: &Context) -> f64 {
    logistic(thresholds.hour_slope * (bits - thresholds.hour_bits))
}

/// `s(...)` of R7 for a portfolio of so many bits.
pub(crate) fn segment(bits: f64, thresholds: &Context) -> f64 {
    logistic(thresholds.segment_slope * (bits - thresholds.segment_bits))
}

pub(crate) fn judge(visit: &Visit, thresholds: &Context, values: &mut Values) {
    let weight = visit.tie.t() * visit.shown;
    values.raise(Rule::OffHours, weight * thresholds.hour_weight * visit.hour);
    values.raise(Rule::Segment, weight * thresholds.segment_weight * visit.segment);
    if visit.marks.has(Marks::NEW_SESSION) {
        values.raise(Rule::Session, weight * thresholds.session_weight);
    }
}

/// What the counts of a day say; `off_hours` and `new_session` are sums of `t` over visits.
pub(crate) fn judge_day(off_hours: f64, new_session: f64, thresholds: &Context, values: &mut Values) {
    if off_hours >= thresholds.hours_count {
        values.raise(Rule::OffHours, thresholds.hours_value);
    }
    if new_session >= thresholds.session_count {
        values.raise(Rule::Session, thresholds.session_value);
    }
}
