//! `/v1/account`: oneself as a colleague. What one may do, what one logs in with, and the sessions one has.

use std::sync::Arc;

use avouch_core::gate::people::{
    Account as Known, EndSessions, EnrolRecoveryCodes, Enrolled as Added, LendSession, ReadAccount,
    ReadSessions, RemoveAuthenticator,
};
use avouch_core::gate::principals;
use avouch_core::{AuthenticatorId, SessionId};
use avouch_wire::{
    Account, AccountRole, Authenticator, Enrolled, IdentityBegin, IdentityEnrol, LoggedIn, Page,
    PasskeyEnrol, PasskeyOptions, PasswordEnrol, Secret, SentCodeBegin, SentCodeEnrol, Session,
    SessionsEnded, SignOnBegun, TotpEnrol, TotpOptions,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use uuid::Uuid;

use super::login::{begun, logged_in, options};
use super::principals::rendered;
use crate::extract::{Caller, Json, Path};
use crate::people;
use crate::perform::{aside, perform};
use crate::problem::{Failure, internal};
use crate::render;
use crate::service::Shared;

/// Shows what one may do, and by what one logs in.
#[utoipa::path(get, path = "/v1/account", tag = "people",
    responses((status = 200, body = Account, description = "Oneself")))]
pub(super) async fn read(State(service): State<Shared>, Caller(caller): Caller) -> Result<Response, Failure> {
    let Known { id, record, groups, roles, authenticators, strong, keys, aal } =
        perform(&service.app, &caller, ReadAccount).await?.output;
    let roles = roles.into_iter().map(|role| AccountRole {
        name: role.name,
        title: role.title,
        actions: role.actions,
        purposes: role.purposes,
    });
    let authenticators = authenticators.into_iter().map(|one| Authenticator {
        id: Uuid::from_bytes(*one.id.bytes()),
        kind: one.kind.as_str().to_owned(),
        label: one.label,
        created: render::time(one.created),
        used: one.used.map(render::time),
        left: one.left,
        travels: one.travels,
        attested: one.attested,
        breached: one.breached,
    });
    render::ok(&Account {
        principal: rendered(principals::Principal { id, record, groups })?,
        roles: roles.collect(),
        authenticators: authenticators.collect(),
        strong,
        keys: keys.as_str().to_owned(),
        aal,
    })
}

/// Begins to make a passkey.
#[utoipa::path(post, path = "/v1/account/passkeys/begin", tag = "people",
    responses((status = 200, body = PasskeyOptions, description = "What to give the browser")))]
pub(super) async fn begin_passkey(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let app = Arc::clone(&service.app);
    let begun = aside(move || app.begin_passkey(&caller)).await?;
    let mut response = render::ok(&options(&begun.options)?)?;
    people::set_ticket(&mut response, &begun.ticket)?;
    Ok(response)
}

/// Adds the passkey. Needs a log-in of the last five minutes, a link or a recovery code.
#[utoipa::path(post, path = "/v1/account/passkeys", tag = "people", request_body = PasskeyEnrol,
    responses((status = 201, body = Enrolled, description = "Added")))]
pub(super) async fn enrol_passkey(
    State(service): State<Shared>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Json(request, _): Json<PasskeyEnrol>,
) -> Result<Response, Failure> {
    let ticket = people::ticket(&headers)?;
    let app = Arc::clone(&service.app);
    let answer = serde_json::to_vec(&request.passkey).map_err(|_| internal())?;
    let judged = aside(move || app.judge_passkey_enrolment(&ticket, &answer, &request.label)).await?;
    enrolled(perform(&service.app, &caller, judged).await?.output)
}

/// Begins to link an identity at a provider to oneself: one logs in there anew, and comes back with the answer.
#[utoipa::path(post, path = "/v1/account/identities/begin", tag = "people", request_body = IdentityBegin,
    responses((status = 200, body = SignOnBegun, description = "Where to go on")))]
pub(super) async fn begin_identity(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<IdentityBegin>,
) -> Result<Response, Failure> {
    let app = Arc::clone(&service.app);
    begun(aside(move || app.begin_identity(&request.provider, &caller, "")).await?)
}

/// Links the identity. Needs a log-in of the last five minutes, a link or a recovery code.
#[utoipa::path(post, path = "/v1/account/identities", tag = "people", request_body = IdentityEnrol,
    responses((status = 201, body = Enrolled, description = "Linked")))]
pub(super) async fn enrol_identity(
    State(service): State<Shared>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Json(request, _): Json<IdentityEnrol>,
) -> Result<Response, Failure> {
    let ticket = people::sign_on(&headers)?;
    let (app, of) = (Arc::clone(&service.app), caller.clone());
    let query = zeroize::Zeroizing::new(request.sign_on.0);
    let judged = aside(move || app.judge_identity(&of, &ticket, &query)).await?;
    let mut response = enrolled(perform(&service.app, &caller, judged).await?.output)?;
    people::set_cookie(&mut response, people::SIGN_ON, "", 0)?;
    Ok(response)
}

/// Sets a password, in the place of any before; sessions that began with that one end. Needs a log-in of the last five minutes and the
/// password so far, or a link or a recovery code.
#[utoipa::path(post, path = "/v1/account/password", tag = "people", request_body = PasswordEnrol,
    responses((status = 201, body = Enrolled, description = "Set")))]
pub(super) async fn set_password(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<PasswordEnrol>,
) -> Result<Response, Failure> {
    let (app, of) = (Arc::clone(&service.app), caller.clone());
    let secret = |secret: Secret| zeroize::Zeroizing::new(secret.0);
    let (current, password) = (request.current.map(secret), secret(request.password));
    let judge = move || app.judge_password_enrolment(&of, current.as_deref().map(String::as_str), &password);
    let judged = aside(judge).await?;
    enrolled(perform(&service.app, &caller, judged).await?.output)
}

/// Begins to enrol an app for codes.
#[utoipa::path(post, path = "/v1/account/totp/begin", tag = "people",
    responses((status = 200, body = TotpOptions, description = "What to give the app")))]
pub(super) async fn begin_totp(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let begun = service.app.begin_totp(&caller)?;
    let body = TotpOptions { secret: Secret(begun.secret.to_string()), uri: Secret(begun.uri.to_string()) };
    let mut response = render::ok(&body)?;
    drop((zeroize::Zeroizing::new(body.secret.0), zeroize::Zeroizing::new(body.uri.0)));
    people::set_ticket(&mut response, &begun.ticket)?;
    Ok(response)
}

/// Adds the app, with the first code it shows. Needs a log-in of the last five minutes, a link or a recovery code.
#[utoipa::path(post, path = "/v1/account/totp", tag = "people", request_body = TotpEnrol,
    responses((status = 201, body = Enrolled, description = "Added")))]
pub(super) async fn enrol_totp(
    State(service): State<Shared>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Json(request, _): Json<TotpEnrol>,
) -> Result<Response, Failure> {
    let ticket = people::ticket(&headers)?;
    let judged = service.app.judge_totp_enrolment(&ticket, &request.code.0, &request.label)?;
    enrolled(perform(&service.app, &caller, judged).await?.output)
}

/// Has a first code sent, to enrol codes that are sent.
#[utoipa::path(post, path = "/v1/account/sent-codes/begin", tag = "people", request_body = SentCodeBegin,
    responses((status = 204, description = "A code is on its way")))]
pub(super) async fn begin_sent_code(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<SentCodeBegin>,
) -> Result<Response, Failure> {
    let first = service.app.first_code(&caller, &request.to)?;
    let ticket = perform(&service.app, &caller, first).await?.output;
    let mut response = StatusCode::NO_CONTENT.into_response();
    people::set_ticket(&mut response, &ticket)?;
    Ok(response)
}

/// Enrols codes that are sent, with the first of them and an answer to remember. Needs a log-in of the last five minutes, a link or a
/// recovery code.
#[utoipa::path(post, path = "/v1/account/sent-codes", tag = "people", request_body = SentCodeEnrol,
    responses((status = 201, body = Enrolled, description = "Added")))]
pub(super) async fn enrol_sent_code(
    State(service): State<Shared>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Json(request, _): Json<SentCodeEnrol>,
) -> Result<Response, Failure> {
    let ticket = people::ticket(&headers)?;
    let (code, answer) = (zeroize::Zeroizing::new(request.code.0), zeroize::Zeroizing::new(request.answer.0));
    let app = Arc::clone(&service.app);
    let judged = aside(move || app.judge_sent_code_enrolment(&ticket, &code, &answer)).await?;
    enrolled(perform(&service.app, &caller, judged).await?.output)
}

/// Makes ten recovery codes, in the place of any before. This is the only answer that shows them.
#[utoipa::path(post, path = "/v1/account/recovery-codes", tag = "people",
    responses((status = 201, body = Enrolled, description = "Ten codes: keep them apart from what you log in with")))]
pub(super) async fn recovery_codes(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    enrolled(perform(&service.app, &caller, EnrolRecoveryCodes).await?.output)
}

/// Takes something away that one logs in with; sessions that began with it end. The last way in that is worth two factors stays.
#[utoipa::path(delete, path = "/v1/account/authenticators/{id}", tag = "people",
    params(("id" = Uuid, Path, description = "The authenticator")),
    responses((status = 204, description = "Gone")))]
pub(super) async fn remove(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<AuthenticatorId>,
) -> Result<StatusCode, Failure> {
    perform(&service.app, &caller, RemoveAuthenticator { id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists one's sessions, oldest first.
#[utoipa::path(get, path = "/v1/account/sessions", tag = "people",
    responses((status = 200, body = Page<Session>, description = "All of them")))]
pub(super) async fn sessions(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let sessions = perform(&service.app, &caller, ReadSessions).await?.output;
    let items = sessions.into_iter().map(|session| Session {
        id: Uuid::from_bytes(*session.id.bytes()),
        this: session.this,
        begun: render::time(session.begun),
        proved: render::time(session.proved),
        seen: render::time(session.seen),
        until: render::time(session.until),
        aal: session.aal,
        methods: session.methods,
        client: session.client,
    });
    render::ok(&Page { items: items.collect(), next_cursor: None })
}

/// Begins another session of one's own, for a program at a terminal. It ends when this one would have, and with what one has logged in
/// with. This is the only answer that shows its token. Needs a log-in of the last five minutes.
#[utoipa::path(post, path = "/v1/account/sessions", tag = "people",
    responses((status = 201, body = LoggedIn, description = "A session has begun: show its token to nobody but the program")))]
pub(super) async fn lend(State(service): State<Shared>, Caller(caller): Caller) -> Result<Response, Failure> {
    let new = perform(&service.app, &caller, LendSession).await?.output;
    let body = logged_in(&new, true);
    let response = render::json(StatusCode::CREATED, &body)?;
    drop(body.token.map(|token| zeroize::Zeroizing::new(token.0)));
    Ok(response)
}

/// Ends all of one's sessions but this one.
#[utoipa::path(delete, path = "/v1/account/sessions", tag = "people",
    responses((status = 200, body = SessionsEnded, description = "Ended")))]
pub(super) async fn end_others(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let ended = perform(&service.app, &caller, EndSessions { only: None }).await?.output;
    render::ok(&SessionsEnded { ended })
}

/// Ends a session of one's own. Ending this one logs out.
#[utoipa::path(delete, path = "/v1/account/sessions/{id}", tag = "people",
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 200, body = SessionsEnded, description = "Ended")))]
pub(super) async fn end(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SessionId>,
) -> Result<Response, Failure> {
    let ended = perform(&service.app, &caller, EndSessions { only: Some(id) }).await?.output;
    let mut response = render::ok(&SessionsEnded { ended })?;
    if caller.session() == Some(id) {
        people::set_cookie(&mut response, people::SESSION, "", 0)?;
    }
    Ok(response)
}

fn enrolled(added: Added) -> Result<Response, Failure> {
    let codes = added.codes.iter().map(|code| Secret(code.to_string())).collect();
    let body = Enrolled { id: Uuid::from_bytes(*added.id.bytes()), codes };
    let mut response = render::json(StatusCode::CREATED, &body)?;
    for code in body.codes {
        drop(zeroize::Zeroizing::new(code.0));
    }
    people::set_cookie(&mut response, people::TICKET, "", 0)?;
    Ok(response)
}
