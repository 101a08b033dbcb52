//! Crashes between two steps.

use avouch_core::app::opening::OpeningError;
use avouch_testkit::both_engines;
use serde_json::json;

use crate::erasure::{Order, erase};
use crate::house::{House, ana, slug};
use crate::people::erased;

both_engines! {
    fn an_erasure_that_was_interrupted_is_finished_at_the_next_start(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        // The first step is done, the second fails: the key store refuses to delete.
        let dpo = house.hire("staff", "dpo", None);
        place.meddle(
            true,
            "create trigger stop before delete on subject_key begin select raise(abort, 'stop'); end",
            "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
             create trigger stop before delete on subject_key for each row execute function stop()",
        );
        assert_ne!(slug(erased(&house, &dpo, id)), "ok");
        assert_eq!(slug(house.read(&support, id)), "not-found");
        place.meddle(true, "drop trigger stop", "drop trigger stop on subject_key");
        let house = house.reopen();
        assert_eq!(slug(house.read(&support, id)), "not-found");
        let shreds: Vec<_> = house.events().into_iter().filter(|event| event.what == "subject.shred").collect();
        assert_eq!(shreds.len(), 1);
        assert!(shreds[0].count > 0, "keys were destroyed");
        let house = house.reopen();
        let shreds = house.events().into_iter().filter(|event| event.what == "subject.shred").count();
        assert_eq!(shreds, 1, "and it is not done again");
        assert_eq!(house.search(&support, json!({"external_id": "C-1001"})).expect("search"), []);
    }

    fn nothing_is_sealed_under_a_key_that_is_about_to_go(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        place.meddle(
            true,
            "create trigger stop before delete on subject_key begin select raise(abort, 'stop'); end",
            "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
             create trigger stop before delete on subject_key for each row execute function stop()",
        );
        assert_ne!(slug(erase(&house, &dpo, id, Order::classes(&["service"]))), "ok");
        assert!(house.app.erasures_pending());
        assert_eq!(slug(house.update(&support, id, 2, json!({"notes": "too early"}))), "busy");
        assert!(house.app.finish_erasures().is_err() && house.app.erasures_pending());
        place.meddle(true, "drop trigger stop", "drop trigger stop on subject_key");
        house.app.finish_erasures().expect("done now");
        assert!(!house.app.erasures_pending());
        house.update(&support, id, 2, json!({"notes": "in time"})).expect("under a new key");
        assert_eq!(house.reveal(&support, id, &["notes"]).expect("shown").fields["notes"], "in time");
        let receipt = erase(&house, &dpo, id, Order::default()).expect("all of her").number;
        assert_eq!(receipt, 2);
    }

    fn an_erasure_that_cannot_be_ordered_leaves_everything(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        place.meddle(
            false,
            "create trigger stop before insert on ending begin select raise(abort, 'stop'); end",
            "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
             create trigger stop before insert on ending for each row execute function stop()",
        );
        for order in [Order::default(), Order::classes(&["service"])] {
            assert_ne!(slug(erase(&house, &dpo, id, order)), "ok");
            house.reveal(&support, id, &["name", "notes"]).expect("all of her is there");
        }
        place.meddle(false, "drop trigger stop", "drop trigger stop on ending");
        house.update(&support, id, 1, json!({"notes": "and can be changed"})).expect("nothing is under way");
        let house = house.reopen();
        assert_eq!(house.reveal(&support, id, &["notes"]).expect("shown").fields["notes"], "and can be changed");
    }

    fn a_vault_that_was_half_made_can_be_made_again_and_one_with_people_in_it_never(place) {
        let half = "delete from vault; delete from charter_version; delete from principal; \
            delete from credential; delete from event; delete from log; delete from search_index; \
            update rules_state set generation = 1, next_index = 1";
        House::new(place).crash();
        place.meddle(false, half, half);
        let house = House::new(place);
        house.create(&house.importer, ana()).expect("it works like any other");
        house.crash();
        place.meddle(false, half, half);
        assert!(matches!(House::try_new(place), Err(OpeningError::Exists)), "somebody's keys are in there");
    }

    fn an_erasure_that_nobody_ordered_is_not_done(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let id = house.create(&shop, json!({"name": "Ana", "email": "ana@example.com"})).expect("created");
        let forged = "insert into ending (seq, subject, class, at, sealed, mac, done) select 1, subject, 0, 1, manifest, manifest, 0 from record";
        place.meddle(false, forged, forged);
        let house = house.reopened_only_if("delete from ending", "erasure 1 in the data store is not one that this vault has made there: put back a backup of it from before it was changed");
        assert_eq!(house.reveal(&support, id, &["name"]).expect("her keys are there").fields["name"], "Ana");
    }
}
