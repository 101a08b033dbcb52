//! Refusals: they name every need at once, and are recorded.

use avouch_core::audit::Ending;
use avouch_core::charters::{ApplyCharter, PlanCharter};
use avouch_core::vault::{ReadSubject, RevealSubject};
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Kind, Place, both_engines};
use serde_json::json;

use crate::house::{House, ana, charter_files, slug};

fn needs(error: Error) -> Vec<&'static str> {
    match error {
        Error::Refused(refusal) => refusal.needs.iter().map(|need| need.name()).collect(),
        other => panic!("expected a refusal, got {}", other.slug()),
    }
}

both_engines! {
    fn a_refusal_names_every_need_and_is_recorded(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let bare = RevealSubject { id, purpose: None, reason: None, fields: vec!["email".to_owned()], least: None };
        let refused = house.act(&support, bare.clone()).expect_err("nothing is given");
        assert!(needs(refused).contains(&"purpose"));
        let purpose = Some("support".to_owned());
        let refused = house.act(&support, RevealSubject { purpose, ..bare.clone() }).expect_err("no reason");
        assert_eq!(needs(refused), ["reason"]);
        let purpose = Some("support".to_owned());
        let fields = vec!["card_number".to_owned()];
        let refused = house.act(&support, RevealSubject { purpose, fields, ..bare }).expect_err("not its field");
        let needs = needs(refused);
        assert!(needs.contains(&"reason") && needs.contains(&"field"), "{needs:?}");
        let refusals: Vec<_> =
            house.events().into_iter().filter(|event| event.ending == Ending::Refused).collect();
        assert_eq!(refusals.len(), 3);
        assert!(refusals.iter().all(|event| event.what == "subject.reveal" && event.subjects.is_empty()));
        assert!(refusals[0].needs.contains(&"field".to_owned()));
    }

    fn whoever_may_not_look_does_not_learn_whether_there_is_something(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let there = house.create(&house.importer, ana()).expect("created");
        let nowhere = SubjectId::from_bytes([7; 16]);
        for id in [there, nowhere] {
            let look = ReadSubject { id, purpose: Some("support".to_owned()), reason: None };
            assert_eq!(slug(house.act(&house.admin, look)), "denied-by-policy");
        }
        assert_eq!(slug(house.read(&shop, nowhere)), "not-found");
        let events = house.events();
        assert_eq!(events[0].ending, Ending::Failed);
        assert_eq!(events[0].problem.as_deref(), Some("not-found"));
    }

    fn a_new_charter_is_planned_applied_and_kept(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let mut files = charter_files();
        let roles = files.iter_mut().find(|file| file.path == "roles.yaml").expect("there");
        // Support no longer reveals birth dates and notes.
        let before = "    - fields: [birth_date, notes]\n      reads: masked\n      reveals: clear\n";
        assert!(roles.text.contains(before), "the default charter has changed: change this test");
        roles.text = roles.text.replace(before, "    - fields: [birth_date, notes]\n      reads: masked\n");
        house.reveal(&support, id, &["birth_date"]).expect("allowed before");

        let planned = house.act(&house.admin, PlanCharter { files: files.clone() }).expect("a plan");
        assert_eq!((planned.base_version, planned.subjects, planned.problems.len()), (1, 1, 0));
        assert!(!planned.changes.is_empty());
        let version = house
            .act(&house.admin, ApplyCharter { files: files.clone(), base_version: 1 })
            .expect("applied");
        assert_eq!(version, 2);
        let refusal = RevealSubject {
            id,
            purpose: Some("support".to_owned()),
            reason: Some(avouch_core::gate::Reason::parse("they called").expect("a reason")),
            fields: vec!["birth_date".to_owned()],
            least: Some(avouch_policy::View::Clear),
        };
        assert_eq!(slug(house.act(&support, refusal)), "denied-by-policy");
        assert_eq!(slug(house.act(&house.admin, ApplyCharter { files, base_version: 1 })), "conflict");
        let house = house.reopen();
        assert_eq!(house.app.rules().version, 2);
        assert_eq!(house.reveal(&support, id, &["name"]).expect("old records open").fields["name"], "Ana Gonçalves");
    }
}

#[test]
fn who_may_do_what_under_the_default_charter() {
    let place = Place::new(Kind::Sqlite);
    let house = House::new(&place);
    let rules = house.app.rules();
    let fields: Vec<_> = rules
        .charter
        .fields()
        .iter()
        .map(|field| avouch_policy::Field {
            name: field.name.as_str().into(),
            category: field.category.as_str().into(),
            sensitivity: field.sensitivity.level(),
        })
        .collect();
    insta::assert_snapshot!("matrix", rules.engine.matrix(&fields));
}

#[test]
fn the_charter_and_policy_agree_on_actions_and_purposes() {
    let charter: Vec<&str> = avouch_charter::ACTIONS.iter().map(|(name, _)| *name).collect();
    let mut policy: Vec<&str> = avouch_policy::Action::ALL
        .iter()
        .filter(|action| !action.is_own())
        .map(|action| action.as_str())
        .collect();
    let mut charter_sorted = charter.clone();
    charter_sorted.sort_unstable();
    policy.sort_unstable();
    assert_eq!(charter_sorted, policy);
    for action in avouch_policy::Action::ALL {
        assert_eq!(avouch_charter::needs_purpose(action.as_str()), action.is_data(), "{action}");
    }
    let _ = json!(null);
}
