//! What each base rule is for: the promises that fall without it, and that no rule goes beyond them.

use cedar_policy::{Policy, PolicySet};

use crate::claim::{broken, claims, names};
use crate::found::plain;
use crate::prover::Prover;
use crate::shipped::promises;
use crate::texts::{any_of, base_and_everything, base_rules, forbidden, ruled_out, without};

/// One rule out, everything else as it is. The snapshot is the map from rules to what is said to people.
#[test]
fn without_a_rule_its_promises_fall() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises());
    let base = base_and_everything();
    let mut lines = Vec::new();
    for rule in base_rules() {
        let policy = prover.logic(&without(&base, &rule));
        let broken = broken(&mut prover, &policy, &claims);
        assert!(!broken.is_empty(), "no promise rests on `{rule}`: write one");
        lines.push(format!("{rule}: {}", names(&broken).join(", ")));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    base:break-glass: promise:break-glass
    base:break-glass-fresh: promise:break-glass-open
    base:break-glass-open: promise:break-glass-open
    base:break-glass-view: promise:break-glass
    base:contract: promise:contract
    base:enrol-first: promise:enrol-first
    base:lawful-purpose: promise:lawful-purpose, promise:clear-value
    base:network: promise:network
    base:own-authenticators: promise:own-authenticators
    base:own-authenticators-fresh: promise:own-authenticators
    base:purpose: promise:lawful-purpose, promise:clear-value
    base:reason: promise:reason
    base:recipient: promise:recipient
    base:recipient-view: promise:recipient
    base:restricted: promise:restricted
    base:restricted-view: promise:restricted
    base:two-factors: promise:two-factors, promise:enrol-first
    ");
}

/// A rule that is only weaker is found out too.
#[test]
fn a_rule_that_says_less_breaks_a_promise() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises());
    let base = base_and_everything();
    let mut lines = Vec::new();
    for (rule, from, to) in [
        ("base:purpose", r#"Action::"data""#, r#"Action::"opens""#),
        ("base:purpose", "forbid (principal,", "forbid (principal is Staff,"),
        ("base:lawful-purpose", "!context.purpose_lawful", "!context.purpose_lawful && !context.reason"),
        ("base:reason", r#"action in Action::"opens""#, r#"action == Action::"subject.reveal""#),
        ("base:reason", "!context.reason }", r#"!context.reason && context.rows != Rows::"one" }"#),
        ("base:network", "forbid (principal,", "forbid (principal is Service,"),
        ("base:network", "context.network_allowed", "context.network_allowed || context.reason"),
        ("base:contract", "!context.contract_runs", "!context.contract_runs && !context.reason"),
        (
            "base:contract",
            "principal has recipient",
            r#"principal has recipient && principal.recipient != "us""#,
        ),
        (
            "base:recipient",
            "principal has recipient",
            r#"principal has recipient && principal.recipient != "us""#,
        ),
        ("base:recipient", r#""token.detokenize", "#, r#""token.detokenize", Action::"token.read", "#),
        (
            "base:recipient-view",
            "principal has recipient &&",
            r#"principal has recipient && principal in Role::"r" &&"#,
        ),
        (
            "base:recipient-view",
            "context.during !=",
            r#"context.during == Operation::"subject.read" && context.during !="#,
        ),
        ("base:restricted", r#", Action::"token.create""#, ""),
        ("base:restricted", "context.restricted", "context.restricted && context.reason"),
        ("base:restricted-view", r#"Action::"view.partial", "#, ""),
        ("base:restricted-view", "context.restricted", r#"context.restricted && resource.sensitivity > 1"#),
    ] {
        let policy = prover.logic(&changed(&base, rule, from, to));
        let broken = broken(&mut prover, &policy, &claims);
        lines.push(format!("{rule}: `{from}` → `{to}`"));
        lines.push(format!("    {}", names(&broken).join(", ")));
        assert!(!broken.is_empty(), "{}", lines.join("\n"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    base:purpose: `Action::"data"` → `Action::"opens"`
        promise:lawful-purpose, promise:clear-value
    base:purpose: `forbid (principal,` → `forbid (principal is Staff,`
        promise:lawful-purpose, promise:clear-value
    base:lawful-purpose: `!context.purpose_lawful` → `!context.purpose_lawful && !context.reason`
        promise:lawful-purpose, promise:clear-value
    base:reason: `action in Action::"opens"` → `action == Action::"subject.reveal"`
        promise:reason
    base:reason: `!context.reason }` → `!context.reason && context.rows != Rows::"one" }`
        promise:reason
    base:network: `forbid (principal,` → `forbid (principal is Service,`
        promise:network
    base:network: `context.network_allowed` → `context.network_allowed || context.reason`
        promise:network
    base:contract: `!context.contract_runs` → `!context.contract_runs && !context.reason`
        promise:contract
    base:contract: `principal has recipient` → `principal has recipient && principal.recipient != "us"`
        promise:contract
    base:recipient: `principal has recipient` → `principal has recipient && principal.recipient != "us"`
        promise:recipient
    base:recipient: `"token.detokenize", ` → `"token.detokenize", Action::"token.read", `
        promise:recipient
    base:recipient-view: `principal has recipient &&` → `principal has recipient && principal in Role::"r" &&`
        promise:recipient
    base:recipient-view: `context.during !=` → `context.during == Operation::"subject.read" && context.during !=`
        promise:recipient
    base:restricted: `, Action::"token.create"` → ``
        promise:restricted
    base:restricted: `context.restricted` → `context.restricted && context.reason`
        promise:restricted
    base:restricted-view: `Action::"view.partial", ` → ``
        promise:restricted
    base:restricted-view: `context.restricted` → `context.restricted && resource.sensitivity > 1`
        promise:restricted
    "#);
}

/// Whatever a rule forbids, a promise rules out. So there is no way to weaken a rule that breaks no promise, and a
/// rule that is added without its promise is found here.
#[test]
fn every_rule_is_promised_in_full() {
    let mut prover = Prover::start();
    let rules = prover.logic(&forbidden(rules()));
    let promised = prover.logic(&any_of(promises().iter().map(ruled_out)));
    let found = plain(prover.beyond(&rules, &promised));
    assert!(found.is_empty(), "a base rule forbids this, and no promise speaks of it:\n{found}");
}

/// That the test before can fail: a promise left out leaves a part of some rule unpromised.
#[test]
fn without_a_promise_a_rule_is_unpromised() {
    let mut prover = Prover::start();
    let rules = prover.logic(&forbidden(rules()));
    let mut lines = Vec::new();
    for left_out in promises() {
        let others = promises().into_iter().filter(|promise| promise.id() != left_out.id());
        let promised = prover.logic(&any_of(others.map(|promise| ruled_out(&promise))));
        let found = prover.beyond(&rules, &promised);
        let missed = if found.is_some() { "nothing else says this" } else { "the others say this too" };
        lines.push(format!("{}: {missed}", left_out.id()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    promise:lawful-purpose: nothing else says this
    promise:clear-value: the others say this too
    promise:reason: nothing else says this
    promise:network: nothing else says this
    promise:contract: nothing else says this
    promise:recipient: nothing else says this
    promise:restricted: nothing else says this
    promise:two-factors: nothing else says this
    promise:enrol-first: nothing else says this
    promise:own-authenticators: nothing else says this
    promise:break-glass-open: nothing else says this
    promise:break-glass: nothing else says this
    ");
}

fn rules() -> impl Iterator<Item = Policy> {
    let base = base_and_everything();
    base_rules()
        .into_iter()
        .map(move |id| base.policies().find(|rule| rule.id().to_string() == id).expect("there").clone())
}

/// The same policies, one of them with a part of its text changed.
fn changed(policies: &PolicySet, id: &str, from: &str, to: &str) -> PolicySet {
    let old = policies.policies().find(|policy| policy.id().to_string() == id).expect("there");
    let text = old.to_string();
    assert_eq!(text.matches(from).count(), 1, "once in {text}");
    let new = crate::texts::policies(&text.replace(from, to));
    any_of([without(policies, id), new])
}
