#![doc = include_str!("../README.md")]

mod blob;
mod pkcs11;
mod trial;

pub use pkcs11::{KeyName, Pkcs11Seal, Pkcs11Settings};
