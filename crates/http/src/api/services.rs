//! By what services prove who they are: `/v1/principals/{id}/jwks` and `/certificates`.

use std::sync::Arc;

use avouch_core::PrincipalId;
use avouch_core::gate;
use avouch_core::gate::services::{CreateCertificate, ReadServiceKeys, SetServiceKeys};
use avouch_wire::{Certificate, CertificateRequest, Jwks};
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use crate::extract::{Caller, From, Json, Path};
use crate::perform::{aside, perform};
use crate::problem::{Failure, unauthenticated};
use crate::render;
use crate::service::Shared;
use crate::tls::ClientCertificate;

/// Shows the public keys of a service.
#[utoipa::path(get, path = "/v1/principals/{id}/jwks", tag = "services",
    params(("id" = Uuid, Path, description = "The service")),
    responses((status = 200, body = Jwks, description = "Its keys; none when it does not sign for itself")))]
pub(super) async fn read_keys(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(principal): Path<PrincipalId>,
) -> Result<Response, Failure> {
    let keys = perform(&service.app, &caller, ReadServiceKeys { principal }).await?.output;
    Ok(render::json_bytes(StatusCode::OK, keys))
}

/// Registers the public keys of a service, in the place of those before. Its tokens end.
#[utoipa::path(put, path = "/v1/principals/{id}/jwks", tag = "services", request_body = Jwks,
    params(("id" = Uuid, Path, description = "The service")),
    responses((status = 200, body = Jwks, description = "The keys as they are kept, and nothing beside them")))]
pub(super) async fn set_keys(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(principal): Path<PrincipalId>,
    Json(request, bytes): Json<Jwks>,
) -> Result<Response, Failure> {
    let set = (!request.keys.is_empty()).then_some(&bytes[..]);
    let keys = perform(&service.app, &caller, SetServiceKeys::new(principal, set)?).await?.output;
    Ok(render::json_bytes(StatusCode::OK, keys))
}

/// Makes a certificate for a service. It asks itself, without another credential, on a connection with its
/// certificate that is alive.
#[utoipa::path(post, path = "/v1/principals/{id}/certificates", tag = "services", request_body = CertificateRequest,
    params(("id" = Uuid, Path, description = "The service")),
    responses((status = 201, body = Certificate, description = "The certificate")))]
pub(super) async fn create_certificate(
    State(service): State<Shared>,
    asker: Asker,
    From(from): From,
    Path(principal): Path<PrincipalId>,
    Json(request, _): Json<CertificateRequest>,
) -> Result<Response, Failure> {
    let create = CreateCertificate { principal, request: request.csr, hours: request.hours };
    let id = principal.to_string();
    let own = asker.certificate.filter(|certificate| certificate.0.service.as_ref() == Some(&id));
    let made = if let Some(certificate) = own {
        let app = Arc::clone(&service.app);
        aside(move || app.renew_certificate(&certificate.0, from, create)).await?
    } else {
        let caller = asker.caller.ok_or_else(unauthenticated)?;
        perform(&service.app, &caller, create).await?.output
    };
    let body =
        Certificate { chain: made.chain, thumbprint: made.thumbprint, until: render::time(made.until) };
    render::json(StatusCode::CREATED, &body)
}

/// Who asks for a certificate: somebody who changes access, or the service with the one that it has.
pub(super) struct Asker {
    caller: Option<gate::Caller>,
    certificate: Option<ClientCertificate>,
}

impl FromRequestParts<Shared> for Asker {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let (caller, certificate) = (parts.extensions.remove(), parts.extensions.remove());
        if caller.is_none() && certificate.is_none() {
            return Err(unauthenticated());
        }
        Ok(Self { caller, certificate })
    }
}
