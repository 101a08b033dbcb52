//! Search from one value to another: `birth_date` from May to July 1962.
//!
//! A value has one index term, that of the bucket it falls into: its month, its hundred. A question looks up every bucket
//! from end to end and compares after opening, so that its ends need not be those of buckets. Terms have no order a thief
//! of the database could see; how many values share a bucket is seen.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{FieldType, Invalid, Normal, Value, date, number, string};
use crate::words::Word;

/// How a field can be searched from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeIndex {
    /// What is looked up together.
    pub by: Bucket,
    /// Length of an index term, 4..=62; `None`: from the number of planned subjects.
    pub bits: Option<u8>,
}

/// The values that one index term stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Dates of one day.
    Day,
    /// Dates of one month of one year.
    Month,
    /// Dates of one year.
    Year,
    /// Dates of ten years, from one that ends in 0.
    Decade,
    /// Numbers from a multiple of this one up to the next; at least 1.
    Step(i64),
}

impl Bucket {
    /// Whether values of this type fall into such buckets.
    pub fn fits(self, of: &FieldType) -> bool {
        match self {
            Self::Step(step) => step >= 1 && matches!(of, FieldType::Number { .. }),
            Self::Day | Self::Month | Self::Year | Self::Decade => matches!(of, FieldType::Date),
        }
    }
}

/// The buckets of dates are words of the charter; that of numbers is a number.
impl Word for Bucket {
    const WHAT: &'static str = "bucket of dates";
    const WORDS: &'static [&'static str] = &["day", "month", "year", "decade"];

    fn read(word: &str) -> Option<Self> {
        let all = [Self::Day, Self::Month, Self::Year, Self::Decade];
        all.into_iter().find(|bucket| bucket.to_string() == word)
    }
}

/// As a charter says it, `month`, or `steps of 100`.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
            Self::Decade => "decade",
            Self::Step(step) => return write!(f, "steps of {step}"),
        })
    }
}

/// Most buckets that one question may look into.
const MOST: usize = 512;

impl FieldType {
    /// The bucket of a value, as its index holds it; `None` if the type has no such buckets, or the value is of another.
    pub fn range_term(&self, value: &Value, index: &RangeIndex) -> Option<Normal> {
        index.by.fits(self).then(|| bucket(value, index.by)).flatten().map(|bucket| bucket.term(index.by))
    }

    /// Reads a question from one value to another, both included.
    ///
    /// # Errors
    /// [`Invalid`] if an end is missing or no value of this type, if they are the wrong way round or too far apart, or if
    /// this type is not searched so.
    pub fn range_query(
        &self,
        from: Option<&Json>,
        to: Option<&Json>,
        index: &RangeIndex,
    ) -> Result<RangeQuery, Invalid> {
        if !index.by.fits(self) {
            return Err("a field of this type cannot be searched from one value to another".into());
        }
        let (Some(from), Some(to)) = (from, to) else {
            return Err("a search from one value to another needs both ends, `from` and `to`".into());
        };
        let (from, to) = (self.end(from)?, self.end(to)?);
        if !at_most(&from, &to) {
            return Err("`from` is greater than `to`: swap them".into());
        }
        let ends = bucket(&from, index.by).zip(bucket(&to, index.by));
        let (first, last) = ends.ok_or("expected ends that are values of this field")?;
        let terms = first.until(last, index.by).ok_or_else(|| too_far(index.by))?;
        Ok(RangeQuery { terms, from, to })
    }

    /// One end: a value of the type, though maybe not one that the field could hold.
    fn end(&self, input: &Json) -> Result<Value, Invalid> {
        match self {
            Self::Date => date::parse(string(input, date::EXPECTED)?),
            _ => number::parse(input, None, None),
        }
    }
}

fn too_far(by: Bucket) -> Invalid {
    let wide = match by {
        Bucket::Step(_) => format!("{MOST} {by}"),
        _ => format!("{MOST} {by}s"),
    };
    Invalid(format!("a search of this field may span {wide} at most: ask for less at once").into())
}

/// A question from one value to another.
pub struct RangeQuery {
    terms: Vec<Normal>,
    from: Value,
    to: Value,
}

impl RangeQuery {
    /// What to look up: every bucket from end to end.
    pub fn terms(&self) -> &[Normal] {
        &self.terms
    }

    /// Whether a value lies between the ends, or is one of them.
    pub fn matches(&self, value: &Value) -> bool {
        at_most(&self.from, value) && at_most(value, &self.to)
    }
}

impl fmt::Debug for RangeQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RangeQuery(…)")
    }
}

/// Dates compare as text, because their canonical form has the year first; values of different types do not compare.
fn at_most(one: &Value, other: &Value) -> bool {
    match (one.number(), other.number()) {
        (Some(one), Some(other)) => one <= other,
        (None, None) => one.str().zip(other.str()).is_some_and(|(one, other)| one <= other),
        _ => false,
    }
}

/// The number of a bucket among those of its kind, so that the next one is one more.
#[derive(Clone, Copy)]
struct Numbered(i64);

fn bucket(value: &Value, by: Bucket) -> Option<Numbered> {
    if let Bucket::Step(step) = by {
        return value.number().and_then(|number| number.floor_by(step)).map(Numbered);
    }
    let day: jiff::civil::Date = value.str()?.parse().ok()?;
    let year = i64::from(day.year());
    Some(Numbered(match by {
        Bucket::Day => i64::from(day.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days()),
        Bucket::Month => year * 12 + i64::from(day.month()) - 1,
        Bucket::Year => year,
        Bucket::Decade | Bucket::Step(_) => year.div_euclid(10),
    }))
}

impl Numbered {
    /// What the index holds: kind and number, so that two kinds of bucket never share a term.
    fn term(self, by: Bucket) -> Normal {
        Normal::from(Zeroizing::new(format!("{by} {}", self.0)))
    }

    /// The terms from this bucket to another; `None` if they are too many.
    fn until(self, last: Self, by: Bucket) -> Option<Vec<Normal>> {
        let many = usize::try_from(last.0.checked_sub(self.0)?).ok()?.checked_add(1)?;
        (many <= MOST).then(|| (self.0..=last.0).map(|number| Self(number).term(by)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ANY: FieldType = FieldType::Number { min: Some(0), max: None };

    fn index(by: Bucket) -> RangeIndex {
        RangeIndex { by, bits: None }
    }

    fn term(of: &FieldType, given: &Json, by: Bucket) -> String {
        let value = of.parse(given).expect("a value");
        let term = of.range_term(&value, &index(by)).expect("a bucket");
        String::from_utf8(term.as_bytes().to_vec()).unwrap()
    }

    fn refused(of: &FieldType, from: &Json, to: &Json, by: Bucket) -> String {
        of.range_query(Some(from), Some(to), &index(by)).expect_err("refused").to_string()
    }

    #[test]
    fn a_value_falls_into_one_bucket() {
        let day = json!("1962-02-18");
        assert_eq!(term(&FieldType::Date, &day, Bucket::Day), "day -2874");
        assert_eq!(term(&FieldType::Date, &day, Bucket::Month), "month 23545");
        assert_eq!(term(&FieldType::Date, &day, Bucket::Year), "year 1962");
        assert_eq!(term(&FieldType::Date, &day, Bucket::Decade), "decade 196");
        assert_eq!(term(&FieldType::Date, &json!("1970-01-01"), Bucket::Day), "day 0");
        let any = FieldType::Number { min: None, max: None };
        for (given, bucket) in [
            (json!(0), "0"),
            (json!(99.9999), "0"),
            (json!(100), "1"),
            (json!(-0.5), "-1"),
            (json!(-100), "-1"),
        ] {
            assert_eq!(term(&any, &given, Bucket::Step(100)), format!("steps of 100 {bucket}"), "{given}");
        }
    }

    #[test]
    fn what_falls_into_no_bucket() {
        let text = FieldType::Name.parse(&json!("1962")).unwrap();
        let day = FieldType::Date.parse(&json!("1962-02-18")).unwrap();
        assert_eq!(
            FieldType::Date.range_term(&text, &index(Bucket::Year)),
            None,
            "left over from another type"
        );
        assert_eq!(FieldType::Date.range_term(&day, &index(Bucket::Step(1))), None);
        assert_eq!(ANY.range_term(&day, &index(Bucket::Step(1))), None);
        assert_eq!(FieldType::Name.range_term(&text, &index(Bucket::Year)), None);
    }

    #[test]
    fn questions_that_cannot_be_asked() {
        let month = Bucket::Month;
        let (early, late) = (json!("1962-02-18"), json!("2004-10-18"));
        insta::assert_snapshot!(refused(&FieldType::Date, &late, &early, month), @"`from` is greater than `to`: swap them");
        insta::assert_snapshot!(refused(&FieldType::Date, &early, &late, Bucket::Day), @"a search of this field may span 512 days at most: ask for less at once");
        insta::assert_snapshot!(refused(&FieldType::Date, &early, &json!(1963), month), @"expected a date such as 1980-12-31, found a number");
        insta::assert_snapshot!(refused(&ANY, &json!(0), &json!(51_200), Bucket::Step(100)), @"a search of this field may span 512 steps of 100 at most: ask for less at once");
        insta::assert_snapshot!(refused(&ANY, &early, &late, month), @"a field of this type cannot be searched from one value to another");
        let half = FieldType::Date.range_query(Some(&early), None, &index(month)).unwrap_err();
        insta::assert_snapshot!(half, @"a search from one value to another needs both ends, `from` and `to`");
    }

    #[test]
    fn the_widest_question_is_answered() {
        let query =
            ANY.range_query(Some(&json!(-1)), Some(&json!(51_099)), &index(Bucket::Step(100))).unwrap();
        assert_eq!(query.terms().len(), MOST, "an end may lie where the field has no values");
        assert!(query.matches(&ANY.parse(&json!(51_099)).unwrap()));
        assert!(!query.matches(&FieldType::Name.parse(&json!("5")).unwrap()), "left over from another type");
    }

    fn date() -> impl Strategy<Value = (i16, i8, i8)> {
        (1850_i16..=2200, 1_i8..=12, 1_i8..=28)
    }

    fn by() -> impl Strategy<Value = Bucket> {
        prop::sample::select(vec![Bucket::Day, Bucket::Month, Bucket::Year, Bucket::Decade])
    }

    /// Some value and two ends that often lie near it.
    fn near(numbers: std::ops::Range<i64>) -> impl Strategy<Value = (i64, i64, i64)> {
        (numbers, -2000_i64..2000, -2000_i64..2000)
            .prop_map(|(value, a, b)| (value, value + a.min(b), value + a.max(b)))
    }

    proptest! {
        #[test]
        fn dates_between_the_ends_are_found_and_others_do_not_match(value in date(), from in date(), days in 0_i64..600, by in by()) {
            let day = |(y, m, d): (i16, i8, i8)| jiff::civil::date(y, m, d);
            let (value, from) = (day(value), day(from));
            // Half of the ends lie around the value.
            let from = if days % 2 == 0 { from } else { value.saturating_sub(jiff::Span::new().days(days / 2)) };
            let to = from.saturating_add(jiff::Span::new().days(days));
            let json = |day: jiff::civil::Date| json!(day.to_string());
            let (Ok(value_), Ok(query)) = (
                FieldType::Date.parse(&json(value)),
                FieldType::Date.range_query(Some(&json(from)), Some(&json(to)), &index(by)),
            ) else { return Ok(()) };
            let within = from <= value && value <= to;
            prop_assert_eq!(query.matches(&value_), within);
            let term = FieldType::Date.range_term(&value_, &index(by)).unwrap();
            prop_assert!(!within || query.terms().contains(&term));
        }

        #[test]
        fn numbers_between_the_ends_are_found_and_others_do_not_match(
            (value, from, to) in near(-1_000_000..1_000_000),
            scale in 0_u32..=4,
            step in 1_i64..300,
        ) {
            // The same numbers as integers and as decimals.
            let one = 10_i64.pow(scale);
            let json = |n: i64| json!(format!("{}{}.{:0width$}", if n < 0 { "-" } else { "" }, n.abs() / one, n.abs() % one, width = scale.max(1) as usize));
            let any = FieldType::Number { min: None, max: None };
            let by = index(Bucket::Step(step));
            let value_ = any.parse(&json(value)).unwrap();
            let Ok(query) = any.range_query(Some(&json(from)), Some(&json(to)), &by) else {
                prop_assert!((to - from) / one >= step * (MOST as i64 - 2), "{from} {to} {step}");
                return Ok(());
            };
            let within = from <= value && value <= to;
            prop_assert_eq!(query.matches(&value_), within);
            prop_assert!(!within || query.terms().contains(&any.range_term(&value_, &by).unwrap()));
        }
    }
}
