//! Why not: everything that a refused caller lacks, found by asking again as if it had the rest.
//!
//! Forbids say by their advice what is missing. That no permit matched says nothing, so the engine asks what the
//! same caller could do with another purpose and with every other fact satisfied, and which roles could do it at
//! all. These questions explain a refusal; they must never be taken for a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::Engine;
use super::evaluate::{Ask, Looks};
use crate::advice::Advice;
use crate::{
    Action, Field, Need, PrincipalClass, PrincipalKind, Proof, Request, RowClass, SubjectClass, View,
};

/// Who of a kind holds an action, and for which purposes; found when first needed.
#[derive(Debug, Default)]
pub(super) struct Holders(OnceLock<(Vec<String>, Vec<String>)>);

impl Holders {
    pub(super) fn unknown() -> BTreeMap<(PrincipalKind, Action), Self> {
        let kinds = PrincipalKind::ALL.iter();
        let pairs = kinds.flat_map(|kind| Action::ALL.iter().map(|action| (*kind, *action)));
        pairs.map(|pair| (pair, Self::default())).collect()
    }
}

impl Engine {
    /// The unmet needs of a refused operation, sorted; never empty.
    pub(super) fn needs(&self, request: &Request, advice: &BTreeSet<Advice>) -> Vec<Need> {
        let open = self.open_purposes(request);
        let permission = || {
            let roles_that_have_it = self.holders(request).0;
            Need::Permission { action: request.action, roles_that_have_it }
        };
        let purpose = || {
            let mut allowed: Vec<String> = open.iter().flatten().map(|purpose| purpose.to_string()).collect();
            if allowed.is_empty() {
                allowed = self.holders(request).1;
            }
            Need::Purpose { allowed }
        };

        let mut needs = BTreeSet::new();
        for advice in advice {
            needs.insert(match advice {
                Advice::Permission | Advice::Field | Advice::View => permission(),
                Advice::Purpose => purpose(),
                Advice::LawfulPurpose => Need::LawfulPurpose,
                Advice::Reason => Need::Reason,
                Advice::Network => Need::Network,
                Advice::Contract => Need::Contract,
                Advice::Recipient => Need::Recipient,
                Advice::Unrestricted => Need::Unrestricted,
                Advice::FewerRows => Need::FewerRows,
                Advice::Session => Need::Session,
                Advice::Proof(need) => Need::Proof(*need),
                Advice::Settled(hours) => Need::Settled { hours: *hours, until: None },
                Advice::Approval(name) => Need::Approval { name: name.to_string() },
            });
        }
        if open.is_empty() {
            needs.insert(permission());
        } else if !open.contains(&request.purpose) {
            needs.insert(purpose());
        } else if needs.is_empty() {
            // A permit of an extra text asks for facts itself, and a permit gives no advice.
            needs.extend(missing_facts(request));
        }
        if needs.is_empty() {
            needs.insert(permission());
        }
        needs.into_iter().collect()
    }

    /// Why a field is not shown up to the ceiling, sorted; never empty.
    pub(super) fn view_needs(
        &self,
        looks: &Looks<'_>,
        field: &Field,
        ceiling: View,
        view: View,
    ) -> Vec<Need> {
        let request = looks.request;
        let advice = self.evaluator.ask(&Ask::Look(looks, field, ceiling)).advice;
        let reached: Vec<(Option<Arc<str>>, View)> = self
            .open_purposes(request)
            .into_iter()
            .map(|purpose| {
                let satisfied = self.satisfied(request, purpose.clone());
                let view = self.highest(&Looks::of(&satisfied), field, ceiling).0;
                (purpose, view)
            })
            .collect();
        let from = |least: View| -> Vec<String> {
            let enough = reached.iter().filter(|(_, view)| *view >= least);
            enough.filter_map(|(purpose, _)| purpose.as_deref().map(str::to_owned)).collect()
        };
        let most = reached.iter().map(|(_, view)| *view).max().unwrap_or(view);

        let mut needs = BTreeSet::new();
        let field = field.name.to_string();
        for advice in &advice {
            needs.extend(match advice {
                Advice::LawfulPurpose => Some(Need::LawfulPurpose),
                Advice::Reason => Some(Need::Reason),
                Advice::Network => Some(Need::Network),
                Advice::Contract => Some(Need::Contract),
                Advice::Recipient => Some(Need::Recipient),
                Advice::Unrestricted => Some(Need::Unrestricted),
                Advice::FewerRows => Some(Need::FewerRows),
                Advice::Session => Some(Need::Session),
                Advice::Proof(need) => Some(Need::Proof(*need)),
                Advice::Settled(hours) => Some(Need::Settled { hours: *hours, until: None }),
                Advice::Approval(name) => Some(Need::Approval { name: name.to_string() }),
                Advice::Permission | Advice::Purpose | Advice::Field | Advice::View => None,
            });
        }
        if most < ceiling {
            needs.insert(Need::View { field: field.clone(), most });
            if advice.contains(&Advice::Field) {
                needs.insert(Need::Field { field, purposes: from(View::Token) });
            }
        } else if !reached.iter().any(|(purpose, view)| *purpose == request.purpose && *view == ceiling) {
            needs.insert(Need::Field { field, purposes: from(ceiling) });
        } else if needs.is_empty() {
            needs.insert(Need::View { field, most: view });
        }
        needs.into_iter().collect()
    }

    /// The purposes (or none) under which the caller could do this, were every other fact satisfied.
    fn open_purposes(&self, request: &Request) -> BTreeSet<Option<Arc<str>>> {
        let candidates = std::iter::once(None).chain(self.purposes.iter().cloned().map(Some));
        candidates
            .filter(|purpose| {
                let request = self.satisfied(request, purpose.clone());
                self.evaluator.ask(&Ask::Operation(&request)).allowed
            })
            .collect()
    }

    /// The roles of the caller's kind that permit the action, and the purposes for which they do.
    fn holders(&self, request: &Request) -> (Vec<String>, Vec<String>) {
        let kind = request.principal.kind();
        let find = || {
            let mut roles = BTreeSet::new();
            let mut purposes = BTreeSet::new();
            for (role, _) in self.roles.iter().filter(|(_, holder)| *holder == kind) {
                let principal = PrincipalClass::new(kind, [role], None);
                let open = self.open_purposes(&Request { principal, ..request.clone() });
                if !open.is_empty() {
                    roles.insert(role.clone());
                    purposes.extend(open.into_iter().flatten().map(|purpose| purpose.to_string()));
                }
            }
            (roles.into_iter().collect(), purposes.into_iter().collect())
        };
        match self.holders.get(&(kind, request.action)) {
            Some(Holders(known)) => known.get_or_init(find).clone(),
            None => find(),
        }
    }

    /// The request as it would be with all that a caller can be told to bring.
    fn satisfied(&self, request: &Request, purpose: Option<Arc<str>>) -> Request {
        Request {
            principal: request.principal.unbound(),
            action: request.action,
            purpose,
            purpose_lawful: true,
            reason: true,
            reason_required: false,
            network_allowed: true,
            contract_runs: true,
            proof: Proof::BEST,
            rows: RowClass::One,
            most_rows: 1,
            restricted: false,
            // What needs an approval has an own need for it, whatever the purpose.
            subject: SubjectClass::default(),
            approved: self.approvals.clone(),
            break_glass: request.break_glass,
        }
    }
}

/// The facts in which a request differs from a satisfied one.
fn missing_facts(request: &Request) -> impl Iterator<Item = Need> {
    let facts = [
        (request.purpose.is_some() && !request.purpose_lawful, Need::LawfulPurpose),
        (!request.reason, Need::Reason),
        (!request.network_allowed, Need::Network),
        (!request.contract_runs, Need::Contract),
        (request.principal.recipient().is_some(), Need::Recipient),
        (request.restricted, Need::Unrestricted),
        (request.rows > RowClass::One, Need::FewerRows),
    ];
    facts.into_iter().filter(|(missing, _)| *missing).map(|(_, need)| need)
}
