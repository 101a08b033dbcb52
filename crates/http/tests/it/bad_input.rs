//! Whatever somebody may send: each has an answer that says where and what, and never what was sent.

use serde_json::json;

use crate::house::{Answer, House, Request};

/// Stands in every bad input, and must not come back.
const VALUE: &str = "zelda.fitzgerald";

fn problem(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains(VALUE), "{text}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("avouch-request-id"), answer.member("request_id").as_str());
    answer.plain()
}

#[test]
fn bad_bodies() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let send = |body: Vec<u8>| {
        let request = house.request("POST", "/v1/subjects").key(&shop);
        problem(
            &request
                .header("content-type", "application/json")
                .header("avouch-purpose", "payment")
                .body(body)
                .send(),
        )
    };
    let deep = format!("{{\"fields\":{{\"name\":{}\"{VALUE}\"{}}}}}", "[".repeat(100), "]".repeat(100));
    let inputs: [(&str, Vec<u8>); 9] = [
        ("wrong type", format!("{{\"fields\":\"{VALUE}\"}}").into()),
        ("unknown member", format!("{{\"fields\":{{}},\"{VALUE}@example.org\":1}}").into()),
        ("duplicate key", format!("{{\"fields\":{{\"name\":\"{VALUE}\",\"n\\u0061me\":\"x\"}}}}").into()),
        ("deep", deep.into()),
        ("broken UTF-8", [format!("{{\"fields\":{{\"name\":\"{VALUE}").as_bytes(), b"\xc3\x28\"}}"].concat()),
        ("cut off", format!("{{\"fields\":{{\"name\":\"{VALUE}").into()),
        ("more after the end", format!("{{\"fields\":{{}}}}{VALUE}").into()),
        ("wrong values", format!(
            "{{\"fields\":{{\"email\":\"{VALUE} at example\",\"phones\":[\"{VALUE}\"],\"birth_date\":\"{VALUE}\",\
             \"language\":\"{VALUE}\",\"card_number\":\"{VALUE}\",\"shoe_size\":\"{VALUE}\"}}}}"
        ).into()),
        ("nothing", Vec::new()),
    ];
    let said: Vec<_> = inputs.into_iter().map(|(what, body)| format!("{what}: {}", send(body))).collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn bodies_that_are_too_large_or_of_another_type() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let request = |media_type: &str| {
        house.request("POST", "/v1/subjects").key(&shop).header("content-type", media_type)
    };
    let large = |length: usize| format!("{{\"fields\":{{\"name\":\"{VALUE}{}\"}}}}", "x".repeat(length));
    insta::assert_snapshot!(problem(&request("application/json").body(large(100 << 20)).send()), @r#"
    413 {
      "type": "/problems/too-large",
      "title": "The request is too large",
      "status": 413,
      "detail": "this route takes at most 1048576 bytes: send it in parts",
      "request_id": "request"
    }
    "#);
    insta::assert_snapshot!(problem(&request("text/plain").body(large(1)).send()), @r#"
    415 {
      "type": "/problems/unsupported-media-type",
      "title": "The body has the wrong media type",
      "status": 415,
      "detail": "send `Content-Type: application/json`",
      "request_id": "request"
    }
    "#);
    // Without a declared length the limit is found while reading.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 2 << 20, "x".repeat(2 << 20));
    let chunked = request("application/json").header("transfer-encoding", "chunked");
    assert_eq!(chunked.raw(chunk.as_bytes()).status, 413);
}

#[test]
fn bad_values_of_good_requests() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let id = house.ada(&shop);
    let reveal = format!("/v1/subjects/{id}/reveal");
    let batch: Vec<_> = (0..1001).map(|_| json!({"read": {"id": id}})).collect();
    let cases = [
        ("unknown purpose", "POST", reveal.clone(), json!({"purpose": VALUE, "fields": ["email"]})),
        ("unknown field", "POST", reveal.clone(), json!({"purpose": "payment", "fields": ["email", VALUE]})),
        ("no field", "POST", reveal.clone(), json!({"purpose": "payment", "fields": []})),
        (
            "field of no purpose",
            "POST",
            reveal.clone(),
            json!({"purpose": "payment", "fields": ["birth_date"]}),
        ),
        (
            "unindexed",
            "POST",
            "/v1/subjects/search".into(),
            json!({"purpose": "payment", "by": {"notes": VALUE}}),
        ),
        ("huge batch", "POST", "/v1/subjects/batch".into(), json!({"items": batch})),
        ("no batch", "POST", "/v1/subjects/batch".into(), json!({"items": []})),
        (
            "unknown recipient",
            "POST",
            "/v1/tokens".into(),
            json!({
                "purpose": "payment", "recipient": VALUE, "items": [{"subject": id, "field": "name"}],
            }),
        ),
        ("a query on a POST", "POST", format!("{reveal}?email={VALUE}"), json!({})),
        (
            "no id",
            "POST",
            format!("/v1/subjects/{VALUE}/reveal"),
            json!({"purpose": "payment", "fields": ["email"]}),
        ),
        ("no route", "POST", format!("/v1/{VALUE}"), json!({})),
        ("no method", "PUT", "/v1/subjects".into(), json!({})),
    ];
    let said: Vec<_> = cases
        .into_iter()
        .map(|(what, method, path, body)| {
            let answer = house.request(method, &path).key(&shop).json(&body).send();
            format!("{what}: {}", problem(&answer))
        })
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn bad_headers() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let send = |name: &str, value: &str| {
        let body = json!({"fields": {"name": "Bo Muster"}});
        let request = house.request("POST", "/v1/subjects").key(&shop).json(&body).header(name, value);
        problem(&request.send())
    };
    let said = [
        send("idempotency-key", &"x".repeat(129)),
        send("avouch-reason", "%ff"),
        send("avouch-reason", "x"),
        send("avouch-purpose", "payment\r\navouch-purpose: support"),
    ];
    insta::assert_snapshot!(said.join("\n\n"));
    let explain = house.request("POST", "/v1/explain").key(&shop).header("idempotency-key", "k");
    insta::assert_snapshot!(problem(&explain.json(&json!({"action": "subject.read"})).send()), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "this route takes no `Idempotency-Key`: a repeat would be a second act",
      "request_id": "request",
      "errors": [
        {
          "pointer": "",
          "detail": "this route takes no `Idempotency-Key`: a repeat would be a second act"
        }
      ]
    }
    "#);
}

#[test]
fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let house = House::new();
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nx: \x00\r\n\r\n"]
    {
        Request::garbage(house.address, bytes);
    }
    house.request("GET", "/healthz").send().expect(200);
}
