//! What is evaluated is less than the whole policy, and the decision the same.

use proptest::prelude::*;

use super::*;
use crate::KeyClass;

const EXTRA: &str = r#"
    @advice("network") forbid (principal is Service, action, resource) when { context.rows == Rows::"many" };
    @advice("view") forbid (principal in Role::"shop", action in Action::"view", resource in Category::"contact")
    when { resource.sensitivity > 1 };
    @advice("reason") forbid (principal, action in [Action::"opens", Action::"charter.apply"], resource == Vault::"vault")
    when { !context.reason };
    permit (principal, action == Action::"view.token", resource);
    permit (principal is Auditor, action == Action::"system.status", resource);
    @advice("proof:15m") forbid (principal, action in Action::"opens", resource) when { context.proof_age > 15 };
"#;

fn proofs() -> impl Strategy<Value = Proof> {
    let keys = prop::sample::select(vec![KeyClass::Any, KeyClass::DeviceBound, KeyClass::Attested]);
    let session = (0..=3_u8, any::<bool>(), 0..100_000_u64, 0..=100_u8, keys, 0..200_000_u64, any::<bool>());
    let session = session.prop_map(|(aal, resistant, seconds, novelty, key, settled, sent)| {
        Proof::session(aal, resistant, seconds, novelty).by_key(key).settled_for(settled).by_sent_code(sent)
    });
    prop_oneof![Just(Proof::BEST), Just(Proof::KEY), Just(Proof::TOKEN), session]
}

prop_compose! {
    pub(super) fn requests()(
        kind in prop::sample::select(PrincipalKind::ALL),
        roles in prop::sample::subsequence(
            vec!["support", "warehouse", "dpo", "shop", "parcels_api", "auditor", "unheard_of"], 0..=3,
        ),
        bound in prop::bool::weighted(0.2),
        action in prop::sample::select(Action::ALL),
        purpose in prop::option::weighted(
            0.9, prop::sample::select(vec!["support", "fulfilment", "rights", "dormant", "invented"]),
        ),
        facts in prop::array::uniform5(prop::bool::weighted(0.8)),
        restricted in prop::bool::weighted(0.2),
        proof in proofs(),
        tier in 0..=2_u8,
        approved in prop::sample::subsequence(vec!["export", "well_known"], 0..=2),
        people in 1..=3_u32,
        rows in prop::sample::select(RowClass::ALL),
        break_glass in prop::bool::weighted(0.2),
    ) -> Request {
        let [purpose_lawful, reason, reason_required, network_allowed, contract_runs] = facts;
        let recipient = (bound && kind == PrincipalKind::Service).then_some("parcels");
        Request {
            principal: PrincipalClass::new(kind, roles, recipient),
            action, purpose: purpose.map(Arc::from), purpose_lawful, reason, reason_required, network_allowed, contract_runs,
            proof, rows, most_rows: if rows == RowClass::One { 1 } else { 60 }, restricted,
            subject: SubjectClass { tier, own: tier > 1, colleague: tier > 0 },
            approved: Approved::by(people, approved),
            break_glass,
        }
    }
}

pub(super) fn fields() -> impl Strategy<Value = Field> {
    prop::sample::select(vec!["name", "email", "phone", "address", "card_number", "unheard_of"])
        .prop_map(field)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Leaving out the policies that cannot apply changes no decision; remembering it changes none either.
    #[test]
    fn sliced_decisions_are_full_decisions(requests in prop::collection::vec((requests(), fields()), 8)) {
        thread_local! {
            static ENGINE: Engine = engine_with(&[source(EXTRA)]);
        }
        ENGINE.with(|engine| {
            for (request, field) in &requests {
                let request = &*engine.known(request);
                let looks = Looks::of(request);
                let rungs = View::RUNGS.iter().filter(|_| request.action.shows().is_some());
                let rungs = rungs.map(|rung| Ask::Look(&looks, field, *rung));
                for ask in std::iter::once(Ask::Operation(request)).chain(rungs) {
                    let looks = Looks::of(request);
                    let alone = match ask {
                        Ask::Operation(request) => Ask::Operation(request),
                        Ask::Look(_, field, rung) => Ask::Look(&looks, field, rung),
                    };
                    prop_assert_eq!(engine.evaluator.ask(&ask), engine.evaluator.ask_all(&alone));
                }
                let decision = engine.decide(request);
                prop_assert_eq!(&engine.decide_anew(request), &*engine.decide(request));
                prop_assert_eq!(decision.allowed, decision.needs.is_empty());
                prop_assert!(!decision.allowed || !decision.policies.is_empty());
            }
            Ok(())
        })?;
    }

    /// A view never exceeds the ceiling, the role's grant or the purpose's fields, and says why it is lower.
    #[test]
    fn views_stay_within_their_bounds(request in requests(), field in fields(), ceiling in prop::sample::select(View::ALL)) {
        thread_local! {
            static ENGINE: Engine = engine();
        }
        let (grants, purposes) = shop();
        let view = ENGINE.with(|engine| engine.views(&request, std::slice::from_ref(&field), ceiling).remove(0));
        prop_assert!(view.view <= ceiling);
        prop_assert_eq!(view.view == ceiling, view.needs.is_empty() || ceiling == View::Nothing);
        let purposes: BTreeMap<&str, &PurposeFields> = purposes.iter().map(|p| (p.name.as_str(), p)).collect();
        let touched = request.purpose.as_deref().and_then(|name| purposes.get(name))
            .is_some_and(|purpose| purpose.fields.iter().any(|name| **name == *field.name));
        let granted = grants.iter()
            .filter(|grant| grant.holder == request.principal.kind() && request.principal.roles().contains(&grant.role))
            .filter(|grant| grant.purposes.iter().any(|name| request.purpose.as_deref() == Some(name)))
            .flat_map(|grant| &grant.sees)
            .filter(|sees| sees.fields.iter().any(|name| **name == *field.name))
            .map(|sees| match request.action.shows() {
                Some(crate::Shows::Reads) => sees.reads,
                Some(crate::Shows::Reveals) => sees.reveals,
                None => View::Nothing,
            })
            .max().unwrap_or(View::Nothing);
        let most = if touched { granted } else { View::Nothing };
        prop_assert!(view.view <= most);
    }
}

const fn shareable<T: Send + Sync>() {}
const _: () = shareable::<Engine>();

/// Callers and fields that differ in one thing, asked of one engine again and again: who and what is in a question is remembered.
#[test]
fn what_is_remembered_of_a_question_is_not_taken_for_another() {
    let of_it = r#"
        @advice("view") forbid (principal, action == Action::"view.clear", resource in Category::"payment");
        @advice("view") forbid (principal, action == Action::"view.partial", resource) when { resource.sensitivity > 1 };
    "#;
    let engine = engine_with(&[source(of_it)]);
    let email = field("email");
    let fields = [
        email.clone(),
        Field { sensitivity: 3, ..email.clone() },
        Field { category: "payment".into(), ..email },
        field("birth_date"),
    ];
    let support = ask(PrincipalKind::Staff, "support", Action::SubjectReveal, "support");
    let shop = ask(PrincipalKind::Service, "shop", Action::SubjectReveal, "support");
    let bound = PrincipalClass::new(PrincipalKind::Service, ["shop"], Some("parcels"));
    let both = PrincipalClass::new(PrincipalKind::Staff, ["support", "dpo"], None);
    let requests = [
        Request { principal: both, ..support.clone() },
        Request { principal: bound, ..shop.clone() },
        support,
        shop,
    ];
    for request in requests.iter().chain(&requests) {
        for field in &fields {
            for rung in View::RUNGS {
                let looks = Looks::of(request);
                let ask = Ask::Look(&looks, field, *rung);
                assert_eq!(
                    engine.evaluator.ask(&ask),
                    engine.evaluator.ask_all(&ask),
                    "{request:?} {field:?} {rung:?}"
                );
            }
        }
    }
}
