//! What a user would have instead: plain tables, pgcrypto columns, and plain SQLite.
//!
//! They hold the same customers and are asked for the same things, on the same machine, minutes apart. Each baseline is
//! given its best honest form: prepared statements, one round trip per operation, no HTTP, no policy, no key of a
//! customer's own. A baseline must never be made slower to make a ratio better.

mod postgres;
mod sqlite;

pub(crate) use postgres::{Cluster, Postgres};
pub(crate) use sqlite::Sqlite;
