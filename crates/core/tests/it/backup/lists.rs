//! Which list of erasures knows who was erased since the backups, when both stores were lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use avouch_core::backup::{BackupError, Endings, ReadBackups, Sources, Stores};
use avouch_core::erasure::{EndingsCopy, ErasureSettings};
use avouch_testkit::{Kind, Place};
use serde_json::json;

use super::{back_up, both, lose, refused, restore};
use crate::house::House;
use crate::people::erased;

fn saved(house: &House<'_>, name: &str) -> PathBuf {
    let path = house.place.directory().join(name);
    let lines: Vec<String> =
        house.app.ending_lines().expect("the list").iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, lines.concat()).expect("written");
    path
}

fn endings(house: &House<'_>) -> Endings {
    house.act(&house.admin, ReadBackups).expect("told").restored.last().expect("a restore").endings
}

#[test]
fn a_list_that_cannot_know_who_was_erased_since_the_backups_is_refused() {
    let (place, target) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let house = House::new(&place);
    let dpo = house.hire("staff", "dpo", None);
    let erase_one = |at: usize| {
        let fields = json!({"external_id": format!("C-{at}"), "name": "Bob Builder"});
        let id = house.create(&house.importer, fields).expect("created");
        erased(&house, &dpo, id).expect("erased");
    };
    let empty = saved(&house, "empty");
    erase_one(1);
    let (old, early) = (saved(&house, "old"), both(&house));
    erase_one(2);
    let (newer, late) = (saved(&house, "newer"), both(&house));
    let from = |data: &Sources, keys: &Sources, list: &Path, nobody_erased| Sources {
        data: data.data.clone(),
        keys: keys.keys.clone(),
        endings: Some(list.to_owned()),
        nobody_erased,
        ..Sources::default()
    };
    let keepers = house.keepers();
    let refusal = |sources: &Sources| refused(restore(&keepers, &target, sources), target.directory());
    let unknown = refusal(&from(&early, &early, &empty, false));
    // Whichever of the stores is later than the list.
    let older = [
        refusal(&from(&late, &late, &old, false)),
        refusal(&from(&late, &early, &old, false)),
        refusal(&from(&early, &late, &old, false)),
    ];
    assert!(older.iter().all(|answer| *answer == older[0]));
    insta::assert_snapshot!([unknown.as_str(), &older[0]].join("\n"), @"
    both stores come from backups, so nothing here knows who was erased since: give the copy of the list of erasures by --endings, or, when nobody was erased, say --endings-are-complete, which is kept on record
    the list of erasures ends before the backups do, so it does not know who was erased since: give a newer copy of it by --endings, or, when nobody was erased, say --endings-are-complete, which is kept on record
    ");
    let known = |sources: &Sources| {
        let restored = restore(&keepers, &target, sources).expect("restored");
        let known = endings(&restored);
        restored.shut();
        lose(&target, false);
        lose(&target, true);
        known
    };
    assert_eq!(known(&from(&late, &early, &newer, false)), Endings::Listed);
    assert_eq!(known(&from(&early, &early, &old, false)), Endings::Listed);
    for list in [&empty, &old, &newer] {
        assert_eq!(known(&from(&late, &late, list, true)), Endings::Stated);
    }
}

/// A file that the configuration names.
#[derive(Debug)]
struct Named(PathBuf);

impl EndingsCopy for Named {
    fn lines(&self) -> std::io::Result<Vec<String>> {
        Ok(fs::read_to_string(&self.0)?.lines().map(str::to_owned).collect())
    }

    fn append(&self, lines: &[String]) -> std::io::Result<()> {
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        fs::write(&self.0, fs::read_to_string(&self.0)? + &text)
    }
}

/// A vault that keeps its list elsewhere, and where.
fn listing<'p>(place: &'p Place, elsewhere: &Place) -> (House<'p>, PathBuf) {
    let list = elsewhere.directory().join("list");
    fs::write(&list, "").expect("written");
    let erasure = ErasureSettings { copy: Some(Arc::new(Named(list.clone()))), ..ErasureSettings::default() };
    (House::with(place, erasure), list)
}

#[test]
fn the_list_that_is_brought_along_and_the_one_that_is_configured_are_one() {
    let (place, target) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let (house, list) = listing(&place, &target);
    let dpo = house.hire("staff", "dpo", None);
    let people = ["C-1", "C-2"].map(|name| {
        house.create(&house.importer, json!({"external_id": name, "name": "Bob"})).expect("created")
    });
    let sources = Sources { nobody_erased: false, ..both(&house) };
    erased(&house, &dpo, people[0]).expect("erased");
    let old = saved(&house, "old");
    erased(&house, &dpo, people[1]).expect("erased");
    let keepers = house.shut();
    // Each of them ends before the other, once.
    let (short, long) = (fs::read_to_string(&old), fs::read_to_string(&list));
    let (short, long) = (short.expect("readable"), long.expect("readable"));
    for (named, brought) in [(&long, &short), (&short, &long)] {
        fs::write(&list, named).expect("written");
        fs::write(&old, brought).expect("written");
        let sources = Sources { endings: Some(old.clone()), ..sources.clone() };
        let restored = restore(&keepers, &target, &sources).expect("restored");
        let known = restored.act(&restored.admin, ReadBackups).expect("told").restored;
        assert_eq!((known[0].endings, known[0].erased), (Endings::Listed, 2));
        restored.shut();
        assert_eq!(fs::read_to_string(&list).expect("readable"), long, "it knows of both");
        lose(&target, false);
        lose(&target, true);
    }
}

#[test]
fn a_restore_that_comes_to_nothing_writes_into_no_list() {
    let (place, target) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let (house, list) = listing(&place, &target);
    let dpo = house.hire("staff", "dpo", None);
    let bob = json!({"external_id": "C-1", "name": "Bob"});
    let early = both(&house);
    let gone = house.create(&house.importer, bob).expect("created");
    erased(&house, &dpo, gone).expect("erased");
    house.create(&house.importer, json!({"external_id": "C-2", "name": "Ana"})).expect("created");
    let late = both(&house);
    let keepers = house.shut();
    // The list is lost with everything else, and what is restored does not go together.
    fs::write(&list, "").expect("written");
    let sources = Sources { data: late.data.clone(), keys: early.keys, ..late.clone() };
    assert!(matches!(restore(&keepers, &target, &sources), Err(BackupError::Keys(1))));
    assert_eq!(fs::read_to_string(&list).expect("readable"), "", "it knows nothing yet");
    let without = Sources { nobody_erased: false, ..late.clone() };
    assert!(restore(&keepers, &target, &without).is_err(), "nobody knows who was erased since");
    let restored = restore(&keepers, &target, &late).expect("restored");
    assert_eq!(endings(&restored), Endings::Stated);
    assert_eq!(fs::read_to_string(&list).expect("readable").lines().count(), 1);
}

#[test]
fn a_store_that_is_alive_needs_no_list() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let empty = saved(&house, "empty");
    let data = back_up(&house, Stores::Data)[0].clone();
    let keepers = house.shut();
    lose(&place, false);
    let sources = Sources { data: Some(data), endings: Some(empty), ..Sources::default() };
    assert_eq!(endings(&restore(&keepers, &place, &sources).expect("restored")), Endings::Alive);
}
