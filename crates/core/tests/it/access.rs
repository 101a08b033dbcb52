//! Access that is taken away is gone: for keys in use, for callers that waited, whatever else happens at the same time.

use std::sync::mpsc;

use avouch_core::audit::read::{Filter, ReadEvents};
use avouch_core::gate::Status;
use avouch_core::gate::principals::{ChangePrincipal, ReadPrincipals, RevokeKey};
use avouch_testkit::both_engines;

use crate::house::{House, ana, slug};

both_engines! {
    fn a_caller_that_was_let_in_is_asked_again_by_each_operation(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let id = house.create(&house.importer, ana()).expect("created");
        house.read(&support, id).expect("support works here");
        let suspend = ChangePrincipal { id: Some(support.id()), status: Some(Status::Suspended), ..Default::default() };
        house.act(&house.admin, suspend).expect("suspended");
        assert_eq!(slug(house.read(&support, id)), "not-authenticated");
        assert_eq!(slug(house.reveal(&support, id, &["name"])), "not-authenticated");
        let events = house.events();
        assert_eq!((events[0].what.as_str(), events[0].problem.as_deref()), ("subject.reveal", Some("not-authenticated")));

        let known = house.act(&house.admin, ReadPrincipals { only: Some(shop.id()) }).expect("listed");
        let key = known[0].keys[0].0;
        house.act(&house.admin, RevokeKey { principal: shop.id(), key }).expect("revoked");
        assert_eq!(slug(house.read(&shop, id)), "not-authenticated");
    }

    fn an_auditor_reads_events_for_as_long_as_was_said_and_not_a_moment_longer(place) {
        let house = House::new(place);
        let auditor = house.hire("auditor", "auditor", None);
        let look = |house: &House<'_>| {
            let read = ReadEvents { before: None, filter: Filter::default(), limit: 1 };
            house.act(&auditor, read).map(drop)
        };
        let days = |days| ChangePrincipal { id: Some(auditor.id()), days: Some(days), ..Default::default() };
        let until = |house: &House<'_>| house.app.access().principal(auditor.id()).expect("there").until;
        let month = house.app.now() + 30 * 86_400_000_000;
        assert!(until(&house).is_some_and(|until| (month - 1_000_000..=month).contains(&until)), "also when nobody says");
        house.act(&house.admin, days(5)).expect("changed");
        look(&house).expect("within the time");
        house.clock.advance(std::time::Duration::from_secs(5 * 86_400));
        assert_eq!(slug(look(&house)), "not-authenticated");
        house.act(&house.admin, days(1)).expect("prolonged");
        look(&house).expect("again");
        assert_eq!(slug(house.act(&house.admin, days(0))), "validation");
        assert_eq!(slug(house.create(&auditor, ana())), "denied-by-policy");
    }

    fn a_suspension_survives_a_change_made_at_the_same_time(place) {
        let house = House::new(place);
        for round in 0..8 {
            let support = house.hire("staff", "support", None);
            let (sender, receiver) = mpsc::channel();
            let changes = [
                ChangePrincipal { id: Some(support.id()), status: Some(Status::Suspended), ..Default::default() },
                ChangePrincipal { id: Some(support.id()), name: Some(format!("Renamed {round}")), ..Default::default() },
            ];
            for change in changes {
                let sender = sender.clone();
                house.app.perform(&house.admin, change, move |result| {
                    sender.send(result.is_ok()).expect("the test listens");
                });
            }
            assert!(receiver.iter().take(2).all(|ok| ok));
            let access = house.app.access();
            let record = access.principal(support.id()).expect("there");
            assert_eq!((record.status, record.name.as_str()), (Status::Suspended, format!("Renamed {round}").as_str()));
        }
    }
}
