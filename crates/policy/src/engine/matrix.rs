//! The whole policy as a table: which role may do what, for which purpose, and sees what.
//!
//! The text is for people and for snapshot tests: a change of policy shows as a changed line. It is made by
//! asking the engine, not by reading the grants, so it tells what is enforced.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;
use super::evaluate::Looks;
use crate::{
    Action, Field, PrincipalClass, PrincipalKind, Proof, Request, RowClass, Shows, SubjectClass, View,
};

impl Engine {
    /// The matrix role × action × purpose, then field × purpose as `reads/reveals`, for requests that lack
    /// nothing else: one customer, a reason given, a lawful purpose, an allowed network, no restriction, and broken glass
    /// for a role that sleeps until then.
    ///
    /// `.` is nothing. Roles stand in the order of the grants, fields as given.
    pub fn matrix(&self, fields: &[Field]) -> String {
        let roles = self.roles.iter().map(|(role, kind)| self.role_matrix(role, *kind, fields));
        roles.collect::<Vec<_>>().join("\n")
    }

    fn role_matrix(&self, role: &str, kind: PrincipalKind, fields: &[Field]) -> String {
        let principal = PrincipalClass::new(kind, [role], None);
        let dormant = self.dormant.contains(role);
        let ask = |action, purpose: Option<&Arc<str>>| Request {
            principal: principal.clone(),
            action,
            purpose: purpose.cloned(),
            purpose_lawful: true,
            reason: true,
            reason_required: true,
            network_allowed: true,
            contract_runs: true,
            proof: Proof::BEST,
            rows: RowClass::One,
            most_rows: 1,
            restricted: false,
            subject: SubjectClass::default(),
            approved: self.approvals.clone(),
            break_glass: dormant,
        };

        let mut text = format!("{role} ({kind}{})\n", if dormant { ", behind broken glass" } else { "" });
        let mut used: BTreeMap<Arc<str>, Vec<Action>> = BTreeMap::new();
        // What is everybody's own would stand in each.
        for action in Action::ALL.iter().copied().filter(|action| !action.is_own()) {
            if self.decide(&ask(action, None)).allowed {
                text.push_str(&format!("  {action}\n"));
                continue;
            }
            let allowed = |purpose: &&Arc<str>| self.decide(&ask(action, Some(purpose))).allowed;
            let purposes: Vec<&Arc<str>> = self.purposes.iter().filter(allowed).collect();
            for purpose in &purposes {
                used.entry(Arc::clone(purpose)).or_default().push(action);
            }
            if !purposes.is_empty() {
                let purposes: Vec<&str> = purposes.into_iter().map(AsRef::as_ref).collect();
                text.push_str(&format!("  {action:<18} {}\n", purposes.join(", ")));
            }
        }

        // The most that any of the role's actions shows by a ladder.
        let most = |field: &Field, purpose: &Arc<str>, actions: &[Action], ladder: Shows| {
            let actions = actions.iter().filter(|action| action.shows() == Some(ladder));
            let views = actions.map(|action| {
                let request = ask(*action, Some(purpose));
                self.view(&Looks::of(&request), field, View::Clear).view
            });
            views.max().unwrap_or(View::Nothing)
        };
        for (purpose, actions) in &used {
            let lines = fields.iter().filter_map(|field| {
                let reads = most(field, purpose, actions, Shows::Reads);
                let reveals = most(field, purpose, actions, Shows::Reveals);
                let shown = reads.max(reveals) > View::Nothing;
                shown.then(|| format!("    {:<18} {:<7} / {}\n", field.name, word(reads), word(reveals)))
            });
            let lines: String = lines.collect();
            if !lines.is_empty() {
                text.push_str(&format!("  for {purpose}: reads / reveals\n{lines}"));
            }
        }
        text
    }
}

fn word(view: View) -> &'static str {
    match view {
        View::Nothing => ".",
        view => view.as_str(),
    }
}
