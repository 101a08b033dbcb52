//! `/v1/oauth`: tokens for services that have proved who they are, and for nobody else: there is one grant,
//! `client_credentials`. Errors are written as RFC 6749, section 5.2, has it, because libraries read them.

use std::net::IpAddr;
use std::sync::Arc;

use avouch_core::gate::services::{
    ASSERTION_TYPE, Algorithm, ProvenService, ServiceShown, TOKEN_SECONDS, TokenRefusal,
};
use avouch_wire::{OauthError, OauthRevokeRequest, OauthServer, OauthToken, OauthTokenRequest, Secret};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use zeroize::Zeroizing;

use crate::client_address::Peer;
use crate::extract::body;
use crate::perform::apart;
use crate::problem::{Failure, internal};
use crate::render;
use crate::service::Shared;
use crate::services;
use crate::tls::ClientCertificate;

const TOKEN: &str = "/v1/oauth/token";
const REVOKE: &str = "/v1/oauth/revoke";
/// The longest form: an assertion of 8 KiB, and room.
const FORM_BYTES: usize = 16 << 10;
/// The most parameters.
const MOST: usize = 32;

/// Gives a service a token for ten minutes. With a `DPoP` header the token is bound to the key of that proof,
/// else to the certificate of the connection; without both there is none.
#[utoipa::path(post, path = "/v1/oauth/token", tag = "services", security(()),
    request_body(content = OauthTokenRequest, content_type = "application/x-www-form-urlencoded"),
    params(("DPoP" = Option<String>, Header, description = "A proof for this request, whose key the token is bound to")),
    responses(
        (status = 200, body = OauthToken, description = "The token: keep it, it is not shown again"),
        (status = 400, body = OauthError, description = "`invalid_request`, `unsupported_grant_type`, `invalid_scope` or `invalid_dpop_proof`"),
        (status = 401, body = OauthError, description = "`invalid_client`, whatever was wrong"),
        (status = 429, body = OauthError, description = "Too many failures"),
    ))]
pub(super) async fn token(State(service): State<Shared>, request: Request) -> Result<Response, Failure> {
    let (asked, form) = match read(&service, request, TOKEN).await? {
        Ok(read) => read,
        Err(refused) => return Ok(refused),
    };
    match form.value("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            return error(StatusCode::BAD_REQUEST, "unsupported_grant_type", "expected `client_credentials`");
        }
        None => return error(StatusCode::BAD_REQUEST, "invalid_request", "`grant_type` is missing"),
    }
    if form.value("scope").is_some() {
        let text = "tokens have no scopes: what a service may do its roles say";
        return error(StatusCode::BAD_REQUEST, "invalid_scope", text);
    }
    let proven = match prove(&service, asked, form, true).await? {
        Ok(proven) => proven,
        Err(refusal) => return refused(refusal),
    };
    let (sender, made) = tokio::sync::oneshot::channel();
    // A caller that is gone does not want the answer any more.
    service.app.issue_token(proven, move |made| drop(sender.send(made)));
    let new = match made.await.map_err(|_| internal())? {
        Ok(new) => new,
        Err(refusal) => return refused(refusal),
    };
    let answer = OauthToken {
        access_token: Secret(new.token.to_string()),
        token_type: if new.by_key { "DPoP" } else { "Bearer" }.to_owned(),
        expires_in: TOKEN_SECONDS,
    };
    let response = render::ok(&answer);
    drop(Zeroizing::new(answer.access_token.0));
    response.map(uncached)
}

/// Ends a token of the service that asks (RFC 7009). One that is none, or not its own, is as good as ended.
#[utoipa::path(post, path = "/v1/oauth/revoke", tag = "services", security(()),
    request_body(content = OauthRevokeRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It has ended"),
        (status = 400, body = OauthError, description = "`invalid_request`"),
        (status = 401, body = OauthError, description = "`invalid_client`, whatever was wrong"),
        (status = 429, body = OauthError, description = "Too many failures"),
    ))]
pub(super) async fn revoke(State(service): State<Shared>, request: Request) -> Result<Response, Failure> {
    let (asked, mut form) = match read(&service, request, REVOKE).await? {
        Ok(read) => read,
        Err(refused) => return Ok(refused),
    };
    let Some(token) = form.take("token") else {
        return error(StatusCode::BAD_REQUEST, "invalid_request", "`token` is missing");
    };
    let proven = match prove(&service, asked, form, false).await? {
        Ok(proven) => proven,
        Err(refusal) => return refused(refusal),
    };
    let app = Arc::clone(&service.app);
    match apart(move || Ok(app.revoke_token(proven, &token))).await? {
        Ok(()) => Ok(uncached(Response::default())),
        Err(refusal) => refused(refusal),
    }
}

/// Says how services get tokens here (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "services", security(()),
    responses((status = 200, body = OauthServer, description = "What libraries look for")))]
pub(super) async fn metadata(State(service): State<Shared>) -> Result<Response, Failure> {
    let issuer = service.origin.clone().ok_or_else(Failure::not_found)?;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let methods = match service.asks_certificates {
        true => texts(&["private_key_jwt", "tls_client_auth"]),
        false => texts(&["private_key_jwt"]),
    };
    render::ok(&OauthServer {
        token_endpoint: format!("{issuer}{TOKEN}"),
        revocation_endpoint: format!("{issuer}{REVOKE}"),
        issuer,
        response_types_supported: Vec::new(),
        grant_types_supported: texts(&["client_credentials"]),
        token_endpoint_auth_methods_supported: methods.clone(),
        token_endpoint_auth_signing_alg_values_supported: texts(&Algorithm::NAMES),
        revocation_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_signing_alg_values_supported: texts(&Algorithm::NAMES),
        dpop_signing_alg_values_supported: texts(&Algorithm::NAMES),
        tls_client_certificate_bound_access_tokens: service.asks_certificates,
    })
}

/// What came besides the form.
struct Asked {
    from: IpAddr,
    proof: Option<String>,
    certificate: Option<ClientCertificate>,
    uri: String,
}

/// The parameters, none of them twice.
struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    fn value(&self, name: &str) -> Option<&str> {
        // An empty one is as if it were not sent (RFC 6749, section 3.2).
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let at = self.0.iter().position(|(known, value)| known == name && !value.is_empty())?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Reads a request; or the answer to one that cannot be read.
async fn read(
    service: &Shared,
    request: Request,
    path: &str,
) -> Result<Result<(Asked, Form), Response>, Failure> {
    let Peer(from) = *request.extensions().get::<Peer>().ok_or_else(internal)?;
    let headers = request.headers();
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    let is_form = media_type.is_some_and(|found| found.starts_with(b"application/x-www-form-urlencoded"));
    let bad = |text| error(StatusCode::BAD_REQUEST, "invalid_request", text).map(Err);
    if !is_form {
        return bad("send `Content-Type: application/x-www-form-urlencoded`");
    }
    let Ok(proof) = services::proof(headers) else {
        return refused(TokenRefusal::Proof).map(Err);
    };
    let proof = proof.map(str::to_owned);
    let Some(uri) = services::address(service, headers, path) else {
        return bad("send `Host`");
    };
    let certificate = request.extensions().get::<ClientCertificate>().cloned();
    let bytes = body(request, FORM_BYTES).await?;
    let mut pairs: Vec<(String, Zeroizing<String>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(&bytes) {
        if pairs.len() >= MOST || pairs.iter().any(|(known, _)| *known == name) {
            return bad("a parameter is there twice, or there are more than 32");
        }
        pairs.push((name.into_owned(), Zeroizing::new(value.into_owned())));
    }
    Ok(Ok((Asked { from, proof, certificate, uri }, Form(pairs))))
}

/// Judges who asks, aside.
async fn prove(
    service: &Shared,
    asked: Asked,
    form: Form,
    binds: bool,
) -> Result<Result<ProvenService, TokenRefusal>, Failure> {
    let assertion = form.value("client_assertion").is_some();
    if assertion && form.value("client_assertion_type") != Some(ASSERTION_TYPE) {
        let text = "`client_assertion_type` is `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`";
        return Ok(Err(TokenRefusal::Request(text)));
    }
    if assertion && service.origin.is_none() {
        let text = "the operator has not said at which address this server is reached: `[people] origin`";
        return Ok(Err(TokenRefusal::Request(text)));
    }
    let app = Arc::clone(&service.app);
    let issuer = service.origin.clone();
    apart(move || {
        let endpoints =
            issuer.as_ref().map(|issuer| [format!("{issuer}{TOKEN}"), format!("{issuer}{REVOKE}")]);
        let names = issuer.iter().chain(endpoints.iter().flatten());
        let audiences: Vec<&str> = names.map(String::as_str).collect();
        let shown = ServiceShown {
            client: form.value("client_id"),
            assertion: form.value("client_assertion"),
            proof: asked.proof.as_deref(),
            certificate: asked.certificate.as_ref().map(|certificate| &*certificate.0),
            audiences: &audiences,
            uri: &asked.uri,
        };
        Ok(app.judge_service(&shown, asked.from, binds))
    })
    .await
}

fn refused(refusal: TokenRefusal) -> Result<Response, Failure> {
    match refusal {
        TokenRefusal::Request(text) => error(StatusCode::BAD_REQUEST, "invalid_request", text),
        TokenRefusal::Client => {
            let text = "what was shown does not prove who this is, or who it is may not act; an assertion counts once";
            error(StatusCode::UNAUTHORIZED, "invalid_client", text)
        }
        TokenRefusal::Proof => {
            let text = "expected one `DPoP` header with a proof for this request that was not sent before";
            error(StatusCode::BAD_REQUEST, "invalid_dpop_proof", text)
        }
        TokenRefusal::Wait(seconds) => {
            let text = "there were too many failures: try again later";
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", text)?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
        TokenRefusal::Failed(error) => Err(error.into()),
    }
}

fn error(status: StatusCode, name: &str, text: &str) -> Result<Response, Failure> {
    let error = OauthError { error: name.to_owned(), error_description: text.to_owned() };
    render::json(status, &error).map(uncached)
}

/// `Cache-Control` has every answer; this is for what is older than that (RFC 6749, section 5.1).
fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
