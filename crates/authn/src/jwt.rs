//! Signed statements, of services and of identity providers: JSON Web Tokens and what is built of them.
//!
//! | module | what it judges |
//! |---|---|
//! | [`jwk`] | public keys and sets of them (RFC 7517, 7638, 8037) |
//! | [`assertion`] | a service that signs for itself: `private_key_jwt` (RFC 7523) |
//! | [`dpop`] | who holds the key that a token is bound to (RFC 9449) |
//! | [`thumbprint`] | what a token is bound to: a key, or a certificate (RFC 8705) |
//! | [`openid`] | people who log in elsewhere: OpenID Connect, our side of it |
//! | [`pkce`] | that who asked for a code is who brings it (RFC 7636) |
//!
//! Nothing is fetched, no clock is read, nothing is remembered: keys, texts and the time are arguments. What
//! is good once comes as [`Once`], which gives nothing away before whoever calls has spent it.
//!
//! Signatures are the library's (`jsonwebtoken`, on `aws-lc-rs`). What a text must look like before one is
//! worth judging is decided here, and more strictly: one spelling of base64, no member twice, no `crit`, no
//! key but the one that was asked for, and never an algorithm that the key is not for. There is no shared
//! secret and no `none`.

mod algorithm;
pub mod assertion;
mod clock;
pub mod dpop;
mod error;
mod json;
pub mod jwk;
mod jws;
mod once;
pub mod openid;
pub mod pkce;
#[cfg(test)]
mod testing;
pub mod thumbprint;

pub use algorithm::Algorithm;
pub use clock::{Clock, LEEWAY_SECONDS};
pub use error::{Error, Refusal, Result};
pub use once::{Once, Spend};
