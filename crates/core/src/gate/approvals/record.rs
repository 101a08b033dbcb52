//! A request for approval as it is kept: sealed, because it says who wants to look at whom and why. Whoever changes one says which version
//! they have read.

use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::live::ApprovalChange;
use crate::Error;
use crate::app::App;
use crate::gate::Reach;
use crate::ids::{ApprovalId, DraftId, PrincipalId, SubjectId};

statements! {
    data PUT = "insert into approval (id, requester, subject, version, until, remaining, sealed) values (?1, ?2, ?3, 1, ?4, ?5, ?6)";
    data CHANGE = "update approval set version = version + 1, until = ?3, sealed = ?4 where id = ?1 and version = ?2";
    data ONE = "select requester, version, until, remaining, sealed from approval where id = ?1";
    data OF_REQUESTER = "select id, requester, version, until, remaining, sealed from approval where requester = ?1 and until > ?2 order by id";
    data DROP_OF_SUBJECT = "delete from approval where subject = ?1";
    data SWEEP = "delete from approval where until <= ?1";
    data NEWEST = "select id, requester, version, until, remaining, sealed from approval where id < ?1 order by id desc limit ?2";
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Others have yet to agree.
    Asked,
    /// All have, and it holds until its end.
    Granted,
    /// Somebody has not.
    Refused,
    /// Whoever asked has taken it back.
    Cancelled,
}

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) requester: PrincipalId,
    pub(super) state: State,
    pub(super) approval: String,
    pub(super) action: String,
    pub(super) purpose: String,
    pub(super) subject: Option<SubjectId>,
    /// Numbers of the fields; empty: none are opened.
    pub(super) fields: Vec<u32>,
    pub(super) reason: String,
    pub(super) case_reference: Option<String>,
    pub(super) asked: i64,
    pub(super) minutes: u32,
    pub(super) customers: u32,
    pub(super) votes: Vec<Voted>,
    /// Whom of many.
    #[serde(default)]
    pub(super) reach: Option<Reach>,
    /// By which fields, or parts of them, whoever is searched for is searched.
    #[serde(default)]
    pub(super) searched_by: Vec<String>,
    /// How many customers that were when it was asked for, at most.
    #[serde(default)]
    pub(super) predicted: Option<u64>,
    /// The draft of a charter that it is about, if it is about one.
    #[serde(default)]
    pub(super) draft: Option<OfDraft>,
}

/// A draft of a charter, and the version that it was checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfDraft {
    pub(super) id: DraftId,
    pub(super) base: u32,
}

/// Somebody's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Voted {
    pub(super) who: PrincipalId,
    /// The role in which they spoke.
    pub(super) role: String,
    pub(super) agrees: bool,
    pub(super) at: i64,
    pub(super) why: Option<String>,
}

/// A request and what its row says besides.
#[derive(Debug, Clone)]
pub struct Kept {
    pub(super) request: Request,
    pub(super) version: i64,
    /// Until when it can be agreed to, and once it is, until when it holds; in microseconds UTC.
    pub(super) until: i64,
    pub(super) remaining: i64,
}

impl Request {
    pub(super) fn put(&self, tx: &mut Tx<'_>, app: &App, id: ApprovalId, until: i64) -> Result<(), Error> {
        let sealed = self.seal(app, id)?;
        let remaining = i64::from(self.customers);
        let subject = self.subject.as_ref().map(|subject| subject.bytes().as_slice());
        tx.put(&PUT, params![id.bytes(), self.requester.bytes(), subject, until, remaining, &sealed])?;
        Ok(())
    }

    /// Puts it in the place of the version that was read.
    pub(super) fn change(
        &self,
        tx: &mut Tx<'_>,
        app: &App,
        id: ApprovalId,
        version: i64,
        until: i64,
    ) -> Result<(), Error> {
        let sealed = self.seal(app, id)?;
        match tx.execute(&CHANGE, params![id.bytes(), version, until, &sealed])? {
            0 => Err(Error::Conflict("somebody else has just spoken: look again")),
            _ => Ok(()),
        }
    }

    fn seal(&self, app: &App, id: ApprovalId) -> Result<Vec<u8>, Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Internal("a request has no JSON form"))?;
        Ok(app.keys.seal_row("approval", id.bytes(), &Zeroizing::new(plain), &app.rng)?)
    }
}

impl Kept {
    pub(super) fn one(tx: &mut Tx<'_>, app: &App, id: ApprovalId) -> Result<Self, Error> {
        let row = tx.first(&ONE, params![id.bytes()], |row| {
            Ok((row.bytes::<16>(0)?, row.int(1)?, row.int(2)?, row.int(3)?, row.blob(4)?.to_vec()))
        })?;
        let (requester, version, until, remaining, sealed) = row.ok_or(Error::NotFound)?;
        open(&app.keys, id.bytes(), requester, &sealed).map(|request| Self {
            request,
            version,
            until,
            remaining,
        })
    }

    /// So many, newest first, before this one.
    pub(super) fn newest(
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        before: ApprovalId,
        most: i64,
    ) -> Result<Vec<(ApprovalId, Self)>, Error> {
        let rows = tx.query(&NEWEST, params![before.bytes(), most], row)?;
        Self::opened(rows, keys)
    }

    fn opened(rows: Vec<Row>, keys: &VaultKeys) -> Result<Vec<(ApprovalId, Self)>, Error> {
        rows.into_iter()
            .map(|(id, requester, (version, until, remaining), sealed)| {
                let request = open(keys, &id, requester, &sealed)?;
                Ok((ApprovalId::from_bytes(id), Self { request, version, until, remaining }))
            })
            .collect()
    }
}

/// A row as it is stored.
type Row = ([u8; 16], [u8; 16], (i64, i64, i64), Vec<u8>);

fn row(row: &avouch_store::Row<'_>) -> avouch_store::Result<Row> {
    let ints = (row.int(2)?, row.int(3)?, row.int(4)?);
    Ok((row.bytes::<16>(0)?, row.bytes::<16>(1)?, ints, row.blob(5)?.to_vec()))
}

/// Takes back all that somebody has asked for, whether others have agreed to it or not.
pub(crate) fn cancel_all(
    tx: &mut Tx<'_>,
    app: &App,
    requester: PrincipalId,
    now: i64,
) -> Result<Vec<ApprovalChange>, Error> {
    let rows = tx.query(&OF_REQUESTER, params![requester.bytes(), now], row)?;
    let mut ends = Vec::new();
    for (id, Kept { mut request, version, .. }) in Kept::opened(rows, &app.keys)? {
        if matches!(request.state, State::Asked | State::Granted) {
            request.state = State::Cancelled;
            request.change(tx, app, id, version, now)?;
            ends.push(ApprovalChange::Ends(id, requester));
        }
    }
    Ok(ends)
}

/// Takes these back, of which a draft is withdrawn.
pub(crate) fn cancel_these(
    tx: &mut Tx<'_>,
    app: &App,
    ids: &[ApprovalId],
) -> Result<Vec<ApprovalChange>, Error> {
    let mut ends = Vec::new();
    for id in ids {
        let Kept { mut request, version, until, .. } = match Kept::one(tx, app, *id) {
            Err(Error::NotFound) => continue,
            kept => kept?,
        };
        if matches!(request.state, State::Asked | State::Granted) {
            request.state = State::Cancelled;
            request.change(tx, app, *id, version, until)?;
            ends.push(ApprovalChange::Ends(*id, request.requester));
        }
    }
    Ok(ends)
}

/// How far a request is, and until when; nothing when it is forgotten.
pub(crate) fn state_of(tx: &mut Tx<'_>, app: &App, id: ApprovalId) -> Result<Option<(State, i64)>, Error> {
    match Kept::one(tx, app, id) {
        Err(Error::NotFound) => Ok(None),
        kept => kept.map(|kept| Some((kept.request.state, kept.until))),
    }
}

fn open(keys: &VaultKeys, id: &[u8; 16], requester: [u8; 16], sealed: &[u8]) -> Result<Request, Error> {
    let plain = keys.open_row("approval", id, sealed)?;
    let request: Request = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
    if *request.requester.bytes() != requester {
        return Err(Error::Tampered);
    }
    Ok(request)
}

/// What was asked for about somebody who is erased goes with them: why is a text that somebody typed.
pub(crate) fn forget(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    tx.put(&DROP_OF_SUBJECT, params![subject.bytes()])?;
    Ok(())
}

/// For how long a request is kept when it is over.
const KEPT_MICROS: i64 = 90 * 24 * 3600 * 1_000_000;

/// Forgets what has been over for long. That it was asked for and agreed to stays in the ledger.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now.saturating_sub(KEPT_MICROS)])?)
}
