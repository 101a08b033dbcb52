//! From YAML trees to a draft: every key read, every word checked against its vocabulary, names not yet resolved.
//!
//! One module per file of the charter, and here what they share. Reading never stops at the first problem: a part
//! that is wrong is told and left out of the draft, its name stays declared, so that nothing is reported twice.
//! Nothing here looks at another file; that is `check`.

mod approvals;
mod company;
mod data;
mod purposes;
mod recipients;
mod retention;
mod roles;
mod search;
mod tokens;

pub(crate) use approvals::DraftApproval;
pub(crate) use data::{DraftField, DraftMasks};
pub(crate) use purposes::DraftPurpose;
pub(crate) use recipients::DraftRecipient;
pub(crate) use retention::DraftClass;
pub(crate) use roles::{DraftGlass, DraftRole, DraftSees};
pub(crate) use search::{DraftCompound, DraftSearch};
pub(crate) use tokens::{DraftRule, DraftTokens};

use crate::charter::{Charter, SourceFile};
use crate::country;
use crate::model::{Category, Company, SentCodes};
use crate::period::Period;
use crate::problem::{At, Placed, Problem, Sink, nearest, shown, suggest};
use crate::words::Word;
use crate::yaml::{self, Entry, Kind, Node};

/// A charter as written.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) company: Option<Company>,
    pub(crate) languages: Vec<String>,
    pub(crate) planned_subjects: Option<u64>,
    pub(crate) sent_codes: SentCodes,
    pub(crate) categories: Vec<Placed<Category>>,
    pub(crate) fields: Vec<DraftField>,
    pub(crate) compounds: Vec<DraftCompound>,
    pub(crate) purposes: Vec<DraftPurpose>,
    pub(crate) recipients: Vec<DraftRecipient>,
    pub(crate) classes: Vec<DraftClass>,
    pub(crate) roles: Vec<DraftRole>,
    pub(crate) approvals: Vec<DraftApproval>,
}

impl Draft {
    /// `None`: some file is missing or is not YAML, and `problems` says so.
    pub(crate) fn read(files: &[SourceFile], problems: &mut Vec<Problem>) -> Option<Self> {
        let mut trees = Vec::new();
        let there = |name: &&&str| files.iter().any(|file| file.path == **name);
        let optional: Vec<&&str> = Charter::OPTIONAL.iter().filter(there).collect();
        let expected = Charter::FILES.len() + optional.len();
        for name in Charter::FILES.iter().chain(optional) {
            let source = files.iter().find(|file| file.path == *name && file.text.len() <= Charter::MAX_FILE);
            // A byte order mark is what some editors put before a file; it is no part of the text.
            let text = source.map(|source| source.text.trim_start_matches('\u{feff}'));
            let mut sink = Sink { file: name, problems };
            if let Some(tree) = text.and_then(|text| yaml::parse(text, &mut sink)) {
                trees.push((*name, tree));
            }
        }
        if trees.len() < expected {
            return None;
        }
        let mut draft = Self::default();
        // `charter.yaml` is the first: the company's country is the default of phone numbers and national ids.
        for (file, tree) in &trees {
            let mut sink = Sink { file, problems };
            match *file {
                "charter.yaml" => company::read(tree, &mut draft, &mut sink),
                "data.yaml" => data::read(tree, &mut draft, &mut sink),
                "purposes.yaml" => purposes::read(tree, &mut draft, &mut sink),
                "recipients.yaml" => recipients::read(tree, &mut draft, &mut sink),
                "retention.yaml" => retention::read(tree, &mut draft, &mut sink),
                "approvals.yaml" => approvals::read(tree, &mut draft, &mut sink),
                _ => roles::read(tree, &mut draft, &mut sink),
            }
        }
        Some(draft)
    }
}

/// A map with the keys that may be in it.
#[derive(Debug)]
struct Keys<'n> {
    /// For errors: ``field `email` ``.
    what: String,
    at: At,
    entries: &'n [Entry],
    /// What unknown keys were probably meant to be, so that they are not told to be missing as well.
    meant: Vec<String>,
}

impl<'n> Keys<'n> {
    /// Opens a map and tells of keys that it cannot have.
    fn open(node: &'n Node, what: String, at: At, allowed: &[&str], sink: &mut Sink<'_>) -> Option<Self> {
        Self::open_with(node, what, at, allowed, &[], sink)
    }

    /// The same, with a better help for keys that people expect here and that are elsewhere.
    fn open_with(
        node: &'n Node,
        what: String,
        at: At,
        allowed: &[&str],
        elsewhere: &[(&str, &str)],
        sink: &mut Sink<'_>,
    ) -> Option<Self> {
        let entries = map(node, &what, sink)?;
        let mut meant = Vec::new();
        for entry in entries.iter().filter(|entry| !allowed.contains(&entry.key.as_str())) {
            let help = match elsewhere.iter().find(|(key, _)| *key == entry.key) {
                Some((_, help)) => (*help).to_owned(),
                None => suggest(&entry.key, allowed.iter().copied()),
            };
            meant.extend(nearest(&entry.key, allowed).map(str::to_owned));
            sink.help(entry.at, format!("{what} has no key {}", shown(&entry.key)), help);
        }
        Some(Self { what, at, entries, meant })
    }

    fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Like `get`, for a key that must be there; `example` is what could be written.
    fn need(&self, key: &str, example: &str, sink: &mut Sink<'_>) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() && !self.meant.iter().any(|meant| meant == key) {
            sink.help(self.at, format!("{} has no `{key}`", self.what), format!("add `{key}: {example}`"));
        }
        found
    }

    /// A title: one line for people.
    fn title(&self, key: &str, example: &str, sink: &mut Sink<'_>) -> Option<String> {
        line(self.need(key, example, sink)?, key, sink)
    }

    /// A word of a vocabulary that must be there.
    fn word<W: Word>(&self, key: &str, sink: &mut Sink<'_>) -> Option<W> {
        word(self.need(key, W::WORDS.first().copied().unwrap_or_default(), sink)?, sink)
    }

    /// A word of a vocabulary that may be left out. `None`: it is there and wrong.
    fn word_or<W: Word>(&self, key: &str, default: W, sink: &mut Sink<'_>) -> Option<W> {
        self.get(key).map_or(Some(default), |node| word(node, sink))
    }

    /// A yes or no that may be left out, and is no then.
    fn flag(&self, key: &str, sink: &mut Sink<'_>) -> bool {
        self.get(key).and_then(|node| boolean(node, key, sink)).unwrap_or_default()
    }

    /// A list of names that must be there, though it may be empty.
    fn names(&self, key: &str, sink: &mut Sink<'_>) -> Names {
        self.need(key, "[...]", sink).map(|node| names(node, key, sink)).unwrap_or_default()
    }

    fn country(&self, key: &str, sink: &mut Sink<'_>) -> Option<String> {
        country(self.need(key, "DE", sink)?, key, sink)
    }
}

/// The entries of a map. Nothing written counts as a map without entries.
fn map<'n>(node: &'n Node, what: &str, sink: &mut Sink<'_>) -> Option<&'n [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        Kind::Empty => Some(&[]),
        _ => {
            sink.help(
                node.at,
                format!("{what} must have keys, found {}", node.what()),
                "write `key: value` lines, indented",
            );
            None
        }
    }
}

/// Named things: each key is a name, each value a map. Calls `each` with the name, its place and the node.
fn declared(
    node: &Node,
    what: &str,
    most: usize,
    rule: fn(&str) -> Result<(), &'static str>,
    sink: &mut Sink<'_>,
    mut each: impl FnMut(&str, At, &Node, &mut Sink<'_>),
) {
    let entries = map(node, what, sink).unwrap_or_default();
    for (number, entry) in entries.iter().enumerate() {
        if number == most {
            sink.add(entry.at, format!("more than {most} {what}"));
        }
        if let Err(help) = rule(&entry.key) {
            sink.help(entry.at, format!("{} cannot be a name", shown(&entry.key)), help);
        }
        each(&entry.key, entry.at, &entry.value, sink);
    }
}

/// `[a-z][a-z0-9_]{0,39}`
fn name_rule(name: &str) -> Result<(), &'static str> {
    let fits = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    fits.then_some(()).ok_or("start with a small letter, then small letters, digits and `_`, 40 at most")
}

/// `[a-z][a-z0-9]{1,23}`: a recipient's name is part of its tokens.
fn namespace_rule(name: &str) -> Result<(), &'static str> {
    let fits = (2..=24).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    fits.then_some(()).ok_or(
        "the name becomes part of the recipient's tokens: a small letter, then small letters and digits, 2 to 24 in all",
    )
}

/// A single value.
fn text<'n>(node: &'n Node, key: &str, sink: &mut Sink<'_>) -> Option<&'n str> {
    match &node.kind {
        Kind::Scalar(text) => Some(text),
        Kind::Empty => {
            sink.add(node.at, format!("`{key}` is empty"));
            None
        }
        _ => {
            sink.add(node.at, format!("`{key}` must be a single value, found {}", node.what()));
            None
        }
    }
}

/// One line of text for people, at most 200 characters.
fn line(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<String> {
    let text = text(node, key, sink)?.trim();
    if text.is_empty() {
        sink.add(node.at, format!("`{key}` is empty"));
        return None;
    }
    if text.chars().count() > 200 || text.chars().any(char::is_control) {
        sink.add(node.at, format!("`{key}` must be one line of at most 200 characters"));
        return None;
    }
    Some(text.to_owned())
}

fn word<W: Word>(node: &Node, sink: &mut Sink<'_>) -> Option<W> {
    let text = text(node, W::WHAT, sink)?;
    let found = W::read(text);
    if found.is_none() {
        sink.help(
            node.at,
            format!("unknown {} {}", W::WHAT, shown(text)),
            suggest(text, W::WORDS.iter().copied()),
        );
    }
    found
}

fn boolean(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<bool> {
    match text(node, key, sink)? {
        "true" => Some(true),
        "false" => Some(false),
        other => {
            sink.help(node.at, format!("`{key}` cannot be {}", shown(other)), "write `true` or `false`");
            None
        }
    }
}

/// A whole number; `10_000` reads better than `10000` and is the same.
fn integer(node: &Node, key: &str, least: i64, most: i64, sink: &mut Sink<'_>) -> Option<i64> {
    let text = text(node, key, sink)?;
    let number = text.replace('_', "").parse().ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let range = match (least, most) {
            (i64::MIN, i64::MAX) => "write a whole number".to_owned(),
            _ => format!("write a whole number from {least} to {most}"),
        };
        sink.help(node.at, format!("`{key}` cannot be {}", shown(text)), range);
    }
    number
}

/// A whole number that fits in a byte.
fn byte(node: &Node, key: &str, least: u8, most: u8, sink: &mut Sink<'_>) -> Option<u8> {
    integer(node, key, least.into(), most.into(), sink).and_then(|number| u8::try_from(number).ok())
}

/// A length of time.
fn period(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Placed<Period>> {
    let text = text(node, key, sink)?;
    match Period::parse(text) {
        Ok(value) => Some(Placed { value, at: node.at }),
        Err(help) => {
            sink.help(node.at, format!("`{key}` cannot be {}", shown(text)), help);
            None
        }
    }
}

/// The length of an index term, if it is said. Outer `None`: it is said and wrong.
fn bits(keys: &Keys<'_>, sink: &mut Sink<'_>) -> Option<Option<u8>> {
    match keys.get("bits") {
        Some(node) => byte(node, "bits", 4, 62, sink).map(Some),
        None => Some(None),
    }
}

/// The items of a list; `None` if it is none.
fn list<'n>(node: &'n Node, key: &str, sink: &mut Sink<'_>) -> Option<&'n [Node]> {
    let (message, help) = match &node.kind {
        Kind::List(items) => return Some(items),
        Kind::Scalar(text) => (format!("`{key}` must be a list"), format!("write `{key}: [{text}]`")),
        Kind::Empty => (format!("`{key}` is empty"), format!("write `{key}: []` if there is none")),
        Kind::Map(_) => {
            (format!("`{key}` must be a list, found keys"), "start each item with `- `".to_owned())
        }
    };
    sink.help(node.at, message, help);
    None
}

/// A list of names as written, each once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) names: Vec<Placed<String>>,
    /// Whether the list could be read at all. If not, nothing must be concluded from what it lacks.
    pub(crate) read: bool,
}

fn names(node: &Node, key: &str, sink: &mut Sink<'_>) -> Names {
    let Some(items) = list(node, key, sink) else { return Names::default() };
    let mut found = Names { names: Vec::new(), read: true };
    for item in items {
        let Some(text) = text(item, key, sink) else {
            found.read = false;
            continue;
        };
        if found.names.iter().any(|name| name.value == text) {
            sink.help(item.at, format!("{} is in the list twice", shown(text)), "keep one of them");
        } else {
            found.names.push(Placed { value: text.to_owned(), at: item.at });
        }
    }
    found
}

fn country(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<String> {
    let code = text(node, key, sink)?;
    if country::is_country(code) {
        return Some(code.to_owned());
    }
    sink.help(node.at, format!("`{key}` {} is not a country code", shown(code)), country::help(code));
    None
}
