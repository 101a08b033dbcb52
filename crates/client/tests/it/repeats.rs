use avouch_client::{Error, IdempotencyKey, Stated};
use avouch_wire::{ChunkRequest, Fields, ProblemKind, RevealRequest, SubjectCreate};

use crate::server::{Answer, scripted};

const SUBJECT: &str = r#"{"id":"5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874","version":1,"created":"2026-03-01T09:30:00.000000Z",
    "updated":"2026-03-01T09:30:00.000000Z","fields":{},"views":{}}"#;

fn create() -> SubjectCreate {
    SubjectCreate { fields: Fields::default(), again: false }
}

fn reveal() -> RevealRequest {
    RevealRequest { purpose: "support".into(), reason: None, fields: vec!["email".into()], view: None }
}

#[test]
fn busy_is_tried_again_whatever_the_call() {
    let revealed = SUBJECT.replace(
        r#""views":{}"#,
        r#""views":{},"event":"019560f0-1111-7000-8000-000000000009","decided_by":[]"#,
    );
    let (client, asked) =
        scripted(vec![Answer::problem(ProblemKind::Busy, "retry-after: 0\r\n"), Answer::ok(revealed)]);

    client.reveal(uuid::Uuid::nil(), &reveal()).unwrap();

    assert_eq!(asked.try_iter().count(), 2);
}

#[test]
fn an_unwritable_record_is_not_tried_again() {
    let (client, asked) = scripted(vec![Answer::problem(ProblemKind::AuditUnavailable, "")]);

    let error = client.reveal(uuid::Uuid::nil(), &reveal()).unwrap_err();

    assert_eq!(error.problem().unwrap().kind, ProblemKind::AuditUnavailable);
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn an_unknown_outcome_is_asked_for_again_only_where_that_is_safe() {
    let timeout = || Answer::problem(ProblemKind::Timeout, "");
    let (client, asked) = scripted(vec![timeout(), Answer::ok(SUBJECT)]);
    let error = client.create(&create(), &Stated::default(), None).unwrap_err();
    assert_eq!(error.problem().unwrap().kind, ProblemKind::Timeout);
    assert_eq!(asked.try_iter().count(), 1);

    let key = IdempotencyKey::new("order-1").unwrap();
    let (client, asked) = scripted(vec![timeout(), Answer::ok(SUBJECT)]);
    client.create(&create(), &Stated::default(), Some(&key)).unwrap();
    assert_eq!(asked.try_iter().count(), 2);

    let (client, asked) = scripted(vec![timeout(), Answer::ok(SUBJECT)]);
    client.subject(uuid::Uuid::nil(), &Stated::default()).unwrap();
    assert_eq!(asked.try_iter().count(), 2);
}

#[test]
fn busy_for_longer_than_our_patience_is_an_answer() {
    let (client, asked) = scripted(vec![Answer::problem(ProblemKind::Busy, "retry-after: 60\r\n")]);

    let error = client.charter().unwrap_err();

    assert_eq!(error.problem().unwrap().kind, ProblemKind::Busy);
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn a_lost_answer_is_asked_for_again_only_where_that_is_safe() {
    let key = IdempotencyKey::new("import-7-row-1").unwrap();
    let (client, asked) = scripted(vec![Answer::Close, Answer::ok(SUBJECT)]);
    client.create(&create(), &Stated::default(), Some(&key)).unwrap();
    let keys: Vec<_> =
        asked.try_iter().map(|asked| asked.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!(keys, vec![Some("import-7-row-1".to_owned()); 2]);

    let (client, asked) = scripted(vec![Answer::Close, Answer::ok(SUBJECT)]);
    let error = client.create(&create(), &Stated::default(), None).unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error}");
    assert_eq!(asked.try_iter().count(), 1);

    let (client, asked) = scripted(vec![Answer::Close, Answer::ok(SUBJECT)]);
    assert!(matches!(client.reveal(uuid::Uuid::nil(), &reveal()), Err(Error::Transport(_))));
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn a_chunk_is_sent_again_when_its_answer_breaks_off() {
    let half =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 400\r\n\r\n{\"acc".to_vec();
    let (client, asked) =
        scripted(vec![Answer::Raw(half), Answer::ok(r#"{"accepted":0,"skipped":0,"rejected":[]}"#)]);

    client
        .import_chunk(uuid::Uuid::nil(), 4, &ChunkRequest { rows: Vec::new() }, &Stated::default())
        .unwrap();

    let lines: Vec<_> = asked.try_iter().map(|asked| asked.line).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("/chunks/4 ") && lines[0] == lines[1], "{lines:?}");
}

#[test]
fn a_server_that_is_not_there_is_said_so_after_our_patience() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut options = avouch_client::Options::new(
        format!("http://127.0.0.1:{port}"),
        avouch_wire::Secret("avk_test".into()),
    );
    options.patience = std::time::Duration::from_millis(200);

    let error = avouch_client::Client::new(options).unwrap().charter().unwrap_err();

    insta::assert_snapshot!(error, @"the server cannot be reached: connection refused");
}
