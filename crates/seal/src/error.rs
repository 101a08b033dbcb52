//! What can go wrong, by who can do something about it.
//!
//! A failed open is always [`Error::Tampered`]: whoever sends altered data learns that it was refused and
//! nothing more. No variant carries a value that was sealed, a key, or text that a caller sent.

/// What can go wrong in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sealed data, a wrapped key or a token did not open: altered, truncated, moved, or made under another
    /// key.
    #[error("sealed data does not open: it was altered, moved, or belongs to another key")]
    Tampered,
    /// The first byte names a cipher suite that this version does not know. Never treated as plaintext.
    #[error("sealed data names an unknown cipher suite")]
    UnknownSuite,
    /// A wrapped key names a key-encryption key that was not given, or was destroyed.
    #[error("no key-encryption key for epoch {0}")]
    UnknownEpoch(u32),
    /// Made by a version of a transit key that is not to be used any more.
    #[error(
        "version {0} of the key is below the lowest that still opens: lower that, or ask for the value anew"
    )]
    RetiredVersion(u32),
    /// Text or bytes that do not have the form of what they claim to be; says of what.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// This root seal did not make this blob: another key file, or another passphrase.
    #[error("this root seal is not the one that sealed the keyring")]
    WrongRoot,
    /// A parameter outside what is allowed; says which.
    #[error("refused parameters: {0}")]
    Parameters(&'static str),
    /// The random number generator failed.
    #[error("the random number generator failed")]
    Random,
    /// The cryptographic provider refused an operation that must succeed; memory is exhausted or the build is
    /// broken.
    #[error("the cryptographic provider failed")]
    Provider,
}

/// The result of anything here that can fail.
pub type Result<T> = core::result::Result<T, Error>;
