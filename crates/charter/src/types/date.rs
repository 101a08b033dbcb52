//! Calendar days: `1962-02-18`.
//!
//! A day, not a moment: a timestamp is taken for its day only at midnight, as databases export days. Nothing
//! here knows today, so a date in the future is as good as any other.

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{Invalid, Mask, Value};

pub(super) const EXPECTED: &str = "expected a date such as 1980-12-31";

pub(super) const MASKS: &[Mask] = &[Mask::Hide, Mask::Year, Mask::YearMonth, Mask::Full];

/// Wide enough for the oldest customer and the longest contract, narrow enough to catch a slip of the finger.
const YEARS: std::ops::RangeInclusive<i16> = 1850..=2200;

pub(super) fn parse(input: &str) -> Result<Value, Invalid> {
    let input = input.trim();
    let (day, rest) = input.split_at_checked("1980-12-31".len()).ok_or(EXPECTED)?;
    if !is_midnight(rest) {
        return Err("expected a date such as 1980-12-31 without a time of day".into());
    }
    let (year, month, date) = numbers(day).ok_or(EXPECTED)?;
    if !YEARS.contains(&year) {
        return Err("expected a date between the years 1850 and 2200".into());
    }
    jiff::civil::Date::new(year, month, date)
        .map_err(|_| "expected a date such as 1980-12-31 that is in the calendar")?;
    Ok(Value::text(Zeroizing::new(day.to_owned())))
}

/// Year, month and day out of `yyyy-mm-dd`.
fn numbers(day: &str) -> Option<(i16, i8, i8)> {
    if !day
        .bytes()
        .enumerate()
        .all(|(i, byte)| if matches!(i, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
    {
        return None;
    }
    Some((day.get(..4)?.parse().ok()?, day.get(5..7)?.parse().ok()?, day.get(8..)?.parse().ok()?))
}

/// What may follow a day: nothing, or `T00:00`, `T00:00:00`, `T00:00:00.000`, with a blank for the T, with or
/// without `Z` or `+00:00`.
fn is_midnight(rest: &str) -> bool {
    if rest.is_empty() {
        return true;
    }
    let Some(time) = rest.strip_prefix(['T', ' ']) else { return false };
    let time = time.strip_suffix('Z').or_else(|| time.strip_suffix("+00:00")).unwrap_or(time);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    matches!((clock, time.len()), ("00:00", 5) | ("00:00:00", _))
        && !fraction.is_empty()
        && fraction.bytes().all(|digit| digit == b'0')
}

/// `1962` and `1962-02` of a date in canonical form.
pub(super) fn year_and_month(date: &str) -> Option<(&str, &str)> {
    numbers(date)?;
    Some((date.get(..4)?, date.get(..7)?))
}

pub(super) fn view(date: &str, mask: Mask) -> Option<Json> {
    let shown = match mask {
        Mask::Year => date.get(..4)?,
        Mask::YearMonth => date.get(..7)?,
        _ => return None,
    };
    (date.len() == "1980-12-31".len()).then(|| Json::from(shown))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::FieldType;
    use super::*;

    #[test]
    fn a_day_is_a_day_however_it_was_exported() {
        for typed in [
            "1962-02-18",
            " 1962-02-18 ",
            "1962-02-18T00:00",
            "1962-02-18T00:00:00",
            "1962-02-18 00:00:00",
            "1962-02-18T00:00:00Z",
            "1962-02-18T00:00:00.000Z",
            "1962-02-18T00:00:00+00:00",
            "1962-02-18T00:00Z",
        ] {
            let value = FieldType::Date.parse(&json!(typed)).expect(typed);
            assert_eq!(value.to_json(), json!("1962-02-18"));
        }
        assert!(parse("2000-02-29").is_ok());
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for typed in [
            "",
            "1962",
            "1962-02",
            "18.02.1962",
            "02/18/1962",
            "1962-2-18",
            "1900-02-29",
            "1962-02-30",
            "1962-13-01",
            "1962-00-10",
            "1962-01-00",
            "1849-12-31",
            "2201-01-01",
            "+962-02-18",
            "1962-02-18T08:30:00",
            "1962-02-18T00:00:00.001",
            "1962-02-18T00:00:00.",
            "1962-02-18T",
            "1962-02-18Z",
            "1962-02-18T00:00:00+02:00",
            "1962-02-18x",
            "1962-02-1８",
            "１962-02-18",
            "1962-02-18T00:00.0",
        ] {
            assert!(FieldType::Date.parse(&json!(typed)).is_err(), "{typed}");
        }
        assert!(FieldType::Date.parse(&json!(19_620_218)).is_err());
    }

    #[test]
    fn masks() {
        assert_eq!(view("1962-02-18", Mask::Year), Some(json!("1962")));
        assert_eq!(view("1962-02-18", Mask::YearMonth), Some(json!("1962-02")));
        assert_eq!(view("1962-02-18", Mask::KeepFirst(1)), None);
        assert_eq!(view("left over from a text field", Mask::Year), None);
    }
}
