//! Principals and their keys. A key's text is shown once, when it is made; the server keeps a hash.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{ProvesBy, Secret, Time};

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person who works here.
    Staff,
    /// A program.
    Service,
    /// Somebody who checks, and sees no customer.
    Auditor,
}

impl PrincipalKind {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Service => "service",
            Self::Auditor => "auditor",
        }
    }
}

/// Whether a principal may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalStatus {
    /// It may.
    Active,
    /// It may not, and none of its keys works.
    Suspended,
}

impl PrincipalStatus {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// A principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Principal {
    /// The id.
    pub id: Uuid,
    /// What it is.
    pub kind: PrincipalKind,
    /// Its name.
    pub name: String,
    /// The name that somebody logs in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Whom they report to: nobody agrees to what that one asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<Uuid>,
    /// Which human being it is, where one has several accounts: a word that all of them share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Where they are told of what happens with how they log in: an address for mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its roles, from the charter.
    pub roles: Vec<String>,
    /// The recipient it acts for. Such a principal can detokenize that recipient's tokens and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Networks it may come from (CIDR); any when empty.
    pub networks: Vec<String>,
    /// Whether it may act.
    pub status: PrincipalStatus,
    /// Whether an identity provider keeps it (SCIM).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisioned: bool,
    /// The groups of the identity provider that it is in; the charter says which roles they give, beside those in `roles`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Since when.
    pub created: Time,
    /// From when on none of its keys works; absent when that is not set. An auditor always has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// By what a service proves who it is, where it is looked at by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proves_by: Option<ProvesBy>,
}

/// `POST /v1/principals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"kind": "service", "name": "Web shop", "roles": ["shop"], "networks": ["192.0.2.0/24"]})))]
pub struct PrincipalCreate {
    /// What it is.
    pub kind: PrincipalKind,
    /// Its name.
    pub name: String,
    /// The name that somebody logs in with, usually their e-mail address at work. Case does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Whom they report to: nobody agrees to what that one asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<Uuid>,
    /// Which human being it is, where one has several accounts: a word that all of them share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Where they are told of what happens with how they log in: an address for mail. Without one it is that of their identity provider, or
    /// the name they log in with, if that is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its roles, from the charter.
    pub roles: Vec<String>,
    /// The recipient it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Networks it may come from (CIDR).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// For how many days it may act; without it an auditor may for 30, and all others until they are suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
}

/// `PATCH /v1/principals/{id}`: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalPatch {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name that somebody logs in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Whom they report to: nobody agrees to what that one asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<Uuid>,
    /// Which human being it is, where one has several accounts: a word that all of them share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Where they are told of what happens with how they log in; empty: nowhere of their own any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its roles, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Its networks, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
    /// Whether it may act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PrincipalStatus>,
    /// For how many days from now it may act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
    /// Whether an identity provider keeps it from now on, or no longer. Nobody who administers by a role given by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<bool>,
}

/// `POST /v1/principals/{id}/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"label": "web shop, server 1", "expires_in_days": 90})))]
pub struct KeyCreate {
    /// Where it is used.
    pub label: String,
    /// For how long, 1 to 365 days.
    #[schema(minimum = 1, maximum = 365)]
    pub expires_in_days: u16,
    /// Narrows the principal's networks (CIDR).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Whether nobody is to use it: it opens nothing, and whoever shows it is noticed. No list shows that it is one.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub honey: bool,
}

/// A new key. The only time its text is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// Names the key in lists and events.
    pub id: Uuid,
    /// The key: `avk_…`.
    pub key: Secret,
    /// Until when.
    pub expires: Time,
}

/// A key, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// Names the key in lists and events.
    pub id: Uuid,
    /// Where it is used.
    pub label: String,
    /// Since when.
    pub created: Time,
    /// Until when.
    pub expires: Time,
    /// Networks it is bound to (CIDR); the principal's when empty.
    pub networks: Vec<String>,
    /// Since when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Time>,
}
