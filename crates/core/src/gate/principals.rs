//! Operations on principals. Roles are checked against the charter, because a role that does not exist grants nothing and would
//! look as if it did.

mod api_keys;

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};
use ipnet::IpNet;
use zeroize::Zeroizing;

use super::access::{LOGIN_MAX, is_address, kind_of, login_name};
use super::provisioning::{Provisioned, leave_all};
use super::{Access, KeyRecord, Permit, PrincipalRecord, Status, approvals, people, services};
use crate::app::{App, Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::Note;
use crate::ids::{CredentialId, PrincipalId};
use crate::rules::{OWN_NAMESPACE, Rules};
use crate::{Error, Fault};
pub(crate) use api_keys::create_honey;
pub use api_keys::{CreateKey, MAX_KEY_DAYS, NewKey, RevokeKey};

statements! {
    data PUT_PRINCIPAL = "insert into principal (id, sealed) values (?1, ?2)";
    data ONE_PRINCIPAL = "select sealed from principal where id = ?1";
    data CHANGE_PRINCIPAL = "update principal set sealed = ?2 where id = ?1";
}

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [STATEMENTS, api_keys::STATEMENTS].concat()
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// The longest time for which a principal may act that has an end, in days.
pub const MAX_PRINCIPAL_DAYS: u32 = 3_650;
/// For how long an auditor may act, when nobody says.
pub const AUDITOR_DAYS: u32 = 30;

/// Adds a principal.
#[derive(Debug, Clone)]
pub struct CreatePrincipal {
    /// `staff`, `service` or `auditor`.
    pub kind: String,
    /// For people.
    pub name: String,
    /// The name that somebody logs in with, usually their e-mail address at work.
    pub login: Option<String>,
    /// Whom they report to.
    pub manager: Option<PrincipalId>,
    /// Which human being it is, where one has several accounts.
    pub person: Option<String>,
    /// Where they are told of what happens with how they log in: an address for mail.
    pub contact: Option<String>,
    /// Roles of the charter.
    pub roles: Vec<String>,
    /// The recipient a service acts for.
    pub recipient: Option<String>,
    /// Where it may call from; empty: anywhere.
    pub networks: Vec<IpNet>,
    /// For how many days it may act, 1 to [`MAX_PRINCIPAL_DAYS`]. Nothing: until it is suspended, or of an auditor
    /// [`AUDITOR_DAYS`].
    pub days: Option<u32>,
}

/// A principal as it is now.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Its id.
    pub id: PrincipalId,
    /// What is known of it.
    pub record: PrincipalRecord,
    /// The groups of an identity provider that it is in, by name.
    pub groups: Vec<String>,
}

impl Principal {
    fn of(access: &Access, id: PrincipalId, record: PrincipalRecord) -> Self {
        let groups = access.groups_of(id).map(|(_, group)| group.display.clone()).collect();
        Self { id, record, groups }
    }
}

impl Operation for CreatePrincipal {
    const ACTION: Action = Action::AccessChange;
    about_nobody!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = Principal;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Principal>, Error> {
        let record = PrincipalRecord {
            kind: self.kind.clone(),
            name: self.name.trim().to_owned(),
            login: self.login.as_deref().map(login_name),
            manager: self.manager,
            person: self.person.clone(),
            contact: self.contact.clone(),
            credentials_changed: None,
            roles: self.roles.clone(),
            recipient: self.recipient.clone(),
            networks: self.networks.clone(),
            status: Status::Active,
            created: cx.now,
            until: until(cx.now, self.days.or_else(|| (self.kind == AUDITOR).then_some(AUDITOR_DAYS)))?,
            provisioned: None,
            acknowledged: None,
        };
        check(cx.rules, &record)?;
        let id = PrincipalId::from_bytes(cx.new_id()?);
        free_login(tx, cx.app, id, &record)?;
        put(tx, cx.app, id, &record)?;
        Ok(Outcome::new(Principal { id, record, groups: Vec::new() }, touched(id)))
    }
}

/// Changes a principal; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ChangePrincipal {
    /// Which.
    pub id: Option<PrincipalId>,
    /// New name.
    pub name: Option<String>,
    /// New name to log in with.
    pub login: Option<String>,
    /// Whom they report to from now on.
    pub manager: Option<PrincipalId>,
    /// Which human being it is.
    pub person: Option<String>,
    /// Where they are told of what happens with how they log in; empty: nowhere of their own.
    pub contact: Option<String>,
    /// New roles, replacing the old.
    pub roles: Option<Vec<String>>,
    /// New networks, replacing the old.
    pub networks: Option<Vec<IpNet>>,
    /// New status.
    pub status: Option<Status>,
    /// For how many days from now it may act.
    pub days: Option<u32>,
    /// Whether the identity provider keeps it from now on, or no longer.
    pub provisioned: Option<bool>,
}

const AUDITOR: &str = "auditor";

/// When so many days have passed.
fn until(now: i64, days: Option<u32>) -> Result<Option<i64>, Error> {
    let fits = days.is_none_or(|days| (1..=MAX_PRINCIPAL_DAYS).contains(&days));
    let fault = || Error::invalid("/days", format!("expected 1 to {MAX_PRINCIPAL_DAYS} days"));
    if fits { Ok(days.map(|days| now.saturating_add(i64::from(days) * DAY_MICROS))) } else { Err(fault()) }
}

impl Operation for ChangePrincipal {
    const ACTION: Action = Action::AccessChange;
    about_nobody!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = Principal;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Principal>, Error> {
        let id = self.id.ok_or(Error::NotFound)?;
        // Read here and now: what stands in memory may be older than a change that waits in front of this one.
        let mut record = stored(tx, cx.app, id)?;
        let before = record.clone();
        if id == cx.caller.id && (self.status == Some(Status::Suspended) || self.roles.is_some()) {
            return Err(Error::Conflict(
                "nobody changes their own roles or suspends themselves: ask a colleague",
            ));
        }
        if let Some(name) = &self.name {
            name.trim().clone_into(&mut record.name);
        }
        if let Some(login) = &self.login {
            record.login = Some(login_name(login));
        }
        if self.manager.is_some() {
            record.manager = self.manager;
        }
        if let Some(person) = &self.person {
            record.person = Some(person.clone());
        }
        if let Some(contact) = &self.contact {
            record.contact = Some(contact.trim().to_owned()).filter(|contact| !contact.is_empty());
        }
        if let Some(roles) = &self.roles {
            record.roles.clone_from(roles);
        }
        if let Some(networks) = &self.networks {
            record.networks.clone_from(networks);
        }
        if let Some(status) = self.status {
            record.status = status;
        }
        if self.days.is_some() {
            record.until = until(cx.now, self.days)?;
        }
        if let Some(provisioned) = self.provisioned {
            self.reach(tx, cx, id, &mut record, provisioned)?;
        }
        if let Some(said) = &mut record.provisioned {
            said.changed = cx.now;
            if self.status == Some(Status::Active) && !said.is_active() {
                return Err(Error::Conflict(
                    "the identity provider has ended this account: let it act there, or say `\"provisioned\": false` first",
                ));
            }
        }
        check(cx.rules, &record)?;
        free_login(tx, cx.app, id, &record)?;
        let (mut ended, mut taken_back) = (Vec::new(), Vec::new());
        if !record.is_active() {
            ended = people::end_all(tx, cx.app, id)?;
            ended.push(services::end_of(tx, id)?);
            // Nothing that was under way goes on when they come back.
            people::drop_links(tx, id)?;
            taken_back = approvals::cancel_all(tx, cx.app, id, cx.now)?;
        }
        people::address_changed(tx, cx.app, (&before, &mut record), cx.now)?;
        write(tx, cx.app, id, &record)?;
        let mut principal = Principal::of(&cx.app.access(), id, record);
        if principal.record.provisioned.is_none() {
            principal.groups.clear();
        }
        Ok(Outcome::new(principal, touched(id)).with_sessions(ended).with_approvals(taken_back))
    }
}

impl ChangePrincipal {
    /// Puts somebody within the reach of the identity provider, or takes them out of it with all that it gave them. Whoever administers
    /// stays out of it: who runs the identity provider would decide whether there is an administrator.
    fn reach(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        id: PrincipalId,
        record: &mut PrincipalRecord,
        provisioned: bool,
    ) -> Result<(), Error> {
        match (&record.provisioned, provisioned) {
            (None, true) => {
                let administers = |name: &String| {
                    cx.rules.charter.role(name).is_some_and(avouch_charter::Role::administers)
                };
                if record.roles.iter().any(administers) {
                    return Err(Error::Conflict(
                        "whoever administers by a role given by hand is not for an identity provider to keep: take that role away first",
                    ));
                }
                if record.kind != "staff" || record.login.is_none() {
                    return Err(Error::invalid(
                        "/provisioned",
                        "an identity provider keeps staff who have a `login`, which is their `userName` there",
                    ));
                }
                record.provisioned = Some(Provisioned::adopted(cx.now));
            }
            (Some(said), false) => {
                // Nobody acts again because somebody else keeps them now.
                if !said.is_active() && self.status.is_none() {
                    record.status = Status::Suspended;
                }
                record.provisioned = None;
                leave_all(tx, cx.app, id, cx.now)?;
            }
            (None, false) | (Some(_), true) => {}
        }
        Ok(())
    }
}

/// Lists principals, or shows one with its keys.
#[derive(Debug, Clone)]
pub struct ReadPrincipals {
    /// Only this one.
    pub only: Option<PrincipalId>,
}

/// A principal and its keys.
#[derive(Debug, Clone)]
pub struct PrincipalWithKeys {
    /// The principal.
    pub principal: Principal,
    /// Its keys, oldest first.
    pub keys: Vec<(CredentialId, KeyRecord)>,
    /// How many public keys are registered for it.
    pub public_keys: usize,
    /// How many access tokens it has that are alive.
    pub tokens: usize,
}

impl Operation for ReadPrincipals {
    const ACTION: Action = Action::AccessRead;
    about_nobody!();
    type Output = Vec<PrincipalWithKeys>;

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let access = cx.app.access();
        let found: Vec<_> = access
            .principals()
            .filter(|(id, _)| self.only.is_none_or(|only| only == *id))
            .map(|(id, record)| PrincipalWithKeys {
                principal: Principal::of(&access, id, record.clone()),
                keys: access.keys_of(id).into_iter().map(|(id, key)| (id, key.clone())).collect(),
                public_keys: access.service_keys(id).map_or(0, services::ServiceKeys::count),
                tokens: cx.app.services.tokens.count(Some(id), cx.now),
            })
            .collect();
        if self.only.is_some() && found.is_empty() {
            return Err(Error::NotFound);
        }
        let note = Note::count(found.len());
        Ok(Outcome::new(found, note))
    }
}

/// Notes that the caller knows that they are watched; the first time is what counts.
pub(crate) fn note_acknowledged(tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<i64, Error> {
    let mut record = stored(tx, cx.app, cx.caller.id)?;
    let at = *record.acknowledged.get_or_insert(cx.now);
    write(tx, cx.app, cx.caller.id, &record)?;
    Ok(at)
}

/// Notes that what somebody logs in with has just changed.
pub(super) fn note_change(tx: &mut Tx<'_>, app: &App, id: PrincipalId, now: i64) -> Result<(), Error> {
    let mut record = stored(tx, app, id)?;
    record.credentials_changed = Some(now);
    write(tx, app, id, &record)
}

/// A principal as this transaction finds it.
pub(super) fn stored(tx: &mut Tx<'_>, app: &App, id: PrincipalId) -> Result<PrincipalRecord, Error> {
    let sealed = tx.first(&ONE_PRINCIPAL, params![id.bytes()], |row| Ok(row.blob(0)?.to_vec()))?;
    let plain = app.keys.open_row("principal", id.bytes(), &sealed.ok_or(Error::NotFound)?)?;
    serde_json::from_slice(&plain).map_err(|_| Error::Tampered)
}

/// Adds a principal.
pub(super) fn put(
    tx: &mut Tx<'_>,
    app: &App,
    id: PrincipalId,
    record: &PrincipalRecord,
) -> Result<(), Error> {
    let sealed = seal(app, "principal", id.bytes(), record)?;
    tx.put(&PUT_PRINCIPAL, params![id.bytes(), &sealed])?;
    Ok(())
}

/// Puts a principal in the place of what it was.
pub(super) fn write(
    tx: &mut Tx<'_>,
    app: &App,
    id: PrincipalId,
    record: &PrincipalRecord,
) -> Result<(), Error> {
    let sealed = seal(app, "principal", id.bytes(), record)?;
    match tx.execute(&CHANGE_PRINCIPAL, params![id.bytes(), &sealed])? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// The first administrator of a new vault.
pub(crate) fn first_administrator(
    tx: &mut Tx<'_>,
    app: &App,
    role: &str,
    days: u32,
    now: i64,
) -> Result<(PrincipalId, Zeroizing<String>), Error> {
    let id = PrincipalId::from_bytes(app.ids.uuid(now, &app.rng)?);
    let record = PrincipalRecord { roles: vec![role.to_owned()], ..administrator("Administrator", now) };
    put(tx, app, id, &record)?;
    let request = CreateKey {
        principal: id,
        label: "first key".to_owned(),
        days: days.clamp(1, MAX_KEY_DAYS),
        networks: Vec::new(),
    };
    let key = api_keys::issue(tx, app, app.ids.uuid(now, &app.rng)?, (&request, false), now)?;
    Ok((id, key.key))
}

/// An administrator for somebody at the host: the one with this name, acting again, or a new one.
pub(super) fn administrator_again(
    tx: &mut Tx<'_>,
    app: &App,
    rules: &Rules,
    login: Option<&str>,
    now: i64,
) -> Result<PrincipalId, Error> {
    let holds = |role: &avouch_charter::Role| {
        role.holder == avouch_charter::Holder::Staff && role.may(Action::AccessChange.as_str())
    };
    let administers = |name: &String| rules.charter.role(name).is_some_and(holds);
    if let Some(login) = login {
        let all = Access::from_rows(Access::rows(tx)?, &app.keys)?;
        let id = all.by_login(login).ok_or(Error::NotFound)?;
        let mut record = stored(tx, app, id)?;
        if !record.roles.iter().any(administers) {
            return Err(Error::NotFound);
        }
        (record.status, record.until, record.networks) = (Status::Active, None, Vec::new());
        // Whoever brings back an administrator has nobody else end them.
        record.provisioned = None;
        leave_all(tx, app, id, now)?;
        write(tx, app, id, &record)?;
        return Ok(id);
    }
    let roles: Vec<String> = rules
        .charter
        .roles()
        .iter()
        .filter(|role| holds(role))
        .map(|role| role.name.clone())
        .take(1)
        .collect();
    if roles.is_empty() {
        return Err(Error::Internal("the charter has no role that administers access"));
    }
    let id = PrincipalId::from_bytes(app.ids.uuid(now, &app.rng)?);
    let record = PrincipalRecord { roles, ..administrator("Administrator (recovered)", now) };
    put(tx, app, id, &record)?;
    Ok(id)
}

fn administrator(name: &str, now: i64) -> PrincipalRecord {
    PrincipalRecord {
        kind: "staff".to_owned(),
        name: name.to_owned(),
        login: None,
        manager: None,
        person: None,
        contact: None,
        credentials_changed: None,
        roles: Vec::new(),
        recipient: None,
        networks: Vec::new(),
        status: Status::Active,
        created: now,
        until: None,
        provisioned: None,
        acknowledged: None,
    }
}

const TITLE: &str = "expected 1 to 100 characters without control characters";

pub(super) fn is_title(text: &str) -> bool {
    let text = text.trim();
    (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_login(login: &str) -> bool {
    let fits = (1..=LOGIN_MAX).contains(&login.chars().count());
    fits && !login.chars().any(|character| character.is_control() || character.is_whitespace())
}

/// Nobody logs in with a name that somebody else has. Looked up in the rows: another change may wait in front of this one.
pub(super) fn free_login(
    tx: &mut Tx<'_>,
    app: &App,
    id: PrincipalId,
    record: &PrincipalRecord,
) -> Result<(), Error> {
    let Some(login) = &record.login else { return Ok(()) };
    let all = Access::from_rows(Access::rows(tx)?, &app.keys)?;
    match all.by_login(login) {
        Some(other) if other != id => Err(Error::Taken { field: "login".to_owned() }),
        _ => Ok(()),
    }
}

/// Whether the charter knows what the record names.
fn check(rules: &Rules, record: &PrincipalRecord) -> Result<(), Error> {
    let kind = kind_of(&record.kind)?;
    let mut faults = Vec::new();
    if !is_title(&record.name) {
        faults.push(Fault::new("/name", TITLE));
    }
    if let Some(login) = &record.login {
        if record.kind == "service" {
            faults.push(Fault::new("/login", "a service does not log in: give it a key"));
        } else if !is_login(login) {
            faults.push(Fault::new(
                "/login",
                "expected 1 to 254 characters without blanks or control characters",
            ));
        }
    }
    let people = record.kind != "service";
    if record.contact.as_ref().is_some_and(|contact| !people || !is_address(contact)) {
        faults.push(Fault::new("/contact", "expected an address for mail, of somebody who logs in"));
    }
    if record.manager.is_some() && !people {
        faults.push(Fault::new("/manager", "a service reports to nobody"));
    }
    if record.person.as_ref().is_some_and(|person| !people || !is_title(person)) {
        faults.push(Fault::new("/person", TITLE));
    }
    // Whoever an identity provider keeps may hold what their groups give, or nothing yet.
    let none = record.roles.is_empty() && record.provisioned.is_none();
    if none || record.roles.len() > 20 {
        faults.push(Fault::new("/roles", "expected 1 to 20 roles of the charter"));
    }
    for (at, name) in record.roles.iter().enumerate() {
        let pointer = format!("/roles/{at}");
        match rules.charter.role(name) {
            None => faults.push(Fault::new(pointer, "the charter has no such role")),
            Some(role) if role.holder.as_str() != kind.as_str() => {
                faults.push(Fault::new(pointer, format!("this role is for {}", role.holder.as_str())));
            }
            Some(_) => {}
        }
    }
    if let Some(recipient) = &record.recipient {
        if record.kind != "service" {
            faults.push(Fault::new("/recipient", "only a service acts for a recipient"));
        } else if recipient == OWN_NAMESPACE || !rules.recipients.contains_key(recipient) {
            faults.push(Fault::new("/recipient", "the charter has no such recipient"));
        }
    }
    if record.networks.len() > 100 {
        faults.push(Fault::new("/networks", "expected at most 100 networks"));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

pub(super) fn seal<T: serde::Serialize>(
    app: &App,
    table: &'static str,
    id: &[u8; 16],
    record: &T,
) -> Result<Vec<u8>, Error> {
    let plain =
        Zeroizing::new(serde_json::to_vec(record).map_err(|_| Error::Internal("a record has no JSON form"))?);
    Ok(app.keys.seal_row(table, id, &plain, &app.rng)?)
}

pub(super) fn touched(id: PrincipalId) -> Note {
    Note { objects: vec![*id.bytes()], ..Note::count(1) }
}
