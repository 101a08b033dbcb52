//! What each base rule alone denies.

use super::*;

#[test]
fn a_role_permits_what_it_names_and_says_so() {
    let decision = engine().decide(&reveal());
    assert!(decision.allowed);
    assert_eq!(ids(&decision.policies), ["role:support/subject.reveal"]);
    assert_eq!(decision.needs, []);
}

#[test]
fn without_a_purpose_data_is_not_touched() {
    only_it_denies(&reveal(), |request| request.purpose = None, "base:purpose", "purpose");
}

#[test]
fn an_invented_purpose_is_none() {
    let invented = |request: &mut Request| request.purpose = Some("world_domination".into());
    only_it_denies(&reveal(), invented, "base:purpose", "purpose");
}

#[test]
fn a_purpose_must_be_lawful_now() {
    only_it_denies(
        &reveal(),
        |request| request.purpose_lawful = false,
        "base:lawful-purpose",
        "lawful_purpose",
    );
}

#[test]
fn opening_needs_a_reason_where_the_purpose_asks_for_one() {
    only_it_denies(&reveal(), |request| request.reason = false, "base:reason", "reason");
    for (kind, role, action, purpose) in [
        (PrincipalKind::Staff, "dpo", Action::SubjectExport, "rights"),
        (PrincipalKind::Service, "parcels_api", Action::TokenDetokenize, "fulfilment"),
    ] {
        let request = ask(kind, role, action, purpose);
        only_it_denies(&request, |request| request.reason = false, "base:reason", "reason");
    }
    let automatic = Request { reason: false, reason_required: false, ..reveal() };
    assert!(engine().decide(&automatic).allowed);
}

#[test]
fn a_caller_outside_its_networks_is_nobody() {
    only_it_denies(&reveal(), |request| request.network_allowed = false, "base:network", "network");
    let plain = ask(PrincipalKind::Auditor, "auditor", Action::KeyRead, "");
    only_it_denies(&plain, |request| request.network_allowed = false, "base:network", "network");
}

#[test]
fn without_a_contract_nobody_is_a_recipient() {
    let back = Request {
        principal: PrincipalClass::new(PrincipalKind::Service, ["parcels_api"], Some("parcels")),
        ..ask(PrincipalKind::Service, "parcels_api", Action::TokenDetokenize, "fulfilment")
    };
    only_it_denies(&back, |request| request.contract_runs = false, "base:contract", "contract");
    // It is a fact of recipients: our own programs have none to run out.
    let ours = ask(PrincipalKind::Service, "parcels_api", Action::TokenDetokenize, "fulfilment");
    assert!(engine().decide(&Request { contract_runs: false, ..ours }).allowed);
}

#[test]
fn a_recipients_service_only_turns_its_tokens_back() {
    let read = ask(PrincipalKind::Service, "parcels_api", Action::SubjectRead, "fulfilment");
    let bind = |request: &mut Request| {
        request.principal = PrincipalClass::new(PrincipalKind::Service, ["parcels_api"], Some("parcels"));
    };
    only_it_denies(&read, bind, "base:recipient", "recipient");
    let mut back = ask(PrincipalKind::Service, "parcels_api", Action::TokenDetokenize, "fulfilment");
    bind(&mut back);
    let engine = engine();
    assert!(engine.decide(&back).allowed);
    let views = engine.views(&back, &[field("address"), field("email")], View::Clear);
    assert_eq!(views.iter().map(|view| view.view).collect::<Vec<_>>(), [View::Clear, View::Nothing]);
}

#[test]
fn only_a_service_can_be_bound_to_a_recipient() {
    let principal = PrincipalClass::new(PrincipalKind::Staff, ["support"], Some("parcels"));
    let request = Request { principal, ..reveal() };
    assert_eq!(needs(&engine(), &request), ["recipient"]);
}

#[test]
fn restricted_data_is_kept_but_not_used() {
    only_it_denies(&reveal(), |request| request.restricted = true, "base:restricted", "unrestricted");
    let token = ask(PrincipalKind::Service, "shop", Action::TokenCreate, "support");
    only_it_denies(&token, |request| request.restricted = true, "base:restricted", "unrestricted");

    let read =
        Request { restricted: true, ..ask(PrincipalKind::Staff, "support", Action::SubjectRead, "support") };
    let engine = engine();
    assert!(engine.decide(&read).allowed);
    let [view] = engine.views(&read, &[field("name")], View::Clear).try_into().expect("one field");
    assert_eq!(view.view, View::Masked);
    assert_eq!(view.needs, [Need::Unrestricted]);
}

/// The forbids on single views, asked directly: the engine refuses these requests before it comes to views.
#[test]
fn a_view_is_forbidden_by_each_rule_alone() {
    let engine = engine();
    let (email, name) = (field("email"), field("name"));
    let verdict = |request: &Request, field, rung| {
        let verdict = engine.evaluator.ask(&Ask::Look(&Looks::of(request), field, rung));
        assert!(!verdict.allowed);
        verdict.policies
    };
    assert!(engine.evaluator.ask(&Ask::Look(&Looks::of(&reveal()), &email, View::Clear)).allowed);
    let no_purpose = Request { purpose: None, ..reveal() };
    assert_eq!(ids(&verdict(&no_purpose, &email, View::Clear)), ["base:purpose"]);
    let unlawful = Request { purpose_lawful: false, ..reveal() };
    assert_eq!(ids(&verdict(&unlawful, &email, View::Clear)), ["base:lawful-purpose"]);
    let outside = Request { network_allowed: false, ..reveal() };
    assert_eq!(ids(&verdict(&outside, &email, View::Clear)), ["base:network"]);
    let restricted = Request { restricted: true, ..reveal() };
    assert_eq!(ids(&verdict(&restricted, &email, View::Clear)), ["base:restricted-view"]);
    let mut bound = ask(PrincipalKind::Service, "parcels_api", Action::SubjectRead, "fulfilment");
    bound.principal = PrincipalClass::new(PrincipalKind::Service, ["parcels_api"], Some("parcels"));
    assert_eq!(ids(&verdict(&bound, &name, View::Clear)), ["base:recipient-view"]);
    let other = ask(PrincipalKind::Staff, "dpo", Action::SubjectExport, "fulfilment");
    assert_eq!(ids(&verdict(&other, &email, View::Clear)), ["purpose:fulfilment/fields"]);
}

#[test]
fn a_role_of_another_kind_grants_nothing() {
    let request = ask(PrincipalKind::Service, "support", Action::CharterRead, "");
    let decision = engine().decide(&request);
    let nobody = Need::Permission { action: Action::CharterRead, roles_that_have_it: Vec::new() };
    assert_eq!(decision.needs, [nobody]);
}

#[test]
fn the_server_itself_may_do_nothing_unless_granted() {
    let engine = engine();
    for action in Action::ALL {
        let request = ask(PrincipalKind::System, "support", *action, "support");
        assert!(!engine.decide(&request).allowed, "{action}");
    }
    let job = role("retention", PrincipalKind::System, &["subject.delete"], &["rights"]);
    let engine = Engine::compile(&[job], &[purpose("rights", &[])], &[]).expect("compiles");
    let request = ask(PrincipalKind::System, "retention", Action::SubjectDelete, "rights");
    assert!(engine.decide(&request).allowed);
}

/// A role that sleeps, and what wakes it.
fn emergency() -> Engine {
    let (mut grants, purposes) = shop();
    let role = role(
        "emergency",
        PrincipalKind::Staff,
        &["subject.read", "subject.reveal", "subject.export"],
        &["support"],
    );
    grants.push(RoleGrant { dormant: true, ..sees(role, &["email"], View::Masked, View::Clear) });
    Engine::compile(&grants, &purposes, &[]).expect("compiles")
}

fn behind_glass(action: Action) -> Request {
    Request { break_glass: true, ..ask(PrincipalKind::Staff, "emergency", action, "support") }
}

#[test]
fn a_dormant_role_grants_nothing_until_the_glass_is_broken() {
    let engine = emergency();
    let woken = behind_glass(Action::SubjectReveal);
    assert!(engine.decide(&woken).allowed);
    assert_eq!(engine.views(&woken, &[field("email")], View::Clear)[0].view, View::Clear);
    let asleep = Request { break_glass: false, ..woken };
    assert_eq!(needs(&engine, &asleep), ["permission"]);
    let email = field("email");
    let look = engine.evaluator.ask(&Ask::Look(&Looks::of(&asleep), &email, View::Token));
    assert!(!look.allowed, "{look:?}");
}

#[test]
fn behind_broken_glass_a_person_looks_and_does_nothing_else() {
    let engine = emergency();
    let export = engine.decide(&behind_glass(Action::SubjectExport));
    assert_eq!(ids(&export.policies), ["base:break-glass"]);
    for proof in [Proof::KEY, Proof::TOKEN, Proof::session(2, false, 0, 0)] {
        let decision = engine.decide(&Request { proof, ..behind_glass(Action::SubjectRead) });
        assert_eq!(ids(&decision.policies), ["base:break-glass"], "{proof:?}");
    }
    let one_factor = Request { proof: Proof::session(1, true, 0, 0), ..behind_glass(Action::SubjectRead) };
    assert_eq!(ids(&engine.decide(&one_factor).policies), ["base:break-glass", "base:two-factors"]);
    let email = field("email");
    let export = behind_glass(Action::SubjectExport);
    let exported = engine.evaluator.ask(&Ask::Look(&Looks::of(&export), &email, View::Clear));
    assert_eq!(ids(&exported.policies), ["base:break-glass-view"]);
}

#[test]
fn the_glass_is_broken_by_whoever_is_there_and_has_just_shown_it() {
    let open = ask(PrincipalKind::Staff, "support", Action::BreakGlassOpen, "");
    for stale in [Proof::session(2, true, 121, 0), Proof::session(2, false, 0, 0)] {
        only_it_denies(&open, |request| request.proof = stale, "base:break-glass-fresh", "proof");
    }
    only_it_denies(&open, |request| request.proof = Proof::KEY, "base:break-glass-open", "session");
    let auditor = ask(PrincipalKind::Auditor, "auditor", Action::BreakGlassOpen, "");
    assert_eq!(ids(&engine().decide(&auditor).policies), ["base:break-glass-open"]);
}
