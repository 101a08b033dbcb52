//! What is allowed and yet worth knowing, each with the place to look at.
//!
//! A warning never stops a charter from being applied. It says what follows from what was written, in words that a
//! privacy officer can pass on: data collected for nothing, a purpose nobody works for, an index that gives values away.

use crate::action;
use crate::charter::Charter;
use crate::contract::is_wide;
use crate::leak;
use crate::model::{
    Compound, Field, Holder, LegalBasis, Purpose, Reason, Recipient, Role, Sensitivity, TokenKind, View,
};
use crate::problem::{At, Problem, Sink, quoted};
use crate::read::{Draft, DraftField, DraftRecipient};

/// Where everything is declared; the charter itself does not keep places.
pub(crate) struct Places {
    categories: Vec<(String, At)>,
    fields: Vec<(String, At)>,
    indexes: Vec<(String, At)>,
    searches: Vec<(String, At)>,
    compounds: Vec<(String, At)>,
    purposes: Vec<(String, At)>,
    recipients: Vec<(String, At)>,
    /// The rules of each recipient: `mailer` for all its fields, `mailer.email` for one.
    tokens: Vec<(String, At)>,
    classes: Vec<(String, At)>,
    roles: Vec<(String, At)>,
}

impl Places {
    pub(crate) fn of(draft: &Draft) -> Self {
        let index = |field: &DraftField| Some((field.name.value.clone(), field.index.as_ref()?.at));
        let search = |field: &DraftField| Some((field.name.value.clone(), field.search.as_ref()?.at));
        let tokens = |it: &DraftRecipient| {
            let own = it.tokens.fields.iter();
            let own = own.map(|(name, rule)| (format!("{}.{}", it.name.value, name.value), rule.at));
            own.chain([(it.name.value.clone(), it.tokens.default.at)]).collect::<Vec<_>>()
        };
        Self {
            categories: draft.categories.iter().map(|it| (it.value.name.clone(), it.at)).collect(),
            fields: draft.fields.iter().map(|it| (it.name.value.clone(), it.name.at)).collect(),
            searches: draft.fields.iter().filter_map(search).collect(),
            compounds: draft.compounds.iter().map(|it| (it.name.value.clone(), it.name.at)).collect(),
            tokens: draft.recipients.iter().flat_map(tokens).collect(),
            indexes: draft.fields.iter().filter_map(index).collect(),
            purposes: draft.purposes.iter().map(|it| (it.name.value.clone(), it.name.at)).collect(),
            recipients: draft.recipients.iter().map(|it| (it.name.value.clone(), it.name.at)).collect(),
            classes: draft.classes.iter().map(|it| (it.name.value.clone(), it.name.at)).collect(),
            roles: draft.roles.iter().map(|it| (it.name.value.clone(), it.name.at)).collect(),
        }
    }
}

fn place(of: &[(String, At)], name: &str) -> At {
    of.iter().find(|(known, _)| known == name).map_or(At::START, |(_, at)| *at)
}

/// All warnings, in the order of files and lines.
pub(crate) fn warnings(charter: &Charter, places: &Places) -> Vec<Problem> {
    let mut warnings = Vec::new();
    data(charter, places, &mut Sink { file: "data.yaml", problems: &mut warnings });
    purposes(charter, places, &mut Sink { file: "purposes.yaml", problems: &mut warnings });
    recipients(charter, places, &mut Sink { file: "recipients.yaml", problems: &mut warnings });
    retention(charter, places, &mut Sink { file: "retention.yaml", problems: &mut warnings });
    roles(charter, places, &mut Sink { file: "roles.yaml", problems: &mut warnings });
    warnings.sort();
    warnings
}

fn data(charter: &Charter, places: &Places, sink: &mut Sink<'_>) {
    for category in &charter.categories {
        if !charter.fields.iter().any(|field| field.category == category.name) {
            sink.help(
                place(&places.categories, &category.name),
                format!("no field is in category `{}`", category.name),
                "remove it",
            );
        }
    }
    for compound in &charter.compounds {
        let message = format!("compound `{}`: {}", compound.name, leak::told_of_compound(&compound.parts));
        let help = "that is little, as long as they are rarely alike; remove it if nobody has to search so";
        sink.help(place(&places.compounds, &compound.name), message, help);
    }
    for field in &charter.fields {
        let at = place(&places.fields, &field.name);
        let name = &field.name;
        leaks(field, places, sink);
        if !charter.purposes.iter().any(|purpose| purpose.fields.contains(name)) {
            let help = "name it in a purpose, or stop collecting it (Article 5(1)(b) and (c) GDPR)";
            sink.help(at, format!("no purpose uses `{name}`: it is collected for nothing"), help);
        } else if !charter.roles.iter().any(|role| role.sees(name).is_some()) {
            sink.help(
                at,
                format!("no role sees `{name}` in any form: it is kept and nobody can use it"),
                "name it under `sees` of a role, or stop collecting it",
            );
        }
    }
}

/// What a thief of the database learns from the indexes of one field.
fn leaks(field: &Field, places: &Places, sink: &mut Sink<'_>) {
    let name = &field.name;
    let at = place(&places.indexes, name);
    if field.leaks_frequency() {
        let message = format!("the index of `{name}` gives values away: {}", leak::told(&field.of));
        sink.help(at, message, "this was accepted with `allow_frequency_leak: true`; leave the index out if nobody has to search it");
    } else if let Some(told) = leak::told_of_equals(field) {
        let message = format!("the index of `{name}` shows who shares a value: {told}");
        sink.help(at, message, "write `index: unique` if nobody may share one, or leave the index out if nobody has to search it");
    }
    for (way, seen) in leak::seen_by_search(&field.search, &field.of) {
        let message = format!("searching `{name}` {way} gives values away: {} {seen}", leak::WHOEVER);
        sink.help(
            place(&places.searches, name),
            message,
            "this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so",
        );
    }
}

fn purposes(charter: &Charter, places: &Places, sink: &mut Sink<'_>) {
    for purpose in &charter.purposes {
        let at = place(&places.purposes, &purpose.name);
        let name = &purpose.name;
        if !charter.roles.iter().any(|role| role.purposes.contains(name)) {
            sink.help(
                at,
                format!("no role may claim purpose `{name}`"),
                "name it under `purposes` of a role, or remove it",
            );
        }
        let special: Vec<&str> = special(charter, &purpose.fields).collect();
        let weak = matches!(purpose.legal_basis, LegalBasis::Contract | LegalBasis::LegitimateInterests);
        if weak && !special.is_empty() {
            let message = format!(
                "purpose `{name}` uses special categories ({}) on the basis `{}`",
                quoted(special),
                purpose.legal_basis
            );
            sink.help(at, message, "Article 9(2) GDPR knows no such ground: ask for consent, or leave the field out of this purpose");
        }
        let people = charter.roles.iter().find(|role| {
            role.holder == Holder::Staff && role.purposes.contains(name) && role.may("subject.reveal")
        });
        if let Some(role) = people.filter(|_| purpose.reason == Reason::None) {
            let message = format!(
                "people (role `{}`) may reveal data for purpose `{name}` without saying why",
                role.name
            );
            sink.help(at, message, "`reason: none` is meant for programs: remove it");
        }
    }
}

fn special<'a>(charter: &'a Charter, names: &'a [String]) -> impl Iterator<Item = &'a str> {
    names
        .iter()
        .filter_map(|name| charter.field(name))
        .filter(|field| field.sensitivity == Sensitivity::Special)
        .map(|field| field.name.as_str())
}

fn recipients(charter: &Charter, places: &Places, sink: &mut Sink<'_>) {
    for recipient in &charter.recipients {
        let at = place(&places.recipients, &recipient.name);
        let name = &recipient.name;
        tokens(recipient, places, sink);
        for network in recipient.networks.iter().filter(|network| is_wide(network)) {
            sink.help(
                at,
                format!("the network `{network}` of recipient `{name}` is wider than one company's is"),
                "name the networks that its services come from: a whole provider is no place",
            );
        }
        let shares_purpose =
            |role: &&Role| role.purposes.iter().any(|purpose| recipient.purposes.contains(purpose));
        if recipient.fields.is_empty() {
            sink.help(
                at,
                format!("recipient `{name}` is given no field"),
                "name the fields it needs, or remove it",
            );
        } else if !charter.roles.iter().filter(shares_purpose).any(|role| role.may("token.create")) {
            let help = "give a role with one of its purposes the action `token.create`";
            sink.help(
                at,
                format!("nobody can serve recipient `{name}`: no role may make tokens for it"),
                help,
            );
        } else {
            let lost: Vec<&str> = recipient
                .fields
                .iter()
                .map(String::as_str)
                .filter(|field| recipient.tokens.rule(field).kind != TokenKind::OneWay)
                .filter(|field| !resolvable(charter, recipient, field))
                .collect();
            if !lost.is_empty() {
                let message = format!(
                    "recipient `{name}` could never turn its tokens of {} back into values",
                    quoted(lost)
                );
                sink.help(at, message, "that is right if it only has to tell customers apart; else give a service role with one of its purposes `token.detokenize` and let it reveal the fields");
            }
        }
    }
}

/// What a recipient, and whoever holds the vault's keys, learns from its tokens.
fn tokens(recipient: &Recipient, places: &Places, sink: &mut Sink<'_>) {
    let default = place(&places.tokens, &recipient.name);
    let mut rules: Vec<(TokenKind, At, Vec<&str>)> = Vec::new();
    for (field, rule) in recipient.tokens.iter().filter(|(_, rule)| rule.kind.shows_equality()) {
        let own = format!("{}.{field}", recipient.name);
        let at = places.tokens.iter().find(|(name, _)| *name == own).map_or(default, |(_, at)| *at);
        match rules.iter_mut().find(|(_, known, _)| *known == at) {
            Some((.., fields)) => fields.push(field),
            None => rules.push((rule.kind, at, vec![field])),
        }
    }
    for (kind, at, fields) in rules {
        let (name, fields) = (&recipient.name, quoted(fields));
        let message = format!(
            "tokens of kind `{kind}` show recipient `{name}` which customers share a value of {fields}"
        );
        sink.help(at, message, "use `random` or `pointer` unless it has to bring equal values together");
        if kind == TokenKind::FormatValue {
            let message = format!(
                "after an erasure, whoever holds the vault's token keys and a token of {fields} could still compute the value, until the token keys are rotated"
            );
            sink.help(at, message, "use `format`, whose tokens are drawn and die with the customer, unless equal values need equal tokens");
        }
    }
}

/// Whether some program's role lets this recipient turn tokens of the field back.
fn resolvable(charter: &Charter, recipient: &Recipient, field: &str) -> bool {
    charter.roles.iter().any(|role| {
        role.holder == Holder::Service
            && role.may("token.detokenize")
            && role.sees(field).is_some_and(|sees| sees.reveals > View::Token)
            && role.purposes.iter().any(|name| {
                recipient.purposes.contains(name)
                    && charter.purpose(name).is_some_and(|purpose| purpose.fields.iter().any(|f| f == field))
            })
    })
}

fn retention(charter: &Charter, places: &Places, sink: &mut Sink<'_>) {
    for class in &charter.classes {
        if !charter.fields.iter().any(|field: &Field| field.class == class.name) {
            sink.help(
                place(&places.classes, &class.name),
                format!("no field is in retention class `{}`", class.name),
                "remove it",
            );
        }
    }
}

fn roles(charter: &Charter, places: &Places, sink: &mut Sink<'_>) {
    for role in &charter.roles {
        let at = place(&places.roles, &role.name);
        let name = &role.name;
        let shows = |what: fn(&str) -> bool| role.actions.iter().any(|action| what(action));
        let reads = role.sees.iter().any(|sees| sees.reads > View::Nothing);
        let reveals_more = role.sees.iter().any(|sees| sees.reveals > sees.reads);
        if role.actions.is_empty() {
            sink.help(at, format!("role `{name}` may do nothing"), "name its `actions`, or remove it");
        } else if reads && !shows(action::reads) && !shows(action::reveals) {
            sink.help(
                at,
                format!("role `{name}` sees fields and has no action that shows them"),
                "add `subject.read`, or remove `sees`",
            );
        } else if reveals_more && !shows(action::reveals) {
            sink.help(
                at,
                format!("role `{name}` has `reveals` and no action that reveals"),
                "add `subject.reveal`, or remove `reveals`",
            );
        }
        let mut purposes = role.purposes.iter().filter_map(|name| charter.purpose(name));
        if role.may("subject.search") && !purposes.any(|purpose| searchable(charter, purpose)) {
            let message = format!("role `{name}` may search, and no field of its purposes has an index");
            sink.help(at, message, "give one of the fields an `index`, or remove `subject.search`");
        }
        if !role.transit.is_empty() && !role.actions.iter().any(|action| action.starts_with("transit.")) {
            let message = format!("role `{name}` names standalone keys and has no action that uses them");
            sink.help(at, message, "add `transit.encrypt` or `transit.decrypt`, or remove `transit`");
        }
        if !role.groups.is_empty() && role.administers() {
            let message = format!(
                "role `{name}` administers, and is held by whoever is in group {}",
                quoted(role.groups.iter().map(String::as_str))
            );
            sink.help(
                at,
                message,
                "whoever runs the identity provider can make themselves one of them: give this role by hand",
            );
        }
        if shows(action::reveals) && role.sees.is_empty() {
            sink.help(
                at,
                format!("role `{name}` may reveal and sees nothing"),
                "name the fields under `sees`",
            );
        }
    }
    for action in ["charter.apply", "access.change", "event.read"] {
        if !charter.roles.iter().any(|role| role.may(action)) {
            let sentence = action::action(action).unwrap_or_default();
            sink.help(
                At::START,
                format!("no role may `{action}`: nobody could {sentence}"),
                "give it to a role",
            );
        }
    }
}

/// Whether something can be found for this purpose.
fn searchable(charter: &Charter, purpose: &Purpose) -> bool {
    let touches = |name: &String| purpose.fields.contains(name);
    let field = |field: &Field| touches(&field.name) && (field.index.is_some() || !field.search.is_none());
    let compound = |compound: &Compound| compound.parts.iter().all(|part| touches(&part.field));
    charter.fields.iter().any(field) || charter.compounds.iter().any(compound)
}
