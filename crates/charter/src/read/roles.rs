//! `roles.yaml`: who may do what, for which purposes, and how much of each field they see.

use super::{Draft, Keys, Names, declared, list, name_rule, names};
use crate::model::{Holder, View};
use crate::problem::{At, Placed, Sink};
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
}

/// One entry of `sees` as written.
#[derive(Debug)]
pub(crate) struct DraftSees {
    pub(crate) at: At,
    pub(crate) fields: Names,
    pub(crate) reads: View,
    pub(crate) reveals: Placed<View>,
}

const KEYS: &[&str] = &["title", "holder", "actions", "purposes", "sees"];

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    declared(tree, "roles", 200, name_rule, sink, |name, at, node, sink| {
        let mut role = DraftRole {
            name: Placed { value: name.to_owned(), at },
            title: None,
            holder: None,
            actions: Names::default(),
            purposes: Names::default(),
            sees: Vec::new(),
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
            role.sees = entries.iter().filter_map(|node| sees(node, name, sink)).collect();
        }
        draft.roles.push(role);
    });
}

fn sees(node: &Node, role: &str, sink: &mut Sink<'_>) -> Option<DraftSees> {
    let what = format!("`sees` of role `{role}`");
    let keys = Keys::open(node, what, node.at, &["fields", "reads", "reveals"], sink)?;
    let fields = keys.names("fields", sink);
    let reads = keys.word("reads", sink);
    let reveals = match keys.get("reveals") {
        Some(node) => Placed { value: super::word(node, sink)?, at: node.at },
        // A reveal shows no less than a read did.
        None => Placed { value: reads?, at: node.at },
    };
    Some(DraftSees { at: node.at, fields, reads: reads?, reveals })
}
