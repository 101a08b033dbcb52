//! Which cases of a day reach a reviewer, when there is time for so many.
//!
//! Each family has a budget of its own, so that the loudest do not starve the others: a hundred busy days are
//! not worth more than one curious colleague. Within a family cases are ranked by the family's score, then by
//! how many visits fired, then by the day's score.
//!
//! What a family leaves unused is given on one by one: to the family that has got the fewest alerts and still
//! has a case waiting, of two such to the one with the higher case. An actor is one alert, in the family that
//! takes them first; the alert names the others.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::access::ActorId;
use crate::judgement::Case;
use crate::rule::Family;

/// How many alerts a day each family has, in the order of [`Family::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(pub [u32; FAMILIES]);

const FAMILIES: usize = Family::ALL.len();

impl Budget {
    /// So many in all, evenly; what cannot be divided goes to the most certain families.
    #[must_use]
    pub fn evenly(alerts: u32) -> Self {
        let families = u32::try_from(FAMILIES).unwrap_or(1);
        let mut left = alerts % families;
        Self(Family::ALL.map(|_| {
            let more = left.min(1);
            left -= more;
            alerts / families + more
        }))
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
    waiting: [Vec<Case>; FAMILIES],
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

    /// Lets a case wait. A family holds as many as all budgets together and no fewer than 64; the lowest goes
    /// first. Of an actor who waits in a family already, the higher case stays.
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
            let got = |family: Family| alerts.iter().filter(|alert| alert.case.family == family).count();
            let waiting = Family::ALL.into_iter().zip(&self.waiting);
            let waiting = waiting.filter_map(|(family, waiting)| Some((family, waiting.first()?.score)));
            // Of two that are alike in both, the more certain family comes first.
            let next = waiting.min_by(|(one, score), (other, higher)| {
                got(*one).cmp(&got(*other)).then(higher.total_cmp(score))
            });
            let Some((family, _)) = next else { break };
            // Whoever was waiting may have been alerted meanwhile; then they wait no more.
            left -= u32::from(self.take(family, &mut alerts));
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
        .then(other.times.cmp(&one.times))
        .then(other.day_score.total_cmp(&one.day_score))
        .then(one.actor.cmp(&other.actor))
}
