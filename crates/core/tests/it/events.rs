//! Events as they are looked for, followed and counted.

use std::collections::BTreeSet;
use std::time::Duration;

use avouch_core::audit::Ending;
use avouch_core::audit::disclosures::{Disclosure, Disclosures, ReadDisclosures};
use avouch_core::audit::read::{Events, Filter, FollowEvents, ReadEvents};
use avouch_core::audit::search::SearchEvents;
use avouch_core::audit::siem::SiemCursor;
use avouch_core::gate::Caller;
use avouch_core::ledger::follow::Stretch;
use avouch_core::{Error, EventId, SubjectId, View};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, slug};
use crate::log::publish;
use crate::people::erased;
use crate::tokens::{detokenized, tokens};

fn list(house: &House<'_>, filter: Filter) -> Vec<String> {
    let mut before = None;
    let mut names = Vec::new();
    loop {
        let read = ReadEvents { before, filter: filter.clone(), limit: 3 };
        let Events { items, next } = house.act(&house.admin, read).expect("listed");
        names.extend(items.into_iter().map(|listed| listed.event.what));
        before = next;
        if before.is_none() {
            return names;
        }
    }
}

fn search(house: &House<'_>, caller: &Caller, subject: SubjectId, filter: Filter) -> Result<Events, Error> {
    let search = SearchEvents { subject, purpose: None, reason: None, before: None, filter, limit: 100 };
    house.act(caller, search)
}

fn names(events: Events) -> Vec<String> {
    events.items.into_iter().map(|listed| listed.event.what).collect()
}

fn follow(house: &House<'_>, log: Option<i64>, from: u64, filter: Filter, limit: usize) -> Stretch {
    house.act(&house.admin, FollowEvents { log, from, filter, limit }).expect("followed")
}

fn disclosed(house: &House<'_>, caller: &Caller, recipient: Option<&str>) -> Result<Disclosures, Error> {
    let recipient = recipient.map(str::to_owned);
    let counting = house.act(caller, ReadDisclosures { recipient, since: 0, until: i64::MAX >> 10 })?;
    counting.run(&house.app)
}

both_engines! {
    fn events_are_found_by_who_what_and_what_for_and_when(place) {
        let house = House::new(place);
        let (support, shop) = (house.hire("staff", "support", None), house.hire("service", "shop", None));
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let id = house.create(&house.importer, ana()).expect("created");
        let begin = house.app.now() + 1;
        house.clock.advance(Duration::from_secs(60));
        house.reveal(&support, id, &["name"]).expect("shown");
        assert_eq!(slug(house.reveal(&shop, id, &["notes"])), "denied-by-policy");
        let made = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &[("name", None)]).expect("tokens");
        house.clock.advance(Duration::from_secs(60));
        let middle = house.app.now();
        detokenized(&house, &parcels, "order_fulfilment", json!(made)).expect("its own");

        let all = Filter { since: Some(begin), until: None, ..Filter::default() };
        let with = |change: &dyn Fn(&mut Filter)| {
            let mut filter = all.clone();
            change(&mut filter);
            list(&house, filter)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(with(&|f| f.actor = Some(support.id())), ["subject.reveal"]);
        assert_eq!(with(&|f| f.action = text("subject.reveal")), ["subject.reveal", "subject.reveal"]);
        assert_eq!(with(&|f| f.outcome = Some(Ending::Refused)), ["subject.reveal"]);
        assert_eq!(with(&|f| f.purpose = text("support")), ["subject.reveal"]);
        assert_eq!(with(&|f| f.recipient = text("parcels")), ["token.detokenize", "token.create"]);
        assert_eq!(with(&|f| f.recipient = text("mailer")), [""; 0]);
        let until = with(&|f| f.until = Some(middle));
        assert_eq!(until, ["token.create", "subject.reveal", "subject.reveal"]);
        let since = with(&|f| (f.since, f.recipient) = (Some(middle), text("parcels")));
        assert_eq!(since, ["token.detokenize"]);
    }

    fn an_event_says_where_in_the_log_it_stands_once_it_does(place) {
        let house = House::new(place);
        publish(&house);
        house.create(&house.importer, ana()).expect("created");
        let read = || {
            let read = ReadEvents { before: None, filter: Filter::default(), limit: 100 };
            house.act(&house.admin, read).expect("listed").items
        };
        let places: Vec<_> = read().into_iter().map(|listed| listed.place).collect();
        assert_eq!(places[0], None, "it waits");
        assert!(places[1..].iter().rev().enumerate().all(|(at, place)| *place == Some((1, at as u64))));
        publish(&house);
        assert_eq!(read()[1].place, Some((1, places.len() as u64 - 1)));
    }

    fn a_search_for_the_events_about_somebody_is_a_look_at_them(place) {
        let house = House::new(place);
        let (support, auditor) = (house.hire("staff", "support", None), house.hire("auditor", "auditor", None));
        let id = house.create(&house.importer, ana()).expect("created");
        let other = house.create(&house.importer, json!({"external_id": "C-2", "name": "Bo"})).expect("created");
        house.reveal(&support, id, &["name"]).expect("shown");
        house.reveal(&support, other, &["name"]).expect("shown");
        let found = search(&house, &auditor, id, Filter::default()).expect("found");
        assert_eq!(names(found), ["subject.reveal", "subject.create"]);
        let again = search(&house, &auditor, id, Filter::default()).expect("found");
        assert_eq!(names(again), ["event.search", "subject.reveal", "subject.create"], "and so was that");
        let only = Filter { action: Some("subject.create".to_owned()), ..Filter::default() };
        assert_eq!(names(search(&house, &auditor, id, only).expect("found")), ["subject.create"]);
        let mut page = SearchEvents {
            subject: id, purpose: None, reason: None, before: None, filter: Filter::default(), limit: 1,
        };
        let mut seen = Vec::new();
        loop {
            let events = house.act(&auditor, page.clone()).expect("found");
            seen.extend(events.items.iter().map(|listed| listed.event.what.clone()));
            page.before = events.next;
            if events.next.is_none() { break }
        }
        assert_eq!(seen.last().map(String::as_str), Some("subject.create"));
        assert_eq!(seen.iter().filter(|what| *what == "subject.reveal").count(), 1);
        // Whoever may list events may not look for a person among them.
        assert_eq!(slug(search(&house, &house.admin, id, Filter::default())), "denied-by-policy");
        let dpo = house.hire("staff", "dpo", None);
        erased(&house, &dpo, id).expect("erased");
        assert_eq!(slug(search(&house, &auditor, id, Filter::default())), "not-found");
    }

    fn the_log_is_followed_without_a_gap_or_a_double_and_only_as_far_as_it_is_signed(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        assert_eq!(follow(&house, None, 0, Filter::default(), 100).items.len(), 0, "nothing is signed");
        publish(&house);
        let (mut from, mut seen) = (0, Vec::new());
        for round in 0..40 {
            let stretch = follow(&house, Some(1), from, Filter::default(), 3);
            assert!(stretch.items.iter().all(|placed| placed.index >= from && placed.index < stretch.next));
            seen.extend(stretch.items.iter().map(|placed| placed.index));
            from = stretch.next;
            if round % 4 == 0 {
                house.reveal(&support, id, &["name"]).expect("shown");
                publish(&house);
            }
        }
        assert_eq!(seen, (0..from).collect::<Vec<_>>());
        let reveals = Filter { action: Some("subject.reveal".to_owned()), ..Filter::default() };
        let found = follow(&house, None, 0, reveals, 100);
        assert_eq!(found.items.len(), 10);
        assert_eq!(found.next, found.size, "looked through to the end");
        assert_eq!(slug(house.act(&house.admin, FollowEvents { log: Some(7), from: 0, filter: Filter::default(), limit: 1 })), "not-found");
        let ids: BTreeSet<EventId> = found.items.iter().map(|placed| placed.id).collect();
        assert_eq!(ids.len(), 10);
    }

    fn where_a_log_has_ended_the_next_is_gone_on_with(place) {
        let house = House::new(place);
        publish(&house);
        let away = "delete from tile where level = 0";
        place.meddle(false, away, away);
        let house = house.reopen();
        publish(&house);
        let first = follow(&house, None, 0, Filter::default(), 1_000);
        assert_eq!((first.log, first.items.len() as u64), (1, first.size));
        let second = follow(&house, Some(first.log), first.next, Filter::default(), 1_000);
        assert_eq!((second.log, second.items[0].index), (2, 0));
        assert_eq!(second.items[0].event.what, "log.begin");
        assert_ne!(first.origin, second.origin);
        let end = follow(&house, Some(2), second.next, Filter::default(), 1_000);
        assert_eq!((end.log, end.items.len(), end.next), (2, 0, second.next));
    }

    fn what_is_not_kept_any_longer_is_gone_over(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        for _ in 0..300 {
            house.reveal(&support, id, &["name"]).expect("shown");
        }
        publish(&house);
        house.clock.advance(Duration::from_secs(10 * 86_400));
        assert_eq!(house.app.prune_log(5, &[]).expect("pruned"), 256);
        let stretch = follow(&house, None, 3, Filter::default(), 10);
        assert_eq!((stretch.items[0].index, stretch.next), (256, 266));
        let batch = house.app.siem_batch(SiemCursor { log: Some(1), index: 3 }, 10).expect("read");
        assert_eq!(batch.stretch.items[0].index, 256);
        assert_eq!(batch.behind, batch.stretch.size - 256);
    }

    fn what_others_were_sent_is_known_after_a_crash(place) {
        let house = House::new(place);
        publish(&house);
        assert_eq!(house.app.siem_cursor("watch").expect("read"), SiemCursor::default());
        let batch = house.app.siem_batch(SiemCursor::default(), 2).expect("read");
        assert_eq!((batch.stretch.log, batch.stretch.items.len(), batch.stretch.next), (1, 2, 2));
        assert_eq!(batch.behind, batch.stretch.size);
        house.app.siem_sent("watch", 1, 2).expect("written");
        let house = house.reopen();
        let cursor = house.app.siem_cursor("watch").expect("read");
        assert_eq!(cursor, SiemCursor { log: Some(1), index: 2 });
        assert_eq!(house.app.siem_cursor("other").expect("read"), SiemCursor::default());
        publish(&house);
        let batch = house.app.siem_batch(cursor, 1_000).expect("read");
        assert_eq!(batch.stretch.items[0].index, 2);
        assert_eq!(batch.behind, batch.stretch.size - 2);
        assert!(!house.events().iter().any(|event| event.what == "event.read"), "sending them is no event");
        // A leaf that somebody took is damage, not a gap to go over.
        place.meddle(false, "delete from leaf where idx = 2", "delete from leaf where idx = 2");
        house.app.siem_batch(cursor, 1_000).expect_err("it is gone");
    }

    fn what_recipients_were_given_is_counted(place) {
        let house = House::new(place);
        let (shop, dpo) = (house.hire("service", "shop", None), house.hire("staff", "dpo", None));
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let people: Vec<_> = ["C-1", "C-2", "C-3"]
            .map(|id| house.create(&house.importer, json!({"external_id": id, "name": "Bo"})).expect("created"))
            .to_vec();
        let mut made = Vec::new();
        for id in &people {
            made.extend(tokens(&house, &shop, ("parcels", "order_fulfilment"), *id, &[("name", None)]).expect("tokens"));
        }
        tokens(&house, &shop, ("mailer", "order_fulfilment"), people[0], &[("name", None)]).expect("tokens");
        let first = house.app.now();
        for token in [&made[0], &made[0], &made[1]] {
            detokenized(&house, &parcels, "order_fulfilment", json!([token])).expect("its own");
        }
        assert_eq!(slug(disclosed(&house, &house.admin, None)), "denied-by-policy");
        let all = disclosed(&house, &dpo, None).expect("counted");
        let said = |one: &Disclosure| (one.recipient.clone(), one.view, one.events, one.subjects);
        let said: Vec<_> = all.items.iter().map(said).collect();
        assert_eq!(
            said,
            [
                ("mailer".to_owned(), View::Token, 1, 1),
                ("parcels".to_owned(), View::Token, 3, 3),
                ("parcels".to_owned(), View::Clear, 3, 2),
            ]
        );
        assert!(all.next.is_none() && all.items[2].first > first && all.items[2].first < all.items[2].last);
        assert!(all.items.iter().all(|one| one.purpose.as_deref() == Some("order_fulfilment")));
        assert_eq!(disclosed(&house, &dpo, Some("mailer")).expect("counted").items, all.items[..1]);
        let asked = &house.events()[0];
        assert_eq!((asked.what.as_str(), asked.recipient.as_deref()), ("disclosure.read", Some("mailer")));
        assert_eq!(disclosed(&house, &dpo, Some("ada@example.org")).expect("counted").items, []);
        assert_eq!(house.events()[0].recipient, None, "what was typed is not on record");

        // More than one request counts: the rest is counted from where it stopped.
        let counting = |since| {
            let read = ReadDisclosures { recipient: Some("parcels".to_owned()), since, until: i64::MAX >> 10 };
            house.act(&dpo, read).expect("allowed")
        };
        let (mut since, mut events, mut rounds) = (0, 0, 0);
        loop {
            let counted = counting(since).within(&house.app, 4).expect("counted");
            events += counted.items.iter().map(|one| one.events).sum::<u64>();
            rounds += 1;
            match counted.next {
                Some(next) if rounds < 30 => since = next,
                _ => break,
            }
        }
        assert_eq!(events, 6);
    }
}
