#![doc = include_str!("../README.md")]

// A file of the tests that is used in here, too, knows this crate by its name.
#[cfg(test)]
extern crate self as avouch_ledger;

pub mod bundle;
pub mod checkpoint;
mod ed25519;
mod error;
pub mod evidence;
pub mod growth;
pub mod hash;
mod mldsa;
#[cfg(test)]
#[path = "../tests/it/naive.rs"]
mod naive;
pub mod note;
pub mod policy;
pub mod proof;
pub mod prove;
pub mod receipt;
mod text;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;

pub use error::{Error, Result};
