//! Logging in over HTTP: cookies, foreign sites, challenges, and that a guesser learns nothing.

use avouch_core::gate::people::{PeopleSettings, RelyingParty};
use avouch_testkit::Device;
use serde_json::{Value, json};

use crate::house::{Answer, House};

pub(crate) const ORIGIN: &str = "http://localhost:8420";

/// Where people log in.
pub(crate) fn people() -> PeopleSettings {
    let site = RelyingParty::new("localhost", ORIGIN, "avouch").expect("a site");
    PeopleSettings { relying_party: Some(site), ..PeopleSettings::default() }
}

/// A cookie that an answer sets: its value and its attributes.
pub(crate) fn cookie(answer: &Answer, name: &str) -> Option<(String, String)> {
    let set = answer.headers.iter().filter(|(header, _)| header == "set-cookie").map(|(_, value)| value);
    let (value, attributes) = set
        .filter_map(|value| value.split_once('='))
        .find(|(known, _)| *known == name)?
        .1
        .split_once("; ")?;
    Some((value.to_owned(), attributes.to_owned()))
}

pub(crate) struct Desk {
    pub(crate) house: House,
    pub(crate) ida: String,
    device: Device,
}

impl Desk {
    fn new() -> Self {
        let house = House::with(|settings| settings.origin = Some(ORIGIN.to_owned()));
        let hired = json!({"kind": "staff", "name": "Ida Sommer", "login": "ida@lindenhof.example", "roles": ["support"]});
        let ida = house.post(&house.admin, "/v1/principals", hired).expect(201).text("id");
        Self { house, ida, device: Device::at(ORIGIN) }
    }

    fn link(&self) -> String {
        let path = format!("/v1/principals/{}/link", self.ida);
        self.house.post(&self.house.admin, &path, json!({})).expect(201).text("secret")
    }

    fn log_in(&self, shown: Value) -> Answer {
        self.house.request("POST", "/v1/login").json(&shown).send()
    }

    /// As a page of ours does it.
    pub(crate) fn own(&self, method: &str, path: &str, session: &str, body: Option<Value>) -> Answer {
        let request = self.house.request(method, path).header("cookie", &format!("__Host-avouch={session}"));
        let request = request.header("sec-fetch-site", "same-origin");
        match body {
            Some(body) => request.json(&body).send(),
            None => request.send(),
        }
    }

    /// Ida with a passkey.
    pub(crate) fn enrolled() -> Self {
        let mut desk = Self::new();
        let answer = desk.log_in(json!({"link": desk.link()})).expect(200);
        let (session, _) = cookie(&answer, "__Host-avouch").expect("a session");
        let begun = desk.own("POST", "/v1/account/passkeys/begin", &session, None).expect(200);
        let (ticket, _) = cookie(&begun, "__Host-avouch-ticket").expect("a ticket");
        let passkey = desk.device.register(&begun.member("publicKey").to_string()).expect("agrees");
        let both = format!("{session}; __Host-avouch-ticket={ticket}");
        desk.own("POST", "/v1/account/passkeys", &both, Some(json!({"label": "Laptop", "passkey": passkey})))
            .expect(201);
        desk
    }

    /// A log-in by passkey, with these cookies besides.
    pub(crate) fn by_passkey(&mut self, token: bool, session: Option<&str>) -> Answer {
        let begun = self.house.request("POST", "/v1/login/passkey").send().expect(200);
        let (ticket, _) = cookie(&begun, "__Host-avouch-ticket").expect("a ticket");
        let passkey = self.device.authenticate(&begun.member("publicKey").to_string()).expect("agrees");
        let session = session.map(|session| format!("; __Host-avouch={session}")).unwrap_or_default();
        let request = self.house.request("POST", "/v1/login");
        let request = request.header("cookie", &format!("__Host-avouch-ticket={ticket}{session}"));
        request
            .header("sec-fetch-site", "same-origin")
            .json(&json!({"passkey": passkey, "token": token}))
            .send()
    }

    pub(crate) fn session(&mut self) -> String {
        cookie(&self.by_passkey(false, None).expect(200), "__Host-avouch").expect("a session").0
    }
}

#[test]
fn a_session_is_in_a_cookie_that_no_page_reads_and_no_other_host_sets() {
    let mut desk = Desk::enrolled();
    let answer = desk.by_passkey(false, None).expect(200);
    let (value, attributes) = cookie(&answer, "__Host-avouch").expect("a session");
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200");
    assert!(value.starts_with("avs_test_"));
    assert_eq!(answer.member("token"), Value::Null, "not where a script could read it");
    assert_eq!(cookie(&answer, "__Host-avouch-ticket").expect("taken away").0, "");
    let account = desk.own("GET", "/v1/account", &value, None).expect(200);
    assert_eq!(account.member("aal"), 2);

    let answer = desk.by_passkey(true, None).expect(200);
    assert!(cookie(&answer, "__Host-avouch").is_none(), "one or the other");
    let token = answer.text("token");
    desk.house.get(&token, "/v1/account").expect(200);
}

#[test]
fn another_site_does_nothing_in_somebodys_name() {
    let mut desk = Desk::enrolled();
    let session = desk.session();
    let end = |headers: &[(&str, &str)]| {
        let mut request = desk.house.request("DELETE", "/v1/account/sessions");
        request = request.header("cookie", &format!("__Host-avouch={session}"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send();
        (answer.status, answer.member("type").as_str().unwrap_or_default().to_owned())
    };
    let foreign = (403, "/problems/foreign-origin".to_owned());
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", ORIGIN)],
        &[],
    ] {
        assert_eq!(end(headers), foreign, "{headers:?}");
    }
    assert_eq!(end(&[("sec-fetch-site", "same-origin")]).0, 200);
    assert_eq!(end(&[("origin", ORIGIN)]).0, 200);
    // Neither does it log anybody in as somebody else.
    let request = desk.house.request("POST", "/v1/login").header("sec-fetch-site", "cross-site");
    let answer = request.json(&json!({"link": desk.link()})).send();
    assert_eq!(answer.expect(403).text("type"), "/problems/foreign-origin");
    let form = desk.house.request("POST", "/console/login").header("origin", "https://evil.example");
    let form =
        form.header("content-type", "application/x-www-form-urlencoded").body("login=a&password=b").send();
    assert_eq!(form.status, 403);
}

#[test]
fn a_session_that_somebody_planted_is_nobodys() {
    let mut desk = Desk::enrolled();
    let planted = desk.session();
    desk.own("DELETE", "/v1/account/sessions", &planted, None).expect(200);
    let answer = desk.by_passkey(false, Some(&planted)).expect(200);
    let (after, _) = cookie(&answer, "__Host-avouch").expect("a session");
    assert_ne!(after, planted);
    desk.own("GET", "/v1/account", &planted, None).expect(401);
    desk.own("GET", "/v1/account", &after, None).expect(200);
    // What was never a session is no hindrance either.
    let answer = desk.by_passkey(false, Some("avs_test_planted")).expect(200);
    assert!(cookie(&answer, "__Host-avouch").is_some());
    // An API key in a cookie is none.
    let key = desk.house.admin.clone();
    desk.own("GET", "/v1/principals", &key, None).expect(401);
}

#[test]
fn whoever_begins_anew_leaves_no_session_behind() {
    let mut desk = Desk::enrolled();
    let before = desk.session();
    let codes = desk.own("POST", "/v1/account/recovery-codes", &before, None).expect(201);
    let code = codes.json()["codes"][0].as_str().expect("a code").to_owned();
    let link = desk.link();
    for (page, body) in [
        ("/console/welcome", format!("link={link}")),
        ("/console/recover", format!("login=ida%40lindenhof.example&recovery_code={code}")),
    ] {
        let old = desk.session();
        let request = desk.house.request("POST", page).header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", &format!("__Host-avouch={old}"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(body).send();
        assert_eq!((answer.status, answer.header("location")), (303, Some("/console/enrol")), "{page}");
        assert!(cookie(&answer, "__Host-avouch").is_some_and(|(new, _)| new != old));
        desk.own("GET", "/v1/account", &old, None).expect(401);
    }
    desk.own("GET", "/v1/account", &before, None).expect(200);
}

#[test]
fn what_needs_a_fresher_proof_says_so_as_rfc_9470_has_it() {
    let mut desk = Desk::enrolled();
    let session = desk.session();
    desk.house.clock.advance(std::time::Duration::from_secs(360));
    let refused = desk.own("POST", "/v1/account/recovery-codes", &session, None).expect(401);
    assert_eq!(
        refused.header("www-authenticate"),
        Some(
            r#"Bearer error="insufficient_user_authentication", acr_values="urn:nist:sp:800-63b:aal2", max_age="300""#
        )
    );
    insta::assert_snapshot!(refused.plain(), @r#"
    401 {
      "type": "/problems/insufficient-user-authentication",
      "title": "Show once more who you are",
      "status": 401,
      "detail": "one thing is missing: see `needs`",
      "request_id": "request",
      "needs": [
        {
          "need": "proof",
          "detail": "show that it is you, with a passkey, or password and code again, if that was more than 5 minutes ago",
          "max_age": 300
        }
      ],
      "decided_by": [
        "base:own-authenticators-fresh"
      ]
    }
    "#);
    let answer = desk.by_passkey(false, Some(&session)).expect(200);
    let (fresh, _) = cookie(&answer, "__Host-avouch").expect("a session");
    desk.own("GET", "/v1/account", &session, None).expect(401);
    let codes = desk.own("POST", "/v1/account/recovery-codes", &fresh, None).expect(201);
    assert_eq!(codes.member("codes").as_array().map(Vec::len), Some(10));
}

#[test]
fn whatever_is_wrong_the_answer_is_the_same() {
    let mut desk = Desk::enrolled();
    let session = desk.session();
    let password = "orchid walnut ferry cloud";
    desk.own("POST", "/v1/account/password", &session, Some(json!({"password": password}))).expect(201);
    let suspended = json!({"kind": "staff", "name": "Otto", "login": "otto", "roles": ["support"]});
    let otto = desk.house.post(&desk.house.admin, "/v1/principals", suspended).expect(201).text("id");
    let patch = desk.house.request("PATCH", &format!("/v1/principals/{otto}")).key(&desk.house.admin);
    patch.json(&json!({"status": "suspended"})).send().expect(200);
    let answers: Vec<String> = [
        json!({"login": "ida@lindenhof.example", "password": "wrong horse battery staple"}),
        json!({"login": "nobody@lindenhof.example", "password": password}),
        json!({"login": "otto", "password": password}),
        json!({"login": "ida@lindenhof.example", "recovery_code": "ABCDE-FGHIJ-KLMNO-PQRST-UVWXY"}),
        json!({"login": "nobody", "recovery_code": "ABCDE-FGHIJ-KLMNO-PQRST-UVWXY"}),
        json!({"link": "avl_test_nothing"}),
        json!({"link": desk.house.admin}),
        json!({"passkey": {"id": "x"}}),
    ]
    .into_iter()
    .map(|shown| desk.log_in(shown).plain())
    .collect();
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
    insta::assert_snapshot!(answers[0], @r#"
    401 {
      "type": "/problems/log-in-failed",
      "title": "The log-in failed",
      "status": 401,
      "detail": "this lets nobody in: check what you typed, or begin anew; a code counts once",
      "request_id": "request"
    }
    "#);
    for _ in 0..3 {
        desk.log_in(json!({"login": "ida@lindenhof.example", "password": "wrong"})).expect(401);
    }
    let waits = desk.log_in(json!({"login": "ida@lindenhof.example", "password": password})).expect(429);
    assert_eq!(waits.header("retry-after"), Some("901"));
    for unfit in [json!({}), json!({"login": "a"}), json!({"link": "a", "login": "b", "password": "c"})] {
        desk.log_in(unfit).expect(422);
    }
}

#[test]
fn pages_send_whoever_is_nobody_to_log_in_and_show_nothing_before() {
    let mut desk = Desk::enrolled();
    for page in ["/console/account", "/console/enrol", "/console/enrolled"] {
        let answer = desk.house.request("GET", page).send();
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(&*format!("/console/login?to={page}")))
        );
        assert!(answer.body.is_empty());
    }
    let form =
        desk.house.request("POST", "/console/recovery-codes").header("sec-fetch-site", "same-origin").send();
    assert_eq!((form.status, form.header("location")), (303, Some("/console/login?to=/console/account")));
    let session = desk.session();
    let account = desk.own("GET", "/console/account", &session, None).expect(200);
    let text = String::from_utf8_lossy(&account.body).into_owned();
    assert!(text.contains("Ida Sommer") && text.contains("Customer support"), "{text}");
    let policy = account.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"));
    assert!(!text.contains("<script>") && !text.contains("style="), "nothing inline");
    desk.house.clock.advance(std::time::Duration::from_secs(360));
    let stale = desk.own("GET", "/console/enrol", &session, None);
    assert_eq!((stale.status, stale.header("location")), (303, Some("/console/step-up?to=/console/enrol")));
    let elsewhere = desk.house.request("GET", "/console/login?to=https://evil.example").send().expect(200);
    assert!(!String::from_utf8_lossy(&elsewhere.body).contains("evil"));
}

#[test]
fn a_session_is_lent_to_a_terminal_and_its_token_shown_once() {
    let mut desk = Desk::enrolled();
    let session = desk.session();
    let lent = desk.own("POST", "/v1/account/sessions", &session, None).expect(201);
    let token = lent.json()["token"].as_str().expect("a token").to_owned();
    assert!(cookie(&lent, "__Host-avouch").is_none(), "the browser keeps its own");
    desk.house.request("GET", "/v1/account").key(&token).send().expect(200);
    let page = desk.own("POST", "/console/sessions/lend", &session, None).expect(200);
    let page = String::from_utf8(page.body).expect("text");
    assert_eq!(page.matches("avs_").count(), 1);
    let account = String::from_utf8(desk.own("GET", "/console/account", &session, None).expect(200).body)
        .expect("text");
    assert!(account.contains("A program at a terminal") && !account.contains("avs_"));
    // With a key there is none to lend.
    let key = desk.house.admin.clone();
    desk.house.request("POST", "/v1/account/sessions").key(&key).send().expect(401);
}

#[test]
fn visitors_who_are_slow_keep_nobody_waiting_who_has_shown_who_they_are() {
    use std::io::Write as _;
    let house = House::with(|settings| {
        settings.origin = Some(ORIGIN.to_owned());
        settings.rates = Default::default();
    });
    // Of no declared length, so each counts as the largest that a visitor may send; and none of them ever sends it.
    let head = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n1\r\n{\r\n";
    let room = avouch_wire::limits::VISITOR_BODIES_BYTES / avouch_wire::limits::VISITOR_BODY_BYTES;
    let one = || {
        let mut stream = std::net::TcpStream::connect(house.address).expect("it listens");
        stream.write_all(head.as_bytes()).expect("sent");
        stream
    };
    let mut slow: Vec<_> = (0..room).map(|_| one()).collect();
    // They are let in one after the other; once all are, the next visitor is sent away, and nobody else. One who came while a
    // visitor was being answered was sent away too: another takes their place.
    let log_in = || house.request("POST", "/v1/login").json(&json!({"link": "x"})).send().status;
    let full = (0..1_000).any(|_| {
        let sent_away = log_in() == 503;
        if !sent_away {
            slow.push(one());
        }
        sent_away
    });
    assert!(full, "there is an end to what visitors may take");
    let shop = house.key("service", "shop");
    house.ada(&shop);
    drop(slow);
    let again = (0..1_000).any(|_| log_in() == 401);
    assert!(again, "and they give it back");
    let large = json!({"link": "x".repeat(avouch_wire::limits::VISITOR_BODY_BYTES)});
    assert_eq!(house.request("POST", "/v1/login").json(&large).send().status, 413);
}

/// The `input` elements of a page, each as it is written.
fn inputs(page: &str) -> Vec<&str> {
    let begun = page.split("<input ").skip(1);
    begun.filter_map(|rest| rest.split_once('>')).map(|(input, _)| input).collect()
}

#[test]
fn pages_hide_passwords_and_let_managers_fill_them_in() {
    let mut desk = Desk::enrolled();
    let session = desk.session();
    let password = json!({"password": "orchid walnut ferry cloud"});
    desk.own("POST", "/v1/account/password", &session, Some(password)).expect(201);
    let text = |answer: Answer| String::from_utf8(answer.expect(200).body).expect("text");
    let login = text(desk.house.request("GET", "/console/login").send());
    let enrol = text(desk.own("GET", "/console/enrol", &session, None));
    let mut secret = Vec::new();
    for input in inputs(&login).into_iter().chain(inputs(&enrol)) {
        let is = |attribute: &str| input.contains(attribute);
        if is("name=\"password\"") || is("name=\"current\"") {
            assert!(is("type=\"password\""), "{input}");
            secret.push(if is("autocomplete=\"new-password\"") { "new" } else { "current" });
            assert!(
                is("autocomplete=\"new-password\"") || is("autocomplete=\"current-password\""),
                "{input}"
            );
        } else {
            assert!(!is("type=\"password\""), "{input}");
        }
    }
    assert_eq!(secret, ["current", "current", "current", "new"], "log-in, recovery; and of a change both");
    assert!(login.contains("autocomplete=\"one-time-code\"") && login.contains("autocomplete=\"username\""));
    // Nothing keeps anybody from pasting: no handler in the pages, and none in the one script.
    let script = text(desk.house.request("GET", "/console/passkey.js").send());
    for page in [login, enrol, script] {
        assert!(
            !page.contains("onpaste") && !page.contains("paste\"") && !page.contains("readonly"),
            "{page}"
        );
    }
}

#[test]
fn a_password_is_changed_with_the_one_before_and_others_can_be_logged_out() {
    const NEW: &str = "ferry cloud walnut orchid";
    let mut desk = Desk::enrolled();
    let other = desk.session();
    let session = desk.session();
    let set = |body| desk.own("POST", "/v1/account/password", &session, Some(body));
    set(json!({"password": "orchid walnut ferry cloud"})).expect(201);
    let refused = set(json!({"password": NEW})).expect(422);
    assert_eq!(refused.json()["errors"][0]["pointer"], "/current");
    set(json!({"current": "wrong horse battery staple", "password": NEW})).expect(422);
    let form = |body: &str| {
        let request = desk.house.request("POST", "/console/password").header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", &format!("__Host-avouch={session}"));
        request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send()
    };
    let wrong = form("current=wrong+horse+battery+staple&password=ferry+cloud+walnut+orchid").expect(422);
    assert!(String::from_utf8_lossy(&wrong.body).contains("This is not your current password."));
    let changed = form("current=orchid+walnut+ferry+cloud&password=ferry+cloud+walnut+orchid");
    assert_eq!((changed.status, changed.header("location")), (303, Some("/console/account")));
    // Where it leads to, one ends all other sessions.
    let account = desk.own("GET", "/console/account", &session, None).expect(200);
    assert!(String::from_utf8_lossy(&account.body).contains("End all others"));
    desk.own("GET", "/v1/account", &other, None).expect(200);
    assert_eq!(desk.own("DELETE", "/v1/account/sessions", &session, None).expect(200).member("ended"), 2);
    desk.own("GET", "/v1/account", &other, None).expect(401);
    desk.own("GET", "/v1/account", &session, None).expect(200);
}

#[test]
fn these_are_the_ways_to_log_in_and_no_other() {
    let document = avouch_http::openapi();
    let members =
        document["components"]["schemas"]["LogInRequest"]["properties"].as_object().expect("members");
    let members: Vec<_> = members.keys().map(String::as_str).collect();
    let known = [
        "passkey",
        "login",
        "password",
        "code",
        "sent_code",
        "answer",
        "recovery_code",
        "link",
        "sign_on",
        "token",
    ];
    assert!(members.iter().all(|member| known.contains(member)), "{members:?}");
    let house = House::new();
    let mut fields = Vec::new();
    for page in ["/console/login", "/console/welcome"] {
        let page = String::from_utf8(house.request("GET", page).send().expect(200).body).expect("text");
        for input in inputs(&page) {
            let name = input.split("name=\"").nth(1).and_then(|rest| rest.split('"').next());
            fields.extend(name.map(str::to_owned));
        }
    }
    assert_eq!(
        fields,
        ["to", "login", "password", "code", "login", "recovery_code", "password", "code", "link"]
    );
}
