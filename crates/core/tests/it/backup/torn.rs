//! Restores that a crash cut off between two commits: what they leave is no vault, and can be restored again.

use avouch_core::app::App;
use avouch_core::app::opening::OpeningError;
use avouch_core::backup::{BackupError, Endings, ReadBackups, Sources, Stores};
use avouch_testkit::{Kind, Place, both_engines};

use super::{back_up, both, lose, refused, restore};
use crate::house::{House, ana};

/// The key store does not become part of a vault.
fn stop(place: &Place) {
    drop(place.open(avouch_core::MIGRATIONS).expect("the tables are made"));
    place.meddle(
        true,
        "create trigger stop before insert on vault begin select raise(abort, 'stop'); end",
        "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
         create trigger stop before insert on vault for each row execute function stop()",
    );
}

fn go_on(place: &Place) {
    place.meddle(true, "drop trigger stop", "drop trigger stop on vault");
}

both_engines! {
    fn a_restore_of_both_that_broke_off_between_their_commits_is_done_again(place) {
        let target = Place::new(place.kind());
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let (sources, keepers) = (both(&house), house.keepers());
        stop(&target);
        assert!(restore(&keepers, &target, &sources).is_err());
        go_on(&target);
        let error = App::open(keepers.parts(&target)).expect_err("there is no vault");
        assert!(matches!(error, OpeningError::Half), "{error}");
        // Cut off once more, after what was left has been taken apart.
        stop_data(&target);
        assert!(restore(&keepers, &target, &sources).is_err());
        target.meddle(false, "drop trigger stop", "drop trigger stop on record");
        let restored = restore(&keepers, &target, &sources).expect("restored");
        assert_eq!(restored.reveal(&support, id, &["name"]).expect("shown").fields["name"], "Ana Gonçalves");
        let known = restored.act(&restored.admin, ReadBackups).expect("told").restored;
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].endings, Endings::Stated);
        assert!(known[0].replayed.is_some());
    }

    fn the_data_of_a_vault_that_lost_its_keys_is_not_cleared_for_a_backup(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let (sources, keepers) = (both(&house), house.keepers());
        let keys_only = Sources { data: None, ..sources.clone() };
        drop(house.shut());
        let refusal = || refused(restore(&keepers, place, &sources), place.directory());
        let answer = "the data store holds a vault: a restore goes into an empty one";
        lose(place, true);
        assert_eq!(refusal(), answer);
        // Nor when a restore of its keys broke off.
        stop(place);
        assert!(restore(&keepers, place, &keys_only).is_err());
        go_on(place);
        assert_eq!(refusal(), answer);
        let restored = restore(&keepers, place, &keys_only).expect("restored");
        assert_eq!(restored.reveal(&support, id, &["name"]).expect("shown").fields["name"], "Ana Gonçalves");
    }
}

fn stop_data(place: &Place) {
    place.meddle(
        false,
        "create trigger stop before insert on record begin select raise(abort, 'stop'); end",
        "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
         create trigger stop before insert on record for each row execute function stop()",
    );
}

#[test]
fn keys_are_part_of_no_vault_before_the_data_is_marked() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    house.create(&house.importer, ana()).expect("created");
    let keys = back_up(&house, Stores::Keys)[0].clone();
    let keepers = house.shut();
    lose(&place, true);
    // The commit of the data fails, that of the keys does not.
    let stop = "create table nobody (id integer primary key); \
        create table stop (id integer references nobody deferrable initially deferred); \
        create trigger stop after insert on restored begin insert into stop values (1); end";
    place.meddle(false, stop, "");
    let sources = Sources { keys: Some(keys), ..Sources::default() };
    let broken = restore(&keepers, &place, &sources).err().expect("it breaks off");
    assert!(matches!(broken, BackupError::Other(_)), "{broken}");
    place.meddle(false, "drop trigger stop; drop table stop; drop table nobody", "");
    let error = App::open(keepers.parts(&place)).expect_err("there is no vault");
    assert!(matches!(error, OpeningError::Half), "{error}");
    restore(&keepers, &place, &sources).expect("restored");
}
