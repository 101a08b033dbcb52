//! `roles.yaml`: who may do what, for which purposes, and how much of each field they see.

use super::{Draft, Keys, Names, declared, integer, list, name_rule, names};
use crate::model::{BreakGlass, Daily, Holder, KeyKind, View};
use crate::problem::{At, Placed, Sink, shown};
use crate::words::Word;
use crate::yaml::Node;

/// A role as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftRole {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) holder: Option<Holder>,
    pub(crate) actions: Names,
    pub(crate) purposes: Names,
    pub(crate) sees: Vec<DraftSees>,
    /// Names of standalone keys; `None` if nothing is said of them.
    pub(crate) transit: Option<Names>,
    /// Names of groups of an identity provider.
    pub(crate) groups: Names,
    /// How much in a day.
    pub(crate) daily: Daily,
    /// What it is woken for, if it sleeps.
    pub(crate) break_glass: Option<DraftGlass>,
    /// What a passkey has to be.
    pub(crate) keys: Option<Placed<KeyKind>>,
}

/// `break_glass` of a role as written.
#[derive(Debug)]
pub(crate) struct DraftGlass {
    pub(crate) at: At,
    pub(crate) minutes: Option<u32>,
    pub(crate) customers: Option<u32>,
    pub(crate) reviewers: Names,
}

/// One entry of `sees` as written.
#[derive(Debug)]
pub(crate) struct DraftSees {
    pub(crate) at: At,
    pub(crate) fields: Names,
    pub(crate) reads: Placed<View>,
    pub(crate) reveals: Placed<View>,
}

const KEYS: &[&str] =
    &["title", "holder", "actions", "purposes", "sees", "transit", "groups", "daily", "break_glass", "keys"];

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    declared(tree, "roles", 200, name_rule, sink, |name, at, node, sink| {
        let mut role = DraftRole {
            name: Placed { value: name.to_owned(), at },
            title: None,
            holder: None,
            actions: Names::default(),
            purposes: Names::default(),
            sees: Vec::new(),
            transit: None,
            groups: Names::default(),
            daily: Daily::default(),
            break_glass: None,
            keys: None,
        };
        if let Some(keys) = Keys::open(node, format!("role `{name}`"), at, KEYS, sink) {
            role.title = keys.title("title", "...", sink);
            role.holder = keys.word("holder", sink);
            role.actions = keys.names("actions", sink);
            role.purposes = match keys.get("purposes") {
                Some(node) => names(node, "purposes", sink),
                None => Names { names: Vec::new(), read: true },
            };
            let entries = keys.get("sees").and_then(|node| list(node, "sees", sink)).unwrap_or_default();
            role.transit = keys.get("transit").map(|node| keys_of(node, sink));
            role.groups = keys.get("groups").map(|node| groups(node, sink)).unwrap_or_default();
            role.daily = keys.get("daily").map(|node| daily(node, name, sink)).unwrap_or_default();
            role.break_glass = keys.get("break_glass").and_then(|node| glass(node, name, sink));
            role.keys = keys
                .get("keys")
                .and_then(|node| Some(Placed { value: super::word(node, sink)?, at: node.at }));
            role.sees = entries.iter().filter_map(|node| sees(node, name, sink)).collect();
        }
        draft.roles.push(role);
    });
}

fn sees(node: &Node, role: &str, sink: &mut Sink<'_>) -> Option<DraftSees> {
    let what = format!("`sees` of role `{role}`");
    let keys = Keys::open(node, what, node.at, &["fields", "reads", "reveals"], sink)?;
    let fields = keys.names("fields", sink);
    let reads = keys.need("reads", View::WORDS.first().copied().unwrap_or_default(), sink);
    let reads = reads.and_then(|node| Some(Placed { value: super::word(node, sink)?, at: node.at }));
    let reveals = match keys.get("reveals") {
        Some(node) => Placed { value: super::word(node, sink)?, at: node.at },
        // A reveal shows no less than a read did.
        None => reads.clone()?,
    };
    Some(DraftSees { at: node.at, fields, reads: reads?, reveals })
}

fn daily(node: &Node, role: &str, sink: &mut Sink<'_>) -> Daily {
    let what = format!("`daily` of role `{role}`");
    let allowed = Daily::default().all().map(|(name, _)| name);
    let Some(keys) = Keys::open(node, what, node.at, &allowed, sink) else { return Daily::default() };
    let number = |key: &str, most: i64, sink: &mut Sink<'_>| {
        integer(keys.get(key)?, key, 1, most, sink).and_then(|number| u32::try_from(number).ok())
    };
    Daily {
        subjects: number("subjects", Daily::MOST_SUBJECTS.into(), sink),
        clear_fields: number("clear_fields", MOST_OF_A_DAY, sink),
        rows_exported: number("rows_exported", MOST_OF_A_DAY, sink),
    }
}

fn glass(node: &Node, role: &str, sink: &mut Sink<'_>) -> Option<DraftGlass> {
    let what = format!("`break_glass` of role `{role}`");
    let keys = Keys::open(node, what, node.at, &["minutes", "customers", "reviewers"], sink)?;
    let number = |key: &str, most: u32, sink: &mut Sink<'_>| {
        let node = keys.need(key, &most.to_string(), sink)?;
        integer(node, key, 1, most.into(), sink).and_then(|number| u32::try_from(number).ok())
    };
    Some(DraftGlass {
        at: node.at,
        minutes: number("minutes", BreakGlass::MOST_MINUTES, sink),
        customers: number("customers", BreakGlass::MOST_CUSTOMERS, sink),
        reviewers: keys.names("reviewers", sink),
    })
}

/// Whoever needs more needs no limit.
const MOST_OF_A_DAY: i64 = 1_000_000_000;

/// Names of standalone keys.
fn keys_of(node: &Node, sink: &mut Sink<'_>) -> Names {
    let found = names(node, "transit", sink);
    for name in found.names.iter().filter(|name| !names_keys(&name.value)) {
        let help = "write small letters, digits, `_` and `-`, 60 at most, beginning with a letter or digit; `*` at the end stands for whatever follows";
        sink.help(name.at, format!("{} cannot name keys", shown(&name.value)), help);
    }
    found
}

/// Names of groups, as the identity provider has them.
fn groups(node: &Node, sink: &mut Sink<'_>) -> Names {
    let found = names(node, "groups", sink);
    for name in found.names.iter().filter(|name| !names_a_group(&name.value)) {
        let help = "write it as the identity provider has it: 1 to 100 characters, without blanks around it";
        sink.help(name.at, format!("{} cannot name a group", shown(&name.value)), help);
    }
    found
}

fn names_a_group(name: &str) -> bool {
    let fits = (1..=100).contains(&name.chars().count()) && name.trim() == name;
    fits && !name.chars().any(char::is_control)
}

/// `[a-z0-9][a-z0-9_-]{0,59}`, or the beginning of such names and `*`.
fn names_keys(name: &str) -> bool {
    let beginning = name.strip_suffix('*');
    let name = beginning.unwrap_or(name);
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    let fits = name.len() <= 60 && name.bytes().all(allowed) && !name.starts_with(['_', '-']);
    fits && (beginning.is_some() || !name.is_empty())
}
