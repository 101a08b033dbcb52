//! Adding something to log in with. What the browser or the app answers is judged outside the transaction, as in a log-in; the operation
//! that comes out of it can be made in no other way.

use std::sync::Arc;

use avouch_authn::passkey::Passkey;
use avouch_authn::password::{self, Hashed};
use avouch_authn::recovery::{self, COUNT};
use avouch_policy::Action;
use avouch_seal::SecureRandom as _;
use avouch_store::Tx;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::authenticators::{self, Authenticator, Secret, totp_secret};
use super::log_in::BegunCeremony;
use super::once::{self, Single};
use super::ticket::{self, For};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::{Caller, Permit};
use crate::ids::{AuthenticatorId, PrincipalId};

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

/// Makes ten recovery codes, in the place of any before.
#[derive(Debug, Clone)]
pub struct EnrolRecoveryCodes;

/// What was judged and is to be kept.
#[derive(Debug)]
pub(super) struct Ready {
    owner: PrincipalId,
    label: String,
    secret: Secret,
    single: Option<Single>,
}

impl Ready {
    pub(super) fn new(owner: PrincipalId, label: &str, secret: Secret, single: Single) -> Self {
        Self { owner, label: label.to_owned(), secret, single: Some(single) }
    }

    pub(super) fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Outcome<Enrolled>, Error> {
        if self.owner != cx.caller.id() {
            return Err(Error::LogInFailed);
        }
        if let Some(single) = &self.single {
            once::spend(tx, single)?;
        }
        let one = Authenticator::new(self.owner, &self.label, cx.now, self.secret.clone())?;
        let id = authenticators::add(tx, cx, &one)?;
        let note = Note { objects: vec![*id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(Enrolled { id, codes: Vec::new() }, note))
    }
}

macro_rules! enrolment {
    () => {
        const ACTION: Action = Action::AuthenticatorEnrol;
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

enrolment!(EnrolPasskey EnrolPassword EnrolTotp);

impl Operation for EnrolRecoveryCodes {
    enrolment!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Enrolled>, Error> {
        let mut random = Zeroizing::new([[0; 16]; COUNT]);
        for bytes in random.iter_mut() {
            cx.app.rng.fill(bytes).map_err(|_| Error::Internal("no randomness"))?;
        }
        let (kept, codes) = recovery::generate(&random);
        let one = Authenticator::new(cx.caller.id(), "Recovery codes", cx.now, Secret::Recovery(kept))?;
        let id = authenticators::add(tx, cx, &one)?;
        let note = Note { objects: vec![*id.bytes()], ..Note::count(1) };
        Ok(Outcome::new(Enrolled { id, codes }, note))
    }
}

/// What a ticket for a passkey says.
#[derive(Serialize, Deserialize)]
struct PasskeyBegun {
    owner: PrincipalId,
    state: String,
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
        let begun = self
            .relying_party()?
            .begin_enrolment(*owner.bytes(), &name, &known)
            .map_err(|_| Error::Internal("a ceremony could not begin"))?;
        let state = HEXLOWER.encode(&begun.state);
        let ticket = ticket::issue(self, For::Passkey, PasskeyBegun { owner, state })?;
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
        let (PasskeyBegun { owner, state }, single) = ticket::redeem(self, For::Passkey, ticket)?;
        let state = HEXLOWER.decode(state.as_bytes()).map_err(|_| Error::LogInFailed)?;
        let passkey =
            self.relying_party()?.finish_enrolment(&state, answer).map_err(|error| match error {
                avouch_authn::Error::Undiscoverable => Error::invalid("", error.to_string()),
                _ => Error::LogInFailed,
            })?;
        let secret = Secret::Passkey(Box::new(passkey));
        Ok(EnrolPasskey(Ready { owner, label: label.to_owned(), secret, single: Some(single) }))
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
        let step = totp_secret(&bytes).verify(code, now_seconds, None).ok_or(Error::LogInFailed)?;
        let secret = Secret::Totp { bytes: *bytes, last: Some(step) };
        Ok(EnrolTotp(Ready { owner, label: label.to_owned(), secret, single: Some(single) }))
    }

    /// Judges a password and hashes it. Takes its time, on the thread that calls.
    ///
    /// # Errors
    /// [`Error::Invalid`] says what is wrong with it; [`Error::Busy`].
    pub fn judge_password_enrolment(&self, caller: &Caller, password: &str) -> Result<EnrolPassword, Error> {
        let owner = caller.id();
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
        Ok(EnrolPassword(Ready { owner, label, secret, single: None }))
    }

    /// What somebody is called where they log in.
    fn name_of(&self, id: PrincipalId) -> Result<String, Error> {
        let access = self.access();
        let record = access.principal(id).ok_or(Error::Unauthenticated)?;
        Ok(record.login.clone().unwrap_or_else(|| record.name.clone()))
    }

    /// All that is known of how somebody is called.
    fn names_of(&self, id: PrincipalId) -> Result<Vec<String>, Error> {
        let access = self.access();
        let record = access.principal(id).ok_or(Error::Unauthenticated)?;
        Ok([Some(&record.name), record.login.as_ref(), record.person.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect())
    }
}

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
