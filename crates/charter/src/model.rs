//! What a charter says, resolved: names are known to exist, categories are expanded to fields, every word is one
//! of a closed vocabulary.
//!
//! These are plain descriptions. They are only ever made by [`Charter::parse`](crate::Charter::parse), which has
//! checked them against each other; nothing here checks, decides or opens anything.

mod search;
mod tokens;

pub use self::search::{Compound, CompoundPart, FuzzyIndex, PrefixIndex, Search};
pub use self::tokens::{TokenKind, TokenRule, TokenRules};

use ipnet::IpNet;

use crate::contract::Contract;
use crate::period::Period;
use crate::types::{FieldType, Masks};
use crate::words::words;

/// The controller: the company that keeps this charter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// Legal name, as customers know it.
    pub name: String,
    /// Where it is established, ISO 3166-1 alpha-2. Default region of phone numbers and national ids.
    pub country: String,
    /// Mail address for questions about personal data.
    pub contact: String,
    /// Domain of our own under which e-mail tokens are made; ASCII, lower case, two labels or more.
    pub token_domain: Option<String>,
}

/// A group of fields that belong together, so that purposes and roles can name them at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// `[a-z][a-z0-9_]{0,39}`; never also the name of a field.
    pub name: String,
    /// For people.
    pub title: String,
}

/// One thing that is kept about a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `[a-z][a-z0-9_]{0,39}`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Type of one value.
    pub of: FieldType,
    /// Whether a subject may have several values.
    pub list: bool,
    /// Whether a subject must have it (a list: at least one value).
    pub required: bool,
    /// Name of its [`Category`].
    pub category: String,
    /// How much harm a leak of it does.
    pub sensitivity: Sensitivity,
    /// Name of its [`RetentionClass`], and with it of the key it is sealed under.
    pub class: String,
    /// Blind index for exact search, if it can be searched.
    pub index: Option<Index>,
    /// Blind indexes for search by something like the value, if it can be searched so.
    pub search: Search,
    /// What the partial and the masked view show.
    pub masks: Masks,
}

impl Field {
    /// Whether its index shows a thief of the database which subjects share a value, and by that often the value:
    /// an index that is not unique over values that are unevenly distributed.
    pub fn leaks_frequency(&self) -> bool {
        self.index.as_ref().is_some_and(|index| !index.unique && crate::leak::skewed(&self.of))
    }
}

/// How a field is found by its exact value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// No two subjects may have the same value.
    pub unique: bool,
    /// Length of an index term, 4..=62; `None`: from the number of planned subjects.
    pub bits: Option<u8>,
    /// The company has accepted that the index shows how often each value occurs.
    pub allow_frequency_leak: bool,
}

words! { "sensitivity"
/// How much harm a leak does; drives defaults, refusals and, later, alarms.
Sensitivity {
    /// A name, an address: known to many anyway.
    Ordinary = "ordinary",
    /// Card and document numbers, dates of birth: enough for fraud.
    Delicate = "delicate",
    /// Special categories of personal data (Article 9 GDPR): health, belief, ethnicity, union, sex life, biometrics.
    Special = "special",
}}

impl Sensitivity {
    /// 1, 2 or 3.
    pub const fn level(self) -> u8 {
        match self {
            Self::Ordinary => 1,
            Self::Delicate => 2,
            Self::Special => 3,
        }
    }
}

/// What personal data is used for, and why that is lawful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// `[a-z][a-z0-9_]{0,39}`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Why the law allows it.
    pub legal_basis: LegalBasis,
    /// Names of the fields it may touch, in the charter's order; categories are expanded.
    pub fields: Vec<String>,
    /// Whether a reveal for this purpose must say why.
    pub reason: Reason,
}

words! { "legal basis"
/// The six grounds of Article 6(1) GDPR, (a) to (f).
LegalBasis {
    /// (a) The person agreed.
    Consent = "consent",
    /// (b) Needed for a contract with the person.
    Contract = "contract",
    /// (c) A law demands it.
    LegalObligation = "legal_obligation",
    /// (d) A life is at stake.
    VitalInterests = "vital_interests",
    /// (e) A task in the public interest.
    PublicTask = "public_task",
    /// (f) The company's interest, balanced against the person's.
    LegitimateInterests = "legitimate_interests",
}}

words! { "reason"
/// Whether a reveal must come with a typed reason.
Reason {
    /// Yes (default).
    Required = "required",
    /// No: the purpose itself says enough, as for a service that prints parcel labels.
    None = "none",
}}

/// Somebody outside who is given personal data, or tokens of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// `[a-z][a-z0-9]{1,23}`; also the namespace of its tokens.
    pub name: String,
    /// Legal name, for people.
    pub title: String,
    /// In whose name it processes.
    pub kind: RecipientKind,
    /// Where it processes, ISO 3166-1 alpha-2.
    pub country: String,
    /// Names of the purposes it serves.
    pub purposes: Vec<String>,
    /// Names of the fields it may have, in the charter's order; each is a field of one of the purposes.
    pub fields: Vec<String>,
    /// Which tokens it is given, field by field.
    pub tokens: TokenRules,
    /// From when to when it is a recipient; none: from the charter's version that names it to the one that does not.
    pub contract: Option<Contract>,
    /// Where its services come from; none: from wherever their own networks say.
    pub networks: Vec<IpNet>,
}

words! { "kind of recipient"
/// In whose name a recipient processes.
RecipientKind {
    /// On our behalf and instructions (Article 28 GDPR).
    Processor = "processor",
    /// For purposes of its own, or alongside us.
    Controller = "controller",
}}

/// How long data is kept. Each class has its own key per subject, so one class can be erased and another kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionClass {
    /// `[a-z][a-z0-9_]{0,39}`.
    pub name: String,
    /// For people.
    pub title: String,
    /// How long.
    pub keep: Period,
    /// Counted from which event.
    pub after: StartEvent,
    /// Whether the period starts at the end of the calendar year of that event, as tax law has it.
    pub from_year_end: bool,
    /// Why so long: the law or the interest behind it.
    pub why: String,
}

words! { "event"
/// What a retention period is counted from.
StartEvent {
    /// The subject was created.
    Creation = "creation",
    /// The subject last did something with the company.
    LastActivity = "last_activity",
    /// The account was closed.
    Closure = "closure",
}}

/// What a group of people or programs may do, for which purposes, and how much of each field they see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// `[a-z][a-z0-9_]{0,39}`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Who can hold it.
    pub holder: Holder,
    /// Names of actions, each one of [`ACTIONS`](crate::ACTIONS).
    pub actions: Vec<String>,
    /// Names of the purposes it may claim.
    pub purposes: Vec<String>,
    /// What it sees. A field that is in none of these shows nothing; no field is in two.
    pub sees: Vec<Sees>,
    /// Names of the standalone keys it may use; `*` at the end of one stands for whatever follows.
    pub transit: Vec<String>,
    /// Names of groups that an identity provider keeps: whoever is in one of them holds the role.
    pub groups: Vec<String>,
    /// How much whoever holds it may see in a day.
    pub daily: Daily,
    /// It sleeps: it gives nothing until whoever holds it has broken the glass, and then for so long.
    pub break_glass: Option<BreakGlass>,
    /// What the passkey has to be that a session of whoever holds it rests on.
    pub keys: KeyKind,
}

words! { "sent_codes"
/// What a code is worth that is sent to a telephone or a mailbox, beside a password.
#[derive(Default)]
SentCodes {
    /// Nothing: there are none.
    #[default]
    None = "none",
    /// A second factor, and never one that cannot be phished.
    SecondFactor = "second-factor",
}}

/// What a role that sleeps is woken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlass {
    /// For how many minutes, 1 to [`BreakGlass::MOST_MINUTES`].
    pub minutes: u32,
    /// How many customers may be looked at, 1 to [`BreakGlass::MOST_CUSTOMERS`].
    pub customers: u32,
    /// Names of the roles of which somebody says afterwards whether it was right.
    pub reviewers: Vec<String>,
}

impl BreakGlass {
    /// The longest that it can be woken for.
    pub const MOST_MINUTES: u32 = 60;
    /// The most customers that can be looked at meanwhile.
    pub const MOST_CUSTOMERS: u32 = 25;
}

words! { "keys"
/// What a passkey has to be. Each is more than the one before.
#[derive(Default)]
KeyKind {
    /// Whatever somebody logs in with.
    #[default]
    Any = "any",
    /// One that cannot be copied to another device.
    DeviceBound = "device-bound",
    /// One of which the maker of its device says so, and which device it is.
    Attested = "attested",
}}

/// How much one person or program may see in a day, which begins and ends at midnight UTC. Of what is not said, a role says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Daily {
    /// Different subjects that are looked at, as far as they are shown, one by one or in lists.
    pub subjects: Option<u32>,
    /// Values that are revealed or detokenised in clear.
    pub clear_fields: Option<u32>,
    /// Subjects that are carried out in exports.
    pub rows_exported: Option<u32>,
}

impl Daily {
    /// Most that a charter can say. The subjects of a day are told apart in memory, so these are fewer.
    pub const MOST_SUBJECTS: u32 = 100_000;

    /// What whoever holds both roles may: the higher of the two. A role that says nothing lifts nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            subjects: self.subjects.max(other.subjects),
            clear_fields: self.clear_fields.max(other.clear_fields),
            rows_exported: self.rows_exported.max(other.rows_exported),
        }
    }

    /// The names, as the charter has them, and what is said.
    pub fn all(&self) -> [(&'static str, Option<u32>); 3] {
        [
            ("subjects", self.subjects),
            ("clear_fields", self.clear_fields),
            ("rows_exported", self.rows_exported),
        ]
    }
}

impl Role {
    /// Whether the role may do this action.
    pub fn may(&self, action: &str) -> bool {
        self.actions.iter().any(|a| a == action)
    }

    /// Whether whoever holds the role could give themselves what they have not: it changes who may what, or the keys.
    pub fn administers(&self) -> bool {
        self.actions.iter().any(|action| crate::action::administers(action))
    }

    /// Whether the role may use the standalone key of this name.
    pub fn transit_allows(&self, name: &str) -> bool {
        self.transit.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == allowed,
        })
    }

    /// What the role sees of this field, before the purpose narrows it.
    pub fn sees(&self, field: &str) -> Option<&Sees> {
        self.sees.iter().find(|sees| sees.fields.iter().any(|f| f == field))
    }
}

words! { "holder"
/// Who can hold a role.
Holder {
    /// A person of the company.
    Staff = "staff",
    /// A program: the company's or a recipient's.
    Service = "service",
    /// A person from outside who checks, and never sees personal data.
    Auditor = "auditor",
}}

/// How much of some fields a role sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sees {
    /// Names of the fields, in the charter's order; categories are expanded.
    pub fields: Vec<String>,
    /// Most that a read, a list, a search or a history shows.
    pub reads: View,
    /// Most that a reveal, a detokenisation or an export shows; never less than `reads`.
    pub reveals: View,
}

words! { "view"
/// How much of a value somebody gets, from nothing to all of it.
View {
    /// Not even that there is a value.
    Nothing = "nothing",
    /// A token that stands for the value.
    Token = "token",
    /// The field's `masked` mask.
    Masked = "masked",
    /// The field's `partial` mask.
    Partial = "partial",
    /// The value.
    Clear = "clear",
}}

/// What somebody may do only when others have agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// `[a-z][a-z0-9_]{0,39}`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Roles and how many people of each have to agree: all of these, each another person.
    pub approvers: Vec<(String, u32)>,
    /// For how many minutes it holds at most, 1 to 480.
    pub minutes: u32,
    /// How many customers may be touched under it at most.
    pub customers: u32,
    /// Actions that nobody does without it; empty: policies say when it is needed.
    pub needed_for: Vec<String>,
}

impl Approval {
    /// How many different people have to agree.
    pub fn people(&self) -> u32 {
        self.approvers.iter().map(|(_, count)| count).sum()
    }
}
