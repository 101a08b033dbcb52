//! Parts of values that are worth comparing by themselves: the year of a birth date, the last word of a name.
//!
//! A compound index is made of them, several fields together. A part is folded like the whole, so that it forgets what the
//! exact index forgets.

use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::{FieldType, Invalid, Normal, Value, date, email, line, name, phone, string};
use crate::words::words;

words! { "part of a value"
/// How much of a value a compound index takes.
Part {
    /// All of it, in its normal form.
    Whole = "whole",
    /// The first word of a name, as the person writes it.
    First = "first",
    /// The last word of a name; of a name of one word, that word.
    Last = "last",
    /// The first letter of a name.
    Initial = "initial",
    /// The year of a date.
    Year = "year",
    /// The year and month of a date.
    Month = "month",
    /// The postal code of an address, without blanks and signs.
    PostalCode = "postal_code",
    /// The city of an address.
    City = "city",
    /// The country of an address, as it was given.
    Country = "country",
    /// The domain of an e-mail address.
    Domain = "domain",
    /// The last four digits of a phone number.
    Last4 = "last4",
}}

impl FieldType {
    /// The parts a value of this type has, beside the whole.
    pub fn parts(&self) -> &'static [Part] {
        match self {
            Self::Name => &[Part::First, Part::Last, Part::Initial],
            Self::Date => &[Part::Year, Part::Month],
            Self::Address => &[Part::PostalCode, Part::City, Part::Country],
            Self::Email => &[Part::Domain],
            Self::Phone { .. } => &[Part::Last4],
            Self::NationalId { .. }
            | Self::Card
            | Self::Text { .. }
            | Self::Choice { .. }
            | Self::Number { .. } => &[],
        }
    }

    /// The bytes by which two values of this field are the same in one part; `None` if the value has no such part. Several
    /// together are one by [`Normal::compound`].
    pub fn part_term(&self, value: &Value, part: Part) -> Option<Normal> {
        if part != Part::Whole && !self.parts().contains(&part) {
            return None;
        }
        let text = || value.str();
        let part = match part {
            Part::Whole => return Some(self.normal(value)),
            Part::First => name::fold(text()?.split(' ').next()?),
            Part::Last => name::fold(text()?.rsplit(' ').next()?),
            Part::Initial => initial(text()?)?,
            Part::Year => Zeroizing::new(date::year_and_month(text()?)?.0.to_owned()),
            Part::Month => Zeroizing::new(date::year_and_month(text()?)?.1.to_owned()),
            Part::PostalCode => bare(value.address()?.postal_code()?),
            Part::City => name::fold(value.address()?.city()?),
            Part::Country => name::fold(value.address()?.country()?),
            Part::Domain => email::normal_domain(text()?)?,
            Part::Last4 => phone::last4(text()?)?,
        };
        (!part.is_empty()).then(|| Normal::from(part))
    }
}

/// Reading a part by itself.
impl FieldType {
    /// What [`part_term`](Self::part_term) gives for every value that has this part: `1962` of a date, `Silva` of a name.
    ///
    /// # Errors
    /// [`Invalid`] if it is no such part, or values of this type have none.
    pub fn part_query(&self, typed: &Json, part: Part) -> Result<Normal, Invalid> {
        if part == Part::Whole {
            return Ok(self.normal(&self.parse(typed)?));
        }
        if !self.parts().contains(&part) {
            return Err("values of this field have no such part".into());
        }
        let expected = expected(part);
        let year = typed.as_u64().filter(|_| part == Part::Year).map(|year| year.to_string());
        let text = match &year {
            Some(year) => year.as_str(),
            None => string(typed, expected)?,
        };
        alone(text, part).ok_or_else(|| expected.into())
    }
}

const fn expected(part: Part) -> &'static str {
    match part {
        Part::Whole => "expected a value",
        Part::First | Part::Last => "expected one word of a name",
        Part::Initial => "expected one letter",
        Part::Year => "expected a year such as 1980",
        Part::Month => "expected a month such as 1980-12",
        Part::PostalCode => "expected a postal code",
        Part::City => "expected a city",
        Part::Country => "expected a country, as addresses name it",
        Part::Domain => "expected a domain such as example.org",
        Part::Last4 => "expected four digits",
    }
}

fn alone(text: &str, part: Part) -> Option<Normal> {
    let text = line::clean(text, LONGEST).ok()?;
    let term = |of: &FieldType, whole: String| of.part_term(&of.parse(&Json::String(whole)).ok()?, part);
    let folded = match part {
        Part::Whole => return None,
        Part::Year => return term(&FieldType::Date, format!("{}-01-01", text.as_str())),
        Part::Month => return term(&FieldType::Date, format!("{}-01", text.as_str())),
        Part::Domain => return term(&FieldType::Email, format!("x@{}", text.as_str())),
        Part::First | Part::Last => (!text.contains(' ')).then(|| name::fold(&text))?,
        Part::Initial => (text.chars().count() == 1).then(|| initial(&text))??,
        Part::PostalCode => bare(&text),
        Part::City | Part::Country => name::fold(&text),
        Part::Last4 => (text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)?,
    };
    (!folded.is_empty()).then(|| Normal::from(folded))
}

/// Characters of the longest part that is read.
const LONGEST: usize = 200;

fn initial(name: &str) -> Option<Zeroizing<String>> {
    let folded = name::fold(name);
    let letter = folded.chars().find(|c| c.is_alphanumeric())?;
    Some(line::collect(std::iter::once(letter), letter.len_utf8()))
}

/// Letters and digits alone: `SW1A 1AA` and `sw1a1aa` are one code. In NFC once more, for what a sign kept apart
/// may be one letter, or be written in another order.
fn bare(code: &str) -> Zeroizing<String> {
    let folded = name::fold(code);
    line::collect(folded.chars().filter(|c| c.is_alphanumeric()).nfc(), folded.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    fn part(of: &FieldType, given: &Json, part: Part) -> Option<String> {
        let value = of.parse(given).unwrap_or_else(|refused| panic!("{given}: {refused}"));
        let term = of.part_term(&value, part)?;
        Some(String::from_utf8(term.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn a_part_by_itself_is_the_part_of_a_value() {
        let phone = FieldType::Phone { country: Some("DE".to_owned()) };
        let address =
            json!({"street": "1 Way", "city": "São José", "postal_code": "sw1a 1aa", "country": "BR"});
        for (of, whole, which, alone) in [
            (FieldType::Name, json!("Inês da Silva"), Part::First, json!("INES")),
            (FieldType::Name, json!("Inês da Silva"), Part::Last, json!("silva")),
            (FieldType::Name, json!("Inês da Silva"), Part::Initial, json!("í")),
            (FieldType::Name, json!("Inês da Silva"), Part::Whole, json!("ines DA silva")),
            (FieldType::Date, json!("1962-02-18"), Part::Year, json!(1962)),
            (FieldType::Date, json!("1962-02-18"), Part::Year, json!("1962")),
            (FieldType::Date, json!("1962-02-18"), Part::Month, json!("1962-02")),
            (FieldType::Address, address.clone(), Part::PostalCode, json!("SW1A-1AA")),
            (FieldType::Address, address.clone(), Part::City, json!("sao josé")),
            (FieldType::Address, address, Part::Country, json!("br")),
            (FieldType::Email, json!("ana@MÜLLER.example"), Part::Domain, json!("müller.Example")),
            (phone, json!("030 26550280"), Part::Last4, json!("0280")),
        ] {
            let value = of.parse(&whole).unwrap();
            assert_eq!(of.part_query(&alone, which).ok(), of.part_term(&value, which), "{alone} of {whole}");
        }
    }

    #[test]
    fn what_is_no_such_part_is_refused() {
        for (of, which, alone) in [
            (FieldType::Name, Part::First, json!("Inês da Silva")),
            (FieldType::Name, Part::Initial, json!("In")),
            (FieldType::Name, Part::Year, json!(1962)),
            (FieldType::Name, Part::Last, json!(7)),
            (FieldType::Date, Part::Year, json!(19)),
            (FieldType::Date, Part::Year, json!("1962-02")),
            (FieldType::Date, Part::Month, json!("1962-13")),
            (FieldType::Date, Part::Month, json!("1962")),
            (FieldType::Email, Part::Domain, json!("ana@example.org")),
            (FieldType::Address, Part::PostalCode, json!("--")),
            (FieldType::Address, Part::City, json!("")),
            (FieldType::Phone { country: None }, Part::Last4, json!("028")),
        ] {
            assert!(of.part_query(&alone, which).is_err(), "{which} {alone}");
        }
    }

    #[test]
    fn parts_forget_what_the_whole_forgets() {
        let phone = FieldType::Phone { country: Some("DE".to_owned()) };
        let address =
            json!({"street": "1 Way", "city": "SÃO  José", "postal_code": "sw1a-1AA", "country": "Brasil"});
        for (of, given, which, expected) in [
            (FieldType::Name, json!("Inês Gonçalves da Silva"), Part::First, "ines"),
            (FieldType::Name, json!("Inês Gonçalves da Silva"), Part::Last, "silva"),
            (FieldType::Name, json!("’Éva Nagy"), Part::Initial, "e"),
            (FieldType::Name, json!("Anna Müller-Lüdenscheidt"), Part::Last, "muller-ludenscheidt"),
            (FieldType::Name, json!("Madonna"), Part::Last, "madonna"),
            (FieldType::Name, json!("王伟"), Part::Initial, "王"),
            (FieldType::Date, json!("1962-02-18"), Part::Year, "1962"),
            (FieldType::Date, json!("1962-02-18"), Part::Month, "1962-02"),
            (FieldType::Date, json!("1962-02-18"), Part::Whole, "1962-02-18"),
            (FieldType::Address, address.clone(), Part::PostalCode, "sw1a1aa"),
            (
                FieldType::Address,
                json!({"street": "x", "postal_code": "\u{1100}-\u{1161}"}),
                Part::PostalCode,
                "가",
            ),
            (FieldType::Address, address.clone(), Part::City, "sao jose"),
            (FieldType::Address, address, Part::Country, "brasil"),
            (FieldType::Email, json!("Ana@MÜLLER.example"), Part::Domain, "xn--mller-kva.example"),
            (phone.clone(), json!("030 26550280 ext. 12"), Part::Last4, "0280"),
            (phone, json!("030 26550280"), Part::Whole, "+493026550280"),
        ] {
            assert_eq!(part(&of, &given, which).as_deref(), Some(expected), "{given} {which}");
        }
    }

    #[test]
    fn a_value_without_the_part_has_no_term() {
        assert_eq!(part(&FieldType::Address, &json!("1 Way"), Part::City), None);
        assert_eq!(
            part(&FieldType::Address, &json!({"street": "1 Way", "postal_code": "-"}), Part::PostalCode),
            None
        );
        assert_eq!(part(&FieldType::Name, &json!("- ?"), Part::Initial), None);
        assert_eq!(part(&FieldType::Name, &json!("1962-02-18"), Part::Year), None, "a name has no year");
        let left_over = FieldType::Name.parse(&json!("no date")).unwrap();
        for (of, part) in [(FieldType::Date, Part::Year), (FieldType::Email, Part::Domain)] {
            assert_eq!(of.part_term(&left_over, part), None);
        }
        let phone = FieldType::Phone { country: None };
        assert_eq!(phone.part_term(&left_over, Part::Last4), None);
    }

    #[test]
    fn every_part_belongs_to_one_type() {
        let all = [
            FieldType::Name,
            FieldType::Date,
            FieldType::Address,
            FieldType::Email,
            FieldType::Phone { country: None },
        ];
        let mut owned: Vec<Part> = all.iter().flat_map(FieldType::parts).copied().collect();
        owned.push(Part::Whole);
        owned.sort();
        assert_eq!(owned, Part::ALL);
    }

    /// Reads what [`Normal::compound`] wrote.
    fn apart(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
            let (part, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
            parts.push(part.to_vec());
            bytes = rest;
        }
        parts
    }

    proptest! {
        #[test]
        fn parts_never_run_together(parts in prop::collection::vec("\\PC{0,9}", 0..5)) {
            let normals: Vec<Normal> = parts.iter().map(|part| Normal::from(part.as_str())).collect();
            let parts: Vec<Vec<u8>> = parts.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(apart(Normal::compound(&normals).as_bytes()), parts);
        }

        #[test]
        fn equal_values_have_equal_parts(name in "[A-ZÀ-ž][a-zß-ž]{0,9} [A-Z][a-z]{0,9}") {
            let (one, other) = (json!(name), json!(name.to_uppercase()));
            for which in [Part::First, Part::Last, Part::Initial] {
                prop_assert_eq!(part(&FieldType::Name, &one, which), part(&FieldType::Name, &other, which));
            }
        }
    }
}
