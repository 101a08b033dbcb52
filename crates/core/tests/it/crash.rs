//! Crashes between two steps.

use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, slug};

both_engines! {
    fn an_erasure_that_was_interrupted_is_finished_at_the_next_start(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let id = house.create(&shop, ana()).expect("created");
        // As if we had died after the first step: the rows are gone, the keys are not.
        let first_step = "insert into erasure (subject, begun) select subject, 1 from record; delete from record; \
            delete from blind_index;";
        place.meddle(false, first_step, first_step);
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
}
