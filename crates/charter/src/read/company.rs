//! `charter.yaml`: who the controller is, which languages it speaks, how large it expects to grow.

use super::{Draft, Keys, country, integer, line, names};
use crate::model::Company;
use crate::problem::{At, Placed, Sink, shown};
use crate::types::FieldType;
use crate::yaml::Node;

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    let allowed = ["company", "languages", "planned_subjects"];
    let Some(keys) = Keys::open(tree, "`charter.yaml`".into(), At::START, &allowed, sink) else { return };
    let company = keys.entry("company");
    draft.company = match company {
        Some(entry) => read_company(&entry.value, entry.at, sink),
        None => {
            keys.need("company", "{name: ..., country: ..., contact: ...}", sink);
            None
        }
    };
    draft.languages = keys
        .need("languages", "[en]", sink)
        .map(|node| {
            let found = names(node, "languages", sink);
            if found.names.is_empty() && found.read {
                sink.help(node.at, "`languages` names none", "write at least one, such as `[en]`");
            }
            found.names.into_iter().filter_map(|tag| language(tag, sink)).collect()
        })
        .unwrap_or_default();
    draft.planned_subjects = keys
        .need("planned_subjects", "10_000", sink)
        .and_then(|node| integer(node, "planned_subjects", 1, 10_000_000_000, sink))
        .and_then(|number| u64::try_from(number).ok());
}

fn read_company(node: &Node, at: At, sink: &mut Sink<'_>) -> Option<Company> {
    let keys = Keys::open(node, "`company`".into(), at, &["name", "country", "contact"], sink)?;
    let name = keys.title("name", "Example Ltd", sink);
    let country = keys.need("country", "DE", sink).and_then(|node| country(node, "country", sink));
    let contact = keys.need("contact", "privacy@example.org", sink).and_then(|node| {
        let text = line(node, "contact", sink)?;
        if FieldType::Email.parse(&text.as_str().into()).is_err() {
            sink.help(node.at, "`contact` is not a mail address", "write one such as `privacy@example.org`");
            return None;
        }
        Some(text)
    });
    Some(Company { name: name?, country: country?, contact: contact? })
}

/// The common part of BCP 47: a language, and a region where it matters.
fn language(tag: Placed<String>, sink: &mut Sink<'_>) -> Option<String> {
    let (language, region) = tag.value.split_once('-').unwrap_or((&tag.value, "DE"));
    let fits = (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && crate::country::is_country(region);
    if !fits {
        let message = format!("{} is not a language tag", shown(&tag.value));
        sink.help(tag.at, message, "write one such as `de`, `en` or `pt-BR`");
        return None;
    }
    Some(tag.value)
}
