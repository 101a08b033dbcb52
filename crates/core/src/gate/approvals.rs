//! What somebody may do only when others have agreed: asking, agreeing, and using what was agreed to.
//!
//! A request names one act: which approval of the charter, which action, on whom, for which purpose, with which fields. When all
//! approvers that the charter asks for have agreed, it holds for that act and no other, for its time and its number of customers. The
//! count is taken in the transaction of the act itself.
//!
//! Nobody agrees to their own request, nor does somebody who reports to them, nor another account of the same person, nor whoever it is
//! about. An account that was suspended, and a role that was taken away, count no more: what holds is looked at when it is used.

mod ask;
mod list;
mod live;
mod record;
mod vote;

pub(crate) use ask::ask_for_draft;
pub use ask::{AskApproval, CancelApproval, Scope};
pub use list::{ApprovalPage, ApprovalShown, ReadApproval, ReadApprovalWork, ReadApprovals, VoteShown};
pub(crate) use live::{Act, ApprovalChange, Approvals, left, people, use_up};
pub use record::State as ApprovalState;
pub(crate) use record::{cancel_all, cancel_these, forget, state_of, sweep};
pub use vote::Vote;
pub(crate) use vote::{nobody_else, reports_to, same_person};

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [record::STATEMENTS, live::STATEMENTS].concat()
}
