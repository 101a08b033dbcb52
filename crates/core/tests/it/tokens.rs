//! Tokens: per recipient, unlinkable, dead with the person.

use avouch_core::gate::{Caller, Reason};
use avouch_core::vault::{CreateTokens, Detokenize, NoToken, Terms, TokenItem};
use avouch_core::{Error, SubjectId};
use avouch_testkit::both_engines;
use serde_json::{Value as Json, json};

use crate::house::{House, ana, slug};
use crate::people::erased;

pub(crate) fn tokens(
    house: &House<'_>,
    caller: &Caller,
    (recipient, purpose): (&str, &str),
    subject: SubjectId,
    fields: &[(&str, Option<usize>)],
) -> Result<Vec<String>, Error> {
    let items = fields
        .iter()
        .map(|(field, value)| TokenItem { subject, field: (*field).to_owned(), value: *value })
        .collect();
    let operation = CreateTokens {
        recipient: recipient.to_owned(),
        purpose: Some(purpose.to_owned()),
        reason: None,
        items,
        terms: Terms::default(),
    };
    Ok(house.act(caller, operation)?.into_iter().map(|token| token.expect("a token")).collect())
}

pub(crate) fn detokenized(
    house: &House<'_>,
    caller: &Caller,
    purpose: &str,
    document: Json,
) -> Result<Json, Error> {
    let reason = Some(Reason::parse("delivery today").expect("a reason"));
    let operation = Detokenize::new(document, (Some(purpose.to_owned()), reason), &[], None)?;
    house.act(caller, operation).map(|done| done.document)
}

both_engines! {
    fn a_recipient_opens_its_own_tokens_and_nobody_elses(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let mailer = house.hire("service", "mailer_api", Some("mailer"));
        let id = house.create(&house.importer, ana()).expect("created");
        let made = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &[("name", None), ("address", None)])
            .expect("tokens for the parcel service");
        assert!(made.iter().all(|token| token.starts_with("tok_parcels_")));
        let again = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &[("name", None)]).expect("tokens");
        assert_eq!(made[0], again[0], "a pointer is the same each time");
        let others = tokens(&house, &shop, ("mailer", "order_fulfilment"), id, &[("name", None)]).expect("tokens");
        assert_ne!(made[0], others[0], "and another for each recipient");

        let document = json!({"label": {"to": made[0], "where": made[1]}, "weight": 3});
        let opened = detokenized(&house, &parcels, "order_fulfilment", document.clone()).expect("its own");
        assert_eq!(opened["label"]["to"], "Ana Gonçalves");
        assert_eq!(opened["label"]["where"]["city"], "Lisboa");
        assert_eq!(opened["weight"], 3);

        assert_eq!(slug(detokenized(&house, &mailer, "order_fulfilment", document.clone())), "token-unusable");
        let broken = json!({"to": made[0].replace("tok_parcels", "tok_mailer")});
        assert_eq!(slug(detokenized(&house, &mailer, "order_fulfilment", broken)), "token-unusable");

        let dpo = house.hire("staff", "dpo", None);
        erased(&house, &dpo, id).expect("erased");
        let gone = detokenized(&house, &parcels, "order_fulfilment", document);
        let Err(Error::TokenUnusable { pointers }) = gone else { panic!("expected dead tokens") };
        assert_eq!(pointers, ["/label/to", "/label/where"]);
    }

    fn a_field_or_purpose_that_is_not_shared_is_refused(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let refused = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &[("email", None), ("birth_date", None)]);
        assert_eq!(slug(refused), "denied-by-policy");
        assert_eq!(slug(tokens(&house, &shop, ("nobody", "order_fulfilment"), id, &[("name", None)])), "validation");
    }

    fn random_tokens_differ_each_time_and_open_the_same_value(place) {
        let house = House::new(place);
        let accountant = house.hire("staff", "accountant", None);
        let advisor = house.hire("service", "taxadvisor_api", Some("taxadvisor"));
        let id = house.create(&house.importer, ana()).expect("created");
        let make = || tokens(&house, &accountant, ("taxadvisor", "accounting"), id, &[("name", None)]).expect("tokens");
        let (one, two) = (make(), make());
        assert_ne!(one, two);
        for token in [one, two] {
            let opened = detokenized(&house, &advisor, "accounting", json!(token)).expect("its own");
            assert_eq!(opened, json!(["Ana Gonçalves"]));
        }
    }

    fn a_token_of_one_number_survives_changes_to_the_others(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let support = house.hire("staff", "support", None);
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let id = house.create(&house.importer, ana()).expect("created");
        let second = tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &[("phones", Some(1))]).expect("token");
        house
            .update(&support, id, 1, json!({"phones": ["+351 913 000 000", "+351 21 123 4567"]}))
            .expect("the first number changes");
        let opened = detokenized(&house, &parcels, "order_fulfilment", json!(second)).expect("still there");
        assert_eq!(opened, json!(["+351211234567"]));
        house.update(&support, id, 2, json!({"phones": ["+351 913 000 000"]})).expect("the second number goes");
        assert_eq!(slug(detokenized(&house, &parcels, "order_fulfilment", json!(second))), "token-unusable");
    }

    fn an_emptied_list_gives_no_number_twice(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let parcels = house.hire("service", "parcels_api", Some("parcels"));
        let id = house.create(&house.importer, ana()).expect("created");
        let make = |value| tokens(&house, &shop, ("parcels", "order_fulfilment"), id, &[("phones", value)]);
        let old = make(Some(0)).expect("a token");
        house.update(&support, id, 1, json!({"phones": null})).expect("no phone any more");
        let seen = house.read(&support, id).expect("support reads");
        assert!(!seen.fields.contains_key("phones") && seen.views.iter().all(|(name, _)| name != "phones"));
        let whole = TokenItem { subject: id, field: "phones".to_owned(), value: None };
        let none = CreateTokens {
            recipient: "parcels".to_owned(), purpose: Some("order_fulfilment".to_owned()), reason: None, items: vec![whole],
            terms: Terms::default(),
        };
        assert_eq!(house.act(&shop, none).expect("asked"), [Err(NoToken::Absent)], "an emptied list is no value");
        house.update(&support, id, 2, json!({"phones": ["+49 30 12345678"]})).expect("another phone");
        assert_eq!(slug(detokenized(&house, &parcels, "order_fulfilment", json!(old))), "token-unusable");
        let new = make(Some(0)).expect("a token");
        let opened = detokenized(&house, &parcels, "order_fulfilment", json!(new)).expect("the new one");
        assert_eq!(opened, json!(["+493012345678"]));
    }

    fn a_person_with_nothing_but_an_emptied_list_is_refused(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&support, json!({"name": "Ada", "phones": ["+49 30 12345678"]})).expect("created");
        house.update(&support, id, 1, json!({"phones": []})).expect("a name is left");
        assert_eq!(slug(house.update(&support, id, 2, json!({"name": null}))), "validation");
    }
}
