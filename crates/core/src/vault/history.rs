//! What a person's record was before, version by version, as far as the caller's role reads.

use avouch_policy::{Action, View};
use avouch_store::{Ahead, Tx};
use serde_json::{Map, Value as Json};

use super::keys::Ring;
use super::read::fields_of_all;
use super::record::Record;
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::{self, Note};
use crate::gate::{Intent, Permit, Reason, Shows};
use crate::ids::{EventId, PrincipalId, SubjectId};
use crate::rules::Rules;
use crate::watch::Look;

/// See the module.
#[derive(Debug, Clone)]
pub struct History {
    /// Who.
    pub id: SubjectId,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Versions below this one.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// One version.
#[derive(Clone)]
pub struct HistoryEntry {
    /// Its number.
    pub version: u64,
    /// Microseconds UTC.
    pub at: i64,
    /// The event that made it.
    pub event: EventId,
    /// Who made it.
    pub by: Option<PrincipalId>,
    /// By which action.
    pub action: String,
    /// The fields it changed, of those the caller is shown.
    pub changed: Vec<String>,
    /// What is shown.
    pub fields: Map<String, Json>,
    /// How.
    pub views: Vec<(String, View)>,
}

impl core::fmt::Debug for HistoryEntry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HistoryEntry").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Operation for History {
    const ACTION: Action = Action::SubjectHistory;
    type Output = (Vec<HistoryEntry>, Option<u64>);
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(Intent { shows: Shows::Whatever, ..Intent::about(purpose, reason, 1) })
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(super::person_ahead(self.id));
    }

    fn looks_at(&self) -> Option<SubjectId> {
        Some(self.id)
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        current: Record,
    ) -> Result<Outcome<Self::Output>, Error> {
        let before = self.before.unwrap_or(u64::MAX >> 1);
        // One more than asked for: a version's changes are seen against the one before it.
        let mut records = Record::earlier(tx, cx, &current, before.min(current.version), self.limit + 1)?;
        if before > current.version {
            records.insert(0, current);
        }
        let mut ring = Ring::load(tx, self.id)?;
        let mut entries = Vec::new();
        let mut shown_all = Vec::new();
        for (at, record) in records.iter().enumerate().take(self.limit) {
            let shown = record.show(cx, permit, &mut ring)?;
            let event = audit::read::find(tx, record.event)?;
            entries.push(HistoryEntry {
                version: record.version,
                at: record.updated,
                event: record.event,
                by: event.as_ref().map(|event| PrincipalId::from_bytes(*event.actor)),
                action: event.map(|event| event.what).unwrap_or_default(),
                changed: changed(cx, permit, record, records.get(at + 1))?,
                fields: shown.fields.clone(),
                views: shown.views.clone(),
            });
            shown_all.push(shown);
        }
        let next = (records.len() > self.limit).then(|| entries.last().map(|entry| entry.version)).flatten();
        let pseudonym = ring.pseudonym(cx)?;
        let most = shown_all.iter().map(|shown| Look::at(shown, pseudonym)).max_by_key(Look::shown);
        let note = Note {
            subjects: vec![pseudonym],
            fields: fields_of_all(cx, &shown_all),
            looks: most.into_iter().collect(),
            ..Note::count(entries.len())
        };
        Ok(Outcome::new((entries, next), note))
    }
}

/// Fields sealed at this version, and those that were there before and are not now; of them, those the caller is shown, in
/// the order of the charter.
fn changed(
    cx: &Cx<'_>,
    permit: &Permit,
    record: &Record,
    before: Option<&Record>,
) -> Result<Vec<String>, Error> {
    let mut places = std::collections::BTreeSet::new();
    let mut add = |number: u32| {
        let place = cx.rules.by_number.get(&number).copied();
        places.extend(place.filter(|place| permit.view(*place) != View::Nothing));
    };
    for entry in record.entries() {
        let entry = entry?;
        if entry.version == record.version {
            add(entry.field);
        }
    }
    for entry in before.iter().flat_map(|before| before.entries()) {
        let entry = entry?;
        if record.entry(entry.field)?.is_none() {
            add(entry.field);
        }
    }
    places.into_iter().map(|place| Ok(cx.rules.field(place)?.name.clone())).collect()
}
