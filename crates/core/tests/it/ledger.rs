//! The event is durable before the plaintext leaves; doing something once is doing it once.

use avouch_core::app::{IdempotencyKey, Once};
use avouch_core::vault::CreateSubject;
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, map, slug};

both_engines! {
    fn every_statement_prepares(place) {
        let house = House::new(place);
        house.app.store().prepare_all(avouch_core::statements()).expect("all statements prepare");
    }

    fn without_a_writable_ledger_nothing_is_shown(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let id = house.create(&house.importer, ana()).expect("created");
        place.meddle(false, "alter table event rename to gone", "alter table event rename to gone");
        assert_eq!(slug(house.reveal(&support, id, &["name"])), "audit-unavailable");
        assert_eq!(slug(house.read(&support, id)), "audit-unavailable");
        assert_eq!(slug(house.search(&support, json!({"email": "nobody@example.com"}))), "audit-unavailable");
        assert_eq!(slug(house.create(&shop, json!({"name": "B", "email": "b@example.com"}))), "audit-unavailable");
        place.meddle(false, "alter table gone rename to event", "alter table gone rename to event");
        house.reveal(&support, id, &["name"]).expect("works again");
        assert_eq!(house.search(&support, json!({"email": "b@example.com"})).expect("search"), [], "no half creation");
    }

    fn a_repeated_key_gives_the_first_outcome(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let once = |body: &[u8]| {
            let fields = map(json!({"name": "Ada", "email": "ada@example.com"}));
            let purpose = Some("order_fulfilment".to_owned());
            let operation = CreateSubject::new(&house.app, &fields, purpose, None).expect("valid");
            let key = Some(IdempotencyKey::new("order-1", &[b"POST", body]).expect("a key"));
            house.act(&shop, Once { operation, key })
        };
        let first = once(b"body").expect("created");
        let second = once(b"body").expect("the same outcome");
        assert_eq!((first.id, first.created), (second.id, second.created));
        assert_eq!(slug(once(b"another body")), "idempotency-conflict");
        house.clock.advance(std::time::Duration::from_secs(25 * 3600));
        assert_eq!(slug(once(b"body")), "conflict", "forgotten after a day, and the e-mail is taken");
        assert_eq!(house.app.sweep().expect("sweeps"), 1);
    }
}
