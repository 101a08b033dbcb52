//! The default charter, as shipped.

use std::path::Path;

use avouch_charter::{ACTIONS, Charter, FieldType, Holder, Period, SourceFile, TokenKind, View};
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
fn has_no_problem_and_no_leak_but_what_was_accepted() {
    assert_snapshot!(lines(shop().warnings()), @"
    data.yaml:34:12: the index of `name` gives values away: whoever copies the database sees which customers share a name and, with public name statistics, can name up to one row in four
      help: this was accepted with `allow_frequency_leak: true`; leave the index out if nobody has to search it
    data.yaml:37:13: searching `name` by beginnings gives values away: whoever copies the database sees which customers' names begin alike and how long they are, and can read common names off letter by letter
      help: this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so
    data.yaml:37:13: searching `name` by sound gives values away: whoever copies the database sees which customers have names that sound alike and, with public name statistics, can tell the common ones
      help: this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so
    data.yaml:56:13: searching `birth_date` by range gives values away: whoever copies the database sees which customers' dates are in the same month and, by counting them, roughly which one
      help: this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so
    data.yaml:75:12: the index of `phones` shows who shares a value: whoever copies the database sees which customers share a number, and so who may live or work together, but no number
      help: write `index: unique` if nobody may share one, or leave the index out if nobody has to search it
    data.yaml:141:3: compound `name_and_birth`: whoever copies the database sees which customers are alike in `name` and `birth_date.year` at once, but not in what
      help: that is little, as long as they are rarely alike; remove it if nobody has to search so
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
fn people_are_found_by_what_they_say_on_the_telephone() {
    let shop = shop();
    let search = |field: &str| shop.field(field).unwrap().search;
    assert!(search("name").prefix.is_some() && search("name").fuzzy.is_some());
    assert!(search("birth_date").range.is_some());
    let parts: Vec<String> =
        shop.compound("name_and_birth").unwrap().parts.iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["name", "birth_date.year"]);
}

#[test]
fn recipients_get_tokens_that_fit_their_forms_and_end() {
    let shop = shop();
    let mailer = &shop.recipient("mailer").unwrap().tokens;
    assert_eq!(
        (mailer.rule("email").kind, mailer.rule("name").kind),
        (TokenKind::Format, TokenKind::Pointer)
    );
    assert!(shop.company().token_domain.is_some());
    let tax = shop.recipient("taxadvisor").unwrap().tokens.rule("national_id");
    assert_eq!((tax.kind, tax.expires), (TokenKind::Random, Some(Period { years: 2, months: 0, days: 0 })));
}

#[test]
fn only_the_shop_sees_a_whole_card_number() {
    let shop = shop();
    let clear = shop.roles().iter().filter(|role| {
        role.sees("card_number").is_some_and(|sees| sees.reveals == View::Clear || sees.reads == View::Clear)
    });
    assert_eq!(clear.map(|role| role.name.as_str()).collect::<Vec<_>>(), ["shop"]);
    assert_eq!(shop.role("dpo").unwrap().sees("card_number").unwrap().reveals, View::Partial);
    assert_eq!(shop.role("dpo").unwrap().sees("national_id").unwrap().reveals, View::Clear);
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
