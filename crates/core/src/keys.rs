//! The vault's own keys: the seals around the keyring, and what replaces a key by a new one. People's keys are the vault's
//! (`vault::keys`); here is what wraps them, and the work of exchanging either with everything else going on.

mod data;
mod drill;
mod kek;
mod roots;
pub(crate) mod seals;
mod shares;
mod status;

pub use data::{Resealed, RotateDataKeys};
pub use drill::{BeginDrill, Drill, FinishDrill};
pub use kek::{Rewrapped, RotateKek};
pub use seals::{Primary, Recovery, SealRole, SealState, SealingError, Slot};
pub use shares::{SHARES, SealedShares};
pub use status::{KeyCounts, KeyStatus, ReadKeys};

pub(crate) use data::{DataKeys, generation};
pub(crate) use kek::Kek;
pub(crate) use status::kek_due;

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        data::STATEMENTS,
        drill::STATEMENTS,
        kek::STATEMENTS,
        roots::STATEMENTS,
        seals::STATEMENTS,
        status::STATEMENTS,
    ]
    .concat()
}
