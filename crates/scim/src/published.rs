//! What a server says of itself (RFC 7643, 5 to 7; RFC 7644, 4): what it can do, and which attributes its resources have. Made from the
//! same tables that requests are read by.

use serde_json::{Value, json};

use crate::schema::{Attribute, Schema, Type};

/// Limits that clients are told.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most resources in one answer.
    pub results: usize,
}

/// `ServiceProviderConfig`, but for its place.
#[must_use]
pub fn service_provider(limits: Limits) -> Value {
    let no = json!({"supported": false});
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": limits.results},
        "changePassword": no,
        "sort": no,
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "API key",
            "description": "The key of a service whose role has `access.provision`, as a bearer token (RFC 6750)",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig"},
    })
}

/// A resource type, but for its place.
#[must_use]
pub fn resource_type(schema: &Schema) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": schema.name,
        "name": schema.name,
        "endpoint": format!("/{}", schema.endpoint),
        "description": schema.about,
        "schema": schema.urn,
        "schemaExtensions": [],
        "meta": {"resourceType": "ResourceType"},
    })
}

/// A schema, but for its place.
#[must_use]
pub fn schema_document(schema: &Schema) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.urn,
        "name": schema.name,
        "description": schema.about,
        "attributes": schema.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "meta": {"resourceType": "Schema"},
    })
}

fn attribute(it: &Attribute) -> Value {
    let mut said = json!({
        "name": it.name,
        "type": it.of.as_str(),
        "multiValued": it.many,
        "description": it.about,
        "required": it.required,
        "mutability": it.mutability.as_str(),
        "returned": "default",
    });
    let Some(members) = said.as_object_mut() else { return said };
    match it.of {
        Type::Complex => {
            members.insert("subAttributes".to_owned(), it.parts.iter().map(attribute).collect());
        }
        Type::Boolean => {}
        Type::Reference(to) => {
            members.insert("referenceTypes".to_owned(), json!([to]));
        }
        Type::String | Type::DateTime => {}
    }
    if matches!(it.of, Type::String | Type::Reference(_)) {
        members.insert("caseExact".to_owned(), json!(it.exact));
        members.insert("uniqueness".to_owned(), json!(if it.unique { "server" } else { "none" }));
    }
    if !it.usual.is_empty() {
        members.insert("canonicalValues".to_owned(), json!(it.usual));
    }
    said
}
