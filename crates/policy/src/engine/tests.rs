//! The base rules one by one, needs and views.

mod promises;
mod slices;
mod texts;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::{Need, PrincipalClass, Proof, ProofNeed, RowClass, SeesGrant, SubjectClass};

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn role(name: &str, holder: PrincipalKind, actions: &[&str], purposes: &[&str]) -> RoleGrant {
    RoleGrant {
        role: name.into(),
        holder,
        actions: strings(actions),
        purposes: strings(purposes),
        sees: Vec::new(),
    }
}

fn sees(mut role: RoleGrant, fields: &[&str], reads: View, reveals: View) -> RoleGrant {
    role.sees.push(SeesGrant { fields: strings(fields), reads, reveals });
    role
}

fn purpose(name: &str, fields: &[&str]) -> PurposeFields {
    PurposeFields { name: name.into(), fields: strings(fields) }
}

/// A small shop: three desks, an auditor, the shop's backend, a parcel service.
fn shop() -> (Vec<RoleGrant>, Vec<PurposeFields>) {
    use PrincipalKind::{Auditor, Service, Staff};
    let support = role(
        "support",
        Staff,
        &["subject.read", "subject.search", "subject.reveal", "subject.update", "charter.read"],
        &["support"],
    );
    let support = sees(support, &["name"], View::Clear, View::Clear);
    let support = sees(support, &["email", "phone"], View::Masked, View::Clear);
    let support = sees(support, &["card_number"], View::Token, View::Masked);
    let warehouse = role("warehouse", Staff, &["subject.read", "subject.reveal"], &["fulfilment"]);
    let warehouse = sees(warehouse, &["name", "address"], View::Clear, View::Clear);
    let dpo = role(
        "dpo",
        Staff,
        &[
            "subject.read",
            "subject.export",
            "subject.history",
            "subject.accesses",
            "event.read",
            "charter.apply",
        ],
        &["fulfilment", "support", "rights"],
    );
    let dpo = sees(dpo, &["name", "email", "phone", "address"], View::Masked, View::Clear);
    let shop = role(
        "shop",
        Service,
        &["subject.create", "subject.read", "subject.reveal", "token.create"],
        &["fulfilment", "support"],
    );
    let shop = sees(shop, &["name", "email", "phone", "address"], View::Partial, View::Clear);
    let parcels = role("parcels_api", Service, &["subject.read", "token.detokenize"], &["fulfilment"]);
    let parcels = sees(parcels, &["name", "address", "email"], View::Clear, View::Clear);
    let auditor = role("auditor", Auditor, &["event.read", "charter.read", "key.read"], &[]);
    let purposes = vec![
        purpose("support", &["name", "email", "phone", "card_number"]),
        purpose("fulfilment", &["name", "address"]),
        purpose("rights", &["name", "email", "phone", "address", "card_number"]),
        purpose("dormant", &[]),
    ];
    (vec![support, warehouse, dpo, shop, parcels, auditor], purposes)
}

fn engine_with(sources: &[Source]) -> Engine {
    let (grants, purposes) = shop();
    Engine::compile(&grants, &purposes, sources).expect("the shop compiles")
}

fn engine() -> Engine {
    engine_with(&[])
}

fn source(text: &str) -> Source {
    Source { name: "policies/night.cedar".into(), text: text.into() }
}

fn field(name: &str) -> Field {
    let (category, sensitivity) = match name {
        "card_number" => ("payment", 2),
        "name" => ("identity", 1),
        _ => ("contact", 1),
    };
    Field { name: name.into(), category: category.into(), sensitivity }
}

/// A request of one role that lacks nothing.
fn ask(kind: PrincipalKind, role: &str, action: Action, purpose: &str) -> Request {
    Request {
        principal: PrincipalClass::new(kind, [role], None),
        action,
        purpose: (!purpose.is_empty()).then(|| Arc::from(purpose)),
        purpose_lawful: true,
        reason: true,
        reason_required: true,
        network_allowed: true,
        proof: Proof::BEST,
        rows: RowClass::One,
        restricted: false,
        subject: SubjectClass::default(),
        approved: Arc::default(),
    }
}

fn reveal() -> Request {
    ask(PrincipalKind::Staff, "support", Action::SubjectReveal, "support")
}

fn needs(engine: &Engine, request: &Request) -> Vec<&'static str> {
    engine.decide(request).needs.iter().map(Need::name).collect()
}

fn ids(policies: &[Arc<str>]) -> Vec<&str> {
    policies.iter().map(AsRef::as_ref).collect()
}

/// Asserts that a request is allowed, and that with one fact changed exactly one forbid denies it.
fn only_it_denies(allowed: &Request, change: impl FnOnce(&mut Request), policy: &str, need: &str) {
    let engine = engine();
    let decision = engine.decide(allowed);
    assert!(decision.allowed, "{decision:?}");
    let mut changed = allowed.clone();
    change(&mut changed);
    let decision = engine.decide(&changed);
    assert!(!decision.allowed);
    assert_eq!(ids(&decision.policies), [policy]);
    assert_eq!(needs(&engine, &changed), [need]);
}

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
        for action in Action::ALL.iter().filter(|action| action.is_own()) {
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
            Action::SessionRead | Action::AuthenticatorRemove => {
                only_it_denies(&own, link, "base:enrol-first", "proof");
            }
            Action::ApprovalAsk | Action::ApprovalRead | Action::ApprovalGive => {
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
    for action in [Action::AuthenticatorEnrol, Action::AuthenticatorRemove] {
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
    let need = |within, phishing_resistant| Need::Proof(ProofNeed { within, phishing_resistant });
    assert_eq!(needs(Proof::session(2, false, 900, 0)), []);
    assert_eq!(needs(Proof::session(2, false, 901, 0)), [need(Some(15), false)]);
    assert_eq!(needs(Proof::session(2, true, 901, 51)), [need(Some(5), true), need(Some(15), false)]);
    assert_eq!(needs(Proof::session(3, true, 300, 100)), []);
    let views = engine.views(&Request { proof: Proof::KEY, ..reveal() }, &[field("name")], View::Clear);
    assert_eq!((views[0].view, views[0].needs.as_slice()), (View::Partial, &[Need::Session][..]));
}

#[test]
fn what_needs_others_to_agree_says_whose_word_it_needs() {
    let text = r#"
        @id("well-known") @advice("approval:well_known")
        forbid (principal is Staff, action in Action::"opens", resource)
        when { context.tier > 0 || context.own_record || context.colleague }
        unless { context.approved.contains("well_known") };
    "#;
    let (grants, purposes) = shop();
    let compile = |approvals: &[&str]| Engine::compile_with(&grants, &purposes, approvals, &[source(text)]);
    let engine = compile(&["well_known", "export"]).expect("compiles");
    let ask = |subject, approved: &[&str]| {
        let approved = approved.iter().map(|name| Arc::from(*name)).collect();
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
        let verdict = engine.evaluator.ask(&Ask::look(request, field, rung).expect("it shows fields"));
        assert!(!verdict.allowed);
        verdict.policies
    };
    assert!(engine.evaluator.ask(&Ask::look(&reveal(), &email, View::Clear).expect("shows")).allowed);
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

fn shown(engine: &Engine, request: &Request, names: &[&str], ceiling: View) -> Vec<View> {
    let fields: Vec<Field> = names.iter().map(|name| field(name)).collect();
    engine.views(request, &fields, ceiling).iter().map(|view| view.view).collect()
}

#[test]
fn reads_and_reveals_are_two_ladders_limited_by_purpose_and_ceiling() {
    let engine = engine();
    let names = ["name", "email", "card_number", "address"];
    let read = ask(PrincipalKind::Staff, "support", Action::SubjectRead, "support");
    use View::{Clear, Masked, Nothing, Partial, Token};
    assert_eq!(shown(&engine, &read, &names, Clear), [Clear, Masked, Token, Nothing]);
    assert_eq!(shown(&engine, &read, &names, Masked), [Masked, Masked, Token, Nothing]);
    assert_eq!(shown(&engine, &read, &names, Nothing), [Nothing; 4]);
    assert_eq!(shown(&engine, &reveal(), &names, Clear), [Clear, Clear, Masked, Nothing]);
    assert_eq!(shown(&engine, &reveal(), &names, Partial), [Partial, Partial, Masked, Nothing]);

    let dpo = ask(PrincipalKind::Staff, "dpo", Action::SubjectRead, "fulfilment");
    assert_eq!(shown(&engine, &dpo, &names, Clear), [Masked, Nothing, Nothing, Masked]);
    let both = PrincipalClass::new(PrincipalKind::Staff, ["support", "dpo"], None);
    let both = Request { principal: both, ..dpo };
    // Support's clear name is for support's purpose: roles do not lend each other purposes.
    assert_eq!(shown(&engine, &both, &names, Clear), [Masked, Nothing, Nothing, Masked]);
}

#[test]
fn a_refused_request_shows_nothing() {
    let engine = engine();
    let outside = Request { network_allowed: false, ..reveal() };
    let [view] = engine.views(&outside, &[field("name")], View::Clear).try_into().expect("one field");
    assert_eq!((view.view, view.needs.as_slice()), (View::Nothing, [Need::Network].as_slice()));
    let deletion = ask(PrincipalKind::Staff, "support", Action::SubjectDelete, "support");
    assert_eq!(shown(&engine, &deletion, &["name"], View::Clear), [View::Nothing]);
}

#[test]
fn a_view_below_the_ceiling_says_why() {
    let engine = engine();
    let why = |request: &Request, name: &str| {
        let [view] = engine.views(request, &[field(name)], View::Clear).try_into().expect("one field");
        view.needs.clone()
    };
    let named =
        |field: &str, purposes: &[&str]| Need::Field { field: field.into(), purposes: strings(purposes) };
    let most = |field: &str, most| Need::View { field: field.into(), most };

    assert_eq!(why(&reveal(), "email"), []);
    assert_eq!(why(&reveal(), "card_number"), [most("card_number", View::Masked)]);
    assert_eq!(why(&reveal(), "address"), [named("address", &[]), most("address", View::Nothing)]);
    let export = ask(PrincipalKind::Staff, "dpo", Action::SubjectExport, "fulfilment");
    assert_eq!(why(&export, "email"), [named("email", &["rights", "support"])]);
    let read = ask(PrincipalKind::Staff, "dpo", Action::SubjectRead, "fulfilment");
    assert_eq!(why(&read, "email"), [named("email", &["rights", "support"]), most("email", View::Masked)]);
}

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

/// Cedar skips a policy that fails to evaluate; here a forbid that fails still denies.
#[test]
fn a_policy_that_fails_to_evaluate_denies() {
    let engine = engine_with(&[source(
        r#"@id("overflow") @advice("view")
        forbid (principal, action in Action::"view", resource is Field)
        when { resource.sensitivity * 9223372036854775807 == 2 };"#,
    )]);
    let fields = ["name", "card_number"];
    assert_eq!(shown(&engine, &reveal(), &fields, View::Clear), [View::Clear, View::Nothing]);
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

#[test]
fn an_answer_is_remembered_and_invented_purposes_share_one() {
    let engine = engine();
    assert!(Arc::ptr_eq(&engine.decide(&reveal()), &engine.decide(&reveal())));
    let invented = |name: &str| engine.decide(&Request { purpose: Some(name.into()), ..reveal() });
    assert!(Arc::ptr_eq(&invented("one"), &invented("two")));
    let view = |request: &Request| engine.views(request, &[field("email")], View::Clear).remove(0);
    assert!(Arc::ptr_eq(&view(&reveal()), &view(&reveal())));
}
