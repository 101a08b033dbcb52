//! The face that clients of HashiCorp Vault and OpenBao know: `/v1/transit/…`, the encoding and decoding of `/v1/transform/…`, and as
//! much of `/v1/auth/token/…` and `/v1/sys/…` as they ask before they work. The token is an API key of ours; the keys, the policy, the
//! record and the limits are those of `/v1/transit-keys`.
//!
//! ```text
//! members     what a request says, in the loose types of those clients
//! envelope    how an answer, and how an error is written
//! keys        make, change, end           work   encrypt, decrypt, rewrap, data keys
//! sign        sign, verify, MACs          plain  random bytes, digests
//! transform   tokens of a format          sys    who am I, are you well
//! ```
//! Where an engine would do something that we do not, the request is refused and says so: nonces, convergent encryption, export,
//! plaintext backups, keys that are made by encrypting. Nothing that could change what is meant is passed over in silence.

mod batch;
mod envelope;
mod keys;
mod members;
mod plain;
mod sign;
mod sys;
mod transform;
mod work;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::no_such_route;
use crate::problem::Failure;
use crate::service::Shared;

pub(crate) use envelope::{Errors, render};

/// Whether a path is answered in the manner of these clients, errors included.
pub(crate) fn speaks(path: &str) -> bool {
    let ours = ["/v1/transit/", "/v1/transform/", "/v1/auth/token/", "/v1/sys/"];
    ours.iter().any(|beginning| path.starts_with(beginning))
}

/// Routes of this face that need no credential.
pub(crate) const OPEN: [&str; 3] = ["/v1/sys/health", "/v1/sys/init", "/v1/sys/seal-status"];

/// The header that these clients send their token in.
pub(crate) const TOKEN: &str = "x-vault-token";

/// Their method for lists.
pub(crate) fn is_list(method: &Method) -> bool {
    method.as_str() == "LIST"
}

/// Refuses what a client may ask of an answer and would not get.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Failure> {
    let said = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let namespace = said("x-vault-namespace").unwrap_or_default();
    if !matches!(namespace, b"" | b"/" | b"root" | b"root/") {
        return Err(Failure::fault("", "there are no namespaces here: leave `X-Vault-Namespace` out"));
    }
    if said("x-vault-wrap-ttl").is_some_and(|wanted| !matches!(wanted, b"" | b"0")) {
        return Err(Failure::fault("", "answers are not wrapped here: leave `X-Vault-Wrap-TTL` out"));
    }
    Ok(())
}

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(keys::list))
        .routes(routes!(keys::create, keys::read, keys::delete))
        .routes(routes!(keys::configure))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::trim))
        .routes(routes!(work::encrypt))
        .routes(routes!(work::decrypt))
        .routes(routes!(work::rewrap))
        .routes(routes!(work::data_key))
        .routes(routes!(plain::random))
        .routes(routes!(plain::random_from))
        .routes(routes!(plain::random_bytes_from))
        .routes(routes!(plain::hash))
        .routes(routes!(plain::hash_by))
        .routes(routes!(sign::hmac))
        .routes(routes!(sign::hmac_by))
        .routes(routes!(sign::sign))
        .routes(routes!(sign::sign_by))
        .routes(routes!(sign::verify))
        .routes(routes!(sign::verify_by))
        .routes(routes!(transform::encode))
        .routes(routes!(transform::decode))
        .routes(routes!(sys::lookup_self))
        .routes(routes!(sys::health))
        .routes(routes!(sys::initialized))
        .routes(routes!(sys::seal_status))
}

/// The method `LIST`, which no router knows.
pub(crate) fn with_lists(router: Router<Shared>) -> Router<Shared> {
    let by_method = async |service, method: Method, request: Request| -> Response {
        if is_list(&method) {
            keys::list_all(service, request).await.into_response()
        } else {
            no_such_route().await.into_response()
        }
    };
    router.route("/v1/transit/keys", MethodRouter::new().fallback(by_method))
}
