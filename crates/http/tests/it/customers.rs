//! A customer's life over the wire, and the batch form of it.

use serde_json::json;

use crate::house::House;

#[test]
fn a_customer_from_first_to_last() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let dpo = house.key("staff", "dpo");

    let create = |key: &str, email: &str| {
        house
            .request("POST", "/v1/subjects")
            .key(&shop)
            .header("Avouch-Purpose", "order_fulfilment")
            .header("Idempotency-Key", key)
            .json(&json!({"fields": {"name": "Ada Beispiel", "email": email, "phones": ["+49 30 5550100"]}}))
            .send()
    };
    let made = create("order-1", "Ada@example.org").expect(201);
    let id = made.text("id");
    let path = format!("/v1/subjects/{id}");
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!(made.header("etag"), Some("\"1\""));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    insta::assert_snapshot!(made.plain(), @r#"
    201 {
      "id": "id",
      "version": 1,
      "created": "time",
      "updated": "time",
      "fields": {},
      "views": {}
    }
    "#);
    assert_eq!(create("order-1", "Ada@example.org").expect(201).text("id"), id, "a repeat is the same act");
    insta::assert_snapshot!(create("order-1", "bo@example.org").plain(), @r#"
    409 {
      "type": "/problems/idempotency-conflict",
      "title": "The idempotency key was used for something else",
      "status": 409,
      "detail": "this `Idempotency-Key` stands for another request of yours: use a new one",
      "request_id": "request"
    }
    "#);
    insta::assert_snapshot!(create("order-2", "ADA@example.org").plain(), @r#"
    409 {
      "type": "/problems/conflict",
      "title": "This collides with what is stored",
      "status": 409,
      "detail": "another customer already has this value in `email`, which must be unique",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/fields/email",
          "detail": "taken: search for the customer, or give another value"
        }
      ]
    }
    "#);

    let read = house.request("GET", &path).key(&shop).header("Avouch-Purpose", "order_fulfilment").send();
    assert_eq!(read.header("etag"), Some("\"1\""));
    insta::assert_snapshot!(read.plain(), @r#"
    200 {
      "id": "id",
      "version": 1,
      "created": "time",
      "updated": "time",
      "fields": {
        "name": "•••",
        "email": "•••",
        "phones": [
          "•••"
        ]
      },
      "views": {
        "email": "masked",
        "name": "masked",
        "phones": "masked"
      }
    }
    "#);

    let reveal = json!({"purpose": "order_fulfilment", "fields": ["email", "phones"], "view": "clear"});
    let revealed = house.post(&shop, &format!("{path}/reveal"), reveal);
    insta::assert_snapshot!(revealed.plain(), @r#"
    200 {
      "id": "id",
      "version": 1,
      "created": "time",
      "updated": "time",
      "fields": {
        "email": "Ada@example.org",
        "phones": [
          "+49305550100"
        ]
      },
      "views": {
        "email": "clear",
        "phones": "clear"
      },
      "event": "id",
      "decided_by": [
        "role:shop/subject.reveal",
        "role:shop/reveals/2"
      ]
    }
    "#);

    let search = json!({"purpose": "order_fulfilment", "by": {"email": "ADA@EXAMPLE.ORG"}});
    let found = house.post(&shop, "/v1/subjects/search", search).expect(200).json();
    assert_eq!(found["items"][0]["id"], json!(id));

    let patch = |version: Option<&str>| {
        let mut request = house
            .request("PATCH", &path)
            .key(&shop)
            .header("Avouch-Purpose", "order_fulfilment")
            .header("Content-Type", "application/merge-patch+json")
            .body(json!({"fields": {"phones": null, "language": "de"}}).to_string());
        if let Some(version) = version {
            request = request.header("If-Match", version);
        }
        request.send()
    };
    insta::assert_snapshot!(patch(None).plain(), @r#"
    428 {
      "type": "/problems/precondition-required",
      "title": "Say which version you are changing",
      "status": 428,
      "detail": "say which version you change: `If-Match` with the `ETag` of your last read",
      "request_id": "request"
    }
    "#);
    insta::assert_snapshot!(patch(Some("W/\"1\"")).plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "expected one version in quotes in `If-Match`, such as `\"3\"`",
      "request_id": "request",
      "errors": [
        {
          "pointer": "",
          "detail": "expected one version in quotes in `If-Match`, such as `\"3\"`"
        }
      ]
    }
    "#);
    let patched = patch(Some("\"1\"")).expect(200);
    assert_eq!(patched.header("etag"), Some("\"2\""));
    insta::assert_snapshot!(patch(Some("\"1\"")).plain(), @r#"
    412 {
      "type": "/problems/precondition-failed",
      "title": "It has changed since you read it",
      "status": 412,
      "detail": "the current version is 2: read it and make the change from there",
      "request_id": "request"
    }
    "#);

    let stated = |method: &str, path: &str| {
        house
            .request(method, path)
            .key(&dpo)
            .header("Avouch-Purpose", "data_rights")
            .header("Avouch-Reason", "request%20of%20the%20customer")
    };
    let history = stated("GET", &format!("{path}/history?limit=1")).send();
    insta::assert_snapshot!(history.plain(), @r#"
    200 {
      "items": [
        {
          "version": 2,
          "at": "time",
          "by": {
            "id": "id",
            "kind": "service",
            "name": "Test shop"
          },
          "action": "subject.update",
          "changed": [
            "phones",
            "language"
          ],
          "fields": {
            "name": "•••",
            "email": "•••",
            "language": "de"
          },
          "views": {
            "email": "masked",
            "language": "masked",
            "name": "masked"
          }
        }
      ],
      "next_cursor": "AQMAAAAAAAAAAg"
    }
    "#);
    let cursor = history.text("next_cursor");
    let rest = stated("GET", &format!("{path}/history?limit=1&cursor={cursor}")).send().expect(200).json();
    assert_eq!(rest["items"][0]["version"], json!(1));

    stated("GET", &format!("{path}/accesses?limit=1")).send().expect(200);
    let accesses = house.get(&dpo, &format!("{path}/accesses")).expect(200).json();
    let looked = &accesses["items"][0];
    assert_eq!(
        [&looked["action"], &looked["purpose"], &looked["reason"]],
        ["subject.accesses", "data_rights", "request of the customer"].map(|text| json!(text)).each_ref(),
        "who asks who looked is on record with purpose and reason"
    );
    let one = |action: &str| {
        let all = accesses["items"].as_array().expect("a list");
        all.iter().find(|access| access["action"] == action).expect("it is on record")["fields"].to_string()
    };
    insta::assert_snapshot!(one("subject.search"), @r#"[{"name":"name","view":"masked"},{"name":"email","view":"masked"},{"name":"phones","view":"masked"}]"#);
    insta::assert_snapshot!(one("subject.reveal"), @r#"[{"name":"email","view":"clear"},{"name":"phones","view":"clear"}]"#);
    insta::assert_snapshot!(one("subject.update"), @r#"[{"name":"phones"},{"name":"language"}]"#);
    let actions: Vec<_> =
        accesses["items"].as_array().expect("a list").iter().map(|a| &a["action"]).collect();
    assert_eq!(actions.last(), Some(&&json!("subject.create")));
    assert!(actions.contains(&&json!("subject.reveal")), "{actions:?}");

    insta::assert_snapshot!(stated("DELETE", &path).header("If-Match", "\"1\"").send().plain(), @r#"
    412 {
      "type": "/problems/precondition-failed",
      "title": "It has changed since you read it",
      "status": 412,
      "detail": "the current version is 2: read it and make the change from there",
      "request_id": "request"
    }
    "#);
    let erased = stated("DELETE", &path).send().expect(200).json();
    assert_eq!((erased["deleted"].as_bool(), erased["receipt"]["number"].as_u64()), (Some(true), Some(1)));
    let gone = stated("GET", &path).send();
    let never = stated("GET", "/v1/subjects/5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874").send();
    assert_eq!(gone.expect(404).plain(), never.plain(), "an erased customer is one that never was");
}

#[test]
fn pages_follow_each_other_and_a_cursor_is_for_its_own_list() {
    let house = House::new();
    let (shop, support) = (house.key("service", "shop"), house.key("staff", "support"));
    for number in 0..3 {
        let fields = json!({"name": "Kim Muster", "email": format!("kim{number}@example.org")});
        house
            .request("POST", "/v1/subjects")
            .key(&shop)
            .header("Avouch-Purpose", "order_fulfilment")
            .json(&json!({"fields": fields}))
            .send()
            .expect(201);
    }
    let page = |query: &str| {
        house
            .request("GET", &format!("/v1/subjects{query}"))
            .key(&support)
            .header("Avouch-Purpose", "support")
            .header("Avouch-Reason", "weekly check")
            .send()
    };
    let first = page("?limit=2").expect(200);
    let cursor = first.text("next_cursor");
    let second = page(&format!("?limit=2&cursor={cursor}")).expect(200).json();
    assert_eq!(first.json()["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(second.get("next_cursor"), None);

    let said = ["?limit=0", "?limit=101", "?limit=ten", "?cursor=ada", "?page=2", "?limit=1&limit=2"]
        .map(|query| format!("{query}: {}", page(query).expect(422).text("detail")));
    insta::assert_snapshot!(said.join("\n"), @"
    ?limit=0: `?limit`: expected 1 to 100
    ?limit=101: `?limit`: expected 1 to 100
    ?limit=ten: `?limit`: expected 1 to 100
    ?cursor=ada: `?cursor`: expected the `next_cursor` of the page before, of the same list
    ?page=2: `?`: this route takes only: limit, cursor
    ?limit=1&limit=2: `?limit`: this parameter is given twice
    ");
    let search = json!({"purpose": "support", "by": {"name": "Kim Muster"}, "cursor": cursor});
    insta::assert_snapshot!(house.post(&support, "/v1/subjects/search", search).plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "`/cursor`: expected the `next_cursor` of the page before, of the same list",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/cursor",
          "detail": "expected the `next_cursor` of the page before, of the same list"
        }
      ]
    }
    "#);
}

#[test]
fn a_batch_answers_each_item_and_fails_none_for_another() {
    let house = House::new();
    let shop = house.key("service", "shop");
    let id = house.ada(&shop);
    let items = json!([
        {"ref": "new", "create": {"fields": {"name": "Bo Muster", "email": "bo@example.org"}}},
        {"ref": "twice", "create": {"fields": {"name": "Bo Muster", "email": "BO@example.org"}}},
        {"ref": "bad", "create": {"fields": {"name": "Bo", "email": "not an address", "shoe": 42}}},
        {"ref": "read", "read": {"id": id}},
        {"ref": "reveal", "reveal": {"id": id, "fields": ["card_number"]}},
        {"ref": "found", "search": {"by": {"external_id": "C-1001"}}},
        {"ref": "stale", "update": {"id": id, "version": 7, "fields": {"language": "de"}}},
        {"ref": "change", "update": {"id": id, "version": 1, "fields": {"language": "de"}}},
        {"ref": "not allowed", "delete": {"id": id}},
    ]);
    let batch = json!({"purpose": "order_fulfilment", "items": items});
    insta::assert_snapshot!(house.post(&shop, "/v1/subjects/batch", batch).plain());
}
