//! What holds now, in memory, by who asked for it. Memory says that an approval is worth trying; that it still holds, and for how many
//! customers, the row says, in the transaction of the act.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use avouch_policy::Action;
use avouch_store::{Store, Tx, params, statements};

use super::record::{Kept, Request, State};
use crate::Error;
use crate::app::App;
use crate::gate::{Access, PrincipalRecord, Reach};
use crate::ids::{ApprovalId, PrincipalId, SubjectId};
use crate::rules::Rules;

statements! {
    data USE = "update approval set remaining = remaining - ?3 where id = ?1 and until > ?2 and remaining >= ?3";
    data REMAINING = "select remaining from approval where id = ?1";
}

/// How many of the newest are looked at when the vault is opened. Eight hours is the longest that one holds.
const LOOKED_AT: i64 = 10_000;

/// A change of what holds, after its commit.
#[derive(Debug)]
pub(crate) enum ApprovalChange {
    Holds(ApprovalId, Held),
    Ends(ApprovalId, PrincipalId),
}

/// An approval that holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    request: Arc<Request>,
    until: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Approvals(RwLock<HashMap<PrincipalId, Vec<(ApprovalId, Held)>>>);

/// The act that an approval is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act<'a> {
    pub(crate) action: Action,
    pub(crate) purpose: Option<&'a str>,
    pub(crate) subject: Option<SubjectId>,
    pub(crate) reach: Option<&'a Reach>,
    /// Numbers of the fields that it opens.
    pub(crate) fields: &'a [u32],
}

impl Held {
    pub(super) fn new(request: Request, until: i64) -> Self {
        Self { request: Arc::new(request), until }
    }
}

impl Approvals {
    /// Loads what holds, in the place of what is in memory.
    pub(crate) fn load(&self, store: &Store, app: &Arc<App>) -> Result<(), Error> {
        let (keys, now) = (Arc::clone(app), app.now());
        let newest = store.read_wait(move |tx| {
            Kept::newest(tx, &keys.keys, ApprovalId::from_bytes([0xff; 16]), LOOKED_AT)
        })?;
        let mut all: HashMap<PrincipalId, Vec<_>> = HashMap::new();
        for (id, kept) in newest {
            if kept.request.state == State::Granted && kept.until > now && kept.remaining > 0 {
                all.entry(kept.request.requester)
                    .or_default()
                    .push((id, Held::new(kept.request, kept.until)));
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(())
    }

    pub(crate) fn install(&self, changes: Vec<ApprovalChange>) {
        if changes.is_empty() {
            return;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                ApprovalChange::Holds(id, held) => {
                    all.entry(held.request.requester).or_default().push((id, held));
                }
                ApprovalChange::Ends(id, requester) => {
                    if let Some(own) = all.get_mut(&requester) {
                        own.retain(|(known, _)| *known != id);
                    }
                }
            }
        }
    }

    /// What holds of somebody for an act: each with the name of its approval.
    pub(crate) fn of(
        &self,
        requester: PrincipalId,
        act: &Act<'_>,
        rules: &Rules,
        access: &Access,
        now: i64,
    ) -> Vec<(ApprovalId, String)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = all.get(&requester).map(Vec::as_slice).unwrap_or_default();
        own.iter()
            .filter(|(_, held)| {
                held.until > now && covers(&held.request, act) && stands(&held.request, rules, access)
            })
            .map(|(id, held)| (*id, held.request.approval.clone()))
            .collect()
    }
}

/// Whether this is the act that was agreed to.
fn covers(request: &Request, act: &Act<'_>) -> bool {
    request.action == act.action.as_str()
        && act.purpose == Some(request.purpose.as_str())
        && request.subject == act.subject
        && request.reach.as_ref() == act.reach
        && act.fields.iter().all(|field| request.fields.contains(field))
}

/// Whether those who have agreed may still do so, and are still enough.
pub(super) fn stands(request: &Request, rules: &Rules, access: &Access) -> bool {
    let Some(approval) = rules.charter.approval(&request.approval) else { return false };
    let counts = |role: &str| {
        let agreed = request.votes.iter().filter(|vote| vote.agrees && vote.role == role);
        let still = agreed.filter(|vote| {
            let active = access.principal(vote.who).is_some_and(PrincipalRecord::is_active);
            let class = access.class(vote.who, rules).filter(|_| active);
            class.is_some_and(|class| class.roles().iter().any(|held| held == role))
        });
        still.count()
    };
    approval
        .approvers
        .iter()
        .all(|(role, count)| counts(role) >= usize::try_from(*count).unwrap_or(usize::MAX))
}

/// Takes so many customers off what was agreed to; whether there were so many left, and time.
pub(crate) fn use_up(tx: &mut Tx<'_>, id: ApprovalId, now: i64, customers: usize) -> Result<bool, Error> {
    let customers = i64::try_from(customers).unwrap_or(i64::MAX);
    Ok(tx.execute(&USE, params![id.bytes(), now, customers])? > 0)
}

/// Whether there are so many left, for whoever would otherwise find that out halfway.
pub(crate) fn has_left(tx: &mut Tx<'_>, id: ApprovalId, customers: u64) -> Result<bool, Error> {
    let left = tx.first(&REMAINING, params![id.bytes()], |row| row.int(0))?.unwrap_or(0);
    Ok(u64::try_from(left).unwrap_or(0) >= customers)
}
