//! Backups: what was there is there again, on either engine, and whoever was erased is not.

mod format;
mod incremental;
mod known;
mod lists;
mod rekeyed;
mod resurrection;
mod schema;
mod torn;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use avouch_core::Error;
use avouch_core::app::App;
use avouch_core::backup::{BackupError, Endings, Kept, Part, ReadBackups, Shelf, Sources, Stores};
use avouch_core::gate::Caller;
use avouch_core::keys::{Recovery, RotateDataKeys};
use avouch_testkit::{Kind, Place, both_engines};
use serde_json::json;

use crate::house::{House, Keepers, ana, parts, slug};
use crate::people::erased;
use crate::tokens::{detokenized, tokens};

/// A shelf in a folder of the test's own.
pub(crate) fn shelf(place: &Place) -> Shelf {
    let folder = place.directory().join("shelf");
    let (data, keys) = (folder.join("data"), folder.join("keys"));
    Shelf { data, keys, keep_data: 100, full_every: 3, keep_keys_days: 7 }
}

pub(crate) fn back_up(house: &House<'_>, stores: Stores) -> Vec<PathBuf> {
    house.app.keep_backups_on(shelf(house.place));
    let made = house.app.back_up(&house.admin, stores, || ()).expect("a backup");
    made.into_iter().map(|made| made.kept.path).collect()
}

/// Data and keys of one run.
pub(crate) fn both(house: &House<'_>) -> Sources {
    let files = back_up(house, Stores::Both);
    Sources {
        data: Some(files[0].clone()),
        keys: Some(files[1].clone()),
        nobody_erased: true,
        ..Sources::default()
    }
}

/// Restores into a place, by the primary seal.
pub(crate) fn restore<'q>(
    keepers: &Keepers,
    place: &'q Place,
    sources: &Sources,
) -> Result<House<'q>, BackupError> {
    let app = App::restore(keepers.parts(place), sources, None, &|_| ())?;
    app.finish_indexes(|| true).expect("indexes are built");
    Ok(keepers.with(place, app))
}

/// Takes a store of a place away, as a disk does that is lost.
pub(crate) fn lose(place: &Place, keys: bool) {
    match place.urls() {
        None => {
            let files = place.files();
            let path = if keys { files.keys } else { files.data };
            for ending in ["", "-wal", "-shm"] {
                let mut name = path.clone().into_os_string();
                name.push(ending);
                let _ = std::fs::remove_file(PathBuf::from(name));
            }
        }
        Some(_) => place.meddle(keys, "", "drop schema public cascade; create schema public"),
    }
}

fn refused<T>(result: Result<T, BackupError>, folder: &Path) -> String {
    let error = result.err().expect("it is refused").to_string();
    error.replace(&folder.display().to_string(), "DIR")
}

/// One vault with somebody in it who was changed, looked at and tokenised, restored into another place.
fn round_trip(from: Kind, to: Kind) {
    let (place, other) = (Place::new(from), Place::new(to));
    let house = House::new(&place);
    let (support, accountant) =
        (house.hire("staff", "support", None), house.hire("staff", "accountant", None));
    let advisor = house.hire("service", "taxadvisor_api", Some("taxadvisor"));
    let id = house.create(&house.importer, ana()).expect("created");
    house.update(&support, id, 1, json!({"notes": "now prefers the evening"})).expect("updated");
    let token =
        tokens(&house, &accountant, ("taxadvisor", "accounting"), id, &[("name", None)]).expect("a token");
    let before = house.reveal(&support, id, &["name", "email", "notes"]).expect("shown");
    let events = house.events().len();

    let restored = restore(&house.keepers(), &other, &both(&house)).expect("restored");
    let after = restored.reveal(&support, id, &["name", "email", "notes"]).expect("shown");
    assert_eq!((after.fields, after.version, after.created), (before.fields, before.version, before.created));
    assert_eq!(
        restored.search(&support, json!({"email": "ANA.goncalves@example.com"})).expect("found"),
        [id]
    );
    let opened = detokenized(&restored, &advisor, "accounting", json!(token)).expect("the token works");
    assert_eq!(opened, json!(["Ana Gonçalves"]));
    assert!(restored.events().len() > events, "the record of events came along");
    // It goes on as a vault: its keys rotate, its people change and are erased.
    restored.app.finish_reseal(|| true).expect("nothing is left from before");
    restored.act(&restored.admin, RotateDataKeys).expect("begun");
    restored.app.finish_reseal(|| true).expect("resealed");
    restored.update(&support, id, 2, json!({"notes": "moved house"})).expect("updated");
    let restored = restored.reopen();
    let dpo = restored.hire("staff", "dpo", None);
    erased(&restored, &dpo, id).expect("erased");
    assert_eq!(slug(restored.reveal(&support, id, &["name"])), "not-found");
}

#[test]
fn a_sqlite_vault_comes_back_on_sqlite() {
    round_trip(Kind::Sqlite, Kind::Sqlite);
}

#[test]
fn a_sqlite_vault_comes_back_on_postgres() {
    round_trip(Kind::Sqlite, Kind::Postgres);
}

#[test]
fn a_postgres_vault_comes_back_on_sqlite() {
    round_trip(Kind::Postgres, Kind::Sqlite);
}

both_engines! {
    fn old_data_and_the_keys_of_today_bring_back_everybody_but_the_erased(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let ana_id = house.create(&house.importer, ana()).expect("created");
        let bob = house.create(&house.importer, json!({"external_id": "C-2", "name": "Bob Builder", "email": "bob@example.com"})).expect("created");
        house.reveal(&support, bob, &["email"]).expect("shown");
        let data = back_up(&house, Stores::Data)[0].clone();
        erased(&house, &dpo, bob).expect("erased");
        let keepers = house.shut();
        lose(place, false);
        let sources = Sources { data: Some(data), ..Sources::default() };
        let house = restore(&keepers, place, &sources).expect("restored");
        assert_eq!(house.reveal(&support, ana_id, &["name"]).expect("shown").fields["name"], "Ana Gonçalves");
        assert_eq!(slug(house.reveal(&support, bob, &["name"])), "not-found");
        assert_eq!(house.search(&support, json!({"email": "bob@example.com"})).expect("nobody"), []);
        let known = house.act(&house.admin, ReadBackups).expect("told");
        let restored = &known.restored[0];
        let replayed = restored.replayed.expect("done");
        assert_eq!((replayed.people, restored.erased, replayed.lost), (1, 1, 0));
        assert_eq!(restored.endings, Endings::Alive);
        // What was typed about him went with him; what happened is still counted.
        place.meddle(
            false,
            SEEN,
            SEEN,
        );
        drop(house.shut());
        assert_eq!(counts(place), [1, 1], "of what was done with Bob no link and no typed reason is left, only of the look at Ana");
    }

    fn old_keys_beside_the_data_of_today_bring_nobody_back(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let ana_id = house.create(&house.importer, ana()).expect("created");
        let bob = house.create(&house.importer, json!({"external_id": "C-2", "name": "Bob Builder"})).expect("created");
        let keys = back_up(&house, Stores::Keys)[0].clone();
        erased(&house, &dpo, bob).expect("erased");
        let keepers = house.shut();
        lose(place, true);
        let house = restore(&keepers, place, &Sources { keys: Some(keys), ..Sources::default() }).expect("restored");
        assert_eq!(house.reveal(&support, ana_id, &["name"]).expect("shown").fields["name"], "Ana Gonçalves");
        let known = house.act(&house.admin, ReadBackups).expect("told");
        let restored = &known.restored[0];
        let replayed = restored.replayed.expect("done");
        assert_eq!((replayed.people, restored.erased, replayed.lost), (1, 1, 0), "Bob's keys are destroyed again");
    }

    fn keys_that_were_exchanged_since_do_not_pass_for_those_of_the_data(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let data = back_up(&house, Stores::Data)[0].clone();
        house.act(&house.admin, RotateDataKeys).expect("begun");
        house.app.finish_reseal(|| true).expect("resealed");
        let keepers = house.shut();
        lose(place, false);
        let sources = Sources { data: Some(data), ..Sources::default() };
        assert_eq!(
            refused(restore(&keepers, place, &sources), place.directory()),
            "1 customers of the data are sealed under keys that this key store does not hold: they were exchanged, or come \
             later; restore the keys of the same run as the data"
        );
        // Nothing came of it: there is no vault, and another attempt begins anew.
        assert!(App::open(keepers.parts(place)).is_err());
        let house = restore(&keepers, place, &Sources { leave_unreadable: true, ..sources }).expect("restored");
        assert_eq!(slug(house.reveal(&support, id, &["name"])), "integrity");
    }

    fn a_backup_under_load_has_the_keys_of_all_its_people(place) {
        let other = Place::new(Kind::Sqlite);
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let stop = Arc::new(AtomicBool::new(false));
        let mut sources = Vec::new();
        std::thread::scope(|scope| {
            let _stop = Stopping(Arc::clone(&stop));
            for writer in 0..3 {
                let (house, dpo, stop) = (&house, &dpo, Arc::clone(&stop));
                scope.spawn(move || {
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) {
                        number += 1;
                        let fields = json!({"external_id": format!("L-{writer}-{number}"), "name": "Load Tester"});
                        let id = house.create(&house.importer, fields).expect("created");
                        if number % 3 == 0 {
                            erased(house, dpo, id).expect("erased");
                        }
                    }
                });
            }
            for _ in 0..4 {
                house.act(&house.admin, RotateDataKeys).map(drop).or_else(pending).expect("begun");
                std::thread::scope(|inner| {
                    inner.spawn(|| resealed(&house));
                    sources.push(both(&house));
                });
            }
        });
        let keepers = house.shut();
        for files in sources {
            let restored = restore(&keepers, &other, &files).expect("everybody of the data has keys");
            let known = restored.act(&restored.admin, ReadBackups).expect("told");
            assert!(known.restored.iter().all(|restored| restored.replayed.is_some()));
            restored.shut();
            lose(&other, false);
            lose(&other, true);
        }
    }
}

/// Ends the load however the test ends: threads that nobody stops would be waited for.
struct Stopping(Arc<AtomicBool>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// As housekeeping does it: what was too busy is gone on with.
fn resealed(house: &House<'_>) {
    while let Err(error) = house.app.finish_reseal(|| true) {
        assert_eq!(error.slug(), "busy", "{error}");
    }
}

fn pending(error: Error) -> Result<(), Error> {
    if slug(Err::<(), _>(error.clone())) == "conflict" { Ok(()) } else { Err(error) }
}

/// Counts links and typed reasons.
const SEEN: &str = "create table seen as select count(*) as n from event_subject; \
    insert into seen select count(*) from event where sealed is not null;";

/// What was written into `seen`.
fn counts(place: &Place) -> Vec<i64> {
    avouch_store::statements! { data SEEN = "select n from seen"; }
    let store = place.open(avouch_core::MIGRATIONS);
    match store {
        Ok(store) => store.read_wait(|tx| tx.query(&SEEN, &[], |row| row.int(0))).expect("counted"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_is_restored_must_be_lost_and_what_is_not_must_be_there() {
    let (place, other) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let house = House::new(&place);
    house.create(&house.importer, ana()).expect("created");
    let sources = both(&house);
    let (data, keys) = (sources.data.clone(), sources.keys.clone());
    let of = |data: &Option<PathBuf>, keys: &Option<PathBuf>, nobody_erased| Sources {
        data: data.clone(),
        keys: keys.clone(),
        nobody_erased,
        ..Sources::default()
    };
    let keepers = house.keepers();
    let refusal =
        |place, sources: &Sources| refused(restore(&keepers, place, sources), Path::new("/nowhere"));
    let mut all = vec![
        refusal(&other, &Sources::default()),
        refusal(&other, &of(&data, &None, false)),
        refusal(&other, &of(&None, &keys, false)),
        refusal(&other, &of(&data, &keys, false)),
    ];
    drop(house.shut());
    all.push(refusal(&place, &sources));
    insta::assert_snapshot!(all.join("\n"), @"
    which backups? Say --data, --keys or both
    there is no key store: restore its backup too, by --keys
    the data store is empty: restore its backup too, by --data
    both stores come from backups, so nothing here knows who was erased since: give the copy of the list of erasures by --endings, or, when nobody was erased, say --endings-are-complete, which is kept on record
    the data store holds a vault: a restore goes into an empty one
    ");
}

#[test]
fn a_seal_for_recovery_opens_a_backup_of_keys_and_another_seal_does_not() {
    let (place, other) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let house = House::new(&place);
    let support = house.hire("staff", "support", None);
    let id = house.create(&house.importer, ana()).expect("created");
    let sources = both(&house);
    let fresh = crate::house::Seals::new();
    let with = |primary, recovery: Option<&Recovery<'_>>| {
        App::restore(parts(&other, primary, &house.clock), &sources, recovery, &|_| ())
    };
    let error = with(fresh.primary(), None).expect_err("another root").to_string();
    assert!(error.starts_with("this seal does not open the backup"), "{error}");
    let app = with(fresh.primary(), Some(&house.seals.recovery())).expect("restored");
    let restored = house.keepers().with(&other, app);
    assert_eq!(restored.reveal(&support, id, &["name"]).expect("shown").fields["name"], "Ana Gonçalves");
}

#[test]
fn nobody_makes_or_sees_backups_who_may_not() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let support = house.hire("staff", "support", None);
    house.app.keep_backups_on(shelf(&place));
    let refused = house.app.back_up(&support, Stores::Both, || ()).expect_err("refused");
    assert!(matches!(refused, BackupError::Other(Error::Refused(_))), "{refused}");
    assert_eq!(slug(house.act(&support, ReadBackups)), "denied-by-policy");
    assert!(!shelf(&place).data.exists() && !shelf(&place).keys.exists());
}

#[test]
fn backups_end_when_they_are_to_and_are_known_for_as_long() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let shelf = Shelf { keep_data: 2, full_every: 1, keep_keys_days: 7, ..shelf(&place) };
    house.app.keep_backups_on(shelf.clone());
    let day = std::time::Duration::from_secs(24 * 3600);
    let names = |part| -> Vec<u64> {
        let files: Vec<Kept> = shelf.files(house.app.vault(), part).expect("listed");
        files.iter().map(|kept| kept.sequence).collect()
    };
    for _ in 0..4 {
        house.app.back_up(&house.admin, Stores::Both, || ()).expect("a backup");
        house.clock.advance(day * 3);
    }
    // Day 12. Keys of days 0 and 3 are over.
    house.app.tidy_backups().expect("tidied");
    assert_eq!((names(Part::Data), names(Part::Keys)), (vec![3, 4], vec![3, 4]));
    std::fs::write(shelf.keys.join("notes.txt"), "not ours").expect("written");
    let known = house.app.perform_wait(&Caller::system(), ReadBackups).expect("told").output;
    let told: Vec<_> =
        known.backups.iter().map(|row| (row.part(), row.sequence, row.bytes.is_some())).collect();
    assert_eq!(
        told,
        [(Part::Data, 3, true), (Part::Keys, 3, true), (Part::Data, 4, true), (Part::Keys, 4, true)]
    );
    assert_eq!(known.keys_end, known.backups.last().and_then(|row| row.until));
    house.clock.advance(day * 30);
    house.app.tidy_backups().expect("tidied");
    assert_eq!((names(Part::Data), names(Part::Keys)), (vec![3, 4], vec![]));
    let known = house.app.perform_wait(&Caller::system(), ReadBackups).expect("told").output;
    assert_eq!((known.backups.len(), known.keys_end), (2, None));
    assert!(shelf.keys.join("notes.txt").exists());
}

#[test]
fn keys_are_kept_no_longer_than_was_said_when_they_were_backed_up() {
    let place = Place::new(Kind::Sqlite);
    let mut house = House::new(&place);
    let day = std::time::Duration::from_secs(24 * 3600);
    let kept = |days| Shelf { keep_keys_days: days, ..shelf(&place) };
    let there = |house: &House<'_>| {
        house.app.tidy_backups().expect("tidied");
        shelf(&place).files(house.app.vault(), Part::Keys).expect("listed").len()
    };
    for (said, now, ends_after) in [(7, 30, 7), (7, 3, 3)] {
        house = house.reopen();
        house.app.keep_backups_on(kept(said));
        house.app.back_up(&house.admin, Stores::Keys, || ()).expect("a backup");
        house = house.reopen();
        house.app.keep_backups_on(kept(now));
        house.clock.advance(day * (ends_after - 1));
        assert_eq!(there(&house), 1);
        house.clock.advance(day);
        assert_eq!(there(&house), 0, "said {said}, now {now}");
    }
}

#[test]
fn a_vault_that_was_put_back_takes_notice_of_backups_made_since() {
    let (place, other) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let house = House::new(&place);
    let sources = both(&house);
    back_up(&house, Stores::Keys);
    let restored = restore(&house.keepers(), &other, &sources).expect("restored");
    restored.app.keep_backups_on(Shelf { keep_keys_days: 30, ..shelf(&place) });
    let known = || restored.act(&restored.admin, ReadBackups).expect("told").backups.len();
    assert_eq!(known(), 2, "the rows of its own run, as they were then");
    restored.app.tidy_backups().expect("tidied");
    assert_eq!(known(), 3);
    restored.app.tidy_backups().expect("tidied");
    assert_eq!(known(), 3, "each once");
    let rows = restored.act(&restored.admin, ReadBackups).expect("told").backups;
    let weeks: Vec<_> =
        rows.iter().filter_map(|row| Some((row.until? - row.made) / 86_400_000_000)).collect();
    assert_eq!(weeks, [7, 7], "what was promised of the one that it never knew holds too");

    // One that it does not know yet and that should be gone is, the first time it is looked at.
    let (third, week) = (Place::new(Kind::Sqlite), std::time::Duration::from_secs(8 * 24 * 3600));
    let late = restore(&house.keepers(), &third, &sources).expect("restored");
    late.app.keep_backups_on(Shelf { keep_keys_days: 30, ..shelf(&place) });
    late.clock.advance(week);
    late.app.tidy_backups().expect("tidied");
    assert!(shelf(&place).files(late.app.vault(), Part::Keys).expect("listed").is_empty());
}

#[test]
fn a_backup_that_cannot_be_written_leaves_nothing_and_says_why() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let Shelf { data, keys, .. } = shelf(&place);
    std::fs::create_dir_all(data.parent().expect("a folder")).expect("made");
    // A file stands where the folder of the data should be; that of the keys is written first.
    std::fs::write(&data, "in the way").expect("written");
    house.app.keep_backups_on(shelf(&place));
    let error = house.app.back_up(&house.admin, Stores::Both, || ()).expect_err("it cannot be written");
    assert!(matches!(error, BackupError::Io(..)), "{error}");
    let state = house.app.backup_state();
    assert!(state.running.is_none() && state.failed.is_some_and(|failed| failed.contains("shelf/data")));
    assert_eq!(std::fs::read_dir(&keys).expect("a folder").count(), 0, "half a run is none");
    assert_eq!(house.act(&house.admin, ReadBackups).expect("told").backups, []);
}
