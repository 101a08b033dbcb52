//! The vocabulary of `@advice`, by which a forbid says what the caller lacks.
//!
//! Cedar does not look into annotations, so that a misspelt one would silently give no advice. Loading a policy
//! therefore refuses every word that is not here.

use std::sync::Arc;

use crate::ProofNeed;

/// The longest that somebody has to wait after a change: 30 days.
const MOST_HOURS: u32 = 720;

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
    /// So many hours since what the caller logs in with was changed.
    Settled(u32),
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
    const OTHERS: &[&str] = &[
        "proof",
        "proof:15m",
        "proof:5m:phishing-resistant",
        "proof:device-bound",
        "proof:attested",
        "settled:24h",
        "approval:name",
    ];

    pub(crate) fn parse(word: &str) -> Option<Self> {
        if let Some(words) = word.strip_prefix("proof") {
            return ProofNeed::parse(words).map(Self::Proof);
        }
        if let Some(hours) = word.strip_prefix("settled:") {
            let digits = hours.strip_suffix('h')?;
            let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
            let hours = digits.parse().ok().filter(|hours: &u32| {
                plain && *hours <= MOST_HOURS && (*hours <= 72 || hours.is_multiple_of(24))
            })?;
            return Some(Self::Settled(hours));
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
