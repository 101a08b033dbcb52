//! Users and groups: the same handlers for both, over the operations of each.

use std::fmt::Display;

use avouch_core::app::Operation;
use avouch_core::gate::provisioning::{
    Change, ChangeGroup, ChangeUser, CreateGroup, CreateUser, DeleteGroup, DeleteUser, Expected, Listed,
    Range, ReadGroups, ReadUsers, Shown,
};
use avouch_core::{GroupId, PrincipalId};
use avouch_scim::{Filter, GROUP, LIST, Patch, Projection, Resource, SEARCH, Schema, USER};
use axum::body::Body as Empty;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::location;
use super::request::{Asked, Body, Known, Matching, answer, invalid, tagged};
use crate::extract::{Caller, FromPath, Path};
use crate::perform::perform;
use crate::problem::Failure;
use crate::service::{Service, Shared};

/// A kind of resource, and what is done with it.
pub(super) trait Kept: Send + Sync + 'static {
    const SCHEMA: &'static Schema;
    type Id: FromPath + Copy + Display + Send + 'static;

    fn create(resource: Resource) -> impl Operation<Output = Shown<Self::Id>>;
    fn change(id: Self::Id, change: Change, expected: Expected) -> impl Operation<Output = Shown<Self::Id>>;
    fn delete(id: Self::Id, expected: Expected) -> impl Operation<Output = ()>;
    fn find(
        only: Option<Self::Id>,
        filter: Option<Filter>,
        range: Range,
    ) -> impl Operation<Output = Listed<Self::Id>>;
}

pub(super) struct Users;
pub(super) struct Groups;

macro_rules! kept {
    ($kept:ident $schema:ident $id:ident $create:ident $change:ident $delete:ident $read:ident) => {
        impl Kept for $kept {
            const SCHEMA: &'static Schema = &$schema;
            type Id = $id;

            fn create(resource: Resource) -> impl Operation<Output = Shown<$id>> {
                $create { resource }
            }
            fn change(id: $id, change: Change, expected: Expected) -> impl Operation<Output = Shown<$id>> {
                $change { id, change, expected }
            }
            fn delete(id: $id, expected: Expected) -> impl Operation<Output = ()> {
                $delete { id, expected }
            }
            fn find(
                only: Option<$id>,
                filter: Option<Filter>,
                range: Range,
            ) -> impl Operation<Output = Listed<$id>> {
                $read { only, filter, range }
            }
        }
    };
}

kept!(Users USER PrincipalId CreateUser ChangeUser DeleteUser ReadUsers);
kept!(Groups GROUP GroupId CreateGroup ChangeGroup DeleteGroup ReadGroups);

pub(super) async fn create<K: Kept>(
    State(service): State<Shared>,
    Caller(caller): Caller,
    asked: Asked,
    Body(body): Body,
) -> Result<Response, Failure> {
    let projection = asked.projection(K::SCHEMA)?;
    let resource = K::SCHEMA.read(&body).map_err(Failure::scim)?;
    let shown = perform(&service.app, &caller, K::create(resource)).await?.output;
    rendered::<K>(&service, StatusCode::CREATED, shown, &projection)
}

pub(super) async fn read<K: Kept>(
    State(service): State<Shared>,
    Caller(caller): Caller,
    asked: Asked,
    known: Known,
    Path(id): Path<K::Id>,
) -> Result<Response, Failure> {
    let projection = asked.projection(K::SCHEMA)?;
    let find = K::find(Some(id), None, Range { skip: 0, count: 1 });
    let shown =
        perform(&service.app, &caller, find).await?.output.items.pop().ok_or_else(Failure::not_found)?;
    if known.has(shown.version) {
        return Ok(tagged(empty(StatusCode::NOT_MODIFIED), shown.version));
    }
    rendered::<K>(&service, StatusCode::OK, shown, &projection)
}

pub(super) async fn replace<K: Kept>(
    State(service): State<Shared>,
    Caller(caller): Caller,
    asked: Asked,
    Matching(expected): Matching,
    Path(id): Path<K::Id>,
    Body(body): Body,
) -> Result<Response, Failure> {
    let change = Change::Replace(K::SCHEMA.read(&body).map_err(Failure::scim)?);
    changed::<K>(&service, &caller, &asked, K::change(id, change, expected)).await
}

pub(super) async fn patch<K: Kept>(
    State(service): State<Shared>,
    Caller(caller): Caller,
    asked: Asked,
    Matching(expected): Matching,
    Path(id): Path<K::Id>,
    Body(body): Body,
) -> Result<Response, Failure> {
    let change = Change::Patch(Patch::read(&body, K::SCHEMA).map_err(Failure::scim)?);
    changed::<K>(&service, &caller, &asked, K::change(id, change, expected)).await
}

async fn changed<K: Kept>(
    service: &Shared,
    caller: &avouch_core::gate::Caller,
    asked: &Asked,
    change: impl Operation<Output = Shown<K::Id>>,
) -> Result<Response, Failure> {
    let projection = asked.projection(K::SCHEMA)?;
    let shown = perform(&service.app, caller, change).await?.output;
    rendered::<K>(service, StatusCode::OK, shown, &projection)
}

pub(super) async fn delete<K: Kept>(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Matching(expected): Matching,
    Path(id): Path<K::Id>,
) -> Result<Response, Failure> {
    perform(&service.app, &caller, K::delete(id, expected)).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn list<K: Kept>(
    State(service): State<Shared>,
    Caller(caller): Caller,
    asked: Asked,
) -> Result<Response, Failure> {
    found::<K>(&service, &caller, &asked).await
}

pub(super) async fn search<K: Kept>(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    found::<K>(&service, &caller, &searched(&body)?).await
}

/// Searches users and then groups. A filter that is about the one kind selects nothing of the other.
pub(super) async fn search_all(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    let asked = searched(&body)?;
    let range = asked.range();
    let (users, groups) = (asked.filter(&USER), asked.filter(&GROUP));
    if let (Err(failure), Err(_)) = (&users, &groups) {
        return Err(failure.clone());
    }
    let (mut total, mut resources) = (0, Vec::new());
    if let Ok(filter) = users {
        total += part::<Users>(&service, &caller, &asked, filter, range, &mut resources).await?;
    }
    if let Ok(filter) = groups {
        let rest = Range {
            skip: range.skip.saturating_sub(total),
            count: range.count.saturating_sub(resources.len()),
        };
        total += part::<Groups>(&service, &caller, &asked, filter, rest, &mut resources).await?;
    }
    listed(total, range, resources)
}

fn searched(body: &Value) -> Result<Asked, Failure> {
    let named = body.get("schemas").and_then(Value::as_array);
    if !named.is_some_and(|named| named.iter().take(20).any(|urn| urn.as_str() == Some(SEARCH))) {
        return Err(invalid(format!("`schemas` has to name `{SEARCH}`")));
    }
    Asked::read(body)
}

async fn found<K: Kept>(
    service: &Shared,
    caller: &avouch_core::gate::Caller,
    asked: &Asked,
) -> Result<Response, Failure> {
    let (range, mut resources) = (asked.range(), Vec::new());
    let total = part::<K>(service, caller, asked, asked.filter(K::SCHEMA)?, range, &mut resources).await?;
    listed(total, range, resources)
}

/// Adds those of one kind; says how many of it there are in all.
async fn part<K: Kept>(
    service: &Shared,
    caller: &avouch_core::gate::Caller,
    asked: &Asked,
    filter: Option<Filter>,
    range: Range,
    resources: &mut Vec<Resource>,
) -> Result<usize, Failure> {
    let projection = asked.projection(K::SCHEMA)?;
    let found = perform(&service.app, caller, K::find(None, filter, range)).await?.output;
    resources.extend(found.items.into_iter().map(|shown| placed::<K>(service, shown, &projection)));
    Ok(found.total)
}

fn listed(total: usize, range: Range, resources: Vec<Resource>) -> Result<Response, Failure> {
    let list = json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": range.skip + 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    });
    answer(StatusCode::OK, &list)
}

fn rendered<K: Kept>(
    service: &Service,
    status: StatusCode,
    shown: Shown<K::Id>,
    projection: &Projection,
) -> Result<Response, Failure> {
    let (place, version) =
        (location(service, &format!("{}/{}", K::SCHEMA.endpoint, shown.id)), shown.version);
    let resource = placed::<K>(service, shown, projection);
    let mut response = tagged(answer(status, &resource)?, version);
    if let (StatusCode::CREATED, Ok(place)) = (status, HeaderValue::from_str(&place)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Says where it and those it names are found, and leaves out what was not asked for.
fn placed<K: Kept>(service: &Service, shown: Shown<K::Id>, projection: &Projection) -> Resource {
    let mut resource = shown.resource;
    let place = location(service, &format!("{}/{}", K::SCHEMA.endpoint, shown.id));
    if let Some(meta) = resource.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("location".to_owned(), place.into());
    }
    projection.apply(&mut resource);
    for (name, endpoint) in [("groups", GROUP.endpoint), ("members", USER.endpoint)] {
        let values = resource.get_mut(name).and_then(Value::as_array_mut);
        for parts in values.into_iter().flatten().filter_map(Value::as_object_mut) {
            if let Some(id) = parts.get("value").and_then(Value::as_str) {
                let place = location(service, &format!("{endpoint}/{id}"));
                parts.insert("$ref".to_owned(), place.into());
            }
        }
    }
    resource
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Empty::empty());
    *response.status_mut() = status;
    response
}
