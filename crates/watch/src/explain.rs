//! Sentences for whoever reviews: each says what was counted, and what is usual where that is known. They
//! hold counts and no id, name or time, so that they may stand in a mail.

use core::fmt;

use crate::judgement::{Figures, visits_place};
use crate::rule::{Rule, Values};
use crate::thresholds::Thresholds;

/// Why a rule fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule.
    pub rule: Rule,
    /// The sentence, without a full stop.
    pub text: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.code(), self.text)
    }
}

/// One for each rule that fires.
pub(crate) fn reasons(values: &Values, figures: &Figures, thresholds: &Thresholds) -> Vec<Reason> {
    values.firing(thresholds).map(|rule| Reason { rule, text: sentence(rule, figures) }).collect()
}

fn sentence(rule: Rule, figures: &Figures) -> String {
    let Figures { opened, usual_opened, untied, usual_untied, busy, .. } = figures;
    let times = visits_place(rule)
        .and_then(|place| figures.visits.get(place))
        .map_or_else(String::new, |n| if *n > 1 { format!(" ({n} visits)") } else { String::new() });
    let team =
        if *busy > 1.05 { format!(", on a day with {busy:.1} times the team's work") } else { String::new() };
    match rule {
        Rule::Colleague => format!("opened a colleague's or the own record without need shown{times}"),
        Rule::Vip => {
            let others = figures.onlookers.saturating_sub(1);
            format!("opened a VIP without a case{times}; so did {others} others that day")
        }
        Rule::Household => format!("opened somebody of the own household or family name{times}"),
        Rule::Bulk => {
            let mut text = format!("opened {opened} people today; usual here is {usual_opened:.0}{team}");
            if figures.in_ten_minutes >= 20 {
                text += &format!("; {} within ten minutes", figures.in_ten_minutes);
            }
            if figures.neighbours > 0 {
                text += &format!("; {} steps along the row of ids", figures.neighbours);
            }
            text
        }
        Rule::Untied => {
            format!("opened {untied:.0} people today without a case; usual here is {usual_untied:.0}{team}")
        }
        Rule::OffHours => format!(
            "opened people without a case at an hour unusual for this person ({:.0} visits today)",
            figures.off_hours.max(1.0)
        ),
        Rule::Segment => "opened people of a portfolio unusual for this person".to_owned(),
        Rule::Session => format!(
            "opened people without a case from a new device or session ({:.0} visits today)",
            figures.new_session.max(1.0)
        ),
        Rule::Stalking => {
            format!("opened the same customer without a case on {} of thirty days", figures.untied_days)
        }
        Rule::Honey => format!("opened a record that no work leads to{times}"),
        Rule::Slow => format!(
            "has for some time opened more people without a case than usual (sum {:.1}); today {untied:.0}, \
             usual is {usual_untied:.0}",
            figures.slow
        ),
        Rule::Drift => format!(
            "has for some time opened more people than usual (sum {:.1}); today {opened}, \
             usual is {usual_opened:.0}",
            figures.drift
        ),
    }
}
