//! Nobody comes back. Random histories of people who come, change and are erased, of keys that rotate, of backups that are made
//! and put back in any pairing: after each step whoever was ever erased cannot be read, found or detokenised, and everybody
//! else of the time that was restored is whole. What cannot go together is refused, and nothing comes of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use avouch_core::SubjectId;
use avouch_core::backup::{BackupError, Sources, Stores};
use avouch_core::gate::Caller;
use avouch_core::keys::{RotateDataKeys, RotateKek};
use avouch_testkit::{Kind, Place};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::incremental::carried;
use super::{back_up, restore};
use crate::house::{House, slug};
use crate::people::erased;
use crate::tokens::{detokenized, tokens};

#[derive(Debug, Clone)]
enum Step {
    Create,
    Update(Index),
    Erase(Index),
    /// Somebody who was erased is carried in again.
    Again(Index),
    RotateKek,
    RotateData,
    RotateIndex,
    BackUp(Stores),
    /// The data store is lost, or the key store, or both.
    Lose {
        data: Option<Index>,
        keys: Option<Index>,
    },
}

/// Histories begin with what there is to bring back: people, a backup of them, and one who is erased afterwards.
fn steps(both_only: bool, more: core::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let after = prop::collection::vec(step(both_only), more);
    (any::<Index>(), after).prop_map(|(erased, after)| {
        let before =
            [Step::Create, Step::Create, Step::Create, Step::BackUp(Stores::Both), Step::Erase(erased)];
        before.into_iter().chain(after).collect()
    })
}

fn step(both_only: bool) -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let both =
        || (index(), index()).prop_map(|(data, keys)| Step::Lose { data: Some(data), keys: Some(keys) });
    let one = prop_oneof![
        index().prop_map(|data| Step::Lose { data: Some(data), keys: None }),
        index().prop_map(|keys| Step::Lose { data: None, keys: Some(keys) }),
    ];
    prop_oneof![
        3 => Just(Step::Create),
        2 => index().prop_map(Step::Update),
        3 => index().prop_map(Step::Erase),
        1 => index().prop_map(Step::Again),
        1 => Just(Step::RotateKek),
        1 => Just(Step::RotateData),
        1 => Just(Step::RotateIndex),
        2 => Just(Step::BackUp(Stores::Both)),
        1 => Just(Step::BackUp(Stores::Data)),
        1 => Just(Step::BackUp(Stores::Keys)),
        4 => if both_only { both().boxed() } else { prop_oneof![both(), one].boxed() },
    ]
}

/// Somebody as a moment knows them.
#[derive(Debug, Clone, PartialEq)]
struct Person {
    number: usize,
    notes: String,
    version: u64,
    token: String,
    rotation: usize,
}

type People = BTreeMap<SubjectId, Person>;

/// Whose keys there are, and of which rotation: a vault that was put back gives the same generation a second time.
type Keyed = BTreeMap<SubjectId, usize>;

/// A file, and what was true when it was made.
#[derive(Debug, Clone)]
struct Made {
    path: PathBuf,
    people: People,
    keyed: Keyed,
}

/// What should be.
#[derive(Default)]
struct Model {
    people: People,
    gone: People,
    keyed: Keyed,
    numbers: usize,
    rotations: usize,
    data: Vec<Made>,
    keys: Vec<Made>,
}

/// Who works there.
struct Staff {
    support: Caller,
    dpo: Caller,
    accountant: Caller,
    advisor: Caller,
}

fn create(house: &House<'_>, staff: &Staff, model: &mut Model, number: usize) {
    let fields = json!({
        "external_id": format!("P-{number}"), "name": format!("Person {number}"),
        "email": format!("p{number}@example.com"), "notes": "as at first",
    });
    // Whoever was erased may be refused when carried in again: also good.
    let Ok(id) = house.create(&house.importer, fields) else { return };
    let made = tokens(house, &staff.accountant, ("taxadvisor", "accounting"), id, &[("name", None)]);
    let token = made.expect("a token").remove(0);
    let rotation = model.rotations;
    model.people.insert(id, Person { number, notes: "as at first".to_owned(), version: 1, token, rotation });
    model.keyed.insert(id, rotation);
}

fn check(house: &House<'_>, staff: &Staff, model: &Model) {
    for (id, person) in &model.people {
        let shown =
            house.reveal(&staff.support, *id, &["name", "notes"]).expect("whoever was not erased is whole");
        assert_eq!(shown.fields["name"], format!("Person {}", person.number));
        assert_eq!((&shown.fields["notes"], shown.version), (&json!(person.notes), person.version));
        let email = json!({"email": format!("p{}@example.com", person.number)});
        assert_eq!(house.search(&staff.support, email).expect("a search"), [*id]);
        let opened = detokenized(house, &staff.advisor, "accounting", json!(person.token))
            .expect("a token that works");
        assert_eq!(opened, json!(format!("Person {}", person.number)));
    }
    for (id, person) in &model.gone {
        assert_eq!(slug(house.reveal(&staff.support, *id, &["name"])), "not-found", "{person:?} is back");
        let email = json!({"email": format!("p{}@example.com", person.number)});
        assert!(!house.search(&staff.support, email).expect("a search").contains(id), "{person:?} is found");
        let opened = detokenized(house, &staff.advisor, "accounting", json!(person.token));
        assert_eq!(slug(opened), "token-unusable", "{person:?} is detokenised");
    }
}

/// Whether a moment's people can be read with another moment's keys, without those who were erased.
fn go_together(people: &People, keyed: &Keyed, gone: &People) -> bool {
    people
        .iter()
        .filter(|(id, _)| !gone.contains_key(id))
        .all(|(id, person)| keyed.get(id) == Some(&person.rotation))
}

/// Loses a store or both and restores what was lost, into the next place. The house as it was when that was refused.
fn lose<'p>(
    house: House<'p>,
    next: &'p Place,
    model: &mut Model,
    data: Option<Made>,
    keys: Option<Made>,
) -> House<'p> {
    let lines = house.app.ending_lines().expect("the list of endings").join("\n");
    let list = house.place.directory().join("endings");
    fs::write(&list, lines).expect("written");
    let sources = Sources {
        data: data.as_ref().map(|made| made.path.clone()),
        keys: keys.as_ref().map(|made| made.path.clone()),
        endings: (data.is_some() && keys.is_some()).then_some(list),
        ..Sources::default()
    };
    let (place, keepers) = (house.place, house.shut());
    if place.kind() == Kind::Sqlite {
        let (from, to) = (place.files(), next.files());
        if data.is_none() {
            fs::copy(from.data, to.data).expect("the data store is alive");
        }
        if keys.is_none() {
            fs::copy(from.keys, to.keys).expect("the key store is alive");
        }
    }
    let people = data.as_ref().map_or(&model.people, |made| &made.people).clone();
    let mut keyed = keys.as_ref().map_or(&model.keyed, |made| &made.keyed).clone();
    let fits = go_together(&people, &keyed, &model.gone);
    match restore(&keepers, next, &sources) {
        Ok(restored) => {
            assert!(fits, "what does not go together was taken");
            keyed.retain(|id, _| !model.gone.contains_key(id));
            model.keyed = keyed;
            model.people = people.into_iter().filter(|(id, _)| !model.gone.contains_key(id)).collect();
            restored
        }
        Err(BackupError::Keys(_)) => {
            assert!(!fits, "what goes together was refused");
            let app = avouch_core::app::App::open(keepers.parts(place)).expect("the old one opens yet");
            keepers.with(place, app)
        }
        Err(error) => panic!("{error}"),
    }
}

fn history(kind: Kind, steps: Vec<Step>) {
    let losses = steps.iter().filter(|step| matches!(step, Step::Lose { .. })).count();
    let shelf = Place::new(Kind::Sqlite);
    let first = Place::new(kind);
    let places: Vec<Place> = (0..losses).map(|_| Place::new(kind)).collect();
    let mut places = places.iter();
    let mut house = House::new(&first);
    let staff = Staff {
        support: house.hire("staff", "support", None),
        dpo: house.hire("staff", "dpo", None),
        accountant: house.hire("staff", "accountant", None),
        advisor: house.hire("service", "taxadvisor_api", Some("taxadvisor")),
    };
    let mut model = Model::default();
    for step in steps {
        let anybody = |index: &Index, people: &People| {
            (!people.is_empty()).then(|| *people.keys().nth(index.index(people.len())).expect("within"))
        };
        match step {
            Step::Create => {
                model.numbers += 1;
                let number = model.numbers;
                create(&house, &staff, &mut model, number);
            }
            Step::Update(index) => {
                if let Some(id) = anybody(&index, &model.people) {
                    let person = model.people.get_mut(&id).expect("there");
                    person.notes = format!("changed at {}", model.numbers + person.notes.len());
                    let notes = json!({"notes": person.notes});
                    let updated = house.update(&staff.support, id, person.version, notes);
                    person.version = updated.expect("updated").version;
                }
            }
            Step::Erase(index) => {
                if let Some(id) = anybody(&index, &model.people) {
                    erased(&house, &staff.dpo, id).expect("erased");
                    let person = model.people.remove(&id).expect("there");
                    model.keyed.remove(&id);
                    model.gone.insert(id, person);
                }
            }
            Step::Again(index) => {
                if let Some(id) = anybody(&index, &model.gone) {
                    let number = model.gone[&id].number;
                    if !model.people.values().any(|person| person.number == number) {
                        create(&house, &staff, &mut model, number);
                    }
                }
            }
            Step::RotateKek => {
                house.act(&house.admin, RotateKek).expect("begun");
                house.app.finish_rewrap(|| true).expect("rewrapped");
            }
            Step::RotateIndex => {
                house.app.rotate_indexes(&house.admin).expect("begun");
                house.app.finish_indexes(|| true).expect("built");
            }
            Step::RotateData => {
                house.app.finish_reseal(|| true).expect("nothing is left");
                house.act(&house.admin, RotateDataKeys).expect("begun");
                house.app.finish_reseal(|| true).expect("resealed");
                model.rotations += 1;
                for (id, person) in &mut model.people {
                    person.rotation = model.rotations;
                    model.keyed.insert(*id, model.rotations);
                }
            }
            Step::BackUp(stores) => {
                for path in back_up(&house, stores) {
                    // Each place has a shelf of its own, and numbers its runs anew.
                    let folder = shelf.directory().join((model.data.len() + model.keys.len()).to_string());
                    let kept = carried(&path, &folder);
                    let data = path.parent().is_some_and(|folder| folder.ends_with("data"));
                    let (people, keyed) = (model.people.clone(), model.keyed.clone());
                    let made = Made { path: kept, people, keyed };
                    if data { model.data.push(made) } else { model.keys.push(made) }
                }
            }
            Step::Lose { data, keys } => {
                let pick = |index: &Option<Index>, made: &[Made]| {
                    index
                        .as_ref()
                        .filter(|_| !made.is_empty())
                        .map(|index| made[index.index(made.len())].clone())
                };
                let (from_data, from_keys) = (pick(&data, &model.data), pick(&keys, &model.keys));
                if from_data.is_some() == data.is_some() && from_keys.is_some() == keys.is_some() {
                    let next = places.next().expect("one for each loss");
                    house = lose(house, next, &mut model, from_data, from_keys);
                    check(&house, &staff, &model);
                }
            }
        }
    }
    check(&house, &staff, &model);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]
    #[test]
    fn nobody_comes_back_on_sqlite(steps in steps(false, 3..16)) {
        history(Kind::Sqlite, steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn nobody_comes_back_on_postgres(steps in steps(true, 3..10)) {
        history(Kind::Postgres, steps);
    }
}
