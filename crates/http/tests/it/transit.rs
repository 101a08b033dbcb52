//! `/v1/transit-keys`: standalone keys as our own clients use them.

use serde_json::{Value, json};

use crate::house::{Answer, House, charter, plain};

/// Applications, beside the roles that we ship.
const ROLES: &str = r#"
orders_app:
  title: The orders
  holder: service
  actions: [transit.encrypt, transit.decrypt]
  transit: [orders, "billing-*"]
orders_writer:
  title: Writes orders and reads none
  holder: service
  actions: [transit.encrypt]
  transit: [orders]
keeper:
  title: Keeps the keys of orders
  holder: service
  actions: [transit.manage, transit.encrypt, transit.decrypt]
  transit: [orders, "billing-*"]
"#;

/// A server whose charter has those roles, and the key of an application.
pub(crate) struct Keys {
    pub(crate) house: House,
    pub(crate) app: String,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let house = House::new();
        let files: Vec<Value> = charter()
            .into_iter()
            .map(|file| {
                let more = if file.path == "roles.yaml" { ROLES } else { "" };
                json!({"path": file.path, "text": file.text + more})
            })
            .collect();
        let apply = json!({"files": files, "base_version": 1});
        house.post(&house.admin, "/v1/charter/apply", apply).expect(200);
        let app = house.key("service", "orders_app");
        Self { house, app }
    }

    pub(crate) fn create(&self, key: Value) -> Answer {
        self.house.post(&self.house.admin, "/v1/transit-keys", key)
    }

    /// As the application, with `orders`.
    fn post(&self, what: &str, body: Value) -> Answer {
        self.house.post(&self.app, &format!("/v1/transit-keys/orders/{what}"), body)
    }
}

/// Answers without what differs from run to run.
fn without_secrets(answer: &Answer) -> String {
    let mut json = answer.json();
    plain(&mut json);
    fn hide(json: &mut Value) {
        match json {
            Value::String(text) if text.starts_with("vault:v") => {
                let version: String = text.chars().take(8).collect();
                *text = format!("{version}:…");
            }
            Value::String(text) if text.starts_with("-----BEGIN") => *text = "a public key".to_owned(),
            Value::Array(items) => items.iter_mut().for_each(hide),
            Value::Object(members) => members.values_mut().for_each(hide),
            _ => {}
        }
    }
    hide(&mut json);
    format!("{} {json}", answer.status)
}

#[test]
fn a_key_is_made_used_rotated_trimmed_and_ended() {
    let keys = Keys::new();
    let (house, admin) = (&keys.house, &keys.house.admin);
    let key = json!({"name": "orders", "kind": "aes256-gcm96"});
    insta::assert_snapshot!(without_secrets(&keys.create(key.clone())), @r#"201 {"name":"orders","kind":"aes256-gcm96","derived":false,"latest_version":1,"min_available_version":1,"min_decryption_version":1,"min_encryption_version":0,"deletion_allowed":false,"versions":[{"version":1,"created":"time"}]}"#);
    keys.create(key).expect(200);
    keys.create(json!({"name": "orders", "kind": "hmac"})).expect(409);

    let sent = keys.post(
        "encrypt",
        json!({"items": [{"ref": "a", "plaintext": "QWRh"}, {"ref": "b", "plaintext": "?"}]}),
    );
    insta::assert_snapshot!(without_secrets(&sent), @r#"200 {"items":[{"ref":"a","index":0,"ciphertext":"vault:v1:…","version":1},{"ref":"b","index":1,"problem":{"type":"/problems/validation","title":"The request does not fit","status":422,"detail":"malformed plaintext"}}],"event":"id"}"#);
    let first = sent.json()["items"][0]["ciphertext"].clone();
    let rotate = || {
        house.request("POST", "/v1/transit-keys/orders/rotate").key(admin).header("idempotency-key", "one")
    };
    for _ in 0..2 {
        insta::allow_duplicates! {
            insta::assert_snapshot!(without_secrets(&rotate().send()), @r#"200 {"name":"orders","latest_version":2}"#);
        }
    }
    let anew = keys.post("rewrap", json!({"items": [{"ciphertext": first.clone()}]}));
    insta::assert_snapshot!(without_secrets(&anew), @r#"200 {"items":[{"index":0,"ciphertext":"vault:v2:…","version":2}],"event":"id"}"#);
    let anew = anew.json()["items"][0]["ciphertext"].clone();

    let patch = |body: Value| house.request("PATCH", "/v1/transit-keys/orders").key(admin).json(&body).send();
    insta::assert_snapshot!(patch(json!({"min_decryption_version": 3})).plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "minimums are versions that are kept, and that of encryption is 0 or not below the other",
      "request_id": "request",
      "errors": [
        {
          "pointer": "",
          "detail": "minimums are versions that are kept, and that of encryption is 0 or not below the other"
        }
      ]
    }
    "#);
    patch(json!({"min_decryption_version": 2, "min_encryption_version": 2})).expect(200);
    let opened = keys.post(
        "decrypt",
        json!({"items": [{"ciphertext": first}, {"ciphertext": anew}, {"ciphertext": "vault:v2:AUJC"}]}),
    );
    insta::assert_snapshot!(without_secrets(&opened), @r#"200 {"items":[{"index":0,"problem":{"type":"/problems/validation","title":"The request does not fit","status":422,"detail":"made by version 1 of the key, which is below the lowest that still opens: lower that, or ask for it anew"}},{"index":1,"plaintext":"QWRh"},{"index":2,"problem":{"type":"/problems/token-unusable","title":"The token cannot be used","status":404,"detail":"does not open: it was altered, belongs to another key, or was bound to something else"}}],"event":"id"}"#);
    house.post(admin, "/v1/transit-keys/orders/trim", json!({"min_available_version": 2})).expect(200);
    insta::assert_snapshot!(without_secrets(&house.get(admin, "/v1/transit-keys/orders")), @r#"200 {"name":"orders","kind":"aes256-gcm96","derived":false,"latest_version":2,"min_available_version":2,"min_decryption_version":2,"min_encryption_version":2,"deletion_allowed":false,"versions":[{"version":2,"created":"time"}]}"#);

    let delete = || house.request("DELETE", "/v1/transit-keys/orders").key(admin).send();
    insta::assert_snapshot!(delete().plain(), @r#"
    409 {
      "type": "/problems/conflict",
      "title": "This collides with what is stored",
      "status": 409,
      "detail": "this key may not be deleted: allow it in its configuration first",
      "request_id": "request"
    }
    "#);
    patch(json!({"deletion_allowed": true})).expect(200);
    insta::assert_snapshot!(delete().plain(), @r#"
    200 {
      "name": "orders",
      "deleted": true
    }
    "#);
    house.get(admin, "/v1/transit-keys/orders").expect(404);
}

#[test]
fn every_use_has_its_answer() {
    let keys = Keys::new();
    let house = &keys.house;
    for (name, kind) in [("billing-sign", "ed25519"), ("billing-mac", "hmac")] {
        keys.create(json!({"name": name, "kind": kind})).expect(201);
    }
    let card = keys.create(json!({"name": "billing-card", "kind": "card"}));
    insta::assert_snapshot!(without_secrets(&card), @r#"201 {"name":"billing-card","kind":"card","luhn_valid":false,"latest_version":1,"min_available_version":1,"min_decryption_version":1,"min_encryption_version":0,"deletion_allowed":false,"versions":[{"version":1,"created":"time"}]}"#);
    let post =
        |path: &str, body: Value| house.post(&keys.app, &format!("/v1/transit-keys/billing-{path}"), body);
    let item = |answer: &Answer, member: &str| answer.json()["items"][0][member].clone();

    let signed = post("sign/sign", json!({"items": [{"input": "QWRh"}], "marshaling": "jws"}));
    insta::assert_snapshot!(without_secrets(&signed), @r#"200 {"items":[{"index":0,"signature":"vault:v1:…","version":1}],"event":"id"}"#);
    let claims = json!([
        {"input": "QWRh", "signature": item(&signed, "signature")},
        {"input": "QWRi", "signature": item(&signed, "signature")},
    ]);
    insta::assert_snapshot!(without_secrets(&post("sign/verify", json!({"items": claims, "marshaling": "jws"}))), @r#"200 {"items":[{"index":0,"valid":true},{"index":1,"valid":false}],"event":"id"}"#);

    let made = post("mac/hmac", json!({"items": [{"input": "QWRh"}], "hash": "sha2-512"}));
    let claims = json!([{"input": "QWRh", "hmac": item(&made, "hmac")}]);
    for (hash, valid) in [("sha2-512", true), ("sha2-256", false)] {
        let checked = post("mac/verify-hmac", json!({"items": claims, "hash": hash})).expect(200);
        assert_eq!(item(&checked, "valid"), valid);
    }

    let made = post("card/encode", json!({"items": [{"value": "4012 8888 8888 1881"}]})).expect(200);
    let token = item(&made, "token");
    assert!(token.as_str().expect("a text").ends_with(" 1881") && token != "4012 8888 8888 1881");
    let back = post("card/decode", json!({"items": [{"token": token}]})).expect(200);
    assert_eq!(item(&back, "value"), "4012 8888 8888 1881");
    assert_eq!(house.post(&keys.app, "/v1/random", json!({"bytes": 24})).expect(200).text("bytes").len(), 32);
}

#[test]
fn a_refusal_names_the_keys_that_there_are_to_use() {
    let keys = Keys::new();
    keys.create(json!({"name": "orders", "kind": "aes256-gcm96"})).expect(201);
    keys.create(json!({"name": "payments", "kind": "aes256-gcm96"})).expect(201);
    let encrypt = |name: &str| {
        let body = json!({"items": [{"plaintext": "QWRh"}]});
        keys.house.post(&keys.app, &format!("/v1/transit-keys/{name}/encrypt"), body).plain()
    };
    insta::assert_snapshot!(encrypt("payments"), @r#"
    403 {
      "type": "/problems/denied-by-policy",
      "title": "The policy does not allow this",
      "status": 403,
      "detail": "one thing is missing: see `needs`",
      "request_id": "request",
      "needs": [
        {
          "need": "key",
          "detail": "your roles do not name this standalone key: use one that they name, or ask an administrator",
          "allowed": [
            "billing-*",
            "orders"
          ]
        }
      ],
      "decided_by": [
        "role:orders_app/transit.encrypt"
      ]
    }
    "#);
    assert_eq!(encrypt("payments"), encrypt("nothing"), "missing looks like foreign");
    insta::assert_snapshot!(encrypt("billing-none"), @r#"
    404 {
      "type": "/problems/not-found",
      "title": "There is no such thing",
      "status": 404,
      "detail": "there is no such thing, or no longer: check the id and the path",
      "request_id": "request"
    }
    "#);
    insta::assert_snapshot!(encrypt("Payments"), @r#"
    404 {
      "type": "/problems/not-found",
      "title": "There is no such thing",
      "status": 404,
      "detail": "there is no such thing, or no longer: check the id and the path",
      "request_id": "request"
    }
    "#);

    let events = keys.house.get(&keys.house.admin, "/v1/events?action=transit.encrypt").expect(200).json();
    let told: Vec<String> = events["items"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| format!("{} {} {}", event["outcome"], event["target"], event["needs"]))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "failed" null null
    "refused" null ["key"]
    "refused" "payments" ["key"]
    "refused" "payments" ["key"]
    "#);
}

#[test]
fn keys_are_paged_by_name() {
    let keys = Keys::new();
    for name in ["orders", "payments", "billing-1", "billing-2"] {
        keys.create(json!({"name": name, "kind": "ed25519"})).expect(201);
    }
    let keeper = keys.house.key("service", "keeper");
    let page = keys.house.get(&keeper, "/v1/transit-keys?limit=2").expect(200).json();
    assert_eq!(
        page["items"],
        json!([{"name": "billing-1", "kind": "ed25519"}, {"name": "billing-2", "kind": "ed25519"}])
    );
    let next =
        format!("/v1/transit-keys?limit=2&cursor={}", page["next_cursor"].as_str().expect("there is more"));
    assert_eq!(
        keys.house.get(&keeper, &next).expect(200).json(),
        json!({"items": [{"name": "orders", "kind": "ed25519"}]})
    );
}

#[test]
fn what_does_not_belong_is_refused() {
    let keys = Keys::new();
    let refused = [
        json!({"name": "Orders", "kind": "hmac"}),
        json!({"name": "orders", "kind": "rsa-2048"}),
        json!({"name": "orders", "kind": "hmac", "derived": true}),
        json!({"name": "orders", "kind": "phone"}),
        json!({"name": "orders", "kind": "phone", "country_code": "+49"}),
        json!({"name": "orders", "kind": "date", "first_year": 1900, "last_year": 2100}),
        json!({"name": "orders", "kind": "hmac", "exportable": true}),
    ]
    .map(|key| keys.create(key).expect(422).member("errors").to_string());
    insta::assert_snapshot!(refused.join("\n"), @r#"
    [{"pointer":"/name","detail":"expected small letters, digits, `_` and `-`, 60 at most, beginning with a letter or digit"}]
    [{"pointer":"/kind","detail":"expected one of `aes256-gcm96`, `ed25519`, `ecdsa-p256`, `ecdsa-p384`, `hmac`, `digits`, `alphanumeric`, `card`, `phone`, `date`"}]
    [{"pointer":"/derived","detail":"this does not belong to the kind: leave it out"}]
    [{"pointer":"/country_code","detail":"expected a country's code without `+`, such as `49`"}]
    [{"pointer":"/country_code","detail":"expected a country's code without `+`, such as `49`"}]
    [{"pointer":"/first_year","detail":"expected years from 1 to 9999 that span a million days, which is 2738 years"}]
    [{"pointer":"/exportable","detail":"there is no such member; there is `name`, `kind`, `derived`, `luhn_valid`, `country_code`, `first_year`, `last_year`"}]
    "#);
    keys.create(json!({"name": "orders", "kind": "aes256-gcm96", "derived": true})).expect(201);
    let item = |item: Value| keys.post("encrypt", json!({"items": [item]}));
    item(json!({"plaintext": "QWRh", "nonce": "AAAAAAAAAAAAAAAA"})).expect(422);
    let context = |context: Value| {
        let sent = item(json!({"plaintext": "QWRh", "context": context})).expect(200);
        sent.json()["items"][0]["problem"]["detail"].clone()
    };
    assert_eq!(context(json!("QWRh")), Value::Null);
    insta::assert_snapshot!(context(Value::Null), @r#""a derived key needs a context: name one""#);
    let many = vec![json!({"plaintext": ""}); 1001];
    insta::assert_snapshot!(keys.post("encrypt", json!({"items": many})).expect(422).member("errors"), @r#"[{"pointer":"/items","detail":"expected 1 to 1000 items"}]"#);
    let large = "A".repeat(4 << 20);
    insta::assert_snapshot!(item(json!({"plaintext": large, "context": "QQ=="})).expect(422).member("errors"), @r#"[{"pointer":"/items","detail":"expected at most 1048576 bytes in all items together: send them in parts"}]"#);
}
