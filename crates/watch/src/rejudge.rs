//! Judged again: a contact was logged after the look that it explains.
//!
//! The visit gets the tie that it should have had, and what it had contributed is taken back: its values, the
//! day's untied people, the day of R9, its part in R2, and the sums and baselines of the days after it. What
//! cannot be taken back: that it was one of ten minutes' and one of a day's many (R4 does not ask for ties);
//! the prompt that was shown; what others were told to be, because there was one more onlooker; hours and
//! portfolios that were not learnt from a day that was suspicious.

use crate::access::{Access, SubjectId, Tie};
use crate::actor::Actor;
use crate::day::Day;
use crate::judgement::{Action, View};
use crate::visit::Marks;
use crate::watch::Watch;

/// Whether the case of a day stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The day was not worth one.
    NoCase,
    /// It still is, without this look.
    Stands,
    /// It no longer is.
    Falls,
}

/// What judging again has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rejudgement {
    /// The company's day that the look counted on.
    pub day: i32,
    /// The day's score before.
    pub before: f64,
    /// The day's score now.
    pub after: f64,
    /// Whether a case rested on it.
    pub standing: Standing,
}

impl Watch {
    /// Gives a look that was judged another tie, and with it every visit to this customer that the moment
    /// lies in. Nothing is told and nothing changed if none is kept: there was a case from the beginning, it
    /// is older than the day before yesterday, or it was one too many.
    pub fn rejudge(&mut self, access: &Access, tie: Tie) -> Option<Rejudgement> {
        let thresholds = &self.thresholds;
        let actor = self.actors.get_mut(&access.actor)?;
        let at = actor.day_of_visit(access.subject, access.at)?;
        let view = if at + 1 == actor.days.len() { View::AtOnce } else { View::Again };
        let day = actor.days.get_mut(at)?;
        let number = day.number;
        let before = day.values(view, thresholds).score(thresholds);

        let changed = day.retie(access.subject, access.at, tie);
        if let Some(team) = self.teams.get_mut(&actor.team) {
            team.untied(number, changed.untied_before, day.untied, thresholds);
            team.revision = team.revision.wrapping_add(1);
        }
        if changed.is_tied {
            self.onlookers.take_back(access.subject, access.actor, number);
        }
        if changed.was_untied {
            actor.pairs.take_back(access.subject, number);
            for visit in actor.days.iter_mut().skip(at + 1).flat_map(|day| &mut day.visits) {
                if visit.subject == access.subject {
                    visit.untied_days = visit.untied_days.saturating_sub(1);
                }
            }
        }
        for day in actor.days.iter_mut().skip(at) {
            day.settle(thresholds);
        }
        actor.replay(at, thresholds);
        actor.revision = actor.revision.wrapping_add(1);
        let after = actor.days.get(at)?.values(view, thresholds).score(thresholds);
        let case = |score| Action::at(score, &thresholds.levels) >= Action::Case;
        let standing = match (case(before), case(after)) {
            (false, _) => Standing::NoCase,
            (true, true) => Standing::Stands,
            (true, false) => Standing::Falls,
        };
        Some(Rejudgement { day: number, before, after, standing })
    }
}

impl Actor {
    /// The day on which a look was counted, if its visit is kept.
    fn day_of_visit(&self, subject: SubjectId, at: i64) -> Option<usize> {
        self.days.iter().rposition(|day| day.visits.iter().any(|visit| visit.holds(subject, at)))
    }
}

/// What another tie has changed on a day.
struct Changed {
    untied_before: u32,
    /// No visit of the customer is without a case any more.
    is_tied: bool,
    /// One was without any case, and now none is.
    was_untied: bool,
}

impl Day {
    /// Gives visits another tie, and the counts what follows from that.
    fn retie(&mut self, subject: SubjectId, at: i64, tie: Tie) -> Changed {
        let untied_before = self.untied;
        let mut was_untied = false;
        for visit in self.visits.iter_mut().filter(|visit| visit.holds(subject, at)) {
            let was = core::mem::replace(&mut visit.tie, tie);
            was_untied |= was == Tie::None;
            let exchange = |count: &mut u32, was: u32, is: u32| {
                *count = count.saturating_sub(was).saturating_add(is);
            };
            let steps = |tie| if tie == Tie::Contact { 0 } else { visit.neighbours };
            exchange(&mut self.neighbours, steps(was), steps(tie));
            if visit.marks.has(Marks::OFF_HOURS) {
                exchange(&mut self.off_hours, was.tenths(), tie.tenths());
            }
            if visit.marks.has(Marks::NEW_SESSION) {
                exchange(&mut self.new_session, was.tenths(), tie.tenths());
            }
        }
        let visits = self.visits.iter().filter(|visit| visit.subject == subject);
        let mut largest = visits.map(|visit| visit.tie).max().unwrap_or(Tie::Contact);
        if let Some(opened) = self.subjects.get_mut(&subject) {
            if opened.stands {
                largest = Tie::None;
            }
            let tenths = if opened.stands { opened.tenths } else { largest.tenths() };
            self.untied = self.untied.saturating_sub(opened.tenths).saturating_add(tenths);
            opened.tenths = tenths;
        }
        let is_tied = largest == Tie::Contact;
        Changed { untied_before, is_tied, was_untied: was_untied && largest != Tie::None }
    }
}
