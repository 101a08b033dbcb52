//! The gate: who is calling, what they ask, whether they may. Everything that shows or changes anything passes
//! `permit::decide` and carries the [`Permit`] it returns; there is no other way to get one.

mod access;
pub mod approvals;
pub mod break_glass;
mod caller;
pub mod explain;
mod intent;
mod key_names;
pub mod marks;
pub mod people;
mod permit;
pub mod principals;
pub mod provisioning;
mod quotas;
mod reason;
pub mod services;
mod ways_in;
pub mod work;

pub(crate) use access::kind_of;
pub use access::{Access, KeyRecord, PrincipalRecord, Status, login_name};
pub use caller::{Caller, Unauthenticated, unmapped};
pub use intent::{Intent, Reach, Shows};
pub(crate) use key_names::may_use;
pub use people::network;
pub use permit::{Permit, SubjectFacts};
pub(crate) use permit::{covered, decide, decide_approved, decide_behind, decide_past, most_rows};
pub(crate) use principals::note_acknowledged;
pub(crate) use quotas::{Quotas, Reservation};
pub use reason::Reason;

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        access::STATEMENTS.to_vec(),
        principals::statements(),
        people::statements(),
        provisioning::statements(),
        services::statements(),
        approvals::statements(),
        break_glass::statements(),
        work::STATEMENTS.to_vec(),
        marks::STATEMENTS.to_vec(),
        quotas::STATEMENTS.to_vec(),
    ]
    .concat()
}
