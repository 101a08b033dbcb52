//! What takes days: a slow ramp, a busy day, somebody new, somebody accepted.

use avouch_watch::{Access, Action, Case, Judgement, Rule, SubjectFacts, Thresholds, View, Watch};

use crate::{actor, look, moment, tied, watch};

/// So many people in a day's course, the first of them without a case. Everybody has customers of their own.
fn work(watch: &mut Watch, by: u8, day: i64, people: i64, untied: i64) -> Judgement {
    let looks = (0..people).map(|number| {
        let subject = (u64::from(by) << 32) + day.unsigned_abs() * 10_000 + number.unsigned_abs();
        let access = look(by, subject, moment(day, number * 480 / people));
        if number < untied { access } else { tied(access) }
    });
    looks.map(|access| watch.judge(&access)).last().expect("nobody works without people")
}

/// What makes days differ, the same on every run.
fn jitter(by: u8, day: i64) -> i64 {
    match (i64::from(by) * 5 + day * 3).rem_euclid(7) {
        0 => 0,
        1 => 2,
        2 => -1,
        3 => 1,
        4 => -2,
        5 => 3,
        _ => -3,
    }
}

/// A team of eight at its usual work.
fn usual_days(watch: &mut Watch, days: core::ops::Range<i64>, people: core::ops::RangeInclusive<u8>) {
    for day in days.filter(|day| day % 7 < 5) {
        for by in people.clone() {
            work(watch, by, day, 20 + jitter(by, day), 2 + (i64::from(by) + day) % 2);
        }
    }
}

/// The largest of each on any day: R5 as a plain z-score sees it, and R11.
fn ramp(thresholds: Thresholds) -> (f64, f64) {
    let mut watch = Watch::new(thresholds).expect("parameters in range");
    usual_days(&mut watch, 0..42, 1..=8);
    let (mut plain, mut slow) = (0.0_f64, 0.0_f64);
    for (step, day) in (42..84).filter(|day| day % 7 < 5).enumerate() {
        for by in 2..=8 {
            work(&mut watch, by, day, 20 + jitter(by, day), 2);
        }
        // One more without a case every sixth day at work: from 2 to 7 within six weeks.
        work(&mut watch, 1, day, 20 + jitter(1, day), 2 + step as i64 / 6);
        let values = watch.day_values(actor(1), watch.day(moment(day, 0)), View::AtOnce).expect("today");
        plain = plain.max(values.of(Rule::Untied));
        slow = slow.max(values.of(Rule::Slow));
    }
    (plain, slow)
}

#[test]
fn a_slow_ramp_is_found_by_the_sum_and_not_by_a_z_score() {
    let (plain, slow) = ramp(Thresholds::default());
    assert!(plain < 0.5, "R5 comes to {plain}");
    // With its weight of 0.8 that is a case for the queue.
    assert!(slow * 0.8 > 0.5, "R11 comes to {slow}");
}

#[test]
fn a_baseline_that_is_not_frozen_is_moved_along() {
    let mut thresholds = Thresholds::default();
    thresholds.pattern.freeze = 1e9;
    thresholds.levels.prompt = 1.0;
    let (_, moved) = ramp(thresholds.clone());
    let (_, frozen) = ramp(Thresholds::default());
    assert!(moved * 0.8 < 0.3 && frozen * 0.8 > 0.5, "{moved} and {frozen}");
}

#[test]
fn a_busy_day_of_all_is_nobodys() {
    let mut watch = watch();
    usual_days(&mut watch, 0..21, 1..=8);
    // They work side by side: three times as many people, and as many more untied ones.
    for hour in 0..8_i64 {
        for by in 1..=8 {
            for number in 0..8 {
                let subject = u64::from(by) * 1_000_000 + hour.unsigned_abs() * 1_000 + number;
                let access = look(by, subject, moment(21, hour * 60 + number as i64 * 7));
                let judged = watch.judge(&if number == 0 { access } else { tied(access) });
                assert_eq!(judged.action, Action::Nothing, "{judged:?}");
            }
        }
    }
    assert_eq!(watch.cases(watch.day(moment(21, 0)), View::AtOnce), []);
}

#[test]
fn the_same_day_of_one_is_that_ones() {
    let mut watch = watch();
    usual_days(&mut watch, 0..21, 1..=8);
    for by in 2..=8 {
        work(&mut watch, by, 21, 20, 2);
    }
    let judged = work(&mut watch, 1, 21, 64, 8);
    assert!(judged.figures.busy < 1.2, "{judged:?}");
    assert!(judged.values.of(Rule::Bulk) > 0.65, "{judged:?}");
    let reasons: Vec<String> = judged.reasons(watch.thresholds()).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(reasons.join("\n"), @"R4: opened 64 people today; usual here is 21");
}

#[test]
fn somebody_new_is_compared_with_the_team() {
    let mut watch = watch();
    usual_days(&mut watch, 0..42, 1..=8);
    let judged = work(&mut watch, 9, 42, 22, 3);
    assert!((judged.figures.usual_opened - 20.0).abs() < 2.0, "{judged:?}");
    assert!(judged.day < 0.1, "{judged:?}");
    let judged = work(&mut watch, 10, 42, 80, 40);
    assert!(judged.day > 0.9, "{judged:?}");
}

#[test]
fn what_was_accepted_is_usual_from_then_on() {
    let mut watch = watch();
    usual_days(&mut watch, 0..42, 1..=8);
    let mut last = None;
    for day in (42..63).filter(|day| day % 7 < 5) {
        usual_days(&mut watch, day..day + 1, 2..=8);
        last = Some(work(&mut watch, 1, day, 40, 9));
    }
    let judged = last.unwrap();
    assert!(judged.figures.slow > 7.0 && judged.figures.usual_untied < 4.0, "frozen: {judged:?}");
    watch.accept(actor(1));
    let judged = work(&mut watch, 1, 63, 40, 9);
    assert!(judged.figures.slow < 3.0 && judged.figures.usual_untied > 6.0, "{judged:?}");
}

#[test]
fn who_was_away_for_too_long_is_not_known() {
    let mut watch = watch();
    usual_days(&mut watch, 0..7, 1..=2);
    let day = watch.day(moment(4, 0));
    assert_eq!(watch.sweep(day + 180), []);
    usual_days(&mut watch, 182..183, 1..=1);
    assert_eq!(watch.sweep(day + 181), [actor(2)]);
    assert_eq!(watch.known(), (1, 1));
}

#[test]
fn a_day_begins_with_nobody_and_a_late_look_counts_today() {
    let mut watch = watch();
    let mut opened = |subject, day| watch.judge(&look(1, subject, moment(day, 0))).figures.opened;
    assert_eq!([opened(1, 5), opened(2, 5), opened(1, 5)], [1, 2, 2]);
    assert_eq!(opened(3, 4), 3, "of yesterday");
    assert_eq!(opened(1, 6), 1);
    assert_eq!(opened(2, 4), 1, "two days back: the clock was wrong");
    assert_eq!(opened(1, 5), 1, "and what was counted under it is gone");
}

#[test]
fn a_clock_that_was_wrong_for_years_does_no_lasting_harm() {
    let mut watch = watch();
    usual_days(&mut watch, 0..21, 1..=8);
    for at in [i64::MAX, i64::MIN, 0] {
        watch.judge(&look(1, 1, at));
    }
    let judged = work(&mut watch, 1, 21, 22, 2);
    assert!(judged.day < 0.1 && judged.figures.usual_opened < 25.0, "{judged:?}");
}

#[test]
fn a_reviewer_reads_counts_and_nothing_about_anybody() {
    let mut watch = watch();
    usual_days(&mut watch, 0..21, 1..=8);
    let staff = SubjectFacts { staff: true, ..Default::default() };
    watch.judge(&Access { facts: staff, ..look(1, 77, moment(21, 1)) });
    work(&mut watch, 1, 21, 44, 41);
    let cases = watch.cases(watch.day(moment(21, 0)), View::AtOnce);
    let of = |case: &Case| {
        let reasons: Vec<String> = case.reasons.iter().map(ToString::to_string).collect();
        format!(
            "{} {:.2} of {:.2}, {} visits\n  {}",
            case.family.name(),
            case.score,
            case.day_score,
            case.times,
            reasons.join("\n  ")
        )
    };
    insta::assert_snapshot!(cases.iter().map(of).collect::<Vec<_>>().join("\n"), @r"
    colleague 0.75 of 0.97, 1 visits
      R1: opened a colleague's or the own record without need shown
      R4: opened 45 people today; usual here is 21
      R5: opened 42 people today without a case; usual here is 3
    volume 0.86 of 0.97, 0 visits
      R1: opened a colleague's or the own record without need shown
      R4: opened 45 people today; usual here is 21
      R5: opened 42 people today without a case; usual here is 3
    ");
}
