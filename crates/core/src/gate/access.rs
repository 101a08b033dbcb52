//! Principals and their keys, held in memory: a snapshot of the sealed rows, replaced whole after each change, so that a
//! withdrawn key is refused by the next request.

use std::collections::{BTreeMap, HashMap};

use avouch_policy::{PrincipalClass, PrincipalKind};
use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, statements};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::marks::{self, Marks};
use super::provisioning::{GroupRecord, Provisioned};
use super::services::{SealedKeys, ServiceKeys};
use crate::Error;
use crate::ids::{CredentialId, GroupId, PrincipalId};
use crate::rules::Rules;

statements! {
    data GENERATION = "select generation from access_state where id = 1";
    data NEXT_GENERATION = "update access_state set generation = generation + 1 where id = 1";
    data ALL_PRINCIPALS = "select id, sealed from principal order by id";
    data ALL_CREDENTIALS = "select id, principal, sealed from credential order by id";
    data ALL_GROUPS = "select id, sealed from scim_group order by id";
}

/// Whether a principal may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes.
    Active,
    /// No, for now.
    Suspended,
}

/// A principal as stored: sealed, because the names of staff are personal data and roles are power.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalRecord {
    /// `staff`, `service` or `auditor`.
    pub kind: String,
    /// For people.
    pub name: String,
    /// The name that somebody logs in with, as [`login_name`] has it.
    #[serde(default)]
    pub login: Option<String>,
    /// Whom they report to: nobody agrees to what that one asks for.
    #[serde(default)]
    pub manager: Option<PrincipalId>,
    /// Which human being it is, where one has several accounts: a word that all of them share.
    #[serde(default)]
    pub person: Option<String>,
    /// Roles of the charter.
    pub roles: Vec<String>,
    /// The recipient a service acts for.
    pub recipient: Option<String>,
    /// Where it may call from; empty: anywhere.
    pub networks: Vec<IpNet>,
    /// Whether it may act.
    pub status: Status,
    /// Microseconds UTC.
    pub created: i64,
    /// From when on it may act no more, in microseconds UTC; nothing: not before it is suspended.
    #[serde(default)]
    pub until: Option<i64>,
    /// What an identity provider says of them, if one keeps them.
    #[serde(default)]
    pub provisioned: Option<Provisioned>,
    /// Where they are told of what happens with how they log in: an address for mail.
    #[serde(default)]
    pub contact: Option<String>,
    /// When what they log in with was last changed, or the address at which they are told of that, in microseconds UTC.
    #[serde(default)]
    pub credentials_changed: Option<i64>,
    /// When they have said that they know that their looks at customers are watched, in microseconds UTC.
    #[serde(default)]
    pub acknowledged: Option<i64>,
}

impl PrincipalRecord {
    /// Whether it may act, as far as it is for people to say: not suspended here, nor ended by the identity provider that keeps it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == Status::Active && self.provisioned.as_ref().is_none_or(Provisioned::is_active)
    }

    /// Where mail reaches them: the address that was given for that, that of their identity provider, or the name that they log in with
    /// if it is one.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        let given = self.contact.as_deref();
        let provided = || self.provisioned.as_ref().and_then(Provisioned::address);
        let login = || self.login.as_deref().filter(|login| is_address(login));
        given.or_else(provided).or_else(login)
    }
}

/// An API key as stored: its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Whose key.
    pub principal: PrincipalId,
    /// For people.
    pub label: String,
    /// Of id and secret; see `seal::credential`.
    pub hash: [u8; 32],
    /// Microseconds UTC.
    pub created: i64,
    /// Microseconds UTC.
    pub expires: i64,
    /// Where it may be used; empty: wherever its principal may.
    pub networks: Vec<IpNet>,
    /// Nobody was given it to use: it opens nothing, and whoever shows it is noticed.
    #[serde(default)]
    pub honey: bool,
}

/// Rows as stored, still sealed.
#[derive(Debug)]
pub(crate) struct Rows {
    generation: i64,
    principals: Vec<([u8; 16], Vec<u8>)>,
    credentials: Vec<([u8; 16], [u8; 16], Vec<u8>)>,
    groups: Vec<([u8; 16], Vec<u8>)>,
    service_keys: Vec<SealedKeys>,
    marks: marks::Rows,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Access {
    /// Grows with every change, so that an older snapshot never takes the place of a newer one.
    generation: i64,
    principals: HashMap<PrincipalId, (PrincipalRecord, PrincipalClass)>,
    keys: HashMap<CredentialId, KeyRecord>,
    logins: HashMap<String, PrincipalId>,
    groups: BTreeMap<GroupId, GroupRecord>,
    groups_of: HashMap<PrincipalId, Vec<GroupId>>,
    /// The accounts of those human beings of whom more than one may be, oldest first.
    persons: HashMap<String, Vec<PrincipalId>>,
    service_keys: HashMap<PrincipalId, ServiceKeys>,
    marks: Marks,
}

impl Access {
    /// The rows as stored.
    pub(crate) fn rows(tx: &mut Tx<'_>) -> Result<Rows, Error> {
        let principals = tx.query(&ALL_PRINCIPALS, &[], |row| Ok((row.bytes(0)?, row.blob(1)?.to_vec())))?;
        let credentials =
            tx.query(&ALL_CREDENTIALS, &[], |row| Ok((row.bytes(0)?, row.bytes(1)?, row.blob(2)?.to_vec())))?;
        let groups = tx.query(&ALL_GROUPS, &[], |row| Ok((row.bytes(0)?, row.blob(1)?.to_vec())))?;
        let generation = tx.first(&GENERATION, &[], |row| row.int(0))?.unwrap_or(0);
        let (marks, service_keys) = (Marks::rows(tx)?, ServiceKeys::rows(tx)?);
        Ok(Rows { generation, principals, credentials, groups, marks, service_keys })
    }

    /// Begins the next generation, for a change in this transaction, and loads it as the change leaves it.
    pub(crate) fn changed(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Self, Error> {
        tx.execute(&NEXT_GENERATION, &[])?;
        Self::from_rows(Self::rows(tx)?, keys)
    }

    /// Whether this snapshot was made after the other one.
    pub(crate) fn newer_than(&self, other: &Self) -> bool {
        self.generation > other.generation
    }

    /// Opens the rows.
    pub(crate) fn from_rows(rows: Rows, keys: &VaultKeys) -> Result<Self, Error> {
        let Rows { generation, principals, credentials, groups, marks, service_keys } = rows;
        let mut access = Self { generation, marks: Marks::open(marks, keys)?, ..Self::default() };
        for (id, sealed) in principals {
            let record: PrincipalRecord = open(keys, "principal", &id, &sealed)?;
            let kind = kind_of(&record.kind)?;
            let class = PrincipalClass::new(kind, record.roles.iter().cloned(), record.recipient.as_deref());
            if let Some(login) = &record.login {
                access.logins.insert(login.clone(), PrincipalId::from_bytes(id));
            }
            if let Some(person) = &record.person {
                // However two administrators have spelt it.
                access.persons.entry(login_name(person)).or_default().push(PrincipalId::from_bytes(id));
            }
            access.principals.insert(PrincipalId::from_bytes(id), (record, class));
        }
        for (id, principal, sealed) in credentials {
            let record: KeyRecord = open(keys, "credential", &id, &sealed)?;
            if *record.principal.bytes() != principal {
                return Err(Error::Tampered);
            }
            access.keys.insert(CredentialId::from_bytes(id), record);
        }
        for (id, sealed) in groups {
            let (id, record) =
                (GroupId::from_bytes(id), open::<GroupRecord>(keys, "scim_group", &id, &sealed)?);
            // Whoever was taken out of the identity provider's reach has nothing from it.
            for member in &record.members {
                if access.is_provisioned(*member) {
                    access.groups_of.entry(*member).or_default().push(id);
                }
            }
            access.groups.insert(id, record);
        }
        for (principal, sealed) in service_keys {
            let set = ServiceKeys::open(keys, &principal, &sealed)?;
            access.service_keys.insert(PrincipalId::from_bytes(principal), set);
        }
        Ok(access)
    }

    /// A principal by id.
    #[must_use]
    pub fn principal(&self, id: PrincipalId) -> Option<&PrincipalRecord> {
        self.principals.get(&id).map(|(record, _)| record)
    }

    /// All accounts of the human being who has this one, oldest first.
    #[must_use]
    pub fn accounts_of(&self, id: PrincipalId) -> Vec<PrincipalId> {
        let person = self.principal(id).and_then(|record| record.person.as_ref());
        person.and_then(|person| self.persons.get(&login_name(person))).cloned().unwrap_or_else(|| vec![id])
    }

    /// Who logs in with this name, as [`login_name`] has it.
    #[must_use]
    pub fn by_login(&self, login: &str) -> Option<PrincipalId> {
        self.logins.get(login).copied()
    }

    /// Customers about whom it matters who looks.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// All principals, oldest first.
    pub fn principals(&self) -> impl Iterator<Item = (PrincipalId, &PrincipalRecord)> {
        let mut all: Vec<_> = self.principals.iter().map(|(id, (record, _))| (*id, record)).collect();
        all.sort_by_key(|(id, _)| *id);
        all.into_iter()
    }

    /// A key by id.
    #[must_use]
    pub fn key(&self, id: CredentialId) -> Option<&KeyRecord> {
        self.keys.get(&id)
    }

    /// The keys of a principal, oldest first.
    #[must_use]
    pub fn keys_of(&self, principal: PrincipalId) -> Vec<(CredentialId, &KeyRecord)> {
        let mut keys: Vec<_> = self
            .keys
            .iter()
            .filter(|(_, key)| key.principal == principal)
            .map(|(id, key)| (*id, key))
            .collect();
        keys.sort_by_key(|(id, _)| *id);
        keys
    }

    /// Whether an identity provider keeps somebody.
    pub(crate) fn is_provisioned(&self, id: PrincipalId) -> bool {
        self.principal(id).is_some_and(|record| record.provisioned.is_some())
    }

    /// A group by id.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&GroupRecord> {
        self.groups.get(&id)
    }

    /// All groups, oldest first.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &GroupRecord)> {
        self.groups.iter().map(|(id, record)| (*id, record))
    }

    /// The groups that somebody is in, oldest first.
    pub fn groups_of(&self, id: PrincipalId) -> impl Iterator<Item = (GroupId, &GroupRecord)> {
        let ids = self.groups_of.get(&id).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.groups.get(id)?)))
    }

    /// What somebody is to policy: the roles given to them by hand, and those that the charter gives to their groups.
    pub(crate) fn class(&self, id: PrincipalId, rules: &Rules) -> Option<PrincipalClass> {
        let (record, class) = self.principals.get(&id)?;
        let mut by_group = self.groups_of(id).flat_map(|(_, group)| rules.roles_of_group(&group.display));
        let Some(first) = by_group.next() else { return Some(class.clone()) };
        let mut roles = record.roles.clone();
        for role in core::iter::once(first).chain(by_group) {
            if !roles.iter().any(|held| held == role) {
                roles.push(role.to_owned());
            }
        }
        Some(PrincipalClass::new(class.kind(), roles, record.recipient.as_deref()))
    }

    /// The public keys by which a service signs for itself.
    pub(crate) fn service_keys(&self, principal: PrincipalId) -> Option<&ServiceKeys> {
        self.service_keys.get(&principal)
    }
}

/// A name to log in with, in its one spelling: without blanks around it, in lower case, composed (NFKC).
#[must_use]
pub fn login_name(typed: &str) -> String {
    // Nobody has one that is longer.
    let typed: String = typed.trim().chars().take(LOGIN_MAX + 1).collect();
    typed.nfkc().collect::<String>().to_lowercase()
}

/// Whether a text looks like an address for mail. Whether it is one says the mail server.
pub(crate) fn is_address(text: &str) -> bool {
    let fits = text.len() <= LOGIN_MAX && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let parts = text.split_once('@').filter(|(_, domain)| !domain.contains('@'));
    fits && parts.is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
}

/// The longest name to log in with, in characters.
pub(crate) const LOGIN_MAX: usize = 254;

pub(crate) fn kind_of(kind: &str) -> Result<PrincipalKind, Error> {
    match kind {
        "staff" => Ok(PrincipalKind::Staff),
        "service" => Ok(PrincipalKind::Service),
        "auditor" => Ok(PrincipalKind::Auditor),
        _ => Err(Error::invalid("/kind", "expected `staff`, `service` or `auditor`")),
    }
}

fn open<T: for<'de> Deserialize<'de>>(
    keys: &VaultKeys,
    table: &'static str,
    id: &[u8; 16],
    sealed: &[u8],
) -> Result<T, Error> {
    let plain = keys.open_row(table, id, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| Error::Tampered)
}
