//! The twelve rules, the families that they are reviewed in, and how values become a score.
//!
//! ```text
//! score = 1 - product over rules of (1 - weight * value)
//! ```
//! For a day, a rule's value is the largest of the day, not a sum: many small doubts do not make a big one.

use minicbor::{Decode, Encode};

use crate::thresholds::Thresholds;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// R1: a colleague's record, or one's own.
    Colleague,
    /// R2: a VIP's.
    Vip,
    /// R3: the own household's or family's.
    Household,
    /// R4: many in a day, in ten minutes, or in a row.
    Bulk,
    /// R5: many without a case.
    Untied,
    /// R6: at an hour at which this actor does not work.
    OffHours,
    /// R7: in somebody else's portfolio.
    Segment,
    /// R8: from a device or a session that is new.
    Session,
    /// R9: one customer again and again.
    Stalking,
    /// R10: a record that no work leads to.
    Honey,
    /// R11: somewhat more without a case, for weeks.
    Slow,
    /// R12: somewhat more of everything, for weeks.
    Drift,
}

impl Rule {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Colleague,
        Self::Vip,
        Self::Household,
        Self::Bulk,
        Self::Untied,
        Self::OffHours,
        Self::Segment,
        Self::Session,
        Self::Stalking,
        Self::Honey,
        Self::Slow,
        Self::Drift,
    ];

    /// How it is called in reports: `R1` to `R12`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Colleague => "R1",
            Self::Vip => "R2",
            Self::Household => "R3",
            Self::Bulk => "R4",
            Self::Untied => "R5",
            Self::OffHours => "R6",
            Self::Segment => "R7",
            Self::Session => "R8",
            Self::Stalking => "R9",
            Self::Honey => "R10",
            Self::Slow => "R11",
            Self::Drift => "R12",
        }
    }

    /// In which queue it is reviewed.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Colleague => Family::Colleague,
            Self::Vip => Family::Vip,
            Self::Household => Family::Household,
            Self::Bulk | Self::Untied => Family::Volume,
            Self::OffHours => Family::Hours,
            Self::Segment | Self::Session => Family::Place,
            Self::Stalking => Family::Stalking,
            Self::Honey => Family::Honey,
            Self::Slow | Self::Drift => Family::Slow,
        }
    }

    fn weight(self, thresholds: &Thresholds) -> f64 {
        match self {
            // Of the three parts of R4 only the daily one is weighted, where it is computed.
            Self::Untied => thresholds.volume.untied_weight,
            Self::Slow => thresholds.pattern.slow_weight,
            Self::Drift => thresholds.pattern.drift_weight,
            _ => 1.0,
        }
    }
}

/// Rules that are reviewed together, with a budget of their own: one list for all would be full of the
/// loudest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// R10.
    Honey,
    /// R3.
    Household,
    /// R1.
    Colleague,
    /// R2.
    Vip,
    /// R9.
    Stalking,
    /// R4 and R5.
    Volume,
    /// R11 and R12.
    Slow,
    /// R6.
    Hours,
    /// R7 and R8.
    Place,
}

impl Family {
    /// All of them, the most certain first.
    pub const ALL: [Self; 9] = [
        Self::Honey,
        Self::Household,
        Self::Colleague,
        Self::Vip,
        Self::Stalking,
        Self::Volume,
        Self::Slow,
        Self::Hours,
        Self::Place,
    ];

    /// How it is called in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honey => "honey",
            Self::Household => "household",
            Self::Colleague => "colleague",
            Self::Vip => "vip",
            Self::Stalking => "stalking",
            Self::Volume => "volume",
            Self::Slow => "slow",
            Self::Hours => "hours",
            Self::Place => "place",
        }
    }
}

/// A value in [0, 1] for each rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(transparent)]
pub struct Values(#[n(0)] [f64; 12]);

impl Values {
    /// Of one rule.
    #[must_use]
    pub fn of(&self, rule: Rule) -> f64 {
        self.0.get(rule as usize).copied().unwrap_or_default()
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, f64)> + '_ {
        Rule::ALL.into_iter().zip(self.0)
    }

    /// The rules whose weighted value is worth naming.
    pub fn firing<'a>(&'a self, thresholds: &'a Thresholds) -> impl Iterator<Item = Rule> + 'a {
        let least = thresholds.levels.fires;
        let firing = self.iter().filter(move |(rule, value)| value * rule.weight(thresholds) >= least);
        firing.map(|(rule, _)| rule)
    }

    /// From all rules.
    #[must_use]
    pub fn score(&self, thresholds: &Thresholds) -> f64 {
        self.score_of(|_| true, thresholds)
    }

    /// From the rules of a family.
    #[must_use]
    pub fn family(&self, family: Family, thresholds: &Thresholds) -> f64 {
        self.score_of(|rule| rule.family() == family, thresholds)
    }

    fn score_of(&self, of: impl Fn(Rule) -> bool, thresholds: &Thresholds) -> f64 {
        let rules = self.iter().filter(|(rule, _)| of(*rule));
        let doubt = rules
            .map(|(rule, value)| 1.0 - (rule.weight(thresholds) * value).clamp(0.0, 1.0))
            .product::<f64>();
        1.0 - doubt
    }

    /// Whether decoded bytes are values.
    pub(crate) fn is_sound(&self) -> bool {
        self.0.iter().all(|value| (0.0..=1.0).contains(value))
    }

    /// The larger of what is there and this; what is not a number is 0.
    pub(crate) fn raise(&mut self, rule: Rule, value: f64) {
        if let Some(slot) = self.0.get_mut(rule as usize) {
            *slot = slot.max(value.clamp(0.0, 1.0));
        }
    }

    /// The larger for each rule.
    pub(crate) fn raise_all(&mut self, other: &Self) {
        for (rule, value) in other.iter() {
            self.raise(rule, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_what_the_formula_says() {
        let mut values = Values::default();
        values.raise(Rule::Colleague, 0.75);
        values.raise(Rule::Untied, 0.5);
        let thresholds = Thresholds::default();
        // 1 - (1 - 0.75)(1 - 0.85 * 0.5)
        assert!((values.score(&thresholds) - 0.856_25).abs() < 1e-12);
        assert!((values.family(Family::Volume, &thresholds) - 0.425).abs() < 1e-12);
        assert_eq!(values.family(Family::Honey, &thresholds), 0.0);
        assert_eq!(values.firing(&thresholds).collect::<Vec<_>>(), [Rule::Colleague, Rule::Untied]);
    }

    #[test]
    fn a_value_stays_between_nothing_and_all() {
        let mut values = Values::default();
        for value in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            values.raise(Rule::Bulk, value);
            assert_eq!(values.of(Rule::Bulk), 0.0);
        }
        values.raise(Rule::Bulk, f64::INFINITY);
        assert_eq!(values.of(Rule::Bulk), 1.0);
        values.raise(Rule::Bulk, 0.3);
        assert_eq!(values.of(Rule::Bulk), 1.0);
    }

    #[test]
    fn every_rule_has_its_place() {
        for (place, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!((rule as usize, rule.code()), (place, format!("R{}", place + 1).as_str()));
            assert!(Family::ALL.contains(&rule.family()));
        }
    }
}
