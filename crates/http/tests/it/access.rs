//! Who may call: keys that are alive, networks, suspension; and one answer for whatever is wrong with a credential.

use std::time::Duration;

use serde_json::json;

use crate::house::House;

#[test]
fn every_fault_of_a_credential_is_the_same_answer() {
    let house = House::new();
    let support = house.key("staff", "support");
    let mut damaged = support.clone();
    let last = damaged.pop().expect("a key has characters");
    damaged.push(if last == 'a' { 'b' } else { 'a' });

    let path = "/v1/status";
    let none = house.request("GET", path).send().expect(401);
    insta::assert_snapshot!(none.plain(), @r#"
    401 {
      "type": "/problems/not-authenticated",
      "title": "No usable credential",
      "status": 401,
      "detail": "send `Authorization: Bearer avk_…` with a key that is alive, or log in",
      "request_id": "request"
    }
    "#);
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    let basic = house.request("GET", path).header("authorization", "Basic YWRhOnB3").send();
    let twice = house.request("GET", path).key(&house.admin).key(&house.admin).send();
    let unknown = house.get("avk_test_0000", path);
    let wrong = house.get(&damaged, path);
    house.clock.advance(Duration::from_secs(8 * 24 * 3600));
    let expired = house.get(&support, path);
    for refused in [basic, twice, unknown, wrong, expired] {
        assert_eq!(refused.plain(), none.plain());
    }
}

#[test]
fn a_key_ends_when_it_is_withdrawn_and_a_principal_when_it_is_suspended() {
    let house = House::new();
    let made = house
        .post(
            &house.admin,
            "/v1/principals",
            json!({"kind": "staff", "name": "Support desk", "roles": ["support"]}),
        )
        .expect(201);
    insta::assert_snapshot!(made.plain(), @r#"
    201 {
      "id": "id",
      "kind": "staff",
      "name": "Support desk",
      "roles": [
        "support"
      ],
      "networks": [],
      "status": "active",
      "created": "time"
    }
    "#);
    let path = format!("/v1/principals/{}", made.text("id"));
    let key = || {
        let label = json!({"label": "laptop", "expires_in_days": 1});
        house.post(&house.admin, &format!("{path}/keys"), label).expect(201)
    };
    let (first, second) = (key(), key());
    insta::assert_snapshot!(first.plain(), @r#"
    201 {
      "id": "id",
      "key": "secret",
      "expires": "time"
    }
    "#);
    let search = json!({"purpose": "support", "reason": "call", "by": {"email": "nobody@example.org"}});
    let works = |key: &str| house.post(key, "/v1/subjects/search", search.clone()).status == 200;
    assert!(works(&first.text("key")) && works(&second.text("key")));

    let key_path = format!("{path}/keys/{}", first.text("id"));
    let withdrawn = house.request("DELETE", &key_path).key(&house.admin).send();
    insta::assert_snapshot!(withdrawn.plain(), @r#"
    200 {
      "id": "id",
      "label": "laptop",
      "created": "time",
      "expires": "time",
      "networks": [],
      "revoked": "time"
    }
    "#);
    assert!(!works(&first.text("key")) && works(&second.text("key")));
    house.request("DELETE", &key_path).key(&house.admin).send().expect(404);

    let patch = |body| house.request("PATCH", &path).key(&house.admin).json(&body).send();
    insta::assert_snapshot!(patch(json!({"status": "suspended", "name": "Desk"})).plain(), @r#"
    200 {
      "id": "id",
      "kind": "staff",
      "name": "Desk",
      "roles": [
        "support"
      ],
      "networks": [],
      "status": "suspended",
      "created": "time"
    }
    "#);
    assert!(!works(&second.text("key")));
    let keys = house.get(&house.admin, &format!("{path}/keys")).expect(200).json();
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(1));
    insta::assert_snapshot!(house.get(&house.admin, "/v1/principals?limit=1").expect(200).json()["items"][0]["name"], @r#""Administrator""#);
    assert_eq!(house.get(&house.admin, &path).expect(200).text("name"), "Desk");
}

#[test]
fn a_wrong_network_is_one_of_all_the_needs() {
    let house = House::new();
    let elsewhere = house.key_with(json!({
        "kind": "staff", "name": "Away", "roles": ["support"], "networks": ["192.0.2.0/24"],
    }));
    let request = json!({"purpose": "marketing", "by": {"email": "nobody@example.org"}});
    insta::assert_snapshot!(house.post(&elsewhere, "/v1/subjects/search", request).plain());
}

#[test]
fn explain_tells_the_same_needs_without_acting() {
    let house = House::new();
    let support = house.key("staff", "support");
    house.post(&support, "/v1/explain", json!({"action": "subject.reveal"})).expect(403);
    let auditor = house.key("auditor", "auditor");
    let explain = json!({"action": "subject.reveal", "purpose": "support", "fields": ["email"]});
    insta::assert_snapshot!(house.post(&auditor, "/v1/explain", explain).plain());
    insta::assert_snapshot!(house.post(&auditor, "/v1/explain", json!({"action": "subject.steal"})).plain());
}

#[test]
fn events_say_who_did_what_and_never_to_whom() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let id = house.ada(&shop);
    let auditor = house.key("auditor", "auditor");
    let events = house.get(&auditor, "/v1/events?action=subject.create").expect(200);
    insta::assert_snapshot!(events.plain());
    assert!(!String::from_utf8_lossy(&events.body).contains(&id));
    let page = house.get(&auditor, "/v1/events?limit=2").expect(200);
    let next =
        house.get(&auditor, &format!("/v1/events?limit=2&cursor={}", page.text("next_cursor"))).expect(200);
    assert!(page.json()["items"][1]["id"].as_str() > next.json()["items"][0]["id"].as_str());
    house.get(&shop, "/v1/events").expect(403);
}
