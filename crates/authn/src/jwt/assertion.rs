//! A service that signs for itself instead of sending a secret: `private_key_jwt` (RFC 7523, section 3;
//! OpenID Connect Core, section 9).
//!
//! The assertion is for us and for nobody else: one that names a second audience could be used there by us,
//! and here by them. It ends within minutes and is good once.

use super::{Clock, Error, Once, Result, Spend, jwk::KeySet, jws::Unverified};

/// Bytes of an assertion.
pub const MOST_ASSERTION: usize = 8 << 10;
/// Seconds that an assertion may have to its end, besides the leeway.
pub const MOST_LIFETIME_SECONDS: u64 = 300;
/// Bytes of a `jti`.
pub const MOST_JTI: usize = 128;

/// What a request says who uses an assertion (`client_assertion_type`).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A service has proven who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// What the service calls this assertion.
    pub jti: String,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
}

/// Judges the assertion `text` of the service that is registered as `client` with these keys.
///
/// `audiences` are the names by which we are known to it: our issuer identifier, and the address of our token
/// endpoint for clients of before RFC 9700. Its `jti` is good once for this client, until its end and the
/// leeway.
///
/// # Errors
/// [`Error`]; the log is told, and the client that it is not known.
pub fn verify(
    keys: &KeySet,
    text: &str,
    client: &str,
    audiences: &[&str],
    clock: Clock,
) -> Result<Once<Assertion>> {
    let assertion = Unverified::read(text, MOST_ASSERTION)?;
    assertion.is_of_type(&["jwt", "client-authentication+jwt"], true)?;
    let claims = assertion.verify_by(keys)?;
    for who in ["iss", "sub"] {
        if claims.needed(who, 256)? != client {
            return Err(Error::Mismatch(who));
        }
    }
    match claims.audience(2_048)?.as_slice() {
        [audience] if audiences.contains(audience) => {}
        _ => return Err(Error::Mismatch("aud")),
    }
    let expires = claims.needed_moment("exp")?;
    clock.before_end(expires)?;
    if expires > clock.end(clock.now().saturating_add(MOST_LIFETIME_SECONDS)) {
        return Err(Error::TooLong);
    }
    for name in ["nbf", "iat"] {
        if let Some(moment) = claims.moment(name)? {
            clock.not_before(moment, name)?;
            if moment > expires {
                return Err(Error::Mismatch(name));
            }
        }
    }
    let jti = claims.needed("jti", MOST_JTI)?.to_owned();
    let spend = Spend::new(&["client assertion", client, &jti], clock.end(expires));
    Ok(Once::new(Assertion { jti, expires }, spend))
}

/// Whose assertion this says it is, to find the keys by: `sub`, of which nothing is believed before
/// [`verify`].
///
/// # Errors
/// As [`verify`], for a text that is no assertion at all.
pub fn claimed_client(text: &str) -> Result<String> {
    Ok(Unverified::read(text, MOST_ASSERTION)?.unbelieved_claims()?.needed("sub", 256)?.to_owned())
}

#[cfg(test)]
mod tests;
