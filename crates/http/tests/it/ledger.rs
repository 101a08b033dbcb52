//! The ledger as somebody follows it who has the verifier keys and nothing else of ours.
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on stops")]

use avouch_ledger::bundle::Bundle;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{VerifierKey, open_checkpoint};
use avouch_ledger::prove::root;
use avouch_ledger::receipt::Receipt;
use avouch_ledger::tile::{BundleId, TileId};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::house::House;

/// What a stranger is given: keys, and the newest checkpoint.
fn follow(house: &House, log: u64) -> (Vec<VerifierKey>, Checkpoint) {
    let state: Value = house.request("GET", "/v1/ledger").send().expect(200).json();
    let of = state["logs"].as_array().expect("logs").iter().find(|one| one["number"] == log).expect("it");
    let keys: Vec<VerifierKey> = of["verifier_keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| VerifierKey::parse(key.as_str().expect("a text")).expect("a key"))
        .collect();
    let note = house.request("GET", &format!("/v1/ledger/{log}/checkpoint")).send().expect(200);
    assert_eq!(note.header("content-type"), Some("text/plain; charset=utf-8"));
    let opened = open_checkpoint(std::str::from_utf8(&note.body).expect("text"), &keys).expect("signed");
    assert_eq!(opened.checkpoint().origin, of["origin"].as_str().expect("a name"));
    (keys.clone(), opened.checkpoint().clone())
}

#[test]
fn anybody_can_follow_the_log_and_whoever_may_read_events_sees_what_is_in_it() {
    let house = House::new();
    house.request("GET", "/v1/ledger/1/checkpoint").send().expect(404);
    let shop = house.key("service", "shop");
    house.ada(&shop);
    house.publish();
    let (_, checkpoint) = follow(&house, 1);
    let mut read = |tile: TileId| -> Result<Vec<u8>, avouch_ledger::Error> {
        let answer = house.request("GET", &format!("/v1/ledger/1/{}", tile.path())).send().expect(200);
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert!(answer.header("cache-control").is_some_and(|cache| cache.contains("immutable")));
        Ok(answer.body)
    };
    assert_eq!(root(&mut read, checkpoint.size), Ok(checkpoint.root));
    // What no checkpoint covers is not shown.
    let beyond = TileId { level: 0, index: 0, width: u16::try_from(checkpoint.size + 1).expect("few") };
    house.request("GET", &format!("/v1/ledger/1/{}", beyond.path())).send().expect(404);
    for nothing in [
        "2/checkpoint",
        "1/tile/0/0",
        "1/tile/9/000",
        "1/tile/0/000.p/0",
        "1/tile/0/x001/000",
        "x/checkpoint",
    ] {
        house.request("GET", &format!("/v1/ledger/{nothing}")).send().expect(404);
    }

    let bundle = BundleId::within(checkpoint.size, 0).expect("one");
    let path = format!("/v1/ledger/1/{}", bundle.path());
    house.request("GET", &path).send().expect(401);
    house.get(&shop, &path).expect(403);
    let answer = house.get(&house.admin, &path).expect(200);
    let entries = Bundle::parse(&answer.body, bundle.width).expect("entries");
    let tile = TileId::within(checkpoint.size, 0, 0).expect("one");
    let tile = house.request("GET", &format!("/v1/ledger/1/{}", tile.path())).send().expect(200);
    let leaves: Vec<u8> = entries.entries().flat_map(|entry| Hash::leaf(entry).0).collect();
    assert_eq!(leaves, tile.body);
    let newest = house.get(&house.admin, "/v1/events?limit=1").expect(200).json();
    assert_eq!(newest["items"][0]["action"], "event.read", "reading them is an event");
}

#[test]
fn the_proof_of_an_event_verifies_without_the_server() {
    let house = House::new();
    let shop = house.key("service", "shop");
    house.ada(&shop);
    let event = |action: &str| {
        let path = format!("/v1/events?action={action}");
        house.get(&house.admin, &path).expect(200).json()["items"][0]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let created = format!("/v1/events/{}/proof", event("subject.create"));
    house.get(&house.admin, &created).expect(409);
    house.publish();
    house.get(&shop, &created).expect(403);
    let proof = house.get(&house.admin, &created).expect(200).json();
    let (keys, checkpoint) = follow(&house, 1);
    let receipt = Receipt::parse(proof["receipt"].as_str().expect("a text")).expect("a receipt");
    let leaf = BASE64.decode(proof["leaf"].as_str().expect("a text").as_bytes()).expect("base64");
    let verified = receipt.verify_by_log(&leaf, &keys).expect("it is in the log");
    assert_eq!(verified.checkpoint(), &checkpoint);
    assert_eq!(
        (proof["origin"].as_str(), proof["index"].as_u64()),
        (Some(&*checkpoint.origin), Some(receipt.index()))
    );
    for changed in 0..leaf.len() {
        let mut other = leaf.clone();
        other[changed] ^= 1;
        receipt.verify_by_log(&other, &keys).expect_err("another event");
    }
    house.get(&house.admin, "/v1/events/5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874/proof").expect(404);
}

#[test]
fn a_ledger_that_nobody_witnesses_says_so() {
    let house = House::new();
    house.publish();
    let state = house.request("GET", "/v1/ledger").send().expect(200).json();
    assert_eq!((&state["witnessed_by"], &state["witnessed"]), (&json!([]), &Value::Null));
    insta::assert_snapshot!(state["warning"].as_str().expect("a warning"));
}
