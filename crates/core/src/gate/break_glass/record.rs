//! A broken glass as it is kept: sealed, because it says who looked at whom and why. What stands beside the seal is compared with what
//! is in it, so that nobody makes an hour longer or a review done.

use avouch_policy::{Action, Need};
use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::live::GlassChange;
use super::review::GlassOutcome;
use crate::Error;
use crate::app::{App, Cx};
use crate::audit::Note;
use crate::error::Refusal;
use crate::ids::{GlassId, PrincipalId, SubjectId};
use crate::rules::Rules;
use crate::watch::alarms::{Alarm, AlarmKind, raise_of};

statements! {
    data PUT = "insert into break_glass (id, principal, version, until, due, reviewed, sealed) values (?1, ?2, 1, ?3, ?4, 0, ?5)";
    data CHANGE = "update break_glass set version = version + 1, until = ?3, reviewed = ?4, sealed = ?5 where id = ?1 and version = ?2";
    data ONE = "select id, principal, version, until, due, reviewed, sealed from break_glass where id = ?1";
    data NEWEST = "select id, principal, version, until, due, reviewed, sealed from break_glass where id < ?1 order by id desc limit ?2";
    data OPEN_NOW = "select id, principal, version, until, due, reviewed, sealed from break_glass where until > ?1 order by id";
    data OVERDUE = "select id, principal, version, until, due, reviewed, sealed from break_glass where reviewed = 0 and due <= ?1 order by due, id limit 100";
    data SWEEP = "delete from break_glass where reviewed > 0 and reviewed <= ?1";
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// For how long it is kept after its review. That there was one stays in the ledger.
const KEPT_MICROS: i64 = 400 * DAY_MICROS;
/// How many of the newest are looked at, whole or not, before another is broken.
const LOOKED_AT: i64 = 1_000;
/// How a refusal names what has decided.
pub(super) const DECIDED: &str = "charter:roles/break_glass";

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Glass {
    pub(super) principal: PrincipalId,
    /// The role that it has woken.
    pub(super) role: String,
    pub(super) reason: String,
    pub(super) opened: i64,
    /// Until when it is broken.
    pub(super) until: i64,
    /// The most customers.
    pub(super) most: u32,
    pub(super) customers: Vec<Customer>,
    /// Roles of which somebody reviews it.
    pub(super) reviewers: Vec<String>,
    /// Until when.
    pub(super) due: i64,
    /// The day on which it last rang that nobody has.
    pub(super) rung: i64,
    pub(super) review: Option<Reviewed>,
}

/// A customer who was shown, and counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Customer {
    /// As events know them.
    pub(super) pseudonym: [u8; 16],
    /// Who that is, as long as they are here.
    pub(super) subject: Option<SubjectId>,
}

/// What somebody has said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reviewed {
    pub(super) by: PrincipalId,
    pub(super) at: i64,
    pub(super) outcome: GlassOutcome,
    pub(super) why: String,
}

/// A glass and which version of its row was read.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(super) glass: Glass,
    pub(super) version: i64,
}

impl Glass {
    pub(super) fn put(&self, tx: &mut Tx<'_>, app: &App, id: GlassId) -> Result<(), Error> {
        let sealed = self.seal(app, id)?;
        tx.put(&PUT, params![id.bytes(), self.principal.bytes(), self.until, self.due, &sealed])?;
        Ok(())
    }

    fn seal(&self, app: &App, id: GlassId) -> Result<Vec<u8>, Error> {
        let plain =
            serde_json::to_vec(self).map_err(|_| Error::Internal("a broken glass has no JSON form"))?;
        Ok(app.keys.seal_row("break_glass", id.bytes(), &Zeroizing::new(plain), &app.rng)?)
    }

    fn reviewed(&self) -> i64 {
        self.review.as_ref().map_or(0, |review| review.at)
    }
}

/// A row as it is stored.
type Row = ([u8; 16], [u8; 16], [i64; 4], Vec<u8>);

fn row(row: &avouch_store::Row<'_>) -> avouch_store::Result<Row> {
    let ints = [row.int(2)?, row.int(3)?, row.int(4)?, row.int(5)?];
    Ok((row.bytes(0)?, row.bytes(1)?, ints, row.blob(6)?.to_vec()))
}

impl Kept {
    fn open(keys: &VaultKeys, row: Row) -> Result<(GlassId, Self), Error> {
        let (id, principal, [version, until, due, reviewed], sealed) = row;
        let plain = keys.open_row("break_glass", &id, &sealed)?;
        let glass: Glass = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
        let beside = (principal, until, due, reviewed);
        if beside != (*glass.principal.bytes(), glass.until, glass.due, glass.reviewed()) {
            return Err(Error::Tampered);
        }
        Ok((GlassId::from_bytes(id), Self { glass, version }))
    }

    fn all(keys: &VaultKeys, rows: Vec<Row>) -> Result<Vec<(GlassId, Self)>, Error> {
        rows.into_iter().map(|row| Self::open(keys, row)).collect()
    }

    pub(super) fn one(tx: &mut Tx<'_>, app: &App, id: GlassId) -> Result<Self, Error> {
        let row = tx.first(&ONE, params![id.bytes()], row)?.ok_or(Error::NotFound)?;
        Self::open(&app.keys, row).map(|(_, kept)| kept)
    }

    /// So many, newest first, before this one.
    pub(super) fn newest(
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        before: GlassId,
        most: i64,
    ) -> Result<Vec<(GlassId, Self)>, Error> {
        let rows = tx.query(&NEWEST, params![before.bytes(), most], row)?;
        Self::all(keys, rows)
    }

    /// Those that are broken at this moment.
    pub(super) fn open_now(
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        now: i64,
    ) -> Result<Vec<(GlassId, Self)>, Error> {
        let rows = tx.query(&OPEN_NOW, params![now], row)?;
        Self::all(keys, rows)
    }

    /// Puts what it is now in the place of the version that was read.
    pub(super) fn change(&self, tx: &mut Tx<'_>, app: &App, id: GlassId) -> Result<(), Error> {
        let Self { glass, version } = self;
        let sealed = glass.seal(app, id)?;
        let values = params![id.bytes(), *version, glass.until, glass.reviewed(), &sealed];
        match tx.execute(&CHANGE, values)? {
            0 => Err(Error::Conflict("somebody else has just changed it: look again")),
            _ => Ok(()),
        }
    }
}

/// Rings of every review that is overdue, once a day; whether there is one. Whatever was changed in the newest rows is found here too,
/// and keeps all glass whole.
pub(super) fn ring_overdue(tx: &mut Tx<'_>, app: &App, now: i64) -> Result<bool, Error> {
    let rows = tx.query(&OVERDUE, params![now], row)?;
    let overdue = Kept::all(&app.keys, rows)?;
    let any = !overdue.is_empty();
    let today = now.div_euclid(DAY_MICROS);
    for (id, mut kept) in overdue {
        if kept.glass.rung == today {
            continue;
        }
        let (principal, role) = (kept.glass.principal, &kept.glass.role);
        let detail = format!("{role}: {id}");
        let alarm = Alarm { kind: AlarmKind::ReviewOverdue, principal, subject: None, detail };
        raise_of(tx, app, now, alarm, id.bytes())?;
        kept.glass.rung = today;
        kept.change(tx, app, id)?;
    }
    Ok(any)
}

/// Whether the newest are as they were written.
pub(super) fn check_newest(tx: &mut Tx<'_>, app: &App) -> Result<(), Error> {
    Kept::newest(tx, &app.keys, GlassId::from_bytes([0xff; 16]), LOOKED_AT).map(drop)
}

/// A glass that is broken, in the transaction of an act behind it.
#[derive(Debug, Clone)]
pub(crate) struct Behind {
    pub(crate) id: GlassId,
    kept: Kept,
}

/// What one does behind the glass.
const LOOKS: [Action; 4] =
    [Action::SubjectRead, Action::SubjectSearch, Action::SubjectReveal, Action::SubjectHistory];

/// The caller's broken glass, if this is something that one does behind it and they still hold the role.
pub(crate) fn of(tx: &mut Tx<'_>, cx: &Cx<'_>, action: Action) -> Result<Option<Behind>, Error> {
    let worth_it = LOOKS.contains(&action) && cx.caller.session().is_some();
    let Some((id, _)) = cx.app.glasses.of(cx.caller.id(), cx.now).filter(|_| worth_it) else {
        return Ok(None);
    };
    let kept = Kept::one(tx, cx.app, id)?;
    let stands = kept.glass.principal == cx.caller.id()
        && kept.glass.until > cx.now
        && holds(cx.rules, cx.caller.roles(), &kept.glass.role);
    Ok(stands.then_some(Behind { id, kept }))
}

/// Whether somebody holds this role, and it sleeps.
pub(super) fn holds(rules: &Rules, roles: &[String], role: &str) -> bool {
    let sleeps = rules.charter.role(role).is_some_and(|role| role.break_glass.is_some());
    sleeps && roles.iter().any(|held| held == role)
}

/// Counts whom an act behind the glass has shown, in its transaction: of two who come for the last customer one is refused.
pub(crate) fn count(tx: &mut Tx<'_>, cx: &Cx<'_>, behind: &Behind, note: &Note) -> Result<(), Error> {
    let Behind { id, mut kept } = behind.clone();
    let glass = &mut kept.glass;
    let known = glass.customers.len();
    for pseudonym in &note.subjects {
        if !glass.customers.iter().any(|customer| customer.pseudonym == *pseudonym) {
            let look = note.looks.iter().find(|look| look.pseudonym == *pseudonym);
            let subject = look.map(|look| look.subject);
            glass.customers.push(Customer { pseudonym: *pseudonym, subject });
        }
    }
    let most = glass.most;
    if glass.customers.len() > usize::try_from(most).unwrap_or(usize::MAX) {
        let need = Need::Quota { of: "break_glass".to_owned(), most, resets: glass.until };
        return Err(Error::Refused(Refusal { needs: vec![need], policies: vec![DECIDED.to_owned()] }));
    }
    if glass.customers.len() > known { kept.change(tx, cx.app, id) } else { Ok(()) }
}

/// Ends what somebody has broken, when they end.
pub(crate) fn end_all(
    tx: &mut Tx<'_>,
    app: &App,
    who: PrincipalId,
    now: i64,
) -> Result<Vec<GlassChange>, Error> {
    let mut ends = Vec::new();
    for (id, mut kept) in Kept::open_now(tx, &app.keys, now)? {
        if kept.glass.principal == who {
            kept.glass.until = now;
            kept.change(tx, app, id)?;
            ends.push(GlassChange::Ends(who));
        }
    }
    Ok(ends)
}

/// Of a customer who is erased it says no more that they were looked at; that somebody was stays, and counts.
pub(crate) fn forget(tx: &mut Tx<'_>, app: &App, subject: SubjectId) -> Result<(), Error> {
    let mut before = GlassId::from_bytes([0xff; 16]);
    loop {
        let page = Kept::newest(tx, &app.keys, before, LOOKED_AT)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        before = *last;
        for (id, mut kept) in page {
            let mut known =
                kept.glass.customers.iter_mut().filter(|one| one.subject == Some(subject)).peekable();
            if known.peek().is_some() {
                known.for_each(|customer| customer.subject = None);
                kept.change(tx, app, id)?;
            }
        }
    }
}

/// Forgets what was reviewed long ago, and rings of what is overdue.
pub(crate) fn sweep(tx: &mut Tx<'_>, app: &App, now: i64) -> Result<u64, Error> {
    ring_overdue(tx, app, now)?;
    Ok(tx.execute(&SWEEP, params![now.saturating_sub(KEPT_MICROS)])?)
}
