//! Filters (RFC 7644, 3.4.2.2): read once, with every name looked up, then asked of resources.
//!
//! A filter is text from outside that is read by recursion and asked of everything there is, so its length, its depth and the number of
//! its comparisons are bounded before anything is looked at.

mod parse;

use jiff::Timestamp;
use serde_json::Value;

use crate::Resource;
use crate::flaw::Flaw;
use crate::path::Path;
use crate::schema::{Attribute, Schema, Type};

pub(crate) use parse::Parser;

/// See the module.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Node,
    pub(crate) terms: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Present(Path),
    Compare(Path, Comparison, Operand),
    /// Of an attribute with several values: whether one of them is like this.
    Within(&'static Attribute, Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What is compared with, made ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    /// Nothing at all.
    Null,
    Boolean(bool),
    Text(String),
    /// In small letters, for what is compared whatever its capitals.
    Folded(String),
    Moment(Timestamp),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `invalidFilter`.
    pub fn parse(text: &str, schema: &'static Schema) -> Result<Self, Flaw> {
        let mut parser = Parser::new(text, schema)?;
        let root = parser.filter()?;
        parser.end()?;
        Ok(Self { root, terms: parser.terms() })
    }

    pub(crate) const fn of(root: Node, terms: usize) -> Self {
        Self { root, terms }
    }

    /// Whether a resource is meant.
    #[must_use]
    pub fn matches(&self, resource: &Resource) -> bool {
        self.root.matches(resource)
    }

    /// Whether it has to know an attribute of a resource.
    #[must_use]
    pub fn asks_about(&self, attribute: &str) -> bool {
        self.root.asks_about(attribute)
    }

    /// The text that an attribute must be equal to, whatever else is asked, in small letters where capitals do not matter: for
    /// finding it by that.
    #[must_use]
    pub fn required(&self, attribute: &str) -> Option<&str> {
        self.root.required(attribute)
    }

    /// The parts that a value must have to be meant, if the filter says nothing else: `type eq "work"`.
    pub(crate) fn described(&self) -> Option<Vec<(&'static Attribute, Value)>> {
        let conjuncts = match &self.root {
            Node::All(conjuncts) => conjuncts.as_slice(),
            single => std::slice::from_ref(single),
        };
        let part = |node: &Node| match node {
            Node::Compare(path, Comparison::Equal, operand) => Some((path.attribute, operand.value()?)),
            _ => None,
        };
        conjuncts.iter().map(part).collect()
    }
}

impl Operand {
    fn value(&self) -> Option<Value> {
        match self {
            Self::Boolean(value) => Some(Value::Bool(*value)),
            Self::Text(text) | Self::Folded(text) => Some(Value::String(text.clone())),
            Self::Null | Self::Moment(_) => None,
        }
    }
}

impl Node {
    fn matches(&self, resource: &Resource) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(resource)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(resource)),
            Self::Not(node) => !node.matches(resource),
            Self::Present(path) => {
                any(resource, path, &mut |value| !value.is_null() && value.as_str() != Some(""))
            }
            Self::Compare(path, comparison, Operand::Null) => {
                any(resource, path, &mut |value| !value.is_null()) == (*comparison == Comparison::NotEqual)
            }
            Self::Compare(path, Comparison::NotEqual, operand) => {
                let mut there = false;
                let other = any(resource, path, &mut |value| {
                    there = true;
                    !compare(value, Comparison::Equal, operand)
                });
                other || !there
            }
            Self::Compare(path, comparison, operand) => {
                any(resource, path, &mut |value| compare(value, *comparison, operand))
            }
            Self::Within(attribute, node) => match resource.get(attribute.name) {
                Some(Value::Array(items)) => {
                    items.iter().filter_map(Value::as_object).any(|parts| node.matches(parts))
                }
                Some(Value::Object(parts)) => node.matches(parts),
                _ => false,
            },
        }
    }

    fn asks_about(&self, name: &str) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(|node| node.asks_about(name)),
            Self::Not(node) => node.asks_about(name),
            Self::Present(path) | Self::Compare(path, ..) => path.attribute.name == name,
            Self::Within(attribute, _) => attribute.name == name,
        }
    }

    fn required(&self, name: &str) -> Option<&str> {
        match self {
            Self::All(nodes) => nodes.iter().find_map(|node| node.required(name)),
            Self::Compare(path, Comparison::Equal, Operand::Text(text) | Operand::Folded(text)) => {
                (path.attribute.name == name && path.part.is_none()).then_some(text)
            }
            _ => None,
        }
    }
}

/// Whether one of the values at a path is so.
fn any(resource: &Resource, path: &Path, is: &mut dyn FnMut(&Value) -> bool) -> bool {
    let Some(value) = resource.get(path.attribute.name) else { return false };
    let items = match value {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    // Of values with parts it is the part `value` that is compared, unless another is named.
    let part =
        path.part.map(|part| part.name).or_else(|| (path.attribute.of == Type::Complex).then_some("value"));
    items.iter().any(|item| match (part, item) {
        (Some(part), Value::Object(parts)) if path.part.is_some() || parts.contains_key(part) => {
            parts.get(part).is_some_and(&mut *is)
        }
        (_, item) => is(item),
    })
}

fn compare(value: &Value, comparison: Comparison, operand: &Operand) -> bool {
    match (value, operand) {
        (Value::Bool(value), Operand::Boolean(operand)) => value == operand,
        (Value::String(value), Operand::Text(operand)) => texts(value, comparison, operand),
        (Value::String(value), Operand::Folded(operand)) => texts(&value.to_lowercase(), comparison, operand),
        (Value::String(value), Operand::Moment(operand)) => {
            value.parse::<Timestamp>().is_ok_and(|value| ordered(&value, comparison, operand))
        }
        _ => false,
    }
}

fn texts(value: &str, comparison: Comparison, operand: &str) -> bool {
    match comparison {
        Comparison::Contains => value.contains(operand),
        Comparison::StartsWith => value.starts_with(operand),
        Comparison::EndsWith => value.ends_with(operand),
        other => ordered(&value, other, &operand),
    }
}

fn ordered<T: Ord>(value: &T, comparison: Comparison, operand: &T) -> bool {
    match comparison {
        Comparison::Equal => value == operand,
        Comparison::NotEqual => value != operand,
        Comparison::Greater => value > operand,
        Comparison::GreaterOrEqual => value >= operand,
        Comparison::Less => value < operand,
        Comparison::LessOrEqual => value <= operand,
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::flaw::Kind;
    use crate::{GROUP, USER};

    fn ada() -> Resource {
        let ada = json!({
            "id": "2819C223",
            "externalId": "E-1",
            "userName": "bjensen@example.com",
            "name": {"familyName": "O'Malley", "givenName": "Barbara"},
            "active": true,
            "emails": [
                {"type": "work", "value": "bj@example.com", "primary": true},
                {"type": "home", "value": "babs@jensen.org"},
            ],
            "meta": {"lastModified": "2011-05-13T04:42:34Z", "resourceType": "User"},
        });
        let Value::Object(ada) = ada else { unreachable!() };
        ada
    }

    #[track_caller]
    fn matches(filter: &str) -> bool {
        Filter::parse(filter, &USER).unwrap_or_else(|flaw| panic!("{filter}: {flaw}")).matches(&ada())
    }

    /// The examples of RFC 7644, 3.4.2.2, and what follows from its tables.
    #[test]
    fn filters_select_what_the_rfc_says() {
        for meant in [
            "userName eq \"bjensen@example.com\"",
            "userName Eq \"BJensen@Example.com\"",
            "USERNAME sw \"B\"",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"b\"",
            "name.familyName co \"O'Malley\"",
            "name.familyName ew \"malley\"",
            "displayName ne \"x\"",
            "displayName eq null",
            "externalId eq \"E-1\"",
            "emails pr",
            "active eq true",
            "active eq \"True\"",
            "meta.lastModified gt \"2011-05-13T04:42:33Z\"",
            "meta.lastModified ge \"2011-05-13T06:42:34+02:00\"",
            "meta.lastModified lt \"2012-05-13T04:42:34Z\"",
            "emails co \"jensen.org\"",
            "emails.type eq \"work\"",
            "emails[type eq \"work\" and value co \"@example.com\"]",
            "emails[type eq \"work\"] and userName pr",
            "userName eq \"nobody\" or active eq true and not (userName eq \"x\")",
            "not (userName eq \"x\")",
            "not(userName eq \"x\")",
            "(userName sw \"b\") and (emails co \"example.com\" or emails.value co \"example.org\")",
            "userName eq \"bjensen\\u0040example.com\"",
        ] {
            assert!(matches(meant), "{meant}");
        }
        for other in [
            "userName eq \"bjensen\"",
            "externalId eq \"e-1\"",
            "active eq false",
            "displayName pr",
            "userName eq null",
            "emails[type eq \"home\" and value co \"@example.com\"]",
            "meta.lastModified gt \"2011-05-13T04:42:34Z\"",
            "not (active eq true)",
            // `and` binds closer than `or`.
            "userName eq \"x\" or active eq true and userName eq \"y\"",
        ] {
            assert!(!matches(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let long = format!("userName eq \"{}\"", "x".repeat(2_000));
        let deep = format!("{}userName pr{}", "(".repeat(9), ")".repeat(9));
        let deeper = format!("{}userName pr{}", "not (".repeat(300), ")".repeat(300));
        let open = "(".repeat(1_900);
        let wide = vec!["active pr"; 51].join(" or ");
        let boxes = "emails[emails[type eq \"x\"]]";
        for wrong in [
            "",
            " ",
            "userName",
            "userName eq",
            "userName eq bjensen",
            "userName xx \"a\"",
            "userName eq \"a",
            "userName eq \"a\" and",
            "userName eq \"a\" userName pr",
            "(userName pr",
            "userName pr)",
            "shoeSize eq \"42\"",
            "name.shoeSize eq \"42\"",
            "title pr",
            "emails[type eq \"work\"",
            "active gt true",
            "active co \"t\"",
            "active eq 1",
            "userName eq 1",
            "userName eq true",
            "userName eq {}",
            "userName eq []",
            "meta.created gt \"yesterday\"",
            "displayName gt null",
            "userName[value eq \"a\"]",
            "not userName pr",
            "\u{0}",
            "userName\u{a0}pr",
            &long,
            &deep,
            &deeper,
            &open,
            &wide,
            boxes,
        ] {
            let refused = Filter::parse(wrong, &USER).map(|_| ()).map_err(|flaw| flaw.kind);
            assert_eq!(refused, Err(Kind::InvalidFilter), "{wrong}");
        }
        let fits = format!("{}userName pr{}", "(".repeat(8), ")".repeat(8));
        assert!(matches(&fits));
        assert!(Filter::parse(&vec!["active pr"; 50].join(" or "), &USER).is_ok());
    }

    #[test]
    fn what_must_be_equal_is_known_for_finding_it() {
        let required = |text| {
            let filter = Filter::parse(text, &USER).unwrap();
            filter.required("userName").map(str::to_owned)
        };
        assert_eq!(required("userName eq \"Ada\"").as_deref(), Some("ada"));
        assert_eq!(required("active eq true and userName eq \"ada\"").as_deref(), Some("ada"));
        assert_eq!(required("active eq true or userName eq \"ada\""), None);
        assert_eq!(required("not (userName eq \"ada\")"), None);
        assert!(Filter::parse("members eq \"x\"", &GROUP).unwrap().asks_about("members"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in "\\PC{0,300}") {
            drop(Filter::parse(&text, &USER));
        }

        #[test]
        fn nor_is_any_that_looks_like_a_filter(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "(", ")", "[", "]", "not", "and", "or", "eq", "pr", "userName", "emails", "active", "\"a\"", "true",
                    "null", ".", "emails[", "name.givenName", " ",
                ]),
                0..60,
            )
        ) {
            if let Ok(filter) = Filter::parse(&words.join(" "), &USER) {
                let _ = filter.matches(&ada());
            }
        }
    }
}
