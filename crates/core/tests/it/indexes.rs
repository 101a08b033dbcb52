//! Indexes over people who are there already: built, changed and taken away with everything else going on; and what each of
//! them finds.

use std::sync::atomic::{AtomicUsize, Ordering};

use avouch_charter::SourceFile;
use avouch_core::charters::PlanCharter;
use avouch_core::gate::Caller;
use avouch_core::indexes::{Built, IndexState, ReadIndexes};
use avouch_core::keys::ReadKeys;
use avouch_core::vault::{Asked, SearchSubjects};
use avouch_core::{Error, SubjectId};
use avouch_testkit::both_engines;
use serde_json::{Value as Json, json};

use crate::charters::{apply, charter};
use crate::house::{House, charter_files, map, slug};
use crate::rotation::people;

/// Searches by values, and by what is like them.
fn found(house: &House<'_>, caller: &Caller, by: Json, like: Json) -> Result<Vec<SubjectId>, Error> {
    let asked = Asked { by: map(by), like: map(like) };
    let operation = SearchSubjects::new(&house.app, asked, Some("data_rights".to_owned()), None, None, 50)?;
    Ok(house.act(caller, operation)?.items.iter().map(|shown| shown.id).collect())
}

fn indexes(house: &House<'_>) -> Vec<IndexState> {
    house.act(&house.admin, ReadIndexes).expect("the state")
}

/// The indexes of a field or compound: number, kind and stage.
fn of(house: &House<'_>, name: &str) -> Vec<(u32, &'static str, &'static str)> {
    let of = indexes(house).into_iter().filter(|index| index.name == name);
    of.map(|index| (index.number, index.how, index.stage)).collect()
}

fn build(house: &House<'_>) -> Built {
    house.app.finish_indexes(|| true).expect("built").expect("by us")
}

/// Terms in the store, by the number of their index.
fn terms(house: &House<'_>) -> Vec<(i64, i64)> {
    let counted = house
        .app
        .store()
        .read_wait(|tx| tx.query(&TERMS, &[], |row| Ok((row.int(0)?, row.int(1)?))).map_err(Error::from));
    counted.expect("counted")
}

avouch_store::statements! {
    data TERMS = "select number, count(*) from index_term group by number order by number";
}

fn with_company_index() -> Vec<SourceFile> {
    charter(&[("data.yaml", "title: Company\n", "title: Company\n    index: unique\n")])
}

both_engines! {
    fn an_index_is_built_over_people_who_are_there(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        for at in 0..150 {
            let fields = json!({"name": "Ada", "email": format!("ada{at}@example.com"), "company": format!("Works {at}")});
            house.create(&house.importer, fields).expect("created");
        }
        let by = || json!({"company": "Works 7"});
        assert_eq!(slug(found(&house, &dpo, by(), json!({}))), "validation", "there is no index");
        let planned = house.act(&house.admin, PlanCharter { files: with_company_index() }).expect("a plan");
        assert!(
            planned.changes.iter().any(|change| change.what == "index `company` (exact)"
                && change.effect.starts_with("is built over 150 subjects")),
            "{:?}", planned.changes
        );
        apply(&house, with_company_index(), 1).expect("applied");
        assert!(house.app.indexes_pending());
        // Stopped after the first batch; and then somebody comes and somebody goes.
        let batches = AtomicUsize::new(0);
        assert_eq!(house.app.finish_indexes(|| batches.fetch_add(1, Ordering::Relaxed) == 0).expect("it stops"), None);
        let building = indexes(&house).into_iter().find(|index| index.name == "company").expect("it is there");
        assert_eq!((building.stage, building.done, building.people), ("building", 64, 150));
        assert_eq!(slug(found(&house, &dpo, by(), json!({}))), "conflict", "it does not know of everybody yet");
        let late = json!({"name": "Zoe", "email": "zoe@example.com", "company": "Late Works"});
        let late = house.create(&house.importer, late).expect("created");
        let house = house.reopen();
        assert!(house.app.indexes_pending());

        assert_eq!(build(&house), Built { ready: 1, dropped: 0 });

        assert!(!house.app.indexes_pending());
        assert_eq!(of(&house, "company"), [(9, "exact", "ready")]);
        assert_eq!(found(&house, &dpo, by(), json!({})).expect("found").len(), 1);
        assert_eq!(found(&house, &dpo, json!({"company": "Late Works"}), json!({})).expect("found"), [late]);
        let taken = json!({"name": "Eve", "email": "eve@example.com", "company": "Works 3"});
        assert_eq!(slug(house.create(&house.importer, taken)), "conflict");
        assert!(house.events().iter().any(|event| event.what == "index.ready" && event.count == 151));
    }

    fn a_field_that_becomes_unique_tells_who_shares_a_value(place) {
        let house = House::new(place);
        let mut ids = Vec::new();
        for (at, company) in ["Same", "Other", "Same", "Same"].into_iter().enumerate() {
            let fields = json!({"name": "Ada", "email": format!("ada{at}@example.com"), "company": company});
            ids.push(house.create(&house.importer, fields).expect("created"));
        }
        apply(&house, with_company_index(), 1).expect("applied");
        build(&house);
        let company = indexes(&house).into_iter().find(|index| index.name == "company").expect("it is there");
        assert_eq!((company.shared, company.sharers), (2, vec![ids[2], ids[3]]));
        let again = json!({"name": "Eve", "email": "eve@example.com", "company": "Same"});
        assert_eq!(slug(house.create(&house.importer, again)), "conflict", "nobody joins them");
    }

    fn the_old_index_serves_until_the_new_one_is_whole(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let all = people(&house, 100);
        let (first, name) = &all[0];
        let more = charter(&[("charter.yaml", "planned_subjects: 100_000", "planned_subjects: 900_000")]);
        apply(&house, more, 1).expect("applied");
        let stages: Vec<_> = of(&house, "email").into_iter().map(|(_, _, stage)| stage).collect();
        assert_eq!(stages, ["ready", "building"]);
        let by = json!({"email": "person0@example.com"});
        assert_eq!(found(&house, &dpo, by.clone(), json!({})).expect("by the old one"), [*first]);
        let before = terms(&house).len();
        let Built { ready, dropped } = build(&house);
        assert_eq!((ready, dropped), (8, 8), "every index has longer terms now");
        assert_eq!(terms(&house).len(), before, "the old terms are gone");
        assert_eq!(found(&house, &dpo, by, json!({})).expect("by the new one"), [*first]);
        assert_eq!(found(&house, &dpo, json!({"name": name.to_uppercase()}), json!({})).expect("too"), [*first]);
        let bits: Vec<_> = indexes(&house).iter().map(|index| index.bits).collect();
        assert_eq!(bits, [21, 17, 17, 17, 17, 21, 17, 17]);
    }

    fn an_index_that_is_not_wanted_leaves_no_terms(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        apply(&house, with_company_index(), 1).expect("nobody is there yet");
        let fields = json!({"name": "Ada", "email": "ada@example.com", "company": "Works"});
        let gone = house.create(&house.importer, fields).expect("created");
        let number = i64::from(of(&house, "company")[0].0);
        assert!(terms(&house).contains(&(number, 1)));
        apply(&house, charter_files(), 2).expect("applied");
        assert_eq!(slug(found(&house, &dpo, json!({"company": "Works"}), json!({}))), "validation");
        // Whoever goes meanwhile goes from here, too.
        crate::people::erased(&house, &dpo, gone).expect("erased");
        assert_eq!(terms(&house), []);
        assert_eq!(build(&house), Built { ready: 0, dropped: 1 });
        assert_eq!(of(&house, "company"), []);
    }

    fn another_normal_form_is_another_index(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let indexed = ("data.yaml", "type: national_id\n", "type: national_id\n    index: unique\n");
        apply(&house, charter(&[indexed]), 1).expect("nobody is there yet");
        let fields = json!({"name": "Ada", "email": "ada@example.com", "national_id": "PT 123456789"});
        let id = house.create(&house.importer, fields).expect("created");
        let moved = ("data.yaml", "type: national_id\n", "type: national_id\n    country: PT\n");
        apply(&house, charter(&[indexed, moved]), 2).expect("applied");
        let by = || json!({"national_id": "123456789"});
        assert_eq!(slug(found(&house, &dpo, by(), json!({}))), "conflict", "the old terms are of no use");
        build(&house);
        assert_eq!(found(&house, &dpo, by(), json!({})).expect("found"), [id]);
    }

    fn people_are_found_by_what_is_like_a_value(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let person = |name: &str, email: &str, birth: &str| {
            json!({"name": name, "email": format!("{email}@example.com"), "birth_date": birth})
        };
        let add = |fields: Json| house.create(&house.importer, fields).expect("created");
        let ines = add(person("Inês Gonçalves", "ines", "1962-05-17"));
        let other = add(person("Ines Goncalvez", "ig", "1962-07-31"));
        let karl = add(person("Karl Meyer", "karl", "1980-01-01"));
        let ask = |by: Json, like: Json| found(&house, &dpo, by, like).expect("found");

        let mut both = [ines, other];
        both.sort();
        assert_eq!(ask(json!({}), json!({"name": {"prefix": "gonç"}})), both);
        assert_eq!(ask(json!({}), json!({"name": {"prefix": "ines goncalves"}})), [ines]);
        assert_eq!(ask(json!({}), json!({"name": {"fuzzy": "Gonsalves"}})), both);
        assert_eq!(ask(json!({}), json!({"name": {"fuzzy": "maier"}})), [karl]);
        assert_eq!(ask(json!({}), json!({"birth_date": {"from": "1962-05-17", "to": "1962-07-30"}})), [ines]);
        assert_eq!(ask(json!({}), json!({"birth_date": {"from": "1962-05-18", "to": "1979-12-31"}})), [other]);
        // All of it must hold, whichever index leads there.
        assert_eq!(ask(json!({"name": "ines goncalves"}), json!({"birth_date": {"from": "1962-05-17", "to": "1962-05-17"}})), [ines]);
        assert_eq!(ask(json!({"email": "ines@example.com"}), json!({"name": {"prefix": "kar"}})), []);
        // By several fields together, as a whole or in part.
        assert_eq!(ask(json!({"name": "INES GONCALVES", "birth_date": "1962-05-17"}), json!({})), [ines]);
        assert_eq!(ask(json!({"name": "INES GONCALVES", "birth_date": "1962-05-18"}), json!({})), []);
        assert_eq!(ask(json!({"name": "Karl Meyer", "birth_date.year": 1980}), json!({})), [karl]);
        assert_eq!(ask(json!({"name": "Karl Meyer", "birth_date.year": 1981}), json!({})), []);

        // A change moves all of a person's terms; whoever goes leaves none.
        house.update(&dpo, karl, 1, json!({"birth_date": "1990-02-02"})).expect("changed");
        assert_eq!(ask(json!({"name": "Karl Meyer", "birth_date.year": 1980}), json!({})), []);
        assert_eq!(ask(json!({"name": "Karl Meyer", "birth_date.year": "1990"}), json!({})), [karl]);
        house.update(&dpo, karl, 2, json!({"name": "Carla Stein"})).expect("changed");
        assert_eq!(ask(json!({}), json!({"name": {"prefix": "mey"}})), []);
        assert_eq!(ask(json!({}), json!({"name": {"fuzzy": "Karla Shtain"}})), [karl]);
        house.update(&dpo, karl, 3, json!({"birth_date": null})).expect("changed");
        assert_eq!(ask(json!({}), json!({"birth_date": {"from": "1989-01-01", "to": "1991-01-01"}})), []);
        for id in [ines, other, karl] {
            crate::people::erased(&house, &dpo, id).expect("erased");
        }
        assert_eq!(terms(&house), []);
    }

    fn what_no_index_answers_is_refused_and_says_what_is_there(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let refused = |by: Json, like: Json| match found(&house, &dpo, by, like).expect_err("refused") {
            Error::Invalid(faults) => faults.into_iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect::<Vec<_>>(),
            other => panic!("{}", other.slug()),
        };
        let index = refused(json!({"birth_date.year": 1962}), json!({}));
        assert_eq!(index, ["/by: no index leads from these conditions to people; there are indexes by `external_id`, \
            `name`, the beginning of `name`, the sound of `name`, a range of `birth_date`, `email`, `phones`, `name` and \
            `birth_date.year` together"]);
        assert_eq!(refused(json!({}), json!({"email": {"prefix": "ad"}, "name": {"sound": "x"}})), [
            "/match/email: this field cannot be searched by beginnings: the charter gives it no `prefix`",
            "/match/name: expected `prefix`, `fuzzy`, or `from` and `to`",
        ]);
        assert_eq!(refused(json!({"name.year": 3, "shoe": 1, "birth_date.year": "x"}), json!({"name": {"from": "a", "to": "b"}})), [
            "/by/name.year: values of this field have no such part",
            "/by/shoe: the charter has no such field",
            "/by/birth_date.year: expected a year such as 1980",
            "/match/name: this field cannot be searched from one value to another: the charter gives it no `range`",
        ]);
        assert_eq!(refused(json!({}), json!({})).len(), 1);
    }

    fn index_keys_are_rotated_with_everything_going_on(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let all = people(&house, 150);
        let before: Vec<i64> = terms(&house).into_iter().map(|(number, _)| number).collect();
        let roots = || house.act(&house.admin, ReadKeys).expect("the state").index_epochs;
        assert_eq!(roots(), [1]);

        assert_eq!(house.app.rotate_indexes(&house.admin).expect("begun"), 2);
        assert_eq!(roots(), [1, 2]);
        let again = house.app.rotate_indexes(&house.admin).expect_err("one after the other");
        assert!(again.to_string().contains("wait"), "{again}");
        let refused = house.app.rotate_indexes(&dpo).expect_err("not by everybody");
        assert!(refused.to_string().contains("refused"), "{refused}");
        let batches = AtomicUsize::new(0);
        assert_eq!(house.app.finish_indexes(|| batches.fetch_add(1, Ordering::Relaxed) == 0).expect("it stops"), None);
        // The process dies in the middle of it.
        let house = house.reopen();
        let late = json!({"name": "Zoe Late", "email": "zoe@example.com"});
        let late = house.create(&house.importer, late).expect("created");
        let by = |at: usize| json!({"email": format!("person{at}@example.com")});
        assert_eq!(found(&house, &dpo, by(3), json!({})).expect("by the old"), [all[3].0]);

        let built = build(&house);
        assert_eq!(built.ready, built.dropped);
        for at in [0, 70, 149] {
            assert_eq!(found(&house, &dpo, by(at), json!({})).expect("by the new"), [all[at].0]);
        }
        assert_eq!(found(&house, &dpo, json!({}), json!({"name": {"prefix": "zoe"}})).expect("found"), [late]);
        let after = terms(&house);
        assert!(after.iter().all(|(number, _)| !before.contains(number)), "nothing is left of the old terms");
        assert!(indexes(&house).iter().all(|index| index.epoch == 2));
        let keys = house.act(&house.admin, ReadKeys).expect("the state");
        assert_eq!((keys.index_epochs, keys.indexes_outstanding), (vec![2], 0), "and the old root is forgotten");
        assert!(house.events().iter().any(|event| event.what == "root.forget"));
        let house = house.reopen();
        assert!(!house.app.indexes_pending());
        assert_eq!(found(&house, &dpo, by(9), json!({})).expect("after a restart"), [all[9].0]);
    }

    fn an_index_passed_off_as_another_is_refused(place) {
        let house = House::new(place);
        people(&house, 2);
        let swap = "create table swapped as select * from search_index; \
            update search_index set sealed = (select sealed from swapped where swapped.number <> search_index.number \
            order by swapped.number limit 1); drop table swapped;";
        house.app.store().close();
        place.meddle(false, swap, swap);
        let parts = crate::house::parts(place, house.seals.primary(), &house.clock);
        let opened = avouch_core::app::App::open(parts).expect_err("damage");
        assert!(opened.to_string().contains("integrity"), "{opened}");
    }
}
