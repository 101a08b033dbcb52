//! Who it is: the ID token (OpenID Connect Core, sections 2 and 3.1.3.7).

use core::fmt;

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq as _;

use super::{Client, Flow, Provider, TokenResponse};
use crate::jwt::{Algorithm, Clock, Error, Result, json::Object, jwk::KeySet, jws::Unverified};

/// Bytes of an ID token.
pub const MOST_ID_TOKEN: usize = 32 << 10;

/// Seconds since it was signed, besides the leeway: it came straight from the provider.
const MOST_AGE_SECONDS: u64 = 600;

/// Somebody, as the provider knows them. The name is the issuer and the subject together, and nothing else.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// What they are called there, for ever.
    pub subject: String,
    /// How they have proven it, in the provider's terms: one of what was asked for, if anything was.
    pub acr: Option<String>,
    /// By what means (RFC 8176), if the provider tells.
    pub amr: Vec<String>,
    /// When they last did, in seconds since 1970. There if an age was asked for.
    pub auth_time: Option<u64>,
    /// The session there, which a logout token may name.
    pub sid: Option<String>,
    /// Where mail reaches them. To be shown; it can change, and be given to another.
    pub email: Option<Email>,
    /// What they are called by people. To be shown.
    pub name: Option<String>,
}

/// An address for mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// As the provider has it.
    pub address: String,
    /// Whether the provider says that it is theirs.
    pub verified: bool,
}

impl Flow {
    /// Who has logged in, by the ID token in `response`, signed with a key of `keys`, which the provider
    /// publishes.
    ///
    /// All that was asked when the flow began is looked for in it: the level in `acr`, the age in
    /// `auth_time`.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] where the keys are to be fetched anew, once; else [`Error`], and nobody has
    /// logged in.
    pub fn identity(
        &self,
        provider: &Provider,
        keys: &KeySet,
        client: &Client<'_>,
        response: &TokenResponse,
        clock: Clock,
    ) -> Result<Identity> {
        self.is_with(provider)?;
        let token = Unverified::read(&response.id_token, MOST_ID_TOKEN)?;
        token.is_of_type(&["jwt"], true)?;
        let claims = by_provider(&token, provider, keys, client)?;
        let several = claims.audience(512)?.len() > 1;
        match claims.text("azp", 512)? {
            Some(azp) if azp != client.id => return Err(Error::Mismatch("azp")),
            None if several => return Err(Error::Missing("azp")),
            _ => {}
        }
        clock.before_end(claims.needed_moment("exp")?)?;
        let signed = claims.needed_moment("iat")?;
        clock.not_before(signed, "iat")?;
        clock.within(signed, MOST_AGE_SECONDS, "iat")?;
        if let Some(moment) = claims.moment("nbf")? {
            clock.not_before(moment, "nbf")?;
        }
        if !is_same(claims.needed("nonce", 64)?, self.nonce()) {
            return Err(Error::Mismatch("nonce"));
        }
        if let Some(hash) = claims.text("at_hash", 64)?
            && !is_same(hash, &half_hash(token.algorithm(), &response.access_token))
        {
            return Err(Error::Mismatch("at_hash"));
        }
        Ok(Identity {
            issuer: provider.issuer().to_owned(),
            subject: claims.needed("sub", 255)?.to_owned(),
            acr: self.reached(&claims)?,
            amr: owned(claims.texts("amr", 16, 64)?.unwrap_or_default()),
            auth_time: self.authenticated(&claims, clock)?,
            sid: claims.text("sid", 255)?.map(str::to_owned),
            email: claims.shown("email", 254).map(|address| Email {
                address: address.to_owned(),
                verified: claims.flag("email_verified").is_ok_and(|verified| verified == Some(true)),
            }),
            name: claims.shown("name", 255).map(str::to_owned),
        })
    }

    /// The level, which is one of those that were asked for.
    fn reached(&self, claims: &Object) -> Result<Option<String>> {
        let acr = claims.text("acr", 256)?;
        if !self.acr().is_empty() {
            let reached = acr.ok_or(Error::Missing("acr"))?;
            if !self.acr().iter().any(|asked| asked == reached) {
                return Err(Error::Mismatch("acr"));
            }
        }
        Ok(acr.map(str::to_owned))
    }

    /// When they last authenticated, which was no longer before the flow began than was asked for.
    ///
    /// It is held against the beginning and not against the present, so that who types slowly is not sent
    /// back; the flow has an end of its own.
    fn authenticated(&self, claims: &Object, clock: Clock) -> Result<Option<u64>> {
        let moment = claims.moment("auth_time")?;
        if let Some(moment) = moment {
            clock.not_before(moment, "auth_time")?;
        }
        if let Some(seconds) = self.oldest() {
            let moment = moment.ok_or(Error::Missing("auth_time"))?;
            Clock::new(self.began(), clock.leeway()).within(moment, seconds, "auth_time")?;
        }
        Ok(moment)
    }
}

/// The claims of a token that this provider has signed for us: by one of its keys, as it signs, in its name,
/// for us.
pub(super) fn by_provider(
    token: &Unverified<'_>,
    provider: &Provider,
    keys: &KeySet,
    client: &Client<'_>,
) -> Result<Object> {
    if !provider.signs_by(token.algorithm()) {
        return Err(Error::Algorithm);
    }
    let claims = token.verify_by(keys)?;
    if claims.needed("iss", 2_048)? != provider.issuer() {
        return Err(Error::Mismatch("iss"));
    }
    if !claims.audience(512)?.contains(&client.id) {
        return Err(Error::Mismatch("aud"));
    }
    Ok(claims)
}

/// `base64url(left half of hash(token))`, the hash being that of the algorithm.
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let digest = algorithm.digest(token.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    BASE64URL_NOPAD.encode(left)
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Without what says who it is.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.issuer)
            .field("acr", &self.acr)
            .field("amr", &self.amr)
            .field("auth_time", &self.auth_time)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}
