#![doc = include_str!("../README.md")]
// A test kit stops the test when it cannot do its work.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::missing_panics_doc)]

mod device;
mod engines;
mod program;
mod provider;

pub use device::Device;
pub use engines::{Address, Files, Kind, Place, open_at};
pub use program::{Program, Proof};
pub use provider::{Person, Provider};
