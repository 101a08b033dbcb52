//! People: added, looked at, changed, found, erased.

use avouch_core::erasure::{Erase, erase};
use avouch_core::gate::Reason;
use avouch_core::vault::{Accesses, History, Returning};
use avouch_core::{Error, SubjectId};
use avouch_policy::View;
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, slug};

pub(crate) fn erased(
    house: &House<'_>,
    caller: &avouch_core::gate::Caller,
    id: SubjectId,
) -> Result<(), Error> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let purpose = Some("data_rights".to_owned());
    let order = Erase { id, version: None, classes: Vec::new(), keep_held: false, purpose, reason: None };
    erase(&house.app, caller, order, None, move |result| {
        sender.send(result.map(drop)).expect("the test listens");
    });
    receiver.recv().expect("an answer")
}

both_engines! {
    fn the_main_job_from_end_to_end(place) {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));

        let id = house.create(&house.importer, ana()).expect("customers are carried in");
        assert_eq!(slug(house.create(&house.importer, ana())), "conflict", "her e-mail is taken");

        let seen = house.read(&support, id).expect("support reads");
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(seen.fields, @r#"
            {
              "external_id": "C-1001",
              "name": "A. G.",
              "email": "A•••@example.com",
              "phones": [
                "•••678",
                "•••567"
              ],
              "address": {
                "city": "Lisboa",
                "country": "PT"
              },
              "birth_date": "•••",
              "language": "pt",
              "notes": "•••"
            }
            "#);
        }
        assert_eq!(house.search(&support, json!({"email": "ANA.GONCALVES@EXAMPLE.COM"})).expect("search"), [id]);
        assert_eq!(house.search(&support, json!({"name": "ana goncalves"})).expect("search"), [id]);
        assert_eq!(house.search(&support, json!({"phones": "+351912345678"})).expect("search"), [id]);
        assert_eq!(house.search(&support, json!({"email": "nobody@example.com"})).expect("search"), []);

        let revealed = house.reveal(&support, id, &["name", "email", "phones"]).expect("support reveals");
        assert_eq!(revealed.fields["name"], "Ana Gonçalves");
        assert_eq!(revealed.fields["email"], "Ana.Goncalves@example.com");
        assert_eq!(revealed.fields["phones"], json!(["+351912345678", "+351211234567"]));
        assert_eq!(revealed.views.len(), 3);

        let updated = house
            .update(&support, id, 1, json!({"phones": ["+351 21 123 4567", "+351 913 000 000"], "notes": null}))
            .expect("support updates");
        assert_eq!(updated.version, 2);
        assert_eq!(slug(house.update(&support, id, 1, json!({"notes": "late"}))), "precondition-failed");
        assert_eq!(house.search(&support, json!({"phones": "+351912345678"})).expect("search"), []);
        assert_eq!(house.search(&support, json!({"phones": "+351913000000"})).expect("search"), [id]);

        let history = History { id, purpose: Some("support".to_owned()), reason: None, before: None, limit: 10 };
        let (versions, next) = house.act(&support, history).expect("history");
        assert_eq!(next, None);
        assert_eq!(versions.iter().map(|entry| entry.version).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(versions[0].changed, ["phones", "notes"]);
        assert_eq!(versions[0].action, "subject.update");
        assert!(versions[1].fields.contains_key("notes"));

        let accesses = house.act(&dpo, Accesses { id, purpose: None, reason: None, before: None, limit: 50 }).expect("accesses");
        let acts: Vec<_> = accesses.items.iter().map(|access| access.action.as_str()).collect();
        assert_eq!(
            acts,
            [
                "subject.history", "subject.search", "subject.update", "subject.reveal", "subject.search",
                "subject.search", "subject.search", "subject.read", "subject.create", "subject.create",
            ]
        );
        let undone: Vec<_> = (0..).zip(&accesses.items).filter(|(_, access)| !access.done).map(|(at, _)| at).collect();
        assert_eq!(undone, [8], "the second creation was refused, and told that her e-mail is known");
        let look = &accesses.items[3];
        assert_eq!(look.reason.as_ref().map(Reason::as_str), Some("the customer is on the phone"));
        assert_eq!(look.purpose.as_deref(), Some("support"));
        assert!(look.fields.contains(&("email".to_owned(), Some(View::Clear))));
        assert_eq!(look.actor_name.as_ref().map(|(name, _)| name.as_str()), Some("the support"));

        erased(&house, &dpo, id).expect("the privacy officer erases");
        assert_eq!(slug(house.read(&support, id)), "not-found");
        assert_eq!(house.search(&support, json!({"email": "ana.goncalves@example.com"})).expect("search"), []);
        assert_eq!(slug(erased(&house, &dpo, id)), "ok", "to erase her again is no other act");
        assert_eq!(slug(house.create(&house.importer, ana())), "erased-person");
        let again = house.bring(&house.importer, ana(), Returning::Welcome).expect("her e-mail is free again");
        assert_ne!(again, id);
    }

    fn what_was_written_is_there_after_a_restart(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let house = house.reopen();
        assert_eq!(house.reveal(&support, id, &["name"]).expect("reveals").fields["name"], "Ana Gonçalves");
        assert!(house.events().iter().any(|event| event.what == "vault.open"));
    }

    fn invalid_input_names_every_fault_and_no_value(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let result = house.create(&shop, json!({
            "email": "secret-canary", "phones": ["12"], "birth_date": "1984-02-31", "shoe_size": 42,
            "card_number": "4242 4242 4242 4243", "language": "xx", "loyalty_points": "many"
        }));
        let Err(Error::Invalid(faults)) = result else { panic!("expected faults") };
        let text: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(text.join("\n"), @r#"
            /fields/email: expected an e-mail address such as name@example.org
            /fields/phones/0: expected a phone number in international notation such as +49 30 1234567, or with its area code as dialled within DE
            /fields/birth_date: expected a date such as 1980-12-31 that is in the calendar
            /fields/shoe_size: the charter has no such field
            /fields/card_number: expected a card number whose check digit is right: one digit may be mistyped
            /fields/language: expected one of `cs`, `da`, `de`, `en`, `es`, `fi`, `fr`, `hu`, `it`, `nl`, `no`, `pl`, `pt`, `sv`
            /fields/loyalty_points: expected a number such as 12 or 12.50 of at most 15 digits, 4 of them after the point
            /fields/name: this field is required
            "#);
        }
        assert!(!text.join("").contains("canary"));
    }

    fn a_token_view_and_hidden_fields_are_what_the_charter_says(place) {
        let house = House::new(place);
        let id = house.create(&house.importer, ana()).expect("created");
        let warehouse = house.hire("staff", "warehouse", None);
        let seen = house.read(&warehouse, id).expect("the warehouse reads");
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(seen.fields, @r#"
            {
              "external_id": "C-1001",
              "name": "A. G.",
              "address": {
                "city": "Lisboa",
                "country": "PT"
              }
            }
            "#);
        }
        assert_eq!(slug(house.reveal(&warehouse, id, &["name"])), "denied-by-policy");
        let admin = house.admin.clone();
        assert_eq!(slug(house.read(&admin, id)), "denied-by-policy");
    }
}
