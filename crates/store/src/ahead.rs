//! Reading ahead. What an operation is certain to ask can be said before it runs: PostgreSQL is then asked for a whole group
//! in one round trip, and the queries of the operations themselves are answered from that. An embedded engine has nothing to
//! gain and never looks.
//!
//! It changes no outcome: the reads are in the transaction of the operation, and a write of the same transaction that could
//! touch what was read makes it forgotten ([`Scope`](crate::Scope)).

use crate::value::Owned;
use crate::{Param, Statement};

/// A query that an operation will ask.
#[derive(Debug, Clone)]
pub struct Ahead {
    pub(crate) statement: &'static Statement,
    pub(crate) params: Vec<Owned>,
}

impl Ahead {
    /// `statement` with `params`, exactly as it will be asked.
    #[must_use]
    pub fn new(statement: &'static Statement, params: &[Param<'_>]) -> Self {
        Self { statement, params: params.iter().map(Owned::from).collect() }
    }

    pub(crate) fn is(&self, statement: &'static Statement, params: &[Param<'_>]) -> bool {
        core::ptr::eq(self.statement, statement)
            && self.params.len() == params.len()
            && self.params.iter().zip(params).all(|(own, param)| own == param)
    }
}
