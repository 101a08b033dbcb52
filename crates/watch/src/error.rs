//! What can be wrong with what is given. Nothing here repeats it.

use thiserror::Error;

/// What can be wrong with what is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A parameter that no rule can be computed with.
    #[error(
        "the threshold `{0}` is out of range: give a number that is not negative, and bounds of at least 1"
    )]
    Thresholds(&'static str),
    /// Bytes that are no snapshot of this version.
    #[error("this is no snapshot of what is usual for somebody: let it be learnt anew")]
    Malformed,
}

/// `Result` of this crate.
pub type Result<T, E = Error> = core::result::Result<T, E>;
