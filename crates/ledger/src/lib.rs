#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod checkpoint;
mod ed25519;
mod error;
pub mod evidence;
pub mod growth;
pub mod hash;
mod mldsa;
#[cfg(test)]
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
