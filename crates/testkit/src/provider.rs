//! An identity provider in memory, as OpenID Connect Core, Discovery and RFC 7636 have it; and one that does wrong, where a test says
//! so. What a browser would do is a function: it brings the address that it was sent to, and gets what it would come back with.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use crate::Program;
use crate::program::changed;

/// See the module.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    key: Program,
    published: Vec<Program>,
    metadata: Value,
    codes: HashMap<String, Pending>,
    issued: usize,
    fetched: Vec<String>,
    down: bool,
}

#[derive(Debug)]
struct Pending {
    claims: Value,
    header: Value,
    challenge: String,
    client: String,
    redirect: String,
}

/// Who logs in there, and what is said of it.
#[derive(Debug, Clone)]
pub struct Person<'a> {
    /// `sub`.
    pub subject: &'a str,
    /// The time, in seconds since 1970.
    pub now: u64,
    /// Replaces claims of the ID token; null takes them away.
    pub claims: Value,
    /// Replaces members of its header.
    pub header: Value,
}

impl Provider {
    /// One of this name, with one key.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        let key = Program::new(101);
        let state = State {
            published: vec![key.clone()],
            key,
            metadata: metadata(issuer),
            codes: HashMap::new(),
            issued: 0,
            fetched: Vec::new(),
            down: false,
        };
        Self { issuer: issuer.to_owned(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs by this key from now on, and publishes these.
    pub fn keys(&self, signs: Program, published: Vec<Program>) {
        let mut state = self.state();
        (state.key, state.published) = (signs, published);
    }

    /// Replaces members of what it says of itself, and of nothing that it said before; null takes them away.
    pub fn says(&self, changes: &Value) {
        self.state().metadata = changed(metadata(&self.issuer), changes);
    }

    /// Whether it answers.
    pub fn is_down(&self, down: bool) {
        self.state().down = down;
    }

    /// What was fetched since the last time.
    pub fn fetched(&self) -> Vec<String> {
        std::mem::take(&mut self.state().fetched)
    }

    /// A document that it publishes.
    ///
    /// # Errors
    /// When there is none, or it does not answer.
    pub fn document(&self, address: &str) -> Result<Vec<u8>, String> {
        let mut state = self.state();
        state.fetched.push(address.strip_prefix(&self.issuer).unwrap_or(address).to_owned());
        if state.down {
            return Err("it does not answer".to_owned());
        }
        let text = match address.strip_prefix(&self.issuer) {
            Some("/.well-known/openid-configuration") => state.metadata.to_string(),
            Some("/keys") => {
                let sets = state.published.iter().map(|key| key.jwks()["keys"][0].clone());
                json!({ "keys": sets.collect::<Vec<_>>() }).to_string()
            }
            _ => return Err("status 404".to_owned()),
        };
        Ok(text.into_bytes())
    }

    /// Somebody logs in, whose browser was sent to `address`; gives the query that it comes back with.
    ///
    /// # Panics
    /// When the request is none that a provider takes.
    #[must_use]
    pub fn authorize(&self, address: &str, person: &Person<'_>) -> String {
        let address = Url::parse(address).expect("an address");
        let asked: HashMap<String, String> = address.query_pairs().into_owned().collect();
        assert!(address.as_str().starts_with(&format!("{}/authorize?", self.issuer)), "{address}");
        assert_eq!((&*asked["response_type"], &*asked["code_challenge_method"]), ("code", "S256"));
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let mut claims = json!({
            "iss": self.issuer, "sub": person.subject, "aud": asked["client_id"], "exp": person.now + 300,
            "iat": person.now, "nonce": asked["nonce"], "auth_time": person.now,
        });
        // It can do what it is asked for, the first of it.
        if let Some(first) = asked.get("acr_values").and_then(|values| values.split(' ').next()) {
            claims["acr"] = first.into();
        }
        let mut state = self.state();
        state.issued += 1;
        let code = format!("code-{}", state.issued);
        let header = json!({ "alg": "ES256", "kid": state.key.name(), "typ": "JWT" });
        let pending = Pending {
            claims: changed(claims, &person.claims),
            header: changed(header, &person.header),
            challenge: asked["code_challenge"].clone(),
            client: asked["client_id"].clone(),
            redirect: asked["redirect_uri"].clone(),
        };
        state.codes.insert(code.clone(), pending);
        let mut query = Serializer::new(String::new());
        query
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &self.issuer);
        query.finish()
    }

    /// The answer to a request for a token.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn token(&self, address: &str, body: &str) -> Result<Vec<u8>, String> {
        let mut state = self.state();
        if state.down || address != format!("{}/token", self.issuer) {
            return Err("it does not answer".to_owned());
        }
        let form: HashMap<String, String> = parse(body.as_bytes()).into_owned().collect();
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(form["code_verifier"].as_bytes()));
        // A code is good once.
        let pending = state.codes.remove(&form["code"]);
        let pending = pending.filter(|pending| {
            let client = form.get("client_id").is_none_or(|client| *client == pending.client);
            client && pending.challenge == challenge && pending.redirect == form["redirect_uri"]
        });
        let answer = match pending {
            None => json!({ "error": "invalid_grant" }),
            Some(pending) => json!({
                "access_token": "opaque", "token_type": "Bearer", "expires_in": 60,
                "id_token": state.key.sign(&pending.header, &pending.claims),
            }),
        };
        Ok(answer.to_string().into_bytes())
    }

    /// A token that says that somebody has logged out; `changes` replaces claims, null takes them away.
    #[must_use]
    pub fn logout_token(&self, client: &str, jti: &str, now: u64, changes: &Value) -> String {
        let state = self.state();
        let claims = json!({
            "iss": self.issuer, "aud": client, "iat": now, "exp": now + 120, "jti": jti,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        let header = json!({ "alg": "ES256", "kid": state.key.name(), "typ": "logout+jwt" });
        state.key.sign(&header, &changed(claims, changes))
    }
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/end"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    })
}
