//! What holds for whatever comes in.

use avouch_watch::{
    Access, Action, Judgement, Rule, Session, SubjectFacts, SubjectId, Thresholds, Tie, View, Watch,
};
use proptest::prelude::*;

use crate::{actor, moment, team, watch};

pub(crate) fn any_tie() -> impl Strategy<Value = Tie> {
    prop_oneof![Just(Tie::Contact), Just(Tie::OwnMaking), Just(Tie::None)]
}

/// Times that follow each other as they do, are out of order, or are anything.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0_i64..5, 0_i64..1_400).prop_map(|(day, minutes)| moment(day, minutes)),
        2 => (0_i64..400, 0_i64..1_400).prop_map(|(day, minutes)| moment(day, minutes)),
        1 => any::<i64>(),
    ]
}

/// Of so many days.
fn within(days: i64) -> impl Strategy<Value = i64> {
    (0..days, 0_i64..800).prop_map(|(day, minutes)| moment(day, minutes))
}

/// Whether a look of before is judged again, which one, and how.
fn any_second_thought() -> impl Strategy<Value = Option<(prop::sample::Index, Tie)>> {
    prop::option::of((any::<prop::sample::Index>(), any_tie()))
}

fn any_facts() -> impl Strategy<Value = SubjectFacts> {
    prop::array::uniform6(prop::bool::weighted(0.15)).prop_map(
        |[staff, own_record, vip, same_household, same_rare_surname, honey]| SubjectFacts {
            staff,
            own_record,
            vip,
            same_household,
            same_rare_surname,
            honey,
        },
    )
}

/// Few of everything, so that looks meet.
pub(crate) fn any_access(time: impl Strategy<Value = i64>) -> impl Strategy<Value = Access> {
    let who = (0_u8..4, 0_u64..24, prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let what = (any_facts(), any::<u8>(), prop::option::of(0_u64..40), 0_u16..3, 0_u16..3);
    (who, what, time, any_tie(), prop::bool::weighted(0.1), any::<u8>()).prop_map(
        |(
            (by, subject, leaving, vip_desk),
            (facts, segment, place, clear, masked),
            at,
            tie,
            new_device,
            novelty,
        )| {
            Access {
                actor: actor(by),
                team: team(by % 2),
                leaving,
                vip_desk,
                subject: SubjectId::of_number(subject),
                facts,
                segment,
                place,
                at,
                clear,
                masked,
                tie,
                session: Session { new_device, novelty },
            }
        },
    )
}

#[track_caller]
fn is_sound(judged: &Judgement) {
    for number in [judged.score, judged.day] {
        assert!((0.0..=1.0).contains(&number), "{judged:?}");
    }
    assert!(judged.values.iter().all(|(_, value)| (0.0..=1.0).contains(&value)), "{judged:?}");
    let figures = judged.figures;
    let numbers = [
        figures.usual_opened,
        figures.untied,
        figures.usual_untied,
        figures.busy,
        figures.slow,
        figures.drift,
    ];
    assert!(numbers.iter().all(|number| number.is_finite()), "{judged:?}");
}

/// Small, so that bounds are met.
fn narrow() -> Watch {
    let mut thresholds = Thresholds::default();
    thresholds.bounds.actors = 3;
    thresholds.bounds.teams = 1;
    thresholds.bounds.subjects = 6;
    thresholds.bounds.visits = 4;
    thresholds.bounds.pairs = 5;
    thresholds.bounds.vips = 2;
    Watch::new(thresholds).expect("bounds of at least one")
}

proptest! {
    #[test]
    fn every_score_is_a_number_from_nothing_to_one(
        looks in prop::collection::vec((any_access(any_time()), any_second_thought()), 1..120),
        small in any::<bool>(),
    ) {
        let mut watch = if small { narrow() } else { watch() };
        for (number, (access, again)) in looks.iter().enumerate() {
            is_sound(&watch.foresee(access));
            let judged = watch.judge(access);
            is_sound(&judged);
            let sentences = judged.reasons(watch.thresholds());
            let plain = |text: &str| !text.contains("NaN") && text.len() < 200;
            prop_assert!(sentences.iter().all(|reason| plain(&reason.text)));
            if let Some((at, tie)) = again {
                let told = watch.rejudge(&looks[at.index(number + 1)].0, *tie);
                prop_assert!(told.is_none_or(|told| (0.0..=1.0).contains(&told.after)));
            }
            for view in [View::AtOnce, View::Again] {
                for case in watch.cases(watch.day(access.at), view) {
                    prop_assert!((0.5..=1.0).contains(&case.score) && case.day_score >= case.score - 1e-9);
                }
            }
        }
    }

    #[test]
    fn less_of_a_tie_is_never_less_of_a_doubt(
        history in prop::collection::vec(any_access(any_time()), 0..80),
        access in any_access(any_time()),
    ) {
        let mut before = watch();
        history.iter().for_each(|access| { before.judge(access); });
        let judge = |tie| before.clone().judge(&Access { tie, ..access });
        let (none, own, contact) = (judge(Tie::None), judge(Tie::OwnMaking), judge(Tie::Contact));
        for (more, less) in [(none, own), (own, contact)] {
            prop_assert!(more.score >= less.score && more.day >= less.day, "{:?} {:?}", more, less);
            for rule in Rule::ALL {
                prop_assert!(more.values.of(rule) >= less.values.of(rule), "{:?}", rule);
            }
            prop_assert!(more.action >= less.action);
        }
    }

    #[test]
    fn those_who_share_nothing_do_not_change_each_others_judgements(
        looks in prop::collection::vec(any_access(within(4)), 1..100),
    ) {
        // Actors 0 and 1 are of different teams, and have customers of their own.
        let mut looks: Vec<Access> = looks.into_iter().filter(|access| access.actor <= actor(1)).collect();
        for access in &mut looks {
            access.subject.0[0] = access.actor.0[0];
        }
        looks.sort_by_key(|access| access.at);
        let mut together = watch();
        let together: Vec<Judgement> = looks.iter().map(|access| together.judge(access)).collect();
        for by in 0..2 {
            let mut alone = watch();
            let own = looks.iter().zip(&together).filter(|(access, _)| access.actor == actor(by));
            for (access, judged) in own {
                prop_assert_eq!(&alone.judge(access), judged);
            }
        }
    }

    #[test]
    fn a_tie_that_is_told_leaves_no_more_than_one_that_was_there(
        looks in prop::collection::vec(any_access(within(1)), 1..60),
    ) {
        let day = watch().day(moment(0, 0));
        let (mut told, mut known) = (watch(), watch());
        for access in &looks {
            told.judge(access);
            known.judge(&Access { tie: Tie::Contact, ..*access });
        }
        for access in &looks {
            told.rejudge(access, Tie::Contact);
        }
        for by in 0..4 {
            let [one, other] = [&told, &known].map(|watch| watch.day_score(actor(by), day, View::AtOnce));
            if let (Some(one), Some(other)) = (one, other) {
                // How busy others were was told while they looked untied; this can only excuse.
                prop_assert!(one <= other + 1e-9, "{} and {}", one, other);
            }
        }
    }

    #[test]
    fn what_may_follow_is_ordered_by_the_score(score_of in any_access(any_time())) {
        let judged = watch().judge(&score_of);
        let expected = match judged.score.max(judged.day) {
            score if score > 0.95 => Action::Block,
            score if score >= 0.8 => Action::Case,
            score if score >= 0.5 => Action::Prompt,
            _ => Action::Nothing,
        };
        prop_assert_eq!(judged.action, expected);
    }
}
