//! Provisioning: an identity provider keeps the people who work here and the groups they are in, by SCIM.
//!
//! It reaches whom it has made, and whom an administrator has put within its reach; nobody else, for any purpose. It says who is there
//! and what they are called, ends them, and puts them into groups. What a group gives is for the charter to say. It never gives a role
//! by hand, nor anything to log in with.

mod groups;
mod user;
mod users;

use std::collections::HashSet;

use avouch_scim::Resource;
use avouch_store::{Tx, params, statements};
use serde_json::{Value as Json, json};

use super::{approvals, break_glass, people, services};
use crate::Error;
use crate::app::{After, App, Cx};
use crate::ids::PrincipalId;

pub use groups::{ChangeGroup, CreateGroup, DeleteGroup, GroupRecord, ReadGroups};
pub use user::{Email, Provisioned};
pub use users::{ChangeUser, CreateUser, DeleteUser, ReadUsers};

pub(super) use groups::leave_all;

statements! {
    data DROP_CREDENTIALS = "delete from credential where principal = ?1";
}

/// The most people that an identity provider keeps.
pub const MOST_USERS: usize = 20_000;
/// The most groups.
pub const MOST_GROUPS: usize = 1_000;
/// The most members of a group.
pub const MOST_MEMBERS: usize = 10_000;
/// The most members of all groups together.
pub const MOST_MEMBERSHIPS: usize = 100_000;
/// The longest `externalId`, in characters.
const EXTERNAL_ID_MAX: usize = 256;

/// A change to a resource.
#[derive(Debug, Clone)]
pub enum Change {
    /// All of it.
    Replace(Resource),
    /// Parts of it.
    Patch(avouch_scim::Patch),
}

/// From which version a change was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// From whatever there is.
    Any,
    /// From one of these.
    These(Vec<u64>),
}

impl Expected {
    fn check(&self, current: u64) -> Result<(), Error> {
        match self {
            Self::These(versions) if !versions.contains(&current) => Err(Error::Stale { current }),
            Self::Any | Self::These(_) => Ok(()),
        }
    }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// How many to pass over.
    pub skip: usize,
    /// The most to show.
    pub count: usize,
}

/// A resource as it is shown, but for the places where it and others are found.
#[derive(Debug, Clone)]
pub struct Shown<Id> {
    /// Its id.
    pub id: Id,
    /// Changes with what is said in it.
    pub version: u64,
    /// The resource.
    pub resource: Resource,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Listed<Id> {
    /// How many there are in all.
    pub total: usize,
    /// Those wanted.
    pub items: Vec<Shown<Id>>,
}

/// Every statement of the room.
pub(super) fn statements() -> Vec<&'static avouch_store::Statement> {
    [STATEMENTS, groups::STATEMENTS].concat()
}

/// Ends all by which somebody acts: sessions, API keys, one-time links, and what they have asked for and were granted. What they log in
/// with stays, and opens nothing while they may not act. Whatever is given to people for a time has to be ended here too.
fn end_access(tx: &mut Tx<'_>, cx: &Cx<'_>, id: PrincipalId) -> Result<After, Error> {
    tx.execute(&DROP_CREDENTIALS, params![id.bytes()])?;
    people::drop_links(tx, id)?;
    let mut sessions = people::end_all(tx, cx.app, id)?;
    sessions.push(services::end_of(tx, id)?);
    let approvals = approvals::cancel_all(tx, cx.app, id, cx.now)?;
    let glasses = break_glass::end_all(tx, cx.app, id, cx.now)?;
    Ok(After { sessions, approvals, glasses, seen: None })
}

/// A resource as it is shown: with its id, what is known of itself, and its version, which follows from what is said in it.
fn shown<Id: core::fmt::Display + Copy>(
    app: &App,
    id: Id,
    schema: &avouch_scim::Schema,
    mut resource: Resource,
    (created, changed): (i64, i64),
) -> Result<Shown<Id>, Error> {
    let said = serde_json::to_vec(&resource).map_err(|_| Error::Internal("a resource has no JSON form"))?;
    let digest = app.keys.row_digest("scim-version", &[id.to_string().as_bytes(), &said]);
    let version = digest.iter().take(8).fold(0, |version: u64, byte| version << 8 | u64::from(*byte));
    let moment = |micros: i64| {
        let moment = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
        Json::String(format!("{moment:.6}"))
    };
    resource.insert("schemas".to_owned(), json!([schema.urn]));
    resource.insert("id".to_owned(), Json::String(id.to_string()));
    let meta = json!({
        "resourceType": schema.name,
        "created": moment(created),
        "lastModified": moment(changed),
        "version": tag(version),
    });
    resource.insert("meta".to_owned(), meta);
    Ok(Shown { id, version, resource })
}

/// A version as an entity tag.
#[must_use]
pub fn tag(version: u64) -> String {
    format!("W/\"{version:016x}\"")
}

fn text(resource: &Resource, name: &str) -> Option<String> {
    resource
        .get(name)
        .and_then(Json::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn external_id(resource: &Resource) -> Result<Option<String>, Error> {
    let Some(id) = text(resource, "externalId") else { return Ok(None) };
    if id.chars().count() > EXTERNAL_ID_MAX || id.chars().any(char::is_control) {
        return Err(unfit("expected at most 256 characters without control characters in `externalId`"));
    }
    Ok(Some(id))
}

/// Ids in a list of values with parts; what is no id of ours is nobody's.
fn ids_in(resource: &Resource, name: &str) -> HashSet<PrincipalId> {
    let values = resource.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let id = |value: &Json| value.get("value")?.as_str()?.parse().ok();
    values.iter().filter_map(id).collect()
}

fn unfit(detail: &'static str) -> Error {
    Error::Unprovisionable(avouch_scim::Flaw { kind: avouch_scim::Kind::InvalidValue, detail: detail.into() })
}
