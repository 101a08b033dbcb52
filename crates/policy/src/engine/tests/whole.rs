//! The engine as a whole: what a charter adds, the schema, the matrix, the memory.

use super::*;

#[test]
fn extra_texts_narrow_and_widen_within_the_base_rules() {
    let engine = engine_with(&[source(
        r#"
        @id("few-exports") @advice("fewer_rows")
        forbid (principal in Role::"dpo", action == Action::"subject.export", resource)
        when { context.rows == Rows::"many" };

        @id("contact-masked") @advice("view") @note("call back, do not copy")
        forbid (principal, action == Action::"view.clear", resource in Category::"contact");

        permit (principal is Staff in Role::"support", action == Action::"subject.accesses", resource)
        when { context.reason };
        "#,
    )]);
    let export =
        Request { rows: RowClass::Many, ..ask(PrincipalKind::Staff, "dpo", Action::SubjectExport, "rights") };
    let decision = engine.decide(&export);
    assert_eq!(ids(&decision.policies), ["policies/night.cedar/few-exports"]);
    assert_eq!(decision.needs, [Need::FewerRows]);
    assert_eq!(shown(&engine, &reveal(), &["name", "email"], View::Clear), [View::Clear, View::Partial]);

    let accesses = ask(PrincipalKind::Staff, "support", Action::SubjectAccesses, "support");
    let decision = engine.decide(&accesses);
    assert!(decision.allowed);
    assert_eq!(ids(&decision.policies), ["policies/night.cedar/3"]);
    assert!(engine.policy("policies/night.cedar/3").expect("known").contains("subject.accesses"));
    assert_eq!(needs(&engine, &Request { reason: false, ..accesses.clone() }), ["reason"]);
    assert_eq!(needs(&engine, &Request { network_allowed: false, ..accesses }), ["network"]);
}

const OVERFLOW: &str = r#"@id("overflow") @advice("view")
        forbid (principal, action in Action::"view", resource is Field)
        when { resource.sensitivity * 9223372036854775807 == 2 };"#;

/// Cedar skips a policy that fails to evaluate; here a forbid that fails still denies, and so does a permit, whoever else permits.
/// (A text that could fail is not taken to begin with, so it is put behind the engine's back.)
#[test]
fn a_policy_that_fails_to_evaluate_denies() {
    let mut engine = engine();
    let schema: Schema = SCHEMA.parse().expect("valid");
    let permit = OVERFLOW.replace("forbid", "permit").replace(r#"@advice("view")"#, "");
    for text in [OVERFLOW, &permit] {
        let text = format!("{}{text}", engine.text());
        let set: cedar_policy::PolicySet = text.parse().expect("Cedar");
        let named = |policy: &cedar_policy::Policy| {
            let id = policy.annotation("id").expect("ours have one").to_owned();
            Loaded { policy: policy.new_id(cedar_policy::PolicyId::new(id)), advice: None }
        };
        let loaded: Vec<_> = set.policies().map(named).collect();
        engine.evaluator = Evaluator::new(schema.clone(), &loaded).expect("it compiles");
        engine.views = Memo::new(REMEMBERED);
        let fields = ["name", "card_number"];
        assert_eq!(shown(&engine, &reveal(), &fields, View::Clear), [View::Clear, View::Nothing]);
    }
}

#[test]
fn a_policy_that_could_fail_is_not_taken() {
    let (grants, purposes) = shop();
    let problems = Engine::compile(&grants, &purposes, &[source(OVERFLOW)]).expect_err("refused");
    let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    policies/night.cedar:1:1: this arithmetic could leave the range of whole numbers, and a policy that fails to evaluate denies
      help: compare the facts themselves: `context.proof_age > 15`, `context.rows == Rows::"many"`
    "#);
}

/// Nothing is exported before as many have agreed as the charter wants, whoever else permits it.
#[test]
fn what_others_have_to_agree_to_is_not_done_before_they_have() {
    let (grants, purposes) = shop();
    let rule = ApprovalRule { name: "export".into(), people: 2, needed_for: vec!["subject.export".into()] };
    let everything = source("permit (principal, action, resource);");
    let engine = Engine::compile_with(&grants, &purposes, &[rule], &[everything]).expect("compiles");
    let ask =
        |approved| Request { approved, ..ask(PrincipalKind::Staff, "dpo", Action::SubjectExport, "rights") };
    for short in [Approved::default(), Approved::by(1, ["export"]), Approved::by(2, ["well_known"])] {
        let decision = engine.decide(&ask(short.clone()));
        assert!(!decision.allowed, "{short:?}");
        assert_eq!(ids(&decision.policies), ["approval:export/subject.export"]);
        assert_eq!(decision.needs, [Need::Approval { name: "export".to_owned() }], "{short:?}");
    }
    assert!(engine.decide(&ask(Approved::by(2, ["export"]))).allowed);
}

/// The engine makes none of an unknown purpose before it asks; the policy refuses it by itself.
#[test]
fn a_purpose_that_the_charter_does_not_name_is_forbidden_in_the_policy() {
    let engine = engine_with(&[source("permit (principal, action, resource);")]);
    for purpose in ["world_domination", "support"] {
        let request = Request { purpose: Some(purpose.into()), ..reveal() };
        let verdict = engine.evaluator.ask(&Ask::Operation(&request));
        assert_eq!(verdict.allowed, purpose == "support");
        assert_eq!(ids(&verdict.policies).contains(&"purpose:known"), purpose != "support", "{verdict:?}");
    }
}

#[test]
fn the_schema_knows_exactly_our_actions() {
    let schema: Schema = SCHEMA.parse().expect("valid");
    let theirs: BTreeSet<String> = schema
        .actions()
        .map(|action| action.id().unescaped().to_owned())
        .filter(|name| name.contains('.') && !name.starts_with("view."))
        .collect();
    assert_eq!(theirs, Action::ALL.iter().map(ToString::to_string).collect());

    let group = |name: &str| -> BTreeSet<String> {
        let uid = format!("Action::\"{name}\"").parse().expect("an entity");
        let actions = schema.action_entities().expect("computable");
        let members = schema.actions().filter(|action| actions.is_ancestor_of(&uid, action));
        members
            .map(|action| action.id().unescaped().to_owned())
            .filter(|name| !name.starts_with("view"))
            .collect()
    };
    let ours = |keep: fn(&Action) -> bool| -> BTreeSet<String> {
        Action::ALL.iter().filter(|action| keep(action)).map(ToString::to_string).collect()
    };
    let mut data = group("data");
    data.remove("opens");
    assert_eq!(data, ours(|action| action.is_data()));
    assert_eq!(group("opens"), ours(|action| action.shows() == Some(crate::Shows::Reveals)));
}

#[test]
fn the_matrix_tells_what_is_enforced() {
    let fields = ["name", "email", "address", "card_number"].map(field);
    insta::assert_snapshot!(engine().matrix(&fields), @"
    support (staff)
      subject.read       support
      subject.reveal     support
      subject.update     support
      subject.search     support
      charter.read
      for support: reads / reveals
        name               clear   / clear
        email              masked  / clear
        card_number        token   / masked

    warehouse (staff)
      subject.read       fulfilment
      subject.reveal     fulfilment
      for fulfilment: reads / reveals
        name               clear   / clear
        address            clear   / clear

    dpo (staff)
      subject.read       fulfilment, rights, support
      subject.history    fulfilment, rights, support
      subject.accesses
      subject.export     fulfilment, rights, support
      charter.apply
      event.read
      for fulfilment: reads / reveals
        name               masked  / clear
        address            masked  / clear
      for rights: reads / reveals
        name               masked  / clear
        email              masked  / clear
        address            masked  / clear
      for support: reads / reveals
        name               masked  / clear
        email              masked  / clear

    shop (service)
      subject.create     fulfilment, support
      subject.read       fulfilment, support
      subject.reveal     fulfilment, support
      token.create       fulfilment, support
      for fulfilment: reads / reveals
        name               partial / clear
        address            partial / clear
      for support: reads / reveals
        name               partial / clear
        email              partial / clear

    parcels_api (service)
      subject.read       fulfilment
      token.detokenize   fulfilment
      for fulfilment: reads / reveals
        name               clear   / clear
        address            clear   / clear

    auditor (auditor)
      charter.read
      event.read
      key.read
    ");
}

#[test]
fn an_answer_is_remembered_and_invented_purposes_share_one() {
    let engine = engine();
    assert!(Arc::ptr_eq(&engine.decide(&reveal()), &engine.decide(&reveal())));
    let invented = |name: &str| engine.decide(&Request { purpose: Some(name.into()), ..reveal() });
    assert!(Arc::ptr_eq(&invented("one"), &invented("two")));
    let view = |request: &Request| engine.views(request, &[field("email")], View::Clear).remove(0);
    assert!(Arc::ptr_eq(&view(&reveal()), &view(&reveal())));
}
