//! What a provider says of itself (OpenID Connect Discovery 1.0; RFC 8414).

use url::{Host, Url};

use crate::jwt::{Algorithm, Error, Result, json::Object};

/// Bytes of metadata.
pub const MOST_METADATA: usize = 64 << 10;

/// Bytes of an issuer or of an endpoint.
const MOST_URL: usize = 2_048;

/// An identity provider, as the operator has named it and as it describes itself.
#[derive(Debug, Clone)]
pub struct Provider {
    issuer: String,
    authorization: Url,
    token: Url,
    keys: Url,
    end_session: Option<Url>,
    names_itself: bool,
    takes_claims: bool,
    algorithms: Vec<Algorithm>,
}

impl Provider {
    /// Reads what was fetched from [`configuration_url`]. It speaks for `issuer` and for nobody else: to the
    /// letter.
    ///
    /// Every address is `https`, on a host of its own choice; but all may be `http` on the loopback where the
    /// issuer is.
    ///
    /// # Errors
    /// [`Error`]; the operator has something to mend, or the provider.
    pub fn parse(issuer: &str, metadata: &[u8]) -> Result<Self> {
        let plain = address(issuer, "issuer", false).is_err();
        let own = address(issuer, "issuer", plain)?;
        if own.query().is_some() {
            return Err(Error::Parameters("an issuer has no query"));
        }
        let members = Object::read(metadata, "provider metadata", MOST_METADATA)?;
        if members.needed("issuer", MOST_URL)? != issuer {
            return Err(Error::Mismatch("issuer"));
        }
        let endpoint = |name| address(members.needed(name, MOST_URL)?, name, plain);
        let lacks = |name, value, by_default: bool| -> Result<bool> {
            let values = members.texts(name, 64, 128)?;
            Ok(values.map_or(!by_default, |values| !values.contains(&value)))
        };
        if lacks("response_types_supported", "code", false)? {
            return Err(Error::Parameters("the provider has no code flow"));
        }
        // Not all that do it say so; but who says what it does and leaves this out does not.
        if lacks("code_challenge_methods_supported", "S256", true)? {
            return Err(Error::Parameters("the provider has no PKCE by S256"));
        }
        let named = members.texts("id_token_signing_alg_values_supported", 64, 128)?;
        let algorithms: Vec<_> =
            named.unwrap_or_else(|| vec!["RS256"]).into_iter().filter_map(Algorithm::read).collect();
        if algorithms.is_empty() {
            return Err(Error::Algorithm);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            authorization: endpoint("authorization_endpoint")?,
            token: endpoint("token_endpoint")?,
            keys: endpoint("jwks_uri")?,
            end_session: members
                .has("end_session_endpoint")
                .then(|| endpoint("end_session_endpoint"))
                .transpose()?,
            names_itself: members.flag("authorization_response_iss_parameter_supported")?.unwrap_or(false),
            takes_claims: members.flag("claims_parameter_supported")?.unwrap_or(false),
            algorithms,
        })
    }

    /// Its name, to the letter.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where its keys are, for [`KeySet::published`](crate::jwt::jwk::KeySet::published).
    #[must_use]
    pub fn keys_url(&self) -> &str {
        self.keys.as_str()
    }

    /// Where a browser is sent to end the session there, too.
    #[must_use]
    pub fn end_session_url(&self) -> Option<&str> {
        self.end_session.as_ref().map(Url::as_str)
    }

    pub(super) const fn authorization(&self) -> &Url {
        &self.authorization
    }

    pub(super) const fn token(&self) -> &Url {
        &self.token
    }

    /// Whether its answers in the browser say whose they are (RFC 9207).
    pub(super) const fn names_itself(&self) -> bool {
        self.names_itself
    }

    /// Whether it takes the parameter `claims`.
    pub(super) const fn takes_claims(&self) -> bool {
        self.takes_claims
    }

    /// Whether it signs its statements like this.
    pub(super) fn signs_by(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }
}

/// Where the metadata of an issuer is.
///
/// # Errors
/// [`Error::Parameters`] for what can be no issuer.
pub fn configuration_url(issuer: &str) -> Result<String> {
    let plain = address(issuer, "issuer", false).is_err();
    if address(issuer, "issuer", plain)?.query().is_some() {
        return Err(Error::Parameters("an issuer has no query"));
    }
    Ok(format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer)))
}

/// An address by `https`, or, if `plain`, by `http` on the loopback. No user in it, and no fragment.
fn address(text: &str, name: &'static str, plain: bool) -> Result<Url> {
    let is_clean =
        text.len() <= MOST_URL && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let url = Url::parse(text).ok().filter(|_| is_clean).ok_or(Error::Type(name))?;
    let is_allowed = match url.scheme() {
        "https" => text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")),
        "http" => plain && is_loopback(&url),
        _ => false,
    };
    if !is_allowed {
        return Err(Error::Parameters("an address of the provider is not `https`"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Error::Parameters("an address of the provider has a user or a fragment"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
