//! The provider says that somebody logged out there (OpenID Connect Back-Channel Logout 1.0).
//!
//! It comes without a browser, from anywhere: what it says counts by its signature alone. It ends sessions
//! and never begins one; an ID token is none of these, nor the other way round.

use core::fmt;

use super::{Client, MOST_ID_TOKEN, Provider, identity::by_provider};
use crate::jwt::{Clock, Error, Once, Result, Spend, assertion::MOST_JTI, jwk::KeySet, jws::Unverified};

/// What a logout token is about.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Seconds since it was signed, besides the leeway: it is sent when it happens.
const MOST_AGE_SECONDS: u64 = 300;

/// Whose sessions end: those of `subject`, of `session`, or, with both, that one of that person.
#[derive(Clone, PartialEq, Eq)]
pub struct Logout {
    /// Who says so.
    pub issuer: String,
    /// What they are called there.
    pub subject: Option<String>,
    /// The session there, as the ID token named it.
    pub session: Option<String>,
}

/// Judges the logout token `text`. Its `jti` is good once for its issuer.
///
/// # Errors
/// [`Error::UnknownKey`] where the keys are to be fetched anew, once; else [`Error`], and nothing ends.
pub fn verify(
    provider: &Provider,
    keys: &KeySet,
    client: &Client<'_>,
    text: &str,
    clock: Clock,
) -> Result<Once<Logout>> {
    let token = Unverified::read(text, MOST_ID_TOKEN)?;
    token.is_of_type(&["logout+jwt", "jwt"], true)?;
    let claims = by_provider(&token, provider, keys, client)?;
    claims.without("nonce")?;
    claims
        .object("events")?
        .ok_or(Error::Missing("events"))?
        .object(EVENT)?
        .ok_or(Error::Mismatch("events"))?;
    let expires = claims.needed_moment("exp")?;
    clock.before_end(expires)?;
    let signed = claims.needed_moment("iat")?;
    clock.not_before(signed, "iat")?;
    clock.within(signed, MOST_AGE_SECONDS, "iat")?;
    let owned = |name| Ok(claims.text(name, 255)?.map(str::to_owned));
    let logout =
        Logout { issuer: provider.issuer().to_owned(), subject: owned("sub")?, session: owned("sid")? };
    if logout.subject.is_none() && logout.session.is_none() {
        return Err(Error::Missing("sub"));
    }
    let too_old = clock.end(signed.saturating_add(MOST_AGE_SECONDS)).saturating_add(1);
    let jti = claims.needed("jti", MOST_JTI)?;
    let spend = Spend::new(&["logout token", provider.issuer(), jti], clock.end(expires).min(too_old));
    Ok(Once::new(logout, spend))
}

/// Without what says who it is.
impl fmt::Debug for Logout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logout").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
