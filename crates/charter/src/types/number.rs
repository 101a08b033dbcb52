//! Numbers: integers and exact decimals.
//!
//! At most fifteen significant digits, four of them after the point. Within that every JSON reader, including
//! those that know only binary floating point, carries a number through unchanged, and so the canonical form
//! can be a plain JSON number. There is no rounding anywhere: what does not fit is refused.

use std::cmp::Ordering;

use serde_json::Value as Json;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Invalid, Value};

const EXPECTED: &str =
    "expected a number such as 12 or 12.50 of at most 15 digits, 4 of them after the point";

const MAX_DIGITS: u32 = 15;
const MAX_SCALE: u8 = 4;

pub(super) fn problem(min: Option<i64>, max: Option<i64>) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) if min > max => Some(format!("no number is at least {min} and at most {max}")),
        _ => None,
    }
}

/// Takes a JSON number, or text with one as a table exports it.
pub(super) fn parse(input: &Json, min: Option<i64>, max: Option<i64>) -> Result<Value, Invalid> {
    let number = match input {
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Decimal::new(integer, 0),
            None => Decimal::parse(&Zeroizing::new(number.to_string())),
        },
        Json::String(text) => Decimal::parse(text.trim()),
        other => return Err(Invalid::kind(EXPECTED, other)),
    }
    .ok_or(EXPECTED)?;
    match (min, max) {
        (Some(min), _) if number.is_less(min) => {
            Err(Invalid(format!("expected a number that is at least {min}").into()))
        }
        (_, Some(max)) if number.is_greater(max) => {
            Err(Invalid(format!("expected a number that is at most {max}").into()))
        }
        _ => Ok(Value::from(number)),
    }
}

/// The number `units / 10^scale`.
// INVARIANT: at most MAX_DIGITS digits in `units`, at most MAX_SCALE in `scale`, and no trailing zero after
// the point.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Decimal {
    units: i64,
    scale: u8,
}

impl Decimal {
    fn new(mut units: i64, mut scale: u8) -> Option<Self> {
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        (scale <= MAX_SCALE && units.unsigned_abs() < 10_u64.pow(MAX_DIGITS)).then_some(Self { units, scale })
    }

    /// Reads plain decimal notation: `-12.50`, never `1e3`, `+1`, `.5` or `5.`
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if whole.is_empty() || fraction.is_empty() {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= MAX_SCALE)?;
        let mut units: i64 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
            units = units.checked_mul(10)?.checked_add(digit)?;
        }
        Self::new(sign * units, scale)
    }

    /// How many whole steps it is above zero, rounded down.
    pub(super) fn floor_by(&self, step: i64) -> Option<i64> {
        i128::from(self.units).div_euclid(i128::from(step.max(1)) * self.one()).try_into().ok()
    }

    fn is_less(&self, bound: i64) -> bool {
        i128::from(self.units) < i128::from(bound) * self.one()
    }

    fn is_greater(&self, bound: i64) -> bool {
        i128::from(self.units) > i128::from(bound) * self.one()
    }

    fn one(&self) -> i128 {
        10_i128.pow(self.scale.into())
    }

    /// The shortest decimal notation, which is also the number in JSON.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(24));
        let one = 10_u64.pow(self.scale.into());
        let units = self.units.unsigned_abs();
        if self.units < 0 {
            text.push('-');
        }
        text.push_str(&Zeroizing::new((units / one).to_string()));
        if self.scale > 0 {
            let fraction = Zeroizing::new(format!("{:0width$}", units % one, width = self.scale.into()));
            text.push('.');
            text.push_str(&fraction);
        }
        text
    }

    pub(super) fn to_json(&self) -> Json {
        if self.scale == 0 {
            return Json::from(self.units);
        }
        // Fifteen digits survive the way through a double.
        self.to_text().parse::<f64>().map_or(Json::Null, Json::from)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        (i128::from(self.units) * other.one()).cmp(&(i128::from(other.units) * self.one()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::FieldType;
    use super::*;

    const ANY: FieldType = FieldType::Number { min: None, max: None };

    #[test]
    fn integers_and_decimals_stay_exact() {
        for (given, kept) in [
            (json!(12), "12"),
            (json!(-7), "-7"),
            (json!(0.1), "0.1"),
            (json!(12.50), "12.5"),
            (json!(1e3), "1000"),
            (json!("12.50"), "12.5"),
            (json!(" -0.0700 "), "-0.07"),
            (json!("007"), "7"),
            (json!("-0"), "0"),
            (json!(999_999_999_999_999_i64), "999999999999999"),
            (json!("99999999999.9999"), "99999999999.9999"),
            (json!(-99_999_999_999.999_9), "-99999999999.9999"),
        ] {
            let value = ANY.parse(&given).unwrap_or_else(|refused| panic!("{given}: {refused}"));
            assert_eq!(value.to_json().to_string(), kept);
            assert_eq!(*value.to_bytes(), kept.as_bytes());
        }
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        for given in [
            json!(1_000_000_000_000_000_i64),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(0.00001),
            json!(1e300),
            json!("0.00001"),
            json!("1e3"),
            json!("+1"),
            json!(".5"),
            json!("5."),
            json!("1,5"),
            json!("1 000"),
            json!("--1"),
            json!(""),
            json!("-"),
            json!("NaN"),
            json!("100000000000.0001"),
            json!(null),
            json!(true),
        ] {
            assert!(ANY.parse(&given).is_err(), "{given}");
        }
    }

    #[test]
    fn bounds_hold_for_decimals() {
        let age = FieldType::Number { min: Some(-1), max: Some(5) };
        for (given, fits) in [
            (json!(-1), true),
            (json!(-1.0001), false),
            (json!(5), true),
            (json!("5.0000"), true),
            (json!(5.0001), false),
        ] {
            assert_eq!(age.parse(&given).is_ok(), fits, "{given}");
        }
        insta::assert_snapshot!(age.parse(&json!(41)).unwrap_err(), @"expected a number that is at most 5");
        insta::assert_snapshot!(age.parse(&json!([1])).unwrap_err(), @"expected a number such as 12 or 12.50 of at most 15 digits, 4 of them after the point, found a list");
        assert!(FieldType::Number { min: Some(2), max: Some(1) }.problem().is_some());
        assert_eq!(age.problem(), None);
    }

    proptest! {
        #[test]
        fn every_number_within_the_limits_survives_json(
            units in -999_999_999_999_999_i64..=999_999_999_999_999,
            scale in 0_u8..=4,
        ) {
            let number = Decimal::new(units, scale).expect("within the limits");
            let text = serde_json::to_string(&number.to_json()).unwrap();
            let again: Json = serde_json::from_str(&text).unwrap();
            let value = ANY.parse(&again).unwrap();
            prop_assert_eq!(value.to_bytes(), Value::from(number.clone()).to_bytes());
            prop_assert_eq!(text.as_bytes(), &**value.to_bytes());
        }
    }
}
