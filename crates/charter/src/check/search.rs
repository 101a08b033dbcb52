//! How fields may be found: indexes that would give away what the field hides, and combinations that would.

use super::declared::Declared;
use crate::leak;
use crate::model::{Compound, CompoundPart, Field, Index, Search};
use crate::problem::{At, Placed, Sink, quoted, shown, suggest};
use crate::read::{DraftCompound, DraftSearch};
use crate::types::{Bucket, FieldType, Part};

pub(super) fn check_index(index: Option<&Placed<Index>>, of: &FieldType, sink: &mut Sink<'_>) {
    let Some(Placed { value: index, at }) = index else { return };
    let leaks = leak::skewed(of) && !index.unique;
    if leaks && !index.allow_frequency_leak {
        let message = format!(
            "an exact index on a field of type `{}` gives values away: {}",
            of.name(),
            leak::told(of)
        );
        let help = if matches!(of, FieldType::Text { .. } | FieldType::Number { .. }) {
            "leave the index out, write `index: unique` if no two subjects share a value, or accept it with `index: {allow_frequency_leak: true}`"
        } else {
            "leave the index out, or accept it with `index: {allow_frequency_leak: true}`"
        };
        sink.help(*at, message, help);
    }
    if index.allow_frequency_leak && !leaks {
        sink.help(*at, "this index does not leak frequencies", "remove `allow_frequency_leak`");
    }
}

/// The longest text that can be searched by its words: each of them has terms, and a record is written in one go.
const LONGEST: usize = 200;

/// The ways in which a field can be searched; those it cannot are told and left out.
pub(super) fn resolve_search(draft: Option<&DraftSearch>, of: &FieldType, sink: &mut Sink<'_>) -> Search {
    let Some(draft) = draft else { return Search::default() };
    let mut search = Search::default();
    if let Some(prefix) = &draft.prefix {
        let can = matches!(of, FieldType::Name | FieldType::Text { .. } | FieldType::Email);
        let fits = fits(can, "prefix", prefix.at, of, sink) && short(prefix.at, of, sink);
        search.prefix = fits.then_some(prefix.value);
    }
    if let Some(fuzzy) = &draft.fuzzy {
        let can = matches!(of, FieldType::Name | FieldType::Text { .. });
        let fits = fits(can, "fuzzy", fuzzy.at, of, sink) && short(fuzzy.at, of, sink);
        search.fuzzy = fits.then_some(fuzzy.value);
    }
    if let Some(range) = &draft.range {
        let can = matches!(of, FieldType::Date | FieldType::Number { .. });
        let fits = fits(can, "range", range.at, of, sink) && bucketed(range.value.by, range.at, of, sink);
        search.range = fits.then_some(range.value);
    }
    if !draft.allow_frequency_leak && !search.is_none() {
        let leaks: Vec<String> =
            leak::seen_by_search(&search, of).into_iter().map(|(_, seen)| seen).collect();
        let message = format!("this search gives values away: {} {}", leak::WHOEVER, leaks.join("; "));
        let help = "leave it out, accept it with `allow_frequency_leak: true`, or search by several fields at once, which are rarely alike together: an entry under `compounds`, such as `of: [name, birth_date.year]`";
        sink.help(draft.at, message, help);
    }
    search
}

fn fits(can: bool, way: &str, at: At, of: &FieldType, sink: &mut Sink<'_>) -> bool {
    if !can {
        let help = match of {
            FieldType::Name | FieldType::Text { .. } => "it has `prefix` and `fuzzy`",
            FieldType::Email => "it has `prefix`",
            FieldType::Date => "it has `range`, such as `range: {by: month}`",
            FieldType::Number { .. } => "it has `range`, such as `range: {step: 100}`",
            _ => "it can only be found by its exact value: write `index`",
        };
        sink.help(at, format!("a field of type `{}` cannot be searched by `{way}`", of.name()), help);
    }
    can
}

fn short(at: At, of: &FieldType, sink: &mut Sink<'_>) -> bool {
    let short = !matches!(of, FieldType::Text { max } if *max > LONGEST);
    if !short {
        let message =
            "a text this long cannot be searched by its words: every one of them would be in the index";
        sink.help(at, message, format!("write `max: {LONGEST}` or less, or leave it out"));
    }
    short
}

fn bucketed(by: Bucket, at: At, of: &FieldType, sink: &mut Sink<'_>) -> bool {
    let fits = by.fits(of);
    if !fits {
        let (message, help) = match by {
            Bucket::Step(_) => ("a date has no `step`", "write `by: day`, `month`, `year` or `decade`"),
            _ => ("a number has no `by`", "write `step: 100`, or how many numbers to look up together"),
        };
        sink.help(at, message, help);
    }
    fits
}

/// A compound index whose parts are there, belong together and are rare at once.
pub(super) fn resolve_compound(
    draft: DraftCompound,
    fields: &[Field],
    names: &Declared,
    sink: &mut Sink<'_>,
) -> Option<Compound> {
    let (name, at) = (draft.name.value, draft.name.at);
    let mut parts: Vec<(CompoundPart, &Field)> = Vec::new();
    for written in &draft.of.names {
        let Some((part, field)) = resolve_part(written, fields, names, sink) else { continue };
        if parts.iter().any(|(other, _)| other.field == part.field) {
            let message = format!("compound `{name}` has two parts of `{}`", part.field);
            sink.help(written.at, message, "take one: two parts of one value say little more than one");
        }
        parts.push((part, field));
    }
    if !draft.of.read || parts.len() < draft.of.names.len() {
        return None;
    }
    if !(2..=4).contains(&parts.len()) {
        let s = if parts.len() == 1 { "" } else { "s" };
        let message = format!("compound `{name}` has {} part{s}", parts.len());
        sink.help(
            at,
            message,
            "name two to four in `of`; one field by itself is searched through its `index`",
        );
    } else if !leak::rare(&parts) {
        let all: Vec<String> = parts.iter().map(|(part, _)| part.to_string()).collect();
        let message = format!(
            "compound `{name}` gives values away: what {} say at once is still common, and a thief of the database can count it",
            quoted(all.iter().map(String::as_str))
        );
        sink.help(at, message, "take a rarer part or one more field: a whole name, a whole date of birth, a postal code, a phone number");
    }
    let parts = parts.into_iter().map(|(part, _)| part).collect();
    Some(Compound { name, title: draft.title?, parts, bits: draft.bits? })
}

/// `field` or `field.part`, of a field that has one value.
fn resolve_part<'f>(
    written: &Placed<String>,
    fields: &'f [Field],
    names: &Declared,
    sink: &mut Sink<'_>,
) -> Option<(CompoundPart, &'f Field)> {
    let (name, part) =
        written.value.split_once('.').map_or((written.value.as_str(), None), |(a, b)| (a, Some(b)));
    if !names.has_field(name, written.at, sink) {
        return None;
    }
    // If it is declared and not here, it has a problem of its own.
    let field = fields.iter().find(|field| field.name == name)?;
    let told = if field.list {
        Some((
            format!("`{name}` has several values, and a compound needs one"),
            "name a field without `list: true`",
        ))
    } else if field.of == FieldType::Card {
        Some((
            format!("`{name}` is a card number, and those are not combined"),
            "search for it by itself: it needs nothing beside it to be rare",
        ))
    } else {
        None
    };
    if let Some((message, help)) = told {
        sink.help(written.at, message, help);
        return None;
    }
    let has = |part: &Part| field.of.parts().contains(part);
    let part = match part.map(|word| Part::parse(word).filter(has).ok_or(word)) {
        None => Part::Whole,
        Some(Ok(part)) => part,
        Some(Err(word)) => {
            let message = format!("a field of type `{}` has no part {}", field.of.name(), shown(word));
            let help = match field.of.parts() {
                [] => format!("write `{name}` for the whole value"),
                parts => suggest(word, parts.iter().map(|part| part.as_str())),
            };
            sink.help(written.at, message, help);
            return None;
        }
    };
    Some((CompoundPart { field: field.name.clone(), part }, field))
}
