//! Sessions: a random reference that its owner shows, of which only a hash is kept. In memory too, since each request is asked for its
//! session; what is in memory changes after the transaction that changes the row. Nothing is in the reference itself: whoever is
//! suspended, or whose session is ended, is refused by the next request.
//!
//! A session is bound to no address. Each stronger or fresher proof makes a new one in the place of the old, with the old one's end.

mod own;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use avouch_policy::{Action, KeyClass, Proof};
use avouch_seal::credential::SessionToken;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Store, Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use own::{EndSessions, LendSession, ReadSessions, SessionShown};

use super::atlas::{Atlas, Spot};
use super::notices::Told;
use super::places::{self, Novelty, Place};
use super::sign_on::SignedOn;
use super::{PeopleSettings, Proven};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::Note;
use crate::gate::Permit;
use crate::gate::principals::note_change;
use crate::ids::{AuthenticatorId, PrincipalId, SessionId};
use crate::outbox::AccountNotice;

statements! {
    data PUT = "insert into session (id, principal, until, seen, sealed) values (?1, ?2, ?3, ?4, ?5)";
    data ALL = "select id, principal, until, seen, sealed from session where until > ?1";
    data OF_PRINCIPAL = "select id, sealed from session where principal = ?1 and until > ?2 order by id";
    data SEEN = "update session set seen = ?2 where id = ?1 and seen < ?2";
    data DROP = "delete from session where id = ?1 and principal = ?2";
    data SWEEP = "delete from session where until <= ?1 or seen <= ?2";
}

/// The most sessions that one person has; the oldest makes room.
const MOST: usize = 20;
/// How far what is stored of the last request may be behind.
const SEEN_MICROS: i64 = 60 * 1_000_000;

/// A session as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SessionRecord {
    principal: PrincipalId,
    hash: [u8; 32],
    begun: i64,
    until: i64,
    aal: u8,
    phishing_resistant: bool,
    key: KeyClass,
    /// By what codes are sent, where one is part of it.
    sent_code: Option<AuthenticatorId>,
    /// When that was proved, in microseconds UTC.
    proved: i64,
    methods: Vec<String>,
    authenticator: Option<AuthenticatorId>,
    /// What the browser says it is, in a few words.
    client: String,
    /// How new the place was where it began.
    novelty: Novelty,
    /// The network it began in, and what was known of it.
    network: [u8; 7],
    /// In whose name it began, where that was at an identity provider.
    signed_on: Option<SignedOn>,
    spot: Spot,
}

#[derive(Debug)]
pub(crate) struct Live {
    record: SessionRecord,
    seen: AtomicI64,
}

/// A change to the sessions in memory, after its commit.
#[derive(Debug)]
pub(crate) enum SessionChange {
    Begin(SessionId, Arc<Live>),
    End(SessionId),
    /// All access tokens of a service have ended.
    EndTokens(PrincipalId),
}

/// The sessions in memory.
#[derive(Debug)]
pub(crate) struct Sessions {
    idle_micros: i64,
    longest_micros: i64,
    atlas: Option<Arc<Atlas>>,
    live: RwLock<Lives>,
}

/// The sessions that are alive, by what the transactions have said that were heard of so far.
#[derive(Debug, Default)]
struct Lives {
    all: HashMap<SessionId, Arc<Live>>,
    /// Whose end was heard of before their beginning: two threads tell of two transactions in any order.
    over: HashSet<SessionId>,
    /// How many have ended so far.
    ends: u64,
}

/// Ends that wait for their beginning. There is a moment between the two, so more are none of these any more.
const OVER: usize = 1_000;

/// What a live session says of a request that shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) principal: PrincipalId,
    pub(crate) proof: Proof,
}

impl Sessions {
    pub(super) fn new(settings: &PeopleSettings) -> Self {
        let micros = |seconds: u32| i64::from(seconds) * 1_000_000;
        Self {
            idle_micros: micros(settings.idle_seconds),
            longest_micros: micros(settings.longest_seconds),
            atlas: settings.atlas.clone(),
            live: RwLock::default(),
        }
    }

    /// Loads them, in the place of what is in memory.
    pub(crate) fn load(&self, store: &Store, keys: &VaultKeys, now: i64) -> Result<(), Error> {
        loop {
            let ends = self.live.read().unwrap_or_else(PoisonError::into_inner).ends;
            if self.replace(Self::kept(store, keys, now)?, ends) {
                return Ok(());
            }
        }
    }

    /// Takes these in the place of what is there; or does not, because one has ended since they were read.
    fn replace(&self, all: HashMap<SessionId, Arc<Live>>, ends: u64) -> bool {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = live.ends == ends;
        if fresh {
            live.all = all;
        }
        fresh
    }

    fn kept(store: &Store, keys: &VaultKeys, now: i64) -> Result<HashMap<SessionId, Arc<Live>>, Error> {
        let rows = store.read_wait(move |tx| {
            tx.query(&ALL, params![now], |row| {
                Ok((
                    row.bytes::<16>(0)?,
                    row.bytes::<16>(1)?,
                    row.int(2)?,
                    row.int(3)?,
                    row.blob(4)?.to_vec(),
                ))
            })
        })?;
        let mut live = HashMap::with_capacity(rows.len());
        for (id, principal, until, seen, sealed) in rows {
            let record = open(keys, &id, &sealed)?;
            if *record.principal.bytes() != principal || record.until != until {
                return Err(Error::Tampered);
            }
            // Whoever writes the database could say that somebody was here just now, or will be.
            let seen = AtomicI64::new(seen.min(now));
            live.insert(SessionId::from_bytes(id), Arc::new(Live { record, seen }));
        }
        Ok(live)
    }

    pub(crate) fn install(&self, changes: Vec<SessionChange>) {
        if changes.is_empty() {
            return;
        }
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                SessionChange::Begin(id, _) if live.over.remove(&id) => {}
                SessionChange::Begin(id, session) => drop(live.all.insert(id, session)),
                SessionChange::End(id) => {
                    live.ends = live.ends.wrapping_add(1);
                    if live.all.remove(&id).is_none() && live.over.len() < OVER {
                        live.over.insert(id);
                    }
                }
                SessionChange::EndTokens(_) => {}
            }
        }
    }

    /// What a session says now, if it is alive.
    pub(crate) fn standing(&self, id: SessionId, from: IpAddr, now: i64) -> Option<Standing> {
        let live = self.find(id)?;
        self.alive(&live, now).then(|| live.standing(self.atlas.as_deref(), from, now))
    }

    /// The session that a token is of, if it is alive; it has been seen now. The last is whether that is worth writing down.
    pub(crate) fn shown(
        &self,
        token: &SessionToken,
        from: IpAddr,
        now: i64,
    ) -> Option<(SessionId, Standing, bool)> {
        let id = SessionId::from_bytes(token.id());
        let live = self.find(id)?;
        if !token.verify(&live.record.hash) || !self.alive(&live, now) {
            return None;
        }
        let before = live.seen.fetch_max(now, Ordering::Relaxed);
        // Once in a while: which request does it does not matter.
        let stale = now / SEEN_MICROS > before / SEEN_MICROS;
        Some((id, live.standing(self.atlas.as_deref(), from, now), stale))
    }

    fn find(&self, id: SessionId) -> Option<Arc<Live>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).all.get(&id).cloned()
    }

    fn alive(&self, live: &Live, now: i64) -> bool {
        let seen = live.seen.load(Ordering::Relaxed);
        now < live.record.until && now.saturating_sub(seen) < self.idle_micros
    }

    fn of(&self, principal: PrincipalId, now: i64) -> Vec<(SessionId, Arc<Live>)> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let mut own: Vec<_> = live
            .all
            .iter()
            .filter(|(_, live)| live.record.principal == principal && self.alive(live, now))
            .map(|(id, live)| (*id, Arc::clone(live)))
            .collect();
        own.sort_by_key(|(id, live)| (live.record.begun, *id));
        own
    }
}

impl Live {
    fn standing(&self, atlas: Option<&Atlas>, from: IpAddr, now: i64) -> Standing {
        let record = &self.record;
        let seconds = u64::try_from(now.saturating_sub(record.proved).max(0) / 1_000_000).unwrap_or_default();
        // No session ends because its owner has moved on; but policy sees that they have.
        let moved = if places::network(from) == record.network {
            0
        } else {
            places::moved(&record.spot, atlas, from, seconds)
        };
        let novelty = record.novelty.and(moved);
        let proof = Proof::session(record.aal, record.phishing_resistant, seconds, novelty)
            .by_key(record.key)
            .by_sent_code(record.sent_code.is_some());
        Standing { principal: record.principal, proof }
    }
}

/// Writes down that a session was seen.
pub(crate) fn write_seen(tx: &mut Tx<'_>, id: SessionId, now: i64) -> Result<(), avouch_store::Error> {
    tx.put(&SEEN, params![id.bytes(), now])
}

/// Forgets sessions that are over.
pub(crate) fn sweep(tx: &mut Tx<'_>, app: &App, now: i64) -> Result<u64, Error> {
    let idle = now.saturating_sub(app.people.sessions.idle_micros).saturating_sub(SEEN_MICROS);
    Ok(tx.execute(&SWEEP, params![now, idle])?)
}

/// Begins a session for whoever has shown who they are.
#[derive(Debug)]
pub struct BeginSession {
    /// That they have.
    pub proven: Proven,
    /// Where that was.
    pub(crate) place: Place,
    pub(crate) network: [u8; 7],
    /// What the browser says it is.
    pub client: String,
    /// Their session so far, which it takes the place of.
    pub replaces: Option<SessionId>,
}

/// A session that has just begun.
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub principal: PrincipalId,
    /// What its owner shows, to be given out once.
    pub token: Zeroizing<String>,
    /// When it ends at the latest, in microseconds UTC.
    pub until: i64,
    /// Its assurance level.
    pub aal: u8,
    /// Whether the password is known to have been lost elsewhere, and has to be changed.
    pub breached: bool,
}

impl core::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NewSession").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Operation for BeginSession {
    const ACTION: Action = Action::SessionBegin;
    type Output = NewSession;
    about_nobody!();

    fn refreshes(&self) -> Refresh {
        if self.proven.recovers() { Refresh::Access } else { Refresh::Nothing }
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<NewSession>, Error> {
        let principal = self.proven.principal();
        self.proven.spend(tx, cx)?;
        let mut changes = Vec::new();
        let mut until = cx.now.saturating_add(cx.app.people.sessions.longest_micros);
        let mut own = stored(tx, cx.app, principal, cx.now)?;
        let mut signed_on = self.proven.signed_on.clone();
        if let Some(old) = self.replaces {
            let before = own.iter().find(|(id, _)| *id == old).ok_or(Error::LogInFailed)?;
            until = before.1.until;
            // It goes on, whatever it was made fresher by: who logs out there ends it still.
            signed_on = signed_on.or_else(|| before.1.signed_on.clone());
            own.retain(|(id, _)| *id != old);
            end(tx, old, principal, &mut changes)?;
        }
        make_room(tx, principal, &own, 1, &mut changes)?;

        let (novelty, unseen) = places::novelty(tx, cx, &self.proven, &self.place, self.replaces.is_none())?;
        let what = if self.proven.recovers() {
            note_change(tx, cx.app, principal, cx.now)?;
            Some(AccountNotice::Recovered)
        } else {
            unseen.then_some(AccountNotice::NewPlace)
        };
        if let Some(what) = what {
            let (client, country) = (Some(self.client.as_str()), self.place.spot.country);
            Told { client, country, ..Told::of(what) }.tell(tx, cx.app, principal, cx.now)?;
        }
        let record = SessionRecord {
            principal,
            hash: [0; 32],
            begun: cx.now,
            until,
            aal: self.proven.aal,
            phishing_resistant: self.proven.phishing_resistant,
            key: self.proven.key,
            sent_code: self.proven.sent_code(),
            proved: cx.now.saturating_sub(micros(self.proven.age_seconds)),
            methods: self.proven.methods.iter().map(|method| (*method).to_owned()).collect(),
            authenticator: self.proven.authenticator(),
            client: self.client.clone(),
            novelty,
            network: self.network,
            signed_on,
            spot: self.place.spot,
        };
        begin(tx, cx, record, self.proven.breached(), changes)
    }
}

/// Ends the oldest of these sessions of somebody, until there is room for so many more.
fn make_room(
    tx: &mut Tx<'_>,
    principal: PrincipalId,
    own: &[(SessionId, SessionRecord)],
    more: usize,
    changes: &mut Vec<SessionChange>,
) -> Result<(), Error> {
    let surplus = (own.len() + more).saturating_sub(MOST);
    for (oldest, _) in own.iter().take(surplus) {
        end(tx, *oldest, principal, changes)?;
    }
    Ok(())
}

/// Keeps a session under a token of its own.
fn begin(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    record: SessionRecord,
    breached: bool,
    mut changes: Vec<SessionChange>,
) -> Result<Outcome<NewSession>, Error> {
    let id = SessionId::from_bytes(cx.new_id()?);
    let token = SessionToken::generate(&cx.app.environment, *id.bytes(), &cx.app.rng)?;
    let record = SessionRecord { hash: token.hash(), ..record };
    let plain = serde_json::to_vec(&record).map_err(|_| Error::Internal("a session has no JSON form"))?;
    let sealed = cx.app.keys.seal_row("session", id.bytes(), &plain, &cx.app.rng)?;
    let (principal, until, aal) = (record.principal, record.until, record.aal);
    tx.put(&PUT, params![id.bytes(), principal.bytes(), until, cx.now, &sealed])?;
    let live = Live { record, seen: AtomicI64::new(cx.now) };
    changes.push(SessionChange::Begin(id, Arc::new(live)));
    let new = NewSession { id, principal, token: token.reveal(), until, aal, breached };
    let note = Note { objects: vec![*id.bytes()], ..Note::count(1) };
    Ok(Outcome::new(new, note).with_sessions(changes))
}

/// Ends all sessions of somebody.
pub(crate) fn end_all(
    tx: &mut Tx<'_>,
    app: &App,
    principal: PrincipalId,
) -> Result<Vec<SessionChange>, Error> {
    let mut changes = Vec::new();
    for (id, _) in stored(tx, app, principal, app.now())? {
        end(tx, id, principal, &mut changes)?;
    }
    Ok(changes)
}

/// Ends the sessions, whoever's, that began at an identity provider in such a name.
pub(super) fn end_signed_on(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    ended: impl Fn(&SignedOn) -> bool,
) -> Result<Vec<SessionChange>, Error> {
    let rows = tx.query(&ALL, params![cx.now], |row| Ok((row.bytes::<16>(0)?, row.blob(4)?.to_vec())))?;
    let mut changes = Vec::new();
    for (id, sealed) in rows {
        let record = open(&cx.app.keys, &id, &sealed)?;
        if record.signed_on.as_ref().is_some_and(&ended) {
            end(tx, SessionId::from_bytes(id), record.principal, &mut changes)?;
        }
    }
    Ok(changes)
}

/// Ends the sessions that began with one authenticator, but for the one that asks.
pub(super) fn end_begun_with(
    tx: &mut Tx<'_>,
    app: &App,
    principal: PrincipalId,
    authenticator: AuthenticatorId,
    but: Option<SessionId>,
) -> Result<Vec<SessionChange>, Error> {
    let mut changes = Vec::new();
    for (id, record) in stored(tx, app, principal, app.now())? {
        let rests = [record.authenticator, record.sent_code].contains(&Some(authenticator));
        if rests && but != Some(id) {
            end(tx, id, principal, &mut changes)?;
        }
    }
    Ok(changes)
}

/// Seconds as microseconds.
fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// The sessions of somebody as this transaction finds them: one that has just begun is not in memory yet.
fn stored(
    tx: &mut Tx<'_>,
    app: &App,
    principal: PrincipalId,
    now: i64,
) -> Result<Vec<(SessionId, SessionRecord)>, Error> {
    let rows = tx.query(&OF_PRINCIPAL, params![principal.bytes(), now], |row| {
        Ok((row.bytes::<16>(0)?, row.blob(1)?.to_vec()))
    })?;
    rows.into_iter()
        .map(|(id, sealed)| Ok((SessionId::from_bytes(id), open(&app.keys, &id, &sealed)?)))
        .collect()
}

fn open(keys: &VaultKeys, id: &[u8; 16], sealed: &[u8]) -> Result<SessionRecord, Error> {
    let plain = keys.open_row("session", id, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| Error::Tampered)
}

fn end(
    tx: &mut Tx<'_>,
    id: SessionId,
    principal: PrincipalId,
    changes: &mut Vec<SessionChange>,
) -> Result<(), Error> {
    tx.put(&DROP, params![id.bytes(), principal.bytes()])?;
    changes.push(SessionChange::End(id));
    Ok(())
}

pub(super) fn ended_note(changes: &[SessionChange]) -> Note {
    let ended = changes.iter().filter_map(|change| match change {
        SessionChange::End(id) => Some(*id.bytes()),
        SessionChange::Begin(..) | SessionChange::EndTokens(_) => None,
    });
    Note { objects: ended.collect(), ..Note::count(changes.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: u8) -> (SessionId, SessionChange) {
        let record = SessionRecord {
            principal: PrincipalId::from_bytes([1; 16]),
            hash: [2; 32],
            begun: 0,
            until: 1_000_000,
            aal: 2,
            phishing_resistant: true,
            key: KeyClass::default(),
            sent_code: None,
            proved: 0,
            methods: Vec::new(),
            authenticator: None,
            client: String::new(),
            signed_on: None,
            novelty: Novelty::default(),
            network: [0; 7],
            spot: Spot::default(),
        };
        let id = SessionId::from_bytes([id; 16]);
        (id, SessionChange::Begin(id, Arc::new(Live { record, seen: AtomicI64::new(0) })))
    }

    #[test]
    fn what_has_ended_is_over_in_whichever_order_that_is_heard_of() {
        let sessions = Sessions::new(&PeopleSettings::default());
        let is_alive = |id| sessions.standing(id, IpAddr::from([192, 0, 2, 1]), 1).is_some();
        let ((one, begin), (other, before)) = (session(1), session(2));
        sessions.install(vec![before]);
        sessions.install(vec![SessionChange::End(one)]);
        sessions.install(vec![begin]);
        assert!(!is_alive(one) && is_alive(other));
        sessions.install(vec![SessionChange::End(other)]);
        assert!(!is_alive(other));
        let lives = sessions.live.read().unwrap();
        assert_eq!((lives.all.len(), lives.over.len()), (0, 0), "and nothing is left of it");
    }
    #[test]
    fn one_that_ends_while_all_are_read_anew_stays_ended() {
        let sessions = Sessions::new(&PeopleSettings::default());
        let (id, begin) = session(1);
        let SessionChange::Begin(_, live) = &begin else { panic!("a beginning") };
        let read = HashMap::from([(id, Arc::clone(live))]);
        sessions.install(vec![begin]);
        sessions.install(vec![SessionChange::End(id)]);
        assert!(!sessions.replace(read.clone(), 0), "read before that");
        assert!(sessions.find(id).is_none());
        assert!(sessions.replace(read, 1), "read after it");
    }
}
