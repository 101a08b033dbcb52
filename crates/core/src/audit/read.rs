//! Reading events: one, those of a person, or all in order. Reading the ledger is itself recorded.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use super::{Event, Note};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::{EventId, PrincipalId};
use crate::rules::Rules;

statements! {
    data ONE_EVENT = "select body from event where id = ?1";
    data EVENTS_BEFORE = "select id, body from event where id < ?1 order by id desc limit ?2";
    data EVENTS_AFTER = "select id, body from event where id > ?1 order by id limit ?2";
    data REASON = "select sealed from event where id = ?1";
}

/// Events, newest first, or from a point on in order.
#[derive(Debug, Clone)]
pub struct ReadEvents {
    /// Go on below this one (newest first).
    pub before: Option<EventId>,
    /// Follow from this one on (oldest first); wins over `before`.
    pub after: Option<EventId>,
    /// Only of this actor.
    pub actor: Option<PrincipalId>,
    /// Only with this name.
    pub action: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// The most events one request looks through to find those that match.
const MAX_LOOKED_AT: usize = 10_000;
const PAGE: i64 = 1_000;

/// Some of the ledger, and where to go on.
#[derive(Debug, Clone)]
pub struct Events {
    /// The events.
    pub items: Vec<(EventId, Event)>,
    /// The last one looked at, when there may be more.
    pub next: Option<EventId>,
}

impl Operation for ReadEvents {
    const ACTION: Action = Action::EventRead;
    type Output = Events;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Events>, Error> {
        let (statement, mut at) = match self.after {
            Some(after) => (&EVENTS_AFTER, after.int()),
            None => (&EVENTS_BEFORE, self.before.map_or(i64::MAX, EventId::int)),
        };
        let mut items = Vec::new();
        let mut looked_at = 0;
        let next = 'pages: loop {
            let rows =
                tx.query(statement, params![at, PAGE], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?;
            let last = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for (id, body) in rows {
                at = id;
                looked_at += 1;
                let event = decode(&body)?;
                let fits = self.actor.is_none_or(|actor| *actor.bytes() == *event.actor)
                    && self.action.as_ref().is_none_or(|action| *action == event.what);
                if fits {
                    items.push((EventId::from_int(id), event));
                }
                if items.len() == self.limit || looked_at == MAX_LOOKED_AT {
                    break 'pages Some(EventId::from_int(at));
                }
            }
            if last {
                break None;
            }
        };
        let note = Note::count(items.len());
        Ok(Outcome::new(Events { items, next }, note))
    }
}

/// One event's body.
pub(crate) fn find(tx: &mut Tx<'_>, id: EventId) -> Result<Option<Event>, Error> {
    let body = tx.first(&ONE_EVENT, params![id.int()], |row| Ok(row.blob(0)?.to_vec()))?;
    body.map(|body| decode(&body)).transpose()
}

/// The typed reason of an event, for whoever may know it.
pub(crate) fn reason(tx: &mut Tx<'_>, cx: &Cx<'_>, id: EventId) -> Result<Option<Reason>, Error> {
    let sealed = tx.first(&REASON, params![id.int()], |row| Ok(row.opt_blob(0)?.map(<[u8]>::to_vec)))?;
    let Some(sealed) = sealed.flatten() else { return Ok(None) };
    let plain = cx.app.keys.open_row("event_reason", &id.int().to_be_bytes(), &sealed)?;
    core::str::from_utf8(&plain).map(|text| Some(Reason::kept(text))).map_err(|_| Error::Tampered)
}

pub(crate) fn decode(body: &[u8]) -> Result<Event, Error> {
    minicbor::decode(body).map_err(|_| Error::Tampered)
}
