#![doc = include_str!("../README.md")]

mod ahead;
mod engine;
mod error;
mod migrate;
mod postgres;
mod queue;
mod sqlite;
mod statement;
mod store;
mod turns;
mod tx;
mod value;

pub use ahead::Ahead;
pub use error::{Aborts, Error, Result};
pub use migrate::Migration;
pub use postgres::PostgresOptions;
pub use sqlite::SqliteOptions;
pub use statement::{Scope, Side, Statement, dollars};
pub use store::{Engine, Store, StoreStats};
pub use tx::Tx;
pub use value::{Param, Row};
