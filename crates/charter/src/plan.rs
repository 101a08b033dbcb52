//! What a new charter would change, in words that the people it concerns understand.
//!
//! The comparison is of what the two charters do, not of their text: a category that gains a field shows as the
//! roles that see more by it. A renamed thing is one that went and one that came, because that is what happens to the
//! data under it. A plan changes nothing; it is what a person reads before they apply.

mod access;
mod data;
mod rest;
mod search;
mod tokens;

use std::fmt;

use serde::Serialize;

use crate::charter::Charter;

/// All changes between two charters, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What changes.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whether it comes, goes or is altered.
    pub kind: ChangeKind,
    /// What it is about: ``field `email` ``, ``role `support` ``.
    pub what: String,
    /// What follows, in plain words: lower case, no full stop.
    pub effect: String,
    /// Somebody sees more, data becomes unusable, or a customer is worse off: think twice.
    pub danger: bool,
}

/// Whether something comes, goes or is altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is altered.
    Changed,
}

impl Plan {
    /// Whether the two charters do the same. Their texts may still differ, in comments or order.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether any change asks to think twice.
    pub fn is_dangerous(&self) -> bool {
        self.changes.iter().any(|change| change.danger)
    }

    fn push(&mut self, kind: ChangeKind, what: String, effect: impl Into<String>, danger: bool) {
        self.changes.push(Change { kind, what, effect: effect.into(), danger });
    }

    fn added(&mut self, what: String, effect: impl Into<String>, danger: bool) {
        self.push(ChangeKind::Added, what, effect, danger);
    }

    fn removed(&mut self, what: String, effect: impl Into<String>, danger: bool) {
        self.push(ChangeKind::Removed, what, effect, danger);
    }

    fn changed(&mut self, what: String, effect: impl Into<String>, danger: bool) {
        self.push(ChangeKind::Changed, what, effect, danger);
    }
}

/// One line per change: `+`, `-` or `~`, with `!` before what asks to think twice.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changes\n");
        }
        for change in &self.changes {
            let sign = match change.kind {
                ChangeKind::Added => '+',
                ChangeKind::Removed => '-',
                ChangeKind::Changed => '~',
            };
            let danger = if change.danger { '!' } else { ' ' };
            writeln!(f, "{danger} {sign} {}: {}", change.what, change.effect)?;
        }
        let dangers = self.changes.iter().filter(|change| change.danger).count();
        let changes = self.changes.len();
        let s = if changes == 1 { "" } else { "s" };
        writeln!(f, "{changes} change{s}, {dangers} to think about twice (!)")
    }
}

/// What would change if `new` came into force after `old`. Without an `old` one everything is added and nothing is
/// a danger: there is no data yet.
pub fn plan(old: Option<&Charter>, new: &Charter) -> Plan {
    let mut plan = Plan::default();
    rest::company(old, new, &mut plan);
    data::categories(old, new, &mut plan);
    data::fields(old, new, &mut plan);
    search::compounds(old, new, &mut plan);
    rest::purposes(old, new, &mut plan);
    rest::recipients(old, new, &mut plan);
    rest::classes(old, new, &mut plan);
    access::roles(old, new, &mut plan);
    access::approvals(old, new, &mut plan);
    rest::policies(old, new, &mut plan);
    if old.is_none() {
        plan.changes.iter_mut().for_each(|change| change.danger = false);
    }
    plan
}

/// Two lists by name: what went, what came, and what is in both.
struct Pairs<'a, T> {
    removed: Vec<&'a T>,
    added: Vec<&'a T>,
    both: Vec<(&'a T, &'a T)>,
}

fn pair<'a, T>(old: &'a [T], new: &'a [T], name: impl Fn(&T) -> &str) -> Pairs<'a, T> {
    let in_new = |it: &T| new.iter().find(|other| name(other) == name(it));
    Pairs {
        removed: old.iter().filter(|it| in_new(it).is_none()).collect(),
        added: new.iter().filter(|it| !old.iter().any(|other| name(other) == name(it))).collect(),
        both: old
            .iter()
            .filter_map(|it| Some((it, new.iter().find(|other| name(other) == name(it))?)))
            .collect(),
    }
}

/// Names that are only in the new list, and only in the old one.
fn gained_lost<'a>(old: &'a [String], new: &'a [String]) -> (Vec<&'a str>, Vec<&'a str>) {
    let only = |of: &'a [String], without: &[String]| -> Vec<&'a str> {
        of.iter().filter(|name| !without.contains(name)).map(String::as_str).collect()
    };
    (only(new, old), only(old, new))
}
