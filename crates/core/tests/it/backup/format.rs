//! Files that are not what they were: cut, changed, mixed, of another vault. None is believed, and nothing comes of any.

use std::fs;
use std::path::{Path, PathBuf};

use avouch_core::backup::{Checked, Sources, Stores, keys_by_seal, verify};
use avouch_seal::root::RootSeal;
use avouch_testkit::{Kind, Place};
use serde_json::json;

use super::{back_up, both, refused, restore};
use crate::house::{House, ana};
use crate::thief::forms;

fn files(sources: &Sources) -> (PathBuf, PathBuf) {
    (sources.data.clone().expect("data"), sources.keys.clone().expect("keys"))
}

fn verified(house: &House<'_>, keys: &Path, file: &Path) -> Result<Checked, String> {
    let root: &dyn RootSeal = &*house.seals.root;
    let keys = keys_by_seal(keys, "primary", root).map_err(|error| error.to_string())?;
    verify(file, &keys).map_err(|error| error.to_string().replace(&file.display().to_string(), "FILE"))
}

#[test]
fn a_file_that_was_cut_or_changed_anywhere_is_refused() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    house.create(&house.importer, ana()).expect("created");
    let (data, keys) = files(&both(&house));
    let whole = fs::read(&data).expect("readable");
    let damaged = place.directory().join("damaged");
    let judge = |bytes: &[u8]| {
        fs::write(&damaged, bytes).expect("written");
        verified(&house, &keys, &damaged).map(|checked| checked.sequence)
    };
    assert_eq!(judge(&whole), Ok(1));
    // Every length near a border, and many between.
    let cuts = (0..200).chain((200..whole.len()).step_by(211)).chain(whole.len() - 40..whole.len());
    for length in cuts {
        let answer = judge(&whole[..length]).expect_err("it was cut");
        assert!(
            answer.contains("`FILE` is no backup") || answer.contains("`FILE` was cut off or changed"),
            "{length}: {answer}"
        );
    }
    let places = (0..400).chain((400..whole.len()).step_by(97)).chain(whole.len() - 20..whole.len());
    for at in places {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(judge(&changed).is_err(), "byte {at} can be changed unnoticed");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(judge(&longer).is_err());
    assert!(judge(&[whole.as_slice(), &whole].concat()).is_err());
}

#[test]
fn the_header_of_one_file_does_not_go_with_the_body_of_another() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    house.create(&house.importer, ana()).expect("created");
    let ((one, keys), (two, other_keys)) = (files(&both(&house)), files(&both(&house)));
    let cut = |path: &Path| {
        let bytes = fs::read(path).expect("readable");
        let length = u32::from_be_bytes(bytes[14..18].try_into().expect("four bytes")) as usize;
        let (header, body) = bytes.split_at(18 + length);
        (header.to_vec(), body.to_vec())
    };
    let mixed = place.directory().join("mixed");
    for (header, body) in [(&one, &two), (&two, &one), (&keys, &one), (&one, &keys), (&keys, &other_keys)] {
        fs::write(&mixed, [cut(header).0, cut(body).1].concat()).expect("written");
        assert_eq!(
            verified(&house, &keys, &mixed).map(|_| ()),
            Err("`FILE` was cut off or changed: do not use it".to_owned())
        );
    }
}

#[test]
fn another_vaults_file_and_a_file_of_the_other_store_are_refused() {
    let (place, other, target) =
        (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let (house, stranger) = (House::new(&place), House::new(&other));
    let ((data, keys), (foreign, _)) = (files(&both(&house)), files(&both(&stranger)));
    let refusal = |data: &Path, keys: &Path| {
        let sources = Sources {
            data: Some(data.to_owned()),
            keys: Some(keys.to_owned()),
            nobody_erased: true,
            ..Sources::default()
        };
        let text = refused(restore(&house.keepers(), &target, &sources), Path::new("/nowhere"));
        text.split_once("` ").map(|(_, rest)| rest.to_owned()).expect("it names the file")
    };
    let answers = [refusal(&foreign, &keys), refusal(&keys, &keys), refusal(&data, &data)];
    insta::assert_snapshot!(answers.join("\n"), @"
    is a backup of another vault
    is a backup of the key store, not of the data store
    is a backup of the data store, not of the key store
    ");
    // The copies were bad; the vault is not there, and can be restored yet.
    let sources = both(&house);
    restore(&house.keepers(), &target, &sources).expect("restored");
}

#[test]
fn a_backup_holds_no_value_in_any_form() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let support = house.hire("staff", "support", None);
    let id = house.create(&house.importer, ana()).expect("created");
    house.reveal(&support, id, &["name", "notes"]).expect("shown");
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
        "prefers the evening",
        "customer is on the phone",
        "C-1001",
        "the support",
        "subject.reveal",
        "record_version",
    ];
    let mut looked_at = 0;
    for path in back_up(&house, Stores::Both) {
        let bytes = fs::read(&path).expect("readable");
        looked_at += bytes.len();
        for canary in canaries {
            for form in forms(canary) {
                let reversed: Vec<u8> = form.iter().rev().copied().collect();
                for form in [form, reversed] {
                    let found = bytes.windows(form.len()).any(|window| window == form);
                    assert!(!found, "`{canary}` stands in {}", path.display());
                }
            }
        }
    }
    assert!(looked_at > 5_000, "the files were not where this test looked");
}

#[test]
fn what_a_crash_leaves_of_a_backup_is_believed_by_nobody_and_removed() {
    let (place, target) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let house = House::new(&place);
    let sources = both(&house);
    let (data, keys) = files(&sources);
    // As a crash leaves it before the new name: whole, of either store; beside it another vault's.
    let (data_left, keys_left) = (data.with_extension("part"), keys.with_extension("part"));
    let others = keys.with_file_name("20260101T000000Z-00000000-keys-7.part");
    let crash = || {
        fs::copy(&data, &data_left).expect("left");
        fs::copy(&keys, &keys_left).expect("left");
        fs::write(&others, "not ours").expect("written");
    };
    crash();
    assert_eq!(
        verified(&house, &keys, &keys_left).expect_err("refused"),
        "`FILE` was never finished, and nothing is known of when it ends: remove it"
    );
    for left in [
        Sources { keys: Some(keys_left.clone()), ..sources.clone() },
        Sources { data: Some(data_left.clone()), ..sources.clone() },
    ] {
        let refused = refused(restore(&house.keepers(), &target, &left), place.directory());
        assert!(refused.contains("was never finished"), "{refused}");
    }
    house.app.tidy_backups().expect("tidied");
    assert!(!data_left.exists() && !keys_left.exists() && others.exists());
    assert!(data.exists() && keys.exists());
    crash();
    let house = house.reopen();
    house.app.keep_backups_on(super::shelf(&place));
    assert!(!data_left.exists() && !keys_left.exists() && others.exists());
    // Not beside a backup that is being made: its own is not taken from under it.
    crash();
    let begun = || {
        house.app.tidy_backups().expect("tidied");
        assert!(data_left.exists() && keys_left.exists());
    };
    house.app.back_up(&house.admin, Stores::Both, begun).expect("a backup");
}
