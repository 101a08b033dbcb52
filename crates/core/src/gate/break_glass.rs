//! Breaking the glass: for an hour, and a few customers, somebody looks without the word of others, because there is no time to ask for it.
//!
//! Whoever may do that holds a role of the charter that sleeps (`break_glass` in `roles.yaml`), by name and not by a shared account. It is
//! woken with a passkey that was shown within two minutes and a reason that says something; that rings at once, and opens a review. Behind
//! the glass policy sees `context.break_glass`: roles that sleep are awake, and whatever rule of the charter says so is lifted. No rule of
//! the house is: two factors, networks, lawful purposes, restricted customers, recipients; and nothing is done but look.
//!
//! An act is behind the glass only when it would be refused without. Its customers are counted in its own transaction, its event names
//! the glass, and so what was done is read from the events and from nothing else.
//!
//! A review is due in one working day, by somebody who is neither the one who looked nor reports to them. While one is overdue nobody in
//! the house breaks any glass: that is judged from the rows whenever somebody tries, so no job that did not run keeps it open.

mod day;
mod list;
mod live;
mod open;
mod record;
mod review;

pub use list::{GlassPage, GlassReview, GlassShown, GlassState, ReadGlass, ReadGlassWork, ReadGlasses};
pub(crate) use live::{GlassChange, Glasses};
pub use open::{CloseGlass, OpenGlass, Opened};
pub(crate) use record::{Behind, count, end_all, forget, of, sweep};
pub use review::{GlassOutcome, ReviewGlass};

/// The shortest reason, in characters: one that can be reviewed.
pub const LEAST_REASON: usize = 20;

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    record::STATEMENTS.to_vec()
}
