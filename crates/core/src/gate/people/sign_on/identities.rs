//! To whom an identity at a provider belongs here. It is kept as what they log in with, sealed and naming its owner; beside it stands a
//! digest of issuer and subject, by which it is found. Whoever changes that digest makes an identity be found by nobody, or be found for
//! another one, which shows: what is sealed says which it is.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::Tx;

use super::Begun;
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::Note;
use crate::gate::people::authenticators::{self, Authenticator, AuthenticatorKind, Secret};
use crate::gate::people::enrol::{Enrolled, Ready};
use crate::gate::people::notices::Told;
use crate::gate::people::sessions;
use crate::gate::people::ticket::{self, For};
use crate::gate::principals::note_change;
use crate::gate::{Caller, Permit};
use crate::ids::{AuthenticatorId, PrincipalId};
use crate::outbox::AccountNotice;

/// The longest `sub` (OpenID Connect Core, section 2).
const MOST_SUBJECT: usize = 255;

/// Whose this identity is.
pub(in crate::gate::people) fn known(
    tx: &mut Tx<'_>,
    app: &App,
    issuer: &str,
    subject: &str,
) -> Result<Option<(AuthenticatorId, PrincipalId)>, Error> {
    let found = Authenticator::of_identity(tx, app, issuer, subject)?;
    Ok(found.map(|(id, kept)| (id, kept.principal)))
}

/// Links an identity to somebody.
#[derive(Debug, Clone)]
pub struct LinkIdentity {
    /// To whom.
    pub principal: PrincipalId,
    /// The provider's name in the configuration.
    pub provider: String,
    /// What they are called there: `sub`.
    pub subject: String,
}

impl Operation for LinkIdentity {
    const ACTION: Action = Action::AccessChange;
    const REFRESH: Refresh = Refresh::Access;
    type Output = IdentityShown;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<IdentityShown>, Error> {
        let access = cx.app.access();
        let record = access.principal(self.principal).ok_or(Error::NotFound)?;
        if record.kind == "service" {
            return Err(Error::Conflict("a service does not log in: give it a key"));
        }
        let provider = cx.app.people.sign_on.named(&self.provider);
        let provider = provider.ok_or_else(|| {
            Error::invalid("/provider", "the configuration has no identity provider of this name")
        })?;
        let fits =
            (1..=MOST_SUBJECT).contains(&self.subject.len()) && !self.subject.chars().any(char::is_control);
        if !fits {
            return Err(Error::invalid(
                "/subject",
                "expected `sub` as the provider has it, of 1 to 255 bytes",
            ));
        }
        let secret =
            Secret::Identity { issuer: provider.settings.issuer.clone(), subject: self.subject.clone() };
        let one = Authenticator::new(self.principal, &provider.settings.label, cx.now, secret)?;
        let id = authenticators::add_for(tx, cx, &one)?;
        // As if they had added it themselves, and they are told: it may be somebody else's doing.
        note_change(tx, cx.app, self.principal, cx.now)?;
        told(AccountNotice::Enrolled).tell(tx, cx.app, self.principal, cx.now)?;
        let note = Note { objects: vec![*self.principal.bytes(), *id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(shown(id, one).ok_or(Error::Internal("no identity"))?, note))
    }
}

/// Takes an identity from somebody. Every session that began with it ends.
#[derive(Debug, Clone)]
pub struct UnlinkIdentity {
    /// From whom.
    pub principal: PrincipalId,
    /// Which.
    pub id: AuthenticatorId,
}

impl Operation for UnlinkIdentity {
    const ACTION: Action = Action::AccessChange;
    type Output = IdentityShown;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<IdentityShown>, Error> {
        let kept = Authenticator::one(tx, cx.app, self.id, self.principal)?.ok_or(Error::NotFound)?;
        let was = shown(self.id, kept).ok_or(Error::NotFound)?;
        authenticators::drop_one(tx, self.id, self.principal)?;
        told(AccountNotice::Removed).tell(tx, cx.app, self.principal, cx.now)?;
        let ended = sessions::end_begun_with(tx, cx.app, self.principal, self.id, None)?;
        let note = Note { objects: vec![*self.principal.bytes(), *self.id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(was, note).with_sessions(ended))
    }
}

/// Lists somebody's identities, oldest first.
#[derive(Debug, Clone)]
pub struct ReadIdentities {
    /// Whose.
    pub principal: PrincipalId,
}

/// An identity, as an administrator sees it.
#[derive(Debug, Clone)]
pub struct IdentityShown {
    /// Its id here.
    pub id: AuthenticatorId,
    /// Who vouches for it.
    pub issuer: String,
    /// What its owner is called there.
    pub subject: String,
    /// Microseconds UTC.
    pub created: i64,
    /// The last log-in with it, in microseconds UTC.
    pub used: Option<i64>,
}

impl Operation for ReadIdentities {
    const ACTION: Action = Action::AccessRead;
    type Output = Vec<IdentityShown>;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        cx.app.access().principal(self.principal).ok_or(Error::NotFound)?;
        let all = Authenticator::of(tx, cx.app, self.principal)?;
        let found: Vec<_> = all.into_iter().filter_map(|(id, kept)| shown(id, kept)).collect();
        let note = Note { objects: vec![*self.principal.bytes()], ..Note::count(found.len()) };
        Ok(Outcome::new(found, note))
    }
}

/// What the owner is told.
fn told(what: AccountNotice) -> Told<'static> {
    Told { with: Some(AuthenticatorKind::Identity.as_str()), ..Told::of(what) }
}

fn shown(id: AuthenticatorId, kept: Authenticator) -> Option<IdentityShown> {
    let Secret::Identity { issuer, subject } = kept.secret else { return None };
    Some(IdentityShown { id, issuer, subject, created: kept.created, used: kept.used })
}

/// Links an identity to the caller, who has shown it.
#[derive(Debug)]
pub struct EnrolIdentity(Ready);

impl Operation for EnrolIdentity {
    const ACTION: Action = Action::AuthenticatorEnrol;
    const REFRESH: Refresh = Refresh::Access;
    type Output = Enrolled;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Enrolled>, Error> {
        self.0.run(tx, cx)
    }
}

impl App {
    /// Judges what a browser brought back from a provider where an identity is to be linked.
    ///
    /// # Errors
    /// [`Error::LogInFailed`] whatever is wrong with it; as [`App::begin_sign_on`].
    pub fn judge_identity(
        self: &Arc<Self>,
        caller: &Caller,
        ticket: &str,
        query: &str,
    ) -> Result<EnrolIdentity, Error> {
        let (begun, single) = ticket::redeem::<Begun>(self, For::SignOn, ticket)?;
        // Before the provider is asked: a code of somebody else's is not used up.
        let owner = begun.owner.filter(|owner| *owner == caller.id()).ok_or(Error::LogInFailed)?;
        let (known, identity) = self.identity(&begun, query)?;
        let secret = Secret::Identity { issuer: identity.issuer, subject: identity.subject };
        Ok(EnrolIdentity(Ready::new(owner, &known.settings.label, secret, single)))
    }
}
