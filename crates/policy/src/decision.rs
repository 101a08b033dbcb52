//! What the engine answers: allowed or not, by which policies, and everything that is missing.
//!
//! A refusal names *all* unmet needs at once, so that a caller mends its request in one go. The answers speak
//! of roles, purposes and fields of the charter; they must never speak of a customer.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::ProofNeed;

/// How much of a field is shown, as rungs of a ladder: each rung shows more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Not even that there is a value.
    Nothing,
    /// A token in place of the value.
    Token,
    /// The value behind its mask.
    Masked,
    /// The value's agreed part, e.g. the year of a birth date.
    Partial,
    /// The value.
    Clear,
}

impl View {
    /// Every view, lowest first.
    pub const ALL: &[Self] = &[Self::Nothing, Self::Token, Self::Masked, Self::Partial, Self::Clear];

    /// The views that show something, in the order in which they are asked for.
    pub(crate) const RUNGS: &[Self] = &[Self::Clear, Self::Partial, Self::Masked, Self::Token];

    /// Its word in charters and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Token => "token",
            Self::Masked => "masked",
            Self::Partial => "partial",
            Self::Clear => "clear",
        }
    }

    /// Its action in Cedar. Nothing is asked for to show nothing, so no policy knows `view.nothing`.
    pub(crate) const fn action(self) -> &'static str {
        match self {
            Self::Nothing => "view.nothing",
            Self::Token => "view.token",
            Self::Masked => "view.masked",
            Self::Partial => "view.partial",
            Self::Clear => "view.clear",
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The answer to a [`Request`](crate::Request).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether the action may be done.
    pub allowed: bool,
    /// The ids of the policies that decided, sorted. Empty when nothing permitted and nothing forbade.
    pub policies: Vec<Arc<str>>,
    /// Everything that is missing, in the order of [`Need`]'s variants. Empty exactly when allowed.
    pub needs: Vec<Need>,
}

/// What is shown of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldView {
    /// How much is shown.
    pub view: View,
    /// The ids of the policies that grant this view, sorted; empty for [`View::Nothing`].
    pub policies: Vec<Arc<str>>,
    /// Why not more, up to the ceiling that was asked for. Empty exactly when the ceiling is reached.
    pub needs: Vec<Need>,
}

/// Something that a caller lacks. Its serialised form is an object whose `need` is [`Need::name`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "need", rename_all = "snake_case")]
pub enum Need {
    /// No role of the caller permits the action.
    Permission {
        /// The action.
        action: crate::Action,
        /// The roles, of the caller's kind, that permit it for some purpose, sorted.
        roles_that_have_it: Vec<String>,
    },
    /// No purpose, one that the charter does not know, or one that the caller's roles do not hold.
    Purpose {
        /// The purposes that the caller may claim for this action, sorted. When it lacks the permission, those
        /// that anyone of its kind may claim.
        allowed: Vec<String>,
    },
    /// The purpose is not lawful for these customers now.
    LawfulPurpose,
    /// A reason in words.
    Reason,
    /// A caller inside the networks that it is bound to.
    Network,
    /// A contract that runs, of the recipient that a service is bound to.
    Contract,
    /// A service bound to a recipient may only turn that recipient's tokens back.
    Recipient,
    /// A customer whose processing is not restricted.
    Unrestricted,
    /// Fewer customers in one request.
    FewerRows,
    /// A purpose that the field belongs to.
    Field {
        /// The field.
        field: String,
        /// The purposes, of those the caller may claim for this action, that the field belongs to, sorted.
        purposes: Vec<String>,
    },
    /// A role that sees more of the field.
    View {
        /// The field.
        field: String,
        /// The most that the caller's roles show of it here.
        most: View,
    },
    /// A person who has logged in; a key does not do.
    Session,
    /// A stronger or fresher proof of who the caller is.
    Proof(ProofNeed),
    /// That some time passes: what the caller logs in with was changed.
    Settled {
        /// So many hours since.
        hours: u32,
        /// When that will be, in microseconds UTC. Whoever knows when it was fills it in.
        until: Option<i64>,
    },
    /// That others agree.
    Approval {
        /// The charter's approval.
        name: String,
    },
    /// A standalone key that a role of the caller names.
    Key {
        /// The names, of the caller's roles that have the action, as the charter writes them, sorted; `*` at the end
        /// stands for whatever follows.
        keys: Vec<String>,
    },
    /// Another day: on this one the caller has done as much as the roles held let them.
    Quota {
        /// What is counted, as the charter has it: `subjects`, `clear_fields` or `rows_exported`.
        of: String,
        /// How many in a day.
        most: u32,
        /// When the next day begins, in microseconds UTC.
        resets: i64,
    },
}

impl Need {
    /// Its name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Permission { .. } => "permission",
            Self::Purpose { .. } => "purpose",
            Self::LawfulPurpose => "lawful_purpose",
            Self::Reason => "reason",
            Self::Network => "network",
            Self::Contract => "contract",
            Self::Recipient => "recipient",
            Self::Unrestricted => "unrestricted",
            Self::FewerRows => "fewer_rows",
            Self::Field { .. } => "field",
            Self::View { .. } => "view",
            Self::Session => "session",
            Self::Proof(_) => "proof",
            Self::Settled { .. } => "settled",
            Self::Approval { .. } => "approval",
            Self::Key { .. } => "key",
            Self::Quota { .. } => "quota",
        }
    }
}
