//! Why a proof is none. The texts are for the log; to the outside all of them are one answer.

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not in the form of such a proof.
    #[error("{0}")]
    Malformed(&'static str),
    /// In the form of one, and not one.
    #[error("{0}")]
    Unproven(&'static str),
    /// A passkey that does not know its owner: nobody could log in with it.
    #[error("this key cannot hold a passkey: use another, or free some room on it")]
    Undiscoverable,
    /// A passkey of which nobody who is believed says that it cannot leave its device.
    #[error(
        "no maker that is believed here says that this passkey cannot leave its device: use a security key of one"
    )]
    Unattested,
    /// A setting that cannot work.
    #[error("{0}")]
    Configuration(&'static str),
    /// A defect of ours or of a library.
    #[error("{0}")]
    Internal(&'static str),
}
