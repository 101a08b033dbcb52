//! What a decision depends on: a class of callers, an action, and facts about the request.
//!
//! Everything here is small, closed and comparable, so that the same question is recognised as the same. It
//! must never carry a value of a customer, an id of a customer, or anything taken from the caller unchecked:
//! the server fills every field, and a decision is a pure function of them. (The purpose's name is the
//! caller's word; the engine drops it when the charter has no such purpose.)

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// The kind of a principal. Kinds are never mixed in one session, and a role belongs to one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person who works here.
    Staff,
    /// A program, ours or a recipient's.
    Service,
    /// An external examiner, time-boxed by whoever fills the request.
    Auditor,
    /// The server itself: its jobs. It may do what a `System` role grants and nothing else.
    System,
}

impl PrincipalKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Staff, Self::Service, Self::Auditor, Self::System];

    /// Its word in charters and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Service => "service",
            Self::Auditor => "auditor",
            Self::System => "system",
        }
    }

    /// Its entity type in Cedar.
    pub(crate) const fn entity_type(self) -> &'static str {
        match self {
            Self::Staff => "Staff",
            Self::Service => "Service",
            Self::Auditor => "Auditor",
            Self::System => "System",
        }
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// All principals that policy cannot tell apart: same kind, same roles, same recipient.
///
/// Cheap to clone. Build it once per credential, not per request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PrincipalClass {
    kind: PrincipalKind,
    roles: Arc<[String]>,
    recipient: Option<Arc<str>>,
}

impl PrincipalClass {
    /// The class of a principal. `roles` in any order; `recipient` binds a service to one recipient of data,
    /// after which it can only turn that recipient's tokens back.
    pub fn new(
        kind: PrincipalKind,
        roles: impl IntoIterator<Item = impl Into<String>>,
        recipient: Option<&str>,
    ) -> Self {
        let mut roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        roles.sort_unstable();
        roles.dedup();
        Self { kind, roles: roles.into(), recipient: recipient.map(Arc::from) }
    }

    /// The kind.
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The roles held, sorted, each once.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The same class, bound to no recipient.
    pub(crate) fn unbound(&self) -> Self {
        Self { recipient: None, ..self.clone() }
    }

    /// The recipient that a service is bound to.
    pub fn recipient(&self) -> Option<&str> {
        self.recipient.as_deref()
    }
}

/// How many customers a request touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowClass {
    /// One customer.
    One,
    /// A page of them: at most [`RowClass::FEW`].
    Few,
    /// More.
    Many,
}

impl RowClass {
    /// The most customers that still count as few.
    pub const FEW: usize = 100;

    /// Every class.
    pub const ALL: &[Self] = &[Self::One, Self::Few, Self::Many];

    /// The class of a number of customers.
    pub const fn of(rows: usize) -> Self {
        match rows {
            0 | 1 => Self::One,
            2..=Self::FEW => Self::Few,
            _ => Self::Many,
        }
    }

    /// Its word in Cedar.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Few => "few",
            Self::Many => "many",
        }
    }
}

/// What policy can tell of the customers that a request touches: as a class, never as somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct SubjectClass {
    /// How delicate it is that somebody looks at them at all: 0 for everybody, more for those who are well known.
    pub tier: u8,
    /// Whether one of them is the caller.
    pub own: bool,
    /// Whether one of them works here.
    pub colleague: bool,
}

/// A question to the engine. All fields are facts that the server established.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// Who asks.
    pub principal: PrincipalClass,
    /// What is asked.
    pub action: crate::Action,
    /// The purpose that the caller claims. A purpose the charter does not know counts as none.
    pub purpose: Option<Arc<str>>,
    /// Whether the claimed purpose is lawful for these customers now (legal basis, consent, objection).
    pub purpose_lawful: bool,
    /// Whether the caller gave a reason.
    pub reason: bool,
    /// Whether the claimed purpose demands a reason of whoever opens fields.
    pub reason_required: bool,
    /// Whether the caller is inside the networks that it is bound to.
    pub network_allowed: bool,
    /// Of a recipient's service, whether its contract has begun and is not over; true of everybody else.
    pub contract_runs: bool,
    /// How the caller has proved who it is.
    pub proof: crate::Proof,
    /// How many customers are touched.
    pub rows: RowClass,
    /// How many that are at most, up to [`Request::EVERYBODY`].
    pub most_rows: u32,
    /// Whether the processing of one of these customers is restricted (GDPR Art. 18).
    pub restricted: bool,
    /// Who they are, as a class.
    pub subject: SubjectClass,
    /// What others have agreed to.
    pub approved: Approved,
    /// Whether its caller has broken the glass, and it would be refused without that.
    pub break_glass: bool,
}

impl Request {
    /// As many as there are.
    pub const EVERYBODY: u32 = 1_000_000_000;
}

/// What others have agreed to: the names of the charter's approvals that a request has, and how many people that took.
///
/// Cheap to clone. Without an approval there is nobody who has agreed to one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Approved {
    names: Arc<[Arc<str>]>,
    people: u32,
}

impl Approved {
    /// These approvals, for which so many different people have given their word. Names in any order.
    pub fn by(people: u32, names: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        let mut names: Vec<Arc<str>> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        let people = if names.is_empty() { 0 } else { people };
        Self { names: names.into(), people }
    }

    /// The names, sorted, each once.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// How many people.
    pub const fn people(&self) -> u32 {
        self.people
    }
}

/// A field of a customer, as policy sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name in the charter.
    pub name: Arc<str>,
    /// Its category in the charter.
    pub category: Arc<str>,
    /// 1 ordinary, 2 delicate, 3 special.
    pub sensitivity: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_roles_makes_no_class() {
        let one = PrincipalClass::new(PrincipalKind::Staff, ["b", "a", "b"], None);
        let other = PrincipalClass::new(PrincipalKind::Staff, ["a", "b"], None);
        assert_eq!(one, other);
        assert_eq!(one.roles(), ["a", "b"]);
    }

    #[test]
    fn rows_fall_into_three_classes() {
        let classes: Vec<_> = [0, 1, 2, 100, 101].map(RowClass::of).map(RowClass::as_str).into();
        assert_eq!(classes, ["one", "one", "few", "few", "many"]);
    }
}
