//! Others' word by the pages: what waits, what is agreed to, and what was done under it.

use serde_json::json;

use crate::house::Answer;
use crate::login::Desk;

fn text(page: Answer) -> String {
    String::from_utf8(page.expect(200).body).expect("a page")
}

#[test]
fn whoever_has_the_word_gives_it_on_a_page_and_sees_what_was_done_under_it() {
    let mut desk = Desk::enrolled();
    let path = format!("/v1/principals/{}", desk.ida);
    let roles = json!({"roles": ["dpo"]});
    desk.house.request("PATCH", &path).key(&desk.house.admin).json(&roles).send().expect(200);
    let session = desk.session();
    let house = &desk.house;
    let support = house.key("staff", "support");
    let star = house.ada(&house.key("service", "shop"));
    let mark = house.request("PUT", &format!("/v1/subjects/{star}/mark")).key(&house.key("staff", "dpo"));
    mark.header("avouch-purpose", "data_rights").json(&json!({"tier": 1})).send().expect(200);
    let wish = json!({
        "approval": "well_known", "action": "subject.reveal", "purpose": "support", "subject": star,
        "fields": ["email"], "reason": "<b>she has called about order 4711</b>",
    });
    let id = house.post(&support, "/v1/approvals", wish).expect(201).text("id");

    let list = text(desk.own("GET", "/console/approvals", &session, None));
    let reason = "&#60;b&#62;she has called about order 4711";
    assert!(list.contains("Waiting for you") && list.contains(reason), "{list}");
    let own = format!("/console/approvals/{id}");
    let page = text(desk.own("GET", &own, &session, None));
    assert!(
        page.contains(reason) && page.contains("Nobody yet.") && page.contains(r#"class="primary">Agree<"#)
    );
    assert!(page.contains("Still to agree: 1 dpo") && page.contains(&star), "{page}");

    let agreed = desk.own("POST", &format!("{own}/agree"), &session, None);
    assert_eq!((agreed.status, agreed.header("location")), (303, Some("/console/approvals")));
    let again = desk.own("POST", &format!("{own}/agree"), &session, None).expect(409);
    assert!(String::from_utf8_lossy(&again.body).contains(r#"role="alert""#));
    let look =
        json!({"purpose": "support", "fields": ["email"], "reason": "she has called about order 4711"});
    house.post(&support, &format!("/v1/subjects/{star}/reveal"), look).expect(200);

    let page = text(desk.own("GET", &own, &session, None));
    assert!(page.contains("Ida Sommer <span class=\"tag\">agrees</span>"), "{page}");
    let (_, work) = page.split_once("What was done under it").expect("it is there");
    assert!(work.contains("email (clear)") && work.contains(&star) && !page.contains(">Agree<"), "{work}");

    // By programs it is the same, and nobody else learns that it is there.
    let path = format!("/v1/approvals/{id}");
    let shown = house.get(&support, &path).expect(200).json();
    assert_eq!((&shown["state"], &shown["votes"][0]["name"]), (&json!("granted"), &json!("Ida Sommer")));
    house.get(&house.key("staff", "support"), &path).expect(404);
    house.get(&support, "/v1/approvals/00000000-0000-7000-8000-000000000000").expect(404);
}
