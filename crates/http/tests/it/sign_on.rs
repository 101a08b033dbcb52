//! Logging in by an identity provider over HTTP: cookies, where a browser is sent, and what strangers are told.

use std::sync::Arc;

use avouch_core::gate::people::{PeopleSettings, Provider, ProviderLine, TokenRequest, Vouched};
use avouch_testkit::{Person, Provider as Elsewhere};
use serde_json::{Value, json};

use crate::house::{Answer, House};
use crate::login::{ORIGIN, cookie, people};

const ISSUER: &str = "https://id.lindenhof.example";
const IDA: &str = "8d0c1f52";

#[derive(Debug)]
struct Line(Arc<Elsewhere>);

impl ProviderLine for Line {
    fn fetch(&self, url: &str, _: usize) -> Result<Vec<u8>, String> {
        self.0.document(url)
    }

    fn redeem(&self, request: &TokenRequest) -> Result<Vec<u8>, String> {
        self.0.token(&request.url, &request.body)
    }
}

struct Desk {
    house: House,
    there: Arc<Elsewhere>,
    ida: String,
}

impl Desk {
    fn new() -> Self {
        let there = Arc::new(Elsewhere::new(ISSUER));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let provider = Provider {
            name: "house".to_owned(),
            label: "Lindenhof".to_owned(),
            issuer: ISSUER.to_owned(),
            client_id: "avouch".to_owned(),
            secret: None,
            redirect_uri: format!("{ORIGIN}/console/sign-on/house/callback"),
            scopes: Vec::new(),
            two_factors: Vouched { acr: words(&["mfa"]), amr: Vec::new() },
            resistant: Vouched::default(),
            line: Arc::new(Line(Arc::clone(&there))),
        };
        let settings = PeopleSettings { sign_on: vec![provider], ..people() };
        let house = House::with_people(settings, |settings| settings.origin = Some(ORIGIN.to_owned()));
        let hired = json!({"kind": "staff", "name": "Ida Sommer", "login": "ida@lindenhof.example", "roles": ["support"]});
        let ida = house.post(&house.admin, "/v1/principals", hired).expect(201).text("id");
        Self { house, there, ida }
    }

    fn linked() -> Self {
        let desk = Self::new();
        desk.link(&json!({"provider": "house", "subject": IDA})).expect(201);
        desk
    }

    fn link(&self, identity: &Value) -> Answer {
        let path = format!("/v1/principals/{}/identities", self.ida);
        self.house.post(&self.house.admin, &path, identity.clone())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.house.app.now() / 1_000_000).expect("after 1970")
    }

    /// What the browser comes back with, whom it has sent there.
    fn authorized(&self, address: &str, claims: Value) -> String {
        let person = Person { subject: IDA, now: self.now(), claims, header: Value::Null };
        self.there.authorize(address, &person)
    }

    fn page(&self, path: &str, cookies: &[(&str, &str)]) -> Answer {
        let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.house.request("GET", path).header("cookie", &cookies.join("; ")).send()
    }

    /// A link on a page of ours is followed.
    fn follow(&self, path: &str) -> Answer {
        self.house.request("GET", path).header("sec-fetch-site", "same-origin").send()
    }

    /// Follows the button, and logs in there: the query that the browser comes back with, and the cookie that it has.
    fn begun(&self, path: &str) -> (String, String) {
        let away = self.follow(path).expect(303);
        let (ticket, attributes) = cookie(&away, "__Host-avouch-sign-on").expect("a ticket");
        assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600");
        let address = away.header("location").expect("where to go on").to_owned();
        (self.authorized(&address, Value::Null), ticket)
    }

    fn back(&self, query: &str, ticket: &str) -> Answer {
        self.page(&format!("/console/sign-on/house/callback?{query}"), &[("__Host-avouch-sign-on", ticket)])
    }

    fn told(&self, token: &str) -> Answer {
        let request = self.house.request("POST", "/v1/login/sign-on/house/logout");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("logout_token={token}")).send()
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[test]
fn a_browser_goes_there_and_comes_back_with_a_session() {
    let desk = Desk::linked();
    let page = desk.page("/console/login?to=/console/approvals", &[]).expect(200);
    assert!(text(&page).contains(r#"href="/console/sign-on/house?to=/console/approvals""#));
    let (query, ticket) = desk.begun("/console/sign-on/house?to=/console/approvals");
    let home = desk.back(&query, &ticket).expect(303);
    assert_eq!(home.header("location"), Some("/console/approvals"));
    assert_eq!(cookie(&home, "__Host-avouch-sign-on").expect("taken away").0, "");
    let (session, _) = cookie(&home, "__Host-avouch").expect("a session");
    let account = desk.house.get(&session, "/v1/account").expect(200);
    let kind = &account.member("authenticators")[0];
    assert_eq!(
        (&account.member("aal"), &kind["kind"], &kind["label"]),
        (&json!(2), &json!("identity"), &json!("Lindenhof"))
    );

    // The same again: the code is used, and the ticket is spent.
    let again = desk.back(&query, &ticket).expect(401);
    assert!(cookie(&again, "__Host-avouch").is_none());
    assert_eq!(cookie(&again, "__Host-avouch-sign-on").expect("taken away").0, "");
}

#[test]
fn nobody_is_sent_to_another_site_by_it() {
    let desk = Desk::linked();
    for to in [
        "https://evil.example/",
        "//evil.example/console",
        "/console/%2e%2e/v1",
        "javascript:alert(1)",
        "/console/\\evil.example",
    ] {
        let (query, ticket) = desk.begun(&format!("/console/sign-on/house?to={to}"));
        // What the address of the answer says counts for nothing either.
        let home = desk.back(&format!("{query}&to=https://evil.example"), &ticket).expect(303);
        assert_eq!(home.header("location"), Some("/console/account"), "{to}");
    }
}

#[test]
fn a_stranger_is_told_nothing() {
    let desk = Desk::new();
    // Linked to nobody, in a browser that has begun nothing, with the state of another, and with nothing at all: one page.
    let (query, ticket) = desk.begun("/console/sign-on/house");
    let unknown = desk.back(&query, &ticket).expect(401);
    let (query, _) = desk.begun("/console/sign-on/house");
    let (_, other) = desk.begun("/console/sign-on/house");
    let pages = [
        desk.back(&query, "").expect(401),
        desk.back(&query, &other).expect(401),
        desk.back("", &ticket).expect(401),
        desk.back("error=access_denied&error_description=Ida%20Sommer", &ticket).expect(401),
    ];
    for page in &pages {
        assert_eq!(text(page), text(&unknown));
        assert!(cookie(page, "__Host-avouch").is_none());
    }
    assert!(text(&unknown).contains("This let nobody in.") && !text(&unknown).contains("Ida"));
    desk.follow("/console/sign-on/nobody").expect(404);
}

#[test]
fn a_provider_that_does_not_answer_is_said_to() {
    let desk = Desk::linked();
    desk.there.is_down(true);
    let page = desk.follow("/console/sign-on/house?to=/console/approvals").expect(503);
    assert!(
        text(&page).contains("The identity provider does not answer")
            && text(&page).contains("Use a passkey")
    );
    let begun = desk.house.request("POST", "/v1/login/sign-on").json(&json!({"provider": "house"})).send();
    assert_eq!(begun.expect(503).text("type"), "/problems/provider-unavailable");
}

#[test]
fn a_program_logs_in_by_it_too() {
    let desk = Desk::linked();
    let providers = desk.house.request("GET", "/v1/login/sign-on").send().expect(200);
    let known = json!([{"name": "house", "label": "Lindenhof", "phishing_resistant": false}]);
    assert_eq!(providers.member("items"), known);
    let begun = desk
        .house
        .request("POST", "/v1/login/sign-on")
        .json(&json!({"provider": "house", "again": true}))
        .send()
        .expect(200);
    let (ticket, _) = cookie(&begun, "__Host-avouch-sign-on").expect("a ticket");
    let query = desk.authorized(&begun.text("address"), Value::Null);
    let shown = json!({"sign_on": query, "token": true});
    let request =
        desk.house.request("POST", "/v1/login").header("cookie", &format!("__Host-avouch-sign-on={ticket}"));
    let session = request.json(&shown).send().expect(200);
    assert_eq!(session.member("aal"), 2);
    desk.house.get(&session.text("token"), "/v1/account").expect(200);
    desk.house.request("POST", "/v1/login").json(&shown).send().expect(401);
    let resistant = json!({"provider": "house", "phishing_resistant": true});
    desk.house.request("POST", "/v1/login/sign-on").json(&resistant).send().expect(409);
}

#[test]
fn an_administrator_says_whose_an_identity_is() {
    let desk = Desk::linked();
    let path = format!("/v1/principals/{}/identities", desk.ida);
    let listed = desk.house.get(&desk.house.admin, &path).expect(200).member("items");
    assert_eq!((&listed[0]["issuer"], &listed[0]["subject"]), (&json!(ISSUER), &json!(IDA)));
    desk.link(&json!({"provider": "house", "subject": IDA})).expect(409);
    desk.link(&json!({"provider": "nobody", "subject": "x"})).expect(422);
    let auditor = desk.house.key("auditor", "auditor");
    desk.house.post(&auditor, &path, json!({"provider": "house", "subject": "x"})).expect(403);
    let (query, ticket) = desk.begun("/console/sign-on/house");
    let (session, _) = cookie(&desk.back(&query, &ticket).expect(303), "__Host-avouch").expect("a session");
    let one = format!("{path}/{}", listed[0]["id"].as_str().expect("an id"));
    desk.house.request("DELETE", &one).key(&desk.house.admin).send().expect(200);
    desk.house.request("DELETE", &one).key(&desk.house.admin).send().expect(404);
    desk.house.get(&session, "/v1/account").expect(401);
}

#[test]
fn only_a_page_of_ours_begins_to_log_in() {
    let desk = Desk::linked();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
        ("accept", "text/html"),
    ] {
        let request = desk.house.request("GET", "/console/sign-on/house").header(name, value);
        let answer = request.send().expect(303);
        let sent = (answer.header("location"), cookie(&answer, "__Host-avouch-sign-on"));
        assert_eq!(sent, (Some("/console/login"), None), "{name}: {value}");
    }
}

#[test]
fn only_a_page_of_ours_begins_to_link() {
    let desk = Desk::linked();
    let (query, ticket) = desk.begun("/console/sign-on/house");
    let (session, _) = cookie(&desk.back(&query, &ticket).expect(303), "__Host-avouch").expect("a session");
    let link = |site: &str| {
        let request = desk.house.request("GET", "/console/sign-on/house/link").header("sec-fetch-site", site);
        request.header("cookie", &format!("__Host-avouch={session}")).send().expect(303)
    };
    let foreign = link("cross-site");
    assert_eq!(
        (foreign.header("location"), cookie(&foreign, "__Host-avouch-sign-on")),
        (Some("/console/enrol"), None)
    );
    let own = link("same-origin");
    assert!(
        own.header("location")
            .is_some_and(|address| address.starts_with(ISSUER) && address.contains("prompt=login"))
    );
    // What comes back is linked, and is no log-in.
    let (ticket, _) = cookie(&own, "__Host-avouch-sign-on").expect("a ticket");
    let address = own.header("location").expect("an address");
    let person = Person { subject: "her-second", now: desk.now(), claims: Value::Null, header: Value::Null };
    let query = desk.there.authorize(address, &person);
    let callback = format!("/console/sign-on/house/callback?{query}");
    desk.back(&query, &ticket).expect(401);
    let home = desk.page(&callback, &[("__Host-avouch-sign-on", &ticket), ("__Host-avouch", &session)]);
    assert_eq!(home.status, 303, "{}", text(&home));
    let account = desk.house.get(&session, "/v1/account").expect(200).member("authenticators");
    assert_eq!(account.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_logout_there_ends_the_session_here() {
    let desk = Desk::linked();
    let away = desk.follow("/console/sign-on/house").expect(303);
    let (ticket, _) = cookie(&away, "__Host-avouch-sign-on").expect("a ticket");
    let query = desk.authorized(away.header("location").expect("an address"), json!({"sid": "s1"}));
    let (session, _) = cookie(&desk.back(&query, &ticket).expect(303), "__Host-avouch").expect("a session");
    let token = |jti: &str, changes: Value| desk.there.logout_token("avouch", jti, desk.now(), &changes);
    for (forged, what) in [
        (token("1", json!({"sid": "s1", "aud": "another"})), "for another"),
        (token("1", json!({"sid": "s1", "events": {}})), "of nothing"),
        ("a.b.c".to_owned(), "no token"),
        (String::new(), "nothing"),
    ] {
        let refused = desk.told(&forged).expect(400);
        assert_eq!(refused.member("error"), "invalid_request", "{what}");
    }
    desk.house.get(&session, "/v1/account").expect(200);
    let good = token("2", json!({"sid": "s1"}));
    let told = desk.told(&good).expect(200);
    assert_eq!(told.header("cache-control"), Some("no-store"));
    desk.house.get(&session, "/v1/account").expect(401);
    desk.told(&good).expect(400);
    desk.house.request("POST", "/v1/login/sign-on/nobody/logout").body("logout_token=x").send().expect(404);
}
