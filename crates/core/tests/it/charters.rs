//! One charter after another: what stays bound to its name, what may change over stored values, and who is too late.

use avouch_charter::SourceFile;
use avouch_core::charters::{ApplyCharter, CurrentCharter, PlanCharter};
use avouch_core::gate::Caller;
use avouch_core::vault::{
    CreateSubject, ImportChunk, ImportRow, OnDuplicate, OnErased, Reading, StartImport, Tokenize, Unmapped,
    UpdateSubject,
};
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Kind, Place, both_engines};
use serde_json::{Value as Json, json};

use crate::house::{House, charter_files, map, slug};

/// The default charter with replacements in its files.
pub(crate) fn charter(changes: &[(&str, &str, &str)]) -> Vec<SourceFile> {
    let mut files = charter_files();
    for (path, before, after) in changes {
        let file = files.iter_mut().find(|file| file.path == *path).expect("the charter has this file");
        assert!(file.text.contains(before), "the default charter has changed: change this test");
        file.text = file.text.replacen(before, after, 1);
    }
    files
}

/// The default charter with a first field `nickname`, so that every other one moves.
fn with_nickname(kind: &str) -> Vec<SourceFile> {
    let field = format!(
        "fields:\n  nickname:\n    title: Nickname\n    {kind}\n    category: relationship\n    \
         sensitivity: ordinary\n    class: service\n"
    );
    charter(&[("data.yaml", "fields:\n", &field)])
}

pub(crate) fn apply(house: &House<'_>, files: Vec<SourceFile>, base_version: u32) -> Result<u32, Error> {
    house.act(&house.admin, ApplyCharter { files, base_version })
}

/// Why a charter is refused: by `plan` and by `apply` alike.
fn problems(house: &House<'_>, files: Vec<SourceFile>) -> Vec<String> {
    let planned = house.act(&house.admin, PlanCharter { files: files.clone() }).expect("a plan");
    let messages: Vec<_> = planned.problems.into_iter().map(|problem| problem.message).collect();
    match apply(house, files, planned.base_version) {
        Ok(_) => assert!(messages.is_empty(), "applied in spite of {messages:?}"),
        Err(Error::Invalid(faults)) => {
            assert_eq!(faults.len(), messages.len());
            for (fault, message) in faults.iter().zip(&messages) {
                assert!(fault.detail.starts_with(message), "{} is not {message}", fault.detail);
            }
        }
        Err(other) => panic!("expected problems, got {}", other.slug()),
    }
    messages
}

fn person() -> Json {
    json!({
        "external_id": "C-7", "name": "Cleo Hart", "email": "cleo@example.com", "national_id": "DE 123456789",
        "card_number": "4242 4242 4242 4242", "language": "cs", "loyalty_points": 3, "notes": "rings twice"
    })
}

fn shown(house: &House<'_>, dpo: &Caller, id: SubjectId, field: &str) -> Json {
    house.reveal(dpo, id, &[field]).expect("the privacy officer sees it").fields[field].clone()
}

both_engines! {
    fn a_value_stays_with_its_name_when_fields_move(place) {
        let house = House::new(place);
        let (importer, dpo) = (house.hire("service", "importer", None), house.hire("staff", "dpo", None));
        let id = house.create(&importer, person()).expect("created");
        assert_eq!(apply(&house, with_nickname("type: text\n    max: 40"), 1).expect("applied"), 2);
        let late = json!({"name": "Dora", "email": "dora@example.com", "nickname": "Do"});
        let other = house.create(&importer, late).expect("created");
        let house = house.reopen();
        assert_eq!(shown(&house, &dpo, id, "card_number"), "•••4242");
        assert_eq!(shown(&house, &dpo, id, "external_id"), "C-7");
        assert_eq!(shown(&house, &dpo, other, "nickname"), "Do");
        assert_eq!(house.search(&dpo, json!({"email": "cleo@example.com"})).expect("found"), [id]);
    }

    fn a_version_whose_seal_changes_places_is_refused(place) {
        let house = House::new(place);
        apply(&house, with_nickname("type: text\n    max: 40"), 1).expect("applied");
        let swap = "create table swapped as select * from charter_version; \
                    update charter_version set sealed = \
                    (select sealed from swapped where swapped.version <> charter_version.version); \
                    drop table swapped;";
        place.meddle(false, swap, swap);
        assert_eq!(slug(house.act(&house.admin, CurrentCharter)), "integrity");
        assert_eq!(slug(apply(&house, charter_files(), 2)), "integrity");
        place.meddle(false, swap, swap);
        house.act(&house.admin, CurrentCharter).expect("swapped back");
    }

    fn nothing_is_written_under_a_charter_that_another_worker_has_replaced(place) {
        let house = House::new(place);
        let importer = house.hire("service", "importer", None);
        let shop = house.hire("service", "shop", None);
        let support = house.hire("staff", "support", None);
        let id = house.create(&importer, person()).expect("created");
        let start = StartImport {
            source: b"file".to_vec(),
            mapping: b"mapping".to_vec(),
            dry_run: false,
            on_duplicate: OnDuplicate::Reject,
            on_erased: OnErased::Ask,
            purpose: Some("administration".to_owned()),
            reason: None,
        };
        let import = house.act(&importer, start).expect("an import").id;
        let anew = |name: &str| map(json!({"name": name, "email": format!("{name}@example.com")}));
        let create = || CreateSubject::new(&house.app, &anew("Eva"), Some("administration".to_owned()), None);
        let update = || {
            let fields = map(json!({"language": "de"}));
            UpdateSubject::new(&house.app, id, 1, &fields, Some("support".to_owned()), None)
        };
        let chunk = || {
            let rows = [ImportRow { row: 1, fields: anew("Finn") }];
            ImportChunk::new(&house.app, import, 0, &rows, Some("administration".to_owned()), None)
        };
        let tokenize = || {
            let reading =
                Reading { subject: None, map: Default::default(), unmapped: Unmapped::Refuse, create_missing: true };
            let document = json!({"name": "Gil", "email": "gil@example.com"});
            let purpose = Some("order_fulfilment".to_owned());
            Tokenize::new(&house.app, "mailer".to_owned(), (purpose, None), document, &reading)
        };

        // The commit of another worker, of which this one's memory does not know yet.
        let ahead = "update rules_state set generation = generation + 1; \
                     insert into charter_version (version, applied, applied_by, sealed) \
                     select version + 1, applied, applied_by, sealed from charter_version where version = 1;";
        place.meddle(false, ahead, ahead);
        assert_eq!(slug(house.act(&importer, create().expect("parsed"))), "conflict");
        assert_eq!(slug(house.act(&support, update().expect("parsed"))), "conflict");
        assert_eq!(slug(house.act(&importer, chunk().expect("parsed"))), "conflict");
        assert_eq!(slug(house.act(&shop, tokenize().expect("parsed"))), "conflict");

        let back = "update rules_state set generation = generation - 1; \
                    delete from charter_version where version = 2;";
        place.meddle(false, back, back);
        house.act(&importer, create().expect("parsed")).expect("in time");
        house.act(&support, update().expect("parsed")).expect("in time");
        house.act(&importer, chunk().expect("parsed")).expect("in time");
        house.act(&shop, tokenize().expect("parsed")).expect("in time");
    }

    fn a_field_that_comes_back_is_what_it_was(place) {
        let house = House::new(place);
        let (importer, dpo) = (house.hire("service", "importer", None), house.hire("staff", "dpo", None));
        apply(&house, with_nickname("type: text\n    max: 40\n    index: unique"), 1).expect("applied");
        let fields = json!({"name": "Dora", "email": "dora@example.com", "nickname": "Do"});
        let id = house.create(&importer, fields).expect("created");
        apply(&house, charter_files(), 2).expect("the field goes");
        // Another version in between: what the field was is not forgotten with the charter before this one.
        let other = charter(&[("data.yaml", "title: Language\n", "title: Languages\n")]);
        apply(&house, other, 3).expect("applied");
        let house = house.reopen();

        assert_eq!(
            problems(&house, with_nickname("type: number")),
            ["field `nickname` changes its type from `text` to `number`, and the vault may hold values that would not \
              fit any more"]
        );
        assert_eq!(
            problems(&house, with_nickname("type: text\n    max: 40\n    list: true\n    index: unique")),
            [
                "field `nickname` changes from one value to a list, and the vault may hold values that would not fit \
                 any more",
            ]
        );
        assert_eq!(problems(&house, with_nickname("type: text\n    max: 50")), [""; 0]);
        assert_eq!(house.app.rules().version, 5);
        assert_eq!(shown(&house, &dpo, id, "nickname"), "Do");
        // Now it is compared with what it is, not with what it was.
        assert_eq!(problems(&house, with_nickname("type: text\n    max: 45")).len(), 1);
    }

    fn a_vault_without_subjects_takes_any_charter(place) {
        let house = House::new(place);
        for (version, kind) in [(1, "type: text\n    max: 40"), (3, "type: number"), (5, "type: date\n    list: true")] {
            apply(&house, with_nickname(kind), version).expect("applied");
            apply(&house, charter_files(), version + 1).expect("applied");
        }
        let importer = house.hire("service", "importer", None);
        house.create(&importer, person()).expect("created");
        assert_eq!(problems(&house, with_nickname("type: email")), [""; 0]);
    }

    fn a_type_may_take_more_but_not_less(place) {
        let house = House::new(place);
        let (importer, dpo) = (house.hire("service", "importer", None), house.hire("staff", "dpo", None));
        let id = house.create(&importer, person()).expect("created");
        let wider = [
            ("data.yaml", "max: 4000", "max: 5000"),
            ("data.yaml", "options: [cs, da,", "options: [uk, da, cs,"),
            ("data.yaml", "min: 0\n", "min: -10\n"),
            ("data.yaml", "type: national_id\n", "type: national_id\n    country: PT\n"),
            ("data.yaml", "type: phone\n", "type: phone\n    country: PT\n"),
        ];
        assert_eq!(problems(&house, charter(&wider)), [""; 0]);
        for (field, value) in
            [("language", json!("cs")), ("loyalty_points", json!(3)), ("national_id", json!("DE 123456789"))]
        {
            assert_eq!(shown(&house, &dpo, id, field), value);
        }
        let phones = json!({"phones": ["912 345 678"]});
        house.update(&dpo, id, 1, phones).expect("a Portuguese number");
        assert_eq!(house.search(&dpo, json!({"phones": "+351912345678"})).expect("found"), [id]);

        // And back again.
        let fit = "and the vault may hold values that would not fit any more";
        assert_eq!(
            problems(&house, charter_files()),
            [
                format!("field `language` takes away the options `uk`, {fit}"),
                format!("field `loyalty_points` raises `min` to 0, {fit}"),
                format!("field `notes` lowers `max` from 5000 to 4000, {fit}"),
            ]
        );
    }
}

/// Names of fields stand under seal only: a row that led from a name to a number could be made to lead elsewhere.
#[test]
fn the_database_does_not_name_the_fields() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let importer = house.hire("service", "importer", None);
    house.create(&importer, person()).expect("created");
    apply(&house, with_nickname("type: text\n    max: 40"), 1).expect("applied");
    let names: Vec<_> = house.app.rules().charter.fields().iter().map(|field| field.name.clone()).collect();
    // Shorter ones, such as `name`, are words of the schema too.
    let names: Vec<_> = names.iter().filter(|name| name.len() > 8).collect();
    assert!(names.len() > 4);
    let mut schema = false;
    for entry in std::fs::read_dir(place.directory()).expect("readable") {
        let bytes = std::fs::read(entry.expect("readable").path()).expect("readable");
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        schema |= holds("charter_version");
        for name in &names {
            assert!(!holds(name), "`{name}` stands in the open");
        }
    }
    assert!(schema, "the files were not where this test looked");
}
