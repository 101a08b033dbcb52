//! The effective policy of a small shop: what is promised of it, and promises of its own.

use avouch_policy::{
    ApprovalRule, Engine, PrincipalKind, Promise, PurposeFields, RoleGrant, SeesGrant, Source, View,
};
use cedar_policy::{Effect, PolicySet};

use crate::claim::{assert_kept, broken, claims, names, report};
use crate::found::plain;
use crate::prover::Prover;
use crate::texts::{any_of, everything, forbidden, policies, ruled_out, without};

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn role(name: &str, holder: PrincipalKind, actions: &[&str], purposes: &[&str], sees: &[&str]) -> RoleGrant {
    let sees = SeesGrant { fields: strings(sees), reads: View::Masked, reveals: View::Clear };
    RoleGrant {
        role: name.into(),
        holder,
        actions: strings(actions),
        purposes: strings(purposes),
        sees: vec![sees],
        dormant: false,
        keys: avouch_policy::KeyClass::Any,
    }
}

fn purpose(name: &str, fields: &[&str]) -> PurposeFields {
    PurposeFields { name: name.into(), fields: strings(fields) }
}

fn grants() -> Vec<RoleGrant> {
    use PrincipalKind::{Auditor, Service, Staff, System};
    vec![
        role(
            "support",
            Staff,
            &["subject.read", "subject.reveal", "charter.read"],
            &["support"],
            &["name", "email"],
        ),
        role("warehouse", Staff, &["subject.read", "subject.reveal"], &["fulfilment"], &["name", "address"]),
        role(
            "dpo",
            Staff,
            &["subject.read", "subject.export", "charter.apply"],
            &["support", "rights"],
            &["name", "email", "address"],
        ),
        role(
            "shop",
            Service,
            &["subject.create", "subject.read", "token.create"],
            &["fulfilment"],
            &["name", "address"],
        ),
        role("parcels_api", Service, &["token.detokenize"], &["fulfilment"], &["name", "address"]),
        role("auditor", Auditor, &["event.read", "key.read"], &[], &[]),
        role("retention", System, &["subject.delete"], &["rights"], &[]),
    ]
}

fn purposes() -> Vec<PurposeFields> {
    vec![
        purpose("support", &["name", "email"]),
        purpose("fulfilment", &["name", "address"]),
        purpose("rights", &["name", "email", "address"]),
        purpose("dormant", &[]),
    ]
}

/// Two people agree to an export, and one to another charter.
fn approvals() -> Vec<ApprovalRule> {
    let rule = |name: &str, people, needed_for: &[&str]| ApprovalRule {
        name: name.into(),
        people,
        needed_for: strings(needed_for),
    };
    vec![rule("export", 2, &["subject.export"]), rule("charter", 1, &["charter.apply"])]
}

fn policy(sources: &[Source]) -> PolicySet {
    let engine = Engine::compile_with(&grants(), &purposes(), &approvals(), sources);
    policies(engine.expect("the shop compiles").text())
}

fn promises(own: &str) -> Vec<Promise> {
    let own = Source { name: "promises/shop.cedar".into(), text: own.into() };
    Promise::of(&grants(), &purposes(), &approvals(), &[own]).expect("the shop's promises")
}

#[test]
fn every_promise_holds_for_a_shop_and_for_one_that_permits_everything() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises(""));
    for sources in [&[][..], &[everything()]] {
        let policy = prover.logic(&policy(sources));
        assert_kept(&mut prover, &policy, &claims);
    }
}

#[test]
fn without_the_rule_of_a_purpose_its_fields_are_not_its_own() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises(""));
    for purpose in purposes() {
        let id = format!("purpose:{}/fields", purpose.name);
        let policy = prover.logic(&without(&policy(&[everything()]), &id));
        let broken = broken(&mut prover, &policy, &claims);
        assert_eq!(names(&broken), ["promise:fields-of-purpose"]);
        assert!(
            report(&broken).contains(&format!("purpose: Purpose::\"{}\"", purpose.name)),
            "{}",
            report(&broken)
        );
    }
}

/// A purpose that nobody has named is none, by the policy itself and not only because the engine makes none of it.
#[test]
fn without_its_rule_a_purpose_could_be_invented() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises(""));
    let invented = prover.logic(&without(&policy(&[everything()]), "purpose:known"));
    let broken = broken(&mut prover, &invented, &claims);
    assert_eq!(names(&broken), ["promise:known-purpose", "promise:fields-of-purpose"]);
    for purpose in purposes() {
        assert!(
            !report(&broken).contains(&format!("purpose: Purpose::\"{}\"", purpose.name)),
            "{}",
            report(&broken)
        );
    }
}

/// Without the rule, or with one that says less, somebody exports alone, and the solver says how.
#[test]
fn a_rule_that_lets_one_person_export_is_found() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises(""));
    let rule = "approval:export/subject.export";
    let promised = ["promise:approval/export/subject.export"];
    let whole = policy(&[everything()]);
    let gone = prover.logic(&without(&whole, rule));
    assert_eq!(names(&broken(&mut prover, &gone, &claims)), promised);
    for (weaker, told) in [
        (r#"context.approved.contains("export") && context.approvers >= 1"#, "approvers: 1"),
        (r#"context.approved.contains("export") || context.approvers >= 2"#, "approve"),
        (r#"context.approvers >= 2"#, "approve"),
        (r#"context.approved.contains("export")"#, "approvers: "),
        (
            r#"context.approved.contains("export") && context.approvers >= 2 || context.rows == Rows::"few""#,
            "few",
        ),
    ] {
        let text = format!(
            "@id(\"{rule}\") forbid (principal, action == Action::\"subject.export\", resource) unless {{ {weaker} }};"
        );
        let mut weakened = without(&whole, rule);
        for policy in policies(&text).policies() {
            weakened.add(policy.clone()).expect("in its place");
        }
        let weakened = prover.logic(&weakened);
        let found = broken(&mut prover, &weakened, &claims);
        assert_eq!(names(&found), promised, "{weaker}");
        let report = report(&found);
        assert!(
            report.contains("`subject.export` is never done before 2 other people have agreed to it."),
            "{report}"
        );
        assert!(report.contains("action: subject.export") && report.contains(told), "{weaker}\n{report}");
    }
}

/// What the charter's purposes and approvals forbid is promised too, and nothing beyond.
#[test]
fn every_rule_of_a_purpose_is_promised_in_full() {
    let mut prover = Prover::start();
    let shop = policy(&[]);
    let forbids = shop.policies().filter(|policy| policy.effect() == Effect::Forbid).cloned();
    let rules = prover.logic(&forbidden(forbids));
    let promised = prover.logic(&any_of(promises("").iter().map(ruled_out)));
    let unpromised = plain(prover.beyond(&rules, &promised));
    assert!(unpromised.is_empty(), "a rule forbids this, and no promise speaks of it:\n{unpromised}");
    let unkept = plain(prover.beyond(&promised, &rules));
    assert!(unkept.is_empty(), "a promise rules this out, and no rule forbids it:\n{unkept}");
}

const WAREHOUSE: &str = r#"
    @id("warehouse") @says("Whoever works in the warehouse sees no e-mail address.")
    forbid (principal in Role::"warehouse", action in Action::"view", resource == Field::"email");
"#;

/// No grant gives it to them, and yet it is not so: somebody may hold two roles.
#[test]
fn what_looks_true_of_the_grants_need_not_be() {
    let mut prover = Prover::start();
    let claims = claims(&prover, promises(WAREHOUSE));
    let shop = prover.logic(&policy(&[]));
    let found = broken(&mut prover, &shop, &claims);
    assert_eq!(names(&found), ["promises/shop.cedar/warehouse"]);
    let told = report(&found);
    assert!(told.contains("Whoever works in the warehouse sees no e-mail address."), "{told}");
    let [one, another] = [r#"Role::"warehouse""#, r#"Field::"email""#];
    assert!(told.contains(one) && told.contains(another), "{told}");
    assert!(told.contains(r#"Role::"support""#) || told.contains(r#"Role::"dpo""#), "{told}");

    let kept = Source {
        name: "policies/warehouse.cedar".into(),
        text: r#"@advice("view")
            forbid (principal in Role::"warehouse", action in Action::"view", resource == Field::"email");"#
            .into(),
    };
    let mended = prover.logic(&policy(&[kept]));
    assert_kept(&mut prover, &mended, &claims);
}

/// A promise about who may do what holds by the grants alone, and falls with one grant too many.
#[test]
fn a_grant_too_many_is_found() {
    let own = r#"
        @id("exports") @says("Only the data protection officer takes out files of customers.")
        forbid (principal, action == Action::"subject.export", resource)
        unless { principal in Role::"dpo" };
    "#;
    let mut prover = Prover::start();
    let claims = claims(&prover, promises(own));
    let shop = prover.logic(&policy(&[]));
    assert_kept(&mut prover, &shop, &claims);

    let mut grants = grants();
    grants.push(role("campaigns", PrincipalKind::Service, &["subject.export"], &["support"], &["email"]));
    let engine = Engine::compile_with(&grants, &purposes(), &approvals(), &[]).expect("the shop compiles");
    let too_many = prover.logic(&policies(engine.text()));
    let broken = broken(&mut prover, &too_many, &claims);
    assert_eq!(names(&broken), ["promises/shop.cedar/exports"]);
    assert!(report(&broken).contains(r#"Role::"campaigns""#), "{}", report(&broken));
}
