//! Adding a person. Everything that needs no look at the store is done before it is asked: parsing, a new id, new keys,
//! sealing, index terms. Inside the transaction only uniqueness is checked and rows are written.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_seal::vault::{FieldAt, SubjectKey, WrappedSubjectKey};
use avouch_seal::{DrawnAhead, SecureRandom};
use avouch_store::{Ahead, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::record::{Record, Values, seal_entry};
use super::terms::{self, Held, Sought, Taken};
use super::{input, keys};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::charters;
use crate::erasure::{Recognised, recognise};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::indexes::Term;
use crate::rules::Rules;

/// A new person, sealed and ready to be written.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) id: SubjectId,
    keys: Vec<(u32, WrappedSubjectKey)>,
    pseudonym: [u8; 16],
    entries: Vec<u8>,
    fields: Vec<u32>,
    /// For indexes that come while the request waits.
    held: Held,
    found_by: FoundBy,
}

/// What keeps a new person from being written.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// Somebody has one of the values, which nobody else may have.
    Taken(Taken),
    /// Somebody who had one of the values was erased.
    Erased(Recognised),
}

/// What happens to somebody who was erased and is brought in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returning {
    /// The caller is told, and asked to say so.
    Ask,
    /// The caller has said so.
    Welcome,
}

/// By what a person is found, under one generation of indexes.
#[derive(Debug)]
struct FoundBy {
    generation: i64,
    terms: Vec<Term>,
    unique: Vec<Sought>,
}

impl FoundBy {
    fn new(rules: &Rules, held: &Held) -> Result<Self, Error> {
        let terms = terms::terms(rules, held, terms::kept_up(rules))?;
        Ok(Self { generation: rules.generation, terms, unique: Sought::unique(rules, held)? })
    }
}

impl Sealed {
    /// Parses and seals.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every fault.
    pub(crate) fn new(
        app: &App,
        rules: &Rules,
        fields: &Map<String, Json>,
        rng: &dyn SecureRandom,
    ) -> Result<Self, Error> {
        let given = input::parse(rules, fields, false)?;
        let subject = SubjectId::random(rng)?;
        let id = *subject.bytes();
        let mut held: Vec<(u32, SubjectKey, WrappedSubjectKey)> = Vec::with_capacity(2);
        let mut entries = Vec::with_capacity(given.len() * 96);
        let mut fields = Vec::with_capacity(given.len());
        let mut all = Vec::with_capacity(given.len());
        for given in given {
            let (field, rule) = (rules.field(given.place)?, rules.rule(given.place)?);
            let Some(values) = numbered(given.values, field.list) else { continue };
            if !held.iter().any(|(class, ..)| *class == rule.class) {
                let name = rules.class_name(rule.class)?;
                let (key, wrapped) = match held.first() {
                    Some((_, sibling, _)) => app.keys.new_class_key(sibling, id, name, rng)?,
                    None => app.keys.new_subject_key(id, name, rng)?,
                };
                held.push((rule.class, key, wrapped));
            }
            let key = held.iter().find(|(class, ..)| *class == rule.class).map(|(_, key, _)| key);
            let key = key.ok_or(Error::Internal("a class has no key"))?;
            let at = FieldAt { record: id, field: rule.number, version: 1, charter: rules.version };
            seal_entry(&mut entries, key, field, rule.class, &at, &values, rng)?;
            fields.push(rule.number);
            all.push((given.place, values));
        }
        let Some((_, key, _)) = held.first() else {
            return Err(Error::invalid("/fields", "expected at least one field with a value"));
        };
        let (id, pseudonym) = (subject, key.pseudonym());
        let keys = held.into_iter().map(|(class, _, wrapped)| (class, wrapped)).collect();
        let held = Held::new(all);
        let found_by = FoundBy::new(rules, &held)?;
        Ok(Self { id, keys, pseudonym, entries, fields, held, found_by })
    }

    /// By what the person is found, if that has changed since the request was read.
    fn found_anew(&self, rules: &Rules) -> Result<Option<FoundBy>, Error> {
        let changed = self.found_by.generation != rules.generation;
        changed.then(|| FoundBy::new(rules, &self.held)).transpose()
    }

    /// Checks uniqueness and whether somebody is back who was erased, and writes; writes nothing when something is in the way.
    pub(crate) fn write(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        returning: Returning,
        note: &mut Note,
    ) -> Result<Option<Obstacle>, Error> {
        if let Some(obstacle) = self.obstacle(tx, cx, permit, returning, note)? {
            return Ok(Some(obstacle));
        }
        let anew = self.found_anew(cx.rules)?;
        let found_by = anew.as_ref().unwrap_or(&self.found_by);
        for (class, wrapped) in &self.keys {
            keys::put_first(tx, cx, self.id, *class, wrapped)?;
        }
        let record = Record::first(cx, self.id, self.entries.clone());
        record.insert(tx)?;
        terms::put(tx, self.id, &found_by.terms)?;
        note.made.push(self.pseudonym);
        note.written.push(record.wrote(Some(self.pseudonym)));
        note.count += 1;
        Ok(None)
    }

    /// What [`Sealed::obstacle`] will ask.
    pub(crate) fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(self.found_by.unique.iter().flat_map(Sought::ahead));
    }

    /// What is in the way of writing: the first unique value that somebody has already, or that somebody had who was erased.
    /// Who was erased and comes again because the caller says so is noted.
    pub(crate) fn obstacle(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        returning: Returning,
        note: &mut Note,
    ) -> Result<Option<Obstacle>, Error> {
        let anew = self.found_anew(cx.rules)?;
        let found_by = anew.as_ref().unwrap_or(&self.found_by);
        if let Some(taken) = terms::taken(tx, cx, permit, self.id, &found_by.unique)? {
            return Ok(Some(Obstacle::Taken(taken)));
        }
        let values = self.held.iter().map(|(place, values)| (*place, values));
        Ok(match (recognise(tx, cx, values)?, returning) {
            (None, _) => None,
            (Some(recognised), Returning::Ask) => Some(Obstacle::Erased(recognised)),
            (Some(recognised), Returning::Welcome) => {
                note.erasure = Some(recognised.erasure);
                None
            }
        })
    }

    /// The places of the fields it writes, under the charter it was parsed with.
    pub(crate) fn places<'r>(&'r self, rules: &'r Rules) -> impl Iterator<Item = usize> + 'r {
        self.fields.iter().filter_map(|number| rules.by_number.get(number).copied())
    }
}

/// Values with their first numbers; `None` when there are none.
pub(crate) fn numbered(values: Vec<avouch_charter::Value>, list: bool) -> Option<Values> {
    if list {
        let values: Vec<_> = (0u16..).zip(values).collect();
        let next = u16::try_from(values.len()).unwrap_or(u16::MAX);
        (!values.is_empty()).then_some(Values::Many { next, values })
    } else {
        values.into_iter().next().map(Values::One)
    }
}

/// Adds a person.
#[derive(Debug)]
pub struct CreateSubject {
    rules: Arc<Rules>,
    sealed: Sealed,
    returning: Returning,
    purpose: Option<String>,
    reason: Option<Reason>,
}

/// Who was added.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Created {
    /// The new id.
    pub id: SubjectId,
    /// 1.
    pub version: u64,
    /// Microseconds UTC.
    pub created: i64,
}

impl CreateSubject {
    /// Parses and seals the fields.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn new(
        app: &App,
        fields: &Map<String, Json>,
        purpose: Option<String>,
        reason: Option<Reason>,
    ) -> Result<Self, Error> {
        let rules = app.rules();
        let sealed = Sealed::new(app, &rules, fields, &DrawnAhead::new(&app.rng))?;
        Ok(Self { rules, sealed, returning: Returning::Ask, purpose, reason })
    }

    /// What happens if somebody was erased who had one of these values; without it the caller is asked.
    #[must_use]
    pub fn returning(self, returning: Returning) -> Self {
        Self { returning, ..self }
    }
}

impl Operation for CreateSubject {
    const ACTION: Action = Action::SubjectCreate;
    type Output = Created;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        same_charter(rules, &self.rules)?;
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        let writes = self.sealed.places(rules).collect();
        Ok(Intent { writes, ..Intent::about(purpose, reason, 1) })
    }

    fn writes(&self) -> bool {
        true
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        self.sealed.ahead(wants);
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn about(output: &Created) -> Option<SubjectId> {
        Some(output.id)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, permit: &Permit, (): ()) -> Result<Outcome<Created>, Error> {
        let mut note = Note::count(0);
        match self.sealed.write(tx, cx, permit, self.returning, &mut note)? {
            None => {}
            Some(Obstacle::Taken(taken)) => return Ok(taken.refusal(note)),
            Some(Obstacle::Erased(recognised)) => return Ok(refused(recognised, note)),
        }
        note.fields = self.sealed.fields.iter().map(|field| (*field, None)).collect();
        Ok(Outcome::new(Created { id: self.sealed.id, version: 1, created: cx.now }, note))
    }
}

/// The refusal of an operation that has written nothing yet: the caller has learned that somebody was erased.
pub(crate) fn refused<T>(recognised: Recognised, note: Note) -> Outcome<T> {
    let note = Note { erasure: Some(recognised.erasure), ..note };
    Outcome::failed(recognised.refusal(), note)
}

/// What was parsed under one charter is not written under another.
pub(crate) fn same_charter(now: &Rules, then: &Rules) -> Result<(), Error> {
    if now.version == then.version { Ok(()) } else { Err(charters::just_changed()) }
}
