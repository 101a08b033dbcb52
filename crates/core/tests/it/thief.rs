//! The thief with the files, and the hand in the database.

use avouch_core::app::App;
use avouch_core::audit::Ending;
use avouch_core::clock::ManualClock;
use avouch_core::keys::Primary;
use avouch_seal::SystemRandom;
use avouch_seal::root::KeyFileSeal;
use avouch_testkit::both_engines;
use serde_json::json;
use std::sync::Arc;

use crate::house::{House, ana, parts, slug};
use crate::tokens::tokens;

fn bob() -> serde_json::Value {
    json!({"external_id": "C-2", "name": "Bob Builder", "email": "bob@example.com", "phones": ["+49 30 12345678"]})
}

both_engines! {
    fn rows_and_ciphertexts_that_change_places_are_refused(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let (one, two) = (house.create(&house.importer, ana()).expect("one"), house.create(&shop, bob()).expect("two"));
        let swaps = [
            // Whole records; then the sealed part only; then the manifest too.
            (false, "subject", "record"),
            (false, "entries", "record"),
            (false, "manifest", "record"),
            // Wrapped keys.
            (true, "wrapped", "subject_key"),
        ];
        for (keys, column, table) in swaps {
            let swap = if column == "subject" {
                swap_subjects(table)
            } else {
                format!(
                    "create table swapped as select * from {table}; \
                     update {table} set {column} = coalesce((select {column} from swapped \
                     where swapped.subject <> {table}.subject {same} order by swapped.subject limit 1), {column}); \
                     drop table swapped;",
                    same = if keys { "and swapped.class = subject_key.class" } else { "" },
                )
            };
            place.meddle(keys, &swap, &swap);
            for id in [one, two] {
                assert_eq!(slug(house.reveal(&support, id, &["name"])), "integrity", "{table}.{column}");
            }
            let events = house.events();
            assert_eq!(events[0].ending, Ending::Failed);
            assert_eq!(events[0].problem.as_deref(), Some("integrity"));
            place.meddle(keys, &swap, &swap);
            assert_eq!(house.reveal(&support, one, &["name"]).expect("swapped back").fields["name"], "Ana Gonçalves");
        }
    }

    fn a_moved_index_row_finds_nobody_wrong(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        house.create(&house.importer, ana()).expect("one");
        house.create(&shop, bob()).expect("two");
        let swap = swap_subjects("index_term");
        place.meddle(false, &swap, &swap);
        assert_eq!(house.search(&support, json!({"email": "bob@example.com"})).expect("search"), []);
    }

    fn a_moved_token_row_is_refused(place) {
        let house = House::new(place);
        let (shop, accountant) = (house.hire("service", "shop", None), house.hire("staff", "accountant", None));
        let advisor = house.hire("service", "taxadvisor_api", Some("taxadvisor"));
        let (one, two) = (house.create(&house.importer, ana()).expect("one"), house.create(&shop, bob()).expect("two"));
        let token = tokens(&house, &accountant, ("taxadvisor", "accounting"), one, &[("name", None)]).expect("token");
        tokens(&house, &accountant, ("taxadvisor", "accounting"), two, &[("name", None)]).expect("token");
        let swap = "create table swapped as select * from token; \
            update token set sealed = (select sealed from swapped where swapped.lookup <> token.lookup), \
            subject = (select subject from swapped where swapped.lookup <> token.lookup); drop table swapped;";
        place.meddle(false, swap, swap);
        let opened = crate::tokens::detokenized(&house, &advisor, "accounting", json!(token));
        assert_eq!(slug(opened), "integrity");
    }

    fn changed_roles_and_keys_are_refused_at_start(place) {
        let house = House::new(place);
        house.hire("staff", "support", None);
        let swap = "create table swapped as select * from principal; \
            update principal set sealed = (select sealed from swapped where swapped.id <> principal.id limit 1); drop table swapped;";
        place.meddle(false, swap, swap);
        house.app.store().close();
        let (root, _) = KeyFileSeal::generate(&SystemRandom::new()).expect("random");
        let primary = Primary { seal: Arc::new(root), beside_data: false };
        let parts = parts(place, primary, &Arc::new(ManualClock::at(1)));
        assert_eq!(App::open(parts).expect_err("another root key").to_string(), "the root key does not open this vault");
    }
}

/// Exchanges the two subjects of a table by way of a third name.
fn swap_subjects(table: &str) -> String {
    let pick = |order: &str| format!("(select subject from record order by subject {order} limit 1)");
    if table == "record" {
        return "create table swapped as select subject as own, \
                (select other.subject from record other where other.subject <> record.subject) as foreign_one from record; \
                create table moved as select foreign_one as subject, version, created, updated, event, keys, tokens, entries, manifest \
                from record join swapped on own = subject; \
                delete from record; insert into record select * from moved; drop table swapped; drop table moved;"
            .to_owned();
    }
    format!(
        "create table moved as select number, term, case when subject = {first} then {last} else {first} end as subject \
         from {table}; delete from {table}; insert into {table} select * from moved; drop table moved;",
        first = pick("asc"),
        last = pick("desc"),
    )
}

#[test]
fn the_files_without_the_root_key_hold_no_value_in_any_form() {
    let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
    let house = House::new(&place);
    let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
    let id = house.create(&house.importer, ana()).expect("created");
    house.create(&shop, bob()).expect("created");
    house.reveal(&support, id, &["name", "email", "notes"]).expect("revealed");
    house.update(&support, id, 1, json!({"notes": "now prefers the evening"})).expect("updated");
    let canaries = [
        "Gonçalves",
        "Ana.Goncalves@example.com",
        "ana.goncalves@example.com",
        "351912345678",
        "912 345 678",
        "Rua das Flores",
        "4242424242424242",
        "1984-05-17",
        "called in the morning",
        "Bob Builder",
        "customer is on the phone",
        "C-1001",
        "the support",
    ];
    let mut looked_at = 0;
    for entry in std::fs::read_dir(place.directory()).expect("readable") {
        let path = entry.expect("readable").path();
        let bytes = std::fs::read(&path).expect("readable");
        looked_at += bytes.len();
        for canary in canaries {
            for form in forms(canary) {
                let found = bytes.windows(form.len()).any(|window| window == form);
                assert!(!found, "`{canary}` stands in {}", path.display());
            }
        }
    }
    assert!(looked_at > 50_000, "the files were not where this test looked");
}

/// A text as raw, UTF-16, hexadecimal and base64 (at each of the three offsets).
pub(crate) fn forms(text: &str) -> Vec<Vec<u8>> {
    let raw = text.as_bytes().to_vec();
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let hex = |upper: bool| {
        raw.iter()
            .flat_map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }.into_bytes())
            .collect::<Vec<u8>>()
    };
    let mut forms =
        vec![raw.clone(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes), hex(false), hex(true)];
    for offset in 0..3 {
        let encoded = base64(&[vec![0; offset], raw.clone()].concat());
        // Leave out the characters that neighbours have a part in.
        let inner = encoded.get(4..encoded.len().saturating_sub(4)).unwrap_or_default().to_vec();
        if inner.len() >= 8 {
            forms.push(inner);
        }
    }
    forms
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0u8; 4];
        word[1..=chunk.len()].copy_from_slice(chunk);
        let word = u32::from_be_bytes(word);
        out.extend((0..4).map(|at| ALPHABET[(word >> (18 - 6 * at) & 63) as usize]));
    }
    out
}

#[test]
fn the_length_of_a_sealed_choice_or_number_does_not_tell_which_it_is() {
    let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
    let house = House::new(&place);
    let choice = "fields:\n  contact_by:\n    title: Contact by\n    type: choice\n    options: [no, letter, telephone]\n    \
                  category: relationship\n    sensitivity: ordinary\n    class: service\n";
    crate::charters::apply(&house, crate::charters::charter(&[("data.yaml", "fields:\n", choice)]), 1)
        .expect("applied");
    let lengths = |values: &[serde_json::Value]| {
        let sealed = values.iter().map(|value| {
            let id = house.create(&house.importer, value.clone()).expect("created");
            let files = rusqlite::Connection::open(place.files().data).expect("opens");
            let entries = "select length(entries) from record where subject = ?1";
            files.query_row(entries, [id.bytes()], |row| row.get::<_, i64>(0)).expect("a row")
        });
        sealed.collect::<std::collections::BTreeSet<_>>()
    };
    let choices = ["no", "letter", "telephone"];
    assert_eq!(lengths(&choices.map(|by| json!({"name": "Ada", "contact_by": by}))).len(), 1);
    let numbers = [0, 7, 4711, 100_000];
    assert_eq!(lengths(&numbers.map(|points| json!({"name": "Ada", "loyalty_points": points}))).len(), 1);
    // Of a text it does: it is as long as it is.
    assert_eq!(lengths(&["a", "a long note"].map(|notes| json!({"name": "Ada", "notes": notes}))).len(), 2);
}
