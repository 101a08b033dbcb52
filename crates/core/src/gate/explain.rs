//! "Why?" and "what if?": what policy would answer the caller, without doing anything.

use avouch_policy::{Action, Need, View};
use avouch_store::Tx;

use super::{Intent, Permit, Reason, Shows, SubjectFacts, decide};
use crate::app::{Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::{Error, Refusal};

/// Asks how an action would be decided for the caller.
#[derive(Debug, Clone)]
pub struct Explain {
    /// The action asked about.
    pub action: Action,
    /// The purpose that would be claimed.
    pub purpose: Option<String>,
    /// Whether a reason would be given.
    pub reason_given: bool,
    /// Fields asked about; empty: all, none of them owed.
    pub fields: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Whether it would be allowed.
    pub allowed: bool,
    /// The deciding policies.
    pub policies: Vec<String>,
    /// What is missing.
    pub needs: Vec<Need>,
    /// How each field would be shown.
    pub views: Vec<(String, View)>,
}

impl Operation for Explain {
    const ACTION: Action = Action::PolicyExplain;
    type Output = Explanation;
    about_nobody!();

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Explanation>, Error> {
        let places = crate::vault::places(cx.rules, &self.fields, "/fields")?;
        let shows = match (self.action.shows(), places.is_empty()) {
            (None, _) => Shows::Nothing,
            (Some(_), true) => Shows::Whatever,
            (Some(_), false) => Shows::These { places: places.clone(), least: None },
        };
        let reason = if self.reason_given { Some(Reason::parse("asked about")?) } else { None };
        let intent = Intent { shows, ..Intent::about(self.purpose.clone(), reason, 1) };
        let explanation = match decide(cx.rules, cx.caller, self.action, &intent, SubjectFacts::default()) {
            Ok(permit) => {
                let asked = if places.is_empty() { (0..cx.rules.fields.len()).collect() } else { places };
                let views = asked
                    .into_iter()
                    .filter_map(|place| {
                        let field = cx.rules.charter.fields().get(place)?;
                        Some((field.name.clone(), permit.view(place)))
                    })
                    .collect();
                let policies = permit.policies;
                Explanation { allowed: true, policies, needs: Vec::new(), views }
            }
            Err(Error::Refused(Refusal { needs, policies })) => {
                Explanation { allowed: false, policies, needs, views: Vec::new() }
            }
            Err(error) => return Err(error),
        };
        Ok(Outcome::new(explanation, Note::count(0)))
    }
}
