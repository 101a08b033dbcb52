//! What people do with their own sessions: see them, end them, and begin one for a program.

use std::sync::atomic::Ordering;

use avouch_policy::{Action, Need, ProofNeed};
use avouch_store::Tx;

use super::{NewSession, SessionRecord, begin, end, ended_note, make_room, stored};
use crate::app::{Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::Permit;
use crate::ids::SessionId;
use crate::{Error, Refusal};

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionShown {
    /// Its id.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub this: bool,
    /// When it began, in microseconds UTC.
    pub begun: i64,
    /// When its owner proved who they are, in microseconds UTC.
    pub proved: i64,
    /// The last request in it, in microseconds UTC.
    pub seen: i64,
    /// When it ends at the latest, in microseconds UTC.
    pub until: i64,
    /// Its assurance level.
    pub aal: u8,
    /// How its owner logged in, in the words of RFC 8176.
    pub methods: Vec<String>,
    /// What the browser said it is.
    pub client: String,
}

/// Lists the caller's sessions, oldest first.
#[derive(Debug, Clone)]
pub struct ReadSessions;

impl Operation for ReadSessions {
    const ACTION: Action = Action::SessionRead;
    type Output = Vec<SessionShown>;
    about_nobody!();

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let own = cx.app.people.sessions.of(cx.caller.id(), cx.now);
        let shown: Vec<_> = own
            .into_iter()
            .map(|(id, live)| SessionShown {
                id,
                this: cx.caller.session() == Some(id),
                begun: live.record.begun,
                proved: live.record.proved,
                seen: live.seen.load(Ordering::Relaxed),
                until: live.record.until,
                aal: live.record.aal,
                methods: live.record.methods.clone(),
                client: live.record.client.clone(),
            })
            .collect();
        let note = Note::count(shown.len());
        Ok(Outcome::new(shown, note))
    }
}

/// For how long after a log-in others of one's sessions are ended without another one. The one that asks ends whenever it asks.
const ENDS_OTHERS_MINUTES: u32 = 15;

/// Ends sessions of the caller's own.
#[derive(Debug, Clone)]
pub struct EndSessions {
    /// Which; nothing: all but the one that asks.
    pub only: Option<SessionId>,
}

impl Operation for EndSessions {
    const ACTION: Action = Action::SessionEnd;
    type Output = usize;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<usize>, Error> {
        let caller = cx.caller.id();
        // Whoever has found a session open does not shut its owner out of the others.
        let own = self.only.is_some() && self.only == cx.caller.session();
        if !own && cx.caller.session().is_some() && cx.caller.proof().age() > ENDS_OTHERS_MINUTES {
            let needs =
                vec![Need::Proof(ProofNeed { within: Some(ENDS_OTHERS_MINUTES), ..ProofNeed::TWO_FACTORS })];
            return Err(Error::Refused(Refusal { needs, policies: vec!["house:own-sessions".to_owned()] }));
        }
        let mut changes = Vec::new();
        let meant = |id: SessionId| match self.only {
            Some(only) => only == id,
            None => cx.caller.session() != Some(id),
        };
        for (id, _) in stored(tx, cx.app, caller, cx.now)? {
            if meant(id) {
                end(tx, id, caller, &mut changes)?;
            }
        }
        if self.only.is_some() && changes.is_empty() {
            return Err(Error::NotFound);
        }
        Ok(Outcome::new(changes.len(), ended_note(&changes)).with_sessions(changes))
    }
}

/// Begins another session of the caller's own, for a program at a terminal. It rests on what theirs rests on and ends with that, and when
/// theirs would have ended; how long ago its owner proved who they are goes along.
#[derive(Debug, Clone)]
pub struct LendSession;

/// What stands for the browser of a session that was begun for a program.
const TERMINAL: &str = "A program at a terminal";

impl Operation for LendSession {
    const ACTION: Action = Action::SessionLend;
    type Output = NewSession;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<NewSession>, Error> {
        let mut own = stored(tx, cx.app, cx.caller.id(), cx.now)?;
        let lender = own.iter().position(|(id, _)| cx.caller.session() == Some(*id));
        // The one that asks makes no room: it counts, and is not among those that may end.
        let (_, record) = own.remove(lender.ok_or(Error::Unauthenticated)?);
        let mut changes = Vec::new();
        make_room(tx, cx.caller.id(), &own, 2, &mut changes)?;
        let record = SessionRecord { begun: cx.now, client: TERMINAL.to_owned(), ..record };
        begin(tx, cx, record, false, changes)
    }
}
