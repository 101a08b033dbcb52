//! Looking in an emergency without anybody's word, and answering for it.

use serde_json::{Value, json};

use crate::house::Answer;
use crate::login::Desk;

const WHY: &str = "the ward calls: she is unconscious and nobody answers";

fn text(page: Answer) -> String {
    String::from_utf8(page.expect(200).body).expect("a page")
}

/// Ida, who may break the glass; a privacy officer's key; and a customer who is well known.
fn desk() -> (Desk, String, String) {
    let desk = Desk::enrolled();
    let roles = json!({"roles": ["support", "emergency"]});
    let path = format!("/v1/principals/{}", desk.ida);
    let house = &desk.house;
    house.request("PATCH", &path).key(&house.admin).json(&roles).send().expect(200);
    let dpo = house.key("staff", "dpo");
    let star = house.ada(&house.key("service", "shop"));
    let mark = house.request("PUT", &format!("/v1/subjects/{star}/mark")).key(&dpo);
    mark.header("avouch-purpose", "data_rights").json(&json!({"tier": 2})).send().expect(200);
    (desk, dpo, star)
}

#[test]
fn whoever_breaks_the_glass_looks_and_somebody_else_reviews_it() {
    let (mut desk, dpo, star) = desk();
    let token = desk.by_passkey(true, None).expect(200).text("token");
    let session = desk.session();
    let house = &desk.house;
    let reveal = || {
        let look = json!({"purpose": "support", "fields": ["email"], "reason": "the ward needs her doctor"});
        house.post(&token, &format!("/v1/subjects/{star}/reveal"), look)
    };
    reveal().expect(403);
    let short = house.post(&token, "/v1/break-glass", json!({"reason": "an emergency"})).expect(422).json();
    assert_eq!(short["errors"][0]["pointer"], "/reason");

    let opened = house.post(&token, "/v1/break-glass", json!({"reason": WHY})).expect(201).json();
    assert_eq!(opened["customers"], 25);
    let id = opened["id"].as_str().expect("an id");
    let path = format!("/v1/break-glass/{id}");
    reveal().expect(200);
    house.post(&token, "/v1/break-glass", json!({"reason": WHY})).expect(409);
    let page = text(desk.own("GET", "/console/account", &session, None));
    assert!(page.contains("Your glass is broken until"), "every page says it");
    let events = house.get(&dpo, "/v1/events?action=subject.reveal").expect(200).json();
    assert_eq!(events["items"][0]["under"], json!([id]));

    let review = |outcome: &str| json!({"outcome": outcome, "why": "the ward has confirmed it"});
    house.post(&dpo, &format!("{path}/review"), review("justified")).expect(409);
    house.request("DELETE", &path).key(&dpo).send().expect(404);
    house.request("DELETE", &path).key(&token).send().expect(204);
    reveal().expect(403);
    let page = text(desk.own("GET", "/console/account", &session, None));
    assert!(!page.contains("Your glass is broken until"), "it is whole again");

    house.post(&token, &format!("{path}/review"), review("justified")).expect(409);
    let waiting = house.get(&dpo, "/v1/break-glass").expect(200).json();
    let glass = &waiting["items"][0];
    assert_eq!(
        (&glass["state"], &glass["mine_to_review"], &glass["reason"]),
        (&json!("waiting"), &json!(true), &json!(WHY))
    );
    let work = house.get(&dpo, &format!("{path}/work")).expect(200).json();
    let look = &work["items"][0];
    assert_eq!((&look["action"], &look["customers"]), (&json!("subject.reveal"), &json!([star])));
    assert_eq!(look["fields"], json!([{"name": "email", "view": "clear"}]));
    house.post(&dpo, &format!("{path}/review"), review("unjustified")).expect(204);
    let glass = house.get(&token, &path).expect(200).json();
    assert_eq!(
        (&glass["state"], &glass["review"]["why"]),
        (&json!("unjustified"), &json!("the ward has confirmed it"))
    );
    let support = house.key("staff", "support");
    for path in [path.clone(), format!("{path}/work")] {
        house.get(&support, &path).expect(404);
    }
    let alarms = house.get(&house.key("staff", "security"), "/v1/alarms?open=true").expect(200).json();
    let kinds: Vec<&Value> =
        alarms["items"].as_array().expect("alarms").iter().map(|alarm| &alarm["kind"]).collect();
    assert_eq!(kinds, ["break-glass-unjustified", "break-glass"]);
}

#[test]
fn a_key_is_told_that_somebody_has_to_be_there() {
    let (desk, ..) = desk();
    let key = desk.house.key("staff", "emergency");
    let answer = desk.house.post(&key, "/v1/break-glass", json!({"reason": WHY})).expect(401);
    assert_eq!(answer.member("needs")[0]["need"], "session");
}
