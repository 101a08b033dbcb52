//! How people log in, and what keeps others from it.

use std::net::IpAddr;
use std::time::Duration;

use avouch_core::gate::people::{
    Arrival, AuthenticatorKind, BrowserId, CreateLink, EndSessions, EnrolRecoveryCodes, LogIn, NewSession,
    PeopleSettings, ReadAccount, ReadSessions, RemoveAuthenticator,
};
use avouch_core::gate::principals::{ChangePrincipal, CreatePrincipal};
use avouch_core::gate::{Caller, Status};
use avouch_core::{AuthenticatorId, Error, Need, PrincipalId, SessionId};
use avouch_testkit::{Device, both_engines};
use zeroize::Zeroizing;

use crate::house::{House, ORIGIN, ana, slug};

pub(crate) const PASSWORD: &str = "orchid walnut ferry cloud";

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn arrival() -> Arrival {
    Arrival {
        from: address("192.0.2.7"),
        client: "Firefox on Linux".to_owned(),
        browser: None,
        session: None,
    }
}

pub(crate) fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// Somebody of the support desk.
fn hired(house: &House<'_>, name: &str, login: &str) -> PrincipalId {
    let create = CreatePrincipal {
        kind: "staff".to_owned(),
        name: name.to_owned(),
        login: Some(login.to_owned()),
        manager: None,
        person: None,
        contact: None,
        roles: vec!["support".to_owned()],
        recipient: None,
        networks: Vec::new(),
        days: None,
    };
    house.act(&house.admin, create).expect("hired").id
}

/// A vault, and somebody who works with it and has a device.
pub(crate) struct Desk<'p> {
    pub(crate) house: House<'p>,
    pub(crate) ida: PrincipalId,
    pub(crate) device: Device,
}

impl<'p> Desk<'p> {
    /// Ida of the support desk, who has nothing to log in with yet.
    pub(crate) fn new(place: &'p avouch_testkit::Place) -> Self {
        let house = House::new(place);
        let ida = hired(&house, "Ida Sommer", " Ida@Lindenhof.example ");
        Self { house, ida, device: Device::at(ORIGIN) }
    }

    /// The session of somebody who was just hired and has come by a link.
    pub(crate) fn newcomer(&self, login: &str) -> Caller {
        let principal = hired(&self.house, "Otto Winter", login);
        let link = CreateLink { principal, afresh: false };
        let link = self.house.act(&self.house.admin, link).expect("a link").secret;
        let session = self.log_in(LogIn::Link(link)).expect("in");
        self.caller(&session).expect("a session")
    }

    pub(crate) fn log_in_from(&self, shown: LogIn, arrival: &Arrival) -> Result<NewSession, Error> {
        let (caller, begin) = self.house.app.judge_log_in(shown, arrival)?;
        self.house.act(&caller, begin)
    }

    pub(crate) fn log_in(&self, shown: LogIn) -> Result<NewSession, Error> {
        self.log_in_from(shown, &arrival())
    }

    pub(crate) fn caller(&self, session: &NewSession) -> Option<Caller> {
        self.house.app.authenticate(&session.token, address("192.0.2.7")).ok()
    }

    pub(crate) fn link(&self, afresh: bool) -> Zeroizing<String> {
        self.house.act(&self.house.admin, CreateLink { principal: self.ida, afresh }).expect("a link").secret
    }

    /// Makes a passkey on the device in this session.
    pub(crate) fn enrol_on(&self, caller: &Caller, device: &mut Device) -> Result<AuthenticatorId, Error> {
        let begun = self.house.app.begin_passkey(caller)?;
        let answer = device.register(&begun.options).expect("the device agrees").to_string();
        let judged = self.house.app.judge_passkey_enrolment(&begun.ticket, answer.as_bytes(), "Laptop")?;
        self.house.act(caller, judged).map(|enrolled| enrolled.id)
    }

    /// [`Desk::new`], and she has a passkey.
    pub(crate) fn with_passkey(place: &'p avouch_testkit::Place) -> Self {
        let mut desk = Self::new(place);
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("the link lets her in");
        let caller = desk.caller(&session).expect("a session");
        let mut device = desk.device.clone();
        desk.enrol_on(&caller, &mut device).expect("enrolled");
        desk.device = device;
        desk
    }

    pub(crate) fn answered(&mut self) -> LogIn {
        let begun = self.house.app.begin_log_in().expect("a ceremony");
        let answer = self.device.authenticate(&begun.options).expect("the device agrees");
        LogIn::Passkey { ticket: begun.ticket, answer: answer.to_string().into_bytes() }
    }

    pub(crate) fn by_passkey(&mut self) -> Result<NewSession, Error> {
        let shown = self.answered();
        self.log_in(shown)
    }

    pub(crate) fn password(
        &self,
        login: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<NewSession, Error> {
        self.log_in(LogIn::Password {
            login: login.to_owned(),
            password: secret(password),
            code: code.map(secret),
        })
    }

    /// The same server after a new start, with other settings for people.
    pub(crate) fn reopened_with(self, people: PeopleSettings) -> Self {
        let Self { house, ida, device } = self;
        Self { house: house.reopened_with(people), ida, device }
    }

    /// By a recovery code, and what is left of a password and an app.
    pub(crate) fn recover(
        &self,
        code: &str,
        password: Option<&str>,
        app_code: Option<&str>,
    ) -> Result<NewSession, Error> {
        let (password, app_code) = (password.map(secret), app_code.map(secret));
        self.log_in(LogIn::Recovery {
            login: "ida@lindenhof.example".to_owned(),
            code: secret(code),
            password,
            app_code,
        })
    }

    /// Enrols an app for codes, and says its secret.
    pub(crate) fn set_app(&self, caller: &Caller) -> Vec<u8> {
        let begun = self.house.app.begin_totp(caller).expect("begun");
        let bytes =
            data_encoding::BASE32_NOPAD.decode(begun.secret.replace(' ', "").as_bytes()).expect("base32");
        let first = code(&bytes, self.house.app.now() / 1_000_000);
        let judged =
            self.house.app.judge_totp_enrolment(&begun.ticket, &first, "Phone").expect("the first code");
        self.house.act(caller, judged).expect("enrolled");
        bytes
    }

    /// A session of hers with a password alone.
    pub(crate) fn set_password(&self, caller: &Caller) {
        let judged = self.house.app.judge_password_enrolment(caller, None, PASSWORD).expect("good enough");
        self.house.act(caller, judged).expect("set");
    }
}

fn again(shown: &LogIn) -> LogIn {
    match shown {
        LogIn::Passkey { ticket, answer } => {
            LogIn::Passkey { ticket: ticket.clone(), answer: answer.clone() }
        }
        LogIn::Password { login, password, code } => {
            LogIn::Password { login: login.clone(), password: password.clone(), code: code.clone() }
        }
        LogIn::Recovery { login, code, password, app_code } => LogIn::Recovery {
            login: login.clone(),
            code: code.clone(),
            password: password.clone(),
            app_code: app_code.clone(),
        },
        LogIn::Link(link) => LogIn::Link(link.clone()),
        LogIn::SentCode { ticket, code, answer } => {
            LogIn::SentCode { ticket: ticket.clone(), code: code.clone(), answer: answer.clone() }
        }
        LogIn::SignOn { ticket, query } => LogIn::SignOn { ticket: ticket.clone(), query: query.clone() },
    }
}

both_engines! {
    fn a_link_lets_somebody_in_to_enrol_and_a_passkey_to_work(place) {
        let mut desk = Desk::new(place);
        let id = desk.house.create(&desk.house.importer, ana()).expect("created");
        let link = desk.link(false);
        let session = desk.log_in(LogIn::Link(link.clone())).expect("the link lets her in");
        assert_eq!(slug(desk.log_in(LogIn::Link(link))), "log-in-failed", "once");
        let caller = desk.caller(&session).expect("a session");
        let refused = desk.house.read(&caller, id).expect_err("not to work");
        let Error::Refused(refusal) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.policies, ["base:two-factors"]);
        assert!(matches!(refusal.needs[..], [Need::Proof(_)]), "{refusal:?}");

        let mut device = desk.device.clone();
        desk.enrol_on(&caller, &mut device).expect("enrolled");
        desk.device = device;
        assert_eq!(slug(desk.house.read(&caller, id)), "denied-by-policy", "enrolling is no log-in");
        let session = desk.by_passkey().expect("she logs in without a name");
        assert_eq!((session.principal, session.aal), (desk.ida, 2));
        let caller = desk.caller(&session).expect("a session");
        desk.house.read(&caller, id).expect("she works");
        let account = desk.house.act(&caller, ReadAccount).expect("her account");
        let kinds: Vec<_> = account.authenticators.iter().map(|one| one.kind).collect();
        assert_eq!((kinds, account.strong, account.record.login.as_deref()), (
            vec![AuthenticatorKind::Passkey], true, Some("ida@lindenhof.example"),
        ));
    }

    fn an_answer_is_good_once_for_its_own_ceremony_and_for_five_minutes(place) {
        let mut desk = Desk::with_passkey(place);
        let shown = desk.answered();
        let replay = again(&shown);
        desk.log_in(shown).expect("the first time");
        assert_eq!(slug(desk.log_in(replay)), "log-in-failed", "replayed");

        let (LogIn::Passkey { ticket, .. }, LogIn::Passkey { answer, .. }) = (desk.answered(), desk.answered()) else {
            panic!("two answers")
        };
        let mixed = LogIn::Passkey { ticket, answer };
        assert_eq!(slug(desk.log_in(mixed)), "log-in-failed", "the answer to another ceremony");

        let late = desk.answered();
        desk.house.clock.advance(Duration::from_secs(300));
        assert_eq!(slug(desk.log_in(late)), "log-in-failed", "too late");

        let LogIn::Passkey { ticket, answer } = desk.answered() else { panic!("an answer") };
        let mut parsed: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        let signature = parsed["response"]["signature"].as_str().expect("a signature").to_owned();
        let flipped = if signature.contains('A') { signature.replacen('A', "B", 1) } else { signature.replacen('b', "c", 1) };
        parsed["response"]["signature"] = flipped.into();
        let tampered = LogIn::Passkey { ticket, answer: parsed.to_string().into_bytes() };
        assert_eq!(slug(desk.log_in(tampered)), "log-in-failed", "tampered with");
        assert!(desk.by_passkey().is_ok(), "and none of it hurts the passkey");
    }

    fn a_passkey_that_does_not_know_its_owner_or_is_on_another_site_lets_nobody_in(place) {
        let mut desk = Desk::with_passkey(place);
        desk.device.verify(false);
        let begun = desk.house.app.begin_log_in().expect("a ceremony");
        let unverified = desk.device.authenticate(&begun.options.replace(r#""required""#, r#""discouraged""#));
        let answer = unverified.expect("the device is made to").to_string().into_bytes();
        assert_eq!(slug(desk.log_in(LogIn::Passkey { ticket: begun.ticket, answer })), "log-in-failed");

        desk.device.verify(true);
        let mut phished = desk.device.moved_to("http://localhost:9999");
        let begun = desk.house.app.begin_log_in().expect("a ceremony");
        let answer = phished.authenticate(&begun.options).expect("a browser on another port").to_string().into_bytes();
        assert_eq!(slug(desk.log_in(LogIn::Passkey { ticket: begun.ticket, answer })), "log-in-failed");
        assert!(desk.by_passkey().is_ok());
    }

    fn a_copy_of_a_passkey_that_counts_shows(place) {
        let mut desk = Desk::new(place);
        desk.device = Device::at(ORIGIN).counting();
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        let mut device = desk.device.clone();
        desk.enrol_on(&caller, &mut device).expect("enrolled");
        let copied = device.clone();
        desk.device = device;
        desk.by_passkey().expect("hers");
        desk.by_passkey().expect("hers again");
        desk.device = copied;
        assert_eq!(slug(desk.by_passkey()), "log-in-failed", "it counts from where it was copied");
    }

    fn a_password_needs_its_code_and_each_code_is_good_once(place) {
        let desk = Desk::new(place);
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        desk.set_password(&caller);
        let alone = desk.password("ida@lindenhof.example", PASSWORD, None).expect("a password alone");
        assert_eq!(alone.aal, 1);
        let half = desk.caller(&alone).expect("a session");
        assert_eq!(slug(desk.house.act(&half, ReadSessions)), "ok");
        let read = desk.house.read(&half, avouch_core::SubjectId::from_bytes([7; 16]));
        assert_eq!(slug(read), "denied-by-policy", "and nothing else");

        let begun = desk.house.app.begin_totp(&half).expect("begun");
        assert!(begun.uri.starts_with("otpauth://totp/Lindenhof%20Gartenbedarf%20GmbH:ida%40lindenhof.example?"));
        let bytes = data_encoding::BASE32_NOPAD.decode(begun.secret.replace(' ', "").as_bytes()).expect("base32");
        let app = |seconds: i64| code(&bytes, seconds);
        let now = || desk.house.app.now() / 1_000_000;
        assert!(desk.house.app.judge_totp_enrolment(&begun.ticket, "000000", "Phone").is_err());
        let judged = desk.house.app.judge_totp_enrolment(&begun.ticket, &app(now()), "Phone").expect("the first code");
        desk.house.act(&half, judged).expect("enrolled");

        let right = app(now());
        assert_eq!(slug(desk.password("IDA@lindenhof.example", PASSWORD, None)), "log-in-failed", "no code");
        let spent = desk.password("ida@lindenhof.example", PASSWORD, Some(&right));
        assert_eq!(slug(spent), "log-in-failed", "enrolling has used this one");
        desk.house.clock.advance(Duration::from_secs(30));
        let fresh = app(now());
        let full = desk.password("ida@lindenhof.example", PASSWORD, Some(&fresh)).expect("password and code");
        assert_eq!(full.aal, 2);
        assert_eq!(slug(desk.password("ida@lindenhof.example", PASSWORD, Some(&fresh))), "log-in-failed", "used");
        // Her password alone, in a session of before, does not add to what is stronger now.
        let judged = desk.house.app.judge_password_enrolment(&half, Some(PASSWORD), "ferry cloud walnut orchid").expect("good");
        assert_eq!(slug(desk.house.act(&half, judged)), "denied-by-policy");
    }

    fn two_who_come_with_one_code_at_once_are_one(place) {
        let desk = Desk::new(place);
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        desk.set_password(&caller);
        let bytes = desk.set_app(&caller);
        let now = || desk.house.app.now() / 1_000_000;
        desk.house.clock.advance(Duration::from_secs(30));

        let both: Vec<_> = (0..2).map(|_| {
            let shown = LogIn::Password {
                login: "ida@lindenhof.example".to_owned(),
                password: secret(PASSWORD),
                code: Some(secret(&code(&bytes, now()))),
            };
            desk.house.app.judge_log_in(shown, &arrival()).expect("both are judged before either is used")
        }).collect();
        let ends: Vec<_> = both.into_iter().map(|(caller, begin)| slug(desk.house.act(&caller, begin))).collect();
        assert_eq!(ends, ["ok", "log-in-failed"]);
    }

    fn recovery_codes_let_in_to_enrol_each_once(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        let codes = desk.house.act(&caller, EnrolRecoveryCodes).expect("ten codes").codes;
        assert_eq!(codes.len(), 10);
        let recover = |code: &str| desk.recover(code, None, None);
        let session = recover(&codes[3]).expect("in");
        assert_eq!(session.aal, 0);
        assert_eq!(slug(recover(&codes[3])), "log-in-failed");
        let lost = desk.caller(&session).expect("a session");
        assert_eq!(slug(desk.house.act(&lost, ReadSessions)), "denied-by-policy");
        let mut other = Device::at(ORIGIN);
        desk.enrol_on(&lost, &mut other).expect("a new device");
        let account = desk.house.act(&lost, ReadAccount).expect("her account");
        let left = account.authenticators.iter().find_map(|one| one.left);
        assert_eq!(left, Some(9));
    }

    fn sessions_end_when_they_should_and_stay_ended(place) {
        let mut desk = Desk::with_passkey(place);
        let [one, two, three] = [(); 3].map(|()| desk.by_passkey().expect("in"));
        let alive = |desk: &Desk<'_>, session: &NewSession| desk.caller(session).is_some();
        let caller = desk.caller(&one).expect("a session");
        let listed = desk.house.act(&caller, ReadSessions).expect("listed");
        assert_eq!(listed.iter().filter(|shown| shown.this).map(|shown| shown.id).collect::<Vec<_>>(), [one.id]);
        desk.house.act(&caller, EndSessions { only: Some(two.id) }).expect("ended");
        assert!(alive(&desk, &one) && !alive(&desk, &two) && alive(&desk, &three));
        assert_eq!(slug(desk.house.act(&caller, EndSessions { only: Some(two.id) })), "not-found");
        let nobody = EndSessions { only: Some(SessionId::from_bytes([9; 16])) };
        assert_eq!(slug(desk.house.act(&caller, nobody)), "not-found");
        desk.house.act(&caller, EndSessions { only: None }).expect("all others");
        assert!(alive(&desk, &one) && !alive(&desk, &three));

        // On a screen that was left alone nobody ends the others; the one that asks ends whenever it asks.
        let [stale, other] = [(); 2].map(|()| desk.by_passkey().expect("in"));
        for _ in 0..2 {
            desk.house.clock.advance(Duration::from_secs(480));
            assert!(alive(&desk, &one) && alive(&desk, &stale) && alive(&desk, &other));
        }
        let left = desk.caller(&stale).expect("a session");
        for only in [None, Some(other.id)] {
            let refused = desk.house.act(&left, EndSessions { only }).expect_err("not after 16 minutes");
            let Error::Refused(refusal) = refused else { panic!("{refused:?}") };
            assert_eq!(refusal.policies, ["house:own-sessions"]);
            assert!(matches!(refusal.needs[..], [Need::Proof(_)]), "{refusal:?}");
        }
        desk.house.act(&left, EndSessions { only: Some(stale.id) }).expect("logged out");
        assert!(alive(&desk, &one) && !alive(&desk, &stale) && alive(&desk, &other));

        // A restart keeps them, and what has ended stays so.
        let (house, ida, device) = (desk.house.reopen(), desk.ida, desk.device);
        let desk = Desk { house, ida, device };
        assert!(alive(&desk, &one) && !alive(&desk, &three));
        desk.house.clock.advance(Duration::from_secs(14 * 60));
        assert!(alive(&desk, &one), "14 minutes without a request");
        desk.house.clock.advance(Duration::from_secs(15 * 60));
        assert!(!alive(&desk, &one), "15 minutes");
        let (house, ida, device) = (desk.house.reopen(), desk.ida, desk.device);
        let mut desk = Desk { house, ida, device };
        assert!(!alive(&desk, &one), "and no restart wakes it");

        let busy = desk.by_passkey().expect("in");
        for _ in 0..72 {
            desk.house.clock.advance(Duration::from_secs(599));
            assert!(alive(&desk, &busy));
        }
        desk.house.clock.advance(Duration::from_secs(120));
        assert!(!alive(&desk, &busy), "twelve hours are the end, whatever goes on");
    }

    fn one_has_twenty_sessions_and_the_oldest_makes_room(place) {
        let mut desk = Desk::with_passkey(place);
        let sessions: Vec<_> = (0..21)
            .map(|_| {
                desk.house.clock.advance(Duration::from_secs(1));
                desk.by_passkey().expect("in")
            })
            .collect();
        let alive: Vec<_> = sessions.iter().map(|session| desk.caller(session).is_some()).collect();
        assert_eq!(alive.iter().filter(|alive| **alive).count(), 20);
        assert!(!alive[0] && alive[1], "the first one has made room");
    }

    fn a_fresher_proof_makes_a_new_session_with_the_old_ones_end(place) {
        let mut desk = Desk::with_passkey(place);
        let first = desk.by_passkey().expect("in");
        desk.house.clock.advance(Duration::from_secs(360));
        let caller = desk.caller(&first).expect("a session");
        let begun = desk.house.app.begin_passkey(&caller).expect("begun");
        let answer = Device::at(ORIGIN).register(&begun.options).expect("agrees").to_string();
        let judged = desk.house.app.judge_passkey_enrolment(&begun.ticket, answer.as_bytes(), "Phone").expect("judged");
        let refused = desk.house.act(&caller, judged).expect_err("six minutes are too long ago");
        let Error::Refused(refusal) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.policies, ["base:own-authenticators-fresh"]);

        let shown = desk.answered();
        let up = Arrival { session: Some(first.id), ..arrival() };
        let second = desk.log_in_from(shown, &up).expect("again");
        assert!(desk.caller(&first).is_none(), "the old one is gone");
        assert_eq!((second.until, second.id == first.id), (first.until, false));
        let caller = desk.caller(&second).expect("a session");
        let mut other = Device::at(ORIGIN);
        desk.enrol_on(&caller, &mut other).expect("now she may");
        // The old one is worth nothing for another step either.
        let shown = desk.answered();
        assert_eq!(slug(desk.log_in_from(shown, &up)), "log-in-failed");
    }

    fn nobody_steps_up_in_somebody_elses_session(place) {
        let mut desk = Desk::with_passkey(place);
        let hers = desk.by_passkey().expect("in");
        let otto = CreatePrincipal {
            kind: "staff".to_owned(), name: "Otto".to_owned(), login: Some("otto".to_owned()), manager: None, person: None, contact: None,
            roles: vec!["support".to_owned()], recipient: None, networks: Vec::new(), days: None,
        };
        let otto = desk.house.act(&desk.house.admin, otto).expect("hired").id;
        let link = desk.house.act(&desk.house.admin, CreateLink { principal: otto, afresh: false }).expect("a link");
        let up = Arrival { session: Some(hers.id), ..arrival() };
        assert_eq!(slug(desk.log_in_from(LogIn::Link(link.secret), &up)), "log-in-failed");
        assert!(desk.caller(&hers).is_some());
    }

    fn what_one_logs_in_with_goes_with_its_sessions_and_the_last_does_not_go(place) {
        let mut desk = Desk::with_passkey(place);
        let old = desk.by_passkey().expect("in");
        let caller = desk.caller(&old).expect("a session");
        let account = desk.house.act(&caller, ReadAccount).expect("her account");
        let lost = account.authenticators[0].id;
        assert_eq!(slug(desk.house.act(&caller, RemoveAuthenticator { id: lost })), "conflict", "the last");
        let mut other = Device::at(ORIGIN);
        desk.enrol_on(&caller, &mut other).expect("another");
        desk.device = other;
        let new = desk.by_passkey().expect("with the other");
        let caller = desk.caller(&new).expect("a session");
        desk.house.act(&caller, RemoveAuthenticator { id: lost }).expect("gone");
        assert!(desk.caller(&old).is_none() && desk.caller(&new).is_some());
        let foreign = RemoveAuthenticator { id: AuthenticatorId::from_bytes([7; 16]) };
        assert_eq!(slug(desk.house.act(&caller, foreign)), "not-found");
    }

    fn a_colleague_who_is_suspended_is_out_at_once_and_a_new_start_takes_everything(place) {
        let mut desk = Desk::with_passkey(place);
        let session = desk.by_passkey().expect("in");
        let shown = desk.answered();
        let suspend = |status| ChangePrincipal { id: Some(desk.ida), status: Some(status), ..Default::default() };
        desk.house.act(&desk.house.admin, suspend(Status::Suspended)).expect("suspended");
        assert!(desk.caller(&session).is_none());
        assert_eq!(slug(desk.log_in(shown)), "log-in-failed");
        desk.house.act(&desk.house.admin, suspend(Status::Active)).expect("back");
        assert!(desk.caller(&session).is_none(), "her sessions have ended");

        let session = desk.by_passkey().expect("in");
        let link = desk.link(true);
        assert!(desk.caller(&session).is_none(), "her sessions");
        assert_eq!(slug(desk.by_passkey()), "log-in-failed", "and her passkey are gone");
        desk.log_in(LogIn::Link(link)).expect("the link is there");
    }

    fn a_new_browser_or_network_raises_what_is_asked_for_and_ends_nothing(place) {
        let mut desk = Desk::with_passkey(place);
        let id = desk.house.create(&desk.house.importer, ana()).expect("created");
        let browser = BrowserId::parse(&"ab".repeat(16)).expect("a browser");
        let at = |from: &str, browser: Option<&BrowserId>| Arrival {
            from: address(from), client: "Firefox on Linux".to_owned(), browser: browser.cloned(), session: None,
        };
        let caller_from = |desk: &Desk<'_>, session: &NewSession, from: &str| {
            desk.house.app.authenticate(&session.token, address(from)).expect("a session")
        };
        let shown = desk.answered();
        let known = desk.log_in_from(shown, &at("192.0.2.7", Some(&browser))).expect("in");
        assert_eq!(caller_from(&desk, &known, "192.0.2.9").proof().novelty(), 40, "her link was opened in another");
        desk.house.reveal(&caller_from(&desk, &known, "192.0.2.7"), id, &["name"]).expect("a passkey of just now will do");

        // The next time it is known.
        let shown = desk.answered();
        let again = desk.log_in_from(shown, &at("192.0.2.7", Some(&browser))).expect("in");
        assert_eq!(caller_from(&desk, &again, "192.0.2.7").proof().novelty(), 0);
        assert_eq!(caller_from(&desk, &again, "198.51.100.1").proof().novelty(), 20, "she has moved on");
        assert_eq!(caller_from(&desk, &again, "::ffff:192.0.2.7").proof().novelty(), 0, "the same, written as IPv6");
        desk.house.clock.advance(Duration::from_secs(840));
        desk.house.reveal(&caller_from(&desk, &again, "198.51.100.1"), id, &["name"]).expect("14 minutes");
        desk.house.clock.advance(Duration::from_secs(120));
        let refused = |desk: &Desk<'_>, caller: &Caller| {
            let refused = desk.house.reveal(caller, id, &["name"]).expect_err("not without more");
            let Error::Refused(refusal) = refused else { panic!("{refused:?}") };
            refusal.policies
        };
        let late = caller_from(&desk, &again, "192.0.2.7");
        assert_eq!(refused(&desk, &late), ["policies/step_up.cedar/fresh"]);
        desk.house.read(&late, id).expect("masked, she goes on");

        // With a password and a code from a new browser she looks, and opens nothing.
        let shown = desk.answered();
        let up = Arrival { session: Some(again.id), ..at("192.0.2.7", Some(&browser)) };
        let fresh = desk.log_in_from(shown, &up).expect("again");
        let caller = caller_from(&desk, &fresh, "192.0.2.7");
        desk.set_password(&caller);
        let bytes = desk.set_app(&caller);
        let with_code = |desk: &Desk<'_>, browser: &BrowserId| {
            desk.house.clock.advance(Duration::from_secs(30));
            let shown = LogIn::Password {
                login: "ida@lindenhof.example".to_owned(), password: secret(PASSWORD),
                code: Some(secret(&code(&bytes, desk.house.app.now() / 1_000_000))),
            };
            desk.log_in_from(shown, &at("192.0.2.7", Some(browser))).expect("password and code")
        };
        let foreign = BrowserId::parse(&"cd".repeat(16)).expect("a browser");
        let session = with_code(&desk, &foreign);
        let caller = caller_from(&desk, &session, "192.0.2.7");
        assert_eq!((caller.proof().novelty(), caller.proof().aal()), (40, 2));
        assert_eq!(refused(&desk, &caller), ["policies/step_up.cedar/new-place"]);
        // A second log-in there makes it no better; a day does.
        let session = with_code(&desk, &foreign);
        assert_eq!(caller_from(&desk, &session, "192.0.2.7").proof().novelty(), 40);
        desk.house.clock.advance(Duration::from_secs(24 * 3600));
        let session = with_code(&desk, &foreign);
        desk.house.reveal(&caller_from(&desk, &session, "192.0.2.7"), id, &["name"]).expect("the day after");
    }

    fn failures_are_counted_whoever_is_asked_for_and_passkeys_are_not(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        desk.set_password(&caller);
        for login in ["ida@lindenhof.example", "nobody@lindenhof.example"] {
            // One person, however her name is spelt.
            for spelling in [login.to_owned(), login.to_uppercase(), format!(" {login}")] {
                assert_eq!(slug(desk.password(&spelling, "wrong horse battery staple", None)), "log-in-failed");
            }
            assert_eq!(slug(desk.password(login, "wrong horse battery staple", None)), "log-in-failed");
            let recovery = LogIn::Recovery { login: login.to_owned(), code: secret("ABCDE"), password: Some(secret(PASSWORD)), app_code: None };
            assert_eq!(slug(desk.log_in(recovery)), "log-in-failed");
            assert_eq!(slug(desk.password(login, PASSWORD, None)), "too-many-attempts", "{login}");
        }
        assert!(desk.by_passkey().is_ok(), "a passkey is no guess");
        assert_eq!(slug(desk.password("ida@lindenhof.example", PASSWORD, None)), "too-many-attempts", "and clears nothing");
        desk.house.clock.advance(Duration::from_secs(900));
        assert!(desk.password("ida@lindenhof.example", PASSWORD, None).is_ok());
    }

    fn what_is_refused_of_somebody_who_is_known_is_on_record_and_no_word_of_what_they_typed(place) {
        let desk = Desk::with_passkey(place);
        assert_eq!(slug(desk.password("ida@lindenhof.example", "wrong horse battery staple", None)), "log-in-failed");
        assert_eq!(slug(desk.password("nobody", "wrong horse battery staple", None)), "log-in-failed");
        let events = desk.house.events();
        let refused: Vec<_> = events.iter().filter(|event| event.what == "credential.refuse").collect();
        assert_eq!(refused.len(), 1);
        assert_eq!((*refused[0].actor, refused[0].problem.as_deref()), (*desk.ida.bytes(), Some("log-in-failed")));
    }

    fn a_name_to_log_in_with_is_one_persons(place) {
        let desk = Desk::new(place);
        let other = |login: &str| CreatePrincipal {
            kind: "staff".to_owned(), name: "Other".to_owned(), login: Some(login.to_owned()), manager: None, person: None, contact: None,
            roles: vec!["support".to_owned()], recipient: None, networks: Vec::new(), days: None,
        };
        for taken in ["ida@lindenhof.example", "IDA@LINDENHOF.EXAMPLE", " ida@lindenhof.example"] {
            assert_eq!(slug(desk.house.act(&desk.house.admin, other(taken))), "conflict");
        }
        for unfit in ["", "a b", "a\u{0}b"] {
            assert_eq!(slug(desk.house.act(&desk.house.admin, other(unfit))), "validation", "{unfit:?}");
        }
        let fullwidth = desk.house.act(&desk.house.admin, other("ｏｔｔｏ")).expect("composed");
        assert_eq!(fullwidth.record.login.as_deref(), Some("otto"));
    }

    fn passwords_are_judged_by_what_everybody_here_knows(place) {
        let desk = Desk::new(place);
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        for weak in ["short", "Lindenhof Gartenbedarf 2026!", "Ida Lindenhof Example 26"] {
            assert_eq!(slug(desk.house.app.judge_password_enrolment(&caller, None, weak)), "validation", "{weak}");
        }
    }
}

/// What an app shows at this second: RFC 6238, by another implementation than the server's.
pub(crate) fn code(secret: &[u8], seconds: i64) -> String {
    use hmac::{Hmac, Mac};
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret).expect("any key");
    mac.update(&(seconds / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[offset..offset + 4].try_into().expect("four")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
