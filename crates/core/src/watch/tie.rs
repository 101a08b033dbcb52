//! Ties: why somebody has to do with a customer. A case, an order or a contact, as the system says it that they are kept in.
//!
//! A row is sealed whole: whoever writes the database can take ties away, and make none. What stands open beside it is what it is
//! found by. Of a customer who is erased nothing is left of them.

use avouch_store::{Ahead, Row, Tx, params, statements};
use avouch_watch::Tie as Watched;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Error;
use crate::app::App;
use crate::gate::Access;
use crate::gate::approvals::same_person;
use crate::ids::{PrincipalId, SubjectId, TieId};

statements! {
    data OF_SUBJECT of tie / 1 = "select id, holder, ends, sealed from tie where subject = ?1 order by ends desc limit 64";
    data PUT of tie / 1 = "insert into tie (subject, id, holder, ends, sealed) values (?1, ?2, ?3, ?4, ?5)";
    data DROP of tie / 1 = "delete from tie where subject = ?1 and id = ?2";
    data DROP_OF_SUBJECT of tie / 1 = "delete from tie where subject = ?1";
    data NEWER = "select subject, id, holder, ends, sealed from tie where id > ?1 order by id limit ?2";
    data SWEEP = "delete from tie where ends <= ?1";
}

/// The longest that a tie holds, in days.
pub const MAX_TIE_DAYS: u32 = 400;
/// For how long a tie is kept that has ended: as long as days are compared.
const KEPT_MICROS: i64 = 30 * 24 * 3600 * 1_000_000;
/// A contact that is logged late explains looks from so long before it began.
pub(super) const LATE_MICROS: i64 = 24 * 3600 * 1_000_000;

/// What a customer and somebody have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieKind {
    /// A case or ticket.
    Case,
    /// An order.
    Order,
    /// A call, a visit, a chat.
    Contact,
}

impl TieKind {
    /// For how many days such a tie holds, when nobody says.
    #[must_use]
    pub const fn days(self) -> u32 {
        match self {
            Self::Case | Self::Order => 30,
            Self::Contact => 1,
        }
    }
}

/// Whose tie it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// One person's.
    Actor(PrincipalId),
    /// Everybody's who reports to this one.
    Team(PrincipalId),
    /// Everybody's.
    Any,
}

impl Holder {
    fn bytes(self) -> [u8; 16] {
        match self {
            Self::Actor(id) | Self::Team(id) => *id.bytes(),
            Self::Any => *PrincipalId::SYSTEM.bytes(),
        }
    }

    /// Whether somebody is one of them.
    pub(super) fn covers(self, access: &Access, who: PrincipalId) -> bool {
        match self {
            Self::Actor(id) => id == who || same_person(access, id, who),
            Self::Team(manager) => {
                who == manager || access.principal(who).is_some_and(|record| record.manager == Some(manager))
            }
            Self::Any => true,
        }
    }
}

/// A tie as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tie {
    pub(super) subject: SubjectId,
    /// The name under which events know them.
    pub(super) pseudonym: [u8; 16],
    pub(super) holder: Holder,
    pub(super) kind: TieKind,
    pub(super) made_by: PrincipalId,
    pub(super) made: i64,
    pub(super) begins: i64,
    pub(super) ends: i64,
    /// The number of the case, order or call elsewhere.
    pub(super) reference: Option<String>,
}

/// A tie as it is shown.
#[derive(Debug, Clone)]
pub struct TieShown {
    /// Its id.
    pub id: TieId,
    /// Whose it is.
    pub holder: Holder,
    /// What it is.
    pub kind: TieKind,
    /// Who has told it.
    pub made_by: PrincipalId,
    /// When that was, in microseconds UTC.
    pub made: i64,
    /// From when on it holds, in microseconds UTC.
    pub begins: i64,
    /// Until when.
    pub ends: i64,
    /// Its number elsewhere.
    pub reference: Option<String>,
}

impl Tie {
    pub(super) fn put(&self, tx: &mut Tx<'_>, app: &App, id: TieId) -> Result<(), Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Internal("a tie has no JSON form"))?;
        let sealed = app.keys.seal_row("tie", id.bytes(), &Zeroizing::new(plain), &app.rng)?;
        let holder = self.holder.bytes();
        tx.put(&PUT, params![self.subject.bytes(), id.bytes(), &holder, self.ends, &sealed])?;
        Ok(())
    }

    pub(super) fn shown(self, id: TieId) -> TieShown {
        let Self { holder, kind, made_by, made, begins, ends, reference, .. } = self;
        TieShown { id, holder, kind, made_by, made, begins, ends, reference }
    }

    /// What it is worth between its customer and somebody at this moment.
    pub(super) fn between(&self, access: &Access, who: PrincipalId, at: i64) -> Watched {
        let holds = self.holder.covers(access, who) && self.begins <= at && at < self.ends;
        match (holds, self.is_made_by(access, who)) {
            (false, _) => Watched::None,
            (true, true) => Watched::OwnMaking,
            (true, false) => Watched::Contact,
        }
    }

    /// Whether it explains a look that was before it was told. Nobody explains their own.
    pub(super) fn explains(&self, access: &Access, who: PrincipalId, at: i64) -> bool {
        self.holder.covers(access, who)
            && !self.is_made_by(access, who)
            && self.begins.saturating_sub(LATE_MICROS) <= at
            && at < self.ends
    }

    fn is_made_by(&self, access: &Access, who: PrincipalId) -> bool {
        same_person(access, self.made_by, who)
    }
}

/// A row as stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: TieId,
    holder: [u8; 16],
    ends: i64,
    sealed: Vec<u8>,
}

impl Stored {
    fn from_row(row: &Row<'_>, at: usize) -> avouch_store::Result<Self> {
        Ok(Self {
            id: TieId::from_bytes(row.bytes(at)?),
            holder: row.bytes(at + 1)?,
            ends: row.int(at + 2)?,
            sealed: row.blob(at + 3)?.to_vec(),
        })
    }

    /// Whether it is worth opening: most ties of a customer are somebody else's.
    pub(super) fn may_hold(&self, access: &Access, who: PrincipalId, now: i64) -> bool {
        let holder = PrincipalId::from_bytes(self.holder);
        let teams = || access.principal(who).is_some_and(|record| record.manager == Some(holder));
        self.ends > now
            && (holder == PrincipalId::SYSTEM || holder == who || same_person(access, holder, who) || teams())
    }

    /// Nothing for a row that nobody here has written, or that was put elsewhere: it explains nothing.
    pub(super) fn open(&self, app: &App, subject: SubjectId) -> Option<Tie> {
        let tie = app.keys.open_row("tie", self.id.bytes(), &self.sealed).ok();
        let tie: Option<Tie> = tie.and_then(|plain| serde_json::from_slice(&plain).ok());
        let whole = tie.filter(|tie| {
            tie.subject == subject && tie.holder.bytes() == self.holder && tie.ends == self.ends
        });
        if whole.is_none() {
            tracing::error!(tie = %self.id, "a tie failed its integrity check and explains nothing");
        }
        whole
    }
}

/// What [`rows`] will ask.
pub(super) fn ahead(subject: SubjectId) -> Ahead {
    Ahead::new(&OF_SUBJECT, params![subject.bytes()])
}

/// The ties of a customer, those that hold longest first.
pub(super) fn rows(tx: &mut Tx<'_>, subject: SubjectId) -> Result<Vec<Stored>, Error> {
    Ok(tx.query(&OF_SUBJECT, params![subject.bytes()], |row| Stored::from_row(row, 0))?)
}

/// Ties that were told after this one, in order.
pub(super) fn newer(tx: &mut Tx<'_>, after: TieId, most: i64) -> Result<Vec<(SubjectId, Stored)>, Error> {
    Ok(tx.query(&NEWER, params![after.bytes(), most], |row| {
        Ok((SubjectId::from_bytes(row.bytes(0)?), Stored::from_row(row, 1)?))
    })?)
}

pub(super) fn drop_one(tx: &mut Tx<'_>, subject: SubjectId, id: TieId) -> Result<bool, Error> {
    Ok(tx.execute(&DROP, params![subject.bytes(), id.bytes()])? > 0)
}

/// An erased customer has no ties.
pub(crate) fn forget(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    tx.put(&DROP_OF_SUBJECT, params![subject.bytes()])?;
    Ok(())
}

/// Forgets ties that have ended long ago.
pub(super) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now.saturating_sub(KEPT_MICROS)])?)
}
