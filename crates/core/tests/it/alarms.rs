//! What must not go unnoticed, and who is told of it.

use std::time::Duration;

use avouch_core::charters::ApplyCharter;
use avouch_core::gate::principals::CreateKey;
use avouch_core::gate::{Caller, Reason};
use avouch_core::outbox::{Channel, Notice};
use avouch_core::watch::alarms::{AlarmKind, AlarmOutcome, AlarmShown, CloseAlarm, ReadAlarms};
use avouch_core::{AlarmId, Error, SubjectId};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, charter_files, slug};
use crate::tokens::{detokenized, tokens};

struct Desk<'p> {
    house: House<'p>,
    security: Caller,
    parcels: Caller,
    ana: SubjectId,
    /// A token of the parcel service, and one of another recipient.
    own: String,
    foreign: String,
}

impl<'p> Desk<'p> {
    fn new(place: &'p avouch_testkit::Place) -> Self {
        let house = House::new(place);
        let security = house.hire("staff", "security", None);
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let shop = house.hire("service", "shop", None);
        let ana = house.create(&house.importer, ana()).expect("created");
        let made = |recipient: &str| {
            let made = tokens(&house, &shop, (recipient, "order_fulfilment"), ana, &[("name", None)]);
            made.expect("tokens").remove(0)
        };
        let (own, foreign) = (made("parcels"), made("mailer"));
        Self { security, parcels, ana, own, foreign, house }
    }

    fn open(&self, token: &str) -> &'static str {
        slug(detokenized(&self.house, &self.parcels, "order_fulfilment", json!({ "to": token })))
    }

    fn alarms(&self) -> Vec<AlarmShown> {
        let read = ReadAlarms { open: true, before: None, limit: 10 };
        self.house.act(&self.security, read).expect("security reads them").items
    }

    fn kinds(&self) -> Vec<(AlarmKind, i64)> {
        self.alarms().iter().map(|alarm| (alarm.kind, alarm.times)).collect()
    }

    fn close(&self, who: &Caller, id: AlarmId) -> Result<(), Error> {
        let why = Reason::parse("the parcel service has mended its program").expect("a reason");
        self.house.act(who, CloseAlarm { id, outcome: AlarmOutcome::Handled, why })
    }
}

both_engines! {
    fn another_recipients_token_rings_and_the_same_again_is_counted(place) {
        let desk = Desk::new(place);
        assert_eq!(desk.open(&desk.own), "ok");
        assert!(desk.alarms().is_empty() && desk.house.app.messages_due(10).expect("read").is_empty());
        assert_eq!(desk.open(&desk.foreign), "token-unusable");
        assert_eq!(desk.open(&desk.foreign), "token-unusable");
        let alarms = desk.alarms();
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerToken, 2)]);
        assert_eq!((alarms[0].principal, alarms[0].detail.as_str()), (desk.parcels.id(), "parcels"));
        let events = desk.house.events();
        assert_eq!(events.iter().filter(|event| event.what == "alarm.raise").count(), 1);

        // Told once, with ids and nothing else.
        let due = desk.house.app.messages_due(10).expect("read");
        let [message] = due.as_slice() else { panic!("one message: {due:?}") };
        let message = message.message.as_ref().expect("whole");
        assert_eq!(message.channel, Channel::Hook("desk".to_owned()));
        let Notice::Alarm { id, kind, principal, .. } = &message.notice else { panic!("{message:?}") };
        assert_eq!((*id, *kind, *principal), (alarms[0].id, AlarmKind::PartnerToken, desk.parcels.id()));

        // The next day it is news again, and what was open is open.
        desk.house.clock.advance(Duration::from_secs(24 * 3600));
        desk.open(&desk.foreign);
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerToken, 1), (AlarmKind::PartnerToken, 2)]);
    }

    fn a_partner_that_asks_for_what_it_is_not_given_rings(place) {
        let desk = Desk::new(place);
        assert_eq!(slug(desk.house.create(&desk.parcels, ana())), "denied-by-policy");
        assert_eq!(slug(desk.house.read(&desk.parcels, desk.ana)), "denied-by-policy");
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerScope, 2)]);
        // Our own service that may not do something is no alarm.
        let shop = desk.house.hire("service", "importer", None);
        assert_eq!(slug(desk.house.read(&shop, desk.ana)), "denied-by-policy");
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerScope, 2)]);
    }

    fn an_alarm_is_closed_once_by_who_may_and_outlives_a_start(place) {
        let mut desk = Desk::new(place);
        desk.open(&desk.foreign);
        desk.house = desk.house.reopen();
        let id = desk.alarms()[0].id;
        assert_eq!(slug(desk.house.act(&desk.house.admin, ReadAlarms { open: false, before: None, limit: 5 })), "denied-by-policy");
        assert_eq!(slug(desk.close(&desk.house.admin, id)), "denied-by-policy");
        assert_eq!(slug(desk.close(&desk.security, id)), "ok");
        assert_eq!(slug(desk.close(&desk.security, id)), "conflict");
        assert!(desk.alarms().is_empty());
        let all = ReadAlarms { open: false, before: None, limit: 5 };
        let all = desk.house.act(&desk.security, all).expect("read").items;
        let closed = all[0].closed.as_ref().expect("closed");
        assert_eq!((closed.by.as_str(), closed.outcome), ("the security", AlarmOutcome::Handled));
        // Closed is closed: the same again is another alarm.
        desk.open(&desk.foreign);
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerToken, 1)]);
    }

    fn a_message_is_tried_less_and_less_often_and_let_go_of_with_an_event(place) {
        let desk = Desk::new(place);
        desk.open(&desk.foreign);
        let app = &desk.house.app;
        let mut waits = Vec::new();
        loop {
            let due = app.messages_due(10).expect("read");
            let Some(message) = due.first() else {
                desk.house.clock.advance(Duration::from_secs(60));
                if let Some(last) = waits.last_mut() { *last += 1; }
                continue;
            };
            if !app.message_failed(message.id, message.tries).expect("noted") { break }
            waits.push(0);
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!((70..80).contains(&(waits.iter().sum::<i32>() / 60)), "three days: {waits:?}");
        assert_eq!(app.messages_waiting().expect("counted").count, 0);
        assert!(desk.house.events().iter().any(|event| event.what == "message.drop"));
    }

    fn many_at_once_ring_once_and_each_is_counted_and_refused(place) {
        let desk = Desk::new(place);
        std::thread::scope(|scope| {
            let work = || (0..10).for_each(|_| assert_eq!(desk.open(&desk.foreign), "token-unusable"));
            (0..4).for_each(|_| drop(scope.spawn(work)));
        });
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerToken, 40)]);
        assert_eq!(desk.house.app.messages_waiting().expect("counted").count, 1);
    }

    fn a_message_that_was_changed_holds_up_no_other(place) {
        let desk = Desk::new(place);
        desk.open(&desk.foreign);
        desk.house.clock.advance(Duration::from_secs(24 * 3600));
        desk.open(&desk.foreign);
        let swap = "update outbox set sealed = (select sealed from outbox order by id desc limit 1)";
        place.meddle(false, swap, swap);
        let whole = |due: &avouch_core::outbox::DueMessage| due.message.is_some();
        let due: Vec<_> = desk.house.app.messages_due(10).expect("read").iter().map(whole).collect();
        assert_eq!(due, [false, true]);
    }

    fn a_message_that_was_delivered_is_gone(place) {
        let desk = Desk::new(place);
        desk.open(&desk.foreign);
        let app = &desk.house.app;
        let waiting = app.messages_waiting().expect("counted");
        assert_eq!((waiting.count, waiting.since), (1, Some(desk.alarms()[0].at / 1000 * 1000)));
        app.message_delivered(app.messages_due(1).expect("read")[0].id).expect("noted");
        assert_eq!(app.messages_waiting().expect("counted").count, 0);
    }
}

/// The parcel service under a contract of twenty days, and in one network.
fn bound(house: &House<'_>) {
    let mut files = charter_files();
    let recipients = files.iter_mut().find(|file| file.path == "recipients.yaml").expect("it is there");
    let bound =
        "  contract: {from: 2026-01-01, until: 2026-01-20}\n  networks: [127.0.0.0/8, 192.0.2.0/24]\n";
    recipients.text = recipients.text.replacen("  contract: {from: 2024-03-01}\n", bound, 1);
    house.act(&house.admin, ApplyCharter { files, base_version: 1 }).expect("applied");
}

both_engines! {
    fn outside_its_contract_a_partner_is_refused_everything_and_rings(place) {
        let desk = Desk::new(place);
        bound(&desk.house);
        assert_eq!(desk.open(&desk.own), "ok");
        // The last day is part of it.
        desk.house.clock.advance(Duration::from_secs(20 * 24 * 3600 - 3600));
        let open = || detokenized(&desk.house, &desk.parcels, "order_fulfilment", json!({ "to": desk.own }));
        assert_eq!(slug(open()), "ok");
        desk.house.clock.advance(Duration::from_secs(3600));
        let Err(Error::Refused(refusal)) = open() else { panic!("its contract is over") };
        assert_eq!(refusal.needs.iter().map(|need| need.name()).collect::<Vec<_>>(), ["contract"]);
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerContract, 1)]);
        // Our own programs have no contract that could end.
        let shop = desk.house.hire("service", "shop", None);
        assert_eq!(slug(desk.house.read(&shop, desk.ana)), "ok");
    }

    fn outside_its_recipients_networks_a_partner_is_refused_and_rings(place) {
        let desk = Desk::new(place);
        bound(&desk.house);
        let key = desk.house.act(&desk.house.admin, CreateKey {
            principal: desk.parcels.id(), label: "office".to_owned(), days: 30, networks: Vec::new(),
        });
        let key = key.expect("a key").key;
        let from = |address: &str| {
            let caller = desk.house.app.authenticate(&key, address.parse().expect("an address"));
            slug(detokenized(&desk.house, &caller.expect("its key"), "order_fulfilment", json!({ "to": desk.own })))
        };
        assert_eq!(from("192.0.2.9"), "ok");
        assert_eq!(from("::ffff:192.0.2.9"), "ok", "the same address, written otherwise");
        assert!(desk.alarms().is_empty());
        assert_eq!(from("198.51.100.9"), "denied-by-policy");
        assert_eq!(desk.kinds(), [(AlarmKind::PartnerNetwork, 1)]);
    }
}
