//! An answer that confirms a value is a look: it is owed a view of the field, tells no more than it must, and is on record.

use std::collections::BTreeMap;

use avouch_core::audit::Ending;
use avouch_core::gate::Caller;
use avouch_core::vault::{
    Accesses, History, ImportChunk, ImportRow, OnDuplicate, OnErased, Reading, StartImport, Tokenize,
    Tokenized, Unmapped,
};
use avouch_core::{Error, Need, SubjectId, View};
use avouch_testkit::both_engines;
use serde_json::{Value as Json, json};

use crate::house::{House, ana, map, slug};

/// Asks for tokens of values that all stand for the name of one person.
fn guess(house: &House<'_>, caller: &Caller, id: SubjectId, names: &[&str]) -> Result<Tokenized, Error> {
    let member = |at: usize| format!("g{at}");
    let document: serde_json::Map<_, _> =
        names.iter().enumerate().map(|(at, name)| (member(at), json!(name))).collect();
    let named: BTreeMap<_, _> =
        (0..names.len()).map(|at| (format!("/{}", member(at)), "name".to_owned())).collect();
    let reading =
        Reading { subject: Some(id), map: named, unmapped: Unmapped::Refuse, create_missing: false };
    let stated = (Some("accounting".to_owned()), None);
    house.act(
        caller,
        Tokenize::new(&house.app, "taxadvisor".to_owned(), stated, Json::Object(document), &reading)?,
    )
}

fn needs(result: Result<impl Sized, Error>) -> Vec<Need> {
    match result {
        Err(Error::Refused(refusal)) => refusal.needs,
        _ => panic!("expected a refusal"),
    }
}

/// The actions that the person is told of, newest first, and whether each was done.
fn told(house: &House<'_>, id: SubjectId) -> Vec<(String, bool)> {
    let dpo = house.hire("staff", "dpo", None);
    let asked = Accesses { id, purpose: None, reason: None, before: None, limit: 50 };
    let told = house.act(&dpo, asked).expect("the privacy officer asks");
    told.items.into_iter().map(|access| (access.action, access.done)).collect()
}

both_engines! {
    fn tokenising_answers_no_list_of_guesses(place) {
        let house = House::new(place);
        let accountant = house.hire("staff", "accountant", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let before = house.events().len();
        let Err(Error::Invalid(faults)) = guess(&house, &accountant, id, &["Bob Builder", "Ana Gonçalves", "Dan Dare"])
        else { panic!("two of them are wrong whatever is true") };
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/document/g1", "/document/g2"], "seen in the document alone");
        assert_eq!(house.events().len(), before, "the vault was not asked");
        assert_eq!(guess(&house, &accountant, id, &["Ana Gonçalves", "ana goncalves"]).expect("the same name").tokens, 2);
    }

    fn a_wrong_value_in_a_document_is_not_pointed_at_and_is_on_record(place) {
        let house = House::new(place);
        let accountant = house.hire("staff", "accountant", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let Err(Error::Invalid(faults)) = guess(&house, &accountant, id, &["Bob Builder"]) else { panic!("it differs") };
        assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/document"]);
        let event = house.events().remove(0);
        assert_eq!((event.ending, event.subjects.len(), event.fields.len()), (Ending::Failed, 1, 1));
        assert_eq!((event.problem.as_deref(), event.purpose.as_deref()), (Some("validation"), Some("accounting")));
        assert_eq!(event.recipient.as_deref(), Some("taxadvisor"));
        assert_eq!(told(&house, id)[0], ("token.create".to_owned(), false));
    }

    fn a_document_that_is_refused_leaves_nobody_behind(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        house.create(&shop, json!({"name": "Ada", "email": "ada@example.com"})).expect("created");
        let document = json!([
            {"email": "new@example.com", "name": "Somebody New"},
            {"email": "ada@example.com", "name": "Not Ada"},
        ]);
        let reading =
            Reading { subject: None, map: BTreeMap::new(), unmapped: Unmapped::Refuse, create_missing: true };
        let send = |document: Json| {
            let stated = (Some("order_fulfilment".to_owned()), None);
            house.act(&shop, Tokenize::new(&house.app, "mailer".to_owned(), stated, document, &reading)?)
        };
        assert_eq!(slug(send(document.clone())), "validation");
        assert_eq!(house.search(&support, json!({"email": "new@example.com"})).expect("search"), []);
        let sent = send(json!([document[0], document[0]])).expect("added once, though named twice");
        assert_eq!((sent.tokens, sent.subjects.len()), (4, 1));
        assert_eq!(house.search(&support, json!({"email": "new@example.com"})).expect("search"), sent.subjects);
    }

    fn nobody_searches_by_a_field_they_see_nothing_of(place) {
        let house = House::new(place);
        let (warehouse, support) = (house.hire("staff", "warehouse", None), house.hire("staff", "support", None));
        let id = house.create(&house.importer, ana()).expect("created");
        for phone in ["+351 912 345 678", "+49 30 1234567"] {
            let needs = needs(house.search(&warehouse, json!({"phones": phone})));
            assert_eq!(needs, [Need::View { field: "phones".to_owned(), most: View::Nothing }]);
        }
        assert_eq!(house.search(&warehouse, json!({"name": "Ana Gonçalves"})).expect("it sees names"), [id]);
        assert_eq!(house.search(&support, json!({"phones": "+49 30 1234567"})).expect("search"), []);
        let event = house.events().remove(0);
        assert_eq!((event.count, event.fields.len(), event.views.as_slice()), (0, 1, &[View::Partial as u8][..]));
    }

    fn a_purpose_covers_what_is_written_for_it(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let card = json!({"name": "Ada", "card_number": "4242 4242 4242 4242"});
        let payment = Need::Field { field: "card_number".to_owned(), purposes: vec!["payment".to_owned()] };
        assert_eq!(needs(house.create(&shop, card)), [payment]);
        let id = house.create(&house.importer, ana()).expect("created");
        let nowhere = Need::Field { field: "card_number".to_owned(), purposes: Vec::new() };
        for value in [json!("5555 5555 5555 4444"), Json::Null] {
            assert_eq!(needs(house.update(&support, id, 1, json!({"card_number": value}))), std::slice::from_ref(&nowhere));
        }
        house.update(&support, id, 1, json!({"notes": "calls back"})).expect("support writes notes");
    }

    fn rows_that_are_given_back_name_whom_they_hit(place) {
        let house = House::new(place);
        let id = house.create(&house.importer, ana()).expect("created");
        for (at, (dry_run, on_duplicate)) in
            (0u8..).zip([(true, OnDuplicate::Reject), (true, OnDuplicate::Skip), (false, OnDuplicate::Reject)])
        {
            let import = house.act(&house.importer, StartImport {
                source: vec![at], mapping: vec![], dry_run, on_duplicate, on_erased: OnErased::Ask,
                purpose: Some("administration".to_owned()), reason: None,
            }).expect("an import");
            let row = |row: u64, email: String| ImportRow { row, fields: map(json!({"name": "N", "email": email})) };
            let known = "ana.goncalves@example.com";
            let rows = [row(1, format!("x{at}@example.com")), row(2, known.to_owned()), row(3, known.to_owned())];
            let chunk = ImportChunk::new(&house.app, import.id, 0, &rows, Some("administration".to_owned()), None);
            let done = house.act(&house.importer, chunk.expect("rows")).expect("a chunk");
            assert_eq!(done.accepted, 1);
            let event = house.events().remove(0);
            assert_eq!(event.count, if dry_run { 1 } else { 2 }, "her, and whoever was added");
            assert_eq!(told(&house, id)[0], ("subject.import".to_owned(), true));
        }
    }

    fn a_taken_value_names_whose_it_is(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let (one, two) = (
            house.create(&support, json!({"name": "One", "email": "one@example.com"})).expect("one"),
            house.create(&support, json!({"name": "Two", "email": "two@example.com"})).expect("two"),
        );
        assert_eq!(slug(house.update(&support, two, 1, json!({"email": "one@example.com"}))), "conflict");
        assert_eq!(told(&house, one)[0], ("subject.update".to_owned(), false));
        assert_eq!(house.search(&support, json!({"email": "two@example.com"})).expect("nothing has moved"), [two]);
    }

    fn what_shows_nothing_is_not_even_named(place) {
        let house = House::new(place);
        let (fraud_desk, support) = (house.hire("staff", "fraud_desk", None), house.hire("staff", "support", None));
        let id = house.create(&house.importer, ana()).expect("created");
        let seen = house.read(&support, id).expect("support reads");
        assert!(seen.views.iter().all(|(name, view)| name != "card_number" && *view != View::Nothing));
        house.update(&support, id, 1, json!({"notes": "calls back", "name": "Ana G."})).expect("updated");
        let purpose = Some("fraud_prevention".to_owned());
        let history = History { id, purpose, reason: None, before: None, limit: 10 };
        let (versions, _) = house.act(&fraud_desk, history).expect("history");
        assert_eq!(versions[0].changed, ["name"]);
        assert!(!versions[1].changed.contains(&"notes".to_owned()));
    }
}
