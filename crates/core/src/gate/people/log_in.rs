//! Judging what somebody shows. Whatever is wrong, the answer is the same and takes as long: nobody learns here who works where, or how
//! far they got.
//!
//! What is refused of somebody who exists is recorded. What comes out is a [`Proven`], which becomes a session by
//! [`super::BeginSession`].

use std::net::IpAddr;
use std::sync::Arc;

use avouch_authn::passkey::{self, Claimed};
use avouch_authn::password::Hashed;
use avouch_authn::recovery::Codes;
use avouch_policy::KeyClass;
use avouch_seal::credential::OneTimeLink;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::attempts::{Account, Attempt};
use super::authenticators::{Authenticator, Kept, Secret, totp_secret};
use super::notices::Told;
use super::once::{self, Single};
use super::places::{self, BrowserId, Place};
use super::proven::{Proven, RestsOn};
use super::ticket::{self, For};
use super::{links, sessions};
use crate::Error;
use crate::app::App;
use crate::gate::access::login_name;
use crate::gate::{Caller, PrincipalRecord};
use crate::ids::{AuthenticatorId, PrincipalId, SessionId};
use crate::outbox::AccountNotice;

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// How far somebody got.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) principal: Option<PrincipalId>,
    /// Their password was right.
    pub(super) password_right: bool,
}

/// Somebody by their name to log in with, and what they have that is typed.
#[derive(Default)]
pub(super) struct Known {
    pub(super) principal: Option<PrincipalId>,
    pub(super) password: Option<(AuthenticatorId, Hashed)>,
    /// Where codes go that are sent.
    pub(super) sent: Option<String>,
    app: Option<CodesApp>,
    recovery: Vec<(AuthenticatorId, Codes)>,
}

/// An app for codes.
struct CodesApp {
    id: AuthenticatorId,
    secret: Zeroizing<[u8; 20]>,
    /// The step of the last code that was taken.
    last: Option<u64>,
}

/// Where somebody comes from.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The address.
    pub from: IpAddr,
    /// What the browser says it is, in a few words.
    pub client: String,
    /// The browser's own cookie.
    pub browser: Option<BrowserId>,
    /// Their session so far, which a fresher proof takes the place of.
    pub session: Option<SessionId>,
}

/// What somebody shows.
pub enum LogIn {
    /// A passkey's answer, with the ticket of its ceremony.
    Passkey {
        /// What [`App::begin_log_in`] gave out.
        ticket: String,
        /// The browser's answer, as JSON.
        answer: Vec<u8>,
    },
    /// A password, and a code where there is an app for codes.
    Password {
        /// The name to log in with.
        login: String,
        /// The password.
        password: Zeroizing<String>,
        /// The code.
        code: Option<Zeroizing<String>>,
    },
    /// A recovery code, and what is left of a password and an app for codes where there are such.
    Recovery {
        /// The name to log in with.
        login: String,
        /// The recovery code.
        code: Zeroizing<String>,
        /// The password.
        password: Option<Zeroizing<String>>,
        /// The app's code.
        app_code: Option<Zeroizing<String>>,
    },
    /// A one-time link's secret.
    Link(Zeroizing<String>),
    /// A code that was sent to whoever has shown their password, and the answer that they remember.
    SentCode {
        /// What [`App::begin_code`] gave out.
        ticket: String,
        /// The code.
        code: Zeroizing<String>,
        /// The answer.
        answer: Zeroizing<String>,
    },
    /// What a browser brought back from an identity provider.
    SignOn {
        /// What [`App::begin_sign_on`] gave out.
        ticket: String,
        /// What stands behind the question mark of the address that the browser came to.
        query: Zeroizing<String>,
    },
}

/// The first half of a ceremony.
#[derive(Debug)]
pub struct BegunCeremony {
    /// JSON for the browser: the value of `publicKey`.
    pub options: String,
    /// To come back with the answer.
    pub ticket: String,
}

impl core::fmt::Debug for LogIn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Passkey { .. } => "LogIn(passkey)",
            Self::Password { .. } => "LogIn(password)",
            Self::Recovery { .. } => "LogIn(recovery code)",
            Self::Link(_) => "LogIn(link)",
            Self::SentCode { .. } => "LogIn(sent code)",
            Self::SignOn { .. } => "LogIn(sign-on)",
        })
    }
}

impl App {
    /// Begins a log-in by passkey, whoever it will be. Asks nothing of the store.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there are no passkeys.
    pub fn begin_log_in(&self) -> Result<BegunCeremony, Error> {
        let begun =
            self.relying_party()?.begin().map_err(|_| Error::Internal("a ceremony could not begin"))?;
        let ticket = ticket::issue(self, For::LogIn, HEXLOWER.encode(&begun.state))?;
        Ok(BegunCeremony { options: begun.options, ticket })
    }

    /// Judges what somebody shows. Takes its time, on the thread that calls.
    ///
    /// # Errors
    /// [`Error::LogInFailed`] whatever is wrong with it; [`Error::TooMany`] after too many failures; [`Error::Busy`];
    /// [`Error::ProviderUnavailable`].
    pub fn judge_log_in(
        self: &Arc<Self>,
        shown: LogIn,
        arrival: &Arrival,
    ) -> Result<(Caller, super::BeginSession), Error> {
        let mut about = About::default();
        let judged = match shown {
            LogIn::Passkey { ticket, answer } => self.judge_passkey(&ticket, &answer, &mut about),
            LogIn::Password { login, password, code } => self.counted(&login, arrival, &mut about, |about| {
                self.judge_password(&login, &password, code.as_deref().map(String::as_str), about)
            }),
            LogIn::Recovery { login, code, password, app_code } => {
                self.counted(&login, arrival, &mut about, |about| {
                    let password = password.as_deref().map(String::as_str);
                    let left = (password, app_code.as_deref().map(String::as_str));
                    self.judge_recovery(&login, code, left, about)
                })
            }
            LogIn::Link(secret) => self.judge_link(&secret, &mut about),
            LogIn::SentCode { ticket, code, answer } => {
                self.judge_sent_code((&ticket, &code, &answer), arrival, &mut about)
            }
            LogIn::SignOn { ticket, query } => self.judge_sign_on(&ticket, &query, &mut about.principal),
        };
        let admitted = judged.and_then(|proven| {
            let caller = Caller::proven(&self.access(), &self.rules(), &proven, arrival.from, self.now());
            let caller = caller.map_err(|_| Error::LogInFailed)?;
            // From elsewhere nobody learns whether what they have shown was right.
            if !caller.network_allowed {
                return Err(Error::LogInFailed);
            }
            // Whoever steps up is who they were.
            if let Some(session) = arrival.session {
                let before = self.people.sessions.standing(session, arrival.from, self.now());
                if before.is_none_or(|before| before.principal != proven.principal()) {
                    return Err(Error::LogInFailed);
                }
            }
            let place = Place::of(self, proven.principal(), arrival.from, arrival.browser.as_ref());
            let (client, network) = (arrival.client.clone(), places::network(arrival.from));
            Ok((caller, super::BeginSession { proven, place, network, client, replaces: arrival.session }))
        });
        if let (Err(Error::LogInFailed), Some(principal)) = (&admitted, about.principal) {
            self.record_refusal(principal, None, "log-in-failed");
            if about.password_right {
                self.warn_of_password(principal, arrival);
            }
        }
        admitted
    }

    /// Tells somebody, once a day, that their password is known to whoever did not have the rest, unless that was where they are known
    /// from. After the answer: whoever tries learns nothing by the time it takes.
    pub(super) fn warn_of_password(self: &Arc<Self>, principal: PrincipalId, arrival: &Arrival) {
        let (app, now) = (Arc::clone(self), self.now());
        let place = Place::of(self, principal, arrival.from, arrival.browser.as_ref());
        let client = arrival.client.clone();
        let tell = move |tx: &mut avouch_store::Tx<'_>| {
            if !places::is_unseen(tx, principal, &place, now)? {
                return Ok(());
            }
            let day = now.div_euclid(DAY_MICROS).to_be_bytes();
            let digest = app.keys.row_digest("password-known", &[principal.bytes(), &day]);
            let today = Single { digest, until: now.saturating_add(DAY_MICROS) };
            if once::spend(tx, &today).is_err() {
                return Ok(());
            }
            let (client, country) = (Some(client.as_str()), place.spot.country);
            Told { client, country, ..Told::of(AccountNotice::PasswordKnown) }.tell(tx, &app, principal, now)
        };
        self.store.write(tell, |result: Result<(), Error>| {
            if let Err(error) = result {
                tracing::error!(%error, "somebody could not be told that their password is known");
            }
        });
    }

    /// Counts an attempt by a name, whether anybody has it or not.
    fn counted(
        self: &Arc<Self>,
        login: &str,
        arrival: &Arrival,
        about: &mut About,
        judge: impl FnOnce(&mut About) -> Result<Proven, Error>,
    ) -> Result<Proven, Error> {
        // By the person where there is one, so that all spellings of a name are one account.
        let name = login_name(login);
        let id = self.access().by_login(&name);
        let account = match &id {
            Some(id) => self.account_of(*id),
            None => self.keys.row_digest("log-in-attempts", &[b"nobody", name.as_bytes()]),
        };
        self.attempted(account, arrival.from, || judge(about))
    }

    /// Judges something that could be guessed: a failure is counted, and what could not be looked at is none.
    pub(super) fn attempted<T>(
        &self,
        account: Account,
        from: IpAddr,
        judge: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let attempt: Attempt = self.people.attempts.begin(account, from, self.now())?;
        let judged = judge();
        match &judged {
            Ok(_) => self.people.attempts.succeeded(attempt, self.now()),
            Err(Error::LogInFailed) => {}
            Err(_) => self.people.attempts.unjudged(attempt),
        }
        judged
    }

    /// By what the attempts of somebody are counted.
    pub(super) fn account_of(&self, person: PrincipalId) -> Account {
        self.keys.row_digest("log-in-attempts", &[b"person", person.bytes()])
    }

    fn judge_passkey(
        self: &Arc<Self>,
        ticket: &str,
        answer: &[u8],
        about: &mut About,
    ) -> Result<Proven, Error> {
        let (state, single) = ticket::redeem::<String>(self, For::LogIn, ticket)?;
        let state = HEXLOWER.decode(state.as_bytes()).map_err(|_| Error::LogInFailed)?;
        let Claimed { person, credential } = passkey::claimed(answer).map_err(|_| Error::LogInFailed)?;
        let principal = PrincipalId::from_bytes(person);
        for (id, kept) in self.authenticators_of(principal)? {
            let Secret::Passkey(known) = kept.secret else { continue };
            if known.id() != credential {
                continue;
            }
            about.principal = Some(principal);
            let shown = self.relying_party()?.finish(&state, answer, &known).map_err(|error| {
                tracing::info!(%error, "a passkey was refused");
                Error::LogInFailed
            })?;
            return Ok(Proven {
                principal,
                aal: 2,
                phishing_resistant: true,
                age_seconds: 0,
                methods: &["pop", "user"],
                key: self.people.settings.class_of(&known),
                bound_since: (!known.travels()).then_some(kept.created),
                single: Some(single),
                rests_on: vec![RestsOn::Passkey(id, shown.changed.map(Box::new))],
                signed_on: None,
            });
        }
        Err(Error::LogInFailed)
    }

    fn judge_password(
        self: &Arc<Self>,
        login: &str,
        password: &str,
        code: Option<&str>,
        about: &mut About,
    ) -> Result<Proven, Error> {
        let Known { principal, password: kept, app, .. } = self.known(login)?;
        about.principal = principal;
        let right = self.is_password(kept.as_ref(), password)?;
        // Looked at in any case, as the password was.
        let step = app.as_ref().map(|app| (app.id, self.step_of(app, code.unwrap_or_default())));
        let (Some(principal), Some((id, kept)), true) = (principal, kept, right) else {
            return Err(Error::LogInFailed);
        };
        about.password_right = true;
        let rehashed = if kept.is_outdated() {
            let salt = self.salt()?;
            Some(self.people.hashing.run(|| Hashed::new(password, salt))?)
        } else {
            None
        };
        let mut rests_on = vec![RestsOn::Password(id, rehashed, self.people.settings.is_breached(password))];
        let (aal, methods): (u8, &'static [&'static str]) = match step {
            None => (1, &["pwd"]),
            Some((id, Some(step))) => {
                rests_on.push(RestsOn::Totp(id, step));
                (2, &["pwd", "otp", "mfa"])
            }
            Some((_, None)) => return Err(Error::LogInFailed),
        };
        Ok(Proven {
            principal,
            aal,
            phishing_resistant: false,
            age_seconds: 0,
            key: KeyClass::Any,
            methods,
            bound_since: None,
            single: None,
            rests_on,
            signed_on: None,
        })
    }

    /// A recovery code stands for what was lost, not for everything: whoever has a password or an app for codes shows one of them
    /// besides.
    fn judge_recovery(
        self: &Arc<Self>,
        login: &str,
        code: Zeroizing<String>,
        (password, app_code): (Option<&str>, Option<&str>),
        about: &mut About,
    ) -> Result<Proven, Error> {
        let Known { principal, password: kept, app, recovery, .. } = self.known(login)?;
        about.principal = principal;
        let has_more = kept.is_some() || app.is_some();
        // Whether there is one or not, it takes as long.
        let right = match password {
            Some(password) => self.is_password(kept.as_ref(), password)?,
            None => false,
        };
        let step = app.as_ref().and_then(|app| Some((app.id, self.step_of(app, app_code?)?)));
        let mut found = None;
        for (id, mut codes) in recovery {
            if codes.take(&code) {
                found = Some(id);
            }
        }
        let (Some(principal), Some(id)) = (principal, found) else { return Err(Error::LogInFailed) };
        about.password_right = right;
        let mut rests_on = vec![RestsOn::Recovery(id, code)];
        let methods: &'static [&'static str] = match (kept.filter(|_| right), password, step) {
            (Some((id, _)), Some(password), _) => {
                rests_on.push(RestsOn::Password(id, None, self.people.settings.is_breached(password)));
                &["recovery", "pwd"]
            }
            (_, _, Some((id, step))) => {
                rests_on.push(RestsOn::Totp(id, step));
                &["recovery", "otp"]
            }
            _ if has_more => return Err(Error::LogInFailed),
            _ => &["recovery"],
        };
        Ok(Proven {
            principal,
            aal: 0,
            phishing_resistant: false,
            age_seconds: 0,
            key: KeyClass::Any,
            methods,
            bound_since: None,
            single: None,
            rests_on,
            signed_on: None,
        })
    }

    /// Whether a password is the one that is kept; as long in coming when there is none.
    pub(super) fn is_password(
        &self,
        kept: Option<&(AuthenticatorId, Hashed)>,
        password: &str,
    ) -> Result<bool, Error> {
        let nobodys = Hashed::nobodys();
        let against = kept.map_or(&nobodys, |(_, hashed)| hashed);
        Ok(self.people.hashing.run(|| against.verify(password))? && kept.is_some())
    }

    /// The step whose code this is.
    fn step_of(&self, app: &CodesApp, code: &str) -> Option<u64> {
        let now_seconds = u64::try_from(self.now() / 1_000_000).unwrap_or_default();
        let late = self.people.settings.late_codes;
        totp_secret(&app.secret).verify(code, now_seconds, app.last, late)
    }

    fn judge_link(self: &Arc<Self>, secret: &str, about: &mut About) -> Result<Proven, Error> {
        let link = OneTimeLink::parse(secret).map_err(|_| Error::LogInFailed)?;
        let now = self.now();
        let app = Arc::clone(self);
        let judged = self.store.read_wait(move |tx| links::judge(tx, &app, &link, now))?;
        let (id, principal) = judged.ok_or(Error::LogInFailed)?;
        about.principal = Some(principal);
        Ok(Proven {
            principal,
            aal: 0,
            phishing_resistant: false,
            age_seconds: 0,
            key: KeyClass::Any,
            methods: &["link"],
            bound_since: None,
            single: None,
            rests_on: vec![RestsOn::Link(id)],
            signed_on: None,
        })
    }

    /// Who has this name and may log in, with what they have that is typed. The same work for nobody.
    pub(super) fn known(self: &Arc<Self>, login: &str) -> Result<Known, Error> {
        let access = self.access();
        let active = |id: &PrincipalId| access.principal(*id).is_some_and(PrincipalRecord::is_active);
        let principal = access.by_login(&login_name(login)).filter(active);
        let mut known = Known { principal, ..Known::default() };
        for (id, kept) in self.authenticators_of(principal.unwrap_or(PrincipalId::SYSTEM))? {
            match kept.secret {
                Secret::Password { hashed, .. } => known.password = Some((id, hashed)),
                Secret::Totp { bytes, last } => {
                    known.app = Some(CodesApp { id, secret: Zeroizing::new(bytes), last });
                }
                Secret::Recovery(codes) => known.recovery.push((id, codes)),
                Secret::SentCode { to, .. } => known.sent = Some(to),
                Secret::Passkey(_) | Secret::Identity { .. } => {}
            }
        }
        Ok(known)
    }

    pub(super) fn authenticators_of(self: &Arc<Self>, id: PrincipalId) -> Result<Kept, Error> {
        let app = Arc::clone(self);
        self.store.read_wait(move |tx| Authenticator::of(tx, &app, id))
    }

    pub(super) fn relying_party(&self) -> Result<&avouch_authn::passkey::RelyingParty, Error> {
        self.people.settings.relying_party.as_ref().ok_or(Error::Conflict(
            "there are no passkeys here: the operator has not said at which address people reach this server",
        ))
    }

    pub(crate) fn salt(&self) -> Result<[u8; 16], Error> {
        let mut salt = [0; 16];
        avouch_seal::SecureRandom::fill(&self.rng, &mut salt)
            .map_err(|_| Error::Internal("no randomness"))?;
        Ok(salt)
    }
}

/// Forgets what is over.
pub(crate) fn sweep(tx: &mut avouch_store::Tx<'_>, app: &App, now: i64) -> Result<u64, Error> {
    let over = sessions::sweep(tx, app, now)? + links::sweep(tx, now)?;
    Ok(over + super::once::sweep(tx, now)? + places::sweep(tx, now)? + super::habits::sweep(tx, now)?)
}
