#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod checkpoint;
mod ed25519;
mod error;
pub mod growth;
pub mod hash;
mod mldsa;
pub mod note;
pub mod proof;
pub mod prove;
mod text;
pub mod tile;
pub mod tree;

pub use error::{Error, Result};
