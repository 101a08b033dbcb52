//! The contract: the OpenAPI document as it is published, and that it says what the server does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::house::House;

/// `AVOUCH_BLESS=1 cargo test -p avouch-http` writes the document anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a person at the keyboard says that the new document is right")]
fn the_published_document_is_what_the_code_says() {
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document = serde_json::to_string_pretty(&avouch_http::openapi()).expect("JSON") + "\n";
    if std::env::var("AVOUCH_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(published, &document).expect("docs can be written");
    }
    let known = std::fs::read_to_string(published).expect("docs/openapi.json is there");
    let change = known.lines().zip(document.lines()).find(|(known, new)| known != new);
    assert!(known == document, "docs/openapi.json is not what the code says: {change:?}");
}

#[test]
fn it_is_served_to_everybody_and_every_reference_leads_somewhere() {
    let house = House::new();
    let served = house.request("GET", "/v1/openapi.json").send().expect(200).json();
    assert_eq!(served, avouch_http::openapi());
    let mut references = BTreeSet::new();
    collect(&served, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(served.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

/// The routes of the contract. The document is made with the router, so this is the router's list too.
#[test]
fn the_routes_are_those_of_the_contract() {
    let document = avouch_http::openapi();
    let mut routes: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            routes.push(format!("{path} {}", method.to_uppercase()));
        }
    }
    routes.sort();
    insta::assert_snapshot!(routes.join("\n"));
}

#[test]
fn every_documented_route_answers() {
    let house = House::new();
    house.publish();
    for (path, item) in avouch_http::openapi()["paths"].as_object().expect("paths") {
        let concrete = path
            .replace("{id}", "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874")
            .replace("{hold}", "019560f0-1111-7000-8000-000000000003")
            .replace("{key}", "019560f0-1111-7000-8000-000000000002")
            .replace("{n}", "1")
            .replace("{log}/tile/{level}/{*place}", "1/tile/0/000.p/1")
            .replace("{log}", "1")
            .replace("{*place}", "000.p/1")
            .replace("{name}", "orders");
        for (method, operation) in item.as_object().expect("methods") {
            let status = house.request(&method.to_uppercase(), &concrete).send().status;
            let open = operation.get("security").is_some();
            // Those who speak to transit engines are told so in their own way.
            let engine = ["/v1/transit/", "/v1/transform/", "/v1/auth/", "/v1/sys/"]
                .iter()
                .any(|beginning| path.starts_with(beginning));
            let refused = if engine { 403 } else { 401 };
            // It is open, and wants to be shown something.
            let answered = match path.as_str() {
                "/v1/login" | "/v1/login/code" => 415,
                "/v1/login/sign-on" if method == "post" => 415,
                "/v1/login/sign-on/{provider}/logout" => 400,
                "/v1/oauth/token" | "/v1/oauth/revoke" => 400,
                // Nobody has said where this server is reached.
                "/.well-known/oauth-authorization-server" => 404,
                _ => 200,
            };
            assert_eq!(status, if open { answered } else { refused }, "{method} {path}");
            assert!(operation["responses"].get("default").is_some(), "{method} {path} has no problems");
            assert!(operation["summary"].is_string(), "{method} {path} says nothing of itself");
        }
    }
}

fn collect(json: &Value, references: &mut BTreeSet<String>) {
    match json {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.insert(reference.clone());
            }
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
