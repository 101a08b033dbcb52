//! `data.yaml`: what is kept about a subject.

use super::search::{self, DraftSearch};
use super::{Draft, Keys, bits, country, declared, integer, line, list, name_rule, text};
use crate::model::{Category, Index, Sensitivity};
use crate::problem::{At, Placed, Sink, quoted, shown, suggest};
use crate::types::{FieldType, Mask, Masks};
use crate::yaml::{Kind, Node};

/// A field as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftField {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) of: Option<Placed<FieldType>>,
    pub(crate) list: bool,
    pub(crate) required: bool,
    pub(crate) category: Option<Placed<String>>,
    pub(crate) sensitivity: Option<Placed<Sensitivity>>,
    pub(crate) class: Option<Placed<String>>,
    pub(crate) index: Option<Placed<Index>>,
    pub(crate) search: Option<DraftSearch>,
    pub(crate) masks: Option<DraftMasks>,
}

/// The masks of a field, and where each was written if it was.
#[derive(Debug)]
pub(crate) struct DraftMasks {
    pub(crate) masks: Masks,
    pub(crate) partial_at: Option<At>,
    pub(crate) masked_at: Option<At>,
}

const TYPES: &[&str] =
    &["email", "phone", "name", "address", "date", "national_id", "card", "text", "choice", "number"];

const KEYS: &[&str] = &[
    "title",
    "type",
    "country",
    "max",
    "min",
    "options",
    "list",
    "required",
    "category",
    "sensitivity",
    "class",
    "index",
    "search",
    "masks",
];

/// Keys that only some types have, and which.
const OF_TYPE: &[(&str, &[&str])] = &[
    ("country", &["phone", "national_id"]),
    ("max", &["text", "number"]),
    ("min", &["number"]),
    ("options", &["choice"]),
];

/// Keys that people look for on a field and that have another name here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("unique", "uniqueness is checked through the index: write `index: unique`"),
    ("fuzzy", "it is a way to search: write `search: {fuzzy: true, allow_frequency_leak: true}`"),
    ("prefix", "it is a way to search: write `search: {prefix: true, allow_frequency_leak: true}`"),
    ("range", "it is a way to search: write `search: {range: {by: month}, allow_frequency_leak: true}`"),
    ("multiple", "a subject with several values: write `list: true`"),
    ("mask", "a field has two masks: write `masks: {partial: ..., masked: ...}`"),
    ("retention", "a field names its retention class: write `class: ...`"),
];

/// How long a text may be if the charter does not say.
const TEXT_MAX: usize = 200;

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    let allowed = ["categories", "fields", "compounds"];
    let Some(keys) = Keys::open(tree, "`data.yaml`".into(), At::START, &allowed, sink) else { return };
    if let Some(node) = keys.need("categories", "{contact: How we reach the customer}", sink) {
        declared(node, "categories", 50, name_rule, sink, |name, at, node, sink| {
            let title = line(node, name, sink).unwrap_or_default();
            draft.categories.push(Placed { value: Category { name: name.to_owned(), title }, at });
        });
    }
    let home = draft.company.as_ref().map(|company| company.country.clone());
    if let Some(node) = keys.need("fields", "{...}", sink) {
        declared(node, "fields", 200, name_rule, sink, |name, at, node, sink| {
            draft.fields.push(field(name, at, node, home.as_deref(), sink));
        });
    }
    if let Some(node) = keys.get("compounds") {
        declared(node, "compounds", 50, name_rule, sink, |name, at, node, sink| {
            draft.compounds.push(search::compound(name, at, node, sink));
        });
    }
}

fn field(name: &str, at: At, node: &Node, home: Option<&str>, sink: &mut Sink<'_>) -> DraftField {
    let mut field = DraftField {
        name: Placed { value: name.to_owned(), at },
        title: None,
        of: None,
        list: false,
        required: false,
        category: None,
        sensitivity: None,
        class: None,
        index: None,
        search: None,
        masks: None,
    };
    let Some(keys) = Keys::open_with(node, format!("field `{name}`"), at, KEYS, ELSEWHERE, sink) else {
        return field;
    };
    field.title = keys.title("title", "...", sink);
    field.of = field_type(&keys, home, sink);
    field.list = keys.flag("list", sink);
    field.required = keys.flag("required", sink);
    field.category = name_of(&keys, "category", "contact", sink);
    field.sensitivity = keys
        .need("sensitivity", "ordinary", sink)
        .and_then(|node| Some(Placed { value: super::word(node, sink)?, at: node.at }));
    field.class = name_of(&keys, "class", "customer", sink);
    field.index = keys.get("index").and_then(|node| index(node, name, sink));
    field.search = keys.get("search").and_then(|node| search::search(node, name, sink));
    field.masks = field.of.as_ref().and_then(|of| masks(&keys, &of.value, sink));
    field
}

fn name_of(keys: &Keys<'_>, key: &str, example: &str, sink: &mut Sink<'_>) -> Option<Placed<String>> {
    let node = keys.need(key, example, sink)?;
    Some(Placed { value: text(node, key, sink)?.to_owned(), at: node.at })
}

fn field_type(keys: &Keys<'_>, home: Option<&str>, sink: &mut Sink<'_>) -> Option<Placed<FieldType>> {
    let node = keys.need("type", "text", sink)?;
    let word = text(node, "type", sink)?;
    if !TYPES.contains(&word) {
        sink.help(node.at, format!("unknown type {}", shown(word)), suggest(word, TYPES.iter().copied()));
        return None;
    }
    for (key, owners) in OF_TYPE {
        if let Some(entry) = keys.entry(key).filter(|_| !owners.contains(&word)) {
            let message = format!("a field of type `{word}` has no `{key}`");
            sink.help(
                entry.at,
                message,
                format!("remove it; it is for fields of type {}", quoted(owners.iter().copied())),
            );
        }
    }
    let of = match word {
        "email" => FieldType::Email,
        "phone" => FieldType::Phone { country: region(keys, home, sink)? },
        "name" => FieldType::Name,
        "address" => FieldType::Address,
        "date" => FieldType::Date,
        "national_id" => FieldType::NationalId { country: region(keys, home, sink)? },
        "card" => FieldType::Card,
        "text" => {
            let max = keys
                .get("max")
                .map_or(Some(TEXT_MAX as i64), |node| integer(node, "max", 1, 65_536, sink))?;
            FieldType::Text { max: usize::try_from(max).unwrap_or(TEXT_MAX) }
        }
        "choice" => FieldType::Choice { options: options(keys, sink)? },
        _ => FieldType::Number { min: bound(keys, "min", sink)?, max: bound(keys, "max", sink)? },
    };
    if let Some(problem) = of.problem() {
        sink.add(node.at, problem);
        return None;
    }
    Some(Placed { value: of, at: node.at })
}

/// The field's own country, else the company's. Outer `None`: it is there and wrong.
fn region(keys: &Keys<'_>, home: Option<&str>, sink: &mut Sink<'_>) -> Option<Option<String>> {
    match keys.get("country") {
        Some(node) => country(node, "country", sink).map(Some),
        None => Some(home.map(str::to_owned)),
    }
}

/// Outer `None`: it is there and wrong.
fn bound(keys: &Keys<'_>, key: &str, sink: &mut Sink<'_>) -> Option<Option<i64>> {
    match keys.get(key) {
        Some(node) => integer(node, key, i64::MIN, i64::MAX, sink).map(Some),
        None => Some(None),
    }
}

fn options(keys: &Keys<'_>, sink: &mut Sink<'_>) -> Option<Vec<String>> {
    let node = keys.need("options", "[small, large]", sink)?;
    let mut options: Vec<String> = Vec::new();
    for item in list(node, "options", sink)? {
        let option = line(item, "options", sink)?;
        if options.contains(&option) {
            sink.help(item.at, format!("{} is in the list twice", shown(&option)), "keep one of them");
        } else {
            options.push(option);
        }
    }
    Some(options)
}

/// `exact`, `unique`, or the long form with keys.
fn index(node: &Node, name: &str, sink: &mut Sink<'_>) -> Option<Placed<Index>> {
    let mut index = Index { unique: false, bits: None, allow_frequency_leak: false };
    match &node.kind {
        Kind::Map(_) => {
            let what = format!("the index of `{name}`");
            let keys = Keys::open(node, what, node.at, &["unique", "bits", "allow_frequency_leak"], sink)?;
            index.unique = keys.flag("unique", sink);
            index.allow_frequency_leak = keys.flag("allow_frequency_leak", sink);
            index.bits = bits(&keys, sink)?;
        }
        _ => match text(node, "index", sink)? {
            "exact" => {}
            "unique" => index.unique = true,
            other => {
                let help =
                    "write `index: exact`, `index: unique`, or leave it out if nobody has to search it";
                sink.help(node.at, format!("`index` cannot be {}", shown(other)), help);
                return None;
            }
        },
    }
    Some(Placed { value: index, at: node.at })
}

/// What the charter says of masks, over the type's own.
fn masks(keys: &Keys<'_>, of: &FieldType, sink: &mut Sink<'_>) -> Option<DraftMasks> {
    let mut draft = DraftMasks { masks: of.default_masks(), partial_at: None, masked_at: None };
    if let Some(node) = keys.get("masks") {
        let keys = Keys::open(node, "`masks`".into(), node.at, &["partial", "masked"], sink)?;
        if let Some(node) = keys.get("partial") {
            draft.masks.partial = mask(node, "partial", of, sink)?;
            draft.partial_at = Some(node.at);
        }
        if let Some(node) = keys.get("masked") {
            draft.masks.masked = mask(node, "masked", of, sink)?;
            draft.masked_at = Some(node.at);
        }
    }
    Some(draft)
}

fn mask(node: &Node, key: &str, of: &FieldType, sink: &mut Sink<'_>) -> Option<Mask> {
    let text = text(node, key, sink)?;
    match of.parse_mask(text) {
        Ok(mask) => Some(mask),
        Err(error) => {
            match error.split_once(": ") {
                Some((message, help)) => sink.help(node.at, message, help),
                None => sink.add(node.at, error),
            }
            None
        }
    }
}
