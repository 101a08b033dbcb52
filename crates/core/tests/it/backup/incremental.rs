//! Backups that hold only what changed: with what they were made on they are as good as a full one, and without it they are none.

use std::fs;
use std::path::{Path, PathBuf};

use avouch_core::backup::{
    self, Kept, Made, Part, ReadBackups, Shelf, Sources, Stores, Wanted, keys_by_seal, verify,
};
use avouch_core::keys::RotateDataKeys;
use avouch_core::transit::{CreateKey, DeleteKey, KeyName, TransitKind};
use avouch_seal::root::RootSeal;
use avouch_store::Side;
use avouch_testkit::{Kind, Place, both_engines};
use serde_json::json;

use super::{back_up, refused, restore, shelf};
use crate::erasure::{Order, erase};
use crate::house::{House, slug};
use crate::log::publish;
use crate::people::erased;
use crate::tokens::tokens;

/// A vault that makes so many backups of the data on a full one, and those there are.
fn house(place: &Place, full_every: usize) -> House<'_> {
    let house = House::new(place);
    house.app.keep_backups_on(Shelf { full_every, ..shelf(place) });
    house
}

fn data(house: &House<'_>, full: bool) -> Made {
    let made = house.app.back_up(&house.admin, Wanted { stores: Stores::Data, full }, || ());
    made.expect("a backup").remove(0)
}

fn base(made: &Made) -> Option<u64> {
    made.base.as_ref().map(|base| base.sequence)
}

fn person(house: &House<'_>, number: usize) -> avouch_core::SubjectId {
    let fields = json!({"external_id": format!("C-{number}"), "name": format!("Person {number}"), "notes": "as at first"});
    house.create(&house.importer, fields).expect("created")
}

/// Restored from this backup of the data, and these keys.
fn restored<'q>(house: &House<'_>, place: &'q Place, data: &Path, keys: &Path) -> House<'q> {
    let (data, keys) = (Some(data.to_owned()), Some(keys.to_owned()));
    let sources = Sources { data, keys, nobody_erased: true, ..Sources::default() };
    restore(&house.keepers(), place, &sources).expect("restored")
}

/// How many rows of a table one vault has and the other has not.
fn more(one: &Place, other: &Place, table: &str) -> i64 {
    avouch_store::statements! { data SEEN = "select n from seen"; }
    let sql = format!(
        "attach '{}' as other; create table seen as select count(*) as n from \
         (select * from {table} except select * from other.{table});",
        other.files().data.display()
    );
    one.meddle(false, &sql, "");
    let store = one.open(avouch_core::MIGRATIONS).expect("it opens");
    let seen = store.read_wait(|tx| tx.first(&SEEN, &[], |row| row.int(0)));
    drop(store);
    one.meddle(false, "drop table seen", "");
    seen.expect("counted").expect("a count")
}

fn key(name: &str) -> KeyName {
    name.parse().expect("a name")
}

both_engines! {
    fn what_changed_laid_over_the_rest_is_all_that_there_is(place) {
        let house = house(place, 4);
        let dpo = house.hire("staff", "dpo", None);
        let (support, accountant) = (house.hire("staff", "support", None), house.hire("staff", "accountant", None));
        let people: Vec<_> = (0..40).map(|number| person(&house, number)).collect();
        let token = |id| tokens(&house, &accountant, ("taxadvisor", "accounting"), id, &[("name", None)]).expect("a token");
        people.iter().take(20).for_each(|id| drop(token(*id)));
        let transit = |name| CreateKey { name: key(name), kind: TransitKind::Ed25519 };
        house.act(&house.admin, transit("b")).expect("made");
        house.act(&house.admin, transit("a-b")).expect("made");
        let full = data(&house, false);
        assert_eq!((full.kept.sequence, base(&full)), (1, None));

        // Of everything there is something new, something that changed and something that went; then again.
        for round in 0..3 {
            let at = round * 5;
            person(&house, 100 + round);
            house.update(&support, people[at], 1, json!({"notes": "called twice"})).expect("updated");
            token(people[20 + at]);
            house.reveal(&support, people[at], &["name"]).expect("shown");
            erased(&house, &dpo, people[at + 1]).expect("erased");
            erase(&house, &dpo, people[at + 2], Order::classes(&["service"])).expect("erased in part");
            house.act(&house.admin, transit(["aa", "ab", "c"][round])).expect("made");
            if round == 1 {
                house.act(&house.admin, avouch_core::transit::ConfigureKey {
                    name: key("a-b"), min_decryption: None, min_encryption: None, deletion_allowed: Some(true),
                }).expect("configured");
                house.act(&house.admin, DeleteKey { name: key("a-b") }).expect("deleted");
            }
            publish(&house);
            let made = data(&house, false);
            assert_eq!(base(&made), Some(made.kept.sequence - 1));
            assert!(made.kept.bytes * 2 < full.kept.bytes, "{} of {}", made.kept.bytes, full.kept.bytes);
        }
        let files = shelf(place).files(house.app.vault(), Part::Data).expect("listed");
        let layered = files.last().expect("the newest").clone();
        let whole = data(&house, true);
        assert_eq!((whole.kept.sequence, base(&whole)), (5, None));
        let keys = back_up(&house, Stores::Keys)[0].clone();

        let (one, other) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
        restored(&house, &one, &layered.path, &keys).shut();
        restored(&house, &other, &whole.kept.path, &keys).shut();
        for (_, table, ..) in backup::tables().into_iter().filter(|(side, ..)| *side == Side::Data) {
            let differ = (more(&one, &other, table), more(&other, &one, table));
            match table {
                // Each restore is on record, and between the two the end of one backup and the beginning of the next.
                "event" => assert!(differ.0 <= 5 && differ.1 == differ.0 + 2, "{differ:?}"),
                // Another log begins with each restore.
                "log" | "leaf" | "tile" => assert_eq!(differ, (1, 1), "{table}"),
                "backup" | "restored" | "search_index" | "rules_state" => {}
                _ => assert_eq!(differ, (0, 0), "{table}"),
            }
        }
    }

    fn a_backup_that_has_lost_what_it_was_made_on_is_none(place) {
        let house = house(place, 3);
        let other = Place::new(Kind::Sqlite);
        person(&house, 1);
        let keys = back_up(&house, Stores::Keys)[0].clone();
        let files = [data(&house, false), data(&house, false), data(&house, false)];
        assert_eq!(files.each_ref().map(base), [None, Some(2), Some(3)]);
        let files = files.map(|made| made.kept);
        let opens = || {
            let root: &dyn RootSeal = &*house.seals.root;
            let by = keys_by_seal(&keys, "primary", root).expect("the keys of backups");
            verify(&files[2].path, &by)
        };
        let judge = || refused(opens(), place.directory()).replace(&date(&files[2]), "DATE");
        let aside = place.directory().join("aside");
        let mut told = Vec::new();
        for file in &files[..2] {
            fs::rename(&file.path, &aside).expect("moved");
            told.push(judge());
            // Another run of this vault in its place.
            fs::copy(&files[2].path, &file.path).expect("copied");
            told.push(judge());
            let mut changed = fs::read(&aside).expect("readable");
            let last = changed.len() - 30;
            changed[last] ^= 1;
            fs::write(&file.path, changed).expect("written");
            told.push(judge());
            fs::rename(&aside, &file.path).expect("moved back");
        }
        let vault: String = house.app.vault().0.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(told.join("\n").replace(&vault, "VAULT"), @"
            `DIR/shelf/data/DATE-VAULT-data-3.avb` holds what changed since the backup of run 2, which does not lie beside it: put both into one folder
            `DIR/shelf/data/DATE-VAULT-data-3.avb` holds what changed since the backup of run 2, which does not lie beside it: put both into one folder
            `DIR/shelf/data/DATE-VAULT-data-2.avb` was cut off or changed: do not use it
            `DIR/shelf/data/DATE-VAULT-data-4.avb` holds what changed since the backup of run 3, which does not lie beside it: put both into one folder
            `DIR/shelf/data/DATE-VAULT-data-4.avb` holds what changed since the backup of run 3, which does not lie beside it: put both into one folder
            `DIR/shelf/data/DATE-VAULT-data-3.avb` was cut off or changed: do not use it
            ");
        }
        // Nothing was written of what is none.
        fs::rename(&files[1].path, &aside).expect("moved");
        let sources = Sources { data: Some(files[2].path.clone()), keys: Some(keys.clone()), nobody_erased: true, ..Sources::default() };
        assert!(restore(&house.keepers(), &other, &sources).is_err());
        fs::rename(&aside, &files[1].path).expect("moved back");
        assert_eq!(opens().expect("whole").base.map(|base| base.sequence), Some(3));
        restored(&house, &other, &files[2].path, &keys);
    }
}

/// The time in a file's name.
fn date(kept: &Kept) -> String {
    let name = kept.path.file_name().and_then(|name| name.to_str()).expect("a name");
    name.split('-').next().expect("it begins with it").to_owned()
}

#[test]
fn what_cannot_be_built_on_is_not_and_the_next_is_full() {
    let place = Place::new(Kind::Sqlite);
    let house = house(&place, 10);
    let dir = place.directory();
    person(&house, 1);
    let mut bases = vec![base(&data(&house, false)), base(&data(&house, false))];
    // Its bytes are others.
    let damaged = data(&house, false);
    let mut bytes = fs::read(&damaged.kept.path).expect("readable");
    let middle = bytes.len() - 40;
    bytes[middle] ^= 1;
    fs::write(&damaged.kept.path, bytes).expect("written");
    bases.push(base(&data(&house, false)));
    assert!(
        fs::read_dir(shelf(&place).data).expect("there").all(|entry| {
            entry.expect("readable").path().extension().is_some_and(|ending| ending == "avb")
        })
    );
    // It was taken away, or what it was made on.
    let newest = data(&house, false);
    fs::rename(&newest.kept.path, dir.join("away")).expect("moved");
    bases.push(base(&data(&house, false)));
    let gone = data(&house, false);
    data(&house, false);
    fs::remove_file(gone.kept.path).expect("removed");
    bases.push(base(&data(&house, false)));
    // Every record was sealed anew.
    house.act(&house.admin, RotateDataKeys).expect("begun");
    house.app.finish_reseal(|| true).expect("resealed");
    bases.push(base(&data(&house, false)));
    bases.push(base(&data(&house, true)));
    bases.push(base(&data(&house, false)));
    assert_eq!(bases, [None, Some(1), None, Some(4), None, None, None, Some(11)]);
    let known = house.act(&house.admin, ReadBackups).expect("told").backups;
    assert_eq!(known.last().and_then(|row| row.base), Some(11));
}

#[test]
fn what_others_were_made_on_is_kept_as_long_as_they() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let shelf = Shelf { keep_data: 2, full_every: 3, ..shelf(&place) };
    house.app.keep_backups_on(shelf.clone());
    let keys = back_up(&house, Stores::Keys)[0].clone();
    let root: &dyn RootSeal = &*house.seals.root;
    let by = keys_by_seal(&keys, "primary", root).expect("the keys of backups");
    let mut kept = Vec::new();
    for number in 0..6 {
        person(&house, number);
        house.clock.advance(std::time::Duration::from_secs(3600));
        data(&house, false);
        let files = shelf.files(house.app.vault(), Part::Data).expect("listed");
        for file in &files {
            verify(&file.path, &by).expect("whole");
        }
        kept.push(files.iter().map(|file| file.sequence).collect::<Vec<_>>());
    }
    let known = house.act(&house.admin, ReadBackups).expect("told").backups;
    assert_eq!(known.iter().filter(|row| row.part() == Part::Data).count(), 3, "rows go with their files");
    assert_eq!(kept, [vec![2], vec![2, 3], vec![2, 3, 4], vec![2, 3, 4, 5], vec![5, 6], vec![5, 6, 7]]);
}

#[test]
fn a_backup_that_is_found_damaged_while_another_is_made_on_it_costs_nothing() {
    let (place, other) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let house = house(&place, 10);
    // More than a piece of the stream, so that it opens and is found out at its end.
    let support = house.hire("staff", "support", None);
    let people: Vec<_> = (0..150).map(|number| person(&house, number)).collect();
    let full = data(&house, false);
    let mut bytes = fs::read(&full.kept.path).expect("readable");
    assert!(bytes.len() > 1 << 16, "{}", bytes.len());
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(&full.kept.path, bytes).expect("written");
    let made = house.app.back_up(&house.admin, Stores::Both, || ()).expect("a backup");
    assert_eq!(made.iter().map(base).collect::<Vec<_>>(), [None, None]);
    let warning = house.app.backup_state().warning.expect("it is told");
    assert!(warning.contains("-data-1.avb") && warning.contains("was cut off or changed"), "{warning}");
    for folder in [shelf(&place).data, shelf(&place).keys] {
        let names = fs::read_dir(folder).expect("there").map(|entry| entry.expect("readable").path());
        let left: Vec<_> =
            names.filter(|path| path.extension().is_none_or(|ending| ending != "avb")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    house.app.back_up(&support, Stores::Both, || ()).expect_err("not by everybody");
    assert_eq!(house.app.backup_state().warning, Some(warning), "nobody else takes it back");
    data(&house, false);
    assert_eq!(house.app.backup_state().warning, None, "the next has found nothing");
    let back = restored(&house, &other, &made[0].kept.path, &made[1].kept.path);
    assert!(back.reveal(&support, people[149], &["name"]).is_ok());
}

#[test]
fn a_vault_put_back_to_an_earlier_time_goes_on_from_what_lies_there() {
    let (place, other, third) =
        (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let house = house(&place, 10);
    let (support, first) = (house.hire("staff", "support", None), person(&house, 1));
    let early = house.app.back_up(&house.admin, Stores::Both, || ()).expect("a backup");
    let lost = person(&house, 2);
    house.update(&support, first, 1, json!({"notes": "of a time that was lost"})).expect("updated");
    house.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(base(&data(&house, false)), Some(1));

    // Runs are numbered anew, and the newest there is holds what never was.
    let back = restored(&house, &other, &early[0].kept.path, &early[1].kept.path);
    back.app.keep_backups_on(Shelf { full_every: 10, ..shelf(&place) });
    back.clock.advance(std::time::Duration::from_secs(60));
    let since = person(&back, 3);
    let made = back.app.back_up(&back.admin, Stores::Both, || ()).expect("a backup");
    assert_eq!((made[0].kept.sequence, base(&made[0])), (2, Some(2)));
    let made = [&made[0], &made[1]].map(|made| made.kept.path.clone());
    let again = restored(&back, &third, &made[0], &made[1]);
    let shown = again.reveal(&support, first, &["notes"]).expect("shown");
    assert_eq!((&shown.fields["notes"], shown.version), (&json!("as at first"), 1));
    assert!(again.reveal(&support, since, &["name"]).is_ok());
    assert_eq!(slug(again.reveal(&support, lost, &["name"])), "not-found");
}

#[test]
fn a_pipe_on_the_shelf_keeps_nobody_waiting() {
    let place = Place::new(Kind::Sqlite);
    let house = house(&place, 10);
    let keys = back_up(&house, Stores::Keys)[0].clone();
    data(&house, false);
    let name = keys.file_name().and_then(|name| name.to_str()).expect("a name");
    for (folder, store) in [(shelf(&place).data, "data"), (shelf(&place).keys, "keys")] {
        let pipe = folder.join(name.replace("keys-1", &format!("{store}-9")));
        let made = std::process::Command::new("mkfifo").arg(pipe).status().expect("mkfifo is there");
        assert!(made.success());
    }
    house.app.tidy_backups().expect("tidied");
    assert_eq!(base(&data(&house, false)), Some(2));
}

#[test]
fn keys_end_whatever_is_wrong_with_the_data() {
    let place = Place::new(Kind::Sqlite);
    let house = house(&place, 10);
    house.app.back_up(&house.admin, Stores::Both, || ()).expect("a backup");
    let Shelf { data, keys, .. } = shelf(&place);
    fs::rename(&data, place.directory().join("away")).expect("moved");
    fs::write(&data, "no folder").expect("written");
    house.clock.advance(std::time::Duration::from_secs(8 * 24 * 3600));
    house.app.tidy_backups().expect_err("the data cannot be looked at");
    assert_eq!(fs::read_dir(keys).expect("a folder").count(), 0);
}

/// The files of one moment, as somebody carries them away: a backup of the data with whatever it needs.
pub(crate) fn carried(made: &Path, to: &Path) -> PathBuf {
    fs::create_dir_all(to).expect("a folder");
    let folder = made.parent().expect("in a folder");
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
    to.join(made.file_name().expect("a name"))
}
