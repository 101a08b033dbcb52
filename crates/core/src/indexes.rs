//! Blind indexes: keyed, truncated terms that lead from a value to the people who may have it. A term proves nothing: who
//! really has the value is decided after opening, in the same transaction, which is also how uniqueness is kept.
//!
//! Which indexes there are follows from the charter (`shape`). Each has a number, given once, a key of its own and a sealed
//! row that says what it is of and how far it is (`rows`). When the charter asks for another one, it is built in the
//! background while people are written and read (`build`): every write keeps it up from the moment it is there, searches
//! use it from the moment it is whole, and the one in whose place it comes goes only then.

mod build;
mod rows;
mod rule;
mod shape;
mod status;
mod table;

use crate::Error;

pub use build::Built;
pub use status::{IndexState, ReadIndexes};

pub(crate) use build::Indexing;
pub(crate) use rows::{Change, Maker, Rows, Stage, Stored, rekey};
pub(crate) use rule::{Holding, IndexRule, Kind};
pub(crate) use shape::wanted;
pub(crate) use table::{Term, ahead, candidates, put, remove, remove_all, remove_of};

/// What is answered when an index that is needed does not know of everybody yet.
pub(crate) const BEING_BUILT: Error =
    Error::Conflict("an index that this needs is still being built: try again later");

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [build::STATEMENTS, rows::STATEMENTS, status::STATEMENTS, table::STATEMENTS].concat()
}
