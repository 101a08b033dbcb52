//! Looks as they are gathered in the transaction of the act, and as they are kept sealed beside its event, by who has looked.
//!
//! What is kept names nobody: of each customer the place among the event's pseudonyms, and what was known of them then. So a look
//! outlives its customer as the event does, leading to nobody.

use std::collections::HashSet;

use avouch_policy::{PrincipalKind, SubjectClass, View};
use avouch_seal::vault::VaultKeys;
use avouch_watch::{Access, ActorId, Session, SubjectFacts, SubjectId as Watched, TeamId, Tie};
use minicbor::{Decode, Encode};

use avouch_store::{Ahead, Tx, params, statements};

use crate::Error;
use crate::app::App;
use crate::audit::Event;
use crate::gate::kind_of;
use crate::ids::{EventId, PrincipalId, SubjectId};
use crate::vault::ShownSubject;

statements! {
    data PUT = "insert into look (actor, event, sealed) values (?1, ?2, ?3)";
    data OF_ACTOR = "select event, sealed from look where actor = ?1 and event > ?2 order by event limit 500";
    data RECENT = "select l.event, l.sealed, e.body from look l join event e on e.id = l.event where l.actor = ?1 and l.event >= ?2 order by l.event desc limit ?3";
    data BETWEEN = "select event, sealed from look where actor = ?1 and event >= ?2 and event <= ?3";
    data OLDEST = "select min(id) from event";
    data SWEEP = "delete from look where actor = ?1 and event < ?2";
}

/// One customer as an operation has shown them to its caller.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub(crate) subject: SubjectId,
    pub(crate) pseudonym: [u8; 16],
    pub(crate) clear: u16,
    pub(crate) masked: u16,
}

impl Look {
    /// At nobody's fields yet.
    pub(crate) const fn new(subject: SubjectId, pseudonym: [u8; 16]) -> Self {
        Self { subject, pseudonym, clear: 0, masked: 0 }
    }

    /// At a record as it was shown.
    pub(crate) fn at(shown: &ShownSubject, pseudonym: [u8; 16]) -> Self {
        let mut look = Self::new(shown.id, pseudonym);
        shown.views.iter().for_each(|(_, view)| look.add(*view));
        look
    }

    /// How much that was.
    pub(crate) const fn shown(&self) -> (u16, u16) {
        (self.clear, self.masked)
    }

    /// One more field. A token tells nothing.
    pub(crate) fn add(&mut self, view: View) {
        match view {
            View::Clear => self.clear = self.clear.saturating_add(1),
            View::Partial | View::Masked => self.masked = self.masked.saturating_add(1),
            View::Token | View::Nothing => {}
        }
    }
}

/// The looks of one act, with what is needed to judge them.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) event: i64,
    pub(crate) accesses: Vec<Access>,
    sealed: Vec<u8>,
}

impl Seen {
    pub(super) fn new(event: i64, accesses: Vec<Access>, sealed: Vec<u8>) -> Self {
        Self { event, accesses, sealed }
    }

    /// Puts them beside their event, in its transaction.
    pub(crate) fn keep(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if let Some(access) = self.accesses.first() {
            tx.put(&PUT, params![&access.actor.0, self.event, &self.sealed])?;
        }
        Ok(())
    }
}

/// What is kept of somebody's looks after an event: the event's id, and the sealed looks.
pub(super) fn since(tx: &mut Tx<'_>, actor: PrincipalId, event: i64) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    Ok(tx.query(&OF_ACTOR, params![actor.bytes(), event], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?)
}

/// What somebody has looked at in the last 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recently {
    /// How many different customers.
    pub customers: u64,
    /// How many values in clear.
    pub clear_values: u64,
    /// That it was more: only the newest are counted.
    pub and_more: bool,
}

const DAYS_MICROS: i64 = 30 * 24 * 3600 * 1_000_000;
/// So many acts are counted.
const COUNTED: i64 = 2_000;

/// See [`Recently`], by whichever of their accounts. What programs look at is not kept, so nothing is said of them.
pub(crate) fn recently(
    tx: &mut Tx<'_>,
    app: &App,
    actor: PrincipalId,
    now: i64,
) -> Result<Option<Recently>, Error> {
    let access = app.access();
    if access
        .principal(actor)
        .is_none_or(|record| kind_of(&record.kind).is_ok_and(|kind| kind == PrincipalKind::Service))
    {
        return Ok(None);
    }
    let from = EventId::first_at(now.saturating_sub(DAYS_MICROS)).int();
    let (mut customers, mut recently) = (HashSet::new(), Recently::default());
    for account in access.accounts_of(actor) {
        let rows = tx.query(&RECENT, params![account.bytes(), from, COUNTED], |row| {
            Ok((row.int(0)?, row.blob(1)?.to_vec(), row.blob(2)?.to_vec()))
        })?;
        recently.and_more |= i64::try_from(rows.len()).unwrap_or(i64::MAX) >= COUNTED;
        for (event, sealed, body) in rows {
            let plain = app.keys.open_row("look", &event.to_be_bytes(), &sealed)?;
            let kept: Kept = minicbor::decode(&plain).map_err(|_| Error::Tampered)?;
            for access in kept.of_event(&Event::decode(&body)?)? {
                customers.insert(access.subject);
                recently.clear_values = recently.clear_values.saturating_add(access.clear.into());
            }
        }
    }
    recently.customers = u64::try_from(customers.len()).unwrap_or(u64::MAX);
    Ok(Some(recently))
}

/// Whom somebody was shown alone by each of these events, as a class: what a decision about them rested on.
pub(crate) fn classes(
    tx: &mut Tx<'_>,
    keys: &VaultKeys,
    actor: PrincipalId,
    (first, last): (i64, i64),
) -> Result<Vec<(i64, SubjectClass)>, Error> {
    let rows = tx.query(&BETWEEN, params![actor.bytes(), first, last], |row| {
        Ok((row.int(0)?, row.blob(1)?.to_vec()))
    })?;
    let mut classes = Vec::new();
    for (event, sealed) in rows {
        let plain = keys.open_row("look", &event.to_be_bytes(), &sealed)?;
        let kept: Kept = minicbor::decode(&plain).map_err(|_| Error::Tampered)?;
        if let [look] = kept.looks.as_slice() {
            let has = |bit| look.facts & bit != 0;
            // How delicate is not kept, only that it is.
            let class = SubjectClass { tier: u8::from(has(VIP)), own: has(OWN), colleague: has(STAFF) };
            classes.push((event, class));
        }
    }
    Ok(classes)
}

/// What [`since`] will ask.
pub(super) fn ahead(actor: PrincipalId, event: i64) -> Ahead {
    Ahead::new(&OF_ACTOR, params![actor.bytes(), event])
}

/// Forgets looks of which the event is gone.
pub(super) fn sweep(tx: &mut Tx<'_>, actors: impl IntoIterator<Item = PrincipalId>) -> Result<u64, Error> {
    let Some(oldest) = tx.first(&OLDEST, &[], |row| row.opt_int(0))?.flatten() else { return Ok(0) };
    let mut gone = 0;
    for actor in actors {
        gone += tx.execute(&SWEEP, params![actor.bytes(), oldest])?;
    }
    Ok(gone)
}

/// The same as it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Kept {
    #[n(0)]
    pub(super) team: TeamId,
    #[n(1)]
    pub(super) leaving: bool,
    #[n(2)]
    pub(super) vip_desk: bool,
    #[n(3)]
    pub(super) novelty: u8,
    #[n(4)]
    pub(super) looks: Vec<KeptLook>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct KeptLook {
    /// Which of the event's subjects.
    #[n(0)]
    whose: u32,
    #[n(1)]
    facts: u8,
    #[n(2)]
    tie: Tie,
    #[n(3)]
    clear: u16,
    #[n(4)]
    masked: u16,
}

const STAFF: u8 = 1;
const OWN: u8 = 2;
const VIP: u8 = 4;
const HONEY: u8 = 8;

impl KeptLook {
    pub(super) fn new(whose: usize, look: &Look, facts: SubjectFacts, tie: Tie) -> Self {
        let bit = |holds, bit| if holds { bit } else { 0 };
        let SubjectFacts { staff, own_record, vip, honey, .. } = facts;
        let facts = bit(staff, STAFF) | bit(own_record, OWN) | bit(vip, VIP) | bit(honey, HONEY);
        let whose = u32::try_from(whose).unwrap_or(u32::MAX);
        Self { whose, facts, tie, clear: look.clear, masked: look.masked }
    }
}

impl Kept {
    /// What is judged, in the order in which it was shown.
    pub(super) fn accesses(
        &self,
        actor: [u8; 16],
        at: i64,
        pseudonym: impl Fn(usize) -> Option<[u8; 16]>,
    ) -> Result<Vec<Access>, Error> {
        let Self { team, leaving, vip_desk, novelty, ref looks } = *self;
        let access = |look: &KeptLook| {
            let subject = usize::try_from(look.whose).ok().and_then(&pseudonym).ok_or(Error::Tampered)?;
            let has = |bit| look.facts & bit != 0;
            Ok(Access {
                actor: ActorId(actor),
                team,
                leaving,
                vip_desk,
                subject: Watched(subject),
                facts: SubjectFacts {
                    staff: has(STAFF),
                    own_record: has(OWN),
                    vip: has(VIP),
                    honey: has(HONEY),
                    ..SubjectFacts::default()
                },
                segment: 0,
                place: None,
                at,
                clear: look.clear,
                masked: look.masked,
                tie: look.tie,
                session: Session { new_device: false, novelty },
            })
        };
        looks.iter().map(access).collect()
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        minicbor::to_vec(self).map_err(|_| Error::Internal("looks have no CBOR form"))
    }

    /// With the event beside which they are kept.
    pub(super) fn of_event(&self, event: &Event) -> Result<Vec<Access>, Error> {
        let pseudonym = |place: usize| Some(**event.subjects.get(place)?);
        self.accesses(*event.actor, event.at, pseudonym)
    }
}
