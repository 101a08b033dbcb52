//! The vocabulary of `@advice`, by which a forbid says what the caller lacks.
//!
//! Cedar does not look into annotations, so that a misspelt one would silently give no advice. Loading a policy
//! therefore refuses every word that is not here.

use std::sync::Arc;

use crate::ProofNeed;

/// What a forbid says is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Advice {
    Permission,
    Purpose,
    LawfulPurpose,
    Reason,
    Network,
    Contract,
    Recipient,
    Unrestricted,
    FewerRows,
    Field,
    View,
    Session,
    Proof(ProofNeed),
    /// One of the charter's approvals, by its name.
    Approval(Arc<str>),
}

impl Advice {
    /// Those of one word.
    const PLAIN: &[(Self, &str)] = &[
        (Self::Permission, "permission"),
        (Self::Purpose, "purpose"),
        (Self::LawfulPurpose, "lawful_purpose"),
        (Self::Reason, "reason"),
        (Self::Network, "network"),
        (Self::Contract, "contract"),
        (Self::Recipient, "recipient"),
        (Self::Unrestricted, "unrestricted"),
        (Self::FewerRows, "fewer_rows"),
        (Self::Field, "field"),
        (Self::View, "view"),
        (Self::Session, "session"),
    ];
    /// How others are spelt, as examples.
    const OTHERS: &[&str] = &["proof", "proof:15m", "proof:5m:phishing-resistant", "approval:name"];

    pub(crate) fn parse(word: &str) -> Option<Self> {
        if let Some(words) = word.strip_prefix("proof") {
            return ProofNeed::parse(words).map(Self::Proof);
        }
        if let Some(name) = word.strip_prefix("approval:") {
            return (!name.is_empty()).then(|| Self::Approval(name.into()));
        }
        Self::PLAIN.iter().find(|(_, name)| *name == word).map(|(advice, _)| advice.clone())
    }

    /// The words, for whoever used another.
    pub(crate) fn words() -> impl Iterator<Item = &'static str> {
        Self::PLAIN.iter().map(|(_, word)| *word).chain(Self::OTHERS.iter().copied())
    }

    /// The same as a line.
    pub(crate) fn vocabulary() -> String {
        let words: Vec<_> = Self::words().map(|word| format!("`{word}`")).collect();
        words.join(", ")
    }
}
