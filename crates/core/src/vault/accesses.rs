//! Who looked at a person, and who changed what: the question every customer may ask.

use avouch_policy::Action;
use avouch_store::{Ahead, Tx, params, statements};

use super::keys::Ring;
use super::record::Record;
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::{self, Ending, Event, Note};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::{EventId, PrincipalId, SubjectId};
use crate::rules::Rules;

statements! {
    data LINKED = "select event from event_subject where pseudonym = ?1 and event < ?2 order by event desc limit ?3";
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Accesses {
    /// Whom it is about.
    pub id: SubjectId,
    /// For which purpose it is asked; kept with the event, not demanded.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Events below this one.
    pub before: Option<EventId>,
    /// At most so many.
    pub limit: usize,
}

/// One look or change.
#[derive(Debug, Clone)]
pub struct Access {
    /// The event.
    pub event: EventId,
    /// Microseconds UTC.
    pub at: i64,
    /// Who.
    pub actor: PrincipalId,
    /// The name and kind of who, while the vault still knows them.
    pub actor_name: Option<(String, String)>,
    /// What.
    pub action: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<Reason>,
    /// Which fields, and how they were shown.
    pub fields: Vec<(String, Option<avouch_policy::View>)>,
    /// To which recipient.
    pub recipient: Option<String>,
    /// Together with how many others.
    pub count: u32,
    /// Whether it was done. An attempt that was not is here when its refusal told something about the person.
    pub done: bool,
}

/// A page of them.
#[derive(Debug, Clone)]
pub struct Accessed {
    /// Newest first.
    pub items: Vec<Access>,
    /// Where to go on.
    pub next: Option<EventId>,
}

impl Operation for Accesses {
    const ACTION: Action = Action::SubjectAccesses;
    type Output = Accessed;
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(Intent::about(purpose, reason, 1))
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(super::person_ahead(self.id));
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        record: Record,
    ) -> Result<Outcome<Accessed>, Error> {
        let pseudonym = Ring::load(tx, self.id)?.pseudonym(cx)?;
        let before = self.before.map_or(i64::MAX, EventId::int);
        let limit = self.limit + 1;
        let bound = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut ids: Vec<EventId> =
            tx.query(&LINKED, params![&pseudonym, before, bound], |row| Ok(EventId::from_int(row.int(0)?)))?;
        // The event that made the record is named by its row (or its first version's) instead of a link.
        let first = Record::earlier(tx, cx, &record, 2, 1)?.pop().unwrap_or(record).event;
        if first.int() < before && !ids.contains(&first) && ids.len() < limit {
            ids.push(first);
        }
        let more = ids.len() > self.limit;
        ids.truncate(self.limit);
        let mut items = Vec::with_capacity(ids.len());
        for id in &ids {
            if let Some(event) = audit::read::find(tx, *id)? {
                items.push(access(tx, cx, *id, event)?);
            }
        }
        let next = more.then(|| ids.last().copied()).flatten();
        let note = Note { subjects: vec![pseudonym], ..Note::count(items.len()) };
        Ok(Outcome::new(Accessed { items, next }, note))
    }
}

fn access(tx: &mut Tx<'_>, cx: &Cx<'_>, id: EventId, event: Event) -> Result<Access, Error> {
    let actor = PrincipalId::from_bytes(*event.actor);
    let name =
        |number: &u32| cx.rules.field_name(*number).map_or_else(|| format!("field {number}"), str::to_owned);
    let views = event.views.iter().map(|view| view_of(*view)).chain(core::iter::repeat(None));
    Ok(Access {
        event: id,
        at: event.at,
        actor,
        actor_name: cx.app.access().principal(actor).map(|record| (record.name.clone(), record.kind.clone())),
        action: event.what,
        purpose: event.purpose,
        reason: audit::read::reason(tx, cx, id)?,
        fields: event.fields.iter().map(name).zip(views).collect(),
        recipient: event.recipient,
        count: event.count,
        done: event.ending == Ending::Done,
    })
}

/// A view as it is numbered in events.
pub(crate) fn view_of(number: u8) -> Option<avouch_policy::View> {
    avouch_policy::View::ALL.get(usize::from(number)).copied()
}
