//! Changing a person: a merge patch on the current version makes the next one; the one before is kept.

use std::sync::Arc;

use avouch_charter::Value;
use avouch_policy::Action;
use avouch_seal::vault::FieldAt;
use avouch_store::{Ahead, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::create::{Returning, numbered, refused, same_charter};
use super::input::{self, Given};
use super::keys::Ring;
use super::record::{Record, Values, push_entry, seal_entry};
use super::terms::{self, Held, Sought};
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::erasure::{erased_lists, recognise};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::indexes::{self, Holding, IndexRule};
use crate::rules::Rules;
use crate::{Error, Fault};

/// See the module.
#[derive(Debug)]
pub struct UpdateSubject {
    rules: Arc<Rules>,
    id: SubjectId,
    version: u64,
    changes: Vec<Given>,
    returning: Returning,
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
        let returning = Returning::Ask;
        Ok(Self { rules, id, version, changes, returning, purpose, reason })
    }

    /// What happens if somebody was erased who had one of these values; without it the caller is asked.
    #[must_use]
    pub fn returning(self, returning: Returning) -> Self {
        Self { returning, ..self }
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

    fn writes(&self) -> bool {
        true
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(super::person_ahead(self.id));
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.id)
    }

    fn about(output: &Updated) -> Option<SubjectId> {
        Some(output.id)
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
        let lists =
            if self.begins_a_list(cx.rules, &current)? { erased_lists(tx, cx, self.id)? } else { Vec::new() };
        let change = Change::new(cx, permit, &current, &mut ring, &self.changes, &lists)?;
        if let Some(taken) = terms::taken(tx, cx, permit, self.id, &change.claims(cx.rules)?)? {
            note.subjects.push(ring.pseudonym(cx)?);
            return Ok(taken.refusal(note));
        }
        match (recognise(tx, cx, change.new_values(cx.rules))?, self.returning) {
            (None, _) => {}
            (Some(recognised), Returning::Welcome) => note.erasure = Some(recognised.erasure),
            (Some(recognised), Returning::Ask) => {
                note.subjects.push(ring.pseudonym(cx)?);
                return Ok(refused(recognised, note));
            }
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
        change.reindex(tx, cx.rules, self.id)?;
        for (place, values) in &change.after {
            let (field, rule) = (cx.rules.field(*place)?, cx.rules.rule(*place)?);
            note.fields.push((rule.number, None));
            let Some(values) = values else { continue };
            let key = ring.sealing(tx, cx, rule.class, current.keys)?;
            let at =
                FieldAt { record: *self.id.bytes(), field: rule.number, version, charter: cx.rules.version };
            seal_entry(&mut entries, key, field, rule.class, &at, values, &cx.app.rng)?;
        }
        let pseudonym = ring.pseudonym(cx)?;
        note.subjects.push(pseudonym);
        let next = current.next(cx, entries);
        current.replace(tx, &next)?;
        note.written.push(next.wrote(Some(pseudonym)));
        let output = Updated { id: self.id, version, created: current.created, updated: cx.now };
        Ok(Outcome::new(output, note))
    }
}

impl UpdateSubject {
    /// Whether a list gets values of which the record has none; it may have had some.
    fn begins_a_list(&self, rules: &Rules, current: &Record) -> Result<bool, Error> {
        for given in self.changes.iter().filter(|given| !given.values.is_empty()) {
            let number = rules.rule(given.place)?.number;
            if rules.field(given.place)?.list && current.entry(number)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Everything that is needed to check a change before anything is written.
struct Change {
    /// The fields that change, and those that are found together with them.
    before: Held,
    /// The fields that change; nothing where a field goes.
    after: Vec<(usize, Option<Values>)>,
}

impl Change {
    fn new(
        cx: &Cx<'_>,
        permit: &Permit,
        current: &Record,
        ring: &mut Ring,
        changes: &[Given],
        erased: &[(u32, u16)],
    ) -> Result<Self, Error> {
        let touched =
            cx.rules.indexes.iter().filter(|index| changes.iter().any(|to| index.is_over(to.place)));
        let mut places = terms::places(touched);
        places.extend(
            changes
                .iter()
                .map(|given| given.place)
                .filter(|place| !places.contains(place))
                .collect::<Vec<_>>(),
        );
        let before = Held::open(cx, permit, current, ring, places)?;
        let mut after = Vec::with_capacity(changes.len());
        for given in changes {
            let (field, number) = (cx.rules.field(given.place)?, cx.rules.rule(given.place)?.number);
            let free = erased.iter().filter(|(of, _)| *of == number).map(|(_, next)| *next).max();
            let values = renumbered(before.get(given.place), given, field, free.unwrap_or_default())?;
            after.push((given.place, values));
        }
        Ok(Self { before, after })
    }

    /// The new values that nobody else may have, but for those the person had before.
    fn claims(&self, rules: &Rules) -> Result<Vec<Sought>, Error> {
        let mut claims = Vec::new();
        for (place, values) in &self.after {
            let (field, unique) = (rules.field(*place)?, rules.rule(*place)?.unique);
            for value in values.iter().filter(|_| unique).flat_map(Values::iter) {
                let normal = field.of.normal(value);
                let known = self.before.values(*place).iter().any(|old| field.of.normal(old) == normal);
                if !known {
                    claims.extend(Sought::new(rules, *place, value)?);
                }
            }
        }
        Ok(claims)
    }

    /// The fields that get a value they had not.
    fn new_values<'c>(&'c self, rules: &'c Rules) -> impl Iterator<Item = (usize, &'c Values)> {
        let changed = self.after.iter().filter_map(|(place, values)| Some((*place, values.as_ref()?)));
        changed.filter(|(place, values)| {
            let Ok(field) = rules.field(*place) else { return false };
            let known: Vec<_> =
                self.before.values(*place).into_iter().map(|old| field.of.normal(old)).collect();
            values.iter().any(|value| !known.contains(&field.of.normal(value)))
        })
    }

    /// Takes out the terms of values that go and adds those that come.
    fn reindex(&self, tx: &mut Tx<'_>, rules: &Rules, id: SubjectId) -> Result<(), Error> {
        let touches = |index: &&IndexRule| self.after.iter().any(|(place, _)| index.is_over(*place));
        let old = terms::terms(rules, &self.before, rules.indexes.iter().filter(touches))?;
        let new = terms::terms(rules, self, terms::kept_up(rules).filter(touches))?;
        for term in old.into_iter().filter(|term| !new.contains(term)) {
            indexes::remove(tx, id, term)?;
        }
        terms::put(tx, id, &new)
    }
}

/// The person as the change leaves them.
impl Holding for Change {
    fn values(&self, place: usize) -> Vec<&Value> {
        match self.after.iter().find(|(changed, _)| *changed == place) {
            Some((_, values)) => values.iter().flat_map(Values::iter).collect(),
            None => self.before.values(place),
        }
    }
}

/// A list's values keep their numbers where they stay the same; new ones get numbers never used before, and an emptied
/// list keeps the next number, so that an old token never opens a value that came later. `free` is the first number of a list
/// that the record does not have.
fn renumbered(
    before: Option<&Values>,
    given: &Given,
    field: &avouch_charter::Field,
    free: u16,
) -> Result<Option<Values>, Error> {
    let (mut next, old) = match before {
        Some(Values::Many { next, values }) => (*next, values.as_slice()),
        None if field.list && !given.values.is_empty() => (free, &[][..]),
        _ => return Ok(numbered(given.values.clone(), field.list)),
    };
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
