//! Adding a person. Everything that needs no look at the store is done before it is asked: parsing, a new id, new keys,
//! sealing, index terms. Inside the transaction only uniqueness is checked and rows are written.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_seal::vault::{FieldAt, SubjectKey, WrappedSubjectKey};
use avouch_seal::{DrawnAhead, SecureRandom};
use avouch_store::{Ahead, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::index::{self, Taken};
use super::record::{Record, Values, seal_entry};
use super::{input, keys};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::charters;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::rules::Rules;

/// A new person, sealed and ready to be written.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) id: SubjectId,
    keys: Vec<(u32, WrappedSubjectKey)>,
    pseudonym: [u8; 16],
    entries: Vec<u8>,
    terms: Vec<index::Term>,
    fields: Vec<u32>,
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
        let id = app.ids.uuid(app.now(), rng)?;
        let mut held: Vec<(u32, SubjectKey, WrappedSubjectKey)> = Vec::with_capacity(2);
        let mut sealed = Self {
            id: SubjectId::from_bytes(id),
            keys: Vec::new(),
            pseudonym: [0; 16],
            entries: Vec::with_capacity(given.len() * 96),
            terms: Vec::new(),
            fields: Vec::with_capacity(given.len()),
        };
        for given in given {
            let (field, rule) = (rules.field(given.place)?, rules.rule(given.place)?);
            for value in &given.values {
                sealed.terms.extend(index::term(rules, given.place, value)?);
            }
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
            seal_entry(&mut sealed.entries, key, field, rule.class, &at, &values, rng)?;
            sealed.fields.push(rule.number);
        }
        let Some((_, key, _)) = held.first() else {
            return Err(Error::invalid("/fields", "expected at least one field with a value"));
        };
        sealed.pseudonym = key.pseudonym();
        sealed.keys = held.into_iter().map(|(class, _, wrapped)| (class, wrapped)).collect();
        Ok(sealed)
    }

    /// Checks uniqueness and writes; writes nothing when a value is taken.
    pub(crate) fn write(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        note: &mut Note,
    ) -> Result<Option<Taken>, Error> {
        if let Some(taken) = self.taken(tx, cx, permit)? {
            return Ok(Some(taken));
        }
        for (class, wrapped) in &self.keys {
            keys::put_first(tx, cx, self.id, *class, wrapped)?;
        }
        let record = Record::first(cx, self.id, self.entries.clone());
        record.insert(tx)?;
        for term in &self.terms {
            index::put(tx, self.id, term)?;
        }
        note.made.push(self.pseudonym);
        note.written.push(record.manifest);
        note.count += 1;
        Ok(None)
    }

    /// What [`Sealed::taken`] will ask.
    pub(crate) fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(self.terms.iter().filter(|term| term.unique).map(|term| index::ahead(term, None)));
    }

    /// The first unique value that somebody has already.
    pub(crate) fn taken(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
    ) -> Result<Option<Taken>, Error> {
        for term in &self.terms {
            if let Some(taken) = index::taken(tx, cx, permit, self.id, term)? {
                return Ok(Some(taken));
            }
        }
        Ok(None)
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
        Ok(Self { rules, sealed, purpose, reason })
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

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.push(charters::ahead());
        self.sealed.ahead(wants);
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<(), Error> {
        charters::still_in_force(tx, cx)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, permit: &Permit, (): ()) -> Result<Outcome<Created>, Error> {
        let mut note = Note::count(0);
        if let Some(taken) = self.sealed.write(tx, cx, permit, &mut note)? {
            return Ok(taken.refusal(note));
        }
        note.fields = self.sealed.fields.iter().map(|field| (*field, None)).collect();
        Ok(Outcome::new(Created { id: self.sealed.id, version: 1, created: cx.now }, note))
    }
}

/// What was parsed under one charter is not written under another.
pub(crate) fn same_charter(now: &Rules, then: &Rules) -> Result<(), Error> {
    if now.version == then.version { Ok(()) } else { Err(charters::just_changed()) }
}
