//! The charter that is shipped: what is promised of it holds for every request, and a word less in it is found out.
//!
//! `shop/` is what the server makes of `charter/`; a test of the server holds it against that.

use avouch_policy::{ApprovalRule, Promise, PurposeFields};
use cedar_policy::PolicySet;
use serde_json::Value;

use crate::claim::{assert_kept, broken, claims, names, report};
use crate::prover::Prover;
use crate::texts::{policies, without};

const POLICY: &str = include_str!("shop/policy.cedar");
const PROMISED: &str = include_str!("shop/promised.json");
const EXPORT: &str = "approval:export/subject.export";

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("text").to_owned()).collect()
}

/// What is promised of the shop: what is of every charter, and of its purposes and approvals.
fn promises() -> Vec<Promise> {
    let promised: Value = serde_json::from_str(PROMISED).expect("JSON");
    let of = |one: &Value, member: &str| one.get(member).cloned().unwrap_or_default();
    let name = |one: &Value| of(one, "name").as_str().expect("a name").to_owned();
    let list = |member: &str| of(&promised, member).as_array().cloned().expect("a list");
    let purposes = list("purposes");
    let purposes: Vec<_> = purposes
        .iter()
        .map(|purpose| PurposeFields { name: name(purpose), fields: strings(&of(purpose, "fields")) })
        .collect();
    let approvals = list("approvals");
    let approvals: Vec<_> = approvals
        .iter()
        .map(|one| ApprovalRule {
            name: name(one),
            people: of(one, "people").as_u64().and_then(|people| people.try_into().ok()).expect("a number"),
            needed_for: strings(&of(one, "needed_for")),
        })
        .collect();
    Promise::of(&[], &purposes, &approvals, &[]).expect("its promises")
}

/// The shop's policy with another rule in the place of one.
fn with(whole: &PolicySet, rule: &str, text: &str) -> PolicySet {
    let mut changed = without(whole, rule);
    for policy in policies(text).policies() {
        changed.add(policy.clone()).expect("in its place");
    }
    changed
}

#[test]
fn every_promise_holds_for_the_charter_that_is_shipped() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises());
    let says: Vec<&str> = claims.iter().map(|claim| claim.promise.says()).collect();
    assert!(
        says.contains(&"`subject.export` is never done before 2 other people have agreed to it."),
        "{says:?}"
    );
    let shop = prover.logic(&policies(POLICY));
    assert_kept(&mut prover, &shop, &claims);
}

/// Of the shipped charter with two approvers the rule is taken away, or says less: the solver names who exports then, and how.
#[test]
fn whoever_weakens_the_word_of_two_on_exports_is_found_out() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises());
    let whole = policies(POLICY);
    let promised = ["promise:approval/export/subject.export"];
    let rule = |unless: &str| {
        format!(
            "@id(\"{EXPORT}\") forbid (principal, action == Action::\"subject.export\", resource) {unless};"
        )
    };
    for (weaker, told) in [
        // As a charter with one approver would have it.
        (rule(r#"unless { context.approvers >= 1 && context.approved.contains("export") }"#), "approvers: 1"),
        // Any other approval would do: that of seeing many at once, say.
        (rule("unless { context.approvers >= 2 }"), "Action::\"subject.export\""),
        (rule(r#"unless { context.approved.contains("export") }"#), "approvers: "),
        // Not with a key, and not for few.
        (
            rule(
                r#"when { context.means == Means::"session" } unless { context.approvers >= 2 && context.approved.contains("export") }"#,
            ),
            "means: ",
        ),
        (
            rule(
                r#"when { context.most_rows > 500 } unless { context.approvers >= 2 && context.approved.contains("export") }"#,
            ),
            "most_rows: ",
        ),
    ] {
        let weakened = prover.logic(&with(&whole, EXPORT, &weaker));
        let found = broken(&mut prover, &weakened, &claims);
        assert_eq!(names(&found), promised, "{weaker}");
        let report = report(&found);
        assert!(report.contains("action: subject.export"), "{report}");
        let told = told.replace("Action::\"subject.export\"", "action: subject.export");
        assert!(report.contains(&told), "{weaker}\n{report}");
    }
    let gone = prover.logic(&without(&whole, EXPORT));
    assert_eq!(names(&broken(&mut prover, &gone, &claims)), promised);
}
