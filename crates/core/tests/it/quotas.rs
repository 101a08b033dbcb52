//! How much somebody sees in a day.

use std::time::Duration;

use avouch_core::gate::principals::ChangePrincipal;
use avouch_core::gate::{Caller, Reason};
use avouch_core::vault::{Export, ExportError, ExportFormat, ListSubjects};
use avouch_core::{Error, Need, SubjectId};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::charters::{apply, charter};
use crate::house::{House, slug};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A vault with small limits, and customers in it.
fn limited(place: &avouch_testkit::Place, customers: usize) -> (House<'_>, Vec<SubjectId>) {
    let house = House::new(place);
    let changes = [
        (
            "roles.yaml",
            "daily: {subjects: 5_000, clear_fields: 20_000}",
            "daily: {subjects: 3, clear_fields: 4}",
        ),
        ("roles.yaml", "rows_exported: 100_000}", "rows_exported: 5}"),
    ];
    apply(&house, charter(&changes), 1).expect("applied");
    let ids = (0..customers).map(|n| {
        let person =
            json!({"name": "Ana", "external_id": format!("C-{n}"), "email": format!("a{n}@example.org")});
        house.create(&house.importer, person).expect("created")
    });
    let ids = ids.collect();
    (house, ids)
}

fn quota(result: Result<impl Sized, Error>) -> Vec<(String, u32, i64)> {
    let Err(Error::Refused(refusal)) = result else { panic!("{}", slug(result)) };
    assert_eq!(refusal.policies, ["charter:roles/daily"]);
    let of = |need| match need {
        Need::Quota { of, most, resets } => (of, most, resets),
        other => panic!("{other:?}"),
    };
    refusal.needs.into_iter().map(of).collect()
}

fn export(house: &House<'_>, who: &Caller) -> Result<u64, Error> {
    house.agree_to_export(who, &["name"], 100);
    let export = Export {
        fields: vec!["name".to_owned()],
        purpose: Some("data_rights".to_owned()),
        reason: Some(Reason::parse("the yearly check").expect("a reason")),
        format: ExportFormat::Csv,
        seal_to: None,
    };
    export.run(&house.app, who, Vec::new).map_err(|error| match error {
        ExportError::Operation(error) => error,
        ExportError::Output(error) => panic!("{error}"),
    })
}

both_engines! {
    fn a_day_has_so_many_customers_and_the_next_one_as_many(place) {
        let (house, ids) = limited(place, 5);
        let support = house.hire("staff", "support", None);
        for id in &ids[..3] {
            house.read(&support, *id).expect("within the limit");
        }
        let midnight = 1_767_225_600_000_000 + 24 * 3600 * 1_000_000;
        assert_eq!(quota(house.read(&support, ids[3])), [("subjects".to_owned(), 3, midnight)]);
        house.reveal(&support, ids[0], &["email"]).expect("somebody who was seen already");
        assert_eq!(quota(house.reveal(&support, ids[3], &["email"])).len(), 1);
        // Found and listed is seen, and one too many is none at all.
        assert_eq!(house.search(&support, json!({"external_id": "C-1"})).expect("seen before").len(), 1);
        assert_eq!(quota(house.search(&support, json!({"external_id": "C-4"}))).len(), 1);
        let list = ListSubjects { purpose: Some("support".to_owned()), reason: None, after: None, limit: 10 };
        assert_eq!(quota(house.act(&support, list)).len(), 1);
        assert_eq!(house.search(&support, json!({"external_id": "C-9"})).expect("nobody is nobody").len(), 0);
        // Colleagues have days of their own.
        house.read(&house.hire("staff", "support", None), ids[4]).expect("another's day");
        let refused = house.events().into_iter().find(|event| event.problem.is_some()).expect("recorded");
        assert_eq!((refused.what.as_str(), refused.needs), ("subject.list", vec!["quota".to_owned()]));
        house.clock.advance(DAY);
        house.read(&support, ids[4]).expect("the next day");
    }

    fn values_in_clear_and_what_is_carried_out_count_apart(place) {
        let (house, ids) = limited(place, 3);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        house.reveal(&support, ids[0], &["email", "name"]).expect("two");
        house.reveal(&support, ids[0], &["email"]).expect("three");
        let refused = quota(house.reveal(&support, ids[0], &["email", "name"]));
        assert_eq!((refused[0].0.as_str(), refused[0].1), ("clear_fields", 4));
        house.reveal(&support, ids[0], &["name"]).expect("four");
        assert_eq!(export(&house, &dpo).expect("three of five"), 3);
        let refused = quota(export(&house, &dpo));
        assert_eq!((refused[0].0.as_str(), refused[0].1), ("rows_exported", 5));
        house.read(&dpo, ids[2]).expect("looking is another count");
    }

    fn a_restart_forgets_nothing(place) {
        let (house, ids) = limited(place, 4);
        let support = house.hire("staff", "support", None);
        for id in &ids[..3] {
            house.read(&support, *id).expect("within the limit");
        }
        house.reveal(&support, ids[0], &["email"]).expect("one in clear");
        let house = house.reopen();
        assert_eq!(quota(house.read(&support, ids[3])).len(), 1);
        house.reveal(&support, ids[1], &["email", "name"]).expect("three in clear");
        assert_eq!(quota(house.reveal(&support, ids[1], &["email", "name"])).len(), 1);
    }

    fn of_two_who_come_for_the_last_one_one_is_let_through_and_a_failure_costs_nothing(place) {
        let (house, ids) = limited(place, 12);
        let support = house.hire("staff", "support", None);
        house.read(&support, ids[0]).expect("the first");
        house.read(&support, ids[1]).expect("the second");
        // What fails is given back.
        assert_eq!(slug(house.read(&support, SubjectId::from_bytes([9; 16]))), "not-found");
        let ends: Vec<&str> = std::thread::scope(|scope| {
            let (house, support) = (&house, &support);
            let runs: Vec<_> = ids[2..].iter().map(|id| scope.spawn(move || slug(house.read(support, *id)))).collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).collect()
        });
        assert_eq!(ends.iter().filter(|end| **end == "ok").count(), 1, "{ends:?}");
    }

    fn of_several_roles_the_highest_counts_and_one_that_says_nothing_lifts_nothing(place) {
        let (house, ids) = limited(place, 4);
        let both = house.hire("staff", "support", None);
        let roles = |roles: &[&str]| avouch_core::gate::principals::ChangePrincipal {
            id: Some(both.id()), roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()), ..Default::default()
        };
        house.act(&house.admin, roles(&["support", "accountant"])).expect("changed");
        for id in &ids[..3] {
            house.read(&both, *id).expect("within the limit");
        }
        assert_eq!(quota(house.read(&both, ids[3])).len(), 1);
        house.act(&house.admin, roles(&["support", "warehouse"])).expect("changed");
        house.read(&both, ids[3]).expect("500 for the warehouse");
    }

    fn two_accounts_of_one_person_have_one_day(place) {
        let (house, ids) = limited(place, 5);
        let (one, two) = (house.hire("staff", "support", None), house.hire("staff", "support", None));
        house.read(&one, ids[0]).expect("the first");
        house.read(&two, ids[1]).expect("another's, as far as anybody knows");
        house.read(&two, ids[2]).expect("and one more");
        for (account, spelt) in [(&one, "Ida Sommer"), (&two, "ida SOMMER ")] {
            let person = ChangePrincipal { id: Some(account.id()), person: Some(spelt.to_owned()), ..Default::default() };
            house.act(&house.admin, person).expect("one human being");
        }
        // What they have seen already counts, whichever account it was.
        house.read(&one, ids[2]).expect("seen by the other account");
        assert_eq!(quota(house.read(&one, ids[3])).len(), 1);
        assert_eq!(quota(house.read(&two, ids[3])).len(), 1);
        house.reveal(&one, ids[0], &["email", "name"]).expect("two values");
        house.reveal(&two, ids[1], &["email", "name"]).expect("and two");
        assert_eq!(quota(house.reveal(&one, ids[0], &["email"])).len(), 1, "four in a day");
        house.read(&house.hire("staff", "support", None), ids[4]).expect("another's day");
        // A new start counts the same.
        let house = house.reopen();
        assert_eq!(quota(house.read(&one, ids[3])).len(), 1);
        house.clock.advance(DAY);
        house.read(&one, ids[3]).expect("the next day");
    }
}
