//! A request that the solver has found, as a person reads it.

use std::fmt;

use cedar_policy::{Context, EntityUid, EvalResult};
use cedar_policy_symcc::Env;

use crate::prover::Prover;
use crate::texts::policies;

/// Who asks what of what, with which facts.
#[derive(Clone)]
pub(crate) struct Found(Env);

impl Found {
    pub(crate) fn new(found: Env) -> Self {
        Self(found)
    }

    /// An entity with what it is in and what it is like.
    fn entity(&self, name: String, uid: &EntityUid) -> String {
        let ancestors = self.0.entities.ancestors(uid).into_iter().flatten().map(ToString::to_string);
        let mut ancestors: Vec<String> = ancestors.collect();
        ancestors.sort();
        let attributes = self.0.entities.get(uid).into_iter().flat_map(|entity| entity.attrs());
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.ok()));
        let mut text = name;
        if !ancestors.is_empty() {
            text.push_str(&format!(" in {}", ancestors.join(", ")));
        }
        for (name, value) in sorted(attributes) {
            text.push_str(&format!("\n    {name}: {value}"));
        }
        text
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.0.request;
        let (Some(principal), Some(action), Some(resource)) =
            (request.principal(), request.action(), request.resource())
        else {
            return f.write_str("  a request of which a part is not known");
        };
        // Callers are classes: which of its kind it is, policy cannot tell.
        writeln!(f, "  principal: {}", self.entity(principal.type_name().to_string(), principal))?;
        writeln!(f, "  action: {}", action.id().unescaped())?;
        writeln!(f, "  resource: {}", self.entity(resource.to_string(), resource))?;
        write!(f, "  context:")?;
        for (name, value) in facts(request.context()) {
            write!(f, "\n    {name}: {value}")?;
        }
        Ok(())
    }
}

/// Nothing when nothing was found.
pub(crate) fn plain(found: Option<Found>) -> String {
    found.map_or_else(String::new, |found| found.to_string())
}

fn facts(context: Option<&Context>) -> Vec<(String, String)> {
    let names = context.cloned().into_iter().flatten().map(|(name, _)| name);
    sorted(names.map(|name| (name.clone(), context.and_then(|context| context.get(&name)))))
}

fn sorted(values: impl Iterator<Item = (String, Option<EvalResult>)>) -> Vec<(String, String)> {
    let text =
        |value: Option<EvalResult>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    let mut values: Vec<_> = values.map(|(name, value)| (name, text(value))).collect();
    values.sort();
    values
}

/// Whatever a schema says of callers and facts, without a word here.
#[test]
fn a_request_is_told_in_plain_words() {
    let mut prover = Prover::about(
        r#"
        entity Role;
        entity Visitor in [Role] = { verified: Bool, since?: datetime };
        entity Door enum ["front", "back"];
        action "open" appliesTo {
            principal: Visitor,
            resource: Door,
            context: { aal: Long, from: { address: ipaddr, known: Bool }, purposes: Set<String> },
        };
        "#,
    );
    let exactly = policies(
        r#"permit (principal in Role::"guest", action, resource == Door::"back") when {
            !principal.verified && principal has since && principal.since == datetime("2026-02-03") &&
            context.aal == 2 && context.from == { address: ip("10.0.0.1"), known: true } &&
            context.purposes == ["support", "rights"]
        };"#,
    );
    let one = prover.logic(&exactly);
    let found = prover.both(&one, &one).expect("there is one");
    insta::assert_snapshot!(found, @r#"
    principal: Visitor in Role::"guest"
      since: datetime("1970-01-01").offset(duration("1770076800000ms"))
      verified: false
    action: open
    resource: Door::"back"
    context:
      aal: 2
      from: {"address": ip("10.0.0.1/32"), "known": true}
      purposes: ["rights", "support"]
    "#);
}
