//! The program as its users meet it: commands are run, output is read, files are looked at. Nothing of it is called from
//! the inside.

// A test stops when it cannot do its work, and so do the functions that help it.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod alarms;
mod backup;
mod break_glass;
mod browser;
mod charter;
mod completions;
mod config;
mod crash;
mod demo;
mod doctor;
mod erasures;
mod events;
mod housekeeping;
mod import;
mod init;
mod ledger;
mod made_copy;
mod memory;
mod namespaces;
mod network;
mod process;
mod program;
mod scim;
mod seals;
mod serve;
mod sessions;
mod siem;
mod transit;
mod unsafe_settings;
mod witness;
