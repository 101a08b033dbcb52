//! Cases: what a reviewer has to look at. One for each person, day and family of rules. A score is a doubt; it is seen by those who may
//! read cases, and by nobody about themselves.
//!
//! A look that cannot wait opens a case for reviewers at once. Any other waits for a day, until late contacts have been logged, and then
//! takes its turn in the queue of its family.

use avouch_policy::Action;
use avouch_store::{Row, Tx, params, statements};
use avouch_watch::Family;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::audit::{self, Note, What};
use crate::gate::Permit;
use crate::gate::approvals::same_person;
use crate::ids::{CaseId, EventId, PrincipalId};

statements! {
    data PUT = "insert into watch_case (id, same, state, at, version, sealed) values (?1, ?2, ?3, ?4, 1, ?5)";
    data SAME = "select id, state, at, version, sealed from watch_case where same = ?1";
    data ONE = "select id, state, at, version, sealed from watch_case where id = ?1";
    data CHANGE = "update watch_case set version = version + 1, state = ?3, at = ?4, sealed = ?5 where id = ?1 and version = ?2";
    data NEWEST = "select id, state, at, version, sealed from watch_case where id < ?1 order by id desc limit ?2";
    data IN_STATE = "select id, state, at, version, sealed from watch_case where state = ?1 order by id limit ?2";
    data SWEEP = "delete from watch_case where state >= 2 and at <= ?1";
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// For how long a case is kept that is over.
const KEPT_MICROS: i64 = 180 * DAY_MICROS;
/// Events that a case names.
const EVENTS: usize = 32;
/// Cases that one request looks through.
const LOOKED_AT: i64 = 1_000;

/// How far a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseState {
    /// It waits until late contacts have been logged.
    Waiting,
    /// It is a reviewer's.
    Open,
    /// It was looked into, or has explained itself.
    Closed,
    /// The day had others that were worth more of a reviewer's time.
    Passed,
}

impl CaseState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Open, Self::Closed, Self::Passed];

    fn of(number: i64) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| *state as i64 == number).ok_or(Error::Tampered)
    }
}

/// What a case has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// There was need.
    Explained,
    /// There was none, and it was a mistake.
    Mistake,
    /// There was none: it is for the company's own procedure now.
    Unjustified,
    /// It is this person's work now: what is usual is learnt anew.
    NewWork,
}

/// Something worth a case, as it was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) actor: PrincipalId,
    pub(super) day: i32,
    pub(super) family: Family,
    pub(super) score: f64,
    pub(super) day_score: f64,
    pub(super) times: u32,
    pub(super) reasons: Vec<String>,
    pub(super) event: Option<i64>,
    pub(super) at: i64,
    /// It does not wait for the day to be over.
    pub(super) urgent: bool,
}

/// What is sealed of a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) actor: PrincipalId,
    pub(super) day: i32,
    pub(super) family: String,
    pub(super) score: f64,
    pub(super) day_score: f64,
    pub(super) times: u32,
    pub(super) reasons: Vec<String>,
    pub(super) events: Vec<i64>,
    pub(super) opened: i64,
    pub(super) closing: Option<Closing>,
}

/// How it was closed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Closing {
    pub(super) by: PrincipalId,
    pub(super) at: i64,
    pub(super) outcome: CaseOutcome,
    pub(super) why: String,
}

/// A case and what its row says besides.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: CaseId,
    pub(super) state: CaseState,
    pub(super) version: i64,
    pub(super) case: Case,
}

type Raw = ([u8; 16], i64, i64, i64, Vec<u8>);

fn raw(row: &Row<'_>) -> avouch_store::Result<Raw> {
    Ok((row.bytes::<16>(0)?, row.int(1)?, row.int(2)?, row.int(3)?, row.blob(4)?.to_vec()))
}

impl Stored {
    fn open(app: &App, (id, state, at, version, sealed): Raw) -> Result<Self, Error> {
        let plain = app.keys.open_row("watch_case", &id, &sealed)?;
        let (sealed_state, sealed_at, case): (i64, i64, Case) =
            serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
        // Whoever writes the database could say that somebody had looked into it.
        if (sealed_state, sealed_at) != (state, at) {
            return Err(Error::Tampered);
        }
        Ok(Self { id: CaseId::from_bytes(id), state: CaseState::of(state)?, version, case })
    }

    pub(super) fn one(tx: &mut Tx<'_>, app: &App, id: CaseId) -> Result<Self, Error> {
        let row = tx.first(&ONE, params![id.bytes()], raw)?.ok_or(Error::NotFound)?;
        Self::open(app, row)
    }

    /// Those in a state, oldest first.
    pub(super) fn in_state(tx: &mut Tx<'_>, app: &App, state: CaseState) -> Result<Vec<Self>, Error> {
        let rows = tx.query(&IN_STATE, params![state as i64, LOOKED_AT * 10], raw)?;
        rows.into_iter().map(|row| Self::open(app, row)).collect()
    }

    /// Puts it in the place of the version that was read.
    pub(super) fn change(&self, tx: &mut Tx<'_>, app: &App, now: i64) -> Result<(), Error> {
        let sealed = seal(app, self.id, self.state, now, &self.case)?;
        match tx.execute(&CHANGE, params![self.id.bytes(), self.version, self.state as i64, now, &sealed])? {
            0 => Err(Error::Conflict("somebody else has just changed it: look again")),
            _ => Ok(()),
        }
    }
}

fn seal(app: &App, id: CaseId, state: CaseState, at: i64, case: &Case) -> Result<Vec<u8>, Error> {
    let plain = serde_json::to_vec(&(state as i64, at, case))
        .map_err(|_| Error::Internal("a case has no JSON form"))?;
    Ok(app.keys.seal_row("watch_case", id.bytes(), &Zeroizing::new(plain), &app.rng)?)
}

/// Opens a case, or adds to the one that there is of this person, day and family. One that was closed is opened anew by whatever
/// comes after: else a first harmless look would hide the others of the day.
pub(super) fn open(tx: &mut Tx<'_>, app: &App, found: &Found) -> Result<(), Error> {
    let parts = [found.actor.bytes(), &found.day.to_be_bytes()[..], found.family.name().as_bytes()];
    let same = app.keys.row_digest("watch_case", &parts);
    let now = app.now();
    let state = if found.urgent { CaseState::Open } else { CaseState::Waiting };
    if let Some(row) = tx.first(&SAME, params![&same], raw)? {
        let mut stored = Stored::open(app, row)?;
        let case = &mut stored.case;
        if found.event.is_some_and(|event| case.events.contains(&event)) {
            return Ok(());
        }
        if case.events.len() < EVENTS {
            case.events.extend(found.event);
        }
        case.times = case.times.max(found.times).max(u32::try_from(case.events.len()).unwrap_or(u32::MAX));
        if found.score > case.score || found.event.is_none() {
            case.reasons.clone_from(&found.reasons);
        }
        case.score = if found.event.is_none() { found.score } else { case.score.max(found.score) };
        case.day_score = found.day_score;
        let closed =
            case.closing.as_ref().is_some_and(|closing| found.event.is_some() && found.at > closing.at);
        if stored.state == CaseState::Waiting || closed {
            stored.state = state;
        }
        return stored.change(tx, app, now);
    }
    let id = CaseId::from_bytes(app.ids.uuid(now, &app.rng)?);
    let case = Case {
        actor: found.actor,
        day: found.day,
        family: found.family.name().to_owned(),
        score: found.score,
        day_score: found.day_score,
        times: found.times,
        reasons: found.reasons.clone(),
        events: found.event.into_iter().collect(),
        opened: now,
        closing: None,
    };
    let sealed = seal(app, id, state, now, &case)?;
    tx.put(&PUT, params![id.bytes(), &same, state as i64, now, &sealed])?;
    // It says that there is one, and not about whom: events are read by more people than cases.
    let mut event = audit::system(app.ids.event(now), What::CaseOpen, now, app.rules().version);
    event.objects = vec![(*id.bytes()).into()];
    event.count = 1;
    audit::append(tx, &event, 0, None)?;
    Ok(())
}

/// Reads cases, newest first.
#[derive(Debug, Clone)]
pub struct ReadCases {
    /// Only of this family.
    pub family: Option<Family>,
    /// Only in this state.
    pub state: Option<CaseState>,
    /// Those before this one.
    pub before: Option<CaseId>,
    /// At most so many.
    pub limit: usize,
}

/// Some of them.
#[derive(Debug, Clone)]
pub struct CasePage {
    /// Those that fit, of as many as one request looks through.
    pub items: Vec<CaseShown>,
    /// Where the next page begins.
    pub next: Option<CaseId>,
}

/// A case as it is shown.
#[derive(Debug, Clone)]
pub struct CaseShown {
    /// Its id.
    pub id: CaseId,
    /// How far it is.
    pub state: CaseState,
    /// About whom.
    pub actor: PrincipalId,
    /// By name.
    pub actor_name: String,
    /// The company's day, in days since 1970.
    pub day: i32,
    /// Which rules.
    pub family: &'static str,
    /// What the family's rules say, in [0, 1].
    pub score: f64,
    /// What all rules say of the day.
    pub day_score: f64,
    /// In how many visits.
    pub times: u32,
    /// What was counted, in sentences that name nobody.
    pub reasons: Vec<String>,
    /// The first of its looks.
    pub events: Vec<EventId>,
    /// When it was opened, in microseconds UTC.
    pub opened: i64,
    /// What it has come to.
    pub outcome: Option<CaseOutcome>,
    /// Why.
    pub why: Option<String>,
    /// Who has closed it, by name; the system itself, when a contact came late.
    pub closed_by: Option<String>,
    /// When, in microseconds UTC.
    pub closed: Option<i64>,
}

/// A case, to somebody whom it is not about.
fn shown(cx: &Cx<'_>, stored: Stored) -> Option<CaseShown> {
    let access = cx.app.access();
    let Stored { id, state, case, .. } = stored;
    if same_person(&access, case.actor, cx.caller.id()) {
        return None;
    }
    let name = |id| match access.principal(id) {
        Some(record) => record.name.clone(),
        None if id == PrincipalId::SYSTEM => "avouch".to_owned(),
        None => "somebody who is gone".to_owned(),
    };
    let family = Family::ALL.into_iter().find(|family| family.name() == case.family).map_or("", Family::name);
    let (mut outcome, mut why, mut closed_by, mut closed) = (None, None, None, None);
    if let Some(closing) = case.closing.filter(|_| state == CaseState::Closed) {
        (outcome, why) = (Some(closing.outcome), Some(closing.why));
        (closed_by, closed) = (Some(name(closing.by)), Some(closing.at));
    }
    Some(CaseShown {
        id,
        state,
        actor: case.actor,
        actor_name: name(case.actor),
        day: case.day,
        family,
        score: case.score,
        day_score: case.day_score,
        times: case.times,
        reasons: case.reasons,
        events: case.events.into_iter().map(EventId::from_int).collect(),
        opened: case.opened,
        outcome,
        why,
        closed_by,
        closed,
    })
}

impl Operation for ReadCases {
    const ACTION: Action = Action::WatchRead;
    type Output = CasePage;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<CasePage>, Error> {
        let limit = self.limit.clamp(1, 200);
        let mut before = self.before.unwrap_or(CaseId::from_bytes([0xff; 16]));
        let rows = tx.query(&NEWEST, params![before.bytes(), LOOKED_AT], raw)?;
        let all = i64::try_from(rows.len()).unwrap_or(i64::MAX) < LOOKED_AT;
        let (mut items, mut left) = (Vec::new(), false);
        for row in rows {
            if items.len() == limit {
                left = true;
                break;
            }
            let stored = Stored::open(cx.app, row)?;
            before = stored.id;
            let fits = self.state.is_none_or(|state| state == stored.state)
                && self.family.is_none_or(|family| family.name() == stored.case.family);
            items.extend(shown(cx, stored).filter(|_| fits));
        }
        let next = (left || !all).then_some(before);
        let note = Note::count(items.len());
        Ok(Outcome::new(CasePage { items, next }, note))
    }
}

/// Reads one.
#[derive(Debug, Clone)]
pub struct ReadCase {
    /// Which.
    pub id: CaseId,
}

impl Operation for ReadCase {
    const ACTION: Action = Action::WatchRead;
    type Output = CaseShown;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<CaseShown>, Error> {
        let stored = Stored::one(tx, cx.app, self.id)?;
        let actor = *stored.case.actor.bytes();
        let shown = shown(cx, stored).ok_or(Error::NotFound)?;
        let note = Note { objects: vec![*self.id.bytes(), actor], ..Note::count(1) };
        Ok(Outcome::new(shown, note))
    }
}

/// Forgets what has been over for long.
pub(super) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now.saturating_sub(KEPT_MICROS)])?)
}
