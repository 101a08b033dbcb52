//! `search` of a field, and `compounds`: how to find what is not known to the letter.

use super::{Keys, Names, bits, boolean, byte, integer, word};
use crate::model::{FuzzyIndex, PrefixIndex};
use crate::problem::{At, Placed, Sink};
use crate::types::{Bucket, RangeIndex};
use crate::yaml::{Kind, Node};

/// `search` of a field as written; `None` where it does not say so, or where that was wrong.
#[derive(Debug)]
pub(crate) struct DraftSearch {
    pub(crate) at: At,
    pub(crate) prefix: Option<Placed<PrefixIndex>>,
    pub(crate) fuzzy: Option<Placed<FuzzyIndex>>,
    pub(crate) range: Option<Placed<RangeIndex>>,
    pub(crate) allow_frequency_leak: bool,
}

/// A compound index as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftCompound {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) of: Names,
    pub(crate) bits: Option<Option<u8>>,
}

const WAYS: &str =
    "write some of `prefix: true`, `fuzzy: true`, `range: {by: month}`, and `allow_frequency_leak: true`";

pub(super) fn search(node: &Node, field: &str, sink: &mut Sink<'_>) -> Option<DraftSearch> {
    let what = format!("the search of `{field}`");
    if matches!(node.kind, Kind::Scalar(_) | Kind::List(_)) {
        sink.help(node.at, format!("{what} must have keys, found {}", node.what()), WAYS);
        return None;
    }
    let allowed = ["prefix", "fuzzy", "range", "allow_frequency_leak"];
    let keys = Keys::open(node, what.clone(), node.at, &allowed, sink)?;
    if !["prefix", "fuzzy", "range"].iter().any(|way| keys.get(way).is_some()) {
        sink.help(node.at, format!("{what} names no way to search"), WAYS);
        return None;
    }
    Some(DraftSearch {
        at: node.at,
        prefix: way(&keys, "prefix", prefix, sink),
        fuzzy: way(&keys, "fuzzy", fuzzy, sink),
        range: way(&keys, "range", range, sink),
        allow_frequency_leak: keys.flag("allow_frequency_leak", sink),
    })
}

fn way<T>(
    keys: &Keys<'_>,
    key: &str,
    read: fn(&Node, &mut Sink<'_>) -> Option<T>,
    sink: &mut Sink<'_>,
) -> Option<Placed<T>> {
    let node = keys.get(key)?;
    Some(Placed { value: read(node, sink)?, at: node.at })
}

/// The keys of a way that may also be said by a yes. Outer `None`: no, or wrong; inner: yes.
fn settings<'n>(
    node: &'n Node,
    way: &str,
    allowed: &[&str],
    sink: &mut Sink<'_>,
) -> Option<Option<Keys<'n>>> {
    match node.kind {
        Kind::Map(_) => Keys::open(node, format!("`{way}`"), node.at, allowed, sink).map(Some),
        _ => boolean(node, way, sink)?.then_some(None),
    }
}

fn prefix(node: &Node, sink: &mut Sink<'_>) -> Option<PrefixIndex> {
    let usual = PrefixIndex::default();
    let Some(keys) = settings(node, "prefix", &["from", "to", "bits"], sink)? else { return Some(usual) };
    let from = keys.get("from").map_or(Some(usual.from), |node| byte(node, "from", 2, 16, sink));
    let to = match (keys.get("to"), from) {
        (Some(node), _) => byte(node, "to", 2, 16, sink),
        (None, from) => from.map(|from| from.max(usual.to)),
    };
    let bits = bits(&keys, sink);
    let (from, to) = (from?, to?);
    if to < from {
        let message = format!("beginnings from {from} to {to} characters: there are none");
        let at = keys.get("to").unwrap_or(node).at;
        sink.help(at, message, "`to` is the longest beginning: write at least what `from` says");
        return None;
    }
    Some(PrefixIndex { from, to, bits: bits? })
}

fn fuzzy(node: &Node, sink: &mut Sink<'_>) -> Option<FuzzyIndex> {
    let Some(keys) = settings(node, "fuzzy", &["bits"], sink)? else { return Some(FuzzyIndex::default()) };
    Some(FuzzyIndex { bits: bits(&keys, sink)? })
}

fn range(node: &Node, sink: &mut Sink<'_>) -> Option<RangeIndex> {
    const HOW: &str =
        "write `{by: month}` for dates (`day`, `month`, `year`, `decade`), `{step: 100}` for numbers";
    if !matches!(node.kind, Kind::Map(_)) {
        sink.help(node.at, "`range` does not say what is looked up together", HOW);
        return None;
    }
    let keys = Keys::open(node, "`range`".into(), node.at, &["by", "step", "bits"], sink)?;
    let by = match (keys.get("by"), keys.get("step")) {
        (Some(by), None) => word(by, sink),
        (None, Some(step)) => integer(step, "step", 1, 999_999_999_999_999, sink).map(Bucket::Step),
        (Some(_), Some(step)) => {
            sink.help(step.at, "`range` has either `by` or `step`", HOW);
            None
        }
        (None, None) => {
            sink.help(node.at, "`range` does not say what is looked up together", HOW);
            None
        }
    };
    let bits = bits(&keys, sink);
    Some(RangeIndex { by: by?, bits: bits? })
}

pub(super) fn compound(name: &str, at: At, node: &Node, sink: &mut Sink<'_>) -> DraftCompound {
    let name = Placed { value: name.to_owned(), at };
    let what = format!("compound `{}`", name.value);
    match Keys::open(node, what, at, &["title", "of", "bits"], sink) {
        Some(keys) => DraftCompound {
            name,
            title: keys.title("title", "...", sink),
            of: keys.names("of", sink),
            bits: bits(&keys, sink),
        },
        None => DraftCompound { name, title: None, of: Names::default(), bits: None },
    }
}
