#![doc = include_str!("../README.md")]

pub mod backup;
mod bytes;
pub mod credential;
mod derive;
mod ed25519;
mod error;
pub mod ff1;
pub mod format;
pub mod index;
mod key;
pub mod keyring;
pub mod labels;
pub mod pae;
mod random;
pub mod root;
mod text;
pub mod token;
pub mod transit;
pub mod vault;
pub mod xaes;

pub use error::{Error, Result};
pub use key::{Key, VaultId};
pub use random::{DrawnAhead, SecureRandom, SystemRandom};
