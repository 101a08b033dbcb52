//! From what a client sends to what is kept: names in their one spelling, values of their type, nothing that is not the client's to
//! say. What a schema has not is left out, and so is what only the server may write (RFC 7644, 3.3).

use serde_json::Value;

use crate::Resource;
use crate::flaw::{Flaw, Kind};
use crate::path::{Named, named};
use crate::schema::{Attribute, Mutability, Schema, Type};

/// The longest text of an attribute, in bytes.
const TEXT_BYTES: usize = 1_024;
/// The most values that an attribute has in one request.
pub(crate) const MOST_VALUES: usize = 10_000;

impl Schema {
    /// Reads a whole resource, for POST and PUT. What is null or an empty list is not there.
    ///
    /// # Errors
    /// `invalidSyntax` for what is no resource of this schema, `invalidValue` for a value that does not fit.
    pub fn read(&self, body: &Value) -> Result<Resource, Flaw> {
        let sent = body.as_object().ok_or_else(not_an_object)?;
        names_schema(body, self.urn)?;
        let mut resource = Resource::new();
        for (name, value) in sent {
            let Named::Path(path) = named(name, self) else { continue };
            let attribute = path.attribute;
            if attribute.mutability == Mutability::ReadOnly || path.part.is_some() {
                continue;
            }
            let Some(value) = typed(attribute, value)? else { continue };
            if resource.insert(attribute.name.to_owned(), value).is_some() {
                return Err(twice(attribute));
            }
        }
        self.whole(&resource)?;
        Ok(resource)
    }

    /// Whether all is there that must be.
    pub(crate) fn whole(&self, resource: &Resource) -> Result<(), Flaw> {
        let missing = |attribute: &&Attribute| attribute.required && !resource.contains_key(attribute.name);
        match self.attributes.iter().find(missing) {
            Some(attribute) => {
                Err(Flaw::new(Kind::InvalidValue, format!("`{}` has to be there", attribute.name)))
            }
            None => Ok(()),
        }
    }
}

/// Whether a message or a resource says that it is of this schema.
pub(crate) fn names_schema(body: &Value, urn: &str) -> Result<(), Flaw> {
    let schemas = member(body, "schemas").and_then(Value::as_array);
    let is = |named: &Value| named.as_str().is_some_and(|named| named.eq_ignore_ascii_case(urn));
    if schemas.is_some_and(|schemas| schemas.iter().take(20).any(is)) {
        return Ok(());
    }
    Err(Flaw::new(Kind::InvalidSyntax, format!("`schemas` has to name `{urn}`")))
}

/// A member of an object, however its name is capitalised.
pub(crate) fn member<'v>(body: &'v Value, name: &str) -> Option<&'v Value> {
    let members = body.as_object()?;
    members.get(name).or_else(|| {
        members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// A value of an attribute, or of all its values; nothing for null and for an empty list.
pub(crate) fn typed(attribute: &Attribute, value: &Value) -> Result<Option<Value>, Flaw> {
    if !attribute.many {
        return match value {
            // Some send the one value of what has only one in a list.
            Value::Array(items) => match items.as_slice() {
                [only] => one(attribute, only),
                [] => Ok(None),
                _ => Err(unfit(attribute, "one value")),
            },
            other => one(attribute, other),
        };
    }
    let items = match value {
        Value::Array(items) => items.as_slice(),
        Value::Null => return Ok(None),
        single => std::slice::from_ref(single),
    };
    if items.len() > MOST_VALUES {
        return Err(Flaw::new(
            Kind::TooMany,
            format!("`{}` has more than {MOST_VALUES} values", attribute.name),
        ));
    }
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        values.extend(one(attribute, item)?);
    }
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

fn one(attribute: &Attribute, value: &Value) -> Result<Option<Value>, Flaw> {
    if value.is_null() {
        return Ok(None);
    }
    let value = match attribute.of {
        Type::Complex => {
            // `{"value": …}` may be written as the value alone.
            if let (Value::String(_), Some(part)) = (value, attribute.part("value")) {
                let inner = one(part, value)?.unwrap_or_default();
                return Ok(Some(Value::Object(Resource::from_iter([("value".to_owned(), inner)]))));
            }
            let sent = value.as_object().ok_or_else(|| unfit(attribute, "an object"))?;
            let mut parts = Resource::new();
            for (name, value) in sent {
                let Some(part) = attribute.part(name) else { continue };
                if part.mutability == Mutability::ReadOnly {
                    continue;
                }
                let Some(value) = typed(part, value)? else { continue };
                if parts.insert(part.name.to_owned(), value).is_some() {
                    return Err(twice(part));
                }
            }
            return Ok((!parts.is_empty()).then_some(Value::Object(parts)));
        }
        Type::Boolean => Value::Bool(boolean(value).ok_or_else(|| unfit(attribute, "true or false"))?),
        Type::String | Type::DateTime | Type::Reference(_) => match value {
            Value::String(text) if text.len() <= TEXT_BYTES => value.clone(),
            _ => return Err(unfit(attribute, "text of at most 1,024 bytes")),
        },
    };
    Ok(Some(value))
}

/// Some write it as a text, with a capital.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

pub(crate) fn unfit(attribute: &Attribute, expected: &str) -> Flaw {
    Flaw::new(Kind::InvalidValue, format!("expected {expected} for `{}`", attribute.name))
}

fn twice(attribute: &Attribute) -> Flaw {
    Flaw::new(Kind::InvalidSyntax, format!("`{}` is there twice", attribute.name))
}

fn not_an_object() -> Flaw {
    Flaw::new(Kind::InvalidSyntax, "expected an object")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{GROUP, USER};

    #[test]
    fn only_what_is_the_clients_to_say_is_read() {
        let read = USER.read(&json!({
            "SCHEMAS": [USER.urn, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "USERNAME": "ada",
            "id": "00000000-0000-0000-0000-000000000000",
            "meta": {"created": "1970-01-01T00:00:00Z"},
            "groups": [{"value": "admins"}],
            "roles": ["admin"],
            "kind": "service",
            "password": "secret",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": "x"},
            "active": "True",
            "emails": [{"VALUE": "ada@example.com", "type": "work", "display": "Ada", "primary": true}],
            "name": {"familyName": "L", "middleName": "x", "givenName": null},
        }));
        let expected = json!({
            "userName": "ada",
            "active": true,
            "emails": [{"value": "ada@example.com", "type": "work", "primary": true}],
            "name": {"familyName": "L"},
        });
        assert_eq!(read.map(Value::Object), Ok(expected));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_kind() {
        let user = |more: Value| {
            let mut body = json!({"schemas": [USER.urn], "userName": "ada"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            USER.read(&body).map(|_| ()).map_err(|flaw| flaw.kind)
        };
        assert_eq!(user(json!({})), Ok(()));
        assert_eq!(user(json!({"schemas": []})), Err(Kind::InvalidSyntax));
        assert_eq!(user(json!({"schemas": [GROUP.urn]})), Err(Kind::InvalidSyntax));
        assert_eq!(user(json!({"username": "eve"})), Err(Kind::InvalidSyntax));
        assert_eq!(user(json!({"active": "perhaps"})), Err(Kind::InvalidValue));
        assert_eq!(user(json!({"active": 1})), Err(Kind::InvalidValue));
        assert_eq!(user(json!({"userName": null})), Err(Kind::InvalidValue));
        assert_eq!(user(json!({"userName": {"a": 1}})), Err(Kind::InvalidValue));
        assert_eq!(user(json!({"displayName": "x".repeat(1_025)})), Err(Kind::InvalidValue));
        assert_eq!(USER.read(&json!([])).map_err(|flaw| flaw.kind), Err(Kind::InvalidSyntax));
        let many: Vec<_> = (0..10_001).map(|at| json!({"value": at.to_string()})).collect();
        let group = json!({"schemas": [GROUP.urn], "displayName": "all", "members": many});
        assert_eq!(GROUP.read(&group).map_err(|flaw| flaw.kind), Err(Kind::TooMany));
    }
}
