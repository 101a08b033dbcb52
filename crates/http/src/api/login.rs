//! `/v1/login`: from nobody to somebody, and from somebody to somebody who has just shown it again. These routes need no credential; one
//! that has a session takes its place.

use avouch_core::gate::people::LogIn;
use avouch_wire::{CodeRequest, LogInRequest, LoggedIn, PasskeyOptions, Secret};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::extract::{From, Json, Visitor};
use crate::people;
use crate::problem::{Failure, internal};
use crate::render;
use crate::service::Shared;

/// Begins a log-in by passkey, whoever it will be.
#[utoipa::path(post, path = "/v1/login/passkey", tag = "people", security(()),
    responses((status = 200, body = PasskeyOptions, description = "What to give the browser")))]
pub(super) async fn begin(State(service): State<Shared>) -> Result<Response, Failure> {
    let begun = service.app.begin_log_in()?;
    let mut response = render::ok(&options(&begun.options)?)?;
    people::set_ticket(&mut response, &begun.ticket)?;
    Ok(response)
}

/// Has a code sent, beside a password, where codes are sent at all. The answer is the same whether the password was right or not.
#[utoipa::path(post, path = "/v1/login/code", tag = "people", security(()), request_body = CodeRequest,
    responses((status = 204, description = "If there is somebody to send it to, a code is on its way")))]
pub(super) async fn send_code(
    State(service): State<Shared>,
    From(from): From,
    headers: HeaderMap,
    Json(request, _): Json<CodeRequest>,
) -> Result<Response, Failure> {
    let ticket =
        people::send_code(&service, request.login, Zeroizing::new(request.password.0), &headers, from)
            .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    people::set_ticket(&mut response, &ticket)?;
    Ok(response)
}

/// Logs in, by exactly one of the ways there are. In a session: shows once more who one is; the session goes on under another id.
#[utoipa::path(post, path = "/v1/login", tag = "people", security(()), request_body = LogInRequest,
    responses((status = 200, body = LoggedIn, description = "A session has begun")))]
pub(super) async fn log_in(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    From(from): From,
    headers: HeaderMap,
    Json(request, _): Json<LogInRequest>,
) -> Result<Response, Failure> {
    let with_token = request.token;
    let shown = shown(request, &headers)?;
    let session = visitor.and_then(|caller| caller.session());
    let begun = people::log_in(&service, shown, people::arrival(&headers, from, session)).await?;
    let new = &begun.0;
    let body = LoggedIn {
        id: Uuid::from_bytes(*new.id.bytes()),
        principal: Uuid::from_bytes(*new.principal.bytes()),
        until: render::time(new.until),
        aal: new.aal,
        token: with_token.then(|| Secret(new.token.to_string())),
        breached: new.breached,
    };
    let mut response = render::ok(&body)?;
    if let Some(token) = body.token {
        drop(Zeroizing::new(token.0));
    } else {
        people::give(&mut response, &service, &begun)?;
    }
    Ok(response)
}

/// Which of the ways in a request is.
fn shown(request: LogInRequest, headers: &HeaderMap) -> Result<LogIn, Failure> {
    let secret = |secret: Secret| Zeroizing::new(secret.0);
    match request {
        LogInRequest {
            passkey: Some(answer),
            login: None,
            password: None,
            code: None,
            recovery_code: None,
            sent_code: None,
            answer: None,
            link: None,
            ..
        } => {
            let answer = serde_json::to_vec(&answer).map_err(|_| internal())?;
            Ok(LogIn::Passkey { ticket: people::ticket(headers)?, answer })
        }
        LogInRequest {
            passkey: None,
            login: Some(login),
            password: Some(password),
            code,
            recovery_code: None,
            sent_code: None,
            answer: None,
            link: None,
            ..
        } => Ok(LogIn::Password { login, password: secret(password), code: code.map(secret) }),
        LogInRequest {
            passkey: None,
            login: Some(login),
            password: None,
            code: None,
            recovery_code: Some(code),
            sent_code: None,
            answer: None,
            link: None,
            ..
        } => Ok(LogIn::Recovery { login, code: secret(code) }),
        LogInRequest {
            passkey: None,
            login: None,
            password: None,
            code: None,
            recovery_code: None,
            sent_code: None,
            answer: None,
            link: Some(link),
            ..
        } => Ok(LogIn::Link(secret(link))),
        LogInRequest {
            passkey: None,
            login: None,
            password: None,
            code: None,
            recovery_code: None,
            sent_code: Some(code),
            answer: Some(answer),
            link: None,
            ..
        } => Ok(LogIn::SentCode {
            ticket: people::ticket(headers)?,
            code: secret(code),
            answer: secret(answer),
        }),
        _ => Err(Failure::fault(
            "",
            "send one of: `passkey`; `login` and `password`, with `code` where there is an app for codes; \
             `login` and `recovery_code`; `sent_code` and `answer`; `link`",
        )),
    }
}

/// What a browser is given.
pub(super) fn options(json: &str) -> Result<PasskeyOptions, Failure> {
    Ok(PasskeyOptions { public_key: serde_json::from_str(json).map_err(|_| internal())? })
}
