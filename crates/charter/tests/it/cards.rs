//! Payment cards: what PCI DSS lets people see, and what it lets nobody keep.

use avouch_charter::{FieldType, View};
use insta::assert_snapshot;
use serde_json::json;

use crate::{charter, told, told_all};

/// The small charter, whose agents may also see something of cards.
fn agent(entry: &str) -> String {
    let entry = format!("reveals: clear\n    - {entry}\nshop");
    told_all(&[
        ("roles.yaml", "reveals: clear\nshop", &entry),
        ("purposes.yaml", "[name, contact]", "[name, contact, card]"),
    ])
}

#[test]
fn people_do_not_see_card_numbers_in_clear() {
    assert_snapshot!(agent("{fields: [card], reads: masked, reveals: clear}"), @"
    roles.yaml:14:48: role `agent` shows staff `card` in clear: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: name the card in an entry of its own with `partial`, whose mask can be `first6_last4`; a program (`holder: service`) may have it in clear where the business needs it
    ");
    assert_snapshot!(agent("{fields: [card], reads: clear}"), @"
    roles.yaml:14:31: role `agent` shows staff `card` in clear: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: name the card in an entry of its own with `partial`, whose mask can be `first6_last4`; a program (`holder: service`) may have it in clear where the business needs it
    ");
    let category = [
        ("roles.yaml", "[name, contact]", "[identity, contact]"),
        ("purposes.yaml", "[name, contact]", "[identity, contact]"),
    ];
    assert_snapshot!(told_all(&category), @"
    roles.yaml:13:16: role `agent` shows staff `card` in clear: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: name the card in an entry of its own with `partial`, whose mask can be `first6_last4`; a program (`holder: service`) may have it in clear where the business needs it
    ");
}

#[test]
fn programs_may_and_people_see_a_part() {
    let partial = [
        (
            "roles.yaml",
            "reveals: clear\nshop",
            "reveals: clear\n    - {fields: [card], reads: masked, reveals: partial}\nshop",
        ),
        ("purposes.yaml", "[name, contact]", "[name, contact, card]"),
        ("data.yaml", "sensitivity: delicate", "sensitivity: delicate\n    masks: {partial: first6_last4}"),
    ];
    let charter = charter(&partial);
    assert_eq!(charter.role("agent").unwrap().sees("card").unwrap().reveals, View::Partial);
    assert_eq!(charter.role("shop").unwrap().sees("card").unwrap().reveals, View::Clear);
}

#[test]
fn an_auditor_with_cards_hears_of_it_like_everybody() {
    let told = told("roles.yaml", "holder: service", "holder: auditor");
    assert!(told.contains("role `shop` shows auditor `card` in clear"), "{told}");
}

#[test]
fn no_mask_shows_more_than_ten_digits() {
    assert_snapshot!(told("data.yaml", "sensitivity: delicate", "sensitivity: delicate\n    masks: {partial: full, masked: last4}"), @"
    data.yaml:23:22: a mask of a card number cannot be `full`: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: write `first6_last4` or `last4`
    ");
    assert_snapshot!(told("data.yaml", "sensitivity: delicate", "sensitivity: ordinary\n    masks: {partial: full}"), @"
    data.yaml:22:18: a field of type `card` cannot be `ordinary`
      help: write `sensitivity: delicate`: with such a number others can act in the customer's name
    data.yaml:23:22: a mask of a card number cannot be `full`: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: write `first6_last4` or `last4`
    ");
}

#[test]
fn a_security_code_is_no_field() {
    let field = |name: &str, title: &str| {
        format!(
            "  {name}: {{title: {title}, type: text, category: contact, sensitivity: delicate, class: customer}}\n  card:\n"
        )
    };
    assert_snapshot!(told("data.yaml", "  card:\n", &field("cvv", "Check digits")), @"
    data.yaml:18:3: `cvv` is the security code of a card, which may not be kept, not even encrypted (PCI DSS 3.3.1)
      help: remove it: a payment provider asks for it each time; if it is something else, give it another name and title
    ");
    assert_snapshot!(told("data.yaml", "  card:\n", &field("digits", "Kartenprüfnummer")), @"
    data.yaml:18:3: `digits` is the security code of a card, which may not be kept, not even encrypted (PCI DSS 3.3.1)
      help: remove it: a payment provider asks for it each time; if it is something else, give it another name and title
    ");
    assert_snapshot!(told("data.yaml", "    title: Card\n", "    title: Código de seguridad\n"), @"
    data.yaml:18:3: `card` is the security code of a card, which may not be kept, not even encrypted (PCI DSS 3.3.1)
      help: remove it: a payment provider asks for it each time; if it is something else, give it another name and title
    ");
    charter(&[("data.yaml", "  card:\n", &field("door_code", "Code of the door"))]);
}

#[test]
fn free_text_holds_neither_numbers_nor_codes_of_cards() {
    let address = |part: &str| json!({"street": "1 Way", part: "CVC 123"});
    for (of, given) in [
        (FieldType::Text { max: 200 }, json!("rings twice\npaid by 4111 1111 1111 1111")),
        (FieldType::Text { max: 200 }, json!("cvv 123")),
        (FieldType::Name, json!("Ana Silva 5555555555554444")),
        (FieldType::Address, json!("1 Way, 3782 822463 10005")),
        (FieldType::Address, address("street2")),
        (FieldType::Address, address("city")),
        (FieldType::Address, address("region")),
        (FieldType::Address, address("postal_code")),
        (FieldType::Address, address("country")),
    ] {
        let refused = of.parse(&given).expect_err("free text with card data").to_string();
        assert!(
            refused.ends_with("leave it out of this text") && !refused.contains("123"),
            "{given}: {refused}"
        );
    }
    assert!(FieldType::Card.parse(&json!("4111 1111 1111 1111")).is_ok());
}
