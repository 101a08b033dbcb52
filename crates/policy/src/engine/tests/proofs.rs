//! How somebody has proved who they are, and what is everybody's own.

use super::*;

#[test]
fn a_session_is_worth_two_factors_and_a_key_what_its_owner_lets_it() {
    let one_factor = |request: &mut Request| request.proof = Proof::session(1, false, 0, 0);
    only_it_denies(&reveal(), one_factor, "base:two-factors", "proof");
    let plain = ask(PrincipalKind::Auditor, "auditor", Action::KeyRead, "");
    only_it_denies(&plain, one_factor, "base:two-factors", "proof");
    for enough in [Proof::session(2, false, 40_000, 100), Proof::KEY, Proof::TOKEN] {
        assert!(engine().decide(&Request { proof: enough, ..reveal() }).allowed, "{enough:?}");
    }
}

#[test]
fn everybody_minds_their_own_log_in_and_no_program_does() {
    for (kind, role) in [(PrincipalKind::Staff, "warehouse"), (PrincipalKind::Auditor, "auditor")] {
        // No auditor breaks glass.
        let not = |action: &&Action| kind != PrincipalKind::Staff && **action == Action::BreakGlassOpen;
        for action in Action::ALL.iter().filter(|action| action.is_own() && !not(action)) {
            let decision = engine().decide(&ask(kind, role, *action, ""));
            assert!(decision.allowed, "{kind} {action} {decision:?}");
        }
    }
    for action in Action::ALL.iter().filter(|action| action.is_own()) {
        assert!(!engine().decide(&ask(PrincipalKind::Service, "shop", *action, "")).allowed, "{action}");
    }
}

#[test]
fn with_nothing_but_a_link_one_enrols() {
    let link = |request: &mut Request| request.proof = Proof::session(0, false, 0, 0);
    for action in Action::ALL.iter().copied().filter(|action| action.is_own()) {
        let own = ask(PrincipalKind::Staff, "warehouse", action, "");
        match action {
            Action::SessionRead | Action::AccountAcknowledge | Action::AuthenticatorRemove => {
                only_it_denies(&own, link, "base:enrol-first", "proof");
            }
            Action::BreakGlassOpen => {
                let one_factor = |request: &mut Request| request.proof = Proof::session(1, true, 0, 0);
                only_it_denies(&own, one_factor, "base:two-factors", "proof");
            }
            Action::SessionLend
            | Action::ApprovalAsk
            | Action::ApprovalRead
            | Action::ApprovalGive
            | Action::BreakGlassClose
            | Action::BreakGlassRead
            | Action::BreakGlassReview => {
                let one_factor = |request: &mut Request| request.proof = Proof::session(1, false, 0, 0);
                only_it_denies(&own, one_factor, "base:two-factors", "proof");
            }
            _ => assert!(
                engine().decide(&Request { proof: Proof::session(0, false, 0, 0), ..own }).allowed,
                "{action}"
            ),
        }
    }
}

#[test]
fn by_what_one_logs_in_is_changed_by_whoever_has_just_shown_it() {
    for action in [Action::AuthenticatorEnrol, Action::AuthenticatorRemove, Action::SessionLend] {
        let change = ask(PrincipalKind::Staff, "warehouse", action, "");
        only_it_denies(
            &change,
            |request| request.proof = Proof::session(2, true, 301, 0),
            "base:own-authenticators-fresh",
            "proof",
        );
        only_it_denies(&change, |request| request.proof = Proof::KEY, "base:own-authenticators", "session");
    }
}

#[test]
fn a_charter_asks_for_fresher_and_stronger_proofs() {
    let step_up = source(
        r#"
        @id("fresh") @advice("proof:15m")
        forbid (principal is Staff, action in Action::"opens", resource)
        when { context.means == Means::"session" && context.proof_age > 15 };
        @id("new-place") @advice("proof:5m:phishing-resistant")
        forbid (principal is Staff, action in Action::"opens", resource)
        when { context.novelty >= 60 && (!context.phishing_resistant || context.proof_age > 5) };
        @id("no-keys") @advice("session")
        forbid (principal is Staff, action == Action::"view.clear", resource)
        when { context.means == Means::"key" };
        "#,
    );
    let engine = engine_with(&[step_up]);
    let needs = |proof| engine.decide(&Request { proof, ..reveal() }).needs.clone();
    let need = |within, phishing_resistant| {
        Need::Proof(ProofNeed { within, phishing_resistant, key: crate::KeyClass::Any })
    };
    assert_eq!(needs(Proof::session(2, false, 900, 0)), []);
    assert_eq!(needs(Proof::session(2, false, 901, 0)), [need(Some(15), false)]);
    assert_eq!(needs(Proof::session(2, true, 901, 51)), [need(Some(5), true), need(Some(15), false)]);
    assert_eq!(needs(Proof::session(3, true, 300, 100)), []);
    let views = engine.views(&Request { proof: Proof::KEY, ..reveal() }, &[field("name")], View::Clear);
    assert_eq!((views[0].view, views[0].needs.as_slice()), (View::Partial, &[Need::Session][..]));
}
