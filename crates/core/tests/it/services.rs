//! How services prove who they are: each way in, and each way in which somebody else could try to be them.

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::Duration;

use avouch_core::charters::ApplyCharter;
use avouch_core::gate::principals::{ChangePrincipal, CreatePrincipal, ReadPrincipals};
use avouch_core::gate::services::{
    CreateCertificate, Holder, NewCertificate, NewToken, ProvenService, ReadServiceKeys, ServiceShown,
    SetServiceKeys, ShownCertificate, TokenRefusal, TokenShown, TokenUnfit,
};
use avouch_core::gate::{Caller, Status};
use avouch_core::watch::alarms::{AlarmKind, ReadAlarms};
use avouch_core::{Error, PrincipalId};
use avouch_testkit::{Place, Program, Proof, both_engines};
use data_encoding::BASE64;
use serde_json::{Value as Json, json};

use crate::house::{House, ana, charter_files, slug};
use crate::tokens::{detokenized, tokens};

const ISSUER: &str = "https://avouch.example";
const ENDPOINT: &str = "https://avouch.example/v1/oauth/token";
const SUBJECTS: &str = "https://avouch.example/v1/subjects";

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn here() -> IpAddr {
    address("192.0.2.7")
}

/// A vault, and a service of it that signs for itself.
struct Desk<'p> {
    house: House<'p>,
    shop: PrincipalId,
    program: Program,
    /// What its tokens are bound to.
    device: Program,
}

impl<'p> Desk<'p> {
    fn new(place: &'p Place) -> Self {
        let house = House::new(place);
        // Far enough from the start that no nonce is needed.
        house.clock.advance(Duration::from_secs(200));
        let shop = service(&house, "shop", None, &[]);
        let (program, device) = (Program::new(1), Program::new(2));
        let desk = Self { house, shop, program, device };
        desk.register(desk.shop, &desk.program.jwks()).expect("registered");
        desk
    }

    fn register(&self, principal: PrincipalId, set: &Json) -> Result<String, Error> {
        let set = SetServiceKeys::new(principal, Some(set.to_string().as_bytes()))?;
        self.house.act(&self.house.admin, set)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.house.app.now() / 1_000_000).expect("after 1970")
    }

    fn assertion(&self, jti: &str, changes: Json) -> String {
        self.program.assertion(&self.shop.to_string(), ISSUER, jti, self.now(), &changes)
    }

    fn endpoint_proof(&self, jti: &str) -> String {
        let request = Proof { method: "POST", uri: ENDPOINT, token: None, jti, now: self.now() };
        self.device.proof(request, &Json::Null)
    }

    fn judge(&self, assertion: Option<&str>, proof: Option<&str>) -> Result<ProvenService, TokenRefusal> {
        self.judge_from(here(), assertion, proof, None)
    }

    fn judge_from(
        &self,
        from: IpAddr,
        assertion: Option<&str>,
        proof: Option<&str>,
        certificate: Option<&ShownCertificate>,
    ) -> Result<ProvenService, TokenRefusal> {
        let client = self.shop.to_string();
        let shown = ServiceShown {
            client: Some(&client),
            assertion,
            proof,
            certificate,
            audiences: &[ISSUER, ENDPOINT],
            uri: ENDPOINT,
        };
        self.house.app.judge_service(&shown, from, true)
    }

    fn issue(&self, proven: ProvenService) -> Result<NewToken, TokenRefusal> {
        let (sender, receiver) = mpsc::channel();
        self.house.app.issue_token(proven, move |result| sender.send(result).expect("the test listens"));
        receiver.recv().expect("an answer")
    }

    /// A token for an assertion and a key.
    fn token(&self, jti: &str) -> Result<NewToken, TokenRefusal> {
        let (assertion, proof) = (self.assertion(jti, Json::Null), self.endpoint_proof(jti));
        self.issue(self.judge(Some(&assertion), Some(&proof))?)
    }

    /// A proof of the device for a request with this token.
    fn proof(&self, token: &str, jti: &str) -> String {
        let request = Proof { method: "GET", uri: SUBJECTS, token: Some(token), jti, now: self.now() };
        self.device.proof(request, &Json::Null)
    }

    fn get(&self, token: &str, proof: &str) -> Result<Caller, TokenUnfit> {
        self.with(token, Holder::Key { proof, method: "GET", uri: SUBJECTS })
    }

    fn with(&self, token: &str, holder: Holder<'_>) -> Result<Caller, TokenUnfit> {
        self.house.app.authenticate_token(&TokenShown { token, holder }, here())
    }

    fn certificate(&self, principal: PrincipalId) -> Result<(NewCertificate, ShownCertificate), Error> {
        let create = CreateCertificate { principal, request: request(), hours: 24 };
        let made = self.house.act(&self.house.admin, create)?;
        let shown = shown(&made.chain);
        Ok((made, shown))
    }

    fn status(&self, principal: PrincipalId, status: Status) {
        let change = ChangePrincipal { id: Some(principal), status: Some(status), ..Default::default() };
        self.house.act(&self.house.admin, change).expect("changed");
    }
}

fn service(house: &House<'_>, role: &str, recipient: Option<&str>, networks: &[&str]) -> PrincipalId {
    let create = CreatePrincipal {
        kind: "service".to_owned(),
        name: format!("the {role}"),
        login: None,
        roles: vec![role.to_owned()],
        recipient: recipient.map(str::to_owned),
        networks: networks.iter().map(|network| network.parse().expect("a network")).collect(),
        days: None,
        manager: None,
        person: None,
        contact: None,
    };
    house.act(&house.admin, create).expect("hired").id
}

fn request() -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::default();
    params.serialize_request(&key).and_then(|request| request.pem()).expect("a request")
}

/// What TLS would say of the first certificate of a chain.
fn shown(chain: &str) -> ShownCertificate {
    let body: String = chain.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    ShownCertificate::read(&BASE64.decode(body.as_bytes()).expect("PEM")).expect("a certificate")
}

fn refused(result: Result<impl Sized, TokenRefusal>) -> &'static str {
    match result.map(drop).expect_err("it is refused") {
        TokenRefusal::Request(_) => "request",
        TokenRefusal::Client => "client",
        TokenRefusal::Proof => "proof",
        TokenRefusal::Wait(_) => "wait",
        TokenRefusal::Failed(error) => panic!("{error}"),
    }
}

both_engines! {
    fn a_service_signs_for_itself_gets_a_token_and_works_with_it_for_ten_minutes(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        assert!(token.by_key && token.token.starts_with("ava_test_"));
        let caller = desk.get(&token.token, &desk.proof(&token.token, "1")).expect("let in");
        assert_eq!(caller.id(), desk.shop);
        assert_eq!(caller.proof().means().as_str(), "token");
        let id = desk.house.create(&desk.house.importer, ana()).expect("created");
        desk.house.read(&caller, id).expect("it may do what its role may");
        let events = desk.house.events();
        assert_eq!(*events[0].credential.expect("by the token"), *token.id.bytes());
        let issue = events.iter().find(|event| event.what == "credential.issue").expect("on record");
        assert_eq!((*issue.actor, *issue.objects[0]), (*desk.shop.bytes(), *token.id.bytes()));

        desk.house.clock.advance(Duration::from_secs(590));
        let late = desk.get(&token.token, &desk.proof(&token.token, "2")).expect("in its time");
        desk.house.clock.advance(Duration::from_secs(10));
        assert_eq!(desk.get(&token.token, &desk.proof(&token.token, "3")), Err(TokenUnfit::Refused));
        assert_eq!(slug(desk.house.read(&late, id)), "not-authenticated", "not even who was let in before");
    }

    fn without_anything_to_bind_it_to_there_is_no_token(place) {
        let desk = Desk::new(place);
        assert_eq!(refused(desk.judge(Some(&desk.assertion("a", Json::Null)), None)), "request");
    }

    fn a_stolen_token_alone_lets_nobody_in(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        assert_eq!(desk.with(&token.token, Holder::Certificate(None)), Err(TokenUnfit::Refused));
        assert!(desk.house.app.authenticate(&token.token, here()).is_err(), "it is no API key");
        // It is recorded aside: nobody who is refused waits for that.
        let look = |_| desk.house.events().into_iter().find(|event| event.what == "credential.refuse");
        let refused = (0..500).find_map(look);
        assert_eq!(*refused.expect("on record").credential.expect("the token"), *token.id.bytes());
    }

    fn a_stolen_token_with_another_key_lets_nobody_in(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        for thief in [Program::new(3), desk.program.clone()] {
            let request = Proof { method: "GET", uri: SUBJECTS, token: Some(&token.token), jti: "1", now: desk.now() };
            assert_eq!(desk.get(&token.token, &thief.proof(request, &Json::Null)), Err(TokenUnfit::Refused));
        }
    }

    fn a_proof_is_good_for_one_request(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        let proof = desk.proof(&token.token, "1");
        desk.get(&token.token, &proof).expect("once");
        assert_eq!(desk.get(&token.token, &proof), Err(TokenUnfit::Refused));
        desk.house.clock.advance(Duration::from_secs(60));
        assert_eq!(desk.get(&token.token, &proof), Err(TokenUnfit::Refused), "for as long as its time is not over");
        desk.get(&token.token, &desk.proof(&token.token, "2")).expect("another proof");
    }

    fn a_proof_for_another_method_is_none(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        let proof = desk.proof(&token.token, "1");
        let holder = Holder::Key { proof: &proof, method: "DELETE", uri: SUBJECTS };
        assert_eq!(desk.with(&token.token, holder), Err(TokenUnfit::Refused));
    }

    fn a_proof_for_another_address_is_none(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        for uri in ["https://avouch.example/v1/events", "https://evil.example/v1/subjects", "http://avouch.example/v1/subjects"] {
            let proof = desk.proof(&token.token, uri);
            let holder = Holder::Key { proof: &proof, method: "GET", uri };
            assert_eq!(desk.with(&token.token, holder), Err(TokenUnfit::Refused), "{uri}");
        }
    }

    fn a_proof_for_another_token_or_for_none_is_none(place) {
        let desk = Desk::new(place);
        let (one, other) = (desk.token("a").expect("a token"), desk.token("b").expect("another"));
        assert_eq!(desk.get(&other.token, &desk.proof(&one.token, "1")), Err(TokenUnfit::Refused));
        let request = Proof { method: "GET", uri: SUBJECTS, token: None, jti: "2", now: desk.now() };
        assert_eq!(desk.get(&one.token, &desk.device.proof(request, &Json::Null)), Err(TokenUnfit::Refused));
    }

    fn a_proof_is_good_for_a_minute_on_both_sides(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        for (skew, good) in [(-61_i64, false), (-60, true), (60, true), (61, false)] {
            let now = desk.now().checked_add_signed(skew).expect("a time");
            let jti = format!("skewed {skew}");
            let request = Proof { method: "GET", uri: SUBJECTS, token: Some(&token.token), jti: &jti, now };
            let proof = desk.device.proof(request, &Json::Null);
            assert_eq!(desk.get(&token.token, &proof).is_ok(), good, "{skew}");
        }
    }

    fn an_assertion_is_good_for_its_time_and_half_a_minute_on_both_sides(place) {
        let desk = Desk::new(place);
        let now = desk.now();
        let refusals: &[Json] = &[
            json!({"exp": now - 30, "iat": now - 90}), json!({"exp": now + 331}), json!({"nbf": now + 31}),
            json!({"iat": now + 31}), json!({"exp": null}), json!({"jti": null}), json!({"aud": "https://b.example"}),
            json!({"aud": [ISSUER, "https://b.example"]}), json!({"iss": PrincipalId::SYSTEM.to_string()}),
        ];
        for (at, changes) in refusals.iter().enumerate() {
            let jti = format!("refused {at}");
            let assertion = desk.assertion(&jti, changes.clone());
            // Each from elsewhere, or failures would be too many.
            let from = address(&format!("198.51.{at}.7"));
            let judged = desk.judge_from(from, Some(&assertion), Some(&desk.endpoint_proof(&jti)), None);
            assert_eq!(refused(judged), "client", "{changes}");
        }
        let good: &[Json] = &[
            json!({"exp": now - 29, "iat": now - 90}), json!({"exp": now + 330}), json!({"nbf": now + 30}),
            json!({"aud": ENDPOINT}),
        ];
        for (at, changes) in good.iter().enumerate() {
            let jti = format!("good {at}");
            let assertion = desk.assertion(&jti, changes.clone());
            let proven = desk.judge(Some(&assertion), Some(&desk.endpoint_proof(&jti))).expect("good");
            desk.issue(proven).expect("a token");
            // Its mark is kept until the last moment at which it would be taken.
            let again = desk.judge(Some(&assertion), Some(&desk.endpoint_proof(&format!("again {at}"))));
            assert_eq!(refused(again.and_then(|proven| desk.issue(proven))), "client", "{changes}");
        }
    }

    fn of_two_who_come_with_one_assertion_at_once_one_gets_a_token(place) {
        let desk = Desk::new(place);
        for round in 0..8 {
            let assertion = desk.assertion(&format!("raced {round}"), Json::Null);
            let proven: Vec<_> = (0..2)
                .map(|at| desk.judge(Some(&assertion), Some(&desk.endpoint_proof(&format!("{round} {at}")))).expect("judged"))
                .collect();
            let (sender, receiver) = mpsc::channel();
            for proven in proven {
                let sender = sender.clone();
                desk.house.app.issue_token(proven, move |result| sender.send(result.is_ok()).expect("the test listens"));
            }
            assert_eq!(receiver.iter().take(2).filter(|made| *made).count(), 1);
        }
        assert_eq!(desk.house.events().iter().filter(|event| event.what == "credential.issue").count(), 8);
    }

    fn a_proof_is_good_for_one_token(place) {
        let desk = Desk::new(place);
        let proof = desk.endpoint_proof("a");
        let token = |jti: &str| {
            let proven = desk.judge(Some(&desk.assertion(jti, Json::Null)), Some(&proof))?;
            desk.issue(proven)
        };
        token("a").expect("once");
        assert_eq!(refused(token("b")), "proof");
    }

    fn whoever_may_not_act_is_refused_at_once_and_has_no_token_afterwards(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        let in_time = desk.judge(Some(&desk.assertion("b", Json::Null)), Some(&desk.endpoint_proof("b"))).expect("judged");
        desk.status(desk.shop, Status::Suspended);
        assert_eq!(desk.get(&token.token, &desk.proof(&token.token, "1")), Err(TokenUnfit::Refused));
        assert_eq!(refused(desk.token("c")), "client");
        assert_eq!(refused(desk.issue(in_time)), "client", "nor whoever was judged in time");
        desk.status(desk.shop, Status::Active);
        assert_eq!(desk.get(&token.token, &desk.proof(&token.token, "2")), Err(TokenUnfit::Refused), "it has ended");
        desk.token("d").expect("and another can be had");
    }

    fn with_other_keys_the_tokens_of_those_before_are_over(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        let in_time = desk.judge(Some(&desk.assertion("b", Json::Null)), Some(&desk.endpoint_proof("b"))).expect("judged");
        let next = Program::new(9);
        desk.register(desk.shop, &next.jwks()).expect("replaced");
        assert_eq!(desk.get(&token.token, &desk.proof(&token.token, "1")), Err(TokenUnfit::Refused));
        assert_eq!(refused(desk.issue(in_time)), "client");
        assert_eq!(refused(desk.token("c")), "client", "the old key is nobody's");
        let read = desk.house.act(&desk.house.admin, ReadServiceKeys { principal: desk.shop }).expect("read");
        assert!(read.contains("key-9") && !read.contains("key-1"), "{read}");
        desk.house.act(&desk.house.admin, SetServiceKeys::new(desk.shop, None).expect("none")).expect("taken away");
        let read = desk.house.act(&desk.house.admin, ReadServiceKeys { principal: desk.shop }).expect("read");
        assert_eq!(read, r#"{"keys":[]}"#);
    }

    fn a_token_ends_when_its_service_says_so_and_no_other(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        let other = service(&desk.house, "importer", None, &[]);
        let stranger = Program::new(5);
        desk.register(other, &stranger.jwks()).expect("registered");
        let revoke = |principal: PrincipalId, program: &Program, jti: &str| {
            let assertion = program.assertion(&principal.to_string(), ISSUER, jti, desk.now(), &Json::Null);
            let shown = ServiceShown {
                client: None, assertion: Some(&assertion), proof: None, certificate: None,
                audiences: &[ISSUER], uri: ENDPOINT,
            };
            let proven = desk.house.app.judge_service(&shown, here(), false)?;
            desk.house.app.revoke_token(proven, &token.token)
        };
        revoke(other, &stranger, "s").expect("it is as good as ended");
        desk.get(&token.token, &desk.proof(&token.token, "1")).expect("but it is not");
        revoke(desk.shop, &desk.program, "r").expect("ended");
        assert_eq!(desk.get(&token.token, &desk.proof(&token.token, "2")), Err(TokenUnfit::Refused));
        assert_eq!(refused(revoke(desk.shop, &desk.program, "r")), "client", "the assertion is spent");
        assert!(desk.house.events().iter().any(|event| event.what == "credential.end"));
    }

    fn after_a_start_a_token_is_still_good_and_a_proof_needs_the_nonce_of_it(place) {
        let mut desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        let before = desk.proof(&token.token, "1");
        desk.get(&token.token, &before).expect("let in");
        desk.house = desk.house.reopen();
        let Err(TokenUnfit::Nonce(nonce)) = desk.get(&token.token, &before) else { panic!("a replay over a start") };
        let with = |jti: &str, nonce: &str| {
            let request = Proof { method: "GET", uri: SUBJECTS, token: Some(&token.token), jti, now: desk.now() };
            desk.device.proof(request, &json!({ "nonce": nonce }))
        };
        assert!(matches!(desk.get(&token.token, &with("2", "guessed")), Err(TokenUnfit::Nonce(_))));
        desk.get(&token.token, &with("3", &nonce)).expect("with the nonce");
        assert_eq!(desk.get(&token.token, &with("3", &nonce)), Err(TokenUnfit::Refused), "and once");
        desk.house.clock.advance(Duration::from_secs(121));
        desk.get(&token.token, &desk.proof(&token.token, "4")).expect("without, when those before are too old");
    }

    fn an_assertion_is_spent_over_a_start(place) {
        let mut desk = Desk::new(place);
        let assertion = desk.assertion("a", Json::Null);
        let proven = desk.judge(Some(&assertion), Some(&desk.endpoint_proof("a"))).expect("judged");
        desk.issue(proven).expect("a token");
        desk.house = desk.house.reopen();
        let proven = desk.judge(Some(&assertion), Some(&desk.endpoint_proof("b"))).expect("judged");
        assert_eq!(refused(desk.issue(proven)), "client");
    }

    fn a_service_bound_to_a_recipient_is_bound_with_a_token_too(place) {
        let mut desk = Desk::new(place);
        let shop = desk.house.hire("service", "shop", None);
        let id = desk.house.create(&desk.house.importer, ana()).expect("created");
        let made = |recipient: &str| tokens(&desk.house, &shop, (recipient, "order_fulfilment"), id, &[("name", None)]);
        let (own, foreign) = (made("parcels").expect("tokens"), made("mailer").expect("tokens"));
        desk.shop = service(&desk.house, "parcels_api", Some("parcels"), &[]);
        desk.register(desk.shop, &desk.program.jwks()).expect("registered");
        let token = desk.token("a").expect("a token");
        let caller = desk.get(&token.token, &desk.proof(&token.token, "1")).expect("let in");
        let opened = detokenized(&desk.house, &caller, "order_fulfilment", json!({ "to": own[0] })).expect("its own");
        assert_eq!(opened["to"], "Ana Gonçalves");
        assert_eq!(slug(detokenized(&desk.house, &caller, "order_fulfilment", json!({ "to": foreign[0] }))), "token-unusable");
    }

    fn networks_are_looked_at_when_a_token_is_given_and_when_it_is_used(place) {
        let mut desk = Desk::new(place);
        desk.shop = service(&desk.house, "shop", None, &["192.0.2.0/24"]);
        desk.register(desk.shop, &desk.program.jwks()).expect("registered");
        let elsewhere = address("198.51.100.1");
        let (assertion, proof) = (desk.assertion("a", Json::Null), desk.endpoint_proof("a"));
        assert_eq!(refused(desk.judge_from(elsewhere, Some(&assertion), Some(&proof), None)), "client");
        let token = desk.token("b").expect("from where it may");
        let proof = desk.proof(&token.token, "1");
        let holder = Holder::Key { proof: &proof, method: "GET", uri: SUBJECTS };
        let shown = TokenShown { token: &token.token, holder };
        let caller = desk.house.app.authenticate_token(&shown, elsewhere).expect("known");
        let Err(Error::Refused(refusal)) = desk.house.create(&caller, ana()) else { panic!("it may not from there") };
        assert!(refusal.needs.iter().any(|need| need.name() == "network"));
    }

    fn failures_are_counted_where_they_come_from(place) {
        let desk = Desk::new(place);
        let stranger = Program::new(7);
        let wrong = |from: &str, jti: &str| {
            let assertion = stranger.assertion(&desk.shop.to_string(), ISSUER, jti, desk.now(), &Json::Null);
            refused(desk.judge_from(address(from), Some(&assertion), Some(&desk.endpoint_proof(jti)), None))
        };
        for at in 0..5 {
            assert_eq!(wrong("203.0.113.9", &format!("{at}")), "client");
        }
        assert_eq!(wrong("203.0.113.9", "more"), "wait");
        for at in 0..20 {
            wrong(&format!("198.51.{at}.1"), &format!("spread {at}"));
        }
        desk.token("a").expect("a stranger elsewhere does not shut it out");
    }

    fn keys_are_of_services_public_and_registered_by_whoever_changes_access(place) {
        let desk = Desk::new(place);
        let error = desk.register(desk.shop, &desk.program.private_jwks()).expect_err("a private key");
        let Error::Invalid(faults) = error else { panic!("{error}") };
        assert_eq!(faults[0].pointer, "/keys");
        assert!(faults[0].detail.contains("private") && faults[0].detail.contains("replace it"), "{faults:?}");
        for unfit in [json!({"keys": [{"kty": "oct", "k": "AAAA"}]}), json!({"keys": 1}), json!([])] {
            assert_eq!(slug(desk.register(desk.shop, &unfit)), "validation", "{unfit}");
        }
        assert_eq!(slug(desk.register(desk.house.admin.id(), &desk.program.jwks())), "conflict", "people log in");
        assert_eq!(slug(desk.register(PrincipalId::from_bytes([7; 16]), &desk.program.jwks())), "not-found");
        let support = desk.house.hire("staff", "support", None);
        let set = SetServiceKeys::new(desk.shop, Some(desk.program.jwks().to_string().as_bytes())).expect("keys");
        assert_eq!(slug(desk.house.act(&support, set)), "denied-by-policy");
        assert_eq!(slug(desk.house.act(&support, ReadServiceKeys { principal: desk.shop })), "denied-by-policy");
        desk.token("a").expect("what was refused has changed nothing");
        let known = desk.house.act(&desk.house.admin, ReadPrincipals { only: Some(desk.shop) }).expect("read");
        assert_eq!((known[0].keys.len(), known[0].public_keys, known[0].tokens), (0, 1, 1));
    }

    fn a_certificate_says_who_a_service_is_and_its_token_goes_with_it_alone(place) {
        let desk = Desk::new(place);
        let (made, certificate) = desk.certificate(desk.shop).expect("a certificate");
        assert_eq!(certificate.service.as_deref(), Some(desk.shop.to_string().as_str()));
        assert_eq!(made.thumbprint, certificate.thumbprint.to_string());
        let proven = desk.judge_from(here(), None, None, Some(&certificate)).expect("by its certificate");
        let token = desk.issue(proven).expect("a token");
        assert!(!token.by_key);
        let with = |certificate| desk.with(&token.token, Holder::Certificate(certificate));
        assert_eq!(with(Some(&certificate)).expect("let in").id(), desk.shop);
        assert_eq!(with(None), Err(TokenUnfit::Refused), "on a connection without one");
        let (_, another) = desk.certificate(desk.shop).expect("another of the same service");
        assert_eq!(with(Some(&another)), Err(TokenUnfit::Refused), "or with another one");
        assert_eq!(desk.get(&token.token, &desk.proof(&token.token, "1")), Err(TokenUnfit::Refused), "or with a key");
        desk.status(desk.shop, Status::Suspended);
        assert_eq!(with(Some(&certificate)), Err(TokenUnfit::Refused));
        assert_eq!(refused(desk.judge_from(here(), None, None, Some(&certificate))), "client");
    }

    fn an_assertion_with_a_certificate_binds_to_it_and_with_somebody_elses_is_nothing(place) {
        let desk = Desk::new(place);
        let other = service(&desk.house, "importer", None, &[]);
        let (_, foreign) = desk.certificate(other).expect("of another service");
        let judged = desk.judge_from(here(), Some(&desk.assertion("a", Json::Null)), None, Some(&foreign));
        assert_eq!(refused(judged), "client");
        assert_eq!(refused(desk.judge_from(here(), None, None, Some(&foreign))), "client");
        let (_, own) = desk.certificate(desk.shop).expect("its own");
        let proven = desk.judge_from(here(), Some(&desk.assertion("b", Json::Null)), None, Some(&own)).expect("both");
        let token = desk.issue(proven).expect("a token");
        desk.with(&token.token, Holder::Certificate(Some(&own))).expect("let in");
    }

    fn a_certificate_is_over_when_its_time_is_on_an_open_connection_too(place) {
        let desk = Desk::new(place);
        let (_, certificate) = desk.certificate(desk.shop).expect("a certificate");
        desk.house.clock.advance(Duration::from_secs(86_400 - 300));
        let proven = desk.judge_from(here(), None, None, Some(&certificate)).expect("still good");
        let token = desk.issue(proven).expect("a token");
        desk.house.clock.advance(Duration::from_secs(300));
        assert_eq!(desk.with(&token.token, Holder::Certificate(Some(&certificate))), Err(TokenUnfit::Refused));
        assert_eq!(refused(desk.judge_from(here(), None, None, Some(&certificate))), "client");
        let create = CreateCertificate { principal: desk.shop, request: request(), hours: 24 };
        let renewed = desk.house.app.renew_certificate(&certificate, here(), create);
        assert_eq!(slug(renewed), "not-authenticated");
    }

    fn a_service_renews_its_own_certificate_and_no_other(place) {
        let desk = Desk::new(place);
        let (_, certificate) = desk.certificate(desk.shop).expect("a certificate");
        let renew = |principal, hours| {
            let create = CreateCertificate { principal, request: request(), hours };
            desk.house.app.renew_certificate(&certificate, here(), create)
        };
        let next = renew(desk.shop, 168).expect("its own");
        assert_eq!(shown(&next.chain).service.as_deref(), Some(desk.shop.to_string().as_str()));
        assert_eq!(desk.house.events()[0].what, "credential.issue");
        assert_eq!(slug(renew(desk.shop, 169)), "validation");
        let other = service(&desk.house, "importer", None, &[]);
        assert_eq!(slug(renew(other, 24)), "not-authenticated");
        desk.status(desk.shop, Status::Suspended);
        assert_eq!(slug(renew(desk.shop, 24)), "not-authenticated");
    }

    fn the_authority_is_one_and_is_there_after_a_start(place) {
        let mut desk = Desk::new(place);
        let authority = desk.house.app.service_authority().expect("made");
        assert_eq!(desk.house.app.service_authority().expect("kept"), authority);
        desk.house = desk.house.reopen();
        assert_eq!(desk.house.app.service_authority().expect("kept"), authority);
        assert_eq!(slug(desk.certificate(desk.house.admin.id()).map(drop)), "conflict");
        let unfit = CreateCertificate { principal: desk.shop, request: "no".to_owned(), hours: 24 };
        assert_eq!(slug(desk.house.act(&desk.house.admin, unfit)), "validation");
    }

    fn nobody_who_writes_the_database_makes_a_token_or_a_key(place) {
        let desk = Desk::new(place);
        let token = desk.token("a").expect("a token");
        let other = service(&desk.house, "importer", None, &[]);
        let hex = |id: PrincipalId| data_encoding::HEXLOWER.encode(id.bytes());
        // A longer life.
        desk.house.place.meddle(false, "update access_token set until = until + 1", "update access_token set until = until + 1");
        let sqlite = format!("update service_key set principal = x'{}'", hex(other));
        let postgres = format!("update service_key set principal = '\\x{}'", hex(other));
        let (place, keepers) = (desk.house.place, desk.house.shut());
        let refused = avouch_core::app::App::open(keepers.parts(place)).expect_err("a token that lives longer");
        assert!(refused.to_string().contains("integrity"), "{refused}");
        place.meddle(false, "delete from access_token", "delete from access_token");
        place.meddle(false, &sqlite, &postgres);
        let refused = avouch_core::app::App::open(keepers.parts(place)).expect_err("keys of somebody else");
        assert!(refused.to_string().contains("integrity"), "{refused}");
        drop(token);
    }
}

both_engines! {
    fn a_partner_that_asks_for_a_token_from_elsewhere_or_too_late_rings(place) {
        let mut desk = Desk::new(place);
        let mut files = charter_files();
        let recipients = files.iter_mut().find(|file| file.path == "recipients.yaml").expect("it is there");
        let bound = "  contract: {from: 2026-01-01, until: 2026-01-20}\n  networks: [192.0.2.0/24]\n";
        recipients.text = recipients.text.replacen("  contract: {from: 2024-03-01}\n", bound, 1);
        desk.house.act(&desk.house.admin, ApplyCharter { files, base_version: 1 }).expect("applied");
        desk.shop = service(&desk.house, "parcels_api", Some("parcels"), &[]);
        desk.register(desk.shop, &desk.program.jwks()).expect("registered");
        let security = desk.house.hire("staff", "security", None);
        let kinds = || {
            let alarms = desk.house.act(&security, ReadAlarms { open: true, before: None, limit: 10 });
            let alarms = alarms.expect("read").items;
            alarms.iter().map(|alarm| (alarm.kind, alarm.times)).collect::<Vec<_>>()
        };
        // It rings aside: nobody who is refused waits for that.
        let rung = || {
            let store = desk.house.app.store();
            store.write_wait(|_| Ok::<_, Error>(())).expect("whatever waited has begun");
            store.settle(Duration::from_secs(20)).expect("and is there");
            kinds()
        };
        desk.token("here").expect("a token");
        // Whoever cannot sign rings nowhere: it may be anybody.
        let from = address("198.51.100.9");
        let forged = Program::new(9).assertion(&desk.shop.to_string(), ISSUER, "f", desk.now(), &Json::Null);
        assert_eq!(refused(desk.judge_from(from, Some(&forged), Some(&desk.endpoint_proof("f")), None)), "client");
        assert!(kinds().is_empty());
        let signed = desk.assertion("there", Json::Null);
        assert_eq!(refused(desk.judge_from(from, Some(&signed), Some(&desk.endpoint_proof("there")), None)), "client");
        assert_eq!(rung(), [(AlarmKind::PartnerNetwork, 1)]);

        desk.house.clock.advance(Duration::from_secs(20 * 24 * 3600));
        assert_eq!(refused(desk.token("late")), "client");
        assert_eq!(rung(), [(AlarmKind::PartnerContract, 1), (AlarmKind::PartnerNetwork, 1)]);
    }
}
