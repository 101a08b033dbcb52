//! A token with a request, and that whoever sends it holds what the token is bound to: a proof for this
//! request alone, or the certificate of the connection. Each of these is refused: the token without, with
//! another key or certificate, with a proof for another method, address or token, or with one that was shown
//! before.

use std::net::IpAddr;
use std::sync::Arc;

use avouch_authn::certificate::Shown;
use avouch_authn::jwt::dpop::{self, WINDOW_SECONDS};
use avouch_authn::jwt::thumbprint::Thumbprint;
use avouch_seal::credential::AccessToken;

use super::seconds;
use super::seen::Spent;
use super::tokens::Bound;
use crate::app::App;
use crate::gate::Caller;
use crate::ids::{CredentialId, TokenId};

/// A token as it came with a request.
#[derive(Clone, Copy)]
pub struct TokenShown<'a> {
    /// The token.
    pub token: &'a str,
    /// What came with it.
    pub holder: Holder<'a>,
}

/// What shows that the token is in the right hands.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// A proof of holding a key.
    Key {
        /// The one `DPoP` header.
        proof: &'a str,
        /// The method of the request.
        method: &'a str,
        /// The address of the request as clients see it.
        uri: &'a str,
    },
    /// The certificate of the connection, if it has one.
    Certificate(Option<&'a Shown>),
}

impl core::fmt::Debug for TokenShown<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TokenShown(..)")
    }
}

impl core::fmt::Debug for Holder<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Key { .. } => "Holder(key)",
            Self::Certificate(_) => "Holder(certificate)",
        })
    }
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenUnfit {
    /// It is none, or over, or in the wrong hands.
    Refused,
    /// The proof has to carry this nonce: the server has started just now.
    Nonce(String),
    /// No more proofs can be kept at present.
    Busy,
}

impl App {
    /// Lets in a service that shows a token and holds what it is bound to.
    ///
    /// # Errors
    /// [`TokenUnfit`].
    pub fn authenticate_token(
        self: &Arc<Self>,
        shown: &TokenShown<'_>,
        from: IpAddr,
    ) -> Result<Caller, TokenUnfit> {
        if let Err(error) = self.mend() {
            tracing::error!(%error, "nobody is let in until principals and keys can be loaded");
            return Err(TokenUnfit::Refused);
        }
        let now = self.now();
        let token = AccessToken::parse(shown.token).map_err(|_| TokenUnfit::Refused)?;
        let (id, record) = self.services.tokens.find(&token, now).ok_or(TokenUnfit::Refused)?;
        let admitted = self.hold(shown, &record.bound, seconds(now)).and_then(|()| {
            Caller::by_token(&self.access(), &self.rules(), id, record.principal(), from, now)
                .ok_or(TokenUnfit::Refused)
        });
        if admitted == Err(TokenUnfit::Refused) {
            // Somebody has a token of ours, and not what it is bound to: worth knowing.
            self.record_refusal(record.principal(), Some(as_credential(id)), "not-authenticated");
        }
        admitted
    }

    fn hold(&self, shown: &TokenShown<'_>, bound: &Bound, now: u64) -> Result<(), TokenUnfit> {
        match (bound, shown.holder) {
            (Bound::Key(key), Holder::Key { proof, method, uri }) => {
                let nonces = self.services.seen.nonce(now);
                let request =
                    dpop::Request { method, uri, access_token: Some(shown.token), nonces: nonces.as_slice() };
                let once = match dpop::verify(proof, &request, now, WINDOW_SECONDS) {
                    Ok(once) => once,
                    Err(avouch_authn::jwt::Error::Nonce) => {
                        let nonce = nonces.unwrap_or_default().to_owned();
                        return Err(TokenUnfit::Nonce(nonce));
                    }
                    Err(error) => {
                        tracing::info!(%error, "a proof was refused");
                        return Err(TokenUnfit::Refused);
                    }
                };
                // Of another key nothing is kept.
                let spend = once.spend();
                let proven = once.redeem(true).map_err(|_| TokenUnfit::Refused)?;
                if proven.thumbprint != Thumbprint::from_bytes(*key) {
                    return Err(TokenUnfit::Refused);
                }
                match self.services.seen.spend(&spend, now) {
                    Spent::First => Ok(()),
                    Spent::Again => Err(TokenUnfit::Refused),
                    Spent::Full => Err(TokenUnfit::Busy),
                }
            }
            (Bound::Certificate(kept), Holder::Certificate(Some(certificate)))
                if certificate.thumbprint == Thumbprint::from_bytes(*kept) && now < certificate.until =>
            {
                Ok(())
            }
            _ => Err(TokenUnfit::Refused),
        }
    }
}

/// The record of an event knows one kind of credential.
fn as_credential(id: TokenId) -> CredentialId {
    CredentialId::from_bytes(*id.bytes())
}
