//! `/v1/keys`: drills and changes of seals, as they are asked for over the network.

use avouch_seal::VaultId;
use avouch_seal::keyring::KeyringKey;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;

use crate::house::House;

#[test]
fn a_drill_is_answered_by_whoever_has_the_seal() {
    let house = House::new();
    let begin = |slot: &str| house.post(&house.admin, "/v1/keys/drills", json!({"slot": slot}));
    begin("nothing").expect(404);
    let drill = begin("key-file").expect(200);
    let vault =
        HEXLOWER.decode(drill.text("vault").as_bytes()).expect("hexadecimal").try_into().expect("an id");
    let wrapped = BASE64.decode(drill.text("wrapped").as_bytes()).expect("base64");
    let key = KeyringKey::unwrap(&wrapped, &house.recovery, VaultId(vault), 1).expect("the seal opens");
    let challenge = BASE64.decode(drill.text("challenge").as_bytes()).expect("base64");
    let right = BASE64.encode(&key.proof().answer("key-file", &challenge.try_into().expect("32 bytes")));

    let answer = |answer: &str| {
        let body = json!({"slot": "key-file", "challenge": drill.text("challenge"), "answer": answer});
        house.post(&house.admin, "/v1/keys/drills/answer", body)
    };
    insta::assert_snapshot!(answer("not base64!").plain());
    insta::assert_snapshot!(answer(&BASE64.encode(&[7; 32])).plain());
    let drilled = answer(&right).expect(200).json();
    assert_eq!(drilled["slot"], "key-file");
    let auditor = house.key("auditor", "auditor");
    house.post(&auditor, "/v1/keys/drills", json!({"slot": "key-file"})).expect(403);
}

#[test]
fn seals_are_changed_to_what_can_be_and_by_whom_may() {
    let house = House::with(|settings| {
        settings.next_seal =
            Some(std::sync::Arc::new(|| Err("`next.key`: there is no such file".to_owned())));
    });
    let post = |body| house.post(&house.admin, "/v1/keys/recovery", body);
    insta::assert_snapshot!(house.request("POST", "/v1/keys/reseal").key(&house.admin).send().plain());
    insta::assert_snapshot!(
        post(json!({"threshold": 2, "custodians": ["age1nobody", "age1nobody"]})).plain()
    );
    let somebody = age::x25519::Identity::generate().to_public().to_string();
    insta::assert_snapshot!(post(json!({"threshold": 2, "custodians": [somebody, somebody]})).plain());
    insta::assert_snapshot!(post(json!({"threshold": 2, "custodians": [somebody]})).plain());
    let others = [0; 3].map(|_| age::x25519::Identity::generate().to_public().to_string());
    let made = post(json!({"threshold": 2, "custodians": others})).expect(200).json();
    let shares = made["shares"].as_array().expect("shares");
    assert_eq!((made["threshold"].as_u64(), shares.len()), (Some(2), 3));
    assert!(shares.iter().all(|share| {
        share.as_str().expect("a text").starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n")
    }));
    let dpo = house.key("staff", "dpo");
    house.request("POST", "/v1/keys/reseal").key(&dpo).send().expect(403);
    house.post(&dpo, "/v1/keys/recovery", json!({"threshold": 2, "custodians": others})).expect(403);
}
