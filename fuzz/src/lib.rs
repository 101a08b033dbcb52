#![doc = include_str!("../README.md")]

use peak_alloc::PeakAlloc;

mod edits;
#[path = "../../crates/seal/tests/vectors/plain.rs"]
mod plain;
mod spelling;
mod targets;
mod vault;

pub use targets::{TARGETS, Target};

/// Counts what is allocated, for targets that hold their subject to a bound.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
