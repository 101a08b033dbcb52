//! `attributes` and `excludedAttributes` (RFC 7644, 3.9): which part of a resource somebody wants to see. `id` and `schemas` are
//! always shown; names that there are not stand for nothing.

use serde_json::Value;

use crate::Resource;
use crate::flaw::{Flaw, Kind};
use crate::path::{Named, Path, named};
use crate::schema::Schema;

/// The most names in one of the lists.
const MOST: usize = 100;

/// See the module.
#[derive(Debug, Clone)]
pub struct Projection {
    paths: Vec<Path>,
    choice: Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    All,
    Only,
    But,
}

impl Projection {
    /// Reads the two lists.
    ///
    /// # Errors
    /// `invalidValue` when both are given, or too much.
    pub fn new<'n>(
        attributes: impl IntoIterator<Item = &'n str>,
        excluded: impl IntoIterator<Item = &'n str>,
        schema: &Schema,
    ) -> Result<Self, Flaw> {
        let (only, only_said) = paths(attributes, schema)?;
        let (but, but_said) = paths(excluded, schema)?;
        match (only_said, but_said) {
            (true, true) => Err(Flaw::new(
                Kind::InvalidValue,
                "say either `attributes` or `excludedAttributes`, not both",
            )),
            (true, false) => Ok(Self { paths: only, choice: Choice::Only }),
            (false, true) => Ok(Self { paths: but, choice: Choice::But }),
            (false, false) => Ok(Self { paths: Vec::new(), choice: Choice::All }),
        }
    }

    /// Whether anything of an attribute is shown.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        let of = |path: &&Path| path.attribute.name == name;
        match self.choice {
            Choice::All => true,
            Choice::Only => self.paths.iter().any(|path| of(&path)),
            Choice::But => !self.paths.iter().any(|path| of(&path) && path.part.is_none()),
        }
    }

    /// Takes away what was not asked for.
    pub fn apply(&self, resource: &mut Resource) {
        if self.choice == Choice::All {
            return;
        }
        resource.retain(|name, value| {
            if matches!(name.as_str(), "id" | "schemas") {
                return true;
            }
            if !self.shows(name) {
                return false;
            }
            let of: Vec<_> = self.paths.iter().filter(|path| path.attribute.name == name).collect();
            if self.choice == Choice::Only && of.iter().any(|path| path.part.is_none()) {
                return true;
            }
            let named = |part: &str| of.iter().any(|path| path.part.is_some_and(|known| known.name == part));
            let keep = |part: &str| named(part) == (self.choice == Choice::Only);
            each(value, &|parts| parts.retain(|part, _| keep(part)));
            true
        });
    }
}

fn each(value: &mut Value, change: &dyn Fn(&mut Resource)) {
    match value {
        Value::Object(parts) => change(parts),
        Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(change),
        _ => {}
    }
}

fn paths<'n>(names: impl IntoIterator<Item = &'n str>, schema: &Schema) -> Result<(Vec<Path>, bool), Flaw> {
    let (mut paths, mut said) = (Vec::new(), false);
    for (at, name) in names.into_iter().enumerate() {
        if at >= MOST {
            return Err(Flaw::new(
                Kind::InvalidValue,
                format!("expected at most {MOST} names of attributes"),
            ));
        }
        said = true;
        if let Named::Path(path) = named(name.trim(), schema) {
            paths.push(path);
        }
    }
    Ok((paths, said))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::USER;

    fn shown(attributes: &str, excluded: &str) -> Value {
        let list = |text: &'static str| text.split(',').filter(|name| !name.is_empty()).collect::<Vec<_>>();
        let (attributes, excluded) = (attributes.to_owned().leak(), excluded.to_owned().leak());
        let projection = Projection::new(list(attributes), list(excluded), &USER).unwrap();
        let user = json!({
            "schemas": [USER.urn], "id": "1", "userName": "ada", "active": true,
            "emails": [{"value": "a@example.com", "type": "work"}],
        });
        let Value::Object(mut user) = user else { unreachable!() };
        projection.apply(&mut user);
        user.remove("schemas");
        Value::Object(user)
    }

    #[test]
    fn what_was_asked_for_is_shown() {
        assert_eq!(shown("USERNAME", ""), json!({"id": "1", "userName": "ada"}));
        assert_eq!(shown("emails.type", ""), json!({"id": "1", "emails": [{"type": "work"}]}));
        assert_eq!(shown("nothing", ""), json!({"id": "1"}));
        let name = "urn:ietf:params:scim:schemas:core:2.0:User:userName";
        assert_eq!(shown(name, ""), json!({"id": "1", "userName": "ada"}));
        assert_eq!(
            shown("", "id,emails.value,active"),
            json!({"id": "1", "userName": "ada", "emails": [{"type": "work"}]})
        );
        assert!(Projection::new(["a"], ["b"], &USER).is_err());
        assert!(Projection::new(["a"; 101], [], &USER).is_err());
    }
}
