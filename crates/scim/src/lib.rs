#![doc = include_str!("../README.md")]

mod filter;
mod flaw;
mod patch;
mod path;
mod project;
mod published;
mod read;
mod schema;

pub use filter::Filter;
pub use flaw::{Flaw, Kind};
pub use patch::Patch;
pub use project::Projection;
pub use published::{Limits, resource_type, schema_document, service_provider};
pub use schema::{Attribute, GROUP, Mutability, Schema, Type, USER};

/// A resource, or what is known of one: attributes by the names that the schema has for them.
pub type Resource = serde_json::Map<String, serde_json::Value>;

/// What a list is.
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// What a patch is.
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// What a search is.
pub const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// What an error is.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// The media type of all of it.
pub const MEDIA_TYPE: &str = "application/scim+json";
