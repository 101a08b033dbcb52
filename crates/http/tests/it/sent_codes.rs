//! Codes that are sent, over HTTP: by the API and on pages, each with the cookie of the browser that asked.

use std::time::Duration;

use avouch_core::gate::people::{CodeSettings, CodeWay, PeopleSettings};
use avouch_core::outbox::{Channel, Notice};
use serde_json::{Value, json};

use crate::house::{Answer, House, charter};
use crate::login::{ORIGIN, cookie, people};

const PASSWORD: &str = "orchid walnut ferry cloud";
const ANSWER: &str = "the cat of my first landlady";
const TO: &str = "+351 912 345 678";
const SESSION: &str = "__Host-avouch";
const TICKET: &str = "__Host-avouch-ticket";

fn house() -> House {
    let codes = Some(CodeSettings { way: CodeWay::Gateway, digits: 6 });
    House::with_people(PeopleSettings { codes, ..people() }, |settings| {
        settings.origin = Some(ORIGIN.to_owned());
    })
}

/// The charter says that they count.
fn counts(house: &House) {
    let text = |file: avouch_charter::SourceFile| {
        let more = if file.path == "charter.yaml" { "\nsent_codes: second-factor\n" } else { "" };
        json!({"path": file.path, "text": format!("{}{more}", file.text)})
    };
    let files: Vec<_> = charter().into_iter().map(text).collect();
    let apply = json!({"files": files, "base_version": 1});
    house.post(&house.admin, "/v1/charter/apply", apply).expect(200);
}

/// Ida, with a password and nothing else.
fn ida(house: &House) -> String {
    let hired = json!({"kind": "staff", "name": "Ida Sommer", "login": "ida@lindenhof.example", "roles": ["support"]});
    let ida = house.post(&house.admin, "/v1/principals", hired).expect(201).text("id");
    let link = house.post(&house.admin, &format!("/v1/principals/{ida}/link"), json!({})).expect(201);
    let answer = house.request("POST", "/v1/login").json(&json!({"link": link.text("secret")})).send();
    let session = cookie(&answer.expect(200), SESSION).expect("a session").0;
    let password = Some(json!({"password": PASSWORD}));
    by(house, "/v1/account/password", &[(SESSION, &session)], password).expect(201);
    session
}

fn by(house: &House, path: &str, cookies: &[(&str, &str)], body: Option<Value>) -> Answer {
    let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = house.request(if body.is_some() { "POST" } else { "GET" }, path);
    let request = request.header("cookie", &cookies.join("; ")).header("sec-fetch-site", "same-origin");
    match body {
        Some(body) => request.json(&body).send(),
        None => request.send(),
    }
}

fn form(house: &House, path: &str, cookies: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
    let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let escaped = |text: &str| text.replace('+', "%2B").replace('@', "%40").replace(' ', "+");
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let request = house.request("POST", path).header("cookie", &cookies.join("; "));
    let request = request.header("sec-fetch-site", "same-origin");
    request.header("content-type", "application/x-www-form-urlencoded").body(fields.join("&")).send()
}

fn ticket(answer: &Answer) -> String {
    let (ticket, attributes) = cookie(answer, TICKET).expect("a ticket");
    assert!(attributes.contains("HttpOnly") && attributes.contains("Secure"), "{attributes}");
    ticket
}

/// The code that waits, and is delivered by that.
fn code(house: &House) -> Option<String> {
    // What is sent after an answer is there once this has been through.
    let store = house.app.store();
    store.write_wait(|_| Ok::<_, avouch_core::Error>(())).expect("whatever waited has begun");
    store.settle(Duration::from_secs(20)).expect("and is there");
    let mut found = None;
    for due in house.app.messages_due(100).expect("read") {
        house.app.message_delivered(due.id).expect("noted");
        let message = due.message.expect("whole");
        if let Notice::Code { to, code, .. } = message.notice {
            assert_eq!((message.channel, to.reveal()), (Channel::Gateway, TO));
            found = Some(code.reveal().to_owned());
        }
    }
    found
}

fn text(answer: Answer) -> String {
    String::from_utf8(answer.expect(200).body).expect("text")
}

#[test]
fn a_program_has_a_code_sent_and_comes_back_with_it_once() {
    let house = house();
    counts(&house);
    let session = ida(&house);
    let begun = by(&house, "/v1/account/sent-codes/begin", &[(SESSION, &session)], Some(json!({"to": TO})))
        .expect(204);
    let first = json!({"code": code(&house).expect("a code"), "answer": ANSWER});
    by(&house, "/v1/account/sent-codes", &[(SESSION, &session)], Some(first.clone())).expect(401);
    let cookies = [(SESSION, session.as_str()), (TICKET, &ticket(&begun))];
    by(&house, "/v1/account/sent-codes", &cookies, Some(first)).expect(201);
    let account = by(&house, "/v1/account", &[(SESSION, &session)], None).expect(200).json();
    let kinds: Vec<_> = account["authenticators"].as_array().expect("some").iter().collect();
    let kept = kinds.iter().find(|one| one["kind"] == "sent_code").expect("kept");
    assert_eq!(kept["label"], "Codes to \u{2026}678", "no number");

    let ask = |password: &str| {
        let shown = json!({"login": "ida@lindenhof.example", "password": password});
        house.request("POST", "/v1/login/code").json(&shown).send()
    };
    let (right, wrong) = (ask(PASSWORD), ask("wrong horse battery staple"));
    assert_eq!((right.status, &right.body), (wrong.status, &wrong.body), "nothing to tell them apart by");
    let sent = code(&house).expect("for the right one");
    let shown = json!({"sent_code": sent, "answer": ANSWER, "token": true});
    let elsewhere = by(&house, "/v1/login", &[], Some(shown.clone())).plain();
    let other = by(&house, "/v1/login", &[(TICKET, &ticket(&wrong))], Some(shown.clone())).plain();
    assert_eq!(elsewhere, other, "in no other browser");
    assert!(other.starts_with("401"), "{other}");
    by(&house, "/v1/login", &[(TICKET, &ticket(&right))], Some(json!({"sent_code": sent}))).expect(422);
    let begun = by(&house, "/v1/login", &[(TICKET, &ticket(&right))], Some(shown.clone())).expect(200);
    assert_eq!(begun.member("aal"), 2);
    by(&house, "/v1/login", &[(TICKET, &ticket(&right))], Some(shown)).expect(401);
}

#[test]
fn codes_that_are_sent_are_set_up_and_used_on_pages_that_say_what_they_are_worth() {
    let house = house();
    let session = ida(&house);
    let own = [(SESSION, session.as_str())];
    // As long as the charter does not count them there is no word of them.
    assert!(!text(house.request("GET", "/console/login").send()).contains("Send me a code"));
    assert!(!text(by(&house, "/console/enrol", &own, None)).contains("Codes that are sent"));
    by(&house, "/console/sent-codes", &own, None).expect(404);
    form(&house, "/console/login/code", &[], &[("login", "ida@lindenhof.example"), ("password", PASSWORD)])
        .expect(404);
    counts(&house);
    let enrol = text(by(&house, "/console/enrol", &own, None));
    let place = |words: &str| enrol.find(words).unwrap_or(usize::MAX);
    assert!(place("Passkey") < place("Codes that are sent") && place("Codes that are sent") < usize::MAX);
    assert!(enrol.contains("weakest"), "{enrol}");
    let asks = text(by(&house, "/console/sent-codes", &own, None));
    assert!(asks.contains("This is the weakest way there is.") && asks.contains("type=\"tel\""), "{asks}");

    let begun = form(&house, "/console/sent-codes", &own, &[("to", TO)]).expect(200);
    let sent = code(&house).expect("a code");
    assert!(!String::from_utf8_lossy(&begun.body).contains("912"), "no page repeats the number");
    let cookies = [own[0], (TICKET, &ticket(&begun))];
    let finish = |answer: &str| {
        form(&house, "/console/sent-codes/finish", &cookies, &[("code", &sent), ("answer", answer)])
    };
    let short = finish("cat").expect(422);
    let short = String::from_utf8_lossy(&short.body).into_owned();
    assert!(short.contains("Expected 8 to 100 letters and digits") && !short.contains("\"cat\""), "{short}");
    assert_eq!(finish(ANSWER).header("location"), Some("/console/enrolled"));

    let login = text(house.request("GET", "/console/login").send());
    assert!(login.contains("formaction=\"/console/login/code\""), "{login}");
    let fields = [("to", "/console/account"), ("login", "ida@lindenhof.example"), ("password", PASSWORD)];
    let asked = form(&house, "/console/login/code", &[], &fields).expect(200);
    let sent = code(&house).expect("a code");
    let here = [(TICKET, ticket(&asked))];
    let here = [(here[0].0, here[0].1.as_str())];
    let fields = [("to", "/console/account"), ("sent_code", sent.as_str()), ("answer", "the dog")];
    let wrong = form(&house, "/console/login/sent", &here, &fields).expect(401);
    assert!(String::from_utf8_lossy(&wrong.body).contains("This lets nobody in."));
    let fields = [("to", "/console/account"), ("sent_code", sent.as_str()), ("answer", ANSWER)];
    let in_ = form(&house, "/console/login/sent", &here, &fields);
    assert_eq!((in_.status, in_.header("location")), (303, Some("/console/account")));
    let session = cookie(&in_, SESSION).expect("a session").0;
    let account = text(by(&house, "/console/account", &[(SESSION, &session)], None));
    assert!(account.contains("codes that are sent") && !account.contains("912"), "{account}");
}
