//! What comes out: a score, what follows from it, and the figures that it rests on.

use crate::access::ActorId;
use crate::explain::{Reason, reasons};
use crate::rule::{Family, Rule, Values};
use crate::thresholds::{Levels, Thresholds};

/// What is to be done, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Tell the actor that this look is reviewed, and ask why. Before anything is shown: that is what deters.
    Prompt,
    /// Open a case for a reviewer.
    Case,
    /// Show nothing more until a stronger log-in or somebody else's approval. Whoever calls keeps the block.
    Block,
}

impl Action {
    /// What follows from a score.
    pub(crate) fn at(score: f64, levels: &Levels) -> Self {
        if score > levels.block {
            Self::Block
        } else if score >= levels.case {
            Self::Case
        } else if score >= levels.prompt {
            Self::Prompt
        } else {
            Self::Nothing
        }
    }
}

/// With which eyes a day is seen: its counts of untied people are compared with days that were seen the same
/// way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As it happens, with cases that are yet to be logged.
    AtOnce,
    /// After a day, when late cases are known and [`Watch::rejudge`](crate::Watch::rejudge) was told.
    Again,
}

/// What is thought of one look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// Of this look, in [0, 1].
    pub score: f64,
    /// Of the actor's day up to it.
    pub day: f64,
    /// Each rule's value for this look.
    pub values: Values,
    /// What is to be done: what the look's own score says, or what the day's says at the look by which the
    /// day comes to a higher level. A day's level is acted upon once, not at each look after it.
    pub action: Action,
    /// What the values rest on.
    pub figures: Figures,
}

impl Judgement {
    pub(crate) fn nothing() -> Self {
        Self {
            score: 0.0,
            day: 0.0,
            values: Values::default(),
            action: Action::Nothing,
            figures: Figures::default(),
        }
    }

    /// Families with a rule that fires, the most certain first.
    pub fn families<'a>(&'a self, thresholds: &'a Thresholds) -> impl Iterator<Item = Family> + 'a {
        let fires = |family: &Family| self.values.firing(thresholds).any(|rule| rule.family() == *family);
        Family::ALL.into_iter().filter(fires)
    }

    /// A sentence for each rule that fires: counts and nothing about anybody.
    #[must_use]
    pub fn reasons(&self, thresholds: &Thresholds) -> Vec<Reason> {
        reasons(&self.values, &self.figures, thresholds)
    }
}

/// The numbers behind values. Weighted counts are sums of `t`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Distinct people of the day.
    pub opened: u32,
    /// How many are usual.
    pub usual_opened: f64,
    /// Distinct people of the day without a case, weighted.
    pub untied: f64,
    /// How many are usual.
    pub usual_untied: f64,
    /// How many times its usual work the team has.
    pub busy: f64,
    /// Distinct people within ten minutes.
    pub in_ten_minutes: u32,
    /// Steps along the row of ids without a case.
    pub neighbours: u32,
    /// Actors without a case at this VIP on this day, in a case the most at any.
    pub onlookers: u32,
    /// Visits without a case at unusual hours, weighted.
    pub off_hours: f64,
    /// Visits without a case from a new device or session, weighted.
    pub new_session: f64,
    /// Days within thirty on which this customer was opened without a case, in a case the most of any.
    pub untied_days: u32,
    /// Sum of R11.
    pub slow: f64,
    /// Sum of R12.
    pub drift: f64,
    /// Visits of colleagues' records, of VIPs', of the household's or family's, and of records that are
    /// nobody's. One at a look.
    pub visits: [u32; 4],
}

/// An actor's day as one family sees it, worth a reviewer's look.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Who.
    pub actor: ActorId,
    /// The company's day, in days since 1970.
    pub day: i32,
    /// Which rules.
    pub family: Family,
    /// From the rules of the family: what it is ranked by among its like.
    pub score: f64,
    /// In how many visits a rule of the family fired: which of two alike comes first.
    pub times: u32,
    /// From all rules: which comes first after that.
    pub day_score: f64,
    /// Sentences for whoever reviews it, also from other families.
    pub reasons: Vec<Reason>,
}

/// The place of a rule in [`Figures::visits`].
pub(crate) const fn visits_place(rule: Rule) -> Option<usize> {
    match rule {
        Rule::Colleague => Some(0),
        Rule::Vip => Some(1),
        Rule::Household => Some(2),
        Rule::Honey => Some(3),
        _ => None,
    }
}
