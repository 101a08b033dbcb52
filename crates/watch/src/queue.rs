//! Which cases of a day reach a reviewer, when there is time for so many.
//!
//! Each family has a budget of its own, so that the loudest do not starve the others: a hundred busy days are not worth more than
//! one curious colleague. Within a family cases are ranked by the family's score, then the day's, then how many visits fired.
//!
//! What a family leaves unused is given on one by one: in each round, every family that still has a case waiting gets one more, the
//! family with the highest waiting case first, until nothing is left. An actor is one alert, in the family that takes them first;
//! the alert names the others.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::access::ActorId;
use crate::judgement::Case;
use crate::rule::Family;

/// How many alerts a day each family has, in the order of [`Family::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(pub [u32; 8]);

impl Budget {
    /// So many in all, evenly; what cannot be divided goes to the most certain families.
    #[must_use]
    pub fn evenly(alerts: u32) -> Self {
        let mut each = [alerts / 8; 8];
        each.iter_mut().take((alerts % 8) as usize).for_each(|budget| *budget += 1);
        Self(each)
    }

    /// All families together.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, budget| sum.saturating_add(*budget))
    }
}

/// Waiting cases of one day.
#[derive(Clone, Debug)]
pub struct Queue {
    budget: Budget,
    /// For each family, the best first.
    waiting: [Vec<Case>; 8],
}

/// What a reviewer gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The case.
    pub case: Case,
    /// Other families in which the same actor was waiting.
    pub also: Vec<Family>,
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self { budget, waiting: Default::default() }
    }

    /// Lets a case wait. A family holds as many as all budgets together and no fewer than 64; the lowest goes first. Of an actor who
    /// waits in a family already, the higher case stays.
    pub fn offer(&mut self, case: Case) {
        let most = usize::try_from(self.budget.total()).unwrap_or(usize::MAX).max(64);
        let Some(waiting) = self.waiting.get_mut(case.family as usize) else { return };
        if let Some(same) = waiting.iter().position(|other| other.actor == case.actor) {
            if waiting.get(same).is_some_and(|other| rank(other, &case) != Ordering::Greater) {
                return;
            }
            waiting.remove(same);
        }
        let place = waiting.partition_point(|other| rank(other, &case) != Ordering::Greater);
        waiting.insert(place, case);
        waiting.truncate(most);
    }

    /// The alerts of the day, no more than the budgets together.
    #[must_use]
    pub fn close(mut self) -> Vec<Alert> {
        let mut alerts: Vec<Alert> = Vec::new();
        let mut left = 0_u32;
        for (family, budget) in Family::ALL.into_iter().zip(self.budget.0) {
            for taken in 0..budget {
                if !self.take(family, &mut alerts) {
                    left = left.saturating_add(budget - taken);
                    break;
                }
            }
        }
        while left > 0 {
            let mut round: Vec<(f64, Family)> = Vec::new();
            for family in Family::ALL {
                if let Some(case) = self.waiting.get(family as usize).and_then(|waiting| waiting.first()) {
                    round.push((case.score, family));
                }
            }
            // The sort is stable: of two alike, the more certain family comes first.
            round.sort_by(|one, other| other.0.total_cmp(&one.0));
            let before = alerts.len();
            for (_, family) in round {
                if left > 0 && self.take(family, &mut alerts) {
                    left -= 1;
                }
            }
            if alerts.len() == before {
                break;
            }
        }
        alerts
    }

    /// Takes the first of a family who has no alert yet.
    fn take(&mut self, family: Family, alerts: &mut Vec<Alert>) -> bool {
        let alerted: BTreeSet<ActorId> = alerts.iter().map(|alert| alert.case.actor).collect();
        let Some(waiting) = self.waiting.get_mut(family as usize) else { return false };
        waiting.retain(|case| !alerted.contains(&case.actor));
        if waiting.is_empty() {
            return false;
        }
        let case = waiting.remove(0);
        let others = Family::ALL.into_iter().zip(&self.waiting);
        let also = others.filter(|(_, waiting)| waiting.iter().any(|other| other.actor == case.actor));
        let also = also.map(|(family, _)| family).collect();
        alerts.push(Alert { case, also });
        true
    }
}

/// The better first; of two alike, always the same one.
fn rank(one: &Case, other: &Case) -> Ordering {
    (other.score.total_cmp(&one.score))
        .then(other.day_score.total_cmp(&one.day_score))
        .then(other.times.cmp(&one.times))
        .then(one.actor.cmp(&other.actor))
}
