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
        {"ref": "c", "subject": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874", "field": "name"},
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

#[test]
fn tokens_are_looked_after_and_ended() {
    let house = House::new();
    let (shop, dpo) = (house.key("service", "shop"), house.key("staff", "dpo"));
    let id = house.ada(&shop);
    let mailer = house
        .key_with(json!({"kind": "service", "name": "mail", "roles": ["mailer_api"], "recipient": "mailer"}));
    let make = |terms: Value| {
        let items = json!([{"subject": id, "field": "email"}, {"subject": id, "field": "name"}]);
        let request =
            json!({"purpose": "order_fulfilment", "recipient": "mailer", "items": items, "terms": terms});
        house.post(&shop, "/v1/tokens", request)
    };
    // What stands there twice, too late or without bounds is told, all of it.
    let wrong = json!({"expires": "2001-01-01T00:00:00Z", "uses": 0, "tags": ["a b"]});
    let faults = make(wrong).expect(422).json()["errors"].clone();
    let places: Vec<_> =
        faults.as_array().expect("faults").iter().map(|fault| fault["pointer"].clone()).collect();
    assert_eq!(places, ["/terms/expires", "/terms/uses", "/terms/tags/0"]);
    make(json!({"use": 1})).expect(422);

    let made = make(json!({"uses": 2, "metadata": {"order": 4711}, "tags": ["spring"]})).json();
    let (mail, name) = (made["items"][0]["token"].clone(), made["items"][1]["token"].clone());
    let mail_text = mail.as_str().expect("a token");
    assert!(mail_text.ends_with("@mailer.tokens.lindenhof.example"), "{mail_text}");

    let list = |query: &str| {
        let path = format!("/v1/tokens?{query}");
        house.request("GET", &path).key(&dpo).header("Avouch-Purpose", "data_rights").send()
    };
    let page = list(&format!("subject={id}&tag=spring&limit=1")).expect(200).json();
    assert_eq!(page["items"][0]["uses_left"], 2);
    assert_eq!(page["items"][0]["metadata"]["order"], 4711);
    let cursor = page["next_cursor"].as_str().expect("there is another");
    let rest = list(&format!("subject={id}&tag=spring&cursor={cursor}")).expect(200).json();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    assert!(page["items"][0]["id"] != rest["items"][0]["id"]);
    list("tag=spring").expect(422);
    list(&format!("subject={id}&recipient=mailer")).expect(422);

    let inspect =
        json!({"purpose": "data_rights", "tokens": [mail, name, "tok_mailer_mfzwizltmvqw45dfon2w4ylomq_zz"]});
    house.post(&dpo, "/v1/tokens/inspect", inspect).expect(404);
    let inspect = json!({"purpose": "data_rights", "tokens": [mail, name]});
    let seen = house.post(&dpo, "/v1/tokens/inspect", inspect).expect(200).json();
    assert_eq!(seen["items"][0]["stands_for"][0]["kind"], "format");
    assert_eq!(seen["items"][0]["stands_for"][0]["subject"], id);
    assert_eq!(seen["items"][1]["stands_for"][0]["kind"], "random", "a pointer has no uses to count");

    let open = |token: &Value| {
        let document = json!({"it": token});
        house.post(&mailer, "/v1/detokenize", json!({"purpose": "order_fulfilment", "document": document}))
    };
    assert_eq!(open(&mail).expect(200).json()["document"]["it"], "Ada.Beispiel@example.org");
    let revoke = |body: Value| house.post(&dpo, "/v1/tokens/revoke", body);
    assert_eq!(revoke(json!({"tokens": [mail]})).expect(200).json(), json!({"tokens": 1}));
    open(&mail).expect(404);
    assert_eq!(open(&name).expect(200).json()["document"]["it"], "Ada Beispiel");
    assert_eq!(revoke(json!({"subject": id})).expect(200).json(), json!({}));
    open(&name).expect(404);
    assert_eq!(revoke(json!({"recipient": "mailer", "all": true})).expect(200).json(), json!({}));
    for both in
        [json!({}), json!({"recipient": "mailer"}), json!({"subject": id, "all": true}), json!({"ids": [id]})]
    {
        revoke(both).expect(422);
    }
    // Whoever may make tokens may not end them.
    house.post(&shop, "/v1/tokens/revoke", json!({"subject": id})).expect(403);
}
