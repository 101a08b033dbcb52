//! Whole documents: same shape, tokens in the place of values, nothing personal passed through by mistake.

use avouch_core::Error;
use avouch_core::gate::Caller;
use avouch_core::vault::{Reading, Tokenize, Tokenized, Unmapped};
use avouch_testkit::both_engines;
use serde_json::{Value as Json, json};

use crate::house::{House, ana, slug};
use crate::tokens::detokenized;

fn tokenized(
    house: &House<'_>,
    caller: &Caller,
    document: Json,
    reading: &Reading,
) -> Result<Tokenized, Error> {
    let purpose = Some("order_fulfilment".to_owned());
    let operation = Tokenize::new(&house.app, "parcels".to_owned(), (purpose, None), document, reading)?;
    house.act(caller, operation)
}

fn plain() -> Reading {
    Reading { subject: None, map: Default::default(), unmapped: Unmapped::Keep, create_missing: false }
}

both_engines! {
    fn a_document_goes_out_as_tokens_and_comes_back(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let id = house.create(&house.importer, ana()).expect("created");
        let order = json!({
            "order": 4711,
            "customer": {
                "external_id": "C-1001",
                "name": "ana goncalves",
                "phones": ["+351 21 123 4567"],
                "ship_to": {"address": {"street": "Rua das Flores 7", "city": "Lisboa", "postal_code": "1200-192", "country": "PT"}}
            }
        });
        let out = tokenized(&house, &shop, order.clone(), &plain());
        assert_eq!(slug(out), "denied-by-policy", "the parcel service has no customer numbers");
        let mut order = order;
        order["customer"].as_object_mut().expect("an object").remove("external_id");
        assert_eq!(slug(tokenized(&house, &shop, order.clone(), &plain())), "validation", "whose values are these?");
        let reading = Reading { subject: Some(id), ..plain() };
        let out = tokenized(&house, &shop, order.clone(), &reading).expect("tokenised");
        assert_eq!((out.tokens, out.subjects), (3, vec![id]));
        assert_eq!(out.document["order"], 4711);
        assert!(!out.document.to_string().contains("Lisboa"));
        let back = detokenized(&house, &parcels, "order_fulfilment", out.document).expect("its own tokens");
        assert_eq!(back["customer"]["name"], "Ana Gonçalves");
        assert_eq!(back["customer"]["phones"], json!(["+351211234567"]));
        assert_eq!(back["customer"]["ship_to"]["address"]["city"], "Lisboa");
    }

    fn what_is_no_field_is_refused_unless_kept(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let document = json!({"name": "Ana Gonçalves", "nickname": "Annie"});
        let strict = Reading { subject: Some(id), unmapped: Unmapped::Refuse, ..plain() };
        let Err(Error::Invalid(faults)) = tokenized(&house, &shop, document.clone(), &strict) else {
            panic!("expected a fault")
        };
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].pointer, "/document/nickname");
        let kept = Reading { subject: Some(id), ..plain() };
        assert_eq!(tokenized(&house, &shop, document, &kept).expect("kept").document["nickname"], "Annie");
    }

    fn a_map_to_no_field_is_refused_and_passes_nothing_through(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let map = [("/email".to_owned(), "emial".to_owned())].into();
        let reading = Reading { subject: Some(id), map, ..plain() };
        let document = json!({"email": "Ana.Goncalves@example.com", "name": "Ana Gonçalves"});
        assert_eq!(slug(tokenized(&house, &shop, document, &reading)), "validation");
    }

    fn a_value_the_vault_does_not_hold_gets_no_token(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let reading = Reading { subject: Some(id), ..plain() };
        assert_eq!(slug(tokenized(&house, &shop, json!({"name": "Somebody Else"}), &reading)), "validation");
    }
}
