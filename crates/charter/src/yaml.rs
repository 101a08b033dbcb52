//! YAML as a tree in which every node knows its place, for a strict and small part of YAML.
//!
//! Anchors, aliases, tags, directives, several documents and keys that are not words are refused: a charter needs
//! none of them, and each is a way to make a file say something else than it seems to. Without aliases a file of n
//! bytes has at most n nodes, so there are no expansion bombs. Depth is limited; the tree is built without recursion.
//!
//! Never resolve types here: `no` stays the text `no` (a country), and the reader who expects a yes or no asks.

use granit_parser::{Event, Parser, ScalarStyle};

use crate::problem::{At, Sink, shown};

/// A node and where it starts.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Nothing was written.
    Empty,
    /// Text.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order of the file; keys are unique.
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: At,
    pub(crate) value: Node,
}

impl Node {
    /// For errors: what was found.
    pub(crate) const fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Empty => "nothing",
            Kind::Scalar(_) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "keys",
        }
    }
}

const DEPTH: usize = 8;
/// Keys in one map. Looking for a doubled key is quadratic, which is nothing up to here.
const KEYS: usize = 1000;
/// Items in one list. Looking for a name or an option that is in it twice is quadratic as well.
const ITEMS: usize = 1000;

/// Reads one document. `None`: it could not be read, and the sink knows why. A doubled key is a problem, and the
/// first one counts.
pub(crate) fn parse(text: &str, sink: &mut Sink<'_>) -> Option<Node> {
    let options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: 2 * DEPTH,
        block_nesting_limit: 2 * DEPTH,
    };
    let mut tree = Tree { open: Vec::new(), root: None };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(found) => found,
            Err(error) => {
                let at = At { line: error.marker().line().max(1), column: error.marker().col() + 1 };
                sink.help(
                    at,
                    format!("cannot be read as YAML: {}", error.info()),
                    indentation_help(text, at),
                );
                return None;
            }
        };
        let at = At { line: span.start.line().max(1), column: span.start.col() + 1 };
        if event.anchor_id().is_some() || event.is_alias() {
            sink.help(
                at,
                "anchors and aliases (`&`, `*`) are not used in a charter",
                "write the value out where it is needed; put text that starts with `&` or `*` in quotes",
            );
            return None;
        }
        if event.tag().is_some() {
            sink.help(
                at,
                "tags (`!`) are not used in a charter",
                "remove the tag; put text that starts with `!` in quotes",
            );
            return None;
        }
        let done = match event {
            Event::DocumentStart(..) if tree.root.is_some() => {
                sink.help(
                    at,
                    "a second document starts here",
                    "keep one document per file: remove the line `---`",
                );
                return None;
            }
            Event::Scalar(value, style, ..) => {
                let kind = match &*value {
                    "" | "~" | "null" if style == ScalarStyle::Plain => Kind::Empty,
                    _ => Kind::Scalar(value.into_owned()),
                };
                tree.put(Node { at, kind }, sink)
            }
            Event::SequenceStart(..) => tree.start(Node { at, kind: Kind::List(Vec::new()) }, sink),
            Event::MappingStart(..) => tree.start(Node { at, kind: Kind::Map(Vec::new()) }, sink),
            Event::SequenceEnd | Event::MappingEnd => tree.end(sink),
            _ => Some(()),
        };
        done?;
    }
    tree.root.or_else(|| {
        sink.add(At::START, "the file is empty");
        None
    })
}

/// The tree while it grows: the collections that are open, outermost first, each with the key that waits for a value.
struct Tree {
    open: Vec<(Node, Option<(String, At)>)>,
    root: Option<Node>,
}

impl Tree {
    fn start(&mut self, node: Node, sink: &mut Sink<'_>) -> Option<()> {
        if self.open.len() >= DEPTH {
            sink.add(node.at, format!("nested more than {DEPTH} deep"));
            return None;
        }
        if let Some((Node { kind: Kind::Map(_), .. }, None)) = self.open.last() {
            sink.help(node.at, "a key must be a single word", "write `key: value`");
            return None;
        }
        self.open.push((node, None));
        Some(())
    }

    fn end(&mut self, sink: &mut Sink<'_>) -> Option<()> {
        let (node, _) = self.open.pop()?;
        self.put(node, sink)
    }

    /// Puts a finished node where it belongs: as the root, into a list, as a key or as the value of a key.
    fn put(&mut self, node: Node, sink: &mut Sink<'_>) -> Option<()> {
        let Some((parent, waiting)) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match &mut parent.kind {
            Kind::List(items) => {
                if items.len() >= ITEMS {
                    sink.add(node.at, format!("more than {ITEMS} items in one list"));
                    return None;
                }
                items.push(node);
            }
            Kind::Map(entries) => match waiting.take() {
                None => match node.kind {
                    Kind::Scalar(text) => *waiting = Some((text, node.at)),
                    _ => {
                        sink.help(node.at, "a key must be a single word", "write `key: value`");
                        return None;
                    }
                },
                Some((key, at)) => {
                    if entries.len() >= KEYS {
                        sink.add(at, format!("more than {KEYS} keys in one place"));
                        return None;
                    }
                    if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                        let message = format!("the key {} is there twice", shown(&key));
                        sink.help(
                            at,
                            message,
                            format!("the first is on line {}; keep one of them", first.at.line),
                        );
                    } else {
                        entries.push(Entry { key, at, value: node });
                    }
                }
            },
            Kind::Empty | Kind::Scalar(_) => {}
        }
        Some(())
    }
}

/// The two mistakes that break YAML most often have a better explanation than the grammar's.
fn indentation_help(text: &str, at: At) -> String {
    let near = text.lines().skip(at.line.saturating_sub(2)).take(2);
    for line in near {
        if line.trim_start_matches(' ').starts_with('\t') {
            return "indent with spaces, not with tabs".to_owned();
        }
        if line.matches(": ").count() > 1 && !line.contains(['"', '\'', '{', '#']) {
            return "text with `: ` in it must be in quotes".to_owned();
        }
    }
    "look at the indentation of this line and the one before, and for a missing quote or bracket".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;

    fn read(text: &str) -> (Option<Node>, Vec<Problem>) {
        let mut problems = Vec::new();
        let node = parse(text, &mut Sink { file: "data.yaml", problems: &mut problems });
        (node, problems)
    }

    fn only(text: &str) -> String {
        let (_, problems) = read(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].to_string()
    }

    #[test]
    fn every_node_knows_its_place() {
        let (node, problems) = read("a: 1\nbé:\n  - x\n  - {c: \"y\"}\n");
        assert!(problems.is_empty());
        let Kind::Map(entries) = node.unwrap().kind else { panic!("map") };
        assert_eq!(entries[1].at, At { line: 2, column: 1 });
        let Kind::List(items) = &entries[1].value.kind else { panic!("list") };
        assert_eq!(items[0].at, At { line: 3, column: 5 });
        let Kind::Map(inner) = &items[1].kind else { panic!("inner map") };
        assert_eq!(inner[0].value.at, At { line: 4, column: 9 });
        assert!(matches!(&inner[0].value.kind, Kind::Scalar(text) if text == "y"));
    }

    #[test]
    fn doubled_keys_are_reported_and_reading_goes_on() {
        let (node, problems) = read("a: 1\nb: 2\na: 3\nb: 4\n");
        assert_eq!(problems.len(), 2);
        assert_eq!((problems[0].line, problems[0].column), (3, 1));
        assert!(node.is_some());
    }

    #[test]
    fn refuses_the_parts_of_yaml_that_hide_things() {
        assert!(only("a: &x 1\nb: *x\n").contains("anchors and aliases"));
        assert!(only("a: *x\n").contains("anchors and aliases"));
        assert!(only("a: !!str 1\n").contains("tags"));
        assert!(only("---\na: 1\n---\nb: 2\n").contains("second document"));
        assert!(only("%YAML 1.2\n---\na: 1\n").contains("directive"));
        assert!(only("[a, b]: 1\n").contains("single word"));
        assert!(only("? {a: 1}\n: 1\n").contains("single word"));
        assert!(only("# nothing but this\n").contains("empty"));
    }

    #[test]
    fn depth_is_limited() {
        assert!(only(&format!("a: {}1{}", "[".repeat(9), "]".repeat(9))).contains("nested"));
        assert!(only(&format!("a: {}", "[".repeat(100_000))).contains("data.yaml:1:"));
        assert!(only(&"- ".repeat(100_000)).contains("data.yaml:1:"));
    }

    #[test]
    fn lists_and_maps_have_an_end() {
        let list =
            |items: usize| format!("a: [{}]\n", (0..items).map(|n| format!("{n},")).collect::<String>());
        let map = |keys: usize| (0..keys).map(|n| format!("a{n}: 1\n")).collect::<String>();
        assert!(read(&list(ITEMS)).1.is_empty() && read(&map(KEYS)).1.is_empty());
        assert_eq!(only(&list(ITEMS + 1)), "data.yaml:1:3895: more than 1000 items in one list");
        assert_eq!(only(&map(KEYS + 1)), "data.yaml:1001:1: more than 1000 keys in one place");
    }

    #[test]
    fn explains_tabs_and_colons() {
        assert!(only("a:\n\tb: 1\n").contains("spaces, not with tabs"));
        assert!(only("title: Shop: the good one\n").contains("must be in quotes"));
    }
}
