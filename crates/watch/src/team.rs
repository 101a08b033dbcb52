//! What is usual in a team, learnt slowly; and how busy it is today.
//!
//! A person counts in a team's day as at most four times what is usual there, so that a thief does not teach
//! it. What is untied is learnt twice, as for an actor: when the day is over, and two days later, when late
//! cases have been taken back.

use std::collections::VecDeque;

use minicbor::{Decode, Encode};

use crate::baseline::{Prior, Twice};
use crate::statistics::{Ewma, Histogram, is_count};
use crate::thresholds::Thresholds;

/// How many days can still change: today and the two before it.
pub(crate) const OPEN_DAYS: i32 = 3;

/// A team.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Team {
    #[n(0)]
    prior: Prior,
    /// Days learnt, for what is learnt at once and again.
    #[n(1)]
    learnt: u32,
    #[n(2)]
    learnt_again: u32,
    /// The last is the newest.
    #[n(3)]
    days: VecDeque<TeamDay>,
    #[n(4)]
    pub(crate) hours: Histogram<48>,
    #[n(5)]
    pub(crate) segments: Histogram<32>,
    /// Counts changes, for whoever stores it.
    #[cbor(skip)]
    pub(crate) revision: u64,
    #[cbor(skip)]
    pub(crate) stored: u64,
}

/// Sums over the people who are at work. Untied people count in tenths.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
struct TeamDay {
    #[n(0)]
    number: i32,
    #[n(1)]
    active: u32,
    #[n(2)]
    opened: u64,
    #[n(3)]
    opened_squared: u64,
    #[n(4)]
    untied: u64,
    #[n(5)]
    untied_squared: u64,
    /// Of how many times their usual number people have opened.
    #[n(6)]
    ratio: f64,
    #[n(7)]
    ratio_untied: f64,
}

impl Team {
    pub(crate) fn new(thresholds: &Thresholds) -> Self {
        let learning = &thresholds.learning;
        let share = learning.prior_untied.min(1.0);
        let untied = share * learning.prior_mean;
        let opened = Ewma { mean: learning.prior_mean, variance: learning.prior_variance };
        let twice = |number| Twice { at_once: number, again: number };
        Self {
            prior: Prior { opened, share: twice(share), variance: twice(untied * untied) },
            learnt: learning.prior_days,
            learnt_again: learning.prior_days,
            days: VecDeque::new(),
            hours: Histogram::default(),
            segments: Histogram::default(),
            revision: 1,
            stored: 0,
        }
    }

    /// Goes on to a day. One that lies two or more before the newest means that the clock was wrong: what was
    /// counted since is dropped.
    pub(crate) fn turn(&mut self, number: i32, thresholds: &Thresholds) {
        let Some(newest) = self.days.back().map(|day| day.number) else {
            self.days.push_back(TeamDay { number, ..TeamDay::default() });
            return;
        };
        if number <= newest.saturating_sub(2) {
            self.days.retain(|day| day.number < number);
        } else if number > newest {
            if let Some(day) = self.days.back().cloned() {
                self.learn(&day, thresholds);
            }
            let keep = thresholds.learning.keep_habits;
            self.hours.learn(&[0; 48], keep);
            self.segments.learn(&[0; 32], keep);
        } else {
            return;
        }
        while let Some(old) = self.days.pop_front_if(|day| day.number <= number.saturating_sub(OPEN_DAYS)) {
            self.learn_again(&old, thresholds);
        }
        self.days.push_back(TeamDay { number, ..TeamDay::default() });
    }

    /// What it tells about a day of one of its people.
    pub(crate) const fn prior(&self) -> Prior {
        self.prior
    }

    /// Somebody has come to `count` distinct people on this day.
    pub(crate) fn opened(&mut self, number: i32, count: u32, thresholds: &Thresholds) {
        let most = (thresholds.volume.busy_most * self.prior.opened.mean).max(1.0);
        if let Some(day) = self.days.iter_mut().find(|day| day.number == number) {
            day.active = day.active.saturating_add(u32::from(count == 1));
            if f64::from(count) <= most {
                day.opened = day.opened.saturating_add(1);
                day.opened_squared = day.opened_squared.saturating_add(2 * u64::from(count) - 1);
            }
        }
    }

    /// Somebody's untied people of this day went from one number to another.
    pub(crate) fn untied(&mut self, number: i32, from: u32, to: u32, thresholds: &Thresholds) {
        let usual = self.prior.share.at_once * self.prior.opened.mean;
        // Never so few that a handful of them is cut.
        let most = 10.0 * (thresholds.volume.busy_most * usual).max(5.0);
        if let Some(day) = self.days.iter_mut().find(|day| day.number == number) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 2^32")]
            let cut = |count: u32| f64::from(count).min(most) as u64;
            let (from, to) = (cut(from), cut(to));
            day.untied = day.untied.saturating_add(to).saturating_sub(from);
            let squared = day.untied_squared.saturating_add(to.saturating_mul(to));
            day.untied_squared = squared.saturating_sub(from.saturating_mul(from));
        }
    }

    /// How busy everybody else is today, people and untied people; and takes note of how busy this one is,
    /// who was counted with `before`.
    pub(crate) fn busy(
        &mut self,
        number: i32,
        before: [f64; 2],
        now: [f64; 2],
        thresholds: &Thresholds,
    ) -> [f64; 2] {
        let Some(day) = self.days.iter_mut().find(|day| day.number == number) else { return [1.0, 1.0] };
        let [before, before_untied] = before;
        let [now, now_untied] = now;
        let others = day.active.saturating_sub(1);
        let (rest, rest_untied) =
            ((day.ratio - before).max(0.0), (day.ratio_untied - before_untied).max(0.0));
        day.ratio = rest + now;
        day.ratio_untied = rest_untied + now_untied;
        if others < thresholds.volume.busy_others.max(1) {
            return [1.0, 1.0];
        }
        let others = f64::from(others);
        // A mean of few is above one by chance half of the time, and would excuse what comes slowly.
        let chance = thresholds.volume.busy_chance / others.sqrt();
        [rest, rest_untied].map(|sum| (sum / others - chance).max(1.0))
    }

    /// Mean and variance of a mixture: `share` of it the day.
    fn learn(&mut self, day: &TeamDay, thresholds: &Thresholds) {
        let Some((opened, untied)) = day.moments() else { return };
        let share = share(self.learnt, thresholds);
        let usual = &mut self.prior.opened;
        let difference = opened.mean - usual.mean;
        usual.mean += share * difference;
        usual.variance =
            (1.0 - share) * (usual.variance + share * difference * difference) + share * opened.variance;
        let (of_share, variance) = (&mut self.prior.share.at_once, &mut self.prior.variance.at_once);
        *of_share += share * ((untied.mean / opened.mean).min(1.0) - *of_share);
        *variance += share * (untied.variance - *variance);
        self.learnt = self.learnt.saturating_add(1);
    }

    fn learn_again(&mut self, day: &TeamDay, thresholds: &Thresholds) {
        let Some((opened, untied)) = day.moments() else { return };
        let share = share(self.learnt_again, thresholds);
        let (of_share, variance) = (&mut self.prior.share.again, &mut self.prior.variance.again);
        *of_share += share * ((untied.mean / opened.mean).min(1.0) - *of_share);
        *variance += share * (untied.variance - *variance);
        self.learnt_again = self.learnt_again.saturating_add(1);
    }

    pub(crate) fn newest(&self) -> i64 {
        self.days.back().map_or(i64::MIN, |day| i64::from(day.number))
    }

    pub(crate) fn is_sound(&self) -> bool {
        let ordered =
            self.days.iter().zip(self.days.iter().skip(1)).all(|(day, next)| day.number < next.number);
        let ratios = self.days.iter().all(|day| is_count(day.ratio) && is_count(day.ratio_untied));
        let sound = self.prior.is_sound() && self.hours.is_sound() && self.segments.is_sound();
        ordered && ratios && sound && self.days.len() <= usize::try_from(OPEN_DAYS).unwrap_or_default()
    }
}

impl TeamDay {
    fn moments(&self) -> Option<(Ewma, Ewma)> {
        if self.active == 0 || self.opened == 0 {
            return None;
        }
        let of = |sum: u64, squared: u64, unit: f64| {
            let mean = sum as f64 / unit / f64::from(self.active);
            let square = squared as f64 / (unit * unit) / f64::from(self.active);
            Ewma { mean, variance: (square - mean * mean).max(0.0) }
        };
        Some((of(self.opened, self.opened_squared, 1.0), of(self.untied, self.untied_squared, 10.0)))
    }
}

fn share(learnt: u32, thresholds: &Thresholds) -> f64 {
    thresholds.learning.team.max(1.0 / (f64::from(learnt) + 1.0))
}
