//! From the draft to a charter: names resolved across files, and the parts held against each other.
//!
//! What is refused here would make the charter say one thing and the server do another: a role that is promised a
//! field none of its purposes may touch, a recipient that gets more than its purposes need, an index that gives away
//! what the field hides. What is only unwise is a warning (`warn`).

mod cards;
mod declared;
mod glass;
mod search;
mod tokens;

use self::declared::Declared;
use crate::action::{self, ACTIONS};
use crate::charter::Charter;
use crate::model::{
    Approval, Compound, Field, Holder, KeyKind, Purpose, Recipient, RetentionClass, Role, Sees, Sensitivity,
    View,
};
use crate::problem::{At, Placed, Problem, Sink, quoted, shown, suggest};
use crate::read::{
    Draft, DraftApproval, DraftClass, DraftField, DraftPurpose, DraftRecipient, DraftRole, DraftSees,
};
use crate::types::{FieldType, Mask};
use crate::warn;

/// Resolves a draft. `None`, or problems: it is not a charter.
pub(crate) fn resolve(draft: Draft, problems: &mut Vec<Problem>) -> Option<Charter> {
    let places = warn::Places::of(&draft);
    let names = Declared::of(&draft);

    let mut sink = Sink { file: "data.yaml", problems };
    check_namespaces(&draft, &mut sink);
    let fields: Vec<Field> =
        draft.fields.into_iter().filter_map(|field| resolve_field(field, &names, &mut sink)).collect();
    let compounds: Vec<Compound> = draft
        .compounds
        .into_iter()
        .filter_map(|compound| search::resolve_compound(compound, &fields, &names, &mut sink))
        .collect();

    let mut sink = Sink { file: "purposes.yaml", problems };
    let purposes: Vec<Purpose> = draft
        .purposes
        .into_iter()
        .filter_map(|purpose| resolve_purpose(purpose, &names, &mut sink))
        .collect();

    let mut sink = Sink { file: "recipients.yaml", problems };
    let domain = draft.company.as_ref().map(|company| company.token_domain.is_some());
    let recipients = draft
        .recipients
        .into_iter()
        .filter_map(|it| resolve_recipient(it, &names, &fields, domain, &mut sink))
        .collect();

    let classes = draft.classes.into_iter().filter_map(resolve_class).collect();

    let mut sink = Sink { file: "roles.yaml", problems };
    glass::check(&draft.roles, &mut sink);
    let roles: Vec<Role> =
        draft.roles.into_iter().filter_map(|role| resolve_role(role, &names, &fields, &mut sink)).collect();

    let mut sink = Sink { file: "approvals.yaml", problems };
    let approvals =
        draft.approvals.into_iter().filter_map(|it| resolve_approval(it, &roles, &mut sink)).collect();

    let mut charter = Charter {
        company: draft.company?,
        languages: draft.languages,
        planned_subjects: draft.planned_subjects?,
        sent_codes: draft.sent_codes,
        categories: draft.categories.into_iter().map(|category| category.value).collect(),
        fields,
        compounds,
        purposes,
        recipients,
        classes,
        roles,
        approvals,
        warnings: Vec::new(),
        sources: Vec::new(),
    };
    charter.warnings = warn::warnings(&charter, &places);
    Some(charter)
}

/// A name must mean one thing: a field, a category, or a compound index.
fn check_namespaces(draft: &Draft, sink: &mut Sink<'_>) {
    let category = |name: &Placed<String>| {
        let found = draft.categories.iter().find(|category| category.value.name == name.value);
        found.map(|category| (category.at.line, "category"))
    };
    let field = |name: &Placed<String>| {
        let found = draft.fields.iter().find(|field| field.name.value == name.value);
        found.map(|field| (field.name.at.line, "field"))
    };
    let mut told = |name: &Placed<String>, (line, what): (usize, &str), help: &str| {
        let message = format!("`{}` is already the name of a {what}, on line {line}", name.value);
        sink.help(name.at, message, help);
    };
    for name in draft.fields.iter().map(|field| &field.name) {
        if let Some(taken) = category(name) {
            told(name, taken, "give one of them another name: purposes and roles name both in one list");
        }
    }
    for name in draft.compounds.iter().map(|compound| &compound.name) {
        if let Some(taken) = field(name).or_else(|| category(name)) {
            told(name, taken, "give it another name: a search names either by one word");
        }
    }
}

fn resolve_field(draft: DraftField, names: &Declared, sink: &mut Sink<'_>) -> Option<Field> {
    cards::check_security_code(&draft, sink);
    let category = draft.category.filter(|name| names.category(name, sink));
    let class = draft.class.filter(|name| names.class(name, sink));
    let of = draft.of?;
    search::check_index(draft.index.as_ref(), &of.value, sink);
    let search = search::resolve_search(draft.search.as_ref(), &of.value, sink);
    let sensitivity = draft.sensitivity?;
    check_sensitivity(sensitivity.value, sensitivity.at, &of.value, sink);
    let masks = draft.masks?;
    let told = cards::check_masks(&of.value, &masks, sink);
    let delicate = !told && sensitivity.value >= Sensitivity::Delicate;
    for (at, mask) in [(masks.partial_at, masks.masks.partial), (masks.masked_at, masks.masks.masked)] {
        if let Some(at) = at.filter(|_| delicate && mask == Mask::Full) {
            let message = format!("a mask of a {} field cannot be `full`", sensitivity.value);
            sink.help(at, message, "whoever needs the value is given the view `clear` in `roles.yaml`");
        }
    }
    if masks.masks.partial < masks.masks.masked {
        let at = masks.masked_at.or(masks.partial_at).unwrap_or(draft.name.at);
        let message = format!(
            "masked shows more than partial: `{}` against `{}`",
            masks.masks.masked, masks.masks.partial
        );
        sink.help(at, message, "masked is the narrower of the two views; swap them");
    }
    Some(Field {
        name: draft.name.value,
        title: draft.title?,
        of: of.value,
        list: draft.list,
        required: draft.required,
        category: category?.value,
        sensitivity: sensitivity.value,
        class: class?.value,
        index: draft.index.map(|index| index.value),
        search,
        masks: masks.masks,
    })
}

/// Numbers that open accounts and prove who somebody is are never ordinary.
fn check_sensitivity(sensitivity: Sensitivity, at: At, of: &FieldType, sink: &mut Sink<'_>) {
    if matches!(of, FieldType::Card | FieldType::NationalId { .. }) && sensitivity < Sensitivity::Delicate {
        let message = format!("a field of type `{}` cannot be `{sensitivity}`", of.name());
        sink.help(
            at,
            message,
            "write `sensitivity: delicate`: with such a number others can act in the customer's name",
        );
    }
}

fn resolve_purpose(draft: DraftPurpose, names: &Declared, sink: &mut Sink<'_>) -> Option<Purpose> {
    let fields = names.expand(&draft.fields, sink);
    Some(Purpose {
        name: draft.name.value,
        title: draft.title?,
        legal_basis: draft.legal_basis?,
        fields,
        reason: draft.reason?,
    })
}

fn resolve_recipient(
    draft: DraftRecipient,
    names: &Declared,
    fields: &[Field],
    domain: Option<bool>,
    sink: &mut Sink<'_>,
) -> Option<Recipient> {
    let name = &draft.name;
    let served = names.purposes(&draft.purposes, sink);
    if draft.purposes.read && draft.purposes.names.is_empty() {
        sink.help(
            name.at,
            format!("recipient `{}` serves no purpose", name.value),
            "name at least one in `purposes`",
        );
    } else if let Some(reach) = names.reach(&draft.purposes) {
        for (written, outside) in names.outside(&draft.fields.names, &reach) {
            let message = format!(
                "recipient `{}` is given {}, which none of its purposes ({}) needs",
                name.value,
                quoted(outside),
                quoted(served.iter().map(String::as_str)),
            );
            sink.help(
                written.at,
                message,
                "take the field away here, or add it to a purpose in `purposes.yaml`",
            );
        }
    }
    let own = names.expand(&draft.fields, sink);
    let sure = names.knows_all(&draft.fields);
    let given = tokens::Given { recipient: &name.value, names: &own, sure, fields, domain };
    let tokens = tokens::resolve(&draft.tokens, &given, names, sink);
    Some(Recipient {
        name: draft.name.value,
        title: draft.title?,
        kind: draft.kind?,
        country: draft.country?,
        purposes: served,
        fields: own,
        tokens: tokens?,
        contract: draft.contract?,
        networks: draft.networks?.into_iter().map(|network| network.value).collect(),
    })
}

fn resolve_class(draft: DraftClass) -> Option<RetentionClass> {
    Some(RetentionClass {
        name: draft.name.value,
        title: draft.title?,
        keep: draft.keep?,
        after: draft.after?,
        from_year_end: draft.from_year_end,
        why: draft.why?,
    })
}

fn resolve_role(draft: DraftRole, names: &Declared, all: &[Field], sink: &mut Sink<'_>) -> Option<Role> {
    let claimed = names.purposes(&draft.purposes, sink);
    check_actions(&draft, sink);
    let reach = names.reach(&draft.purposes);
    let mut seen: Vec<(String, At)> = Vec::new();
    let mut sees = Vec::new();
    for entry in &draft.sees {
        let fields = names.expand(&entry.fields, sink);
        check_entry(entry, &draft.name.value, &claimed, reach.as_deref(), names, sink);
        cards::check_sees(entry, &fields, &draft.name.value, draft.holder, all, sink);
        for field in &fields {
            if let Some((_, first)) = seen.iter().find(|(name, _)| name == field) {
                let message = format!("role `{}` is told twice what it sees of `{field}`", draft.name.value);
                sink.help(
                    entry.at,
                    message,
                    format!("the first is on line {}; name the field in one of the two", first.line),
                );
            }
            seen.push((field.clone(), entry.at));
        }
        sees.push(Sees { fields, reads: entry.reads.value, reveals: entry.reveals.value });
    }
    Some(Role {
        name: draft.name.value,
        title: draft.title?,
        holder: draft.holder?,
        actions: draft.actions.names.into_iter().map(|action| action.value).collect(),
        purposes: claimed,
        sees,
        transit: draft.transit.into_iter().flat_map(|keys| keys.names).map(|name| name.value).collect(),
        groups: draft.groups.names.into_iter().map(|name| name.value).collect(),
        daily: draft.daily,
        break_glass: match draft.break_glass {
            Some(glass) => Some(glass::resolve(glass)?),
            None => None,
        },
        keys: draft.keys.map(|keys| keys.value).unwrap_or_default(),
    })
}

/// Only people agree to something, and only those that there are.
fn resolve_approval(draft: DraftApproval, roles: &[Role], sink: &mut Sink<'_>) -> Option<Approval> {
    let mut approvers = Vec::new();
    for (role, count) in draft.approvers? {
        match roles.iter().find(|known| known.name == role.value) {
            None => {
                let help = suggest(&role.value, roles.iter().map(|role| role.name.as_str()));
                sink.help(role.at, format!("unknown role {}", shown(&role.value)), help);
            }
            Some(known) if known.holder != Holder::Staff => {
                let message = format!("{} is no role of people who work here", shown(&role.value));
                sink.help(role.at, message, "name a role with `holder: staff`");
            }
            Some(known) if known.break_glass.is_some() => {
                let message = format!("role {} sleeps, and agrees to nothing", shown(&role.value));
                sink.help(role.at, message, "name a role without `break_glass`");
            }
            Some(_) => approvers.push((role.value, count)),
        }
    }
    for written in &draft.needed_for.names {
        if action::action(&written.value).is_none() {
            let help = suggest(&written.value, ACTIONS.iter().map(|(name, _)| *name));
            sink.help(written.at, format!("unknown action `{}`", written.value), help);
        }
    }
    Some(Approval {
        name: draft.name.value,
        title: draft.title?,
        approvers,
        minutes: draft.minutes?,
        customers: draft.customers?,
        needed_for: draft.needed_for.names.into_iter().map(|action| action.value).collect(),
    })
}

fn check_actions(draft: &DraftRole, sink: &mut Sink<'_>) {
    let role = &draft.name.value;
    let auditor = draft.holder == Some(Holder::Auditor);
    for written in &draft.actions.names {
        if action::action(&written.value).is_none() {
            let help = suggest(&written.value, ACTIONS.iter().map(|(name, _)| *name));
            sink.help(written.at, format!("unknown action `{}`", written.value), help);
        } else if auditor && !action::fit_for_auditor(&written.value) {
            let fit = ACTIONS.iter().map(|(name, _)| *name).filter(|name| action::fit_for_auditor(name));
            let message = format!(
                "an auditor cannot have `{}`: auditors change nothing and see no personal data",
                written.value
            );
            sink.help(written.at, message, format!("auditors may have {}", quoted(fit)));
        } else if draft.holder.is_some_and(|holder| holder != Holder::Service)
            && action::only_for_services(&written.value)
        {
            let message = format!(
                "only a service can have `{}`: an identity provider calls with its key",
                written.value
            );
            sink.help(written.at, message, "give it to a role of its own with `holder: service`");
        } else if draft.purposes.read
            && draft.purposes.names.is_empty()
            && action::needs_purpose(&written.value)
        {
            let message = format!("role `{role}` may `{}` and has no purpose to do it for", written.value);
            sink.help(written.at, message, "name the purposes it may claim in `purposes`");
        } else if written.value.starts_with("transit.")
            && draft.transit.as_ref().is_none_or(|keys| keys.read && keys.names.is_empty())
        {
            let message = format!("role `{role}` may `{}` and names no standalone key", written.value);
            sink.help(written.at, message, "name the keys it may use: `transit: [orders, \"billing-*\"]`");
        }
    }
    if let Some(group) = draft.groups.names.first()
        && draft.holder.is_some_and(|holder| holder != Holder::Staff)
    {
        let message = format!("role `{role}` is not for staff, and only staff are in groups");
        sink.help(group.at, message, "remove `groups`, or write `holder: staff`");
    }
    if let Some(keys) = draft.keys.as_ref().filter(|keys| keys.value > KeyKind::Any)
        && draft.holder == Some(Holder::Service)
    {
        let message = format!("role `{role}` is for services, and no service has a passkey");
        sink.help(keys.at, message, "remove `keys`");
    }
    if let Some(entry) = draft.sees.first().filter(|_| auditor) {
        sink.help(
            entry.at,
            format!("role `{role}` is held by auditors, who see no personal data"),
            "remove `sees`",
        );
    }
}

/// One entry of `sees`: the views make sense, and every field is one that a purpose of the role may touch.
fn check_entry(
    entry: &DraftSees,
    role: &str,
    claimed: &[String],
    reach: Option<&[&str]>,
    names: &Declared,
    sink: &mut Sink<'_>,
) {
    if entry.reveals.value < entry.reads.value {
        let message =
            format!("`reveals: {}` shows less than `reads: {}`", entry.reveals.value, entry.reads.value);
        let help = format!(
            "a reveal shows at least what a read did: write `reveals: {}` or leave it out",
            entry.reads.value
        );
        sink.help(entry.reveals.at, message, help);
    }
    if entry.reads.value == View::Nothing && entry.reveals.value == View::Nothing {
        sink.help(entry.at, "this entry shows nothing at all", "remove it: what is not named is not shown");
    }
    let Some(reach) = reach else { return };
    for (written, outside) in names.outside(&entry.fields.names, reach) {
        let message = match claimed {
            [] => format!("role `{role}` sees {} and has no purpose", quoted(outside)),
            _ => format!(
                "role `{role}` sees {}, which none of its purposes ({}) touches",
                quoted(outside),
                quoted(claimed.iter().map(String::as_str)),
            ),
        };
        sink.help(written.at, message, "take the field away here, or add it to a purpose in `purposes.yaml`");
    }
}
