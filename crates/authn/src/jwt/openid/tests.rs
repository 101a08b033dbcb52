//! One log-in at an invented provider, and everything that can be wrong with it.

use serde_json::{Value, json};

use super::*;
use crate::jwt::{
    Clock, Error, Result,
    jwk::KeySet,
    testing::{self, with, without},
};

mod callback;
mod id_token;
mod logout;
mod provider;
mod requests;

const ISSUER: &str = "https://id.example";
const BEGAN: u64 = 1_800_000_000;
/// Half a minute for the person to log in.
const NOW: u64 = BEGAN + 30;
const CLIENT: Client<'_> = Client { id: "avouch", redirect_uri: "https://avouch.example/callback?at=id" };

fn metadata() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example/authorize",
        "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://keys.example/id",
        "end_session_endpoint": "https://id.example/end",
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn parsed(metadata: &Value) -> Result<Provider> {
    Provider::parse(ISSUER, metadata.to_string().as_bytes())
}

fn provider() -> Provider {
    parsed(&metadata()).unwrap()
}

fn flow(asked: Asked) -> Flow {
    let byte = |at: usize| u8::try_from(at).unwrap();
    let random = [0, 32, 64].map(|from| core::array::from_fn(|at| byte(from + at)));
    Flow::new(ISSUER, &random, asked, BEGAN).unwrap()
}

fn keys() -> KeySet {
    let keys = json!({ "keys": [testing::p256(7).named("a"), testing::p256(8).named("b")] });
    KeySet::published(keys.to_string().as_bytes()).unwrap()
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "a", "typ": "JWT" })
}

/// What the provider says of somebody who has logged in just now.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "248289761001", "aud": CLIENT.id, "exp": NOW + 300, "iat": NOW,
        "nonce": flow(Asked::default()).nonce(),
    })
}

fn answer(id_token: &str) -> TokenResponse {
    let body =
        json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": id_token, "expires_in": 60 });
    TokenResponse::parse(body.to_string().as_bytes()).unwrap()
}
