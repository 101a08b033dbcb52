//! Every way in, tried with too little: by nobody, by somebody who has but a link, and by somebody who has shown but a password. The
//! lists of routes are the server's own, so one that is added is tried as well.

use serde_json::{Value, json};

use crate::house::{Answer, House};
use crate::login::{Desk, cookie};

const SOMETHING: &str = "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874";

/// The documented routes that need no credential; there may be fewer.
const OPEN: &[&str] = &[
    "/.well-known/oauth-authorization-server",
    "/healthz",
    "/readyz",
    "/v1/ledger",
    "/v1/ledger/{log}/checkpoint",
    "/v1/ledger/{log}/checkpoints",
    "/v1/ledger/{log}/tile/{level}/{*place}",
    "/v1/login",
    "/v1/login/code",
    "/v1/login/passkey",
    "/v1/login/sign-on",
    "/v1/login/sign-on/{provider}/logout",
    "/v1/oauth/revoke",
    "/v1/oauth/token",
    "/v1/openapi.json",
    "/v1/principals/{id}/certificates",
    "/v1/sys/health",
    "/v1/sys/init",
    "/v1/sys/seal-status",
];

/// A route, and what it would take.
struct Way {
    method: String,
    path: String,
    /// Whether it says that it needs no credential.
    open: bool,
    body: Option<Value>,
}

/// Those that are documented.
fn documented() -> Vec<Way> {
    let document = avouch_http::openapi();
    let mut ways = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object).expect("paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("methods") {
            let content = operation.pointer("/requestBody/content");
            let schema = content.and_then(|content| content.pointer("/application~1json/schema/$ref"));
            let schema = schema.and_then(Value::as_str).and_then(|schema| schema.strip_prefix('#'));
            let schema = schema.and_then(|schema| document.pointer(schema));
            let example =
                schema.and_then(|schema| schema.pointer("/examples/0").or_else(|| schema.get("example")));
            let body = content.map(|_| example.cloned().unwrap_or_else(|| json!({})));
            let open = operation.get("security").is_some();
            ways.push(Way { method: method.to_uppercase(), path: path.clone(), open, body });
        }
    }
    ways
}

/// Those of a table in the sources: of pages, and of what identity providers know.
fn of_table(source: &str) -> Vec<Way> {
    let mut ways = Vec::new();
    let table = source.split_once("ROUTES").expect("a table").1.split_once("];").expect("its end").0;
    for line in table.lines().filter(|line| line.trim_start().starts_with('(')) {
        let quoted: Vec<_> = line.split('"').skip(1).step_by(2).collect();
        let path = quoted.iter().find(|text| text.starts_with('/')).copied().unwrap_or("/console");
        for method in quoted.iter().filter(|text| text.bytes().all(|byte| byte.is_ascii_uppercase())) {
            ways.push(Way {
                method: (*method).to_owned(),
                path: path.to_owned(),
                open: false,
                body: (*method != "GET").then(|| json!({})),
            });
        }
    }
    ways
}

fn pages() -> Vec<Way> {
    of_table(include_str!("../../src/console.rs"))
}

fn provisioning() -> Vec<Way> {
    of_table(include_str!("../../src/scim.rs"))
}

impl Way {
    fn go(&self, house: &House, session: Option<&str>) -> Answer {
        let path = self
            .path
            .replace("{log}/tile/{level}/{*place}", "1/tile/0/000.p/1")
            .replace("{log}", "1")
            .replace("{*place}", "000.p/1")
            .replace("{n}", "1")
            .replace("{name}", "orders");
        let mut concrete = String::new();
        for part in path.split('/').skip(1) {
            concrete.push('/');
            concrete.push_str(if part.starts_with('{') { SOMETHING } else { part });
        }
        let mut request = house.request(&self.method, &concrete).header("sec-fetch-site", "same-origin");
        if let Some(session) = session {
            request = request.header("cookie", &format!("__Host-avouch={session}"));
        }
        match &self.body {
            Some(body) if !self.path.starts_with("/console") => request.json(body).send(),
            _ => request.send(),
        }
    }
}

fn leads_to(answer: &Answer, place: &str) -> bool {
    answer.status == 303 && answer.header("location").is_some_and(|to| to.starts_with(place))
}

#[test]
fn whoever_is_nobody_gets_nowhere_but_where_one_logs_in() {
    let house = House::new();
    let mut open = Vec::new();
    for way in pages().iter().chain(&provisioning()) {
        let answer = way.go(&house, None);
        if !matches!(answer.status, 401 | 404) && !leads_to(&answer, "/console/login") {
            open.push(format!("{} {}: {}", way.method, way.path, answer.status));
        }
    }
    insta::assert_snapshot!(open.join("\n"), @r"
    GET /console/console.css: 200
    GET /console/passkey.js: 200
    GET /console/login: 200
    GET /console/welcome: 200
    GET /favicon.ico: 204
    ");
    let document = documented();
    let open: Vec<_> = document.iter().filter(|way| way.open).map(|way| way.path.as_str()).collect();
    assert!(open.iter().all(|path| OPEN.contains(path)), "{open:?}");
    assert!(
        pages().len() >= 27 && provisioning().len() >= 20 && document.len() >= 100,
        "the tables are read"
    );
}

/// What came of a route with too little: nothing, when it was refused, when the request was not understood, or when it names what is not
/// there.
fn came_of(way: &Way, answer: &Answer) -> Option<String> {
    let refused = matches!(answer.status, 401 | 403) || leads_to(answer, "/console/step-up");
    let nothing = matches!(answer.status, 400 | 404 | 415 | 422);
    (!refused && !nothing).then(|| format!("{} {}: {}", way.method, way.path, answer.status))
}

/// Somebody's session, who has shown this little.
fn session(house: &House, by_password: bool) -> String {
    let hired =
        json!({"kind": "staff", "name": "Ida Sommer", "login": "ida", "roles": ["admin", "support", "dpo"]});
    let ida = house.post(&house.admin, "/v1/principals", hired).expect(201).text("id");
    let link = house.post(&house.admin, &format!("/v1/principals/{ida}/link"), json!({})).expect(201);
    let log_in = |shown: Value| {
        let answer = house.request("POST", "/v1/login").json(&shown).send().expect(200);
        cookie(&answer, "__Host-avouch").expect("a session").0
    };
    let by_link = log_in(json!({"link": link.text("secret")}));
    if !by_password {
        return by_link;
    }
    let password = json!({"password": "ferry cloud walnut orchid"});
    let request = house.request("POST", "/v1/account/password").header("sec-fetch-site", "same-origin");
    request.header("cookie", &format!("__Host-avouch={by_link}")).json(&password).send().expect(201);
    log_in(json!({"login": "ida", "password": "ferry cloud walnut orchid"}))
}

#[test]
fn with_less_than_two_factors_one_minds_ones_own_log_in_and_nothing_else() {
    for by_password in [false, true] {
        let house = House::new();
        house.publish();
        let session = session(&house, by_password);
        let (mut let_through, mut refused) = (Vec::new(), 0);
        let ways = documented().into_iter().filter(|way| !way.open).chain(pages()).chain(provisioning());
        // What ends the session comes last.
        let (last, first): (Vec<_>, Vec<_>) = ways.partition(|way| way.path == "/console/logout");
        for way in first.iter().chain(&last) {
            let answer = way.go(&house, Some(&session));
            match came_of(way, &answer) {
                Some(through) => let_through.push(through),
                None => refused += usize::from(matches!(answer.status, 401 | 403 | 303)),
            }
        }
        assert!(refused >= 90, "most get as far as to be refused: {refused}");
        let name = if by_password { "a_password_alone" } else { "a_link" };
        insta::assert_snapshot!(name, let_through.join("\n"));
    }
}

#[test]
fn every_page_of_somebody_lets_them_log_out() {
    let mut desk = Desk::enrolled();
    let session = desk.session();
    let mut seen = 0;
    for way in pages().iter().filter(|way| way.method == "GET") {
        let answer = way.go(&desk.house, Some(&session));
        let page = String::from_utf8_lossy(&answer.body);
        // What needs nobody is no page of somebody's.
        let open = ["/console/login", "/console/welcome"].contains(&way.path.as_str());
        if answer.status == 200 && page.contains("<main") && !open {
            assert!(page.contains(r#"action="/console/logout""#), "{}", way.path);
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}
