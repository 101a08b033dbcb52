//! Budgets: what each family gets, and what becomes of what is left.

use std::collections::BTreeSet;

use avouch_watch::{Alert, Budget, Case, Family, Queue};
use proptest::prelude::*;

use crate::actor;

fn case(by: u8, family: Family, score: f64) -> Case {
    Case { actor: actor(by), day: 0, family, score, day_score: score, times: 1, reasons: Vec::new() }
}

fn close(budget: [u32; 9], cases: Vec<Case>) -> Vec<(u8, Family)> {
    let mut queue = Queue::new(Budget(budget));
    cases.into_iter().for_each(|case| queue.offer(case));
    queue.close().iter().map(|Alert { case, .. }| (case.actor.0[0], case.family)).collect()
}

#[test]
fn the_loudest_family_does_not_starve_the_others() {
    let mut cases: Vec<Case> = (10..60).map(|by| case(by, Family::Volume, 0.95)).collect();
    cases.push(case(1, Family::Colleague, 0.75));
    let alerts = close([0, 0, 1, 0, 0, 2, 0, 0, 0], cases);
    assert_eq!(alerts, [(1, Family::Colleague), (10, Family::Volume), (11, Family::Volume)]);
}

#[test]
fn within_a_family_the_best_come_first() {
    let alike = Case { times: 3, ..case(5, Family::Vip, 0.6) };
    let doubted = Case { day_score: 0.9, ..case(6, Family::Vip, 0.6) };
    let cases = vec![case(4, Family::Vip, 0.6), alike, doubted, case(7, Family::Vip, 0.7)];
    let by: Vec<u8> = close([0, 0, 0, 4, 0, 0, 0, 0, 0], cases).into_iter().map(|(by, _)| by).collect();
    assert_eq!(by, [7, 5, 6, 4]);
}

#[test]
fn what_is_left_goes_round() {
    let mut cases: Vec<Case> = (10..20).map(|by| case(by, Family::Volume, 0.9)).collect();
    cases.extend((20..30).map(|by| case(by, Family::Place, 0.6)));
    let alerts = close([1, 1, 1, 1, 1, 1, 1, 1, 0], cases);
    let of = |family| alerts.iter().filter(|(_, found)| *found == family).count();
    assert_eq!((alerts.len(), of(Family::Volume), of(Family::Place)), (8, 4, 4));
}

#[test]
fn an_actor_is_one_alert_that_names_the_other_families() {
    let mut queue = Queue::new(Budget::evenly(8));
    queue.offer(case(1, Family::Colleague, 0.75));
    queue.offer(case(1, Family::Volume, 0.9));
    queue.offer(case(1, Family::Volume, 0.8));
    queue.offer(case(2, Family::Volume, 0.6));
    let alerts = queue.close();
    assert_eq!(alerts.len(), 2);
    assert_eq!(
        (alerts[0].case.family, alerts[0].also.as_slice()),
        (Family::Colleague, &[Family::Volume][..])
    );
    assert_eq!(alerts[1].case.actor, actor(2));
}

#[test]
fn an_even_budget_adds_up() {
    for alerts in 0..40 {
        assert_eq!(Budget::evenly(alerts).total(), alerts);
    }
}

proptest! {
    #[test]
    fn budgets_hold_and_nothing_is_wasted(
        budget in prop::array::uniform9(0_u32..4),
        cases in prop::collection::vec((0_u8..40, 0_usize..9, 0_u8..=100), 0..200),
    ) {
        let cases: Vec<Case> = cases
            .into_iter()
            .map(|(by, family, score)| case(by, Family::ALL[family], f64::from(score) / 100.0))
            .collect();
        let alerts = close(budget, cases.clone());
        let actors = |of: &dyn Fn(Family) -> bool| {
            let of = cases.iter().filter(|case| of(case.family)).map(|case| case.actor);
            of.collect::<BTreeSet<_>>().len()
        };
        let total = budget.iter().sum::<u32>() as usize;
        prop_assert!(alerts.len() <= total);
        prop_assert_eq!(alerts.len(), total.min(actors(&|_| true)));
        let mut seen: Vec<u8> = alerts.iter().map(|(by, _)| *by).collect();
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), alerts.len(), "nobody twice");
        // A family that has waiting cases for all of its budget gets at least what it has been given, unless
        // its people were alerted by others.
        for (place, family) in Family::ALL.into_iter().enumerate() {
            let elsewhere = alerts.iter().filter(|(_, found)| *found != family).count();
            let got = alerts.iter().filter(|(_, found)| *found == family).count();
            let waiting = actors(&|found| found == family);
            prop_assert!(got >= (budget[place] as usize).min(waiting.saturating_sub(elsewhere)));
        }
    }
}
