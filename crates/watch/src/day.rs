//! One day of one actor: what was counted, and the visits that can still be judged again.
//!
//! It holds what it is compared with as well: the baseline as it was when the day began, and what the team
//! told. So a day can be judged again days later, and the days after it be computed anew, as if what is known
//! now had been known then.

use std::collections::{BTreeMap, VecDeque};

use minicbor::{Decode, Encode};

use crate::access::{SubjectId, Tie};
use crate::baseline::{Baseline, Prior, Usual};
use crate::judgement::{Figures, View, visits_place};
use crate::rule::{Rule, Values};
use crate::statistics::{deviation, is_count};
use crate::thresholds::{MINUTE, Thresholds};
use crate::visit::{Marks, Visit};
use crate::{context, pattern, volume};

/// A day.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Day {
    #[n(0)]
    pub(crate) number: i32,
    /// As the day began.
    #[n(1)]
    pub(crate) before: Baseline,
    #[n(2)]
    pub(crate) prior: Prior,
    /// How busy the team was when this actor was last seen: people, and untied people.
    #[n(3)]
    pub(crate) busy: [f64; 2],
    /// How many times the usual number this actor has opened, as it was last told to the team.
    #[n(4)]
    pub(crate) ratios: [f64; 2],
    #[n(5)]
    pub(crate) leaving: bool,
    /// Distinct people.
    #[n(6)]
    pub(crate) opened: u32,
    /// Distinct untied people, in tenths.
    #[n(7)]
    pub(crate) untied: u32,
    /// The same when the day was over.
    #[n(8)]
    untied_at_close: Option<u32>,
    /// Visits without a case at unusual hours, in tenths.
    #[n(9)]
    pub(crate) off_hours: u32,
    /// Visits without a case from a new session, in tenths.
    #[n(10)]
    pub(crate) new_session: u32,
    /// Steps along the row of ids without a case.
    #[n(11)]
    pub(crate) neighbours: u32,
    /// The most people within ten minutes.
    #[n(12)]
    pub(crate) in_ten_minutes: u32,
    #[n(13)]
    pub(crate) subjects: BTreeMap<SubjectId, Opened>,
    #[n(14)]
    pub(crate) visits: VecDeque<Visit>,
    /// The largest values of what is not among the visits.
    #[n(15)]
    floor: Values,
    /// The largest values of all of it: computed from the rest.
    #[cbor(skip)]
    peak: Values,
}

/// A customer of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Opened {
    /// The largest `t` of the day, in tenths.
    #[n(0)]
    pub(crate) tenths: u32,
    /// A visit is no longer kept, so that nothing can be taken back.
    #[n(1)]
    pub(crate) stands: bool,
}

/// What a day is measured to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measures {
    pub(crate) z: f64,
    pub(crate) untied_z: f64,
    pub(crate) slow: f64,
    pub(crate) drift: f64,
}

impl Day {
    pub(crate) fn begin(number: i32, before: Baseline, prior: Prior) -> Self {
        Self {
            number,
            before,
            prior,
            busy: [1.0, 1.0],
            ratios: [0.0, 0.0],
            leaving: false,
            opened: 0,
            untied: 0,
            untied_at_close: None,
            off_hours: 0,
            new_session: 0,
            neighbours: 0,
            in_ten_minutes: 0,
            subjects: BTreeMap::new(),
            visits: VecDeque::new(),
            floor: Values::default(),
            peak: Values::default(),
        }
    }

    /// Takes a look into the counts of people. Whether the person is new today, and how many tenths of a
    /// person more are untied.
    pub(crate) fn count(&mut self, subject: SubjectId, tie: Tie, bound: usize) -> (bool, u32) {
        let tenths = tie.tenths();
        let (new, before) = match self.subjects.get_mut(&subject) {
            Some(opened) => {
                let before = opened.tenths;
                opened.tenths = before.max(tenths);
                (false, before)
            }
            None => {
                if self.subjects.len() < bound {
                    self.subjects.insert(subject, Opened { tenths, stands: false });
                }
                (true, 0)
            }
        };
        let more = tenths.saturating_sub(before);
        self.opened = self.opened.saturating_add(u32::from(new));
        self.untied = self.untied.saturating_add(more);
        (new, more)
    }

    /// Takes a look into the visits; the largest values follow. A look with a case has nothing that could be
    /// taken back.
    pub(crate) fn keep(&mut self, look: Visit, thresholds: &Thresholds) {
        if look.tie == Tie::Contact {
            let values = look.values(thresholds);
            self.floor.raise_all(&values);
            self.peak.raise_all(&values);
            return;
        }
        let within = u64::from(thresholds.learning.visit_minutes).saturating_mul(MINUTE.unsigned_abs());
        // A visit that is longer ago than so many others is another one.
        let same = self.visits.iter_mut().rev().take(16).find(|visit| visit.continues(&look, within));
        let (added, values) = match same {
            Some(visit) => {
                let before = visit.tie.tenths();
                visit.join(&look);
                (visit.tie.tenths().saturating_sub(before), visit.values(thresholds))
            }
            None => {
                let (added, values) = (look.tie.tenths(), look.values(thresholds));
                if self.visits.len() >= thresholds.bounds.visits {
                    self.let_go(thresholds);
                }
                self.visits.push_back(look.clone());
                (added, values)
            }
        };
        if look.marks.has(Marks::OFF_HOURS) {
            self.off_hours = self.off_hours.saturating_add(added);
        }
        if look.marks.has(Marks::NEW_SESSION) {
            self.new_session = self.new_session.saturating_add(added);
        }
        self.peak.raise_all(&values);
    }

    /// The oldest visit stands from now on.
    fn let_go(&mut self, thresholds: &Thresholds) {
        if let Some(visit) = self.visits.pop_front() {
            self.floor.raise_all(&visit.values(thresholds));
            if let Some(opened) = self.subjects.get_mut(&visit.subject) {
                opened.stands = true;
            }
        }
    }

    /// A value of today that no visit carries.
    pub(crate) fn raise(&mut self, rule: Rule, value: f64) {
        self.floor.raise(rule, value);
        self.peak.raise(rule, value);
    }

    /// Computes the largest values anew.
    pub(crate) fn settle(&mut self, thresholds: &Thresholds) {
        self.peak = self.floor;
        for visit in &self.visits {
            self.peak.raise_all(&visit.values(thresholds));
        }
    }

    /// The day is over: of people who were opened with a case nothing is needed any more.
    pub(crate) fn close(&mut self) {
        self.untied_at_close.get_or_insert(self.untied);
        self.subjects.retain(|_, opened| opened.tenths > 0);
    }

    pub(crate) fn usual(&self, view: View, thresholds: &Thresholds) -> Usual {
        self.before.usual(&self.prior, view, thresholds)
    }

    pub(crate) fn limits(&self, thresholds: &Thresholds) -> f64 {
        if self.leaving { thresholds.pattern.leaving } else { 1.0 }
    }

    pub(crate) fn measures(&self, view: View, thresholds: &Thresholds) -> Measures {
        self.measure(self.untied, view, thresholds)
    }

    fn measure(&self, untied: u32, view: View, thresholds: &Thresholds) -> Measures {
        let (usual, least) = (self.usual(view, thresholds), thresholds.volume.least_variance);
        let [busy, busy_untied] = self.busy;
        let z = deviation(f64::from(self.opened), &usual.opened, busy, least);
        let untied_z = deviation(f64::from(untied) / 10.0, &usual.untied, busy_untied, least);
        let (mut slow, mut drift) = (0.0, 0.0);
        if self.before.days_of(view) >= thresholds.pattern.warm_up {
            slow = pattern::slow_after(self.before.slow.of(view), untied_z, &thresholds.pattern);
            drift = pattern::drift_after(self.before.drift, z, &thresholds.pattern);
        }
        Measures { z, untied_z, slow, drift }
    }

    /// Each rule's value for the day.
    pub(crate) fn values(&self, view: View, thresholds: &Thresholds) -> Values {
        self.values_of(&self.measures(view, thresholds), thresholds)
    }

    pub(crate) fn values_of(&self, measures: &Measures, thresholds: &Thresholds) -> Values {
        let (mut values, limits) = (self.peak, self.limits(thresholds));
        let Measures { z, untied_z, slow, drift } = *measures;
        volume::judge_day(z, untied_z, self.neighbours, limits, &thresholds.volume, &mut values);
        let (off_hours, new_session) = (tenths(self.off_hours), tenths(self.new_session));
        context::judge_day(off_hours, new_session, &thresholds.context, &mut values);
        pattern::judge_day(slow, drift, limits, &thresholds.pattern, &mut values);
        values
    }

    /// Whether what was seen must not become usual.
    pub(crate) fn is_suspicious(&self, view: View, thresholds: &Thresholds) -> bool {
        self.suspects(&self.measures(view, thresholds), thresholds)
    }

    fn suspects(&self, measures: &Measures, thresholds: &Thresholds) -> bool {
        let most = measures.slow.max(measures.drift);
        most >= thresholds.pattern.freeze
            || self.values_of(measures, thresholds).score(thresholds) >= thresholds.levels.prompt
    }

    /// The baseline after this day.
    pub(crate) fn after(&self, thresholds: &Thresholds) -> Baseline {
        let mut after = self.before;
        // As they were, whatever the team's day was like: divided by how busy it was, a baseline would
        // shrink, the team would look the busier for it, and so on.
        let share = thresholds.learning.actor;

        let again = self.measures(View::Again, thresholds);
        (after.slow.again, after.drift) = (again.slow, again.drift);
        if !self.suspects(&again, thresholds) {
            after.opened.learn(f64::from(self.opened), share, after.days);
            after.untied.again.learn(tenths(self.untied), share, after.days);
            after.days = after.days.saturating_add(1);
        }
        let untied = self.untied_at_close.unwrap_or(self.untied);
        let at_once = self.measure(untied, View::AtOnce, thresholds);
        after.slow.at_once = at_once.slow;
        if !self.suspects(&at_once, thresholds) {
            after.untied.at_once.learn(tenths(untied), share, after.days_at_once);
            after.days_at_once = after.days_at_once.saturating_add(1);
        }
        after
    }

    /// The numbers behind the day's values.
    pub(crate) fn figures(&self, view: View, thresholds: &Thresholds) -> Figures {
        let (usual, measures) = (self.usual(view, thresholds), self.measures(view, thresholds));
        let untied = || self.visits.iter().filter(|visit| visit.tie != Tie::Contact);
        let mut figures = Figures {
            opened: self.opened,
            usual_opened: usual.opened.mean,
            untied: tenths(self.untied),
            usual_untied: usual.untied.mean,
            busy: self.busy[0],
            in_ten_minutes: self.in_ten_minutes,
            neighbours: self.neighbours,
            onlookers: untied().map(|visit| visit.onlookers).max().unwrap_or_default(),
            off_hours: tenths(self.off_hours),
            new_session: tenths(self.new_session),
            untied_days: untied().map(|visit| visit.untied_days).max().unwrap_or_default(),
            slow: measures.slow,
            drift: measures.drift,
            visits: [0; 4],
        };
        for visit in &self.visits {
            for rule in visit.values(thresholds).firing(thresholds) {
                if let Some(count) = visits_place(rule).and_then(|place| figures.visits.get_mut(place)) {
                    *count = count.saturating_add(1);
                }
            }
        }
        figures
    }

    pub(crate) fn is_sound(&self, thresholds: &Thresholds) -> bool {
        let numbers = self.busy.iter().all(|busy| is_count(*busy) && *busy >= 1.0)
            && self.ratios.iter().copied().all(is_count);
        let parts = self.before.is_sound(thresholds) && self.prior.is_sound() && self.floor.is_sound();
        let visits = self.visits.len() <= thresholds.bounds.visits && self.visits.iter().all(Visit::is_sound);
        let subjects = self.subjects.len() <= thresholds.bounds.subjects
            && self.subjects.values().all(|opened| opened.tenths <= 10);
        numbers && parts && visits && subjects
    }
}

pub(crate) fn tenths(count: u32) -> f64 {
    f64::from(count) / 10.0
}
