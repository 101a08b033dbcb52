//! Codes that are sent to a telephone or a mailbox, beside a password and an answer that their owner remembers. Weaker than anything else
//! here: whoever has the mailbox, the telephone's number or a false page has the code. So there are none unless the operator has named a
//! way for them and the charter says that they count, and policy sees that a session rests on one (`sent_code`).
//!
//! Who asks for a code shows a password first. Whatever they show they get a ticket, as soon and as long as any other; of a right one the
//! ticket is worth something, and a code goes out after the answer. The ticket has a digest of the code, is good for five minutes, once,
//! and in the browser that asked. Asking counts as a wrong password does until a code has come back, and so do wrong codes; what goes out
//! to one person, and to one place when it is enrolled, is counted besides. The answer is never enough, and neither is the code.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use avouch_authn::password::Hashed;
use avouch_policy::{Action, KeyClass};
use avouch_seal::SecureRandom as _;
use avouch_store::Tx;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::attempts::{Account, Attempt};
use super::authenticators::{self, Secret};
use super::enrol::{EnrolSentCode, Ready};
use super::log_in::{About, Arrival, Known};
use super::proven::{Proven, RestsOn};
use super::ticket::{self, For};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::audit::{self, Note, What};
use crate::gate::access::{is_address, login_name};
use crate::gate::{Caller, Permit, PrincipalRecord};
use crate::ids::{AuthenticatorId, PrincipalId};
use crate::outbox::{Channel, Hidden, Message, Notice};

/// By which way codes go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeWay {
    /// To mailboxes, as all mail.
    Mail,
    /// To a program of the operator's, which hands them on.
    Gateway,
}

/// How codes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeSettings {
    /// By which way.
    pub way: CodeWay,
    /// How many digits a code has: 6 to 8.
    pub digits: u8,
}

/// How many codes go out to somebody in a quarter of an hour who is where they are not known from.
pub(super) const SENT_TO_STRANGERS: u32 = 10;
/// Of whoever is logged in, and of a place where codes are to go, it does not matter where the request came from.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const LIFE_MICROS: i64 = 5 * 60 * 1_000_000;
/// The shortest answer, in letters and digits.
const SHORTEST: usize = 8;
/// The longest, and the longest address.
const LONGEST: usize = 100;

/// What the ticket of a log-in says. As long for one that is worth nothing.
#[derive(Serialize, Deserialize)]
struct Begun {
    owner: PrincipalId,
    password: AuthenticatorId,
    /// Whether the password was right and a code has gone out: 1 or 0; and whether the password is known to have been lost.
    real: u8,
    breached: u8,
    account: String,
    salt: String,
    code: String,
}

/// What the ticket of an enrolment says.
#[derive(Serialize, Deserialize)]
struct Enrolling {
    owner: PrincipalId,
    to: String,
    salt: String,
    code: String,
}

/// A code that is about to go out.
struct Drawn {
    code: Zeroizing<String>,
    salt: String,
    digest: String,
}

impl App {
    /// How codes are sent, where they are.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there are none.
    fn codes(&self) -> Result<CodeSettings, Error> {
        let counts = self.rules().charter.sent_codes();
        self.people.settings.codes.filter(|_| counts).ok_or(Error::Conflict(
            "no codes are sent here: they are off unless the configuration names a way and the charter says that they count",
        ))
    }

    /// Whether codes are sent here.
    #[must_use]
    pub fn sends_codes(&self) -> bool {
        self.code_way().is_some()
    }

    /// By which way codes are sent, where they are.
    #[must_use]
    pub fn code_way(&self) -> Option<CodeWay> {
        self.codes().ok().map(|settings| settings.way)
    }

    /// Judges a password and sends a code, if there is somebody to send it to; what comes back is the same in any case. Takes its time, on
    /// the thread that calls.
    ///
    /// # Errors
    /// [`Error::Conflict`] where no codes are sent; [`Error::TooMany`]; [`Error::Busy`].
    pub fn begin_code(
        self: &Arc<Self>,
        login: &str,
        password: &str,
        arrival: &Arrival,
    ) -> Result<String, Error> {
        let settings = self.codes()?;
        let name = login_name(login);
        let known = self.access().by_login(&name);
        let account = match &known {
            Some(id) => self.account_of(*id),
            None => self.keys.row_digest("log-in-attempts", &[b"nobody", name.as_bytes()]),
        };
        // Whether the password is right or not, so that counting on does not tell: it is taken back when the code has come back.
        let attempt: Attempt = self.people.attempts.begin(account, arrival.from, self.now())?;
        let begun = self.begin_counted(login, password, arrival, account, settings);
        if let Err(Error::Busy) = &begun {
            self.people.attempts.unjudged(attempt);
        }
        begun
    }

    fn begin_counted(
        self: &Arc<Self>,
        login: &str,
        password: &str,
        arrival: &Arrival,
        account: Account,
        settings: CodeSettings,
    ) -> Result<String, Error> {
        let Known { principal, password: kept, sent, .. } = self.known(login)?;
        let owner = principal.unwrap_or(PrincipalId::SYSTEM);
        let right = self.is_password(kept.as_ref(), password)?;
        let drawn = self.draw(settings)?;
        let password_id = kept.filter(|_| right).map(|(id, _)| id);
        match (&password_id, &sent) {
            (Some(_), Some(_)) => {}
            // They have no such codes, so it was not they, or they do not know.
            (Some(_), None) => self.warn_of_password(owner, arrival),
            (None, _) if owner == PrincipalId::SYSTEM => {}
            (None, _) => self.record_refusal(owner, None, "log-in-failed"),
        }
        let breached = u8::from(self.people.settings.is_breached(password));
        let now = self.now();
        let nobody = || self.ids.uuid(now, &self.rng);
        let begun = match (password_id, sent) {
            (Some(password), Some(to)) => {
                // No word of it: whoever asks too often would learn that the password is right.
                if self.people.sends.begin(account, arrival.from, now).is_ok() {
                    self.send_code(owner, settings, to, &drawn.code);
                }
                Begun { owner, password, real: 1, breached, ..drawn.begun(account) }
            }
            _ => Begun {
                owner: PrincipalId::from_bytes(nobody()?),
                password: AuthenticatorId::from_bytes(nobody()?),
                real: 0,
                breached,
                ..drawn.begun(account)
            },
        };
        ticket::issue(self, For::SentCode, begun)
    }

    /// Sends a code, after the answer: how long that takes is nobody's to know.
    fn send_code(self: &Arc<Self>, owner: PrincipalId, settings: CodeSettings, to: String, code: &str) {
        let (app, code) = (Arc::clone(self), Zeroizing::new(code.to_owned()));
        let send = move |tx: &mut Tx<'_>| put(tx, &app, owner, settings, &to, &code);
        self.store.write(send, |result: Result<(), Error>| {
            if let Err(error) = result {
                tracing::error!(%error, "a code could not be sent");
            }
        });
    }

    fn draw(&self, settings: CodeSettings) -> Result<Drawn, Error> {
        let mut random = [0; 8];
        self.rng.fill(&mut random).map_err(|_| Error::Internal("no randomness"))?;
        let digits = usize::from(settings.digits.clamp(6, 8));
        // Of 2^64 the remainder favours nothing that anybody could use: one part in 10^11.
        let number = u64::from_be_bytes(random) % 10_u64.pow(u32::try_from(digits).unwrap_or(6));
        let code = Zeroizing::new(format!("{number:0digits$}"));
        let salt = HEXLOWER.encode(&self.salt()?);
        let digest = self.code_digest(&salt, &code);
        Ok(Drawn { code, salt, digest })
    }

    fn code_digest(&self, salt: &str, code: &str) -> String {
        HEXLOWER.encode(&self.keys.row_digest("sent-code", &[salt.as_bytes(), code.as_bytes()]))
    }

    /// Whether a code is the one that was sent. Blanks are passed over.
    fn is_code(&self, salt: &str, digest: &str, typed: &str) -> bool {
        let typed: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace()).take(LONGEST).collect());
        let typed = self.code_digest(salt, &typed);
        bool::from(subtle::ConstantTimeEq::ct_eq(typed.as_bytes(), digest.as_bytes()))
    }

    pub(super) fn judge_sent_code(
        self: &Arc<Self>,
        (ticket, code, answer): (&str, &str, &str),
        arrival: &Arrival,
        about: &mut About,
    ) -> Result<Proven, Error> {
        self.codes()?;
        let (begun, single) = ticket::redeem::<Begun>(self, For::SentCode, ticket)?;
        let account = HEXLOWER.decode(begun.account.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let account = account.ok_or(Error::LogInFailed)?;
        let attempt = self.people.attempts.begin(account, arrival.from, self.now())?;
        let (principal, real) = (begun.owner, begun.real == 1);
        // The same work for a ticket that is worth nothing.
        let all = self.authenticators_of(if real { principal } else { PrincipalId::SYSTEM })?;
        let sent = all.into_iter().find_map(|(id, kept)| match kept.secret {
            Secret::SentCode { answer, .. } => Some((id, answer)),
            _ => None,
        });
        let nobodys = Hashed::nobodys();
        let against = sent.as_ref().map_or(&nobodys, |(_, answer)| answer);
        let answer = normal(answer);
        let remembered = match self.people.hashing.run(|| against.verify(&answer)) {
            Ok(remembered) => remembered,
            Err(busy) => {
                self.people.attempts.unjudged(attempt);
                return Err(busy);
            }
        };
        let right = self.is_code(&begun.salt, &begun.code, code);
        if real {
            (about.principal, about.password_right) = (Some(principal), true);
        }
        let (Some((id, _)), true) = (sent, real && remembered && right) else {
            return Err(Error::LogInFailed);
        };
        self.people.attempts.succeeded(attempt, self.now());
        self.people.attempts.forgive(account, arrival.from);
        self.people.sends.know(account, arrival.from, self.now());
        Ok(Proven {
            principal,
            aal: 2,
            phishing_resistant: false,
            age_seconds: 0,
            key: KeyClass::Any,
            methods: &["pwd", "otp", "kba", "mfa"],
            bound_since: None,
            single: Some(single),
            rests_on: vec![
                RestsOn::Password(begun.password, None, begun.breached == 1),
                RestsOn::SentCode(id),
            ],
            signed_on: None,
        })
    }

    /// Draws the first code for a place where somebody wants codes to go. It goes out when that is performed.
    ///
    /// # Errors
    /// [`Error::Conflict`] where no codes are sent; [`Error::Invalid`] for an address that is none; [`Error::TooMany`].
    pub fn first_code(&self, caller: &Caller, to: &str) -> Result<SendFirstCode, Error> {
        let settings = self.codes()?;
        let to = to.trim();
        let fits = match settings.way {
            CodeWay::Mail => is_address(to),
            CodeWay::Gateway => {
                (3..=LONGEST).contains(&to.chars().count()) && !to.chars().any(char::is_control)
            }
        };
        if !fits {
            return Err(Error::invalid("/to", "expected an address to which codes can be sent"));
        }
        let (owner, now) = (caller.id(), self.now());
        let from = caller.from().ok_or(Error::Unauthenticated)?;
        self.people.sends.begin(self.account_of(owner), from, now)?;
        // However many people of ours say that it is theirs.
        let spelled: String =
            to.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        self.people.sends.begin(self.keys.row_digest("sent-code-to", &[spelled.as_bytes()]), NOWHERE, now)?;
        Ok(SendFirstCode { owner, to: Hidden(to.to_owned()), settings, drawn: self.draw(settings)? })
    }

    /// Judges the first code, and takes an answer to remember. Takes its time, on the thread that calls.
    ///
    /// # Errors
    /// [`Error::LogInFailed`] for a wrong code; [`Error::Invalid`] for an answer that is too short; [`Error::Busy`].
    pub fn judge_sent_code_enrolment(
        self: &Arc<Self>,
        ticket: &str,
        code: &str,
        answer: &str,
    ) -> Result<EnrolSentCode, Error> {
        self.codes()?;
        let (begun, single) = ticket::redeem::<Enrolling>(self, For::EnrolSentCode, ticket)?;
        let account = self.account_of(begun.owner);
        let attempt = self.people.attempts.begin(account, NOWHERE, self.now())?;
        if !self.is_code(&begun.salt, &begun.code, code) {
            return Err(Error::LogInFailed);
        }
        self.people.attempts.unjudged(attempt);
        let answer = normal(answer);
        if !(SHORTEST..=LONGEST).contains(&answer.chars().count()) {
            return Err(Error::invalid("/answer", "expected 8 to 100 letters and digits that only you know"));
        }
        if self.is_familiar(begun.owner, &answer)? {
            return Err(Error::invalid(
                "/answer",
                "this is easily guessed: take something that only you know",
            ));
        }
        let salt = self.salt()?;
        let answer = self.people.hashing.run(|| Hashed::new(&answer, salt))?;
        let label = masked(&begun.to);
        let secret = Secret::SentCode { to: begun.to, answer };
        Ok(EnrolSentCode(Ready { owner: begun.owner, label, secret, single: Some(single), knows: None }))
    }
}

impl App {
    /// Whether an answer is what anybody would try first: a password that was lost elsewhere, what is known of its owner, or the same few
    /// letters over and over.
    fn is_familiar(&self, owner: PrincipalId, answer: &str) -> Result<bool, Error> {
        let rules = self.rules();
        let own = self.names_of(owner)?;
        let known = own.iter().map(String::as_str).chain([rules.charter.company().name.as_str()]);
        let known = known.flat_map(|name| [normal(name), normal(name.split('@').next().unwrap_or(name))]);
        let mut different: Vec<char> = answer.chars().collect();
        different.sort_unstable();
        different.dedup();
        let few = different.len() < 5;
        Ok(few
            || known.into_iter().any(|name| name.as_str() == answer)
            || self.people.settings.is_breached(answer))
    }
}

impl Drawn {
    /// A ticket that says nothing yet but the code.
    fn begun(self, account: [u8; 32]) -> Begun {
        Begun {
            owner: PrincipalId::SYSTEM,
            password: AuthenticatorId::from_bytes([0; 16]),
            real: 0,
            breached: 0,
            account: HEXLOWER.encode(&account),
            salt: self.salt,
            code: self.digest,
        }
    }
}

/// Sends the first code to where codes are to go. What comes out is a ticket, to come back with it.
#[derive(Debug)]
pub struct SendFirstCode {
    owner: PrincipalId,
    to: Hidden,
    settings: CodeSettings,
    drawn: Drawn,
}

impl Operation for SendFirstCode {
    const ACTION: Action = Action::AuthenticatorEnrol;
    type Output = String;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<String>, Error> {
        if self.owner != cx.caller.id() {
            return Err(Error::LogInFailed);
        }
        authenticators::may_add(tx, cx)?;
        put(tx, cx.app, self.owner, self.settings, self.to.reveal(), &self.drawn.code)?;
        let (salt, code) = (self.drawn.salt.clone(), self.drawn.digest.clone());
        let begun = Enrolling { owner: self.owner, to: self.to.reveal().to_owned(), salt, code };
        Ok(Outcome::new(ticket::issue(cx.app, For::EnrolSentCode, begun)?, Note::count(0)))
    }
}

impl core::fmt::Debug for Drawn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Drawn(..)")
    }
}

/// Queues a code, with an event that names whom it is for and nothing of it.
fn put(
    tx: &mut Tx<'_>,
    app: &App,
    owner: PrincipalId,
    settings: CodeSettings,
    to: &str,
    code: &str,
) -> Result<(), Error> {
    let now = app.now();
    if !app.access().principal(owner).is_some_and(PrincipalRecord::is_active) {
        return Ok(());
    }
    let mut event = audit::system(app.ids.event(now), What::CodeSend, now, app.rules().version);
    event.actor = (*owner.bytes()).into();
    audit::append(tx, &event, 0, None)?;
    let channel = match settings.way {
        CodeWay::Mail => Channel::Mail(to.to_owned()),
        CodeWay::Gateway => Channel::Gateway,
    };
    let until = now.saturating_add(LIFE_MICROS);
    let notice = Notice::Code { to: Hidden(to.to_owned()), code: Hidden(code.to_owned()), until };
    Message { channel, notice }.put(tx, app, now)
}

/// An answer in its one spelling: letters and digits, composed, in lower case. Nobody remembers how they wrote the rest.
fn normal(answer: &str) -> Zeroizing<String> {
    let short = answer.chars().take(4 * LONGEST);
    let composed = Zeroizing::new(short.nfkc().collect::<String>().to_lowercase());
    Zeroizing::new(composed.chars().filter(|c| c.is_alphanumeric()).take(LONGEST + 1).collect())
}

/// Enough of an address for its owner to know it again.
fn masked(to: &str) -> String {
    let tail: String = match to.split_once('@') {
        Some((_, domain)) => format!("@{}", domain.chars().take(40).collect::<String>()),
        None => to.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect(),
    };
    format!("Codes to \u{2026}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_is_remembered_of_it() {
        for (typed, same) in [
            ("My first CAT, Mimi!", "myfirstcatmimi"),
            ("  my first  cat mimi ", "myfirstcatmimi"),
            ("Ｓｔｒａßｅ 7", "straße7"),
            ("...", ""),
        ] {
            assert_eq!(normal(typed).as_str(), same, "{typed}");
        }
        assert_eq!(normal(&"a".repeat(1_000)).len(), LONGEST + 1, "and is too long");
    }

    #[test]
    fn a_code_that_is_too_late_is_of_no_use() {
        let notice =
            Notice::Code { to: Hidden("+351".to_owned()), code: Hidden("492039".to_owned()), until: 10 };
        assert_eq!((notice.is_over(9), notice.is_over(10)), (false, true));
        assert!(!format!("{notice:?}").contains("492039"), "and in no log");
    }

    #[test]
    fn a_label_says_no_address() {
        assert_eq!(masked("ida.sommer@lindenhof.example"), "Codes to …@lindenhof.example");
        assert_eq!(masked("+351 912 345 678"), "Codes to …678");
    }
}
