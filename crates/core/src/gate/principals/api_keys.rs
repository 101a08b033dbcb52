//! API keys of principals. A key's secret is shown once and stored as a hash.

use avouch_policy::Action;
use avouch_seal::credential::ApiKey;
use avouch_store::{Tx, params, statements};
use ipnet::IpNet;
use zeroize::Zeroizing;

use super::{DAY_MICROS, TITLE, is_title, kind_of, seal, stored, touched};
use crate::app::{App, Cx, Operation, Outcome, Refresh, about_nobody};
use crate::gate::{KeyRecord, Permit};
use crate::ids::{CredentialId, PrincipalId};
use crate::{Error, Fault};

statements! {
    data PUT_CREDENTIAL = "insert into credential (id, principal, sealed) values (?1, ?2, ?3)";
    data DROP_CREDENTIAL = "delete from credential where id = ?1 and principal = ?2";
}

/// The longest life of an API key, in days.
pub const MAX_KEY_DAYS: u32 = 365;

/// Gives a principal an API key.
#[derive(Debug, Clone)]
pub struct CreateKey {
    /// Whose.
    pub principal: PrincipalId,
    /// For people.
    pub label: String,
    /// Life in days, 1 to [`MAX_KEY_DAYS`].
    pub days: u32,
    /// Where it may be used; empty: wherever its principal may.
    pub networks: Vec<IpNet>,
}

/// A key that was just made.
pub struct NewKey {
    /// Its id.
    pub id: CredentialId,
    /// The whole key, to be shown once.
    pub key: Zeroizing<String>,
    /// Microseconds UTC.
    pub expires: i64,
}

impl core::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Operation for CreateKey {
    const ACTION: Action = Action::AccessChange;
    about_nobody!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = NewKey;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<NewKey>, Error> {
        create_key(tx, cx, self, false)
    }
}

/// A key that nobody is given to use.
pub(crate) fn create_honey(tx: &mut Tx<'_>, cx: &Cx<'_>, key: &CreateKey) -> Result<Outcome<NewKey>, Error> {
    create_key(tx, cx, key, true)
}

const NO_KEYS: &str = "people have no API keys here (`api_keys` in the configuration): they log in, and `avouch login` gives their programs a session";

fn create_key(tx: &mut Tx<'_>, cx: &Cx<'_>, key: &CreateKey, honey: bool) -> Result<Outcome<NewKey>, Error> {
    let whose = stored(tx, cx.app, key.principal)?;
    let mut faults = Vec::new();
    // Nobody is given one to use that is honey.
    if !honey && !cx.app.people.settings.lets_in_by_key(kind_of(&whose.kind)?) {
        faults.push(Fault::new("", NO_KEYS));
    }
    if !(1..=MAX_KEY_DAYS).contains(&key.days) {
        faults.push(Fault::new("/expires_in_days", format!("expected 1 to {MAX_KEY_DAYS}")));
    }
    if !is_title(&key.label) {
        faults.push(Fault::new("/label", TITLE));
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let new = issue(tx, cx.app, cx.new_id()?, (key, honey), cx.now)?;
    let mut note = touched(key.principal);
    note.objects.push(*new.id.bytes());
    Ok(Outcome::new(new, note))
}

/// Withdraws an API key, at once.
#[derive(Debug, Clone)]
pub struct RevokeKey {
    /// Whose.
    pub principal: PrincipalId,
    /// Which.
    pub key: CredentialId,
}

impl Operation for RevokeKey {
    const ACTION: Action = Action::AccessChange;
    about_nobody!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        if tx.execute(&DROP_CREDENTIAL, params![self.key.bytes(), self.principal.bytes()])? == 0 {
            return Err(Error::NotFound);
        }
        let mut note = touched(self.principal);
        note.objects.push(*self.key.bytes());
        Ok(Outcome::new((), note))
    }
}

/// Makes one, and keeps its hash.
pub(super) fn issue(
    tx: &mut Tx<'_>,
    app: &App,
    id: [u8; 16],
    (request, honey): (&CreateKey, bool),
    now: i64,
) -> Result<NewKey, Error> {
    let key = ApiKey::generate(&app.environment, id, &app.rng)?;
    let expires = now + i64::from(request.days) * DAY_MICROS;
    let record = KeyRecord {
        principal: request.principal,
        label: request.label.trim().to_owned(),
        hash: key.hash(),
        created: now,
        expires,
        networks: request.networks.clone(),
        honey,
    };
    let sealed = seal(app, "credential", &id, &record)?;
    tx.put(&PUT_CREDENTIAL, params![&id, request.principal.bytes(), &sealed])?;
    Ok(NewKey { id: CredentialId::from_bytes(id), key: key.reveal(), expires })
}
