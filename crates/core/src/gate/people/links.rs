//! One-time links: how somebody gets in for the first time, or after losing everything. Whoever administers access makes one and hands it
//! over; it is good once and for three days, and lets its owner enrol and do nothing else. A new one ends the one before.
//!
//! Whoever has the link is taken for its owner, so it is to be handed over where only they get it.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_seal::credential::OneTimeLink;
use avouch_store::{Tx, params, statements};
use zeroize::Zeroizing;

use super::notices::Told;
use super::{authenticators, sessions};
use crate::Error;
use crate::app::{App, Cx, Fresh, Operation, Outcome, Refresh, about_nobody};
use crate::audit::{self, Note, What};
use crate::gate::principals::note_change;
use crate::gate::{Access, Permit, login_name, principals};
use crate::ids::{LinkId, PrincipalId};
use crate::outbox::AccountNotice;

statements! {
    data PUT = "insert into one_time_link (id, principal, until, hash) values (?1, ?2, ?3, ?4)";
    data ONE = "select principal, until, hash from one_time_link where id = ?1";
    data DROP = "delete from one_time_link where id = ?1 and principal = ?2";
    data DROP_OF = "delete from one_time_link where principal = ?1";
    data SWEEP = "delete from one_time_link where until <= ?1";
}

const LIFE_MICROS: i64 = 3 * 24 * 3600 * 1_000_000;

/// Makes a link for somebody.
#[derive(Debug, Clone)]
pub struct CreateLink {
    /// For whom.
    pub principal: PrincipalId,
    /// Whether everything they log in with now goes, and every session ends: for somebody who has lost it, or whose it was not
    /// alone any more.
    pub afresh: bool,
}

/// A link that was just made.
pub struct NewLink {
    /// Its secret, to be shown once.
    pub secret: Zeroizing<String>,
    /// When it ends, in microseconds UTC.
    pub until: i64,
}

impl core::fmt::Debug for NewLink {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NewLink").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Operation for CreateLink {
    const ACTION: Action = Action::AccessChange;
    type Output = NewLink;
    about_nobody!();

    fn refreshes(&self) -> Refresh {
        if self.afresh { Refresh::Access } else { Refresh::Nothing }
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<NewLink>, Error> {
        let access = cx.app.access();
        let record = access.principal(self.principal).ok_or(Error::NotFound)?;
        if record.kind == "service" {
            return Err(Error::Conflict("a service does not log in: give it a key"));
        }
        let mut ended = Vec::new();
        if self.afresh {
            authenticators::drop_all(tx, self.principal)?;
            ended = sessions::end_all(tx, cx.app, self.principal)?;
            note_change(tx, cx.app, self.principal, cx.now)?;
            Told::of(AccountNotice::Removed).tell(tx, cx.app, self.principal, cx.now)?;
        }
        let new = create(tx, cx.app, self.principal, cx.now)?;
        let note = Note { objects: vec![*self.principal.bytes()], ..Note::count(1) };
        Ok(Outcome::new(new, note).with_sessions(ended))
    }
}

/// Makes one, in the place of any before.
pub(crate) fn create(tx: &mut Tx<'_>, app: &App, principal: PrincipalId, now: i64) -> Result<NewLink, Error> {
    tx.put(&DROP_OF, params![principal.bytes()])?;
    let id = app.ids.uuid(now, &app.rng)?;
    let link = OneTimeLink::generate(&app.environment, id, &app.rng)?;
    let until = now.saturating_add(LIFE_MICROS);
    tx.put(&PUT, params![&id, principal.bytes(), until, &bound(app, &id, principal, until, &link)])?;
    Ok(NewLink { secret: link.reveal(), until })
}

/// Ends somebody's link.
pub(crate) fn drop_of(tx: &mut Tx<'_>, principal: PrincipalId) -> Result<(), Error> {
    tx.execute(&DROP_OF, params![principal.bytes()])?;
    Ok(())
}

/// Whose link this is, if it is one and alive.
pub(super) fn judge(
    tx: &mut Tx<'_>,
    app: &App,
    link: &OneTimeLink,
    now: i64,
) -> Result<Option<(LinkId, PrincipalId)>, Error> {
    let id = link.id();
    let row =
        tx.first(&ONE, params![&id], |row| Ok((row.bytes::<16>(0)?, row.int(1)?, row.bytes::<32>(2)?)))?;
    let Some((principal, until, hash)) = row else { return Ok(None) };
    let principal = PrincipalId::from_bytes(principal);
    let same = subtle::ConstantTimeEq::ct_eq(&bound(app, &id, principal, until, link)[..], &hash[..]);
    Ok((bool::from(same) && now < until).then_some((LinkId::from_bytes(id), principal)))
}

/// What is kept of a link: `MAC(id, owner, end, hash of the secret)`, so that whoever writes the database makes none and gives none to
/// somebody else.
fn bound(app: &App, id: &[u8; 16], principal: PrincipalId, until: i64, link: &OneTimeLink) -> [u8; 32] {
    app.keys.row_digest("one-time-link", &[id, principal.bytes(), &until.to_be_bytes(), &link.hash()])
}

/// Uses a link up.
pub(super) fn spend(tx: &mut Tx<'_>, id: LinkId, principal: PrincipalId) -> Result<(), Error> {
    match tx.execute(&DROP, params![id.bytes(), principal.bytes()])? {
        0 => Err(Error::LogInFailed),
        _ => Ok(()),
    }
}

/// Forgets links that are over.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now])?)
}

impl App {
    /// Lets somebody at the host back in when every administrator is lost: a link for the administrator who logs in with `login`, who acts
    /// again if they were suspended, or for a new one. The event is written in the same transaction as the link: there is none without
    /// the other, and no setting that leaves it out.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no administrator has that name; [`Error::Internal`] when the charter has no role that administers
    /// access.
    pub fn recover_administrator(
        self: &Arc<Self>,
        login: Option<&str>,
    ) -> Result<(PrincipalId, NewLink), Error> {
        let (app, login) = (Arc::clone(self), login.map(login_name));
        let (id, link, access) = self.store().write_wait(move |tx| {
            let (now, rules) = (app.now(), app.rules());
            let id = principals::administrator_again(tx, &app, &rules, login.as_deref(), now)?;
            let link = create(tx, &app, id, now)?;
            let mut event = audit::system(app.ids.event(now), What::AdministratorRecover, now, rules.version);
            event.objects = vec![(*id.bytes()).into()];
            event.count = 1;
            audit::append(tx, &event, 0, None)?;
            Ok::<_, Error>((id, link, Access::changed(tx, &app.keys)?))
        })?;
        self.install(Fresh::Access(Box::new(access)));
        Ok((id, link))
    }
}
