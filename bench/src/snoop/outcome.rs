//! What reviewers would have seen: how many of the planted are among the alerts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use avouch_watch::{Budget, Case, Queue, View, Watch};
use serde::Serialize;

use super::planted::{KINDS, Planted};

/// Of one day of one company.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) found: Vec<&'static str>,
    alerts: usize,
    precision: f64,
    recall: f64,
    /// Of one list of as many, by the day's score alone.
    one_list_recall: f64,
    /// People with a case in any family.
    waiting: usize,
}

/// Means over companies.
#[derive(Debug, Serialize)]
pub(crate) struct Means {
    pub(crate) recall: f64,
    pub(crate) precision: f64,
    pub(crate) one_list_recall: f64,
    pub(crate) waiting: f64,
    /// In which share of companies each kind was found.
    pub(crate) found: Vec<(&'static str, f64)>,
}

impl Outcome {
    pub(crate) fn of(cases: &[Case], budget: Budget, planted: &Planted) -> Self {
        let mut queue = Queue::new(budget);
        cases.iter().for_each(|case| queue.offer(case.clone()));
        let alerts = queue.close();
        let found: Vec<_> = alerts.iter().filter_map(|alert| planted.kind(alert.case.actor)).collect();

        let mut by_score: Vec<&Case> = cases.iter().collect();
        by_score.sort_by(|one, other| {
            other.day_score.total_cmp(&one.day_score).then(one.actor.cmp(&other.actor))
        });
        by_score.dedup_by_key(|case| case.actor);
        let most = usize::try_from(budget.total()).unwrap_or(usize::MAX);
        let in_one_list =
            by_score.iter().take(most).filter(|case| planted.kind(case.actor).is_some()).count();
        let waiting: BTreeSet<_> = cases.iter().map(|case| case.actor).collect();
        Self {
            alerts: alerts.len(),
            precision: share(found.len(), alerts.len()),
            recall: share(found.len(), KINDS.len()),
            one_list_recall: share(in_one_list, KINDS.len()),
            waiting: waiting.len(),
            found,
        }
    }
}

impl Means {
    pub(crate) fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let outcomes: Vec<&Outcome> = outcomes.collect();
        let mean = |of: &dyn Fn(&Outcome) -> f64| {
            outcomes.iter().map(|outcome| of(outcome)).sum::<f64>() / (outcomes.len().max(1) as f64)
        };
        let found = |kind: &'static str| {
            let times = outcomes.iter().filter(|outcome| outcome.found.contains(&kind)).count();
            (kind, share(times, outcomes.len()))
        };
        Self {
            recall: mean(&|outcome| outcome.recall),
            precision: mean(&|outcome| outcome.precision),
            one_list_recall: mean(&|outcome| outcome.one_list_recall),
            waiting: mean(&|outcome| outcome.waiting as f64),
            found: KINDS.into_iter().map(found).collect(),
        }
    }
}

/// The alerts, and for whoever was missed how high they came.
pub(crate) fn explain(cases: &[Case], budget: Budget, planted: &Planted, watch: &Watch, day: i32) -> String {
    let mut queue = Queue::new(budget);
    cases.iter().for_each(|case| queue.offer(case.clone()));
    let alerts = queue.close();
    let mut out = String::new();
    for alert in &alerts {
        let who = planted.kind(alert.case.actor).unwrap_or("nobody planted");
        let reasons: Vec<String> = alert.case.reasons.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            out,
            "        {:<9} {:.3} {who}: {}",
            alert.case.family.name(),
            alert.case.score,
            reasons.join("; ")
        );
    }
    for kind in KINDS {
        let Some(actor) = planted.actor(kind) else { continue };
        if !alerts.iter().any(|alert| alert.case.actor == actor) {
            let score = watch.day_score(actor, day, View::Again).unwrap_or_default();
            let waiting: Vec<_> =
                cases.iter().filter(|case| case.actor == actor).map(|case| case.family.name()).collect();
            let _ = writeln!(out, "        missed    {score:.3} {kind}; waiting in {waiting:?}");
        }
    }
    out
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use avouch_watch::{ActorId, Family};

    use super::*;
    use crate::snoop::company::Company;
    use crate::snoop::random::Random;

    #[test]
    fn what_is_found_is_a_share_of_the_alerts_and_of_the_eight() {
        let mut random = Random::new(1);
        let company = Company::invent(&mut random);
        let planted = Planted::choose(&company, &mut random);
        let case = |actor, family, score| Case {
            actor,
            day: 0,
            family,
            score,
            times: 1,
            day_score: score,
            reasons: Vec::new(),
        };
        let nobody = |number| ActorId([number; 16]);
        let colleague = planted.actor("colleague").unwrap();
        let cases = [
            case(nobody(200), Family::Volume, 0.9),
            case(nobody(201), Family::Volume, 0.8),
            case(nobody(202), Family::Volume, 0.8),
            case(colleague, Family::Colleague, 0.75),
            case(colleague, Family::Place, 0.6),
        ];
        let outcome = Outcome::of(&cases, Budget::evenly(2), &planted);
        assert_eq!((outcome.found.as_slice(), outcome.alerts, outcome.waiting), (&["colleague"][..], 2, 4));
        assert_eq!((outcome.precision, outcome.recall, outcome.one_list_recall), (0.5, 0.125, 0.0));
        let means = Means::of([outcome].iter());
        assert_eq!((means.recall, means.found.first()), (0.125, Some(&("colleague", 1.0))));
    }
}
