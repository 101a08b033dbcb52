//! R10: records that are nobody's.
//!
//! ```text
//! R10   1
//! ```
//! Whatever the tie, and masked or not: no case leads there, so whoever made one has made it up. Nothing
//! takes it back.

use crate::rule::{Rule, Values};
use crate::visit::{Marks, Visit};

pub(crate) fn judge(visit: &Visit, values: &mut Values) {
    if visit.marks.has(Marks::HONEY) {
        values.raise(Rule::Honey, 1.0);
    }
}
