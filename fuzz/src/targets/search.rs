//! What a search matches has the term that it looks up: nobody who is there stays unfound. A value is matched
//! by its own words, by its own part and from itself to itself. A question is answered with a handful of
//! terms or refused, and several terms are one only as they are.

use arbitrary::{Result, Unstructured};
use avouch_charter::{
    FieldType, Normal, Part, RangeIndex, Value,
    types::{Bucket, SIMILAR},
};
use serde_json::Value as Json;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let from: u8 = input.int_in_range(2..=16)?;
    let to = from + input.int_in_range(0..=16 - from)?;
    let step = input.int_in_range(1..=1_000)?;
    let text = String::from_utf8_lossy(input.take_rest());
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (stored, first, second) = (line(), line(), line());

    for of in [FieldType::Name, FieldType::Text { max: 400 }, FieldType::Email] {
        if let Ok(value) = of.parse(&Json::from(stored)) {
            beginnings(&of, &value, [first, stored], from, to);
            sounds(&of, &value, [first, stored]);
        }
    }
    let days = [Bucket::Day, Bucket::Month, Bucket::Year, Bucket::Decade];
    days.into_iter().for_each(|by| ranges(&FieldType::Date, by, [stored, first, second]));
    ranges(&FieldType::Number { min: None, max: None }, Bucket::Step(step), [stored, first, second]);
    for of in [FieldType::Name, FieldType::Date, FieldType::Email, FieldType::Phone { country: None }] {
        parts(&of, &Json::from(stored), first);
    }
    let address =
        serde_json::json!({ "street": "x", "city": stored, "postal_code": first, "country": second });
    parts(&FieldType::Address, &address, first);
    compounds([stored, first, second]);
    Ok(())
}

fn beginnings(of: &FieldType, value: &Value, questions: [&str; 2], from: u8, to: u8) {
    let terms = of.prefix_terms(value, from, to);
    assert!(distinct(&terms), "{of:?}");
    for (question, own) in questions.into_iter().zip([false, true]) {
        let Ok(query) = of.prefix_query(question, from, to) else { continue };
        let matches = query.matches(value);
        assert!(matches || !own, "{of:?}: a value is not found by its own words");
        assert!(!matches || terms.contains(query.term()), "{of:?}: it matches and has no such term");
    }
}

fn sounds(of: &FieldType, value: &Value, questions: [&str; 2]) {
    let terms = of.fuzzy_terms(value);
    assert!(distinct(&terms), "{of:?}");
    for (question, own) in questions.into_iter().zip([false, true]) {
        let Ok(query) = of.fuzzy_query(question) else { continue };
        let similarity = query.similarity(value);
        assert!((0.0..=1.0).contains(&similarity), "{similarity}");
        assert_eq!(query.matches(value), similarity >= SIMILAR);
        if own {
            assert!(query.matches(value), "{of:?}: a value does not sound like itself");
            assert!(
                query.terms().iter().all(|term| terms.contains(term)),
                "{of:?}: other sounds than its own"
            );
        }
    }
}

fn ranges(of: &FieldType, by: Bucket, [stored, from, to]: [&str; 3]) {
    let index = RangeIndex { by, bits: None };
    let Ok(value) = of.parse(&Json::from(stored)) else { return };
    let term = of.range_term(&value, &index).expect("every date and number is in a bucket");
    let query = |from: &str, to: &str| of.range_query(Some(&from.into()), Some(&to.into()), &index);
    let itself = query(stored, stored).expect("from a value to itself");
    assert!(itself.matches(&value) && itself.terms() == [term.clone()], "{by}");
    if let Ok(query) = query(from, to) {
        assert!((1..=512).contains(&query.terms().len()) && distinct(query.terms()), "{by}");
        assert!(
            !query.matches(&value) || query.terms().contains(&term),
            "{by}: it matches and has no such term"
        );
    }
}

fn parts(of: &FieldType, stored: &Json, asked: &str) {
    let value = of.parse(stored).ok();
    for part in of.parts() {
        // A question that is read is a term, and the term asked for again is the same question.
        if let Ok(query) = of.part_query(&Json::from(asked), *part) {
            again(of, *part, &query);
        }
        if let Some(term) = value.as_ref().and_then(|value| of.part_term(value, *part)) {
            again(of, *part, &term);
        }
    }
}

/// A part is folded, and folding what is folded changes nothing but the blank that an accent leaves which
/// stands alone: there is none at the ends of what is asked.
fn again(of: &FieldType, part: Part, term: &Normal) {
    let text = std::str::from_utf8(term.as_bytes()).expect("parts are text");
    let settled = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Ok(again) = of.part_query(&Json::from(text), part) {
        assert_eq!(std::str::from_utf8(again.as_bytes()), Ok(settled.as_str()), "{of:?} {part}");
    }
}

/// Of several parts one term is made, and another of the same characters cut elsewhere.
fn compounds(texts: [&str; 3]) {
    let of = FieldType::Text { max: 400 };
    let normal = |text: &str| Some(of.normal(&of.parse(&Json::from(text)).ok()?));
    let [Some(one), Some(two), Some(three)] = texts.map(normal) else { return };
    let together = normal(&texts.concat());
    let as_list = Normal::compound(&[one.clone(), two.clone(), three.clone()]);
    assert_ne!(as_list, Normal::compound(&[one.clone(), two.clone()]));
    assert_eq!(as_list == Normal::compound(&[two.clone(), one.clone(), three]), one == two);
    assert!(together.is_none_or(|together| Normal::compound(&[together]) != as_list));
}

fn distinct(terms: &[Normal]) -> bool {
    let mut bytes: Vec<&[u8]> = terms.iter().map(Normal::as_bytes).collect();
    bytes.sort_unstable();
    bytes.windows(2).all(|pair| matches!(pair, [one, next] if one != next))
}
