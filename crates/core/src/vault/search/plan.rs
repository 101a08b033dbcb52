//! From what is asked to one index that leads to candidates, and the conditions that are checked on each of them.

use std::collections::BTreeMap;

use avouch_charter::types::{FuzzyQuery, PrefixQuery, RangeQuery};
use avouch_charter::{Field, Normal, Part, Value};
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use super::super::input::escape;
use super::super::keys::Ring;
use super::super::record::Record;
use super::super::terms::kept_up;
use crate::app::{App, Cx};
use crate::gate::Permit;
use crate::indexes::{BEING_BUILT, IndexRule, Kind, Term};
use crate::rules::Rules;
use crate::{Error, Fault};

/// The most conditions of one search.
const MAX_CONDITIONS: usize = 4;

/// What is searched for, as it was sent. All of it must hold.
#[derive(Clone, Default)]
pub struct Asked {
    /// Values by field, or parts of values by `field.part`.
    pub by: Map<String, Json>,
    /// By field: `{"prefix": …}`, `{"fuzzy": …}`, or `{"from": …, "to": …}`.
    pub like: Map<String, Json>,
}

impl Asked {
    /// By what the same search is known again: letter by letter, in whatever order its conditions stand.
    pub(crate) fn digest(&self, app: &App) -> [u8; 32] {
        let text = |conditions: &Map<String, Json>| {
            let sorted: BTreeMap<&String, String> =
                conditions.iter().map(|(name, json)| (name, sorted(json).to_string())).collect();
            Zeroizing::new(serde_json::to_vec(&sorted).unwrap_or_default())
        };
        app.keys.row_digest("search", &[&text(&self.by), &text(&self.like)])
    }
}

/// The same with its members in order.
fn sorted(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            let in_order: BTreeMap<&String, Json> =
                members.iter().map(|(name, member)| (name, sorted(member))).collect();
            in_order.into_iter().map(|(name, member)| (name.clone(), member)).collect()
        }
        Json::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

impl core::fmt::Debug for Asked {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Asked")
            .field("conditions", &(self.by.len() + self.like.len()))
            .finish_non_exhaustive()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Plan {
    conditions: Vec<Condition>,
    /// Whoever meets all conditions has one of these terms.
    terms: Vec<Term>,
}

#[derive(Debug)]
struct Condition {
    place: usize,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Whole(Value, Normal),
    Part(Part, Normal),
    Prefix(PrefixQuery),
    Fuzzy(FuzzyQuery),
    Range(RangeQuery),
}

impl Plan {
    /// Reads the conditions and chooses the index.
    pub(super) fn new(rules: &Rules, asked: &Asked) -> Result<Self, Error> {
        let count = asked.by.len() + asked.like.len();
        if count == 0 || count > MAX_CONDITIONS {
            return Err(Error::invalid(
                "/by",
                format!("expected 1 to {MAX_CONDITIONS} conditions in `by` and `match`"),
            ));
        }
        let mut reader = Reader { rules, faults: Vec::new(), conditions: Vec::new() };
        asked.by.iter().for_each(|(name, json)| reader.exact(name, json));
        asked.like.iter().for_each(|(name, json)| reader.like(name, json));
        let Reader { faults, conditions, .. } = reader;
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let terms = terms(rules, &conditions)?;
        Ok(Self { conditions, terms })
    }

    pub(super) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The places of the fields it asks about, each once.
    pub(super) fn places(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.conditions.iter().map(|condition| condition.place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Whether a person meets all conditions.
    pub(super) fn holds(
        &self,
        cx: &Cx<'_>,
        permit: &Permit,
        record: &Record,
        ring: &mut Ring,
    ) -> Result<bool, Error> {
        for Condition { place, test } in &self.conditions {
            let field = cx.rules.field(*place)?;
            let values = record.values(cx, permit, ring, *place)?;
            if !values.iter().flat_map(|values| values.iter()).any(|value| test.holds(field, value)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Test {
    fn holds(&self, field: &Field, value: &Value) -> bool {
        match self {
            Self::Whole(_, normal) => field.of.normal(value) == *normal,
            Self::Part(part, normal) => field.of.part_term(value, *part).is_some_and(|of| of == *normal),
            Self::Prefix(query) => query.matches(value),
            Self::Fuzzy(query) => query.matches(value),
            Self::Range(query) => query.matches(value),
        }
    }
}

impl Test {
    /// What it says of a part of the value. Whoever gives the whole value gives all of its parts.
    fn part(&self, field: &Field, wanted: Part) -> Option<Normal> {
        match self {
            Self::Whole(value, _) => field.of.part_term(value, wanted),
            Self::Part(part, normal) if *part == wanted => Some(normal.clone()),
            _ => None,
        }
    }
}

struct Reader<'r> {
    rules: &'r Rules,
    faults: Vec<Fault>,
    conditions: Vec<Condition>,
}

impl Reader<'_> {
    /// A value of a field, or a part of one.
    fn exact(&mut self, name: &str, json: &Json) {
        let condition = || {
            let (field, part) = match name.split_once('.') {
                Some((field, part)) => {
                    (field, Part::parse(part).filter(|part| *part != Part::Whole).ok_or(NO_PART)?)
                }
                None => (name, Part::Whole),
            };
            let place = self.rules.place(field).ok_or(NO_FIELD)?;
            let of = &self.rules.field(place).map_err(|error| error.to_string())?.of;
            if part == Part::Whole {
                let value = of.parse(json).map_err(|invalid| invalid.to_string())?;
                let normal = of.normal(&value);
                return Ok(Condition { place, test: Test::Whole(value, normal) });
            }
            if !of.parts().contains(&part) {
                return Err(NO_PART.to_owned());
            }
            let normal = of.part_query(json, part).map_err(|invalid| invalid.to_string())?;
            Ok(Condition { place, test: Test::Part(part, normal) })
        };
        match condition() {
            Ok(condition) => self.conditions.push(condition),
            Err(detail) => self.faults.push(Fault::new(format!("/by/{}", escape(name)), detail)),
        }
    }

    /// Something like a value of a field.
    fn like(&mut self, name: &str, json: &Json) {
        match self.likeness(name, json) {
            Ok(condition) => self.conditions.push(condition),
            Err(detail) => self.faults.push(Fault::new(format!("/match/{}", escape(name)), detail)),
        }
    }

    fn likeness(&self, name: &str, json: &Json) -> Result<Condition, String> {
        let place = self.rules.place(name).ok_or(NO_FIELD)?;
        let of = &self.rules.field(place).map_err(|error| error.to_string())?.of;
        let members = json.as_object().ok_or(EXPECTED)?;
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        let text = |member: &str| members.get(member).and_then(Json::as_str).ok_or("expected a text");
        let index = |kind: fn(&Kind) -> bool| self.index(place, kind);
        let test = match names.as_slice() {
            ["prefix"] => {
                let index = index(|kind| matches!(kind, Kind::Prefix { .. }))
                    .ok_or("this field cannot be searched by beginnings: the charter gives it no `prefix`")?;
                let Kind::Prefix { from, to } = index.kind else { return Err(EXPECTED.to_owned()) };
                Test::Prefix(
                    of.prefix_query(text("prefix")?, from, to).map_err(|invalid| invalid.to_string())?,
                )
            }
            ["fuzzy"] => {
                index(|kind| *kind == Kind::Fuzzy)
                    .ok_or("this field cannot be searched by sound: the charter gives it no `fuzzy`")?;
                Test::Fuzzy(of.fuzzy_query(text("fuzzy")?).map_err(|invalid| invalid.to_string())?)
            }
            ["from"] | ["to"] | ["from", "to"] | ["to", "from"] => {
                let index = index(|kind| matches!(kind, Kind::Range(_))).ok_or(
                    "this field cannot be searched from one value to another: the charter gives it no `range`",
                )?;
                let Kind::Range(range) = index.kind else { return Err(EXPECTED.to_owned()) };
                let query = of.range_query(members.get("from"), members.get("to"), &range);
                Test::Range(query.map_err(|invalid| invalid.to_string())?)
            }
            _ => return Err(EXPECTED.to_owned()),
        };
        Ok(Condition { place, test })
    }

    /// The index of a kind: the one that is whole, if there is one.
    fn index(&self, place: usize, kind: impl Fn(&Kind) -> bool) -> Option<&IndexRule> {
        let mut of = kept_up(self.rules).filter(|index| index.is_over(place) && kind(&index.kind));
        let (ready, rest): (Vec<_>, Vec<_>) = of.by_ref().partition(|index| index.is_ready());
        ready.into_iter().chain(rest).next()
    }
}

const NO_FIELD: &str = "the charter has no such field";
const NO_PART: &str = "values of this field have no such part";
const EXPECTED: &str = "expected `prefix`, `fuzzy`, or `from` and `to`";

/// What to look up: of all indexes that lead to everybody who meets the conditions, the one that leads to the fewest others.
fn terms(rules: &Rules, conditions: &[Condition]) -> Result<Vec<Term>, Error> {
    let mut being_built = false;
    let mut best: Option<(u8, Vec<Term>)> = None;
    for index in kept_up(rules) {
        let Some(terms) = lookup(rules, index, conditions) else { continue };
        if !index.is_ready() {
            being_built = true;
            continue;
        }
        let rank = rank(index);
        if best.as_ref().is_none_or(|(known, _)| rank < *known) {
            best = Some((rank, terms));
        }
    }
    match best {
        Some((_, terms)) => Ok(terms),
        None if being_built => Err(BEING_BUILT),
        None => Err(Error::invalid("/by", unsearchable(rules))),
    }
}

/// What an index is asked when it can answer.
fn lookup(rules: &Rules, index: &IndexRule, conditions: &[Condition]) -> Option<Vec<Term>> {
    let at = |place: usize| conditions.iter().filter(move |condition| condition.place == place);
    if index.kind == Kind::Compound {
        let part = |(place, part): &(usize, Part)| {
            let field = rules.charter.fields().get(*place)?;
            at(*place).find_map(|condition| condition.test.part(field, *part))
        };
        let parts: Option<Vec<Normal>> = index.over.iter().map(part).collect();
        return Some(vec![index.term(&Normal::compound(&parts?))]);
    }
    let (place, _) = index.over.first()?;
    at(*place).find_map(|condition| match (&condition.test, index.kind) {
        (Test::Whole(_, normal), Kind::Exact) => Some(vec![index.term(normal)]),
        (Test::Prefix(query), Kind::Prefix { .. }) => Some(vec![index.term(query.term())]),
        (Test::Fuzzy(query), Kind::Fuzzy) => {
            Some(query.terms().iter().map(|term| index.term(term)).collect())
        }
        (Test::Range(query), Kind::Range(_)) => {
            Some(query.terms().iter().map(|term| index.term(term)).collect())
        }
        _ => None,
    })
}

/// How many an index leads to beside those who are sought, roughly: fewer first.
fn rank(index: &IndexRule) -> u8 {
    match index.kind {
        Kind::Exact if index.unique => 0,
        Kind::Compound => 1,
        Kind::Exact => 2,
        Kind::Prefix { .. } => 3,
        Kind::Fuzzy => 4,
        Kind::Range(_) => 5,
    }
}

/// Tells by what one can search instead.
fn unsearchable(rules: &Rules) -> String {
    let mut by: Vec<String> = Vec::new();
    for index in kept_up(rules) {
        let name = |(place, part): &(usize, Part)| {
            let field = rules.field(*place).map(|field| field.name.as_str()).unwrap_or_default();
            if *part == Part::Whole { format!("`{field}`") } else { format!("`{field}.{part}`") }
        };
        let names: Vec<String> = index.over.iter().map(name).collect();
        let told = match index.kind {
            Kind::Exact => names.join(" and "),
            Kind::Compound => format!("{} together", names.join(" and ")),
            Kind::Prefix { .. } => format!("the beginning of {}", names.join(" and ")),
            Kind::Fuzzy => format!("the sound of {}", names.join(" and ")),
            Kind::Range(_) => format!("a range of {}", names.join(" and ")),
        };
        if !by.contains(&told) {
            by.push(told);
        }
    }
    format!("no index leads from these conditions to people; there are indexes by {}", by.join(", "))
}
