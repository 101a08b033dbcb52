//! What an operation can end with. Variants say who can fix it; texts for the caller are made in the faces, from these
//! facts, and never from a value.

use avouch_policy::Need;
use avouch_store::Aborts;

/// See the module.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The input does not fit the charter; each entry names a place and says what is expected there.
    #[error("invalid input")]
    Invalid(Vec<Fault>),
    /// What an identity provider sent cannot be understood or carried out.
    #[error("unfit for provisioning: {0}")]
    Unprovisionable(#[from] avouch_scim::Flaw),
    /// No such thing, for this caller: erased, foreign and unknown look alike.
    #[error("not found")]
    NotFound,
    /// The caller's key was withdrawn, has expired, or its principal was suspended, since the request came in.
    #[error("not authenticated any more")]
    Unauthenticated,
    /// What was shown to log in proves nothing: unknown, wrong, used before, too old and suspended look alike.
    #[error("the log-in failed")]
    LogInFailed,
    /// Too many failures; nothing was looked at.
    #[error("too many failures: {seconds} s to wait")]
    TooMany {
        /// Until the next try, in seconds.
        seconds: u32,
    },
    /// Too many wait for the same.
    #[error("too many wait already")]
    Busy,
    /// An identity provider does not answer, or not with what is needed.
    #[error("the identity provider does not answer")]
    ProviderUnavailable,
    /// Policy refused; every unmet need at once.
    #[error("refused by policy")]
    Refused(Refusal),
    /// Another subject already has the value of this unique field.
    #[error("`{field}` must be unique and is taken")]
    Taken {
        /// The field.
        field: String,
    },
    /// Somebody who had one of these values was erased; whoever wants them again has to say so.
    #[error("somebody with the same {} was erased", .fields.join(", "))]
    Erased {
        /// Names of the fields.
        fields: Vec<String>,
        /// The number of the erasure.
        erasure: u64,
        /// When that was, in microseconds UTC.
        at: i64,
    },
    /// A legal hold keeps this from being erased.
    #[error("under a legal hold")]
    Held {
        /// What is held.
        classes: Vec<Held>,
    },
    /// What was done is not in the third copy of the list of erasures yet.
    #[error("the copy of the list of erasures could not be written")]
    CopyUnwritten,
    /// The caller's version is not the current one.
    #[error("the version is not current")]
    Stale {
        /// The current version.
        current: u64,
    },
    /// Something else moved in between, such as a newer charter.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// A token that this caller cannot use: unknown, foreign, erased and damaged look alike.
    #[error("unusable token")]
    TokenUnusable {
        /// Where they stand: JSON pointers into the caller's document.
        pointers: Vec<String>,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for a different request")]
    KeyReused,
    /// A sealed value did not open: changed, swapped or under another key.
    #[error("a stored value failed its integrity check")]
    Tampered,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] avouch_store::Error),
    /// A defect of ours.
    #[error("internal: {0}")]
    Internal(&'static str),
}

/// What a legal hold is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The retention class; nothing: all of them.
    pub class: Option<String>,
    /// Since when, in microseconds UTC.
    pub since: i64,
}

/// One fault of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer: `/fields/email`.
    pub pointer: String,
    /// What is expected; never the value.
    pub detail: String,
}

impl Fault {
    /// A fault at a pointer.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A refusal: what is missing and which policies said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Every unmet need.
    pub needs: Vec<Need>,
    /// The deciding policies.
    pub policies: Vec<String>,
}

impl Error {
    /// One fault.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(pointer, detail)])
    }

    /// Its name in problems, events and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Unprovisionable(_) => "validation",
            Self::NotFound => "not-found",
            Self::Unauthenticated => "not-authenticated",
            Self::LogInFailed => "log-in-failed",
            Self::TooMany { .. } => "too-many-attempts",
            Self::Busy => "busy",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::Refused(_) => "denied-by-policy",
            Self::Taken { .. } | Self::Conflict(_) => "conflict",
            Self::Erased { .. } => "erased-person",
            Self::Held { .. } => "legal-hold",
            Self::CopyUnwritten => "audit-unavailable",
            Self::Stale { .. } => "precondition-failed",
            Self::TokenUnusable { .. } => "token-unusable",
            Self::KeyReused => "idempotency-conflict",
            Self::Tampered => "integrity",
            Self::Store(avouch_store::Error::Busy) => "busy",
            Self::Store(avouch_store::Error::Unknown(_)) => "timeout",
            Self::Store(_) => "audit-unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl Aborts for Error {
    fn store_error(&self) -> Option<&avouch_store::Error> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// What is stored of the log, or said to be, does not fit: damage like any other.
impl From<avouch_ledger::Error> for Error {
    fn from(error: avouch_ledger::Error) -> Self {
        match error {
            avouch_ledger::Error::Parameters(_) | avouch_ledger::Error::Provider => {
                Self::Internal("the log could not be computed with")
            }
            _ => Self::Tampered,
        }
    }
}

/// Any failed open is the same error: which check failed would be an oracle.
impl From<avouch_seal::Error> for Error {
    fn from(error: avouch_seal::Error) -> Self {
        match error {
            avouch_seal::Error::Random => Self::Internal("no randomness"),
            _ => Self::Tampered,
        }
    }
}
