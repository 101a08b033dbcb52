//! What this server can do and which attributes its resources have (RFC 7644, 4). The same for everybody, and nothing of a vault.

use avouch_scim::{
    GROUP, LIST, Limits, USER, resource_type as type_document, schema_document,
    service_provider as provider_document,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::location;
use super::request::{MOST_RESULTS, answer};
use crate::extract::{Caller, Path};
use crate::problem::Failure;
use crate::service::{Service, Shared};

pub(super) async fn service_provider(State(service): State<Shared>, _: Caller) -> Result<Response, Failure> {
    let document = provider_document(Limits { results: MOST_RESULTS });
    answer(StatusCode::OK, &placed(&service, document, "ServiceProviderConfig"))
}

pub(super) async fn resource_types(State(service): State<Shared>, _: Caller) -> Result<Response, Failure> {
    list(types(&service))
}

pub(super) async fn resource_type(
    State(service): State<Shared>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    one(types(&service), &id)
}

pub(super) async fn schemas(State(service): State<Shared>, _: Caller) -> Result<Response, Failure> {
    list(documents(&service))
}

pub(super) async fn schema(
    State(service): State<Shared>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    one(documents(&service), &id)
}

fn types(service: &Service) -> Vec<Value> {
    let document = |schema| placed(service, type_document(schema), &format!("ResourceTypes/{}", schema.name));
    [&USER, &GROUP].map(document).into()
}

fn documents(service: &Service) -> Vec<Value> {
    let document = |schema| placed(service, schema_document(schema), &format!("Schemas/{}", schema.urn));
    [&USER, &GROUP].map(document).into()
}

fn placed(service: &Service, mut document: Value, place: &str) -> Value {
    if let Some(meta) = document.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("location".to_owned(), location(service, place).into());
    }
    document
}

fn one(documents: Vec<Value>, id: &str) -> Result<Response, Failure> {
    let found = documents.into_iter().find(|document| document.get("id").and_then(Value::as_str) == Some(id));
    answer(StatusCode::OK, &found.ok_or_else(Failure::not_found)?)
}

fn list(documents: Vec<Value>) -> Result<Response, Failure> {
    let count = documents.len();
    let list = json!({
        "schemas": [LIST], "totalResults": count, "startIndex": 1, "itemsPerPage": count, "Resources": documents,
    });
    answer(StatusCode::OK, &list)
}
