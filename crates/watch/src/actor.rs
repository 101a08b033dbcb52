//! What is known of one actor: habits, what is usual, and the last three days.

use std::collections::VecDeque;

use minicbor::{Decode, Encode};

use crate::access::{Access, TeamId, Tie};
use crate::baseline::{Baseline, Twice};
use crate::day::{Day, tenths};
use crate::judgement::{Action, Figures, Judgement, View, visits_place};
use crate::onlookers::Onlookers;
use crate::pairs::Pairs;
use crate::rule::{Rule, Values};
use crate::statistics::{Histogram, tally};
use crate::team::{OPEN_DAYS, Team};
use crate::thresholds::{MINUTE, Thresholds};
use crate::visit::{Marks, Visit};
use crate::{context, volume};

/// As many as R4 can tell apart: from here on it is sure.
const RING: usize = 64;
const TEN_MINUTES: u64 = 10 * MINUTE.unsigned_abs();

/// An actor.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Actor {
    #[n(0)]
    pub(crate) team: TeamId,
    /// Days that can still change, the last is the present one.
    #[n(1)]
    pub(crate) days: VecDeque<Day>,
    #[n(2)]
    hours: Histogram<48>,
    #[n(3)]
    segments: Histogram<32>,
    #[n(4)]
    hours_today: [u16; 48],
    #[n(5)]
    segments_today: [u16; 32],
    /// When the last people of the day were opened first.
    #[n(6)]
    ring: VecDeque<i64>,
    #[n(7)]
    place: Option<u64>,
    #[n(8)]
    pub(crate) pairs: Pairs,
    /// Counts changes, for whoever stores it.
    #[cbor(skip)]
    pub(crate) revision: u64,
    #[cbor(skip)]
    pub(crate) stored: u64,
}

impl Actor {
    pub(crate) fn new(team: TeamId) -> Self {
        Self {
            team,
            days: VecDeque::new(),
            hours: Histogram::default(),
            segments: Histogram::default(),
            hours_today: [0; 48],
            segments_today: [0; 32],
            ring: VecDeque::new(),
            place: None,
            pairs: Pairs::default(),
            revision: 0,
            stored: 0,
        }
    }

    pub(crate) fn newest(&self) -> i64 {
        self.days.back().map_or(i64::MIN, |day| i64::from(day.number))
    }

    /// Takes a look in, and judges it.
    pub(crate) fn look(
        &mut self,
        access: &Access,
        team: &mut Team,
        onlookers: &mut Onlookers,
        thresholds: &Thresholds,
    ) -> Judgement {
        self.team = access.team;
        self.turn(thresholds.day(access.at), team, thresholds);
        let Some(mut day) = self.days.pop_back() else { return Judgement::nothing() };
        let before = Action::at(day.values(View::AtOnce, thresholds).score(thresholds), &thresholds.levels);
        day.leaving = access.leaving;

        let untied_before = day.untied;
        let (new, more) = day.count(access.subject, access.tie, thresholds.bounds.subjects);
        let hour = thresholds.hour(access.at);
        let segment = usize::from(access.segment.min(31));
        if new {
            tally(&mut self.hours_today, hour);
            tally(&mut self.segments_today, segment);
            team.opened(day.number, day.opened, thresholds);
        }
        if more > 0 {
            team.untied(day.number, untied_before, day.untied, thresholds);
        }
        let in_ten_minutes = self.within_ten_minutes(access.at, new);
        let step = self.step(access, new, thresholds);
        day.neighbours = day.neighbours.saturating_add(u32::from(step));
        day.in_ten_minutes = day.in_ten_minutes.max(in_ten_minutes);
        let limits = day.limits(thresholds);
        let burst = volume::burst(f64::from(in_ten_minutes), limits, &thresholds.volume);
        day.raise(Rule::Bulk, burst);

        let usual = day.usual(View::AtOnce, thresholds);
        let most = thresholds.volume.busy_most;
        let ratio = |count: f64, usual: f64| (count / usual.max(1.0)).min(most);
        let now =
            [ratio(f64::from(day.opened), usual.opened.mean), ratio(tenths(day.untied), usual.untied.mean)];
        day.busy = team.busy(day.number, day.ratios, now, thresholds);
        day.ratios = now;

        let mut visit = self.seen(access, team, thresholds);
        visit.neighbours = u32::from(step);
        if access.tie == Tie::None {
            visit.untied_days = self.pairs.note(access.subject, day.number, thresholds.bounds.pairs);
        }
        if visit.marks.has(Marks::VIP) {
            if access.tie != Tie::Contact {
                onlookers.note(access.subject, access.actor, day.number, access.at, thresholds.bounds.vips);
            }
            visit.onlookers = onlookers.with(access.subject, access.actor, day.number);
        }
        let mut values = visit.values(thresholds);
        let mut figures =
            Figures { onlookers: visit.onlookers, untied_days: visit.untied_days, ..Figures::default() };
        let marks = visit.marks;
        day.keep(visit, thresholds);

        // What the day's counts say is said of the looks that add to them; R11 and R12 are about weeks, and
        // said of none.
        let measures = day.measures(View::AtOnce, thresholds);
        let untied = access.tie != Tie::Contact;
        if new {
            values.raise(Rule::Bulk, burst);
            values.raise(Rule::Bulk, volume::daily(measures.z, limits, &thresholds.volume));
        }
        if step {
            values.raise(Rule::Bulk, volume::row(day.neighbours, limits, &thresholds.volume));
        }
        if untied {
            values.raise(Rule::Untied, volume::untied(measures.untied_z, limits, &thresholds.volume));
            let off_hours = if marks.has(Marks::OFF_HOURS) { tenths(day.off_hours) } else { 0.0 };
            let new_session = if marks.has(Marks::NEW_SESSION) { tenths(day.new_session) } else { 0.0 };
            context::judge_day(off_hours, new_session, &thresholds.context, &mut values);
        }
        figures = Figures {
            opened: day.opened,
            usual_opened: usual.opened.mean,
            untied: tenths(day.untied),
            usual_untied: usual.untied.mean,
            busy: day.busy[0],
            in_ten_minutes,
            neighbours: day.neighbours,
            off_hours: tenths(day.off_hours),
            new_session: tenths(day.new_session),
            slow: measures.slow,
            drift: measures.drift,
            visits: once(&values),
            ..figures
        };
        let (score, of_day) =
            (values.score(thresholds), day.values_of(&measures, thresholds).score(thresholds));
        let mut action = Action::at(score, &thresholds.levels);
        let reached = Action::at(of_day, &thresholds.levels);
        if reached > before {
            action = action.max(reached);
        }
        self.days.push_back(day);
        self.revision = self.revision.wrapping_add(1);
        Judgement { score, day: of_day, values, action, figures }
    }

    /// What of a look can be told without taking it in.
    pub(crate) fn seen(&self, access: &Access, team: &Team, thresholds: &Thresholds) -> Visit {
        let mixed = thresholds.context.mixed;
        let hour_bits = self.hours.surprise(thresholds.hour(access.at), &team.hours, mixed);
        let segment = usize::from(access.segment.min(31));
        let segment_bits = self.segments.surprise(segment, &team.segments, mixed);
        let mut marks = Marks::of(access, thresholds);
        if hour_bits >= thresholds.context.hour_bits {
            marks = marks.with(Marks::OFF_HOURS);
        }
        let shown = match (access.clear, access.masked) {
            (0, 0) => 0.0,
            (0, _) => thresholds.levels.masked.min(1.0),
            _ => 1.0,
        };
        Visit {
            subject: access.subject,
            from: access.at,
            until: access.at,
            tie: access.tie,
            marks,
            shown,
            hour: context::hour(hour_bits, &thresholds.context),
            segment: context::segment(segment_bits, &thresholds.context),
            onlookers: 1,
            untied_days: 0,
            neighbours: 0,
        }
    }

    /// Goes on to the day of a look. A look of the day before is late and counts today; one that lies further
    /// back means that the clock was wrong, and what was counted under it is dropped.
    fn turn(&mut self, number: i32, team: &mut Team, thresholds: &Thresholds) {
        let Some(present) = self.days.back_mut() else {
            self.days.push_back(Day::begin(number, Baseline::default(), team.prior()));
            return;
        };
        let gap = i64::from(number) - i64::from(present.number);
        if matches!(gap, -1 | 0) {
            return;
        }
        let mut before = present.before;
        if gap > i64::from(thresholds.learning.forget_days) {
            *self = Self { revision: self.revision, stored: self.stored, ..Self::new(self.team) };
            before = Baseline::default();
        } else if gap > 0 {
            present.close();
            before = present.after(thresholds);
            if !present.is_suspicious(View::AtOnce, thresholds) {
                let keep = thresholds.learning.keep_habits;
                self.hours.learn(&self.hours_today, keep);
                self.segments.learn(&self.segments_today, keep);
                team.hours.learn(&self.hours_today, 1.0);
                team.segments.learn(&self.segments_today, 1.0);
            }
            self.days.retain(|day| day.number > number.saturating_sub(OPEN_DAYS));
            self.pairs.sweep(number);
        } else {
            self.days.retain(|day| day.number < number);
            self.place = None;
            self.ring.clear();
        }
        (self.hours_today, self.segments_today) = ([0; 48], [0; 32]);
        self.days.push_back(Day::begin(number, before, team.prior()));
    }

    /// How many people were opened within ten minutes, up to [`RING`].
    fn within_ten_minutes(&mut self, at: i64, new: bool) -> u32 {
        self.ring.retain(|opened| opened.abs_diff(at) <= TEN_MINUTES);
        if new {
            if self.ring.len() >= RING {
                self.ring.pop_front();
            }
            self.ring.push_back(at);
        }
        u32::try_from(self.ring.len()).unwrap_or(u32::MAX)
    }

    /// Whether this look goes a step along the row of ids, without a case.
    fn step(&mut self, access: &Access, new: bool, thresholds: &Thresholds) -> bool {
        let Some(place) = access.place else { return false };
        let last = self.place.replace(place);
        let distance = last.map(|last| last.abs_diff(place));
        let near = distance.is_some_and(|far| (1..=thresholds.volume.neighbour_distance).contains(&far));
        near && new && access.tie != Tie::Contact
    }

    /// Computes the days after this one anew.
    pub(crate) fn replay(&mut self, from: usize, thresholds: &Thresholds) {
        let mut before = None;
        for day in self.days.iter_mut().skip(from) {
            if let Some(before) = before {
                day.before = before;
            }
            before = Some(day.after(thresholds));
        }
    }

    /// What has been unusual is usual from now on: the sums begin at nothing, and of the days that are over
    /// half goes in at once. These can no longer be judged again.
    pub(crate) fn accept(&mut self, thresholds: &Thresholds) {
        let Some(mut present) = self.days.pop_back() else { return };
        let (usual, share) = (&mut present.before, thresholds.learning.actor);
        (usual.slow, usual.drift) = (Twice::default(), 0.0);
        for day in self.days.drain(..) {
            usual.opened.learn(f64::from(day.opened), share, usual.days.min(1));
            usual.untied.again.learn(tenths(day.untied), share, usual.days.min(1));
            usual.untied.at_once.learn(tenths(day.untied), share, usual.days_at_once.min(1));
        }
        self.days.push_back(present);
        self.revision = self.revision.wrapping_add(1);
    }

    pub(crate) fn is_sound(&self, thresholds: &Thresholds) -> bool {
        let ordered =
            self.days.iter().zip(self.days.iter().skip(1)).all(|(day, next)| day.number < next.number);
        let bounded = self.days.len() <= usize::try_from(OPEN_DAYS).unwrap_or_default()
            && self.ring.len() <= RING
            && self.pairs.len() <= thresholds.bounds.pairs;
        let sound = self.hours.is_sound() && self.segments.is_sound() && self.pairs.is_sound();
        ordered && bounded && sound && self.days.iter().all(|day| day.is_sound(thresholds))
    }
}

/// One visit for each rule that says something.
fn once(values: &Values) -> [u32; 4] {
    let mut visits = [0; 4];
    for (rule, value) in values.iter().filter(|(_, value)| *value > 0.0) {
        if let Some(count) = visits_place(rule).and_then(|place| visits.get_mut(place)) {
            *count = u32::from(value > 0.0);
        }
    }
    visits
}
