//! The server as its clients see it: real sockets, a real vault, the charter that we ship. One module for each concern.

mod access;
mod attackers;
mod bad_input;
mod break_glass;
mod canary;
mod client_address;
mod compat;
mod contract;
mod customers;
mod drafts;
mod erasures;
mod events;
mod files;
mod house;
mod keys;
mod ledger;
mod listeners;
mod login;
mod pathways;
mod rates;
mod scim;
mod services;
mod system;
mod tokens;
mod transit;
mod watch;
