//! Legal holds: what keeps a person, or one retention class of them, from being erased while a proceeding needs it. The reason
//! is sealed, and told to whoever may place and lift holds. A hold goes with the person.
//!
//! Whoever can write `hold` can lift a hold by deleting its row. They cannot place one, or read why one was placed.

use avouch_policy::Action;
use avouch_seal::pae::pae;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::ending::WHOLE;
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::{HoldId, PrincipalId, SubjectId};
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::record::Record;

statements! {
    data PUT_HOLD = "insert into hold (id, subject, class, sealed) values (?1, ?2, ?3, ?4)";
    data HOLDS = "select id, class, sealed from hold where subject = ?1 order by id";
    data LIFT_HOLD = "delete from hold where id = ?1 and subject = ?2";
}

/// A legal hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// The retention class; nothing: all of them.
    pub class: Option<String>,
    /// Since when, in microseconds UTC.
    pub since: i64,
    /// Until when; nothing: until it is lifted.
    pub until: Option<i64>,
    /// Who placed it.
    pub by: PrincipalId,
    /// Why, in words.
    pub reason: String,
}

impl core::fmt::Debug for Hold {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Hold").field("id", &self.id).field("class", &self.class).finish_non_exhaustive()
    }
}

/// What is sealed of a hold.
#[derive(Serialize, Deserialize)]
struct Kept {
    since: i64,
    until: Option<i64>,
    by: PrincipalId,
    reason: String,
}

/// A hold as an erasure meets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Active {
    /// [`WHOLE`]: of all classes.
    pub(super) class: u32,
    pub(super) since: i64,
}

/// The holds of a person that have not run out. One that does not open stops an erasure like any other, as damage.
pub(super) fn active(tx: &mut Tx<'_>, cx: &Cx<'_>, subject: SubjectId) -> Result<Vec<Active>, Error> {
    let held = all(tx, cx, subject)?.into_iter();
    let active = held.filter(|(_, _, kept)| kept.until.is_none_or(|until| until > cx.now));
    Ok(active.map(|(_, class, kept)| Active { class, since: kept.since }).collect())
}

fn all(tx: &mut Tx<'_>, cx: &Cx<'_>, subject: SubjectId) -> Result<Vec<(HoldId, u32, Kept)>, Error> {
    let rows = tx.query(&HOLDS, params![subject.bytes()], |row| {
        Ok((HoldId::from_bytes(row.bytes(0)?), row.int(1)?, row.blob(2)?.to_vec()))
    })?;
    let open = |(id, class, sealed): (HoldId, i64, Vec<u8>)| {
        let class = u32::try_from(class).map_err(|_| Error::Tampered)?;
        let plain = cx.app.keys.open_row("hold", &place(id, subject, class), &sealed)?;
        let kept = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
        Ok((id, class, kept))
    };
    rows.into_iter().map(open).collect()
}

fn place(id: HoldId, subject: SubjectId, class: u32) -> Vec<u8> {
    pae(&[id.bytes(), subject.bytes(), &class.to_le_bytes()])
}

/// The number of a retention class by name.
pub(super) fn class_number(rules: &Rules, name: &str, pointer: &str) -> Result<u32, Error> {
    let number = rules.class_names.iter().find(|(_, known)| *known == name).map(|(number, _)| *number);
    number.ok_or_else(|| Error::invalid(pointer, "the charter has no such retention class"))
}

/// The name of what is held or was erased; nothing: all of it.
pub(super) fn class_of(rules: &Rules, class: u32) -> Result<Option<String>, Error> {
    if class == WHOLE { Ok(None) } else { rules.class_name(class).map(|name| Some(name.to_owned())) }
}

/// Places a hold.
#[derive(Debug, Clone)]
pub struct PlaceHold {
    /// On whom.
    pub subject: SubjectId,
    /// On which retention class; nothing: all of them.
    pub class: Option<String>,
    /// Why, in words.
    pub reason: Reason,
    /// Until when, in microseconds UTC; nothing: until it is lifted.
    pub until: Option<i64>,
    /// For which purpose.
    pub purpose: Option<String>,
}

impl Operation for PlaceHold {
    const ACTION: Action = Action::SubjectHold;
    type Output = Hold;
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), Some(self.reason.clone()), 1))
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.subject)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, _: Record) -> Result<Outcome<Hold>, Error> {
        if self.until.is_some_and(|until| until <= cx.now) {
            return Err(Error::invalid("/until", "expected a time that is still to come"));
        }
        let class = match &self.class {
            Some(name) => class_number(cx.rules, name, "/class")?,
            None => WHOLE,
        };
        let id = HoldId::from_bytes(cx.new_id()?);
        let reason = String::from_utf8_lossy(self.reason.as_bytes()).into_owned();
        let kept = Kept { since: cx.now, until: self.until, by: cx.caller.id, reason };
        let plain = serde_json::to_vec(&kept).map(zeroize::Zeroizing::new);
        let plain = plain.map_err(|_| Error::Internal("a hold has no JSON form"))?;
        let sealed = cx.app.keys.seal_row("hold", &place(id, self.subject, class), &plain, &cx.app.rng)?;
        tx.put(&PUT_HOLD, params![id.bytes(), self.subject.bytes(), class, &sealed])?;
        let note = note(tx, cx, self.subject, id)?;
        let Kept { since, until, by, reason } = kept;
        Ok(Outcome::new(Hold { id, class: self.class.clone(), since, until, by, reason }, note))
    }
}

/// Shows a person's holds, those that have run out too.
#[derive(Debug, Clone)]
pub struct ListHolds {
    /// Whose.
    pub subject: SubjectId,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

impl Operation for ListHolds {
    const ACTION: Action = Action::SubjectHold;
    type Output = Vec<Hold>;
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), 1))
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.subject)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, _: Record) -> Result<Outcome<Vec<Hold>>, Error> {
        let mut holds = Vec::new();
        for (id, class, Kept { since, until, by, reason }) in all(tx, cx, self.subject)? {
            holds.push(Hold { id, class: class_of(cx.rules, class)?, since, until, by, reason });
        }
        let mut note = Note::count(holds.len());
        note.subjects.push(Ring::load(tx, self.subject)?.pseudonym(cx)?);
        Ok(Outcome::new(holds, note))
    }
}

/// Lifts a hold; also one that does not open any more.
#[derive(Debug, Clone)]
pub struct LiftHold {
    /// Whose.
    pub subject: SubjectId,
    /// Which.
    pub id: HoldId,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

impl Operation for LiftHold {
    const ACTION: Action = Action::SubjectHold;
    type Output = ();
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), 1))
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        let ids = tx.query(&HOLDS, params![self.subject.bytes()], |row| row.bytes::<16>(0))?;
        if ids.contains(self.id.bytes()) { Ok(()) } else { Err(Error::NotFound) }
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        tx.put(&LIFT_HOLD, params![self.id.bytes(), self.subject.bytes()])?;
        Ok(Outcome::new((), note(tx, cx, self.subject, self.id)?))
    }

    fn objects(&self) -> Vec<minicbor::bytes::ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

/// A note about one hold of one person.
fn note(tx: &mut Tx<'_>, cx: &Cx<'_>, subject: SubjectId, id: HoldId) -> Result<Note, Error> {
    let mut note = Note { objects: vec![*id.bytes()], ..Note::count(1) };
    note.subjects.extend(Ring::load(tx, subject)?.pseudonym_if_any(cx));
    Ok(note)
}
