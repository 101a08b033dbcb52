use std::io::Read;

use avouch_wire::{ExportFormat, ExportRequest};

use crate::server::{Answer, scripted};

fn request() -> ExportRequest {
    ExportRequest {
        purpose: "accounting".into(),
        reason: "yearly statement".to_owned().into(),
        fields: vec!["name".into()],
        format: ExportFormat::Csv,
        seal_to: None,
        plain: Some(true),
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/csv; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

#[test]
fn an_export_streams_to_its_end() {
    let body = format!("{HEAD}5\r\nname\n\r\n8\r\nAda\nBen\n\r\n0\r\n\r\n");
    let (client, _asked) = scripted(vec![Answer::Raw(body.into())]);

    let mut export = client.export(&request()).unwrap();
    let mut text = String::new();
    export.read_to_string(&mut text).unwrap();

    assert_eq!(text, "name\nAda\nBen\n");
    assert_eq!(export.media_type, "text/csv; charset=utf-8");
}

#[test]
fn an_export_that_breaks_off_is_an_error_and_not_a_short_file() {
    let body = format!("{HEAD}5\r\nname\n\r\n8\r\nAda\n");
    let (client, _asked) = scripted(vec![Answer::Raw(body.into())]);

    let mut export = client.export(&request()).unwrap();

    assert!(export.read_to_string(&mut String::new()).is_err());
}
