//! Telling ties, looking at them, and ending them. Whoever keeps the cases does this, mostly a program; somebody who tells their own has
//! said so themselves, and that is what it is worth.

use avouch_charter::Value;
use avouch_policy::{Action, PrincipalKind};
use avouch_store::{Ahead, Tx};
use serde_json::Value as Json;
use std::sync::Arc;

use super::tie::{Holder, MAX_TIE_DAYS, Tie, TieKind, TieShown, drop_one, rows};
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::ids::{SubjectId, TieId};
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::record::Record;
use crate::vault::terms::Sought;
use crate::{Error, Fault};

/// The most ties in one request.
pub const MAX_TIES: usize = 500;
/// How far back a program may say that a tie began: cases are told late.
const BACK_MICROS: i64 = 7 * DAY_MICROS;
/// How far ahead: an appointment.
const AHEAD_MICROS: i64 = 31 * DAY_MICROS;
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
const MAX_REFERENCE: usize = 60;

/// Of which customer a tie is.
#[derive(Debug, Clone, PartialEq)]
pub enum Whom {
    /// By id.
    Id(SubjectId),
    /// By the value of a field that nobody else may have, such as the number that another system knows them by.
    Key {
        /// The field.
        field: String,
        /// The value.
        value: Json,
    },
}

/// A tie to be told.
#[derive(Debug, Clone)]
pub struct NewTie {
    /// Of whom.
    pub whom: Whom,
    /// Whose.
    pub holder: Holder,
    /// What it is.
    pub kind: TieKind,
    /// From when on, in microseconds UTC; nothing: now. Only a program may say that it began before now.
    pub begins: Option<i64>,
    /// Until when; nothing: as long as its kind mostly lasts.
    pub ends: Option<i64>,
    /// Its number elsewhere.
    pub reference: Option<String>,
}

/// What became of one.
#[derive(Debug, Clone)]
pub enum TieMade {
    /// It holds.
    Made(SubjectId, TieShown),
    /// There is no such customer.
    NotFound,
    /// It is not one.
    Invalid(Vec<Fault>),
}

/// Tells ties.
#[derive(Debug)]
pub struct PutTies {
    rules: Arc<Rules>,
    ties: Vec<(NewTie, Result<SoughtBy, Vec<Fault>>)>,
}

#[derive(Debug)]
enum SoughtBy {
    Id(SubjectId),
    Key(Sought),
}

impl PutTies {
    /// Reads what customers are sought by.
    ///
    /// # Errors
    /// None, or more than [`MAX_TIES`].
    pub fn new(app: &App, ties: Vec<NewTie>) -> Result<Self, Error> {
        if ties.is_empty() || ties.len() > MAX_TIES {
            return Err(Error::invalid("/items", format!("expected 1 to {MAX_TIES} ties")));
        }
        let rules = app.rules();
        let ties = ties.into_iter().map(|tie| (sought(&rules, &tie), tie)).map(|(sought, tie)| (tie, sought));
        let ties = ties.collect();
        Ok(Self { rules, ties })
    }
}

fn sought(rules: &Rules, tie: &NewTie) -> Result<SoughtBy, Vec<Fault>> {
    let (field, json) = match &tie.whom {
        Whom::Id(id) => return Ok(SoughtBy::Id(*id)),
        Whom::Key { field, value } => (field, value),
    };
    let fault = |pointer: &str, detail: &str| vec![Fault::new(pointer, detail)];
    let place = rules.place(field).filter(|place| rules.rule(*place).is_ok_and(|rule| rule.unique));
    let place = place.ok_or_else(|| {
        fault("/key/field", "expected a field of which no two customers have the same value")
    })?;
    let charter = rules.field(place).map_err(|_| fault("/key/field", "the charter has no such field"))?;
    let value: Value =
        charter.of.parse(json).map_err(|invalid| vec![Fault::new("/key/value", invalid.to_string())])?;
    let sought = Sought::new(rules, place, &value).ok().flatten();
    sought.map(SoughtBy::Key).ok_or_else(|| fault("/key/field", "expected a field with an index"))
}

impl Operation for PutTies {
    const ACTION: Action = Action::TieWrite;
    type Output = Vec<TieMade>;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        crate::vault::same_charter(rules, &self.rules)?;
        Ok(Intent::about(None, None, self.ties.len()))
    }

    fn writes(&self) -> bool {
        true
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        for (_, sought) in &self.ties {
            match sought {
                Ok(SoughtBy::Id(id)) => wants.extend(crate::vault::person_ahead(*id)),
                Ok(SoughtBy::Key(sought)) => wants.extend(sought.ahead()),
                Err(_) => {}
            }
        }
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
    ) -> Result<Outcome<Vec<TieMade>>, Error> {
        let mut note = Note::default();
        let mut made = Vec::with_capacity(self.ties.len());
        for (new, sought) in &self.ties {
            let found = match sought {
                Err(faults) => {
                    made.push(TieMade::Invalid(faults.clone()));
                    continue;
                }
                Ok(SoughtBy::Id(id)) => match Record::find(tx, cx, *id)? {
                    Some(record) => Some((record, Ring::load(tx, *id)?)),
                    None => None,
                },
                Ok(SoughtBy::Key(sought)) => sought.find(tx, cx, permit, None)?,
            };
            let Some((record, mut ring)) = found else {
                made.push(TieMade::NotFound);
                continue;
            };
            let pseudonym = ring.pseudonym(cx)?;
            let tie = match tie(cx, new, record.subject, pseudonym) {
                Ok(tie) => tie,
                Err(faults) => {
                    made.push(TieMade::Invalid(faults));
                    continue;
                }
            };
            let id = TieId::from_bytes(cx.new_id()?);
            tie.put(tx, cx.app, id)?;
            if !note.subjects.contains(&pseudonym) {
                note.subjects.push(pseudonym);
            }
            note.count = note.count.saturating_add(1);
            made.push(TieMade::Made(record.subject, tie.shown(id)));
        }
        Ok(Outcome::new(made, note))
    }
}

/// A tie as it is told, if it is one.
fn tie(cx: &Cx<'_>, new: &NewTie, subject: SubjectId, pseudonym: [u8; 16]) -> Result<Tie, Vec<Fault>> {
    let mut faults = Vec::new();
    let access = cx.app.access();
    if let Holder::Actor(id) | Holder::Team(id) = new.holder
        && access.principal(id).is_none_or(|record| record.kind == "service")
    {
        faults.push(Fault::new("/actor", "nobody who works here has this id"));
    }
    let by_program = cx.caller.class.kind() == PrincipalKind::Service;
    // One colleague could explain away the looks of all others.
    if !by_program && !matches!(new.holder, Holder::Actor(_)) {
        faults.push(Fault::new(
            "/actor",
            "say whose tie it is: only a program tells one of everybody's, or of a team's",
        ));
    }
    let begins = new.begins.unwrap_or(cx.now);
    let ends = new.ends.unwrap_or_else(|| begins.saturating_add(i64::from(new.kind.days()) * DAY_MICROS));
    // A person who could say that their case is of yesterday could explain what they have looked at yesterday.
    let earliest = if by_program { cx.now.saturating_sub(BACK_MICROS) } else { cx.now };
    if !(earliest..=cx.now.saturating_add(AHEAD_MICROS)).contains(&begins) {
        faults.push(Fault::new(
            "/begins",
            "expected a moment from now to 31 days ahead, or of a program from 7 days back",
        ));
    }
    let longest = begins.saturating_add(i64::from(MAX_TIE_DAYS) * DAY_MICROS);
    if ends <= begins || ends > longest {
        faults.push(Fault::new(
            "/ends",
            format!("expected a moment within {MAX_TIE_DAYS} days after the beginning"),
        ));
    }
    let fits = |text: &String| {
        (1..=MAX_REFERENCE).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    if new.reference.as_ref().is_some_and(|text| !fits(text)) {
        faults.push(Fault::new("/reference", format!("expected 1 to {MAX_REFERENCE} characters")));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Tie {
        subject,
        pseudonym,
        holder: new.holder,
        kind: new.kind,
        made_by: cx.caller.id(),
        made: cx.now,
        begins,
        ends,
        reference: new.reference.clone(),
    })
}

/// The ties of a customer, those that hold longest first, at most 64.
#[derive(Debug, Clone)]
pub struct ReadTies {
    /// Whose.
    pub id: SubjectId,
}

impl Operation for ReadTies {
    const ACTION: Action = Action::TieRead;
    type Output = Vec<TieShown>;
    /// The name under which events know them.
    type Facts = [u8; 16];

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(None, None, 1))
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<[u8; 16], Error> {
        crate::vault::pseudonym_of(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        who: [u8; 16],
    ) -> Result<Outcome<Vec<TieShown>>, Error> {
        let stored = rows(tx, self.id)?;
        let open = |row: &super::tie::Stored| Some(row.open(cx.app, self.id)?.shown(row.id));
        let ties: Vec<_> = stored.iter().filter_map(open).collect();
        let note = Note { subjects: vec![who], ..Note::count(ties.len()) };
        Ok(Outcome::new(ties, note))
    }
}

/// Ends a tie before its time. What it has explained stays explained.
#[derive(Debug, Clone)]
pub struct EndTie {
    /// Of whom.
    pub subject: SubjectId,
    /// Which.
    pub id: TieId,
}

impl Operation for EndTie {
    const ACTION: Action = Action::TieWrite;
    type Output = ();
    type Facts = [u8; 16];

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(None, None, 1))
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<[u8; 16], Error> {
        crate::vault::pseudonym_of(tx, cx, self.subject)
    }

    fn run(&self, tx: &mut Tx<'_>, _: &Cx<'_>, _: &Permit, who: [u8; 16]) -> Result<Outcome<()>, Error> {
        if !drop_one(tx, self.subject, self.id)? {
            return Err(Error::NotFound);
        }
        let note = Note { subjects: vec![who], objects: vec![*self.id.bytes()], ..Note::count(1) };
        Ok(Outcome::new((), note))
    }
}
