//! What somebody logs in with, as it is kept: one sealed row each, bound to its id and naming its owner. A secret that changes is
//! another authenticator with another id, so what was judged against an old one is not taken for the new.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use avouch_authn::passkey::Passkey;
use avouch_authn::password::Hashed;
use avouch_authn::recovery::Codes;
use avouch_authn::totp;
use avouch_policy::{Action, Need, ProofNeed};
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::notices::Told;
use super::sessions::{self, SessionChange};
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::Permit;
use crate::ids::{AuthenticatorId, PrincipalId};
use crate::outbox::AccountNotice;
use crate::{Error, Refusal};

statements! {
    data PUT = "insert into authenticator (id, principal, sealed, identity) values (?1, ?2, ?3, ?4)";
    data CHANGE = "update authenticator set sealed = ?2 where id = ?1";
    data ONE = "select principal, sealed from authenticator where id = ?1";
    data OF_IDENTITY = "select id, principal, sealed from authenticator where identity = ?1";
    data ALL = "select id, principal, sealed from authenticator";
    data OF_PRINCIPAL = "select id, sealed from authenticator where principal = ?1 order by id";
    data DROP = "delete from authenticator where id = ?1 and principal = ?2";
    data DROP_ALL = "delete from authenticator where principal = ?1";
}

/// The most that one person has.
const MOST: usize = 20;

/// One authenticator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Authenticator {
    pub(super) principal: PrincipalId,
    /// What its owner calls it.
    pub(super) label: String,
    /// Microseconds UTC.
    pub(super) created: i64,
    /// When somebody last logged in with it, in microseconds UTC.
    pub(super) used: Option<i64>,
    pub(super) secret: Secret,
}

/// What it is judged by.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Secret {
    Passkey(Box<Passkey>),
    Password {
        hashed: Hashed,
        /// Whether it was on the list of those that were lost elsewhere when its owner last logged in.
        breached: bool,
    },
    Totp {
        bytes: [u8; 20],
        last: Option<u64>,
    },
    Recovery(Codes),
    /// Codes that are sent there, and what their owner remembers beside them.
    SentCode {
        to: String,
        answer: Hashed,
    },
    /// Who somebody is at an identity provider, by its name and theirs. No secret.
    Identity {
        issuer: String,
        subject: String,
    },
}

/// The kinds of authenticators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticatorKind {
    /// A passkey: by itself two factors, and not to be phished.
    Passkey,
    /// A password: one factor.
    Password,
    /// An app that shows codes: one factor, beside a password.
    Totp,
    /// Recovery codes: each lets its owner in once, to enrol.
    Recovery,
    /// Codes that are sent, with an answer: what goes with a password where nothing better does.
    SentCode,
    /// An identity at a provider: worth what the provider says each time.
    Identity,
}

impl AuthenticatorKind {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Recovery => "recovery_codes",
            Self::SentCode => "sent_code",
            Self::Identity => "identity",
        }
    }
}

impl Secret {
    pub(super) const fn kind(&self) -> AuthenticatorKind {
        match self {
            Self::Passkey(_) => AuthenticatorKind::Passkey,
            Self::Password { .. } => AuthenticatorKind::Password,
            Self::Totp { .. } => AuthenticatorKind::Totp,
            Self::Recovery(_) => AuthenticatorKind::Recovery,
            Self::SentCode { .. } => AuthenticatorKind::SentCode,
            Self::Identity { .. } => AuthenticatorKind::Identity,
        }
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret({})", self.kind().as_str())
    }
}

/// The secret of an app for codes.
pub(super) fn totp_secret(bytes: &[u8; 20]) -> totp::Secret {
    totp::Secret::new(*bytes)
}

impl Authenticator {
    pub(super) fn new(principal: PrincipalId, label: &str, now: i64, secret: Secret) -> Result<Self, Error> {
        let label = label.trim();
        let fits = (1..=60).contains(&label.chars().count()) && !label.chars().any(char::is_control);
        if !fits {
            return Err(Error::invalid("/label", "expected 1 to 60 characters without control characters"));
        }
        Ok(Self { principal, label: label.to_owned(), created: now, used: None, secret })
    }

    /// All of a person, oldest first.
    pub(super) fn of(tx: &mut Tx<'_>, app: &App, principal: PrincipalId) -> Result<Kept, Error> {
        let rows = tx.query(&OF_PRINCIPAL, params![principal.bytes()], |row| {
            Ok((row.bytes::<16>(0)?, row.blob(1)?.to_vec()))
        })?;
        rows.into_iter()
            .map(|(id, sealed)| {
                let kept = open(app, &id, &sealed)?;
                // Whoever writes the database could give one to somebody else.
                if kept.principal != principal {
                    return Err(Error::Tampered);
                }
                Ok((AuthenticatorId::from_bytes(id), kept))
            })
            .collect()
    }

    /// Who has a way in that is worth two factors. Looks at all there are.
    fn strong_owners(tx: &mut Tx<'_>, app: &App) -> Result<HashSet<PrincipalId>, Error> {
        let rows = tx.query(&ALL, &[], |row| {
            Ok((row.bytes::<16>(0)?, PrincipalId::from_bytes(row.bytes(1)?), row.blob(2)?.to_vec()))
        })?;
        let mut owners: HashMap<PrincipalId, Kept> = HashMap::new();
        for (id, owner, sealed) in rows {
            let kept = open(app, &id, &sealed)?;
            if kept.principal != owner {
                return Err(Error::Tampered);
            }
            // Without a site of its own the server takes no passkey.
            if !matches!(kept.secret, Secret::Passkey(_)) || app.people.settings.relying_party.is_some() {
                owners.entry(owner).or_default().push((AuthenticatorId::from_bytes(id), kept));
            }
        }
        Ok(owners.into_iter().filter(|(_, all)| strong(app, all)).map(|(owner, _)| owner).collect())
    }

    /// One of a person, as this transaction finds it.
    pub(super) fn one(
        tx: &mut Tx<'_>,
        app: &App,
        id: AuthenticatorId,
        principal: PrincipalId,
    ) -> Result<Option<Self>, Error> {
        let row =
            tx.first(&ONE, params![id.bytes()], |row| Ok((row.bytes::<16>(0)?, row.blob(1)?.to_vec())))?;
        let Some((owner, sealed)) = row else { return Ok(None) };
        let kept = open(app, id.bytes(), &sealed)?;
        if kept.principal != principal || owner != *principal.bytes() {
            return Err(Error::Tampered);
        }
        Ok(Some(kept))
    }

    /// The one that is this identity.
    pub(super) fn of_identity(
        tx: &mut Tx<'_>,
        app: &App,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<(AuthenticatorId, Self)>, Error> {
        let row = tx.first(&OF_IDENTITY, params![&identity_digest(app, issuer, subject)], |row| {
            Ok((row.bytes::<16>(0)?, row.bytes::<16>(1)?, row.blob(2)?.to_vec()))
        })?;
        let Some((id, owner, sealed)) = row else { return Ok(None) };
        let kept = open(app, &id, &sealed)?;
        let same = matches!(&kept.secret, Secret::Identity { issuer: by, subject: who } if by == issuer && who == subject);
        // Whoever writes the database could lead one identity to another's owner.
        if !same || kept.principal.bytes() != &owner {
            return Err(Error::Tampered);
        }
        Ok(Some((AuthenticatorId::from_bytes(id), kept)))
    }

    pub(super) fn put(&self, tx: &mut Tx<'_>, app: &App, id: AuthenticatorId) -> Result<(), Error> {
        let identity = match &self.secret {
            Secret::Identity { issuer, subject } => Some(identity_digest(app, issuer, subject)),
            _ => None,
        };
        tx.put(&PUT, params![id.bytes(), self.principal.bytes(), &self.seal(app, id)?, identity.as_ref()])?;
        Ok(())
    }

    pub(super) fn change(&self, tx: &mut Tx<'_>, app: &App, id: AuthenticatorId) -> Result<(), Error> {
        tx.put(&CHANGE, params![id.bytes(), &self.seal(app, id)?])?;
        Ok(())
    }

    fn seal(&self, app: &App, id: AuthenticatorId) -> Result<Vec<u8>, Error> {
        let plain =
            serde_json::to_vec(self).map_err(|_| Error::Internal("an authenticator has no JSON form"))?;
        Ok(app.keys.seal_row("authenticator", id.bytes(), &Zeroizing::new(plain), &app.rng)?)
    }
}

impl App {
    /// Who can log in by two factors.
    pub(crate) fn with_two_factors(self: &Arc<Self>) -> Result<HashSet<PrincipalId>, Error> {
        let app = Arc::clone(self);
        self.store.read_wait(move |tx| Authenticator::strong_owners(tx, &app))
    }
}

fn open(app: &App, id: &[u8; 16], sealed: &[u8]) -> Result<Authenticator, Error> {
    let plain = app.keys.open_row("authenticator", id, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| Error::Tampered)
}

/// By what an identity is found. Issuer and subject cannot run into each other: neither has a zero byte.
fn identity_digest(app: &App, issuer: &str, subject: &str) -> [u8; 32] {
    app.keys.row_digest("identity", &[issuer.as_bytes(), subject.as_bytes()])
}

/// Takes one of somebody's away.
pub(super) fn drop_one(tx: &mut Tx<'_>, id: AuthenticatorId, principal: PrincipalId) -> Result<(), Error> {
    tx.put(&DROP, params![id.bytes(), principal.bytes()])?;
    Ok(())
}

/// Takes everything away that somebody logs in with.
pub(crate) fn drop_all(tx: &mut Tx<'_>, principal: PrincipalId) -> Result<(), Error> {
    tx.put(&DROP_ALL, params![principal.bytes()])?;
    Ok(())
}

/// What somebody has, each by its id.
pub(super) type Kept = Vec<(AuthenticatorId, Authenticator)>;

/// Whether somebody has a way in that is worth two factors.
pub(super) fn strong(app: &App, all: &[(AuthenticatorId, Authenticator)]) -> bool {
    let vouched = |one: &Authenticator| matches!(&one.secret, Secret::Identity { issuer, .. } if app.people.sign_on.is_strong(issuer));
    if all.iter().any(|(_, one)| vouched(one)) {
        return true;
    }
    let has = |kind| all.iter().any(|(_, one)| one.secret.kind() == kind);
    let beside = has(AuthenticatorKind::Totp) || has(AuthenticatorKind::SentCode) && app.sends_codes();
    has(AuthenticatorKind::Passkey) || has(AuthenticatorKind::Password) && beside
}

/// Adds one to what the caller has. A second of a kind of which one has only one takes the place of the first, and the sessions that
/// began with that one end, but for the one that asks.
pub(super) fn add(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    one: &Authenticator,
) -> Result<(AuthenticatorId, Vec<SessionChange>), Error> {
    let all = may_add(tx, cx)?;
    let kind = one.secret.kind();
    let single = !matches!(kind, AuthenticatorKind::Passkey | AuthenticatorKind::Identity);
    let mut ended = Vec::new();
    for (id, _) in all.iter().filter(|(_, other)| single && other.secret.kind() == kind) {
        tx.put(&DROP, params![id.bytes(), cx.caller.id().bytes()])?;
        ended.extend(sessions::end_begun_with(tx, cx.app, cx.caller.id(), *id, cx.caller.session())?);
    }
    Ok((add_for(tx, cx, one)?, ended))
}

/// What the caller has, if they may add to it. With a password alone nobody adds to a way in that is stronger. With a link or a recovery
/// code they may: that is what these are for.
pub(super) fn may_add(tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Kept, Error> {
    let all = Authenticator::of(tx, cx.app, cx.caller.id())?;
    if cx.caller.proof().aal() == 1 && strong(cx.app, &all) {
        let needs = vec![Need::Proof(ProofNeed::TWO_FACTORS)];
        return Err(Error::Refused(Refusal { needs, policies: vec!["house:own-authenticators".to_owned()] }));
    }
    Ok(all)
}

/// Adds one to what its owner has, whoever does it.
pub(super) fn add_for(tx: &mut Tx<'_>, cx: &Cx<'_>, one: &Authenticator) -> Result<AuthenticatorId, Error> {
    if Authenticator::of(tx, cx.app, one.principal)?.len() >= MOST {
        return Err(Error::Conflict("there are 20 ways to log in already: take one away first"));
    }
    if let Secret::Identity { issuer, subject } = &one.secret
        && Authenticator::of_identity(tx, cx.app, issuer, subject)?.is_some()
    {
        return Err(Error::Conflict("this identity is linked already: an identity is one person's"));
    }
    let id = AuthenticatorId::from_bytes(cx.new_id()?);
    one.put(tx, cx.app, id)?;
    Ok(id)
}

/// Takes one of the caller's own away. Every session that began with it ends.
#[derive(Debug, Clone)]
pub struct RemoveAuthenticator {
    /// Which.
    pub id: AuthenticatorId,
}

impl Operation for RemoveAuthenticator {
    const ACTION: Action = Action::AuthenticatorRemove;
    type Output = ();
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let caller = cx.caller.id();
        let all = Authenticator::of(tx, cx.app, caller)?;
        let kind = all.iter().find(|(id, _)| *id == self.id).map(|(_, one)| one.secret.kind());
        let kind = kind.ok_or(Error::NotFound)?;
        let rest: Vec<_> = all.iter().filter(|(id, _)| *id != self.id).cloned().collect();
        if strong(cx.app, &all) && !strong(cx.app, &rest) {
            return Err(Error::Conflict(
                "this is your last way in that is worth two factors: add another one first",
            ));
        }
        tx.put(&DROP, params![self.id.bytes(), caller.bytes()])?;
        let told = Told { with: Some(kind.as_str()), ..Told::of(AccountNotice::Removed) };
        told.tell(tx, cx.app, caller, cx.now)?;
        let ended = sessions::end_begun_with(tx, cx.app, caller, self.id, cx.caller.session())?;
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(1) };
        Ok(Outcome::new((), note).with_sessions(ended))
    }
}
