use avouch_client::{Error, Stated};
use avouch_wire::{
    EventQuery, ProblemKind, SearchRequest, Secret, SubjectPatch, TransitCiphertext, TransitDecrypt,
};
use serde_json::json;

use crate::server::{Answer, scripted};

const SUBJECT: &str = r#"{"id":"5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874","version":4,"created":"2026-03-01T09:30:00.000000Z",
    "updated":"2026-03-01T09:30:00.000000Z","fields":{},"views":{},"added_later":true}"#;

#[test]
fn a_patch_says_version_purpose_and_reason_in_headers() {
    let (client, asked) = scripted(vec![Answer::ok(SUBJECT)]);
    let id = "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874".parse().unwrap();
    let patch =
        SubjectPatch { fields: serde_json::from_value(json!({"phone": null})).unwrap(), again: false };
    let stated = Stated::purpose("support").reason("Rückruf gewünscht");

    let subject = client.update(id, 3, &patch, &stated).unwrap();

    assert_eq!(subject.version, 4);
    let asked = asked.recv().unwrap();
    assert_eq!(asked.line, "PATCH /v1/subjects/5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874 HTTP/1.1");
    assert_eq!(asked.header("if-match"), Some("\"3\""));
    assert_eq!(asked.header("content-type"), Some("application/merge-patch+json"));
    assert_eq!(asked.header("authorization"), Some("Bearer avk_test"));
    assert_eq!(asked.header("avouch-purpose"), Some("support"));
    assert_eq!(asked.header("avouch-reason"), Some("R%C3%BCckruf%20gew%C3%BCnscht"));
    assert_eq!(asked.body, r#"{"fields":{"phone":null}}"#);
}

#[test]
fn a_search_term_is_in_the_body_only() {
    let (client, asked) = scripted(vec![Answer::ok(r#"{"items":[]}"#)]);
    let request = SearchRequest {
        purpose: "support".into(),
        reason: None,
        by: serde_json::from_value(json!({"email": "ada@example.org"})).unwrap(),
        like: Default::default(),
        limit: None,
        cursor: None,
    };

    assert!(client.search(&request).unwrap().items.is_empty());

    let asked = asked.recv().unwrap();
    assert_eq!(asked.line, "POST /v1/subjects/search HTTP/1.1");
    assert!(asked.headers.iter().all(|(_, value)| !value.contains("ada")));
    assert!(asked.body.contains("ada@example.org"));
}

#[test]
fn query_values_are_encoded_and_connections_kept() {
    let (client, asked) = scripted(vec![Answer::ok(r#"{"items":[]}"#), Answer::ok(r#"{"items":[]}"#)]);
    let query = EventQuery { limit: Some(2), cursor: Some("a&b=c/+".into()), ..EventQuery::default() };

    client.events(&query).unwrap();
    client.events(&EventQuery::default()).unwrap();

    assert_eq!(asked.recv().unwrap().line, "GET /v1/events?limit=2&cursor=a%26b%3Dc%2F%2B HTTP/1.1");
    assert_eq!(asked.recv().unwrap().line, "GET /v1/events HTTP/1.1");
}

#[test]
fn a_problem_is_a_value() {
    let (client, _asked) = scripted(vec![Answer::problem(ProblemKind::DeniedByPolicy, "")]);

    let error = client.charter().unwrap_err();

    assert_eq!(error.problem().unwrap().kind, ProblemKind::DeniedByPolicy);
}

#[test]
fn an_answer_that_is_not_ours_is_said_so_and_not_repeated() {
    let (client, _asked) = scripted(vec![
        Answer::ok(r#"{"items":["ada@example.org"]}"#),
        Answer::Json(502, "<html>ada@example.org</html>".into(), ""),
        Answer::Json(302, String::new(), "location: http://127.0.0.1:1/\r\n"),
    ]);

    for _ in 0..3 {
        let error = client.charter().unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("ada"), "{error}");
    }
}

#[test]
fn a_key_is_used_once_and_its_name_is_a_segment_of_the_path() {
    let (client, asked) = scripted(vec![Answer::Close, Answer::ok("{}")]);
    let items = vec![TransitCiphertext {
        reference: None,
        ciphertext: Secret("vault:v1:QWRh".into()),
        context: None,
        associated_data: None,
    }];

    // It may have been done, and each use is on record.
    assert!(client.transit_decrypt("a/b", &TransitDecrypt { items }).is_err());

    let asked = asked.recv().unwrap();
    assert_eq!(asked.line, "POST /v1/transit-keys/a%2Fb/decrypt HTTP/1.1");
    assert_eq!(asked.body, r#"{"items":[{"ciphertext":"vault:v1:QWRh"}]}"#);
}
