//! Which tokens a recipient is given: what they look like, what they show, and what ends them.

use std::fmt;

use crate::period::Period;
use crate::words::words;

words! { "kind of token"
/// How the tokens of a field are made for one recipient.
TokenKind {
    /// A sealed reference: the same value of the same subject has one token per recipient, nothing is stored, and it dies
    /// with the subject.
    Pointer = "pointer",
    /// A random text, stored: a new token on each issue.
    Random = "random",
    /// A text, stored: one token for all equal values this recipient is given.
    Value = "value",
    /// A new token on each issue, stored, in the value's own form: a card number for a card, a date for a date.
    Format = "format",
    /// One token for all equal values, computed from the value by a key, in the value's own form.
    FormatValue = "format_value",
    /// One text for all equal values, which nobody turns back.
    OneWay = "one_way",
}}

impl TokenKind {
    /// Whether tokens have the form of the value they stand for.
    pub const fn keeps_form(self) -> bool {
        matches!(self, Self::Format | Self::FormatValue)
    }

    /// Whether equal values have equal tokens, so that whoever holds two of them sees it.
    pub const fn shows_equality(self) -> bool {
        matches!(self, Self::Value | Self::FormatValue | Self::OneWay)
    }

    /// Whether a token can be counted and ended by itself: something is kept of each.
    pub const fn can_end(self) -> bool {
        !matches!(self, Self::Pointer | Self::OneWay)
    }
}

/// How the tokens of one field are made and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRule {
    /// How they are made.
    pub kind: TokenKind,
    /// How long after its issue a token can be turned back; `None`: as long as there is something to turn it into.
    pub expires: Option<Period>,
    /// How often a token can be turned back, 1..=1,000,000; `None`: without limit.
    pub uses: Option<u32>,
    /// Whether a token in the form of a card passes the check of card numbers. Normally it does not, so that nobody takes
    /// it for a card.
    pub luhn_valid: bool,
}

impl TokenRule {
    /// A kind without conditions.
    pub const fn plain(kind: TokenKind) -> Self {
        Self { kind, expires: None, uses: None, luhn_valid: false }
    }
}

/// `` `random` (for 30 days, 1 use) ``
impl fmt::Display for TokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let luhn = self.luhn_valid.then(|| "Luhn-valid".to_owned());
        let expires = self.expires.map(|period| format!("for {period}"));
        let uses = self.uses.map(|uses| format!("{uses} use{}", if uses == 1 { "" } else { "s" }));
        let conditions: Vec<String> = [luhn, expires, uses].into_iter().flatten().collect();
        match conditions.as_slice() {
            [] => write!(f, "`{}`", self.kind),
            _ => write!(f, "`{}` ({})", self.kind, conditions.join(", ")),
        }
    }
}

/// The tokens of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    pub(crate) default: TokenRule,
    /// A rule for every field the recipient may have, in the charter's order.
    pub(crate) fields: Vec<(String, TokenRule)>,
}

impl TokenRules {
    /// The rule of a field; of one that the recipient is not given, what its other fields have.
    pub fn rule(&self, field: &str) -> TokenRule {
        self.fields.iter().find(|(name, _)| name == field).map_or(self.default, |(_, rule)| *rule)
    }

    /// Every field the recipient may have and its rule, in the charter's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, TokenRule)> {
        self.fields.iter().map(|(name, rule)| (name.as_str(), *rule))
    }
}
