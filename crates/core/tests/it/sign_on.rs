//! Logging in at an identity provider: how it goes, and what somebody could try who is in between, beside it, or the provider itself.

use std::sync::Arc;
use std::time::Duration;

use avouch_core::audit::{Ending, Event};
use avouch_core::gate::people::{
    Arrival, AuthenticatorKind, BegunSignOn, CreateLink, IdentityShown, LinkIdentity, LogIn, NewSession,
    PeopleSettings, Provider, ProviderLine, ReadAccount, ReadIdentities, RemoveAuthenticator, TokenRequest,
    UnlinkIdentity, Vouched, Wanted,
};
use avouch_core::gate::principals::ChangePrincipal;
use avouch_core::gate::{Caller, Status};
use avouch_core::{Error, PrincipalId};
use avouch_testkit::{Person, Place, Program, Provider as Elsewhere, both_engines};
use serde_json::{Value as Json, json};

use crate::house::{ana, slug};
use crate::log_in::{Desk as People, arrival, secret};

const ISSUER: &str = "https://id.lindenhof.example";
const OTHER: &str = "https://id.other.example";
/// What Ida is called there.
const IDA: &str = "8d0c1f52";

#[derive(Debug)]
struct Line(Arc<Elsewhere>);

impl ProviderLine for Line {
    fn fetch(&self, url: &str, most: usize) -> Result<Vec<u8>, String> {
        self.0
            .document(url)
            .and_then(|text| if text.len() > most { Err("too long".to_owned()) } else { Ok(text) })
    }

    fn redeem(&self, request: &TokenRequest) -> Result<Vec<u8>, String> {
        assert!(request.authorization.as_ref().is_some_and(|header| header.starts_with("Basic ")));
        self.0.token(&request.url, &request.body)
    }
}

fn provider(name: &str, issuer: &str, line: &Arc<Elsewhere>) -> Provider {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    Provider {
        name: name.to_owned(),
        label: "Lindenhof".to_owned(),
        issuer: issuer.to_owned(),
        client_id: "avouch".to_owned(),
        secret: Some(secret("geheim")),
        redirect_uri: format!("https://avouch.example/console/sign-on/{name}/callback"),
        scopes: Vec::new(),
        two_factors: Vouched { acr: words(&["mfa", "phr"]), amr: Vec::new() },
        resistant: Vouched { acr: words(&["phr"]), amr: words(&["hwk"]) },
        line: Arc::new(Line(Arc::clone(line))),
    }
}

/// A vault that knows two providers, Ida of the support desk, and her identity at the first.
struct Desk<'p> {
    people: People<'p>,
    here: Arc<Elsewhere>,
    there: Arc<Elsewhere>,
}

impl<'p> Desk<'p> {
    /// Her identity is not linked yet.
    fn new(place: &'p Place) -> Self {
        let (here, there) = (Arc::new(Elsewhere::new(ISSUER)), Arc::new(Elsewhere::new(OTHER)));
        let sign_on = vec![provider("house", ISSUER, &here), provider("other", OTHER, &there)];
        let settings = PeopleSettings { sign_on, ..PeopleSettings::default() };
        Self { people: People::new(place).reopened_with(settings), here, there }
    }

    fn linked(place: &'p Place) -> Self {
        let desk = Self::new(place);
        desk.link(desk.people.ida, IDA).expect("linked");
        desk
    }

    fn link(&self, principal: PrincipalId, subject: &str) -> Result<IdentityShown, Error> {
        let link = LinkIdentity { principal, provider: "house".to_owned(), subject: subject.to_owned() };
        self.people.house.act(&self.people.house.admin, link)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.people.house.app.now() / 1_000_000).expect("after 1970")
    }

    fn begin(&self, wanted: &Wanted) -> BegunSignOn {
        self.people.house.app.begin_sign_on("house", wanted).expect("it begins")
    }

    fn person(&self, claims: Json) -> Person<'static> {
        Person { subject: IDA, now: self.now(), claims, header: Json::Null }
    }

    /// Ida logs in there, and comes back.
    fn returned(&self, begun: &BegunSignOn, claims: Json) -> LogIn {
        let query = self.here.authorize(&begun.address, &self.person(claims));
        LogIn::SignOn { ticket: begun.ticket.clone(), query: secret(&query) }
    }

    fn log_in_as(&self, claims: Json) -> Result<NewSession, Error> {
        self.people.log_in(self.returned(&self.begin(&Wanted::default()), claims))
    }

    fn caller(&self, session: &NewSession) -> Option<Caller> {
        self.people.caller(session)
    }

    /// The record of a refusal, which is written after it.
    fn refusal(&self, problem: &str) -> Event {
        loop {
            let events = self.people.house.events();
            let of_it = |event: &Event| {
                event.what == "credential.refuse" && event.problem.as_deref() == Some(problem)
            };
            if let Some(event) = events.into_iter().find(of_it) {
                return event;
            }
            std::thread::yield_now();
        }
    }

    /// That this is let in nowhere.
    #[track_caller]
    fn refused(&self, claims: Json, what: &str) {
        assert_eq!(slug(self.log_in_as(claims)), "log-in-failed", "{what}");
    }
}

both_engines! {
    fn somebody_logs_in_where_they_are_known_and_works(place) {
        let desk = Desk::linked(place);
        let id = desk.people.house.create(&desk.people.house.importer, ana()).expect("created");
        let session = desk.log_in_as(Json::Null).expect("she is let in");
        assert_eq!((session.principal, session.aal), (desk.people.ida, 2));
        let caller = desk.caller(&session).expect("a session");
        desk.people.house.read(&caller, id).expect("she works");
        let account = desk.people.house.act(&caller, ReadAccount).expect("her account");
        let shown: Vec<_> = account.authenticators.iter().map(|one| (one.kind, one.label.as_str(), one.used.is_some())).collect();
        assert_eq!((shown, account.strong), (vec![(AuthenticatorKind::Identity, "Lindenhof", true)], true));
        let begun = desk.people.house.events().into_iter().find(|event| event.what == "session.begin").expect("on record");
        assert_eq!((*begun.actor, begun.ending), (*desk.people.ida.bytes(), Ending::Done));
    }

    fn what_she_has_shown_there_is_what_counts_here(place) {
        let desk = Desk::linked(place);
        let proof = |claims: Json, wanted: &Wanted| {
            let begun = desk.begin(wanted);
            let session = desk.people.log_in(desk.returned(&begun, claims)).expect("she is let in");
            desk.caller(&session).expect("a session").proof()
        };
        let any = Wanted::default();
        let hour_ago = desk.now() - 3_600;
        let weak = proof(json!({ "auth_time": hour_ago }), &any);
        assert_eq!((weak.aal(), weak.phishing_resistant(), weak.age()), (2, true, 60), "the first that is asked for is the best");
        let plain = proof(json!({ "acr": "mfa" }), &any);
        assert_eq!((plain.aal(), plain.phishing_resistant(), plain.age()), (2, false, 0));
        let by_key = proof(json!({ "acr": "mfa", "amr": ["hwk", "pin"] }), &any);
        assert!(by_key.phishing_resistant());
        let resistant = proof(Json::Null, &Wanted { resistant: true, again: true, ..Wanted::default() });
        assert_eq!((resistant.aal(), resistant.phishing_resistant(), resistant.age()), (2, true, 0));
        let clocks = proof(json!({ "auth_time": desk.now() + 20 }), &any);
        assert_eq!(clocks.age(), 0, "a clock that is a little ahead");
    }

    fn an_identity_that_is_linked_to_nobody_lets_nobody_in_and_is_on_record(place) {
        let desk = Desk::new(place);
        let email = json!({ "email": "ida@lindenhof.example", "email_verified": true, "preferred_username": "ida@lindenhof.example" });
        desk.refused(email, "an address is not who somebody is");
        let refused = desk.refusal("unknown-identity");
        assert!(refused.objects.is_empty() && *refused.actor == *PrincipalId::SYSTEM.bytes(), "of nobody");
        desk.link(desk.people.ida, IDA).expect("linked");
        desk.log_in_as(Json::Null).expect("now she is known");
        let suspend = ChangePrincipal { id: Some(desk.people.ida), status: Some(Status::Suspended), ..ChangePrincipal::default() };
        desk.people.house.act(&desk.people.house.admin, suspend).expect("suspended");
        desk.refused(Json::Null, "suspended here, whatever they say there");
        let refused = desk.refusal("log-in-failed");
        assert_eq!(*refused.actor, *desk.people.ida.bytes());
    }

    fn a_token_that_is_not_for_this_log_in_lets_nobody_in(place) {
        let desk = Desk::linked(place);
        let now = desk.now();
        for (claims, what) in [
            (json!({ "iss": OTHER }), "of another issuer"),
            (json!({ "iss": format!("{ISSUER}/") }), "of almost the same issuer"),
            (json!({ "aud": "another" }), "for another client"),
            (json!({ "aud": ["avouch", "another"] }), "for several, without saying for whom"),
            (json!({ "azp": "another" }), "on behalf of another"),
            (json!({ "nonce": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }), "of another log-in"),
            (json!({ "nonce": null }), "of no log-in"),
            (json!({ "exp": now - 31 }), "over"),
            (json!({ "exp": null }), "for ever"),
            (json!({ "iat": now - 3_600 }), "old"),
            (json!({ "iat": now + 31 }), "of the future"),
            (json!({ "sub": null }), "of nobody"),
            (json!({ "sub": "" }), "of the empty name"),
            (json!({ "sub": "someone-else" }), "of somebody else"),
            (json!({ "auth_time": now + 31 }), "shown in the future"),
            (json!({ "auth_time": null }), "shown at no time"),
            (json!({ "auth_time": now - 13 * 3_600 }), "shown before the longest session"),
            (json!({ "acr": "pwd" }), "by less than was asked for"),
            (json!({ "acr": null }), "by nothing that is named"),
            (json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), "beside another access token"),
        ] {
            desk.refused(claims, what);
        }
        desk.log_in_as(Json::Null).expect("and the right one does");
    }

    fn a_token_that_the_provider_has_not_signed_lets_nobody_in(place) {
        let desk = Desk::linked(place);
        let with_header = |header: Json| {
            let begun = desk.begin(&Wanted::default());
            let person = Person { header, ..desk.person(Json::Null) };
            let query = desk.here.authorize(&begun.address, &person);
            desk.people.log_in(LogIn::SignOn { ticket: begun.ticket, query: secret(&query) })
        };
        with_header(Json::Null).expect("as it should be");
        for header in [
            json!({ "alg": "none" }), json!({ "alg": "HS256" }), json!({ "alg": "RS256" }), json!({ "kid": "key-7" }),
            json!({ "crit": ["exp"] }), json!({ "jku": null, "typ": "at+jwt" }),
        ] {
            assert_eq!(slug(with_header(header.clone())), "log-in-failed", "{header}");
        }
        // Somebody else's key under the name of the provider's.
        let (ours, stranger) = (Program::new(101), Program::new(102));
        desk.here.keys(stranger.named(ours.name()), vec![ours.clone()]);
        assert_eq!(slug(with_header(Json::Null)), "log-in-failed", "signed by another");
        // Several keys, and no word which.
        desk.here.keys(ours.clone(), vec![ours.clone(), stranger]);
        desk.people.house.clock.advance(Duration::from_secs(3_601));
        assert_eq!(slug(with_header(json!({ "kid": null }))), "log-in-failed", "none of several");
        with_header(Json::Null).expect("with its name");
    }

    fn an_answer_is_good_once_in_the_browser_that_asked(place) {
        let desk = Desk::linked(place);
        let again = |shown: &LogIn| match shown {
            LogIn::SignOn { ticket, query } => LogIn::SignOn { ticket: ticket.clone(), query: query.clone() },
            _ => panic!("an answer"),
        };
        let shown = desk.returned(&desk.begin(&Wanted::default()), Json::Null);
        let replay = again(&shown);
        desk.people.log_in(shown).expect("the first time");
        assert_eq!(slug(desk.people.log_in(replay)), "log-in-failed", "replayed");

        // The provider forgets that it gave the code out; the ticket is spent all the same.
        let begun = desk.begin(&Wanted::default());
        let (first, second) = (desk.returned(&begun, Json::Null), desk.returned(&begun, Json::Null));
        desk.people.log_in(first).expect("the first");
        assert_eq!(slug(desk.people.log_in(second)), "log-in-failed", "another code to the same state");

        // Login CSRF: the answer to a stranger's log-in, in a browser that has begun its own, or none.
        let (mine, strangers) = (desk.begin(&Wanted::default()), desk.begin(&Wanted::default()));
        let query = desk.here.authorize(&strangers.address, &desk.person(Json::Null));
        let crossed = LogIn::SignOn { ticket: mine.ticket, query: secret(&query) };
        assert_eq!(slug(desk.people.log_in(crossed)), "log-in-failed", "the state of another browser");
        let without = LogIn::SignOn { ticket: String::new(), query: secret(&query) };
        assert_eq!(slug(desk.people.log_in(without)), "log-in-failed", "a browser that has begun nothing");

        let late = desk.returned(&desk.begin(&Wanted::default()), Json::Null);
        desk.people.house.clock.advance(Duration::from_secs(600));
        assert_eq!(slug(desk.people.log_in(late)), "log-in-failed", "too late");

        // A ticket of another purpose.
        let begun = desk.people.house.app.begin_log_in().expect("a ceremony");
        let other = LogIn::SignOn { ticket: begun.ticket, query: secret(&query) };
        assert_eq!(slug(desk.people.log_in(other)), "log-in-failed", "a ticket for a passkey");
    }

    fn one_provider_does_not_answer_for_another(place) {
        let desk = Desk::linked(place);
        // Mix-up (RFC 9207): the browser was sent to the one, and comes back from the other.
        let begun = desk.begin(&Wanted::default());
        let LogIn::SignOn { ticket, query } = desk.returned(&begun, Json::Null) else { panic!("an answer") };
        for (query, what) in [
            (query.replace("id.lindenhof.example", "id.other.example"), "in another's name"),
            (query.split("&iss=").next().expect("a query").to_owned(), "in nobody's name"),
            (format!("{}&iss=https%3A%2F%2Fid.other.example", *query), "in two names"),
        ] {
            let mixed = LogIn::SignOn { ticket: ticket.clone(), query: secret(&query) };
            assert_eq!(slug(desk.people.log_in(mixed)), "log-in-failed", "{what}");
        }
        // The other provider says that it has Ida, by the same name and in the first one's.
        for claims in [Json::Null, json!({ "iss": ISSUER })] {
            let begun = desk.people.house.app.begin_sign_on("other", &Wanted::default()).expect("it begins");
            let query = desk.there.authorize(&begun.address, &desk.person(claims));
            let shown = LogIn::SignOn { ticket: begun.ticket, query: secret(&query) };
            assert_eq!(slug(desk.people.log_in(shown)), "log-in-failed", "a subject is one of its issuer");
        }
    }

    fn a_step_up_that_the_provider_passes_over_is_none(place) {
        let desk = Desk::linked(place);
        let session = desk.log_in_as(json!({ "acr": "mfa" })).expect("she is let in");
        let wanted = Wanted { again: true, resistant: true, to: "/console/approvals".to_owned() };
        let stepping = Arrival { session: Some(session.id), ..arrival() };
        let before = desk.now();
        desk.people.house.clock.advance(Duration::from_secs(600));
        for (claims, what) in [
            (json!({ "auth_time": before }), "it has asked her nothing"),
            (json!({ "acr": "mfa" }), "with less than was asked for"),
        ] {
            let shown = desk.returned(&desk.begin(&wanted), claims);
            assert_eq!(slug(desk.people.log_in_from(shown, &stepping)), "log-in-failed", "{what}");
        }
        let begun = desk.begin(&wanted);
        assert!(begun.address.contains("prompt=login") && begun.address.contains("max_age=0"), "{}", begun.address);
        assert!(begun.address.contains("acr_values=phr&") || begun.address.ends_with("acr_values=phr"), "{}", begun.address);
        let ticket = desk.people.house.app.sign_on_ticket(&begun.ticket).expect("hers");
        assert_eq!((ticket.links, ticket.again, &*ticket.to), (false, true, "/console/approvals"));
        let stepped = desk.people.log_in_from(desk.returned(&begun, Json::Null), &stepping).expect("shown");
        assert!(desk.caller(&session).is_none(), "in the place of the old one");
        assert_eq!(stepped.until, session.until, "with its end");
        let proof = desk.caller(&stepped).expect("a session").proof();
        assert_eq!((proof.age(), proof.phishing_resistant()), (0, true));

        // Whoever steps up is who they were.
        let colleague = desk.people.house.hire("staff", "dpo", None).id();
        desk.link(colleague, "dora").expect("linked");
        let begun = desk.begin(&wanted);
        let person = Person { subject: "dora", ..desk.person(Json::Null) };
        let query = desk.here.authorize(&begun.address, &person);
        let shown = LogIn::SignOn { ticket: begun.ticket, query: secret(&query) };
        let as_ida = Arrival { session: Some(stepped.id), ..arrival() };
        assert_eq!(slug(desk.people.log_in_from(shown, &as_ida)), "log-in-failed", "a colleague in her session");
    }

    fn an_identity_is_one_persons_and_goes_with_its_sessions(place) {
        let desk = Desk::linked(place);
        let house = &desk.people.house;
        let colleague = house.hire("staff", "dpo", None).id();
        assert_eq!(slug(desk.link(colleague, IDA)), "conflict", "linked already");
        assert_eq!(slug(desk.link(colleague, "")), "validation");
        let service = house.hire("service", "shop", None).id();
        assert_eq!(slug(desk.link(service, "shop")), "conflict", "a service logs in nowhere");
        let other = LinkIdentity { principal: colleague, provider: "nobody".to_owned(), subject: "x".to_owned() };
        assert_eq!(slug(house.act(&house.admin, other)), "validation");
        let listed = house.act(&house.admin, ReadIdentities { principal: desk.people.ida }).expect("listed");
        assert_eq!(listed.iter().map(|one| (&*one.issuer, &*one.subject)).collect::<Vec<_>>(), [(ISSUER, IDA)]);

        let session = desk.log_in_as(Json::Null).expect("she is let in");
        let caller = desk.caller(&session).expect("a session");
        assert_eq!(slug(house.act(&caller, LinkIdentity { principal: desk.people.ida, provider: "house".to_owned(), subject: "x".to_owned() })), "denied-by-policy");
        let theirs = UnlinkIdentity { principal: colleague, id: listed[0].id };
        assert_eq!(slug(house.act(&house.admin, theirs)), "integrity", "of another");
        house.act(&house.admin, UnlinkIdentity { principal: desk.people.ida, id: listed[0].id }).expect("unlinked");
        assert!(desk.caller(&session).is_none(), "and what began with it has ended");
        desk.refused(Json::Null, "unlinked");
        desk.link(colleague, IDA).expect("free again");
        let link = CreateLink { principal: colleague, afresh: true };
        house.act(&house.admin, link).expect("everything that they log in with goes");
        desk.link(desk.people.ida, IDA).expect("identities too");
    }

    fn somebody_links_their_own_and_takes_it_away(place) {
        let mut people = Desk::new(place);
        let begun = people.people.log_in(LogIn::Link(people.people.link(false))).expect("the link lets her in");
        let caller = people.people.caller(&begun).expect("a session");
        let enrol = |desk: &Desk<'_>, caller: &Caller, ticket_of: &Caller, person: Person<'_>| {
            let begun = desk.people.house.app.begin_identity("house", ticket_of, "/console/account")?;
            assert!(begun.address.contains("prompt=login"), "who is there is asked for: {}", begun.address);
            let query = desk.here.authorize(&begun.address, &person);
            let judged = desk.people.house.app.judge_identity(caller, &begun.ticket, &query)?;
            desk.people.house.act(caller, judged).map(|enrolled| enrolled.id)
        };
        let admin = people.people.house.admin.clone();
        assert_eq!(slug(enrol(&people, &caller, &admin, people.person(Json::Null))), "log-in-failed", "begun by another");
        // A log-in is no linking, and a linking no log-in.
        let query = |desk: &Desk<'_>, begun: &BegunSignOn| desk.here.authorize(&begun.address, &desk.person(Json::Null));
        let log_in = people.begin(&Wanted::default());
        let judged = people.people.house.app.judge_identity(&caller, &log_in.ticket, &query(&people, &log_in));
        assert_eq!(slug(judged), "log-in-failed");
        let linking = people.people.house.app.begin_identity("house", &caller, "/").expect("it begins");
        let shown = LogIn::SignOn { query: secret(&query(&people, &linking)), ticket: linking.ticket };
        assert_eq!(slug(people.people.log_in(shown)), "log-in-failed");

        let id = enrol(&people, &caller, &caller, people.person(Json::Null)).expect("hers");
        let session = people.log_in_as(Json::Null).expect("she logs in by it");
        let caller = people.caller(&session).expect("a session");
        assert_eq!(slug(people.people.house.act(&caller, RemoveAuthenticator { id })), "conflict", "her last way in");
        assert_eq!(slug(enrol(&people, &caller, &caller, people.person(Json::Null))), "conflict", "linked already");
        let mut device = people.people.device.clone();
        people.people.enrol_on(&caller, &mut device).expect("a passkey");
        people.people.device = device;
        people.people.house.clock.advance(Duration::from_secs(301));
        let caller = people.caller(&session).expect("a session");
        assert_eq!(slug(people.people.house.act(&caller, RemoveAuthenticator { id })), "denied-by-policy", "not fresh");
        let fresh = people.people.by_passkey().expect("her passkey");
        let caller = people.caller(&fresh).expect("a session");
        people.people.house.act(&caller, RemoveAuthenticator { id }).expect("taken away");
        assert!(people.people.caller(&session).is_none(), "and what began with it has ended");
        people.refused(Json::Null, "unlinked");
    }

    fn with_a_password_alone_nobody_adds_to_an_identity(place) {
        let desk = Desk::linked(place);
        let session = desk.log_in_as(Json::Null).expect("she is let in");
        desk.people.set_password(&desk.caller(&session).expect("a session"));
        let by_password = desk.people.password("ida@lindenhof.example", crate::log_in::PASSWORD, None).expect("one factor");
        let caller = desk.caller(&by_password).expect("a session");
        let mut device = desk.people.device.clone();
        assert_eq!(slug(desk.people.enrol_on(&caller, &mut device)), "denied-by-policy");
    }

    fn keys_are_kept_and_fetched_anew_when_one_is_not_among_them(place) {
        let desk = Desk::linked(place);
        desk.log_in_as(Json::Null).expect("let in");
        assert_eq!(desk.here.fetched(), ["/.well-known/openid-configuration", "/keys"]);
        desk.log_in_as(Json::Null).expect("let in");
        assert!(desk.here.fetched().is_empty(), "an hour");
        // Another key signs.
        let next = Program::new(110);
        desk.here.keys(next.clone(), vec![next.clone()]);
        desk.refused(Json::Null, "not more often than twice a minute");
        assert!(desk.here.fetched().is_empty());
        desk.people.house.clock.advance(Duration::from_secs(31));
        desk.log_in_as(Json::Null).expect("let in by the new key");
        assert_eq!(desk.here.fetched(), ["/keys"]);
        desk.here.keys(Program::new(111), vec![next.clone()]);
        for _ in 0..5 {
            desk.refused(Json::Null, "a key that nobody publishes");
        }
        assert!(desk.here.fetched().len() <= 1, "whoever names keys has nothing fetched");
        // It is down when an hour is over: for a day what is known is enough.
        desk.here.keys(next.clone(), vec![next]);
        desk.people.house.clock.advance(Duration::from_secs(3_601));
        let begun = desk.begin(&Wanted::default());
        desk.here.is_down(true);
        assert_eq!(slug(desk.people.log_in(desk.returned(&begun, Json::Null))), "provider-unavailable", "nobody takes the code");
        desk.people.house.clock.advance(Duration::from_secs(7_200));
        desk.people.house.app.begin_sign_on("house", &Wanted::default()).expect("from what is known");
        desk.people.house.clock.advance(Duration::from_secs(24 * 3_600));
        let begun = desk.people.house.app.begin_sign_on("house", &Wanted::default());
        assert_eq!(slug(begun), "provider-unavailable", "a day");
    }

    fn a_provider_that_says_something_else_of_itself_is_not_asked(place) {
        let desk = Desk::linked(place);
        for (changes, what) in [
            (json!({ "issuer": OTHER }), "it is another"),
            (json!({ "token_endpoint": "http://id.lindenhof.example/token" }), "in the clear"),
            (json!({ "authorization_endpoint": "javascript:alert(1)" }), "no address"),
            (json!({ "code_challenge_methods_supported": ["plain"] }), "no PKCE"),
            (json!({ "id_token_signing_alg_values_supported": ["none", "HS256"] }), "nothing that is signed"),
            (json!({ "padding": "x".repeat(70_000) }), "too long"),
        ] {
            desk.here.says(&changes);
            desk.people.house.clock.advance(Duration::from_secs(31));
            let begun = desk.people.house.app.begin_sign_on("house", &Wanted::default());
            assert_eq!(slug(begun), "provider-unavailable", "{what}");
        }
        desk.here.says(&Json::Null);
        desk.people.house.clock.advance(Duration::from_secs(31));
        desk.begin(&Wanted::default());
    }

    fn a_logout_there_is_one_here_once_and_of_nobody_else(place) {
        let desk = Desk::linked(place);
        let house = &desk.people.house;
        let colleague = house.hire("staff", "dpo", None).id();
        desk.link(colleague, "dora").expect("linked");
        let ended = |token: &str| {
            let judged = house.app.judge_logout("house", token)?;
            house.act(&Caller::system(), judged)
        };
        let session = |subject: &'static str, sid: &str| {
            let begun = desk.begin(&Wanted::default());
            let query = desk.here.authorize(&begun.address, &Person { subject, ..desk.person(json!({ "sid": sid })) });
            desk.people.log_in(LogIn::SignOn { ticket: begun.ticket, query: secret(&query) }).expect("let in")
        };
        let token = |jti: &str, changes: Json| desk.here.logout_token("avouch", jti, desk.now(), &changes);
        let (one, two, doras) = (session(IDA, "s1"), session(IDA, "s2"), session("dora", "s3"));
        let alive = |session: &NewSession| desk.caller(session).is_some();

        let first = token("1", json!({ "sub": IDA, "sid": "s1" }));
        assert_eq!(ended(&first).expect("ended"), 1);
        assert!(!alive(&one) && alive(&two) && alive(&doras));
        assert_eq!(slug(ended(&first)), "log-in-failed", "once");
        for (changes, what) in [
            (json!({ "sub": IDA, "iss": OTHER }), "of another"),
            (json!({ "sub": IDA, "aud": "another" }), "for another"),
            (json!({ "sub": IDA, "events": null }), "of nothing"),
            (json!({ "sub": IDA, "nonce": "x" }), "an ID token"),
            (json!({ "sub": IDA, "exp": desk.now() - 31 }), "over"),
            (json!({ "sub": IDA, "jti": null }), "without a name"),
            (json!({}), "of nobody"),
        ] {
            assert_eq!(slug(ended(&token("2", changes))), "log-in-failed", "{what}");
        }
        let stranger = Elsewhere::new(ISSUER);
        stranger.keys(Program::new(77).named(Program::new(101).name()), Vec::new());
        let forged = stranger.logout_token("avouch", "3", desk.now(), &json!({ "sub": IDA }));
        assert_eq!(slug(ended(&forged)), "log-in-failed", "forged");
        assert_eq!(ended(&token("4", json!({ "sub": "dora", "sid": "s2" }))).expect("understood"), 0, "not hers");
        assert!(alive(&two) && alive(&doras));
        // A session that was made fresher by something else is the same session.
        let mut device = desk.people.device.clone();
        let caller = desk.caller(&two).expect("a session");
        desk.people.enrol_on(&caller, &mut device).expect("a passkey");
        let begun = house.app.begin_log_in().expect("a ceremony");
        let answer = device.authenticate(&begun.options).expect("the device agrees").to_string().into_bytes();
        let stepping = Arrival { session: Some(two.id), ..arrival() };
        let two = desk.people.log_in_from(LogIn::Passkey { ticket: begun.ticket, answer }, &stepping).expect("stepped up");
        assert_eq!(ended(&token("5", json!({ "sub": IDA }))).expect("ended"), 1);
        assert!(!alive(&two) && alive(&doras));
        assert_eq!(ended(&token("6", json!({ "sid": "s3" }))).expect("ended"), 1);
        assert!(!alive(&doras));
        let event = house.events().into_iter().find(|event| event.what == "session.end").expect("on record");
        assert_eq!(event.objects.iter().map(|id| **id).collect::<Vec<_>>(), [*doras.id.bytes()]);
    }
}
