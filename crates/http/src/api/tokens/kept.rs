//! `/v1/tokens`: looking after tokens: what they are, which there are, and their ends.

use avouch_core::vault::{
    ForeignToken, ImportTokens, InspectTokens, ListTokens, Presented, RevokeTokens, RevokeWhich,
    RotateTokens, TokenItem,
};
use avouch_core::{Error, SubjectId};
use avouch_wire::token::{Inspected, ItemProblem};
use avouch_wire::{
    InspectRequest, InspectResponse, Page, Revocation, RevokeRequest, RotateTokensRequest, RotatedTokens,
    Secret, TokenImportRequest, TokenImportResponse, TokenQuery, TokenView, limits,
};
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::{no_token, terms};
use crate::extract::{Caller, Json, Stated};
use crate::page::Cursor;
use crate::perform::perform;
use crate::problem::Failure;
use crate::query::TokenFilter;
use crate::render;
use crate::service::Shared;

/// Lists the tokens of a customer, or those of a recipient.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", params(TokenQuery,
    ("Avouch-Purpose" = String, Header, description = "For which purpose of the charter"),
    ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8")),
    responses((status = 200, body = Page<TokenView>, description = "A page; it may be short while there is more")))]
pub(in crate::api) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    filter: TokenFilter,
) -> Result<Response, Failure> {
    let after = filter.paging.after_token()?;
    let (of, tag, limit) = (filter.of, filter.tag, filter.paging.limit);
    let operation = ListTokens { of, tag, after, limit, purpose: stated.purpose, reason: stated.reason };
    let page = perform(&service.app, &caller, operation).await?.output;
    let next_cursor = page.next.as_ref().map(Cursor::token);
    render::ok(&Page { items: page.items.into_iter().map(view).collect(), next_cursor })
}

/// Says what tokens are: whose, of what, and what ends them. Their values are not shown.
#[utoipa::path(post, path = "/v1/tokens/inspect", tag = "tokens", request_body = InspectRequest,
    params(("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8")),
    responses((status = 200, body = InspectResponse, description = "What each token stands for")))]
pub(in crate::api) async fn inspect(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<InspectRequest>,
) -> Result<Response, Failure> {
    let operation = InspectTokens {
        tokens: presented(&request.tokens)?,
        recipient: request.recipient,
        purpose: Some(request.purpose),
        reason: stated.reason,
    };
    let all = perform(&service.app, &caller, operation).await?.output;
    let inspected = |(index, views): (usize, Vec<_>)| Inspected {
        index,
        stands_for: views.into_iter().map(view).collect(),
    };
    render::ok(&InspectResponse { items: all.into_iter().enumerate().map(inspected).collect() })
}

/// Ends tokens. What is revoked never comes back.
#[utoipa::path(post, path = "/v1/tokens/revoke", tag = "tokens", request_body = RevokeRequest,
    params(("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8")),
    responses((status = 200, body = Revocation, description = "They have ended")))]
pub(in crate::api) async fn revoke(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<RevokeRequest>,
) -> Result<Response, Failure> {
    let which = which(request)?;
    let operation = RevokeTokens { which, purpose: stated.purpose, reason: stated.reason };
    let revoked = perform(&service.app, &caller, operation).await?.output;
    render::ok(&Revocation { tokens: revoked.tokens })
}

/// Puts another token in the place of each, which ends. All or none.
#[utoipa::path(post, path = "/v1/tokens/rotate", tag = "tokens", request_body = RotateTokensRequest,
    params(("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8")),
    responses((status = 200, body = RotatedTokens, description = "The new tokens")))]
pub(in crate::api) async fn rotate(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<RotateTokensRequest>,
) -> Result<Response, Failure> {
    let operation = RotateTokens {
        tokens: presented(&request.tokens)?,
        recipient: request.recipient,
        purpose: Some(request.purpose),
        reason: stated.reason,
        terms: terms(&service, request.terms)?,
    };
    let tokens = perform(&service.app, &caller, operation).await?.output;
    render::ok(&RotatedTokens { tokens: tokens.into_iter().map(Secret).collect() })
}

/// Takes over tokens that another system made, so that what recipients hold goes on to work.
#[utoipa::path(post, path = "/v1/tokens/import", tag = "tokens", request_body = TokenImportRequest,
    params(("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8")),
    responses((status = 200, body = TokenImportResponse, description = "What became of them")))]
pub(in crate::api) async fn import(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<TokenImportRequest>,
) -> Result<Response, Failure> {
    in_bounds("/items", request.items.len())?;
    let tokens = request.items.into_iter().map(|item| ForeignToken {
        item: TokenItem {
            subject: SubjectId::from_bytes(item.subject.into_bytes()),
            field: item.field,
            value: item.value.map(usize::from),
        },
        token: item.token.0.into(),
    });
    let operation = ImportTokens {
        recipient: request.recipient,
        purpose: Some(request.purpose),
        reason: stated.reason,
        tokens: tokens.collect(),
        terms: terms(&service, request.terms)?,
    };
    let taken = perform(&service.app, &caller, operation).await?.output;
    let taken_over = taken.iter().filter(|taken| taken.is_ok()).count();
    let problem = |(index, taken): (usize, Result<(), _>)| {
        Some(ItemProblem { index, problem: no_token(&service, taken.err()?) })
    };
    render::ok(&TokenImportResponse {
        taken_over: u64::try_from(taken_over).unwrap_or(u64::MAX),
        problems: taken.into_iter().enumerate().filter_map(problem).collect(),
    })
}

/// Tokens as they were sent.
fn presented(tokens: &[Secret]) -> Result<Vec<Presented>, Failure> {
    in_bounds("/tokens", tokens.len())?;
    let mut presented = Vec::with_capacity(tokens.len());
    let mut damaged = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match Presented::parse(&token.0) {
            Ok(token) => presented.push(token),
            Err(_) => damaged.push(format!("/tokens/{at}")),
        }
    }
    if damaged.is_empty() { Ok(presented) } else { Err(Error::TokenUnusable { pointers: damaged }.into()) }
}

fn in_bounds(pointer: &str, items: usize) -> Result<(), Failure> {
    match items {
        1..=limits::BATCH_ITEMS => Ok(()),
        _ => Err(Failure::fault(pointer, format!("expected 1 to {} items", limits::BATCH_ITEMS))),
    }
}

/// One of the four ways to name tokens, and only one.
fn which(request: RevokeRequest) -> Result<RevokeWhich, Failure> {
    let RevokeRequest { tokens, ids, subject, recipient, all } = request;
    match (tokens.is_empty(), ids.is_empty(), subject, recipient, all) {
        (false, true, None, recipient, false) => Ok(RevokeWhich::These(presented(&tokens)?, recipient)),
        (true, false, None, Some(recipient), false) => {
            in_bounds("/ids", ids.len())?;
            Ok(RevokeWhich::Ids(ids.into_iter().map(Uuid::into_bytes).collect(), recipient))
        }
        (true, true, Some(subject), None, false) => {
            Ok(RevokeWhich::Subject(SubjectId::from_bytes(subject.into_bytes())))
        }
        (true, true, None, Some(recipient), true) => Ok(RevokeWhich::Recipient(recipient)),
        _ => Err(Failure::fault(
            "",
            "expected one of: `tokens`; `ids` with their `recipient`; `subject`; `recipient` with `all`: true",
        )),
    }
}

fn view(token: avouch_core::vault::TokenView) -> TokenView {
    TokenView {
        id: token.id.map(Uuid::from_bytes),
        recipient: token.recipient,
        kind: token.kind.to_string(),
        foreign: token.foreign,
        subject: Uuid::from_bytes(*token.subject.bytes()),
        field: token.field,
        of_one: token.of_one,
        usable: token.usable,
        made: token.made.map(render::time),
        expires: token.expires.map(render::time),
        uses_left: token.uses_left,
        revoked: token.revoked.map(render::time),
        metadata: token.metadata,
        tags: token.tags,
    }
}
