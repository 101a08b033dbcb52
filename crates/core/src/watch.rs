//! What must not go unnoticed: alarms, which somebody has to look at and close.

pub mod alarms;
pub(crate) mod partners;

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    alarms::STATEMENTS.to_vec()
}
