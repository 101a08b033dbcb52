//! Changes of who may do and see what: roles, and through them people and programs.

use super::{ChangeKind, Plan, gained_lost, pair};
use crate::action;
use crate::charter::Charter;
use crate::model::{Approval, BreakGlass, Daily, KeyKind, Role, View};
use crate::problem::quoted;

pub(super) fn roles(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::roles), new.roles(), |it| &it.name);
    for it in pairs.removed {
        plan.removed(what(it), "whoever holds it may do and see nothing by it any more", false);
    }
    for it in pairs.added {
        let mut effect = format!("for {}: may {}", it.holder, quoted(it.actions.iter().map(String::as_str)));
        if !it.purposes.is_empty() {
            effect.push_str(&format!(", for {}", quoted(it.purposes.iter().map(String::as_str))));
        }
        if !it.transit.is_empty() {
            effect.push_str(&format!(", with keys {}", quoted(it.transit.iter().map(String::as_str))));
        }
        if !it.groups.is_empty() {
            let groups = quoted(it.groups.iter().map(String::as_str));
            effect.push_str(&format!(", held by whoever is in group {groups}"));
        }
        if it.keys > KeyKind::Any {
            effect.push_str(&format!(", with a passkey that is `{}`", it.keys));
        }
        let limits = in_a_day(&it.daily);
        if !limits.is_empty() {
            effect.push_str(&format!(", in a day at most {limits}"));
        }
        if let Some(glass) = &it.break_glass {
            effect.push_str(&format!(", only behind broken glass: {}", behind(glass)));
        }
        plan.added(what(it), effect, it.actions.iter().any(|action| !action::fit_for_auditor(action)));
        views(None, it, ChangeKind::Added, new, plan);
    }
    for (was, is) in pairs.both {
        let mut say = |effect: String, danger: bool| plan.changed(what(is), effect, danger);
        if was.title != is.title {
            say(format!("now called “{}”", is.title), false);
        }
        if was.holder != is.holder {
            say(format!("for {} instead of {}", is.holder, was.holder), true);
        }
        let (gained, lost) = gained_lost(&was.actions, &is.actions);
        if !gained.is_empty() {
            let danger = gained.iter().any(|action| !action::fit_for_auditor(action));
            say(format!("gains {}", quoted(gained)), danger);
        }
        if !lost.is_empty() {
            say(format!("loses {}", quoted(lost)), false);
        }
        let (gained, lost) = gained_lost(&was.purposes, &is.purposes);
        if !gained.is_empty() {
            say(format!("may also claim {}", quoted(gained)), true);
        }
        if !lost.is_empty() {
            say(format!("may no longer claim {}", quoted(lost)), false);
        }
        let (gained, lost) = gained_lost(&was.transit, &is.transit);
        if !gained.is_empty() {
            say(format!("may also use keys {}", quoted(gained)), true);
        }
        if !lost.is_empty() {
            say(format!("may no longer use keys {}", quoted(lost)), false);
        }
        let (gained, lost) = gained_lost(&was.groups, &is.groups);
        if !gained.is_empty() {
            say(format!("now held by whoever is in group {}", quoted(gained)), true);
        }
        if !lost.is_empty() {
            say(format!("no longer held for being in group {}", quoted(lost)), false);
        }
        match (&was.break_glass, &is.break_glass) {
            (Some(before), Some(now)) if before != now => {
                let more = now.minutes > before.minutes || now.customers > before.customers;
                let fewer = before.reviewers.iter().any(|role| !now.reviewers.contains(role));
                say(
                    format!("behind broken glass {} instead of {}", behind(now), behind(before)),
                    more || fewer,
                );
            }
            (Some(_), None) => say("may all of it without breaking glass".to_owned(), true),
            (None, Some(now)) => {
                say(format!("sleeps until its holder breaks the glass: {}", behind(now)), false)
            }
            _ => {}
        }
        if was.keys != is.keys {
            say(
                format!("asks for a passkey that is `{}` instead of `{}`", is.keys, was.keys),
                is.keys < was.keys,
            );
        }
        for ((key, before), (_, now)) in was.daily.all().into_iter().zip(is.daily.all()) {
            let told =
                |limit: Option<u32>| limit.map_or_else(|| "any number".to_owned(), |limit| limit.to_string());
            if before != now {
                let more = before.is_some_and(|before| now.is_none_or(|now| now > before));
                say(format!("in a day {} of `{key}` instead of {}", told(now), told(before)), more);
            }
        }
        // Fields that are gone are told as such; here only those that still are.
        views(Some(was), is, ChangeKind::Changed, new, plan);
    }
}

fn behind(glass: &BreakGlass) -> String {
    let reviewers = quoted(glass.reviewers.iter().map(String::as_str));
    format!("{} minutes, {} customers, reviewed by {reviewers}", glass.minutes, glass.customers)
}

fn in_a_day(daily: &Daily) -> String {
    let said = daily.all().into_iter().filter_map(|(key, limit)| Some(format!("{} `{key}`", limit?)));
    said.collect::<Vec<_>>().join(", ")
}

fn what(role: &Role) -> String {
    format!("role `{}`", role.name)
}

/// What a role really shows of a field: on reading, and at most. A view without an action that shows it is nothing.
fn effective(role: &Role, field: &str) -> (View, View) {
    let has = |what: fn(&str) -> bool| role.actions.iter().any(|action| what(action));
    let Some(sees) = role.sees(field) else { return (View::Nothing, View::Nothing) };
    let reads = if has(action::reads) { sees.reads } else { View::Nothing };
    let reveals = if has(action::reveals) { sees.reveals } else { reads };
    (reads, reveals)
}

/// One change for each group of fields that change in the same way.
fn views(was: Option<&Role>, is: &Role, kind: ChangeKind, new: &Charter, plan: &mut Plan) {
    type Views = (View, View);
    let mut groups: Vec<((Views, Views), Vec<&str>)> = Vec::new();
    for field in new.fields() {
        let before = was.map_or((View::Nothing, View::Nothing), |role| effective(role, &field.name));
        let after = effective(is, &field.name);
        if before == after {
            continue;
        }
        match groups.iter_mut().find(|(change, _)| *change == (before, after)) {
            Some((_, fields)) => fields.push(&field.name),
            None => groups.push(((before, after), vec![&field.name])),
        }
    }
    for ((before, after), fields) in groups {
        let more = after.0 > before.0 || after.1 > before.1;
        let now = if was.is_some() { "now sees" } else { "sees" };
        let until = if was.is_some() { format!(" (until now {})", in_words(before)) } else { String::new() };
        plan.push(kind, what(is), format!("{now} {} {}{until}", quoted(fields), in_words(after)), more);
    }
}

fn in_words((reads, reveals): (View, View)) -> String {
    let word = |view| match view {
        View::Nothing => "not at all",
        View::Token => "as a token",
        View::Masked => "masked",
        View::Partial => "in part",
        View::Clear => "in clear",
    };
    match (reads, reveals) {
        (View::Nothing, View::Nothing) => word(View::Nothing).into(),
        (View::Nothing, reveals) => format!("{} when revealing only", word(reveals)),
        (reads, reveals) if reads == reveals => word(reads).into(),
        (reads, reveals) => format!("{}, {} when revealing", word(reads), word(reveals)),
    }
}

pub(super) fn approvals(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::approvals), new.approvals(), |it| &it.name);
    let what = |approval: &Approval| format!("approval `{}`", approval.name);
    for it in pairs.removed {
        plan.removed(what(it), "gone", !it.needed_for.is_empty());
    }
    for it in pairs.added {
        plan.added(what(it), format!("by {}{}", agreeing(it), needed(it)), false);
    }
    for (was, is) in pairs.both {
        let mut say = |effect: String, danger: bool| plan.changed(what(is), effect, danger);
        if was.title != is.title {
            say(format!("now called “{}”", is.title), false);
        }
        if was.approvers != is.approvers {
            let fewer = was.approvers.iter().any(|(role, count)| {
                is.approvers.iter().find(|(now, _)| now == role).is_none_or(|(_, now)| now < count)
            });
            say(format!("by {} instead of {}", agreeing(is), agreeing(was)), fewer);
        }
        if was.minutes != is.minutes {
            let effect = format!("holds for {} minutes instead of {}", is.minutes, was.minutes);
            say(effect, is.minutes > was.minutes);
        }
        let gone: Vec<_> = was.needed_for.iter().filter(|action| !is.needed_for.contains(action)).collect();
        for action in &gone {
            say(format!("`{action}` needs it no longer"), true);
        }
        for action in is.needed_for.iter().filter(|action| !was.needed_for.contains(action)) {
            say(format!("`{action}` needs it from now on"), false);
        }
        if was.customers != is.customers {
            let effect = format!("for at most {} customers instead of {}", is.customers, was.customers);
            say(effect, is.customers > was.customers);
        }
    }
}

fn needed(approval: &Approval) -> String {
    match approval.needed_for.is_empty() {
        true => String::new(),
        false => format!(", before `{}`", approval.needed_for.join("`, `")),
    }
}

fn agreeing(approval: &Approval) -> String {
    let of = |(role, count): &(String, u32)| format!("{count} × `{role}`");
    approval.approvers.iter().map(of).collect::<Vec<_>>().join(" and ")
}
