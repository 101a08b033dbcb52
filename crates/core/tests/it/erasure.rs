//! Erasure: damage does not stop it, and what people typed about somebody goes with them.

use avouch_core::SubjectId;
use avouch_core::audit::read::ReadEvents;
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, slug};
use crate::people::erased;

/// How many rows a query of the data store counts.
fn count(house: &House<'_>, query: &'static avouch_store::Statement) -> i64 {
    house
        .app
        .store()
        .read_wait(move |tx| tx.first(query, &[], |row| row.int(0)))
        .expect("the query works")
        .expect("a count has a row")
}

avouch_store::statements! {
    data TERMS = "select count(*) from index_term";
    data REASONS = "select count(*) from event where sealed is not null";
    data LINKS = "select count(*) from event_subject";
    keys KEYS = "select count(*) from subject_key";
}

both_engines! {
    fn damage_does_not_stop_an_erasure(place) {
        let damages = [
            (false, "update record set manifest = x'00'", "update record set manifest = '\\x00'"),
            (
                false,
                "update record set entries = x'0102'",
                "update record set entries = '\\x0102'",
            ),
            (false, "update record set event = event + 1", "update record set event = event + 1"),
            (true, "update subject_key set wrapped = x'00'", "update subject_key set wrapped = '\\x00'"),
            (true, "update subject_key set key_id = x'00'", "update subject_key set key_id = '\\x00'"),
            (true, "delete from subject_key", "delete from subject_key"),
        ];
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        for (keys, sqlite, postgres) in damages {
            let id = house.create(&house.importer, ana()).expect("created");
            place.meddle(keys, sqlite, postgres);
            assert_ne!(slug(house.reveal(&support, id, &["name"])), "ok", "{sqlite}");
            erased(&house, &dpo, id).expect(sqlite);
            assert_eq!(slug(house.read(&support, id)), "not-found");
            assert_eq!((count(&house, &TERMS), count(&house, &KEYS)), (0, 0), "{sqlite}");
        }
    }

    fn what_was_typed_about_a_person_goes_with_them(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let gone = house.create(&house.importer, ana()).expect("created");
        let stays = house.create(&support, json!({"name": "Bob", "email": "bob@example.com"})).expect("created");
        for id in [gone, stays] {
            house.reveal(&support, id, &["name"]).expect("revealed, with a reason");
        }
        assert_eq!(count(&house, &REASONS), 2);
        let links = count(&house, &LINKS);
        erased(&house, &dpo, gone).expect("erased");
        assert_eq!(count(&house, &REASONS), 1, "only the other's");
        assert_eq!(count(&house, &LINKS), links - 1);
        let read = ReadEvents { before: None, after: None, actor: None, action: None, limit: 100 };
        let events = house.act(&house.admin, read).expect("events").items;
        let committed = events.iter().filter(|(_, event)| event.reason.is_some()).count();
        assert_eq!(committed, 2, "what was recorded stays");
        assert_eq!(slug(erased(&house, &dpo, SubjectId::from_bytes([7; 16]))), "not-found");
    }
}
