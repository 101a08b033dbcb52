//! Dates, `YYYY-MM-DD` of the proleptic Gregorian calendar, by their rank among the days of a span of years.
//!
//! A million days are 2738 years. A span of living memory has forty thousand, and there no cipher hides a
//! birthday: such spans are refused. With the calendar's whole span a token is a date that a date column
//! takes, in a year that nobody was born in. Dates of the present are in it too, so it is no mark.

use super::{Direction, Error, Ff1, Result, rank};
use crate::ff1::MIN_DOMAIN;

const MALFORMED: Error = Error::Malformed("date within the span");
const DAYS_IN_400_YEARS: u32 = 146_097;

/// Years, first and last included, that dates and their tokens lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct YearSpan {
    first: u16,
    last: u16,
}

impl YearSpan {
    /// All that four digits can write: 0001 to 9999.
    pub const WHOLE: Self = Self { first: 1, last: 9999 };

    /// Within 1 to 9999, and at least a million days.
    pub fn new(first: u16, last: u16) -> Result<Self> {
        let span = Self { first, last };
        if first == 0 || last > 9999 || first > last {
            return Err(Error::Parameters("years outside 1 to 9999, or the last before the first"));
        }
        if u128::from(span.days()) < MIN_DOMAIN {
            return Err(Error::Parameters("a span of fewer than a million days, which is 2738 years"));
        }
        Ok(span)
    }

    /// The first year.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The last year.
    pub const fn last(self) -> u16 {
        self.last
    }

    fn days(self) -> u32 {
        days_before(self.last + 1) - days_before(self.first)
    }

    fn rank(self, date: Date) -> Option<u32> {
        (self.first..=self.last)
            .contains(&date.year)
            .then(|| days_before(date.year) - days_before(self.first) + date.day_of_year())
    }

    fn unrank(self, rank: u32) -> Date {
        let days = days_before(self.first) + rank;
        // Whole mean years, counted from 0: the year itself or up to two before it, never one after.
        let guess = u64::from(days) * 400 / u64::from(DAYS_IN_400_YEARS);
        let mut year = u16::try_from(guess).unwrap_or(self.last).max(1);
        while days_before(year + 1) <= days {
            year += 1;
        }
        Date::of_day(year, days - days_before(year))
    }
}

pub(super) fn apply(ff1: &Ff1, span: YearSpan, text: &str, direction: Direction) -> Result<String> {
    let rank = Date::parse(text).and_then(|date| span.rank(date)).ok_or(MALFORMED)?;
    let rank = rank::permute(ff1, &[], span.days().into(), rank.into(), direction)?;
    let Date { year, month, day } = span.unrank(u32::try_from(rank).map_err(|_| MALFORMED)?);
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

/// Days from the first of January of year 1 to that of `year`.
fn days_before(year: u16) -> u32 {
    let past = u32::from(year) - 1;
    past * 365 + past / 4 - past / 100 + past / 400
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: u16,
    month: u16,
    day: u16,
}

impl Date {
    /// A day that there is, in the one spelling.
    fn parse(text: &str) -> Option<Self> {
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0, |number: u16, digit| {
                digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
            })
        };
        let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text.as_bytes() else { return None };
        let (year, month, day) = (number(&[y0, y1, y2, y3])?, number(&[m0, m1])?, number(&[d0, d1])?);
        let length = *month_lengths(year).get(usize::from(month.checked_sub(1)?))?;
        (1..=length).contains(&day).then_some(Self { year, month, day })
    }

    /// From 0.
    fn day_of_year(self) -> u32 {
        let months = month_lengths(self.year).into_iter().take(usize::from(self.month) - 1);
        u32::from(months.sum::<u16>() + self.day - 1)
    }

    fn of_day(year: u16, day_of_year: u32) -> Self {
        let mut date = Self { year, month: 1, day: 1 };
        let mut left = day_of_year;
        for length in month_lengths(year) {
            if let Some(less) = left.checked_sub(length.into()) {
                left = less;
                date.month += 1;
            } else {
                break;
            }
        }
        date.day += u16::try_from(left).unwrap_or(0);
        date
    }
}

const fn month_lengths(year: u16) -> [u16; 12] {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three whole cycles of the calendar; all others are like them.
    #[test]
    fn every_day_has_its_rank_and_comes_back() {
        let (mut rank, mut day) = (0, Date { year: 1, month: 1, day: 1 });
        while day.year <= 1200 {
            assert_eq!(YearSpan::WHOLE.rank(day), Some(rank), "{day:?}");
            assert_eq!(YearSpan::WHOLE.unrank(rank), day, "{rank}");
            rank += 1;
            day.day += 1;
            if day.day > month_lengths(day.year)[usize::from(day.month) - 1] {
                day = Date { day: 1, month: day.month + 1, ..day };
            }
            if day.month > 12 {
                day = Date { year: day.year + 1, month: 1, day: 1 };
            }
        }
        assert_eq!(rank, 3 * DAYS_IN_400_YEARS);
        assert_eq!(YearSpan::WHOLE.days(), 3_652_059);
    }

    /// Ordinals that others publish: Python's `date.toordinal` counts from 1.
    #[test]
    fn ranks_are_the_calendars() {
        for (date, ordinal) in [
            ("1970-01-01", 719_163),
            ("2000-02-29", 730_179),
            ("2000-12-31", 730_485),
            ("9999-12-31", 3_652_059),
        ] {
            assert_eq!(YearSpan::WHOLE.rank(Date::parse(date).unwrap()), Some(ordinal - 1), "{date}");
        }
    }

    #[test]
    fn days_that_are_none_are_refused() {
        for text in [
            "1900-02-29",
            "2023-02-29",
            "2024-02-30",
            "2024-04-31",
            "2024-13-01",
            "2024-00-10",
            "2024-01-00",
            "2024-1-01",
            "2024/01/01",
            "02024-01-01",
            "+024-01-01",
            "2024-01-01 ",
            "",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::parse("2000-02-29").is_some());
    }
}
