//! A visit: looks of one actor at one customer that follow each other closely. It is what can be judged
//! again, so it holds what the rules have seen, apart from the tie.

use minicbor::{Decode, Encode};

use crate::access::{Access, SubjectId, Tie};
use crate::rule::Values;
use crate::thresholds::Thresholds;
use crate::{context, honey, pattern, relation};

/// What was seen of the customer and the circumstances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Marks(#[n(0)] u16);

impl Marks {
    pub(crate) const STAFF: Self = Self(1);
    pub(crate) const OWN: Self = Self(1 << 1);
    /// A VIP, and VIPs are not the actor's work.
    pub(crate) const VIP: Self = Self(1 << 2);
    pub(crate) const HOUSEHOLD: Self = Self(1 << 3);
    pub(crate) const SURNAME: Self = Self(1 << 4);
    pub(crate) const HONEY: Self = Self(1 << 5);
    pub(crate) const OFF_HOURS: Self = Self(1 << 6);
    pub(crate) const NEW_SESSION: Self = Self(1 << 7);

    pub(crate) fn of(access: &Access, thresholds: &Thresholds) -> Self {
        let facts = &access.facts;
        let new =
            access.session.new_device || u32::from(access.session.novelty) >= thresholds.context.novelty;
        let all = [
            (facts.staff, Self::STAFF),
            (facts.own_record, Self::OWN),
            (facts.vip && !access.vip_desk, Self::VIP),
            (facts.same_household, Self::HOUSEHOLD),
            (facts.same_rare_surname, Self::SURNAME),
            (facts.honey, Self::HONEY),
            (new, Self::NEW_SESSION),
        ];
        all.iter().filter(|(holds, _)| *holds).fold(Self::default(), |marks, (_, mark)| marks.with(*mark))
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A visit.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Visit {
    #[n(0)]
    pub(crate) subject: SubjectId,
    #[n(1)]
    pub(crate) from: i64,
    #[n(2)]
    pub(crate) until: i64,
    #[n(3)]
    pub(crate) tie: Tie,
    #[n(4)]
    pub(crate) marks: Marks,
    /// 1 if anything was shown as it is.
    #[n(5)]
    pub(crate) shown: f64,
    /// How unusual the hour was, in [0, 1].
    #[n(6)]
    pub(crate) hour: f64,
    /// How unusual the portfolio was, in [0, 1].
    #[n(7)]
    pub(crate) segment: f64,
    /// Untied actors at this VIP, with this one.
    #[n(8)]
    pub(crate) onlookers: u32,
    /// Untied days of the two, with this one.
    #[n(9)]
    pub(crate) untied_days: u32,
    /// Steps along the row of ids.
    #[n(10)]
    pub(crate) neighbours: u32,
}

impl Visit {
    /// What R1 to R3 and R6 to R10 say of it.
    pub(crate) fn values(&self, thresholds: &Thresholds) -> Values {
        let mut values = Values::default();
        relation::judge(self, &thresholds.relation, &mut values);
        context::judge(self, &thresholds.context, &mut values);
        pattern::judge(self, &thresholds.pattern, &mut values);
        honey::judge(self, &mut values);
        values
    }

    /// Whether a look at this time belongs to it.
    pub(crate) fn continues(&self, other: &Self, within: u64) -> bool {
        self.subject == other.subject
            && self.marks == other.marks
            && (self.until.abs_diff(other.from) <= within || self.from.abs_diff(other.from) <= within)
    }

    /// Whether a look at this customer at this time was part of it.
    pub(crate) fn holds(&self, subject: SubjectId, at: i64) -> bool {
        self.subject == subject && (self.from..=self.until).contains(&at)
    }

    /// Adds a later look.
    pub(crate) fn join(&mut self, other: &Self) {
        self.from = self.from.min(other.from);
        self.until = self.until.max(other.until);
        self.tie = self.tie.max(other.tie);
        self.shown = self.shown.max(other.shown);
        self.hour = self.hour.max(other.hour);
        self.segment = self.segment.max(other.segment);
        self.onlookers = self.onlookers.max(other.onlookers);
        self.untied_days = self.untied_days.max(other.untied_days);
        self.neighbours = self.neighbours.saturating_add(other.neighbours);
    }

    pub(crate) fn is_sound(&self) -> bool {
        [self.shown, self.hour, self.segment].iter().all(|part| (0.0..=1.0).contains(part))
    }
}
