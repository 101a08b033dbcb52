//! Reading filters, and the paths of patches, which have filters in them. By recursion, and so with a depth that ends.

use jiff::Timestamp;
use serde_json::Value;

use super::{Comparison, Node, Operand};
use crate::flaw::{Flaw, Kind};
use crate::path::{Named, Path, named};
use crate::read::boolean;
use crate::schema::{Attribute, Schema, Type};

/// The longest filter, in bytes.
const MOST_BYTES: usize = 2_000;
/// How deep brackets may stand in each other.
const MOST_DEPTH: usize = 8;
/// The most comparisons.
const MOST_TERMS: usize = 50;

/// See the module.
#[derive(Debug)]
pub(crate) struct Parser<'t> {
    rest: &'t str,
    schema: &'static Schema,
    /// Inside the brackets of this attribute.
    within: Option<&'static Attribute>,
    depth: usize,
    terms: usize,
}

impl<'t> Parser<'t> {
    pub(crate) fn new(text: &'t str, schema: &'static Schema) -> Result<Self, Flaw> {
        if text.len() > MOST_BYTES {
            return Err(flaw("a filter has at most 2,000 bytes"));
        }
        Ok(Self { rest: text, schema, within: None, depth: 0, terms: 0 })
    }

    /// How many comparisons it has read.
    pub(crate) const fn terms(&self) -> usize {
        self.terms
    }

    /// Nothing is left.
    pub(crate) fn end(&mut self) -> Result<(), Flaw> {
        self.blanks();
        if self.rest.is_empty() { Ok(()) } else { Err(flaw("the filter goes on where it should end")) }
    }

    pub(crate) fn filter(&mut self) -> Result<Node, Flaw> {
        let mut nodes = vec![self.conjunction()?];
        while self.word("or") {
            nodes.push(self.conjunction()?);
        }
        Ok(single(nodes, Node::Any))
    }

    fn conjunction(&mut self) -> Result<Node, Flaw> {
        let mut nodes = vec![self.term()?];
        while self.word("and") {
            nodes.push(self.term()?);
        }
        Ok(single(nodes, Node::All))
    }

    fn term(&mut self) -> Result<Node, Flaw> {
        self.blanks();
        if self.takes('(') {
            return self.nested(')');
        }
        let before = self.rest;
        if self.name().eq_ignore_ascii_case("not") {
            self.blanks();
            if self.takes('(') {
                return Ok(Node::Not(Box::new(self.nested(')')?)));
            }
        }
        self.rest = before;
        self.comparison()
    }

    fn nested(&mut self, end: char) -> Result<Node, Flaw> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(flaw("brackets stand in each other at most 8 deep"));
        }
        let node = self.filter()?;
        self.blanks();
        if !self.takes(end) {
            return Err(flaw("a bracket is not closed"));
        }
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, Flaw> {
        self.terms += 1;
        if self.terms > MOST_TERMS {
            return Err(flaw("a filter has at most 50 comparisons"));
        }
        let path = self.path()?;
        if self.takes('[') {
            return Ok(Node::Within(path.attribute, Box::new(self.inside(path)?)));
        }
        let word = self.next_word().to_ascii_lowercase();
        let comparison = match word.as_str() {
            "pr" => return Ok(Node::Present(path)),
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "co" => Comparison::Contains,
            "sw" => Comparison::StartsWith,
            "ew" => Comparison::EndsWith,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            _ => return Err(flaw("expected one of eq, ne, co, sw, ew, gt, ge, lt, le and pr")),
        };
        let value = self.value()?;
        let operand = operand(&path, comparison, &value)?;
        Ok(Node::Compare(path, comparison, operand))
    }

    /// What stands in the brackets of an attribute; the opening one is read.
    pub(crate) fn inside(&mut self, path: Path) -> Result<Node, Flaw> {
        let fits = path.part.is_none() && path.attribute.of == Type::Complex && self.within.is_none();
        if !fits {
            return Err(flaw("only an attribute with parts has a filter in brackets"));
        }
        self.within = Some(path.attribute);
        let node = self.nested(']')?;
        self.within = None;
        Ok(node)
    }

    fn path(&mut self) -> Result<Path, Flaw> {
        let name = self.name();
        let unknown = || flaw("expected the name of an attribute that is kept here");
        if let Some(attribute) = self.within {
            let part = attribute.part(name).ok_or_else(unknown)?;
            return Ok(Path { attribute: part, part: None });
        }
        match named(name, self.schema) {
            Named::Path(path) => Ok(path),
            Named::Unkept | Named::Nothing => Err(unknown()),
        }
    }

    /// Letters, digits and what stands in names of attributes and of schemas.
    pub(crate) fn name(&mut self) -> &'t str {
        let is = |character: char| character.is_ascii_alphanumeric() || "-_.:$".contains(character);
        let end = self.rest.find(|character| !is(character)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        name
    }

    pub(crate) fn takes(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn next_word(&mut self) -> &'t str {
        self.blanks();
        self.name()
    }

    fn word(&mut self, expected: &str) -> bool {
        let before = self.rest;
        if self.next_word().eq_ignore_ascii_case(expected) {
            return true;
        }
        self.rest = before;
        false
    }

    /// A text, true, false or null, as JSON has them. Numbers are nothing that is kept.
    fn value(&mut self) -> Result<Value, Flaw> {
        self.blanks();
        let expected = || flaw("expected a text in quotes, true, false or null");
        if !self.rest.starts_with('"') {
            return match self.name() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "null" => Ok(Value::Null),
                _ => Err(expected()),
            };
        }
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = values.next().and_then(Result::ok).ok_or_else(expected)?;
        let read = values.byte_offset();
        self.rest = self.rest.get(read..).unwrap_or_default();
        Ok(value)
    }
}

fn operand(path: &Path, comparison: Comparison, value: &Value) -> Result<Operand, Flaw> {
    let attribute = match path.part {
        Some(part) => part,
        None => path.attribute.part("value").unwrap_or(path.attribute),
    };
    let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    match (attribute.of, value) {
        (_, Value::Null) if equality => Ok(Operand::Null),
        (Type::Boolean, value) if equality => {
            boolean(value).map(Operand::Boolean).ok_or_else(|| flaw("expected true or false"))
        }
        (Type::DateTime, Value::String(text)) => match text.parse::<Timestamp>() {
            Ok(moment)
                if !matches!(
                    comparison,
                    Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith
                ) =>
            {
                Ok(Operand::Moment(moment))
            }
            _ => Err(flaw("expected a moment such as \"2026-01-31T12:00:00Z\", and no part of one")),
        },
        (Type::String | Type::Reference(_), Value::String(text)) if attribute.exact => {
            Ok(Operand::Text(text.clone()))
        }
        (Type::String | Type::Reference(_), Value::String(text)) => Ok(Operand::Folded(text.to_lowercase())),
        _ => Err(flaw("this attribute cannot be compared so")),
    }
}

fn single(mut nodes: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            nodes.extend(last);
            several(nodes)
        }
    }
}

fn flaw(detail: &'static str) -> Flaw {
    Flaw::new(Kind::InvalidFilter, detail)
}
