//! Asking Cedar: requests and entities built from our facts, against the slice of policies that can apply.
//!
//! A slice holds the policies whose scope fits a kind of principal and an action; the others cannot match, so
//! leaving them out changes no decision. Nor does how the others stand in it, without their action and with lists taken
//! apart: for both, a property test compares with all policies as they were written. Whatever goes wrong here denies: an ask that
//! cannot be built, and, other than in Cedar itself, any policy that fails to evaluate, because Cedar would skip a
//! failing forbid.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Context, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, Policy, PolicyId, PolicySet, PrincipalConstraint, ResourceConstraint, RestrictedExpression,
    Schema,
};
use serde_json::{Value as Json, json};

use super::memo::Memo;
use crate::advice::Advice;
use crate::source::Loaded;
use crate::{Action, Field, KeyClass, PrincipalClass, PrincipalKind, Request, View};

/// Of how many questions it is remembered who and what is in them.
const REMEMBERED: usize = 8_192;

/// Lists up to this long are taken apart.
const LONGEST: usize = 64;

/// What Cedar is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Act {
    Operation(Action),
    Rung(View),
}

impl Act {
    fn all() -> impl Iterator<Item = Self> {
        let rungs = View::RUNGS.iter().copied().map(Self::Rung);
        Action::ALL.iter().copied().map(Self::Operation).chain(rungs)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Operation(action) => action.as_str(),
            Self::Rung(view) => view.action(),
        }
    }
}

/// One question to Cedar.
#[derive(Debug)]
pub(super) enum Ask<'a> {
    /// May the operation be done?
    Operation(&'a Request),
    /// May the operation show a field up to this rung?
    Look(&'a Looks<'a>, &'a Field, View),
}

/// What of fields an operation shows: many questions, for which the facts are put into Cedar's terms once.
#[derive(Debug)]
pub(super) struct Looks<'a> {
    pub(super) request: &'a Request,
    facts: OnceCell<Option<Context>>,
}

impl<'a> Looks<'a> {
    pub(super) const fn of(request: &'a Request) -> Self {
        Self { request, facts: OnceCell::new() }
    }
}

impl<'a> Ask<'a> {
    const fn request(&self) -> &'a Request {
        match self {
            Self::Operation(request) => request,
            Self::Look(looks, ..) => looks.request,
        }
    }

    const fn field(&self) -> Option<&'a Field> {
        match self {
            Self::Operation(_) => None,
            Self::Look(_, field, _) => Some(field),
        }
    }

    const fn act(&self) -> Act {
        match self {
            Self::Operation(request) => Act::Operation(request.action),
            Self::Look(_, _, rung) => Act::Rung(*rung),
        }
    }
}

/// What Cedar says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    /// Ids of the policies that decided, sorted.
    pub(super) policies: Vec<Arc<str>>,
    /// What the forbids that decided say is missing.
    pub(super) advice: BTreeSet<Advice>,
}

/// Cedar with everything prepared that does not depend on the question.
#[derive(Debug)]
pub(super) struct Evaluator {
    authorizer: Authorizer,
    schema: Schema,
    types: Types,
    slices: BTreeMap<(PrincipalKind, Act), Slice>,
    /// Who and what is in a question: few, whatever the facts are.
    entities: Memo<(PrincipalClass, Act, Option<Field>), Entities>,
    index: HashMap<PolicyId, (Arc<str>, Option<Advice>)>,
    #[cfg(test)]
    all: PolicySet,
}

#[derive(Debug)]
struct Types {
    principals: BTreeMap<PrincipalKind, EntityUid>,
    role: EntityTypeName,
    purpose: EntityTypeName,
    category: EntityTypeName,
    field: EntityTypeName,
    rows: EntityTypeName,
    means: EntityTypeName,
    operation: EntityTypeName,
    ladder: EntityTypeName,
    vault: EntityUid,
}

#[derive(Debug)]
struct Slice {
    action: Entity,
    policies: PolicySet,
}

impl Evaluator {
    pub(super) fn new(schema: Schema, loaded: &[Loaded]) -> Result<Self, Box<dyn Error>> {
        let types = Types::new()?;
        let actions = schema.action_entities()?;
        let sliced: Vec<Policy> =
            loaded.iter().map(|loaded| in_a_slice(&loaded.policy)).collect::<Result<_, _>>()?;
        let mut slices = BTreeMap::new();
        for (kind, principal) in &types.principals {
            for act in Act::all() {
                let uid = entity(&EntityTypeName::from_str("Action")?, act.name());
                let action = actions.get(&uid).ok_or_else(|| format!("the schema lacks `{uid}`"))?.clone();
                let resource = match act {
                    Act::Operation(_) => types.vault.type_name(),
                    Act::Rung(_) => &types.field,
                };
                let fits = |policy: &Policy| {
                    principal_fits(&policy.principal_constraint(), principal.type_name())
                        && action_fits(&policy.action_constraint(), &uid, &actions)
                        && resource_fits(&policy.resource_constraint(), resource)
                };
                let fitting = loaded.iter().zip(&sliced).filter(|(loaded, _)| fits(&loaded.policy));
                let policies = PolicySet::from_policies(fitting.map(|(_, sliced)| sliced.clone()))?;
                slices.insert((*kind, act), Slice { action, policies });
            }
        }
        let index = loaded.iter().map(|Loaded { policy, advice }| {
            let id: &str = policy.id().as_ref();
            (policy.id().clone(), (Arc::from(id), advice.clone()))
        });
        Ok(Self {
            authorizer: Authorizer::new(),
            index: index.collect(),
            schema,
            types,
            slices,
            entities: Memo::new(REMEMBERED),
            #[cfg(test)]
            all: PolicySet::from_policies(loaded.iter().map(|loaded| loaded.policy.clone()))?,
        })
    }

    /// Asks the slice of policies that can apply.
    pub(super) fn ask(&self, ask: &Ask<'_>) -> Verdict {
        let Some(slice) = self.slices.get(&(ask.request().principal.kind(), ask.act())) else {
            return Verdict::default();
        };
        let answer = || self.ask_of(ask, slice, &slice.policies, &*self.entities(ask, slice)?);
        answer().unwrap_or_default()
    }

    /// Asks every policy, and remembers nothing: what the slices are compared with.
    #[cfg(test)]
    pub(super) fn ask_all(&self, ask: &Ask<'_>) -> Verdict {
        let slice = &self.slices[&(ask.request().principal.kind(), ask.act())];
        let entities = self.entities_anew(ask, slice);
        let answer = entities.and_then(|entities| self.ask_of(ask, slice, &self.all, &entities));
        answer.expect("the question can be built")
    }

    fn ask_of(
        &self,
        ask: &Ask<'_>,
        slice: &Slice,
        policies: &PolicySet,
        entities: &Entities,
    ) -> Option<Verdict> {
        let request = self.question(ask, slice)?;
        let response = self.authorizer.is_authorized(&request, policies, entities);
        let diagnostics = response.diagnostics();
        let failed: Vec<&PolicyId> = diagnostics.errors().map(failing).collect();
        if !failed.is_empty() {
            let mut policies: Vec<_> = failed.into_iter().filter_map(|id| self.index.get(id)).collect();
            policies.sort_unstable();
            let policies = policies.into_iter().map(|(id, _)| id.clone()).collect();
            return Some(Verdict { allowed: false, policies, advice: BTreeSet::new() });
        }
        let deciding: Vec<_> = diagnostics.reason().filter_map(|id| self.index.get(id)).collect();
        let mut policies: Vec<_> = deciding.iter().map(|(id, _)| id.clone()).collect();
        policies.sort_unstable();
        let advice = deciding.iter().filter_map(|(_, advice)| advice.clone()).collect();
        Some(Verdict { allowed: response.decision() == cedar_policy::Decision::Allow, policies, advice })
    }

    /// Our facts in Cedar's terms. In our tests every question is held against the schema.
    fn question(&self, ask: &Ask<'_>, slice: &Slice) -> Option<cedar_policy::Request> {
        let Self { types, schema, .. } = self;
        let schema = cfg!(test).then_some(schema);
        let principal = types.principals.get(&ask.request().principal.kind())?.clone();
        let resource =
            ask.field().map_or_else(|| types.vault.clone(), |field| entity(&types.field, &field.name));
        let context = match ask {
            Ask::Operation(request) => types.context(types.facts(request)),
            Ask::Look(looks, ..) => {
                looks.facts.get_or_init(|| types.context(types.facts_of_a_look(looks.request)?)).clone()
            }
        }?;
        cedar_policy::Request::new(principal, slice.action.uid(), resource, context, schema).ok()
    }

    /// Who and what is in a question, from memory if it was asked before.
    fn entities(&self, ask: &Ask<'_>, slice: &Slice) -> Option<Arc<Entities>> {
        let asked = (&ask.request().principal, ask.act(), ask.field());
        let hash = self.entities.hash(&asked);
        let is_it = |(principal, act, field): &(PrincipalClass, Act, Option<Field>)| {
            (principal, *act, field.as_ref()) == asked
        };
        if let Some(entities) = self.entities.find(hash, is_it) {
            return Some(entities);
        }
        let entities = Arc::new(self.entities_anew(ask, slice)?);
        let (principal, act, field) = asked;
        self.entities.keep(hash, (principal.clone(), act, field.cloned()), Arc::clone(&entities));
        Some(entities)
    }

    fn entities_anew(&self, ask: &Ask<'_>, slice: &Slice) -> Option<Entities> {
        let Self { types, schema, .. } = self;
        let mut entities = vec![types.principal(&ask.request().principal)?, slice.action.clone()];
        if let Some(field) = ask.field() {
            entities.push(types.field(field)?);
        }
        Entities::from_entities(entities, cfg!(test).then_some(schema)).ok()
    }
}

impl Types {
    fn new() -> Result<Self, Box<dyn Error>> {
        let mut principals = BTreeMap::new();
        for kind in PrincipalKind::ALL {
            principals.insert(*kind, entity(&EntityTypeName::from_str(kind.entity_type())?, "caller"));
        }
        Ok(Self {
            principals,
            role: "Role".parse()?,
            purpose: "Purpose".parse()?,
            category: "Category".parse()?,
            field: "Field".parse()?,
            rows: "Rows".parse()?,
            means: "Means".parse()?,
            operation: "Operation".parse()?,
            ladder: "Ladder".parse()?,
            vault: entity(&EntityTypeName::from_str("Vault")?, "vault"),
        })
    }

    fn principal(&self, principal: &PrincipalClass) -> Option<Entity> {
        let uid = self.principals.get(&principal.kind())?.clone();
        let roles: HashSet<_> = principal.roles().iter().map(|role| entity(&self.role, role)).collect();
        // Only a service can be bound to a recipient; another kind that is so is a mistake, and is nobody.
        let recipient = match (principal.kind(), principal.recipient()) {
            (_, None) => None,
            (PrincipalKind::Service, Some(recipient)) => Some(recipient),
            (_, Some(_)) => return None,
        };
        let recipient = recipient
            .map(|name| ("recipient".to_owned(), RestrictedExpression::new_string(name.to_owned())))
            .into_iter();
        Entity::new(uid, recipient.collect(), roles).ok()
    }

    fn field(&self, field: &Field) -> Option<Entity> {
        let sensitivity = RestrictedExpression::new_long(field.sensitivity.into());
        let category = entity(&self.category, &field.category);
        let attributes = HashMap::from([("sensitivity".to_owned(), sensitivity)]);
        Entity::new(entity(&self.field, &field.name), attributes, HashSet::from([category])).ok()
    }

    fn facts(&self, request: &Request) -> Vec<(&'static str, RestrictedExpression)> {
        let truth = RestrictedExpression::new_bool;
        let number = RestrictedExpression::new_long;
        let named = |kind, id| RestrictedExpression::new_entity_uid(entity(kind, id));
        let texts =
            request.approved.names().iter().map(|name| RestrictedExpression::new_string(name.to_string()));
        let approved = RestrictedExpression::new_set(texts);
        let mut facts = vec![
            ("purpose_lawful", truth(request.purpose_lawful)),
            ("reason", truth(request.reason)),
            ("reason_required", truth(request.reason_required)),
            ("network_allowed", truth(request.network_allowed)),
            ("contract_runs", truth(request.contract_runs)),
            ("means", named(&self.means, request.proof.means().as_str())),
            ("aal", number(request.proof.aal().into())),
            ("phishing_resistant", truth(request.proof.phishing_resistant())),
            ("proof_age", number(request.proof.age().into())),
            ("novelty", number(request.proof.novelty().into())),
            ("settled", number(request.proof.settled().into())),
            ("device_bound", truth(request.proof.key() >= KeyClass::DeviceBound)),
            ("attested", truth(request.proof.key() == KeyClass::Attested)),
            ("sent_code", truth(request.proof.sent_code())),
            ("rows", named(&self.rows, request.rows.as_str())),
            ("most_rows", number(request.most_rows.into())),
            ("restricted", truth(request.restricted)),
            ("tier", number(request.subject.tier.into())),
            ("own_record", truth(request.subject.own)),
            ("colleague", truth(request.subject.colleague)),
            ("approved", approved),
            ("approvers", number(request.approved.people().into())),
            ("break_glass", truth(request.break_glass)),
        ];
        if let Some(purpose) = &request.purpose {
            facts.push(("purpose", named(&self.purpose, purpose)));
        }
        facts
    }

    /// `None` for an operation that shows no fields.
    fn facts_of_a_look(&self, request: &Request) -> Option<Vec<(&'static str, RestrictedExpression)>> {
        let named = |kind, id| RestrictedExpression::new_entity_uid(entity(kind, id));
        let mut facts = self.facts(request);
        facts.push(("during", named(&self.operation, request.action.as_str())));
        facts.push(("ladder", named(&self.ladder, request.action.shows()?.as_str())));
        Some(facts)
    }

    fn context(&self, facts: Vec<(&'static str, RestrictedExpression)>) -> Option<Context> {
        Context::from_pairs(facts.into_iter().map(|(name, fact)| (name.to_owned(), fact))).ok()
    }
}

/// The policy as it stands in a slice, which is of one action. Whether a fact is in a list is asked one by one: Cedar would
/// make a set of the list each time.
fn in_a_slice(policy: &Policy) -> Result<Policy, Box<dyn Error>> {
    let mut json = policy.to_json()?;
    *json.get_mut("action").ok_or("a policy without an action")? = json!({"op": "All"});
    if let Some(conditions) = json.get_mut("conditions") {
        one_by_one(conditions);
    }
    Ok(Policy::from_json(Some(policy.id().clone()), json)?)
}

/// `[a, b].contains(x)` as `x == a || x == b`, wherever it stands, if `x` is a plain fact and the list is short: so no policy
/// gets larger than its lists are long, however it is nested.
fn one_by_one(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(one_by_one),
        Json::Object(members) => members.values_mut().for_each(one_by_one),
        _ => return,
    }
    let Some(contains) = json.get("contains") else { return };
    let listed = contains.pointer("/left/Set").and_then(Json::as_array);
    if let (Some(listed), Some(wanted)) = (listed, contains.get("right"))
        && listed.len() <= LONGEST
        && listed.iter().all(|one| one.get("Value").is_some())
        && is_a_fact(wanted)
        && let Some(any) = any_of(listed, wanted)
    {
        *json = any;
    }
}

/// A variable, or what one has by a name.
fn is_a_fact(json: &Json) -> bool {
    json.get("Var").is_some() || json.pointer("/./left/Var").is_some()
}

fn any_of(listed: &[Json], wanted: &Json) -> Option<Json> {
    match listed {
        [] => None,
        [one] => Some(json!({"==": {"left": wanted, "right": one}})),
        _ => {
            let (left, right) = listed.split_at(listed.len() / 2);
            Some(json!({"||": {"left": any_of(left, wanted)?, "right": any_of(right, wanted)?}}))
        }
    }
}

fn failing(error: &AuthorizationError) -> &PolicyId {
    let AuthorizationError::PolicyEvaluationError(error) = error;
    error.policy_id()
}

fn entity(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn principal_fits(scope: &PrincipalConstraint, kind: &EntityTypeName) -> bool {
    match scope {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Eq(uid) => uid.type_name() == kind,
        PrincipalConstraint::Is(is) | PrincipalConstraint::IsIn(is, _) => is == kind,
    }
}

fn action_fits(scope: &ActionConstraint, action: &EntityUid, actions: &Entities) -> bool {
    match scope {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid == action,
        ActionConstraint::In(groups) => {
            groups.iter().any(|group| group == action || actions.is_ancestor_of(group, action))
        }
    }
}

fn resource_fits(scope: &ResourceConstraint, kind: &EntityTypeName) -> bool {
    match scope {
        ResourceConstraint::Any | ResourceConstraint::In(_) => true,
        ResourceConstraint::Eq(uid) => uid.type_name() == kind,
        ResourceConstraint::Is(is) | ResourceConstraint::IsIn(is, _) => is == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a condition is as it stands in a slice.
    fn length(condition: &str) -> usize {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        in_a_slice(&Policy::parse(None, text).expect("a policy")).expect("the same").to_string().len()
    }

    #[test]
    fn a_policy_does_not_grow_by_being_nested_or_by_long_lists() {
        let nested = |depth| {
            (0..depth).fold("context.reason".to_owned(), |x, _| format!("[true, false, true].contains({x})"))
        };
        assert!(length(&nested(15)) < 2 * length(&nested(14)), "only the innermost asks for a fact");
        assert!(length(&nested(15)) < 4_000);
        let long = (0..60_000).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
        assert!(length(&format!("[{long}].contains(context.aal)")) < 2 * long.len());
    }

    #[test]
    fn a_short_list_is_asked_one_by_one() {
        let text = r#"permit (principal, action == Action::"a", resource) when { [1, 2, 3].contains(context.aal) };"#;
        let sliced = in_a_slice(&Policy::parse(None, text).expect("a policy")).expect("the same");
        insta::assert_snapshot!(sliced, @"permit(principal, action, resource) when { (context.aal == 1) || ((context.aal == 2) || (context.aal == 3)) };");
    }
}
