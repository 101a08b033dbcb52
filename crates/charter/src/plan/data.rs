//! Changes of what is kept: categories, fields, their types, indexes, masks and classes.

use super::{Plan, gained_lost, pair, search};
use crate::charter::Charter;
use crate::leak;
use crate::model::{Field, Index, View};
use crate::problem::quoted;
use crate::types::{FieldType, Mask};

pub(super) fn categories(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::categories), new.categories(), |it| &it.name);
    let what = |name: &str| format!("category `{name}`");
    for it in pairs.removed {
        plan.removed(what(&it.name), "gone", false);
    }
    for it in pairs.added {
        plan.added(what(&it.name), it.title.clone(), false);
    }
    for (was, is) in pairs.both {
        if was.title != is.title {
            plan.changed(what(&is.name), format!("now called “{}”", is.title), false);
        }
    }
}

pub(super) fn fields(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::fields), new.fields(), |it| &it.name);
    let what = |field: &Field| format!("field `{}`", field.name);
    for it in pairs.removed {
        let effect = "nobody can read, change or search its stored values any more; they stay sealed until their subject is erased";
        plan.removed(what(it), effect, true);
    }
    for it in pairs.added {
        let list = if it.list { "several values of type" } else { "a value of type" };
        let mut effect =
            format!("{list} `{}`, {}, kept by class `{}`", it.of.name(), it.sensitivity, it.class);
        if let Some(index) = &it.index {
            effect.push_str(if index.unique { ", searchable, unique" } else { ", searchable" });
        }
        effect.push_str(&search::of_new(&it.search));
        if it.required {
            effect.push_str(", required: subjects that exist do not have it yet");
        }
        plan.added(what(it), effect, it.required || it.leaks_frequency() || !it.search.is_none());
    }
    for (was, is) in pairs.both {
        let mut say = |effect: String, danger: bool| plan.changed(what(is), effect, danger);
        shape(was, is, &mut say);
        index(was, is, &mut say);
        search::field(was, is, &mut say);
        care(was, is, new, &mut say);
    }
}

/// Type, number of values, title.
fn shape(was: &Field, is: &Field, say: &mut impl FnMut(String, bool)) {
    if was.title != is.title {
        say(format!("now called “{}”", is.title), false);
    }
    if was.of != is.of {
        let (effect, danger) = retyped(&was.of, &is.of);
        say(effect, danger);
    }
    match (was.list, is.list) {
        (false, true) => say("may now have several values".into(), false),
        (true, false) => {
            say("may now have one value only: subjects that have several must be mended".into(), true)
        }
        _ => {}
    }
    match (was.required, is.required) {
        (false, true) => say("is now required: subjects without it must be mended".into(), true),
        (true, false) => say("is no longer required".into(), false),
        _ => {}
    }
}

fn retyped(was: &FieldType, is: &FieldType) -> (String, bool) {
    match (was, is) {
        (FieldType::Text { max: was }, FieldType::Text { max: is }) => {
            (format!("at most {is} characters instead of {was}"), is < was)
        }
        (FieldType::Choice { options: was }, FieldType::Choice { options: is }) => {
            let (gained, lost) = gained_lost(was, is);
            let mut parts = Vec::new();
            if !gained.is_empty() {
                parts.push(format!("new options {}", quoted(gained)));
            }
            if !lost.is_empty() {
                parts.push(format!(
                    "options {} are gone: subjects that have them keep them until changed",
                    quoted(lost.clone())
                ));
            }
            if parts.is_empty() {
                parts.push("options in another order".into());
            }
            (parts.join("; "), !lost.is_empty())
        }
        (FieldType::Number { .. }, FieldType::Number { min, max }) => {
            let bound =
                |bound: &Option<i64>| bound.map_or_else(|| "any".to_owned(), |number| number.to_string());
            (format!("numbers from {} to {}", bound(min), bound(max)), true)
        }
        (FieldType::Phone { .. }, FieldType::Phone { country }) => {
            let country = country.as_deref().unwrap_or("no country");
            (format!("numbers without a country code are now read as of {country}"), false)
        }
        (FieldType::NationalId { .. }, FieldType::NationalId { country }) => {
            let country = country.as_deref().unwrap_or("no country");
            (format!("numbers are now compared as of {country}: an index of it has to be built again"), true)
        }
        _ => {
            let effect = "stored values that do not fit the new type cannot be searched and show only as hidden until changed";
            (format!("type `{}` instead of `{}`: {effect}", is.name(), was.name()), true)
        }
    }
}

fn index(was: &Field, is: &Field, say: &mut impl FnMut(String, bool)) {
    match (&was.index, &is.index) {
        (None, Some(index)) => {
            let mut effect = "becomes searchable: stored values have to be indexed first".to_owned();
            if index.unique {
                effect.push_str("; no two subjects may share a value");
            }
            say(effect, index.unique);
        }
        (Some(index), None) => {
            let unique = if index.unique { ", and two subjects may share a value" } else { "" };
            say(format!("can no longer be searched{unique}"), index.unique);
        }
        (Some(was), Some(is)) => reindexed(was, is, say),
        (None, None) => {}
    }
    if is.leaks_frequency() && !was.leaks_frequency() {
        say(leak::told(&is.of).to_owned(), true);
    }
}

fn reindexed(was: &Index, is: &Index, say: &mut impl FnMut(String, bool)) {
    match (was.unique, is.unique) {
        (false, true) => say("becomes unique: subjects that share a value must be mended first".into(), true),
        (true, false) => say("two subjects may now share a value".into(), true),
        _ => {}
    }
    if was.bits != is.bits {
        say(search::terms_of(is.bits), false);
    }
}

/// Sensitivity, category, class and masks.
fn care(was: &Field, is: &Field, new: &Charter, say: &mut impl FnMut(String, bool)) {
    if was.sensitivity != is.sensitivity {
        say(format!("{} instead of {}", is.sensitivity, was.sensitivity), is.sensitivity < was.sensitivity);
    }
    if was.category != is.category {
        say(format!("moves from category `{}` to `{}`", was.category, is.category), false);
    }
    if was.class != is.class {
        let keep = new.class(&is.class).map(|class| format!(", kept {} after {}", class.keep, class.after));
        let keep = keep.unwrap_or_default();
        say(format!("moves from class `{}` to `{}`{keep}", was.class, is.class), true);
    }
    for (name, view, was, now) in [
        ("partial", View::Partial, was.masks.partial, is.masks.partial),
        ("masked", View::Masked, was.masks.masked, is.masks.masked),
    ] {
        if was != now {
            let viewers = viewers(new, &is.name, view);
            let (how, danger) = compared(was, now);
            say(format!("the {name} view {how}: `{now}` instead of `{was}`{viewers}"), danger);
        }
    }
}

fn compared(was: Mask, now: Mask) -> (&'static str, bool) {
    if now < was {
        ("shows less", false)
    } else if now > was {
        ("shows more", true)
    } else {
        ("shows something else", true)
    }
}

/// The roles that get a field in this view.
fn viewers(charter: &Charter, field: &str, view: View) -> String {
    let sees = charter
        .roles()
        .iter()
        .filter(|role| role.sees(field).is_some_and(|it| it.reads == view || it.reveals == view));
    let names = quoted(sees.map(|role| role.name.as_str()));
    if names.is_empty() { names } else { format!(", seen so by {names}") }
}
