//! A charter from its draft to its end, over the network.

use serde_json::{Value, json};

use crate::house::{House, charter};

/// The shop's charter with its rule of a second person, and more of a file where something is said.
fn files(changes: &[(&str, &str, &str)]) -> Vec<Value> {
    let mut files: Vec<Value> = charter()
        .into_iter()
        .map(|file| {
            let changed = changes.iter().filter(|(path, ..)| *path == file.path);
            let text = changed.fold(file.text, |text, (_, before, after)| text.replace(before, after));
            json!({"path": file.path, "text": text})
        })
        .collect();
    let rule = include_str!("../../../../charter/policies/charter.cedar");
    files.push(json!({"path": "policies/charter.cedar", "text": rule}));
    files
}

#[test]
fn a_charter_is_drafted_replayed_agreed_to_activated_and_rolled_back() {
    let house = House::new();
    let first = json!({"files": files(&[]), "base_version": 1});
    house.post(&house.admin, "/v1/charter/apply", first).expect(200);
    let (shop, support, dpo) =
        (house.key("service", "shop"), house.key("staff", "support"), house.key("staff", "dpo"));
    let ada = house.ada(&shop);
    let reveal = || {
        let asked = json!({"purpose": "support", "reason": "she is on the phone", "fields": ["email"]});
        house.post(&support, &format!("/v1/subjects/{ada}/reveal"), asked)
    };
    reveal().expect(200);

    let less = files(&[(
        "roles.yaml",
        "    - fields: [name, contact]\n      reads: partial\n      reveals: clear\n    - fields: [birth_date, notes]",
        "    - fields: [name, phones]\n      reads: partial\n      reveals: clear\n    - fields: [birth_date, notes]",
    )]);
    let apply = json!({"files": less, "base_version": 2});
    let refused = house.post(&house.admin, "/v1/charter/apply", apply).expect(403).json();
    assert_eq!(refused["needs"][0]["allowed"][0], json!("charter_change"), "{refused}");
    let broken = json!({"files": [{"path": "data.yaml", "text": "fields: ["}], "why": "a try"});
    house.post(&house.admin, "/v1/charter/drafts", broken).expect(422);
    let request = json!({"files": less, "why": "support needs less"});
    house.post(&support, "/v1/charter/drafts", request.clone()).expect(403);
    let drafted = house.post(&house.admin, "/v1/charter/drafts", request).expect(201).json();
    let id = drafted["id"].as_str().expect("an id").to_owned();
    assert_eq!((&drafted["why"], &drafted["base_version"]), (&json!("support needs less"), &json!(2)));
    let listed = house.get(&dpo, "/v1/charter/drafts").expect(200).json();
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["approvals"][0]["state"]),
        (&json!(id), &json!("asked"))
    );
    let shown = house.get(&dpo, &format!("/v1/charter/drafts/{id}")).expect(200).json();
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(less.len()));

    let replay = format!("/v1/charter/drafts/{id}/replay");
    let replayed = house.post(&dpo, &replay, json!({"days": 7})).expect(200).json();
    let change = replayed["changes"]
        .as_array()
        .and_then(|all| all.iter().find(|change| change["action"] == "subject.reveal"))
        .expect("somebody loses");
    assert_eq!(
        [&change["roles"], &change["purpose"], &change["field"], &change["becomes"], &change["times"]],
        [&json!(["support"]), &json!("support"), &json!("email"), &json!("refused"), &json!(1)]
    );
    house.post(&dpo, &replay, json!({"days": 0})).expect(422);
    house.post(&dpo, &replay, json!({"cursor": "nonsense"})).expect(422);
    house.post(&support, &replay, json!({})).expect(403);

    let activate = format!("/v1/charter/drafts/{id}/activate");
    house.post(&house.admin, &activate, json!({})).expect(403);
    let approval = drafted["approvals"][0]["id"].as_str().expect("an id");
    house.post(&dpo, &format!("/v1/approvals/{approval}/word"), json!({"agrees": true})).expect(200);
    let active = house.post(&house.admin, &activate, json!({})).expect(200).json();
    assert_eq!(active, json!({"version": 3}));
    assert_eq!(house.get(&dpo, "/v1/charter").expect(200).json()["digest"], drafted["digest"]);
    reveal().expect(403);

    let back =
        house.post(&house.admin, "/v1/charter/roll-back", json!({"base_version": 3})).expect(200).json();
    assert_eq!(back, json!({"version": 4}));
    reveal().expect(200);
    house.post(&house.admin, "/v1/charter/roll-back", json!({"base_version": 3})).expect(409);
    house.get(&dpo, &format!("/v1/charter/drafts/{id}")).expect(404);
}
