//! Health, status, keys, the charter, metrics, TLS, limits, and an orderly end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use avouch_http::GRACE;
use avouch_wire::limits;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use crate::house::{Answer, House, Request, SCRAPER, certificate, charter};

#[test]
fn every_answer_has_the_headers_of_the_house() {
    let house = House::new();
    let headers = |path: &str| {
        let answer = house.request("GET", path).send();
        let own =
            |name: &str| matches!(name, "date" | "avouch-request-id" | "content-length" | "content-type");
        assert!(answer.header("avouch-request-id").is_some_and(|id| id.len() == 20));
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| !own(name))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        headers.sort();
        headers.join("\n")
    };
    insta::assert_snapshot!(headers("/healthz"), @"
    cache-control: no-store
    connection: close
    content-security-policy: default-src 'none'; frame-ancestors 'none'
    referrer-policy: no-referrer
    x-content-type-options: nosniff
    ");
    assert_eq!(headers("/healthz"), headers("/nothing"));
}

#[test]
fn health_and_readiness_need_no_key_and_status_does() {
    let house = House::new();
    insta::assert_snapshot!(house.request("GET", "/healthz").send().plain(), @r#"
    200 {
      "status": "ok"
    }
    "#);
    insta::assert_snapshot!(house.request("GET", "/readyz").send().plain());
    house.request("GET", "/v1/status").send().expect(401);
    let mut status = house.get(&house.admin, "/v1/status").expect(200).json();
    status["vault"] = json!("vault");
    insta::assert_snapshot!(status);
    insta::assert_snapshot!(house.get(&house.admin, "/v1/keys").plain());
}

#[test]
fn a_charter_is_planned_applied_once_and_kept() {
    let house = House::new();
    let get = |path: &str| house.get(&house.admin, path);
    let current = get("/v1/charter").expect(200).json();
    assert_eq!((&current["version"], current["fields"].as_array().map(Vec::len)), (&json!(1), Some(13)));
    let email =
        current["fields"].as_array().and_then(|all| all.iter().find(|field| field["name"] == "email"));
    insta::assert_snapshot!(email.expect("a field"));

    let files: Vec<_> = charter()
        .into_iter()
        .map(|file| {
            let text = file.text.replace("options: [cs,", "options: [bg, cs,");
            json!({"path": file.path, "text": text})
        })
        .collect();
    let planned = house.post(&house.admin, "/v1/charter/plan", json!({"files": files})).expect(200);
    insta::assert_snapshot!(planned.plain());
    let apply = json!({"files": files, "base_version": 1});
    assert_eq!(
        house.post(&house.admin, "/v1/charter/apply", apply.clone()).expect(200).json(),
        json!({"version": 2})
    );
    insta::assert_snapshot!(house.post(&house.admin, "/v1/charter/apply", apply).plain(), @r#"
    409 {
      "type": "/problems/conflict",
      "title": "This collides with what is stored",
      "status": 409,
      "detail": "another charter was applied in between: plan again",
      "request_id": "request"
    }
    "#);
    let versions = get("/v1/charter/versions").expect(200).json();
    assert_eq!(versions["items"].as_array().map(Vec::len), Some(2));
    let first = get("/v1/charter/versions/1").expect(200).json();
    assert_eq!(first["files"].as_array().map(Vec::len), Some(9));
    get("/v1/charter/versions/3").expect(404);
    get("/v1/charter/versions/01").expect(404);

    let broken = json!({"files": [{"path": "data.yaml", "text": "fields: ["}]});
    let problems = house.post(&house.admin, "/v1/charter/plan", broken).expect(200).json();
    assert!(
        problems["problems"].as_array().is_some_and(|all| !all.is_empty())
            && problems["changes"] == json!([])
    );
}

#[test]
fn metrics_are_behind_their_token_and_count_what_happened() {
    let house = House::new();
    let shop = house.key("service", "shop");
    house.ada(&shop);
    house.get(&shop, "/v1/events").expect(403);
    let scrape = |token: &str| Request::new(house.metrics, "GET", "/metrics").key(token).send();
    assert_eq!(Request::new(house.metrics, "GET", "/metrics").send().status, 401);
    assert_eq!(scrape("wrong").status, 401);
    assert_eq!(scrape(&house.admin).status, 401, "the API's keys do not open metrics");
    let page = String::from_utf8(scrape(SCRAPER).expect(200).body).expect("UTF-8");
    for line in [
        "avouch_http_requests_total{method=\"POST\",route=\"/v1/subjects\",status=\"2xx\"} 1",
        "avouch_http_requests_total{method=\"GET\",route=\"/v1/events\",status=\"4xx\"} 1",
        "avouch_http_request_duration_seconds_count{method=\"POST\",route=\"/v1/subjects\"} 1",
        "avouch_policy_refusals_total{need=\"permission\"} 1",
        "avouch_http_problems_total{kind=\"denied-by-policy\"} 1",
        "avouch_integrity_failures_total 0",
        "avouch_store_waiting{queue=\"write\"} 0",
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is not in\n{page}");
    }
    assert_eq!(house.request("GET", "/metrics").key(SCRAPER).send().status, 404, "not on the API's listener");
}

#[test]
fn what_was_meddled_with_is_not_shown_and_is_on_record() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let id = house.ada(&shop);
    house.meddle("update record set version = version + 1");
    let reveal = json!({"purpose": "payment", "fields": ["email"]});
    insta::assert_snapshot!(house.post(&shop, &format!("/v1/subjects/{id}/reveal"), reveal).plain(), @r#"
    500 {
      "type": "/problems/integrity",
      "title": "Stored data is not as it was written",
      "status": 500,
      "detail": "a stored value failed its integrity check; it is not shown, and this is on record",
      "request_id": "request"
    }
    "#);
    let auditor = house.key("auditor", "auditor");
    let event = &house.get(&auditor, "/v1/events?action=subject.reveal").expect(200).json()["items"][0];
    assert_eq!(event["outcome"], json!("failed"));
    let page = Request::new(house.metrics, "GET", "/metrics").key(SCRAPER).send().expect(200).body;
    assert!(String::from_utf8_lossy(&page).contains("avouch_integrity_failures_total 1"));
}

#[test]
fn what_cannot_be_recorded_is_not_shown() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let id = house.ada(&shop);
    house.meddle("drop table event");
    let reveal = json!({"purpose": "payment", "fields": ["email"]});
    let answer = house.post(&shop, &format!("/v1/subjects/{id}/reveal"), reveal);
    insta::assert_snapshot!(answer.plain(), @r#"
    503 {
      "type": "/problems/audit-unavailable",
      "title": "The record cannot be written",
      "status": 503,
      "detail": "the record could not be made durable, so nothing was done or shown; ask the operator",
      "request_id": "request"
    }
    "#);
    insta::assert_snapshot!(house.request("GET", "/readyz").send().plain(), @r#"
    503 {
      "status": "failing",
      "checks": [
        {
          "name": "store",
          "ok": false,
          "detail": "the data store cannot be written or the key store not be read: see the log"
        },
        {
          "name": "queue",
          "ok": true,
          "detail": "operations are taken on"
        }
      ]
    }
    "#);
}

#[test]
fn too_many_requests_at_once_are_busy() {
    let house = House::with(|settings| settings.max_in_flight = 0);
    let busy = house.request("GET", "/healthz").send();
    assert_eq!(busy.header("retry-after"), Some("1"));
    insta::assert_snapshot!(busy.plain(), @r#"
    503 {
      "type": "/problems/busy",
      "title": "Too much at once",
      "status": 503,
      "detail": "too many requests are waiting: try again in a second",
      "request_id": "request"
    }
    "#);
}

#[test]
fn a_request_that_has_begun_is_finished_after_a_stop() {
    let mut house = House::new();
    let mut stream = TcpStream::connect(house.address).expect("it listens");
    let body = json!({"files": []}).to_string();
    let head = format!(
        "POST /v1/charter/plan HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        house.admin,
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut line = [0; 25];
    stream.read_exact(&mut line).expect("it has begun to read the body");
    assert!(line.starts_with(b"HTTP/1.1 100"));
    house.stop();
    stream.write_all(body.as_bytes()).expect("sent");
    Answer::read(&stream).expect(200);
    // Whether the answer could already say so is a matter of who was faster; that the connection ends is not.
    stream.set_read_timeout(Some(GRACE / 2)).expect("a time limit");
    assert_eq!(stream.read(&mut line).expect("an end, and not a wait for the next request"), 0);
    drop(house);
}

#[test]
fn bodies_have_room_for_so_many_bytes_and_no_more() {
    let house = House::new();
    let begin = |length: &str| {
        let mut stream = TcpStream::connect(house.address).expect("it listens");
        let head = format!(
            "POST /v1/detokenize HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\n{length}\r\nexpect: 100-continue\r\n\r\n",
            house.admin
        );
        stream.write_all(head.as_bytes()).expect("sent");
        stream
    };
    let room = limits::BODIES_BYTES / limits::BULK_BODY_BYTES;
    let mut under_way: Vec<_> = (0..room).map(|_| begin("transfer-encoding: chunked")).collect();
    for stream in &mut under_way {
        let mut line = [0; 25];
        stream.read_exact(&mut line).expect("it has begun to read the body");
        assert_eq!(&line[..12], b"HTTP/1.1 100", "{}", String::from_utf8_lossy(&line));
    }
    let answer = Answer::read(begin("content-length: 1"));
    assert_eq!((answer.status, answer.text("type")), (503, "/problems/busy".to_owned()));
    house.request("GET", "/v1/status").key(&house.admin).send().expect(200);
    drop(under_way);
    // The server hears of the ends in its own time.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = house.post(&house.admin, "/v1/detokenize", json!({"document": {}}));
        if answer.status == 422 || Instant::now() > until {
            break assert_eq!(answer.status, 422);
        }
    }
}

#[test]
fn over_tls_the_answer_says_to_stay_there() {
    let (tls, trusted) = certificate();
    let mut tls = Some(tls);
    let house =
        House::with(|settings| settings.listeners.iter_mut().for_each(|listener| listener.tls = tls.take()));
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = StreamOwned::new(connection, TcpStream::connect(house.address).expect("it listens"));
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("sent");
    let answer = Answer::read(stream).expect(200);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
}
