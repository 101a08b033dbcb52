//! State as bytes: what is read back judges alike, and what is not ours is refused.

use avouch_watch::{Access, Error, MAX_SNAPSHOT, Owner, Tie, Watch};
use proptest::prelude::*;

use crate::properties::any_access;
use crate::{actor, look, moment, team, watch};

fn read_back(watch: &Watch) -> Watch {
    let mut back = self::watch();
    for piece in watch.changed(usize::MAX) {
        back.restore(piece.owner, &piece.bytes).expect("a piece of ours");
    }
    back
}

fn any_work(days: i64) -> impl Strategy<Value = Vec<Access>> {
    let time = (0..days, 0_i64..800).prop_map(|(day, minutes)| moment(day, minutes));
    prop::collection::vec(any_access(time), 1..100).prop_map(|mut looks| {
        looks.sort_by_key(|access| access.at);
        looks
    })
}

proptest! {
    #[test]
    fn what_is_read_back_judges_alike(looks in any_work(6), at in any::<prop::sample::Index>()) {
        let (before, after) = looks.split_at(at.index(looks.len()));
        let mut one = watch();
        for access in before {
            one.judge(access);
        }
        let mut other = read_back(&one);
        for access in after {
            prop_assert_eq!(one.judge(access), other.judge(access));
        }
        for access in &looks {
            prop_assert_eq!(one.rejudge(access, Tie::Contact), other.rejudge(access, Tie::Contact));
        }
        for by in 0..4 {
            let bytes = |watch: &Watch| watch.snapshot(Owner::Actor(actor(by))).map(|piece| piece.bytes);
            prop_assert_eq!(bytes(&one), bytes(&other));
        }
    }

    #[test]
    fn any_bytes_are_refused_or_judged_with(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut watch = watch();
        let _ = watch.restore(Owner::Actor(actor(1)), &bytes);
        let _ = watch.restore(Owner::Team(team(0)), &bytes);
        let judged = watch.judge(&look(1, 1, moment(0, 0)));
        prop_assert!((0.0..=1.0).contains(&judged.score));
    }

    #[test]
    fn a_piece_with_a_few_other_bytes_is_refused_or_judged_with(
        looks in any_work(3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut one = watch();
        for access in &looks {
            one.judge(access);
        }
        for piece in one.changed(usize::MAX) {
            let mut bytes = piece.bytes.clone();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let mut other = read_back(&one);
            let _ = other.restore(piece.owner, &bytes);
            for access in &looks {
                let judged = other.judge(access);
                prop_assert!((0.0..=1.0).contains(&judged.score) && (0.0..=1.0).contains(&judged.day));
                let _ = other.rejudge(access, Tie::Contact);
            }
        }
    }
}

#[test]
fn only_what_has_changed_comes_again() {
    let mut watch = watch();
    watch.judge(&look(1, 1, moment(0, 0)));
    watch.judge(&look(2, 1, moment(0, 0)));
    let pieces = watch.changed(usize::MAX);
    assert_eq!(pieces.len(), 3, "two actors and a team");
    watch.judge(&look(2, 2, moment(0, 1)));
    pieces.iter().for_each(|piece| watch.stored(piece));
    let owners: Vec<Owner> = watch.changed(usize::MAX).into_iter().map(|piece| piece.owner).collect();
    assert_eq!(owners, [Owner::Team(team(0)), Owner::Actor(actor(2))], "who went on meanwhile");
    assert_eq!(watch.changed(1).len(), 1);
}

#[test]
fn what_is_too_long_cut_off_or_of_another_version_is_refused() {
    let mut watch = watch();
    watch.judge(&look(1, 1, moment(0, 0)));
    let owner = Owner::Actor(actor(1));
    let bytes = watch.snapshot(owner).unwrap().bytes;
    let mut refused = vec![vec![0; MAX_SNAPSHOT + 1], [&bytes[..], &[0]].concat()];
    refused.extend((0..bytes.len()).map(|length| bytes[..length].to_vec()));
    let mut other = bytes.clone();
    other[1] = 2;
    refused.push(other);
    for bytes in refused {
        assert_eq!(watch.restore(owner, &bytes), Err(Error::Malformed));
    }
    assert_eq!(watch.restore(owner, &bytes), Ok(()));
}

#[test]
fn a_number_that_is_none_is_refused() {
    let mut watch = watch();
    watch.judge(&look(1, 1, moment(0, 0)));
    let owner = Owner::Actor(actor(1));
    let bytes = watch.snapshot(owner).unwrap().bytes;
    // Every 64-bit float in turn becomes one that is not a number.
    let floats = (0..bytes.len() - 9).filter(|at| bytes[*at] == 0xfb);
    let mut refused = 0;
    for at in floats {
        let mut changed = bytes.clone();
        changed[at + 1..at + 9].copy_from_slice(&f64::NAN.to_be_bytes());
        refused += u32::from(watch.restore(owner, &changed) == Err(Error::Malformed));
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn what_is_full_to_its_bounds_can_be_read_again() {
    let mut watch = watch();
    let bounds = watch.thresholds().bounds.clone();
    for day in 0..3 {
        for number in 0..bounds.subjects as u64 {
            // Every one with a case of its own making or none, so that all of it is kept, and at large
            // numbers.
            let subject = u64::MAX - number - (day as u64 + 1) * 1_000_000;
            let tie = if number % 2 == 0 { Tie::None } else { Tie::OwnMaking };
            watch.judge(&Access {
                tie,
                place: Some(u64::MAX),
                ..look(1, subject, moment(day, number as i64 / 4))
            });
        }
    }
    let piece = watch.snapshot(Owner::Actor(actor(1))).unwrap();
    let counted = 3 * (bounds.subjects * 24 + bounds.visits * 110) + bounds.pairs * 32 + 8_192;
    assert!(
        piece.bytes.len() > counted / 2 && piece.bytes.len() < counted,
        "{} of {counted}",
        piece.bytes.len()
    );
    assert_eq!(watch.restore(piece.owner, &piece.bytes), Ok(()));
}
