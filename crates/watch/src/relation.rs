//! R1 to R3: who the customer is to whoever looks.
//!
//! ```text
//! R1   0.75 t                                  a colleague;   0.75 whatever the tie, one's own record
//! R2   t (0.55 + 0.15 (min(n, 4) - 1))         a VIP, for who is not of their desk; n untied actors on that customer that day
//! R3   0.95 max(t, 0.5)                        the same household;   0.25 t   the same rare surname
//! ```
//! Each is multiplied by 0.7 where nothing was shown but masked. One's own record is no household of its own:
//! R1 has it.

use crate::rule::{Rule, Values};
use crate::thresholds::Relation;
use crate::visit::{Marks, Visit};

pub(crate) fn judge(visit: &Visit, thresholds: &Relation, values: &mut Values) {
    let (t, marks, shown) = (visit.tie.t(), visit.marks, visit.shown);
    if marks.has(Marks::OWN) {
        values.raise(Rule::Colleague, shown * thresholds.colleague);
    } else {
        if marks.has(Marks::STAFF) {
            values.raise(Rule::Colleague, shown * thresholds.colleague * t);
        }
        if marks.has(Marks::HOUSEHOLD) {
            values.raise(Rule::Household, shown * thresholds.household * t.max(thresholds.household_least));
        }
        if marks.has(Marks::SURNAME) {
            values.raise(Rule::Household, shown * thresholds.surname * t);
        }
    }
    if marks.has(Marks::VIP) {
        let others = visit.onlookers.min(thresholds.vip_most).saturating_sub(1);
        values.raise(Rule::Vip, shown * t * (thresholds.vip + thresholds.vip_each * f64::from(others)));
    }
}
