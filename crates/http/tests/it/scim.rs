//! SCIM as identity providers speak it: what they send, in their own manner, and what they are answered.

use serde_json::{Value, json};

use crate::house::{Answer, House, plain};

/// A server, and the key of an identity provider.
struct Desk {
    house: House,
    key: String,
}

impl Desk {
    fn new() -> Self {
        let house = House::new();
        let key = house.key("service", "identity_provider");
        Self { house, key }
    }

    fn get(&self, path: &str) -> Answer {
        self.house.request("GET", &format!("/scim/v2/{path}")).key(&self.key).send()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.house.request(method, &format!("/scim/v2/{path}")).key(&self.key);
        request.header("content-type", "application/scim+json; charset=utf-8").body(body.to_string()).send()
    }

    fn user(&self, login: &str) -> String {
        self.send("POST", "Users", &json!({"schemas": [USER], "userName": login})).expect(201).text("id")
    }

    fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send("PATCH", path, &json!({"schemas": [PATCH], "Operations": operations}))
    }
}

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Without what differs from run to run.
fn even(answer: &Answer) -> String {
    let mut json = answer.json();
    plain(&mut json);
    fn each(json: &mut Value) {
        match json {
            Value::String(text) if text.starts_with("/scim/v2/") && text.len() > 40 => {
                let kept = text.rfind('/').map(|at| at + 1).unwrap_or_default();
                text.replace_range(kept.., "id");
            }
            Value::String(text) if text.starts_with("W/") => "tag".clone_into(text),
            Value::Array(items) => items.iter_mut().for_each(each),
            Value::Object(members) => members.values_mut().for_each(each),
            _ => {}
        }
    }
    each(&mut json);
    format!("{} {json}", answer.status)
}

fn error(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("application/scim+json"));
    assert_eq!(answer.member("schemas"), json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(answer.member("status"), json!(answer.status.to_string()));
    let said = |name: &str| answer.member(name).as_str().unwrap_or("-").to_owned();
    format!("{} {}: {}", answer.status, said("scimType"), said("detail"))
}

/// The requests of Entra ID's documentation, in their order.
#[test]
fn entra_id_is_at_home() {
    let desk = Desk::new();
    // It begins by looking for somebody who is certainly not there.
    let probe = desk.get("Users?filter=userName+eq+%226a02a9d4%22&aadOptscim062020").expect(200);
    assert_eq!(probe.header("content-type"), Some("application/scim+json"));
    insta::assert_snapshot!(even(&probe), @r#"200 {"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}"#);
    let made = desk.send("POST", "Users", &json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Test_User_ab6490ee@Lindenhof.example",
        "active": true,
        "emails": [{"primary": true, "type": "work", "value": "Test_User_fd0ea19b@lindenhof.example"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        "roles": [],
        ENTERPRISE: {"department": "Sales"},
    })).expect(201);
    let id = made.text("id");
    assert_eq!(made.header("location"), Some(format!("/scim/v2/Users/{id}").as_str()));
    insta::assert_snapshot!(even(&made), @r#"201 {"userName":"test_user_ab6490ee@lindenhof.example","externalId":"id","name":{"formatted":"givenName familyName","familyName":"familyName","givenName":"givenName"},"active":true,"emails":[{"value":"Test_User_fd0ea19b@lindenhof.example","type":"work","primary":true}],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"id","meta":{"resourceType":"User","created":"time","lastModified":"time","version":"tag","location":"/scim/v2/Users/id"}}"#);
    let again = desk.send(
        "POST",
        "Users",
        &json!({"schemas": [USER], "userName": "TEST_USER_AB6490EE@lindenhof.EXAMPLE"}),
    );
    insta::assert_snapshot!(error(&again), @"409 uniqueness: somebody or something here has this name already: look for it, and change that");

    let path = format!("Users/{id}");
    let patched = desk.patch(&path, json!([
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updatedEmail@lindenhof.example"},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
        {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "4d32ab19"},
        {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1"},
    ])).expect(200);
    assert_eq!(patched.json()["emails"][0]["value"], "updatedEmail@lindenhof.example");
    assert_eq!(patched.json()["name"]["familyName"], "updatedFamilyName");
    let off = desk.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).expect(200);
    assert_eq!(off.member("active"), json!(false));
    let found =
        desk.get("Users?filter=externalId%20eq%20%220a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef%22").expect(200);
    assert_eq!(found.json()["Resources"][0]["id"], json!(id));

    let group = desk.send("POST", "Groups", &json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "displayName", "meta": {"resourceType": "Group"},
    })).expect(201).text("id");
    let path = format!("Groups/{group}");
    let member = json!([{"$ref": null, "value": id}]);
    desk.patch(&path, json!([{"op": "Add", "path": "members", "value": member}])).expect(200);
    let asks =
        format!("Groups?excludedAttributes=members&filter=id+eq+%22{group}%22+and+members+eq+%22{id}%22");
    let found = desk.get(&asks).expect(200);
    assert_eq!(
        (found.member("totalResults"), found.json()["Resources"][0].get("members").cloned()),
        (json!(1), None)
    );
    let shown = desk.get(&format!("Users/{id}?attributes=groups")).expect(200);
    insta::assert_snapshot!(even(&shown), @r#"200 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"id","groups":[{"value":"id","display":"displayName","$ref":"/scim/v2/Groups/id"}]}"#);
    let removed = desk.patch(
        &path,
        json!([{"op": "Remove", "path": "members", "value": [{"value": id}, {"value": "unknown"}]}]),
    );
    assert_eq!(removed.expect(200).json().get("members"), None);
    assert_eq!(desk.send("DELETE", &path, &json!({})).expect(204).body.len(), 0);
    desk.send("DELETE", &format!("Users/{id}"), &json!({})).expect(204);
    insta::assert_snapshot!(error(&desk.get(&format!("Users/{id}"))), @"404 -: there is no such thing, or no longer: check the id and the path");
}

/// The requests of Okta's documentation, in their order.
#[test]
fn okta_is_at_home() {
    let desk = Desk::new();
    desk.get("Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100").expect(200);
    let whole = |active: bool, given: &str| {
        json!({
            "schemas": [USER], "userName": "test.user@okta.local",
            "name": {"givenName": given, "familyName": "User"},
            "emails": [{"primary": true, "value": "test.user@okta.local", "type": "work"}],
            "displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [],
            "password": "1mz050nq", "active": active,
        })
    };
    let id = desk.send("POST", "Users", &whole(true, "Test")).expect(201).text("id");
    let path = format!("Users/{id}");
    desk.get(&path).expect(200);
    let mut changed = whole(true, "Another");
    changed["id"] = json!(id);
    changed["meta"] = json!({"resourceType": "User"});
    assert_eq!(desk.send("PUT", &path, &changed).expect(200).json()["name"]["givenName"], "Another");
    let off = desk.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).expect(200);
    assert_eq!(off.member("active"), json!(false));
    assert_eq!(desk.send("PUT", &path, &whole(true, "Test")).expect(200).member("active"), json!(true));

    let group = desk.send(
        "POST",
        "Groups",
        &json!({"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []}),
    );
    let group = group.expect(201).text("id");
    let path = format!("Groups/{group}");
    let rename = json!([{"op": "replace", "value": {"id": group, "displayName": "Test SCIMv2 anew"}}]);
    assert_eq!(desk.patch(&path, rename).expect(200).text("displayName"), "Test SCIMv2 anew");
    let all = json!({"schemas": [GROUP], "id": group, "displayName": "Test SCIMv2", "members": [{"value": id, "display": "test.user@okta.local"}]});
    assert_eq!(desk.send("PUT", &path, &all).expect(200).json()["members"][0]["value"], json!(id));
    let swap = json!([
        {"op": "remove", "path": format!("members[value eq \"{id}\"]")},
        {"op": "add", "path": "members", "value": [{"value": id, "display": "test.user@okta.local"}]},
    ]);
    assert_eq!(desk.patch(&path, swap).expect(200).json()["members"].as_array().map(Vec::len), Some(1));
    let none = json!([{"op": "replace", "path": "members", "value": []}]);
    assert_eq!(desk.patch(&path, none).expect(200).json().get("members"), None);
}

#[test]
fn a_change_is_made_from_the_version_that_was_read() {
    let desk = Desk::new();
    let id = desk.user("ida@lindenhof.example");
    let path = format!("/scim/v2/Users/{id}");
    let read = desk.get(&format!("Users/{id}")).expect(200);
    let tag = read.header("etag").expect("a tag").to_owned();
    assert_eq!(read.json()["meta"]["version"], json!(tag));
    let request = |method: &str| desk.house.request(method, &path).key(&desk.key);
    assert_eq!(request("GET").header("if-none-match", &tag).send().expect(304).body.len(), 0);
    let body = |name: &str| {
        json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "displayName", "value": name}]})
            .to_string()
    };
    let patch = |tag: &str, name: &str| {
        request("PATCH")
            .header("content-type", "application/scim+json")
            .header("if-match", tag)
            .body(body(name))
            .send()
    };
    let anew = patch(&tag, "Ida").expect(200).header("etag").expect("a tag").to_owned();
    assert_ne!(anew, tag);
    insta::assert_snapshot!(error(&patch(&tag, "Eve")), @"412 -: it was changed since: read it, and make the change from there");
    insta::assert_snapshot!(error(&patch("\"nonsense\"", "Eve")), @"412 -: it was changed since: read it, and make the change from there");
    patch("*", "Ida Sommer").expect(200);
    assert_eq!(request("DELETE").header("if-match", &tag).send().status, 412);
    assert_eq!(desk.get(&format!("Users/{id}")).expect(200).text("displayName"), "Ida Sommer");
}

#[test]
fn lists_are_cut_and_searched() {
    let desk = Desk::new();
    for at in 0..5 {
        desk.user(&format!("user{at}@lindenhof.example"));
    }
    let page = |query: &str| {
        let answer = desk.get(&format!("Users?attributes=userName&{query}")).expect(200).json();
        let names: Vec<String> = answer["Resources"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|user| user["userName"].as_str().expect("a name").replace("@lindenhof.example", ""))
            .collect();
        format!(
            "{} of {} from {}: {}",
            answer["itemsPerPage"],
            answer["totalResults"],
            answer["startIndex"],
            names.join(" ")
        )
    };
    insta::assert_snapshot!(page("startIndex=2&count=2"), @"2 of 5 from 2: user1 user2");
    insta::assert_snapshot!(page("startIndex=-3&count=9999"), @"5 of 5 from 1: user0 user1 user2 user3 user4");
    insta::assert_snapshot!(page("startIndex=6"), @"0 of 5 from 6: ");
    insta::assert_snapshot!(page("count=0"), @"0 of 5 from 1: ");
    insta::assert_snapshot!(page("filter=userName+gt+%22user3%22&sortBy=userName&sortOrder=descending"), @"2 of 2 from 1: user3 user4");
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["userName"],
        "filter": "userName sw \"USER\" and not (userName co \"3\")", "startIndex": 1, "count": 2,
    });
    let found = desk.send("POST", "Users/.search", &search).expect(200);
    assert_eq!((found.member("totalResults"), found.member("itemsPerPage")), (json!(4), json!(2)));
    desk.send("POST", "Groups", &json!({"schemas": [GROUP], "displayName": "Everybody"})).expect(201);
    let everything = |filter: &str, start: u64| {
        let schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
        let search = json!({"schemas": [schema], "filter": filter, "startIndex": start, "count": 2});
        let found = desk.send("POST", ".search", &search).expect(200).json();
        (found["totalResults"].clone(), found["Resources"].as_array().map(Vec::len))
    };
    assert_eq!(everything("id pr", 1), (json!(6), Some(2)));
    assert_eq!(everything("id pr", 5), (json!(6), Some(2)));
    assert_eq!(everything("id pr", 6), (json!(6), Some(1)));
    assert_eq!(everything("displayName eq \"everybody\"", 1), (json!(1), Some(1)));
    assert_eq!(everything("userName pr", 1), (json!(5), Some(2)));
    insta::assert_snapshot!(error(&desk.get("Users?startIndex=one")), @"400 invalidValue: expected a number in `startIndex`");
    insta::assert_snapshot!(error(&desk.get("Users?attributes=userName&excludedAttributes=emails")), @"400 invalidValue: say either `attributes` or `excludedAttributes`, not both");
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_scim() {
    let desk = Desk::new();
    let id = desk.user("ida@lindenhof.example");
    let path = format!("Users/{id}");
    let long = "x".repeat(3_000);
    let mut said = Vec::new();
    for (what, answer) in [
        ("no filter", desk.get("Users?filter=userName")),
        ("a filter about nothing", desk.get("Users?filter=shoeSize%20eq%20%2242%22")),
        ("a deep filter", desk.get(&format!("Users?filter={}userName%20pr", "(".repeat(1_500)))),
        ("a long filter", desk.get(&format!("Users?filter=userName%20eq%20%22{long}%22"))),
        ("no schema", desk.send("POST", "Users", &json!({"userName": "x"}))),
        ("another schema", desk.send("POST", "Users", &json!({"schemas": [GROUP], "userName": "x"}))),
        ("no name", desk.send("POST", "Users", &json!({"schemas": [USER]}))),
        ("no group", desk.send("PATCH", "Groups/x", &json!({"schemas": [PATCH], "Operations": []}))),
        ("a blank name", desk.send("POST", "Users", &json!({"schemas": [USER], "userName": "a b"}))),
        ("no list", desk.send("PATCH", &path, &json!({"schemas": [PATCH], "Operations": {}}))),
        ("no path", desk.patch(&path, json!([{"op": "remove"}]))),
        (
            "what is not there",
            desk.patch(
                &path,
                json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x"}]),
            ),
        ),
        ("what is not theirs", desk.patch(&path, json!([{"op": "replace", "path": "groups", "value": []}]))),
        (
            "not JSON",
            desk.house
                .request("POST", "/scim/v2/Users")
                .key(&desk.key)
                .header("content-type", "application/scim+json")
                .body("{")
                .send(),
        ),
        (
            "twice",
            desk.house
                .request("POST", "/scim/v2/Users")
                .key(&desk.key)
                .header("content-type", "application/scim+json")
                .body("{\"a\":1,\"a\":2}")
                .send(),
        ),
        (
            "another type",
            desk.house
                .request("POST", "/scim/v2/Users")
                .key(&desk.key)
                .header("content-type", "text/plain")
                .body("{}")
                .send(),
        ),
        ("no route", desk.get("Bulk")),
        ("another method", desk.send("DELETE", "Schemas", &json!({}))),
        ("no key", desk.house.request("GET", "/scim/v2/Users").send()),
        ("a key for something else", desk.house.get(&desk.house.admin, "/scim/v2/Users")),
    ] {
        said.push(format!("{what}: {}", error(&answer)));
    }
    insta::assert_snapshot!(said.join("\n"), @"
    no filter: 400 invalidFilter: expected one of eq, ne, co, sw, ew, gt, ge, lt, le and pr
    a filter about nothing: 400 invalidFilter: expected the name of an attribute that is kept here
    a deep filter: 400 invalidFilter: brackets stand in each other at most 8 deep
    a long filter: 400 invalidFilter: a filter has at most 2,000 bytes
    no schema: 400 invalidSyntax: `schemas` has to name `urn:ietf:params:scim:schemas:core:2.0:User`
    another schema: 400 invalidSyntax: `schemas` has to name `urn:ietf:params:scim:schemas:core:2.0:User`
    no name: 400 invalidValue: `userName` has to be there
    no group: 404 -: there is no such thing, or no longer: check the id and the path
    a blank name: 400 invalidValue: expected at most 254 characters without blanks in `userName`
    no list: 400 invalidSyntax: expected a list in `Operations`
    no path: 400 noTarget: say in `path` what to remove
    what is not there: 400 noTarget: the filter of `path` selects nothing that could be changed
    what is not theirs: 400 mutability: `groups` cannot be changed so
    not JSON: 400 invalidSyntax: the body is not JSON: line 1, column 1
    twice: 400 invalidSyntax: the body names a member twice in one object at byte 7
    another type: 415 -: send `Content-Type: application/scim+json`
    no route: 404 -: there is no such route, or not with this method
    another method: 405 -: this is not done with this method: see RFC 7644, table 2
    no key: 401 -: send `Authorization: Bearer avk_…` with a key that is alive, or log in
    a key for something else: 403 -: this needs the key of a service whose role has `access.provision`
    ");
    assert_eq!(desk.house.request("GET", "/scim/v2/Users").send().header("www-authenticate"), Some("Bearer"));
    assert_eq!(desk.get("ResourceTypes").expect(200).json()["totalResults"], json!(2));
}

/// What is not a client's to say changes nothing, wherever it stands.
#[test]
fn nobody_is_given_more_than_was_meant() {
    let desk = Desk::new();
    let made = desk.send("POST", "Users", &json!({
        "schemas": [USER, "urn:avouch:Principal"], "userName": "eve@lindenhof.example", "kind": "service", "roles": [{"value": "admin"}],
        "status": "active", "networks": [], "id": "00000000-0000-0000-0000-000000000000", "groups": [{"value": "admin"}],
        "provisioned": false, "login": "root", "recipient": "parcels", "urn:avouch:Principal": {"roles": ["admin"]},
    })).expect(201);
    let id = made.text("id");
    let seen = desk.house.get(&desk.house.admin, &format!("/v1/principals/{id}")).expect(200).json();
    assert_eq!(
        (&seen["kind"], &seen["roles"], &seen["login"]),
        (&json!("staff"), &json!([]), &json!("eve@lindenhof.example"))
    );
    assert_eq!(seen["provisioned"], json!(true));
    // The administrator that was there first is nobody to it.
    let all = desk.house.get(&desk.house.admin, "/v1/principals").expect(200).json();
    let admin = all["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(desk.get(&format!("Users/{admin}")).status, 404);
    assert_eq!(
        desk.patch(&format!("Users/{admin}"), json!([{"op": "replace", "path": "active", "value": false}]))
            .status,
        404
    );
    assert_eq!(desk.send("DELETE", &format!("Users/{admin}"), &json!({})).status, 404);
    // What it keeps is changed here only as far as it is for people here to say.
    let path = format!("/v1/principals/{id}");
    let patch = |body: Value| desk.house.request("PATCH", &path).key(&desk.house.admin).json(&body).send();
    patch(json!({"status": "suspended"})).expect(200);
    assert_eq!(desk.get(&format!("Users/{id}")).expect(200).member("active"), json!(false));
    patch(json!({"provisioned": false, "roles": ["support"]})).expect(200);
    assert_eq!(desk.get(&format!("Users/{id}")).status, 404);
}
