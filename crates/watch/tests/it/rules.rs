//! Each rule alone, with values computed by hand from the formulas.

use avouch_watch::{Access, Action, Family, Rule, Session, SubjectFacts, Thresholds, Tie, Watch};

use crate::{look, moment, near, team, tied, watch};

const STAFF: SubjectFacts = SubjectFacts {
    staff: true,
    own_record: false,
    vip: false,
    same_household: false,
    same_rare_surname: false,
    honey: false,
};
const VIP: SubjectFacts = SubjectFacts { vip: true, staff: false, ..STAFF };

fn alone(rule: Rule, access: Access) -> f64 {
    watch().judge(&access).values.of(rule)
}

#[test]
fn r1_a_colleague_by_tie_and_by_what_is_shown() {
    let at = moment(0, 0);
    let staff = Access { facts: STAFF, ..look(1, 1, at) };
    near(alone(Rule::Colleague, staff), 0.75);
    near(alone(Rule::Colleague, Access { tie: Tie::OwnMaking, ..staff }), 0.45);
    near(alone(Rule::Colleague, tied(staff)), 0.0);
    near(alone(Rule::Colleague, Access { clear: 0, masked: 4, ..staff }), 0.525);
    let own = SubjectFacts { own_record: true, same_household: true, ..STAFF };
    let own = tied(Access { facts: own, ..staff });
    near(alone(Rule::Colleague, own), 0.75);
    near(alone(Rule::Household, own), 0.0);
}

#[test]
fn r2_a_vip_and_how_many_look() {
    let mut watch = watch();
    let at = moment(0, 0);
    let mut vip = |by: u8, tie, vip_desk| {
        let access = Access { facts: VIP, vip_desk, tie, ..look(by, 7, at) };
        watch.judge(&access).values.of(Rule::Vip)
    };
    near(vip(1, Tie::None, false), 0.55);
    near(vip(1, Tie::None, false), 0.55);
    near(vip(20, Tie::Contact, false), 0.0);
    near(vip(21, Tie::None, true), 0.0);
    near(vip(2, Tie::OwnMaking, false), 0.6 * 0.7);
    near(vip(3, Tie::None, false), 0.85);
    near(vip(4, Tie::None, false), 1.0);
    near(vip(5, Tie::None, false), 1.0);
}

#[test]
fn r2_another_day_begins_with_nobody() {
    let mut watch = watch();
    for by in 1..=4 {
        watch.judge(&Access { facts: VIP, ..look(by, 7, moment(0, 0)) });
    }
    near(watch.judge(&Access { facts: VIP, ..look(5, 7, moment(1, 0)) }).values.of(Rule::Vip), 0.55);
}

#[test]
fn r3_the_household_needs_no_lack_of_a_case_and_a_name_does() {
    let at = moment(0, 0);
    let household =
        Access { facts: SubjectFacts { same_household: true, staff: false, ..STAFF }, ..look(1, 1, at) };
    near(alone(Rule::Household, household), 0.95);
    near(alone(Rule::Household, Access { tie: Tie::OwnMaking, ..household }), 0.57);
    near(alone(Rule::Household, tied(household)), 0.475);
    let surname = SubjectFacts { same_rare_surname: true, staff: false, ..STAFF };
    let surname = Access { facts: surname, ..look(1, 1, at) };
    near(alone(Rule::Household, surname), 0.25);
    near(alone(Rule::Household, tied(surname)), 0.0);
}

#[test]
fn r4_by_the_day() {
    let mut watch = watch();
    let mut last = 0.0;
    for number in 0..150 {
        // Every five minutes: two within ten.
        last = watch.judge(&tied(look(1, number, moment(0, number as i64 * 5 - 590)))).values.of(Rule::Bulk);
    }
    // Nothing is known: a mean of 30, a deviation of 30. (150 - 30) / 30 = 4, and 0.7 s(0).
    near(last, 0.35);
}

#[test]
fn r4_in_ten_minutes() {
    let mut watch = watch();
    let mut judged = watch.judge(&tied(look(1, 0, moment(0, 0))));
    for number in 1..40 {
        judged = watch.judge(&tied(look(1, number, moment(0, 0) + number as i64 * 1_000_000)));
    }
    assert_eq!(judged.figures.in_ten_minutes, 40);
    // 0.8 s(0.3 * 5) = 0.8 * 0.817574
    near(judged.values.of(Rule::Bulk), 0.654_06);
    let again = watch.judge(&tied(look(1, 3, moment(0, 1))));
    assert_eq!(again.figures.in_ten_minutes, 40, "somebody who was opened before is not one more");
    assert_eq!(watch.judge(&tied(look(1, 99, moment(0, 30)))).figures.in_ten_minutes, 1);
}

#[test]
fn r4_along_the_row_of_ids() {
    let walk = |tie: Tie, stride: u64| {
        let mut watch = watch();
        let looks = (0..9).map(|number| {
            let access = look(1, number, moment(0, number as i64 * 11));
            Access { place: Some(1_000 + number * stride), tie, ..access }
        });
        looks.map(|access| watch.judge(&access).values.of(Rule::Bulk)).collect::<Vec<_>>()
    };
    let values = walk(Tie::None, 2);
    near(values[8], 0.9);
    assert!(values[..8].iter().all(|value| *value < 0.01), "seven steps are not eight: {values:?}");
    assert!(walk(Tie::None, 3)[8] < 0.01, "too far apart");
    assert!(walk(Tie::Contact, 1)[8] < 0.01, "cases may come in a row");
}

#[test]
fn r5_what_is_untied() {
    let mut watch = watch();
    let mut last = 0.0;
    for number in 0..33 {
        last = watch.judge(&look(1, number, moment(0, number as i64 * 5))).values.of(Rule::Untied);
    }
    // Nothing is known: a share of 0.2 of 30, a deviation as large. (33 - 6) / 6 = 4.5.
    near(last, 0.5);
    // A case of one's own making counts 0.6: (33.6 - 6) / 6 = 4.6, s(0.16).
    let own = Access { tie: Tie::OwnMaking, ..look(1, 900, moment(0, 200)) };
    near(watch.judge(&own).values.of(Rule::Untied), 0.539_91);
    near(watch.judge(&tied(look(1, 901, moment(0, 201)))).values.of(Rule::Untied), 0.0);
}

/// Sixty people on one Monday at ten in portfolio 0, and nothing is forgotten.
fn of_habit() -> Watch {
    let mut thresholds = Thresholds::default();
    thresholds.learning.keep_habits = 1.0;
    let mut watch = Watch::new(thresholds).expect("nothing is forgotten");
    for number in 0..60 {
        watch.judge(&tied(look(1, number, moment(0, 0) + number as i64 * 30_000_000)));
    }
    watch
}

#[test]
fn r6_at_an_hour_that_is_not_theirs() {
    let mut watch = of_habit();
    let night = moment(1, -7 * 60);
    // p of the team = 1 / (60 + 48); p = 20 / 108 / 80 = 1 / 432: 8.75489 bits. 0.3 s(1.2 * 0.75489) = 0.3 *
    // 0.712177
    near(watch.judge(&look(1, 100, night)).values.of(Rule::OffHours), 0.213_65);
    near(watch.judge(&tied(look(1, 101, night))).values.of(Rule::OffHours), 0.0);
    near(watch.judge(&look(1, 102, night)).values.of(Rule::OffHours), 0.213_65);
    near(watch.judge(&look(1, 103, night)).values.of(Rule::OffHours), 0.213_65);
    near(watch.judge(&look(1, 103, night)).values.of(Rule::OffHours), 0.213_65);
    near(watch.judge(&look(1, 104, night)).values.of(Rule::OffHours), 0.75);
    assert!(watch.judge(&look(1, 105, moment(1, 10))).values.of(Rule::OffHours) < 0.001, "at ten again");
}

#[test]
fn r7_in_somebody_elses_portfolio() {
    let mut watch = of_habit();
    let foreign = Access { segment: 9, ..look(1, 100, moment(1, 0)) };
    // p of the team = 1 / (60 + 32); p = 20 / 92 / 80 = 1 / 368: 8.52356 bits. 0.1 s(1.5 * 3.52356)
    near(watch.judge(&foreign).values.of(Rule::Segment), 0.099_496);
    near(watch.judge(&look(1, 101, moment(1, 0))).values.of(Rule::Segment), 0.0001);
}

#[test]
fn r8_from_a_new_session() {
    let mut watch = watch();
    let from = |novelty, new_device, number: u64, tie| {
        let session = Session { new_device, novelty };
        Access { session, tie, ..look(1, number, moment(0, number as i64)) }
    };
    near(alone(Rule::Session, from(59, false, 0, Tie::None)), 0.0);
    near(alone(Rule::Session, from(60, false, 0, Tie::OwnMaking)), 0.12);
    for number in 0..9 {
        near(watch.judge(&from(0, true, number, Tie::None)).values.of(Rule::Session), 0.2);
    }
    near(watch.judge(&from(0, true, 9, Tie::None)).values.of(Rule::Session), 0.8);
    near(watch.judge(&from(0, true, 10, Tie::Contact)).values.of(Rule::Session), 0.0);
}

#[test]
fn r9_one_customer_day_after_day() {
    let mut watch = watch();
    let mut on = |day| watch.judge(&look(1, 7, moment(day, 0))).values.of(Rule::Stalking);
    let values: Vec<f64> = [0, 0, 1, 4, 5, 6, 7, 8].into_iter().map(&mut on).collect();
    assert_eq!(values, [0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 0.9, 0.9]);
    near(on(31), 0.9);
    let own = Access { tie: Tie::OwnMaking, ..look(1, 7, moment(32, 0)) };
    near(watch.judge(&own).values.of(Rule::Stalking), 0.0);
}

#[test]
fn r10_whatever_the_tie_and_whatever_is_shown() {
    let honey = SubjectFacts { honey: true, staff: false, ..STAFF };
    for (tie, clear, masked) in [(Tie::None, 1, 0), (Tie::Contact, 0, 1), (Tie::OwnMaking, 0, 0)] {
        let judged = watch().judge(&Access { facts: honey, tie, clear, masked, ..look(1, 1, moment(0, 0)) });
        assert_eq!((judged.values.of(Rule::Honey), judged.score), (1.0, 1.0));
        assert_eq!(judged.action, Action::Block);
        assert_eq!(judged.families(&Thresholds::default()).next(), Some(Family::Honey));
    }
}

#[test]
fn who_is_about_to_leave_has_lower_limits() {
    let burst = |leaving| {
        let mut watch = watch();
        let looks = (0..30).map(|number| tied(look(1, number, moment(0, 0) + number as i64)));
        let judged = looks.map(|access| watch.judge(&Access { leaving, ..access })).last();
        judged.unwrap().values.of(Rule::Bulk)
    };
    // 0.8 s(0.3 (30 - 35)) and 0.8 s(0.3 (30 - 24.5))
    near(burst(false), 0.145_94);
    near(burst(true), 0.671_13);
}

#[test]
fn what_shows_nothing_is_no_look() {
    let mut watch = watch();
    let empty = Access { facts: STAFF, clear: 0, masked: 0, ..look(1, 1, moment(0, 0)) };
    assert_eq!(watch.judge(&empty).score, 0.0);
    assert_eq!(watch.known(), (0, 0));
}

#[test]
fn a_prompt_can_come_before_anything_is_shown() {
    let mut watch = watch();
    for by in 1..=2 {
        watch.judge(&Access { facts: VIP, ..look(by, 7, moment(0, 0)) });
    }
    let next = Access { facts: VIP, team: team(3), ..look(3, 7, moment(0, 1)) };
    let foreseen = watch.foresee(&next);
    assert_eq!(foreseen.action, Action::Case);
    near(foreseen.values.of(Rule::Vip), 0.85);
    assert_eq!(foreseen.values.of(Rule::Vip), watch.judge(&next).values.of(Rule::Vip));
}

#[test]
fn a_days_level_is_acted_upon_once() {
    let mut watch = watch();
    let session = Session { new_device: true, novelty: 0 };
    let staff = Access { facts: STAFF, session, ..look(1, 1, moment(0, 0)) };
    // 1 - (1 - 0.75)(1 - 0.2)(1 - 0.05), R7 of somebody unknown; and what a logistic function leaves of the
    // others.
    let judged = watch.judge(&staff);
    assert!((0.81..0.815).contains(&judged.score), "{judged:?}");
    assert_eq!(judged.action, Action::Case);
    let judged = watch.judge(&look(1, 2, moment(0, 1)));
    assert!(judged.day > 0.8 && judged.score < 0.1);
    assert_eq!(judged.action, Action::Nothing);
}
