//! That somebody has shown who they are. Made by [`super::log_in`] alone, out of what was judged there; turned into a session by one
//! operation, which spends in its transaction what is good once and fails if anything it rests on has changed meanwhile.

use avouch_authn::passkey::Passkey;
use avouch_authn::password::Hashed;
use avouch_policy::{KeyClass, Proof};
use avouch_store::Tx;

use super::authenticators::{Authenticator, Secret};
use super::links;
use super::once::{self, Single};
use super::sign_on::SignedOn;
use crate::Error;
use crate::app::Cx;
use crate::ids::{AuthenticatorId, LinkId, PrincipalId};

/// See the module. It cannot be copied: it is good for one session.
#[derive(Debug)]
pub struct Proven {
    pub(super) principal: PrincipalId,
    pub(super) aal: u8,
    pub(super) phishing_resistant: bool,
    /// How long ago it was shown, where that was elsewhere.
    pub(super) age_seconds: u64,
    /// How sure it is that the passkey which was shown is in one device.
    pub(super) key: KeyClass,
    /// How, in the words of RFC 8176 where it has one.
    pub(super) methods: &'static [&'static str],
    /// Since when its owner has the passkey that was shown, in microseconds UTC, if that cannot leave its device.
    pub(super) bound_since: Option<i64>,
    pub(super) single: Option<Single>,
    pub(super) rests_on: Vec<RestsOn>,
    /// In whose name, where that was at an identity provider.
    pub(super) signed_on: Option<SignedOn>,
}

/// What a proof rests on, and what its use changes there.
#[derive(Debug)]
pub(super) enum RestsOn {
    /// A passkey, and how it is to be kept now.
    Passkey(AuthenticatorId, Option<Box<Passkey>>),
    /// A password, its hash of today's cost if it had another, and whether it is known to have been lost elsewhere.
    Password(AuthenticatorId, Option<Hashed>, bool),
    /// A code of an app, of this step.
    Totp(AuthenticatorId, u64),
    /// A recovery code, as it was typed.
    Recovery(AuthenticatorId, zeroize::Zeroizing<String>),
    /// A one-time link.
    Link(LinkId),
    /// A code that was sent.
    SentCode(AuthenticatorId),
    /// An identity at a provider.
    Identity(AuthenticatorId),
}

impl Proven {
    /// Whose proof it is.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.principal
    }

    /// Whether it rests on a password that is known to have been lost elsewhere.
    pub(super) fn breached(&self) -> bool {
        self.rests_on.iter().any(|on| matches!(on, RestsOn::Password(.., true)))
    }

    /// Whether it is what somebody has who has lost everything else.
    pub(super) fn recovers(&self) -> bool {
        self.rests_on.iter().any(|on| matches!(on, RestsOn::Recovery(..) | RestsOn::Link(_)))
    }

    /// What policy sees of it.
    pub(crate) fn proof(&self) -> Proof {
        Proof::session(self.aal, self.phishing_resistant, self.age_seconds, 0)
            .by_key(self.key)
            .by_sent_code(self.sent_code().is_some())
    }

    /// The authenticator that counts most in it: with its end the session ends.
    pub(super) fn authenticator(&self) -> Option<AuthenticatorId> {
        self.rests_on.iter().find_map(|on| match on {
            RestsOn::Passkey(id, _) | RestsOn::Password(id, ..) | RestsOn::Identity(id) => Some(*id),
            RestsOn::Totp(..) | RestsOn::SentCode(_) | RestsOn::Recovery(..) | RestsOn::Link(_) => None,
        })
    }

    /// By what codes are sent, where one that was sent is part of it: with its end the session ends as well.
    pub(super) fn sent_code(&self) -> Option<AuthenticatorId> {
        self.rests_on.iter().find_map(|on| if let RestsOn::SentCode(id) = on { Some(*id) } else { None })
    }

    /// Uses it up.
    ///
    /// # Errors
    /// [`Error::LogInFailed`] when it was used before, or rests on something that is gone.
    pub(super) fn spend(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<(), Error> {
        if let Some(single) = &self.single {
            once::spend(tx, single)?;
        }
        self.rests_on.iter().try_for_each(|on| self.apply(tx, cx, on))
    }

    fn apply(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, on: &RestsOn) -> Result<(), Error> {
        let id = match on {
            RestsOn::Link(link) => return links::spend(tx, *link, self.principal),
            RestsOn::Passkey(id, _)
            | RestsOn::Password(id, ..)
            | RestsOn::Totp(id, _)
            | RestsOn::SentCode(id)
            | RestsOn::Identity(id)
            | RestsOn::Recovery(id, _) => *id,
        };
        let mut kept = Authenticator::one(tx, cx.app, id, self.principal)?.ok_or(Error::LogInFailed)?;
        kept.used = Some(cx.now);
        match (&mut kept.secret, on) {
            (Secret::Passkey(kept), RestsOn::Passkey(_, changed)) => {
                if let Some(changed) = changed {
                    kept.clone_from(changed);
                }
            }
            (Secret::Password { hashed, breached }, RestsOn::Password(_, changed, listed)) => {
                *breached = *listed;
                if let Some(changed) = changed {
                    hashed.clone_from(changed);
                }
            }
            // Judged again here: of two who come with one code at once, one is second.
            (Secret::Totp { last, .. }, RestsOn::Totp(_, step)) if last.is_none_or(|last| *step > last) => {
                *last = Some(*step);
            }
            (Secret::Recovery(codes), RestsOn::Recovery(_, code)) => {
                if !codes.take(code) {
                    return Err(Error::LogInFailed);
                }
            }
            (Secret::SentCode { .. }, RestsOn::SentCode(_)) => {}
            (Secret::Identity { .. }, RestsOn::Identity(_)) => {}
            _ => return Err(Error::LogInFailed),
        }
        kept.change(tx, cx.app, id)
    }
}
