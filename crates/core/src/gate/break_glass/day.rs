//! One working day.

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// When one working day is over that begins at this moment: the same time of the next day that is none of a weekend. What begins on a
/// weekend begins with Monday. Days are those of UTC; holidays are nobody's yet.
pub(super) const fn one_working_day(from: i64) -> i64 {
    let begin = past_the_weekend(from);
    let (day, time) = (begin.div_euclid(DAY_MICROS), begin.rem_euclid(DAY_MICROS));
    let next = day.saturating_add(1);
    let monday = match weekday(next) {
        5 => 2,
        6 => 1,
        _ => 0,
    };
    next.saturating_add(monday).saturating_mul(DAY_MICROS).saturating_add(time)
}

/// The moment itself, or the beginning of Monday.
const fn past_the_weekend(at: i64) -> i64 {
    let day = at.div_euclid(DAY_MICROS);
    let monday = match weekday(day) {
        5 => 2,
        6 => 1,
        _ => return at,
    };
    day.saturating_add(monday).saturating_mul(DAY_MICROS)
}

/// 0 is Monday. The first day of 1970 was a Thursday.
const fn weekday(day: i64) -> i64 {
    day.saturating_add(3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekends_do_not_count() {
        let moment = |text: &str| text.parse::<jiff::Timestamp>().expect("a moment").as_microsecond();
        for (from, due) in [
            ("2026-11-23T09:30:00Z", "2026-11-24T09:30:00Z"),
            ("2026-11-26T23:59:59Z", "2026-11-27T23:59:59Z"),
            ("2026-11-27T15:00:00Z", "2026-11-30T15:00:00Z"),
            ("2026-11-28T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-29T20:00:00Z", "2026-12-01T00:00:00Z"),
            ("1969-12-31T12:00:00Z", "1970-01-01T12:00:00Z"),
        ] {
            assert_eq!(one_working_day(moment(from)), moment(due), "{from}");
        }
    }
}
