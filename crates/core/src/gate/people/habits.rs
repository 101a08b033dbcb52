//! When somebody usually logs in, and where they were last: one sealed row for each person, which goes 90 days after their last log-in.
//!
//! An hour of the week is unusual when less than one in 256 of somebody's log-ins would fall into it. Whoever has hardly logged in yet is
//! taken to come at any hour: 20 log-ins of everybody's are mixed in with their own, spread evenly, so that nothing is unusual before the
//! twelfth. An hour counts a half for those beside it, since clocks are set forward and back. What is old weighs less by 2 % a day.

use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::atlas::Point;
use super::places::KEPT_MICROS;
use crate::Error;
use crate::app::Cx;
use crate::ids::PrincipalId;

statements! {
    data ONE = "select sealed from habit where principal = ?1 and seen > ?2";
    data PUT = "insert into habit (principal, seen, sealed) values (?1, ?2, ?3) on conflict (principal) do update set seen = ?2, sealed = ?3";
    data SWEEP = "delete from habit where seen <= ?1";
}

const HOUR_MICROS: i64 = 3600 * 1_000_000;
const HOURS: usize = 168;
/// Log-ins that are mixed in, at any hour.
const PRIOR: f64 = 20.0;
/// More than this is a surprise, in bits.
const SURPRISE: f64 = 8.0;
/// What is left of a log-in's weight after a day.
const DAILY: f64 = 0.98;

/// What is unusual about a log-in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unusual {
    /// The hour of the week.
    pub(super) hour: bool,
    /// That they are there, so soon after they were elsewhere.
    pub(super) out_of_reach: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Habit {
    /// Log-ins by hour of the week, UTC, as they weigh at `at`.
    hours: Vec<f64>,
    at: i64,
    last: Option<(i64, Point)>,
}

impl Habit {
    fn new(now: i64) -> Self {
        Self { hours: vec![0.0; HOURS], at: now, last: None }
    }

    /// How surprising an hour is, in bits.
    fn surprise(&self, hour: usize) -> f64 {
        let weight = |hour: usize| self.hours.get(hour % HOURS).copied().unwrap_or_default();
        let beside = weight(hour + 1) + weight(hour + HOURS - 1);
        let all: f64 = self.hours.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "168")]
        let prior = PRIOR / HOURS as f64;
        -((weight(hour) / 2.0 + beside / 4.0 + prior) / (all + PRIOR)).log2()
    }

    fn add(&mut self, hour: usize, now: i64) {
        let days = now.saturating_sub(self.at).max(0) / (24 * HOUR_MICROS);
        #[expect(clippy::cast_precision_loss, reason = "so many days are an age of the earth")]
        let left = DAILY.powf(days as f64);
        self.hours.iter_mut().for_each(|weight| *weight *= left);
        self.at = self.at.saturating_add(days.saturating_mul(24 * HOUR_MICROS)).min(now);
        if let Some(weight) = self.hours.get_mut(hour) {
            *weight += 1.0;
        }
    }
}

/// Which of the 168 hours of a week it is, from Monday 0:00 UTC on.
fn hour(now: i64) -> usize {
    // The epoch was a Thursday.
    let hours = now.div_euclid(HOUR_MICROS).saturating_add(72);
    usize::try_from(hours.rem_euclid(168)).unwrap_or_default()
}

/// What is unusual about a log-in, by those before; and learns from it. `begins`: they were not logged in before. Whoever shows only once
/// more who they are teaches nothing about their hours.
pub(super) fn learn(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    principal: PrincipalId,
    point: Option<Point>,
    begins: bool,
) -> Result<Unusual, Error> {
    let since = cx.now.saturating_sub(KEPT_MICROS);
    let sealed = tx.first(&ONE, params![principal.bytes(), since], |row| Ok(row.blob(0)?.to_vec()))?;
    let mut habit = match sealed {
        // One that was changed says no more than one that was taken away, and shuts nobody out.
        Some(sealed) => {
            let plain = cx.app.keys.open_row("habit", principal.bytes(), &sealed).ok();
            plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_else(|| Habit::new(cx.now))
        }
        None => Habit::new(cx.now),
    };
    let (hour, seconds) = (hour(cx.now), |since: i64| cx.now.saturating_sub(since).max(0) / 1_000_000);
    let out_of_reach = habit.last.zip(point).is_some_and(|((at, last), here)| {
        last.is_out_of_reach(here, u64::try_from(seconds(at)).unwrap_or_default())
    });
    let unusual = Unusual { hour: habit.surprise(hour) > SURPRISE, out_of_reach };
    if begins {
        habit.add(hour, cx.now);
    }
    habit.last = point.map(|point| (cx.now, point)).or(habit.last);
    let plain = serde_json::to_vec(&habit).map_err(|_| Error::Internal("a habit has no JSON form"))?;
    let sealed = cx.app.keys.seal_row("habit", principal.bytes(), &Zeroizing::new(plain), &cx.app.rng)?;
    tx.put(&PUT, params![principal.bytes(), cx.now, &sealed])?;
    Ok(unusual)
}

/// Forgets whoever has not logged in for long.
pub(super) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now.saturating_sub(KEPT_MICROS)])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * HOUR_MICROS;
    /// Monday, 2026-01-05, 0:00 UTC.
    const MONDAY: i64 = 1_767_571_200_000_000;

    #[test]
    fn the_week_begins_on_monday() {
        assert_eq!((hour(MONDAY), hour(MONDAY - 1), hour(MONDAY + 33 * HOUR_MICROS)), (0, 167, 33));
        assert_eq!(hour(0), 72, "a Thursday");
        assert!(hour(i64::MIN) < HOURS && hour(i64::MAX) < HOURS);
    }

    /// The bits at the hour of each log-in of somebody who comes at nine on working days, and once on Sunday at three.
    #[test]
    fn nights_are_unusual_for_whoever_comes_in_the_morning_but_not_before_that_is_known() {
        let mut habit = Habit::new(MONDAY);
        let night = 6 * 24 + 3;
        let mut first = None;
        for day in (0..70).filter(|day| day % 7 < 5) {
            let now = MONDAY + day * DAY + 9 * HOUR_MICROS;
            assert!(habit.surprise(hour(now)) <= SURPRISE, "a morning of work, day {day}");
            habit.add(hour(now), now);
            if habit.surprise(night) > SURPRISE && first.is_none() {
                first = Some(day);
            }
        }
        // By hand: an hour with nothing has 20/168 of (n + 20), which is less than 1/256 from n = 10.5 on: the 13th log-in, with the decay.
        assert_eq!(first, Some(16));
        // Clocks are set back: an hour beside a usual one is usual.
        let earlier = hour(MONDAY + 8 * HOUR_MICROS);
        assert!(habit.surprise(earlier) < SURPRISE && habit.surprise(earlier - 1) > SURPRISE);
        // Whoever works on Sunday nights from now on is not asked about it for ever.
        for week in 10..14 {
            let now = MONDAY + (week * 7 + 6) * DAY + 3 * HOUR_MICROS;
            habit.add(hour(now), now);
        }
        assert!(habit.surprise(night) < SURPRISE);
    }

    #[test]
    fn half_is_forgotten_in_34_days_however_often_one_comes() {
        let mut rare = Habit::new(MONDAY);
        rare.add(0, MONDAY);
        rare.add(9, MONDAY + 34 * DAY);
        assert!((rare.hours[0] - 0.503).abs() < 0.001, "{}", rare.hours[0]);
        let mut often = Habit::new(MONDAY);
        often.add(0, MONDAY);
        for hours in 1..=34 * 8 {
            often.add(9, MONDAY + hours * 3 * HOUR_MICROS);
        }
        assert!((often.hours[0] - 0.503).abs() < 0.001, "{}", often.hours[0]);
    }
}
