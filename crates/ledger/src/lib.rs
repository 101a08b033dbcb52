#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod checkpoint;
mod error;
pub mod growth;
pub mod hash;
pub mod proof;
pub mod prove;
mod text;
pub mod tile;
pub mod tree;
pub mod verify;

pub use error::{Error, Result};
