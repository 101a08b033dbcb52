//! One log-in at a provider, from the first redirect on.

use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::Provider;
use crate::jwt::{
    Error, Result,
    pkce::{Verifier, random_text},
};

/// Seconds that somebody may take to log in there.
pub const FLOW_SECONDS: u64 = 600;

/// Values that may be asked for of one kind.
const MOST_VALUES: usize = 16;

/// What we are to a provider.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// The name under which we are registered there.
    pub id: &'a str,
    /// Our own address that is registered there; one for each provider.
    pub redirect_uri: &'a str,
}

/// What is asked of a provider, and later looked for in what it has signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Scopes besides `openid`.
    pub scopes: Vec<String>,
    /// The log-in there is at most this many seconds old when we ask.
    pub max_age: Option<u64>,
    /// One of these was reached (`acr`), the best first; nothing is asked if there are none.
    pub acr: Vec<String>,
    /// The person has to log in there anew, now.
    pub again: bool,
}

/// One log-in, bound to the browser that began it.
///
/// Whoever calls keeps the arguments of [`Flow::new`], sealed, for [`FLOW_SECONDS`], and for the browser that
/// holds a cookie for it; and deletes them when an answer comes, whatever it is. Whoever can change them can
/// log in as another.
#[derive(Clone)]
pub struct Flow {
    issuer: String,
    asked: Asked,
    began: u64,
    state: Zeroizing<String>,
    nonce: Zeroizing<String>,
    verifier: Verifier,
}

impl Flow {
    /// A flow with the provider named `issuer`, begun at `began`, by random bytes of its own: for the state,
    /// the nonce and the verifier. With the same arguments it is the same.
    ///
    /// # Errors
    /// [`Error::Parameters`] for a scope or an `acr` that cannot be written.
    pub fn new(issuer: &str, random: &[[u8; 32]; 3], asked: Asked, began: u64) -> Result<Self> {
        if asked.scopes.len() > MOST_VALUES || !asked.scopes.iter().all(|scope| is_token(scope)) {
            return Err(Error::Parameters("scopes are words without blanks and quotes"));
        }
        if asked.acr.len() > MOST_VALUES || !asked.acr.iter().all(|acr| is_token(acr)) {
            return Err(Error::Parameters("values of `acr` are words without blanks and quotes"));
        }
        let [state, nonce, verifier] = random;
        Ok(Self {
            issuer: issuer.to_owned(),
            asked,
            began,
            state: Zeroizing::new(random_text(state)),
            nonce: Zeroizing::new(random_text(nonce)),
            verifier: Verifier::new(verifier),
        })
    }

    /// Where to send the browser: the request for a code (OpenID Connect Core, section 3.1.2.1).
    ///
    /// The person sees it and can change it. What it asks for counts only where the answer shows it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another provider than the flow's.
    pub fn address(&self, provider: &Provider, client: &Client<'_>) -> Result<String> {
        self.is_with(provider)?;
        let mut scope = "openid".to_owned();
        for more in self.asked.scopes.iter().filter(|scope| *scope != "openid") {
            scope.push(' ');
            scope.push_str(more);
        }
        let mut address = provider.authorization().clone();
        {
            let mut query = address.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", client.id)
                .append_pair("redirect_uri", client.redirect_uri)
                .append_pair("scope", &scope)
                .append_pair("state", &self.state)
                .append_pair("nonce", &self.nonce)
                .append_pair("code_challenge", &self.verifier.challenge())
                .append_pair("code_challenge_method", "S256");
            if self.asked.again {
                query.append_pair("prompt", "login");
            }
            if let Some(seconds) = self.oldest() {
                query.append_pair("max_age", &seconds.to_string());
            }
            // One or the other: what both together mean is not defined (section 5.5.1.1).
            if !self.asked.acr.is_empty() {
                if provider.takes_claims() {
                    let acr = json!({ "essential": true, "values": self.asked.acr });
                    query.append_pair("claims", &json!({ "id_token": { "acr": acr } }).to_string());
                } else {
                    query.append_pair("acr_values", &self.asked.acr.join(" "));
                }
            }
        }
        Ok(address.into())
    }

    /// That this provider is the one that the flow was begun with, and no other that answers in its place.
    pub(super) fn is_with(&self, provider: &Provider) -> Result<()> {
        if self.issuer == provider.issuer() { Ok(()) } else { Err(Error::Mismatch("issuer")) }
    }

    /// How old the log-in there may have been when the flow began, if that matters.
    pub(super) const fn oldest(&self) -> Option<u64> {
        if self.asked.again { Some(0) } else { self.asked.max_age }
    }

    pub(super) fn acr(&self) -> &[String] {
        &self.asked.acr
    }

    pub(super) const fn began(&self) -> u64 {
        self.began
    }

    /// What comes back with the code.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(super) const fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// `scope-token` of RFC 6749, section 3.3.
fn is_token(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.len() <= 256 && text.bytes().all(is_allowed)
}

/// Without its secrets.
impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("issuer", &self.issuer)
            .field("asked", &self.asked)
            .field("began", &self.began)
            .finish_non_exhaustive()
    }
}
