//! A signed text in its compact form (RFC 7515, section 7.1), taken apart, and verified.
//!
//! [`Unverified`] gives away what is needed to find the key, and [`Unverified::verify`] the claims. Strict
//! where others are not: three parts, each in the one spelling of base64url; a header with no `crit`, `b64`,
//! `zip` or `enc`, that is, nothing that would change what is signed. Keys and addresses of keys in a header
//! are passed over, and read by `dpop` alone.

use data_encoding::BASE64URL_NOPAD;

use super::{
    Algorithm, Error, Result,
    json::Object,
    jwk::{KeySet, PublicKey},
};

/// Bytes of a header, decoded. The largest key in it has some 1,400.
const MOST_HEADER: usize = 4 << 10;

/// A signed text of which nothing is believed yet.
pub(crate) struct Unverified<'a> {
    header: Object,
    algorithm: Algorithm,
    signed: &'a str,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes `text` apart, which has `most` bytes at most.
    pub(crate) fn read(text: &'a str, most: usize) -> Result<Self> {
        if text.len() > most {
            return Err(Error::TooLarge("a token"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Error::Malformed("token"))?;
        // A fourth part would leave a dot in `claims`, which is no base64.
        let (header, claims) = signed.split_once('.').ok_or(Error::Malformed("token"))?;
        let header = Object::read(&decode(header)?, "header", MOST_HEADER)?;
        for changing in ["crit", "b64", "zip", "enc"] {
            header.without(changing)?;
        }
        let algorithm = Algorithm::read(header.needed("alg", 16)?).ok_or(Error::Algorithm)?;
        Ok(Self { algorithm, header, signed, claims: decode(claims)?, signature: decode(signature)? })
    }

    /// What is in its header, which anybody can have written.
    pub(crate) const fn header(&self) -> &Object {
        &self.header
    }

    /// What it says it was signed with.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// That its `typ` is one of `types`, in the short form and in lower case; or not there, if that is
    /// allowed.
    pub(crate) fn is_of_type(&self, types: &[&str], or_none: bool) -> Result<()> {
        let Some(written) = self.header.text("typ", 64)? else {
            return if or_none { Ok(()) } else { Err(Error::Missing("typ")) };
        };
        let lower = written.to_ascii_lowercase();
        let short = lower.strip_prefix("application/").unwrap_or(&lower);
        if types.contains(&short) { Ok(()) } else { Err(Error::Mismatch("typ")) }
    }

    /// The claims, which anybody can have written. Only for finding the keys by.
    pub(crate) fn unbelieved_claims(&self) -> Result<Object> {
        Object::read(&self.claims, "claims", self.claims.len())
    }

    /// The claims, if the key that the header names is in the set and has signed this.
    pub(crate) fn verify_by(&self, keys: &KeySet) -> Result<Object> {
        self.verify(keys.find(self.header.text("kid", 256)?, self.algorithm)?)
    }

    /// The claims, if this key has signed this.
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<Object> {
        key.verify(self.algorithm, self.signed.as_bytes(), &self.signature)?;
        self.unbelieved_claims()
    }
}

fn decode(part: &str) -> Result<Vec<u8>> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Error::Malformed("token"))
}

#[cfg(test)]
mod tests;
