//! Erasure: damage does not stop it, what people typed about somebody goes with them, a class goes alone, and there is a receipt.

use std::time::Duration;

use avouch_core::audit::read::{Filter, ReadEvents};
use avouch_core::erasure::{Counts, Erase, ErasureSettings, ReadErasure, ReadReceiptKey, Receipt};
use avouch_core::gate::Caller;
use avouch_core::keys::ReadKeys;
use avouch_core::vault::History;
use avouch_core::{Error, SubjectId};
use avouch_ledger::note::{VerifierKey, open_text};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, slug};
use crate::people::erased;
use crate::tokens::{detokenized, tokens};

/// What is to be erased of somebody.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Order<'a> {
    pub(crate) classes: &'a [&'a str],
    pub(crate) keep_held: bool,
}

impl<'a> Order<'a> {
    pub(crate) fn classes(classes: &'a [&'a str]) -> Self {
        Self { classes, keep_held: false }
    }
}

pub(crate) fn erase(
    house: &House<'_>,
    caller: &Caller,
    id: SubjectId,
    order: Order<'_>,
) -> Result<Receipt, Error> {
    let classes = order.classes.iter().map(|name| (*name).to_owned()).collect();
    let whole = Erase::whole(id, Some("data_rights".to_owned()), None);
    let order = Erase { classes, keep_held: order.keep_held, ..whole };
    house.clock.advance(Duration::from_millis(1));
    let (sender, receiver) = std::sync::mpsc::channel();
    avouch_core::erasure::erase(&house.app, caller, order, None, move |result| {
        sender.send(result.map(|done| done.output)).expect("the test listens");
    });
    receiver.recv().expect("an answer")
}

/// How many rows a query of either store counts.
pub(crate) fn count(house: &House<'_>, query: &'static avouch_store::Statement) -> i64 {
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
    keys ROTATIONS = "select max(epoch) from kek";
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
        let read = ReadEvents { before: None, filter: Filter::default(), limit: 100 };
        let events = house.act(&house.admin, read).expect("events").items;
        let committed = events.iter().filter(|listed| listed.event.reason.is_some()).count();
        assert_eq!(committed, 2, "what was recorded stays");
        assert_eq!(slug(erased(&house, &dpo, SubjectId::from_bytes([7; 16]))), "not-found");
    }

    fn a_class_goes_alone_from_every_version_and_can_be_begun_anew(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        house.update(&support, id, 1, json!({"notes": "now prefers the evening"})).expect("changed");
        house.update(&support, id, 2, json!({"language": "de", "phones": ["+351 912 345 678"]})).expect("changed");
        let (terms, keys) = (count(&house, &TERMS), count(&house, &KEYS));
        let receipt = erase(&house, &dpo, id, Order::classes(&["service"])).expect("erased");
        assert_eq!(receipt.classes, ["service"]);
        assert_eq!(receipt.counts, Counts { fields: 2, versions: 3, terms: 0, tokens: 0, keys: 1 });
        assert_eq!((count(&house, &TERMS), count(&house, &KEYS)), (terms, keys - 1));
        let seen = house.reveal(&support, id, &["name", "email", "notes", "language"]).expect("the rest is there");
        assert_eq!(seen.version, 4);
        assert_eq!(seen.fields.keys().collect::<Vec<_>>(), ["name", "email"]);
        let history = History { id, purpose: Some("data_rights".to_owned()), reason: None, before: None, limit: 10 };
        let (versions, _) = house.act(&dpo, history).expect("all versions open");
        assert_eq!(versions.len(), 4);
        assert!(versions.iter().all(|version| !version.fields.contains_key("notes")));
        assert_eq!(erase(&house, &dpo, id, Order::classes(&["service"])).expect("the same again"), receipt);
        assert_eq!(slug(erase(&house, &dpo, id, Order::classes(&["shoes"]))), "validation");

        house.update(&support, id, 4, json!({"notes": "is back"})).expect("a class is begun anew");
        // As if the keys' half had been lost: the key of today is not the one that was ended.
        let house = house.reopened_after(|| place.meddle(true, "delete from ending", "delete from ending"));
        assert_eq!(house.reveal(&support, id, &["notes"]).expect("shown").fields["notes"], "is back");
        let house = house.reopened_after(|| place.meddle(false, "delete from ending", "delete from ending"));
        assert_eq!(house.reveal(&support, id, &["notes"]).expect("shown").fields["notes"], "is back");
        assert_eq!(erase(&house, &dpo, id, Order::classes(&["service"])).expect("and again").number, 2);
    }

    fn a_required_field_may_be_erased_and_tokens_of_the_class_go_with_it(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let (accountant, advisor) =
            (house.hire("staff", "accountant", None), house.hire("service", "taxadvisor_api", Some("taxadvisor")));
        let fields = json!({"name": "Ana", "email": "ana@example.com", "national_id": "PT 501964843", "notes": "x y z"});
        let Ok(id) = house.create(&house.importer, fields) else {
            panic!("the tax number is one")
        };
        let made = tokens(&house, &accountant, ("taxadvisor", "accounting"), id, &[("name", None), ("national_id", None)])
            .expect("tokens");
        let receipt = erase(&house, &dpo, id, Order::classes(&["customer"])).expect("erased");
        assert_eq!((receipt.counts.fields, receipt.counts.tokens), (2, 1));
        assert!(receipt.counts.terms > 0);
        assert_eq!(count(&house, &TERMS), 0);
        assert_eq!(slug(detokenized(&house, &advisor, "accounting", json!(made[0]))), "token-unusable");
        assert!(detokenized(&house, &advisor, "accounting", json!(made[1])).is_ok());
        assert!(house.reveal(&support, id, &["notes"]).expect("shown").fields.contains_key("notes"));
        let seen = house.update(&support, id, 2, json!({"notes": "without a name"})).expect("can be changed");
        house.update(&support, id, seen.version, json!({"name": "Ana", "email": "ana@example.com"})).expect("named again");
        assert_eq!(house.search(&support, json!({"email": "ana@example.com"})).expect("search"), [id]);
    }

    fn a_token_of_a_list_that_was_erased_does_not_open_what_came_later(place) {
        let house = House::new(place);
        let (shop, support, dpo) =
            (house.hire("service", "shop", None), house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let id = house.create(&house.importer, ana()).expect("created");
        let phones = [("phones", Some(0)), ("phones", Some(1))];
        let old = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &phones).expect("pointers");
        erase(&house, &dpo, id, Order::classes(&["customer"])).expect("erased");
        house.update(&support, id, 2, json!({"name": "Ana", "phones": ["+49 30 1234567"]})).expect("begun anew");
        let new = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &phones[..1]).expect("a pointer");
        for token in &old {
            assert_eq!(slug(detokenized(&house, &parcels, "order_fulfilment", json!(token))), "token-unusable");
        }
        let opened = detokenized(&house, &parcels, "order_fulfilment", json!(new[0])).expect("opened");
        assert_eq!(opened, json!("+49301234567"));
    }

    fn a_person_of_whom_nothing_would_be_left_is_gone(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, json!({"name": "Ana", "notes": "calls often"})).expect("created");
        let receipt = erase(&house, &dpo, id, Order::classes(&["customer", "service"])).expect("erased");
        assert_eq!(receipt.classes, [""; 0]);
        assert_eq!(slug(house.read(&support, id)), "not-found");
        assert_eq!(count(&house, &KEYS), 0);
    }

    fn a_receipt_can_be_checked_by_anybody_and_is_the_same_each_time(place) {
        let settings = ErasureSettings { backup_days: 40, ..ErasureSettings::default() };
        let house = House::with(place, settings);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        let receipt = erase(&house, &dpo, id, Order::default()).expect("erased");
        assert_eq!(receipt.horizon, Some(receipt.at + 40 * 86_400_000_000), "backups outlive the key around keys");
        assert_eq!(erase(&house, &dpo, id, Order::default()).expect("no other act"), receipt);
        assert_eq!(house.act(&dpo, ReadErasure { number: 1 }).expect("shown"), receipt);
        assert_eq!(slug(house.act(&support, ReadErasure { number: 1 })), "denied-by-policy");
        assert_eq!(slug(house.act(&dpo, ReadErasure { number: 2 })), "not-found");
        assert_eq!(slug(erase(&house, &support, id, Order::default())), "denied-by-policy");
        assert_eq!(slug(erase(&house, &dpo, SubjectId::from_bytes([7; 16]), Order::default())), "not-found");

        let key = house.act(&dpo, ReadReceiptKey).expect("the public key").verifier_key;
        let key = VerifierKey::parse(&key).expect("a key");
        let (text, _) = open_text(&receipt.note, [&key]).expect("signed");
        let shape: String = text.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
        insta::allow_duplicates! {
            insta::assert_snapshot!(shape, @"avouch vault erasure subject erased at by event removed unreadable");
        }
        assert!(text.contains(&format!("subject {id}\nerased the whole person\n")));
        assert!(open_text(&receipt.note.replace("whole person", "whole parson"), [&key]).is_err());
        let house = house.reopen();
        assert_eq!(house.act(&dpo, ReadErasure { number: 1 }).expect("shown"), receipt, "after a restart, too");
    }

    fn the_key_around_keys_is_replaced_when_it_is_old(place) {
        let house = House::with(place, ErasureSettings { kek_days: 30, ..ErasureSettings::default() });
        house.create(&house.importer, ana()).expect("created");
        assert!(!house.app.rotate_kek_when_due().expect("asked"));
        let due = house.act(&house.admin, ReadKeys).expect("the state").kek_due.expect("a date");
        assert_eq!((due - house.app.now()) / 86_400_000_000, 29);
        let horizon = house.act(&house.admin, ReadKeys).expect("the state").horizon;
        assert_eq!(horizon, Some(due), "what is erased now is gone for good with the key around keys");
        house.clock.advance(Duration::from_secs(30 * 86_400));
        assert!(house.app.rotate_kek_when_due().expect("asked"));
        assert!(!house.app.rotate_kek_when_due().expect("asked"), "one after the other");
        house.app.finish_rewrap(|| true).expect("done").expect("by us");
        let keys = house.app.rotate_kek_when_due().map(|begun| (begun, house.app.rewrap_pending()));
        assert_eq!(keys.expect("asked"), (false, false));
        let begun = house.app.store().read_wait(|tx| tx.first(&ROTATIONS, &[], |row| row.int(0)));
        assert_eq!(begun.expect("the query works"), Some(2));
    }
}
