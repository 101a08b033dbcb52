//! `approvals.yaml`: what somebody may do only when others have agreed, and who these are.

use super::{Draft, Keys, Names, declared, integer, map, name_rule, names};
use crate::problem::{At, Placed, Sink};
use crate::yaml::Node;

/// An approval as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftApproval {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) approvers: Option<Vec<(Placed<String>, u32)>>,
    pub(crate) minutes: Option<u32>,
    pub(crate) customers: Option<u32>,
    pub(crate) needed_for: Names,
}

const KEYS: &[&str] = &["title", "approvers", "minutes", "customers", "needed_for"];
/// Eight hours: what was agreed to is done today or asked for again.
const MOST_MINUTES: i64 = 480;
const MOST_CUSTOMERS: i64 = 1_000_000;

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    declared(tree, "approvals", 100, name_rule, sink, |name, at, node, sink| {
        let name = Placed { value: name.to_owned(), at };
        let what = format!("approval `{}`", name.value);
        draft.approvals.push(match Keys::open(node, what, at, KEYS, sink) {
            Some(keys) => DraftApproval {
                name,
                title: keys.title("title", "...", sink),
                approvers: keys
                    .need("approvers", "{dpo: 1}", sink)
                    .and_then(|node| approvers(node, at, sink)),
                minutes: number(&keys, "minutes", "60", MOST_MINUTES, sink),
                customers: number(&keys, "customers", "1", MOST_CUSTOMERS, sink),
                needed_for: keys
                    .get("needed_for")
                    .map(|node| names(node, "needed_for", sink))
                    .unwrap_or_default(),
            },
            None => DraftApproval {
                name,
                title: None,
                approvers: None,
                minutes: None,
                customers: None,
                needed_for: Names::default(),
            },
        });
    });
}

fn number(keys: &Keys<'_>, key: &str, example: &str, most: i64, sink: &mut Sink<'_>) -> Option<u32> {
    let node = keys.need(key, example, sink)?;
    integer(node, key, 1, most, sink).and_then(|number| u32::try_from(number).ok())
}

/// Roles, and how many of each have to agree.
fn approvers(node: &Node, at: At, sink: &mut Sink<'_>) -> Option<Vec<(Placed<String>, u32)>> {
    let entries = map(node, "`approvers`", sink)?;
    if entries.is_empty() {
        sink.help(at, "nobody has to agree".to_owned(), "name a role and how many of it: `{dpo: 1}`");
        return None;
    }
    let of = |entry: &crate::yaml::Entry, sink: &mut Sink<'_>| {
        let count =
            integer(&entry.value, &entry.key, 1, 5, sink).and_then(|count| u32::try_from(count).ok())?;
        Some((Placed { value: entry.key.clone(), at: entry.at }, count))
    };
    entries.iter().map(|entry| of(entry, sink)).collect()
}
