//! Changing a person: a merge patch on the current version makes the next one; the one before is kept.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_seal::vault::FieldAt;
use avouch_store::{Ahead, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::create::{numbered, same_charter};
use super::index::{self, Taken, Term};
use super::input::{self, Given};
use super::keys::Ring;
use super::record::{Record, Values, push_entry, seal_entry};
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::charters;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::{Error, Fault};

/// See the module.
#[derive(Debug)]
pub struct UpdateSubject {
    rules: Arc<Rules>,
    id: SubjectId,
    version: u64,
    changes: Vec<Given>,
    purpose: Option<String>,
    reason: Option<Reason>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Updated {
    /// Who.
    pub id: SubjectId,
    /// The new version.
    pub version: u64,
    /// Microseconds UTC.
    pub created: i64,
    /// Microseconds UTC.
    pub updated: i64,
}

impl UpdateSubject {
    /// Parses the changes: a value replaces, `null` removes, what is not named stays.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn new(
        app: &App,
        id: SubjectId,
        version: u64,
        fields: &Map<String, Json>,
        purpose: Option<String>,
        reason: Option<Reason>,
    ) -> Result<Self, Error> {
        let rules = app.rules();
        let changes = input::parse(&rules, fields, true)?;
        if changes.is_empty() {
            return Err(Error::Invalid(vec![Fault::new("/fields", "expected at least one field to change")]));
        }
        Ok(Self { rules, id, version, changes, purpose, reason })
    }
}

impl Operation for UpdateSubject {
    const ACTION: Action = Action::SubjectUpdate;
    type Output = Updated;
    type Facts = Record;

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        same_charter(rules, &self.rules)?;
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        let writes = self.changes.iter().map(|given| given.place).collect();
        Ok(Intent { writes, ..Intent::about(purpose, reason, 1) })
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.push(charters::ahead());
        wants.extend(super::person_ahead(self.id));
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        charters::still_in_force(tx, cx)?;
        Record::load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        current: Record,
    ) -> Result<Outcome<Updated>, Error> {
        if current.version != self.version {
            return Err(Error::Stale { current: current.version });
        }
        let version = current.version + 1;
        let mut ring = Ring::load(tx, self.id)?;
        let mut note = Note::count(1);
        let mut plans = Vec::with_capacity(self.changes.len());
        for given in &self.changes {
            let plan = Plan::new(cx, permit, &current, &mut ring, given)?;
            if let Some(taken) = plan.taken(tx, cx, permit, self.id)? {
                note.subjects.push(ring.pseudonym(cx)?);
                return Ok(taken.refusal(note));
            }
            plans.push(plan);
        }
        let mut entries = Vec::with_capacity(current.entries.len() + 128);
        let mut keeps_any = false;
        let changed = |number: u32| {
            self.changes
                .iter()
                .any(|given| cx.rules.fields.get(given.place).is_some_and(|r| r.number == number))
        };
        for entry in current.entries() {
            let entry = entry?;
            if !changed(entry.field) {
                push_entry(&mut entries, &entry);
                keeps_any = keeps_any || !current.is_emptied(cx, &mut ring, &entry)?;
            }
        }
        keeps_any = keeps_any || self.changes.iter().any(|given| !given.values.is_empty());
        if !keeps_any {
            return Err(Error::invalid("/fields", "a subject keeps at least one value: delete it instead"));
        }
        for plan in &plans {
            let given = plan.given;
            let (field, rule) = (cx.rules.field(given.place)?, cx.rules.rule(given.place)?);
            plan.reindex(tx, self.id)?;
            note.fields.push((rule.number, None));
            let Some(values) = renumbered(plan.before.as_ref(), given, field)? else { continue };
            let key = ring.sealing(tx, cx, rule.class, current.keys)?;
            let at =
                FieldAt { record: *self.id.bytes(), field: rule.number, version, charter: cx.rules.version };
            seal_entry(&mut entries, key, field, rule.class, &at, &values, &cx.app.rng)?;
        }
        note.subjects.push(ring.pseudonym(cx)?);
        let next = current.next(cx, entries);
        current.replace(tx, &next)?;
        note.written.push(next.manifest);
        let output = Updated { id: self.id, version, created: current.created, updated: cx.now };
        Ok(Outcome::new(output, note))
    }
}

/// One field's change, with everything loaded that is needed to check it before anything is written.
struct Plan<'a> {
    given: &'a Given,
    before: Option<Values>,
    old: Vec<Term>,
    new: Vec<Term>,
}

impl<'a> Plan<'a> {
    fn new(
        cx: &Cx<'_>,
        permit: &Permit,
        current: &Record,
        ring: &mut Ring,
        given: &'a Given,
    ) -> Result<Self, Error> {
        let before = current.values(cx, permit, ring, given.place)?;
        let terms = |values: &mut dyn Iterator<Item = &avouch_charter::Value>| {
            values
                .filter_map(|value| index::term(cx.rules, given.place, value).transpose())
                .collect::<Result<Vec<_>, _>>()
        };
        let old = terms(&mut before.iter().flat_map(Values::iter))?;
        let new = terms(&mut given.values.iter())?;
        Ok(Self { given, before, old, new })
    }

    /// The first new value that must be unique and is not.
    fn taken(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        id: SubjectId,
    ) -> Result<Option<Taken>, Error> {
        for term in &self.new {
            if !self.old.iter().any(|other| other.normal == term.normal)
                && let Some(taken) = index::taken(tx, cx, permit, id, term)?
            {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    /// Takes out the terms of values that go and adds those that come.
    fn reindex(&self, tx: &mut Tx<'_>, id: SubjectId) -> Result<(), Error> {
        for term in &self.old {
            if !self.new.iter().any(|other| other.term == term.term) {
                index::remove(tx, id, term)?;
            }
        }
        self.new.iter().try_for_each(|term| index::put(tx, id, term))
    }
}

/// A list's values keep their numbers where they stay the same; new ones get numbers never used before, and an emptied
/// list keeps the next number, so that an old token never opens a value that came later.
fn renumbered(
    before: Option<&Values>,
    given: &Given,
    field: &avouch_charter::Field,
) -> Result<Option<Values>, Error> {
    let Some(Values::Many { next, values: old }) = before else {
        return Ok(numbered(given.values.clone(), field.list));
    };
    let mut next = *next;
    let mut values = Vec::with_capacity(given.values.len());
    for value in &given.values {
        let normal = field.of.normal(value);
        let kept = old.iter().find(|(_, old)| field.of.normal(old) == normal).map(|(slot, _)| *slot);
        let slot = match kept {
            Some(slot) => slot,
            None => {
                let slot = next;
                // The last number means "the whole field" in a token.
                next = next.checked_add(1).filter(|next| *next < u16::MAX).ok_or_else(|| {
                    Error::invalid(format!("/fields/{}", field.name), "this list has been changed too often")
                })?;
                slot
            }
        };
        values.push((slot, value.clone()));
    }
    Ok(Some(Values::Many { next, values }))
}
