//! What holds now, in memory, by who asked for it. Memory says that an approval is worth trying; that it still holds, and for how many
//! customers, the row says, in the transaction of the act.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use avouch_policy::Action;
use avouch_store::{Store, Tx, params, statements};

use super::record::{Kept, Request, State, Voted};
use super::vote::same_person;
use crate::Error;
use crate::app::App;
use crate::gate::{Access, PrincipalRecord, Reach};
use crate::ids::{ApprovalId, DraftId, PrincipalId, SubjectId};
use crate::rules::Rules;

statements! {
    data USE = "update approval set remaining = remaining - ?3 where id = ?1 and until > ?2 and remaining >= ?3";
    data REMAINING = "select remaining from approval where id = ?1 and until > ?2";
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
    /// The draft of a charter that it puts in force.
    pub(crate) draft: Option<DraftId>,
}

/// An approval that holds for an act.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) id: ApprovalId,
    /// Of the charter's approval.
    pub(crate) name: String,
    /// Who has agreed, and still may.
    pub(crate) voices: Vec<PrincipalId>,
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

    /// What holds of somebody for an act.
    pub(crate) fn of(
        &self,
        requester: PrincipalId,
        act: &Act<'_>,
        rules: &Rules,
        access: &Access,
        now: i64,
    ) -> Vec<Holding> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = all.get(&requester).map(Vec::as_slice).unwrap_or_default();
        own.iter()
            .filter(|(_, held)| {
                held.until > now && covers(&held.request, act) && stands(&held.request, rules, access)
            })
            .map(|(id, held)| Holding {
                id: *id,
                name: held.request.approval.clone(),
                voices: voices(&held.request, rules, access).map(|vote| vote.who).collect(),
            })
            .collect()
    }
}

/// Whether this is the act that was agreed to.
fn covers(request: &Request, act: &Act<'_>) -> bool {
    request.action == act.action.as_str()
        && act.purpose.unwrap_or_default() == request.purpose
        && act.draft == request.draft.map(|draft| draft.id)
        && request.subject == act.subject
        && request.reach.as_ref() == act.reach
        && act.fields.iter().all(|field| request.fields.contains(field))
}

/// Whether those who have agreed may still do so, and are still enough.
pub(super) fn stands(request: &Request, rules: &Rules, access: &Access) -> bool {
    let Some(approval) = rules.charter.approval(&request.approval) else { return false };
    let counts = |role: &str| voices(request, rules, access).filter(|vote| vote.role == role).count();
    approval
        .approvers
        .iter()
        .all(|(role, count)| counts(role) >= usize::try_from(*count).unwrap_or(usize::MAX))
}

/// The words for it of those who may still give them.
fn voices<'a>(request: &'a Request, rules: &'a Rules, access: &'a Access) -> impl Iterator<Item = &'a Voted> {
    request.votes.iter().filter(|vote| vote.agrees).filter(|vote| {
        let active = access.principal(vote.who).is_some_and(PrincipalRecord::is_active);
        let class = access.class(vote.who, rules).filter(|_| active);
        class.is_some_and(|class| class.roles().contains(&vote.role))
    })
}

/// How many different human beings these accounts are.
pub(crate) fn people(access: &Access, accounts: impl Iterator<Item = PrincipalId>) -> u32 {
    let mut different: Vec<PrincipalId> = Vec::new();
    for account in accounts {
        if !different.iter().any(|other| same_person(access, *other, account)) {
            different.push(account);
        }
    }
    u32::try_from(different.len()).unwrap_or(u32::MAX)
}

/// Takes so many customers off what was agreed to; whether there were so many left, and time.
pub(crate) fn use_up(tx: &mut Tx<'_>, id: ApprovalId, now: i64, customers: usize) -> Result<bool, Error> {
    let customers = i64::try_from(customers).unwrap_or(i64::MAX);
    Ok(tx.execute(&USE, params![id.bytes(), now, customers])? > 0)
}

/// For how many customers it still holds.
pub(crate) fn left(tx: &mut Tx<'_>, id: ApprovalId, now: i64) -> Result<u64, Error> {
    let left = tx.first(&REMAINING, params![id.bytes(), now], |row| row.int(0))?.unwrap_or(0);
    Ok(u64::try_from(left).unwrap_or(0))
}
