//! Logging in at an identity provider: OpenID Connect, the relying party's side. What is signed is judged by `authn::jwt::openid`; here
//! is what has to be known again (sealed, with the browser that began), whom an identity is linked to, and what its proof is worth.
//!
//! Somebody is known by issuer and subject, and by nothing else that a provider says: never by an address for mail. Nobody comes into
//! being by logging in. Core asks nobody itself: the binary lends it a line to each provider ([`ProviderLine`]).

mod identities;
mod logout;
mod provider;

use std::sync::Arc;

use avouch_authn::jwt::openid::{self, Asked, Authentication, Client, Flow, TokenResponse};
use avouch_authn::jwt::{Clock, Error as Judged};
use avouch_policy::KeyClass;
use avouch_seal::SecureRandom as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use identities::{EnrolIdentity, IdentityShown, LinkIdentity, ReadIdentities, UnlinkIdentity};
pub use logout::EndSignedOn;
use provider::Known;
pub use provider::{Provider, ProviderLine, Vouched, unfit_provider};

use super::once::Single;
use super::proven::{Proven, RestsOn};
use super::ticket::{self, For};
use crate::Error;
use crate::app::App;
use crate::gate::Caller;
use crate::ids::PrincipalId;

/// The providers, and what is remembered of them.
#[derive(Debug, Default)]
pub(super) struct SignOn(Vec<Known>);

impl SignOn {
    pub(super) fn new(providers: &[Provider]) -> Self {
        Self(providers.iter().cloned().map(Known::new).collect())
    }

    fn named(&self, name: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.settings.name == name)
    }

    fn of_issuer(&self, issuer: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.settings.issuer == issuer)
    }

    /// Whether somebody with an identity there can show two factors by it.
    pub(super) fn is_strong(&self, issuer: &str) -> bool {
        self.of_issuer(issuer).is_some_and(|known| known.settings.two_factors.is_something())
    }
}

/// A provider, as somebody sees it who is to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOnChoice {
    /// Its name in addresses.
    pub name: String,
    /// What its button says.
    pub label: String,
    /// Whether it can say that somebody has shown something that cannot be phished.
    pub resistant: bool,
}

/// What is asked of a log-in.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Whether they have to show it anew, now, whatever session they have there.
    pub again: bool,
    /// Whether by something that cannot be phished.
    pub resistant: bool,
    /// Where they go afterwards. Whoever calls has looked that it is a page of ours.
    pub to: String,
}

/// The first half of a log-in.
#[derive(Debug)]
pub struct BegunSignOn {
    /// Where to send the browser.
    pub address: String,
    /// To come back with the answer.
    pub ticket: String,
}

/// What somebody has begun, for whoever has to know what to do with the answer.
#[derive(Debug, Clone)]
pub struct SignOnTicket {
    /// Whether an identity is to be linked, rather than somebody let in.
    pub links: bool,
    /// Whether a session was to be made fresher or stronger.
    pub again: bool,
    /// Where they go afterwards.
    pub to: String,
}

/// What is to be known again when the browser comes back. Whoever can change it can log in as another: it is sealed, and in a cookie of
/// the browser that began.
#[derive(Serialize, Deserialize)]
struct Begun {
    provider: String,
    random: [[u8; 32]; 3],
    asked: Asked,
    began: u64,
    /// Whose an identity is to be; nothing: somebody logs in.
    owner: Option<PrincipalId>,
    to: String,
}

/// In whose name a session began elsewhere: what a logout from there names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedOn {
    issuer: String,
    subject: String,
    sid: Option<String>,
}

impl App {
    /// The providers that people may log in by, in the order of the configuration.
    #[must_use]
    pub fn sign_on_choices(&self) -> Vec<SignOnChoice> {
        let choice = |known: &Known| SignOnChoice {
            name: known.settings.name.clone(),
            label: known.settings.label.clone(),
            resistant: known.settings.resistant.is_something(),
        };
        self.people.sign_on.0.iter().map(choice).collect()
    }

    /// Begins a log-in, whoever it will be. May ask the provider where it is, on the thread that calls.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a provider that there is not; [`Error::Conflict`] for a proof that it cannot give;
    /// [`Error::ProviderUnavailable`]; [`Error::Busy`].
    pub fn begin_sign_on(&self, name: &str, wanted: &Wanted) -> Result<BegunSignOn, Error> {
        let known = self.people.sign_on.named(name).ok_or(Error::NotFound)?;
        let Provider { two_factors, resistant, .. } = &known.settings;
        if wanted.resistant && !resistant.is_something() {
            return Err(Error::Conflict(
                "this identity provider cannot say that something was shown which cannot be phished: use a passkey",
            ));
        }
        // What is worth most first: providers take the first that they can do.
        let (meant, beside) =
            if wanted.resistant { (resistant, two_factors) } else { (two_factors, resistant) };
        let (mut acr, rest): (Vec<_>, Vec<_>) =
            meant.acr.iter().cloned().partition(|value| beside.acr.contains(value));
        acr.extend(rest);
        let (to, again) = (wanted.to.clone(), wanted.again);
        self.begin_flow(known, (None, to), |asked| Asked { acr, again, ..asked })
    }

    /// Begins to link an identity to the caller, who has to log in there anew: what is linked is theirs, and not of whoever was there
    /// before them. Whether they may is asked at the end.
    ///
    /// # Errors
    /// As [`App::begin_sign_on`].
    pub fn begin_identity(&self, name: &str, caller: &Caller, to: &str) -> Result<BegunSignOn, Error> {
        let known = self.people.sign_on.named(name).ok_or(Error::NotFound)?;
        self.begin_flow(known, (Some(caller.id()), to.to_owned()), |asked| Asked { again: true, ..asked })
    }

    fn begin_flow(
        &self,
        known: &Known,
        (owner, to): (Option<PrincipalId>, String),
        asks: impl FnOnce(Asked) -> Asked,
    ) -> Result<BegunSignOn, Error> {
        let asked = asks(Asked {
            scopes: known.settings.scopes.clone(),
            // An age is asked for in any case: without one a provider does not say when it was.
            max_age: Some(u64::from(self.people.settings.longest_seconds)),
            ..Asked::default()
        });
        let mut random = [[0; 32]; 3];
        for bytes in &mut random {
            self.rng.fill(bytes).map_err(|_| Error::Internal("no randomness"))?;
        }
        let provider = known.settings.name.clone();
        let begun = Begun { provider, random, asked, began: self.now_seconds(), owner, to };
        let room = known.enter()?;
        let metadata = known.metadata(&room, self.now())?;
        let flow = begun.flow(known)?;
        let address = flow.address(&metadata, &known.client()).map_err(|_| Error::ProviderUnavailable)?;
        Ok(BegunSignOn { address, ticket: ticket::issue(self, For::SignOn, begun)? })
    }

    /// What this ticket is for. Nothing is spent.
    ///
    /// # Errors
    /// [`Error::LogInFailed`] for one that is not ours, for something else, or too old.
    pub fn sign_on_ticket(&self, ticket: &str) -> Result<SignOnTicket, Error> {
        let (begun, _) = ticket::redeem::<Begun>(self, For::SignOn, ticket)?;
        Ok(SignOnTicket { links: begun.owner.is_some(), again: begun.asked.again, to: begun.to })
    }

    /// Judges what a browser brought back from a provider: `query`, behind the question mark.
    pub(super) fn judge_sign_on(
        self: &Arc<Self>,
        ticket: &str,
        query: &str,
        about: &mut Option<PrincipalId>,
    ) -> Result<Proven, Error> {
        let (begun, single) = ticket::redeem::<Begun>(self, For::SignOn, ticket)?;
        if begun.owner.is_some() {
            return Err(Error::LogInFailed);
        }
        let (known, identity) = self.identity(&begun, query)?;
        let app = Arc::clone(self);
        let (issuer, subject) = (identity.issuer.clone(), identity.subject.clone());
        let found = self.store.read_wait(move |tx| identities::known(tx, &app, &issuer, &subject))?;
        let Some((id, principal)) = found else {
            tracing::info!(
                provider = known.settings.name,
                "an identity that is linked to nobody was refused"
            );
            self.record_refusal(PrincipalId::SYSTEM, None, "unknown-identity");
            return Err(Error::LogInFailed);
        };
        *about = Some(principal);
        let two_factors = known.settings.two_factors.vouches(&identity);
        // An age was asked for, so it is there. What is ahead of us by a difference of clocks is now.
        let age_seconds = self.now_seconds().saturating_sub(identity.auth_time.ok_or(Error::LogInFailed)?);
        Ok(Proven {
            principal,
            aal: if two_factors { 2 } else { 1 },
            phishing_resistant: known.settings.resistant.vouches(&identity),
            age_seconds,
            key: KeyClass::Any,
            methods: if two_factors { &["federated", "mfa"] } else { &["federated"] },
            bound_since: None,
            single: Some(single),
            rests_on: vec![RestsOn::Identity(id)],
            signed_on: Some(SignedOn {
                issuer: identity.issuer,
                subject: identity.subject,
                sid: identity.sid,
            }),
        })
    }

    /// Who somebody is there, by what their browser brought back.
    fn identity(&self, begun: &Begun, query: &str) -> Result<(&Known, openid::Identity), Error> {
        let known = self.people.sign_on.named(&begun.provider).ok_or(Error::LogInFailed)?;
        let room = known.enter()?;
        let refused = |error: Judged| {
            tracing::warn!(provider = known.settings.name, %error, "a log-in at an identity provider was refused");
            Error::LogInFailed
        };
        let flow = begun.flow(known)?;
        let (metadata, client) = (known.metadata(&room, self.now())?, known.client());
        let code = flow.code(&metadata, query, self.now_seconds()).map_err(refused)?;
        let authentication = match &known.settings.secret {
            Some(secret) => Authentication::Basic(secret),
            None => Authentication::None,
        };
        let request = flow.token_request(&metadata, &client, authentication, &code).map_err(refused)?;
        let body = Zeroizing::new(known.redeem(&room, &request)?);
        let response = TokenResponse::parse(&body).map_err(refused)?;
        let judge =
            |keys: &_| flow.identity(&metadata, keys, &client, &response, Clock::at(self.now_seconds()));
        let identity = known.with_keys(&room, &metadata, self.now(), judge)?.map_err(refused)?;
        Ok((known, identity))
    }

    fn now_seconds(&self) -> u64 {
        u64::try_from(self.now() / 1_000_000).unwrap_or_default()
    }
}

impl Begun {
    fn flow(&self, known: &Known) -> Result<Flow, Error> {
        Flow::new(&known.settings.issuer, &self.random, self.asked.clone(), self.began)
            .map_err(|_| Error::Internal("a log-in elsewhere cannot be asked for like this"))
    }
}

impl Known {
    fn client(&self) -> Client<'_> {
        Client { id: &self.settings.client_id, redirect_uri: &self.settings.redirect_uri }
    }
}

/// What was used once stays used for as long as it would be taken.
fn single(app: &App, spend: &avouch_authn::jwt::Spend) -> Single {
    let until = i64::try_from(spend.until()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    Single { digest: app.keys.row_digest("sign-on-spent", &[spend.digest()]), until }
}
