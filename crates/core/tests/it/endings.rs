//! The lists of endings: what they survive, what they notice, and what is done again on an old copy of either store.

use std::sync::{Arc, Mutex, PoisonError};

use avouch_core::app::App;
use avouch_core::app::opening::OpeningError;
use avouch_core::erasure::{EndingsCopy, ErasureSettings, ListErasures};
use avouch_testkit::{Place, both_engines};
use serde_json::json;

use crate::erasure::{Order, count, erase};
use crate::house::{House, ana, parts, slug};

avouch_store::statements! {
    data REASONS = "select count(*) from event where sealed is not null";
    data LINKS = "select count(*) from event_subject";
    data TERMS = "select count(*) from index_term";
    data STRIPPED = "select count(*) from record_version v join kept_record_version k on k.version = v.version where v.entries <> k.entries";
    data ORDERS = "select count(*) from ending";
    keys DONE = "select count(*) from ending";
    keys KEYS = "select count(*) from subject_key";
    keys IDENTIFIERS = "select count(*) from ended_identifier";
}

/// Rows of a store as a backup of it has them.
struct Backup<'p> {
    place: &'p Place,
    keys: bool,
}

impl<'p> Backup<'p> {
    fn tables(keys: bool) -> &'static [&'static str] {
        if keys {
            &["subject_key", "ending", "ended_identifier"]
        } else {
            &[
                "record",
                "record_version",
                "index_term",
                "token",
                "event",
                "event_subject",
                "ending",
                "hold",
                "log",
                "leaf",
                "tile",
                "checkpoint",
            ]
        }
    }

    fn take(place: &'p Place, keys: bool) -> Self {
        for table in Self::tables(keys) {
            let sql = format!("create table kept_{table} as select * from {table}");
            place.meddle(keys, &sql, &sql);
        }
        Self { place, keys }
    }

    fn put_back(&self) {
        for table in Self::tables(self.keys) {
            let sql = format!("delete from {table}; insert into {table} select * from kept_{table}");
            self.place.meddle(self.keys, &sql, &sql);
        }
    }
}

/// The third copy, in memory; and a disk for it that can be full, or not there.
#[derive(Debug, Default, Clone)]
pub(crate) struct MemoryCopy {
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
    pub(crate) full: Arc<std::sync::atomic::AtomicBool>,
    pub(crate) gone: Arc<std::sync::atomic::AtomicBool>,
}

impl EndingsCopy for MemoryCopy {
    fn lines(&self) -> std::io::Result<Vec<String>> {
        if self.gone.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        Ok(self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn append(&self, lines: &[String]) -> std::io::Result<()> {
        if self.full.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(lines);
        Ok(())
    }
}

impl MemoryCopy {
    pub(crate) fn settings(&self) -> ErasureSettings {
        ErasureSettings { copy: Some(Arc::new(self.clone())), ..ErasureSettings::default() }
    }
}

both_engines! {
    fn an_old_copy_of_the_data_is_brought_up_to_date(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let gone = house.create(&house.importer, ana()).expect("created");
        let bob = json!({"name": "Bob", "email": "bob@example.com", "notes": "likes roses"});
        let stays = house.create(&house.importer, bob).expect("created");
        house.update(&support, stays, 1, json!({"notes": "likes lilies"})).expect("changed");
        for id in [gone, stays] {
            house.reveal(&support, id, &["name"]).expect("revealed, with a reason");
        }
        let backup = Backup::take(place, false);
        erase(&house, &dpo, gone, Order::default()).expect("erased");
        erase(&house, &dpo, stays, Order::classes(&["service"])).expect("his notes are erased");
        let (terms, reasons, links) = (count(&house, &TERMS), count(&house, &REASONS), count(&house, &LINKS));

        let house = house.reopened_after(|| backup.put_back());
        assert_eq!(slug(house.read(&support, gone)), "not-found");
        assert_eq!(house.search(&support, json!({"email": "ana.goncalves@example.com"})).expect("search"), []);
        assert_eq!(count(&house, &TERMS), terms);
        assert_eq!(count(&house, &REASONS), reasons, "what was typed about her goes, what was typed about him stays");
        assert!(count(&house, &LINKS) < links, "his class was erased after the copy was made, and nobody leads to her");
        let shown = house.reveal(&support, stays, &["name", "notes"]).expect("the rest of him is readable");
        assert_eq!(shown.fields.keys().collect::<Vec<_>>(), ["name"]);
        assert_eq!(house.search(&support, json!({"email": "bob@example.com"})).expect("search"), [stays]);
        let replay = house.events().into_iter().find(|event| event.what == "erasure.replay").expect("on record");
        assert_eq!((replay.count, replay.erasure), (2, Some(1)));
        assert_eq!(count(&house, &ORDERS), 2);
    }

    fn damage_of_one_person_does_not_keep_the_vault_shut(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let bob = json!({"name": "Bob", "notes": "likes roses"});
        let id = house.create(&house.importer, bob).expect("created");
        house.update(&support, id, 1, json!({"notes": "likes lilies"})).expect("changed");
        house.update(&support, id, 2, json!({"notes": "likes tulips"})).expect("changed");
        let backup = Backup::take(place, false);
        erase(&house, &dpo, id, Order::classes(&["service"])).expect("his notes are erased");
        let damages = [
            ("update record_version set updated = updated + 1 where version = 1", "update record_version set updated = updated + 1 where version = 1"),
            ("update record_version set manifest = x'00' where version = 1", "update record_version set manifest = '\\x00' where version = 1"),
            ("update record set manifest = x'00'", "update record set manifest = '\\x00'"),
        ];
        let mut house = house;
        for (sqlite, postgres) in damages {
            house = house.reopened_after(|| {
                backup.put_back();
                place.meddle(false, sqlite, postgres);
            });
            assert_eq!(count(&house, &ORDERS), 1, "{sqlite}");
            if sqlite.starts_with("update record_version") {
                let shown = house.reveal(&support, id, &["name", "notes"]).expect(sqlite);
                assert_eq!(shown.fields.keys().collect::<Vec<_>>(), ["name"], "{sqlite}");
                assert_eq!(count(&house, &STRIPPED), 1, "{sqlite}: the version that is sound");
            } else {
                assert!(house.read(&support, id).is_err(), "{sqlite}");
            }
        }
    }

    fn what_leads_to_nobody_goes_though_the_first_try_at_it_fails(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let gone = house.create(&house.importer, ana()).expect("created");
        house.reveal(&support, gone, &["name"]).expect("revealed, with a reason");
        let backup = Backup::take(place, false);
        erase(&house, &dpo, gone, Order::default()).expect("erased");
        let (reasons, links) = (count(&house, &REASONS), count(&house, &LINKS));
        let (clock, primary) = (house.clock.clone(), house.seals.primary());
        let house = house.reopened_after(|| {
            backup.put_back();
            let away = "alter table event_subject rename to put_away";
            place.meddle(false, away, away);
            assert!(App::open(parts(place, primary, &clock)).is_err(), "what leads to her cannot be looked for");
            let back = "alter table put_away rename to event_subject";
            place.meddle(false, back, back);
        });
        assert_eq!(slug(house.read(&support, gone)), "not-found");
        assert_eq!((count(&house, &REASONS), count(&house, &LINKS)), (reasons, links));
    }

    fn an_old_copy_of_the_keys_is_brought_up_to_date(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let gone = house.create(&house.importer, ana()).expect("created");
        let stays = house.create(&house.importer, json!({"name": "Bob", "notes": "likes roses"})).expect("created");
        let backup = Backup::take(place, true);
        erase(&house, &dpo, gone, Order::default()).expect("erased");
        erase(&house, &dpo, stays, Order::classes(&["service"])).expect("his notes are erased");
        let (keys, identifiers) = (count(&house, &KEYS), count(&house, &IDENTIFIERS));
        assert!(identifiers > 0);

        let house = house.reopened_after(|| backup.put_back());
        assert_eq!((count(&house, &KEYS), count(&house, &IDENTIFIERS)), (keys, identifiers));
        assert_eq!(count(&house, &DONE), 2);
        assert_eq!(slug(house.create(&house.importer, ana())), "erased-person", "and she is recognised");
        assert!(house.reveal(&support, stays, &["name"]).is_ok());
    }

    fn old_copies_of_both_are_brought_up_to_date_from_the_third_list(place) {
        let copy = MemoryCopy::default();
        let house = House::with(place, copy.settings());
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let gone = house.create(&house.importer, ana()).expect("created");
        let stays = house.create(&house.importer, json!({"name": "Bob", "notes": "likes roses"})).expect("created");
        house.reveal(&support, gone, &["name"]).expect("revealed, with a reason");
        let backups = [Backup::take(place, false), Backup::take(place, true)];
        erase(&house, &dpo, gone, Order::default()).expect("erased");
        erase(&house, &dpo, stays, Order::classes(&["service"])).expect("his notes are erased");
        let (keys, reasons) = (count(&house, &KEYS), count(&house, &REASONS));
        assert_eq!(copy.lines().expect("there").len(), 2, "a line for each, before it was answered");

        let house = house.reopened_after(|| backups.iter().for_each(Backup::put_back));
        assert_eq!(slug(house.read(&support, gone)), "not-found");
        assert_eq!((count(&house, &KEYS), count(&house, &REASONS)), (keys, reasons));
        assert_eq!((count(&house, &ORDERS), count(&house, &DONE)), (2, 2));
        let shown = house.reveal(&support, stays, &["name", "notes"]).expect("the rest of him");
        assert_eq!(shown.fields.keys().collect::<Vec<_>>(), ["name"]);
        assert_eq!(copy.lines().expect("there").len(), 2, "nothing is written twice");
    }

    fn lines_that_are_handed_in_are_done_at_once(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let gone = house.create(&house.importer, ana()).expect("created");
        let backups = [Backup::take(place, false), Backup::take(place, true)];
        erase(&house, &dpo, gone, Order::default()).expect("erased");
        let lines = house.app.ending_lines().expect("all of them");
        assert!(lines.len() == 1 && !lines[0].contains("Gon"));

        let house = house.reopened_after(|| backups.iter().for_each(Backup::put_back));
        assert!(house.read(&support, gone).is_ok(), "nobody could know");
        let absorbed = house.app.absorb_endings(&lines).expect("they fit");
        assert_eq!((absorbed.data, absorbed.keys, absorbed.endings), (1, 1, 1));
        assert_eq!(slug(house.read(&support, gone)), "not-found");
        assert_eq!(slug(house.create(&house.importer, ana())), "erased-person");
        let again = house.app.absorb_endings(&lines).expect("they still fit");
        assert_eq!((again.data, again.keys), (0, 0));
        let foreign = [lines[0].replace('1', "2")];
        assert_eq!(
            house.app.absorb_endings(&foreign).expect_err("not ours").to_string(),
            "line 1 of the copy of the list of erasures is damaged: take the line out, or put back the file"
        );
    }

    fn what_was_changed_or_cut_out_keeps_the_vault_shut(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        for at in 1..=3 {
            let person = json!({"name": "Somebody", "email": format!("person{at}@example.com")});
            let id = house.create(&house.importer, person).expect("created");
            erase(&house, &dpo, id, Order::default()).expect("erased");
        }
        let backups = [Backup::take(place, false), Backup::take(place, true)];
        let changed = "erasure 2 in the data store is not one that this vault has made there: put back a backup of it \
            from before it was changed";
        let changed_keys = changed.replace("data store", "key store");
        let cut = "erasure 2 is in no list of erasures, and later ones are: put back a backup of either store that has it";
        let shifted = changed.replace("erasure 2", "erasure 1");
        let wrongs: [(&[bool], &str, &str); 6] = [
            (&[false], "update ending set at = at + 1 where seq = 2", changed),
            (&[false], "update ending set class = 1 where seq = 2", changed),
            (&[true], "update ending set subject = (select subject from ending where seq = 1) where seq = 2", &changed_keys),
            (&[false, true], "delete from ending where seq = 2", cut),
            (&[false, true], "delete from ending where seq = 1; update ending set seq = seq - 1", &shifted),
            (&[false], "insert into ending select seq + 3, subject, class, at, sealed, mac, 1 from ending where seq = 1",
                &changed.replace("erasure 2", "erasure 4")),
        ];
        let mut house = house;
        for (stores, wrong, message) in wrongs {
            let (clock, primary) = (house.clock.clone(), house.seals.primary());
            house = house.reopened_after(|| {
                stores.iter().for_each(|keys| place.meddle(*keys, wrong, wrong));
                let refused = App::open(parts(place, primary, &clock)).expect_err(wrong);
                assert!(matches!(refused, OpeningError::Endings(_)), "{wrong}: {refused}");
                assert_eq!(refused.to_string(), message, "{wrong}");
                backups.iter().for_each(Backup::put_back);
            });
        }
        // One that is cut out of one list only is put back from the other.
        let house = house.reopened_after(|| {
            let cut = "delete from ending where seq = 2";
            place.meddle(true, cut, cut);
        });
        assert_eq!((count(&house, &ORDERS), count(&house, &DONE)), (3, 3));
        let all = ListErasures { subject: None, before: None, limit: 2 };
        let (receipts, next) = house.act(&dpo, all).expect("listed");
        assert_eq!(receipts.iter().map(|receipt| receipt.number).collect::<Vec<_>>(), [3, 2]);
        let rest = house.act(&dpo, ListErasures { before: next, ..all }).expect("listed").0;
        assert_eq!(rest.iter().map(|receipt| receipt.number).collect::<Vec<_>>(), [1]);
    }

    fn a_copy_that_cannot_be_written_keeps_the_answer_back_and_not_the_erasure(place) {
        let copy = MemoryCopy::default();
        let house = House::with(place, copy.settings());
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        copy.full.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(slug(erase(&house, &dpo, id, Order::default())), "audit-unavailable");
        assert_eq!(slug(house.read(&support, id)), "not-found");
        copy.full.store(false, std::sync::atomic::Ordering::SeqCst);
        house.app.sweep().expect("housekeeping");
        assert_eq!(copy.lines().expect("there").len(), 1);
        erase(&house, &dpo, id, Order::default()).expect("the receipt is had by asking again");
        assert_eq!(copy.lines().expect("there").len(), 1);
        let damage = |lines: &mut Vec<String>| lines[0].insert(30, 'x');
        let (clock, primary) = (house.clock.clone(), house.seals.primary());
        let (settings, kept) = (copy.settings(), copy.clone());
        house.reopened_after(|| {
            let sound = kept.lines().expect("there");
            damage(&mut kept.lines.lock().expect("nobody panicked"));
            let parts = avouch_core::app::opening::Parts { erasure: settings, ..parts(place, primary, &clock) };
            assert!(matches!(App::open(parts).expect_err("damaged"), OpeningError::Endings(_)));
            *kept.lines.lock().expect("nobody panicked") = sound;
        });
    }

    fn lines_that_are_missing_come_when_the_copy_can_be_read_again(place) {
        let copy = MemoryCopy::default();
        let house = House::with(place, copy.settings());
        let dpo = house.hire("staff", "dpo", None);
        let id = house.create(&house.importer, ana()).expect("created");
        copy.full.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(slug(erase(&house, &dpo, id, Order::default())), "audit-unavailable");
        copy.full.store(false, std::sync::atomic::Ordering::SeqCst);
        copy.gone.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(slug(house.app.finish_erasures()), "audit-unavailable", "nobody has changed the list");
        copy.gone.store(false, std::sync::atomic::Ordering::SeqCst);
        house.app.finish_erasures().expect("it is there again");
        assert_eq!(copy.lines().expect("there").len(), 1);
    }

    fn a_key_that_is_left_of_somebody_erased_goes_at_the_next_start(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let id = house.create(&house.importer, ana()).expect("created");
        Backup::take(place, true);
        erase(&house, &dpo, id, Order::default()).expect("erased");
        let house = house.reopened_after(|| {
            let stray = "insert into subject_key select * from kept_subject_key";
            place.meddle(true, stray, stray);
        });
        assert_eq!(count(&house, &KEYS), 0);
    }
}

#[test]
fn old_files_that_are_put_back_are_brought_up_to_date() {
    let place = Place::new(avouch_testkit::Kind::Sqlite);
    let copy = MemoryCopy::default();
    let house = House::with(&place, copy.settings());
    let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
    let gone = house.create(&house.importer, ana()).expect("created");
    let stays =
        house.create(&house.importer, json!({"name": "Bob", "notes": "likes roses"})).expect("created");
    let files = place.files();
    let saved = |file: &std::path::Path| file.with_extension("saved");
    let house = house.reopened_after(|| {
        for file in [&files.data, &files.keys] {
            std::fs::copy(file, saved(file)).expect("copied");
        }
    });
    erase(&house, &dpo, gone, Order::default()).expect("erased");
    erase(&house, &dpo, stays, Order::classes(&["service"])).expect("erased");
    let mut house = house;
    for restored in [&[&files.data][..], &[&files.keys], &[&files.data, &files.keys]] {
        house = house.reopened_after(|| {
            for file in restored {
                std::fs::copy(saved(file), file).expect("put back");
            }
        });
        assert_eq!(slug(house.read(&support, gone)), "not-found", "{restored:?}");
        assert_eq!(
            (count(&house, &KEYS), count(&house, &ORDERS), count(&house, &DONE)),
            (1, 2, 2),
            "{restored:?}"
        );
        let shown = house.reveal(&support, stays, &["name", "notes"]).expect("the rest of him");
        assert_eq!(shown.fields.keys().collect::<Vec<_>>(), ["name"], "{restored:?}");
    }
}
