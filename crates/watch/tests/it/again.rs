//! Judged again: what was contributed is taken back.

use avouch_watch::{Access, Rule, Session, Standing, SubjectFacts, Thresholds, Tie, View, Watch};

use crate::{actor, look, moment, near, tied, watch};

fn staff() -> SubjectFacts {
    SubjectFacts { staff: true, ..SubjectFacts::default() }
}

#[test]
fn a_case_that_rested_on_a_look_falls_and_one_that_did_not_stands() {
    let mut watch = watch();
    let session = Session { new_device: true, novelty: 0 };
    let one = Access { facts: staff(), session, ..look(1, 1, moment(0, 0)) };
    let two = Access { subject: avouch_watch::SubjectId::of_number(2), at: moment(0, 60), ..one };
    watch.judge(&one);
    watch.judge(&two);
    let told = watch.rejudge(&one, Tie::Contact).unwrap();
    assert_eq!(told.standing, Standing::Stands);
    let told = watch.rejudge(&two, Tie::OwnMaking).unwrap();
    assert_eq!(told.standing, Standing::Falls);
    assert!(told.before > 0.8 && told.after < 0.6 && told.after > 0.45, "{told:?}");
    assert_eq!(watch.rejudge(&two, Tie::Contact).unwrap().standing, Standing::NoCase);
    assert!(watch.day_score(actor(1), told.day, View::AtOnce).unwrap() < 0.1);
}

#[test]
fn looks_with_a_case_and_looks_of_long_ago_are_not_kept() {
    let mut watch = watch();
    watch.judge(&tied(look(1, 1, moment(0, 0))));
    watch.judge(&look(1, 2, moment(0, 0)));
    assert_eq!(watch.rejudge(&look(1, 1, moment(0, 0)), Tie::Contact), None);
    assert_eq!(watch.rejudge(&look(1, 2, moment(0, 1)), Tie::Contact), None, "at another time");
    assert_eq!(watch.rejudge(&look(2, 2, moment(0, 0)), Tie::Contact), None, "somebody else");
    watch.judge(&look(1, 3, moment(2, 0)));
    assert!(watch.rejudge(&look(1, 2, moment(0, 0)), Tie::Contact).is_some());
    watch.judge(&look(1, 3, moment(3, 0)));
    assert_eq!(watch.rejudge(&look(1, 2, moment(0, 0)), Tie::None), None);
}

#[test]
fn an_onlooker_who_had_a_case_was_none() {
    let mut watch = watch();
    let vip = |by| Access {
        facts: SubjectFacts { vip: true, ..SubjectFacts::default() },
        ..look(by, 7, moment(0, 0))
    };
    for by in 1..=3 {
        watch.judge(&vip(by));
    }
    watch.rejudge(&vip(1), Tie::Contact);
    watch.rejudge(&vip(2), Tie::OwnMaking);
    near(watch.judge(&vip(4)).values.of(Rule::Vip), 0.85);
}

#[test]
fn a_day_of_the_stalker_that_had_a_case_was_none() {
    let mut watch = watch();
    for day in 0..4 {
        watch.judge(&look(1, 7, moment(day, 0)));
    }
    let day = watch.day(moment(3, 0));
    let before = watch.day_score(actor(1), day, View::AtOnce).unwrap();
    watch.rejudge(&look(1, 7, moment(2, 0)), Tie::Contact);
    let after = watch.day_score(actor(1), day, View::AtOnce).unwrap();
    assert!(before > 0.5 && after < 0.35, "{before} and {after}");
    near(watch.judge(&look(1, 7, moment(4, 0))).values.of(Rule::Stalking), 0.5);
}

/// Three weeks in which every fifth person's case is logged a day late, told or not, and at last a day on
/// which they were not.
fn weeks(late: Tie, told: bool) -> Watch {
    let mut watch = watch();
    for day in (0..21_i64).filter(|day| day % 7 < 5) {
        for by in 1..=5_u8 {
            for number in 0..30_u64 {
                let subject = (u64::from(by) << 32) + day.unsigned_abs() * 100 + number;
                let access = look(by, subject, moment(day, number as i64 * 12));
                watch.judge(&if number % 5 == 0 { Access { tie: late, ..access } } else { tied(access) });
            }
        }
        for by in (1..=5_u8).filter(|_| told) {
            for number in (0..30_u64).step_by(5) {
                let subject = (u64::from(by) << 32) + day.unsigned_abs() * 100 + number;
                assert!(
                    watch
                        .rejudge(&look(by, subject, moment(day, number as i64 * 12)), Tie::Contact)
                        .is_some()
                );
            }
        }
    }
    watch
}

#[test]
fn days_judged_again_are_as_if_the_cases_had_been_there() {
    // In time and told late: seen again, the same is usual.
    let (told, known) = (weeks(Tie::None, true), weeks(Tie::Contact, false));
    let next = |watch: &Watch, untied: u64| {
        let mut watch = watch.clone();
        for number in 0..untied {
            watch.judge(&look(1, 5_000 + number, moment(21, number as i64 * 20)));
        }
        watch.judge(&tied(look(1, 1, moment(22, 0))));
        watch.day_score(actor(1), watch.day(moment(21, 0)), View::Again).unwrap()
    };
    for untied in [1, 5, 12] {
        near(next(&told, untied), next(&known, untied));
    }
    assert!(next(&told, 12) > 0.5 && next(&weeks(Tie::None, false), 12) < 0.5);
}

#[test]
fn what_was_not_told_in_time_does_not_alarm_at_once() {
    let watch = weeks(Tie::None, true);
    let mut today = watch.clone();
    let mut highest = 0.0_f64;
    for number in 0..30_u64 {
        let access = look(1, 5_000 + number, moment(21, number as i64 * 12));
        highest = highest.max(today.judge(&if number % 5 == 0 { access } else { tied(access) }).score);
    }
    assert!(highest < 0.3, "six late cases are usual here, until they are told: {highest}");
}

#[test]
fn what_is_one_too_many_stands() {
    let mut thresholds = Thresholds::default();
    thresholds.bounds.visits = 2;
    let mut watch = Watch::new(thresholds).unwrap();
    let look = |subject| Access { facts: staff(), ..look(1, subject, moment(0, subject as i64)) };
    for subject in 1..=3 {
        watch.judge(&look(subject));
    }
    assert_eq!(watch.rejudge(&look(1), Tie::Contact), None);
    watch.rejudge(&look(2), Tie::Contact);
    let told = watch.rejudge(&look(3), Tie::Contact).unwrap();
    assert!(told.after >= 0.75, "the first still counts: {told:?}");
}
