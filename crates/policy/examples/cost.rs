//! What decisions and views cost, the first time and from memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use avouch_policy::{
    Action, Engine, Field, PrincipalClass, PrincipalKind, Proof, PurposeFields, Request, RoleGrant, RowClass,
    SeesGrant, View,
};

const ROLES: usize = 12;
const PURPOSES: usize = 8;
const FIELDS: usize = 16;

fn main() {
    let purposes: Vec<String> = (0..PURPOSES).map(|number| format!("purpose_{number}")).collect();
    let fields: Vec<String> = (0..FIELDS).map(|number| format!("field_{number}")).collect();
    let grants: Vec<RoleGrant> = (0..ROLES).map(|number| role(number, &purposes, &fields)).collect();
    let purpose_fields: Vec<PurposeFields> =
        purposes.iter().map(|name| PurposeFields { name: name.clone(), fields: fields.clone() }).collect();
    let fields: Vec<Field> = fields
        .iter()
        .map(|name| Field { name: name.as_str().into(), category: "contact".into(), sensitivity: 1 })
        .collect();

    let (compile, engine) = timed(|| Engine::compile(&grants, &purpose_fields, &[]).expect("it compiles"));
    println!("compile {ROLES} roles, {PURPOSES} purposes, {FIELDS} fields  {compile:>12.2?}");

    let allowed: Vec<Request> = requests(&purposes).collect();
    let (cold, ()) = timed(|| allowed.iter().for_each(|request| assert!(engine.decide(request).allowed)));
    println!("decide, first time           {:>12.2?}", cold / count(allowed.len()));
    let (hot, ()) = timed(|| {
        for request in allowed.iter().cycle().take(1_000_000) {
            black_box(engine.decide(black_box(request)));
        }
    });
    println!("decide, again                {:>12.2?}", hot / 1_000_000);

    let refused: Vec<Request> =
        requests(&purposes).map(|request| Request { reason: false, ..request }).collect();
    let (cold, ()) = timed(|| refused.iter().for_each(|request| assert!(!engine.decide(request).allowed)));
    println!("refuse, first time           {:>12.2?}", cold / count(refused.len()));

    let looks = count(allowed.len() * FIELDS);
    let views =
        || allowed.iter().for_each(|request| _ = black_box(engine.views(request, &fields, View::Clear)));
    let (cold, ()) = timed(views);
    println!("view of a field, first time  {:>12.2?}", cold / looks);
    let (hot, ()) = timed(|| (0..1_000).for_each(|_| views()));
    println!("view of a field, again       {:>12.2?}", hot / looks / 1_000);
}

fn role(number: usize, purposes: &[String], fields: &[String]) -> RoleGrant {
    RoleGrant {
        role: format!("role_{number}"),
        holder: PrincipalKind::Staff,
        actions: Action::ALL.iter().map(ToString::to_string).collect(),
        purposes: purposes.to_vec(),
        sees: vec![SeesGrant { fields: fields.to_vec(), reads: View::Masked, reveals: View::Clear }],
        keys: avouch_policy::KeyClass::Any,
    }
}

fn requests(purposes: &[String]) -> impl Iterator<Item = Request> {
    purposes.iter().map(|purpose| Request {
        principal: PrincipalClass::new(PrincipalKind::Staff, ["role_3", "role_7"], None),
        action: Action::SubjectReveal,
        purpose: Some(purpose.as_str().into()),
        purpose_lawful: true,
        reason: true,
        reason_required: true,
        network_allowed: true,
        proof: Proof::BEST,
        rows: RowClass::One,
        restricted: false,
        subject: Default::default(),
        approved: Default::default(),
    })
}

fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = act();
    (start.elapsed(), value)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
