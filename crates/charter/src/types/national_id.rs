//! Numbers by which a state or its offices know a person.
//!
//! A tax number, a passport, a social security number: each country has several and each its own check
//! digits, so only the alphabet and the length are checked. The normal form forgets how the number was
//! grouped.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::{Invalid, Mask, Normal, Value, line};

pub(super) const EXPECTED: &str = "expected a number of 4 to 32 letters, digits, blanks and - . /";

pub(super) const MASKS: &[Mask] = &[Mask::Hide, Mask::KeepFirst(2), Mask::KeepLast(4), Mask::Full];

const MIN: usize = 4;
const MAX: usize = 32;

pub(super) fn problem(country: &str) -> Option<String> {
    let fits = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    (!fits)
        .then(|| format!("`{country}` is no country: expected two capital letters such as `DE` (ISO 3166)"))
}

pub(super) fn parse(input: &str) -> Result<Value, Invalid> {
    let id = line::clean(input, MAX).map_err(|_| EXPECTED)?;
    let known = id.chars().all(|c| c.is_alphanumeric() || " -./".contains(c));
    if known && id.chars().filter(|c| c.is_alphanumeric()).count() >= MIN {
        Ok(Value::text(id))
    } else {
        Err(EXPECTED.into())
    }
}

/// Letters and digits alone, in capitals, without the issuing country's two letters in front: a VAT number is
/// written with and without them.
pub(super) fn normal(id: &str, country: Option<&str>) -> Normal {
    let bare = id.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase);
    // What a sign kept apart may be one letter, or be written in another order.
    let bare = line::collect(bare.nfc(), id.len());
    let rest =
        country.and_then(|country| bare.strip_prefix(country)).filter(|rest| rest.chars().count() >= MIN);
    match rest {
        Some(rest) => Normal::from(Zeroizing::new(rest.to_owned())),
        None => Normal::from(bare),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{FieldType, HIDDEN};
    use super::*;

    fn id(country: Option<&str>) -> FieldType {
        FieldType::NationalId { country: country.map(str::to_owned) }
    }

    #[test]
    fn numbers_of_many_countries() {
        for typed in
            ["12 345 678 901", "123.456.789-09", "X1234567-L", "AB123456", "13/123/45678", "ІА-123456"]
        {
            let value = id(None).parse(&json!(format!(" {typed} "))).expect(typed);
            assert_eq!(value.to_json(), json!(typed));
        }
        for typed in ["", "123", "1-2-3", "1234_5", "1234#", "....", "123456789012345678901234567890123"] {
            assert!(id(None).parse(&json!(typed)).is_err(), "{typed}");
        }
    }

    #[test]
    fn grouping_case_and_the_country_in_front_do_not_count() {
        let same = |country, one, other| normal(one, country) == normal(other, country);
        assert!(same(None, "123.456.789-09", "12345678909"));
        assert!(same(None, "x1234567-l", "X1234567L"));
        assert!(same(None, "12-\u{1100}-\u{1161}", "12가"));
        assert!(same(None, "12\u{657}-\u{656}", "12\u{656}\u{657}"));
        assert!(same(Some("DE"), "de 123 456 789", "123456789"));
        assert!(!same(None, "DE123456789", "123456789"));
        assert!(!same(Some("DE"), "DE12", "12"));
    }

    #[test]
    fn masks() {
        let shown = |typed: &str, mask| id(None).view(&id(None).parse(&json!(typed)).unwrap(), &mask);
        assert_eq!(shown("123.456.789-09", Mask::KeepLast(3)), json!("•••-09"));
        assert_eq!(shown("AB123456", Mask::KeepFirst(2)), json!("AB•••"));
        assert_eq!(shown("1234", Mask::KeepLast(4)), json!(HIDDEN));
        assert_eq!(shown("12345", Mask::KeepLast(3)), json!(HIDDEN));
    }

    #[test]
    fn settings() {
        assert_eq!(id(Some("DE")).problem(), None);
        assert!(id(Some("de")).problem().is_some());
        assert!(id(Some("DEU")).problem().is_some());
    }
}
