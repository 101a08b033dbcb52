//! `/v1/login`: from nobody to somebody, and from somebody to somebody who has just shown it again. These routes need no credential; one
//! that has a session takes its place.

use std::sync::Arc;

use avouch_core::gate::Caller;
use avouch_core::gate::people::{BegunSignOn, LogIn, NewSession, Wanted};
use avouch_wire::{
    CodeRequest, LogInRequest, LoggedIn, LogoutRequest, OauthError, Page, PasskeyOptions, ProblemKind,
    Secret, SignOnBegin, SignOnBegun, SignOnProvider,
};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::extract::{From, Json, Path, Visitor, body};
use crate::people;
use crate::perform::{aside, perform};
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
    let body = logged_in(new, with_token);
    let mut response = render::ok(&body)?;
    if let Some(token) = body.token {
        drop(Zeroizing::new(token.0));
    } else {
        people::give(&mut response, &service, &begun)?;
    }
    Ok(response)
}

/// A session that has begun, with what its owner shows or without it.
pub(super) fn logged_in(new: &NewSession, with_token: bool) -> LoggedIn {
    LoggedIn {
        id: Uuid::from_bytes(*new.id.bytes()),
        principal: Uuid::from_bytes(*new.principal.bytes()),
        until: render::time(new.until),
        aal: new.aal,
        token: with_token.then(|| Secret(new.token.to_string())),
        breached: new.breached,
    }
}

/// Lists the identity providers that one can log in by, in the order of the configuration.
#[utoipa::path(get, path = "/v1/login/sign-on", tag = "people", security(()),
    responses((status = 200, body = Page<SignOnProvider>, description = "All of them")))]
pub(super) async fn providers(State(service): State<Shared>) -> Result<Response, Failure> {
    let items = service.app.sign_on_choices().into_iter().map(|choice| SignOnProvider {
        name: choice.name,
        label: choice.label,
        phishing_resistant: choice.resistant,
    });
    render::ok(&Page { items: items.collect(), next_cursor: None })
}

/// Begins a log-in at an identity provider, whoever it will be. The browser goes on there, and comes back to a page of this server; a
/// program takes what is behind the question mark of that address to `POST /v1/login`.
#[utoipa::path(post, path = "/v1/login/sign-on", tag = "people", security(()), request_body = SignOnBegin,
    responses((status = 200, body = SignOnBegun, description = "Where to go on")))]
pub(super) async fn begin_sign_on(
    State(service): State<Shared>,
    Json(request, _): Json<SignOnBegin>,
) -> Result<Response, Failure> {
    let SignOnBegin { provider, again, phishing_resistant } = request;
    let wanted = Wanted { again, resistant: phishing_resistant, to: String::new() };
    let app = Arc::clone(&service.app);
    begun(aside(move || app.begin_sign_on(&provider, &wanted)).await?)
}

/// Where to go on, and the cookie to come back with.
pub(super) fn begun(begun: BegunSignOn) -> Result<Response, Failure> {
    let mut response = render::ok(&SignOnBegun { address: begun.address })?;
    people::set_sign_on(&mut response, &begun.ticket)?;
    Ok(response)
}

/// An identity provider says that somebody has logged out there: their sessions that began by it end (OpenID Connect Back-Channel Logout
/// 1.0). Comes from the provider and counts by its signature.
#[utoipa::path(post, path = "/v1/login/sign-on/{provider}/logout", tag = "people", security(()),
    params(("provider" = String, Path, description = "The provider's name")),
    request_body(content = LogoutRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What there was has ended"),
        (status = 400, body = OauthError, description = "`invalid_request`, whatever was wrong"),
    ))]
pub(super) async fn log_out_there(
    State(service): State<Shared>,
    Path(provider): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let bytes = body(request, FORM_BYTES).await?;
    let mut tokens = form_urlencoded::parse(&bytes).take(32).filter(|(name, _)| name == "logout_token");
    let (Some((_, token)), None) = (tokens.next(), tokens.next()) else { return no_logout() };
    let (app, token) = (Arc::clone(&service.app), token.into_owned());
    let judged = aside(move || app.judge_logout(&provider, &token)).await;
    let ended = match judged {
        Ok(ended) => perform(&service.app, &Caller::system(), ended).await.map(drop),
        Err(failure) => Err(failure),
    };
    match ended {
        Ok(()) => Ok(Response::default()),
        Err(failure) if failure.problem().kind == ProblemKind::LogInFailed => no_logout(),
        Err(failure) => Err(failure),
    }
}

/// The longest form: a token of 32 KiB, and room.
const FORM_BYTES: usize = 48 << 10;

fn no_logout() -> Result<Response, Failure> {
    let error = OauthError {
        error: "invalid_request".to_owned(),
        error_description: "expected one `logout_token` that this provider has signed for this client, and that was not sent before".to_owned(),
    };
    render::json(StatusCode::BAD_REQUEST, &error)
}

/// Which of the ways in a request is.
fn shown(request: LogInRequest, headers: &HeaderMap) -> Result<LogIn, Failure> {
    let secret = |secret: Secret| Zeroizing::new(secret.0);
    let LogInRequest {
        passkey,
        login,
        password,
        code,
        recovery_code,
        sent_code,
        answer,
        link,
        sign_on,
        token: _,
    } = request;
    let typed = (login, password, code, recovery_code);
    // Of the five, one; what belongs to another is not passed over.
    match (passkey, typed, (sent_code, answer), link, sign_on) {
        (Some(answer), (None, None, None, None), (None, None), None, None) => {
            let answer = serde_json::to_vec(&answer).map_err(|_| internal())?;
            Ok(LogIn::Passkey { ticket: people::ticket(headers)?, answer })
        }
        (None, (Some(login), Some(password), code, None), (None, None), None, None) => {
            Ok(LogIn::Password { login, password: secret(password), code: code.map(secret) })
        }
        (None, (Some(login), password, code, Some(recovery)), (None, None), None, None) => {
            let (password, app_code) = (password.map(secret), code.map(secret));
            Ok(LogIn::Recovery { login, code: secret(recovery), password, app_code })
        }
        (None, (None, None, None, None), (Some(code), Some(answer)), None, None) => {
            let (code, answer) = (secret(code), secret(answer));
            Ok(LogIn::SentCode { ticket: people::ticket(headers)?, code, answer })
        }
        (None, (None, None, None, None), (None, None), Some(link), None) => Ok(LogIn::Link(secret(link))),
        (None, (None, None, None, None), (None, None), None, Some(query)) => {
            Ok(LogIn::SignOn { ticket: people::sign_on(headers)?, query: secret(query) })
        }
        _ => Err(Failure::fault(
            "",
            "send one of: `passkey`; `login` and `password`, with `code` where there is an app for codes; \
             `login` and `recovery_code`, with the `password` or `code` that is left; `sent_code` and `answer`; `link`; \
             `sign_on`",
        )),
    }
}

/// What a browser is given.
pub(super) fn options(json: &str) -> Result<PasskeyOptions, Failure> {
    Ok(PasskeyOptions { public_key: serde_json::from_str(json).map_err(|_| internal())? })
}
