//! `/v1/tokens`, `/v1/tokenize`, `/v1/detokenize`: references that only one recipient can use, singly or in whole documents.

pub(super) mod kept;

use avouch_core::vault::{CreateTokens, Detokenize, NoToken, Reading, Terms, TokenItem, Tokenize, Unmapped};
use avouch_core::{Error, Fault, SubjectId};
use avouch_wire::token::TokenResult;
use avouch_wire::{
    DetokenizeRequest, Detokenized, Document, Problem, ProblemKind, Secret, TokenRequest, TokenResponse,
    TokenTerms, TokenizeRequest, Tokenized, limits,
};
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::batch::check_references;
use crate::extract::{Caller, Json, Stated, reason};
use crate::perform::{aside, perform};
use crate::problem::Failure;
use crate::render;
use crate::render::returning;
use crate::service::{Service, Shared};

/// Makes tokens of stored values, for one recipient.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = TokenRequest,
    params(("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8")),
    responses((status = 200, body = TokenResponse, description = "A token or a problem for each item")))]
pub(super) async fn create(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<TokenRequest>,
) -> Result<Response, Failure> {
    if request.items.is_empty() || request.items.len() > limits::BATCH_ITEMS {
        return Err(Failure::fault("/items", format!("expected 1 to {} items", limits::BATCH_ITEMS)));
    }
    check_references(request.items.iter().map(|item| item.reference.as_deref()))?;
    let (references, items): (Vec<_>, Vec<_>) = request
        .items
        .into_iter()
        .map(|item| {
            let subject = SubjectId::from_bytes(item.subject.into_bytes());
            let value = item.value.map(usize::from);
            (item.reference, TokenItem { subject, field: item.field, value })
        })
        .unzip();
    let operation = CreateTokens {
        recipient: request.recipient,
        purpose: Some(request.purpose),
        reason: stated.reason,
        items,
        terms: terms(&service, request.terms)?,
    };
    let tokens = perform(&service.app, &caller, operation).await?.output;
    let result = |(index, (reference, token)): (usize, (Option<String>, Result<String, NoToken>))| {
        let (token, problem) = match token {
            Ok(token) => (Some(Secret(token)), None),
            Err(none) => (None, Some(no_token(&service, none))),
        };
        TokenResult { reference, index, token, problem }
    };
    let items = references.into_iter().zip(tokens).enumerate().map(result).collect();
    render::ok(&TokenResponse { items })
}

/// Puts tokens in place of personal values in any JSON document. The shape stays.
#[utoipa::path(post, path = "/v1/tokenize", tag = "tokens", request_body = TokenizeRequest,
    params(("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8")),
    responses((status = 200, body = Tokenized, description = "The document with tokens")))]
pub(super) async fn tokenize(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, body): Json<TokenizeRequest>,
) -> Result<Response, Failure> {
    let reading = Reading {
        subject: request.subject.map(|id| SubjectId::from_bytes(id.into_bytes())),
        map: request.map.unwrap_or_default(),
        unmapped: match request.unmapped.unwrap_or_default() {
            avouch_wire::Unmapped::Refuse => Unmapped::Refuse,
            avouch_wire::Unmapped::Keep => Unmapped::Keep,
        },
        create_missing: request.create_missing.unwrap_or_default(),
    };
    let app = service.app.clone();
    let prepare = move || {
        let why = (Some(request.purpose), stated.reason);
        let operation = Tokenize::new(&app, request.recipient, why, request.document.0, &reading)?;
        Ok(operation.returning(returning(request.again)))
    };
    // A document may hold a thousand people, each to be sealed.
    let operation = if body.len() > SMALL { aside(prepare).await? } else { prepare()? };
    let done = perform(&service.app, &caller, operation).await?.output;
    render::ok(&Tokenized {
        document: Document(done.document),
        subjects: done.subjects.iter().map(|id| Uuid::from_bytes(*id.bytes())).collect(),
        tokens: u64::try_from(done.tokens).unwrap_or(u64::MAX),
    })
}

/// A body, in bytes, that is prepared faster than it is handed to another thread.
const SMALL: usize = 16 * 1024;

/// Puts values in place of tokens, as far as the caller may see them. The event is durable before the values leave.
#[utoipa::path(post, path = "/v1/detokenize", tag = "tokens", request_body = DetokenizeRequest,
    responses((status = 200, body = Detokenized, description = "The document with values")))]
pub(super) async fn detokenize(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<DetokenizeRequest>,
) -> Result<Response, Failure> {
    let reason = reason(request.reason.as_ref())?;
    let why = (Some(request.purpose), reason);
    let operation = Detokenize::new(request.document.0, why, &request.at, request.recipient);
    let operation = operation.map_err(in_document)?;
    let done = perform(&service.app, &caller, operation).await.map_err(Failure::in_document)?;
    let views = render::views(done.output.views);
    render::ok(&Detokenized {
        document: Document(done.output.document),
        tokens: u64::try_from(done.output.tokens).unwrap_or(u64::MAX),
        views: (!views.is_empty()).then_some(views),
        event: render::event_id(done.event),
    })
}

fn in_document(error: Error) -> Failure {
    Failure::from(error).in_document()
}

/// What is asked of tokens, checked.
fn terms(service: &Service, asked: Option<TokenTerms>) -> Result<Terms, Failure> {
    let Some(TokenTerms { expires, uses, metadata, tags }) = asked else { return Ok(Terms::default()) };
    let expires = expires.map(|expires| expires.0.as_microsecond());
    Terms::new(expires, uses, metadata.as_ref(), &tags, service.app.now()).map_err(|error| match error {
        Error::Invalid(faults) => Failure::from(Error::Invalid(
            faults
                .into_iter()
                .map(|fault| Fault::new(format!("/terms{}", fault.pointer), fault.detail))
                .collect(),
        )),
        error => error.into(),
    })
}

/// Why an item has no token.
fn no_token(service: &Service, none: NoToken) -> Problem {
    let (kind, detail) = match none {
        NoToken::Absent => (ProblemKind::NotFound, "there is no such customer, field or value"),
        NoToken::List => (
            ProblemKind::Validation,
            "tokens of this kind are of one value, and the field has several: name one by `value`",
        ),
        NoToken::Formless => (
            ProblemKind::Validation,
            "the value has not the form that tokens of this kind keep, or too few values have it: use another \
             kind for this field",
        ),
        NoToken::Crowded => {
            (ProblemKind::Conflict, "the token stands for something else already, or was revoked")
        }
        NoToken::Endless => (
            ProblemKind::Validation,
            "nothing is kept of tokens of this kind, so they take no terms: ask for them without",
        ),
    };
    let problem = Problem::new(kind, detail);
    service.metrics.count(&problem);
    problem
}
