//! A code for an ID token (RFC 6749, sections 4.1.3 and 5; OpenID Connect Core, section 3.1.3).

use core::fmt;

use data_encoding::BASE64;
use url::form_urlencoded::{self, Serializer};
use zeroize::Zeroizing;

use super::{Client, Code, Flow, MOST_ID_TOKEN, Provider};
use crate::jwt::{Error, Refusal, Result, assertion, json::Object};

/// Bytes of an answer.
pub const MOST_RESPONSE: usize = 64 << 10;

/// How we prove to the provider who we are.
#[derive(Clone, Copy)]
pub enum Authentication<'a> {
    /// Not at all: a public client, which PKCE alone protects.
    None,
    /// By a secret in the header (`client_secret_basic`).
    Basic(&'a str),
    /// By an assertion that whoever calls has signed for this request (`private_key_jwt`).
    PrivateKeyJwt(&'a str),
}

impl fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic(_) => "Basic(..)",
            Self::PrivateKeyJwt(_) => "PrivateKeyJwt(..)",
        })
    }
}

/// A request to make: `POST`, `application/x-www-form-urlencoded`, redirects not followed.
pub struct TokenRequest {
    /// Where to.
    pub url: String,
    /// The header `Authorization`, if there is one.
    pub authorization: Option<Zeroizing<String>>,
    /// The body.
    pub body: Zeroizing<String>,
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Flow {
    /// What to send to the provider for the code.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another provider than the flow's.
    pub fn token_request(
        &self,
        provider: &Provider,
        client: &Client<'_>,
        authentication: Authentication<'_>,
        code: &Code,
    ) -> Result<TokenRequest> {
        self.is_with(provider)?;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code.text())
            .append_pair("redirect_uri", client.redirect_uri)
            .append_pair("code_verifier", self.verifier().text());
        let mut authorization = None;
        match authentication {
            Authentication::None => {
                form.append_pair("client_id", client.id);
            }
            Authentication::Basic(secret) => {
                // RFC 6749, section 2.3.1: both are encoded as for a form before they are joined.
                let encode =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = Zeroizing::new(format!("{}:{}", encode(client.id), encode(secret)));
                authorization = Some(Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes()))));
            }
            Authentication::PrivateKeyJwt(signed) => {
                form.append_pair("client_id", client.id)
                    .append_pair("client_assertion_type", assertion::TYPE)
                    .append_pair("client_assertion", signed);
            }
        }
        let body = Zeroizing::new(form.finish());
        Ok(TokenRequest { url: provider.token().to_string(), authorization, body })
    }
}

/// What a provider gives for a code. Nothing of it is believed yet.
#[derive(Clone)]
pub struct TokenResponse {
    pub(super) id_token: Zeroizing<String>,
    pub(super) access_token: Zeroizing<String>,
}

impl TokenResponse {
    /// Reads the body of the answer, whatever its status. Refresh tokens and lifetimes are passed over: we
    /// ask once.
    ///
    /// # Errors
    /// [`Error::Provider`] where it says no; else [`Error`] for what is no answer.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let members = Object::read(body, "token response", MOST_RESPONSE)?;
        if let Some(code) = members.text("error", 64)? {
            return Err(Error::Provider(Refusal::read(code)));
        }
        if !members.needed("token_type", 32)?.eq_ignore_ascii_case("bearer") {
            return Err(Error::Mismatch("token_type"));
        }
        let token = |name, most| Ok(Zeroizing::new(members.needed(name, most)?.to_owned()));
        Ok(Self {
            id_token: token("id_token", MOST_ID_TOKEN)?,
            access_token: token("access_token", MOST_RESPONSE)?,
        })
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenResponse(..)")
    }
}
