//! Policies as texts, and what is made of them for a question.

use std::str::FromStr;

use avouch_policy::{Engine, Promise, Source};
use cedar_policy::{Policy, PolicyId, PolicySet};

/// A charter's text that permits everything: whatever another permits, this does.
pub(crate) fn everything() -> Source {
    Source { name: "everything".into(), text: "permit (principal, action, resource);".into() }
}

/// The base rules and nothing that stands in their way.
pub(crate) fn base_and_everything() -> PolicySet {
    let engine = Engine::compile(&[], &[], &[everything()]).expect("it compiles");
    policies(engine.text())
}

/// The policies of a text, each by its `@id` where it has one.
pub(crate) fn policies(text: &str) -> PolicySet {
    let set = PolicySet::from_str(text).expect("the engine's own text");
    PolicySet::from_policies(set.policies().map(named)).expect("no id is given twice")
}

fn named(policy: &Policy) -> Policy {
    match policy.annotation("id") {
        Some(id) => policy.new_id(PolicyId::new(id)),
        None => policy.clone(),
    }
}

/// The same without one policy.
pub(crate) fn without(policies: &PolicySet, id: &str) -> PolicySet {
    let all = policies.policies().count();
    let kept = policies.policies().filter(|policy| policy.id().to_string() != id).cloned();
    let left = PolicySet::from_policies(kept).expect("ids as before");
    assert_eq!(left.policies().count(), all - 1, "`{id}` is in the policy");
    left
}

/// The ids of the base rules, as they stand on their page.
pub(crate) fn base_rules() -> Vec<String> {
    let base = base_and_everything();
    let ids = base.policies().map(|policy| policy.id().to_string());
    let mut ids: Vec<String> = ids.filter(|id| id.starts_with("base:")).collect();
    ids.sort();
    ids
}

/// Allows exactly the requests that the promise rules out.
pub(crate) fn ruled_out(promise: &Promise) -> PolicySet {
    PolicySet::from_policies([reversed(promise.text(), promise.id())]).expect("one policy")
}

/// Allows exactly what some forbid of these matches.
pub(crate) fn forbidden(forbids: impl IntoIterator<Item = Policy>) -> PolicySet {
    let reversed = forbids.into_iter().map(|policy| reversed(&policy.to_string(), policy.id().as_ref()));
    PolicySet::from_policies(reversed).expect("no id is given twice")
}

/// What any of these allows. (None of them forbids.)
pub(crate) fn any_of(sets: impl IntoIterator<Item = PolicySet>) -> PolicySet {
    let all = sets.into_iter().flat_map(|set| set.policies().cloned().collect::<Vec<_>>());
    PolicySet::from_policies(all).expect("no id is given twice")
}

/// A forbid as the permit that matches the same.
fn reversed(text: &str, id: &str) -> Policy {
    let id = PolicyId::new(id);
    let forbid = Policy::parse(Some(id.clone()), text).expect("one policy");
    let mut json = forbid.to_json().expect("a policy has a form in JSON");
    let effect = json.as_object_mut().and_then(|policy| policy.insert("effect".into(), "permit".into()));
    assert_eq!(effect, Some("forbid".into()));
    Policy::from_json(Some(id), json).expect("the same policy")
}
