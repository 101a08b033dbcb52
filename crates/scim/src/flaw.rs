//! Why a request cannot be understood or carried out, in the terms of RFC 7644, 3.12. A text says what to do and never repeats a
//! value that was sent.

use std::borrow::Cow;
use std::fmt;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Flaw {
    /// Its kind.
    pub kind: Kind,
    /// What to do.
    pub detail: Cow<'static, str>,
}

impl Flaw {
    pub(crate) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// The kinds of errors that have a word (RFC 7644, table 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The filter has another syntax, or compares what cannot be compared so.
    InvalidFilter,
    /// More would have to be looked at than is done for one request.
    TooMany,
    /// Somebody else has this value already.
    Uniqueness,
    /// The attribute cannot be changed so.
    Mutability,
    /// The body is not of the form that the request asks for.
    InvalidSyntax,
    /// The path is none, or names nothing that there is.
    InvalidPath,
    /// The path selects nothing that could be changed.
    NoTarget,
    /// A value is missing or does not fit.
    InvalidValue,
}

impl Kind {
    /// Its word: `scimType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
