//! How services and partners prove who they are: their public keys, their certificates, and tokens (RFC 6749,
//! 7009, 7517, 7523, 8414, 8705 and 9449). Names of members are those of the RFCs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Secret, Time};

/// `PUT /v1/principals/{id}/jwks`, and what is registered: public keys (RFC 7517). P-256, P-384, Ed25519, and
/// RSA of 2048 to 8192 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026-1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})))]
pub struct Jwks {
    /// At most 20, each with a `kid` of its own unless it is the only one; none: the service signs for itself
    /// no more.
    #[schema(value_type = Vec<Object>)]
    pub keys: Vec<Value>,
}

/// `POST /v1/principals/{id}/certificates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"csr": "-----BEGIN CERTIFICATE REQUEST-----\n…\n-----END CERTIFICATE REQUEST-----\n", "hours": 72})))]
pub struct CertificateRequest {
    /// A request (PKCS#10) as PEM. Only its public key is taken from it.
    pub csr: String,
    /// For how long, 24 to 168.
    #[schema(minimum = 24, maximum = 168)]
    pub hours: u16,
}

/// A certificate that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// The certificate and the authority's, as PEM.
    pub chain: String,
    /// Its thumbprint, as tokens name it.
    #[serde(rename = "x5t#S256")]
    pub thumbprint: String,
    /// From when on it is refused.
    pub until: Time,
}

/// By what a service proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvesBy {
    /// Plain keys: whoever has one is let in.
    pub api_keys: u64,
    /// Public keys that are registered for it.
    pub public_keys: u64,
    /// Access tokens that are alive.
    pub access_tokens: u64,
}

/// `POST /v1/oauth/token`, as a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OauthTokenRequest {
    /// `client_credentials`.
    pub grant_type: String,
    /// The id of the service; needed on a connection with a client certificate and without an assertion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion_type: Option<String>,
    /// A JWT that the service has signed: `iss` and `sub` are its id, `aud` is the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion: Option<String>,
}

/// A new access token. The only time it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OauthToken {
    /// The token: `ava_…`.
    pub access_token: Secret,
    /// `DPoP`: each request needs a proof. `Bearer`: each request needs the connection's certificate.
    pub token_type: String,
    /// For how many seconds.
    pub expires_in: u32,
}

/// `POST /v1/oauth/revoke`, as a form; the service proves who it is as at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OauthRevokeRequest {
    /// The token.
    pub token: String,
    /// As in [`OauthTokenRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// As in [`OauthTokenRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion_type: Option<String>,
    /// As in [`OauthTokenRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion: Option<String>,
}

/// What went wrong at the token endpoint (RFC 6749, section 5.2; RFC 9449, section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OauthError {
    /// `invalid_request`, `invalid_client`, `invalid_scope`, `unsupported_grant_type`, `invalid_dpop_proof`
    /// or `temporarily_unavailable`.
    pub error: String,
    /// What to do.
    pub error_description: String,
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OauthServer {
    /// What assertions name as `aud`.
    pub issuer: String,
    /// Where tokens are given out.
    pub token_endpoint: String,
    /// Where they are ended.
    pub revocation_endpoint: String,
    /// None: nobody is sent here by a browser.
    pub response_types_supported: Vec<String>,
    /// `client_credentials`.
    pub grant_types_supported: Vec<String>,
    /// `private_key_jwt`, and `tls_client_auth` where client certificates are asked for.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// By what assertions may be signed.
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// As at the token endpoint.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// By what assertions may be signed.
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// By what proofs may be signed.
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Whether tokens can be bound to a client certificate.
    pub tls_client_certificate_bound_access_tokens: bool,
}
