//! The shape of the house, kept by a test: who may know whom, what each manifest must say, which licences and sources
//! come in, and what no file may contain.
//!
//! Everything here reads `cargo metadata` and the files of the repository; nothing is built or run. A rule that names
//! something that does not exist fails too, so that no rule outlives what it guards.

mod arrows;
mod asvs;
mod attacks;
mod evidence;
mod licences;
mod manifests;
mod sources;
mod workspace;
