//! People who log in at an identity provider: OpenID Connect, the relying party's side, with the code flow
//! only.
//!
//! ```text
//! Provider::parse   what the provider says of itself, at configuration_url
//! Flow::new         one log-in, bound by whoever calls to the browser that began it
//!   .address        where to send the browser
//!   .code           what the browser brought back, held against the flow
//!   .token_request  what to send to the provider for it
//! TokenResponse     what the provider answers
//!   Flow::identity  who it is, verified in the ID token and nowhere else
//! logout::verify    the provider says that somebody logged out
//! ```
//! A flow keeps what was asked, so that what comes back is held against that and not against what the browser
//! says was asked. Somebody is known by issuer and subject, never by an address for mail.
//!
//! Requests are authenticated with a secret or with an assertion that whoever calls has signed: nothing is
//! signed here. What comes from `userinfo` is not read: no decision rests on it.

mod callback;
mod flow;
mod identity;
pub mod logout;
mod provider;
mod token;

pub use callback::Code;
pub use flow::{Asked, Client, FLOW_SECONDS, Flow};
pub use identity::{Email, Identity, MOST_ID_TOKEN};
pub use provider::{MOST_METADATA, Provider, configuration_url};
pub use token::{Authentication, MOST_RESPONSE, TokenRequest, TokenResponse};

#[cfg(test)]
mod tests;
