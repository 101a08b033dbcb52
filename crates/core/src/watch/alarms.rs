//! Alarms: what happened that somebody has to look at. One is raised in the transaction of what raises it, and so are the messages that
//! tell of it; whoever is told learns ids and no more, and looks here.
//!
//! The same again, by the same account on the same day, is counted at the alarm that is open and tells nobody anew: an alarm that rings a
//! thousand times is one that nobody hears. Nobody closes an alarm about themselves, by any of their accounts, or about whom they report to.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::audit::{self, Note, What};
use crate::gate::approvals::{reports_to, same_person};
use crate::gate::{Permit, Reason};
use crate::ids::{AlarmId, PrincipalId, SubjectId};
use crate::outbox::{Message, Notice};

statements! {
    data AGAIN = "update alarm set times = times + 1, last = ?2 where same = ?1 and closed = 0";
    data PUT = "insert into alarm (id, same, times, last, closed, subject, sealed) values (?1, ?2, 1, ?3, 0, ?4, ?5) on conflict do nothing";
    data ONE = "select times, last, closed, sealed from alarm where id = ?1";
    data CLOSE = "update alarm set closed = ?2, sealed = ?3 where id = ?1 and closed = 0";
    data NEWEST = "select id, times, last, closed, subject, sealed from alarm where id < ?1 order by id desc limit ?2";
    data NEWEST_OPEN = "select id, times, last, closed, subject, sealed from alarm where closed = 0 and id < ?1 order by id desc limit ?2";
    data FORGET = "update alarm set subject = null where subject = ?1";
    data SWEEP = "delete from alarm where closed > 0 and closed <= ?1";
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// For how long an alarm is kept that is closed. That it was raised and closed stays in the ledger.
const KEPT_MICROS: i64 = 400 * DAY_MICROS;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $about:literal;)*) => {
        /// What an alarm is of. The closed list: each has one name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum AlarmKind {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl AlarmKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What has happened, as a sentence for people.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),* }
            }
        }
    };
}

kinds! {
    /// A recipient's service came from outside its networks.
    PartnerNetwork = "partner-network", "A recipient's service came from a network that is not its own.";
    /// A recipient's service asked for what its contract does not name.
    PartnerScope = "partner-scope", "A recipient's service asked for data that it is not given.";
    /// A recipient's service showed another recipient's token: one of the two has lost it, or is passing it on.
    PartnerToken = "partner-token", "A recipient's service showed a token that was made for another recipient.";
    /// Somebody has touched what no work leads to: a customer who is nobody, or a key that lies about.
    Honey = "honey", "Somebody has touched what no work leads to: a customer or a key that is a bait.";
    /// Somebody has broken the glass.
    BreakGlass = "break-glass", "Somebody has broken the glass: they look at customers without anybody's word, and it is to be reviewed.";
    /// Somebody has broken the glass, and had not to.
    BreakGlassUnjustified = "break-glass-unjustified", "Somebody has broken the glass, and whoever reviewed it says that it was not right.";
    /// Nobody has reviewed it in time.
    ReviewOverdue = "review-overdue", "Broken glass was not reviewed in time: until that is done nobody breaks any.";
    /// A recipient's service came when its contract was over, or had not begun.
    PartnerContract = "partner-contract", "A recipient's service came outside the time of its contract.";
}

/// What is raised.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    pub(crate) kind: AlarmKind,
    /// By whose doing.
    pub(crate) principal: PrincipalId,
    /// At whom, where it is about one customer.
    pub(crate) subject: Option<SubjectId>,
    /// What else there is to know: names of the charter, networks, counts; nobody's data.
    pub(crate) detail: String,
}

/// How an alarm was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmOutcome {
    /// It was nothing.
    FalseAlarm,
    /// It was looked into, and is as it should be now.
    Handled,
    /// It is an incident.
    Incident,
}

/// What is sealed of an alarm.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    kind: AlarmKind,
    at: i64,
    principal: PrincipalId,
    subject: Option<SubjectId>,
    detail: String,
    closing: Option<Closing>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Closing {
    by: PrincipalId,
    outcome: AlarmOutcome,
    why: String,
}

impl Kept {
    fn seal(&self, app: &App, id: AlarmId) -> Result<Vec<u8>, Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Internal("an alarm has no JSON form"))?;
        Ok(app.keys.seal_row("alarm", id.bytes(), &Zeroizing::new(plain), &app.rng)?)
    }

    fn open(app: &App, id: &[u8; 16], sealed: &[u8]) -> Result<Self, Error> {
        let plain = app.keys.open_row("alarm", id, sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Error::Tampered)
    }
}

/// Raises an alarm, in the transaction of what it is about; tells nobody of one that is open already.
pub(crate) fn raise(tx: &mut Tx<'_>, app: &App, now: i64, alarm: Alarm) -> Result<(), Error> {
    raise_of(tx, app, now, alarm, &[])
}

/// The same of one thing by its id: that of another is not the same again.
pub(crate) fn raise_of(tx: &mut Tx<'_>, app: &App, now: i64, alarm: Alarm, of: &[u8]) -> Result<(), Error> {
    let day = now.div_euclid(DAY_MICROS).to_be_bytes();
    let what = [alarm.kind.name().as_bytes(), alarm.principal.bytes(), &day, of];
    let same = app.keys.row_digest("alarm", &what);
    if tx.execute(&AGAIN, params![&same, now])? > 0 {
        return Ok(());
    }
    let id = AlarmId::from_bytes(app.ids.uuid(now, &app.rng)?);
    let Alarm { kind, principal, subject, detail } = alarm;
    let kept = Kept { kind, at: now, principal, subject, detail, closing: None };
    let sealed = kept.seal(app, id)?;
    let about = subject.as_ref().map(|subject| subject.bytes().as_slice());
    if tx.execute(&PUT, params![id.bytes(), &same, now, about, &sealed])? == 0 {
        // Somebody else's was first, by a moment.
        tx.execute(&AGAIN, params![&same, now])?;
        return Ok(());
    }
    let mut event = audit::system(app.ids.event(now), What::AlarmRaise, now, app.rules().version);
    event.actor = (*principal.bytes()).into();
    event.problem = Some(kind.name().to_owned());
    event.objects = vec![(*id.bytes()).into()];
    audit::append(tx, &event, 0, None)?;
    for channel in app.outbox.alarms() {
        Message { channel: channel.clone(), notice: Notice::Alarm { id, kind, principal, at: now } }
            .put(tx, app, now)?;
    }
    Ok(())
}

/// Lists alarms, newest first.
#[derive(Debug, Clone)]
pub struct ReadAlarms {
    /// Only those that nobody has closed.
    pub open: bool,
    /// Those before this one.
    pub before: Option<AlarmId>,
    /// At most so many.
    pub limit: usize,
}

/// Some of them.
#[derive(Debug, Clone)]
pub struct AlarmPage {
    /// The alarms.
    pub items: Vec<AlarmShown>,
    /// Where the next page begins.
    pub next: Option<AlarmId>,
}

/// An alarm as it is shown.
#[derive(Debug, Clone)]
pub struct AlarmShown {
    /// Its id.
    pub id: AlarmId,
    /// What it is of.
    pub kind: AlarmKind,
    /// When it was raised, in microseconds UTC.
    pub at: i64,
    /// How often it has happened since.
    pub times: i64,
    /// When it happened last.
    pub last: i64,
    /// By whose doing.
    pub principal: PrincipalId,
    /// By name.
    pub principal_name: String,
    /// At whom, where it is about one customer who is still here.
    pub subject: Option<SubjectId>,
    /// What else there is to know.
    pub detail: String,
    /// How it was closed, if it was.
    pub closed: Option<AlarmClosed>,
}

/// How an alarm was closed.
#[derive(Debug, Clone)]
pub struct AlarmClosed {
    /// Microseconds UTC.
    pub at: i64,
    /// By whom, by name.
    pub by: String,
    /// As what.
    pub outcome: AlarmOutcome,
    /// Why.
    pub why: String,
}

impl Operation for ReadAlarms {
    const ACTION: Action = Action::AlarmRead;
    type Output = AlarmPage;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<AlarmPage>, Error> {
        let before = self.before.unwrap_or(AlarmId::from_bytes([0xff; 16]));
        let limit = self.limit.clamp(1, 200);
        let most = i64::try_from(limit).unwrap_or(200);
        let statement = if self.open { &NEWEST_OPEN } else { &NEWEST };
        let rows = tx.query(statement, params![before.bytes(), most], |row| {
            Ok((
                (row.bytes::<16>(0)?, row.int(1)?, row.int(2)?, row.int(3)?),
                row.opt_blob(4)?.is_some(),
                row.blob(5)?.to_vec(),
            ))
        })?;
        let next = rows.last().map(|row| AlarmId::from_bytes(row.0.0)).filter(|_| rows.len() >= limit);
        let access = cx.app.access();
        let name = |id| {
            access.principal(id).map_or_else(|| "somebody who is gone".to_owned(), |one| one.name.clone())
        };
        let items = rows
            .into_iter()
            .map(|((id, times, last, closed), here, sealed)| {
                let Kept { kind, at, principal, subject, detail, closing } =
                    Kept::open(cx.app, &id, &sealed)?;
                let closed = closing.map(|Closing { by, outcome, why }| AlarmClosed {
                    at: closed,
                    by: name(by),
                    outcome,
                    why,
                });
                let (id, principal_name) = (AlarmId::from_bytes(id), name(principal));
                // Once they are erased, the row says no more whom it was about.
                let subject = subject.filter(|_| here);
                Ok(AlarmShown {
                    id,
                    kind,
                    at,
                    times,
                    last,
                    principal,
                    principal_name,
                    subject,
                    detail,
                    closed,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let note = Note::count(items.len());
        Ok(Outcome::new(AlarmPage { items, next }, note))
    }
}

/// Closes an alarm.
#[derive(Debug, Clone)]
pub struct CloseAlarm {
    /// Which.
    pub id: AlarmId,
    /// As what.
    pub outcome: AlarmOutcome,
    /// Why.
    pub why: Reason,
}

impl Operation for CloseAlarm {
    const ACTION: Action = Action::AlarmClose;
    type Output = ();
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let row = tx.first(&ONE, params![self.id.bytes()], |row| Ok((row.int(2)?, row.blob(3)?.to_vec())))?;
        let (closed, sealed) = row.ok_or(Error::NotFound)?;
        let mut kept = Kept::open(cx.app, self.id.bytes(), &sealed)?;
        if closed > 0 {
            return Err(Error::Conflict("somebody has closed it already"));
        }
        let (access, me) = (cx.app.access(), cx.caller.id());
        if same_person(&access, me, kept.principal) || reports_to(&access, me, kept.principal) {
            return Err(Error::Conflict(
                "nobody closes an alarm about themselves, or about whom they report to",
            ));
        }
        let why = self.why.as_str().to_owned();
        kept.closing = Some(Closing { by: cx.caller.id(), outcome: self.outcome, why });
        let sealed = kept.seal(cx.app, self.id)?;
        if tx.execute(&CLOSE, params![self.id.bytes(), cx.now, &sealed])? == 0 {
            return Err(Error::Conflict("somebody has closed it already"));
        }
        let note = Note { objects: vec![*self.id.bytes(), *kept.principal.bytes()], ..Note::count(1) };
        Ok(Outcome::new((), note))
    }
}

/// Of a customer who is erased an alarm tells no more that it was about them; that there was one stays.
pub(crate) fn forget(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    tx.put(&FORGET, params![subject.bytes()])?;
    Ok(())
}

/// Forgets what has been closed for long.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now.saturating_sub(KEPT_MICROS)])?)
}
