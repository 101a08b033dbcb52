//! Changes of everything around the data: the company, purposes, recipients, retention and additional policies.

use std::cmp::Ordering;

use ipnet::IpNet;

use super::{Plan, gained_lost, pair, tokens};
use crate::charter::{Charter, SourceFile};
use crate::contract::Contract;
use crate::model::{Company, Purpose, Reason, Recipient, RecipientKind, RetentionClass};
use crate::problem::quoted;

pub(super) fn company(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let is = new.company();
    let Some(old) = old else {
        plan.added("company".into(), format!("{}, {}", is.name, is.country), false);
        return;
    };
    let was = old.company();
    let mut say = |what: &str, was: &str, is: &str, danger: bool| {
        if was != is {
            plan.changed(what.into(), format!("{is} instead of {was}"), danger);
        }
    };
    say("company name", &was.name, &is.name, true);
    say("company country", &was.country, &is.country, true);
    say("company contact", &was.contact, &is.contact, false);
    let domain = |company: &Company| company.token_domain.clone().unwrap_or_else(|| "none".to_owned());
    let given_out = was.token_domain.is_some();
    say("domain of e-mail tokens", &domain(was), &domain(is), given_out);
    say("languages", &old.languages().join(", "), &new.languages().join(", "), false);
    let counts = |charter: &Charter| if charter.sent_codes() { "a second factor" } else { "nothing" };
    say("what codes are worth that are sent", counts(old), counts(new), new.sent_codes());
    let planned = |charter: &Charter| charter.planned_subjects().to_string();
    say("planned subjects", &planned(old), &planned(new), false);
}

pub(super) fn purposes(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::purposes), new.purposes(), |it| &it.name);
    let what = |purpose: &Purpose| format!("purpose `{}`", purpose.name);
    for it in pairs.removed {
        plan.removed(what(it), "nobody can claim it any more", false);
    }
    for it in pairs.added {
        let fields = quoted(it.fields.iter().map(String::as_str));
        plan.added(what(it), format!("on the basis `{}`, may touch {fields}", it.legal_basis), true);
    }
    for (was, is) in pairs.both {
        let mut say = |effect: String, danger: bool| plan.changed(what(is), effect, danger);
        if was.title != is.title {
            say(format!("now called “{}”", is.title), false);
        }
        if was.legal_basis != is.legal_basis {
            let effect = "customers were told the old one";
            say(
                format!("on the basis `{}` instead of `{}`: {effect}", is.legal_basis, was.legal_basis),
                true,
            );
        }
        let (gained, lost) = gained_lost(&was.fields, &is.fields);
        if !gained.is_empty() {
            let roles = new.roles().iter().filter(|role| {
                role.purposes.contains(&is.name) && gained.iter().any(|field| role.sees(field).is_some())
            });
            let roles = quoted(roles.map(|role| role.name.as_str()));
            let seen = if roles.is_empty() { roles } else { format!(", seen for it by {roles}") };
            say(format!("may also touch {}{seen}", quoted(gained)), true);
        }
        if !lost.is_empty() {
            say(format!("may no longer touch {}", quoted(lost)), false);
        }
        match (was.reason, is.reason) {
            (Reason::Required, Reason::None) => say("a reveal no longer has to say why".into(), true),
            (Reason::None, Reason::Required) => say("a reveal has to say why".into(), false),
            _ => {}
        }
    }
}

pub(super) fn recipients(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::recipients), new.recipients(), |it| &it.name);
    let what = |recipient: &Recipient| format!("recipient `{}`", recipient.name);
    for it in pairs.removed {
        plan.removed(what(it), "gets nothing any more, and its tokens cannot be turned back", true);
    }
    for it in pairs.added {
        let fields = quoted(it.fields.iter().map(String::as_str));
        plan.added(
            what(it),
            format!(
                "{} in {}, gets {fields}{}{}{}",
                it.kind,
                it.country,
                tokens::of_new(it),
                it.contract.map(|contract| format!(", {}", running(contract))).unwrap_or_default(),
                if it.networks.is_empty() {
                    String::new()
                } else {
                    format!(", from {}", written(&it.networks))
                },
            ),
            true,
        );
    }
    for (was, is) in pairs.both {
        let mut say = |effect: String, danger: bool| plan.changed(what(is), effect, danger);
        if was.title != is.title {
            say(format!("now called “{}”", is.title), false);
        }
        if was.kind != is.kind {
            say(format!("{} instead of {}", is.kind, was.kind), is.kind == RecipientKind::Controller);
        }
        if was.country != is.country {
            say(format!("processes in {} instead of {}", is.country, was.country), true);
        }
        let (gained, lost) = gained_lost(&was.purposes, &is.purposes);
        if !gained.is_empty() {
            say(format!("also serves {}", quoted(gained)), true);
        }
        if !lost.is_empty() {
            say(format!("no longer serves {}", quoted(lost)), false);
        }
        let (gained, lost) = gained_lost(&was.fields, &is.fields);
        if !gained.is_empty() {
            say(format!("also gets {}", quoted(gained)), true);
        }
        if !lost.is_empty() {
            say(
                format!("no longer gets {}, and its tokens of them cannot be turned back", quoted(lost)),
                false,
            );
        }
        tokens::changed(was, is, &mut say);
        match (was.contract, is.contract) {
            (was, is) if was == is => {}
            (Some(_), None) => say("its contract has no days any more".into(), true),
            (_, Some(contract)) => say(format!("now {}", running(contract)), true),
            (None, None) => {}
        }
        if was.networks != is.networks {
            match is.networks.as_slice() {
                [] => say("may come from anywhere that its services may".into(), true),
                networks => say(format!("comes from {}", written(networks)), true),
            }
        }
    }
}

/// `under contract from 2026-01-01 until 2027-12-31`.
fn running(contract: Contract) -> String {
    let until = contract.until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!("under contract from {}{until}", contract.from)
}

fn written(networks: &[IpNet]) -> String {
    let networks: Vec<_> = networks.iter().map(|network| format!("`{network}`")).collect();
    networks.join(", ")
}

pub(super) fn classes(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let pairs = pair(old.map_or(&[][..], Charter::classes), new.classes(), |it| &it.name);
    let what = |class: &RetentionClass| format!("retention class `{}`", class.name);
    for it in pairs.removed {
        plan.removed(what(it), "gone", false);
    }
    for it in pairs.added {
        plan.added(what(it), format!("kept {}", start(it)), false);
    }
    for (was, is) in pairs.both {
        let mut say = |effect: String, danger: bool| plan.changed(what(is), effect, danger);
        if was.title != is.title {
            say(format!("now called “{}”", is.title), false);
        }
        match is.keep.compare(&was.keep) {
            Ordering::Greater => say(format!("kept longer: {} instead of {}", is.keep, was.keep), true),
            Ordering::Less => {
                let due = "what is older falls due at once";
                say(format!("kept shorter: {} instead of {}: {due}", is.keep, was.keep), true);
            }
            Ordering::Equal => {}
        }
        if (was.after, was.from_year_end) != (is.after, is.from_year_end) {
            say(format!("now kept {}", start(is)), true);
        }
        if was.why != is.why {
            say(format!("because: {}", is.why), false);
        }
    }
}

fn start(class: &RetentionClass) -> String {
    let from = if class.from_year_end { "the end of the year of " } else { "" };
    format!("{} after {from}{}", class.keep, class.after)
}

pub(super) fn policies(old: Option<&Charter>, new: &Charter, plan: &mut Plan) {
    let of = |charter: &Charter| -> Vec<SourceFile> { charter.policies().cloned().collect() };
    let (was, is) = (old.map(of).unwrap_or_default(), of(new));
    let pairs = pair(&was, &is, |it| &it.path);
    let what = |file: &SourceFile| format!("policy file `{}`", file.path);
    for it in pairs.removed {
        plan.removed(what(it), "its rules no longer hold", true);
    }
    for it in pairs.added {
        plan.added(what(it), "its rules hold from now on", true);
    }
    for (was, is) in pairs.both {
        if was.text != is.text {
            plan.changed(what(is), "its rules change: read it", true);
        }
    }
}
