//! What a decision about one field costs: asked of Cedar, and from memory. `--json` for machines.

use std::hint::black_box;
use std::time::{Duration, Instant};

use avouch_policy::{
    Action, Approved, Engine, Field, PrincipalClass, PrincipalKind, Proof, PurposeFields, Request, RoleGrant,
    RowClass, SeesGrant, Source, View,
};

const FIELDS: usize = 16;
/// Rules of a charter's own, as the default charter's: none decides alone, all are asked.
const RULES: usize = 6;
/// Questions that are all different.
const QUESTIONS: u64 = 20_000;

/// How large a charter is: its roles, what each may do, and its purposes.
struct Size {
    roles: usize,
    actions: &'static [Action],
    purposes: usize,
}

/// About as many policies as the bar of the project asks about, and a charter with everything in it.
const SIZES: [Size; 2] = [
    Size { roles: 2, actions: &[Action::SubjectRead, Action::SubjectReveal], purposes: 2 },
    Size { roles: 6, actions: Action::ALL, purposes: 6 },
];

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    for (name, figures) in SIZES.iter().flat_map(measured) {
        if json {
            let [median, late] = [figures.median, figures.late].map(|duration| duration.as_nanos());
            println!(r#"{{"what": "{name}", "median_ns": {median}, "p99_ns": {late}}}"#);
        } else {
            println!("{name:<54} median {:>10.2?}   p99 {:>10.2?}", figures.median, figures.late);
        }
    }
}

fn measured(size: &Size) -> Vec<(String, Figures)> {
    let purposes: Vec<String> = (0..size.purposes).map(|number| format!("purpose_{number}")).collect();
    let fields: Vec<String> = (0..FIELDS).map(|number| format!("field_{number}")).collect();
    let grants: Vec<RoleGrant> =
        (0..size.roles).map(|number| role(number, size.actions, &purposes, &fields)).collect();
    let purpose_fields: Vec<PurposeFields> =
        purposes.iter().map(|name| PurposeFields { name: name.clone(), fields: fields.clone() }).collect();
    let own = Source { name: "policies/own.cedar".into(), text: (0..RULES).map(rule).collect() };
    let engine =
        || Engine::compile(&grants, &purpose_fields, std::slice::from_ref(&own)).expect("it compiles");

    let there = policies(&engine());
    let mut lines = vec![(format!("{there} policies: compile"), Figures::of(10, |_| _ = engine()))];
    let field = [Field { name: "field_3".into(), category: "contact".into(), sensitivity: 1 }];
    let asked = |engine: &Engine, request: &Request| {
        let decision = engine.decide(black_box(request));
        let views = engine.views(black_box(request), &field, View::Clear);
        (decision, views)
    };
    let clear = |request: &Request, engine: &Engine| {
        let (decision, views) = asked(engine, request);
        assert!(decision.allowed && views.iter().all(|shown| shown.view == View::Clear));
    };
    let allowed = |number: u64| request(number, size.roles, &purposes);
    let alone = engine();
    let decides = |number: u64| assert!(alone.decide(black_box(&allowed(number))).allowed);
    lines.push((format!("{there} policies: the act alone, first time"), Figures::of(QUESTIONS, decides)));
    let fresh = engine();
    lines.push((
        format!("{there} policies: one field, first time"),
        Figures::of(QUESTIONS, |number| clear(&allowed(number), &fresh)),
    ));
    let known: Vec<Request> = (0..256).map(allowed).collect();
    let mut known = known.iter().cycle();
    let again = |_| _ = known.next().map(|request| black_box(asked(&fresh, request)));
    lines.push((format!("{there} policies: one field, again"), Figures::of(QUESTIONS * 10, again)));
    let refused = engine();
    let ask = |number: u64| {
        let request = Request { reason: false, ..allowed(number) };
        assert!(!refused.decide(&request).allowed);
    };
    lines.push((
        format!("{there} policies: refused with every need, first time"),
        Figures::of(QUESTIONS / 10, ask),
    ));
    lines
}

fn role(number: usize, actions: &[Action], purposes: &[String], fields: &[String]) -> RoleGrant {
    RoleGrant {
        role: format!("role_{number}"),
        holder: PrincipalKind::Staff,
        actions: actions.iter().filter(|action| !action.is_own()).map(ToString::to_string).collect(),
        purposes: purposes.to_vec(),
        sees: vec![SeesGrant { fields: fields.to_vec(), reads: View::Masked, reveals: View::Clear }],
        dormant: false,
        keys: avouch_policy::KeyClass::Any,
    }
}

fn rule(number: usize) -> String {
    format!(
        r#"@id("rule-{number}") @advice("proof:15m")
        forbid (principal is Staff, action in [Action::"opens", Action::"view.clear"], resource)
        when {{ context.means == Means::"session" && context.novelty > 9{number} }};
        "#
    )
}

/// How many there are in all.
fn policies(engine: &Engine) -> usize {
    let begins = |line: &&str| line.starts_with("permit") || line.trim_start().starts_with("forbid");
    engine.text().lines().filter(begins).count()
}

/// With an approval of its own name, so that no two are the same question.
fn request(number: u64, roles: usize, purposes: &[String]) -> Request {
    let held = [format!("role_{}", roles / 2), format!("role_{}", roles - 1)];
    Request {
        principal: PrincipalClass::new(PrincipalKind::Staff, held, None),
        action: Action::SubjectReveal,
        purpose: purposes
            .iter()
            .cycle()
            .nth(usize::from(number.to_le_bytes()[0]))
            .map(|name| name.as_str().into()),
        purpose_lawful: true,
        reason: true,
        reason_required: true,
        network_allowed: true,
        contract_runs: true,
        proof: Proof::session(2, true, 60, 0),
        rows: RowClass::One,
        most_rows: 1,
        restricted: false,
        subject: Default::default(),
        approved: Approved::by(1, [number.to_string()]),
        break_glass: false,
    }
}

struct Figures {
    median: Duration,
    late: Duration,
}

impl Figures {
    fn of(times: u64, mut act: impl FnMut(u64)) -> Self {
        let mut taken: Vec<Duration> = (0..times)
            .map(|number| {
                let start = Instant::now();
                act(number);
                start.elapsed()
            })
            .collect();
        taken.sort_unstable();
        let at = |hundredths: usize| taken.get(taken.len() * hundredths / 100).copied().unwrap_or_default();
        Self { median: at(50), late: at(99) }
    }
}
