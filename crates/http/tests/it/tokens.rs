//! Tokens over the wire: made for one recipient, of use to that recipient only, in whole documents.

use serde_json::{Value, json};

use crate::house::House;

#[test]
fn a_token_serves_its_own_recipient_and_dies_with_the_customer() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let id = house.ada(&shop);
    let partner = |role: &str, recipient: &str| {
        house.key_with(json!({"kind": "service", "name": role, "roles": [role], "recipient": recipient}))
    };
    let (parcels, mailer) = (partner("parcels_api", "parcels"), partner("mailer_api", "mailer"));

    let items = json!([
        {"ref": "a", "subject": id, "field": "name"},
        {"ref": "b", "subject": id, "field": "phones", "value": 0},
        {"ref": "c", "subject": "019560f0-1111-7000-8000-000000000001", "field": "name"},
    ]);
    let request = json!({"purpose": "order_fulfilment", "recipient": "parcels", "items": items});
    let tokens = house.post(&shop, "/v1/tokens", request);
    insta::assert_snapshot!(tokens.plain());
    let token = tokens.json()["items"][0]["token"].clone();

    let back = |key: &str, document: Value| {
        house.post(key, "/v1/detokenize", json!({"purpose": "order_fulfilment", "document": document}))
    };
    let label = json!({"parcel": 17, "to": [{"who": token.clone(), "note": "ring twice"}]});
    insta::assert_snapshot!(back(&parcels, label.clone()).plain());
    insta::assert_snapshot!(back(&mailer, label.clone()).plain());

    let dpo = house.key("staff", "dpo");
    house
        .request("DELETE", &format!("/v1/subjects/{id}"))
        .key(&dpo)
        .header("Avouch-Purpose", "data_rights")
        .header("Avouch-Reason", "erasure asked for")
        .send()
        .expect(200);
    assert_eq!(
        back(&parcels, label.clone()).plain(),
        back(&mailer, label).plain(),
        "erased looks like foreign"
    );
}

#[test]
fn a_recipient_is_given_no_more_than_the_charter_shares() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let id = house.ada(&shop);
    let needs = |purpose: &str, field: &str| {
        let items = json!([{"subject": id, "field": field}]);
        let request = json!({"purpose": purpose, "recipient": "parcels", "items": items});
        house.post(&shop, "/v1/tokens", request).expect(403).json()["needs"].to_string()
    };
    insta::assert_snapshot!(needs("order_fulfilment", "email"), @r#"[{"need":"field","detail":"the charter does not share `email` with this recipient"}]"#);
    insta::assert_snapshot!(needs("payment", "name"), @r#"[{"need":"purpose","detail":"the charter gives this recipient nothing for that purpose: state one that it serves","allowed":["order_fulfilment"]}]"#);
}

#[test]
fn a_document_keeps_its_shape_through_both_ways() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let parcels = house.key_with(
        json!({"kind": "service", "name": "Labels", "roles": ["parcels_api"], "recipient": "parcels"}),
    );
    let id = house.ada(&shop);
    let order = json!({
        "order": 4711,
        "customer": {"external_id": "C-1001", "name": "Ada Beispiel", "phones": ["+49 30 5550100"]},
    });
    let request = |unmapped: &str, document: &Value| {
        json!({
            "purpose": "order_fulfilment", "recipient": "parcels", "subject": id,
            "unmapped": unmapped, "document": document,
        })
    };
    insta::assert_snapshot!(house.post(&shop, "/v1/tokenize", request("refuse", &order)).plain());
    let order = json!({"order": 4711, "customer": {"name": "Ada Beispiel", "phones": ["+49 30 5550100"]}});
    let tokenized = house.post(&shop, "/v1/tokenize", request("keep", &order)).expect(200);
    insta::assert_snapshot!(tokenized.plain());

    let document = tokenized.json()["document"].clone();
    let back = json!({"purpose": "order_fulfilment", "document": document});
    let back = house.post(&parcels, "/v1/detokenize", back).expect(200).json();
    assert_eq!(back["document"]["customer"]["name"], json!("Ada Beispiel"));
    assert_eq!(back["document"]["order"], json!(4711));
}
