//! What is known of backups, when files and rows went different ways: a crash in between, a hand that took a file away, a disk
//! that is not there.

use std::fs;

use avouch_core::backup::{Backup, Kept, Part, ReadBackups, Stores};
use avouch_testkit::{Kind, Place};
use serde_json::json;

use super::{back_up, shelf};
use crate::erasure::{Order, erase};
use crate::house::House;

/// Store, run and whether it is whole.
fn known(house: &House<'_>) -> Vec<(Part, u64, bool)> {
    let backups: Vec<Backup> = house.act(&house.admin, ReadBackups).expect("told").backups;
    backups.iter().map(|row| (row.part(), row.sequence, row.bytes.is_some())).collect()
}

/// A backup of both of which the files are there, and no row says that they are whole.
fn crashed(house: &House<'_>) -> Vec<Kept> {
    let stop = "create trigger stop before update on backup begin select raise(abort, 'stop'); end";
    house.place.meddle(false, stop, "");
    house.app.back_up(&house.admin, Stores::Both, || ()).expect_err("its end is not noted");
    house.place.meddle(false, "drop trigger stop", "");
    let newest = |part| {
        let files = shelf(house.place).files(house.app.vault(), part).expect("listed");
        files.last().cloned().expect("a file")
    };
    vec![newest(Part::Data), newest(Part::Keys)]
}

const WHOLE: [(Part, u64, bool); 2] = [(Part::Data, 1, true), (Part::Keys, 1, true)];

#[test]
fn a_backup_that_a_crash_left_without_a_word_is_known_by_its_files() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    house.app.keep_backups_on(shelf(&place));
    crashed(&house);
    assert_eq!(known(&house), WHOLE.map(|(part, run, _)| (part, run, false)));
    house.app.tidy_backups().expect("tidied");
    assert_eq!(known(&house), WHOLE);
}

#[test]
fn what_never_came_to_be_or_was_taken_away_is_named_by_no_receipt() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let dpo = house.hire("staff", "dpo", None);
    let receipt = |name: &str| {
        let id = house.create(&house.importer, json!({"external_id": name, "name": "Bob"})).expect("created");
        erase(&house, &dpo, id, Order::default()).expect("erased").backups
    };
    back_up(&house, Stores::Both);
    for kept in crashed(&house) {
        fs::remove_file(kept.path).expect("it never had this name");
    }
    assert_eq!(receipt("C-1").len(), 4, "it may be there");
    house.app.tidy_backups().expect("tidied");
    assert_eq!(known(&house), WHOLE);
    let second = back_up(&house, Stores::Both);
    assert_eq!(receipt("C-2"), ["data-1", "keys-1", "data-2", "keys-2"]);
    fs::remove_file(&second[1]).expect("taken away");
    // The next backup tells as well, where there is no server that tidies.
    back_up(&house, Stores::Data);
    assert_eq!(receipt("C-3"), ["data-1", "keys-1", "data-2", "data-3"]);
}

#[test]
fn a_backup_that_is_being_made_is_not_forgotten_for_having_no_file_yet() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    back_up(&house, Stores::Both);
    let begun = || {
        house.app.tidy_backups().expect("tidied");
        assert_eq!(known(&house).len(), 4);
    };
    house.app.back_up(&house.admin, Stores::Both, begun).expect("a backup");
    assert_eq!(known(&house).len(), 4);
}

#[test]
fn a_disk_that_is_not_there_has_lost_nothing() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    back_up(&house, Stores::Both);
    let (there, away) = (shelf(&place).keys, place.directory().join("away"));
    fs::rename(&there, &away).expect("unmounted");
    house.app.tidy_backups().expect("tidied");
    fs::create_dir(&there).expect("where it is mounted");
    house.app.tidy_backups().expect("tidied");
    assert_eq!(known(&house), WHOLE);
    house.clock.advance(std::time::Duration::from_secs(8 * 24 * 3600));
    house.app.tidy_backups().expect("tidied");
    assert_eq!(known(&house), WHOLE[..1], "its time is over");
}
