//! The permit: proof that policy was asked and said yes, and how far. It cannot be made, copied or kept: `decide` is its
//! only source, it is not `Clone`, and the funnel lends it to the operation for one transaction.

use std::borrow::Cow;
use std::sync::Arc;

use avouch_policy::{Action, Approved, Need, Proof, Request, RowClass, SubjectClass, View};
use avouch_store::Tx;

use super::approvals::{self, Act};
use super::break_glass::Behind;
use super::{Caller, Intent, Reason, Shows, key_names};
use crate::app::Cx;
use crate::error::{Error, Refusal};
use crate::ids::{ApprovalId, SubjectId};
use crate::rules::{PurposeRule, Rules};

/// See the module. What may be opened is [`Permit::view`]; `vault::record` opens nothing without asking it.
#[derive(Debug)]
pub struct Permit {
    pub(crate) action: Action,
    pub(crate) purpose: Option<Arc<str>>,
    pub(crate) reason: Option<Reason>,
    views: Vec<View>,
    pub(crate) policies: Vec<String>,
    /// What policy was asked; nothing of the server itself.
    request: Option<Request>,
    /// The approvals without which it would not have been allowed: each is used up by one.
    pub(crate) approvals: Vec<ApprovalId>,
    /// What policy says without them.
    pub(crate) otherwise: Option<Refusal>,
    /// The broken glass without which it would not have been allowed: its customers are counted.
    pub(crate) behind: Option<Behind>,
}

impl Permit {
    /// The ids of what it was allowed by and no role: others' word, broken glass.
    pub(crate) fn under(&self) -> Vec<[u8; 16]> {
        let approvals = self.approvals.iter().map(|id| *id.bytes());
        approvals.chain(self.behind.as_ref().map(|behind| *behind.id.bytes())).collect()
    }

    /// How much of the field at `place` may be shown.
    #[must_use]
    pub fn view(&self, place: usize) -> View {
        self.views.get(place).copied().unwrap_or(View::Nothing)
    }

    /// What others had agreed to, and whether it was behind broken glass.
    pub(crate) fn lifted_by(&self) -> Option<(&Approved, bool)> {
        self.request.as_ref().map(|request| (&request.approved, request.break_glass))
    }

    /// How much of the field at `place` may be shown of this person. Whoever is special, and is not the one that policy was asked
    /// about, is asked about here: one of many found, listed, exported or in a token.
    pub(crate) fn view_of(&self, cx: &Cx<'_>, subject: SubjectId, place: usize) -> View {
        let view = self.view(place);
        let Some(request) = self.request.as_ref().filter(|_| view > View::Nothing) else { return view };
        let class = cx.app.access().marks().class(subject, cx.caller.id);
        if class == request.subject {
            return view;
        }
        let special = Request { subject: class, ..request.clone() };
        let field = cx.rules.policy_fields.get(place).cloned();
        let shown = cx.rules.engine.views(&special, field.as_slice(), view);
        shown.first().map_or(View::Nothing, |shown| shown.view)
    }
}

/// Facts about the subjects an operation touches that policy needs and only the vault knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubjectFacts {
    /// Processing is restricted.
    pub(crate) restricted: bool,
    /// Who they are, as a class.
    pub(crate) class: SubjectClass,
}

/// Asks policy.
///
/// # Errors
/// [`Error::Refused`] with every unmet need.
pub(crate) fn decide(
    rules: &Rules,
    caller: &Caller,
    action: Action,
    intent: &Intent,
    facts: SubjectFacts,
) -> Result<Permit, Error> {
    decide_with(rules, caller, action, intent, facts, &Lifted::default())
}

/// What lifts rules of the charter for an act.
#[derive(Debug, Default)]
struct Lifted {
    /// What others have agreed to.
    approved: Approved,
    /// By these.
    by: Vec<ApprovalId>,
    /// What nobody is there to agree to.
    by_nobody: Vec<String>,
    /// Glass that is broken.
    behind: Option<Behind>,
}

/// The same of something that was asked in the past, with what others had agreed to then.
pub(crate) fn decide_past(
    rules: &Rules,
    caller: &Caller,
    action: Action,
    intent: &Intent,
    facts: SubjectFacts,
    (approved, break_glass): (Approved, bool),
) -> Result<Permit, Error> {
    decide_as(rules, caller, action, intent, facts, (approved, break_glass))
}

/// What an event names among its policies when nobody was there whose word was wanted.
const NOBODY_ELSE: &str = "nobody-else:";

/// The same with what others have agreed to.
fn decide_with(
    rules: &Rules,
    caller: &Caller,
    action: Action,
    intent: &Intent,
    facts: SubjectFacts,
    lifted: &Lifted,
) -> Result<Permit, Error> {
    let approved = (lifted.approved.clone(), lifted.behind.is_some());
    let mut permit = decide_as(rules, caller, action, intent, facts, approved)?;
    permit.approvals.clone_from(&lifted.by);
    permit.policies.extend(lifted.by_nobody.iter().map(|name| format!("{NOBODY_ELSE}{name}")));
    permit.behind.clone_from(&lifted.behind);
    Ok(permit)
}

/// How many customers it shows at most, as policy is told.
pub(crate) fn most_rows(intent: &Intent) -> u32 {
    u32::try_from(intent.rows).unwrap_or(u32::MAX).min(Request::EVERYBODY)
}

fn decide_as(
    rules: &Rules,
    caller: &Caller,
    action: Action,
    intent: &Intent,
    facts: SubjectFacts,
    (approved, break_glass): (Approved, bool),
) -> Result<Permit, Error> {
    if caller.is_system() {
        return Ok(system_permit(action));
    }
    let purpose = intent.purpose.as_deref().and_then(|name| rules.purposes.get(name));
    let request = Request {
        principal: caller.class.clone(),
        action,
        purpose: purpose.map(|purpose| Arc::clone(&purpose.name)),
        // Consent is recorded per person from the consent ledger on; until a vault has one, nothing rests on it.
        purpose_lawful: purpose.is_none_or(|purpose| !purpose.by_consent),
        reason: intent.reason.is_some(),
        reason_required: purpose.is_some_and(|purpose| purpose.reason_required),
        network_allowed: caller.network_allowed,
        contract_runs: caller.contract_runs,
        proof: caller.proof(),
        rows: RowClass::of(intent.rows),
        most_rows: most_rows(intent),
        restricted: facts.restricted,
        subject: facts.class,
        approved,
        break_glass,
    };
    let decision = rules.engine.decide(&request);
    let mut needs = decision.needs.clone();
    for need in &mut needs {
        if let Need::Settled { hours, until } = need {
            *until = caller.settled_after(*hours);
        }
    }
    let mut policies: Vec<String> = decision.policies.iter().map(ToString::to_string).collect();
    let (mut views, mut owed) =
        views(rules, &request, &intent.shows, &mut needs, &mut policies, decision.allowed);
    owe_compared(rules, &request, &intent.compares, &mut needs, decision.allowed);
    owed.extend_from_slice(&intent.compares);
    if let Some(purpose) = purpose {
        keep_to_purpose(rules, caller, purpose, &intent.writes, &mut needs);
    }
    bind_to_recipient(rules, caller, purpose.map(|purpose| &*purpose.name), &mut views, &mut needs);
    if let Some(name) = &intent.key {
        needs.extend(key_names::missing(rules, caller, action, name.as_str(), decision.allowed));
    }
    let most_unmet = owed.iter().any(|place| views.get(*place).is_none_or(|view| *view == View::Nothing));
    if !decision.allowed || most_unmet || !needs.is_empty() {
        needs.sort();
        needs.dedup();
        return Err(Error::Refused(Refusal { needs, policies }));
    }
    let purpose = purpose.map(|purpose| Arc::clone(&purpose.name));
    let reason = intent.reason.clone();
    Ok(Permit {
        action,
        purpose,
        reason,
        views,
        policies,
        request: Some(request),
        approvals: Vec::new(),
        otherwise: None,
        behind: None,
    })
}

/// Asks policy about an act, and when it wants others to agree, once more with what they have agreed to.
///
/// # Errors
/// [`Error::Refused`] with every unmet need.
pub(crate) fn decide_approved(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    action: Action,
    intent: &Intent,
    facts: SubjectFacts,
) -> Result<Permit, Error> {
    let access = cx.app.access();
    let class = intent.subject.map(|subject| access.marks().class(subject, cx.caller.id)).unwrap_or_default();
    let facts = SubjectFacts { class, ..facts };
    let first = decide(cx.rules, cx.caller, action, intent, facts);
    let Err(Error::Refused(refusal)) = &first else { return first };
    let wanted = |name: &str| {
        refusal.needs.iter().any(|need| matches!(need, Need::Approval { name: need } if need == name))
    };
    if !refusal.needs.iter().any(|need| matches!(need, Need::Approval { .. })) {
        return first;
    }
    let opened: Vec<u32> = match &intent.shows {
        Shows::These { places, .. } => {
            places.iter().filter_map(|place| Some(cx.rules.fields.get(*place)?.number)).collect()
        }
        // What is not named may be anything that the purpose covers: others have agreed to it when they have agreed to all of it.
        Shows::Whatever => {
            let places = covered(cx.rules, intent.purpose.as_deref()).into_iter();
            places.filter_map(|place| Some(cx.rules.fields.get(place)?.number)).collect()
        }
        Shows::Nothing => Vec::new(),
    };
    let act = Act {
        action,
        purpose: intent.purpose.as_deref(),
        subject: intent.subject,
        reach: intent.reach.as_ref(),
        fields: &opened,
        draft: intent.draft,
    };
    let mut held = cx.app.approvals.of(cx.caller.id, &act, cx.rules, &access, cx.now);
    held.retain(|held| wanted(&held.name));
    // One of each: two that say the same would both be used up. Of these the one with the most left, so that none that is used up
    // stands in the way of another.
    let mut left = Vec::with_capacity(held.len());
    for held in held {
        left.push((approvals::left(tx, held.id, cx.now)?, held));
    }
    left.sort_by(|(one_left, one), (other_left, other)| {
        one.name.cmp(&other.name).then(other_left.cmp(one_left))
    });
    left.dedup_by(|(_, one), (_, other)| one.name == other.name);
    let held: Vec<_> = left.into_iter().map(|(_, held)| held).collect();
    // A charter is not kept from being changed by a word that nobody is there to give; the event says so.
    let by_nobody: Vec<String> = match action {
        Action::CharterApply => (refusal.needs.iter())
            .filter_map(|need| match need {
                Need::Approval { name } => Some(name.clone()),
                _ => None,
            })
            .filter(|name| approvals::nobody_else(&access, cx.rules, cx.caller.id, name, cx.now))
            .collect(),
        _ => Vec::new(),
    };
    let people = approvals::people(&access, held.iter().flat_map(|held| &held.voices).copied());
    // Where nobody is there to ask, it is as if all had agreed; the event says that nobody was.
    let people = if by_nobody.is_empty() { people } else { u32::MAX };
    let names = held.iter().map(|held| &held.name).chain(&by_nobody).map(String::as_str);
    let approved = Approved::by(people, names);
    let lifted = Lifted { approved, by: held.iter().map(|held| held.id).collect(), by_nobody, behind: None };
    let permit = decide_with(cx.rules, cx.caller, action, intent, facts, &lifted)?;
    Ok(Permit { otherwise: Some(refusal.clone()), ..permit })
}

/// The places of the fields that a purpose covers; without a purpose all.
pub(crate) fn covered(rules: &Rules, purpose: Option<&str>) -> Vec<usize> {
    let purpose = purpose.and_then(|name| rules.purposes.get(name));
    (0..rules.fields.len())
        .filter(|place| purpose.is_none_or(|purpose| purpose.fields.contains(place)))
        .collect()
}

/// Asks policy about an act that is refused without it, behind broken glass.
///
/// # Errors
/// [`Error::Refused`] with every need that is unmet even so.
pub(crate) fn decide_behind(
    cx: &Cx<'_>,
    action: Action,
    intent: &Intent,
    facts: SubjectFacts,
    behind: Behind,
) -> Result<Permit, Error> {
    let access = cx.app.access();
    let class = intent.subject.map(|subject| access.marks().class(subject, cx.caller.id)).unwrap_or_default();
    let lifted = Lifted { behind: Some(behind), ..Lifted::default() };
    decide_with(cx.rules, cx.caller, action, intent, SubjectFacts { class, ..facts }, &lifted)
}

/// The views of all fields, and which of them the caller insists on.
fn views(
    rules: &Rules,
    request: &Request,
    shows: &Shows,
    needs: &mut Vec<Need>,
    policies: &mut Vec<String>,
    allowed: bool,
) -> (Vec<View>, Vec<usize>) {
    let mut views = vec![View::Nothing; rules.fields.len()];
    match shows {
        Shows::Nothing => (views, Vec::new()),
        Shows::Whatever => {
            if allowed {
                let shown = rules.engine.views(request, &rules.policy_fields, View::Clear);
                for (view, shown) in views.iter_mut().zip(shown) {
                    *view = shown.view;
                }
            }
            (views, Vec::new())
        }
        Shows::These { places, least } => {
            let fields: Vec<_> =
                places.iter().filter_map(|place| rules.policy_fields.get(*place).cloned()).collect();
            let shown = rules.engine.views(&asked(request, allowed), &fields, View::Clear);
            for (place, shown) in places.iter().zip(shown) {
                if let Some(view) = views.get_mut(*place) {
                    *view = shown.view;
                }
                if shown.view == View::Nothing || least.is_some_and(|least| shown.view < least) {
                    needs.extend(shown.needs.iter().cloned());
                }
                // Of a refusal, what would show it has decided nothing.
                for policy in shown.policies.iter().filter(|_| allowed) {
                    if !policies.iter().any(|known| **known == **policy) {
                        policies.push(policy.to_string());
                    }
                }
            }
            (views, places.clone())
        }
    }
}

/// A refused request shows nothing, and would hide what else is missing; so fields are asked about as if everything but
/// the caller's roles and purpose were mended.
fn asked(request: &Request, allowed: bool) -> Cow<'_, Request> {
    if allowed {
        return Cow::Borrowed(request);
    }
    Cow::Owned(Request {
        purpose_lawful: true,
        reason: true,
        network_allowed: true,
        contract_runs: true,
        proof: Proof::BEST,
        ..request.clone()
    })
}

/// Whoever is shown nothing of a field cannot have values of it confirmed either.
fn owe_compared(rules: &Rules, request: &Request, places: &[usize], needs: &mut Vec<Need>, allowed: bool) {
    let fields: Vec<_> = places.iter().filter_map(|place| rules.policy_fields.get(*place).cloned()).collect();
    for shown in rules.engine.views(&asked(request, allowed), &fields, View::Clear) {
        if shown.view == View::Nothing {
            needs.extend(shown.needs.iter().cloned());
        }
    }
}

/// A purpose covers what is written for it as it covers what is shown.
fn keep_to_purpose(
    rules: &Rules,
    caller: &Caller,
    purpose: &PurposeRule,
    writes: &[usize],
    needs: &mut Vec<Need>,
) {
    for place in writes.iter().filter(|place| !purpose.fields.contains(place)) {
        let field = rules.policy_fields.get(*place).map(|field| field.name.to_string()).unwrap_or_default();
        let held = caller.roles().iter().filter_map(|role| rules.charter.role(role));
        let mut purposes: Vec<String> = held
            .flat_map(|role| &role.purposes)
            .filter(|name| rules.purposes.get(*name).is_some_and(|other| other.fields.contains(place)))
            .cloned()
            .collect();
        purposes.sort_unstable();
        purposes.dedup();
        needs.push(Need::Field { field, purposes });
    }
}

/// A service that acts for a recipient sees what the charter shares with that recipient, whatever its roles say.
fn bind_to_recipient(
    rules: &Rules,
    caller: &Caller,
    purpose: Option<&str>,
    views: &mut [View],
    needs: &mut Vec<Need>,
) {
    let Some(name) = caller.recipient() else { return };
    let Some(recipient) = rules.recipients.get(name) else {
        views.fill(View::Nothing);
        needs.push(Need::Recipient);
        return;
    };
    if purpose.is_some_and(|purpose| !recipient.purposes.iter().any(|served| served == purpose)) {
        needs.push(Need::Purpose { allowed: recipient.purposes.clone() });
    }
    for (place, view) in views.iter_mut().enumerate() {
        if !recipient.fields.contains(&place) {
            *view = View::Nothing;
        }
    }
}

fn system_permit(action: Action) -> Permit {
    let policies = vec!["system".to_owned()];
    Permit {
        action,
        purpose: None,
        reason: None,
        views: Vec::new(),
        policies,
        request: None,
        approvals: Vec::new(),
        otherwise: None,
        behind: None,
    }
}
