//! On which of the last thirty days an actor has opened a customer without a case: a bit for each day.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::access::SubjectId;
use crate::bounded::make_room;

const WINDOW: u32 = 30;
const MASK: u32 = (1 << WINDOW) - 1;

/// The customers of one actor.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Pairs(#[n(0)] BTreeMap<SubjectId, Days>);

/// Bit `i` is the day `i` days before the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Days {
    #[n(0)]
    last: i32,
    #[n(1)]
    bits: u32,
}

impl Pairs {
    /// Notes a day; how many there are now.
    pub(crate) fn note(&mut self, subject: SubjectId, day: i32, bound: usize) -> u32 {
        if !self.0.contains_key(&subject) {
            make_room(&mut self.0, bound, |days| i64::from(days.last));
        }
        let days = self.0.entry(subject).or_insert(Days { last: day, bits: 0 });
        match u32::try_from(i64::from(day) - i64::from(days.last)) {
            Ok(later) => {
                days.bits = days.bits.checked_shl(later).unwrap_or_default() & MASK | 1;
                days.last = day;
            }
            Err(_) => days.bits |= bit(days.last, day),
        }
        days.bits.count_ones()
    }

    /// How many days there would be if this one were noted.
    pub(crate) fn with(&self, subject: SubjectId, day: i32) -> u32 {
        let Some(days) = self.0.get(&subject) else { return 1 };
        let later = u32::try_from(i64::from(day) - i64::from(days.last)).unwrap_or_default();
        (days.bits.checked_shl(later).unwrap_or_default() & MASK | bit(days.last.max(day), day)).count_ones()
    }

    /// Takes a day back.
    pub(crate) fn take_back(&mut self, subject: SubjectId, day: i32) {
        if let Some(days) = self.0.get_mut(&subject) {
            days.bits &= !bit(days.last, day);
            if days.bits == 0 {
                self.0.remove(&subject);
            }
        }
    }

    /// Forgets what is older than the window.
    pub(crate) fn sweep(&mut self, day: i32) {
        self.0.retain(|_, days| i64::from(day) - i64::from(days.last) < i64::from(WINDOW));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.0.values().all(|days| days.bits & !MASK == 0 && days.bits != 0)
    }
}

fn bit(last: i32, day: i32) -> u32 {
    let ago = u32::try_from(i64::from(last) - i64::from(day));
    ago.ok().and_then(|ago| 1_u32.checked_shl(ago)).unwrap_or_default() & MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: SubjectId = SubjectId::of_number(1);

    #[test]
    fn days_are_counted_once_and_for_thirty_days() {
        let mut pairs = Pairs::default();
        assert_eq!(pairs.note(WHO, 100, 8), 1);
        assert_eq!(pairs.note(WHO, 100, 8), 1);
        assert_eq!(pairs.note(WHO, 103, 8), 2);
        assert_eq!(pairs.note(WHO, 101, 8), 3, "late");
        assert_eq!(pairs.with(WHO, 129), 4);
        assert_eq!(pairs.with(WHO, 130), 3, "day 100 is thirty days ago");
        assert_eq!(pairs.note(WHO, 132, 8), 2, "103 and 132");
        assert_eq!(pairs.note(WHO, i32::MAX, 8), 1);
        assert_eq!(pairs.note(WHO, i32::MIN, 8), 1);
        assert!(pairs.is_sound());
    }

    #[test]
    fn a_day_that_is_taken_back_was_not() {
        let mut pairs = Pairs::default();
        pairs.note(WHO, 10, 8);
        pairs.note(WHO, 12, 8);
        pairs.take_back(WHO, 10);
        pairs.take_back(WHO, 11);
        assert_eq!(pairs.with(WHO, 12), 1);
        pairs.take_back(WHO, 12);
        assert_eq!(pairs.len(), 0);
    }
}
