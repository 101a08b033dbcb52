//! The shipped promises hold whatever a charter says.

use avouch_policy::{Promise, Source};

use crate::claim::{assert_kept, broken, claims, report};
use crate::found::plain;
use crate::prover::Prover;
use crate::texts::{base_and_everything, everything, policies};

pub(crate) fn promises() -> Vec<Promise> {
    Promise::of(&[], &[], &[], &[]).expect("the shipped promises")
}

/// Permits only add up and forbids only take away: what holds beside a text that permits everything holds beside
/// every charter.
#[test]
fn every_promise_holds_whatever_a_charter_permits() {
    let mut prover = Prover::start();
    let policy = prover.logic(&base_and_everything());
    let claims = claims(&prover, promises());
    assert_kept(&mut prover, &policy, &claims);
}

/// A promise about requests that there cannot be would hold of itself.
#[test]
fn every_promise_is_about_some_request() {
    let mut prover = Prover::start();
    let all = prover.logic(&policies(&everything().text));
    let claims = claims(&prover, promises());
    let possible = broken(&mut prover, &all, &claims);
    assert_eq!(possible.len(), claims.len(), "{}", report(&possible));
}

/// Cedar skips what fails to evaluate: a promise that does would say less than it seems to.
#[test]
fn neither_promises_nor_base_rules_ever_fail_to_evaluate() {
    let mut prover = Prover::start();
    let texts: String = promises().iter().map(Promise::text).collect();
    for policies in [policies(&texts), base_and_everything()] {
        assert_eq!(plain(prover.failing(&policies)), "");
    }
    let overflows = r#"forbid (principal, action, resource is Field) when { resource.sensitivity * 2 > 4 };"#;
    let found = plain(prover.failing(&policies(overflows)));
    assert!(found.contains("sensitivity: "), "{found}");
}

/// The proofs above prove something only if what is false is found out.
#[test]
fn a_promise_that_does_not_hold_is_refuted_by_a_request() {
    let own = Source {
        name: "promises/shop.cedar".into(),
        text: r#"@id("keys") @says("Only auditors see which keys there are.")
            forbid (principal, action == Action::"key.read", resource) unless { principal is Auditor };"#
            .into(),
    };
    let promises = Promise::of(&[], &[], &[], &[own]).expect("a promise");
    let mut prover = Prover::start();
    let policy = prover.logic(&base_and_everything());
    let claims = claims(&prover, promises);
    let told = report(&broken(&mut prover, &policy, &claims));
    let expected = [
        "It is promised: Only auditors see which keys there are.\n(promises/shop.cedar/keys) And yet the policy allows:",
        "  principal: Service\n",
        "  action: key.read\n",
        "  resource: Vault::\"vault\"\n",
        "    network_allowed: true\n",
    ];
    let missing: Vec<_> = expected.iter().filter(|part| !told.contains(**part)).collect();
    assert!(missing.is_empty(), "{missing:?} in\n{told}");
}
