//! The three types that may hold something personal or secret: [`Fields`], [`Document`] and [`Secret`]. Everything else in this crate
//! holds names, ids and counts, or holds these. None of them prints its content.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::AdditionalProperties},
};

/// A customer's values by field name, in the order given. Types and names are those of the charter.
///
/// `Debug` shows the names only.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// The field names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl FromIterator<(String, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields ")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl PartialSchema for Fields {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some("Values by field name; names and types are the charter's"))
            .examples([json!({
                "name": "Ada Beispiel",
                "email": "ada@example.org",
                "phone": ["+49 30 5550100"],
                "address": {"street": "Lindenweg 3", "postal_code": "10115", "city": "Berlin", "country": "DE"}
            })])
            .into()
    }
}

impl ToSchema for Fields {}

/// Any JSON, to be returned in the same shape. `Debug` shows its kind only.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(pub Value);

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Value::Null => "Document(null)",
            Value::Bool(_) => "Document(boolean)",
            Value::Number(_) => "Document(number)",
            Value::String(_) => "Document(string)",
            Value::Array(_) => "Document(array)",
            Value::Object(_) => "Document(object)",
        })
    }
}

impl PartialSchema for Document {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some("Any JSON document"))
            .into()
    }
}

impl ToSchema for Document {}

/// A text that must not be printed: an API key, a token, somebody's reason. `Debug` shows three dots.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialSchema for Secret {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_no_value() {
        let fields: Fields = serde_json::from_value(json!({"name": "Ada", "phone": ["+4930"]})).unwrap();
        insta::assert_snapshot!(format!("{fields:?}"), @r#"Fields {"name", "phone"}"#);
        assert_eq!(format!("{:?}", Document(json!({"name": "Ada"}))), "Document(object)");
        assert_eq!(format!("{:?}", Secret("avk_x".into())), "Secret(…)");
    }

    #[test]
    fn the_order_of_fields_is_kept() {
        let text = r#"{"zeta":1,"alpha":2}"#;
        let fields: Fields = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), text);
    }
}
