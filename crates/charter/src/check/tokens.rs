//! Tokens of a recipient: each kind where it can be made, each condition where something is kept that it can end.

use super::declared::Declared;
use crate::model::{Field, TokenKind, TokenRule, TokenRules};
use crate::problem::{Placed, Sink, quoted, shown, suggest};
use crate::read::{DraftRule, DraftTokens};
use crate::types::FieldType;

/// What the rules are held against.
pub(super) struct Given<'a> {
    pub(super) recipient: &'a str,
    /// Names of the fields it may have, in the charter's order.
    pub(super) names: &'a [String],
    /// Whether all of them are known.
    pub(super) sure: bool,
    /// All fields of the charter without problems.
    pub(super) fields: &'a [Field],
    /// Whether the company has a domain for e-mail tokens; `None` if that is not known.
    pub(super) domain: Option<bool>,
}

/// A rule for each field of the recipient. `None`: some rule has no kind, which was told.
pub(super) fn resolve(
    draft: &DraftTokens,
    given: &Given<'_>,
    declared: &Declared,
    sink: &mut Sink<'_>,
) -> Option<TokenRules> {
    for (name, _) in &draft.fields {
        check_name(name, given, declared, sink);
    }
    for rule in draft.fields.iter().map(|(_, rule)| rule).chain([&draft.default]) {
        check_conditions(rule, sink);
    }
    let own = |name: &str| draft.fields.iter().find(|(own, _)| own.value == name).map(|(_, rule)| rule);
    for (name, rule) in draft.fields.iter().filter(|(name, _)| given.names.contains(&name.value)) {
        check_form(rule, &[name.value.as_str()], given, sink);
    }
    let rest: Vec<&str> = given.names.iter().map(String::as_str).filter(|name| own(name).is_none()).collect();
    check_form(&draft.default, &rest, given, sink);

    let default = finished(&draft.default)?;
    let rules =
        given.names.iter().map(|name| Some((name.clone(), own(name).map_or(Some(default), finished)?)));
    Some(TokenRules { default, fields: rules.collect::<Option<_>>()? })
}

fn finished(draft: &DraftRule) -> Option<TokenRule> {
    Some(TokenRule {
        kind: draft.kind?,
        expires: draft.expires.as_ref().map(|expires| expires.value),
        uses: draft.uses.as_ref().map(|uses| uses.value),
        luhn_valid: draft.luhn.is_some(),
    })
}

fn check_name(name: &Placed<String>, given: &Given<'_>, declared: &Declared, sink: &mut Sink<'_>) {
    if given.names.contains(&name.value) || !given.sure {
        return;
    }
    let message = format!(
        "recipient `{}` is not given {}, so it has no tokens of it",
        given.recipient,
        shown(&name.value)
    );
    let help = match declared.category_help(&name.value) {
        Some(help) => help.to_owned(),
        None if declared.is_field(&name.value) => "add the field to `fields`, or remove the rule".to_owned(),
        None => suggest(&name.value, given.names.iter().map(String::as_str)),
    };
    sink.help(name.at, message, help);
}

/// Conditions can only be put on what is kept.
fn check_conditions(rule: &DraftRule, sink: &mut Sink<'_>) {
    let Some(kind) = rule.kind else { return };
    let expires = rule.expires.as_ref().map(|expires| (expires.at, "expires"));
    let uses = rule.uses.as_ref().map(|uses| (uses.at, "uses"));
    for (at, key) in [expires, uses].into_iter().flatten().filter(|_| !kind.can_end()) {
        let help = match kind {
            TokenKind::OneWay => {
                "nobody turns such a token back, so there is nothing to end: remove it, or use `random`"
            }
            _ => "nothing is stored of a pointer, so nothing can end it by itself: use `random`",
        };
        sink.help(at, format!("a token of kind `{kind}` has no `{key}`"), help);
    }
    if let Some(at) = rule.luhn.filter(|_| !kind.keeps_form()) {
        let help = "only a token that looks like a card can pass for one: remove it, or use `format`";
        sink.help(at, format!("a token of kind `{kind}` has no `luhn`"), help);
    }
}

/// Tokens in the form of their values, for fields whose values have one.
fn check_form(rule: &DraftRule, names: &[&str], given: &Given<'_>, sink: &mut Sink<'_>) {
    let Some(kind) = rule.kind.filter(|kind| kind.keeps_form()) else { return };
    let fields = || names.iter().filter_map(|name| given.fields.iter().find(|field| field.name == *name));
    let of = |fits: fn(&FieldType) -> bool| -> Vec<&str> {
        fields().filter(|field| fits(&field.of)).map(|field| field.name.as_str()).collect()
    };
    let formless = of(|of| !has_form(of));
    if !formless.is_empty() {
        let message =
            format!("values of {} have no form that a token of kind `{kind}` could keep", quoted(formless));
        let help = "use `random`, or `value` where equal values need equal tokens; cards, phone numbers, dates, national ids, texts and e-mail addresses have a form";
        sink.help(rule.at, message, help);
    }
    let emails = of(|of| *of == FieldType::Email);
    if !emails.is_empty() && given.domain == Some(false) {
        let message = format!("tokens of {} need a domain of our own to be addresses of", quoted(emails));
        sink.help(
            rule.at,
            message,
            "write `token_domain` under `company` in `charter.yaml`, or use `random`",
        );
    }
    let others = of(|of| *of != FieldType::Card);
    if let Some(at) = rule.luhn.filter(|_| !others.is_empty()) {
        let message = format!(
            "`luhn` is for cards, and {} no card",
            match others.as_slice() {
                [one] => format!("`{one}` is"),
                _ => format!("{} are", quoted(others.iter().copied())),
            }
        );
        sink.help(at, message, "remove it, or say it of the card field alone");
    }
}

fn has_form(of: &FieldType) -> bool {
    match of {
        FieldType::Card
        | FieldType::Phone { .. }
        | FieldType::Date
        | FieldType::NationalId { .. }
        | FieldType::Text { .. }
        | FieldType::Email => true,
        FieldType::Name | FieldType::Address | FieldType::Choice { .. } | FieldType::Number { .. } => false,
    }
}
