//! What comes with the requests of services besides their tokens: a proof for the request, or the certificate
//! of the connection; and at which address services reach this server.

use avouch_core::gate::Caller;
use avouch_core::gate::services::{Holder, TokenShown, TokenUnfit};
use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderName};

use crate::client_address::Peer;
use crate::problem::{Failure, internal};
use crate::service::Service;
use crate::tls::ClientCertificate;

/// What an access token begins with.
pub(crate) const TOKEN: &str = "ava_";

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The one `DPoP` header.
///
/// # Errors
/// When there are several, of which none is the one.
pub(crate) fn proof(headers: &HeaderMap) -> Result<Option<&str>, TokenUnfit> {
    let mut sent = headers.get_all(DPOP).iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(proof), None) => proof.to_str().map(Some).map_err(|_| TokenUnfit::Refused),
        (Some(_), Some(_)) => Err(TokenUnfit::Refused),
    }
}

/// Where clients see this path: at our own address, which the configuration says. Where it says none, at the
/// one that the request names: then a proof is as good at every name that leads here.
pub(crate) fn address(service: &Service, headers: &HeaderMap, path: &str) -> Option<String> {
    if let Some(origin) = &service.origin {
        return Some(format!("{origin}{path}"));
    }
    let scheme = if service.encrypted { "https" } else { "http" };
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(format!("{scheme}://{host}{path}"))
}

/// A token with a proof.
pub(crate) fn by_proof(service: &Service, request: &Request, token: &str) -> Result<Caller, Failure> {
    let headers = request.headers();
    let proof = proof(headers)?.ok_or(TokenUnfit::Refused)?;
    let uri = address(service, headers, request.uri().path()).ok_or(TokenUnfit::Refused)?;
    let holder = Holder::Key { proof, method: request.method().as_str(), uri: &uri };
    by(service, request, &TokenShown { token, holder })
}

/// A token on a connection with a certificate, or without.
pub(crate) fn by_certificate(service: &Service, request: &Request, token: &str) -> Result<Caller, Failure> {
    let certificate = request.extensions().get::<ClientCertificate>();
    let holder = Holder::Certificate(certificate.map(|certificate| &*certificate.0));
    by(service, request, &TokenShown { token, holder })
}

fn by(service: &Service, request: &Request, shown: &TokenShown<'_>) -> Result<Caller, Failure> {
    let Peer(from) = *request.extensions().get::<Peer>().ok_or_else(internal)?;
    Ok(service.app.authenticate_token(shown, from)?)
}
