//! Legal holds: they stop an erasure, of what they are on, and say since when and never why.

use std::time::Duration;

use avouch_core::erasure::{Hold, LiftHold, ListHolds, PlaceHold};
use avouch_core::gate::{Caller, Reason};
use avouch_core::{Error, SubjectId};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::erasure::{Order, count, erase};
use crate::house::{House, ana, slug};

avouch_store::statements! {
    data HOLDS = "select count(*) from hold";
    data LINKS = "select count(*) from event_subject";
}

fn purpose() -> Option<String> {
    Some("data_rights".to_owned())
}

fn place_hold(
    house: &House<'_>,
    caller: &Caller,
    subject: SubjectId,
    class: Option<&str>,
    days: Option<u64>,
) -> Result<Hold, Error> {
    let until = days.map(|days| house.app.now() + i64::try_from(days).expect("few") * 86_400_000_000);
    let reason = Reason::parse("case 4711 before the county court").expect("a reason");
    let class = class.map(str::to_owned);
    house.act(caller, PlaceHold { subject, class, reason, until, purpose: purpose() })
}

fn list(house: &House<'_>, caller: &Caller, subject: SubjectId) -> Result<Vec<Hold>, Error> {
    house.act(caller, ListHolds { subject, purpose: purpose(), reason: None })
}

both_engines! {
    fn a_hold_stops_an_erasure_until_it_is_lifted_or_has_run_out(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        assert_eq!(slug(place_hold(&house, &support, id, None, None)), "denied-by-policy");
        assert_eq!(slug(place_hold(&house, &dpo, id, Some("shoes"), None)), "validation");
        let hold = place_hold(&house, &dpo, id, None, None).expect("placed");
        let error = erase(&house, &dpo, id, Order::default()).expect_err("held");
        assert_eq!(error.slug(), "legal-hold");
        assert!(!format!("{error:?}").contains("4711"), "not why");
        assert_eq!(slug(erase(&house, &dpo, id, Order { keep_held: true, ..Order::default() })), "legal-hold");
        assert!(house.read(&support, id).is_ok());
        let held = list(&house, &dpo, id).expect("listed");
        assert_eq!((held.len(), &*held[0].reason), (1, "case 4711 before the county court"));

        let lift = |hold| LiftHold { subject: id, id: hold, purpose: purpose(), reason: None };
        house.act(&dpo, lift(hold.id)).expect("lifted");
        assert_eq!(slug(house.act(&dpo, lift(hold.id))), "not-found");
        place_hold(&house, &dpo, id, None, Some(10)).expect("placed");
        assert_eq!(slug(erase(&house, &dpo, id, Order::default())), "legal-hold");
        house.clock.advance(Duration::from_secs(10 * 86_400));
        let receipt = erase(&house, &dpo, id, Order::default()).expect("it has run out");
        assert!(receipt.kept.is_empty());
        assert_eq!(count(&house, &HOLDS), 0, "holds go with the person");
    }

    fn what_is_held_is_kept_and_the_rest_goes(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        place_hold(&house, &dpo, id, Some("payment"), None).expect("placed");
        assert_eq!(slug(erase(&house, &dpo, id, Order::default())), "legal-hold");
        assert_eq!(slug(erase(&house, &dpo, id, Order::classes(&["payment"]))), "legal-hold");
        let error = erase(&house, &dpo, id, Order::classes(&["payment", "service"])).expect_err("held");
        let Error::Held { classes } = error else { panic!("{error}") };
        assert_eq!(classes.iter().map(|held| held.class.as_deref()).collect::<Vec<_>>(), [Some("payment")]);
        let receipt = erase(&house, &dpo, id, Order::classes(&["service"])).expect("nothing holds it");
        assert_eq!(receipt.number, 1);

        let receipt = erase(&house, &dpo, id, Order { keep_held: true, ..Order::default() }).expect("erased");
        assert_eq!(receipt.classes, ["customer"]);
        assert_eq!(receipt.kept.iter().map(|kept| kept.class.as_deref()).collect::<Vec<_>>(), [Some("payment")]);
        assert!(receipt.note.contains("\nkept class payment, under a legal hold since 2026-01-01T"));
        assert!(house.read(&support, id).expect("there").fields.is_empty(), "support sees no cards");
        let card = house.reveal(&dpo, id, &["card_number"]).expect("what is held is readable");
        assert_eq!(card.fields.keys().collect::<Vec<_>>(), ["card_number"]);
        assert_eq!(house.search(&support, json!({"external_id": "C-1001"})).expect("search"), []);
    }

    fn a_hold_on_what_is_not_there_yet_keeps_the_person_and_itself(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let all = ["customer", "service"];
        for classes in [&[][..], &all] {
            let bob = json!({"name": "Bob", "notes": "likes roses"});
            let id = house.create(&house.importer, bob).expect("created");
            place_hold(&house, &dpo, id, Some("payment"), None).expect("placed");
            let error = erase(&house, &dpo, id, Order::classes(classes)).expect_err("the hold would go along");
            let Error::Held { classes: held } = error else { panic!("{error}") };
            assert_eq!(held.iter().map(|held| held.class.as_deref()).collect::<Vec<_>>(), [Some("payment")]);
            assert!(house.reveal(&support, id, &["name"]).is_ok(), "nothing was erased");

            let order = Order { keep_held: true, ..Order::classes(classes) };
            let receipt = erase(&house, &dpo, id, order).expect("what is there is erased");
            assert_eq!((receipt.classes.as_slice(), receipt.counts.keys), (&all.map(str::to_owned)[..], 2));
            assert_eq!(list(&house, &dpo, id).expect("the hold stays").len(), 1);
            assert!(house.read(&support, id).expect("the person stays").fields.is_empty());
            house.update(&support, id, 2, json!({"notes": "is back"})).expect("they can be begun anew");
            assert_eq!(house.reveal(&support, id, &["notes"]).expect("shown").fields["notes"], "is back");
            let again = Order { keep_held: true, ..Order::default() };
            assert_eq!(erase(&house, &dpo, id, again).expect("erased").classes, ["service"]);
            assert_eq!(slug(erase(&house, &dpo, id, again)), "legal-hold", "nothing is left to erase");
            let hold = list(&house, &dpo, id).expect("listed").remove(0);
            house.act(&dpo, LiftHold { subject: id, id: hold.id, purpose: purpose(), reason: None }).expect("lifted");
            assert!(erase(&house, &dpo, id, Order::default()).expect("erased").classes.is_empty());
            assert_eq!((count(&house, &HOLDS), count(&house, &LINKS)), (0, 0), "and nothing leads to them");
        }
    }

    fn a_hold_that_was_moved_or_changed_is_damage_and_can_be_lifted(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let hold = place_hold(&house, &dpo, id, Some("payment"), None).expect("placed");
        let moved = "update hold set class = class + 1";
        place.meddle(false, moved, moved);
        assert_eq!(slug(erase(&house, &dpo, id, Order::default())), "integrity", "not erased by mistake");
        house.act(&dpo, LiftHold { subject: id, id: hold.id, purpose: purpose(), reason: None }).expect("lifted");
        assert!(erase(&house, &dpo, id, Order::default()).is_ok());
    }
}
