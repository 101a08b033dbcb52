//! `/v1/ties`, `/v1/watch` and one's own looks, as they are asked for over the network.

use serde_json::{Value, json};

use crate::house::House;

#[test]
fn a_tie_is_told_listed_and_ended() {
    let house = House::new();
    let (shop, crm, dpo) =
        (house.key("service", "shop"), house.key("service", "crm"), house.key("staff", "dpo"));
    let id = house.ada(&shop);
    let path = format!("/v1/subjects/{id}/ties");
    let tie = house.post(&crm, &path, json!({"kind": "case", "reference": "4711"})).expect(201).json();
    assert_eq!(
        (&tie["kind"], &tie["reference"], &tie["made_by"]["name"]),
        (&json!("case"), &json!("4711"), &json!("Test crm"))
    );
    let both = json!({"kind": "case", "actor": id, "team": id});
    house.post(&crm, &path, both).expect(422);
    house.post(&crm, &path, json!({"kind": "case", "ends": "2020-01-01T00:00:00Z"})).expect(422);
    house.post(&shop, &path, json!({"kind": "case"})).expect(403);
    let listed = house.get(&dpo, &path).expect(200).json();
    assert_eq!(listed["items"], json!([tie]));
    let one = format!("{path}/{}", tie["id"].as_str().expect("an id"));
    house.request("DELETE", &one).key(&crm).send().expect(204);
    house.request("DELETE", &one).key(&crm).send().expect(404);

    let items = json!([
        {"subject": id, "kind": "contact"},
        {"key": {"field": "email", "value": "nobody@example.org"}, "kind": "order"},
        {"key": {"field": "email", "value": "Ada.Beispiel@example.org"}, "kind": "order"},
    ]);
    let told = house.post(&crm, "/v1/ties", json!({ "items": items })).expect(200).json();
    assert_eq!(told["told"], 2);
    assert_eq!(told["problems"], json!([{"item": 1, "detail": "there is no such customer"}]));
    house.post(&crm, "/v1/ties", json!({"items": [{"kind": "case"}]})).expect(422);
    house.post(&crm, "/v1/ties", json!({"items": []})).expect(422);
}

#[test]
fn honey_looks_like_anybody_and_has_a_case() {
    let house = House::new();
    let (shop, dpo, ida) =
        (house.key("service", "shop"), house.key("staff", "dpo"), house.key("staff", "support"));
    let id = house.ada(&shop);
    let look = |key: &str| {
        let path = format!("/v1/subjects/{id}");
        house.request("GET", &path).key(key).header("Avouch-Purpose", "support").send().expect(200).json()
    };
    let before = look(&ida);
    let mark = house
        .request("PUT", &format!("/v1/subjects/{id}/mark"))
        .key(&dpo)
        .header("Avouch-Purpose", "data_rights");
    let mark = mark.json(&json!({"honey": true})).send().expect(200).json();
    assert_eq!(mark, json!({"tier": 0, "honey": true}));
    let after = look(&ida);
    assert_eq!(before["fields"], after["fields"]);
    assert_eq!(before["views"], after["views"]);

    let cases = house.get(&dpo, "/v1/watch/cases?state=open&family=honey").expect(200).json();
    let case = &cases["items"][0];
    assert_eq!(
        (&case["actor"]["name"], &case["family"], &case["state"]),
        (&json!("Test support"), &json!("honey"), &json!("open"))
    );
    house.get(&ida, "/v1/watch/cases").expect(403);
    house.get(&dpo, "/v1/watch/cases?state=lost").expect(422);
    let path = format!("/v1/watch/cases/{}", case["id"].as_str().expect("an id"));
    assert_eq!(house.get(&dpo, &path).expect(200).json(), *case);
    let close = json!({"outcome": "unjustified", "why": "she was curious"});
    house.post(&ida, &format!("{path}/close"), close.clone()).expect(403);
    house.post(&dpo, &format!("{path}/close"), close.clone()).expect(204);
    house.post(&dpo, &format!("{path}/close"), close).expect(409);
    let closed = house.get(&dpo, &path).expect(200).json();
    assert_eq!(
        (&closed["outcome"], &closed["why"], &closed["closed_by"]),
        (&json!("unjustified"), &json!("she was curious"), &json!("Test dpo"))
    );

    let own = house.get(&ida, "/v1/account/accesses").expect(200).json();
    assert_eq!(own["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&own["items"][0]["action"], &own["items"][0]["purpose"]),
        (&json!("subject.read"), &json!("support"))
    );
    assert!(
        own["monitoring"].as_str().expect("a text").contains("on record")
            && own["acknowledged"] == Value::Null
    );
    let said = house.request("POST", "/v1/account/monitoring").key(&ida).send().expect(200).json();
    assert_eq!(
        house.get(&ida, "/v1/account/accesses").expect(200).json()["acknowledged"],
        said["acknowledged"]
    );
}
