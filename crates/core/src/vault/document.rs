//! Tokenising a whole document: the same JSON comes back with tokens where personal values stood.
//!
//! A member whose name is a field of the charter (or that the caller's map names) is a value of a person. Who it is: the
//! subject the caller names, or else the one whose unique field stands in the same object, or in one around it. The value
//! must be what the vault holds, so that a token never silently means something else. That makes the answer a comparison:
//! one document can claim one value for a field of a person, a difference is told without saying where it is, and the event
//! of such a refusal names the people like that of a look. Nothing personal is passed through
//! by mistake: a string or number that is no field is refused, unless the caller says to keep such members.

use std::collections::BTreeMap;
use std::sync::Arc;

use avouch_charter::{Normal, Value};
use avouch_policy::Action;
use avouch_store::Tx;
use serde_json::{Map, Value as Json};

use super::create::{Obstacle, Returning, Sealed, same_charter};
use super::input::escape;
use super::keys::Ring;
use super::record::{Record, Values};
use super::terms::Sought;
use super::token;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::indexes::BEING_BUILT;
use crate::rules::Rules;
use crate::{Error, Fault};
use avouch_seal::token::WHOLE_FIELD;

/// What happens to members that are no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
    /// The document is refused.
    Refuse,
    /// They stay as they are.
    Keep,
}

/// The most people in one document.
pub const MAX_SUBJECTS: usize = 1_000;

/// See the module.
pub struct Tokenize {
    rules: Arc<Rules>,
    recipient: String,
    purpose: Option<String>,
    reason: Option<Reason>,
    document: Json,
    people: Vec<Person>,
    returning: Returning,
}

impl core::fmt::Debug for Tokenize {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tokenize").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}

/// One person of the document.
struct Person {
    /// Where the object stands that identifies the person.
    pointer: String,
    known: Option<SubjectId>,
    /// Values that nobody else has, with the places of their fields.
    unique: Vec<(usize, Value)>,
    /// Prepared for the case that the person is not there yet and may be added.
    new: Option<Sealed>,
    values: Vec<Leaf>,
}

impl Person {
    /// Whether the document says something else for the same field.
    fn differs(&self, leaf: &Leaf) -> bool {
        self.values.iter().any(|known| known.place == leaf.place && known.normals != leaf.normals)
    }
}

/// One value of the document.
struct Leaf {
    pointer: String,
    place: usize,
    normals: Vec<Normal>,
    /// A list, tokenised as a whole or value by value.
    single: bool,
}

/// The document with tokens.
#[derive(Clone)]
pub struct Tokenized {
    /// Same shape as it came.
    pub document: Json,
    /// Whose values were in it.
    pub subjects: Vec<SubjectId>,
    /// How many values were replaced.
    pub tokens: usize,
}

impl core::fmt::Debug for Tokenized {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tokenized").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// How a document is to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Whose values these are, when the caller knows.
    pub subject: Option<SubjectId>,
    /// Members that carry another name than their field: JSON pointer → field.
    pub map: BTreeMap<String, String>,
    /// What happens to the rest.
    pub unmapped: Unmapped,
    /// Whether people who are not in the vault are added.
    pub create_missing: bool,
}

impl Tokenize {
    /// Reads the document against the charter.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every fault: values that do not fit, members that are no field, values of nobody.
    pub fn new(
        app: &App,
        recipient: String,
        (purpose, reason): (Option<String>, Option<Reason>),
        document: Json,
        reading: &Reading,
    ) -> Result<Self, Error> {
        let rules = app.rules();
        let mut reader = Reader { rules: &rules, reading, faults: Vec::new(), people: Vec::new() };
        let owner = reading.subject.map(|subject| reader.person(String::new(), Some(subject)));
        reader.read(&document, &mut String::new(), owner);
        let Reader { mut faults, mut people, .. } = reader;
        for name in reading.map.keys().filter(|pointer| document.pointer(pointer).is_none()) {
            faults.push(Fault::new("/map", format!("`{name}` points to nothing in the document")));
        }
        for name in reading.map.values().filter(|name| rules.place(name).is_none()) {
            let known = if is_word(name) { format!("`{name}`") } else { "a name in it".to_owned() };
            faults.push(Fault::new("/map", format!("{known} is no field of the charter")));
        }
        people.retain(|person| !person.values.is_empty());
        if people.len() > MAX_SUBJECTS {
            faults
                .push(Fault::new("/document", format!("expected values of at most {MAX_SUBJECTS} subjects")));
        }
        if people.is_empty() && faults.is_empty() {
            faults
                .push(Fault::new("/document", "expected at least one member that is a field of the charter"));
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        if reading.create_missing {
            let rng = avouch_seal::DrawnAhead::new(&app.rng);
            for person in people.iter_mut().filter(|person| person.known.is_none()) {
                let fields = fields_of(&rules, &document, person)?;
                let sealed = Sealed::new(app, &rules, &fields, &rng);
                person.new = Some(sealed.map_err(|error| at(error, &person.pointer))?);
            }
        }
        let returning = Returning::Ask;
        Ok(Self { rules, recipient, purpose, reason, document, people, returning })
    }

    /// What happens if somebody was erased who had one of the values that are added; without it the caller is asked.
    #[must_use]
    pub fn returning(self, returning: Returning) -> Self {
        Self { returning, ..self }
    }

    /// Whether people may be added; such a request needs the permission to create as well.
    #[must_use]
    pub fn creates(&self) -> bool {
        self.people.iter().any(|person| person.new.is_some())
    }
}

/// Whether a name may be repeated in a message: whatever else a caller typed there may be a value.
fn is_word(name: &str) -> bool {
    name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The values of a person as input for a new record.
fn fields_of(rules: &Rules, document: &Json, person: &Person) -> Result<Map<String, Json>, Error> {
    let mut fields = Map::new();
    for leaf in &person.values {
        let field = rules.field(leaf.place)?;
        let value = document.pointer(&leaf.pointer).cloned().unwrap_or_default();
        match (fields.get_mut(&field.name), leaf.single && field.list) {
            (Some(Json::Array(list)), _) => list.push(value),
            (_, true) => drop(fields.insert(field.name.clone(), Json::Array(vec![value]))),
            (_, false) => drop(fields.insert(field.name.clone(), value)),
        }
    }
    Ok(fields)
}

fn at(error: Error, pointer: &str) -> Error {
    match error {
        Error::Invalid(faults) => Error::Invalid(
            faults
                .into_iter()
                .map(|fault| {
                    let place = fault.pointer.strip_prefix("/fields").unwrap_or_default();
                    Fault::new(format!("/document{pointer}{place}"), fault.detail)
                })
                .collect(),
        ),
        other => other,
    }
}

/// Walks a document and collects people and their values.
struct Reader<'a> {
    rules: &'a Rules,
    reading: &'a Reading,
    faults: Vec<Fault>,
    people: Vec<Person>,
}

impl Reader<'_> {
    fn person(&mut self, pointer: String, known: Option<SubjectId>) -> usize {
        self.people.push(Person { pointer, known, unique: Vec::new(), new: None, values: Vec::new() });
        self.people.len() - 1
    }

    fn fault(&mut self, pointer: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(format!("/document{pointer}"), detail));
    }

    /// The field a member stands for.
    fn field(&self, pointer: &str, name: &str) -> Option<usize> {
        match self.reading.map.get(pointer) {
            Some(field) => self.rules.place(field),
            None => self.rules.place(name),
        }
    }

    fn read(&mut self, json: &Json, pointer: &mut String, owner: Option<usize>) {
        let length = pointer.len();
        match json {
            Json::Object(members) => {
                let owner = self.owner(members, pointer, owner);
                for (name, member) in members {
                    pointer.push('/');
                    pointer.push_str(&escape(name));
                    match self.field(pointer, name) {
                        Some(place) => self.value(place, member, pointer, owner),
                        None => self.read(member, pointer, owner),
                    }
                    pointer.truncate(length);
                }
            }
            Json::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    pointer.push_str(&format!("/{number}"));
                    self.read(item, pointer, owner);
                    pointer.truncate(length);
                }
            }
            Json::String(_) | Json::Number(_) if self.reading.unmapped == Unmapped::Refuse => {
                self.fault(pointer, "this member is no field: name it in `map`, or set `unmapped` to `keep`");
            }
            _ => {}
        }
    }

    /// A unique field in an object says whose values stand in it.
    fn owner(&mut self, members: &Map<String, Json>, pointer: &str, around: Option<usize>) -> Option<usize> {
        if self.reading.subject.is_some() {
            return around;
        }
        let mut unique = Vec::new();
        for (name, member) in members {
            let here = format!("{pointer}/{}", escape(name));
            let Some(place) = self.field(&here, name) else { continue };
            let (Ok(field), Ok(rule)) = (self.rules.field(place), self.rules.rule(place)) else { continue };
            if rule.unique
                && let Ok(value) = field.of.parse(member)
            {
                unique.push((place, value));
            }
        }
        if unique.is_empty() {
            return around;
        }
        let owner = self.person(pointer.to_owned(), None);
        if let Some(person) = self.people.get_mut(owner) {
            person.unique = unique;
        }
        Some(owner)
    }

    fn value(&mut self, place: usize, json: &Json, pointer: &str, owner: Option<usize>) {
        if json.is_null() {
            return;
        }
        let Ok(field) = self.rules.field(place) else { return };
        let mut parsed = Vec::new();
        let single = !json.is_array();
        for item in json.as_array().map_or_else(|| core::slice::from_ref(json), Vec::as_slice) {
            match field.of.parse(item) {
                Ok(value) => parsed.push(field.of.normal(&value)),
                Err(invalid) => return self.fault(pointer, invalid.to_string()),
            }
        }
        if !single && !field.list {
            return self.fault(pointer, "expected one value, not a list");
        }
        let leaf = Leaf { pointer: pointer.to_owned(), place, normals: parsed, single };
        match owner.and_then(|owner| self.people.get_mut(owner)) {
            Some(person) if !field.list && person.differs(&leaf) => {
                self.fault(pointer, "another member gives another value for this field of the same person");
            }
            Some(person) => person.values.push(leaf),
            None => self.fault(
                pointer,
                "whose value is this? give `subject`, or a unique field of the person in the same object",
            ),
        }
    }
}

impl Operation for Tokenize {
    const ACTION: Action = Action::TokenCreate;
    type Output = Tokenized;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        same_charter(rules, &self.rules)?;
        let mut places: Vec<usize> =
            self.people.iter().flat_map(|person| person.values.iter().map(|leaf| leaf.place)).collect();
        places.sort_unstable();
        places.dedup();
        token::token_intent(rules, &self.recipient, &self.purpose, &self.reason, places, self.people.len())
    }

    fn writes(&self) -> bool {
        self.creates()
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        (): (),
    ) -> Result<Outcome<Tokenized>, Error> {
        let recipient = token::recipient(cx.rules, &self.recipient)?;
        token::serves(recipient, self.purpose.as_deref())?;
        for leaf in self.people.iter().flat_map(|person| &person.values) {
            token::shared(recipient, cx.rules, leaf.place)?;
        }
        let create = self.permit_to_create(cx)?;
        let mut note = Note { recipient: Some(self.recipient.clone()), ..Note::count(0) };
        let held = match self.compare_all(tx, cx, permit, &mut note)? {
            Ok(held) => held,
            Err(faults) => return Ok(Outcome::failed(Error::Invalid(faults), note)),
        };
        // From here on things are written, and whatever goes wrong undoes them.
        let mut document = self.document.clone();
        let mut subjects = Vec::new();
        let mut tokens = 0;
        for (person, held) in self.people.iter().zip(held) {
            let held = match (held, &person.new, &create) {
                (Some(held), ..) => held,
                (None, Some(new), Some(create)) => {
                    add(tx, cx, create, person, (new, self.returning), &mut note)?
                }
                (None, ..) => return Err(Error::Internal("nobody to make tokens for")),
            };
            if !subjects.contains(&held.subject) {
                subjects.push(held.subject);
            }
            for (leaf, slots) in person.values.iter().zip(&held.slots) {
                let made = tokens_of(tx, cx, recipient, held.subject, leaf, slots)?;
                if let Some(member) = document.pointer_mut(&leaf.pointer) {
                    *member = made;
                    tokens += 1;
                }
            }
        }
        note.count = u32::try_from(tokens).unwrap_or(u32::MAX);
        Ok(Outcome::new(Tokenized { document, subjects, tokens }, note))
    }
}

/// A person of the document who is in the vault and has all the values that it claims.
struct Held {
    subject: SubjectId,
    /// For each value of the document the numbers that its tokens name.
    slots: Vec<Vec<u16>>,
}

impl Tokenize {
    /// Adding people is its own permission, for the same purpose; asked for before anything is looked up.
    fn permit_to_create(&self, cx: &Cx<'_>) -> Result<Option<Permit>, Error> {
        if !self.creates() {
            return Ok(None);
        }
        let new = self.people.iter().filter_map(|person| person.new.as_ref());
        let writes = new.flat_map(|new| new.places(cx.rules)).collect();
        let intent = Intent { writes, ..Intent::about(self.purpose.clone(), self.reason.clone(), 1) };
        let facts = crate::gate::SubjectFacts::default();
        crate::gate::decide(cx.rules, cx.caller, Action::SubjectCreate, &intent, facts).map(Some)
    }

    /// Finds the people and compares; writes nothing. `None` stands for somebody who is to be added. The note names everybody
    /// who was compared, whatever came of it.
    fn compare_all(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        note: &mut Note,
    ) -> Result<Result<Vec<Option<Held>>, Vec<Fault>>, Error> {
        let mut all = Vec::with_capacity(self.people.len());
        let mut faults = Vec::new();
        let mut differs = false;
        for person in &self.people {
            let Some(record) = identify(tx, cx, permit, person)? else {
                if person.new.is_none() {
                    let detail = "no subject in the vault has this: create it first, or set `create_missing`";
                    faults.push(Fault::new(format!("/document{}", person.pointer), detail));
                }
                all.push(None);
                continue;
            };
            let held = compare(tx, cx, permit, person, &record, note)?;
            differs |= held.is_none();
            all.push(held);
        }
        if differs {
            // Not which: each difference told by itself would be an answer to one guess.
            let detail =
                "the vault holds another value for at least one field of this document: update it first";
            faults.push(Fault::new("/document", detail));
        }
        note.count = u32::try_from(note.subjects.len()).unwrap_or(u32::MAX);
        Ok(if faults.is_empty() { Ok(all) } else { Err(faults) })
    }
}

fn identify(tx: &mut Tx<'_>, cx: &Cx<'_>, permit: &Permit, person: &Person) -> Result<Option<Record>, Error> {
    if let Some(id) = person.known {
        return Record::load(tx, cx, id).map(Some);
    }
    for (place, value) in &person.unique {
        let Some(sought) = Sought::new(cx.rules, *place, value)? else { continue };
        if !sought.sure {
            return Err(BEING_BUILT);
        }
        if let Some((record, _)) = sought.find(tx, cx, permit, None)? {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Adds a person, unless an earlier part of the same document has done so.
fn add(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    create: &Permit,
    person: &Person,
    (new, returning): (&Sealed, Returning),
    note: &mut Note,
) -> Result<Held, Error> {
    let record = match identify(tx, cx, create, person)? {
        Some(record) => record,
        None => {
            match new.write(tx, cx, create, returning, note)? {
                None => {}
                Some(Obstacle::Taken(taken)) => return Err(Error::Taken { field: taken.field }),
                Some(Obstacle::Erased(recognised)) => return Err(recognised.refusal()),
            }
            Record::load(tx, cx, new.id)?
        }
    };
    compare(tx, cx, create, person, &record, note)?.ok_or_else(|| {
        Error::invalid(
            format!("/document{}", person.pointer),
            "another part of the document gives other values for the same new subject",
        )
    })
}

/// The numbers of the values that the document claims; `None` when the vault holds something else.
fn compare(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    person: &Person,
    record: &Record,
    note: &mut Note,
) -> Result<Option<Held>, Error> {
    let mut ring = Ring::load(tx, record.subject)?;
    let mut slots = Vec::with_capacity(person.values.len());
    let mut differs = false;
    for leaf in &person.values {
        token::remember(cx, note, &mut ring, leaf.place)?;
        match slots_of(cx, permit, record, &mut ring, leaf)? {
            Some(found) => slots.push(found),
            None => differs = true,
        }
    }
    Ok((!differs).then_some(Held { subject: record.subject, slots }))
}

fn slots_of(
    cx: &Cx<'_>,
    permit: &Permit,
    record: &Record,
    ring: &mut Ring,
    leaf: &Leaf,
) -> Result<Option<Vec<u16>>, Error> {
    if leaf.normals.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let field = cx.rules.field(leaf.place)?;
    let Some(values) = record.values(cx, permit, ring, leaf.place)? else { return Ok(None) };
    let slot = |normal: &Normal| match &values {
        Values::One(value) => (field.of.normal(value) == *normal).then_some(WHOLE_FIELD),
        Values::Many { values, .. } => {
            values.iter().find(|(_, value)| field.of.normal(value) == *normal).map(|(slot, _)| *slot)
        }
    };
    Ok(leaf.normals.iter().map(slot).collect())
}

/// The tokens for one value or list.
fn tokens_of(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    recipient: &crate::rules::RecipientRule,
    subject: SubjectId,
    leaf: &Leaf,
    slots: &[u16],
) -> Result<Json, Error> {
    let mut made = Vec::with_capacity(slots.len());
    for slot in slots {
        let token = token::make(tx, cx, recipient, subject, leaf.place, *slot)?;
        made.push(Json::String(token.to_string()));
    }
    Ok(if leaf.single { made.pop().unwrap_or_default() } else { Json::Array(made) })
}
