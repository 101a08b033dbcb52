//! The vault's own keys: the seals around the keyring, and what replaces a key by a new one. People's keys are the vault's
//! (`vault::keys`); here is what wraps them, and the work of exchanging either with everything else going on.

mod drill;
pub(crate) mod seals;
mod shares;

pub use drill::{BeginDrill, Drill, FinishDrill};
pub use seals::{Primary, Recovery, SealRole, SealState, SealingError, Slot};
pub use shares::{SHARES, SealedShares};

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [drill::STATEMENTS, seals::STATEMENTS].concat()
}
