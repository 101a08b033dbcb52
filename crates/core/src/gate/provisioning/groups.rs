//! Groups that an identity provider keeps, and the operations on them. A group is one sealed row, its members in it: whoever changes it
//! reads it in their own transaction, and transactions that write wait for each other, so that no change is lost to another.

use std::collections::{BTreeMap, BTreeSet};

use avouch_policy::Action;
use avouch_scim::{Filter, GROUP, Resource};
use avouch_store::{Tx, params, statements};
use minicbor::bytes::ByteArray;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::users::provisioning;
use super::{
    Change, Expected, Listed, MOST_GROUPS, MOST_MEMBERS, MOST_MEMBERSHIPS, Range, Shown, external_id, ids_in,
    shown, text, unfit,
};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::principals::{is_title, seal, stored};
use crate::gate::{Intent, Permit, login_name};
use crate::ids::{GroupId, PrincipalId};
use crate::rules::Rules;

statements! {
    data ALL = "select id, sealed from scim_group order by id";
    data PUT = "insert into scim_group (id, sealed) values (?1, ?2)";
    data CHANGE = "update scim_group set sealed = ?2 where id = ?1";
    data DROP = "delete from scim_group where id = ?1";
}

/// How many of those who came or went an event names.
const MOST_NAMED: usize = 100;

/// A group as stored: sealed, because being in it is power.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// The name that a role of the charter may have among its `groups`.
    pub display: String,
    /// The identity provider's own id for it.
    pub external_id: Option<String>,
    /// Who is in it.
    pub members: BTreeSet<PrincipalId>,
    /// Microseconds UTC.
    pub created: i64,
    /// Microseconds UTC.
    pub changed: i64,
}

/// Adds a group.
#[derive(Debug, Clone)]
pub struct CreateGroup {
    /// As read by `avouch_scim::GROUP`.
    pub resource: Resource,
}

impl Operation for CreateGroup {
    provisioning!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = Shown<GroupId>;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let all = all(tx, cx.app)?;
        if all.len() >= MOST_GROUPS {
            return Err(Error::Conflict("an identity provider keeps at most 1,000 groups here"));
        }
        let id = GroupId::from_bytes(cx.new_id()?);
        let mut record = GroupRecord {
            display: String::new(),
            external_id: None,
            members: BTreeSet::new(),
            created: cx.now,
            changed: cx.now,
        };
        take(tx, cx.app, &self.resource, &mut record)?;
        check(&all, id, &record)?;
        let sealed = seal(cx.app, "scim_group", id.bytes(), &record)?;
        tx.put(&PUT, params![id.bytes(), &sealed])?;
        let note = note(id, &BTreeSet::new(), &record.members);
        Ok(Outcome::new(show(cx.app, id, &record, true)?, note))
    }
}

/// Changes a group, or who is in it.
#[derive(Debug, Clone)]
pub struct ChangeGroup {
    /// Which.
    pub id: GroupId,
    /// How.
    pub change: Change,
    /// From which version.
    pub expected: Expected,
}

impl Operation for ChangeGroup {
    provisioning!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = Shown<GroupId>;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let all = all(tx, cx.app)?;
        let before = all.get(&self.id).ok_or(Error::NotFound)?;
        if self.expected != Expected::Any {
            self.expected.check(show(cx.app, self.id, before, true)?.version)?;
        }
        let resource = match &self.change {
            Change::Replace(resource) => resource.clone(),
            Change::Patch(patch) => {
                let mut resource = kept(before, true);
                patch.apply(&mut resource)?;
                resource
            }
        };
        let mut record = before.clone();
        take(tx, cx.app, &resource, &mut record)?;
        if record != *before {
            record.changed = cx.now;
            check(&all, self.id, &record)?;
            write(tx, cx.app, self.id, &record)?;
        }
        let note = note(self.id, &before.members, &record.members);
        Ok(Outcome::new(show(cx.app, self.id, &record, true)?, note))
    }

    fn objects(&self) -> Vec<ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

/// Takes a group away, and with it what it gave.
#[derive(Debug, Clone)]
pub struct DeleteGroup {
    /// Which.
    pub id: GroupId,
    /// From which version.
    pub expected: Expected,
}

impl Operation for DeleteGroup {
    provisioning!();
    const REFRESH: Refresh = Refresh::Access;
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let all = all(tx, cx.app)?;
        let before = all.get(&self.id).ok_or(Error::NotFound)?;
        self.expected.check(show(cx.app, self.id, before, true)?.version)?;
        tx.put(&DROP, params![self.id.bytes()])?;
        Ok(Outcome::new((), note(self.id, &before.members, &BTreeSet::new())))
    }

    fn objects(&self) -> Vec<ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

/// Looks for groups.
#[derive(Debug, Clone)]
pub struct ReadGroups {
    /// Only this one, which has to be there.
    pub only: Option<GroupId>,
    /// Only those that are like this.
    pub filter: Option<Filter>,
    /// Which of them.
    pub range: Range,
}

impl Operation for ReadGroups {
    provisioning!();
    type Output = Listed<GroupId>;

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let access = cx.app.access();
        let mut listed = Listed { total: 0, items: Vec::new() };
        // Members are many, and most filters ask about something else.
        let asked = self.filter.as_ref().is_some_and(|filter| filter.asks_about("members"));
        for (id, record) in access.groups().filter(|(id, _)| self.only.is_none_or(|only| only == *id)) {
            if let Some(filter) = &self.filter
                && !filter.matches(&show(cx.app, id, record, asked)?.resource)
            {
                continue;
            }
            if (self.range.skip..self.range.skip + self.range.count).contains(&listed.total) {
                listed.items.push(show(cx.app, id, record, true)?);
            }
            listed.total += 1;
        }
        if self.only.is_some() && listed.total == 0 {
            return Err(Error::NotFound);
        }
        let note = Note::count(listed.items.len());
        Ok(Outcome::new(listed, note))
    }
}

/// Takes somebody out of all groups.
pub(in crate::gate) fn leave_all(
    tx: &mut Tx<'_>,
    app: &App,
    member: PrincipalId,
    now: i64,
) -> Result<(), Error> {
    for (id, mut record) in all(tx, app)? {
        if record.members.remove(&member) {
            record.changed = now;
            write(tx, app, id, &record)?;
        }
    }
    Ok(())
}

/// The groups as this transaction finds them.
fn all(tx: &mut Tx<'_>, app: &App) -> Result<BTreeMap<GroupId, GroupRecord>, Error> {
    let rows = tx.query(&ALL, &[], |row| Ok((row.bytes::<16>(0)?, row.blob(1)?.to_vec())))?;
    let open = |(id, sealed): ([u8; 16], Vec<u8>)| {
        let plain = app.keys.open_row("scim_group", &id, &sealed)?;
        let record = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
        Ok((GroupId::from_bytes(id), record))
    };
    rows.into_iter().map(open).collect()
}

fn write(tx: &mut Tx<'_>, app: &App, id: GroupId, record: &GroupRecord) -> Result<(), Error> {
    let sealed = seal(app, "scim_group", id.bytes(), record)?;
    tx.put(&CHANGE, params![id.bytes(), &sealed])?;
    Ok(())
}

/// What is kept of a group, as changes are made to it.
fn kept(record: &GroupRecord, with_members: bool) -> Resource {
    let mut resource = Resource::new();
    resource.insert("displayName".to_owned(), Json::String(record.display.clone()));
    resource.extend(record.external_id.clone().map(|id| ("externalId".to_owned(), Json::String(id))));
    if with_members && !record.members.is_empty() {
        let member = |id: &PrincipalId| json!({"value": id.to_string(), "type": "User"});
        resource.insert("members".to_owned(), record.members.iter().map(member).collect());
    }
    resource
}

fn show(app: &App, id: GroupId, record: &GroupRecord, with_members: bool) -> Result<Shown<GroupId>, Error> {
    shown(app, id, &GROUP, kept(record, with_members), (record.created, record.changed))
}

/// Takes over what is said in a resource. Who is not kept by the identity provider is not in its groups: such members are passed over,
/// so that one that is unknown does not keep the others out.
fn take(tx: &mut Tx<'_>, app: &App, resource: &Resource, record: &mut GroupRecord) -> Result<(), Error> {
    let display = text(resource, "displayName").ok_or_else(|| unfit("`displayName` has to be there"))?;
    if !is_title(&display) {
        return Err(unfit("expected 1 to 100 characters without control characters in `displayName`"));
    }
    (record.display, record.external_id) = (display, external_id(resource)?);
    let mut members = BTreeSet::new();
    for id in ids_in(resource, "members") {
        let known = record.members.contains(&id)
            || match stored(tx, app, id) {
                Ok(principal) => principal.provisioned.is_some(),
                Err(Error::NotFound) => false,
                Err(error) => return Err(error),
            };
        if known {
            members.insert(id);
        }
    }
    record.members = members;
    Ok(())
}

fn check(all: &BTreeMap<GroupId, GroupRecord>, id: GroupId, record: &GroupRecord) -> Result<(), Error> {
    let others = || all.iter().filter(|(other, _)| **other != id).map(|(_, other)| other);
    // Two that look alike to people would be taken for each other.
    let name = login_name(&record.display);
    if others().any(|other| login_name(&other.display) == name) {
        return Err(Error::Taken { field: "displayName".to_owned() });
    }
    if record.members.len() > MOST_MEMBERS {
        return Err(Error::Conflict("a group has at most 10,000 members here"));
    }
    let total: usize = others().map(|other| other.members.len()).sum();
    if total + record.members.len() > MOST_MEMBERSHIPS {
        return Err(Error::Conflict("all groups together have at most 100,000 members here"));
    }
    Ok(())
}

/// Which group, and who came or went.
fn note(id: GroupId, before: &BTreeSet<PrincipalId>, after: &BTreeSet<PrincipalId>) -> Note {
    let changed: Vec<[u8; 16]> = before.symmetric_difference(after).map(|id| *id.bytes()).collect();
    let count = changed.len();
    let objects = core::iter::once(*id.bytes()).chain(changed.into_iter().take(MOST_NAMED)).collect();
    Note { objects, ..Note::count(count.max(1)) }
}
