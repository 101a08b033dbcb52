//! Judging who a service is, at the token endpoint: by an assertion that it has signed (RFC 7523), or by the
//! certificate of its connection (RFC 8705, section 2.1); and which key (RFC 9449, section 5) or certificate
//! (RFC 8705, section 3) it holds.
//!
//! Nobody is told which part was wrong. What is refused of a service that exists is recorded, and failures
//! are counted by service and address: nothing can be guessed here, but a signature costs us more than
//! whoever sends one.

use std::net::IpAddr;
use std::sync::Arc;

use avouch_authn::certificate::Shown;
use avouch_authn::jwt::dpop::{self, WINDOW_SECONDS};
use avouch_authn::jwt::{Clock, Spend, assertion};
use avouch_policy::Need;
use avouch_store::{Aborts, Tx};

use super::keys::ServiceKeys;
use super::tokens::Bound;
use super::{micros, seconds};
use crate::Error;
use crate::app::App;
use crate::gate::people::{Single, spend};
use crate::gate::principals::stored;
use crate::gate::{Caller, Status};
use crate::ids::PrincipalId;
use crate::watch;

/// What a service shows at the token endpoint.
#[derive(Clone, Copy)]
pub struct ServiceShown<'a> {
    /// Who it says it is: `client_id`.
    pub client: Option<&'a str>,
    /// What it has signed: `client_assertion`.
    pub assertion: Option<&'a str>,
    /// The one `DPoP` header.
    pub proof: Option<&'a str>,
    /// The certificate of its connection.
    pub certificate: Option<&'a Shown>,
    /// The names by which services know us: the issuer, and the address of the endpoint. None: no assertion
    /// is for us.
    pub audiences: &'a [&'a str],
    /// The address of the endpoint as services see it.
    pub uri: &'a str,
}

impl core::fmt::Debug for ServiceShown<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ServiceShown(..)")
    }
}

/// Why a service gets nothing, as far as it is told.
#[derive(Debug)]
pub enum TokenRefusal {
    /// The request lacks something; says what.
    Request(&'static str),
    /// It has not proved who it is, or may not act: unknown, wrong, used before, too old and suspended look
    /// alike.
    Client,
    /// Its proof of holding a key is none, or was used before.
    Proof,
    /// Too many failures: seconds to wait.
    Wait(u32),
    /// Something else.
    Failed(Error),
}

impl From<Error> for TokenRefusal {
    fn from(error: Error) -> Self {
        match error {
            Error::LogInFailed | Error::NotFound | Error::Unauthenticated => Self::Client,
            Error::TooMany { seconds } => Self::Wait(seconds),
            error => Self::Failed(error),
        }
    }
}

impl From<avouch_store::Error> for TokenRefusal {
    fn from(error: avouch_store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Aborts for TokenRefusal {
    fn store_error(&self) -> Option<&avouch_store::Error> {
        match self {
            Self::Failed(error) => error.store_error(),
            Self::Request(_) | Self::Client | Self::Proof | Self::Wait(_) => None,
        }
    }
}

/// A service has shown who it is. It cannot be copied, and is good for one thing.
#[derive(Debug)]
pub struct ProvenService {
    principal: PrincipalId,
    /// Which of its keys were in force.
    keys: Option<i64>,
    assertion: Option<Single>,
    proof: Option<Single>,
    bound: Option<Bound>,
}

impl ProvenService {
    /// Whose proof it is.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.principal
    }

    /// What it holds: a token is for nothing else.
    pub(super) fn bound(&self) -> Option<Bound> {
        self.bound
    }

    /// Uses it up, if what it rests on is as it was.
    pub(super) fn spend(&self, tx: &mut Tx<'_>, app: &App) -> Result<(), TokenRefusal> {
        if let Some(single) = &self.assertion {
            spend(tx, single)?;
        }
        if let Some(single) = &self.proof {
            spend(tx, single).map_err(|error| match error {
                Error::LogInFailed => TokenRefusal::Proof,
                error => error.into(),
            })?;
        }
        let principal = stored(tx, app, self.principal)?;
        let over = principal.until.is_some_and(|until| app.now() >= until);
        let same_keys = match self.keys {
            Some(version) => ServiceKeys::version(tx, &app.keys, self.principal)? == Some(version),
            None => true,
        };
        if over || principal.status != Status::Active || !same_keys {
            return Err(TokenRefusal::Client);
        }
        Ok(())
    }
}

impl App {
    /// Judges what a service shows. `binds` is whether it is to be given something, which needs a key or a
    /// certificate to be bound to.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn judge_service(
        self: &Arc<Self>,
        shown: &ServiceShown<'_>,
        from: IpAddr,
        binds: bool,
    ) -> Result<ProvenService, TokenRefusal> {
        let client = claimed(shown)?;
        let now = self.now();
        let address = from.to_canonical();
        let bytes = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        // A service is where it is: what is tried elsewhere in its name shuts it out nowhere.
        let account = self.keys.row_digest("service-attempts", &[client.as_bytes(), &bytes]);
        self.people.barred(account, from, now)?;
        let mut about = None;
        let judged = self.judge(&client, shown, address, binds, &mut about);
        if let Err(TokenRefusal::Client | TokenRefusal::Proof) = &judged {
            self.people.failed(account, from, now)?;
            if let Some(principal) = about {
                self.record_refusal(principal, None, "not-authenticated");
            }
        }
        judged
    }

    fn judge(
        self: &Arc<Self>,
        client: &str,
        shown: &ServiceShown<'_>,
        from: IpAddr,
        binds: bool,
        about: &mut Option<PrincipalId>,
    ) -> Result<ProvenService, TokenRefusal> {
        let now = self.now();
        let access = self.access();
        let principal: PrincipalId = client.parse()?;
        let record = access.principal(principal).filter(|record| record.kind == "service");
        record.ok_or(TokenRefusal::Client)?;
        *about = Some(principal);
        // One that is over is none.
        let certificate = shown.certificate.filter(|certificate| seconds(now) < certificate.until);
        let named = certificate.and_then(|certificate| certificate.service.as_deref());
        if named.is_some_and(|named| named != client) {
            return Err(TokenRefusal::Client);
        }
        let (keys, assertion) = match shown.assertion {
            Some(text) => {
                let keys = access.service_keys(principal).ok_or(TokenRefusal::Client)?;
                let clock = Clock::at(seconds(now));
                let once = assertion::verify(&keys.set, text, client, shown.audiences, clock);
                let once = once.map_err(|error| {
                    tracing::info!(%error, %principal, "an assertion was refused");
                    TokenRefusal::Client
                })?;
                (Some(keys.version), Some(self.single("assertion-spent", &once.spend())))
            }
            None if named.is_some() => (None, None),
            None => return Err(TokenRefusal::Client),
        };
        let caller =
            Caller::shown(&access, &self.rules(), principal, from, now).ok_or(TokenRefusal::Client)?;
        let unmet = caller.unmet();
        if !unmet.is_empty() {
            let lacks: Vec<_> = unmet.iter().map(Need::name).collect();
            tracing::info!(%principal, ?lacks, "a service came from elsewhere, or outside its contract");
            watch::partners::came(self, &caller, unmet);
            return Err(TokenRefusal::Client);
        }
        let mut proven = ProvenService { principal, keys, assertion, proof: None, bound: None };
        if let Some(proof) = shown.proof {
            let request = dpop::Request { method: "POST", uri: shown.uri, access_token: None, nonces: &[] };
            let once = dpop::verify(proof, &request, seconds(now), WINDOW_SECONDS).map_err(|error| {
                tracing::info!(%error, %principal, "a proof was refused");
                TokenRefusal::Proof
            })?;
            proven.proof = Some(self.single("proof-spent", &once.spend()));
            let proof = once.redeem(true).map_err(|_| TokenRefusal::Proof)?;
            proven.bound = Some(Bound::key(proof.thumbprint));
        } else if let Some(certificate) = certificate {
            proven.bound = Some(Bound::certificate(certificate.thumbprint));
        } else if binds {
            return Err(TokenRefusal::Request(
                "a token is bound to a key or a certificate: send a `DPoP` header, or call with a client certificate",
            ));
        }
        Ok(proven)
    }

    /// Its mark, for the table of what was spent.
    fn single(&self, label: &'static str, spend: &Spend) -> Single {
        Single { digest: self.keys.row_digest(label, &[spend.digest()]), until: micros(spend.until()) }
    }
}

/// Who it says it is, in one voice.
fn claimed(shown: &ServiceShown<'_>) -> Result<String, TokenRefusal> {
    let signed = shown.assertion.map(assertion::claimed_client).transpose();
    let signed = signed.map_err(|_| TokenRefusal::Client)?;
    match (signed, shown.client) {
        (Some(signed), Some(client)) if signed != client => Err(TokenRefusal::Client),
        (Some(client), _) => Ok(client),
        (None, Some(client)) if client.len() <= 256 => Ok(client.to_owned()),
        (None, _) => Err(TokenRefusal::Request(
            "say who you are: `client_assertion`, or `client_id` on a connection with a client certificate",
        )),
    }
}
