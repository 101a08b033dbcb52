//! Listeners with faces of their own: what is not shown at one is there as if it did not exist.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on stops")]

use avouch_http::{Face, ListenerSettings};
use serde_json::{Value, json};

use crate::house::{Answer, House, Request};

/// A listener for everything, then one for each face.
fn house() -> House {
    House::with(|settings| {
        for face in Face::ALL {
            let listener = ListenerSettings::plain("127.0.0.1:0".parse().expect("an address"));
            settings.listeners.push(ListenerSettings { faces: vec![face], ..listener });
        }
    })
}

/// All of an answer but what differs from request to request.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let fleeting = ["date", "avouch-request-id", "x-request-id"];
    let headers =
        answer.headers.iter().filter(|(name, _)| !fleeting.contains(&name.as_str())).cloned().collect();
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    if let Ok(Value::Object(mut members)) = serde_json::from_str(&body) {
        members.remove("request_id");
        body = Value::Object(members).to_string();
    }
    if let Some(at) = body.find("req_") {
        body.replace_range(at..at + 20, "request");
    }
    (answer.status, headers, body)
}

#[test]
fn a_face_is_where_it_is_served_and_nowhere_else() {
    let house = house();
    let status = |listener: usize, method: &str, path: &str| {
        Request::new(house.addresses[listener], method, path).key(&house.admin).send().status
    };
    // All, then api, admin, console.
    for (method, path, expected) in [
        ("GET", "/healthz", [200, 200, 200, 200]),
        ("GET", "/v1/openapi.json", [200, 200, 200, 404]),
        ("GET", "/v1/principals", [200, 200, 200, 404]),
        ("POST", "/v1/principals", [415, 404, 415, 404]),
        ("GET", "/v1/keys", [200, 404, 200, 404]),
        ("GET", "/v1/backups", [200, 404, 200, 404]),
        ("POST", "/v1/charter/apply", [415, 404, 415, 404]),
        ("GET", "/v1/charter", [200, 200, 200, 404]),
        ("POST", "/v1/login", [415, 415, 404, 415]),
        ("GET", "/console/login", [200, 404, 404, 200]),
        ("GET", "/console/console.css", [200, 404, 404, 200]),
        ("GET", "/v1/transit-keys", [200, 404, 200, 404]),
        ("POST", "/v1/tokenize", [415, 415, 404, 404]),
    ] {
        let found = [0, 1, 2, 3].map(|listener| status(listener, method, path));
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[test]
fn what_is_not_shown_is_as_if_it_were_not_there() {
    let house = house();
    let [_, api, admin, console] = house.addresses[..] else { panic!("four listeners") };
    let key = house.admin.as_str();
    for (at, method, path, nowhere) in [
        (api, "POST", "/v1/principals", "/v1/nonsense"),
        (api, "PUT", "/v1/principals", "/v1/nonsense"),
        (api, "GET", "/v1/keys", "/v1/nonsense"),
        (api, "POST", "/v1/keys/rotate", "/v1/nonsense"),
        (api, "GET", "/console", "/nonsense"),
        (api, "GET", "/console/login", "/nonsense"),
        (api, "GET", "/", "/nonsense"),
        (api, "GET", "/v1/transit/keys/orders", "/v1/transit/nonsense"),
        (api, "LIST", "/v1/transit/keys", "/v1/transit/nonsense"),
        (admin, "POST", "/v1/subjects", "/v1/nonsense"),
        (admin, "DELETE", "/v1/subjects", "/v1/nonsense"),
        (console, "GET", "/v1/status", "/v1/nonsense"),
        (console, "GET", "/console/nonsense", "/console/other"),
    ] {
        for send in [
            |request: Request, _: &str| request.send(),
            |request: Request, key: &str| request.key(key).send(),
            |request: Request, _: &str| request.key("avk_test_0000").send(),
            |request: Request, key: &str| {
                request.key(key).header("idempotency-key", "a").json(&json!({})).send()
            },
        ] {
            let hidden = send(Request::new(at, method, path), key);
            let unknown = send(Request::new(at, method, nowhere), key);
            assert_eq!(told(&hidden), told(&unknown), "{method} {path}");
            assert_eq!(hidden.status, 404, "{method} {path}");
        }
    }
}
