//! What is known of everybody who looks, in memory, and how it outlives a restart.
//!
//! Each look is judged once, after its commit. What is known of an actor is kept sealed from time to time, with the looks of the last
//! minutes that are in it; at a start the events since then are read again, and whatever is not in it is judged as it would have been.
//! A case that a crash has kept from the disk is found again by that, and one that is there already is not opened twice.
//!
//! Of a team is kept what it was a moment later or earlier than of its people: after a crash the looks of some minutes may count twice
//! in what is usual there.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use avouch_store::{Tx, params, statements};
use avouch_watch::{Access, Action, ActorId, Family, Judgement, Owner, TeamId, Thresholds, View, Watch};
use minicbor::{Decode, Encode};

use super::cases::{self, Found};
use super::look::{self, Kept, Seen};
use crate::Error;
use crate::app::App;
use crate::audit::Event;
use crate::audit::read::find;
use crate::ids::{EventId, PrincipalId};

statements! {
    data STATE = "select owner, sealed from watch_state";
    data PUT_STATE = "insert into watch_state (owner, sealed) values (?1, ?2) on conflict (owner) do update set sealed = ?2";
    data DROP_STATE = "delete from watch_state where owner = ?1";
}

/// An event may become visible so long after its id was drawn.
const LATE_MICROS: i64 = 10 * 60 * 1_000_000;
/// Looks of one actor that are remembered one by one.
const RECENT: usize = 4_096;
/// Pieces that are written in one transaction.
const SLICE: usize = 64;
/// Cases that wait for the disk; with more the store does not work at all.
const PENDING: usize = 1_024;

/// See the module.
#[derive(Debug)]
pub(crate) struct Watching(Mutex<State>);

#[derive(Debug)]
pub(super) struct State {
    pub(super) watch: Watch,
    /// The looks of the last minutes that are judged, by their events.
    recent: HashMap<ActorId, VecDeque<i64>>,
    /// Cases that are not on the disk yet.
    pending: Vec<Found>,
    pub(super) progress: Progress,
}

/// How far the work of the background is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Progress {
    /// Events up to this moment are in what is kept.
    #[n(0)]
    pub(super) kept: i64,
    /// Ties that were told up to this moment have been looked at.
    #[n(1)]
    pub(super) ties: i64,
    /// The last day of which the queues are closed.
    #[n(2)]
    pub(super) day: Option<i32>,
}

/// A piece of what is known, as it is sealed.
#[derive(Encode, Decode)]
struct Piece {
    /// Looks that are in it and may be read again.
    #[n(0)]
    recent: Vec<i64>,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    bytes: Vec<u8>,
}

impl Watching {
    pub(crate) fn new() -> Result<Self, Error> {
        let watch = Watch::new(Thresholds::default()).map_err(|_| Error::Internal("thresholds"))?;
        let state =
            State { watch, recent: HashMap::new(), pending: Vec::new(), progress: Progress::default() };
        Ok(Self(Mutex::new(state)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges the looks of an act that is on the disk. Whether there are cases to be opened.
    pub(crate) fn judge(&self, seen: &Seen) -> bool {
        let mut state = self.lock();
        state.judge(seen.event, &seen.accesses);
        !state.pending.is_empty()
    }

    /// How many are known.
    pub(crate) fn known(&self) -> (usize, usize) {
        self.lock().watch.known()
    }
}

impl State {
    fn judge(&mut self, event: i64, accesses: &[Access]) {
        for access in accesses {
            let judgement = self.watch.judge(access);
            if judgement.action >= Action::Case {
                self.found(event, access, &judgement);
            }
        }
        if let Some(access) = accesses.first() {
            let recent = self.recent.entry(access.actor).or_default();
            let old = EventId::first_at(access.at.saturating_sub(2 * LATE_MICROS)).int();
            while recent.front().is_some_and(|event| *event < old) || recent.len() >= RECENT {
                recent.pop_front();
            }
            recent.push_back(event);
        }
    }

    /// A look that is worth a case: for each family that has a part in it.
    fn found(&mut self, event: i64, access: &Access, judgement: &Judgement) {
        let thresholds = self.watch.thresholds();
        let day = self.watch.day(access.at);
        let own = judgement.score >= thresholds.levels.case;
        let values = self.watch.day_values(access.actor, day, View::AtOnce).filter(|_| !own);
        let values = values.unwrap_or(judgement.values);
        let score = |family| values.family(family, thresholds);
        let mut families: Vec<Family> =
            Family::ALL.into_iter().filter(|family| score(*family) >= thresholds.levels.prompt).collect();
        if families.is_empty() {
            let highest = Family::ALL.into_iter().max_by(|one, other| score(*one).total_cmp(&score(*other)));
            families.extend(highest);
        }
        let reasons: Vec<String> = judgement.reasons(thresholds).iter().map(ToString::to_string).collect();
        for family in families {
            let found = Found {
                actor: PrincipalId::from_bytes(access.actor.0),
                day,
                family,
                score: score(family),
                day_score: judgement.day,
                times: 1,
                reasons: reasons.clone(),
                event: Some(event),
                at: access.at,
                urgent: judgement.action == Action::Block,
            };
            if self.pending.len() < PENDING {
                self.pending.push(found);
            }
        }
    }
}

/// Writes the cases that wait for it, and calls `done` when they are on the disk. A failure is no answer to whoever has looked: their look
/// is on record, and the case comes with what is kept next, or after the next start.
pub(crate) fn open_cases(app: &Arc<App>, done: impl FnOnce() + Send + 'static) {
    let writer = Arc::clone(app);
    app.store.write_urgent(
        move |tx| {
            let pending = writer.watching.lock().pending.clone();
            pending.iter().try_for_each(|found| cases::open(tx, &writer, found))?;
            Ok(pending)
        },
        {
            let app = Arc::clone(app);
            move |written: Result<Vec<Found>, Error>| {
                match written {
                    Ok(written) => app.watching.lock().pending.retain(|found| !written.contains(found)),
                    Err(error) => tracing::error!(%error, "a case could not be opened; it is tried again"),
                }
                done();
            }
        },
    );
}

impl App {
    /// How many people and teams are known to the rules on who looks without need.
    #[must_use]
    pub fn watched(&self) -> (usize, usize) {
        self.watching.known()
    }

    /// Keeps what is known of everybody who has looked since it was kept last. To be called every minute, and at the end.
    ///
    /// # Errors
    /// What the store reports.
    pub fn keep_watch(self: &Arc<Self>) -> Result<(), Error> {
        let begun = self.now();
        loop {
            let (pieces, pending, recent) = {
                let state = self.watching.lock();
                let pieces = state.watch.changed(SLICE);
                let recent: Vec<Vec<i64>> = pieces
                    .iter()
                    .map(|piece| match piece.owner {
                        Owner::Actor(id) => state.recent.get(&id).into_iter().flatten().copied().collect(),
                        Owner::Team(_) => Vec::new(),
                    })
                    .collect();
                (pieces, state.pending.clone(), recent)
            };
            if pieces.is_empty() && pending.is_empty() {
                break;
            }
            let last = pieces.len() < SLICE;
            let app = Arc::clone(self);
            // Together: what a look has come to is never kept without the case that it was worth.
            let (pieces, written) = self.store.write_wait(move |tx| {
                pending.iter().try_for_each(|found| cases::open(tx, &app, found))?;
                for (piece, recent) in pieces.iter().zip(&recent) {
                    let kept = Piece { recent: recent.clone(), bytes: piece.bytes.clone() };
                    put(tx, &app, &place(piece.owner), &kept)?;
                }
                Ok::<_, Error>((pieces.clone(), pending.clone()))
            })?;
            let mut state = self.watching.lock();
            pieces.iter().for_each(|piece| state.watch.stored(piece));
            state.pending.retain(|found| !written.contains(found));
            if last {
                break;
            }
        }
        let mut progress = self.watching.lock().progress;
        progress.kept = begun;
        self.store_progress(progress)?;
        self.watching.lock().progress.kept = begun;
        Ok(())
    }

    pub(super) fn store_progress(self: &Arc<Self>, progress: Progress) -> Result<(), Error> {
        let app = Arc::clone(self);
        self.store.write_wait(move |tx| put(tx, &app, PROGRESS, &progress))
    }

    /// What is kept, and then the looks since.
    pub(crate) fn resume_watch(self: &Arc<Self>) -> Result<(), Error> {
        let rows = self.store.read_wait(|tx| {
            tx.query(&STATE, &[], |row| Ok((row.blob(0)?.to_vec(), row.blob(1)?.to_vec())))
        })?;
        let mut state = self.watching.lock();
        for (owner, sealed) in rows {
            // Of somebody whose piece is damaged all has to be learnt anew; that keeps nobody from their work.
            if restore(&mut state, self, &owner, &sealed).is_none() {
                tracing::error!(
                    "what was known of somebody who looks at customers does not open, and is learnt anew"
                );
            }
        }
        drop(state);
        self.replay()
    }

    fn replay(self: &Arc<Self>) -> Result<(), Error> {
        let kept = self.watching.lock().progress.kept;
        let since = EventId::first_at(kept.saturating_sub(LATE_MICROS).max(0)).int();
        let access = self.access();
        let people: Vec<PrincipalId> = access.principals().map(|(id, _)| id).collect();
        for some in people.chunks(SLICE) {
            let mut left: Vec<(PrincipalId, i64)> = some.iter().map(|id| (*id, since)).collect();
            while !left.is_empty() {
                let (asked, app) = (left.clone(), Arc::clone(self));
                let looks = self.store.read_wait(move |tx| looks_since(tx, &app, &asked))?;
                left.retain_mut(|(actor, after)| {
                    let last = looks.iter().rfind(|(of, ..)| of == actor).map(|(_, event, _)| *event);
                    last.map(|last| *after = last).is_some()
                });
                let mut state = self.watching.lock();
                for (actor, event, accesses) in looks {
                    let recent = state.recent.get(&ActorId(*actor.bytes()));
                    let known = recent.is_some_and(|recent| recent.contains(&event));
                    if let Some(accesses) = accesses.filter(|_| !known) {
                        state.judge(event, &accesses);
                    }
                }
            }
        }
        if !self.watching.lock().pending.is_empty() {
            self.keep_watch()?;
        }
        Ok(())
    }

    /// Nothing when they do not open, or are somebody else's.
    fn kept_looks(&self, actor: PrincipalId, id: i64, body: &Event, sealed: &[u8]) -> Option<Vec<Access>> {
        let plain = self.keys.open_row("look", &id.to_be_bytes(), sealed).ok()?;
        let kept: Kept = minicbor::decode(&plain).ok()?;
        let own = *body.actor == *actor.bytes();
        own.then(|| kept.of_event(body).ok()).flatten()
    }
}

/// Who, in which event, and what.
type Looks = (PrincipalId, i64, Option<Vec<Access>>);

/// Looks of these people, of each after an event.
fn looks_since(tx: &mut Tx<'_>, app: &App, asked: &[(PrincipalId, i64)]) -> Result<Vec<Looks>, Error> {
    tx.read_ahead(|| asked.iter().map(|(actor, after)| look::ahead(*actor, *after)).collect())?;
    let mut looks = Vec::new();
    for (actor, after) in asked {
        for (event, sealed) in look::since(tx, *actor, *after)? {
            let accesses = match find(tx, EventId::from_int(event)) {
                Ok(Some(body)) => app.kept_looks(*actor, event, &body, &sealed),
                // It was kept long enough, and is gone.
                Ok(None) => continue,
                // An event that was altered is for whoever verifies the log to find; it keeps nobody's vault shut.
                Err(Error::Tampered) => None,
                Err(error) => return Err(error),
            };
            if accesses.is_none() {
                tracing::error!(event = %EventId::from_int(event), "looks do not open and are not judged");
            }
            looks.push((*actor, event, accesses));
        }
    }
    Ok(looks)
}

/// Where the progress is kept.
const PROGRESS: &[u8] = &[0];

fn place(owner: Owner) -> Vec<u8> {
    match owner {
        Owner::Actor(ActorId(id)) => [&[1], &id[..]].concat(),
        Owner::Team(TeamId(id)) => [&[2], &id[..]].concat(),
    }
}

fn put<T: Encode<()>>(tx: &mut Tx<'_>, app: &App, owner: &[u8], of: &T) -> Result<(), Error> {
    let plain = minicbor::to_vec(of).map_err(|_| Error::Internal("a piece has no CBOR form"))?;
    let sealed = app.keys.seal_row("watch_state", owner, &plain, &app.rng)?;
    tx.put(&PUT_STATE, params![owner, &sealed])?;
    Ok(())
}

/// Nothing when it is damaged.
fn restore(state: &mut State, app: &App, owner: &[u8], sealed: &[u8]) -> Option<()> {
    let plain = app.keys.open_row("watch_state", owner, sealed).ok()?;
    let (kind, id) = owner.split_first()?;
    if *kind == 0 {
        state.progress = minicbor::decode(&plain).ok()?;
        return Some(());
    }
    let id: [u8; 16] = id.try_into().ok()?;
    let owner = if *kind == 1 { Owner::Actor(ActorId(id)) } else { Owner::Team(TeamId(id)) };
    let Piece { recent, bytes } = minicbor::decode(&plain).ok()?;
    state.watch.restore(owner, &bytes).ok()?;
    if let Owner::Actor(id) = owner {
        state.recent.insert(id, recent.into());
    }
    Some(())
}

/// Forgets who has looked at nobody for as long as anything of them may be kept.
pub(super) fn sweep(tx: &mut Tx<'_>, app: &App, now: i64) -> Result<u64, Error> {
    let gone = {
        let mut state = app.watching.lock();
        let day = state.watch.day(now);
        let gone = state.watch.sweep(day);
        gone.iter().for_each(|id| drop(state.recent.remove(id)));
        gone
    };
    for id in &gone {
        tx.put(&DROP_STATE, params![&place(Owner::Actor(*id))])?;
    }
    let people: Vec<PrincipalId> = app.access().principals().map(|(id, _)| id).collect();
    Ok(look::sweep(tx, people)? + u64::try_from(gone.len()).unwrap_or(u64::MAX))
}
