//! The ledger, from outside.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops"
)]

mod growth;
mod naive;
mod proofs;
mod tiles;
mod verify;
