//! Which standalone keys a caller may use. A role of the charter names them beside the actions on them, so it takes one role
//! that has both: the action of one and the names of another give nothing.

use avouch_charter::Role;
use avouch_policy::{Action, Need};

use super::Caller;
use crate::rules::Rules;

/// Whether the caller may do this with a key of that name, whether there is one or not.
pub(crate) fn may_use(rules: &Rules, caller: &Caller, action: Action, name: &str) -> bool {
    caller.is_system() || able(rules, caller, action).any(|role| role.transit_allows(name))
}

/// What a caller lacks that may not use the key of that name; `None` for one that lacks the action itself, and is told so.
pub(super) fn missing(
    rules: &Rules,
    caller: &Caller,
    action: Action,
    name: &str,
    allowed: bool,
) -> Option<Need> {
    if may_use(rules, caller, action, name) {
        return None;
    }
    let mut keys: Vec<String> = able(rules, caller, action).flat_map(|role| &role.transit).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    (allowed || !keys.is_empty()).then_some(Need::Key { keys })
}

/// The caller's roles that have the action.
fn able<'r>(rules: &'r Rules, caller: &'r Caller, action: Action) -> impl Iterator<Item = &'r Role> {
    let roles = caller.roles().iter().filter_map(|name| rules.charter.role(name));
    roles.filter(move |role| role.may(action.as_str()))
}
