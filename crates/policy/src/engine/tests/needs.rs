//! What a refusal says is missing.

use super::*;

#[test]
fn what_needs_others_to_agree_says_whose_word_it_needs() {
    let text = r#"
        @id("well-known") @advice("approval:well_known")
        forbid (principal is Staff, action in Action::"opens", resource)
        when { context.tier > 0 || context.own_record || context.colleague }
        unless { context.approved.contains("well_known") };
    "#;
    let (grants, purposes) = shop();
    let approval = |name: &&str| ApprovalRule { name: (*name).to_owned(), people: 1, needed_for: Vec::new() };
    let compile = |approvals: &[&str]| {
        let approvals: Vec<_> = approvals.iter().map(approval).collect();
        Engine::compile_with(&grants, &purposes, &approvals, &[source(text)])
    };
    let engine = compile(&["well_known", "export"]).expect("compiles");
    let ask = |subject, approved: &[&str]| {
        let approved = Approved::by(1, approved.iter().copied());
        engine.decide(&Request { subject, approved, ..reveal() }).needs.clone()
    };
    let plain = SubjectClass::default();
    let needed = [Need::Approval { name: "well_known".to_owned() }];
    assert_eq!(ask(plain, &[]), []);
    for subject in [
        SubjectClass { tier: 1, ..plain },
        SubjectClass { own: true, ..plain },
        SubjectClass { colleague: true, ..plain },
    ] {
        assert_eq!(ask(subject, &[]), needed);
        assert_eq!(ask(subject, &["export"]), needed, "another approval");
        assert_eq!(ask(subject, &["export", "well_known"]), []);
    }
    let problems = compile(&["export"]).expect_err("nobody could give it");
    assert_eq!(problems[0].message, "unknown approval `well_known`");
}

#[test]
fn every_unmet_need_is_named_at_once() {
    let request = Request {
        purpose_lawful: false,
        reason: false,
        network_allowed: false,
        restricted: true,
        ..ask(PrincipalKind::Staff, "support", Action::SubjectExport, "fulfilment")
    };
    let decision = engine().decide(&request);
    insta::assert_debug_snapshot!(decision, @r#"
    Decision {
        allowed: false,
        policies: [
            "base:lawful-purpose",
            "base:network",
            "base:reason",
            "base:restricted",
        ],
        needs: [
            Permission {
                action: SubjectExport,
                roles_that_have_it: [
                    "dpo",
                ],
            },
            LawfulPurpose,
            Reason,
            Network,
            Unrestricted,
        ],
    }
    "#);
}

#[test]
fn a_foreign_purpose_is_answered_by_those_it_may_claim() {
    let request = ask(PrincipalKind::Staff, "support", Action::SubjectReveal, "fulfilment");
    let decision = engine().decide(&request);
    assert_eq!(decision.needs, [Need::Purpose { allowed: strings(&["support"]) }]);
    assert_eq!(decision.policies, []);
}

#[test]
fn needs_have_stable_names_on_the_wire() {
    let needs = [
        Need::Permission { action: Action::SubjectRead, roles_that_have_it: strings(&["dpo"]) },
        Need::LawfulPurpose,
        Need::View { field: "email".into(), most: View::Masked },
    ];
    let text = serde_json::to_string(&needs).expect("serialisable");
    insta::assert_snapshot!(text, @r#"[{"need":"permission","action":"subject.read","roles_that_have_it":["dpo"]},{"need":"lawful_purpose"},{"need":"view","field":"email","most":"masked"}]"#);
    for need in needs {
        let value = serde_json::to_value(&need).expect("serialisable");
        assert_eq!(value["need"], need.name());
    }
}
