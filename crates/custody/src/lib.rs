#![doc = include_str!("../README.md")]

mod aws_kms;
mod blob;
mod link;
mod pkcs11;
mod transit;
mod trial;

pub use aws_kms::{AwsKmsSeal, AwsKmsSettings, Credentials};
pub use link::Reach;
pub use pkcs11::{KeyName, Pkcs11Seal, Pkcs11Settings, close_modules};
pub use transit::{TransitSeal, TransitSettings};
