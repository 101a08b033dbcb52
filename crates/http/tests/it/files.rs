//! Customers in and out by the thousand: a mapping, chunks that may be repeated, streams, refusals before the first byte.

use serde_json::{Value, json};

use crate::house::{Answer, House};

#[test]
fn an_import_from_proposal_to_state() {
    let house = House::new();
    let importer = house.key("service", "importer");
    let send = |method: &str, path: &str, body: Option<Value>| -> Answer {
        let request = house.request(method, path).key(&importer).header("Avouch-Purpose", "administration");
        match body {
            Some(body) => request.json(&body).send(),
            None => request.send(),
        }
    };
    let columns = json!([
        {"header": "Name", "samples": ["Ada Beispiel", "Bo Muster"]},
        {"header": "E-Mail", "samples": ["ada@example.org", "bo@example.org"]},
        {"header": "Xyz", "samples": ["", ""]},
    ]);
    let proposal = send("POST", "/v1/imports/propose", Some(json!({"columns": columns}))).expect(200).json();
    assert_eq!(proposal["mapping"]["E-Mail"]["field"], json!("email"));
    assert_eq!(proposal["unmapped"], json!(["Xyz"]));

    let begin =
        json!({"source_digest": "0".repeat(64), "mapping_digest": "1".repeat(64), "on_duplicate": "reject"});
    let id = send("POST", "/v1/imports", Some(begin.clone())).expect(200).text("id");
    let rows = json!({"rows": [
        {"row": 1, "fields": {"name": "Ada Beispiel", "email": "ada@example.org"}},
        {"row": 2, "fields": {"name": "Bo Muster", "email": "no address"}},
        {"row": 3, "fields": {"name": "Ada Again", "email": "ADA@example.org"}},
    ]});
    let chunk = format!("/v1/imports/{id}/chunks/0");
    let first = send("PUT", &chunk, Some(rows.clone()));
    insta::assert_snapshot!(first.plain());
    assert_eq!(send("PUT", &chunk, Some(rows)).plain(), first.plain(), "a repeat is the same answer");
    insta::assert_snapshot!(send("GET", &format!("/v1/imports/{id}"), None).plain(), @r#"
    200 {
      "id": "id",
      "rows_accepted": 1,
      "rows_skipped": 0,
      "rows_rejected": 2,
      "chunks_done": [
        [
          0,
          0
        ]
      ]
    }
    "#);
    let resumed = send("POST", "/v1/imports", Some(begin)).expect(200).json();
    assert_eq!((&resumed["id"], &resumed["chunks_done"]), (&json!(id), &json!([[0, 0]])));

    let bad = json!({"source_digest": "abc", "mapping_digest": "1".repeat(64)});
    insta::assert_snapshot!(send("POST", "/v1/imports", Some(bad)).plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "`/source_digest`: expected a SHA-256 digest as 64 hexadecimal digits",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/source_digest",
          "detail": "expected a SHA-256 digest as 64 hexadecimal digits"
        }
      ]
    }
    "#);
    let none = send(
        "PUT",
        "/v1/imports/5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874/chunks/0",
        Some(json!({"rows": [{"row": 1, "fields": {"name": "Ada"}}]})),
    );
    none.expect(404);
}

#[test]
fn an_export_is_a_stream_or_a_refusal() {
    let house = House::new();
    let (shop, dpo) = (house.key("service", "shop"), house.key("staff", "dpo"));
    house.ada(&shop);
    let export = |key: &str, change: Value| {
        let mut request = json!({
            "purpose": "data_rights", "reason": "asked by the customer",
            "fields": ["email", "phones"], "format": "csv",
        });
        request.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        house.post(key, "/v1/exports", request)
    };
    // Nobody does this alone.
    insta::assert_snapshot!(export(&dpo, json!({"plain": true})).plain(), @r#"
    403 {
      "type": "/problems/denied-by-policy",
      "title": "The policy does not allow this",
      "status": 403,
      "detail": "one thing is missing: see `needs`",
      "request_id": "request",
      "needs": [
        {
          "need": "approval",
          "detail": "others have to agree: ask for the approval `export`",
          "allowed": [
            "export"
          ]
        }
      ],
      "decided_by": [
        "approval:export/subject.export"
      ]
    }
    "#);
    let wish = json!({
        "approval": "export", "action": "subject.export", "purpose": "data_rights", "everybody": true,
        "fields": ["email", "phones"], "reason": "asked by the customer", "customers": 3,
    });
    let id =
        house.post(&dpo, "/v1/approvals", wish).expect(201).json()["id"].as_str().expect("an id").to_owned();
    let security = house.key("staff", "security");
    let waiting = house.get(&security, "/v1/approvals").expect(200).json();
    assert_eq!(waiting["items"][0]["everybody"], json!(true));
    assert_eq!(waiting["items"][0]["predicted"], json!(1));
    assert_eq!(waiting["items"][0]["recently"], json!({"customers": 0, "clear_values": 0}));
    for (who, state) in [(&security, "asked"), (&house.admin, "granted")] {
        let word = house.post(who, &format!("/v1/approvals/{id}/word"), json!({"agrees": true})).expect(200);
        assert_eq!(word.json()["state"], json!(state));
    }
    let csv = export(&dpo, json!({"plain": true})).expect(200);
    assert!(csv.whole);
    assert_eq!(csv.header("content-type"), Some("text/csv"));
    assert_eq!(csv.header("cache-control"), Some("no-store"));
    let text = String::from_utf8(csv.body).expect("UTF-8");
    assert!(
        text.starts_with("subject,email,phones\r\n") && text.contains("Ada.Beispiel@example.org"),
        "{text}"
    );
    let lines = export(&dpo, json!({"plain": true, "format": "jsonl"})).expect(200);
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.json()["phones"], json!(["+49305550100"]));

    let receiver = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let sealed = export(&dpo, json!({"seal_to": receiver})).expect(200);
    assert_eq!(sealed.header("content-type"), Some("application/octet-stream"));
    assert!(sealed.whole && sealed.body.starts_with(b"age-encryption.org/v1\n"));
    assert!(!sealed.body.windows(8).any(|window| window == b"Beispiel"));

    insta::assert_snapshot!(export(&dpo, json!({})).plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "`/seal_to`: expected either a receiver, or `plain`: true",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/seal_to",
          "detail": "expected either a receiver, or `plain`: true"
        }
      ]
    }
    "#);
    insta::assert_snapshot!(export(&dpo, json!({"seal_to": "age1nobody"})).plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "`/seal_to`: expected an age recipient: `age1…`",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/seal_to",
          "detail": "expected an age recipient: `age1…`"
        }
      ]
    }
    "#);
    insta::assert_snapshot!(export(&dpo, json!({"plain": true, "reason": "x"})).plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "`/reason`: expected 3 to 500 characters of plain text on one line",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/reason",
          "detail": "expected 3 to 500 characters of plain text on one line"
        }
      ]
    }
    "#);
    export(&shop, json!({"plain": true})).expect(403);
}
