//! `tokens` of a recipient: one word for all its fields, or a rule for each.

use super::{Keys, integer, map, period, word};
use crate::model::TokenKind;
use crate::period::Period;
use crate::problem::{At, Placed, Sink, shown};
use crate::yaml::{Kind, Node};

/// The tokens of a recipient as written.
#[derive(Debug)]
pub(crate) struct DraftTokens {
    /// What fields without a rule of their own get.
    pub(crate) default: DraftRule,
    pub(crate) fields: Vec<(Placed<String>, DraftRule)>,
}

/// One rule as written; `None` where it does not say so, or where that was wrong.
#[derive(Debug)]
pub(crate) struct DraftRule {
    pub(crate) at: At,
    pub(crate) kind: Option<TokenKind>,
    pub(crate) expires: Option<Placed<Period>>,
    pub(crate) uses: Option<Placed<u32>>,
    /// Where it says `luhn: valid`.
    pub(crate) luhn: Option<At>,
}

impl DraftRule {
    /// What is so where nothing is written.
    pub(super) fn unsaid(at: At) -> Self {
        Self { at, kind: Some(TokenKind::Pointer), expires: None, uses: None, luhn: None }
    }
}

/// The keys of a rule.
const RULE: &[&str] = &["kind", "expires", "uses", "luhn"];

pub(super) fn read(node: &Node, recipient: &str, sink: &mut Sink<'_>) -> DraftTokens {
    let mut tokens = DraftTokens { default: DraftRule::unsaid(node.at), fields: Vec::new() };
    if !matches!(node.kind, Kind::Map(_)) {
        tokens.default = DraftRule { kind: word(node, sink), ..tokens.default };
        return tokens;
    }
    for entry in map(node, "`tokens`", sink).unwrap_or_default() {
        if RULE.contains(&entry.key.as_str()) {
            let message = format!("the tokens of `{recipient}` name no field before {}", shown(&entry.key));
            sink.help(
                entry.at,
                message,
                "write `default: {kind: ...}` for all fields, or the name of a field",
            );
            tokens.default.kind = None;
        } else if entry.key == "default" {
            tokens.default = rule(&entry.value, "default", sink);
        } else {
            let name = Placed { value: entry.key.clone(), at: entry.at };
            tokens.fields.push((name, rule(&entry.value, &entry.key, sink)));
        }
    }
    tokens
}

/// A kind, or a kind with conditions.
fn rule(node: &Node, of: &str, sink: &mut Sink<'_>) -> DraftRule {
    let mut rule = DraftRule { kind: None, ..DraftRule::unsaid(node.at) };
    if !matches!(node.kind, Kind::Map(_)) {
        rule.kind = word(node, sink);
    } else if let Some(keys) = Keys::open(node, format!("the token rule of `{of}`"), node.at, RULE, sink) {
        rule.kind = keys.word("kind", sink);
        rule.expires = keys.get("expires").and_then(|node| period(node, "expires", sink));
        rule.uses = keys.get("uses").and_then(|node| uses(node, sink));
        rule.luhn = keys.get("luhn").and_then(|node| luhn(node, sink));
    }
    rule
}

fn uses(node: &Node, sink: &mut Sink<'_>) -> Option<Placed<u32>> {
    let uses = integer(node, "uses", 1, 1_000_000, sink)?;
    Some(Placed { value: u32::try_from(uses).ok()?, at: node.at })
}

fn luhn(node: &Node, sink: &mut Sink<'_>) -> Option<At> {
    match super::text(node, "luhn", sink)? {
        "valid" => Some(node.at),
        other => {
            let help = "write `luhn: valid`, or leave it out: then no token passes for a real card";
            sink.help(node.at, format!("`luhn` cannot be {}", shown(other)), help);
            None
        }
    }
}
