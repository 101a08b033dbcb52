//! The solver, and the questions to it. Each is asked in every environment of the schema: an action, a kind of
//! caller, a kind of resource.
//!
//! An answer is yes, or a request; a solver that does not know fails the test. A request is believed only when Cedar
//! itself, which evaluates in production, decides it as the solver says.

use std::collections::BTreeSet;

use avouch_policy::SCHEMA;
use cedar_policy::{Authorizer, Decision, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{
    Asserts, CedarSymCompiler, CompiledPolicy, CompiledPolicySet, WellFormedAsserts, disjoint_asserts,
    implies_asserts,
};
use tokio::runtime::Runtime;

use crate::found::Found;

/// How long the solver may think about one question, in milliseconds.
const PATIENCE: u32 = 20_000;

/// A solver at work, with the schema that all questions are about.
pub(crate) struct Prover {
    schema: Schema,
    environments: Vec<RequestEnv>,
    solver: CedarSymCompiler<LocalSolver>,
    runtime: Runtime,
    /// What no request of an environment can meet, as it turned out.
    impossible: BTreeSet<(usize, Asserts)>,
}

/// A policy set as logic, once for each environment.
pub(crate) struct Logic {
    policies: PolicySet,
    compiled: Vec<CompiledPolicySet>,
}

impl Prover {
    /// About the server.
    pub(crate) fn start() -> Self {
        Self::about(SCHEMA)
    }

    /// About another schema, for what the shipped one has no example of.
    pub(crate) fn about(schema: &str) -> Self {
        let schema: Schema = schema.parse().expect("a schema");
        let mut environments: Vec<_> = schema.request_envs().collect();
        environments.sort_by_key(|environment| {
            (environment.action().to_string(), environment.principal().to_string())
        });
        assert!(!environments.is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut program = tokio::process::Command::new(program());
        program.args(["--lang", "smt", &format!("--tlimit-per={PATIENCE}")]).kill_on_drop(true);
        let solver = {
            let _inside = runtime.enter();
            LocalSolver::from_command(&mut program).expect("AVOUCH_TEST_CVC5 names a program that starts")
        };
        let solver = CedarSymCompiler::new(solver).expect("a compiler");
        Self { schema, environments, solver, runtime, impossible: BTreeSet::new() }
    }

    pub(crate) fn logic(&self, policies: &PolicySet) -> Logic {
        let compile = |environment| {
            CompiledPolicySet::compile(policies, environment, &self.schema).expect("valid under the schema")
        };
        Logic { policies: policies.clone(), compiled: self.environments.iter().map(compile).collect() }
    }

    /// A request that both allow.
    pub(crate) fn both(&mut self, one: &Logic, other: &Logic) -> Option<Found> {
        self.first([(one, Decision::Allow), (other, Decision::Allow)], disjoint_asserts)
    }

    /// A request that the one allows and the other does not.
    pub(crate) fn beyond(&mut self, one: &Logic, other: &Logic) -> Option<Found> {
        self.first([(one, Decision::Allow), (other, Decision::Deny)], implies_asserts)
    }

    /// A request at which a policy fails to evaluate.
    pub(crate) fn failing(&mut self, policies: &PolicySet) -> Option<Found> {
        let Self { schema, environments, solver, runtime, .. } = self;
        let schema = &*schema;
        let compile = |policy, environment| {
            CompiledPolicy::compile(policy, environment, schema).expect("valid under the schema")
        };
        let mut questions = policies
            .policies()
            .flat_map(|policy| environments.iter().map(move |environment| compile(policy, environment)));
        let found = questions.find_map(|compiled| {
            let answer = solver.check_never_errors_with_counterexample_opt(&compiled);
            runtime.block_on(answer).expect("the solver has an answer")
        })?;
        let response = Authorizer::new().is_authorized(&found.request, policies, &found.entities);
        assert_ne!(response.diagnostics().errors().count(), 0, "Cedar and the solver disagree about {found}");
        Some(Found::new(found))
    }

    /// The first request, environment by environment, that meets the assertions about two policy sets.
    ///
    /// With one rule changed most environments have the same assertions as before, and the same answer.
    fn first(&mut self, expected: [(&Logic, Decision); 2], asserts: Asserting) -> Option<Found> {
        let [(one, _), (other, _)] = expected;
        let mut pairs = one.compiled.iter().zip(&other.compiled).enumerate();
        let found = pairs.find_map(|(environment, (one, other))| {
            let asserts = asserts(one, other);
            let question = (environment, asserts.asserts().clone());
            if self.impossible.contains(&question) {
                return None;
            }
            let answer = self.runtime.block_on(self.solver.check_sat(&asserts));
            let found = answer.expect("the solver has an answer");
            if found.is_none() {
                self.impossible.insert(question);
            }
            found
        })?;
        for (logic, decision) in expected {
            let response = Authorizer::new().is_authorized(&found.request, &logic.policies, &found.entities);
            assert_eq!(response.decision(), decision, "Cedar and the solver disagree about {found}");
        }
        Some(Found::new(found))
    }
}

type Asserting = for<'a> fn(&'a CompiledPolicySet, &'a CompiledPolicySet) -> WellFormedAsserts<'a>;

#[expect(clippy::disallowed_methods, reason = "here is where these tests read their environment")]
fn program() -> String {
    std::env::var("AVOUCH_TEST_CVC5").expect(
        "AVOUCH_TEST_CVC5 names a program that speaks SMT-LIB as cvc5 1.3.1 does; `cargo xtask test` makes one, \
         and `cargo xtask cvc5` prints the line to run",
    )
}
