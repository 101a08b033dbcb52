//! Roles that sleep until somebody breaks the glass: what they may have, and who says afterwards whether it was right.

use crate::model::{BreakGlass, Daily, Holder};
use crate::problem::{Sink, shown, suggest};
use crate::read::{DraftGlass, DraftRole};

/// What can be done behind broken glass: looking.
const LOOKS: &[&str] = &["subject.read", "subject.search", "subject.reveal", "subject.history"];

/// Everything that is wrong with what sleeps.
pub(super) fn check(roles: &[DraftRole], sink: &mut Sink<'_>) {
    for role in roles {
        let Some(glass) = &role.break_glass else { continue };
        let name = &role.name.value;
        if role.holder.is_some_and(|holder| holder != Holder::Staff) {
            let message = format!("role `{name}` sleeps, and is not for staff");
            sink.help(glass.at, message, "glass is broken by people who are there: write `holder: staff`");
        }
        for action in role.actions.names.iter().filter(|action| !LOOKS.contains(&action.value.as_str())) {
            let message = format!("behind broken glass nobody can {}", shown(&action.value));
            sink.help(action.at, message, "one looks and does nothing else: `subject.read`, `subject.search`, `subject.reveal`, `subject.history`");
        }
        let more = [
            (role.transit.is_some(), "transit"),
            (!role.groups.names.is_empty(), "groups"),
            (role.daily != Daily::default(), "daily"),
        ];
        for (_, key) in more.iter().filter(|(written, _)| *written) {
            let message = format!("role `{name}` sleeps, and has `{key}`");
            let help = match *key {
                "groups" => "it is given by hand, to people by name: remove it",
                _ => "it looks, for as many minutes and customers as `break_glass` says: remove it",
            };
            sink.help(glass.at, message, help);
        }
        if glass.reviewers.read && glass.reviewers.names.is_empty() {
            sink.help(
                glass.at,
                "nobody says whether it was right".to_owned(),
                "name a role: `reviewers: [dpo]`",
            );
        }
        for reviewer in &glass.reviewers.names {
            match roles.iter().find(|known| known.name.value == reviewer.value) {
                None => {
                    let help = suggest(&reviewer.value, roles.iter().map(|role| role.name.value.as_str()));
                    sink.help(reviewer.at, format!("unknown role {}", shown(&reviewer.value)), help);
                }
                Some(known) if known.break_glass.is_some() => {
                    let message = format!("role {} sleeps, and reviews nothing", shown(&reviewer.value));
                    sink.help(reviewer.at, message, "name a role without `break_glass`");
                }
                Some(known) if known.holder.is_some_and(|holder| holder != Holder::Staff) => {
                    let message = format!("{} is no role of people who work here", shown(&reviewer.value));
                    sink.help(reviewer.at, message, "name a role with `holder: staff`");
                }
                Some(_) => {}
            }
        }
    }
}

pub(super) fn resolve(draft: DraftGlass) -> Option<BreakGlass> {
    Some(BreakGlass {
        minutes: draft.minutes?,
        customers: draft.customers?,
        reviewers: draft.reviewers.names.into_iter().map(|name| name.value).collect(),
    })
}
