//! Adding something to log in with. What the browser or the app answers is judged outside the transaction, as in a log-in; the operation
//! that comes out of it can be made in no other way.

use std::sync::Arc;

use avouch_authn::passkey::{Makers, Passkey};
use avouch_authn::password::{self, Hashed};
use avouch_authn::recovery::{self, COUNT};
use avouch_policy::{Action, KeyClass};
use avouch_seal::SecureRandom as _;
use avouch_store::Tx;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::authenticators::{self, Authenticator, AuthenticatorKind, Kept, Secret, totp_secret};
use super::log_in::BegunCeremony;
use super::notices::Told;
use super::once::{self, Single};
use super::ticket::{self, For};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::Note;
use crate::gate::principals::note_change;
use crate::gate::{Caller, Permit};
use crate::ids::{AuthenticatorId, PrincipalId};
use crate::outbox::AccountNotice;

/// Something to log in with that was just added.
#[derive(Debug)]
pub struct Enrolled {
    /// Its id.
    pub id: AuthenticatorId,
    /// Recovery codes, to be shown once; empty for everything else.
    pub codes: Vec<Zeroizing<String>>,
}

/// An app for codes that is to be enrolled.
pub struct BegunTotp {
    /// The secret for somebody who types it in.
    pub secret: Zeroizing<String>,
    /// The address that a QR code holds.
    pub uri: Zeroizing<String>,
    /// To come back with the first code.
    pub ticket: String,
}

impl core::fmt::Debug for BegunTotp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BegunTotp(..)")
    }
}

/// Adds a passkey.
#[derive(Debug)]
pub struct EnrolPasskey(Ready);

/// Sets a password, in the place of any before.
#[derive(Debug)]
pub struct EnrolPassword(Ready);

/// Adds an app for codes, in the place of any before.
#[derive(Debug)]
pub struct EnrolTotp(Ready);

/// Has codes sent, in the place of any before.
#[derive(Debug)]
pub struct EnrolSentCode(pub(super) Ready);

/// Makes ten recovery codes, in the place of any before.
#[derive(Debug, Clone)]
pub struct EnrolRecoveryCodes;

/// What was judged and is to be kept.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) owner: PrincipalId,
    pub(super) label: String,
    pub(super) secret: Secret,
    pub(super) single: Option<Single>,
    /// The password of which its owner has shown that they know it.
    pub(super) knows: Option<AuthenticatorId>,
}

/// The password among what somebody has.
fn password_of(all: &Kept) -> Option<(AuthenticatorId, &Hashed)> {
    all.iter().find_map(|(id, one)| match &one.secret {
        Secret::Password { hashed, .. } => Some((*id, hashed)),
        Secret::Passkey(_)
        | Secret::Totp { .. }
        | Secret::Recovery(_)
        | Secret::SentCode { .. }
        | Secret::Identity { .. } => None,
    })
}

impl Ready {
    pub(super) fn new(owner: PrincipalId, label: &str, secret: Secret, single: Single) -> Self {
        Self { owner, label: label.to_owned(), secret, single: Some(single), knows: None }
    }

    pub(super) fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Outcome<Enrolled>, Error> {
        if self.owner != cx.caller.id() {
            return Err(Error::LogInFailed);
        }
        if let Some(single) = &self.single {
            once::spend(tx, single)?;
        }
        if self.secret.kind() == AuthenticatorKind::Password && cx.caller.proof().aal() > 0 {
            // Of two who change it with the same one, one is second.
            let all = Authenticator::of(tx, cx.app, self.owner)?;
            if password_of(&all).map(|(id, _)| id) != self.knows {
                return Err(Error::Conflict("your password was changed meanwhile"));
            }
        }
        let one = Authenticator::new(self.owner, &self.label, cx.now, self.secret.clone())?;
        let (id, ended) = authenticators::add(tx, cx, &one)?;
        changed(tx, cx, one.secret.kind())?;
        let note = Note { objects: vec![*id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(Enrolled { id, codes: Vec::new() }, note).with_sessions(ended))
    }
}

/// Something to log in with was added: for a while its owner is not let out with much, and they are told.
fn changed(tx: &mut Tx<'_>, cx: &Cx<'_>, kind: AuthenticatorKind) -> Result<(), Error> {
    let owner = cx.caller.id();
    note_change(tx, cx.app, owner, cx.now)?;
    let told = Told { with: Some(kind.as_str()), ..Told::of(AccountNotice::Enrolled) };
    told.tell(tx, cx.app, owner, cx.now)
}

macro_rules! enrolment {
    () => {
        const ACTION: Action = Action::AuthenticatorEnrol;
        const REFRESH: Refresh = Refresh::Access;
        type Output = Enrolled;
        about_nobody!();
    };
    ($($operation:ident)+) => {
        $(impl Operation for $operation {
            enrolment!();
            fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Enrolled>, Error> {
                self.0.run(tx, cx)
            }
        })+
    };
}

enrolment!(EnrolPasskey EnrolPassword EnrolTotp EnrolSentCode);

impl Operation for EnrolRecoveryCodes {
    enrolment!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Enrolled>, Error> {
        let mut random = Zeroizing::new([[0; 16]; COUNT]);
        for bytes in random.iter_mut() {
            cx.app.rng.fill(bytes).map_err(|_| Error::Internal("no randomness"))?;
        }
        let (kept, codes) = recovery::generate(&random);
        let one = Authenticator::new(cx.caller.id(), "Recovery codes", cx.now, Secret::Recovery(kept))?;
        let (id, ended) = authenticators::add(tx, cx, &one)?;
        changed(tx, cx, one.secret.kind())?;
        let note = Note { objects: vec![*id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(Enrolled { id, codes }, note).with_sessions(ended))
    }
}

/// Said to whoever brings a passkey that does not do for their roles.
const TRAVELS: &str = "your roles ask for a passkey that cannot be copied to other devices: use a security key, or one that stays on its device";

/// What a ticket for a passkey says.
#[derive(Serialize, Deserialize)]
struct PasskeyBegun {
    owner: PrincipalId,
    state: String,
    /// Whether the maker of the device is asked.
    attested: bool,
}

/// What a ticket for an app says.
#[derive(Serialize, Deserialize)]
struct TotpBegun {
    owner: PrincipalId,
    secret: [u8; 20],
}

impl App {
    /// Begins to make a passkey for the caller. Whether they may is asked at the end.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there are no passkeys.
    pub fn begin_passkey(self: &Arc<Self>, caller: &Caller) -> Result<BegunCeremony, Error> {
        let owner = caller.id();
        let name = self.name_of(owner)?;
        let known: Vec<Passkey> = self
            .authenticators_of(owner)?
            .into_iter()
            .filter_map(|(_, kept)| match kept.secret {
                Secret::Passkey(passkey) => Some(*passkey),
                _ => None,
            })
            .collect();
        let (site, person) = (self.relying_party()?, *owner.bytes());
        let attested = self.keys_asked_of(owner) == KeyClass::Attested;
        let begun = if attested {
            site.begin_attested_enrolment(person, &name, &known, self.makers()?)
        } else {
            site.begin_enrolment(person, &name, &known)
        };
        let begun = begun.map_err(|_| Error::Internal("a ceremony could not begin"))?;
        let state = HEXLOWER.encode(&begun.state);
        let ticket = ticket::issue(self, For::Passkey, PasskeyBegun { owner, state, attested })?;
        Ok(BegunCeremony { options: begun.options, ticket })
    }

    /// Judges the browser's answer.
    ///
    /// # Errors
    /// [`Error::LogInFailed`] for one that is not to this ceremony; [`Error::Invalid`] for a key that can hold no passkey.
    pub fn judge_passkey_enrolment(
        &self,
        ticket: &str,
        answer: &[u8],
        label: &str,
    ) -> Result<EnrolPasskey, Error> {
        let (PasskeyBegun { owner, state, attested }, single) = ticket::redeem(self, For::Passkey, ticket)?;
        let state = HEXLOWER.decode(state.as_bytes()).map_err(|_| Error::LogInFailed)?;
        let site = self.relying_party()?;
        let passkey = if attested {
            site.finish_attested_enrolment(&state, answer, self.makers()?)
        } else {
            site.finish_enrolment(&state, answer)
        };
        let passkey = passkey.map_err(|error| match error {
            avouch_authn::Error::Undiscoverable | avouch_authn::Error::Unattested => {
                Error::invalid("", error.to_string())
            }
            _ => Error::LogInFailed,
        })?;
        if self.people.settings.class_of(&passkey) < self.keys_asked_of(owner) {
            return Err(Error::invalid("", TRAVELS));
        }
        let secret = Secret::Passkey(Box::new(passkey));
        let label = label.to_owned();
        Ok(EnrolPasskey(Ready { owner, label, secret, single: Some(single), knows: None }))
    }

    /// Begins to enrol an app for codes.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn begin_totp(&self, caller: &Caller) -> Result<BegunTotp, Error> {
        let mut bytes = Zeroizing::new([0; 20]);
        self.rng.fill(&mut *bytes).map_err(|_| Error::Internal("no randomness"))?;
        let secret = totp_secret(&bytes);
        let owner = caller.id();
        let ticket = ticket::issue(self, For::Totp, TotpBegun { owner, secret: *bytes })?;
        let rules = self.rules();
        let issuer = percent_encoded(&rules.charter.company().name.replace(':', " "));
        let account = percent_encoded(&self.name_of(owner)?);
        Ok(BegunTotp { secret: secret.groups(), uri: secret.uri(&issuer, &account), ticket })
    }

    /// Judges the app's first code.
    ///
    /// # Errors
    /// [`Error::LogInFailed`] for a wrong one.
    pub fn judge_totp_enrolment(&self, ticket: &str, code: &str, label: &str) -> Result<EnrolTotp, Error> {
        let (TotpBegun { owner, secret }, single) = ticket::redeem(self, For::Totp, ticket)?;
        let bytes = Zeroizing::new(secret);
        let now_seconds = u64::try_from(self.now() / 1_000_000).unwrap_or_default();
        let step = totp_secret(&bytes)
            .verify(code, now_seconds, None, self.people.settings.late_codes)
            .ok_or(Error::LogInFailed)?;
        let secret = Secret::Totp { bytes: *bytes, last: Some(step) };
        let label = label.to_owned();
        Ok(EnrolTotp(Ready { owner, label, secret, single: Some(single), knows: None }))
    }

    /// Judges a password and hashes it. Takes its time, on the thread that calls. Whoever has one shows it, but for somebody who is
    /// here by a link or a recovery code, because they have lost it.
    ///
    /// # Errors
    /// [`Error::Invalid`] says what is wrong with it; [`Error::TooMany`] after too many wrong ones; [`Error::Busy`].
    pub fn judge_password_enrolment(
        self: &Arc<Self>,
        caller: &Caller,
        current: Option<&str>,
        password: &str,
    ) -> Result<EnrolPassword, Error> {
        let owner = caller.id();
        let all = self.authenticators_of(owner)?;
        let knows = match password_of(&all).filter(|_| caller.proof().aal() > 0) {
            Some((id, hashed)) => {
                let current = current.ok_or_else(|| Error::invalid("/current", CURRENT))?;
                self.judge_current(caller, hashed, current)?;
                Some(id)
            }
            None => None,
        };
        let rules = self.rules();
        let own = self.names_of(owner)?;
        let own = own.iter().map(String::as_str);
        let known = familiar(own.chain([rules.charter.company().name.as_str(), "avouch"]));
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        password::judge(password, &known, |password| self.people.settings.is_breached(password))
            .map_err(|weak| Error::invalid("/password", weak.advice()))?;
        let salt = self.salt()?;
        let hashed = self.people.hashing.run(|| Hashed::new(password, salt))?;
        let (label, secret) = ("Password".to_owned(), Secret::Password { hashed, breached: false });
        Ok(EnrolPassword(Ready { owner, label, secret, single: None, knows }))
    }

    /// Whether the caller knows their password: counted as a log-in is, so that a session is no way to guess it.
    fn judge_current(self: &Arc<Self>, caller: &Caller, hashed: &Hashed, current: &str) -> Result<(), Error> {
        let from = caller.from().ok_or(Error::Unauthenticated)?;
        let judged = self.attempted(self.account_of(caller.id()), from, || {
            let right = self.people.hashing.run(|| hashed.verify(current))?;
            if right { Ok(()) } else { Err(Error::LogInFailed) }
        });
        judged.map_err(|error| match error {
            Error::LogInFailed => {
                self.record_refusal(caller.id(), None, "log-in-failed");
                Error::invalid("/current", "this is not your current password")
            }
            error => error,
        })
    }

    /// What somebody's roles ask of their passkeys.
    fn keys_asked_of(&self, id: PrincipalId) -> KeyClass {
        let rules = self.rules();
        let class = self.access().class(id, &rules);
        class.map(|class| rules.keys_of(class.roles())).unwrap_or_default()
    }

    fn makers(&self) -> Result<&Makers, Error> {
        self.people.settings.makers.as_deref().ok_or(Error::Conflict(
            "your roles ask for a passkey that its maker speaks for, and the operator has named no maker",
        ))
    }

    /// What somebody is called where they log in.
    fn name_of(&self, id: PrincipalId) -> Result<String, Error> {
        let access = self.access();
        let record = access.principal(id).ok_or(Error::Unauthenticated)?;
        Ok(record.login.clone().unwrap_or_else(|| record.name.clone()))
    }

    /// All that is known of how somebody is called.
    pub(super) fn names_of(&self, id: PrincipalId) -> Result<Vec<String>, Error> {
        let access = self.access();
        let record = access.principal(id).ok_or(Error::Unauthenticated)?;
        Ok([Some(&record.name), record.login.as_ref(), record.person.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect())
    }
}

const CURRENT: &str = "say your current password as well";

/// The words of these texts, in lower case, of three letters and more.
fn familiar<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    let words = texts.flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let words = words.filter(|word| word.chars().count() >= 3);
    words.map(str::to_lowercase).collect()
}

/// As in an address, without anything that means something there.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
