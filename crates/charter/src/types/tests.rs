//! What holds for every type: canonical values parse to themselves, refusals do not repeat a value, masks
//! hide.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn all() -> Vec<FieldType> {
    vec![
        FieldType::Email,
        FieldType::Phone { country: None },
        FieldType::Phone { country: Some("DE".to_owned()) },
        FieldType::Name,
        FieldType::Address,
        FieldType::Date,
        FieldType::NationalId { country: None },
        FieldType::NationalId { country: Some("DE".to_owned()) },
        FieldType::Card,
        FieldType::Text { max: 400 },
        FieldType::Choice { options: vec!["yes".to_owned(), "no".to_owned()] },
        FieldType::Number { min: None, max: None },
    ]
}

/// Text that some type takes, and text that none does.
fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Zé.+]{1,12}@[a-zü]{1,10}\\.[a-z]{2,3}",
        "(\\+|00|0)?[0-9]{1,3}[ ()/-]{0,2}[0-9]{2,12}( ?(x|ext\\.?|#)[0-9]{1,8})?",
        "[A-ZÀ-Þ][a-zß-ÿ]{0,10}( |-)[A-Z'’][a-zß-ÿ]{0,10}",
        "(18|19|20|21)[0-9]{2}-[0-1][0-9]-[0-3][0-9](T00:00:00)?",
        "-?[0-9]{1,16}(\\.[0-9]{0,5})?",
        "4[0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{0,7}",
        "(DE)?[A-Z0-9 ./-]{2,33}",
        "yes|no",
        any::<String>(),
    ]
}

fn given() -> impl Strategy<Value = Json> {
    prop_oneof![
        8 => typed().prop_map(Json::from),
        1 => any::<i64>().prop_map(Json::from),
        1 => any::<f64>().prop_map(Json::from),
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::from),
        2 => proptest::collection::vec(proptest::option::of(typed()), 7).prop_map(|parts| {
            let keys = ["street", "street2", "city", "region", "postal_code", "country", "planet"];
            let parts = keys.into_iter().zip(parts);
            Json::Object(parts.filter_map(|(key, part)| Some((key.to_owned(), part?.into()))).collect())
        }),
    ]
}

/// Every mask of a type with every count.
fn masks(of: &FieldType) -> Vec<Mask> {
    of.vocabulary()
        .iter()
        .flat_map(|mask| match *mask {
            Mask::KeepFirst(max) => (1..=max).map(Mask::KeepFirst).collect(),
            Mask::KeepLast(max) => (1..=max).map(Mask::KeepLast).collect(),
            mask => vec![mask],
        })
        .collect()
}

/// All text in a view, without what stands for the hidden.
fn shown(view: &Json) -> String {
    match view {
        Json::String(text) => text.replace(HIDDEN, ""),
        Json::Object(parts) => parts.values().map(shown).collect(),
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_canonical_value_parses_to_itself(given in given()) {
        for of in all() {
            let Ok(value) = of.parse(&given) else { continue };
            let canonical = value.to_json();
            let again = of.parse(&canonical);
            let again = again.unwrap_or_else(|refused| panic!("{of:?} {canonical}: {refused}"));
            prop_assert_eq!(again.to_json(), canonical.clone());
            prop_assert_eq!(of.normal(&again), of.normal(&value));

            let stored = value.to_bytes();
            prop_assert_eq!(serde_json::from_slice::<Json>(&stored).unwrap(), canonical.clone());
            let read = Value::from_bytes(&stored).unwrap();
            prop_assert_eq!(read.to_json(), canonical);
            prop_assert_eq!(read.to_bytes(), stored);
            prop_assert_eq!(of.normal(&read), of.normal(&value));
        }
    }

    #[test]
    fn no_mask_but_full_shows_a_value(given in given()) {
        for of in all() {
            let Ok(value) = of.parse(&given) else { continue };
            let whole = shown(&value.to_json());
            for mask in masks(&of) {
                let view = of.view(&value, &mask);
                let seen = shown(&view);
                match mask {
                    Mask::Full => prop_assert_eq!(&view, &value.to_json()),
                    Mask::Hide => prop_assert_eq!(&view, &json!(HIDDEN)),
                    Mask::KeepFirst(n) | Mask::KeepLast(n) => {
                        prop_assert!(seen.chars().count() <= usize::from(n), "{} {}", mask, view);
                        prop_assert!(seen.chars().count() * 2 <= whole.chars().count(), "{} {}", mask, view);
                    }
                    Mask::Initials => {
                        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
                        let initials = letters(&seen);
                        prop_assert!(initials <= 4 && initials * 2 <= letters(&whole), "{}", view);
                    }
                    Mask::First6Last4 | Mask::Last4 => {
                        prop_assert!(seen.len() <= 10 && seen.len() + 4 <= whole.len(), "{}", view);
                    }
                    Mask::Domain | Mask::EmailPartial => {
                        let (local, _) = whole.split_once('@').unwrap();
                        let (seen, _) = seen.split_once('@').unwrap();
                        prop_assert!(seen.chars().count() * 2 <= local.chars().count(), "{}", view);
                    }
                    Mask::Year | Mask::YearMonth | Mask::Country | Mask::City | Mask::CityCountry => {
                        prop_assert!(seen.len() < whole.len(), "{}", view);
                    }
                }
            }
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_value(given in typed()) {
        // The same text in each shape, with a mark that no sentence of ours contains.
        let marked = format!("ŋ7ŋ{given}");
        let shapes =
            [json!(marked), json!({ marked.clone(): "x" }), json!({ "street": [marked] }), json!([marked])];
        for input in shapes {
            for of in all() {
                if let Err(refused) = of.parse(&input) {
                    prop_assert!(!refused.to_string().contains('ŋ'), "{}", refused);
                }
            }
        }
    }

    #[test]
    fn stored_bytes_are_a_value_or_refused(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = Value::from_bytes(&bytes);
        let _ = Value::from_bytes(text.as_bytes());
    }

    #[test]
    fn a_value_of_another_type_is_hidden_or_masked_never_whole(given in given()) {
        for was in all() {
            let Ok(value) = was.parse(&given) else { continue };
            for is in all() {
                let _ = is.normal(&value);
                for mask in masks(&is) {
                    if mask != Mask::Full {
                        prop_assert_ne!(is.view(&value, &mask), value.to_json());
                    }
                }
            }
        }
    }
}

#[test]
fn debug_shows_no_content() {
    let value = FieldType::Name.parse(&json!("Ana Silva")).unwrap();
    assert_eq!(format!("{value:?} {:?}", FieldType::Name.normal(&value)), "Value(…) Normal(…)");
}

#[test]
fn bytes_that_are_no_value() {
    for bytes in [&b""[..], b"null", b"true", b"[1]", b"\"open", b"{}", b"{\"street\":1}", b"1e5", b"\xff"] {
        assert_eq!(Value::from_bytes(bytes).unwrap_err(), Malformed);
    }
}

#[test]
fn the_vocabulary_of_masks() {
    let mut table = String::new();
    for of in all() {
        let Masks { partial, masked } = of.default_masks();
        for default in [partial, masked] {
            assert_eq!(of.parse_mask(&default.to_string()), Ok(default));
        }
        assert!(masked <= partial);
        let words: Vec<String> = of.vocabulary().iter().map(Mask::to_string).collect();
        let facts = [(of.skewed(), "skewed"), (of.padded(), "padded")];
        let facts: String = facts.iter().filter(|(is, _)| *is).map(|(_, fact)| format!(", {fact}")).collect();
        table += &format!("{}: {} (partial {partial}, masked {masked}{facts})\n", of.name(), words.join(" "));
    }
    insta::assert_snapshot!(table, @r"
    email: hide domain email_partial full (partial email_partial, masked hide)
    phone: hide country keep_last(4) full (partial keep_last(3), masked hide)
    phone: hide country keep_last(4) full (partial keep_last(3), masked hide)
    name: hide keep_first(3) initials full (partial initials, masked hide, skewed)
    address: hide country city city_country full (partial city_country, masked country, skewed)
    date: hide year year_month full (partial year, masked hide, skewed)
    national_id: hide keep_first(2) keep_last(4) full (partial keep_last(3), masked hide)
    national_id: hide keep_first(2) keep_last(4) full (partial keep_last(3), masked hide)
    card: hide last4 first6_last4 full (partial last4, masked hide)
    text: hide keep_first(8) keep_last(8) full (partial hide, masked hide)
    choice: hide full (partial hide, masked hide, skewed, padded)
    number: hide full (partial hide, masked hide, skewed, padded)
    ");
}

#[test]
fn a_wrong_mask_is_answered_with_the_right_ones() {
    let refused: Vec<String> = all().iter().map(|of| of.parse_mask("blur").unwrap_err()).collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    a field of type `email` has no mask `blur`: use one of `hide`, `domain`, `email_partial`, `full`
    a field of type `phone` has no mask `blur`: use one of `hide`, `country`, `keep_last(1)` to `keep_last(4)`, `full`
    a field of type `phone` has no mask `blur`: use one of `hide`, `country`, `keep_last(1)` to `keep_last(4)`, `full`
    a field of type `name` has no mask `blur`: use one of `hide`, `keep_first(1)` to `keep_first(3)`, `initials`, `full`
    a field of type `address` has no mask `blur`: use one of `hide`, `country`, `city`, `city_country`, `full`
    a field of type `date` has no mask `blur`: use one of `hide`, `year`, `year_month`, `full`
    a field of type `national_id` has no mask `blur`: use one of `hide`, `keep_first(1)` to `keep_first(2)`, `keep_last(1)` to `keep_last(4)`, `full`
    a field of type `national_id` has no mask `blur`: use one of `hide`, `keep_first(1)` to `keep_first(2)`, `keep_last(1)` to `keep_last(4)`, `full`
    a field of type `card` has no mask `blur`: use one of `hide`, `last4`, `first6_last4`, `full`
    a field of type `text` has no mask `blur`: use one of `hide`, `keep_first(1)` to `keep_first(8)`, `keep_last(1)` to `keep_last(8)`, `full`
    a field of type `choice` has no mask `blur`: use one of `hide`, `full`
    a field of type `number` has no mask `blur`: use one of `hide`, `full`
    ");
}

#[test]
fn refusals_say_what_is_expected() {
    let refused: Vec<String> =
        all().iter().map(|of| of.parse(&json!(false)).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    expected an e-mail address such as name@example.org, found true or false
    expected a phone number in international notation such as +49 30 1234567, found true or false
    expected a phone number in international notation such as +49 30 1234567, found true or false
    expected a name of 1 to 200 characters on one line, found true or false
    expected an address: its street as text, or an object with `street` and, where known, `street2`, `city`, `region`, `postal_code` and `country`, found true or false
    expected a date such as 1980-12-31, found true or false
    expected a number of 4 to 32 letters, digits, blanks and - . /, found true or false
    expected a number of 4 to 32 letters, digits, blanks and - . /, found true or false
    expected a card number of 12 to 19 digits, written as text, found true or false
    expected text, found true or false
    expected one of `yes`, `no`
    expected a number such as 12 or 12.50 of at most 15 digits, 4 of them after the point, found true or false
    ");
    let refused: Vec<String> =
        all().iter().filter_map(|of| Some(of.parse(&json!("?")).err()?.to_string())).collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    expected an e-mail address such as name@example.org
    expected a phone number in international notation such as +49 30 1234567
    expected a phone number in international notation such as +49 30 1234567, or with its area code as dialled within DE
    expected a date such as 1980-12-31
    expected a number of 4 to 32 letters, digits, blanks and - . /
    expected a number of 4 to 32 letters, digits, blanks and - . /
    expected a card number of 12 to 19 digits, written as text
    expected one of `yes`, `no`
    expected a number such as 12 or 12.50 of at most 15 digits, 4 of them after the point
    ");
}
