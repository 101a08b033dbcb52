//! The routes of transit engines, request by request. That a real client works with them unchanged is tested where the program is.

use serde_json::{Value, json};

use crate::house::{Answer, Request, plain};
use crate::transit::Keys;

/// A server with a key, and requests in the manner of an engine's clients.
struct Engine {
    keys: Keys,
    keeper: String,
}

impl Engine {
    fn new() -> Self {
        let keys = Keys::new();
        let keeper = keys.house.key("service", "keeper");
        let engine = Self { keys, keeper };
        engine.post("transit/keys/orders", json!({})).expect(200);
        engine
    }

    fn request(&self, method: &str, path: &str) -> Request {
        self.keys.house.request(method, &format!("/v1/{path}")).header("x-vault-token", &self.keeper)
    }

    fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path).body(body.to_string()).send()
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// What of an answer is data.
    fn data(&self, path: &str, body: Value) -> Value {
        self.post(path, body).expect(200).member("data")
    }

    /// Status and sentences of an answer that is none.
    fn refusal(&self, path: &str, body: Value) -> String {
        told(&self.post(path, body))
    }
}

fn told(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.member("errors"))
}

#[test]
fn an_answer_is_an_envelope() {
    let engine = Engine::new();
    let mut read = engine.get("transit/keys/orders").expect(200).json();
    plain(&mut read);
    read["data"]["keys"]["1"] = json!("a time");
    insta::assert_snapshot!(serde_json::to_string_pretty(&read).expect("JSON"), @r#"
    {
      "request_id": "request",
      "lease_id": "",
      "renewable": false,
      "lease_duration": 0,
      "data": {
        "name": "orders",
        "type": "aes256-gcm96",
        "derived": false,
        "deletion_allowed": false,
        "exportable": false,
        "allow_plaintext_backup": false,
        "imported_key": false,
        "auto_rotate_period": 0,
        "latest_version": 1,
        "min_available_version": 0,
        "min_decryption_version": 1,
        "min_encryption_version": 0,
        "supports_encryption": true,
        "supports_decryption": true,
        "supports_derivation": true,
        "supports_signing": false,
        "keys": {
          "1": "a time"
        }
      },
      "wrap_info": null,
      "warnings": null,
      "auth": null
    }
    "#);
    let again = engine.post("transit/keys/orders", json!({"derived": "false"})).expect(200);
    insta::assert_snapshot!(again.member("warnings"), @r#"["there was a key of this name already, and it is left as it was"]"#);
    engine.post("transit/keys/billing-sign", json!({"type": "ecdsa-p256"})).expect(200);
    let signer = engine.get("transit/keys/billing-sign").expect(200).member("data");
    assert!(
        signer["keys"]["1"]["public_key"].as_str().expect("a text").starts_with("-----BEGIN PUBLIC KEY-----")
    );
}

#[test]
fn tokens_come_by_either_header_and_not_by_both() {
    let engine = Engine::new();
    let get = |header: &[(&str, &str)]| {
        let mut request = engine.keys.house.request("GET", "/v1/auth/token/lookup-self");
        for (name, value) in header {
            request = request.header(name, value);
        }
        request.send()
    };
    let bearer = format!("Bearer {}", engine.keeper);
    let (token, authorization) =
        (("x-vault-token", engine.keeper.as_str()), ("authorization", bearer.as_str()));
    for header in [token, authorization] {
        let known = get(&[header]).expect(200).member("data");
        assert_eq!((&known["policies"], &known["renewable"]), (&json!(["keeper"]), &json!(false)));
        assert!(!known.to_string().contains(&engine.keeper));
    }
    for headers in [&[][..], &[token, authorization], &[token, token], &[("x-vault-token", "avk_no")]] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(told(&get(headers)), @r#"403 ["permission denied"]"#);
        }
    }
    // The header is of that face alone.
    let ours =
        engine.keys.house.request("GET", "/v1/transit-keys").header("x-vault-token", &engine.keeper).send();
    assert_eq!(ours.status, 401);
    insta::assert_snapshot!(told(&get(&[token, ("x-vault-namespace", "team")])), @r#"400 ["there are no namespaces here: leave `X-Vault-Namespace` out"]"#);
    insta::assert_snapshot!(told(&get(&[token, ("x-vault-wrap-ttl", "60")])), @r#"400 ["answers are not wrapped here: leave `X-Vault-Wrap-TTL` out"]"#);
    get(&[token, ("x-vault-namespace", "root"), ("x-vault-request", "true")]).expect(200);
}

#[test]
fn health_and_seal_are_told_to_all() {
    let engine = Engine::new();
    let open = |path: &str| engine.keys.house.request("GET", path).send().expect(200).json().to_string();
    insta::assert_snapshot!(open("/v1/sys/health"), @r#"{"initialized":true,"sealed":false,"standby":false}"#);
    insta::assert_snapshot!(open("/v1/sys/init"), @r#"{"initialized":true}"#);
    insta::assert_snapshot!(open("/v1/sys/seal-status"), @r#"{"type":"avouch","initialized":true,"sealed":false,"t":1,"n":1,"progress":0}"#);
}

#[test]
fn what_is_encrypted_is_decrypted_with_the_key_the_context_and_the_data_it_was_bound_to() {
    let engine = Engine::new();
    engine.post("transit/keys/billing-derived", json!({"derived": true})).expect(200);
    let bound = |what: &str, value: Value, context: &str, data: &str| {
        let body = json!({what: value, "context": context, "associated_data": data});
        let route = if what == "plaintext" { "encrypt" } else { "decrypt" };
        engine.post(&format!("transit/{route}/billing-derived"), body)
    };
    let made = bound("plaintext", json!("QWRh"), "b25l", "ZGF0YQ==").expect(200).member("data");
    assert_eq!(made["key_version"], 1);
    let open = |context: &str, data: &str| bound("ciphertext", made["ciphertext"].clone(), context, data);
    assert_eq!(open("b25l", "ZGF0YQ==").expect(200).member("data"), json!({"plaintext": "QWRh"}));
    insta::assert_snapshot!(told(&open("dHdv", "ZGF0YQ==")), @r#"400 ["does not open: it was altered, belongs to another key, or was bound to something else"]"#);
    assert_eq!(open("b25l", "").status, 400);
    insta::assert_snapshot!(told(&open("", "ZGF0YQ==")), @r#"400 ["a derived key needs a context: name one"]"#);
    // What was answered may be given back as it is.
    let mut made = engine.data("transit/encrypt/orders", json!({"plaintext": ""}));
    assert_eq!(engine.data("transit/decrypt/orders", made.clone()), json!({"plaintext": ""}));
    made["key_version"] = json!(2);
    insta::assert_snapshot!(engine.refusal("transit/decrypt/orders", made), @r#"400 ["`key_version` is not that of the ciphertext: leave it out"]"#);
}

#[test]
fn a_batch_answers_each_item_and_says_by_its_status_that_one_failed() {
    let engine = Engine::new();
    let texts = |answer: &Answer| -> String {
        let results = answer.member("data")["batch_results"].clone();
        let results = results.as_array().expect("results").iter().map(|result| {
            let mut result = result.clone();
            if result.get("ciphertext").is_some() {
                result["ciphertext"] = json!("…");
            }
            result.to_string()
        });
        format!("{}\n{}", answer.status, results.collect::<Vec<_>>().join("\n"))
    };
    let good = json!({"plaintext": "QWRh", "reference": "a", "context": "", "nonce": ""});
    let bad = json!({"plaintext": "?", "reference": "b"});
    let odd = json!({"plaintext": "QWRh", "asociated_data": "QWRh"});
    let batch = |items: Value, more: Value| {
        let mut body = json!({"batch_input": items, "plaintext": null});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        engine.post("transit/encrypt/orders", body)
    };
    insta::assert_snapshot!(texts(&batch(json!([good, good]), json!({}))), @r#"
    200
    {"ciphertext":"…","key_version":1,"reference":"a"}
    {"ciphertext":"…","key_version":1,"reference":"a"}
    "#);
    insta::assert_snapshot!(texts(&batch(json!([good, bad, odd, 7, {"key_version": "9", "plaintext": ""}]), json!({}))), @r#"
    400
    {"ciphertext":"…","key_version":1,"reference":"a"}
    {"error":"malformed plaintext","reference":"b"}
    {"error":"there is a member that does not belong here: leave it out, or mend its name"}
    {"error":"malformed item: it is an object"}
    {"error":"the key has no such version"}
    "#);
    assert_eq!(batch(json!([good, bad]), json!({"partial_failure_response_code": 207})).status, 207);
    assert_eq!(batch(json!([bad, bad]), json!({"partial_failure_response_code": 207})).status, 400);
    assert_eq!(batch(json!([good, bad]), json!({"partial_failure_response_code": 0})).status, 400);
    insta::assert_snapshot!(told(&batch(json!([good]), json!({"partial_failure_response_code": 100}))), @r#"400 ["expected a status from 200 to 599 in `partial_failure_response_code`"]"#);
    insta::assert_snapshot!(told(&batch(json!([good]), json!({"plaintext": "QWRh"}))), @r#"400 ["there is a member that does not belong here: leave it out, or mend its name"]"#);
    insta::assert_snapshot!(told(&batch(json!([]), json!({}))), @r#"400 ["expected 1 to 1000 items"]"#);

    // Other uses tell it by the item alone.
    let rewrap = engine.post("transit/rewrap/orders", json!({"batch_input": [{"ciphertext": "nothing"}]}));
    insta::assert_snapshot!(texts(&rewrap), @r#"
    200
    {"error":"malformed ciphertext"}
    "#);
}

#[test]
fn signatures_and_macs_in_all_their_forms() {
    let engine = Engine::new();
    for kind in ["ed25519", "ecdsa-p384", "hmac"] {
        engine.post(&format!("transit/keys/billing-{kind}"), json!({"type": kind})).expect(200);
    }
    let signed = engine.data(
        "transit/sign/billing-ecdsa-p384/sha2-512",
        json!({"input": "QWRh", "marshaling_algorithm": "jws"}),
    );
    let check = |path: &str, more: Value| {
        let mut body = json!({"input": "QWRh"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        engine.data(&format!("transit/verify/{path}"), body)["valid"].clone()
    };
    let signature = &signed["signature"];
    assert_eq!(
        check("billing-ecdsa-p384/sha2-512", json!({"signature": signature, "marshaling_algorithm": "jws"})),
        true
    );
    assert_eq!(
        check("billing-ecdsa-p384", json!({"signature": signature, "marshaling_algorithm": "jws"})),
        false
    );
    let mac = engine.data("transit/hmac/billing-hmac", json!({"input": "QWRh", "algorithm": "sha2-384"}));
    assert_eq!(check("billing-hmac/sha2-384", json!({"hmac": mac["hmac"]})), true);
    assert_eq!(check("billing-hmac", json!({"hmac": mac["hmac"], "hash_algorithm": "sha2-512"})), false);

    let many = json!([{"input": "QWRh", "reference": "a"}, {"reference": "b"}]);
    let signed = engine.data("transit/sign/billing-ed25519", json!({"batch_input": many}));
    let first = signed["batch_results"][0]["signature"].clone();
    assert_eq!(signed["batch_results"][1], json!({"error": "missing input", "reference": "b"}));
    let mixed = json!([{"input": "QWRh", "signature": first}, {"input": "QWRh", "hmac": mac["hmac"]}]);
    let checked = engine.data("transit/verify/billing-ed25519", json!({"batch_input": mixed}));
    assert_eq!(checked["batch_results"][0], json!({"valid": true}));
    assert!(checked["batch_results"][1]["error"].is_string(), "{checked}");

    insta::assert_snapshot!([
        ("transit/sign/billing-ed25519", json!({"input": "QWRh", "prehashed": true})),
        ("transit/sign/billing-ed25519", json!({"input": "QWRh", "context": "QWRh"})),
        ("transit/sign/billing-ecdsa-p384", json!({"input": "QWRh", "signature_algorithm": "pss"})),
        ("transit/sign/billing-ecdsa-p384/sha1", json!({"input": "QWRh"})),
        ("transit/sign/billing-ecdsa-p384/sha2-256", json!({"input": "QWRh", "hash_algorithm": "sha2-512"})),
        ("transit/sign/orders", json!({"input": "QWRh"})),
        ("transit/verify/billing-ed25519", json!({"input": "QWRh"})),
        ("transit/verify/billing-ed25519", json!({"input": "QWRh", "signature": "vault:v1:?"})),
    ].map(|(path, body)| engine.refusal(path, body)).join("\n"), @r#"
    400 ["ed25519 signs messages, not digests: send the message itself"]
    400 ["keys that sign have none for each context: leave `context` out"]
    400 ["there are no RSA keys here: leave `signature_algorithm` and `salt_length` out"]
    400 ["malformed hash algorithm: it is sha2-256, sha2-384 or sha2-512"]
    400 ["two hash algorithms are named: leave one out"]
    400 ["this kind of key does not sign: use one that does"]
    400 ["missing what is to be verified: the signature, or the hmac, of each item"]
    400 ["malformed signature"]
    "#);
}

#[test]
fn data_keys_random_bytes_and_digests() {
    let engine = Engine::new();
    let both = engine.data("transit/datakey/plaintext/orders", json!({"bits": "512"}));
    assert_eq!(both["plaintext"].as_str().expect("a text").len(), 88);
    let opened = engine.data("transit/decrypt/orders", json!({"ciphertext": both["ciphertext"]}));
    assert_eq!(opened["plaintext"], both["plaintext"]);
    let wrapped = engine.data("transit/datakey/wrapped/orders", json!({}));
    assert!(wrapped.get("plaintext").is_none() && wrapped["key_version"] == 1);
    let writer = engine.keys.house.key("service", "orders_writer");
    let asks = |form: &str| {
        let request = engine.keys.house.request("PUT", &format!("/v1/transit/datakey/{form}/orders"));
        request.header("x-vault-token", &writer).send().status
    };
    assert_eq!((asks("wrapped"), asks("plaintext"), asks("bare")), (200, 403, 404));

    let drawn =
        |path: &str, body: Value| engine.data(path, body)["random_bytes"].as_str().expect("a text").len();
    assert_eq!(drawn("transit/random", json!({"format": "hex"})), 64);
    assert_eq!(drawn("transit/random/24", json!({})), 32);
    assert_eq!(drawn("transit/random/platform/3", json!({"bytes": 3})), 4);
    let sum = engine.data("transit/hash", json!({"input": "QWRh"}));
    assert_eq!(sum["sum"], "99a563ab2f6e21e96998f9fddd2a2bab82b70ac019579502b8d7fc0032ff62bb");
    assert_eq!(
        engine.data("transit/hash/sha2-512", json!({"input": "", "format": "base64"}))["sum"]
            .as_str()
            .map(str::len),
        Some(88)
    );
    insta::assert_snapshot!([
        ("transit/random/seal/3", json!({})),
        ("transit/random", json!({"bytes": 131_073})),
        ("transit/random/3", json!({"bytes": 4})),
        ("transit/hash/sha3-256", json!({"input": ""})),
        ("transit/hash", json!({"input": "", "format": "raw"})),
    ].map(|(path, body)| engine.refusal(path, body)).join("\n"), @r#"
    400 ["there is one source of random bytes: leave `source` out, or name `platform`"]
    400 ["expected 1 to 131072"]
    400 ["two numbers of bytes are named: leave one out"]
    400 ["malformed hash algorithm: it is sha2-256, sha2-384 or sha2-512"]
    400 ["malformed format: it is hex or base64"]
    "#);
}

#[test]
fn tokens_of_a_format_are_what_transform_engines_make() {
    let engine = Engine::new();
    engine.keys.create(json!({"name": "billing-digits", "kind": "digits"})).expect(201);
    let made = engine.data(
        "transform/encode/billing-digits",
        json!({"value": "1111-2222-3333", "transformation": "billing-digits"}),
    );
    let token = made["encoded_value"].as_str().expect("a text");
    assert!(token.len() == 14 && token.matches('-').count() == 2);
    let back = engine.data(
        "transform/decode/billing-digits",
        json!({"batch_input": [{"value": token, "reference": "a"}]}),
    );
    assert_eq!(back["batch_results"], json!([{"decoded_value": "1111-2222-3333", "reference": "a"}]));
    insta::assert_snapshot!([
        ("transform/encode/billing-digits", json!({"value": "12345"})),
        ("transform/encode/billing-digits", json!({"value": "123456", "tweak": "AAAA"})),
        ("transform/encode/billing-digits", json!({"value": "123456", "transformation": "cards"})),
        ("transform/encode/orders", json!({"value": "123456"})),
    ].map(|(path, body)| engine.refusal(path, body)).join("\n"), @r#"
    400 ["fewer than a million possible values"]
    400 ["tweaks are chosen here and never taken from a caller: leave `tweak` out"]
    400 ["a key here has one format: leave `transformation` out, or name the key"]
    400 ["this kind of key makes no tokens: use one that does"]
    "#);
}

#[test]
fn keys_are_listed_rotated_trimmed_and_deleted() {
    let engine = Engine::new();
    engine.keys.create(json!({"name": "payments", "kind": "hmac"})).expect(201);
    let listed = [engine.request("LIST", "transit/keys").send(), engine.get("transit/keys?list=true")];
    for answer in listed {
        assert_eq!(answer.expect(200).member("data"), json!({"keys": ["orders"]}), "payments is another's");
    }
    insta::assert_snapshot!(told(&engine.get("transit/keys")), @r#"400 ["this route has a list and nothing else: ask with `?list=true`"]"#);
    insta::assert_snapshot!(told(&engine.get("transit/keys?list=true&after=x")), @r#"400 ["this route takes only: list"]"#);
    assert_eq!(engine.keys.house.request("LIST", "/v1/transit/keys").send().status, 403, "without a token");
    assert_eq!(engine.request("DELETE", "transit/keys").send().status, 404);

    assert_eq!(engine.request("PUT", "transit/keys/orders/rotate").send().status, 204);
    let config = |body: Value| engine.post("transit/keys/orders/config", body);
    assert_eq!(
        config(json!({"min_decryption_version": "2"})).expect(200).member("data")["min_decryption_version"],
        2
    );
    let trim = |body: Value| engine.post("transit/keys/orders/trim", body);
    insta::assert_snapshot!(told(&trim(json!({"min_available_version": 2}))), @r#"400 ["only versions below both minimums can be trimmed: raise them first"]"#);
    config(json!({"min_encryption_version": 2})).expect(200);
    assert_eq!(
        trim(json!({"min_available_version": 2})).expect(200).member("data")["min_available_version"],
        2
    );
    let delete = || engine.request("DELETE", "transit/keys/orders").send();
    insta::assert_snapshot!(told(&delete()), @r#"400 ["this key may not be deleted: allow it in its configuration first"]"#);
    config(json!({"deletion_allowed": true})).expect(200);
    assert_eq!(delete().status, 204);
    insta::assert_snapshot!(told(&delete()), @r#"400 ["encryption key not found"]"#);
    insta::assert_snapshot!(told(&engine.get("transit/keys/orders")), @"404 []");
    insta::assert_snapshot!(told(&engine.request("LIST", "transit/keys").send()), @"404 []");
}

#[test]
fn nothing_is_done_that_was_not_asked_for_and_nothing_passed_over() {
    let engine = Engine::new();
    let asked = [
        ("transit/encrypt/billing-new", json!({"plaintext": "QWRh", "type": "aes256-gcm96"})),
        ("transit/encrypt/payments", json!({"plaintext": "QWRh"})),
        ("transit/encrypt/orders", json!({"plaintext": "QWRh", "nonce": "AAAAAAAAAAAAAAAA"})),
        ("transit/decrypt/orders", json!({"ciphertext": "vault:v1:AUJC", "nonce": "AAAAAAAAAAAAAAAA"})),
        ("transit/encrypt/orders", json!({"plaintext": "QWRh", "convergent_encryption": true})),
        ("transit/encrypt/orders", json!({"plaintext": "QWRh", "asociated_data": "QWRh"})),
        ("transit/encrypt/orders", json!({"plaintext": "geheim"})),
        ("transit/encrypt/orders", json!({"plaintext": 7})),
        ("transit/encrypt/orders", json!({})),
        ("transit/encrypt/orders", json!([])),
        ("transit/keys/Billing", json!({})),
        ("transit/keys/billing-x", json!({"type": "rsa-2048"})),
        ("transit/keys/billing-x", json!({"convergent_encryption": true, "derived": true})),
        ("transit/keys/billing-x", json!({"exportable": true})),
        ("transit/keys/billing-x", json!({"allow_plaintext_backup": "true"})),
        ("transit/keys/billing-x", json!({"auto_rotate_period": "720h"})),
        ("transit/keys/billing-x", json!({"type": "hmac", "key_size": 64})),
        ("transit/keys/billing-x", json!({"type": "ed25519", "derived": true})),
        ("transit/keys/orders", json!({"type": "hmac"})),
        ("transit/keys/orders/config", json!({"exportable": true})),
        ("transit/keys/orders/rotate", json!({"to": 7})),
        ("transit/export/encryption-key/orders", json!({})),
        ("transit/backup/orders", json!({})),
    ];
    insta::assert_snapshot!(asked.map(|(path, body)| format!("{path}: {}", engine.refusal(path, body))).join("\n"), @r#"
    transit/encrypt/billing-new: 400 ["encryption key not found"]
    transit/encrypt/payments: 403 ["permission denied","your roles do not name this standalone key: use one that they name, or ask an administrator: billing-*, orders"]
    transit/encrypt/orders: 400 ["nonces are drawn here and never taken from a caller: leave `nonce` out"]
    transit/decrypt/orders: 400 ["nonces are drawn here and never taken from a caller: leave `nonce` out"]
    transit/encrypt/orders: 400 ["nothing is encrypted convergently here: leave `convergent_encryption` out"]
    transit/encrypt/orders: 400 ["there is a member that does not belong here: leave it out, or mend its name"]
    transit/encrypt/orders: 400 ["malformed plaintext"]
    transit/encrypt/orders: 400 ["malformed plaintext"]
    transit/encrypt/orders: 400 ["missing plaintext to encrypt"]
    transit/encrypt/orders: 400 ["expected an object"]
    transit/keys/Billing: 400 ["expected small letters, digits, `_` and `-`, 60 at most, beginning with a letter or digit"]
    transit/keys/billing-x: 400 ["there is no such type of key here: choose aes256-gcm96, ed25519, ecdsa-p256, ecdsa-p384 or hmac"]
    transit/keys/billing-x: 400 ["nothing is encrypted convergently here: leave `convergent_encryption` out"]
    transit/keys/billing-x: 400 ["keys never leave: leave `exportable` and `allow_plaintext_backup` out"]
    transit/keys/billing-x: 400 ["keys never leave: leave `exportable` and `allow_plaintext_backup` out"]
    transit/keys/billing-x: 400 ["keys are rotated when they are told to: leave `auto_rotate_period` out"]
    transit/keys/billing-x: 400 ["keys have one size, an hmac key 32 bytes: leave `key_size` out"]
    transit/keys/billing-x: 400 ["only aes256-gcm96 has keys for each context: leave `derived` out"]
    transit/keys/orders: 400 ["there is a key of another kind by this name: choose another name"]
    transit/keys/orders/config: 400 ["keys never leave: leave `exportable` and `allow_plaintext_backup` out"]
    transit/keys/orders/rotate: 400 ["there is a member that does not belong here: leave it out, or mend its name"]
    transit/export/encryption-key/orders: 404 ["there is no such route, or not with this method"]
    transit/backup/orders: 404 ["there is no such route, or not with this method"]
    "#);
    let keys = engine.request("LIST", "transit/keys").send().expect(200);
    assert_eq!(keys.member("data"), json!({"keys": ["orders"]}));
    // What clients say that says nothing, and what they may say of a key that is there.
    let usual = json!({"plaintext": "QWRh", "context": "", "nonce": "", "type": "aes256-gcm96", "convergent_encryption": false, "key_version": 0});
    engine.post("transit/encrypt/orders", usual).expect(200);
    let broken = engine.request("POST", "transit/encrypt/orders").body("{\"plaintext").send();
    insta::assert_snapshot!(told(&broken), @r#"400 ["the body is not JSON: line 1, column 11"]"#);
    let once = engine.request("POST", "transit/keys/orders/rotate").header("idempotency-key", "x").send();
    insta::assert_snapshot!(told(&once), @r#"400 ["this route takes no `Idempotency-Key`: a repeat would be a second act"]"#);
}
