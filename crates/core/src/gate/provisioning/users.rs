//! Operations on the people that an identity provider keeps. Each finds them in the rows of its own transaction: another change may
//! wait in front of it.

use avouch_policy::Action;
use avouch_scim::{Filter, Resource};
use avouch_store::Tx;
use minicbor::bytes::ByteArray;

use super::{Change, Expected, Listed, MOST_USERS, Range, Shown, end_access, leave_all, user};
use crate::Error;
use crate::app::{After, App, Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::principals::{free_login, put, stored, touched, write};
use crate::gate::provisioning::Provisioned;
use crate::gate::{Access, Intent, Permit, PrincipalRecord, Status, people};
use crate::ids::PrincipalId;
use crate::rules::Rules;

macro_rules! provisioning {
    () => {
        const ACTION: Action = Action::AccessProvision;
        type Facts = ();
        fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
            Ok(Intent::plain())
        }
        fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
            Ok(())
        }
    };
}
pub(super) use provisioning;

/// Adds somebody.
#[derive(Debug, Clone)]
pub struct CreateUser {
    /// As read by `avouch_scim::USER`.
    pub resource: Resource,
}

impl Operation for CreateUser {
    provisioning!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = Shown<PrincipalId>;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let all = Access::from_rows(Access::rows(tx)?, &cx.app.keys)?;
        let kept = all.principals().filter(|(_, record)| record.provisioned.is_some()).count();
        if kept >= MOST_USERS {
            return Err(Error::Conflict("an identity provider keeps at most 20,000 people here"));
        }
        let mut record = PrincipalRecord {
            kind: "staff".to_owned(),
            name: String::new(),
            login: None,
            roles: Vec::new(),
            recipient: None,
            networks: Vec::new(),
            status: Status::Active,
            created: cx.now,
            until: None,
            manager: None,
            person: None,
            contact: None,
            credentials_changed: None,
            provisioned: None,
            acknowledged: None,
        };
        user::take(&self.resource, &mut record, cx.now)?;
        if let Some(said @ Provisioned { active: None, .. }) = &mut record.provisioned {
            said.active = Some(true);
        }
        if record.login.as_deref().is_some_and(|login| all.by_login(login).is_some()) {
            return Err(taken());
        }
        let id = PrincipalId::from_bytes(cx.new_id()?);
        put(tx, cx.app, id, &record)?;
        Ok(Outcome::new(user::show(cx.app, &all, id, &record)?, touched(id)))
    }
}

/// Changes somebody.
#[derive(Debug, Clone)]
pub struct ChangeUser {
    /// Whom.
    pub id: PrincipalId,
    /// How.
    pub change: Change,
    /// From which version.
    pub expected: Expected,
}

impl Operation for ChangeUser {
    provisioning!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = Shown<PrincipalId>;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let all = Access::from_rows(Access::rows(tx)?, &cx.app.keys)?;
        let before = within_reach(tx, cx.app, self.id)?;
        self.expected.check(user::show(cx.app, &all, self.id, &before)?.version)?;
        let resource = match &self.change {
            Change::Replace(resource) => {
                let mut resource = resource.clone();
                // Whoever says nothing of it does not mean to let somebody act again.
                let active = before.provisioned.as_ref().and_then(|said| said.active);
                if let (None, Some(active)) = (resource.get("active"), active) {
                    resource.insert("active".to_owned(), active.into());
                }
                resource
            }
            Change::Patch(patch) => {
                let mut resource = user::kept(&before);
                patch.apply(&mut resource)?;
                resource
            }
        };
        let mut record = before.clone();
        user::take(&resource, &mut record, cx.now)?;
        if record != before
            && let Some(said) = &mut record.provisioned
        {
            said.changed = cx.now;
        }
        free_login(tx, cx.app, self.id, &record).map_err(|error| match error {
            Error::Taken { .. } => taken(),
            error => error,
        })?;
        let ended = if record.is_active() { After::default() } else { end_access(tx, cx, self.id)? };
        people::address_changed(tx, cx.app, (&before, &mut record), cx.now)?;
        write(tx, cx.app, self.id, &record)?;
        let shown = user::show(cx.app, &all, self.id, &record)?;
        Ok(Outcome::new(shown, touched(self.id)).with(ended))
    }

    fn objects(&self) -> Vec<ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

/// Ends somebody for good. Their id and their name stay, for the record of what they did; nothing else does.
#[derive(Debug, Clone)]
pub struct DeleteUser {
    /// Whom.
    pub id: PrincipalId,
    /// From which version.
    pub expected: Expected,
}

impl Operation for DeleteUser {
    provisioning!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let mut record = within_reach(tx, cx.app, self.id)?;
        if self.expected != Expected::Any {
            let all = Access::from_rows(Access::rows(tx)?, &cx.app.keys)?;
            self.expected.check(user::show(cx.app, &all, self.id, &record)?.version)?;
        }
        let ended = end_access(tx, cx, self.id)?;
        people::drop_authenticators(tx, self.id)?;
        leave_all(tx, cx.app, self.id, cx.now)?;
        (record.status, record.until) = (Status::Suspended, Some(cx.now));
        (record.login, record.provisioned) = (None, None);
        record.roles.clear();
        write(tx, cx.app, self.id, &record)?;
        Ok(Outcome::new((), touched(self.id)).with(ended))
    }

    fn objects(&self) -> Vec<ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

/// Looks for people.
#[derive(Debug, Clone)]
pub struct ReadUsers {
    /// Only this one, who has to be there.
    pub only: Option<PrincipalId>,
    /// Only those who are like this.
    pub filter: Option<Filter>,
    /// Which of them.
    pub range: Range,
}

impl Operation for ReadUsers {
    provisioning!();
    type Output = Listed<PrincipalId>;

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let access = cx.app.access();
        // Clients look for somebody by their name all the time.
        let named = self.filter.as_ref().and_then(|filter| filter.required("userName"));
        let only = match (self.only, named) {
            (Some(only), _) => vec![only],
            (None, Some(name)) => access.by_login(&crate::gate::login_name(name)).into_iter().collect(),
            (None, None) => access.principals().map(|(id, _)| id).collect(),
        };
        let mut listed = Listed { total: 0, items: Vec::new() };
        for id in only {
            let Some(record) = access.principal(id).filter(|record| record.provisioned.is_some()) else {
                continue;
            };
            let in_range =
                |total: usize| (self.range.skip..self.range.skip + self.range.count).contains(&total);
            if self.filter.is_none() && !in_range(listed.total) {
                listed.total += 1;
                continue;
            }
            let shown = user::show(cx.app, &access, id, record)?;
            if self.filter.as_ref().is_none_or(|filter| filter.matches(&shown.resource)) {
                if in_range(listed.total) {
                    listed.items.push(shown);
                }
                listed.total += 1;
            }
        }
        if self.only.is_some() && listed.total == 0 {
            return Err(Error::NotFound);
        }
        let note = Note::count(listed.items.len());
        Ok(Outcome::new(listed, note))
    }
}

/// Somebody whom an identity provider keeps; there is nobody else for it.
fn within_reach(tx: &mut Tx<'_>, app: &App, id: PrincipalId) -> Result<PrincipalRecord, Error> {
    let record = stored(tx, app, id)?;
    if record.provisioned.is_some() { Ok(record) } else { Err(Error::NotFound) }
}

fn taken() -> Error {
    Error::Taken { field: "userName".to_owned() }
}
