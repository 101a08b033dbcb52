#![doc = include_str!("../README.md")]

pub mod app;
pub mod audit;
pub mod backup;
pub mod charters;
pub mod clock;
mod debt;
pub mod erasure;
mod error;
pub mod gate;
mod ids;
pub mod indexes;
pub mod keys;
pub mod ledger;
pub mod outbox;
mod rules;
mod schema;
pub mod transit;
pub mod vault;
pub mod watch;

pub use avouch_policy::{Action, KeyClass, Need, ProofNeed, View};
pub use error::{Error, Fault, Held, Refusal};
pub use ids::{
    AlarmId, ApprovalId, AuthenticatorId, CaseId, CredentialId, DraftId, EventId, GlassId, GroupId, HoldId,
    ImportId, LinkId, MessageId, PrincipalId, SessionId, SubjectId, TieId, TokenId,
};
pub use rules::{Problems, Rules};
pub use schema::MIGRATIONS;

/// Every statement of the crate, for the test that prepares them all on both engines.
#[must_use]
pub fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        app::opening::STATEMENTS.to_vec(),
        app::statements(),
        audit::STATEMENTS.to_vec(),
        audit::disclosures::STATEMENTS.to_vec(),
        audit::read::STATEMENTS.to_vec(),
        audit::search::STATEMENTS.to_vec(),
        audit::siem::STATEMENTS.to_vec(),
        backup::statements(),
        charters::statements(),
        erasure::statements(),
        gate::statements(),
        indexes::statements(),
        keys::statements(),
        ledger::statements(),
        outbox::STATEMENTS.to_vec(),
        transit::statements(),
        vault::statements(),
        watch::statements(),
    ]
    .concat()
}
