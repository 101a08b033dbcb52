//! Who has opened which VIP without a case today: what R2 counts.
//!
//! Only VIPs are kept, and only the newest day: R2 is the only rule that asks. It is not part of a snapshot:
//! the actors' visits tell it.

use std::collections::BTreeMap;

use crate::access::{ActorId, SubjectId};
use crate::bounded::make_room;

/// R2 counts to four; some more are kept, for those who are taken back.
const MOST: usize = 64;

/// Of one day.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Onlookers {
    day: i32,
    of: BTreeMap<SubjectId, Here>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Here {
    at: i64,
    actors: Vec<ActorId>,
}

impl Default for Onlookers {
    fn default() -> Self {
        Self { day: i32::MIN, of: BTreeMap::new() }
    }
}

impl Onlookers {
    /// Notes one that was read back: actors come in any order, and some were not here for days.
    pub(crate) fn recall(&mut self, subject: SubjectId, actor: ActorId, day: i32, at: i64, bound: usize) {
        if day >= self.day {
            self.note(subject, actor, day, at, bound);
        }
    }

    /// Notes one. What is of an earlier day is not kept, and a day that lies two or more back means that the
    /// clock was wrong.
    pub(crate) fn note(&mut self, subject: SubjectId, actor: ActorId, day: i32, at: i64, bound: usize) {
        if day > self.day || day <= self.day.saturating_sub(2) {
            *self = Self { day, of: BTreeMap::new() };
        }
        if day == self.day {
            if !self.of.contains_key(&subject) {
                make_room(&mut self.of, bound, |here| here.at);
            }
            let here = self.of.entry(subject).or_default();
            here.at = at;
            if here.actors.len() < MOST && !here.actors.contains(&actor) {
                here.actors.push(actor);
            }
        }
    }

    /// How many there are, with this one.
    pub(crate) fn with(&self, subject: SubjectId, actor: ActorId, day: i32) -> u32 {
        let here = self.of.get(&subject).filter(|_| day == self.day);
        let others = here.map_or(0, |here| here.actors.iter().filter(|other| **other != actor).count());
        u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Takes one back.
    pub(crate) fn take_back(&mut self, subject: SubjectId, actor: ActorId, day: i32) {
        if let Some(here) = self.of.get_mut(&subject).filter(|_| day == self.day) {
            here.actors.retain(|other| *other != actor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIP: SubjectId = SubjectId::of_number(1);

    #[test]
    fn who_is_read_back_from_days_ago_does_not_make_the_others_forgotten() {
        let mut onlookers = Onlookers::default();
        onlookers.recall(VIP, ActorId([1; 16]), -5, 0, 8);
        onlookers.recall(VIP, ActorId([2; 16]), 10, 0, 8);
        onlookers.recall(VIP, ActorId([3; 16]), 7, 0, 8);
        assert_eq!(onlookers.with(VIP, ActorId([4; 16]), 10), 2);
        // Whereas a look of days ago means that the clock was wrong.
        onlookers.note(VIP, ActorId([3; 16]), 7, 0, 8);
        assert_eq!(onlookers.with(VIP, ActorId([4; 16]), 7), 2);
        onlookers.take_back(VIP, ActorId([3; 16]), 7);
        assert_eq!(onlookers.with(VIP, ActorId([4; 16]), 7), 1);
    }

    #[test]
    fn more_than_sixty_four_are_not_told_apart() {
        let mut onlookers = Onlookers::default();
        for number in 0..100 {
            onlookers.note(VIP, ActorId([number; 16]), 1, 0, 8);
        }
        assert_eq!(onlookers.with(VIP, ActorId([200; 16]), 1), 65);
    }
}
