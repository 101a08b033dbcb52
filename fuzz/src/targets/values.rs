//! A value that a field type takes is stored, read and taken again as the same value, with the same normal
//! form. A mask never shows more than it says, and of a value of another type never all. What is refused is
//! not repeated, and stored bytes are a value or are refused.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_charter::{
    FieldType, Mask, Value,
    types::{HIDDEN, Malformed},
};
use serde_json::{Value as Json, json};

pub(super) fn check(input: Unstructured<'_>) -> Result<()> {
    let bytes = input.take_rest();
    stored(bytes);
    let text = String::from_utf8_lossy(bytes);
    let written = [Some(Json::from(&*text)), serde_json::from_str(&text).ok()];
    for (of, masks) in &*TYPES {
        masks_as_written(of, &text);
        for given in written.iter().flatten() {
            match of.parse(given) {
                Ok(value) => {
                    kept(of, &value);
                    masks.iter().for_each(|mask| seen(of, &value, *mask));
                    foreign(&value);
                }
                Err(_) => silent(of, &text),
            }
        }
    }
    Ok(())
}

/// Every type with a few settings, and every mask it has.
static TYPES: LazyLock<Vec<(FieldType, Vec<Mask>)>> = LazyLock::new(|| {
    let country = || Some("DE".to_owned());
    let types = [
        FieldType::Email,
        FieldType::Phone { country: None },
        FieldType::Phone { country: country() },
        FieldType::Name,
        FieldType::Address,
        FieldType::Date,
        FieldType::NationalId { country: None },
        FieldType::NationalId { country: country() },
        FieldType::Card,
        FieldType::Text { max: 400 },
        FieldType::Choice { options: vec!["yes".to_owned(), "no".to_owned()] },
        FieldType::Number { min: None, max: None },
        FieldType::Number { min: Some(-7), max: Some(1_000_000) },
    ];
    let words = "hide domain email_partial initials year year_month country city city_country last4 \
                 first6_last4 full";
    let counted = (1..=9).flat_map(|n| [format!("keep_first({n})"), format!("keep_last({n})")]);
    let words: Vec<String> = words.split(' ').map(str::to_owned).chain(counted).collect();
    let masks = |of: &FieldType| words.iter().filter_map(|word| of.parse_mask(word).ok()).collect();
    types.into_iter().map(|of| (of.clone(), masks(&of))).collect()
});

/// A mask is written as it is read, whatever blanks were around it.
fn masks_as_written(of: &FieldType, text: &str) {
    if let Ok(mask) = of.parse_mask(text) {
        assert_eq!(of.parse_mask(&mask.to_string()), Ok(mask));
    }
}

/// The value itself, by way of JSON and of what is sealed.
fn kept(of: &FieldType, value: &Value) {
    let (canonical, normal) = (value.to_json(), of.normal(value));
    let again = of.parse(&canonical).expect("a value is canonical");
    assert_eq!(again.to_json(), canonical);
    assert_eq!(of.normal(&again), normal, "{of:?}");

    let bytes = value.to_bytes();
    let read = Value::from_bytes(&bytes).expect("it was stored");
    assert_eq!((read.to_json(), read.to_bytes()), (canonical.clone(), bytes.clone()));
    assert_eq!(of.normal(&read), normal, "{of:?}");
    assert_eq!(serde_json::from_slice::<Json>(&bytes).ok(), Some(canonical));
    normal_again(of, normal.as_bytes());
}

/// Where a normal form is a value of its type, it is that value's normal form.
fn normal_again(of: &FieldType, normal: &[u8]) {
    let text = std::str::from_utf8(normal).expect("normal forms are text");
    let settled = match of {
        FieldType::Address => return,
        // With the issuing country in front, a number may be another number without it.
        FieldType::NationalId { country: Some(_) } => return,
        // An accent that stands alone is folded to the blank that it stood on; a name has none at its ends.
        FieldType::Name => text.split_whitespace().collect::<Vec<_>>().join(" "),
        _ => text.to_owned(),
    };
    if let Ok(value) = of.parse(&Json::from(text)) {
        let again = of.normal(&value);
        assert_eq!(std::str::from_utf8(again.as_bytes()), Ok(settled.as_str()), "{of:?}");
    }
}

/// All text in a value or in a view of it.
fn text_of(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Object(parts) => parts.values().map(text_of).collect(),
        other => other.to_string(),
    }
}

/// What a mask says that it shows, and no more.
fn seen(of: &FieldType, value: &Value, mask: Mask) {
    let view = of.view(value, &mask);
    let (whole, shown) = (text_of(&value.to_json()), text_of(&view).replacen(HIDDEN, "", 1));
    let characters = |text: &str| text.chars().count();
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let fits = match mask {
        Mask::Full => view == value.to_json(),
        Mask::Hide => view == json!(HIDDEN),
        Mask::KeepFirst(n) | Mask::KeepLast(n) => {
            characters(&shown) <= usize::from(n) && characters(&shown) * 2 <= characters(&whole)
        }
        Mask::Initials => letters(&shown) <= 4 && letters(&shown) * 2 <= letters(&whole),
        Mask::First6Last4 | Mask::Last4 => shown.len() <= 10 && shown.len() + 4 <= whole.len(),
        Mask::Domain | Mask::EmailPartial => {
            whole.split_once('@').zip(shown.split_once('@')).is_some_and(|((local, domain), (seen, at))| {
                at == domain && characters(seen) * 2 <= characters(local)
            })
        }
        Mask::Year | Mask::YearMonth | Mask::Country | Mask::City | Mask::CityCountry => {
            shown.len() < whole.len()
        }
    };
    assert!(fits, "{of:?} through {mask}");
}

/// A value that was left over from another type. One that looks as if something were hidden in it can look
/// the same when something is.
fn foreign(value: &Value) {
    if text_of(&value.to_json()).contains(HIDDEN) {
        return;
    }
    for (is, masks) in &*TYPES {
        let _any_bytes = is.normal(value);
        for mask in masks.iter().filter(|mask| **mask != Mask::Full) {
            assert_ne!(is.view(value, mask), value.to_json(), "{is:?} through {mask}");
        }
    }
}

/// A refusal does not have in it what was refused: a mark that no sentence of ours contains.
fn silent(of: &FieldType, text: &str) {
    let marked = format!("ŋ{text}ŋ");
    let shapes =
        [json!(marked), json!({ marked.clone(): "x" }), json!({ "street": [marked] }), json!([marked])];
    for refused in shapes.iter().filter_map(|given| of.parse(given).err()) {
        assert!(!refused.to_string().contains('ŋ'), "{of:?}");
    }
}

/// Bytes as they may stand in the store.
fn stored(bytes: &[u8]) {
    match Value::from_bytes(bytes) {
        Err(refused) => assert_eq!(refused, Malformed),
        Ok(value) => {
            let again = Value::from_bytes(&value.to_bytes()).expect("it was stored");
            assert_eq!((again.to_bytes(), again.to_json()), (value.to_bytes(), value.to_json()));
            foreign(&value);
        }
    }
}
