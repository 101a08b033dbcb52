//! The ledger, from outside.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops"
)]

mod growth;
mod naive;
mod oracle;
mod proofs;
mod rows;
mod tiles;
mod vectors;
mod verify;
