//! Postal addresses.
//!
//! The parts that a letter needs, each one line of text, as the person writes them; only the street is
//! required, because many systems hold an address as one line. Whether a place exists is not checked, and a
//! country is kept as it was given, name or code.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Invalid, Mask, Normal, Value, free_text, line, name, value};

const EXPECTED: &str = "expected an address: its street as text, or an object with `street` and, where known, \
                        `street2`, `city`, `region`, `postal_code` and `country`";

pub(super) const MASKS: &[Mask] = &[Mask::Hide, Mask::Country, Mask::City, Mask::CityCountry, Mask::Full];

const MAX: usize = 200;

/// An address in canonical form: lines of text, and no part that is empty.
#[derive(Clone, Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    street: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    street2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

pub(super) fn parse(input: &Json) -> Result<Value, Invalid> {
    let mut address = Address::default();
    match input {
        Json::String(street) => address.street = part(street, "street")?.ok_or(EXPECTED)?,
        Json::Object(parts) => {
            for (key, value) in parts {
                let text = match value {
                    Json::Null => continue,
                    Json::String(text) => text,
                    _ => return Err("expected every part of an address as text".into()),
                };
                match key.as_str() {
                    "street" => address.street = part(text, "street")?.unwrap_or_default(),
                    "street2" => address.street2 = part(text, "street2")?,
                    "city" => address.city = part(text, "city")?,
                    "region" => address.region = part(text, "region")?,
                    "postal_code" => address.postal_code = part(text, "postal_code")?,
                    "country" => address.country = part(text, "country")?,
                    // The key is not repeated: it is input like the value, and may be one by mistake.
                    _ => return Err(EXPECTED.into()),
                }
            }
        }
        other => return Err(Invalid::kind(EXPECTED, other)),
    }
    if address.street.is_empty() { Err(EXPECTED.into()) } else { Ok(Value::from(address)) }
}

/// One part in line form; `None` if there is nothing in it.
fn part(text: &str, key: &'static str) -> Result<Option<String>, Invalid> {
    match line::clean(text, MAX) {
        Ok(mut line) => {
            free_text::check(&line)?;
            Ok(Some(std::mem::take(&mut *line)))
        }
        Err(line::Fault::Empty) => Ok(None),
        Err(line::Fault::TooLong | line::Fault::Unprintable) => {
            Err(Invalid(format!("expected `{key}` as one line of at most {MAX} characters").into()))
        }
    }
}

impl Address {
    /// The parts in the order in which they are stored and compared.
    fn parts(&self) -> [Option<&str>; 6] {
        [
            Some(self.street.as_str()),
            self.street2.as_deref(),
            self.city.as_deref(),
            self.region.as_deref(),
            self.postal_code.as_deref(),
            self.country.as_deref(),
        ]
    }

    pub(super) fn city(&self) -> Option<&str> {
        self.city.as_deref()
    }

    pub(super) fn postal_code(&self) -> Option<&str> {
        self.postal_code.as_deref()
    }

    pub(super) fn country(&self) -> Option<&str> {
        self.country.as_deref()
    }

    pub(super) fn to_json(&self) -> Json {
        let keys = ["street", "street2", "city", "region", "postal_code", "country"];
        let shown = keys.into_iter().zip(self.parts());
        Json::Object(shown.filter_map(|(key, part)| Some((key.to_owned(), Json::from(part?)))).collect())
    }

    /// An upper bound for the length in JSON.
    pub(super) fn json_len(&self) -> usize {
        self.parts().into_iter().flatten().map(|part| value::quoted_len(part) + 16).sum::<usize>() + 2
    }
}

/// Every part folded like a name and ended by a separator that no line contains, so that parts cannot run
/// together.
pub(super) fn normal(address: &Address) -> Normal {
    let mut normal = Zeroizing::new(String::with_capacity(address.json_len()));
    for part in address.parts() {
        name::fold(part.unwrap_or_default()).chars().for_each(|c| line::push(&mut normal, c));
        line::push(&mut normal, '\u{1f}');
    }
    Normal::from(normal)
}

/// The shown parts as an object of the same shape; `None` if the address has none of them.
pub(super) fn view(address: &Address, mask: Mask) -> Option<Json> {
    let city = address.city.as_deref().filter(|_| matches!(mask, Mask::City | Mask::CityCountry));
    let country = address.country.as_deref().filter(|_| matches!(mask, Mask::Country | Mask::CityCountry));
    let shown = [("city", city), ("country", country)];
    let parts: Map<String, Json> =
        shown.into_iter().filter_map(|(key, part)| Some((key.to_owned(), Json::from(part?)))).collect();
    (!parts.is_empty()).then_some(Json::Object(parts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{FieldType, HIDDEN};
    use super::*;

    fn view(address: &Json, mask: Mask) -> Json {
        FieldType::Address.view(&FieldType::Address.parse(address).expect("an address"), &mask)
    }

    #[test]
    fn parts_are_lines_and_empty_ones_are_left_out() {
        let given = json!({
            "country": "DE",
            "city": " Sankt \u{a0} Peter ",
            "street": "Hauptstraße\n 1",
            "region": "",
            "street2": null
        });
        let value = FieldType::Address.parse(&given).unwrap();
        insta::assert_snapshot!(value.to_json(), @r#"{"street":"Hauptstraße 1","city":"Sankt Peter","country":"DE"}"#);
        assert_eq!(value.to_json().to_string().as_bytes(), &**value.to_bytes());
    }

    #[test]
    fn one_line_is_a_street() {
        assert_eq!(parse(&json!("1 Way, Town")).unwrap().to_json(), json!({"street": "1 Way, Town"}));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for given in [
            json!({}),
            json!({"city": "Bonn"}),
            json!({"street": " "}),
            json!(""),
            json!(5),
            json!(["1 Way"]),
            json!({"street": "1 Way", "floor": "2"}),
            json!({"street": "1 Way", "city": 5}),
            json!({"street": "1 Way", "city": "A\u{7}"}),
            json!({"street": "x".repeat(201)}),
        ] {
            assert!(FieldType::Address.parse(&given).is_err(), "{given}");
        }
    }

    #[test]
    fn parts_do_not_run_together() {
        let normal = |given| FieldType::Address.normal(&FieldType::Address.parse(&given).unwrap());
        assert_eq!(
            normal(json!({"street": "Rue É", "city": "LYON"})),
            normal(json!({"city": "Lyon", "street": "rue e"}))
        );
        assert_ne!(
            normal(json!({"street": "a", "city": "b"})),
            normal(json!({"street": "a", "region": "b"}))
        );
        assert_ne!(normal(json!({"street": "a b"})), normal(json!({"street": "a", "street2": "b"})));
    }

    #[test]
    fn masks() {
        let full = json!({"street": "1 Way", "city": "Bonn", "postal_code": "53111", "country": "Germany"});
        assert_eq!(view(&full, Mask::Country), json!({"country": "Germany"}));
        assert_eq!(view(&full, Mask::City), json!({"city": "Bonn"}));
        assert_eq!(view(&full, Mask::CityCountry), json!({"city": "Bonn", "country": "Germany"}));
        assert_eq!(view(&full, Mask::KeepFirst(3)), json!(HIDDEN));
        assert_eq!(view(&json!("1 Way"), Mask::CityCountry), json!(HIDDEN));
    }
}
