//! Services and partners: how they prove who they are, and what they are given for it.
//!
//! As with people there are two parts. What is shown is judged outside any transaction (`prove`): an
//! assertion that the service has signed with a key that is registered for it (`keys`), or the certificate of
//! its connection (`certificates`), and which key or certificate the token shall be bound to. What comes out,
//! [`ProvenService`], cannot be made otherwise, and is what a transaction turns into an access token
//! (`tokens`), spending in the same transaction what is good once.
//!
//! A token alone is worth nothing: each request has to show as well that it comes from whoever was given it
//! (`shown`). Nothing here decides what a service may do.

mod certificates;
mod keys;
mod prove;
mod seen;
mod shown;
mod tokens;

pub use avouch_authn::certificate::Shown as ShownCertificate;
pub use avouch_authn::jwt::Algorithm;
pub use avouch_authn::jwt::assertion::TYPE as ASSERTION_TYPE;

pub use certificates::{CreateCertificate, NewCertificate};
pub use keys::{ReadServiceKeys, SetServiceKeys};
pub(crate) use keys::{SealedKeys, ServiceKeys};
pub use prove::{ProvenService, ServiceShown, TokenRefusal};
pub use shown::{Holder, TokenShown, TokenUnfit};
pub use tokens::{NewToken, TOKEN_SECONDS};
pub(crate) use tokens::{Tokens, end_of, sweep};

use seen::Seen;

use super::Status;
use crate::app::App;

/// What is kept of services in memory.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) tokens: Tokens,
    seen: Seen,
}

impl Services {
    /// `random` is drawn at each start.
    pub(crate) fn new(random: &[u8; 16], now: i64) -> Self {
        Self { tokens: Tokens::default(), seen: Seen::new(random, seconds(now)) }
    }
}

/// How the services that may act prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServicesInUse {
    /// Those with nothing but plain keys.
    pub with_keys_only: usize,
    /// Those that sign for themselves.
    pub with_public_keys: usize,
    /// Access tokens that are alive.
    pub tokens: usize,
}

impl App {
    /// How services prove who they are at present.
    #[must_use]
    pub fn services_in_use(&self) -> ServicesInUse {
        let (access, now) = (self.access(), self.now());
        let (mut with_keys_only, mut with_public_keys) = (0, 0);
        for (id, record) in access.principals() {
            let over = record.until.is_some_and(|until| now >= until);
            if record.kind != "service" || record.status != Status::Active || over {
                continue;
            }
            match access.service_keys(id) {
                Some(_) => with_public_keys += 1,
                None if access.keys_of(id).iter().any(|(_, key)| now < key.expires) => with_keys_only += 1,
                None => {}
            }
        }
        ServicesInUse { with_keys_only, with_public_keys, tokens: self.services.tokens.count(None, now) }
    }
}

/// Microseconds UTC as whole seconds.
fn seconds(micros: i64) -> u64 {
    u64::try_from(micros / 1_000_000).unwrap_or_default()
}

/// Seconds as microseconds UTC.
fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [certificates::STATEMENTS, keys::STATEMENTS, tokens::STATEMENTS].concat()
}
