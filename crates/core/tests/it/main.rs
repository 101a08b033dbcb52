//! The domain on both engines: the main job from end to end, and everything that must not work.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on stops")]

mod access;
mod agreement;
mod alarms;
mod answers;
mod approvals;
mod attackers;
mod backup;
mod bound_keys;
mod break_glass;
mod bulk;
mod charters;
mod crash;
mod credentials;
mod data_keys;
mod documents;
mod endings;
mod erasure;
mod events;
mod holds;
mod house;
mod imports;
mod indexes;
mod ledger;
mod log;
mod log_in;
mod log_kill;
mod people;
mod places;
mod policy;
mod policy_life;
mod provisioning;
mod quotas;
mod recognise;
mod residue;
mod rotation;
mod seals;
mod sent_codes;
mod services;
mod settled;
mod sign_on;
mod thief;
mod token_family;
mod tokens;
mod transit;
mod watching;
mod witnesses;

#[test]
fn the_wrong_thing_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
