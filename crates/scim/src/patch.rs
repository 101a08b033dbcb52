//! PATCH (RFC 7644, 3.5.2): steps that add, replace and remove, each at a path or at the names in its value.
//!
//! Read leniently where clients are known to differ and nothing is lost by it: `Add` with a capital, "False" in quotes, names with dots
//! and URNs in a value without a path, a `remove` that lists what to remove in its value. Never leniently where more would change than
//! was meant. How much is looked at in all is bounded.

use std::collections::HashSet;

use serde_json::Value;

use crate::Resource;
use crate::filter::{Filter, Parser};
use crate::flaw::{Flaw, Kind};
use crate::path::{Named, Path, named};
use crate::read::{MOST_VALUES, member, names_schema, typed, unfit};
use crate::schema::{Attribute, Mutability, Schema, Type};

/// The most steps.
const MOST_STEPS: usize = 1_000;
/// The most comparisons that all its filters make.
const MOST_WORK: usize = 2_000_000;

/// See the module.
#[derive(Debug, Clone)]
pub struct Patch {
    steps: Vec<Step>,
    schema: &'static Schema,
}

#[derive(Debug, Clone)]
struct Step {
    does: Does,
    target: Target,
    value: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Add,
    Replace,
    Remove,
}

#[derive(Debug, Clone)]
struct Target {
    attribute: &'static Attribute,
    filter: Option<Filter>,
    part: Option<&'static Attribute>,
}

impl Patch {
    /// Reads the body of a PATCH.
    ///
    /// # Errors
    /// A [`Flaw`]: of the form, of a path, or of a value.
    pub fn read(body: &Value, schema: &'static Schema) -> Result<Self, Flaw> {
        names_schema(body, crate::PATCH)?;
        let operations = member(body, "Operations").and_then(Value::as_array);
        let operations =
            operations.ok_or_else(|| Flaw::new(Kind::InvalidSyntax, "expected a list in `Operations`"))?;
        if operations.len() > MOST_STEPS {
            return Err(Flaw::new(Kind::TooMany, format!("expected at most {MOST_STEPS} operations")));
        }
        let mut patch = Self { steps: Vec::new(), schema };
        for operation in operations {
            patch.push(operation)?;
        }
        Ok(patch)
    }

    fn push(&mut self, operation: &Value) -> Result<(), Flaw> {
        let does = match member(operation, "op").and_then(Value::as_str).unwrap_or_default() {
            op if op.eq_ignore_ascii_case("add") => Does::Add,
            op if op.eq_ignore_ascii_case("replace") => Does::Replace,
            op if op.eq_ignore_ascii_case("remove") => Does::Remove,
            _ => return Err(Flaw::new(Kind::InvalidSyntax, "expected add, replace or remove in `op`")),
        };
        let value = member(operation, "value");
        let path = match member(operation, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(path.as_str()),
            Some(_) => return Err(Flaw::new(Kind::InvalidPath, "expected text in `path`")),
        };
        if let Some(path) = path {
            let Some(target) = Target::parse(path, self.schema)? else { return Ok(()) };
            if target.changes() == Mutability::ReadOnly {
                return Err(read_only(target.attribute));
            }
            if value.is_none() && does != Does::Remove {
                return Err(Flaw::new(Kind::InvalidValue, "expected a `value`"));
            }
            return self.step(does, target, value);
        }
        if does == Does::Remove {
            return Err(Flaw::new(Kind::NoTarget, "say in `path` what to remove"));
        }
        let named = value.and_then(Value::as_object);
        let named = named.ok_or_else(|| {
            Flaw::new(Kind::InvalidValue, "without a `path`, expected an object of attributes in `value`")
        })?;
        for (path, value) in named {
            // Some send the whole of what they know, with what is not theirs to change.
            let Some(target) = Target::parse(path, self.schema)? else { continue };
            if target.changes() != Mutability::ReadOnly {
                self.step(does, target, Some(value))?;
            }
        }
        Ok(())
    }

    fn step(&mut self, does: Does, target: Target, value: Option<&Value>) -> Result<(), Flaw> {
        let of = target.part.unwrap_or(target.attribute);
        // Of the values that a filter selects, each is one.
        let value = value.map(|value| typed(of, value)).transpose()?;
        let value = match (value, &target.filter, target.part) {
            // Of the values that a filter selects, each is one.
            (Some(Some(Value::Array(items))), Some(_), None) => match <[Value; 1]>::try_from(items) {
                Ok([only]) => Some(Some(only)),
                Err(_) => return Err(unfit(of, "one value for what a filter selects")),
            },
            (value, ..) => value,
        };
        // A null, or an empty list: adding it adds nothing, putting it in the place of something takes that away.
        let (does, value) = match (does, value) {
            (Does::Add, Some(None)) => return Ok(()),
            (Does::Replace, Some(None)) => (Does::Remove, None),
            (Does::Remove, Some(None)) => return Ok(()),
            (does, value) => (does, value.flatten()),
        };
        self.steps.push(Step { does, target, value });
        Ok(())
    }

    /// Does it.
    ///
    /// # Errors
    /// `noTarget`, `mutability`, `invalidValue` or `tooMany`; the resource is then half changed, and of no use.
    pub fn apply(&self, resource: &mut Resource) -> Result<(), Flaw> {
        let mut work = 0;
        for step in &self.steps {
            step.apply(resource, &mut work)?;
        }
        let required = |attribute: &&Attribute| attribute.required && !resource.contains_key(attribute.name);
        match self.schema.attributes.iter().find(required) {
            Some(attribute) => {
                let detail = format!("`{}` cannot be removed", attribute.name);
                Err(Flaw::new(Kind::Mutability, detail))
            }
            None => Ok(()),
        }
    }
}

impl Target {
    /// Reads a path; nothing for one that leads to what is not kept.
    fn parse(text: &str, schema: &'static Schema) -> Result<Option<Self>, Flaw> {
        let invalid = || Flaw::new(Kind::InvalidPath, "expected the path of an attribute");
        let mut parser = Parser::new(text.trim(), schema).map_err(|_| invalid())?;
        let path = match named(parser.name(), schema) {
            Named::Path(path) => path,
            Named::Unkept => return Ok(None),
            Named::Nothing => return Err(invalid()),
        };
        let mut target = Self { attribute: path.attribute, filter: None, part: path.part };
        if parser.takes('[') {
            let inside = parser.inside(Path { ..path })?;
            target.filter = Some(Filter::of(inside, parser.terms()));
            if parser.takes('.') {
                match path.attribute.part(parser.name()) {
                    Some(part) => target.part = Some(part),
                    None => return Ok(None),
                }
            }
        }
        parser.end().map_err(|_| invalid())?;
        Ok(Some(target))
    }

    fn changes(&self) -> Mutability {
        match self.part {
            Some(part) if self.attribute.mutability != Mutability::ReadOnly => part.mutability,
            _ => self.attribute.mutability,
        }
    }
}

impl Step {
    fn apply(&self, resource: &mut Resource, work: &mut usize) -> Result<(), Flaw> {
        let attribute = self.target.attribute;
        if attribute.many {
            let mut values = match resource.remove(attribute.name) {
                Some(Value::Array(values)) => values,
                _ => Vec::new(),
            };
            self.apply_to_many(&mut values, work)?;
            if values.len() > MOST_VALUES {
                let detail = format!("`{}` has at most {MOST_VALUES} values", attribute.name);
                return Err(Flaw::new(Kind::TooMany, detail));
            }
            if !values.is_empty() {
                resource.insert(attribute.name.to_owned(), Value::Array(values));
            }
            return Ok(());
        }
        let name = attribute.name.to_owned();
        match (self.target.part, self.does, &self.value) {
            (Some(part), Does::Remove, _) => {
                if let Some(Value::Object(parts)) = resource.get_mut(attribute.name) {
                    parts.remove(part.name);
                }
            }
            (Some(part), _, Some(value)) => {
                let parts = resource.entry(name).or_insert_with(|| Value::Object(Resource::new()));
                if let Value::Object(parts) = parts {
                    parts.insert(part.name.to_owned(), value.clone());
                }
            }
            (None, Does::Remove, _) => drop(resource.remove(attribute.name)),
            (None, _, Some(Value::Object(new))) => {
                let parts = resource.entry(name).or_insert_with(|| Value::Object(Resource::new()));
                if let Value::Object(parts) = parts {
                    parts.extend(new.clone());
                }
            }
            (None, _, Some(value)) => drop(resource.insert(name, value.clone())),
            (_, _, None) => {}
        }
        if resource.get(attribute.name).and_then(Value::as_object).is_some_and(Resource::is_empty) {
            resource.remove(attribute.name);
        }
        Ok(())
    }

    fn apply_to_many(&self, values: &mut Vec<Value>, work: &mut usize) -> Result<(), Flaw> {
        let Target { attribute, filter, part } = &self.target;
        let Some(filter) = filter else {
            return self.apply_to_all(values);
        };
        *work += values.len().saturating_mul(filter.terms.max(1));
        if *work > MOST_WORK {
            return Err(Flaw::new(Kind::TooMany, "this patch compares too much: send it in parts"));
        }
        let meant = |value: &Value| value.as_object().is_some_and(|parts| filter.matches(parts));
        match (self.does, part) {
            (Does::Remove, None) => values.retain(|value| !meant(value)),
            (Does::Remove, Some(part)) => {
                immutable(part)?;
                for value in values.iter_mut().filter(|value| meant(value)) {
                    value.as_object_mut().map(|parts| parts.remove(part.name));
                }
                values.retain(|value| value.as_object().is_none_or(|parts| !parts.is_empty()));
            }
            (Does::Add | Does::Replace, part) => {
                let changes: Resource = match (part, &self.value) {
                    (Some(part), Some(value)) => {
                        [(part.name.to_owned(), value.clone())].into_iter().collect()
                    }
                    (None, Some(Value::Object(parts))) => parts.clone(),
                    _ => return Err(unfit(attribute, "an object")),
                };
                let primary = changes.get("primary") == Some(&Value::Bool(true));
                let places: Vec<bool> = values.iter().map(meant).collect();
                if places.contains(&true) {
                    for name in changes.keys() {
                        if let Some(part) = attribute.part(name) {
                            immutable(part)?;
                        }
                    }
                    for (value, meant) in values.iter_mut().zip(places) {
                        let Value::Object(parts) = value else { continue };
                        if meant {
                            parts.extend(changes.clone());
                        } else if primary {
                            parts.remove("primary");
                        }
                    }
                    return Ok(());
                }
                // Some add a part to a value that is not there yet; what it is follows from the filter.
                let described = filter.described().filter(|_| self.does == Does::Add);
                let described = described.ok_or_else(|| {
                    Flaw::new(Kind::NoTarget, "the filter of `path` selects nothing that could be changed")
                })?;
                let mut new: Resource =
                    described.into_iter().map(|(part, value)| (part.name.to_owned(), value)).collect();
                new.extend(changes);
                add(attribute, values, vec![Value::Object(new)]);
            }
        }
        Ok(())
    }

    /// At an attribute with several values, without a filter.
    fn apply_to_all(&self, values: &mut Vec<Value>) -> Result<(), Flaw> {
        let Target { attribute, part, .. } = &self.target;
        if let Some(part) = part {
            immutable(part)?;
            for value in values.iter_mut().filter_map(Value::as_object_mut) {
                match (self.does, &self.value) {
                    (Does::Remove, _) => drop(value.remove(part.name)),
                    (_, Some(new)) => drop(value.insert(part.name.to_owned(), new.clone())),
                    (_, None) => {}
                }
            }
            values.retain(|value| value.as_object().is_none_or(|parts| !parts.is_empty()));
            return Ok(());
        }
        match (self.does, &self.value) {
            (Does::Add, Some(Value::Array(new))) => add(attribute, values, new.clone()),
            (Does::Replace, Some(Value::Array(new))) => {
                values.clear();
                add(attribute, values, new.clone());
            }
            // The values to remove, listed.
            (Does::Remove, Some(Value::Array(listed))) => {
                let listed: HashSet<String> = listed.iter().map(identity).collect();
                values.retain(|value| !listed.contains(&identity(value)));
            }
            (Does::Remove, None) => values.clear(),
            _ => return Err(unfit(attribute, "a list")),
        }
        Ok(())
    }
}

/// Adds what is not there yet. One that is the first to use makes the others not so.
fn add(attribute: &Attribute, values: &mut Vec<Value>, new: Vec<Value>) {
    let mut known: HashSet<String> = values.iter().map(identity).collect();
    for value in new {
        let primary = value.get("primary") == Some(&Value::Bool(true));
        if primary {
            for parts in values.iter_mut().filter_map(Value::as_object_mut) {
                parts.remove("primary");
            }
        }
        if known.insert(identity(&value)) {
            values.push(value);
        } else if attribute.of == Type::Complex {
            // The same value said anew, with other parts.
            let same = identity(&value);
            let old = values.iter_mut().find(|old| identity(old) == same);
            if let (Some(Value::Object(old)), Value::Object(new)) = (old, value) {
                old.extend(new);
            }
        }
    }
}

/// What makes a value the one it is: its part `value`, or all of it; and of an address what it is for.
fn identity(value: &Value) -> String {
    let Some(parts) = value.as_object() else { return value.to_string() };
    match parts.get("value").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

fn immutable(part: &Attribute) -> Result<(), Flaw> {
    if part.mutability == Mutability::ReadWrite { Ok(()) } else { Err(read_only(part)) }
}

fn read_only(attribute: &Attribute) -> Flaw {
    Flaw::new(Kind::Mutability, format!("`{}` cannot be changed so", attribute.name))
}

#[cfg(test)]
mod tests;
