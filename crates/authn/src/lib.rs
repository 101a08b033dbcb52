#![doc = include_str!("../README.md")]

pub mod atlas;
pub mod breached;
pub mod certificate;
mod error;
pub mod jwt;
pub mod passkey;
pub mod password;
pub mod recovery;
pub mod totp;

pub use error::Error;
