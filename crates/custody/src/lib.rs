#![doc = include_str!("../README.md")]

mod blob;
mod link;
mod pkcs11;
mod transit;
mod trial;

pub use link::Reach;
pub use pkcs11::{KeyName, Pkcs11Seal, Pkcs11Settings};
pub use transit::{TransitSeal, TransitSettings};
