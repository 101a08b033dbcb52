//! Index roots that the one store's time has and the other's has not: the vault opens, and everybody is found again.

use std::fs;

use avouch_core::SubjectId;
use avouch_core::backup::{Sources, Stores};
use avouch_core::gate::Caller;
use avouch_core::indexes::ReadIndexes;
use avouch_core::keys::ReadKeys;
use avouch_testkit::{Kind, Place, both_engines};
use serde_json::json;

use super::{back_up, lose, restore};
use crate::house::{House, ana};
use crate::rotation::people;

/// Has all indexes made under another root, and the old one forgotten.
fn rotated(house: &House<'_>) {
    house.app.rotate_indexes(&house.admin).expect("begun");
    house.app.finish_indexes(|| true).expect("built").expect("by us");
    let roots = house.act(&house.admin, ReadKeys).expect("the state").index_epochs;
    assert_eq!(roots.len(), 1, "the old root is forgotten");
}

fn found(house: &House<'_>, by: &Caller, at: usize) -> Vec<SubjectId> {
    house.search(by, json!({"email": format!("person{at}@example.com")})).expect("a search")
}

/// The epochs of the indexes, each once, and whether all are whole.
fn epochs(house: &House<'_>) -> (Vec<u32>, bool) {
    let indexes = house.act(&house.admin, ReadIndexes).expect("the state");
    let mut epochs: Vec<u32> = indexes.iter().map(|index| index.epoch).collect();
    epochs.dedup();
    (epochs, indexes.iter().all(|index| index.stage == "ready"))
}

both_engines! {
    fn old_data_is_found_in_under_the_index_root_of_today(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let all = people(&house, 3);
        let data = back_up(&house, Stores::Data)[0].clone();
        rotated(&house);
        let keepers = house.shut();
        lose(place, false);
        let house = restore(&keepers, place, &Sources { data: Some(data), ..Sources::default() }).expect("restored");
        assert_eq!(found(&house, &support, 1), [all[1].0]);
        assert_eq!(epochs(&house), (vec![2], true));
        // It goes on: the next rotation, and people who come.
        let late = house.create(&house.importer, ana()).expect("created");
        rotated(&house);
        let house = house.reopen();
        assert_eq!(house.search(&support, json!({"email": "ana.goncalves@example.com"})).expect("found"), [late]);
    }

    fn old_keys_without_the_index_root_of_today_find_everybody(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let all = people(&house, 3);
        let keys = back_up(&house, Stores::Keys)[0].clone();
        rotated(&house);
        let keepers = house.shut();
        lose(place, true);
        let house = restore(&keepers, place, &Sources { keys: Some(keys), ..Sources::default() }).expect("restored");
        assert_eq!(found(&house, &support, 2), [all[2].0]);
        assert_eq!(epochs(&house), (vec![1], true));
        rotated(&house);
        assert_eq!(found(&house, &support, 2), [all[2].0], "under the second of the roots that are called 2");
    }

    fn keys_from_before_a_rotation_that_is_not_through_leave_what_is_whole(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let all = people(&house, 3);
        let keys = back_up(&house, Stores::Keys)[0].clone();
        house.app.rotate_indexes(&house.admin).expect("begun");
        let keepers = house.shut();
        lose(place, true);
        let sources = Sources { keys: Some(keys), ..Sources::default() };
        let app = avouch_core::app::App::restore(keepers.parts(place), &sources, None, &|_| ()).expect("restored");
        let house = keepers.with(place, app);
        assert_eq!(found(&house, &support, 0), [all[0].0], "by the old indexes, at once");
        house.app.finish_indexes(|| true).expect("built").expect("by us");
        assert_eq!(found(&house, &support, 0), [all[0].0]);
        assert_eq!(epochs(&house), (vec![1], true));
    }
}

#[test]
fn an_old_data_file_beside_the_keys_of_today_opens_and_finds_everybody() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let support = house.hire("staff", "support", None);
    let all = people(&house, 3);
    let old = place.directory().join("old.db");
    let house = house.reopened_after(|| {
        fs::copy(place.files().data, &old).expect("kept");
    });
    rotated(&house);
    let house = house.reopened_after(|| {
        lose(&place, false);
        fs::copy(&old, place.files().data).expect("put back");
    });
    let terms = |house: &House<'_>| -> i64 {
        avouch_store::statements! { data TERMS = "select count(*) from index_term"; }
        house
            .app
            .store()
            .read_wait(|tx| tx.first(&TERMS, &[], |row| row.int(0)))
            .expect("counted")
            .expect("a number")
    };
    let before = terms(&house);
    assert!(house.app.indexes_pending());
    house.app.finish_indexes(|| true).expect("built").expect("by us");
    assert_eq!(found(&house, &support, 1), [all[1].0]);
    assert_eq!(epochs(&house), (vec![2], true));
    assert_eq!(terms(&house), before, "the terms of the old root are gone");
    assert!(!house.reopen().app.indexes_pending());
}
