//! Roles and purposes as the charter grants them, checked and rendered as Cedar text.
//!
//! The text is what is enforced and what is reviewed: the engine compiles these very lines. Ids are stable
//! (`role:support/subject.read`, `role:support/reads/1`, `purpose:support/fields`), so a decision's policies can
//! be looked up later. Nothing here widens a grant: what the charter does not say, the text does not permit.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::source::nearest;
use crate::{Action, KeyClass, PrincipalKind, Problem, Shows, View};

/// What holders of a role may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGrant {
    /// The role's name.
    pub role: String,
    /// The kind of principal that can hold it; held by another kind it grants nothing.
    pub holder: PrincipalKind,
    /// Names of actions ([`Action::as_str`]).
    pub actions: Vec<String>,
    /// The purposes that its holders may claim.
    pub purposes: Vec<String>,
    /// What its holders see of fields. A field that is not named is not seen.
    pub sees: Vec<SeesGrant>,
    /// It grants nothing until its holder has broken the glass.
    pub dormant: bool,
    /// What the passkey has to be that a session of theirs rests on.
    pub keys: KeyClass,
}

/// What a role sees of some fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeesGrant {
    /// Names of fields.
    pub fields: Vec<String>,
    /// The most that a read shows.
    pub reads: View,
    /// The most that a reveal, a detokenization or an export shows.
    pub reveals: View,
}

/// A purpose and the fields that it may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeFields {
    /// The purpose's name.
    pub name: String,
    /// Names of fields. A field that is not named is not shown for this purpose, whatever the role.
    pub fields: Vec<String>,
}

/// Something that is done only when others have agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// Its name, which policies ask for.
    pub name: String,
    /// How many different people have to agree.
    pub people: u32,
    /// Names of actions ([`Action::as_str`]) that nobody does without it, whatever else the charter's policies say.
    pub needed_for: Vec<String>,
}

/// Everything that is wrong with the grants.
pub(crate) fn check(
    grants: &[RoleGrant],
    purposes: &[PurposeFields],
    approvals: &[ApprovalRule],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for ApprovalRule { name, needed_for, .. } in approvals {
        for action in needed_for {
            let message = match action.parse::<Action>() {
                Ok(action) if action.is_own() => {
                    format!("`{action}` is everybody's own: nobody has to agree to it")
                }
                Ok(_) => continue,
                Err(_) => format!("unknown action `{action}`"),
            };
            problems.push(Problem::placeless(format!("approval {name}"), message, None));
        }
    }
    let mut known = BTreeSet::new();
    for purpose in purposes {
        if !known.insert(purpose.name.as_str()) {
            let place = format!("purpose {}", purpose.name);
            problems.push(Problem::placeless(place, "this purpose is given twice".into(), None));
        }
    }
    let mut roles = BTreeSet::new();
    for grant in grants {
        let mut report = |message: String, help: Option<String>| {
            problems.push(Problem::placeless(format!("role {}", grant.role), message, help));
        };
        if !roles.insert(grant.role.as_str()) {
            report("this role is given twice".into(), Some("give each role one name of its own".into()));
        }
        for name in &grant.actions {
            match name.parse::<Action>() {
                Ok(action) if action.is_data() && grant.purposes.is_empty() => report(
                    format!("`{name}` touches customers' data, and the role has no purpose to claim"),
                    Some("name the purposes that this role works for, or take the action away".into()),
                ),
                Ok(action) if action.is_own() => report(
                    format!("`{name}` is everybody's own: no role gives or takes it"),
                    Some("leave it out".into()),
                ),
                Ok(_) => {}
                Err(_) => report(
                    format!("unknown action `{name}`"),
                    nearest(name, Action::ALL.iter().map(|action| action.as_str())),
                ),
            }
        }
        for name in grant.purposes.iter().filter(|name| !known.contains(name.as_str())) {
            report(format!("unknown purpose `{name}`"), nearest(name, known.iter().copied()));
        }
    }
    problems
}

/// The grants as Cedar text. They must have passed [`check`].
pub(crate) fn render(grants: &[RoleGrant], purposes: &[PurposeFields], approvals: &[ApprovalRule]) -> String {
    let mut text = String::new();
    for grant in grants {
        role(&mut text, grant).expect("writing to a string cannot fail");
    }
    for purpose in purposes {
        fields_of(&mut text, purpose).expect("writing to a string cannot fail");
    }
    // A set in Cedar cannot be empty; without purposes there is no charter, and nobody to grant anything.
    if !purposes.is_empty() {
        only_known(&mut text, purposes).expect("writing to a string cannot fail");
    }
    for approval in approvals {
        needed(&mut text, approval).expect("writing to a string cannot fail");
    }
    text
}

/// A purpose that the charter does not name is none: so it stands in the policy itself, whoever fills the question.
fn only_known(text: &mut String, purposes: &[PurposeFields]) -> std::fmt::Result {
    writeln!(text, "@id(\"purpose:known\")\n@advice(\"purpose\")")?;
    writeln!(text, "forbid (principal, action in Action::\"data\", resource)")?;
    let known = uids("Purpose", purposes.iter().map(|purpose| &purpose.name));
    writeln!(text, "when {{ context has purpose }}\nunless {{ {known}.contains(context.purpose) }};\n")
}

/// What nobody does before others have agreed, and as many of them as the charter wants.
fn needed(text: &mut String, approval: &ApprovalRule) -> std::fmt::Result {
    let ApprovalRule { name, people, needed_for } = approval;
    let actions: BTreeSet<Action> = needed_for.iter().filter_map(|name| name.parse().ok()).collect();
    for action in actions {
        writeln!(text, "@id({})", quoted(&format!("approval:{name}/{action}")))?;
        writeln!(text, "@advice({})", quoted(&format!("approval:{name}")))?;
        writeln!(text, "forbid (principal, action == {}, resource)", uid("Action", action.as_str()))?;
        write!(
            text,
            "unless {{ context.approved.contains({}) && context.approvers >= {people} }}",
            quoted(name)
        )?;
        text.push_str(";\n\n");
    }
    Ok(())
}

fn role(text: &mut String, grant: &RoleGrant) -> std::fmt::Result {
    let RoleGrant { role, holder, actions, purposes, sees, dormant, keys } = grant;
    let principal = format!("principal is {} in {}", holder.entity_type(), uid("Role", role));
    let purposes = uids("Purpose", purposes);
    let claimed = format!("context has purpose && {purposes}.contains(context.purpose)");

    let actions: BTreeSet<Action> = actions.iter().filter_map(|name| name.parse().ok()).collect();
    for action in actions {
        writeln!(text, "@id({})", quoted(&format!("role:{role}/{action}")))?;
        write!(text, "permit ({principal}, action == {}, resource)", uid("Action", action.as_str()))?;
        match (action.is_data(), dormant) {
            (true, false) => write!(text, "\nwhen {{ {claimed} }}")?,
            (true, true) => write!(text, "\nwhen {{ context.break_glass && {claimed} }}")?,
            (false, true) => text.push_str("\nwhen { context.break_glass }"),
            (false, false) => {}
        }
        text.push_str(";\n\n");
    }

    let fact = match keys {
        KeyClass::Any => None,
        KeyClass::DeviceBound => Some("device_bound"),
        KeyClass::Attested => Some("attested"),
    };
    if let Some(fact) = fact {
        writeln!(text, "@id({})", quoted(&format!("role:{role}/keys")))?;
        writeln!(text, "@advice(\"proof:{}\")", keys.as_str())?;
        writeln!(text, "forbid ({principal}, action, resource)")?;
        write!(text, "when {{ context.means == Means::\"session\" && !context.{fact}")?;
        if *dormant {
            // Until it is woken it asks for nothing either.
            text.push_str(" && (context.break_glass || action == Action::\"break_glass.open\")");
        }
        text.push_str(" }\n");
        writeln!(text, "unless {{")?;
        writeln!(text, "  action in Action::\"own\" &&")?;
        writeln!(text, "  {UNOWNED}")?;
        text.push_str("};\n\n");
    }

    for (number, grant) in (1..).zip(sees) {
        for (ladder, view) in [(Shows::Reads, grant.reads), (Shows::Reveals, grant.reveals)] {
            // A set in Cedar cannot be empty, and neither of these shows anything.
            if grant.fields.is_empty() || purposes == "[]" || view == View::Nothing {
                continue;
            }
            let ladder = ladder.as_str();
            let rungs: Vec<_> = View::RUNGS.iter().copied().filter(|rung| *rung <= view).collect();
            let rungs = uids("Action", rungs.iter().map(|rung| rung.action()));
            writeln!(text, "@id({})", quoted(&format!("role:{role}/{ladder}/{number}")))?;
            writeln!(text, "permit (\n  {principal},\n  action in {rungs},\n  resource is Field\n)")?;
            writeln!(text, "when {{")?;
            if *dormant {
                writeln!(text, "  context.break_glass &&")?;
            }
            writeln!(text, "  context.ladder == {} &&", uid("Ladder", ladder))?;
            writeln!(text, "  {claimed} &&")?;
            writeln!(text, "  {}.contains(resource)", uids("Field", &grant.fields))?;
            text.push_str("};\n\n");
        }
    }
    Ok(())
}

/// Of what is everybody's own, what is about others.
const UNOWNED: &str = r#"![Action::"approval.ask", Action::"approval.read", Action::"approval.give", Action::"break_glass.open", Action::"break_glass.close", Action::"break_glass.read", Action::"break_glass.review"].contains(action)"#;

/// A purpose forbids every field but its own, so that no role and no extra policy can widen it.
fn fields_of(text: &mut String, purpose: &PurposeFields) -> std::fmt::Result {
    writeln!(text, "@id({})", quoted(&format!("purpose:{}/fields", purpose.name)))?;
    writeln!(text, "@advice(\"field\")")?;
    writeln!(text, "forbid (principal, action in Action::\"view\", resource is Field)")?;
    write!(text, "when {{ context has purpose && context.purpose == {} }}", uid("Purpose", &purpose.name))?;
    if !purpose.fields.is_empty() {
        write!(text, "\nunless {{ {}.contains(resource) }}", uids("Field", &purpose.fields))?;
    }
    text.push_str(";\n\n");
    Ok(())
}

/// An entity as Cedar writes it: `Role::"support"`.
pub(crate) fn uid(entity_type: &str, id: &str) -> String {
    format!("{entity_type}::{}", quoted(id))
}

pub(crate) fn uids(entity_type: &str, ids: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| uid(entity_type, id.as_ref())).collect();
    let line = ids.join(", ");
    if line.len() <= 80 { format!("[{line}]") } else { format!("[\n    {}\n  ]", ids.join(",\n    ")) }
}

/// A Cedar string; its escapes are Rust's.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn support() -> RoleGrant {
        RoleGrant {
            role: "support".into(),
            holder: PrincipalKind::Staff,
            actions: vec!["subject.read".into(), "charter.read".into()],
            purposes: vec!["support".into()],
            sees: vec![SeesGrant {
                fields: vec!["email".into()],
                reads: View::Masked,
                reveals: View::Nothing,
            }],
            dormant: false,
            keys: KeyClass::DeviceBound,
        }
    }

    #[test]
    fn a_role_reads_well_as_cedar() {
        let purpose = PurposeFields { name: "support".into(), fields: vec!["email".into()] };
        insta::assert_snapshot!(render(&[support()], &[purpose], &[]).trim_end(), @r#"
        @id("role:support/subject.read")
        permit (principal is Staff in Role::"support", action == Action::"subject.read", resource)
        when { context has purpose && [Purpose::"support"].contains(context.purpose) };

        @id("role:support/charter.read")
        permit (principal is Staff in Role::"support", action == Action::"charter.read", resource);

        @id("role:support/keys")
        @advice("proof:device-bound")
        forbid (principal is Staff in Role::"support", action, resource)
        when { context.means == Means::"session" && !context.device_bound }
        unless {
          action in Action::"own" &&
          ![Action::"approval.ask", Action::"approval.read", Action::"approval.give", Action::"break_glass.open", Action::"break_glass.close", Action::"break_glass.read", Action::"break_glass.review"].contains(action)
        };

        @id("role:support/reads/1")
        permit (
          principal is Staff in Role::"support",
          action in [Action::"view.masked", Action::"view.token"],
          resource is Field
        )
        when {
          context.ladder == Ladder::"reads" &&
          context has purpose && [Purpose::"support"].contains(context.purpose) &&
          [Field::"email"].contains(resource)
        };

        @id("purpose:support/fields")
        @advice("field")
        forbid (principal, action in Action::"view", resource is Field)
        when { context has purpose && context.purpose == Purpose::"support" }
        unless { [Field::"email"].contains(resource) };

        @id("purpose:known")
        @advice("purpose")
        forbid (principal, action in Action::"data", resource)
        when { context has purpose }
        unless { [Purpose::"support"].contains(context.purpose) };
        "#);
    }

    #[test]
    fn names_cannot_break_out_of_their_string() {
        let mut grant = support();
        grant.role = "a\"); permit (principal, action, resource); //\n\\".into();
        let text = render(&[grant], &[], &[]);
        let policies: cedar_policy::PolicySet = text.parse().expect("still one policy each");
        assert_eq!(policies.policies().count(), 4);
    }

    #[test]
    fn mistakes_are_named_all_at_once() {
        let mut grant = support();
        grant.actions = vec!["subject.raed".into(), "subject.read".into()];
        grant.purposes = vec!["suport".into()];
        let purpose = PurposeFields { name: "support".into(), fields: Vec::new() };
        let mut aimless = support();
        aimless.purposes.clear();
        let problems = check(&[grant, aimless], &[purpose.clone(), purpose], &[]);
        let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
        insta::assert_snapshot!(problems.join("\n"), @"
        purpose support: this purpose is given twice
        role support: unknown action `subject.raed`
          help: did you mean `subject.read`?
        role support: unknown purpose `suport`
          help: did you mean `support`?
        role support: this role is given twice
          help: give each role one name of its own
        role support: `subject.read` touches customers' data, and the role has no purpose to claim
          help: name the purposes that this role works for, or take the action away
        ");
    }
}
