//! What people see of themselves: whom they have looked at, for which purpose and when; and that this is watched, which they say they
//! have read. No score: that is for two others to look at.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use crate::Error;
use crate::app::{Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::read::{find, reason};
use crate::audit::{Event, Note};
use crate::gate::{Permit, Reason, note_acknowledged};
use crate::ids::EventId;

statements! {
    data OWN = "select event from look where actor = ?1 and event < ?2 order by event desc limit ?3";
}

/// The caller's own looks, newest first.
#[derive(Debug, Clone)]
pub struct ReadOwnAccesses {
    /// Those before this one.
    pub before: Option<EventId>,
    /// At most so many.
    pub limit: usize,
}

/// Some of them.
#[derive(Debug, Clone)]
pub struct OwnAccessPage {
    /// The looks.
    pub items: Vec<OwnAccess>,
    /// Where the next page begins.
    pub next: Option<EventId>,
    /// When the caller has said that they know of it, in microseconds UTC.
    pub acknowledged: Option<i64>,
}

/// A look as the one sees it who has looked.
#[derive(Debug, Clone)]
pub struct OwnAccess {
    /// The event.
    pub event: EventId,
    /// Microseconds UTC.
    pub at: i64,
    /// What was done.
    pub action: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in one's own words.
    pub reason: Option<Reason>,
    /// With which fields.
    pub fields: Vec<String>,
    /// How many customers.
    pub count: u32,
}

impl Operation for ReadOwnAccesses {
    const ACTION: Action = Action::AccountRead;
    type Output = OwnAccessPage;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<OwnAccessPage>, Error> {
        let limit = self.limit.clamp(1, 200);
        let before = self.before.map_or(i64::MAX, EventId::int);
        let most = i64::try_from(limit).unwrap_or(200);
        let me = cx.caller.id();
        let ids: Vec<EventId> =
            tx.query(&OWN, params![me.bytes(), before, most], |row| Ok(EventId::from_int(row.int(0)?)))?;
        let next = ids.last().copied().filter(|_| ids.len() == limit);
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            // Events that were kept long enough are gone.
            let Some(event) = find(tx, id)?.filter(|event| event.actor == (*me.bytes()).into()) else {
                continue;
            };
            items.push(access(tx, cx, id, event)?);
        }
        let acknowledged = cx.app.access().principal(me).and_then(|record| record.acknowledged);
        let note = Note::count(items.len());
        Ok(Outcome::new(OwnAccessPage { items, next, acknowledged }, note))
    }
}

fn access(tx: &mut Tx<'_>, cx: &Cx<'_>, id: EventId, event: Event) -> Result<OwnAccess, Error> {
    let name =
        |number: &u32| cx.rules.field_name(*number).map_or_else(|| format!("field {number}"), str::to_owned);
    Ok(OwnAccess {
        event: id,
        at: event.at,
        action: event.what,
        purpose: event.purpose,
        reason: reason(tx, cx, id)?,
        fields: event.fields.iter().map(name).collect(),
        count: event.count,
    })
}

/// The caller says that they know that their looks are watched.
#[derive(Debug, Clone)]
pub struct AcknowledgeMonitoring;

impl Operation for AcknowledgeMonitoring {
    const ACTION: Action = Action::AccountAcknowledge;
    const REFRESH: Refresh = Refresh::Access;
    type Output = i64;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<i64>, Error> {
        let at = note_acknowledged(tx, cx)?;
        let note = Note { objects: vec![*cx.caller.id().bytes()], ..Note::count(1) };
        Ok(Outcome::new(at, note))
    }
}
