//! The default charter, as shipped.

use std::path::Path;

use avouch_charter::{ACTIONS, Charter, FieldType, Holder, SourceFile, View};
use insta::assert_snapshot;
use serde_json::json;

use crate::lines;

fn shop() -> Charter {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    let files: Vec<SourceFile> = Charter::FILES
        .iter()
        .map(|path| SourceFile {
            path: (*path).to_owned(),
            text: std::fs::read_to_string(folder.join(path))
                .expect("the default charter is in the repository"),
        })
        .collect();
    Charter::parse(&files).map_err(|problems| lines(&problems)).expect("the default charter has no problem")
}

#[test]
fn has_no_problem_and_one_accepted_leak() {
    assert_snapshot!(lines(shop().warnings()), @r"
    data.yaml:34:12: the index of `name` gives values away: whoever copies the database sees which customers share a name and, with public name statistics, can name up to one row in four
      help: this was accepted with `allow_frequency_leak: true`; leave the index out if nobody has to search it
    ");
}

#[test]
fn fields_know_their_types_and_places() {
    let shop = shop();
    assert_eq!(shop.field("phones").unwrap().of, FieldType::Phone { country: Some("DE".into()) });
    assert!(shop.field("phones").unwrap().list);
    assert!(shop.field("email").unwrap().index.unwrap().unique);
    assert!(shop.field("name").unwrap().leaks_frequency());
    assert!(!shop.field("external_id").unwrap().leaks_frequency());
    assert_eq!(shop.recipient("mailer").unwrap().fields, ["name", "email", "language"]);
    assert_eq!(shop.purpose("support").unwrap().fields.len(), 11);
    assert_eq!(shop.class("accounting").unwrap().keep.to_string(), "8 years");
}

#[test]
fn a_row_of_an_old_customer_file_fits() {
    let shop = shop();
    for (field, value) in [
        ("external_id", json!("1")),
        ("name", json!("Inês Gonçalves")),
        ("company", json!("Exemplo S.A.")),
        (
            "address",
            json!({"street": "Av. do Exemplo, 2170", "city": "São José dos Campos", "country": "Brazil"}),
        ),
        ("phones", json!("+55 (12) 3923-0000")),
        ("email", json!("inesg@example.com.br")),
        ("account_manager", json!("3")),
    ] {
        let of = &shop.field(field).unwrap().of;
        assert!(of.parse(&value).is_ok(), "{field}: {:?}", of.parse(&value).err());
    }
}

#[test]
fn whoever_runs_the_server_sees_no_customer() {
    let shop = shop();
    for name in ["admin", "importer", "auditor"] {
        assert!(shop.role(name).unwrap().sees.is_empty(), "{name}");
    }
    assert_eq!(shop.role("auditor").unwrap().holder, Holder::Auditor);
    let warehouse = shop.role("warehouse").unwrap();
    assert_eq!(warehouse.sees("address").unwrap().reveals, View::Partial);
    assert!(warehouse.sees("email").is_none());
}

#[test]
fn the_reference_names_every_action_and_what_it_does() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/charter.md");
    let reference = std::fs::read_to_string(reference).expect("the reference is in the repository");
    for (name, sentence) in ACTIONS {
        assert!(reference.contains(&format!("| `{name}` | {sentence} |\n")), "{name}");
    }
}
