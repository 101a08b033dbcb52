//! `recipients.yaml`: who outside the company is given personal data, or tokens of it.

use super::tokens::{self, DraftRule, DraftTokens};
use super::{Draft, Keys, Names, declared, namespace_rule};
use crate::model::RecipientKind;
use crate::problem::{Placed, Sink};
use crate::yaml::Node;

/// A recipient as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftRecipient {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) kind: Option<RecipientKind>,
    pub(crate) country: Option<String>,
    pub(crate) purposes: Names,
    pub(crate) fields: Names,
    pub(crate) tokens: DraftTokens,
}

const KEYS: &[&str] = &["title", "kind", "country", "purposes", "fields", "tokens"];

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    declared(tree, "recipients", 1000, namespace_rule, sink, |name, at, node, sink| {
        let name = Placed { value: name.to_owned(), at };
        let mut recipient = DraftRecipient {
            name,
            title: None,
            kind: None,
            country: None,
            purposes: Names::default(),
            fields: Names::default(),
            tokens: DraftTokens { default: DraftRule::unsaid(at), fields: Vec::new() },
        };
        let what = format!("recipient `{}`", recipient.name.value);
        if let Some(keys) = Keys::open(node, what, at, KEYS, sink) {
            recipient.title = keys.title("title", "...", sink);
            recipient.kind = keys.word("kind", sink);
            recipient.country = keys.country("country", sink);
            recipient.purposes = keys.names("purposes", sink);
            recipient.fields = keys.names("fields", sink);
            if let Some(node) = keys.get("tokens") {
                recipient.tokens = tokens::read(node, &recipient.name.value, sink);
            }
        }
        draft.recipients.push(recipient);
    });
}
