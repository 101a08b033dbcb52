//! The engine in its tests: a small shop, and how it is asked.

mod needs;
mod promises;
mod proofs;
mod rules;
mod slices;
mod texts;
mod views;
mod whole;

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
        dormant: false,
        keys: crate::KeyClass::Any,
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
        contract_runs: true,
        proof: Proof::BEST,
        rows: RowClass::One,
        most_rows: 1,
        restricted: false,
        subject: SubjectClass::default(),
        approved: Approved::default(),
        break_glass: false,
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

fn shown(engine: &Engine, request: &Request, names: &[&str], ceiling: View) -> Vec<View> {
    let fields: Vec<Field> = names.iter().map(|name| field(name)).collect();
    engine.views(request, &fields, ceiling).iter().map(|view| view.view).collect()
}
