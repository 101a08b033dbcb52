//! Planted values: whatever the server was sent and showed, none of it is in what it logged or counted.

use std::io;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use serde_json::json;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::house::{Request, SCRAPER};
use crate::transit::Keys;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn planted_values_reach_no_log_line_and_no_metric() {
    let captured = Captured::default();
    // For all threads, since the server's are others; the other tests' lines may be in it and do no harm. Our own targets only, as
    // in the binary: libraries below log what they work on (the one for telephone numbers does, at its lowest level).
    let ours = filter_fn(|metadata| metadata.target().starts_with("avouch"));
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(captured.clone());
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
    let keys = Keys::new();
    let house = &keys.house;
    let shop = house.key("service", "shop");
    let canaries = ["Canaria", "canary.bird", "5550177", "5105105105105100", "canary-reason", "canary-key"];
    let fields = json!({
        "name": "Canaria Vogel", "email": "canary.bird@example.org",
        "card_number": "5105105105105100",
    });
    let create = |fields: &serde_json::Value| {
        let request = house.request("POST", "/v1/subjects").key(&shop);
        let request = request.header("avouch-purpose", "payment").header("avouch-reason", "canary-reason");
        request.header("idempotency-key", "canary-key-1").json(&json!({"fields": fields})).send()
    };
    let id = create(&fields).expect(201).text("id");
    create(&json!({"name": "Canaria", "email": "canary.bird"})).expect(422);
    house
        .request("POST", "/v1/subjects")
        .key(&shop)
        .header("avouch-purpose", "order_fulfilment")
        .json(&json!({"fields": {"name": "Canaria", "phones": ["+49 30 5550177"]}}))
        .send()
        .expect(201);
    let reveal = json!({"purpose": "payment", "reason": "canary-reason", "fields": ["email", "card_number"]});
    let revealed = house.post(&shop, &format!("/v1/subjects/{id}/reveal"), reveal).expect(200);
    assert!(String::from_utf8_lossy(&revealed.body).contains("5105105105105100"));
    house
        .post(
            &shop,
            "/v1/subjects/search",
            json!({"purpose": "payment", "by": {"email": "canary.bird@example.org"}}),
        )
        .expect(200);
    house.get(&shop, "/v1/subjects?email=canary.bird@example.org").expect(422);
    house.get(&shop, "/v1/canary.bird@example.org").expect(404);
    house
        .request("POST", "/v1/subjects")
        .key(&shop)
        .header("content-type", "application/json")
        .body("{\"canary.bird")
        .send()
        .expect(400);
    let canary = BASE64.encode(b"canary of an application");
    keys.create(json!({"name": "orders", "kind": "aes256-gcm96"})).expect(201);
    let item = json!({"items": [{"plaintext": canary, "context": "canary.bird"}]});
    let sent = house.post(&keys.app, "/v1/transit-keys/orders/encrypt", item).expect(200);
    assert!(sent.json()["items"][0]["problem"].is_object());
    let engine = |what: &str, body: serde_json::Value| {
        let request = house.request("POST", &format!("/v1/transit/{what}/orders"));
        request.header("x-vault-token", &keys.app).json(&body).send()
    };
    let sent = engine("encrypt", json!({"plaintext": canary})).expect(200).member("data");
    assert_eq!(engine("decrypt", sent).expect(200).member("data")["plaintext"], canary);
    engine("encrypt", json!({"plaintext": "canary.bird", "canary.bird": 1})).expect(400);
    engine("encrypt", json!({"batch_input": [{"plaintext": canary}, {"plaintext": "canary.bird"}]}))
        .expect(400);
    let metrics = Request::new(house.metrics, "GET", "/metrics").key(SCRAPER).send().expect(200).body;
    let secret = shop.rsplit('_').next().expect("a key has parts").to_owned();
    let token = keys.app.rsplit('_').next().expect("a key has parts").to_owned();
    drop(keys);

    let logged = captured.0.lock().expect("no writer panicked").clone();
    let logged = String::from_utf8_lossy(&logged);
    assert!(logged.contains("/v1/subjects/{id}/reveal"), "requests are logged by their template");
    let metrics = String::from_utf8_lossy(&metrics);
    assert!(
        metrics.contains("/v1/transit/encrypt/{name}") && !metrics.contains("orders"),
        "names are no labels"
    );
    for canary in canaries.into_iter().chain([secret.as_str(), token.as_str(), canary.as_str(), "vault:v1:"])
    {
        assert!(!metrics.contains(canary), "`{canary}` is in the metrics");
        let line = logged.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "`{canary}` is in: {line:?}");
    }
}
