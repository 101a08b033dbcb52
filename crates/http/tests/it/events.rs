//! Events: found, followed, taken along, and counted by recipient.
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on stops")]

use serde_json::{Value, json};

use crate::house::{Answer, House};

fn actions(answer: &Answer) -> Vec<String> {
    let items = answer.json()["items"].as_array().expect("items").clone();
    items.iter().map(|item| item["action"].as_str().expect("an action").to_owned()).collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = std::str::from_utf8(&answer.body).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_list_is_narrowed_by_all_that_an_event_says() {
    let house = House::new();
    let (shop, auditor) = (house.key("service", "shop"), house.key("auditor", "auditor"));
    let id = house.ada(&shop);
    house.post(&shop, "/v1/events/search", json!({"subject": id})).expect(403);
    let list = |query: &str| actions(&house.get(&auditor, &format!("/v1/events?{query}")).expect(200));
    assert_eq!(list("purpose=order_fulfilment"), ["subject.create"]);
    assert_eq!(list("outcome=refused"), ["event.search"]);
    assert_eq!(list("action=subject.create&outcome=done"), ["subject.create"]);
    assert_eq!(list("recipient=parcels"), [""; 0]);
    assert_eq!(list("until=2020-01-01T00:00:00Z"), [""; 0]);
    assert!(list("since=2020-01-01T00:00:00%2B01:00").len() > 5);
    for wrong in [
        "outcome=lost",
        "since=yesterday",
        "actor=ada",
        "action=Ada%20Beispiel",
        "after=3",
        "log=-1",
        "log=x",
        "subject=x",
    ] {
        let refused = house.get(&auditor, &format!("/v1/events?{wrong}")).expect(422);
        assert!(!String::from_utf8_lossy(&refused.body).contains("Beispiel"));
    }
}

#[test]
fn what_is_about_a_customer_is_found_by_whoever_may_look_for_it() {
    let house = House::new();
    let (shop, auditor) = (house.key("service", "shop"), house.key("auditor", "auditor"));
    let id = house.ada(&shop);
    let found = house.post(&auditor, "/v1/events/search", json!({"subject": id})).expect(200);
    assert_eq!(actions(&found), ["subject.create"]);
    assert!(!String::from_utf8_lossy(&found.body).contains(&id));
    let body = json!({"subject": id, "limit": 1});
    let page = house.post(&auditor, "/v1/events/search", body).expect(200);
    assert_eq!(actions(&page), ["event.search"], "the search before was a look");
    let body = json!({"subject": id, "limit": 1, "cursor": page.text("next_cursor")});
    assert_eq!(actions(&house.post(&auditor, "/v1/events/search", body).expect(200)), ["subject.create"]);
    let none = json!({"subject": id, "outcome": "refused", "since": "2026-01-01T00:00:00Z"});
    assert_eq!(actions(&house.post(&auditor, "/v1/events/search", none).expect(200)), [""; 0]);
    house.post(&house.admin, "/v1/events/search", json!({"subject": id})).expect(403);
    house.post(&auditor, "/v1/events/search", json!({"subject": "ada"})).expect(422);
    let nobody = json!({"subject": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874"});
    house.post(&auditor, "/v1/events/search", nobody).expect(404);
    let accesses = house.get(&auditor, &format!("/v1/subjects/{id}/accesses"));
    assert_eq!(accesses.status, 403, "that is another permission");
}

#[test]
fn whoever_follows_by_place_misses_nothing_and_sees_nothing_twice() {
    let house = House::new();
    let shop = house.key("service", "shop");
    house.publish();
    let mut page = house.get(&house.admin, "/v1/events?log=1&limit=2").expect(200);
    let mut indexes = Vec::new();
    for round in 0..30 {
        let items = page.json()["items"].as_array().expect("items").clone();
        indexes.extend(items.iter().map(|item| item["index"].as_u64().expect("a place")));
        assert!(items.iter().all(|item| item["log"] == 1));
        if round == 3 {
            house.ada(&shop);
        }
        house.publish();
        let next = format!("/v1/events?limit=2&cursor={}", page.text("next_cursor"));
        page = house.get(&house.admin, &next).expect(200);
    }
    assert!(indexes.len() > 25);
    assert_eq!(indexes, (0..indexes.len() as u64).collect::<Vec<_>>());
    let created = house.get(&house.admin, "/v1/events?log=1&action=subject.create").expect(200);
    assert_eq!(actions(&created), ["subject.create"]);
    let behind = created.json()["items"][0]["index"].as_u64().expect("a place");
    let later = house.get(&house.admin, &format!("/v1/events?log=1&after={behind}&limit=1")).expect(200);
    assert_eq!(later.json()["items"][0]["index"], behind + 1);
    house.get(&house.admin, "/v1/events?log=2").expect(404);
}

#[test]
fn events_are_taken_along_in_the_order_of_the_log_in_either_form() {
    let house = House::new();
    let shop = house.key("service", "shop");
    house.get(&shop, "/v1/events/export").expect(403);
    let id = house.ada(&shop);
    let nothing = house.get(&house.admin, "/v1/events/export").expect(200);
    assert_eq!((nothing.body.len(), nothing.header("avouch-index")), (0, None), "nothing is signed");
    house.publish();
    let mut after = String::new();
    let mut all = Vec::new();
    loop {
        let page = house.get(&house.admin, &format!("/v1/events/export?limit=3{after}")).expect(200);
        all.extend(lines(&page));
        assert_eq!((page.header("avouch-log"), page.header("avouch-log-size").is_some()), (Some("1"), true));
        let index = page.header("avouch-index").expect("a place").to_owned();
        if all.len() as u64
            == page.header("avouch-log-size").expect("a size").parse::<u64>().expect("a number")
        {
            break;
        }
        after = format!("&log=1&after={index}");
    }
    let indexes: Vec<u64> = all.iter().map(|line| line["index"].as_u64().expect("a place")).collect();
    assert_eq!(indexes, (0..all.len() as u64).collect::<Vec<_>>());
    assert!(all.iter().all(|line| line["actor"].get("name").is_none()), "names are not taken along");
    let created = all.iter().find(|line| line["action"] == "subject.create").expect("it is there");

    let ocsf = house.get(&house.admin, "/v1/events/export?format=ocsf&log=1").expect(200);
    assert!(!String::from_utf8_lossy(&ocsf.body).contains(&id));
    let ocsf = lines(&ocsf);
    assert_eq!(ocsf.len(), all.len());
    for (line, ocsf) in all.iter().zip(&ocsf) {
        assert_eq!(ocsf["metadata"]["sequence"], line["index"]);
        assert_eq!(ocsf["unmapped"]["leaf"], line["leaf"]);
        let uid = format!("{}/{}", line["origin"].as_str().expect("a name"), line["index"]);
        assert_eq!(ocsf["metadata"]["uid"], uid);
        assert_eq!(ocsf["metadata"]["original_event_uid"], line["id"]);
    }
    // The leaf is the one that the event's proof is about.
    let proof = house
        .get(&house.admin, &format!("/v1/events/{}/proof", created["id"].as_str().expect("an id")))
        .expect(200);
    let leaf = data_encoding::BASE64.decode(proof.text("leaf").as_bytes()).expect("base64");
    let hash = avouch_ledger::hash::Hash::leaf(&leaf);
    assert_eq!(created["leaf"], data_encoding::HEXLOWER.encode(&hash.0));
    for wrong in ["format=xml", "limit=0", "limit=1001", "log=x"] {
        house.get(&house.admin, &format!("/v1/events/export?{wrong}")).expect(422);
    }
    house.get(&house.admin, "/v1/events/export?log=7").expect(404);
}

#[test]
fn what_recipients_were_given_is_counted_and_says_nobodys_name() {
    let house = House::new();
    let (shop, dpo) = (house.key("service", "shop"), house.key("staff", "dpo"));
    let id = house.ada(&shop);
    let items = json!([{"subject": id, "field": "name"}, {"subject": id, "field": "address"}]);
    let request = json!({"recipient": "parcels", "purpose": "order_fulfilment", "items": items});
    house.post(&shop, "/v1/tokens", request).expect(200);
    house.get(&shop, "/v1/disclosures").expect(403);
    insta::assert_snapshot!(house.get(&dpo, "/v1/disclosures").expect(200).plain());
    let none = house.get(&dpo, "/v1/disclosures?recipient=mailer").expect(200);
    assert_eq!(none.json(), json!({"items": []}));
    let before = house.get(&dpo, "/v1/disclosures?until=2020-01-01T00:00:00Z").expect(200);
    assert_eq!(before.json(), json!({"items": []}));
    house.get(&dpo, "/v1/disclosures?since=then").expect(422);
}
