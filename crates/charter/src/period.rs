//! Retention periods as a person writes them: `3 years`, `2 years 6 months`, `90 days`.
//!
//! Years and months are calendar units; when a period ends on a date is for the caller, who knows the calendar.
//! There is no `forever`: personal data always has an end.

use std::cmp::Ordering;
use std::fmt;

/// A length of time in calendar units; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    /// 0..=100.
    pub years: u16,
    /// 0..=1200.
    pub months: u16,
    /// 0..=36500.
    pub days: u16,
}

impl Period {
    /// Reads `3 years`, `1 year 6 months`, `90 days`. The error says what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if matches!(text.trim(), "forever" | "unlimited" | "indefinitely" | "always" | "never") {
            return Err("personal data always has an end; write a period such as `3 years`".into());
        }
        let mut period = Self { years: 0, months: 0, days: 0 };
        let mut last = 0;
        let mut words = text.split_whitespace();
        while let Some(number) = words.next() {
            let number: u16 = number.parse().map_err(|_| HOW.to_owned())?;
            let (rank, unit, most) = match words.next().ok_or(HOW)? {
                "year" | "years" => (1, &mut period.years, 100),
                "month" | "months" => (2, &mut period.months, 1200),
                "day" | "days" => (3, &mut period.days, 36_500),
                _ => return Err(HOW.into()),
            };
            if rank <= last {
                return Err("write years before months before days, each once: `1 year 6 months`".into());
            }
            if number > most {
                return Err("a hundred years is the longest period".into());
            }
            last = rank;
            *unit = number;
        }
        if period.about_days() == 0 {
            return Err(HOW.into());
        }
        Ok(period)
    }

    /// Roughly how many days it lasts (a year 365.25, a month a twelfth of it): for comparing, never for due dates.
    pub fn about_days(&self) -> u32 {
        let quarters =
            1461 * u32::from(self.years) + 1461 * u32::from(self.months) / 12 + 4 * u32::from(self.days);
        quarters / 4
    }

    /// Whether it is surely not shorter, nor longer, as far as calendars allow to say.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.about_days().cmp(&other.about_days())
    }
}

const HOW: &str = "write a number and `years`, `months` or `days`, such as `3 years` or `1 year 6 months`";

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for (number, unit) in [(self.years, "year"), (self.months, "month"), (self.days, "day")] {
            if number > 0 {
                write!(f, "{gap}{number} {unit}{}", if number == 1 { "" } else { "s" })?;
                gap = " ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(Period::parse("3 years").unwrap(), Period { years: 3, months: 0, days: 0 });
        assert_eq!(Period::parse(" 1 year  6 months ").unwrap(), Period { years: 1, months: 6, days: 0 });
        assert_eq!(Period::parse("90 days").unwrap(), Period { years: 0, months: 0, days: 90 });
    }

    #[test]
    fn refuses_what_has_no_end_or_no_meaning() {
        for text in
            ["", "forever", "3", "years", "3 weeks", "0 days", "-1 years", "1 day 1 year", "1 year 2 years"]
        {
            assert!(Period::parse(text).is_err(), "{text}");
        }
        assert!(Period::parse("forever").unwrap_err().contains("always has an end"));
        assert!(Period::parse("101 years").is_err());
    }

    #[test]
    fn compares_across_units() {
        let days = |text: &str| Period::parse(text).unwrap().about_days();
        assert!(days("1 year") > days("11 months"));
        assert!(days("12 months") == days("1 year"));
        assert!(days("31 days") > days("1 month"));
    }

    proptest! {
        #[test]
        fn display_reads_back(years in 0u16..=100, months in 0u16..=1200, days in 1u16..=36_500) {
            let period = Period { years, months, days };
            prop_assert_eq!(Period::parse(&period.to_string()).unwrap(), period);
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = Period::parse(&text);
        }
    }
}
