//! `/v1/erasures` and legal holds, as they are asked for over the network.

use serde_json::{Value, json};

use crate::house::{Answer, House};

/// A request for the purpose of the privacy officer.
fn ask(house: &House, key: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
    let request = house.request(method, path).key(key).header("Avouch-Purpose", "data_rights");
    let request = request.header("Avouch-Reason", "asked for by letter");
    body.iter().fold(request, |request, body| request.json(body)).send()
}

#[test]
fn an_erasure_answers_with_a_receipt_that_is_found_again() {
    let house = House::new();
    let (shop, dpo) = (house.key("service", "shop"), house.key("staff", "dpo"));
    let id = house.ada(&shop);
    let path = format!("/v1/subjects/{id}");
    let erased = ask(&house, &dpo, "DELETE", &path, None).expect(200).json();
    let receipt = &erased["receipt"];
    assert_eq!((&erased["deleted"], &erased["event"]), (&json!(true), &receipt["event"]));
    assert_eq!((receipt["number"].as_u64(), receipt["subject"].as_str()), (Some(1), Some(&*id)));
    assert_eq!(receipt["by"]["name"], "Test dpo");
    assert_eq!(ask(&house, &dpo, "DELETE", &path, None).expect(200).json(), erased, "the same again");
    ask(&house, &shop, "DELETE", &path, None).expect(403);

    assert_eq!(house.get(&dpo, "/v1/erasures/1").expect(200).json(), *receipt);
    house.get(&dpo, "/v1/erasures/2").expect(404);
    house.get(&shop, "/v1/erasures/1").expect(403);
    let of =
        |id: &str| house.get(&dpo, &format!("/v1/erasures?subject={id}")).expect(200).json()["items"].clone();
    assert_eq!(of(&id), json!([receipt]));
    assert_eq!(of("5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874"), json!([]));
    house.get(&dpo, "/v1/erasures?subject=ada").expect(422);

    let key = house.get(&dpo, "/v1/erasures/key").expect(200).text("verifier_key");
    let key = avouch_ledger::note::VerifierKey::parse(&key).expect("a key");
    let note = receipt["note"].as_str().expect("a text");
    let (text, _) = avouch_ledger::note::open_text(note, [&key]).expect("signed");
    assert!(text.contains(&format!("\nsubject {id}\n")));
    assert!(avouch_ledger::note::open_text(&note.replace("keys\n", "key\n"), [&key]).is_err());

    let again = json!({"fields": {"name": "Ada", "email": "ada.beispiel@example.org"}});
    let create = |body: &Value| {
        let request = house.request("POST", "/v1/subjects").key(&shop);
        request.header("Avouch-Purpose", "order_fulfilment").json(body).send()
    };
    insta::assert_snapshot!(create(&again).plain(), @r#"
    409 {
      "type": "/problems/erased-person",
      "title": "Somebody with this value was erased",
      "status": 409,
      "detail": "somebody with the same `email` was erased on 2026-03-01 (erasure 1): if they are to be stored again, say `\"again\": true`",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/fields/email",
          "detail": "the value of somebody who was erased"
        }
      ]
    }
    "#);
    let mut said = again;
    said["again"] = json!(true);
    create(&said).expect(201);
    let events = house.get(&house.admin, "/v1/events?action=subject.create&limit=1").expect(200).json();
    assert_eq!(events["items"][0]["erasure"], 1, "it is on record that they came again");
}

#[test]
fn a_hold_stops_an_erasure_and_the_rest_goes_when_asked() {
    let house = House::new();
    let (shop, dpo) = (house.key("service", "shop"), house.key("staff", "dpo"));
    let id = house.ada(&shop);
    let (path, holds) = (format!("/v1/subjects/{id}"), format!("/v1/subjects/{id}/holds"));
    let change = json!({"fields": {"language": "de"}});
    let request = house.request("PATCH", &path).key(&dpo).header("If-Match", "\"1\"");
    request.header("Avouch-Purpose", "data_rights").json(&change).send().expect(200);

    let body = json!({"class": "customer", "reason": "case 4711", "until": "2030-01-01T00:00:00Z"});
    ask(&house, &shop, "POST", &holds, Some(body.clone())).expect(403);
    ask(&house, &dpo, "POST", &holds, Some(json!({"class": "customer"}))).expect(422);
    let hold = ask(&house, &dpo, "POST", &holds, Some(body)).expect(201).text("id");
    let listed = ask(&house, &dpo, "GET", &holds, None).expect(200).json();
    assert_eq!(listed["items"][0]["reason"], "case 4711");
    insta::assert_snapshot!(ask(&house, &dpo, "DELETE", &path, None).plain(), @r#"
    409 {
      "type": "/problems/legal-hold",
      "title": "A legal hold keeps this from being erased",
      "status": 409,
      "detail": "a legal hold keeps it, and nothing was erased: `keep_held=true` erases the rest",
      "request_id": "request",
      "errors": [
        {
          "pointer": "",
          "detail": "`customer` is held since 2026-03-01"
        }
      ]
    }
    "#);
    for wrong in ["classes=", "classes=service,", "classes=shoes", "keep_held=yes", "all=true"] {
        ask(&house, &dpo, "DELETE", &format!("{path}?{wrong}"), None).expect(422);
    }
    let part = ask(&house, &dpo, "DELETE", &format!("{path}?keep_held=true"), None).expect(200).json();
    assert_eq!((&part["deleted"], &part["receipt"]["classes"]), (&json!(false), &json!(["service"])));
    assert_eq!(part["receipt"]["kept"][0]["class"], "customer");
    ask(&house, &dpo, "GET", &path, None).expect(200);

    let lift = |hold: &str| ask(&house, &dpo, "DELETE", &format!("{holds}/{hold}"), None);
    lift(&hold).expect(204);
    lift(&hold).expect(404);
    let rest = ask(&house, &dpo, "DELETE", &path, None).expect(200).json();
    assert_eq!((&rest["deleted"], &rest["receipt"]["number"]), (&json!(true), &json!(2)));
}
