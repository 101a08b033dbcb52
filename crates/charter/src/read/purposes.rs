//! `purposes.yaml`: what personal data is used for.

use super::{Draft, Keys, Names, declared, name_rule};
use crate::model::{LegalBasis, Reason};
use crate::problem::{Placed, Sink};
use crate::yaml::Node;

/// A purpose as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftPurpose {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) legal_basis: Option<LegalBasis>,
    pub(crate) fields: Names,
    pub(crate) reason: Option<Reason>,
}

const KEYS: &[&str] = &["title", "legal_basis", "fields", "reason"];

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    declared(tree, "purposes", 200, name_rule, sink, |name, at, node, sink| {
        let name = Placed { value: name.to_owned(), at };
        let what = format!("purpose `{}`", name.value);
        draft.purposes.push(match Keys::open(node, what, at, KEYS, sink) {
            Some(keys) => DraftPurpose {
                name,
                title: keys.title("title", "...", sink),
                legal_basis: keys.word::<LegalBasis>("legal_basis", sink),
                fields: keys.names("fields", sink),
                reason: keys.word_or("reason", Reason::Required, sink),
            },
            None => {
                DraftPurpose { name, title: None, legal_basis: None, fields: Names::default(), reason: None }
            }
        });
    });
}
