//! Every number of the rules, with its default and the reason for it.
//!
//! The defaults come from experience with the formulas, not from one company's data. Whoever changes one
//! should look at what the synthetic day of `avouch-bench snoop` says afterwards, on seeds that were not
//! looked at before.

use crate::{Error, MAX_SNAPSHOT, Result};

/// All parameters. `Thresholds::default()` is what is meant to be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// Minutes that the company's day is ahead of UTC's, so that a day ends when few work.
    pub day_offset_minutes: i32,
    /// What follows from a score.
    pub levels: Levels,
    /// R1 to R3.
    pub relation: Relation,
    /// R4 and R5.
    pub volume: Volume,
    /// R6 to R8.
    pub context: Context,
    /// R9, R11 and R12.
    pub pattern: Pattern,
    /// How what is usual is learnt.
    pub learning: Learning,
    /// How much is kept.
    pub bounds: Bounds,
}

macro_rules! group {
    ($(#[$about:meta])* $name:ident { $($(#[$reason:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$reason])* pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            fn numbers(&self) -> impl Iterator<Item = (&'static str, f64)> {
                [$((stringify!($field), self.$field as f64),)*].into_iter()
            }
        }
    };
}

group! {
    /// What follows from a score.
    Levels {
        /// 0.5: more likely than not worth one sentence of a reason.
        prompt: f64 = 0.5,
        /// 0.8: worth a reviewer's minutes.
        case: f64 = 0.8,
        /// 0.95: two rules agree, or one is certain; waiting costs less than a mistake.
        block: f64 = 0.95,
        /// 0.06: below it a rule is not named among the reasons. R7 comes to 0.05 for whom nothing is known
        /// of, and to 0.1 at most.
        fires: f64 = 0.06,
        /// 0.7: a masked view tells that somebody is a customer, and little else.
        masked: f64 = 0.7,
    }
}

group! {
    /// R1 to R3.
    Relation {
        /// R1, 0.75: a prompt and no case: colleagues are customers, and have cases that are logged late.
        colleague: f64 = 0.75,
        /// R2, 0.55: one curious look at a VIP is a prompt.
        vip: f64 = 0.55,
        /// R2, 0.15 for each further onlooker: what makes many curious at once is news, not work.
        vip_each: f64 = 0.15,
        /// R2, 4 onlookers reach 1.
        vip_most: u32 = 4,
        /// R3, 0.95: there is hardly a reason to look up one's own household.
        household: f64 = 0.95,
        /// R3, 0.5: even with a case it is somebody else's to work on; and still below a prompt.
        household_least: f64 = 0.5,
        /// R3, 0.25: a name alone explains little.
        surname: f64 = 0.25,
    }
}

group! {
    /// R4 and R5.
    Volume {
        /// R4, 4 standard deviations: counts of work have heavier tails than a normal distribution.
        daily_z: f64 = 4.0,
        /// R4, 2: from 0.12 at three deviations to 0.88 at five.
        daily_slope: f64 = 2.0,
        /// R4, 0.7: how much alone says nothing about need.
        daily_weight: f64 = 0.7,
        /// R4, 35 people in ten minutes: nobody reads so fast.
        burst_count: f64 = 35.0,
        /// R4, 0.3: from 0.18 at thirty to 0.82 at forty.
        burst_slope: f64 = 0.3,
        /// R4, 0.8: some tools open many at once for good reason.
        burst_weight: f64 = 0.8,
        /// R4, 8 steps along the row of ids without a case: work does not come sorted.
        neighbours: f64 = 8.0,
        /// R4, 2: an id that is skipped is still walking along.
        neighbour_distance: u64 = 2,
        /// R4, 0.9.
        neighbours_value: f64 = 0.9,
        /// R5, 4.5 standard deviations of what is untied.
        untied_z: f64 = 4.5,
        /// R5, 1.6.
        untied_slope: f64 = 1.6,
        /// R5, 0.85: cases that nobody logs look the same.
        untied_weight: f64 = 0.85,
        /// 1: the least variance. Who never opens anybody untied is not alarming with two.
        least_variance: f64 = 1.0,
        /// 3 others of the team must be at work before their day says that it is a busy one.
        busy_others: u32 = 3,
        /// 0.5: how much a person's day varies by chance, in usual days. Divided by the root of the others at
        /// work, so much of their mean is taken for chance.
        busy_chance: f64 = 0.5,
        /// 4: the most that one person counts for in that, or a thief would be his team's busy day.
        busy_most: f64 = 4.0,
    }
}

group! {
    /// R6 to R8.
    Context {
        /// R6, 8 bits: an hour in which one of 256 of somebody's looks falls.
        hour_bits: f64 = 8.0,
        /// R6, 1.2.
        hour_slope: f64 = 1.2,
        /// R6, 0.3: people stay longer.
        hour_weight: f64 = 0.3,
        /// R6, 4 visits without a case at such hours.
        hours_count: f64 = 4.0,
        /// R6, 0.75 for these.
        hours_value: f64 = 0.75,
        /// R7, 5 bits: a portfolio in which one of 32 falls.
        segment_bits: f64 = 5.0,
        /// R7, 1.5.
        segment_slope: f64 = 1.5,
        /// R7, 0.1: weak alone, customers move and colleagues are on leave.
        segment_weight: f64 = 0.1,
        /// R8, 60: the novelty from which a session counts as new, as for the step-up.
        novelty: u32 = 60,
        /// R8, 0.2: devices are exchanged.
        session_weight: f64 = 0.2,
        /// R8, 10 visits without a case from such a session.
        session_count: f64 = 10.0,
        /// R8, 0.8 for these.
        session_value: f64 = 0.8,
        /// 20 looks of the team's are what somebody's own hours and portfolios are mixed with.
        mixed: f64 = 20.0,
    }
}

group! {
    /// R9, R11 and R12.
    Pattern {
        /// R9, 0.25 for each day beyond those that are free.
        stalking_each: f64 = 0.25,
        /// R9, 2 untied days in thirty are free.
        stalking_free: f64 = 2.0,
        /// R9, 0.9.
        stalking_most: f64 = 0.9,
        /// R11 and R12, 0.97: what was a month ago counts 0.4.
        keep: f64 = 0.97,
        /// R11 and R12, 3: one day cannot carry an alarm alone.
        clip: f64 = 3.0,
        /// R11, 0.6 deviations a day are let pass.
        slow_allowance: f64 = 0.6,
        /// R11, 7.
        slow_limit: f64 = 7.0,
        /// R11, 0.8.
        slow_weight: f64 = 0.8,
        /// R12, 0.7: volume moves with the work, more than what is untied.
        drift_allowance: f64 = 0.7,
        /// R12, 8.
        drift_limit: f64 = 8.0,
        /// R12, 0.6.
        drift_weight: f64 = 0.6,
        /// R11 and R12, 0.9.
        slope: f64 = 0.9,
        /// 3: from this sum on, nothing is learnt: what is looked into must not become what is usual.
        freeze: f64 = 3.0,
        /// 12: the most a sum comes to, so that it comes down within weeks.
        most: f64 = 12.0,
        /// 10 days at work before R11 and R12 begin to sum: until then what is usual is mostly the team's,
        /// and people differ.
        warm_up: u32 = 10,
        /// 0.7: the limits of R4, R5, R11 and R12 for who is about to leave: that is when customers are taken
        /// along.
        leaving: f64 = 0.7,
    }
}

group! {
    /// How what is usual is learnt.
    Learning {
        /// 0.05 for each day at work: a month's memory.
        actor: f64 = 0.05,
        /// 0.02: a team's is slower than each of its people.
        team: f64 = 0.02,
        /// 5 days: somebody's own days outweigh the team's from then on.
        shrink: f64 = 5.0,
        /// 30 people a day: what a team is taken to open before anything is known of it.
        prior_mean: f64 = 30.0,
        /// 900: and how little that is known.
        prior_variance: f64 = 900.0,
        /// 0.2 of them untied.
        prior_untied: f64 = 0.2,
        /// 5 days: for so many the guess about a new team counts.
        prior_days: u32 = 5,
        /// 0.98 of the hours and portfolios are kept for each day at work.
        keep_habits: f64 = 0.98,
        /// 180 days without a look, and whatever is known of somebody is forgotten.
        forget_days: u32 = 180,
        /// 30 minutes: looks at one person closer than this are one visit.
        visit_minutes: u32 = 30,
    }
}

group! {
    /// How much is kept. Where a bound is reached, the oldest goes; what is lost by that stands beside each.
    Bounds {
        /// People who work here: 100,000. Who has not looked for longest has to be learnt anew.
        actors: usize = 100_000,
        /// Teams: 10,000. The same.
        teams: usize = 10_000,
        /// Customers of an actor's day: 2,048. Who comes after that is counted each time.
        subjects: usize = 2_048,
        /// Visits of an actor's day that can be taken back: 256. Those before them stand as they were judged.
        visits: usize = 256,
        /// Customers whom an actor has opened untied within thirty days: 2,048. Days with one of the others
        /// are forgotten, and who opens so many is not found by R9 but by R5.
        pairs: usize = 2_048,
        /// VIPs of a day: 65,536. Onlookers of the others are forgotten.
        vips: usize = 65_536,
    }
}

impl Thresholds {
    /// # Errors
    /// [`Error::Thresholds`] if a number is negative or not a number, or a bound is 0 or so large that an
    /// actor's piece of state could pass [`MAX_SNAPSHOT`].
    pub(crate) fn check(&self) -> Result<()> {
        let numbers = (self.levels.numbers())
            .chain(self.relation.numbers())
            .chain(self.volume.numbers())
            .chain(self.context.numbers())
            .chain(self.pattern.numbers())
            .chain(self.learning.numbers());
        for (name, number) in numbers {
            if !(0.0..=1e9).contains(&number) {
                return Err(Error::Thresholds(name));
            }
        }
        for (name, number) in self.bounds.numbers() {
            if !(1.0..=1e9).contains(&number) {
                return Err(Error::Thresholds(name));
            }
        }
        // Or what is written could not be read again.
        let Bounds { subjects, visits, pairs, .. } = self.bounds;
        if 3 * (subjects * 24 + visits * 110) + pairs * 32 + 8_192 > MAX_SNAPSHOT {
            return Err(Error::Thresholds("bounds"));
        }
        let shares = [
            ("actor", self.learning.actor),
            ("team", self.learning.team),
            ("keep", self.pattern.keep),
            ("keep_habits", self.learning.keep_habits),
        ];
        shares.iter().find(|(_, share)| *share > 1.0).map_or(Ok(()), |(name, _)| Err(Error::Thresholds(name)))
    }

    /// The company's day of a time, in days since 1970.
    pub(crate) fn day(&self, at: i64) -> i32 {
        // 2^63 microseconds are 106,751,991 days.
        i32::try_from(self.local(at).div_euclid(DAY)).unwrap_or_default()
    }

    /// Which of 48 hours: 24 of a working day, 24 of a weekend.
    pub(crate) fn hour(&self, at: i64) -> usize {
        let hour = usize::try_from(self.local(at).rem_euclid(DAY) / HOUR).unwrap_or_default();
        // The first day of 1970 was a Thursday.
        let weekend = matches!(self.day(at).rem_euclid(7), 2 | 3);
        if weekend { 24 + hour } else { hour }
    }

    fn local(&self, at: i64) -> i64 {
        at.saturating_add(i64::from(self.day_offset_minutes).saturating_mul(MINUTE))
    }
}

pub(crate) const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_fit_for_use() {
        assert_eq!(Thresholds::default().check(), Ok(()));
    }

    #[test]
    fn a_number_that_is_none_is_refused_by_name() {
        let mut wrong = Thresholds::default();
        wrong.volume.daily_z = f64::NAN;
        assert_eq!(wrong.check(), Err(Error::Thresholds("daily_z")));
        let mut wrong = Thresholds::default();
        wrong.bounds.pairs = 0;
        assert_eq!(wrong.check(), Err(Error::Thresholds("pairs")));
        let mut wrong = Thresholds::default();
        wrong.bounds.subjects = 100_000;
        assert_eq!(wrong.check(), Err(Error::Thresholds("bounds")));
        let mut wrong = Thresholds::default();
        wrong.learning.actor = 1.5;
        assert_eq!(wrong.check(), Err(Error::Thresholds("actor")));
    }

    #[test]
    fn days_and_hours_of_known_moments() {
        let mut thresholds = Thresholds::default();
        // 2026-11-28 23:30 UTC, a Saturday.
        let at = 1_795_908_600_000_000;
        assert_eq!((thresholds.day(at), thresholds.hour(at)), (20_785, 24 + 23));
        thresholds.day_offset_minutes = 60;
        assert_eq!((thresholds.day(at), thresholds.hour(at)), (20_786, 24), "Sunday in Berlin");
        thresholds.day_offset_minutes = 60 + 24 * 60;
        assert_eq!((thresholds.day(at), thresholds.hour(at)), (20_787, 0), "and Monday");
        let thresholds = Thresholds::default();
        assert_eq!(thresholds.day(i64::MIN), -106_751_992);
        assert!(thresholds.hour(i64::MIN) < 48 && thresholds.hour(i64::MAX) < 48);
    }
}
