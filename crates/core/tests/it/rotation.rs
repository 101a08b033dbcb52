//! Rotations of the key-encryption key, with everything else going on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use avouch_core::audit::Ending;
use avouch_core::keys::{ReadKeys, Rewrapped, RotateKek};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, slug};

/// Some people, by name.
pub(crate) fn people(house: &House<'_>, count: usize) -> Vec<(avouch_core::SubjectId, String)> {
    let add = |at: usize| {
        let name = format!("Person {at}");
        let fields =
            json!({"name": name, "email": format!("person{at}@example.com"), "notes": "likes roses"});
        (house.create(&house.importer, fields).expect("created"), name)
    };
    (0..count).map(add).collect()
}

/// Each epoch, and how many keys it wraps.
fn epochs(house: &House<'_>) -> Vec<(u64, u64)> {
    let epochs = house.act(&house.admin, ReadKeys).expect("the state").kek_epochs;
    let (sender, answer) = std::sync::mpsc::channel();
    house.app.count_keys(move |counts| sender.send(counts).expect("the test listens"));
    let counts = answer.recv().expect("an answer").expect("counted");
    epochs
        .into_iter()
        .map(|epoch| (epoch, counts.by_epoch.get(&epoch).copied().unwrap_or_default()))
        .collect()
}

/// How many keys of people there are.
fn wrapped(house: &House<'_>) -> usize {
    usize::try_from(epochs(house).iter().map(|(_, keys)| keys).sum::<u64>()).expect("few")
}

both_engines! {
    fn a_rotation_wraps_everybody_again_and_destroys_the_old_key(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let people = people(&house, 300);
        let keys = wrapped(&house) as u64;
        assert!(keys > 64, "more than one batch");
        assert_eq!(epochs(&house), [(1, keys)]);
        assert_eq!(house.app.finish_rewrap(|| true).expect("nothing to do"), Some(Rewrapped::default()));

        assert_eq!(house.act(&house.admin, RotateKek).expect("begun"), 2);
        assert!(house.app.rewrap_pending());
        assert_eq!(epochs(&house), [(1, keys), (2, 0)]);
        assert_eq!(slug(house.act(&house.admin, RotateKek)), "conflict", "one after the other");
        // Between the two steps people are read under the old, and made under the new.
        let (first, name) = &people[0];
        assert_eq!(house.reveal(&support, *first, &["name"]).expect("shown").fields["name"], **name);
        house.create(&house.importer, ana()).expect("created");
        let fresh = epochs(&house)[1].1;
        assert!(fresh > 0);

        let rotated = house.app.finish_rewrap(|| true).expect("finished").expect("by us");
        assert_eq!(rotated, Rewrapped { rewrapped: keys, damaged: 0, destroyed: 1 });
        assert!(!house.app.rewrap_pending());
        assert_eq!(epochs(&house), [(2, keys + fresh)]);
        let events = house.events();
        let done = events.iter().find(|event| event.what == "key.destroy").expect("it is on record");
        assert_eq!((done.ending, done.count), (Ending::Done, 1));
        house.clock.advance(Duration::from_secs(61));
        house.app.forget_destroyed_keys().expect("forgotten");
        let house = house.reopen();
        for (id, name) in &people {
            assert_eq!(house.reveal(&support, *id, &["name"]).expect("shown").fields["name"], **name);
        }
    }

    fn a_rotation_that_was_interrupted_is_gone_on_with(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let people = people(&house, 300);
        let keys = wrapped(&house) as u64;
        house.act(&house.admin, RotateKek).expect("begun");
        // Stopped after the first batch, and then the process dies.
        let batches = AtomicUsize::new(0);
        let rotated = house.app.finish_rewrap(|| batches.fetch_add(1, Ordering::Relaxed) == 0);
        assert_eq!(rotated.expect("it stops"), None);
        assert_eq!(epochs(&house), [(1, keys - 64), (2, 64)]);
        let house = house.reopen();
        assert!(house.app.rewrap_pending());
        for (id, name) in people.iter().step_by(50) {
            assert_eq!(house.reveal(&support, *id, &["name"]).expect("shown").fields["name"], **name);
        }
        let rotated = house.app.finish_rewrap(|| true).expect("finished").expect("by us");
        assert_eq!(rotated, Rewrapped { rewrapped: keys - 64, damaged: 0, destroyed: 1 });
        assert_eq!(epochs(&house), [(2, keys)]);
    }

    fn people_come_change_and_go_while_keys_are_rotated(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let people = people(&house, 120);
        std::thread::scope(|scope| {
            let rotating = scope.spawn(|| {
                for _ in 0..6 {
                    house.act(&house.admin, RotateKek).expect("begun");
                    house.app.finish_rewrap(|| true).expect("finished");
                }
            });
            let (mut at, mut gone) = (0, 0);
            while !rotating.is_finished() || at < 20 {
                let fields = json!({"name": "New", "email": format!("new{at}@example.com")});
                let id = house.create(&house.importer, fields).expect("created");
                assert_eq!(house.reveal(&support, id, &["name"]).expect("shown").fields["name"], "New");
                if at % 5 == 0 && gone < 60 {
                    crate::people::erased(&house, &dpo, people[gone].0).expect("erased");
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
        assert_eq!(epochs(&house).len(), 1, "nothing is left of the older ones");
        assert_eq!(epochs(&house)[0].0, 7);
    }

    fn what_is_damaged_keeps_its_key_and_is_named(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let people = people(&house, 3);
        let keys = wrapped(&house) as u64;
        let swap = "update subject_key set check_value = key_id";
        let one = format!("{swap} where subject = (select min(subject) from subject_key)");
        let one_too = format!("{swap} where subject = (select subject from subject_key order by subject limit 1)");
        place.meddle(true, &one, &one_too);
        house.act(&house.admin, RotateKek).expect("begun");
        let rotated = house.app.finish_rewrap(|| true).expect("finished").expect("by us");
        assert!(rotated.damaged > 0 && rotated.destroyed == 0, "{rotated:?}");
        assert_eq!(rotated.rewrapped + rotated.damaged, keys);
        assert!(!house.app.rewrap_pending(), "it is not tried again and again");
        let (id, name) = people.iter().max_by_key(|(id, _)| *id).expect("there are three");
        assert_eq!(house.reveal(&support, *id, &["name"]).expect("shown").fields["name"], **name);
        // A stuck rotation does not stop the next one.
        assert_eq!(house.act(&house.admin, RotateKek).expect("begun"), 3);
    }

    fn a_key_of_a_person_cannot_outlive_what_it_is_wrapped_with(place) {
        let house = House::new(place);
        people(&house, 1);
        let meddle = || place.meddle(true, "delete from kek", "delete from kek");
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(meddle)).is_err(), "the store refuses");
    }
}
