//! Changes of how subjects are found beside exact values: beginnings, sounds, ranges, and several fields at once.

use super::{Plan, pair};
use crate::charter::Charter;
use crate::leak::{self, BY_BEGINNINGS, BY_RANGE, BY_SOUND, WHOEVER};
use crate::model::{Compound, Field, Search};
use crate::problem::quoted;

/// What is said of the ways in which a new field can be searched.
pub(super) fn of_new(search: &Search) -> String {
    let ways = [
        search.prefix.map(|_| BY_BEGINNINGS),
        search.fuzzy.map(|_| BY_SOUND),
        search.range.map(|_| BY_RANGE),
    ];
    ways.into_iter().flatten().map(|way| format!(", searchable {way}")).collect()
}

/// The ways in which a field can be searched now and could before.
pub(super) fn field(was: &Field, is: &Field, say: &mut impl FnMut(String, bool)) {
    let (old, new) = (&was.search, &is.search);
    way(BY_BEGINNINGS, old.prefix.map(|it| it.bits), new.prefix.map(|it| it.bits), say);
    if let (Some(old), Some(new)) = (old.prefix, new.prefix)
        && (old.from, old.to) != (new.from, new.to)
    {
        let effect = format!(
            "beginnings of {} to {} characters instead of {} to {}: the index has to be built again",
            new.from, new.to, old.from, old.to
        );
        say(effect, false);
    }
    way(BY_SOUND, old.fuzzy.map(|it| it.bits), new.fuzzy.map(|it| it.bits), say);
    way(BY_RANGE, old.range.map(|it| it.bits), new.range.map(|it| it.bits), say);
    if let (Some(old), Some(new)) = (old.range, new.range)
        && old.by != new.by
    {
        say(format!("ranges by {} instead of {}: the index has to be built again", new.by, old.by), false);
    }
    let known = leak::seen_by_search(old, &was.of);
    for (_, seen) in leak::seen_by_search(new, &is.of).into_iter().filter(|seen| !known.contains(seen)) {
        say(format!("{WHOEVER} {seen}"), true);
    }
}

/// One way, and the length of its index terms.
fn way(way: &str, was: Option<Option<u8>>, is: Option<Option<u8>>, say: &mut impl FnMut(String, bool)) {
    match (was, is) {
        (None, Some(_)) => {
            say(format!("can be searched {way}: stored values have to be indexed first"), false);
        }
        (Some(_), None) => say(format!("can no longer be searched {way}"), false),
        (Some(was), Some(is)) if was != is => say(format!("{way}, {}", terms_of(is)), false),
        _ => {}
    }
}

/// What another length of index terms means.
pub(super) fn terms_of(bits: Option<u8>) -> String {
    let bits =
        bits.map_or_else(|| "as many bits as planned subjects need".into(), |bits| format!("{bits} bits"));
    format!("index terms of {bits}: the index has to be built again")
}

pub(super) fn compounds(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::compounds), new.compounds(), |it| &it.name);
    let what = |compound: &Compound| format!("compound `{}`", compound.name);
    for it in pairs.removed {
        plan.removed(what(it), format!("subjects can no longer be searched by {} at once", parts(it)), false);
    }
    for it in pairs.added {
        let first = if old.is_some() { ": stored values have to be indexed first" } else { "" };
        plan.added(what(it), format!("finds subjects by {} at once{first}", parts(it)), false);
    }
    for (was, is) in pairs.both {
        let mut say = |effect: String| plan.changed(what(is), effect, false);
        if was.title != is.title {
            say(format!("now called “{}”", is.title));
        }
        if was.parts != is.parts {
            say(format!(
                "finds subjects by {} instead of {}: the index has to be built again",
                parts(is),
                parts(was)
            ));
        }
        if was.bits != is.bits {
            say(terms_of(is.bits));
        }
    }
}

fn parts(compound: &Compound) -> String {
    let parts: Vec<String> = compound.parts.iter().map(ToString::to_string).collect();
    quoted(parts.iter().map(String::as_str))
}
