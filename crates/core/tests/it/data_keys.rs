//! Rotations of people's keys: everybody is sealed anew, nobody is lost on the way, and the old keys open nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use avouch_core::SubjectId;
use avouch_core::audit::Ending;
use avouch_core::keys::{Resealed, RotateDataKeys};
use avouch_core::vault::{Accesses, History};
use avouch_testkit::{Kind, Place, both_engines};
use serde_json::{Value as Json, json};

use crate::house::{House, ana, slug};
use crate::people::erased;
use crate::rotation::people;
use crate::tokens::{detokenized, tokens};

/// Each generation, and how many keys there are of it.
fn generations(house: &House<'_>) -> BTreeMap<u64, u64> {
    let (sender, answer) = std::sync::mpsc::channel();
    house.app.count_keys(move |counts| sender.send(counts).expect("the test listens"));
    answer.recv().expect("an answer").expect("counted").by_generation
}

fn finish(house: &House<'_>) -> Resealed {
    house.app.finish_reseal(|| true).expect("finished").expect("by us")
}

/// What an earlier version was, field by field.
fn history(house: &House<'_>, caller: &avouch_core::gate::Caller, id: SubjectId) -> Vec<Json> {
    let (purpose, reason) = (Some("data_rights".to_owned()), None);
    let (entries, _) =
        house.act(caller, History { id, purpose, reason, before: None, limit: 10 }).expect("a history");
    entries.into_iter().map(|entry| Json::Object(entry.fields)).collect()
}

both_engines! {
    fn everybody_is_sealed_anew_with_history_tokens_and_accesses(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let (shop, parcels) = (house.hire("service", "shop", None), house.hire("service", "parcels_api", Some("parcels")));
        let id = house.create(&house.importer, ana()).expect("created");
        for version in 1..4 {
            let changed = json!({"notes": format!("note {version}"), "phones": [format!("+49 30 1234567{version}")]});
            house.update(&support, id, version, changed).expect("changed");
        }
        let others = people(&house, 70);
        let token = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &[("name", None)]).expect("a token");
        let (before, keys) = (history(&house, &dpo, id), generations(&house)[&1]);
        assert_eq!(finish(&house), Resealed::default(), "nothing to do");

        assert_eq!(house.act(&house.admin, RotateDataKeys).expect("begun"), 2);
        assert!(house.app.reseal_pending());
        assert_eq!(slug(house.act(&house.admin, RotateDataKeys)), "conflict", "one after the other");
        let done = finish(&house);
        assert_eq!(done, Resealed { people: 71, destroyed: keys, damaged: 0 });
        assert!(!house.app.reseal_pending());
        assert_eq!(generations(&house), BTreeMap::from([(2, keys)]));
        let events: Vec<_> = house.events().into_iter().filter(|event| event.what == "subject.reseal").collect();
        assert!(events.iter().all(|event| event.ending == Ending::Done && event.count <= 32));
        // Four versions of one, and one of each of the others; each said of whom.
        let written: Vec<_> = events.iter().flat_map(|event| &event.written).collect();
        assert_eq!((events.iter().map(|event| event.count).sum::<u32>(), written.len()), (71, 74));
        assert!(written.iter().all(|written| written.whose.is_some()));

        let house = house.reopen();
        assert_eq!(history(&house, &dpo, id), before);
        assert_eq!(detokenized(&house, &parcels, "order_fulfilment", json!(token)).expect("alive"), json!(["Ana Gonçalves"]));
        let asked = Accesses { id, purpose: Some("data_rights".to_owned()), reason: None, before: None, limit: 100 };
        let accesses = house.act(&dpo, asked).expect("accesses").items;
        assert!(accesses.iter().any(|access| access.action == "subject.create" || access.action == "subject.import"));
        assert!(accesses.len() >= 6, "looks from before and after are found together");
        for (other, name) in others.iter().step_by(9) {
            assert_eq!(house.reveal(&support, *other, &["name"]).expect("shown").fields["name"], **name);
        }
        erased(&house, &dpo, id).expect("erased");
        assert_eq!(slug(detokenized(&house, &parcels, "order_fulfilment", json!(token))), "token-unusable");
    }

    fn an_old_key_that_leaked_opens_nothing_afterwards(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let keep = "create table stolen as select * from subject_key";
        place.meddle(true, keep, keep);
        house.act(&house.admin, RotateDataKeys).expect("begun");
        finish(&house);
        assert!(house.reveal(&support, id, &["name"]).is_ok());
        let back = "delete from subject_key; insert into subject_key select * from stolen;";
        place.meddle(true, back, back);
        assert_eq!(slug(house.reveal(&support, id, &["name"])), "integrity");
    }

    fn a_change_seals_under_the_new_key_at_once(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        house.act(&house.admin, RotateDataKeys).expect("begun");
        house.update(&support, id, 1, json!({"name": "Ana Maria Gonçalves"})).expect("changed");
        assert_eq!(generations(&house)[&2], 1, "a key for the class of the name");
        let shown = house.reveal(&support, id, &["name", "notes"]).expect("either key opens its own");
        assert_eq!(shown.fields["name"], "Ana Maria Gonçalves");
        assert_eq!(shown.fields["notes"], "prefers to be called in the morning");
        assert_eq!(finish(&house).people, 1);
        assert_eq!(generations(&house).keys().copied().collect::<Vec<_>>(), [2]);
        assert_eq!(house.reveal(&support, id, &["name"]).expect("shown").fields["name"], "Ana Maria Gonçalves");
    }

    fn what_was_interrupted_is_gone_on_with(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let people = people(&house, 100);
        let keys = generations(&house)[&1];
        house.act(&house.admin, RotateDataKeys).expect("begun");
        // Stopped after the first batch, and then the process dies: both keys of some are there.
        let batches = AtomicUsize::new(0);
        let stopped = house.app.finish_reseal(|| batches.fetch_add(1, Ordering::Relaxed) == 0);
        assert_eq!(stopped.expect("it stops"), None);
        assert_eq!(generations(&house)[&1], keys, "no old key is destroyed before the new one is known to be there");
        let house = house.reopen();
        assert!(house.app.reseal_pending());
        for (id, name) in people.iter().step_by(20) {
            assert_eq!(house.reveal(&support, *id, &["name"]).expect("shown").fields["name"], **name);
        }
        let done = finish(&house);
        assert_eq!((done.people, done.destroyed), (68, keys));
        assert_eq!(generations(&house), BTreeMap::from([(2, keys)]));
        for (id, name) in &people {
            assert_eq!(house.reveal(&support, *id, &["name"]).expect("shown").fields["name"], **name);
        }
    }

    fn people_come_change_and_go_meanwhile(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let people = people(&house, 120);
        std::thread::scope(|scope| {
            let rotating = scope.spawn(|| {
                for _ in 0..4 {
                    house.act(&house.admin, RotateDataKeys).expect("begun");
                    finish(&house);
                }
            });
            let (mut at, mut gone) = (0, 0);
            while !rotating.is_finished() || at < 20 {
                let fields = json!({"name": "New", "email": format!("new{at}@example.com")});
                let id = house.create(&house.importer, fields).expect("created");
                house.update(&support, id, 1, json!({"notes": "changed at once"})).expect("changed");
                let (standing, name) = &people[60 + at % 60];
                let shown = house.reveal(&support, *standing, &["name"]).expect("shown");
                assert_eq!(shown.fields["name"], **name);
                house.update(&support, *standing, shown.version, json!({"notes": format!("seen {at}")})).expect("changed");
                if at % 3 == 0 && gone < 60 {
                    erased(&house, &dpo, people[gone].0).expect("erased");
                    gone += 1;
                }
                at += 1;
            }
            for (at, (id, name)) in people.iter().enumerate() {
                match house.reveal(&support, *id, &["name"]) {
                    Ok(shown) => assert_eq!(shown.fields["name"], **name),
                    Err(error) => assert!(at < gone && error.slug() == "not-found", "{at} of {gone}: {error}"),
                }
            }
        });
        house.act(&house.admin, RotateDataKeys).expect("begun");
        let last = finish(&house);
        assert_eq!(last.damaged, 0);
        assert_eq!(generations(&house).len(), 1, "nothing is left of the older ones: {last:?}");
    }

    fn a_key_that_nothing_replaces_is_not_destroyed(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let people = people(&house, 3);
        house.act(&house.admin, RotateDataKeys).expect("begun");
        finish(&house);
        // As if one of the two had been made in the generation before: the record says that it has reached this one.
        let older = "update subject_key set generation = 1 where class = (select min(class) from subject_key)";
        place.meddle(true, older, older);
        let house = house.reopen();
        finish(&house);
        for (id, name) in &people {
            assert_eq!(house.reveal(&support, *id, &["name"]).expect("shown").fields["name"], **name);
        }
        assert_eq!(generations(&house).keys().copied().collect::<Vec<_>>(), [2]);
    }

    fn whoever_does_not_open_is_left_and_named(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let people = people(&house, 3);
        let swap = "update record set entries = manifest where subject = (select subject from record order by subject limit 1)";
        place.meddle(false, swap, swap);
        house.act(&house.admin, RotateDataKeys).expect("begun");
        let done = finish(&house);
        assert_eq!((done.people, done.damaged), (2, 1));
        assert!(!house.app.reseal_pending(), "it is not tried again and again");
        let (whole, name) = people.iter().max_by_key(|(id, _)| *id).expect("there are three");
        assert_eq!(house.reveal(&support, *whole, &["name"]).expect("shown").fields["name"], **name);
    }
}

/// The key store is committed before the data store. What a crash between the two leaves is a key store from after a step
/// beside a data store from before it; here for every step there is.
#[test]
fn a_crash_between_the_two_commits_of_any_step_loses_nobody() {
    let place = Place::new(Kind::Sqlite);
    let mut house = House::new(&place);
    let support = house.hire("staff", "support", None);
    let people = people(&house, 20);
    house.act(&house.admin, RotateDataKeys).expect("begun");
    let all_open = |house: &House<'_>| {
        for (id, name) in &people {
            assert_eq!(house.reveal(&support, *id, &["name"]).expect("shown").fields["name"], **name);
        }
    };
    let (data, kept) = (place.files().data, place.directory().join("kept.db"));
    let one_step = |house: &House<'_>| {
        let taken = AtomicUsize::new(0);
        house.app.finish_reseal(|| taken.fetch_add(1, Ordering::Relaxed) == 0).expect("a step");
    };
    // The first seals, the second destroys.
    for step in ["sealed", "destroyed"] {
        house = house.reopened_after(|| assert!(std::fs::copy(&data, &kept).expect("copied") > 0));
        one_step(&house);
        house = house.reopened_after(|| assert!(std::fs::copy(&kept, &data).expect("put back") > 0));
        all_open(&house);
        one_step(&house);
        let destroyed = !generations(&house).contains_key(&1);
        assert_eq!(destroyed, step == "destroyed");
    }
    all_open(&house);
}
