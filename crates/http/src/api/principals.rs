//! `/v1/principals`: who may call, and their keys. A key's text is in one answer, once; it is wiped from memory when that answer
//! has been written.

use avouch_core::gate::people::{CreateLink, IdentityShown, LinkIdentity, ReadIdentities, UnlinkIdentity};
use avouch_core::gate::principals::{
    ChangePrincipal, CreateKey, CreatePrincipal, PrincipalWithKeys, ReadPrincipals, RevokeKey,
};
use avouch_core::gate::{KeyRecord, Status, principals};
use avouch_core::watch::CreateHoneyKey;
use avouch_core::{AuthenticatorId, CredentialId, PrincipalId};
use avouch_wire::{
    Fault, Identity, IdentityLink, Key, KeyCreate, KeyCreated, LinkCreate, LinkCreated, Page, PageQuery,
    Principal, PrincipalCreate, PrincipalKind, PrincipalPatch, PrincipalStatus, ProvesBy, Secret,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ipnet::IpNet;
use uuid::Uuid;

use crate::extract::{Caller, Json, Path};
use crate::page::{Cursor, List, Paging};
use crate::perform::perform;
use crate::problem::{Failure, internal};
use crate::render;
use crate::service::Shared;

/// Lists principals, oldest first.
#[utoipa::path(get, path = "/v1/principals", tag = "access", params(PageQuery),
    responses((status = 200, body = Page<Principal>, description = "A page")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    paging: Paging,
) -> Result<Response, Failure> {
    let after = paging.after_id(List::Principals, PrincipalId::from_bytes)?;
    let all = perform(&service.app, &caller, ReadPrincipals { only: None }).await?.output;
    let mut rest = all
        .into_iter()
        .map(|with_keys| with_keys.principal)
        .skip_while(|principal| after.is_some_and(|after| principal.id <= after))
        .peekable();
    let mut items = Vec::new();
    let mut last = None;
    while items.len() < paging.limit
        && let Some(principal) = rest.next()
    {
        last = Some(principal.id);
        items.push(rendered(principal)?);
    }
    let next = rest.peek().and(last);
    render::ok(&Page { items, next_cursor: next.map(|id| Cursor::id(List::Principals, id.bytes())) })
}

/// Adds a principal. It can do nothing until it has a key.
#[utoipa::path(post, path = "/v1/principals", tag = "access", request_body = PrincipalCreate,
    responses((status = 201, body = Principal, description = "Added")))]
pub(super) async fn create(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<PrincipalCreate>,
) -> Result<Response, Failure> {
    let operation = CreatePrincipal {
        kind: request.kind.name().to_owned(),
        name: request.name,
        login: request.login,
        manager: request.manager.map(|id| PrincipalId::from_bytes(id.into_bytes())),
        person: request.person,
        contact: request.contact,
        roles: request.roles,
        recipient: request.recipient,
        networks: networks(&request.networks)?,
        days: request.days,
    };
    let made = perform(&service.app, &caller, operation).await?.output;
    render::json(StatusCode::CREATED, &rendered(made)?)
}

/// Shows a principal.
#[utoipa::path(get, path = "/v1/principals/{id}", tag = "access",
    params(("id" = Uuid, Path, description = "The principal")),
    responses((status = 200, body = Principal, description = "The principal")))]
pub(super) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<PrincipalId>,
) -> Result<Response, Failure> {
    let found = one(&service, &caller, id).await?;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let proves_by = ProvesBy {
        api_keys: count(found.keys.len()),
        public_keys: count(found.public_keys),
        access_tokens: count(found.tokens),
    };
    let mut shown = rendered(found.principal)?;
    shown.proves_by = (shown.kind == PrincipalKind::Service).then_some(proves_by);
    render::ok(&shown)
}

/// Changes a principal. Nobody changes their own roles.
#[utoipa::path(patch, path = "/v1/principals/{id}", tag = "access",
    request_body(content((PrincipalPatch = "application/merge-patch+json"), (PrincipalPatch = "application/json"))),
    params(("id" = Uuid, Path, description = "The principal")),
    responses((status = 200, body = Principal, description = "Changed, and in force for the next request")))]
pub(super) async fn update(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<PrincipalId>,
    Json(request, _): Json<PrincipalPatch>,
) -> Result<Response, Failure> {
    let operation = ChangePrincipal {
        id: Some(id),
        name: request.name,
        login: request.login,
        manager: request.manager.map(|id| PrincipalId::from_bytes(id.into_bytes())),
        person: request.person,
        contact: request.contact,
        roles: request.roles,
        networks: request.networks.as_deref().map(networks).transpose()?,
        status: request.status.map(|status| match status {
            PrincipalStatus::Active => Status::Active,
            PrincipalStatus::Suspended => Status::Suspended,
        }),
        days: request.days,
        provisioned: request.provisioned,
    };
    render::ok(&rendered(perform(&service.app, &caller, operation).await?.output)?)
}

/// Lists a principal's keys, oldest first.
#[utoipa::path(get, path = "/v1/principals/{id}/keys", tag = "access",
    params(("id" = Uuid, Path, description = "The principal")),
    responses((status = 200, body = Page<Key>, description = "All its keys, without their text")))]
pub(super) async fn keys(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<PrincipalId>,
) -> Result<Response, Failure> {
    let keys = one(&service, &caller, id).await?.keys;
    let items: Vec<Key> = keys.iter().map(|(id, record)| key(*id, record)).collect();
    render::ok(&Page { items, next_cursor: None })
}

/// Gives a principal a key. This is the only answer that shows it.
#[utoipa::path(post, path = "/v1/principals/{id}/keys", tag = "access", request_body = KeyCreate,
    params(("id" = Uuid, Path, description = "The principal")),
    responses((status = 201, body = KeyCreated, description = "The key: keep it, it is not shown again")))]
pub(super) async fn create_key(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(principal): Path<PrincipalId>,
    Json(request, _): Json<KeyCreate>,
) -> Result<Response, Failure> {
    let operation = CreateKey {
        principal,
        label: request.label,
        days: u32::from(request.expires_in_days),
        networks: networks(&request.networks)?,
    };
    let new = if request.honey {
        perform(&service.app, &caller, CreateHoneyKey(operation)).await?.output
    } else {
        perform(&service.app, &caller, operation).await?.output
    };
    let created = KeyCreated {
        id: Uuid::from_bytes(*new.id.bytes()),
        key: Secret(new.key.to_string()),
        expires: render::time(new.expires),
    };
    let response = render::json(StatusCode::CREATED, &created);
    drop(zeroize::Zeroizing::new(created.key.0));
    response
}

/// Withdraws a key, at once.
#[utoipa::path(delete, path = "/v1/principals/{id}/keys/{key}", tag = "access",
    params(
        ("id" = Uuid, Path, description = "The principal"),
        ("key" = Uuid, Path, description = "The key's id"),
    ),
    responses((status = 200, body = Key, description = "Withdrawn: the next request with it is refused")))]
pub(super) async fn revoke_key(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path((principal, id)): Path<(PrincipalId, CredentialId)>,
) -> Result<Response, Failure> {
    // What it was is told only to somebody who was allowed to end it.
    let was = service.app.access();
    perform(&service.app, &caller, RevokeKey { principal, key: id }).await?;
    let record = was.key(id).ok_or_else(Failure::not_found)?;
    render::ok(&Key { revoked: Some(render::time(service.app.now())), ..key(id, record) })
}

/// Gives somebody a one-time link to enrol with, in the place of any before.
#[utoipa::path(post, path = "/v1/principals/{id}/link", tag = "access", request_body = LinkCreate,
    params(("id" = Uuid, Path, description = "Who is to log in")),
    responses((status = 201, body = LinkCreated, description = "The link: hand it over where only they get it")))]
pub(super) async fn create_link(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(principal): Path<PrincipalId>,
    Json(request, _): Json<LinkCreate>,
) -> Result<Response, Failure> {
    let operation = CreateLink { principal, afresh: request.afresh };
    let new = perform(&service.app, &caller, operation).await?.output;
    let url =
        service.origin.as_ref().map(|origin| Secret(format!("{origin}/console/welcome#{}", *new.secret)));
    let body = LinkCreated { secret: Secret(new.secret.to_string()), url, until: render::time(new.until) };
    let response = render::json(StatusCode::CREATED, &body);
    drop((zeroize::Zeroizing::new(body.secret.0), body.url.map(|url| zeroize::Zeroizing::new(url.0))));
    response
}

/// Lists the identities at providers by which somebody can log in, oldest first.
#[utoipa::path(get, path = "/v1/principals/{id}/identities", tag = "access",
    params(("id" = Uuid, Path, description = "The principal")),
    responses((status = 200, body = Page<Identity>, description = "All of them")))]
pub(super) async fn identities(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(principal): Path<PrincipalId>,
) -> Result<Response, Failure> {
    let found = perform(&service.app, &caller, ReadIdentities { principal }).await?.output;
    render::ok(&Page { items: found.into_iter().map(identity).collect(), next_cursor: None })
}

/// Links an identity at a provider to somebody: whoever shows it there is let in as them.
#[utoipa::path(post, path = "/v1/principals/{id}/identities", tag = "access", request_body = IdentityLink,
    params(("id" = Uuid, Path, description = "Whose it is")),
    responses((status = 201, body = Identity, description = "Linked")))]
pub(super) async fn link_identity(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(principal): Path<PrincipalId>,
    Json(request, _): Json<IdentityLink>,
) -> Result<Response, Failure> {
    let operation = LinkIdentity { principal, provider: request.provider, subject: request.subject };
    let linked = perform(&service.app, &caller, operation).await?.output;
    render::json(StatusCode::CREATED, &identity(linked))
}

/// Takes an identity from somebody. Every session that began with it ends.
#[utoipa::path(delete, path = "/v1/principals/{id}/identities/{identity}", tag = "access",
    params(
        ("id" = Uuid, Path, description = "The principal"),
        ("identity" = Uuid, Path, description = "The identity's id"),
    ),
    responses((status = 200, body = Identity, description = "What it was: it lets nobody in any more")))]
pub(super) async fn unlink_identity(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path((principal, id)): Path<(PrincipalId, AuthenticatorId)>,
) -> Result<Response, Failure> {
    let was = perform(&service.app, &caller, UnlinkIdentity { principal, id }).await?.output;
    render::ok(&identity(was))
}

fn identity(shown: IdentityShown) -> Identity {
    Identity {
        id: Uuid::from_bytes(*shown.id.bytes()),
        issuer: shown.issuer,
        subject: shown.subject,
        created: render::time(shown.created),
        used: shown.used.map(render::time),
    }
}

async fn one(
    service: &Shared,
    caller: &avouch_core::gate::Caller,
    id: PrincipalId,
) -> Result<PrincipalWithKeys, Failure> {
    let mut found = perform(&service.app, caller, ReadPrincipals { only: Some(id) }).await?.output;
    found.pop().ok_or_else(Failure::not_found)
}

/// Networks in CIDR notation; an address alone is a network of one.
fn networks(texts: &[String]) -> Result<Vec<IpNet>, Failure> {
    let mut networks = Vec::with_capacity(texts.len());
    let mut faults = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        match text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)) {
            Ok(network) => networks.push(network.trunc()),
            Err(_) => faults.push(Fault {
                pointer: format!("/networks/{at}"),
                detail: "expected a network such as 192.0.2.0/24 or 2001:db8::/32".to_owned(),
            }),
        }
    }
    if faults.is_empty() { Ok(networks) } else { Err(Failure::invalid(faults)) }
}

pub(super) fn rendered(principal: principals::Principal) -> Result<Principal, Failure> {
    let (record, groups) = (principal.record, principal.groups);
    let active = record.is_active();
    Ok(Principal {
        id: render::principal_id(principal.id),
        kind: match record.kind.as_str() {
            "staff" => PrincipalKind::Staff,
            "service" => PrincipalKind::Service,
            "auditor" => PrincipalKind::Auditor,
            _ => return Err(internal()),
        },
        name: record.name,
        login: record.login,
        manager: record.manager.map(|id| Uuid::from_bytes(*id.bytes())),
        person: record.person,
        contact: record.contact,
        roles: record.roles,
        recipient: record.recipient,
        networks: record.networks.iter().map(ToString::to_string).collect(),
        status: if active { PrincipalStatus::Active } else { PrincipalStatus::Suspended },
        provisioned: record.provisioned.is_some(),
        groups,
        created: render::time(record.created),
        until: record.until.map(render::time),
        proves_by: None,
    })
}

fn key(id: CredentialId, record: &KeyRecord) -> Key {
    Key {
        id: Uuid::from_bytes(*id.bytes()),
        label: record.label.clone(),
        created: render::time(record.created),
        expires: render::time(record.expires),
        networks: record.networks.iter().map(ToString::to_string).collect(),
        revoked: None,
    }
}
