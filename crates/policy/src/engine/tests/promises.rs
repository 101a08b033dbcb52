//! The bridge from the proofs to the engine: proofs are about Cedar texts, and the engine makes requests of facts.

use proptest::prelude::*;

use super::slices::{fields, requests};
use super::*;
use crate::Promise;
use crate::engine::evaluate::Evaluator;
use crate::source::load;

/// Everything is permitted, and each promise forbids what it rules out.
fn promised() -> Evaluator {
    let schema: Schema = SCHEMA.parse().expect("valid");
    let names = Names::of(&[], &[], &[]);
    let promises = Promise::of(&[], &[], &[], &[]).expect("shipped");
    let text = promises.iter().map(Promise::text).collect();
    let promises = Source { name: "promises".into(), text };
    let mut loaded = load(&promises, false, Content::Promises, &schema, &names).expect("they stand");
    loaded.extend(load(&everything(), true, Content::Policies, &schema, &names).expect("it stands"));
    Evaluator::new(schema, &loaded).expect("it compiles")
}

fn everything() -> Source {
    source("permit (principal, action, resource);")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Beside a text that permits everything, the engine refuses exactly what the promises rule out. (It has no
    /// purposes of its own, so these are the shipped ones.)
    #[test]
    fn the_engine_keeps_the_promises(request in requests(), field in fields()) {
        thread_local! {
            static ENGINE: Engine = Engine::compile(&[], &[], &[everything()]).expect("it compiles");
            static PROMISED: Evaluator = promised();
        }
        ENGINE.with(|engine| PROMISED.with(|promised| {
            let looks = Looks::of(&request);
            let rungs = View::RUNGS.iter().map(|rung| Ask::Look(&looks, &field, *rung));
            for ask in std::iter::once(Ask::Operation(&request)).chain(rungs) {
                prop_assert_eq!(engine.evaluator.ask(&ask).allowed, promised.ask(&ask).allowed);
            }
            Ok(())
        }))?;
    }
}
