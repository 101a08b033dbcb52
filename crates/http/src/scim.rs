//! `/scim/v2`: the face that identity providers know (RFC 7643, RFC 7644). They keep people and groups by it; what they may is for the
//! core to say, which does it all.
//!
//! ```text
//! request     query strings, bodies, entity tags
//! resources   users and groups: made, changed, ended, found
//! discovery   what this server can do, and which attributes there are
//! error       how an error is written
//! ```
//! It describes itself (`/Schemas`, `/ResourceTypes`), so it is not in the OpenAPI document. What clients send that is not kept is
//! passed over; what they ask for that is not there, such as sorting, is not done, and `/ServiceProviderConfig` says so.

mod discovery;
mod error;
mod request;
mod resources;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};

use crate::problem::Failure;
use crate::service::{Service, Shared};
use resources::{Groups, Users};

pub(crate) use error::render;

const ROOT: &str = "/scim/v2";

/// Whether a path is answered in the manner of SCIM, errors included.
pub(crate) fn speaks(path: &str) -> bool {
    path == ROOT || path.strip_prefix(ROOT).is_some_and(|rest| rest.starts_with('/'))
}

/// Every route of this face, with its methods, for the table of routes.
pub(crate) const ROUTES: [(&str, &[&str]); 12] = [
    ("/scim/v2/ServiceProviderConfig", &["GET"]),
    ("/scim/v2/ResourceTypes", &["GET"]),
    ("/scim/v2/ResourceTypes/{id}", &["GET"]),
    ("/scim/v2/Schemas", &["GET"]),
    ("/scim/v2/Schemas/{id}", &["GET"]),
    ("/scim/v2/Users", &["GET", "POST"]),
    ("/scim/v2/Users/{id}", &["GET", "PUT", "PATCH", "DELETE"]),
    ("/scim/v2/Groups", &["GET", "POST"]),
    ("/scim/v2/Groups/{id}", &["GET", "PUT", "PATCH", "DELETE"]),
    ("/scim/v2/.search", &["POST"]),
    ("/scim/v2/Users/.search", &["POST"]),
    ("/scim/v2/Groups/.search", &["POST"]),
];

pub(crate) fn routes() -> Router<Shared> {
    let table: [(&str, MethodRouter<Shared>); 12] = [
        ("/scim/v2/ServiceProviderConfig", get(discovery::service_provider)),
        ("/scim/v2/ResourceTypes", get(discovery::resource_types)),
        ("/scim/v2/ResourceTypes/{id}", get(discovery::resource_type)),
        ("/scim/v2/Schemas", get(discovery::schemas)),
        ("/scim/v2/Schemas/{id}", get(discovery::schema)),
        ("/scim/v2/.search", post(resources::search_all)),
        ("/scim/v2/Users", get(resources::list::<Users>).post(resources::create::<Users>)),
        ("/scim/v2/Users/.search", post(resources::search::<Users>)),
        ("/scim/v2/Users/{id}", one::<Users>()),
        ("/scim/v2/Groups", get(resources::list::<Groups>).post(resources::create::<Groups>)),
        ("/scim/v2/Groups/.search", post(resources::search::<Groups>)),
        ("/scim/v2/Groups/{id}", one::<Groups>()),
    ];
    let mut router = Router::new();
    for (path, handlers) in table {
        router = router.route(path, handlers.fallback(not_allowed));
    }
    router
}

fn one<K: resources::Kept>() -> MethodRouter<Shared> {
    get(resources::read::<K>)
        .put(resources::replace::<K>)
        .patch(resources::patch::<K>)
        .delete(resources::delete::<K>)
}

async fn not_allowed() -> Failure {
    let detail = "this is not done with this method: see RFC 7644, table 2";
    Failure::new(avouch_wire::ProblemKind::NotFound, detail).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

/// Where something of this face is found.
fn location(service: &Service, place: &str) -> String {
    format!("{}{ROOT}/{place}", service.origin.as_deref().unwrap_or_default())
}
