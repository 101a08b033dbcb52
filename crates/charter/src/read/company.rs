//! `charter.yaml`: who the controller is, which languages it speaks, how large it expects to grow.

use super::{Draft, Keys, country, integer, line, names, text};
use crate::model::{Company, SentCodes};
use crate::problem::{At, Placed, Sink, shown};
use crate::types::FieldType;
use crate::yaml::Node;

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    let allowed = ["company", "languages", "planned_subjects", "sent_codes"];
    let Some(keys) = Keys::open(tree, "`charter.yaml`".into(), At::START, &allowed, sink) else { return };
    let company = keys.entry("company");
    draft.company = match company {
        Some(entry) => read_company(&entry.value, entry.at, sink),
        None => {
            keys.need("company", "{name: ..., country: ..., contact: ...}", sink);
            None
        }
    };
    draft.sent_codes = keys.word_or("sent_codes", SentCodes::None, sink).unwrap_or_default();
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
    let allowed = ["name", "country", "contact", "token_domain"];
    let keys = Keys::open(node, "`company`".into(), at, &allowed, sink)?;
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
    // Outer `None`: it is there and wrong.
    let token_domain = match keys.get("token_domain") {
        Some(node) => domain(node, sink).map(Some),
        None => Some(None),
    };
    Some(Company { name: name?, country: country?, contact: contact?, token_domain: token_domain? })
}

/// Longest domain that leaves room for what stands before it in a token.
const DOMAIN_MAX: usize = 200;

/// A domain name as it stands in the DNS, in small letters.
fn domain(node: &Node, sink: &mut Sink<'_>) -> Option<String> {
    let text = text(node, "token_domain", sink)?;
    let address = format!("x@{text}");
    let fits = text.is_ascii() && text.trim() == text && text.len() <= DOMAIN_MAX;
    if !fits || FieldType::Email.parse(&address.into()).is_err() {
        let message = format!("`token_domain` {} is not a domain name", shown(text));
        let help = "write one of your own such as `tokens.example.org`: letters, digits and hyphens, two labels or more, international ones as `xn--...`";
        sink.help(node.at, message, help);
        return None;
    }
    Some(text.to_ascii_lowercase())
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
