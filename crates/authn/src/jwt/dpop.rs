//! Proof of holding the key that a token is bound to (RFC 9449).
//!
//! A proof is for one request: its method, its address, the token with it. It carries its key, which proves
//! nothing by itself; at our token endpoint the thumbprint is what the token is bound to, and everywhere else
//! it is compared with what the token is bound to.

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq as _;

use super::{
    Error, Once, Result, Spend, assertion::MOST_JTI, jwk::PublicKey, jws::Unverified, thumbprint::Thumbprint,
};

mod address;

pub use address::{MOST_ADDRESS, same_address};

/// Bytes of a proof.
pub const MOST_PROOF: usize = 8 << 10;
/// Seconds that a proof may be old, and that the clock of whoever made it may be ahead.
pub const WINDOW_SECONDS: u64 = 60;

/// The request that a proof came with.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// As it stands in the request: `GET`.
    pub method: &'a str,
    /// The address as clients see it, from our own configuration and the request's path. Query and fragment
    /// are passed over.
    pub uri: &'a str,
    /// The access token that came with it; none at the token endpoint. With a token the proof must name it.
    pub access_token: Option<&'a str>,
    /// The nonces that are good at present; with none given out, none is looked for.
    pub nonces: &'a [&'a str],
}

/// Whoever sent the request holds a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Of the key: `jkt`.
    pub thumbprint: Thumbprint,
}

/// Judges the one `DPoP` header of a request. A request with two is refused before.
///
/// The proof was made at most `window_seconds` before `now_seconds`, or after it: [`WINDOW_SECONDS`]. Its
/// `jti` is good once for its key.
///
/// # Errors
/// [`Error::Nonce`] where the client is to be given one and may ask again; else [`Error`], and the client is
/// told `invalid_dpop_proof`.
pub fn verify(
    text: &str,
    request: &Request<'_>,
    now_seconds: u64,
    window_seconds: u64,
) -> Result<Once<Proof>> {
    let proof = Unverified::read(text, MOST_PROOF)?;
    proof.is_of_type(&["dpop+jwt"], false)?;
    let key = PublicKey::read(&proof.header().object("jwk")?.ok_or(Error::Missing("jwk"))?)?;
    let claims = proof.verify(&key)?;
    if claims.needed("htm", 32)? != request.method {
        return Err(Error::Mismatch("htm"));
    }
    if !same_address(claims.needed("htu", MOST_ADDRESS)?, request.uri) {
        return Err(Error::Mismatch("htu"));
    }
    let made = claims.needed_moment("iat")?;
    if made > now_seconds.saturating_add(window_seconds) {
        return Err(Error::NotYet("iat"));
    }
    if now_seconds > made.saturating_add(window_seconds) {
        return Err(Error::Expired("iat"));
    }
    if let Some(token) = request.access_token {
        let hash = BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        if !is_same(claims.needed("ath", 64)?, &hash) {
            return Err(Error::Mismatch("ath"));
        }
    }
    let jti = claims.needed("jti", MOST_JTI)?;
    if !request.nonces.is_empty() {
        let nonce = claims.text("nonce", 256)?.ok_or(Error::Nonce)?;
        if !request.nonces.iter().any(|given| is_same(given, nonce)) {
            return Err(Error::Nonce);
        }
    }
    let thumbprint = key.thumbprint();
    let until = made.saturating_add(window_seconds).saturating_add(1);
    let spend = Spend::new(&["dpop proof", &thumbprint.to_string(), jti], until);
    Ok(Once::new(Proof { thumbprint }, spend))
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Without the token.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
