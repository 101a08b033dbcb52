//! What can go wrong, by who can do something about it.

/// What can go wrong in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Text or bytes that do not have the form of what they claim to be; says of what.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// Everything has its form, and a hash or a signature is not what it must be; says of what.
    #[error("{0} is not genuine: it was altered, or belongs to something else")]
    Forged(&'static str),
    /// It may well be genuine, but no key that is trusted here has signed it.
    #[error("no signature on the note is of a key that is trusted here")]
    Unsigned,
    /// The log has signed it, and not as many witnesses as the policy wants.
    #[error("the log has signed it, and not enough of the witnesses that the policy wants")]
    Unwitnessed,
    /// A parameter outside what is allowed; says which.
    #[error("refused parameters: {0}")]
    Parameters(&'static str),
    /// The cryptographic provider refused an operation that must succeed; memory is exhausted or the build is broken.
    #[error("the cryptographic provider failed")]
    Provider,
}

/// The result of anything here that can fail.
pub type Result<T, E = Error> = core::result::Result<T, E>;
