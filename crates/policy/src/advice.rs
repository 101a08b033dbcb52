//! The vocabulary of `@advice`, by which a forbid says what the caller lacks.
//!
//! Cedar does not look into annotations, so that a misspelt one would silently give no advice. Loading a policy
//! therefore refuses every word that is not here.

/// What a forbid says is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Advice {
    Permission,
    Purpose,
    LawfulPurpose,
    Reason,
    Network,
    Recipient,
    Unrestricted,
    FewerRows,
    Field,
    View,
}

impl Advice {
    pub(crate) const ALL: &[(Self, &str)] = &[
        (Self::Permission, "permission"),
        (Self::Purpose, "purpose"),
        (Self::LawfulPurpose, "lawful_purpose"),
        (Self::Reason, "reason"),
        (Self::Network, "network"),
        (Self::Recipient, "recipient"),
        (Self::Unrestricted, "unrestricted"),
        (Self::FewerRows, "fewer_rows"),
        (Self::Field, "field"),
        (Self::View, "view"),
    ];

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(advice, _)| *advice)
    }

    /// The words, for whoever used another.
    pub(crate) fn vocabulary() -> String {
        let words: Vec<_> = Self::ALL.iter().map(|(_, word)| format!("`{word}`")).collect();
        words.join(", ")
    }
}
