//! The engine: a charter's policy compiled once, asked many times.
//!
//! It holds the effective policy as text, as slices that Cedar evaluates, and a memory of what was decided. A
//! decision is a pure function of the engine and the request; a new charter is a new engine. The engine must
//! never allow what Cedar did not allow: the code here explains refusals, it does not overturn them.

mod evaluate;
mod matrix;
mod memo;
mod needs;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy::Schema;

use self::evaluate::{Ask, Evaluator, Looks};
use self::memo::Memo;
use self::needs::Holders;
use crate::source::{Content, Loaded, Names, doubles, load, misread};
use crate::{
    Action, ApprovalRule, Approved, Decision, Field, FieldView, PrincipalKind, Problem, PurposeFields,
    Request, RoleGrant, Source, View, grant,
};

/// What Cedar knows of the server, as a Cedar schema: every policy and every promise is held against it.
pub const SCHEMA: &str = include_str!("schema.cedarschema");
const BASE: &str = include_str!("base.cedar");
const OWN: &str = include_str!("own.cedar");

/// How many decisions and how many views are remembered.
const REMEMBERED: usize = 65_536;

/// Compiled policy. Immutable, shareable between threads.
pub struct Engine {
    text: String,
    policies: BTreeMap<Arc<str>, String>,
    evaluator: Evaluator,
    roles: Vec<(String, PrincipalKind)>,
    dormant: BTreeSet<String>,
    purposes: BTreeSet<Arc<str>>,
    /// All that others can agree to, by everybody.
    approvals: Approved,
    holders: BTreeMap<(PrincipalKind, Action), Holders>,
    decisions: Memo<Request, Decision>,
    views: Memo<(Request, Field, View), FieldView>,
}

impl Engine {
    /// Compiles grants, purposes and extra Cedar texts under the base rules, or returns everything that is wrong
    /// with them.
    pub fn compile(
        grants: &[RoleGrant],
        purposes: &[PurposeFields],
        sources: &[Source],
    ) -> Result<Self, Vec<Problem>> {
        Self::compile_with(grants, purposes, &[], sources)
    }

    /// The same, with the approvals that the sources may ask for, and what nobody does without them.
    pub fn compile_with(
        grants: &[RoleGrant],
        purposes: &[PurposeFields],
        approvals: &[ApprovalRule],
        sources: &[Source],
    ) -> Result<Self, Vec<Problem>> {
        let problems = grant::check(grants, purposes, approvals);
        if !problems.is_empty() {
            return Err(problems);
        }
        let schema: Schema = SCHEMA.parse().map_err(|error| shipped("schema.cedarschema", &error))?;
        let names = Names::of(grants, purposes, approvals);

        let base = Source { name: "base rules".into(), text: BASE.into() };
        let own = Source { name: "everybody's own".into(), text: OWN.into() };
        let granted =
            Source { name: "roles and purposes".into(), text: grant::render(grants, purposes, approvals) };
        let mut text = String::new();
        let mut loaded = Vec::new();
        let mut problems = Vec::new();
        for (source, ours) in [(&base, true), (&own, true), (&granted, true)]
            .into_iter()
            .chain(sources.iter().map(|s| (s, false)))
        {
            text.push_str(&format!(
                "// ---- {} ----\n\n{}\n\n",
                source.name.escape_debug(),
                source.text.trim_end()
            ));
            match load(source, !ours, Content::Policies, &schema, &names) {
                Ok(policies) => loaded.extend(policies),
                Err(found) => problems.extend(found),
            }
        }
        problems.extend(doubles("policies", &loaded));
        if !problems.is_empty() {
            return Err(problems);
        }

        Ok(Self {
            text,
            policies: loaded
                .iter()
                .map(|Loaded { policy, .. }| (Arc::from(policy.id().as_ref()), policy.to_string()))
                .collect(),
            evaluator: Evaluator::new(schema, &loaded)
                .map_err(|error| shipped("schema.cedarschema", &*error))?,
            roles: grants.iter().map(|grant| (grant.role.clone(), grant.holder)).collect(),
            dormant: grants.iter().filter(|grant| grant.dormant).map(|grant| grant.role.clone()).collect(),
            purposes: purposes.iter().map(|purpose| Arc::from(purpose.name.as_str())).collect(),
            approvals: Approved::by(u32::MAX, approvals.iter().map(|approval| approval.name.as_str())),
            holders: Holders::unknown(),
            decisions: Memo::new(REMEMBERED),
            views: Memo::new(REMEMBERED),
        })
    }

    /// What is wrong with Cedar texts by themselves, for whoever cannot compile the rest: all that cannot be read as Cedar.
    pub fn misread(sources: &[Source]) -> Vec<Problem> {
        misread(sources)
    }

    /// The whole effective policy as Cedar text, for review: base rules, roles, purposes, extra texts.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The Cedar text of one policy by its id, as a decision names it.
    pub fn policy(&self, id: &str) -> Option<&str> {
        self.policies.get(id).map(String::as_str)
    }

    /// Decides a request. Deny is the default; a refusal names everything that is missing.
    ///
    /// The same question again is answered from memory, without allocating.
    pub fn decide(&self, request: &Request) -> Arc<Decision> {
        let hash = self.decisions.hash(request);
        if let Some(decision) = self.decisions.find(hash, |known| known == request) {
            return decision;
        }
        match self.known(request) {
            // Remembered without the purpose, so that invented names cannot push out other answers.
            Cow::Owned(request) => self.decide(&request),
            Cow::Borrowed(_) => {
                let decision = Arc::new(self.decide_anew(request));
                self.decisions.keep(hash, request.clone(), decision.clone());
                decision
            }
        }
    }

    /// What the request's action shows of each field, in the order of `fields`, never more than `ceiling`.
    ///
    /// A request that is refused shows nothing.
    pub fn views(&self, request: &Request, fields: &[Field], ceiling: View) -> Vec<Arc<FieldView>> {
        let looks = Looks::of(request);
        fields.iter().map(|field| self.view(&looks, field, ceiling)).collect()
    }

    fn view(&self, looks: &Looks<'_>, field: &Field, ceiling: View) -> Arc<FieldView> {
        let request = looks.request;
        let hash = self.views.hash(&(request, field, ceiling));
        let is_it =
            |(of, at, up_to): &(Request, Field, View)| of == request && at == field && *up_to == ceiling;
        if let Some(view) = self.views.find(hash, is_it) {
            return view;
        }
        match self.known(request) {
            Cow::Owned(request) => self.view(&Looks::of(&request), field, ceiling),
            Cow::Borrowed(_) => {
                let view = Arc::new(self.view_anew(looks, field, ceiling));
                self.views.keep(hash, (request.clone(), field.clone(), ceiling), view.clone());
                view
            }
        }
    }

    fn decide_anew(&self, request: &Request) -> Decision {
        let verdict = self.evaluator.ask(&Ask::Operation(request));
        let needs = if verdict.allowed { Vec::new() } else { self.needs(request, &verdict.advice) };
        Decision { allowed: verdict.allowed, policies: verdict.policies, needs }
    }

    fn view_anew(&self, looks: &Looks<'_>, field: &Field, ceiling: View) -> FieldView {
        let decision = self.decide(looks.request);
        if !decision.allowed {
            return FieldView { view: View::Nothing, policies: Vec::new(), needs: decision.needs.clone() };
        }
        let (view, policies) = self.highest(looks, field, ceiling);
        let needs = if view == ceiling { Vec::new() } else { self.view_needs(looks, field, ceiling, view) };
        FieldView { view, policies, needs }
    }

    /// Asks rung by rung, downwards from the ceiling; the first that is allowed is the view.
    fn highest(&self, looks: &Looks<'_>, field: &Field, ceiling: View) -> (View, Vec<Arc<str>>) {
        let rungs = View::RUNGS.iter().copied().filter(|rung| *rung <= ceiling);
        rungs
            .map(|rung| (rung, self.evaluator.ask(&Ask::Look(looks, field, rung))))
            .find(|(_, verdict)| verdict.allowed)
            .map_or((View::Nothing, Vec::new()), |(rung, verdict)| (rung, verdict.policies))
    }

    /// The request without a purpose that the charter does not know.
    fn known<'a>(&self, request: &'a Request) -> Cow<'a, Request> {
        match &request.purpose {
            Some(purpose) if !self.purposes.contains(purpose) => {
                Cow::Owned(Request { purpose: None, purpose_lawful: false, ..request.clone() })
            }
            _ => Cow::Borrowed(request),
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("policies", &self.policies.len())
            .field("roles", &self.roles)
            .field("purposes", &self.purposes)
            .finish_non_exhaustive()
    }
}

/// A mistake in what we ship; tests keep it from happening.
pub(crate) fn shipped(source: &str, error: &(impl fmt::Display + ?Sized)) -> Vec<Problem> {
    vec![Problem::placeless(source.into(), error.to_string(), None)]
}

#[cfg(test)]
mod tests;
