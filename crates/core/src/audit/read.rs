//! Reading events: the newest first, those of one person, or as the log has them. Reading the ledger is itself recorded.
//!
//! What is looked for is compared event by event, and one request looks at so many and no more: an index by actor or by action
//! would be paid for by every event that is written. A period is a range of ids, and what is about a person has links.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use super::{Ending, Event, Note};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::{EventId, PrincipalId};
use crate::ledger::follow::{self, Stretch};
use crate::rules::Rules;

statements! {
    data ONE_EVENT = "select body from event where id = ?1";
    data EVENTS_BEFORE = "select e.id, e.body, l.log, l.idx from event e left join leaf l on l.event = e.id where e.id < ?1 and e.id >= ?2 order by e.id desc limit ?3";
    data REASON = "select sealed from event where id = ?1";
}

/// Which events are wanted; those that fit everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this actor.
    pub actor: Option<PrincipalId>,
    /// With this name.
    pub action: Option<String>,
    /// For this purpose.
    pub purpose: Option<String>,
    /// For this recipient.
    pub recipient: Option<String>,
    /// That ended so.
    pub outcome: Option<Ending>,
    /// From this moment on, in microseconds UTC.
    pub since: Option<i64>,
    /// Before this moment.
    pub until: Option<i64>,
}

impl Filter {
    /// Whether an event is wanted.
    #[must_use]
    pub fn fits(&self, id: EventId, event: &Event) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        (self.first()..self.end()).contains(&id.int())
            && self.actor.is_none_or(|actor| *actor.bytes() == *event.actor)
            && self.action.as_ref().is_none_or(|action| *action == event.what)
            && self.outcome.is_none_or(|outcome| outcome == event.ending)
            && same(&self.purpose, &event.purpose)
            && same(&self.recipient, &event.recipient)
    }

    /// The least id of the period.
    pub(super) fn first(&self) -> i64 {
        self.since.map_or(i64::MIN, |since| EventId::first_at(since).int())
    }

    /// The least id after the period.
    pub(super) fn end(&self) -> i64 {
        self.until.map_or(i64::MAX, |until| EventId::first_at(until).int())
    }

    /// Whether every event of the period is wanted.
    pub(super) fn is_open(&self) -> bool {
        *self == Self { since: self.since, until: self.until, ..Self::default() }
    }
}

/// Events, newest first.
#[derive(Debug, Clone)]
pub struct ReadEvents {
    /// Go on below this one.
    pub before: Option<EventId>,
    /// Which.
    pub filter: Filter,
    /// At most so many.
    pub limit: usize,
}

/// The most events one request looks through to find those that match.
const MAX_LOOKED_AT: usize = 10_000;
const PAGE: usize = 1_000;

/// An event, and where it stands in the log once it does.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which.
    pub id: EventId,
    /// The event.
    pub event: Event,
    /// The number of its log and its index there; nothing while it waits.
    pub place: Option<(i64, u64)>,
}

impl Listed {
    /// From a row: id, body, log, index.
    pub(super) fn decode((id, body, place): Row) -> Result<Self, Error> {
        Ok(Self { id: EventId::from_int(id), event: decode(&body)?, place })
    }
}

/// Id, body, place.
pub(super) type Row = (i64, Vec<u8>, Option<(i64, u64)>);

/// Reads a [`Row`].
pub(super) fn row(row: &avouch_store::Row<'_>) -> avouch_store::Result<Row> {
    let place = row.opt_int(2)?.zip(row.opt_int(3)?.map(i64::cast_unsigned));
    Ok((row.int(0)?, row.blob(1)?.to_vec(), place))
}

/// Some of the ledger, and where to go on.
#[derive(Debug, Clone)]
pub struct Events {
    /// The events.
    pub items: Vec<Listed>,
    /// The last one looked at, when there may be more.
    pub next: Option<EventId>,
}

/// Looks through pages of rows, each from an id downwards, for events that fit.
pub(super) fn look_through(
    filter: &Filter,
    before: Option<EventId>,
    limit: usize,
    mut page: impl FnMut(i64, i64) -> Result<Vec<Row>, Error>,
) -> Result<Events, Error> {
    let mut at = before.map_or(i64::MAX, EventId::int).min(filter.end());
    // Whoever wants all of them needs no more than are shown.
    let size = if filter.is_open() { limit.clamp(1, PAGE) } else { PAGE };
    let bound = i64::try_from(size).unwrap_or(i64::MAX);
    let (mut items, mut looked_at) = (Vec::new(), 0);
    loop {
        let rows = page(at, bound)?;
        let last = rows.len() < size;
        for row in rows {
            at = row.0;
            looked_at += 1;
            let listed = Listed::decode(row)?;
            if filter.fits(listed.id, &listed.event) {
                items.push(listed);
            }
            if items.len() == limit || looked_at == MAX_LOOKED_AT {
                return Ok(Events { items, next: Some(EventId::from_int(at)) });
            }
        }
        if last {
            return Ok(Events { items, next: None });
        }
    }
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
        let first = self.filter.first();
        let events = look_through(&self.filter, self.before, self.limit, |at, bound| {
            Ok(tx.query(&EVENTS_BEFORE, params![at, first, bound], row)?)
        })?;
        let note = Note::count(events.items.len());
        Ok(Outcome::new(events, note))
    }
}

/// Events as the log has them: nothing that becomes visible later can stand before what was read. Only what a checkpoint covers.
#[derive(Debug, Clone)]
pub struct FollowEvents {
    /// The number of the log; the first one there is where it is nothing, the next one where this has ended.
    pub log: Option<i64>,
    /// The first index that is wanted.
    pub from: u64,
    /// Which.
    pub filter: Filter,
    /// At most so many.
    pub limit: usize,
}

impl Operation for FollowEvents {
    const ACTION: Action = Action::EventRead;
    type Output = Stretch;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Stretch>, Error> {
        let size = if self.filter == Filter::default() { self.limit.clamp(1, PAGE) } else { PAGE };
        let most = u64::try_from(size).unwrap_or(u64::MAX);
        let mut stretch = follow::locate(tx, cx.app, self.log, self.from)?;
        let mut looked_at = 0;
        'pages: while stretch.next < stretch.size {
            let end = stretch.next.saturating_add(most).min(stretch.size);
            for placed in follow::leaves(tx, &stretch, end)? {
                looked_at += 1;
                stretch.next = placed.index + 1;
                if self.filter.fits(placed.id, &placed.event) {
                    stretch.items.push(placed);
                }
                if stretch.items.len() == self.limit || looked_at == MAX_LOOKED_AT {
                    break 'pages;
                }
            }
        }
        let note = Note::count(stretch.items.len());
        Ok(Outcome::new(stretch, note))
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

/// An event as stored.
pub(crate) fn decode(body: &[u8]) -> Result<Event, Error> {
    minicbor::decode(body).map_err(|_| Error::Tampered)
}
