//! Whoever was erased is recognised when somebody brings them in again, by whichever door, and let in for whoever says so.

use std::collections::BTreeMap;

use avouch_core::Error;
use avouch_core::vault::{
    ImportChunk, ImportRow, OnDuplicate, OnErased, Reading, Returning, StartImport, Tokenize, Unmapped,
    UpdateSubject,
};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::erasure::{Order, erase};
use crate::house::{House, ana, map, slug};

both_engines! {
    fn somebody_who_comes_again_is_recognised_by_any_identifier(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        let receipt = erase(&house, &dpo, id, Order::default()).expect("erased");
        let error = house.create(&house.importer, ana()).expect_err("recognised");
        let Error::Erased { fields, erasure, at } = error else { panic!("{error}") };
        assert_eq!(fields, ["external_id", "email", "phones"], "the name is one that many share");
        assert_eq!((erasure, at), (1, receipt.at));
        for known in [
            json!({"name": "X", "email": "ANA.goncalves@example.com"}),
            json!({"name": "X", "phones": ["+49 30 1234567", "+351 21 123 4567"]}),
        ] {
            assert_eq!(slug(house.create(&house.importer, known)), "erased-person");
        }
        let other = house.create(&house.importer, json!({"name": "Ana Gonçalves", "email": "a@example.com"})).expect("another");
        let change = || {
            let fields = map(json!({"email": "ana.goncalves@example.com"}));
            UpdateSubject::new(&house.app, other, 1, &fields, Some("support".to_owned()), None).expect("valid")
        };
        assert_eq!(slug(house.act(&support, change())), "erased-person");
        let refusal = house.events().remove(0);
        assert_eq!((refusal.problem.as_deref(), refusal.erasure), (Some("erased-person"), Some(1)));
        house.act(&support, change().returning(Returning::Welcome)).expect("whoever says so may");
        let event = house.events().remove(0);
        assert_eq!((event.what.as_str(), event.erasure), ("subject.update", Some(1)));
        // What somebody has now is a matter of uniqueness again.
        assert_eq!(slug(house.create(&house.importer, ana())), "conflict");
        let house = house.reopen();
        let phone = json!({"name": "X", "phones": ["+351 21 123 4567"]});
        assert_eq!(slug(house.create(&house.importer, phone.clone())), "erased-person", "after a restart, too");
        house.bring(&house.importer, phone, Returning::Welcome).expect("brought back");
        assert_eq!(house.events()[0].erasure, Some(1));
    }

    fn an_import_and_a_document_recognise_them_too(place) {
        let house = House::new(place);
        let (shop, dpo) = (house.hire("service", "shop", None), house.hire("staff", "dpo", None));
        let id = house.create(&house.importer, ana()).expect("created");
        erase(&house, &dpo, id, Order::default()).expect("erased");
        let purpose = || Some("administration".to_owned());
        let runs = (0u8..).zip([(OnErased::Ask, true), (OnErased::Ask, false), (OnErased::Skip, false), (OnErased::Create, false)]);
        let mut outcomes = Vec::new();
        for (at, (on_erased, dry_run)) in runs {
            let start = StartImport {
                source: vec![at], mapping: Vec::new(), dry_run, on_duplicate: OnDuplicate::Reject, on_erased,
                purpose: purpose(), reason: None,
            };
            let import = house.act(&house.importer, start).expect("begun").id;
            let rows = [
                ImportRow { row: 1, fields: map(json!({"name": "N", "email": format!("n{at}@example.com")})) },
                ImportRow { row: 2, fields: map(ana()) },
            ];
            let chunk = ImportChunk::new(&house.app, import, 0, &rows, purpose(), None).expect("valid");
            let done = house.act(&house.importer, chunk).expect("taken in");
            outcomes.push((done.accepted, done.skipped, done.rejected.len()));
            if on_erased == OnErased::Ask {
                let (field, detail) = &done.rejected[0].errors[0];
                assert_eq!(field.as_deref(), Some("external_id"));
                assert!(detail.contains("erasure 1") && !detail.contains("C-1001"), "{detail}");
            }
        }
        assert_eq!(outcomes, [(1, 0, 1), (1, 0, 1), (1, 1, 0), (2, 0, 0)]);

        let created = house.search(&dpo, json!({"external_id": "C-1001"})).expect("search");
        erase(&house, &dpo, created[0], Order::default()).expect("erased again");
        let document = || {
            let reading = Reading { subject: None, map: BTreeMap::new(), unmapped: Unmapped::Refuse, create_missing: true };
            let document = json!({"email": "ana.goncalves@example.com", "name": "Ana"});
            let why = (Some("order_fulfilment".to_owned()), None);
            Tokenize::new(&house.app, "mailer".to_owned(), why, document, &reading).expect("valid")
        };
        assert_eq!(slug(house.act(&shop, document())), "erased-person");
        house.act(&shop, document().returning(Returning::Welcome)).expect("brought back");
        assert_eq!(house.events()[0].erasure, Some(2), "the newer of the two");
    }
}
