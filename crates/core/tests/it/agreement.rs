//! The two engines agree: the same random history gives the same answers on both.

use avouch_core::gate::Caller;
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Kind, Place};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value as Json, json};

use crate::house::{House, slug};
use crate::people::erased;

/// One step. People are named by the order of their creation, values come from a small stock, so that they collide.
#[derive(Debug, Clone)]
enum Step {
    Create { email: u8, name: u8, phones: Vec<u8> },
    Rename { who: u8, name: u8 },
    Readdress { who: u8, email: u8, version: u8 },
    Rephone { who: u8, phones: Vec<u8> },
    Erase { who: u8 },
    Find { email: u8 },
    FindByName { name: u8 },
    Look { who: u8 },
    Reveal { who: u8 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0u8..12;
    prop_oneof![
        5 => (0u8..8, 0u8..4, prop::collection::vec(0u8..5, 0..3)).prop_map(|(email, name, phones)| Step::Create { email, name, phones }),
        2 => (who(), 0u8..4).prop_map(|(who, name)| Step::Rename { who, name }),
        2 => (who(), 0u8..8, 1u8..4).prop_map(|(who, email, version)| Step::Readdress { who, email, version }),
        2 => (who(), prop::collection::vec(0u8..5, 0..3)).prop_map(|(who, phones)| Step::Rephone { who, phones }),
        1 => who().prop_map(|who| Step::Erase { who }),
        2 => (0u8..8).prop_map(|email| Step::Find { email }),
        2 => (0u8..4).prop_map(|name| Step::FindByName { name }),
        2 => who().prop_map(|who| Step::Look { who }),
        2 => who().prop_map(|who| Step::Reveal { who }),
        1 => Just(Step::Restart),
    ]
}

fn email(number: u8) -> Json {
    json!(format!("Person.{number}@example.com"))
}

fn name(number: u8) -> Json {
    json!(["Ana Gonçalves", "Jürgen Weiß", "Zoë Łukasz", "ana goncalves"][usize::from(number)])
}

fn phones(numbers: &[u8]) -> Json {
    numbers.iter().map(|number| json!(format!("+4930123456{number}"))).collect()
}

/// Plays a history; each step's answer as text, with people named by their order.
fn play(kind: Kind, steps: &[Step]) -> Vec<String> {
    let place = Place::new(kind);
    let mut house = House::new(&place);
    let (shop, support, dpo) = (
        house.hire("service", "shop", None),
        house.hire("staff", "support", None),
        house.hire("staff", "dpo", None),
    );
    let mut people: Vec<(SubjectId, u64)> = Vec::new();
    let mut told = Vec::new();
    for step in steps {
        if matches!(step, Step::Restart) {
            house = house.reopen();
            told.push("restarted".to_owned());
        } else {
            told.push(one(&house, [&shop, &support, &dpo], &mut people, step));
        }
    }
    let events = house.events();
    told.push(format!(
        "{:?}",
        events.iter().map(|event| (&event.what, event.ending, event.count)).collect::<Vec<_>>()
    ));
    told
}

fn one(
    house: &House<'_>,
    [shop, support, dpo]: [&Caller; 3],
    people: &mut Vec<(SubjectId, u64)>,
    step: &Step,
) -> String {
    let known = people.clone();
    let order = |ids: Vec<SubjectId>| {
        let mut order: Vec<_> =
            ids.iter().map(|id| known.iter().position(|(known, _)| known == id)).collect();
        order.sort_unstable();
        format!("{order:?}")
    };
    let who = |who: &u8| known.get(usize::from(*who)).copied();
    let update = |who: &u8, version: Option<u64>, fields: Json, people: &mut Vec<(SubjectId, u64)>| {
        let Some((id, current)) = known.get(usize::from(*who)).copied() else { return "nobody".to_owned() };
        let result = house.update(support, id, version.unwrap_or(current), fields);
        if let Ok(updated) = &result {
            people[usize::from(*who)].1 = updated.version;
        }
        answer(result.map(|updated| updated.version))
    };
    match step {
        Step::Create { email: e, name: n, phones: p } => {
            let result =
                house.create(shop, json!({"email": email(*e), "name": name(*n), "phones": phones(p)}));
            if let Ok(id) = &result {
                people.push((*id, 1));
            }
            answer(result.map(drop))
        }
        Step::Rename { who, name: n } => update(who, None, json!({"name": name(*n)}), people),
        Step::Readdress { who, email: e, version } => {
            update(who, Some(u64::from(*version)), json!({"email": email(*e)}), people)
        }
        Step::Rephone { who, phones: p } => update(who, None, json!({"phones": phones(p)}), people),
        Step::Erase { who: w } => {
            who(w).map_or_else(|| "nobody".to_owned(), |(id, _)| answer(erased(house, dpo, id)))
        }
        Step::Find { email: e } => house
            .search(support, json!({"email": email(*e)}))
            .map_or_else(|error| error.slug().to_owned(), order),
        Step::FindByName { name: n } => house
            .search(support, json!({"name": name(*n)}))
            .map_or_else(|error| error.slug().to_owned(), order),
        Step::Look { who: w } => who(w).map_or_else(
            || "nobody".to_owned(),
            |(id, _)| {
                answer(house.read(support, id).map(|shown| (shown.version, Json::Object(shown.fields))))
            },
        ),
        Step::Reveal { who: w } => who(w).map_or_else(
            || "nobody".to_owned(),
            |(id, _)| {
                answer(
                    house
                        .reveal(support, id, &["name", "email", "phones"])
                        .map(|shown| Json::Object(shown.fields)),
                )
            },
        ),
        Step::Restart => String::new(),
    }
}

fn answer<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(_) => slug(result).to_owned(),
    }
}

#[test]
fn random_histories_give_the_same_answers_on_both_engines() {
    let config = Config { cases: 6, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"one seed: a failure comes again.");
    let mut runner = TestRunner::new_with_rng(config, rng);
    runner
        .run(&prop::collection::vec(step(), 10..40), |steps| {
            prop_assert_eq!(play(Kind::Sqlite, &steps), play(Kind::Postgres, &steps));
            Ok(())
        })
        .expect("the engines agree");
}
