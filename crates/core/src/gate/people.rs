//! People: how they log in, what they log in with, and the sessions they have then.
//!
//! A log-in has two parts. What is shown is judged outside any transaction, because it takes its time (`log_in`); what comes out,
//! [`Proven`], cannot be made otherwise, and is what an operation turns into a session (`sessions`), spending in the same
//! transaction what is good once. Nothing here decides what somebody may do.

mod account;
mod attempts;
mod authenticators;
mod enrol;
mod habits;
mod hashing;
mod links;
mod log_in;
mod notices;
mod once;
mod places;
mod proven;
mod sent_codes;
mod sessions;
mod sign_on;
mod ticket;

pub use avouch_authn::atlas;
pub use avouch_authn::breached;
pub use avouch_authn::passkey::{Makers, RelyingParty};
pub use avouch_authn::password::SHORTEST as PASSWORD_SHORTEST;

pub use account::{Account, AuthenticatorShown, ReadAccount};
pub(crate) use authenticators::drop_all as drop_authenticators;
pub use authenticators::{AuthenticatorKind, RemoveAuthenticator};
pub use avouch_authn::jwt::openid::TokenRequest;
pub use enrol::{
    BegunTotp, EnrolPasskey, EnrolPassword, EnrolRecoveryCodes, EnrolSentCode, EnrolTotp, Enrolled,
};
pub(crate) use links::drop_of as drop_links;
pub use links::{CreateLink, NewLink};
pub(crate) use log_in::sweep;
pub use log_in::{Arrival, BegunCeremony, LogIn};
pub(crate) use notices::address_changed;
pub(super) use once::{Single, spend};
pub use places::BrowserId;
pub use proven::Proven;
pub use sent_codes::{CodeSettings, CodeWay, SendFirstCode};
pub use sessions::{BeginSession, EndSessions, LendSession, NewSession, ReadSessions, SessionShown};
pub(crate) use sessions::{SessionChange, Sessions, end_all, write_seen};
pub use sign_on::{
    BegunSignOn, EndSignedOn, EnrolIdentity, IdentityShown, LinkIdentity, Provider, ProviderLine,
    ReadIdentities, SignOnChoice, SignOnTicket, UnlinkIdentity, Vouched, Wanted, unfit_provider,
};

use std::net::IpAddr;
use std::sync::Arc;

use attempts::Attempts;
pub use attempts::network;
use avouch_authn::passkey::Passkey;
use avouch_policy::{KeyClass, PrincipalKind};
use hashing::Hashing;

use crate::Error;

/// How people log in here.
#[derive(Debug, Clone)]
pub struct PeopleSettings {
    /// The site that passkeys are made for; without one there are none.
    pub relying_party: Option<RelyingParty>,
    /// After so many seconds without a request a session ends.
    pub idle_seconds: u32,
    /// After so many seconds a session ends, whatever was done in it.
    pub longest_seconds: u32,
    /// Passwords that were lost elsewhere, if the operator has brought a list.
    pub breached: Option<Arc<breached::Breached>>,
    /// How codes are sent, if the operator has named a way.
    pub codes: Option<CodeSettings>,
    /// Whether people may call with an API key, which is one factor. Whoever has none begins a session for a program instead.
    pub api_keys: bool,
    /// Whether the code that an app has shown before the present one counts too.
    pub late_codes: bool,
    /// Where people may log in instead.
    pub sign_on: Vec<Provider>,
    /// Whose word is taken that a passkey cannot leave its device.
    pub makers: Option<Arc<Makers>>,
    /// What is known of addresses, if the operator has brought files of it.
    pub atlas: Option<Arc<atlas::Atlas>>,
}

impl PeopleSettings {
    /// Whether such a principal may come with an API key.
    pub(crate) fn lets_in_by_key(&self, kind: PrincipalKind) -> bool {
        self.api_keys || matches!(kind, PrincipalKind::Service | PrincipalKind::System)
    }

    /// Whether a password is known to have been lost elsewhere.
    fn is_breached(&self, password: &str) -> bool {
        self.breached.as_ref().is_some_and(|list| list.contains(password))
    }
}

impl PeopleSettings {
    /// How sure it is that a passkey is in one device.
    fn class_of(&self, passkey: &Passkey) -> KeyClass {
        if passkey.attested(self.makers.as_deref()) {
            KeyClass::Attested
        } else if passkey.travels() {
            KeyClass::Any
        } else {
            KeyClass::DeviceBound
        }
    }
}

impl Default for PeopleSettings {
    fn default() -> Self {
        Self {
            relying_party: None,
            idle_seconds: 15 * 60,
            longest_seconds: 12 * 3600,
            breached: None,
            codes: None,
            api_keys: true,
            late_codes: false,
            sign_on: Vec::new(),
            makers: None,
            atlas: None,
        }
    }
}

/// What is kept of people in memory.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) settings: PeopleSettings,
    pub(crate) sessions: Sessions,
    attempts: Attempts,
    /// Codes that went out.
    sends: Attempts,
    hashing: Hashing,
    sign_on: sign_on::SignOn,
}

impl People {
    pub(crate) fn new(settings: PeopleSettings) -> Self {
        let (sessions, sign_on) = (Sessions::new(&settings), sign_on::SignOn::new(&settings.sign_on));
        Self {
            settings,
            sessions,
            attempts: Attempts::default(),
            sends: Attempts::up_to(sent_codes::SENT_TO_STRANGERS),
            hashing: Hashing::default(),
            sign_on,
        }
    }
}

impl People {
    /// Whether somebody has failed too often to be looked at.
    pub(super) fn barred(&self, account: [u8; 32], from: IpAddr, now: i64) -> Result<(), Error> {
        self.attempts.barred(account, from, now)
    }

    /// Counts a failure of somebody who was looked at.
    pub(super) fn failed(&self, account: [u8; 32], from: IpAddr, now: i64) -> Result<(), Error> {
        self.attempts.begin(account, from, now).map(drop)
    }
}

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        authenticators::STATEMENTS,
        habits::STATEMENTS,
        links::STATEMENTS,
        once::STATEMENTS,
        places::STATEMENTS,
        sessions::STATEMENTS,
    ]
    .concat()
}
