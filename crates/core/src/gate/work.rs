//! What was done under somebody's word or behind broken glass, as a list: read from the events, which name what they were done under.
//! There is no other record of it.

use avouch_policy::View;
use avouch_store::{Tx, params, statements};

use super::Reason;
use crate::Error;
use crate::app::Cx;
use crate::audit::read::{self, decode};
use crate::audit::{Ending, Event};
use crate::ids::{EventId, PrincipalId, SubjectId};
use crate::vault::view_of;

statements! {
    data UNDER = "select e.id, e.body from event_under u join event e on e.id = u.event where u.under = ?1 and u.event < ?2 order by u.event desc limit ?3";
}

/// Some of what was done, newest first.
#[derive(Debug, Clone)]
pub struct Work {
    /// What was done.
    pub items: Vec<Worked>,
    /// Where the next page begins.
    pub next: Option<EventId>,
}

/// Something that was done.
#[derive(Debug, Clone)]
pub struct Worked {
    /// The event.
    pub event: EventId,
    /// Microseconds UTC.
    pub at: i64,
    /// Who.
    pub actor: PrincipalId,
    /// By name.
    pub actor_name: String,
    /// What.
    pub action: String,
    /// How it ended.
    pub ending: Ending,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Which fields, and how each was shown.
    pub fields: Vec<(String, Option<View>)>,
    /// How many customers.
    pub count: u32,
    /// Whom, as far as it is known and they are still here.
    pub customers: Vec<SubjectId>,
}

/// What was done under this. `known` says whom events mean.
pub(crate) fn work_under(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    under: &[u8; 16],
    known: &[([u8; 16], SubjectId)],
    before: Option<EventId>,
    limit: usize,
) -> Result<Work, Error> {
    let limit = limit.clamp(1, 200);
    let (before, most) = (before.map_or(i64::MAX, EventId::int), i64::try_from(limit).unwrap_or(200));
    let rows =
        tx.query(&UNDER, params![under, before, most], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?;
    let next = rows.last().map(|(id, _)| EventId::from_int(*id)).filter(|_| rows.len() >= limit);
    let mut items = Vec::with_capacity(rows.len());
    for (id, body) in rows {
        let event = decode(&body)?;
        items.push(worked(tx, cx, EventId::from_int(id), event, known)?);
    }
    Ok(Work { items, next })
}

fn worked(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    id: EventId,
    event: Event,
    known: &[([u8; 16], SubjectId)],
) -> Result<Worked, Error> {
    let reason = read::reason(tx, cx, id)?;
    let actor = PrincipalId::from_bytes(*event.actor);
    let access = cx.app.access();
    let actor_name =
        access.principal(actor).map_or_else(|| "somebody who is gone".to_owned(), |one| one.name.clone());
    let views = event.views.iter().map(|view| view_of(*view)).chain(core::iter::repeat(None));
    let name =
        |number: u32| cx.rules.field_name(number).map_or_else(|| format!("field {number}"), str::to_owned);
    let whom =
        |pseudonym: &[u8]| known.iter().find(|(known, _)| known == pseudonym).map(|(_, subject)| *subject);
    Ok(Worked {
        event: id,
        at: event.at,
        actor,
        actor_name,
        fields: event.fields.iter().zip(views).map(|(number, view)| (name(*number), view)).collect(),
        customers: event.subjects.iter().filter_map(|pseudonym| whom(&pseudonym[..])).collect(),
        action: event.what,
        ending: event.ending,
        purpose: event.purpose,
        reason,
        count: event.count,
    })
}
